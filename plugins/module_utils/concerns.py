# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All concerns, in the order in which one needs what another found."""

from __future__ import annotations

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.xitrum.host.plugins.module_utils import (
    capacity,
    certificates,
    instances,
    jdk,
    kernel,
    limits,
    machine,
    proxy_config,
    redirects,
    release,
    services,
)
from ansible_collections.xitrum.host.plugins.module_utils.plan import LOOK, Plan, Row

SPECS = {
    "machine": machine.SPEC,
    "jdk": jdk.SPEC,
    "capacity": capacity.SPEC,
    "kernel": kernel.SPEC,
    "nofile": limits.SPEC,
    "redirects": redirects.SPEC,
    "release": release.SPEC,
    "instances": instances.SPEC,
    "service": services.SPEC,
    "proxy": proxy_config.SPEC,
    "certificates": certificates.SPEC,
}

#: Concerns that need only their own wanted state.
PLAIN = {"capacity": capacity, "kernel": kernel, "nofile": limits, "redirects": redirects, "release": release, "service": services,
         "proxy": proxy_config, "certificates": certificates}


def checked(given):
    """The wanted state of each concern with its types and defaults, the secrets in it, and what is wrong with it."""
    wanted, secrets, wrong = {}, set(), []
    for name, options in SPECS.items():
        wanted[name] = None
        if given[name] is not None:
            result = ArgumentSpecValidator(options).validate(given[name])
            wanted[name] = result.validated_parameters
            secrets |= result._no_log_values
            wrong += [f"{name}: {message}" for message in result.error_messages]
    return wanted, secrets, wrong


def read_all(host, wanted):
    """Reads and plans every concern that is wanted: name to its report, with C(differs) for what a module calls changed:
    a read changes nothing."""
    said = {}

    def add(name, concern, *more):
        if wanted[name] is None:
            return
        try:
            said[name] = concern.plan(wanted[name], concern.read(host, wanted[name], *more)).report()
        except PermissionError as error:
            said[name] = unseen(name, error).report()
        said[name]["differs"] = said[name].pop("changed")

    add("machine", machine)
    add("jdk", jdk, said.get("machine"))
    for name, concern in PLAIN.items():
        add(name, concern)
    add("instances", instances, said.get("jdk"))
    return said


def unseen(name, error):
    """A concern that this user may not read, as a row that says so."""
    return Plan(rows=[Row(name, name, status="unseen", why=f"{error.filename}: permission denied", mend=LOOK)])
