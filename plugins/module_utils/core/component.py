# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a component is: one part of a host that is read, planned and applied.

A component is one file of `module_utils` with the members of `Component`, or of `AppliedComponent` where it changes a
host. `run(component)` of `runner` makes a module of it; `host_state.registry` names all that are read together, so that
a run without drift sends one task to each host.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping, Optional, Protocol, Set, Tuple

from .host import Host
from .plan import Plan

#: The options of a component, validated against its `SPEC`.
Desired = Dict[str, Any]

#: The reports of the components that were read before in the same read, by name.
Seen = Mapping[str, Mapping[str, Any]]

#: Where nothing was read before.
NOTHING_SEEN: Seen = MappingProxyType({})


class ReadError(RuntimeError):
    """A read that cannot be completed: why, as a sentence."""


@dataclass(frozen=True)
class Applied:
    """What applying a plan gave.

    `results` are added to what the module returns of its plan. `plan` is what was done, where that is less than
    planned.
    `warnings` are shown with the result, a sentence each.
    """

    results: Mapping[str, Any] = field(default_factory=dict)
    plan: Optional[Plan] = None
    warnings: Tuple[str, ...] = ()


class Brief(enum.Enum):
    """Which failures return their message alone, and not the plan's report: Ansible prints all that a failure
    returns."""

    NEVER = "never"
    #: What failed while it was read or applied. Errors that the plan found are returned with its report.
    FAILURES = "failures"
    ALWAYS = "always"


def _pass_desired(_host: Host, desired: Desired) -> Desired:
    return desired


def _return_nothing(_host: Host, _desired: Desired) -> str:
    return ""


def _render_no_header(_desired: Desired) -> str:
    return ""


def _list_no_secrets(_desired: Desired) -> Set[str]:
    return set()


def _collect_nothing_seen(_desired: Desired) -> Seen:
    return NOTHING_SEEN


def _format_message(_host: Host, _plan: Plan, error: Exception) -> str:
    return str(error)


def _list_nothing_left(_plan: Plan) -> str:
    return "see the rows"


@dataclass(frozen=True)
class Execution:
    """How `runner` executes a component, where that differs from these defaults.

    Before it reads:
    `options` are those of the module alone, in addition to the component's `SPEC`. `quiet` keeps the invocation out of
    the host's journal. `secrets(desired)` are texts to hide in the result. `masked` are options that are hidden in the
    invocation that Ansible shows, and not in the result. `fenced` allows changes only while the lock of
    the run is held (`fence`). `prepare(host, desired)` completes the desired state. `refuse(host, desired)` is why the
    host is not even read, as a sentence; empty where it is. `seen(desired)` stands in for what was read before.

    Errors:
    `unread(error)` is the sentence for an OSError, RuntimeError or ValueError of `read`; without it they are not
    caught.
    `describe(host, plan, error)` is the sentence for an error of `apply`. `brief` reports which failures return the
    message alone.

    Applying:
    `root` names what only root may set, such as "Limits"; empty where every user may. `always` applies a plan without
    actions, too. `bookkeeping` reports no change, whatever was applied. `rehearse(host, plan)` stands in for `apply` in
    check mode; None where check mode has nothing to add. `rounds` reads and plans again after `apply`, at most so many
    times, until nothing is left, which `left(plan)` reports; with 0 nothing is verified. `verify(host, plan)` is what
    is wrong after `apply`, as a sentence; empty where nothing is.

    Results:
    `header(desired)` names what the diff is of. `hidden` are parts of the report that the module does not return.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False
    secrets: Callable[[Desired], Set[str]] = _list_no_secrets
    masked: Tuple[str, ...] = ()
    fenced: bool = True
    prepare: Callable[[Host, Desired], Desired] = _pass_desired
    refuse: Callable[[Host, Desired], str] = _return_nothing
    seen: Callable[[Desired], Seen] = _collect_nothing_seen
    unread: Optional[Callable[[Exception], str]] = None
    describe: Callable[[Host, Plan, Exception], str] = _format_message
    brief: Brief = Brief.NEVER
    root: str = ""
    always: bool = False
    bookkeeping: bool = False
    rehearse: Optional[Callable[[Host, Plan], Optional[Applied]]] = None
    rounds: int = 0
    left: Callable[[Plan], str] = _list_nothing_left
    verify: Optional[Callable[[Host, Plan], str]] = None
    header: Callable[[Desired], str] = _render_no_header
    hidden: Tuple[str, ...] = ()


class Component(Protocol):
    """A component that is read and planned. What it declares is a constant of its file: the protocol only reads it."""

    @property
    def NAME(self) -> str:
        """What the component is called in the results of a read."""

    @property
    def SPEC(self) -> Mapping[str, Any]:
        """Its options, as an argument_spec of Ansible."""

    def read(self, host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> Any:
        """Everything about the host that `plan` needs. It changes nothing, and raises OSError where it may not read."""

    def plan(self, desired: Desired, state: Any) -> Plan:
        """Decides from both alone what `apply` does. It is pure: it touches no host, and changes neither argument."""


class AppliedComponent(Component, Protocol):
    """A component that changes a host."""

    @property
    def EXECUTION(self) -> Execution:
        """How a module executes it."""

    def apply(self, host: Host, plan: Plan) -> Applied:
        """Does what is planned, and does not change the plan. Raises OSError, RuntimeError or LookupError, a
        sentence."""
