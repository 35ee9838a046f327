# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances: the name of a folder, what is due, and a folder made for real."""

from __future__ import annotations

import copy
import getpass
import grp
import os
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import installed, instances, restarts
from ansible_collections.xitrum.host.plugins.module_utils.core import addresses, sockets
from ansible_collections.xitrum.host.plugins.module_utils.core.host import LATE, Host, Result, Stat, find_user_name
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Plan
from ansible_collections.xitrum.host.plugins.module_utils.report import fleet_summary
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost, Unreadable, listeners
from ..read_fixture import read_of

JDK = {"home": "/usr/lib/jvm/j17", "version": 17}
JAVA = "/usr/lib/jvm/j17/bin/java"
TEXTS = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=4)


def desired(**more):
    return {
        "root": "/opt/demo", "log_dir": "/var/log/demo", "user": "demo", "release": "aaaaaaaaaaaa", "main_class": "quickstart.Boot",
        "heap": "512m", "java_options": [], "nofile": 1024000, "backlog": 1024, "service_digest": "feed", "interface": "",
        "name": "demo", "supervisor": "systemd", "verify": False, "health_path": "/", "health_status": 200,
        "instances": [{"index": 0, "port": 8000, "files": {"config/xitrum.conf": "conf"}}], **more,
    }


def folder(want):
    return instances.compute_folder_name(want["release"], instances.render_instance_files(want, want["instances"][0], JDK))


def running(want, **more):
    """The state of a host on which all is in sync."""
    name = folder(want)
    process = {"pid": 7, "cwd": f"/opt/demo/instances/0/{name}", "user": "demo", "exe": JAVA, "nofile": (20000, 20000), "environ": {"XITRUM_SERVICE": "feed"}}
    listeners = [{"port": 8000, "backlog": 4096, "address": "*"}]
    observed = {"folders": [name], "current": name, "previous": "", "environment": "", "process": {**process, **more}, "listeners": listeners, "log": True,
                "flags": None, "flags_error": "", "elsewhere": [],
                "service": {"active": "active", "boot": "enabled"}}
    return {"jdk": JDK, "java": JAVA, "granted": 20000, "somaxconn": 4096, "launcher": instances.render_launcher("/opt/demo"), "next_current": "",
            "locked": False, "instances": {0: observed}}


def test_nothing_is_pending_where_all_is_in_sync():
    plan = instances.plan(desired(), running(desired()))
    assert not plan.changed
    assert plan.facts["start"] == plan.facts["restart"] == plan.facts["orphaned"] == []
    assert {row.status for row in plan.rows} == {"ok"}


@pytest.mark.parametrize("change, message", [
    ({"cwd": "/opt/demo/instances/0/bbbbbbbbbbbb-0011223344"}, "folder"),
    ({"user": "root"}, "user"),
    ({"exe": "/usr/lib/jvm/j11/bin/java"}, "java"),
    ({"exe": JAVA + " (deleted)"}, "java"),
    ({"nofile": (1024, 20000)}, "nofile"),
    ({"environ": {}}, "service"),
])
def test_what_a_process_cannot_take_on_while_it_runs_is_due(change, message):
    due = instances.plan(desired(), running(desired(), **change)).facts["instances"][0]["restart_reasons"]
    assert len(due) == 1 and due[0].startswith(message)


def test_the_heap_and_the_options_are_read_from_the_running_jvm():
    want = desired(java_options=["-XX:MaxDirectMemorySize=64m", "-XX:-UsePerfData", "-Da=b"])
    state = running(want)
    flags = "-XX:MaxHeapSize=536870912 -XX:MaxDirectMemorySize=67108864 -XX:-UsePerfData"
    state["instances"][0]["flags"] = instances.jvm.parse_flags(flags)
    assert not instances.plan(want, state).facts["restart"]
    state["instances"][0]["flags"]["MaxHeapSize"] = "268435456"
    assert "MaxHeapSize: 268435456 instead of 536870912" in instances.plan(want, state).facts["instances"][0]["restart_reasons"]


STATUS = "Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n"
LIMITS = "Max open files            1024                 20000                files\n"
QUERIED = "setpriv --no-new-privs --inh-caps=-all -- " \
          f"nsenter --target 7 --mount --setuid 815815 --setgid 815816 -- {JAVA[:-4]}jcmd -J-XX:-UsePerfData 7 VM.flags"


