# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component nofile: what a login may have open, and never more than the host can grant."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat
from ansible_collections.xitrum.host.plugins.module_utils.limits import nofile as limits
from hypothesis import given
from hypothesis import strategies as st

from ..fake_host import FakeHost, Unreadable

OWN = "/etc/security/limits.d/90-xitrum.conf"
DEFAULTS = {name: option.get("default") for name, option in limits.SPEC.items()}


def lines(*values):
    """Our file for '*' and root, with one value or one each."""
    values = values * (4 // len(values))
    keys = ("* soft", "* hard", "root soft", "root hard")
    return limits.MARK + "".join(f"{key} nofile {value}\n" for key, value in zip(keys, values, strict=True))


def status(hard, uid=0, parent=1, cap="000001ffffffffff"):
    """This process: /proc/self/limits and /proc/self/status."""
    return {
        "/proc/self/limits": f"Max open files            1024                 {hard}                files     \n",
        "/proc/self/status": f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nPPid:\t{parent}\nCapBnd:\t{cap}\n",
    }


def machine(files=(), hard=524288, nr_open=1048576, raises=True, tried=(), commands=(), **more):
    """A host where root's trial of a limit succeeds or not."""
    texts = {**status(hard, **more), "/proc/sys/fs/nr_open": f"{nr_open}\n", "/proc/sys/fs/file-max": "9223372036854775807\n", **dict(files)}
    values = tried or {1024000, min(1024000, nr_open), hard + 1, min(nr_open, hard + 1), 65536, nr_open}
    trial = {f"sh -c ulimit -HSn {value}": (0 if raises else 2, "", "") for value in values}
    return FakeHost(texts, {**trial, **dict(commands)})


def plan_of(host, **desired):
    """The plan on the host as it is now."""
    desired = {**DEFAULTS, **desired}
    return limits.plan(desired, limits.read(host, desired))


def test_written_once_and_kept():
    host = machine()
    plan = plan_of(host)
    assert plan.changed
    assert (plan.facts["granted"], plan.facts["why"]) == (1024000, "")
    assert [row.status for row in plan.rows] == ["drift", "drift"]
    assert all(words.startswith("sh -c ulimit") for _run, words in host.done), "reading changes nothing"
    limits.apply(host, plan)
    assert host.files[OWN] == lines(1024000)
    again = plan_of(host)
    assert not again.changed
    assert [(row.item, row.configured, row.status) for row in again.rows] == [
        ("limits of *", "1024000 1024000", "ok"), ("limits of root", "1024000 1024000", "ok")]


def test_root_has_lines_of_its_own():
    assert "root hard nofile 1024000\n" in plan_of(machine()).after


@pytest.mark.parametrize(("host", "granted", "why"), [
    (machine(nr_open=65536), 65536, "fs.nr_open is 65536"),
    (machine(nr_open=2000000, files={"/etc/sysctl.d/99-small.conf": "fs.nr_open = 70000\n"}), 70000, "fs.nr_open is 70000 after a reboot"),
    (machine(hard=20000, raises=False), 20000, "root cannot raise the hard limit of 20000 here (no CAP_SYS_RESOURCE: a container)"),
    (machine(hard=20000, uid=1000, cap="00000000a80425fb"), 20000, "root cannot raise the hard limit of 20000 here (no CAP_SYS_RESOURCE: a container)"),
    (machine(hard=20000, uid=1000), 1024000, ""),
])
def test_never_more_than_the_host_can_grant(host, granted, why):
    plan = plan_of(host)
    assert (plan.facts["granted"], plan.facts["why"]) == (granted, why)
    assert plan.after == lines(granted)
    limits.apply(host, plan)
    again = plan_of(host)
    assert not again.changed
    if why:
        assert {row.status for row in again.rows} == {"read_only"}
        assert again.rows[0].why == f"granted {granted} of 1024000: {why}"
        assert again.rows[0].fix


def test_what_was_raised_by_hand_is_gone_after_a_reboot():
    """A limit above the kernel's own fs.nr_open needs it in a file, or the next boot locks everybody out."""
    trial = {"sh -c ulimit -HSn 2000000": ""}
    host = machine(nr_open=3000000, commands=trial)
    assert plan_of(host, nofile=2000000).facts["granted"] == 1048576
    host.files["/etc/sysctl.d/90-xitrum.conf"] = "fs.nr_open = 2000000\n"
    assert plan_of(host, nofile=2000000).facts["granted"] == 2000000
    systemd = machine(nr_open=1073741816, commands=trial)
    assert plan_of(systemd, nofile=2000000).facts["granted"] == 2000000, "systemd sets its own again at each boot"


def test_a_login_that_was_limited_before_does_not_hide_what_the_daemon_has():
    """Our own session has the limit of an earlier run; sshd, which let us in, still has the host's."""
    files = {"/proc/77/limits": "Max open files            1024                 20000                files     \n", "/proc/77/status": "PPid:\t1\n",
             "/proc/1/limits": "Max open files            1073741816           1073741816           files     \n"}
    host = machine(hard=15000, parent=77, raises=False, tried={20001, 1024000}, files=files)
    assert plan_of(host).facts["granted"] == 20000
    raised = machine(hard=1024000, parent=77, tried={1024001}, files={**files, OWN: lines(1024000)})
    assert plan_of(raised, nofile=65536).after == lines(65536), "what we raised ourselves is not a reason to keep it"


def test_below_what_can_be_granted_nothing_is_reported():
    host = machine(hard=20000, raises=False, commands={"sh -c ulimit -HSn 20001": (2, "", "")})
    plan = plan_of(host, nofile=15000)
    assert plan.after == lines(15000, 20000, 15000, 20000), "the hard limit that logins have without us is not lowered"
    assert plan.facts["why"] == ""
    assert plan_of(host, nofile=15000, policy="exact").after == lines(15000)


def test_a_later_line_that_wins_is_named():
    host = machine(files={OWN: lines(1024000), "/etc/security/limits.d/95-other.conf": "# theirs\n* - nofile 4096 # small\n"})
    row = plan_of(host).rows[0]
    assert (row.status, row.configured) == ("drift", "4096 4096")
    assert row.why == "/etc/security/limits.d/95-other.conf line 2 (* - nofile 4096) comes later and wins"
    assert row.fix == "sed -i '2s/^/# /' /etc/security/limits.d/95-other.conf"
    assert not plan_of(host).changed, "it is not ours to edit"


def test_an_earlier_line_is_overridden():
    host = machine(files={OWN: lines(1024000), "/etc/security/limits.conf": "* hard nofile 4096\n", "/etc/security/limits.d/10-a.conf": "* - nofile 8192\n"})
    assert [row.status for row in plan_of(host).rows] == ["ok", "ok"]


@pytest.mark.parametrize(("policy", "soft", "hard"), [("at_least", 1024000, 1048576), ("exact", 1024000, 1024000)])
def test_a_better_line_stays(policy, soft, hard):
    host = machine(files={"/etc/security/limits.conf": "* hard nofile unlimited\n* soft nofile 4096\n"})
    assert plan_of(host, policy=policy).after == lines(soft, hard, 1024000, 1024000)


def test_dash_and_soft_of_one_domain_the_later_wins():
    found = limits.parse("f", "* - nofile 10\n* soft nofile 20\n@staff - nofile 5\n* hard nproc 7\n* soft NOFILE 30\n* soft nofile many\n")
    assert [tuple(line)[1:] for line in found] == [(1, "*", "-", 10), (2, "*", "soft", 20), (3, "@staff", "-", 5), (5, "*", "soft", 30)]
    assert (limits.find_line(found, "*", "soft").value, limits.find_line(found, "*", "hard").value) == (30, 10)


@given(st.text())
def test_no_text_breaks_the_parser(text):
    assert all(line.kind in ("soft", "hard", "-") for line in limits.parse("f", text))


@given(st.integers(1, limits.NR_OPEN_MOST), st.integers(1, 2 ** 30), st.integers(1, 2 ** 30), st.booleans(), st.none() | st.integers(1, 2 ** 30))
def test_nothing_above_a_bound_is_ever_written(nofile, nr_open, inherited, raises, at_boot):
    state = {"nr_open": nr_open, "nr_open_at_boot": at_boot, "inherited": (1, inherited), "raises": raises, "lines": [], "file_text": None, "logins": {},
             "use_pam": "yes", "file_max": 0, "unread": []}
    plan = limits.plan({**DEFAULTS, "nofile": nofile}, state)
    found = limits.parse(OWN, plan.after)
    values = [line.value for line in found]
    assert len(values) == 4
    assert max(values) <= nr_open
    assert max(line.value for line in found if line.kind == "soft") <= nofile
    assert max(values) <= max(nofile, inherited)
    assert at_boot is None or max(values) <= at_boot
    assert raises or max(values) <= inherited
    assert plan.facts["granted"] == nofile or plan.facts["why"]


def test_a_new_login_is_queried():
    ask = "timeout 10 su -s /bin/sh {} -c ulimit -Sn; ulimit -Hn"
    answers = {"root": "1024000\n1024000\n", "xitrum": "1024\n524288\n", "gone": (1, "", "su: no such user")}
    host = machine(files={OWN: lines(1024000)}, commands={ask.format(user): words for user, words in answers.items()})
    rows = {row.item: row for row in plan_of(host, logins=["root", "xitrum", "gone"]).rows}
    assert (rows["login of root"].effective, rows["login of root"].status) == ("1024000 1024000", "ok")
    assert (rows["login of xitrum"].effective, rows["login of xitrum"].status) == ("1024 524288", "drift")
    assert rows["login of gone"].status == "not_readable"


def test_a_line_of_one_user_is_named():
    host = machine(files={OWN: lines(1024000), "/etc/security/limits.d/10-a.conf": "xitrum soft nofile 4096\n@students - nofile 512\n"},
                   commands={"timeout 10 su -s /bin/sh xitrum -c ulimit -Sn; ulimit -Hn": "4096\n1024000\n"})
    rows = {row.item: row for row in plan_of(host, logins=["xitrum"]).rows}
    assert (rows["limits of xitrum"].status, rows["limits of xitrum"].fix) == ("drift", "sed -i '1s/^/# /' /etc/security/limits.d/10-a.conf")
    assert rows["limits of @students"].status == "ok"


@pytest.mark.parametrize(("text", "included", "value"), [
    ("UsePAM yes\n", [], "yes"),
    ("#UsePAM yes\n", [], "no"),
    ("usepam=no\nUsePAM yes\n", [], "no"),
    ("Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n", ["Port 22\n", "UsePAM no\n"], "no"),
    ("Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n", ["Port 22\n"], "yes"),
    ("UsePAM yes\nInclude /etc/ssh/sshd_config.d/*.conf\n", ["UsePAM no\n"], "yes"),
])
def test_whether_sshd_uses_pam(text, included, value):
    assert limits.use_pam(text, included) == value
    files = {"/etc/ssh/sshd_config": text, **{f"/etc/ssh/sshd_config.d/{index}.conf": more for index, more in enumerate(included)}}
    rows = [row.item for row in plan_of(machine(files=files)).rows if row.item == "sshd UsePAM"]
    assert rows == (["sshd UsePAM"] if value == "no" else [])


def test_all_processes_together():
    row = plan_of(machine(files={"/proc/sys/fs/file-max": "100000\n"})).rows[-1]
    assert (row.item, row.status, row.fix) == ("fs.file-max", "drift", "sysctl -w fs.file-max=1024000")


def test_a_hidden_file_is_reported():
    host = machine(files={"/etc/security/limits.d/10-a.conf": Unreadable("x")})
    assert [(row.item, row.status) for row in plan_of(host).rows][-1] == ("limits of /etc/security/limits.d/10-a.conf", "not_readable")


def test_absent_takes_the_file_away():
    host = machine(files={OWN: lines(1024000)})
    plan = plan_of(host, state="absent")
    assert plan.changed
    assert (plan.before, plan.after) == (lines(1024000), "")
    limits.apply(host, plan)
    assert OWN not in host.files
    assert not plan_of(host, state="absent").changed


@pytest.mark.parametrize(("files", "desired", "error"), [
    ({OWN: "* hard nofile 5\n"}, {}, f"{OWN} holds lines that this collection does not manage, and would be replaced: move it away, or choose another path"),
    ({}, {"path": "/etc/limits.conf"}, "path: found /etc/limits.conf, expected a file directly in /etc/security/limits.d whose name ends in .conf, such as "
     "/etc/security/limits.d/90-xitrum.conf"),
    ({}, {"nofile": 0}, "nofile: found 0, expected a number of open files from 1 to 1073741816"),
    ({}, {"domains": ["a b"]}, "domains: 'a b' is not a domain of limits.conf(5)"),
])
def test_refused_before_anything_is_touched(files, desired, error):
    host = machine(files=files, tried={1, 524289, 1024000})
    plan = plan_of(host, **desired)
    assert list(plan.errors) == [error]
    assert not plan.changed


@pytest.mark.parametrize("target, mode", [("/srv/limits.conf", 0o640), ("../../../srv/limits.conf", 0o644)])
def test_a_file_that_is_a_link_stays_one(target, mode):
    path = "/etc/security/limits.d/90-xitrum.conf"
    host = machine({"/srv/limits.conf": limits.MARK})
    host.links[path] = target
    host.stats["/srv/limits.conf"] = Stat("file", mode, "root", "ops", 0)
    limits.apply(host, plan_of(host))
    assert host.links[path] == target and "soft nofile" in host.files["/srv/limits.conf"] and path not in host.files
    assert host.stats["/srv/limits.conf"][:4] == ("file", mode, "root", "ops")
    assert not plan_of(host).actions
    limits.apply(host, plan_of(host, state="absent"))
    assert host.links[path] == target and "/srv/limits.conf" not in host.files


def test_a_file_that_every_user_may_write_is_refused():
    path = "/etc/security/limits.d/90-xitrum.conf"
    host = machine({path: limits.MARK})
    host.stats[path] = Stat("file", 0o666, "root", "root", 0)
    assert "every user may change it" in plan_of(host).errors[0]
