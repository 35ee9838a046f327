# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser of ss, on what it printed on real hosts, and what the backlog of a socket reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import process, sockets
from ansible_collections.xitrum.host.plugins.module_utils.core.untrusted_text import make_printable
from ansible_collections.xitrum.host.plugins.module_utils.kernel import backlog
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost, connections, listeners

DATA = Path(__file__).parents[1] / "data" / "sockets"
SSHD_GROUP = "/docker/0123456789abcdef/system.slice/ssh.service"
KEYS = ("port", "address", "family", "backlog", "pid", "process", "pids", "cgroup")


def rows(name):
    """The rows of a data file, as tuples of KEYS."""
    return [tuple(row[key] for key in KEYS) for row in listeners((DATA / name).read_text())]


@pytest.mark.parametrize(("name", "pid"), [("debian-11.txt", 34), ("debian-12.txt", 39), ("debian-13.txt", 53)])
def test_sshd_and_another_listener(name, pid):
    found = rows(name)
    assert (22, "0.0.0.0", "inet", 128, pid, "sshd", [pid], SSHD_GROUP) in found
    assert (22, "::", "inet6", 128, pid, "sshd", [pid], SSHD_GROUP) in found
    assert [row[3:] for row in found if row[1] == "127.0.0.11"] == [(4096, None, "", [], "/")]
    assert len(found) == 3


def test_one_socket_for_both_families_and_a_name_with_parentheses():
    found = {row[0]: row for row in rows("dual-stack.txt")}
    assert found[8000][1:4] == ("*", "dual", 1024)
    assert found[8001][1:4] == ("127.0.0.1", "inet", 4096), "somaxconn caps the 5000 that were requested"
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
    found = listeners(line)
    assert [(row["address"], row["interface"], row["family"]) for row in found] == [(address, interface, family)]


@given(st.text())
def test_no_text_breaks_the_parser(text):
    assert all(0 <= row["port"] for row in listeners(text))
    assert isinstance(listeners("LISTEN 0 1 " + text), list)


def test_without_ss_nothing_is_known():
    assert sockets.read_listeners(FakeHost()) is None


@pytest.mark.parametrize(("requested", "live", "effective", "status"), [
    (1024, 4096, 1024, "ok"),
    (1024, 4096, 4096, "ok"),  # Xitrum 3.31 asks for what somaxconn was
    (1024, 4096, 128, "restart_pending"),  # somaxconn was raised after the start
    (1024, 128, 128, "drift"),  # a restart would not help
    (1024, 512, 128, "restart_pending"),  # it would help a little
    (0, 4096, 1024, "restart_pending"),
    (0, 4096, 4096, "ok"),
    (1024, None, 1024, "not_readable"),
])
def test_whether_a_restart_is_due(requested, live, effective, status):
    assert backlog.judge(requested, live, effective)[0] == status


def host(listing, somaxconn="4096", **more):
    """A host whose ss prints a data file."""
    files = {"/proc/sys/net/core/somaxconn": somaxconn + "\n", "/etc/sysctl.d/90-xitrum.conf": "net.core.somaxconn = 1024\n", "/proc/39/stat": "39"}
    return FakeHost({**files, **more}, {" ".join(sockets.SS): (DATA / listing).read_text()})


def report(machine, **desired):
    """What the module returns."""
    desired = {"requested": 1024, "ports": [], "units": [], "pids": [], **desired}
    plan = backlog.plan(desired, backlog.read(machine, desired))
    assert not plan.changed
    return plan.report()


def test_three_columns_of_a_port_for_both_families():
    found = report(host("debian-12.txt"), ports=[22])
    assert found["live"] == 4096
    assert found["configured"] == "1024 (/etc/sysctl.d/90-xitrum.conf)"
    found_sockets = [(one["family"], one["effective"], one["status"]) for one in found["sockets"]]
    assert found_sockets == [("inet", 128, "restart_pending"), ("inet6", 128, "restart_pending")]
    assert found["rows"][1]["item"] == "port 22, inet6 [::]:22"
    assert found["rows"][0]["fix"] == "restart the process 39 (sshd)"


def test_what_nobody_listens_on_is_reported():
    found = report(host("debian-12.txt"), ports=[8000])
    assert found["sockets"] == []
    assert [(row["status"], row["why"]) for row in found["rows"]] == [("not_readable", "nobody listens on it")]


