# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.fleet`: test hosts from a spec file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import engine, hosts, image, spec
from .engine import CLONE, FleetError

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
    restart = commands.add_parser("restart", help="reboot a host")
    restart.add_argument("container", help="its fleet_container in the inventory")
    restart.add_argument("--stop-seconds", type=int, default=10, help="how long it may take to end, before it is ended by force")
    copy_in = commands.add_parser("copy-in", help="copy a file to a host, as root's")
    copy_in.add_argument("file", type=Path)
    copy_in.add_argument("container")
    copy_in.add_argument("path")
    copy_out = commands.add_parser("copy-out", help="copy what a folder of a host holds into a folder of this machine")
    copy_out.add_argument("container")
    copy_out.add_argument("path")
    copy_out.add_argument("folder", type=Path)
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
            raise FleetError(f"found no spec {file}; expected a TOML file: name one with --spec, or write it as tests/fleet/spec.py reports")
        inventory = (options.inventory or hosts.get_folder(options.name) / "hosts.yml").resolve()
        hosts.start_fleet(options.name, spec.parse(file.read_text(encoding="utf-8"), str(file)), inventory, print, options.vars)
        print(f"inventory: {inventory}")
    elif options.command == "down":
        for name in hosts.list_fleets() if options.all else options.names:
            hosts.remove_fleet(name)
    elif options.command == "list":
        for row in hosts.list_rows():
            print("  ".join(row))
    elif options.command == "image":
        print(image.ensure(options.suite))
    elif options.command == "restart":
        engine.restart(options.container, options.stop_seconds)
    elif options.command == "copy-in":
        engine.copy_in(options.file, options.container, options.path)
    elif options.command == "copy-out":
        engine.copy_out(options.container, options.path, options.folder)
    elif options.command == "clean":
        for name in hosts.list_fleets():
            hosts.remove_fleet(name)
        image.remove_all()
        print(f"removed the fleets and images of {CLONE}")


sys.exit(main())
