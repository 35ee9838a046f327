# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of ss, on what it printed on real hosts, and what the backlog of a socket says."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import backlog, sockets
from hypothesis import given
from hypothesis import strategies as st

from .fake_host import FakeHost

DATA = Path(__file__).parent / "data" / "sockets"
SSHD_GROUP = "/docker/0123456789abcdef/system.slice/ssh.service"
KEYS = ("port", "address", "family", "backlog", "pid", "process", "pids", "cgroup")


def rows(name):
    """The rows of a data file, as tuples of KEYS."""
    return [tuple(row[key] for key in KEYS) for row in sockets.parse_listeners((DATA / name).read_text())]


@pytest.mark.parametrize(("name", "pid"), [("debian-11.txt", 34), ("debian-12.txt", 39), ("debian-13.txt", 53)])
def test_sshd_and_a_listener_of_somebody_else(name, pid):
    found = rows(name)
    assert (22, "0.0.0.0", "inet", 128, pid, "sshd", [pid], SSHD_GROUP) in found
    assert (22, "::", "inet6", 128, pid, "sshd", [pid], SSHD_GROUP) in found
    assert [row[3:] for row in found if row[1] == "127.0.0.11"] == [(4096, None, "", [], "/")]
    assert len(found) == 3


def test_one_socket_for_both_families_and_a_name_with_parentheses():
    found = {row[0]: row for row in rows("dual-stack.txt")}
    assert found[8000][1:4] == ("*", "dual", 1024)
    assert found[8001][1:4] == ("127.0.0.1", "inet", 4096), "somaxconn caps the 5000 that were asked for"
    assert found[4430][1:4] == ("::1", "inet6", 50)
    assert found[8000][5] == "we(ird", "ss itself ends the name at the blank"
    assert found[8000][4] == 287
    assert found[8000][6] == [287, 289], "a forked child holds the socket as well"


@pytest.mark.parametrize(("line", "address", "interface", "family"), [
    ("LISTEN 0 128 127.0.0.53%lo:53 0.0.0.0:* ino:1 sk:1 <->", "127.0.0.53", "lo", "inet"),
    ("LISTEN 0 128 [fe80::1%eth0]:546 [::]:* ino:1 sk:1 v6only:1 <->", "fe80::1", "eth0", "inet6"),
    ("LISTEN 0 128 :::8000 :::* ino:1 sk:1 v6only:0 <->", "::", "", "dual"),
    ("LISTEN 0 128 *:8000 *:* ino:1 sk:1 <->", "*", "", "inet"),
])
def test_addresses_of_other_versions_of_ss(line, address, interface, family):
    found = sockets.parse_listeners(line)
    assert [(row["address"], row["interface"], row["family"]) for row in found] == [(address, interface, family)]


@given(st.text())
def test_no_text_breaks_the_parser(text):
    assert all(0 <= row["port"] for row in sockets.parse_listeners(text))
    assert isinstance(sockets.parse_listeners("LISTEN 0 1 " + text), list)


def test_without_ss_nothing_is_known():
    assert sockets.listeners(FakeHost()) is None


@pytest.mark.parametrize(("asked", "live", "has", "status"), [
    (1024, 4096, 1024, "ok"),
    (1024, 4096, 4096, "ok"),  # Xitrum 3.31 asks for what somaxconn was
    (1024, 4096, 128, "restart"),  # somaxconn was raised after the start
    (1024, 128, 128, "differs"),  # a restart would not help
    (1024, 512, 128, "restart"),  # it would help a little
    (0, 4096, 1024, "restart"),
    (0, 4096, 4096, "ok"),
    (1024, None, 1024, "unseen"),
])
def test_whether_a_restart_is_due(asked, live, has, status):
    assert backlog.judge(asked, live, has)[0] == status


def host(listing, somaxconn="4096", **more):
    """A host whose ss prints a data file."""
    files = {"/proc/sys/net/core/somaxconn": somaxconn + "\n", "/etc/sysctl.d/90-xitrum.conf": "net.core.somaxconn = 1024\n", "/proc/39/stat": "39"}
    return FakeHost({**files, **more}, {" ".join(sockets.SS): (DATA / listing).read_text()})


def report(machine, **wanted):
    """What the module returns."""
    wanted = {"asked": 1024, "ports": [], "units": [], "pids": [], **wanted}
    plan = backlog.plan(wanted, backlog.read(machine, wanted))
    assert not plan.changed
    return plan.report()


def test_three_columns_of_a_port_for_both_families():
    found = report(host("debian-12.txt"), ports=[22])
    assert found["live"] == 4096
    assert found["configured"] == "1024 (/etc/sysctl.d/90-xitrum.conf)"
    assert [(one["family"], one["effective"], one["status"]) for one in found["sockets"]] == [("inet", 128, "restart"), ("inet6", 128, "restart")]
    assert found["rows"][1]["item"] == "port 22, inet6 [::]:22"
    assert found["rows"][0]["mend"] == "restart the process 39 (sshd)"


def test_what_nobody_listens_on_is_said():
    found = report(host("debian-12.txt"), ports=[8000])
    assert found["sockets"] == []
    assert [(row["status"], row["why"]) for row in found["rows"]] == [("unseen", "nobody listens on it")]


def test_a_unit_is_found_by_its_control_group_without_root():
    text = (DATA / "debian-12.txt").read_text().replace('users:(("sshd",pid=39,fd=3))', "").replace('users:(("sshd",pid=39,fd=4))', "")
    machine = host("debian-12.txt")
    machine.commands[" ".join(sockets.SS)] = text
    unit = (DATA.parent / "process" / "sshd" / "unit").read_text()
    machine.commands["systemctl show --no-pager --property=Id,LoadState,ActiveState,MainPID,ControlGroup,FragmentPath,DropInPaths,LimitNOFILE,"
                     "LimitNOFILESoft -- ssh.service"] = unit
    for found in (report(machine, units=["ssh"]), report(machine, ports=[22])):
        assert [(one["unit"], one["pid"], one["effective"]) for one in found["sockets"]] == [("ssh.service", None, 128)] * 2
        assert found["rows"][0]["mend"] == "systemctl restart ssh.service"


def test_a_pid_that_is_gone_and_one_that_does_not_listen():
    found = report(host("debian-12.txt"), pids=[39, 40])
    assert [one["target"] for one in found["sockets"]] == ["pid 39", "pid 39"]
    assert [(row["item"], row["why"]) for row in found["rows"] if row["status"] == "unseen"] == [("pid 40", "there is no such process")]


def test_without_ss_it_says_what_to_install():
    found = report(FakeHost({"/proc/sys/net/core/somaxconn": "4096\n"}), ports=[8000])
    assert [row["why"] for row in found["rows"]] == ["ss did not answer: install iproute2"]


def test_established_connections_have_their_ends_and_who_holds_them():
    rows = sockets.parse_established(
        '0 0 [::ffff:192.0.2.11]:8000 [::ffff:192.0.2.9]:40000 users:(("java",pid=7,fd=12))\n'
        '0 0 [fd00::1]:443 [fd00::2]:40001 users:(("haproxy",pid=8,fd=3),("haproxy",pid=9,fd=3))\n'
        '0 0 127.0.0.1:8000 127.0.0.1:40002\n')
    assert [(row["local"], row["peer"], row["port"], row["users"]) for row in rows] == [
        ("192.0.2.11:8000", "192.0.2.9:40000", 8000, [("java", 7)]),
        ("fd00::1:443", "fd00::2:40001", 443, [("haproxy", 8), ("haproxy", 9)]),
        ("127.0.0.1:8000", "127.0.0.1:40002", 8000, []),
    ]
