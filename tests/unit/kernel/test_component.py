# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component kernel, over the hosts of data/kernel: a case is a file. Each is read, planned, applied, and verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.kernel import component as kernel
from ansible_collections.xitrum.host.plugins.module_utils.kernel import planning as kernel_plan

from ..fake_host import FakeHost, Unreadable

CASES = {path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parents[1] / "data" / "kernel").glob("*.json"))}
DEFAULTS = {name: option.get("default") for name, option in kernel.SPEC.items()}


class ProcHost(FakeHost):
    """A write of no bytes to /proc/sys succeeds and changes nothing."""

    def poke(self, path, text):
        if text:
            super().poke(path, text)


def host_of(case):
    """The host that a case describes."""
    stats = {path: Stat("file", mode, owner, "root", 0) for path, (mode, owner) in case.get("modes", {}).items()}
    commands = {words: tuple(answer) for words, answer in case.get("commands", {}).items()}
    return ProcHost(case["files"], commands, case.get("links"), stats, case.get("refuse"))


def plan_of(host, case):
    """The plan of a case on the host as it is now."""
    desired = {**DEFAULTS, **case["desired"]}
    return kernel.plan(desired, kernel.read(host, desired))


@pytest.mark.parametrize("name", CASES)
def test_planned(name):
    case = CASES[name]
    expected = case["expected"]
    host = host_of(case)
    plan = plan_of(host, case)
    assert host.done == [("run", words) for words in case.get("commands", {}) if " -n " in words], "planning changes nothing"
    if "error" in expected:
        assert list(plan.errors) == [expected["error"]]
        assert not plan.changed
        return
    assert list(plan.errors) == []
    assert plan.changed is expected["changed"]
    assert (plan.before != plan.after) is plan.changed, "the diff shows a change, and only a change"
    assert {key: plan.facts["parameters"][key]["outcome"] for key in expected.get("outcomes", {})} == expected.get("outcomes", {})
    rows = {row.item: row for row in plan.rows}
    for item, fields in expected.get("rows", {}).items():
        assert {field: getattr(rows[item], field) for field in fields} == fields


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "error" not in case["expected"]])
def test_applied_and_verified(name):
    case = CASES[name]
    expected = case["expected"]
    host = host_of(case)
    plan = plan_of(host, case)
    plan = kernel.apply(host, plan).plan
    assert plan.changed is expected.get("applied", expected["changed"])
    assert {key: plan.facts["parameters"][key]["outcome"] for key in expected.get("outcomes_after", {})} == expected.get("outcomes_after", {})
    rows = {row.item: row for row in plan.rows}
    for item, fields in expected.get("rows_after", {}).items():
        assert {field: getattr(rows[item], field) for field in fields} == fields
    assert {key: host.files[kernel_plan.get_proc_path(key)].strip() for key in expected.get("live", {})} == expected.get("live", {})
    assert {path: host.files.get(path) for path in expected.get("files", {})} == expected.get("files", {})
    if "record" in expected:
        record = json.loads(host.files[kernel.RECORD])["profiles"]["/etc/sysctl.d/90-xitrum.conf"]
        assert record["keys"] == expected["record"]
        assert host.stats[kernel.RECORD].mode == 0o600
    if not expected["changed"]:
        assert not [done for done in host.done if done[0] != "run"], "nothing to do means that nothing is written"
    again = plan_of(host, case)
    assert not again.changed, again.actions


@pytest.mark.parametrize("step", range(1, 6))
def test_a_killed_run_loses_no_value_from_before(step):
    case = CASES["container"]
    host = host_of(case)
    plan = plan_of(host, case)

    def killed_at(name, do):
        def act(*arguments, **options):
            host.left -= 1
            if host.left == 0:
                raise KeyboardInterrupt(name)
            return do(*arguments, **options)
        return act

    host.left = step
    write, poke = host.write, host.poke
    host.write, host.poke = killed_at("write", write), killed_at("poke", poke)
    try:
        kernel.apply(host, plan)
    except KeyboardInterrupt:
        assert step < 4
    host.write, host.poke = write, poke
    kernel.apply(host, plan_of(host, case))
    assert not plan_of(host, case).changed
    record = json.loads(host.files[kernel.RECORD])["profiles"]["/etc/sysctl.d/90-xitrum.conf"]["keys"]
    assert record == {"net.core.somaxconn": {"was": "128", "set": "1024"}}
    absent = {**case, "desired": {"state": "absent"}}
    kernel.apply(host, plan_of(host, absent))
    assert host.files["/proc/sys/net/core/somaxconn"] == "128\n"
    assert kernel.RECORD not in host.files


