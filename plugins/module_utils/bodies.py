# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bodies of modules share: read, plan, apply, report."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xitrum.host.plugins.module_utils import targets
from ansible_collections.xitrum.host.plugins.module_utils.host import Host


def look(concern):
    """The body of a module that only reads, and is pointed at processes and sockets by L(targets)."""
    module = AnsibleModule(argument_spec=concern.SPEC, required_one_of=[tuple(targets.SPEC)], supports_check_mode=True)
    wanted = module.params
    if not any(wanted[name] for name in targets.SPEC):
        module.fail_json(msg="ports, units and pids are all empty: name at least one of what to look at.")
    plan = concern.plan(wanted, concern.read(Host(module.run_command), wanted))
    module.exit_json(**plan.report())


def change(concern, subject):
    """The body of a module that keeps what it changes in one file, its option C(path). C(subject) is what only root may set."""
    module = AnsibleModule(argument_spec=concern.SPEC, supports_check_mode=True)
    host, wanted = Host(module.run_command), module.params
    plan = concern.plan(wanted, concern.read(host, wanted))
    carry_out(module, plan, lambda: apply_as_root(concern, subject, host, plan), header=wanted["path"])


def apply_as_root(concern, subject, host, plan):
    """Carries out a plan that only root can carry out. Raises RuntimeError for others."""
    if os.geteuid() != 0:
        raise RuntimeError(f"{subject} are set by root only, and this module runs as another user: use become: true.")
    concern.apply(host, plan)


def change_each(module, parts):
    """The rest of a module that does what several modules with the body L(change) do, one after the other. C(parts) maps a name to
    a concern, its wanted state, and what only root may set. What went before one that failed is done, and reported."""
    host, said = Host(module.run_command), {"changed": False, "diff": []}
    for name, (concern, wanted, subject) in parts.items():
        plan = concern.plan(wanted, concern.read(host, wanted))
        said[name] = plan.report()
        said["diff"].append(plan.diff(wanted["path"]))
        if plan.problems:
            module.fail_json(msg="\n".join(plan.problems), **said)
        if plan.changed and not module.check_mode:
            try:
                apply_as_root(concern, subject, host, plan)
            except (OSError, RuntimeError, LookupError) as error:
                module.fail_json(msg=str(error), **{**said, "changed": True})
        said["changed"] = said["changed"] or plan.changed
    module.exit_json(**said)


def take_back(concern, what):
    """The body of a module that takes back what is on record of a host. C(what) could not be read, where a record is damaged."""
    module = AnsibleModule(argument_spec=concern.SPEC, supports_check_mode=True)
    host = Host(module.run_command)
    try:
        state = concern.read(host, module.params)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"{what} could not be read: {error}")
    plan = concern.plan(module.params, state)
    carry_out(module, plan, lambda: concern.apply(host, state, plan))


def carry_out(module, plan, apply, describe=str, header=""):
    """The rest of a module that has planned, and its end: it says what stands in the way, or acts and reports.

    C(apply()) acts, and may return further results as a dictionary; C(describe(error)) makes an OSError, RuntimeError or
    LookupError of it a sentence. C(header) names what the diff is of.
    """
    said = {**plan.report(), "diff": plan.diff(header)}
    if plan.problems:
        module.fail_json(msg="\n".join(plan.problems), **{**said, "changed": False})
    if plan.changed and not module.check_mode:
        try:
            said.update(apply() or {})
        except (OSError, RuntimeError, LookupError) as error:
            module.fail_json(msg=describe(error), **said)
    module.exit_json(**said)