def test_a_unit_is_found_by_its_control_group_without_root():
    text = (DATA / "debian-12.txt").read_text().replace('users:(("sshd",pid=39,fd=3))', "").replace('users:(("sshd",pid=39,fd=4))', "")
    machine = host("debian-12.txt")
    machine.commands[" ".join(sockets.SS)] = text
    unit = (DATA.parent / "process" / "sshd" / "unit").read_text()
    machine.commands["systemctl show --no-pager --property=Id,LoadState,ActiveState,MainPID,ControlGroup,FragmentPath,DropInPaths,LimitNOFILE,"
                     "LimitNOFILESoft -- ssh.service"] = unit
    for found in (report(machine, units=["ssh"]), report(machine, ports=[22])):
        assert [(one["unit"], one["pid"], one["effective"]) for one in found["sockets"]] == [("ssh.service", None, 128)] * 2
        assert found["rows"][0]["fix"] == "systemctl restart ssh.service"


def test_a_pid_that_is_gone_and_one_that_does_not_listen():
    found = report(host("debian-12.txt"), pids=[39, 40])
    assert [one["target"] for one in found["sockets"]] == ["pid 39", "pid 39"]
    assert [(row["item"], row["why"]) for row in found["rows"] if row["status"] == "not_readable"] == [("pid 40", "there is no such process")]


def test_without_ss_it_reports_what_to_install():
    found = report(FakeHost({"/proc/sys/net/core/somaxconn": "4096\n"}), ports=[8000])
    assert [row["why"] for row in found["rows"]] == ["ss did not answer: install iproute2"]


def test_established_connections_have_their_ends_and_who_holds_them():
    rows = connections(
        '0 0 [::ffff:192.0.2.11]:8000 [::ffff:192.0.2.9]:40000 users:(("java",pid=7,fd=12))\n'
        '0 0 [fd00::1]:443 [fd00::2]:40001 users:(("haproxy",pid=8,fd=3),("haproxy",pid=9,fd=3))\n'
        '0 0 127.0.0.1:8000 127.0.0.1:40002\n')
    assert [(row["local"], row["peer"], row["port"], row["users"]) for row in rows] == [
        ("192.0.2.11:8000", "192.0.2.9:40000", 8000, [("java", 7)]),
        ("fd00::1:443", "fd00::2:40001", 443, [("haproxy", 8), ("haproxy", 9)]),
        ("127.0.0.1:8000", "127.0.0.1:40002", 8000, []),
    ]


# ------------------------------------------------------------------------------------------------ names chosen by
# others

def names():
    """What ss of iproute2 6.1 printed of listeners whose processes chose their names to mislead a parser."""
    # Data files are UTF-8: one name has a byte that is none.
    text = (DATA / "names.txt").read_bytes().replace(b"<85>", b"\x85")
    return listeners(text.decode("utf-8", "surrogateescape"))


def test_a_name_hides_no_socket_and_makes_none():
    found = names()
    assert found.unread == ()
    assert {row["port"]: row["backlog"] for row in found} == {7000 + number: 100 + number for number in range(9)}
    # Two of them name a process with the number 1.
    assert sorted(row["pid"] for row in found) == list(range(21602, 21611))
    assert {row["process"] for row in found} >= {"a b", 'we"ird', "x\\ny", "\\nLISTEN 0 1 :1 ", 'a",pid=1,fd=2', "(x"}


USERS = 'users:(("java",pid=7,fd=12))'


@pytest.mark.parametrize(
    "line, cgroup",
    [
        (
            f"LISTEN 0 1024 *:8000 *:* {USERS} uid:998 ino:1 sk:1 cgroup:/system.slice/demo@0.service v6only:0 <->",
            "/system.slice/demo@0.service",
        ),
        (
            f'LISTEN 0 1024 *:8000 *:* {USERS} ino:1 sk:1 cgroup:/a b/users:(("x",pid=1,fd=1)) v6only:1 v6only:0 <->',
            '/a b/users:(("x",pid=1,fd=1)) v6only:1',
        ),
        (
            "LISTEN     0   1024      *:8000     *:*     "
            + USERS
            + " timer:(keepalive,1min,0) ino:1 fwmark:0x1 sk:1 v6only:0 <->",
            "",
        ),
        (f"LISTEN 0 1024 *:8000 *:* {USERS} ino:1 sk:1 v6only:0 <-> tos:0 class_id:0x1", ""),
        (f"LISTEN\t0\t1024\t*:8000\t*:*\t{USERS} ino:1 sk:1 v6only:0 <->   ", ""),
    ],
)
def test_columns_of_any_width_and_a_group_that_resembles_more(line, cgroup):
    found = listeners(line + "\n")
    assert found.unread == ()
    row = found[0]
    assert (row["port"], row["address"], row["family"], row["pids"], row["backlog"]) == (
        8000,
        "*",
        "dual" if "tos" not in line else row["family"],
        [7],
        1024,
    )
    assert row["cgroup"] == cgroup or "tos" in line


