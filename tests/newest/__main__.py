# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.newest`: the controller with the newest ansible-core, and commands in it."""

from __future__ import annotations

import argparse
import sys

from tests.fleet.engine import FleetError

from . import controller


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.newest", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start the controller; its image is built where it is missing")
    run = commands.add_parser("run", help="run a command in the controller; a deprecation warning is a failure")
    run.add_argument("--folder", default="/root", help="where it runs (/root)")
    run.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of its environment")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    options = parser.parse_args()
    try:
        if options.command == "start":
            controller.start()
            return 0
        environment = dict(pair.split("=", 1) for pair in options.set)
        code, text = controller.execute(*options.words, folder=options.folder, environment=environment)
    except FleetError as error:
        print(error, file=sys.stderr)
        return 1
    print(text, end="")
    return code


sys.exit(main())