def read_instance(**links):
    """What a check read of instance 0, in whose folder another process, a shell and the JVM work, and what it ran."""
    files = {JAVA: "", "/proc/1/limits": LIMITS}
    all_links = {"/proc/self/ns/user": "user:[1]"}
    for pid, comm, uid in ((3, "java", 815817), (5, "sh", 815815), (7, "java", 815815)):
        files[f"/proc/{pid}/stat"] = f"{pid} ({comm}) S 1 " + " ".join(["0"] * 17) + " 5000 0\n"
        files[f"/proc/{pid}/status"] = STATUS.format(uid=uid, gid=uid + 1)
        all_links.update({f"/proc/{pid}/cwd": "/opt/demo/instances/0/r", f"/proc/{pid}/exe": JAVA, f"/proc/{pid}/ns/user": "user:[1]"})
    there = FakeHost(files, {QUERIED: "7:\n-XX:MaxHeapSize=536870912\n"}, {**all_links, **links})
    want = desired(verify=True, user="815815", name="", health_path="")
    return want, instances.read(there, want, {"jdk": JDK}), [words for done, words in there.done if done == "run" and "jcmd" in words]


def test_the_jvm_is_queried_as_its_own_user_and_nobody_elses_program_in_its_folder():
    _want, state, ran = read_instance()
    observed = state["instances"][0]
    assert (observed["process"]["pid"], observed["flags"], observed["flags_error"], ran) == (7, {"MaxHeapSize": "536870912"}, "", [QUERIED])


@pytest.mark.parametrize("links, message", [
    ({"/proc/7/ns/user": "user:[2]"}, "has a user namespace of its own"),
    ({"/proc/7/exe": "/home/demo/java"}, "runs /home/demo/java, which is not on the disk"),
])
def test_a_process_in_a_world_of_its_own_is_not_queried_and_its_flags_are_not_seen(links, message):
    want, state, ran = read_instance(**links)
    assert (ran, state["instances"][0]["flags"]) == ([], None)
    row = next(row for row in instances.plan(want, state).rows if row.status == "not_readable")
    assert row.item == "instance-0 flags" and message in row.why


def test_a_backlog_from_before_the_tuning_is_due():
    state = running(desired())
    state["instances"][0]["listeners"][0]["backlog"] = 128
    assert instances.plan(desired(), state).facts["restart"] == [{"index": 0, "port": 8000, "folder": folder(desired())}]


@pytest.mark.parametrize("answer", [404, 302, 401])
def test_a_health_page_that_a_running_instance_does_not_know_is_an_error(answer):
    state = running(desired())
    state["instances"][0]["page"] = answer
    assert f"instance 0 runs, and answers {answer} for /; expected 200" in instances.plan(desired(), state).errors[0]


@pytest.mark.parametrize("answer", [200, 429, 500, 503, "Connection refused", None])
def test_a_sick_instance_reports_nothing_about_the_health_page(answer):
    state = running(desired())
    state["instances"][0]["page"] = answer
    assert not instances.plan(desired(), state).errors


@pytest.mark.parametrize(("answer", "sick"), [(200, False), (None, False), (500, True), (404, True), (429, True), ("timed out\x1b[2J", True)])
def test_a_running_instance_that_is_not_healthy_is_work_that_is_left(answer, sick):
    for verify in (False, True):
        want = desired(verify=verify)
        state = running(want)
        state["instances"][0]["page"] = answer
        plan = instances.plan(want, state)
        found = {"instances": read_of(plan)}
        assert plan.facts["unhealthy"] == ([0] if sick else [])
        assert fleet_summary.needs_work(found) == sick
    rows = [(row.status, row.desired, row.effective) for row in plan.rows if row.item == "instance-0 health"]
    assert rows == ([] if answer is None else [("drift" if sick else "ok", "200 for /", str(answer).replace("\x1b", "\\x1b"))])
    assert list(plan.errors) == [] and ("read its log" in fleet_summary.open_work(found, "app1")) == sick


@pytest.mark.parametrize(("answers", "verify", "last"), [
    ([500, 500, 500], True, 500), ([500, 200], True, 200), (["timed out", 503, 200], True, 200), ([200], True, 200), ([500], False, 500),
])
def test_a_page_that_is_not_as_desired_is_queried_again_at_the_end_of_a_run(monkeypatch, answers, verify, last):
    there, left = FakeHost(), list(answers)
    monkeypatch.setattr(there, "fetch_status", lambda *_where, **_how: left.pop(0))
    monkeypatch.setattr(instances, "PAGE_PAUSE", 0)
    assert (instances.read_page(there, desired(verify=verify), 8000, [{"port": 8000, "address": "*"}]), left) == (last, [])


@pytest.mark.parametrize("address, queried", [("*", "127.0.0.1"), ("192.0.2.1", "192.0.2.1"), ("::", "::1")])
def test_the_health_page_is_queried_where_the_instance_listens(address, queried):
    there = FakeHost(pages={8000: 404})
    assert instances.read_page_status(there, desired(), 8000, [{"port": 4430, "address": "*"}, {"port": 8000, "address": address}]) == 404
    assert there.done == [("page", queried, 8000, "/")]
    assert instances.read_page_status(there, desired(), 8000, []) is None


@pytest.mark.parametrize("text, verify, status", [
    ("all is well", True, 200), ("welcome", True, "200 without the text 'welcome'"), ("welcome", False, 200), ("", True, 200)])
