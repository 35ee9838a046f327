# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of modules share: read, plan, apply, report."""

from __future__ import annotations

import os

from . import fence, targets
from .host import Host
from .quiet import Utf8Module


class NotDone(Exception):
    """A change that could not be made, or only in part: why, as a sentence, and C(said), what a module returns all the same."""

    def __init__(self, why, said):
        super().__init__(why)
        self.said = said


def look(concern):
    """The body of a module that only reads, and is pointed at processes and sockets by L(targets)."""
    module = Utf8Module(argument_spec=concern.SPEC, required_one_of=[tuple(targets.SPEC)], supports_check_mode=True)
    wanted = module.params
    if not any(wanted[name] for name in targets.SPEC):
        module.fail_json(msg="ports, units and pids are all empty: name at least one of what to look at.")
    plan = concern.plan(wanted, concern.read(Host(), wanted))
    module.exit_json(**plan.report())


def change(concern, subject):
    """The body of a module that keeps what it changes in one file, its option C(path). C(subject) is what only root may set."""
    module = Utf8Module(argument_spec=concern.SPEC, supports_check_mode=True)
    finish(module, lambda: settle_file(concern, subject, fence.host_of(module), module.params, module.check_mode))


def settle_file(concern, subject, host, wanted, check_mode):
    """Reads, plans, and has one file and what is live as wanted. Returns what its module returns; raises L(NotDone)."""
    plan = concern.plan(wanted, concern.read(host, wanted))
    return carried_out(plan, lambda: apply_as_root(concern, subject, host, plan), check_mode, header=wanted["path"])


def settle_verified(component, name, host, wanted, check_mode):
    """Reads, plans, changes, and reads again to verify. Returns what a module returns; raises L(NotDone)."""
    def plan_now():
        return component.plan(wanted, component.read(host, wanted))

    def apply():
        component.apply(host, plan)
        after = plan_now()
        if after.problems or after.actions:
            raise RuntimeError(f"{name}: every command succeeded, and the host is still out of sync: {'; '.join(after.problems) or 'see the rows'}")
        return {**after.report(), "changed": True}

    plan = plan_now()
    return carried_out(plan, apply, check_mode, header=name)


def apply_as_root(concern, subject, host, plan):
    """Carries out a plan that only root can carry out. Raises RuntimeError for others."""
    if os.geteuid() != 0:
        raise RuntimeError(f"{subject} are set by root only, and this module runs as another user: use become: true.")
    concern.apply(host, plan)


def take_back(concern, what):
    """The body of a module that takes back what is on record of a host. C(what) could not be read, where a record is damaged."""
    module = Utf8Module(argument_spec=concern.SPEC, supports_check_mode=True)
    host = fence.host_of(module)
    try:
        state = concern.read(host, module.params)
    except (OSError, RuntimeError, ValueError) as error:
        module.fail_json(msg=f"{what} could not be read: {error}")
    plan = concern.plan(module.params, state)
    carry_out(module, plan, lambda: concern.apply(host, state, plan))


def carry_out(module, plan, apply, describe=str, header="", brief=False):
    """The rest of a module that has planned, and its end: see `carried_out`. brief: see `finish`."""
    finish(module, lambda: carried_out(plan, apply, module.check_mode, describe, header), brief)


def finish(module, settle, brief=False):
    """The end of a module: `settle()` returns what it returns, or raises NotDone.

    brief: a failure returns its message alone, which has all errors. Ansible prints the whole result of a module that fails, and
    nothing reads that of a module of the controller.
    """
    try:
        said = settle()
    except NotDone as error:
        module.fail_json(msg=str(error), **({"changed": error.said.get("changed", False)} if brief else error.said))
    module.exit_json(**said)


def finish_all(module, settles):
    """The end of a module that does what several modules do, one after the other: name to what L(finish) takes.

    What went before one that failed is done, and reported; what comes after it is not done.
    """
    said = {"changed": False, "diff": []}
    for name, settle in settles.items():
        failed = None
        try:
            part = settle()
        except NotDone as error:
            failed, part = error, error.said
        except (OSError, RuntimeError, LookupError, ValueError) as error:
            failed, part = f"{name}: {error}", {"changed": False, "diff": []}
        diff = part.pop("diff")
        said["diff"] += diff if isinstance(diff, list) else [diff]
        said["changed"] = said["changed"] or part["changed"]
        said[name] = part
        if failed:
            module.fail_json(msg=str(failed), **said)
    module.exit_json(**said)


def carried_out(plan, apply, check_mode, describe=str, header=""):
    """Says what stands in the way of a plan, by L(NotDone), or acts. Returns what a module returns.

    C(apply()) acts, and may return further results as a dictionary; C(describe(error)) makes an OSError, RuntimeError or
    LookupError of it a sentence. C(header) names what the diff is of.
    """
    said = {**plan.report(), "diff": plan.diff(header)}
    if plan.problems:
        raise NotDone("\n".join(plan.problems), {**said, "changed": False})
    if plan.changed and not check_mode:
        try:
            said.update(apply() or {})
        except (OSError, RuntimeError, LookupError) as error:
            raise NotDone(describe(error), said) from error
    return said
