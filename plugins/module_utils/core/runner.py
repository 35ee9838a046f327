# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one runner of components: read, plan, apply, verify, report. A component's `EXECUTION` has the differences."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Callable, Dict, Mapping

from . import commands, fence, schema
from .component import NOTHING_SEEN, Applied, AppliedComponent, Brief, Desired, Execution, Seen
from .host import Host
from .plan import BlockingError, Plan, report_errors
from .quiet import QuietModule, Utf8Module

#: What a module returns, by name.
Results = Dict[str, Any]

#: What reading a host and applying a plan may raise, each with a sentence for its message.
UNREAD = (OSError, RuntimeError, ValueError)
FAILED = (OSError, RuntimeError, LookupError)


#: The options of a module without a half on the controller.
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class NotApplied(Exception):
    """A change that could not be made, or only in part: why, as a sentence, and the `results` that a module returns."""

    def __init__(self, why: str, results: Mapping[str, Any]) -> None:
        super().__init__(why)
        self.results = dict(results)


def refuse(why: str, error: Exception, results: Mapping[str, Any] = MappingProxyType({})) -> NotApplied:
    """Return the error of a host that could not be read, with the rule that it breaks where `error` names one."""
    rule = "host.record" if isinstance(error, schema.VersionError) else getattr(error, "rule", "")
    return NotApplied(why, {**results, **(report_errors([BlockingError(why, rule=rule)]) if rule else {})})


def run(component: AppliedComponent, controller: Mapping[str, Any] = NO_OPTIONS) -> None:
    """The whole of a module that has one component. It ends the process.

    controller: options for the controller's half of the module, which the component does not see.
    """
    execution = component.EXECUTION
    module = (QuietModule if execution.quiet else Utf8Module)(
        argument_spec={**component.SPEC, **execution.options, **controller}, supports_check_mode=True)
    for name in controller:
        del module.params[name]
    module.no_log_values |= execution.secrets(module.params)
    given = dict(module.params)
    mask(module, execution)
    host = fence.make_host(module) if execution.fenced else Host()
    finish(module, lambda: converge(component, host, given, module.check_mode, module.warn))


def mask(module: Utf8Module, execution: Execution) -> None:
    """Hides options in the invocation that Ansible shows, and not in the result."""
    for name in execution.masked:
        value = module.params[name]
        module.no_log_values -= set(map(str, value)) if isinstance(value, list) else {value}
        hidden = commands.HIDDEN if value else ""
        module.params[name] = ([hidden] if value else []) if isinstance(value, list) else hidden


def finish(module: Utf8Module, act: Callable[[], Results]) -> None:
    """The end of a module: `act()` returns what it returns, or raises NotApplied."""
    try:
        results = act()
    except NotApplied as error:
        module.fail_json(msg=str(error), **error.results)
    module.exit_json(**results)


def finish_all(module: Utf8Module, acts: Mapping[str, Callable[[], Results]]) -> None:
    """The end of a module that does what several modules do, one after the other: name to what `finish` takes.

    What went before one that failed is done, and reported; what comes after it is not done.
    """
    results: Results = {"changed": False, "diff": []}
    for name, act in acts.items():
        failed = None
        try:
            part = act()
        except NotApplied as error:
            failed, part = str(error), error.results
        except (OSError, RuntimeError, LookupError, ValueError) as error:
            failed, part = f"{name}: {error}", {"changed": False, "diff": []}
        diff = part.pop("diff")
        results["diff"] += diff if isinstance(diff, list) else [diff]
        results["changed"] = results["changed"] or part["changed"]
        results[name] = part
        if failed:
            module.fail_json(msg=failed, **results)
    module.exit_json(**results)


def converge(component: AppliedComponent, host: Host, given: Desired, check_mode: bool,
             warn: Callable[[str], Any] = lambda warning: None, seen: Seen = NOTHING_SEEN) -> Results:
    """Reads, plans, applies and verifies a component: what its module returns. `given` are its options, and `warn` gets
    each warning. Raises NotApplied where that cannot be done, or only in part."""
    execution = component.EXECUTION
    desired = execution.prepare(host, given)
    refused = execution.refuse(host, desired)
    if refused:
        raise NotApplied(refused, {})
    plan = _read_and_plan(component, host, desired, seen or execution.seen(desired), {"changed": False, "diff": []})
    results = _report(execution, plan)
    rehearsed = None
    if check_mode and execution.rehearse:
        try:
            rehearsed = execution.rehearse(host, plan)
        except FAILED as error:
            raise _build_failure(execution, host, plan, error, results) from error
    if rehearsed is None and plan.errors:
        without = {} if execution.brief is Brief.ALWAYS else results
        raise NotApplied("\n".join(plan.errors), {**without, "changed": False})
    if check_mode:
        return _add_applied(execution, results, rehearsed or Applied(), warn)
    if plan.changed or execution.always:
        results = _apply(component, host, plan, results, warn)
    return results


def _read_and_plan(component: AppliedComponent, host: Host, desired: Desired, seen: Seen, results: Results) -> Plan:
    unread = component.EXECUTION.unread
    try:
        return component.plan(desired, component.read(host, desired, seen))
    except UNREAD as error:
        if unread is None and not isinstance(error, schema.VersionError):
            raise
        raise refuse(unread(error) if unread else str(error), error, results) from error


def _apply(
    component: AppliedComponent, host: Host, plan: Plan, results: Results, warn: Callable[[str], Any]
) -> Results:
    """Applies the plan, as often as `Execution.rounds` allows, and verifies: what the module returns."""
    execution, after = component.EXECUTION, plan
    if execution.root and not host.is_root():
        raise NotApplied(f"{execution.root} are set by root only, and this module runs as another user: "
                         "use become: true", results)
    for _round in range(max(execution.rounds, 1)):
        try:
            results = _add_applied(execution, results, component.apply(host, after), warn)
        except FAILED as error:
            raise _build_failure(execution, host, plan, error, results) from error
        if not execution.rounds:
            break
        after = _read_and_plan(component, host, plan.desired, execution.seen(plan.desired), results)
        results.update(after.report(), changed=True)
        if after.errors or not after.changed:
            break
    wrong = execution.verify(host, plan) if execution.verify else ""
    if execution.rounds and (after.errors or after.changed):
        wrong = (f"{component.NAME}: every command succeeded, and the host is still out of sync: "
                 f"{'; '.join(after.errors) or execution.left(after)}")
    if wrong:
        raise NotApplied(wrong, results)
    return results


def _build_failure(execution: Execution, host: Host, plan: Plan, error: Exception, results: Results) -> NotApplied:
    """What became of a plan whose application raised an error. An error may have further `results`."""
    without = results if execution.brief is Brief.NEVER else {"changed": results["changed"]}
    return NotApplied(execution.describe(host, plan, error), {**without, **getattr(error, "results", {})})


def _report(execution: Execution, plan: Plan) -> Results:
    """What a module returns of a plan."""
    report = {**plan.report(), "diff": plan.build_diff(execution.header(plan.desired))}
    if execution.bookkeeping:
        report["changed"] = False
    return {name: value for name, value in report.items() if name not in execution.hidden}


def _add_applied(execution: Execution, results: Results, applied: Applied, warn: Callable[[str], Any]) -> Results:
    """The results of a module with what was applied."""
    for warning in applied.warnings:
        warn(warning)
    return {**results, **(_report(execution, applied.plan) if applied.plan else {}), **applied.results}