def test_a_check_and_the_end_of_a_run_compare_the_text_of_the_page(text, verify, status):
    there = FakeHost(pages={8000: 200})
    there.texts = {8000: "<p>all is well</p>"}
    want = desired(verify=verify, health_text=text, health_timeout=10)
    assert instances.read_page_status(there, want, 8000, [{"port": 8000, "address": "*"}]) == status
    state = running(want)
    state["instances"][0]["page"] = status
    plan = instances.plan(want, state)
    assert plan.facts["unhealthy"] == ([] if status == 200 else [0]) and list(plan.errors) == []
    if text and verify:
        (row,) = [row for row in plan.rows if row.item == "instance-0 health"]
        assert (row.desired, row.effective) == (f"200 with the text {text!r} for /", str(status))
        assert status == 200 or "xitrum_health_text" in row.fix


def test_an_instance_that_listens_elsewhere_is_due():
    state = running(desired(interface="192.0.2.1"))
    assert instances.plan(desired(interface="192.0.2.1"), state).facts["instances"][0]["restart_reasons"] == ["address: *:8000 instead of 192.0.2.1:8000"]


def test_an_instance_that_its_supervisor_does_not_know_is_due():
    state = running(desired())
    state["instances"][0]["service"] = {"active": "inactive", "boot": "enabled"}
    assert instances.plan(desired(), state).facts["instances"][0]["restart_reasons"] == ["systemd: inactive instead of active, enabled"]


def test_an_instance_that_is_only_not_enabled_at_boot_has_drift_and_is_not_restarted():
    state = running(desired())
    state["instances"][0]["service"] = {"active": "active", "boot": "disabled"}
    plan = instances.plan(desired(), state)
    assert [(row.item, row.status, row.why) for row in plan.rows if row.status != "ok"] == [
        ("instance-0 systemd", "drift", "it runs, and would not be started at boot")]
    assert plan.facts["restart"] == []


def test_a_small_somaxconn_is_not_the_processs_fault():
    state = {**running(desired()), "somaxconn": 128}
    state["instances"][0]["listeners"][0]["backlog"] = 128
    assert not instances.plan(desired(), state).facts["restart"]


def test_every_setting_makes_another_folder():
    contents = {}
    for change in (
        {}, {"heap": "1g"}, {"java_options": ["-Da=b"]}, {"main_class": "other.Boot"}, {"release": "bbbbbbbbbbbb"},
        {"instances": [{"index": 0, "port": 8000, "files": {"config/xitrum.conf": "other"}}]}
    ):
        want = desired(**change)
        files = instances.render_instance_files(want, want["instances"][0], JDK)
        contents[instances.compute_folder_name(want["release"], files, contents)] = files
    assert len(contents) == 6 and len({name.rpartition("-")[0] for name in contents}) == 2


@given(TEXTS, TEXTS)
def test_two_sets_of_files_have_one_name_only_if_they_are_the_same(one, other):
    first = instances.compute_folder_name("aa", one)
    same = first == instances.compute_folder_name("aa", other, {first: {path: one.get(path, "") for path in {*one, *other}}})
    assert same == (one == other)


def test_the_name_of_a_folder_gives_no_secret_away():
    """Neither by a digest of it: a name is in reports, and a short secret is found by trying."""
    def names(secret, conf="{}"):
        want = desired(java_options=[f"-Dpassword={secret}"])
        want["instances"][0]["files"] = {"config/xitrum.conf": conf.format(secret), "config/key.pem": secret}
        return folder(want)

    assert names("1234") == names("4321") and names("1", 'db.password = "{}"') == names("2", 'db.password = "{}"')


def test_a_folder_keeps_its_name_when_one_before_it_is_removed():
    """A run removes older folders after it has switched: at its end the instance runs the desired state."""
    files = {"config/key.pem": "c"}
    first = instances.compute_folder_name("aa", files)
    other, mine = {first: {"config/key.pem": "a"}, f"{first}.2": {"config/key.pem": "b"}}, f"{first}.3"
    assert instances.compute_folder_name("aa", files, other) == mine
    for gone in ((), (first,), (f"{first}.2",), tuple(other)):
        left = {name: texts for name, texts in {**other, mine: files}.items() if name not in gone}
        assert instances.compute_folder_name("aa", files, left) == mine
    # Without the right to read, the one in use is taken for it.
    hidden = {name: {"config/key.pem": None} for name in (*other, mine)}
    assert instances.compute_folder_name("aa", files, hidden, current=mine) == mine


