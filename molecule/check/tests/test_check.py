# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check is green after a run, finds exactly what somebody has broken since, and the command that it prints fixes that.

Faults of one round have nothing to do with each other. A round's check must be red for all of its faults and for nothing
else, so it shows as well that the commands of the round before have fixed all of that.
"""

import json
from xml.etree import ElementTree

import jmespath
import page
import pytest
import yaml

from tests.lib.faults import CERTIFICATE, CERTIFY, RENEW, ROUNDS
from tests.lib.questions import OF_CHECK, OF_STATUS, read_document
from tests.lib.site import CLONE

#: Everything on a host that a check could change and that nobody else does: files with what is in them, parameters, rules, processes.
#: What a login itself leaves in /run and /var/log is left out, and what the application writes.
SNAPSHOT = {
    "files": "find / -xdev '(' -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /var/log -o -path '*/instances/*/tmp' "
             "-o -name 'hsperfdata_xitrum' -o -path /var/lib/systemd ')' -prune -o '(' -type d -printf '%p %y %m %u %g\\n' ')' "
             "-o -printf '%p %y %m %u %g %s %T@ %C@ %l\\n' | sort",
    "parameters": "sysctl -a 2>/dev/null | grep -E '^(net|vm)[.]' | grep -v -e conntrack_count -e nf_log",
    "rules": "! command -v nft > /dev/null || nft -s list ruleset",
    "processes": "for pid in $(pgrep -x 'java|haproxy|systemd-journal|dbus-daemon'); do "
                 "echo $pid $(cut -d' ' -f22 /proc/$pid/stat) $(cat /proc/$pid/comm) $(grep 'open files' /proc/$pid/limits); done",
    "units": "systemctl list-units --all --no-legend --plain --type=service,socket,path | grep -v -e session -e user@ -e user-runtime-dir",
}


def snapshot(site):
    """What SNAPSHOT reports about each host."""
    return {(host, what): site.run_script(host, script).splitlines() for host in site.hosts for what, script in SNAPSHOT.items()}


@pytest.fixture(scope="module")
def around(site):
    """A check right after a run, and the hosts before and after it."""
    before = snapshot(site)
    return site.check().assert_in_sync(), before, snapshot(site)


def test_after_a_run_nothing_drifts(around):
    assert "0 drift" in around[0].output
    assert {found["component"] for found in around[0].findings} >= {"kernel", "nofile", "jdk", "alternatives", "redirects", "release", "files", "instance",
                                                                    "proxy", "certificate"}


def test_the_questions_of_the_page_have_answers(site, around):
    status = read_document(site, "status")
    assert {item["state"] for item in status["instances"]} == {"running"} and status["errors"] == []
    assert {item["name"] for item in status["proxies"] if item["serving"]} == set(site.hosts) & {item["name"] for item in status["proxies"]}
    check = around[0].document
    assert check["outcome"] == "in_sync"
    for document, questions in ((status, OF_STATUS), (check, OF_CHECK)):
        for question, expression in questions:
            # Of a fleet that is well, some select nothing; each fits the fields that there are.
            assert jmespath.search(expression, document) is not None, question


def test_a_check_changes_nothing_on_the_hosts(around):
    _checked, before, after = around
    assert all(before.values()), "there is something to compare everywhere"
    for (host, what), lines in before.items():
        assert set(lines) ^ set(after[host, what]) == set(), f"{what} of {host}"


@pytest.mark.parametrize(("what", "change", "back"), [
    ("files", "echo >> /etc/issue", "true"),
    ("parameters", "sysctl -q -w net.ipv4.tcp_tw_reuse=0", "sysctl -q -w net.ipv4.tcp_tw_reuse=1"),
    ("rules", "nft add table inet somebody", "nft delete table inet somebody"),
    ("processes", "old=$(systemctl show -P MainPID systemd-journald); kill -9 $old; "
     "until new=$(pgrep -x systemd-journal) && [ $new != $old ]; do sleep 0.1; done", "true"),
])
def test_a_change_would_have_been_seen(site, what, change, back):
    before = site.run_script("app1", SNAPSHOT[what])
    with site.change_for_now("app1", change, back):
        assert site.run_script("app1", SNAPSHOT[what]) != before


@pytest.mark.parametrize("faults", [
    # The others restart JVMs.
    pytest.param(faults, id="; ".join(fault.name for fault in faults), marks=[] if faults is ROUNDS[0] else [pytest.mark.long]) for faults in ROUNDS])
def test_what_was_broken_is_found_and_nothing_else_and_the_printed_command_fixes_it(site, around, faults):
    for fault in faults:
        if fault.host:
            site.run_script(fault.host, fault.does)
        else:
            site.must(fault.does)
    checked = site.check()
    assert checked.code != 0
    expected = {place: why for fault in faults for place, why in fault.red.items()}
    assert set(checked.drift) == set(expected), checked.output[-4000:]
    for place, found in checked.drift.items():
        assert expected[place] in found["why"], found
        assert found["fix"], found
        assert found["why"] in checked.output and found["fix"] in checked.output, found
    if RENEW in {found["why"] for found in checked.drift.values()}:
        site.must(f"{CERTIFY} 90")
    # As they stand: without the environment's inventory.
    for fix in dict.fromkeys(found["fix"] for found in checked.drift.values()):
        site.must(fix, inventory="nowhere")


def test_after_all_that_was_typed_nothing_drifts(site, around):
    site.check().assert_in_sync()


@pytest.fixture(scope="module")
def red(site, around):
    """A check that is red without a fault: of somebody who wants to know of certificates more than a year before their end."""
    checked = site.check("-e xitrum_certificate_days=400")
    assert checked.code != 0
    assert set(checked.drift) == {("proxy1", f"certificate {CERTIFICATE}")}, checked.output[-4000:]
    return checked


def test_programs_get_all_findings_and_the_columns_of_each(red):
    for found in red.findings:
        assert set(found) == {"host", "component", "item", "desired", "configured", "effective", "status", "level", "status_text", "why", "fix",
                              "commands"}
    levels = [found["level"] for found in red.findings]
    assert levels == sorted(levels, key=["drift", "note", "ok"].index)
    assert json.dumps(red.findings).count("not-a-secret") == 0


def test_ci_gets_well_formed_junit_with_the_right_counts(red):
    suite = ElementTree.parse(red.folder / "check.xml").getroot()
    count = {level: sum(found["level"] == level for found in red.findings) for level in ("drift", "note", "ok")}
    assert suite.tag == "testsuite"
    assert (int(suite.get("tests")), len(suite.findall("testcase"))) == (len(red.findings), len(red.findings))
    assert (int(suite.get("failures")), len(suite.findall("testcase/failure"))) == (count["drift"], count["drift"])
    assert (int(suite.get("skipped")), len(suite.findall("testcase/skipped"))) == (count["note"], count["note"])
    failed = [case for case in suite.findall("testcase") if case.find("failure") is not None]
    assert [(case.get("classname"), case.get("name")) for case in failed] == [("proxy1.certificate", f"certificate {CERTIFICATE}")]
    assert failed[0].find("failure").get("message") == red.drift["proxy1", f"certificate {CERTIFICATE}"]["why"]


class TestThePage:
    def test_it_loads_nothing(self, red):
        text = (red.folder / "check.html").read_text(encoding="utf-8")
        assert not [mark for mark in ("http://", "https://", "src=", "<link", "@import", "url(") if mark in text]

    @pytest.fixture(scope="class")
    def rows(self, red, tmp_path_factory):
        """The rows by what was done last: each follows what is listed before it."""
        sort = "document.querySelectorAll('th')[1].click();"
        steps = {
            "opened": "", "sorted": sort, "turned round": sort,
            "typed": "const box = document.querySelector('input'); box.value = 'SOMAXCONN'; box.dispatchEvent(new Event('input'));",
            "all levels": "document.querySelector('button.ok').click();",
        }
        return dict(zip(steps, page.rows_after(red.folder / "check.html", tmp_path_factory.mktemp("page"), steps.values()), strict=True))

    def test_all_rows_are_there_red_first_and_what_is_in_sync_is_hidden(self, red, rows):
        rows = rows["opened"]
        assert [row.cells[:5] for row in rows] == [[found[name] for name in ("host", "item", "desired", "configured", "effective")] for found in red.findings]
        assert [row.level for row in rows] == [found["level"] for found in red.findings]
        assert red.findings[0]["fix"] in rows[0].cells[6]
        assert {row.level: row.hidden for row in rows} == {"drift": False, "note": False, "ok": True}

    def test_a_click_sorts_and_a_second_click_turns_it_round(self, red, rows):
        key = [found["item"] for found in red.findings]
        for state in ("sorted", "turned round"):
            items = [row.cells[1] for row in rows[state]]
            assert sorted(items) == sorted(key)
            ends = sorted(("alternative java", "xitrum/app1-1"), reverse=state == "turned round")
            assert items.index(ends[0]) < items.index(ends[1])
            assert items != key

    def test_words_and_levels_filter(self, rows):
        assert [row for row in rows["typed"] if not row.hidden] == []
        assert [row.cells[1] for row in rows["all levels"] if not row.hidden] == ["net.core.somaxconn"] * 2

    def test_it_can_be_opened(self, red, tmp_path):
        picture = CLONE / ".cache/check.png"
        picture.unlink(missing_ok=True)
        page.browser(red.folder / "check.html", tmp_path / "profile", f"--screenshot={picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 20000


def test_the_login_user_gets_a_note_of_what_it_may_not_see_and_gets_no_false_alarm(site):
    checked = site.check("-e check_become=false").assert_in_sync()
    not_readable = [found for found in checked.findings if found["status"] == "not_readable"]
    assert {found["component"] for found in not_readable} >= {"instances", "proxy"}
    assert not [found for found in not_readable if not found["why"] or not found["fix"]]


@pytest.mark.parametrize("away", [["proxy1"], pytest.param(["app1", "proxy1"], marks=pytest.mark.long)], ids=["one", "all"])
def test_a_host_that_does_not_answer_is_a_finding(site, tmp_path, away):
    """On a port of the loopback that refuses. Where the others answer they are read all the same."""
    nowhere = tmp_path / "nowhere.yml"
    nowhere.write_text(yaml.safe_dump({"all": {"hosts": {host: {"ansible_port": 1} for host in away}}}), encoding="utf-8")
    checked = site.check(inventory=f"{site.inventory},{nowhere}")
    assert checked.code != 0
    assert {item["host"] for item in checked.findings} == {"app1", "proxy1"}
    assert set(checked.drift) == {(host, "host") for host in away}
    assert {found["why"] for found in checked.drift.values()} == {"it could not be reached"}
    assert "could not be reached" in (checked.folder / "check.html").read_text(encoding="utf-8")
    assert ElementTree.parse(checked.folder / "check.xml").getroot().get("failures") == str(len(away))
    # What it recommends shows what is wrong.
    found = checked.drift["proxy1", "host"]
    assert found["fix"] == f"ansible proxy1 -i molecule/check/inventory -i {nowhere} -m ansible.builtin.ping"
    assert found["fix"] in checked.output
    code, output = site.type(found["fix"], inventory="nowhere")
    assert code != 0 and "UNREACHABLE" in output
