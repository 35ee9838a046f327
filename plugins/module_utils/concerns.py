# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All concerns, in the order in which one needs what another found."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import file_set, haproxy, instances, jdk, kernel, limits, machine, redirects, release

SPECS = {
    "machine": machine.SPEC,
    "jdk": jdk.SPEC,
    "kernel": kernel.SPEC,
    "nofile": limits.SPEC,
    "redirects": redirects.SPEC,
    "release": release.SPEC,
    "instances": instances.SPEC,
    "service": file_set.SPEC,
    "haproxy": haproxy.SPEC,
}

#: Concerns that need only their own wanted state.
PLAIN = {"kernel": kernel, "nofile": limits, "redirects": redirects, "release": release, "service": file_set, "haproxy": haproxy}


def read_all(host, wanted):
    """Reads and plans every concern that is wanted: name to its report, with C(differs) for what a module calls changed:
    a read changes nothing."""
    said = {}

    def add(name, planned):
        said[name] = planned.report()
        said[name]["differs"] = said[name].pop("changed")

    if wanted["machine"] is not None:
        add("machine", machine.plan(wanted["machine"], machine.read(host, wanted["machine"])))
    if wanted["jdk"] is not None:
        add("jdk", jdk.plan(wanted["jdk"], jdk.read(host, wanted["jdk"], said["machine"])))
    for name, concern in PLAIN.items():
        if wanted[name] is not None:
            add(name, concern.plan(wanted[name], concern.read(host, wanted[name])))
    if wanted["instances"] is not None:
        add("instances", instances.plan(wanted["instances"], instances.read(host, wanted["instances"], said["jdk"])))
    return said