@pytest.mark.parametrize(
    "end, address, interface, family",
    [
        ("[::ffff:192.0.2.1]", "192.0.2.1", "", "inet"),
        ("[::ffff:127.0.0.1]", "127.0.0.1", "", "inet"),
        ("*%eth0", "*", "eth0", "dual"),
        ("0.0.0.0%vrf-1", "0.0.0.0", "vrf-1", "inet"),
        ("[2001:db8::1]", "2001:db8::1", "", "inet6"),
        ("[::]%eth0.7@if3", "::", "eth0.7@if3", "dual"),
    ],
)
def test_an_address_is_read_by_what_it_means(end, address, interface, family):
    found = listeners(f"LISTEN 0 50 {end}:8000 *:* ino:1 sk:1 v6only:0 <->")
    assert [(row["address"], row["interface"], row["family"]) for row in found] == [(address, interface, family)]


@pytest.mark.parametrize(
    "line",
    [
        "x LISTEN 0 128 0.0.0.0:8000 0.0.0.0:*",
        "LISTEN 0 128 no-address:8000 0.0.0.0:*",
        "LISTEN 0 128 0.0.0.0:http 0.0.0.0:*",
        "LISTEN 0 128 0.0.0.0:70000 0.0.0.0:*",
        "LISTEN 0 128",
        "Cannot open netlink socket",
        f"LISTEN 0 {'9' * 5000} 0.0.0.0:80 0.0.0.0:*",
        "LISTEN 0 1 :1 x",
        "LISTEN 0 128 0.0.0.300:80 0.0.0.0:*",
        "\tskmem:(r0,rb131072)",
        "LISTEN ٣ 1 0.0.0.0:80 0.0.0.0:*",
    ],
)
def test_a_line_that_cannot_be_read_is_kept_as_such(line):
    good = f"LISTEN 0 1024 *:8000 *:* {USERS} ino:1 sk:1 v6only:0 <->"
    found = listeners(f"{good}\n{line}\n{good.replace('8000', '8001')}\n")
    assert [row["port"] for row in found] == [8000, 8001]
    assert found.unread == (line,)
    note = sockets.format_unread_note(found)
    assert note.startswith("found 1 line of ss that cannot be parsed, such as ") and note.isprintable()


def test_a_row_whose_processes_cannot_be_read_is_still_a_row():
    found = listeners(
        'LISTEN 0 128 0.0.0.0:8000 0.0.0.0:* users:(("x",pid=many,fd=3)) ino:1\n'
        'LISTEN 0 128 0.0.0.0:8001 0.0.0.0:* ino:2\n'
    )
    assert [(row["port"], row["pids"]) for row in found] == [(8000, []), (8001, [])]
    assert len(found.unread) == 1


def test_other_states_are_no_listeners_and_no_fault():
    found = listeners("UNCONN 0 0 0.0.0.0:8000 0.0.0.0:*\nTIME-WAIT 0 0 127.0.0.1:1 127.0.0.1:2\n\n")
    assert (list(found), found.unread) == ([], ())


@given(st.text())
def test_no_text_breaks_the_parser_of_connections(text):
    for prefix in ("", "0 0 ", "0 0 127.0.0.1:1 127.0.0.1:2 ", "ESTAB 0 0 "):
        found = connections(prefix + text)
        assert all(isinstance(row["port"], int) for row in found) and all(
            isinstance(line, str) for line in found.unread
        )


@given(
    st.lists(
        st.sampled_from(
            [
                b"LISTEN 0 1 :1 ",
                b'",pid=1,fd=2),(',
                b"\n",
                b'"',
                b"a b",
                b"(",
                b"0 0 *:1 *:1",
                b"users:((",
                b"\r\x0b\x85",
            ]
        ),
        max_size=3,
    ),
    st.data(),
)
def test_no_name_of_fifteen_bytes_adds_or_takes_a_row(parts, data):
    # ss itself ends a name at a closing parenthesis.
    name = b"".join(parts)[:15].partition(b")")[0].decode("utf-8", "surrogateescape")
    shown = data.draw(st.sampled_from([name, "java"]))
    rows = [
        f'LISTEN 0 {port} 0.0.0.0:{port} 0.0.0.0:* users:(("{shown}",pid={port},fd=3)) ino:{port} sk:1 <->\n'
        for port in (80, 81)
    ]
    found = listeners("".join(rows))
    assert [(row["port"], row["backlog"], row["pids"]) for row in found] == [(80, 80, [80]), (81, 81, [81])]
    ends = [f'0 0 192.0.2.1:{port} 192.0.2.2:{port} users:(("{name}",pid={port},fd=3))\n' for port in (80, 81)]
    assert [(row["port"], row["users"]) for row in connections("".join(ends))] == [
        (port, [(make_printable(name), port)]) for port in (80, 81)
    ]