def test_another_secret_makes_an_instance_outdated(tmp_path):
    """On a real host: the folder of the secret before stays, and the process in it has to be restarted."""
    def want(secret):
        return desired(root=str(tmp_path), log_dir=f"{tmp_path}/log", name="", instances=[
            {"index": 0, "port": 8000, "files": {"config/xitrum.conf": f"secureKey = {secret}"}}])

    host, names = FakeHost(), []
    for secret in ("a", "b", "c", "b"):
        files = instances.render_instance_files(want(secret), want(secret)["instances"][0], JDK)
        observed = instances.read_contents(host, f"{tmp_path}/instances/0", names, [*files])
        name = instances.compute_folder_name("aaaaaaaaaaaa", files, observed)
        if name not in names:
            names.append(name)
            host.files.update({f"{tmp_path}/instances/0/{name}/{path}": text for path, text in files.items()})
    assert [name.partition(".")[2] for name in names] == ["", "2", "3"] and name == names[1]
    state = running(want("c"), cwd=f"{tmp_path}/instances/0/{names[0]}")
    state["instances"][0].update(folders=names, current=names[0], contents=observed)
    plan = instances.plan(want("c"), {**state, "launcher": instances.render_launcher(str(tmp_path))})
    assert plan.facts["restart"] == [{"index": 0, "port": 8000, "folder": names[2]}]
    assert installed.parse_release(f"{tmp_path}/instances/0/{names[2]}", str(tmp_path)) == "aaaaaaaaaaaa"


def test_who_may_not_read_the_files_takes_them_for_the_same():
    host = FakeHost({"/i/aa-1/environment": Unreadable("x"), "/i/aa-1/config/a": "x"})
    assert instances.read_contents(host, "/i", ["aa-1"], ["environment", "config/a", "none"]) == {
        "aa-1": {"environment": None, "config/a": "x", "none": ""}}


def test_a_bare_host_has_all_to_start_and_an_instance_too_many_is_orphaned():
    want = desired(instances=[{"index": index, "port": 8000 + index, "files": {}} for index in (0, 1)])
    none = {"folders": [], "current": "", "previous": "", "environment": "", "process": None, "listeners": [], "log": False, "flags": None,
            "flags_error": "", "elsewhere": [], "service": None}
    state = {**running(desired()), "launcher": None, "instances": {number: copy.deepcopy(none) for number in (0, 1, 2)}}
    plan = instances.plan(want, state)
    assert [item["index"] for item in plan.facts["start"]] == [0, 1]
    assert plan.facts["orphaned"] == [{"index": 2}]
    assert [action for action, _index, _detail in plan.actions] == ["launcher", "make", "make"]


def test_old_folders_go_but_not_the_current_previous_or_running_one():
    state = running(desired(), cwd="/opt/demo/instances/0/run-1")
    state["instances"][0].update(folders=["old-1", "run-1", "prev-1", "cur-1"], current="cur-1", previous="prev-1")
    plan = instances.plan(desired(), state)
    assert [detail for action, _index, detail in plan.actions if action == "remove"] == ["old-1"]


def test_an_old_folder_alone_goes_too_and_is_reported():
    state = running(desired())
    state["instances"][0]["folders"].append("old-1")
    plan = instances.plan(desired(), state)
    assert list(plan.actions) == [("remove", 0, "old-1")]
    row = next(row for row in plan.rows if row.status == "drift")
    assert (row.item, row.configured, row.why) == ("instance-0 old folders", "old-1", "they are unreferenced")


def test_an_option_that_cannot_be_passed_stops_it():
    assert "-Da b" in instances.plan(desired(java_options=["-Da b"]), running(desired())).errors[0]


def test_a_jdk_below_home_is_not_seen_by_the_unit():
    state = {**running(desired()), "java": "/home/alice/jdk/bin/java"}
    assert "the JDK is /home/alice/jdk/bin/java" in instances.plan(desired(), state).errors[0]
    assert list(instances.plan(desired(supervisor="runit"), state).errors) == []


class Local(Host):
    """The real host, with files owned by whoever runs the test."""

    def set_owner(self, path, mode, owner, group):
        super().set_owner(path, mode, getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)


def test_a_folder_made_for_real_leaves_the_package_unedited(tmp_path):
    root, log = tmp_path / "opt", tmp_path / "log"
    release = root / "releases" / "aaaaaaaaaaaa"
    for path, text in {"config/xitrum.conf": "stock", "config/flash/policy.xml": "x", "lib/a.jar": "jar", "script/runner": "#!", "extra/x": "x"}.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_text(text)
    want = desired(root=str(root), log_dir=str(log), user=find_user_name(os.geteuid()))
    host = Local()
    actions = [("launcher", None, None),
               ("make", 0, ("aaaaaaaaaaaa-0011", {"config/xitrum.conf": "own", "environment": "A='b'\n"}))]
    plan = Plan(actions=actions, desired=want)
    instances.apply(host, plan)
    home = root / "instances" / "0" / "aaaaaaaaaaaa-0011"
    assert sorted(os.listdir(home)) == ["config", "environment", "extra", "lib", "log", "script", "tmp"]
    assert (home / "config" / "xitrum.conf").read_text() == "own"
    assert (release / "config" / "xitrum.conf").read_text() == "stock"
    assert os.path.samefile(home / "script" / "runner", release / "script" / "runner") and not (home / "script" / "runner").is_symlink()
    assert (home / "config" / "flash" / "policy.xml").read_text() == "x"
    assert (home / "lib").is_symlink() and (home / "lib" / "a.jar").read_text() == "jar"
    assert os.readlink(home / "log") == f"{log}/0"
    assert os.stat(home / "config" / "xitrum.conf").st_mode & 0o777 == 0o640
    assert os.listdir(root / "instances" / "0") == ["aaaaaaaaaaaa-0011"]


