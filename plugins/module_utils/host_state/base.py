# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The concerns of a host's base, and how concerns are read together. Those of an application are in C(concerns).

They are apart because a module is sent to the host with all that it imports, and what makes the base needs no more than this.
"""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..application import restarts
from ..core import schema
from ..core.plan import LOOK, Plan, Row
from ..firewall import component as firewall
from ..jdk import component as jdk
from ..kernel import component as kernel
from ..limits import capacity
from ..limits import nofile as limits
from ..redirects import component as redirects
from . import machine

#: Concerns that need only their own wanted state.
PLAIN = {"capacity": capacity, "kernel": kernel, "nofile": limits, "redirects": redirects, "firewall": firewall}

SPECS = {
    "machine": machine.SPEC,
    "jdk": jdk.SPEC,
    "restarts": restarts.SPEC,
    **{name: concern.SPEC for name, concern in PLAIN.items()},
}


def checked(specs, given):
    """The wanted state of each concern with its types and defaults, the secrets in it, and what is wrong with it."""
    wanted, secrets, wrong = {}, set(), []
    for name, options in specs.items():
        wanted[name] = None
        if given[name] is not None:
            result = ArgumentSpecValidator(options).validate(given[name])
            wanted[name] = result.validated_parameters
            secrets |= result._no_log_values
            wrong += [f"{name}: {message}" for message in result.error_messages]
    return wanted, secrets, wrong


def read_all(host, wanted, plain):
    """Reads and plans the machine, the JDK and the C(plain) concerns, as far as they are wanted: name to its report."""
    said = {}
    add(said, host, wanted, "machine", machine)
    add(said, host, wanted, "jdk", jdk, said.get("machine"))
    for name, concern in plain.items():
        add(said, host, wanted, name, concern)
    add(said, host, wanted, "restarts", restarts, said.get("jdk"), said.get("kernel"))
    return said


def add(said, host, wanted, name, concern, *more):
    """Adds the report of a concern that is wanted, with C(differs) for what a module calls changed: a read changes nothing."""
    if wanted[name] is None:
        return
    before = len(host.overruns)
    try:
        plan = concern.plan(wanted[name], concern.read(host, wanted[name], *more))
    except PermissionError as error:
        plan = unseen(name, error)
    except schema.VersionError as error:
        plan = Plan(problems=[str(error)])
    # A wait that was given up is a finding, also where what was read of it is enough.
    plan.rows += [Row(name, f"{name}, reading", status="unseen", why=why, mend=LOOK)
                  for why in dict.fromkeys(host.overruns[before:])]
    said[name] = plan.report()
    said[name]["differs"] = said[name].pop("changed")


def unseen(name, error):
    """A concern that this user may not read, as a row that says so."""
    return Plan(rows=[Row(name, name, status="unseen", why=f"{error.filename}: permission denied", mend=LOOK)])