def test_connections_that_cannot_be_read_do_not_count_as_silence():
    found = connections(
        "0 0 127.0.0.1:x 127.0.0.1:2\n0 0 [fe80::1]%eth0:8000 [2001:DB8::2]:40000\nESTAB 0 0 127.0.0.1:1 127.0.0.1:2\n"
    )
    assert [(row["local"], row["peer"]) for row in found] == [
        ("fe80::1%eth0:8000", "2001:db8::2:40000"),
        ("127.0.0.1:1", "127.0.0.1:2"),
    ]
    assert found.unread == ("0 0 127.0.0.1:x 127.0.0.1:2",)
    for line in ("LISTEN 0 9 *:1 *:*", "0 0 127.0.0.1:1 127.0.0.1:*", "SYN-SENT 0 0 127.0.0.1:1 127.0.0.1:2"):
        found = connections(line)
        assert (list(found), found.unread) == ([], (line,))
    assert sockets.read_established(FakeHost()).unread == ("ss: not found on this host",)


def test_who_holds_a_socket_comes_from_descriptors_and_never_from_a_name():
    # A process that calls itself as a row of ss, or as the end of one, adds and hides nothing.
    for name in ("\nLISTEN 0 a :1 ", "\nLISTEN 0 9 *:1 *:1 ino:7", 'a",pid=1,fd=2),("', "\x1b]52;c;eA==\x07", "\n0 0 1.1.1.1:1 1.1.1.1:2"):
        host = FakeHost(
            {"/proc/7/comm": name[:15] + "\n"},
            {" ".join(sockets.SS): "LISTEN 0 128 0.0.0.0:80 0.0.0.0:* ino:5 sk:1 <->\n",
             " ".join(sockets.ESTABLISHED): "0 0 192.0.2.1:80 192.0.2.2:9 ino:6 sk:2 <->\n"},
            {"/proc/7/fd/3": "socket:[5]", "/proc/7/fd/4": "socket:[6]", "/proc/7/fd/5": "pipe:[5]", "/proc/9/fd/3": "anon_inode:[eventpoll]"},
        )
        found = sockets.read_listeners(host)
        assert [(row["port"], row["pids"]) for row in found] == [(80, [7])] and found.unread == ()
        assert found[0]["process"].isprintable()
        found = sockets.read_established(host, [7, 9])
        assert [(row["peer"], [pid for _name, pid in row["users"]]) for row in found] == [("192.0.2.2:9", [7])]
        assert found.unread == ()
        assert not any("-p" in line.split() for _run, line in [done for done in host.done if done[0] == "run"])


def test_descriptors_without_an_end_are_given_up_and_reported():
    ticks = iter(range(0, 1000, 15))
    host = FakeHost({}, {}, {f"/proc/{pid}/fd/3": "socket:[5]" for pid in (7, 8, 9, 10)})
    held, unread = sockets.find_holders(host, {5, None}, [9, 7, 8, 10], clock=lambda: next(ticks))
    assert held == {5: [7, 8]}
    assert unread == ("the file descriptors of the processes from 8 on were not read within 20 s",)
    assert sockets.find_holders(host, {None}, [7]) == ({}, ())


def test_only_the_processes_of_a_service_are_its_own():
    shown = "Id=nginx.service\nLoadState=loaded\nMainPID=7\nControlGroup=/system.slice/nginx.service\n"
    command = "systemctl show --no-pager --property=" + ",".join(process.UNIT_PROPERTIES) + " -- nginx.service"
    files = {"/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs": "8\n7\n", "/proc/9/comm": "nginx\n"}
    assert sockets.list_service_pids(FakeHost(files, {command: shown}), "nginx") == [7, 8]
    assert sockets.list_service_pids(FakeHost(files), "nginx") == [9], "too many are counted rather than too few"