CONF = """# Instance 0 of demo. Written by xitrum.host: changes to the package's own configuration.
include file("/opt/demo/releases/aa/config/xitrum.conf")

xitrum {
  port {
    http = 8000
    https = 4430
  }
  interface = "10.0.0.5"
  mine { http = 1 }
  http = 2
}
"""


@pytest.mark.parametrize(("files", "configured"), [
    ({"xitrum.conf": CONF}, {"http": 8000, "https": 4430, "interface": "10.0.0.5", "cluster": False}),
    ({"xitrum.conf": CONF.replace("4430", "null").replace('  interface = "10.0.0.5"\n', ""),
      "akka.conf": "# Instance 0 of demo as a member\n"},
     {"http": 8000, "https": 0, "interface": "", "cluster": True}),
    # The package's own, and none.
    ({"xitrum.conf": "xitrum { port { http = ${PORT} } }", "akka.conf": "akka {}\n"}, {}),
    ({}, {}),
])
def test_where_an_instance_listens_is_what_was_written_for_it(files, configured):
    host = FakeHost({f"/opt/demo/instances/0/current/config/{name}": text for name, text in files.items()})
    assert instances.read_configured(host, "/opt/demo/instances/0/current") == configured


@pytest.mark.parametrize(("group", "refused"), [(None, False), ("demo", False), ("xitrum", True)])
def test_another_user_than_the_one_of_the_releases_is_refused(group, refused):
    errors = list(instances.plan(desired(), {**running(desired()), "group": group}).errors)
    message = "xitrum_user is demo, and the releases in /opt/demo belong to the group xitrum"
    assert [error.startswith(message) for error in errors] == [True] * refused


@pytest.mark.parametrize("given, ends", [("-Xmx1g -Djava.io.tmpdir=/mine", "-Xmx1g -Djava.io.tmpdir=/mine"), (None, "")])
def test_the_launcher_keeps_native_code_out_of_tmp_and_what_a_user_sets_wins(tmp_path, given, ends):
    home = tmp_path / "instances/0/aa-1"
    (home / "script").mkdir(parents=True)
    (home / "script/runner").write_text('#!/bin/sh\necho "$1|$TMPDIR|$_JAVA_OPTIONS|$PWD"\n')
    (home / "script/runner").chmod(0o755)
    options = "" if given is None else f"_JAVA_OPTIONS='{given}'\n"
    (home / "environment").write_text(f"XITRUM_MAIN_CLASS='a.Boot'\n{options}")
    (tmp_path / "instances/0/current").symlink_to("aa-1")
    (tmp_path / "run").write_text(instances.render_launcher(str(tmp_path)))
    environment = {name: value for name, value in os.environ.items() if name != "_JAVA_OPTIONS"}
    out = subprocess.run(["sh", str(tmp_path / "run"), "0"], capture_output=True, text=True, check=True, env=environment).stdout
    tmp = f"{home.resolve()}/tmp"
    assert out == f"a.Boot|{tmp}|-Djava.io.tmpdir={tmp} -Djna.tmpdir={tmp} {ends}|{home.resolve()}\n"


# --------------------------------------------------------------------------------------------------- where it listens

def listens(end, pid=7, port=8000, backlog=4096):
    """A row of ss as a module reads it."""
    peer = "*" if end.startswith(("[", "*")) else "0.0.0.0"
    more = " v6only:0" if peer == "*" else ""
    return listeners(
        f'LISTEN 0 {backlog} {end}:{port} {peer}:* users:(("java",pid={pid},fd=12)) ino:1 sk:1{more} <->'
    )


@pytest.mark.parametrize(
    "interface, names, ends",
    [
        ("", {}, ["*", "0.0.0.0"]),
        ("*", {}, ["*", "0.0.0.0"]),
        ("0.0.0.0", {}, ["*", "0.0.0.0"]),
        ("::", {}, ["*", "0.0.0.0"]),
        ("192.0.2.1", {}, ["192.0.2.1", "[::ffff:192.0.2.1]"]),
        ("localhost", {}, ["127.0.0.1", "[::ffff:127.0.0.1]"]),
        ("localhost", {"localhost": ["::1"]}, ["[::1]", "127.0.0.1"]),
        ("app1", {"app1": ["192.0.2.1"]}, ["192.0.2.1", "[::ffff:192.0.2.1]"]),
        ("2001:DB8:0::1", {}, ["[2001:db8::1]"]),
        ("fe80::1%eth0", {}, ["[fe80::1]%eth0"]),
    ],
)
def test_an_instance_that_listens_on_its_address_is_in_sync(interface, names, ends):
    want = desired(interface=interface)
    for end in ends:
        state = running(want)
        state["listening"] = instances.find_listening_place(FakeHost(names=names), interface)
        state["instances"][0]["listeners"] = listens(end)
        plan = instances.plan(want, state)
        assert (plan.facts["restart"], list(plan.errors), {row.status for row in plan.rows}) == ([], [], {"ok"}), end
        for other in ("192.0.2.9", "[2001:db8::9]"):
            state["instances"][0]["listeners"] = listens(other)
            assert instances.plan(want, state).facts["instances"][0]["restart_reasons"] == [
                f"address: {other}:8000 instead of {addresses.add_brackets(interface) or '*'}:8000"]


