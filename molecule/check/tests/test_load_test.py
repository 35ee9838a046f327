# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/load_test.yml: what the fleet holds, what limits it, and what a backlog is good for. All load stays between the hosts of the scenario."""

import json
import re
import shlex

import pytest

from tests.lib.site import wait_for
from tests.verify.load import THOROUGH

COMMON = {"load_test_rate": 1000, "load_test_seconds": 1, "load_test_heartbeat": 1, "load_test_timeout": 20}
#: The connections of each route.
COUNT = 2000 if THOROUGH else 500
#: Processes of a load and their folders, on a host.
LEFT = "ls -d /run/xitrum.host-load-* /tmp/xitrum.host-load-* 2>/dev/null; ps -eo args= | grep '[c]onnection_load'"


@pytest.fixture(scope="module")
def load_test(site, tmp_path_factory):
    """Runs the load test: (exit code, what was printed, the figures or None)."""
    folder = tmp_path_factory.mktemp("load_test")

    def run(label, **variables):
        everything = {**COMMON, "load_test_label": label, "load_test_report_dir": str(folder), **variables}
        code, output = site.type(f"ansible-playbook playbooks/load_test.yml -e {shlex.quote(json.dumps(everything))}")
        file = folder / f"{label}.json"
        return code, output, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    return run


@pytest.fixture(scope="module")
def before(load_test):
    code, output, found = load_test("before", load_test_connections=COUNT, load_test_burst_connections=400, load_test_burst_application=True)
    assert code == 0, output[-4000:]
    return output, found


def test_a_run_that_is_killed_leaves_connections_for_now(site):
    """That they do not stay is seen at the end: nobody checks them any more."""
    settings = {**COMMON, "load_test_connections": 100, "load_test_routes": ["direct"], "load_test_seconds": 600, "load_test_burst_connections": 0}
    with site.start_killed_run(playbook="playbooks/load_test.yml", **settings):
        wait_for("connections are held", lambda: site.run_script("proxy1", LEFT, check=False))
    assert site.run_script("proxy1", LEFT, check=False) != ""


def test_all_connections_are_held_directly_and_through_the_proxy(before):
    result, found = before
    for route in ("direct", "proxy"):
        figures = found["routes"][route]
        assert (figures["requested"], figures["held"], figures["lost"], figures["not_opened"], figures["ended_by"]) == (COUNT, COUNT, 0, [], []), result[-4000:]
        assert figures["pongs"] >= COUNT and figures["promise"]["largest"] > 2000
        assert 0 < figures["memory_bytes"].get("java", 1) < 1 << 20
    assert found["routes"]["proxy"]["fullest"]["name"] == "haproxy" and found["routes"]["proxy"]["fullest"]["files"] > 2 * COUNT
    assert f"{COUNT} held, 0 lost" in result, "it reports how far it is"
    assert "changed=0" in result and "changed=1" not in result


def test_a_backlog_of_128_overflows_and_one_of_1024_does_not(before):
    for host in ("app1", "proxy1"):
        small, large, *_live = before[1]["bursts"][host]
        assert (small["requested"], small["at_once"], small["delayed"] + small["failed"]) == (128, 129, 271)
        assert small["ListenOverflows"] > 0 and small["slowest_ms"] > 900
        assert (large["requested"], large["at_once"], large["delayed"], large["failed"], large["ListenOverflows"]) == (1024, 400, 0, 0, 0)
    live = before[1]["bursts"]["app1"][2]
    assert live["requested"] == 0 and live["at_once"] + live["delayed"] == 400


@pytest.mark.long
def test_a_low_limit_of_open_files_is_named_next_to_the_run_before(site, before, load_test):
    """By HTTPS this time."""
    pid = site.read_main_pid("app1", 0)
    change = f"setpriv --reuid xitrum --regid xitrum --clear-groups prlimit --pid {pid} --nofile="
    soft = site.run_script("app1", f"awk '/open files/ {{print $4}}' /proc/{pid}/limits")
    with site.change_for_now("app1", f"{change}300:", f"{change}{soft}:"):
        code, output, found = load_test("after", load_test_connections=1000, load_test_routes=["proxy"], load_test_tls=True, load_test_burst_connections=0)
    assert code != 0, output[-4000:]
    figures = found["routes"]["proxy"]
    assert f"found {figures['held']} connections held" in " ".join(output.split()) and "expected 1000 (load_test_connections)" in " ".join(output.split())
    assert 200 < figures["held"] < 1000 and figures["ended_by"][0][0] == "nofile"
    assert "of its 300 open files (nofile)" in output
    # A row has its columns apart; a sentence that begins with the same word has not.
    rows = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    columns = [row[-2:] for row in rows if len(row) > 1 and row[0] in ("before", "held", "limited by")]
    assert columns == [["before", "after"], [str(COUNT), str(figures["held"])], ["nothing", "nofile"]]


def test_what_cannot_be_made_is_refused_before_the_first_connection(load_test):
    code, output, found = load_test("refused", load_test_connections=10_000_000, load_test_rate=100_000)
    assert code != 0 and found is None
    assert "load_test_connections: found 10000000 to be made by this host, which can make" in output and "The largest number that holds is" in output
    assert "Open the connections" not in output


def test_nothing_is_left_on_the_hosts_of_any_run(site, before):
    for host in site.hosts:
        wait_for(f"the processes of the killed run on {host} have ended", lambda host=host: site.run_script(host, LEFT, check=False) == "", seconds=60)
