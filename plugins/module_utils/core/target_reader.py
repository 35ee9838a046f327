# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the modules that read the processes and sockets which `targets` describes. A file of its own, since no other
module needs sockets for it."""

from __future__ import annotations

from . import targets
from .component import Component
from .host import Host
from .quiet import Utf8Module


def run(component: Component) -> None:
    """The whole of such a module. It ends the process."""
    module = Utf8Module(argument_spec=component.SPEC, required_one_of=[tuple(targets.SPEC)], supports_check_mode=True)
    desired = module.params
    if not any(desired[name] for name in targets.SPEC):
        module.fail_json(msg="ports, units and pids are all empty: name at least one of what to read")
    module.exit_json(**component.plan(desired, component.read(Host(), desired)).report())