@pytest.mark.parametrize(
    "interface, names, unbound, message",
    [
        ("nobody.example", {}, {}, "this host does not know the name"),
        ("192.0.2.9", {}, {"192.0.2.9": "Cannot assign requested address"}, "Cannot assign requested address"),
        ("app1", {"app1": ["192.0.2.9", "192.0.2.8"]}, {"192.0.2.9": "Not here"}, ""),
        ("localhost", {}, {"::1": "Cannot assign requested address"}, ""),
        ("::", {}, {"::": "Address family not supported by protocol"}, ""),
    ],
)
def test_an_address_on_which_nobody_can_listen_stops_a_run(interface, names, unbound, message):
    want = desired(interface=interface)
    state = {**running(want), "listening": instances.find_listening_place(FakeHost(names=names, unbound=unbound), interface)}
    state["instances"][0].update(listeners=[])
    found = list(instances.plan(want, state).errors)
    assert [
        f"xitrum_interface is {interface!r}, where no program of this host can listen ({message})" in error
        for error in found
    ] == ([True] if message else [])
    if message and "name" not in message:
        state["instances"][0]["listeners"] = listens(interface)
        assert list(instances.plan(want, state).errors) == [], "one that listens there proves that it can"


def test_without_ss_nobody_knows_where_an_instance_listens():
    want = desired(health_path="", name="")
    for listing, result in (
        (None, "ss did not answer"),
        ("LISTEN 0 1024 here\n", "1 line of ss that cannot be parsed"),
        ("LISTEN 0 1024 *:8000 *:* ino:1 sk:1 v6only:0 <->\n", "only root sees which process listens on port 8000"),
    ):
        state = running(want)
        files = {
            "/proc/7/stat": "7 (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n",
            "/proc/7/status": STATUS.format(uid=0, gid=0),
        }
        commands = {} if listing is None else {" ".join(sockets.SS): listing}
        there = FakeHost(
            {**files, JAVA: "", "/proc/1/limits": LIMITS},
            commands,
            {"/proc/7/cwd": state["instances"][0]["process"]["cwd"], "/proc/7/exe": JAVA},
        )
        rows = {row.item: row for row in instances.plan(want, instances.read(there, want, {"jdk": JDK})).rows}
        for item in ("instance-0 address", "instance-0 backlog"):
            assert rows[item].status == "not_readable" and result in rows[item].why


# ------------------------------------------------------------------------------------------------------- the backlog


@pytest.mark.parametrize("live, after, effective, backlog, status, restarted", [
    (4096, "4096", 4096, 1024, "ok", False),
    (128, "1024", 4096, 1024, "ok", False),  # lowered since it started: it has what it had
    (128, "1024", 128, 1024, "drift", False),  # started meanwhile: the kernel comes first
    (1024, "1024", 128, 1024, "restart_pending", True),  # then the restart
    (128, "128", 128, 128, "ok", False),  # cannot be set here
    (128, None, 128, 128, "ok", False),  # not in the profile
    (600, "1024", 128, 1024, "restart_pending", True),  # it would help, though not enough
    (4096, "512", 512, 512, "ok", False),  # the profile asks for less
])
def test_the_desired_backlog_is_that_of_the_profile_and_not_the_live_one(
    live, after, effective, backlog, status, restarted
):
    kernel = {"parameters": {"net.core.somaxconn": {"after": after}} if after else {}}
    state = {**running(desired()), "somaxconn": live, "somaxconn_planned": restarts.find_planned_somaxconn(kernel)}
    state["instances"][0]["listeners"][0]["backlog"] = effective
    plan = instances.plan(desired(), state)
    row = next(row for row in plan.rows if row.item == "instance-0 backlog")
    assert (row.desired, row.configured, row.effective, row.status) == (
        f">= {backlog}",
        str(live),
        str(effective),
        status,
    )
    assert bool(plan.facts["restart"]) is restarted


