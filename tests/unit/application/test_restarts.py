# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which running instances need a restart after host preparation has changed what they take on only when they start."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import restarts
from ansible_collections.xitrum.host.plugins.module_utils.core import plan, sockets
from ansible_collections.xitrum.host.plugins.module_utils.host_state import base
from ansible_collections.xitrum.host.plugins.module_utils.report import fleet_summary

from ..fake_host import FakeHost

JAVA = "/usr/lib/jvm/j17/bin/java"
DESIRED = {"root": "/opt/demo", "user": "815815", "http_port": 8000, "nofile": 20000, "backlog": 1024}
JDK = {"home": "/usr/lib/jvm/j17"}
KERNEL = {"parameters": {"net.core.somaxconn": {"after": "4096"}}}


def host(java=JAVA, nofile=20000, backlog=1024, somaxconn=4096, listing=None):
    """A host on which instances 0 and 1 run: the JVM of 0 as the arguments report, and that of 1 as it should."""
    files = {
        JAVA: "",
        "/proc/sys/net/core/somaxconn": f"{somaxconn}\n",
        "/proc/1/limits": "Max open files            1024                 20000                files\n",
    }
    links, text = {}, ""
    for index, (exe, limit, size) in enumerate(((java, nofile, backlog), (JAVA, 20000, 4096))):
        pid = 7 + index
        files[f"/proc/{pid}/stat"] = f"{pid} (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n"
        files[f"/proc/{pid}/status"] = "Uid:\t815815\t815815\t815815\t815815\nGid:\t815815\t815815\t815815\t815815\n"
        files[f"/proc/{pid}/limits"] = (
            f"Max open files            {limit}                {limit}                files\n"
        )
        files[f"/opt/demo/instances/{index}/x"] = ""
        links.update({f"/proc/{pid}/cwd": f"/opt/demo/instances/{index}/r", f"/proc/{pid}/exe": exe})
        text += f'LISTEN 0 {size} *:{8000 + index} *:* users:(("java",pid={pid},fd=9)) ino:1 sk:1 v6only:0 <->\n'
    commands = {"sh -c ulimit -HSn 20000": ""}
    return FakeHost(
        files, {**commands, " ".join(sockets.SS): listing or text} if listing is not False else commands, links
    )


def due(machine, kernel=None):
    """Index to reasons."""
    kernel = KERNEL if kernel is None else kernel
    return {
        item["index"]: item["why"]
        for item in restarts.plan(DESIRED, restarts.read(machine, DESIRED, {"jdk": JDK, **({"kernel": kernel} if kernel else {})})).facts["instances"]
    }


@pytest.mark.parametrize(
    "change, why",
    [
        ({}, None),
        ({"java": "/usr/lib/jvm/j11/bin/java"}, "java: /usr/lib/jvm/j11/bin/java instead of /usr/lib/jvm/j17/bin/java"),
        ({"java": JAVA + " (deleted)"}, f"java: {JAVA} (deleted) instead of {JAVA}"),
        ({"nofile": 1024}, "nofile: 1024/1024 instead of 20000"),
        ({"backlog": 128}, "backlog: 128 instead of >= 1024"),
    ],
)
def test_what_a_process_takes_on_only_when_it_starts_is_due(change, why):
    assert due(host(**change)) == ({0: [why]} if why else {})


def test_a_lowered_kernel_value_is_no_reason_for_a_restart_before_it_is_repaired():
    plan_of = restarts.plan(DESIRED, restarts.read(host(backlog=128, somaxconn=128), DESIRED, {"jdk": JDK, "kernel": KERNEL}))
    row = next(row for row in plan_of.rows if row.item == "instance-0 backlog")
    assert (plan_of.facts["instances"], row.status, row.desired) == ([], "drift", ">= 1024")


def test_what_is_not_seen_is_not_due():
    machine = host(listing=False)
    rows = list(restarts.plan(DESIRED, restarts.read(machine, DESIRED, {"jdk": JDK, "kernel": KERNEL})).rows)
    assert [(row.item, row.why) for row in rows if row.status == "not_readable"] == [
        (f"instance-{index} backlog", restarts.NO_SS) for index in (0, 1)
    ]


def test_a_host_without_instances_has_nothing_due():
    machine = FakeHost(
        {"/proc/1/limits": "Max open files            1024                 20000                files\n"}
    )
    report = restarts.plan(DESIRED, restarts.read(machine, DESIRED)).report()
    assert (report["rows"], report["instances"], report["changed"]) == ([], [], False)


def test_host_preparation_reads_it_and_ends_with_the_next_command():
    desired = {**dict.fromkeys(base.COMPONENTS), "restarts": DESIRED}
    state = base.read_all(host(nofile=1024), desired, base.COMPONENTS)
    assert state["restarts"]["drift"] is False and not fleet_summary.needs_work(state)
    text = fleet_summary.render_fleet_summary(
        {"app1": state, "proxy1": {"kernel": {**state["restarts"], "rows": []}}}, check_mode=False
    )
    assert (
        "  app1 instance 0 (nofile: 1024/1024 instead of 20000)\nTo restart them in batches, run: " + plan.RUN in text
    )
    assert "Restart pending" not in fleet_summary.render_fleet_summary(
        {"app1": base.read_all(host(), desired, base.COMPONENTS)}, check_mode=False
    )


def test_the_next_command_reaches_the_hosts_as_this_run_did():
    state = base.read_all(host(nofile=1024), {**dict.fromkeys(base.COMPONENTS), "restarts": DESIRED}, base.COMPONENTS)
    text = fleet_summary.render_fleet_summary({"app1": state}, False, command="ansible-playbook -i hosts.yml xitrum.host.site")
    assert text.endswith("run: ansible-playbook -i hosts.yml xitrum.host.site")
