# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.fleet`: test hosts from a spec file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import hosts, image, spec
from .docker import CLONE, PREFIX, FleetError, docker

SPECS = Path(__file__).parent / "specs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start the hosts of a fleet and write their inventory; running ones are kept")
    up.add_argument("name")
    up.add_argument("--spec", type=Path, help="TOML file (default: tests/fleet/specs/NAME.toml); tests/fleet/spec.py describes it")
    up.add_argument("--inventory", type=Path, help="the inventory to write (default: .cache/fleet/NAME/hosts.yml)")
    up.add_argument("--vars", type=json.loads, default={}, help="variables of all hosts, as JSON")
    down = commands.add_parser("down", help="remove the hosts, network, keys and inventory of fleets")
    down.add_argument("names", nargs="*", metavar="name")
    down.add_argument("--all", action="store_true", help="all fleets of this clone")
    commands.add_parser("list", help="the hosts of this clone: fleet, host, state, ports")
    make_image = commands.add_parser("image", help="have the image for a Debian suite and print its name")
    make_image.add_argument("suite", nargs="?", default="bookworm", choices=image.SUITES)
    commands.add_parser("clean", help="remove all fleets and images of this clone")
    options = parser.parse_args()
    try:
        _run(options)
    except (FleetError, spec.SpecError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.command == "up":
        file = (options.spec or SPECS / f"{options.name}.toml").resolve()
        if not file.is_file():
            raise FleetError(f"found no spec {file}; wanted a TOML file: name one with --spec, or write it as tests/fleet/spec.py says")
        inventory = (options.inventory or hosts.folder(options.name) / "hosts.yml").resolve()
        hosts.up(options.name, spec.parse(file.read_text(encoding="utf-8"), str(file)), inventory, print, options.vars)
        print(f"inventory: {inventory}")
    elif options.command == "down":
        for name in hosts.fleets() if options.all else options.names:
            hosts.down(name)
    elif options.command == "list":
        for row in hosts.rows():
            print("  ".join(row))
    elif options.command == "image":
        print(image.ensure(options.suite))
    elif options.command == "clean":
        for name in hosts.fleets():
            hosts.down(name)
        images = [name for made in (image.WITH_PACKAGES, PREFIX) for name in docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", made).split()]
        if images:
            docker("image", "rm", *images)
        print(f"removed the fleets and images of {CLONE}")


sys.exit(main())