def test_a_module_that_is_loaded_brings_its_parameters_in_the_same_run():
    host = FakeHost({"/proc/sys/kernel/osrelease": "6.1.0\n"}, {"modprobe -n nf_conntrack": "", "modprobe nf_conntrack": ""})
    run = host.run

    def loads(argv, data=None):
        if argv == ["modprobe", "nf_conntrack"]:
            host.files["/sys/module/nf_conntrack/refcnt"] = "0\n"
            host.files["/proc/sys/net/netfilter/nf_conntrack_max"] = "65536\n"
        return run(argv, data)

    host.run = loads
    case = {"desired": {"modules": ["nf_conntrack"], "profile": {"net.netfilter.nf_conntrack_max": {"value": 100000, "policy": "at_least"}}}}
    plan = plan_of(host, case)
    assert plan.changed
    plan = kernel.apply(host, plan).plan
    assert plan.changed
    assert host.files["/proc/sys/net/netfilter/nf_conntrack_max"] == "100000\n"
    assert plan.facts["parameters"]["net.netfilter.nf_conntrack_max"]["outcome"] == "applied"
    assert host.files["/etc/modules-load.d/90-xitrum.conf"].endswith("\nnf_conntrack\n")
    assert not plan_of(host, case).changed


def test_a_user_who_may_not_see_the_record_plans_no_change_of_what_holds():
    case = CASES["second_run"]
    host = host_of(case)
    host.files[kernel.RECORD] = Unreadable("{}")
    plan = plan_of(host, case)
    assert not plan.changed
    assert [row.status for row in plan.rows] == ["ok"]


def test_what_cannot_be_read_is_not_readable():
    case = {"files": {"/proc/sys/net/ipv4/route/flush": Unreadable("")}, "desired": {"profile": {"net.ipv4.route.flush": 1}}}
    plan = plan_of(host_of(case), case)
    assert [(row.status, row.why) for row in plan.rows] == [("not_readable", "/proc/sys/net/ipv4/route/flush: Permission denied")]
    assert not plan.changed


def test_a_hidden_file_of_the_boot_is_reported():
    case = {"files": {"/etc/sysctl.d/50-secret.conf": Unreadable("")}, "desired": {"profile": {}}}
    plan = plan_of(host_of(case), case)
    assert [(row.item, row.status, row.why) for row in plan.rows] == [("files read at boot", "not_readable", "/etc/sysctl.d/50-secret.conf: Permission denied")]


LIVE = {"/proc/sys/kernel/osrelease": "6.1.0\n", "/proc/sys/net/core/somaxconn": "128\n", "/run/systemd/system/x": ""}
SOMAXCONN = {"desired": {"profile": {"net.core.somaxconn": 1024}}}


@pytest.mark.parametrize("links, target", [
    ({"/etc/sysctl.d/90-xitrum.conf": "/srv/sysctl.conf"}, "/srv/sysctl.conf"),
    ({"/etc/sysctl.d": "../srv/sysctl.d"}, "/srv/sysctl.d/90-xitrum.conf"),
])
def test_a_file_or_a_folder_that_is_a_link_stays_one(links, target):
    host = ProcHost(LIVE, links=links)
    kernel.apply(host, plan_of(host, SOMAXCONN))
    assert "net.core.somaxconn = 1024" in host.files[target] and host.links == links
    assert not plan_of(host, SOMAXCONN).changed
    gone = {"desired": {**SOMAXCONN["desired"], "state": "absent"}}
    kernel.apply(host, plan_of(host, gone))
    assert target not in host.files and host.links == links


@pytest.mark.parametrize("target, message", [
    ("/etc/sysctl.d/90-xitrum.conf", "leads in a circle"), ("/run/systemd", "which is a directory")])
def test_a_link_that_leads_to_no_file_is_an_error(target, message):
    host = FakeHost(LIVE, links={"/etc/sysctl.d/90-xitrum.conf": target})
    errors = list(plan_of(host, SOMAXCONN).errors)
    assert len(errors) == 1 and message in errors[0]
