# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site as a browser sees it through the proxy, and what is in force in the processes, sockets and files of its hosts."""

import re
import socket

import pytest

from tests.lib import websocket_client
from tests.lib.demo_instance import request
from tests.lib.site import ROOT
from tests.verify.instances import InstanceContract
from tests.verify.proxy import ask, find_own_address, read_client

APPS = ("app1", "app2")
INSTANCES = [(host, index) for host in APPS for index in (0, 1)]
each_instance = pytest.mark.parametrize(("host", "index"), INSTANCES, ids=[f"{host}-{index}" for host, index in INSTANCES])


def address(site, host):
    return site.hosts[host]["xitrum_address"]


class TestThroughTheProxy:
    def test_all_four_instances_answer_a_page_with_a_session_at_the_published_port(self, site):
        port = site.hosts["proxy1"]["fleet_published"][80]
        release, seen = site.find_release("app1"), set()
        # One after the other, but a busy machine may delay a health check.
        for _turn in range(40):
            answer, page = ask("127.0.0.1", port=port)
            assert answer.status == 200
            assert "_session=" in " ".join(answer.headers.get_all("Set-Cookie"))
            meta = dict(re.findall(r'<meta name="?([\w-]+)"? content="?([^">]+)', page))
            assert answer.getheader("X-Demo-Instance") in meta.values(), f"the page does not name its instance: {meta}"
            seen.add(answer.getheader("X-Demo-Instance"))
        assert seen == {f"{host}:{8000 + index}" for host, index in INSTANCES}
        assert {site.find_release(host) for host in APPS} == {release}

    def test_a_static_file_of_the_package_is_served(self, site):
        answer, text = ask(address(site, "proxy1"), "/hello.txt")
        assert (answer.status, text) == (200, site.run_script("app1", f"cat {ROOT}/current/public/hello.txt") + "\n")

    def test_a_websocket_echoes(self, site):
        with websocket_client.connect(address(site, "proxy1"), 80, "/echo") as echo:
            for text in ("hello", "again"):
                echo.send_text(text)
                assert echo.receive().text == text
            assert echo.close().close_code == 1000

    def test_the_application_sees_the_client_and_not_what_the_client_claims(self, site):
        proxy = address(site, "proxy1")
        seen = read_client(proxy, ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"))
        assert (seen["client"], seen["peer"], seen["scheme"]) == (find_own_address(proxy), proxy, "http")

    def test_nobody_but_the_proxy_may_report_who_the_client_is(self, site):
        app = address(site, "app1")
        assert read_client(app, ("X-Forwarded-For", "203.0.113.9"), port=8000)["client"] == find_own_address(app)

    def test_statistics_and_the_admin_socket_are_not_reached_from_outside(self, site):
        with pytest.raises(OSError):
            socket.create_connection((address(site, "proxy1"), 8404), timeout=3).close()
        assert site.run_script("proxy1", "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8404/") == "200"
        assert site.run_script("proxy1", "stat -c '%a %U' /run/haproxy/admin.sock") == "660 root"

    def test_the_running_proxy_has_all_instances_and_finds_them_well(self, site):
        assert site.list_backends() == [f"{host}-{index}" for host, index in INSTANCES]
        assert set(site.read_statuses().values()) == {"UP"}


@each_instance
class TestEachInstance(InstanceContract):
    def test_has_the_desired_heap_by_its_own_account(self, site, host, index):
        assert f"-XX:MaxHeapSize={512 << 20}" in site.read_flags(host, index)

    def test_is_well_protected_while_it_runs(self, site, host, index):
        assert site.read_exposure(host, index) <= 1.5
        assert site.read_main_pid(host, index) > 0

    def test_systemd_has_it_enabled(self, site, host, index):
        assert site.run_script(host, f"systemctl is-enabled xitrum@{index}") == "enabled"

    def test_keeps_its_secret_to_root_and_its_own_group(self, site, host, index):
        path = f"{ROOT}/instances/{index}/current/config/xitrum.conf"
        assert site.run_script(host, f"stat -c '%a %U %G' {path}") == "640 root xitrum"
        assert site.secrets[0] in site.run_script(host, f"runuser -u xitrum -- cat {path}")
        assert site.run_script(host, f"runuser -u nobody -- cat {path}", check=False) == ""


@pytest.mark.parametrize("host", APPS)
class TestEachApplicationHost:
    def test_current_is_the_release_that_runs_and_no_link_leads_nowhere(self, site, host):
        assert site.list_releases(host) == [site.find_release(host)]
        assert site.run_script(host, f"find {ROOT} -xtype l") == "", "links that lead nowhere"

    def test_the_whole_package_is_there_extra_folders_too(self, site, host):
        assert site.run_script(host, f"ls {ROOT}/current").split() == ["config", "extra", "lib", "public", "script"]
        for folder in ("current", "instances/0/current"):
            assert site.run_script(host, f"cat {ROOT}/{folder}/extra/nested/note.txt")

    def test_the_secret_is_in_no_command_line_journal_or_readable_file(self, site, host):
        secret = site.secrets[0]
        # The pattern itself must not be found in the command line of what searches for it.
        pattern = f"{secret[:5]}[{secret[5]}]{secret[6:]}"
        assert secret in site.run_script(host, f"cat {ROOT}/instances/0/current/config/xitrum.conf")
        assert site.run_script(host, f"ps -eo args | grep '{pattern}'", check=False) == ""
        assert "xitrum.host" in site.run_script(host, "journalctl --no-pager | grep -m 1 -o xitrum.host"), "the modules are in the journal"
        assert site.run_script(host, f"journalctl --no-pager | grep '{pattern}'", check=False) == ""
        files = site.run_script(host, f"grep -rlsI '{pattern}' {ROOT} /etc /var /tmp /home || true").splitlines()
        assert files
        assert {site.run_script(host, f"stat -c %A '{path}'")[7:] for path in files} == {"---"}, files


@pytest.fixture(scope="module")
def idle_run(site):
    """A run after the faults of side_effect.yml, so all came back by itself; with the processes before and after it."""
    before = site.list_running()
    return before, site.run("-v"), site.list_running()


class TestARunThatFindsNothingToDo:
    def test_changes_nothing_and_restarts_nothing(self, idle_run):
        before, run, after = idle_run
        run.assert_did_nothing()
        assert before == after
        assert all(before[host] for host in (*APPS, "proxy1"))

    def test_sends_one_task_to_a_host(self, idle_run):
        _before, run, _after = idle_run
        local = {"ansible.builtin.debug", "ansible.builtin.assert", "ansible.builtin.group_by", "ansible.builtin.include_tasks",
                 "ansible.builtin.fail", "ansible.builtin.validate_argument_spec", "xitrum.host.package_info",
                 # Actions of the controller, which send nothing to a host.
                 "xitrum.host.report", "xitrum.host.run_plan"}
        sent = [(task, host) for task, host, result in run.tasks if result["action"] not in local and not result.get("skipped")]
        assert len(sent) == len({host for _task, host in sent}) == 3, sent

    def test_shows_the_limits_as_desired_configured_and_effective(self, idle_run):
        _before, run, _after = idle_run
        rows = {line.split()[0]: line for line in run.find_text("Print the fleet summary").splitlines() if line.strip()}
        assert rows["3"].startswith("3 hosts, 4 of 4 instances running, release ")
        for name in ("nofile", "backlog"):
            assert re.search(r" ok +app1:0,1 app2:0,1$", rows[name]), rows[name]


def test_a_page_is_served_past_the_proxy_too(site):
    """What a health check asks for: a trivial route would answer even where sessions are broken."""
    for host, index in INSTANCES:
        answer = request(8000 + index, "/", host=address(site, host))
        assert (answer.status, answer.headers["X-Demo-Instance"]) == (200, f"{host}:{8000 + index}")
