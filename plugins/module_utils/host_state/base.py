# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The components of host preparation, and how components are read together. `registry` adds those of an application.

They are apart because a module is sent to the host with all that it imports, and host preparation needs no more than
this.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..application import restarts
from ..core import schema
from ..core.component import Component, Desired, ReadError
from ..core.host import Host
from ..core.plan import CHECK, BlockingError, Draft, Plan, Row
from ..core.quiet import Utf8Module
from ..firewall import component as firewall
from ..jdk import component as jdk
from ..kernel import component as kernel
from ..limits import host_capacity, nofile
from ..redirects import component as redirects
from . import machine

#: In the order in which one needs what another found.
COMPONENTS: tuple[Component, ...] = (machine, jdk, host_capacity, kernel, nofile, redirects, firewall, restarts)

SPECS: dict[str, Mapping[str, Any]] = {component.NAME: component.SPEC for component in COMPONENTS}


def check_desired(
    specs: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str], list[str]]:
    """The desired state of each component with its types and defaults, the secrets in it, and what is wrong with it."""
    desired: dict[str, Any] = {}
    secrets: set[str] = set()
    wrong: list[str] = []
    for name, options in specs.items():
        desired[name] = None
        if given[name] is not None:
            result = ArgumentSpecValidator(options).validate(given[name])
            desired[name] = result.validated_parameters
            secrets |= result._no_log_values
            wrong += [f"{name}: {message}" for message in result.error_messages]
    return desired, secrets, wrong


def read_all(host: Host, desired: Mapping[str, Any], components: Sequence[Component]) -> dict[str, dict[str, Any]]:
    """Reads and plans the components that are desired, one after the other: name to its report, with `drift` for what
    a module calls changed, since a read changes nothing."""
    seen: dict[str, dict[str, Any]] = {}
    for component in components:
        if desired[component.NAME] is not None:
            report = read_one(host, desired[component.NAME], component, seen).report()
            report["drift"] = report.pop("changed")
            seen[component.NAME] = report
    return seen


def read_one(host: Host, desired: Desired, component: Component, seen: Mapping[str, Mapping[str, Any]]) -> Plan:
    """The plan of one component. What could not be read of it is a row."""
    before = len(host.overruns)
    try:
        draft = Draft.from_plan(component.plan(desired, component.read(host, desired, seen)))
    except PermissionError as error:
        draft = Draft(rows=[build_unseen_row(component.NAME, error)])
    except schema.VersionError as error:
        draft = Draft(errors=[BlockingError(str(error), rule="host.record")])
    # A wait that was given up is a finding, also where what was read of it is enough.
    draft.rows += [Row(component.NAME, f"{component.NAME}, reading", status="not_readable", why=why, fix=CHECK)
                   for why in dict.fromkeys(host.overruns[before:])]
    return draft.plan(desired, None)


def build_unseen_row(name: str, error: OSError) -> Row:
    """A component that this user may not read, as a row that reports it."""
    return Row(name, name, status="not_readable", why=f"{error.filename}: permission denied", fix=CHECK)


def finish(module: Utf8Module, read: Callable[[], Mapping[str, Any]]) -> None:
    """The end of a module that reads: it returns what `read()` does."""
    try:
        reports = read()
    except OSError as error:
        module.fail_json(msg=f"the host could not be read: {error}. Most of it needs root: set become")
    except ReadError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **reports)