@pytest.mark.parametrize("live, effective, status, restarted", [
    (4096, 4096, "ok", False),
    (128, 4096, "ok", False),  # lowered since it started: it has what it had
    (128, 128, "drift", False),  # a restart would take the same again
    (128, 0, "restart_pending", True),
    (600, 128, "restart_pending", True),
    (600, 600, "drift", False),  # and after that restart none is due
])
def test_a_deploy_which_does_not_read_the_profile_lowers_no_desired_backlog(live, effective, status, restarted):
    there = FakeHost({"/proc/sys/net/core/somaxconn": f"{live}\n", "/proc/1/limits": "Max open files  20000  20000  files\n"},
                     {"sh -c ulimit -HSn 20000": ""})
    state = {**running(desired()), **restarts.read_start_state(there, desired()["nofile"]), "granted": 20000}
    state["instances"][0]["listeners"][0]["backlog"] = effective
    plan = instances.plan(desired(), state)
    row = next(row for row in plan.rows if row.item == "instance-0 backlog")
    assert (row.desired, row.status, bool(plan.facts["restart"])) == (">= 1024", status, restarted)
    assert not plan.changed and ("xitrum.host.base" in row.why) is (status == "drift")


def test_the_profile_is_queried_only_where_it_is_read():
    assert [
        restarts.find_planned_somaxconn(kernel)
        for kernel in (None, {}, {"parameters": {}}, {"parameters": {"net.core.somaxconn": {"after": ""}}})
    ] == [0] * 4
    assert restarts.read_somaxconn(FakeHost({"/proc/sys/net/core/somaxconn": "many\n"})) == 0


# --------------------------------------------------------------------------------------------------- flags of the JVM

def probed(flags, table, java_options=(), every=""):
    """What a check read where jcmd reports `flags`, and a second JVM prints `table` (None: it does not start)."""
    want = desired(verify=True, user="815815", name="", health_path="", heap="409m", java_options=list(java_options))
    inside = QUERIED.partition("jcmd")[0].rpartition(" ")[0]
    probe = (
        f"{inside} {JAVA} -XX:+IgnoreUnrecognizedVMOptions -Xmx256m -Xms256m -Xmx409m -XX:+ExitOnOutOfMemoryError "
        "-XX:-HeapDumpOnOutOfMemoryError "
        + "".join(f"{option} " for option in java_options if option != "-javaagent:/x.jar")
        + "-XX:-UsePerfData -XX:+PrintFlagsFinal -version"
    )
    commands = {QUERIED: f"7:\n{flags}\n", QUERIED + " -all": every, probe: (1, "", "Error") if table is None else table}
    files = {
        JAVA: "",
        "/proc/1/limits": LIMITS,
        "/proc/7/stat": "7 (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n",
        "/proc/7/status": STATUS.format(uid=815815, gid=815816),
        "/proc/7/cmdline": "java\0-Xmx256m\0-javaagent:/x.jar\0-cp\0/lib\0quickstart.Boot\0",
    }
    links = {
        "/proc/self/ns/user": "user:[1]",
        "/proc/7/cwd": "/opt/demo/instances/0/r",
        "/proc/7/exe": JAVA,
        "/proc/7/ns/user": "user:[1]",
    }
    there = FakeHost(files, commands, links)
    plan = instances.plan(want, instances.read(there, want, {"jdk": JDK}))
    rows = {
        row.item.partition(" ")[2]: row.status
        for row in plan.rows
        if row.why != "it runs on another JDK, or on one that was replaced since"
    }
    return rows, [words for done, words in there.done if done == "run" and "PrintFlagsFinal" in words], probe


def test_a_heap_that_the_jvm_rounds_is_in_sync_and_no_second_jvm_is_started():
    rows, started, _probe = probed("-XX:MaxHeapSize=429916160 -XX:+UseG1GC -XX:G1HeapRegionSize=1048576", "")
    assert (rows["MaxHeapSize"], started) == ("ok", [])


def test_what_a_restart_would_give_is_in_sync():
    table = "   size_t MaxHeapSize   = 428900352    {product} {command line, ergonomic}\n"
    rows, started, probe = probed("-XX:MaxHeapSize=428900352 -XX:+UseEpsilonGC", table)
    assert (rows["MaxHeapSize"], started) == ("ok", [probe])
    assert probed("-XX:MaxHeapSize=268435456 -XX:+UseEpsilonGC", table)[0]["MaxHeapSize"] == "restart_pending"
    assert probed("-XX:MaxHeapSize=268435456 -XX:+UseEpsilonGC", None)[0]["MaxHeapSize"] == "restart_pending"


def test_a_flag_that_is_not_printed_is_read_from_the_jvm_and_one_that_the_jdk_lacks_is_no_drift():
    options = ["-XX:+AggressiveOpts", "-XX:MaxGCPauseMillis=200", "-XX:ParallelGCThreads=2", "-javaagent:/x.jar"]
    table = (
        "   size_t MaxHeapSize   = 429916160    {product}\n    uintx MaxGCPauseMillis   = 200   {product} {default}\n"
        "   uint ParallelGCThreads  = 2 {product} {command line}\n"
    )
    rows, _started, _probe = probed(
        "-XX:MaxHeapSize=429916160 -XX:ParallelGCThreads=4",
        table,
        options,
        "    uintx MaxGCPauseMillis   = 200   {product} {default}\n",
    )
    assert (rows["AggressiveOpts"], rows["MaxGCPauseMillis"], rows["ParallelGCThreads"]) == ("absent", "ok", "restart_pending")


