# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The components of host preparation, and how components are read together. `registry` adds those of an application.

They are apart because a module is sent to the host with all that it imports, and host preparation needs no more than
this. Of what is sent, Python on the host compiles what is loaded, in each run. So a component has a function that loads
it, and a read loads only what it reads.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..core import schema
from ..core.component import AppliedComponent, Component, Desired, ReadError
from ..core.host import Host
from ..core.plan import CHECK, BlockingError, Draft, Plan, Row
from ..core.quiet import Utf8Module

#: Name to the function that loads the component.
Components = Mapping[str, Callable[[], Component]]


def load_machine() -> Component:
    """Return the component `machine`."""
    from . import machine

    return machine


def load_jdk() -> Component:
    """Return the component `jdk`."""
    from ..jdk import component

    return component


def load_capacity() -> Component:
    """Return the component `capacity`."""
    from ..limits import host_capacity

    return host_capacity


def load_kernel() -> AppliedComponent:
    """Return the component `kernel`."""
    from ..kernel import component

    return component


def load_nofile() -> AppliedComponent:
    """Return the component `nofile`."""
    from ..limits import nofile

    return nofile


def load_redirects() -> AppliedComponent:
    """Return the component `redirects`."""
    from ..redirects import component

    return component


def load_firewall() -> AppliedComponent:
    """Return the component `firewall`."""
    from ..firewall import component

    return component


def load_restarts() -> Component:
    """Return the component `restarts`."""
    from ..application import restarts

    return restarts


#: In the order in which one needs what another found.
COMPONENTS: Components = {
    "machine": load_machine,
    "jdk": load_jdk,
    "capacity": load_capacity,
    "kernel": load_kernel,
    "nofile": load_nofile,
    "redirects": load_redirects,
    "firewall": load_firewall,
    "restarts": load_restarts,
}


def check_desired(
    components: Components, given: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str], list[str]]:
    """The desired state of each component with its types and defaults, the secrets in it, and what is wrong with it."""
    desired: dict[str, Any] = {}
    secrets: set[str] = set()
    wrong: list[str] = []
    for name, load in components.items():
        desired[name] = None
        if given[name] is not None:
            result = ArgumentSpecValidator(load().SPEC).validate(given[name])
            desired[name] = result.validated_parameters
            secrets |= result._no_log_values
            wrong += [f"{name}: {message}" for message in result.error_messages]
    return desired, secrets, wrong


def read_all(host: Host, desired: Mapping[str, Any], components: Components) -> dict[str, dict[str, Any]]:
    """Reads and plans the components that are desired, one after the other: name to its report, with `drift` for what
    a module calls changed, since a read changes nothing."""
    seen: dict[str, dict[str, Any]] = {}
    for name, load in components.items():
        if desired[name] is not None:
            report = read_one(host, desired[name], load(), seen).report()
            report["drift"] = report.pop("changed")
            seen[name] = report
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