def test_a_jvm_that_does_not_answer_is_not_seen_and_not_restarted():
    want, state, _ran = read_instance()
    there = FakeHost({JAVA: ""}, {QUERIED: (1, "", "com.sun.tools.attach.AttachNotSupportedException: no\n\tat x")})
    found = instances.read_flags(there, want, state["instances"][0]["process"], {})
    assert found == {
        "flags": None,
        "flags_error": "jcmd could not ask process 7 for its flags: com.sun.tools.attach.AttachNotSupportedException: no",
    }
    state["instances"][0].update(found)
    row = next(row for row in instances.plan(want, state).rows if row.item == "instance-0 flags")
    assert row.status == "not_readable"


def test_a_jvm_that_never_answers_is_not_waited_for_any_longer(monkeypatch):
    """A file of the application makes jcmd wait, too: a faked .java_pid."""
    want, state, _ran = read_instance()
    there, waits = FakeHost({JAVA: ""}), []
    monkeypatch.setattr(there, "run", lambda argv, **more: [waits.append((argv, more["seconds"])), Result(LATE, "", "had not ended")][1])
    found = instances.read_flags(there, want, state["instances"][0]["process"], {})
    assert found["flags"] is None and [seconds for _argv, seconds in waits] == [30]


@pytest.mark.parametrize("owner, planted, refused", [("alice", True, True), ("alice", False, False), ("root", True, False)])
def test_what_a_former_owner_of_the_log_folder_put_there_is_found_before_root_writes(owner, planted, refused):
    there = FakeHost({"/var/log/demo/runs.log": ""}, stats={"/var/log/demo": Stat("directory", 0o755, owner, owner, 0)},
                     links={"/var/log/demo/output-0.log": "/etc/shadow"} if planted else {})
    planned = Plan(desired=desired())
    if refused:
        with pytest.raises(PermissionError, match=r"output-0.log in /var/log/demo is a link, and /var/log/demo belonged to alice"):
            instances.apply(there, planned)
    else:
        instances.apply(there, planned)


STOP = {"user": "ann", "host": "laptop", "since": 5}


def stopped(want, current=None, **more):
    """The state of a host on which an operator stopped the only instance."""
    state = running(want)
    state["stops"] = {0: STOP}
    state["instances"][0].update(process=None, listeners=[], service={"active": "inactive", "boot": "disabled"})
    if current:
        state["instances"][0].update(current=current, folders=[folder(want), current])
    state.update(more)
    return state


def test_what_an_operator_stopped_is_neither_started_nor_drift():
    plan = instances.plan(desired(), stopped(desired()))
    assert not plan.changed and not fleet_summary.needs_work({"instances": {**plan.report(), "drift": plan.changed}})
    assert plan.facts["start"] == plan.facts["restart"] == plan.facts["switch"] == []
    (row,) = plan.rows
    assert (row.status, row.effective) == ("stopped", "not running")
    assert row.why == "it was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z. start.yml starts it"


def test_a_release_for_what_an_operator_stopped_is_laid_out_and_switched_to():
    want = desired()
    state = stopped(want, "bbbbbbbbbbbb-1")
    plan = instances.plan(want, state)
    assert plan.facts["switch"] == [{"index": 0, "port": 8000, "folder": folder(want)}] and plan.facts["start"] == []
    assert fleet_summary.needs_work({"instances": {**plan.report(), "drift": plan.changed}})
    state["instances"][0]["folders"] = ["bbbbbbbbbbbb-1"]
    assert [action[0] for action in instances.plan(want, state).actions] == ["make"]


@pytest.mark.parametrize("entry", ["drained", "stopped", "started"])
def test_a_step_in_which_an_operator_stopped_it_has_ended(entry):
    record = {"0": {"state": entry, "folder": "", "healthy": folder(desired())}}
    plan = instances.plan(desired(), stopped(desired(), record=record, locked=True))
    assert plan.facts["restart"] == plan.facts["start"] == []
    assert plan.facts["recovery"] == {"gone": [{"index": 0}]}


def test_one_that_was_started_since_is_a_note():
    state = running(desired())
    state["stops"] = {0: STOP}
    state["instances"][0]["service"] = {"active": "active", "boot": "disabled"}
    plan = instances.plan(desired(), state)
    (row,) = [row for row in plan.rows if row.status != "ok"]
    assert row.status == "stopped" and "something started it since. Run start.yml, or stop.yml again" in row.why
    assert plan.facts["start"] == plan.facts["restart"] == []
