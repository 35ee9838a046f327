# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scala in running instances, of which one is a hardened unit of systemd; what it leaves; and who is refused."""

import json
import os
import re

import pytest

from tests.lib.leftovers import find_console_leftovers
from tests.lib.site import CLONE
from tests.lib.terminal import Terminal

HOSTS = ("app1", "app2")


def console(site, host, *options, **variables):
    return site.run("--limit", host, *options, playbook="playbooks/console.yml", console_timeout=120, **variables)


def lines(run):
    run.assert_ended_well()
    return [line for _host, result in run.list_results("xitrum.host.console") for line in result["lines"]]


def state(site, host):
    return json.loads(site.ask(f"{host}-0", "/state").body)["value"]


def threads(site, host):
    script = f"cat /proc/{site.find_pid(host, 0)}/task/*/comm"
    return sorted(name for name in site.run_script(host, script).splitlines() if name.startswith("xitrum-console"))


def descriptors(site, host):
    return len(site.run_script(host, f"ls /proc/{site.find_pid(host, 0)}/fd").split())


@pytest.mark.parametrize("host", HOSTS)
def test_an_expression_reads_and_changes_a_value_of_the_live_application(site, host):
    pid, before = site.find_pid(host, 0), descriptors(site, host)
    assert lines(console(site, host, console_command="quickstart.State.value")) == [f"val res0: String = {state(site, host)}"]
    run = console(site, host, console_command='quickstart.State.value = "by hand"; println("gesagt: äöü")')
    assert "gesagt: äöü" in lines(run)
    assert run.changed == {host: 1}
    assert state(site, host) == "by hand"
    assert site.find_pid(host, 0) == pid
    assert site.ask(f"{host}-0", "/").status == 200
    # The socket of a JVM that has been attached to, and the agent's archive.
    assert descriptors(site, host) <= before + 2
    assert (threads(site, host), find_console_leftovers(site, host)) == ([], "")


def test_the_unit_is_as_hard_as_before(site):
    assert site.read_exposure("app1", 0) <= 1.5


def test_ten_consoles_leave_no_thread_and_no_open_file(site):
    before = descriptors(site, "app1")
    jvm = site.list_processes("app1")
    run = site.run(playbook="molecule/console/tests/ten.yml")
    assert lines(run) == [f"val res0: Int = {number + 1}" for number in range(10)]
    assert descriptors(site, "app1") <= before
    assert (threads(site, "app1"), find_console_leftovers(site, "app1")) == ([], "")
    assert site.list_processes("app1") == jvm


@pytest.mark.parametrize(("expression", "message"), [
    ("quickstart.State.walue", "value walue is not a member of object quickstart.State"),
    ('sys.error("boom")', "java.lang.RuntimeException: boom"),
    ("List(1, 2", "the expression ends too early"),
])
def test_what_does_not_compile_or_throws_fails_with_its_message(site, expression, message):
    run = console(site, "app1", console_command=expression)
    assert run.code != 0
    assert message in run.message
    assert find_console_leftovers(site, "app1") == ""


def test_an_expression_is_given_up_in_time(site):
    run = site.run("--limit", "app1", playbook="playbooks/console.yml", console_command="Thread.sleep(600000)", console_timeout=15)
    assert run.code != 0
    assert "given up after 15 s: the expression was interrupted, and has ended" in run.message
    assert (threads(site, "app1"), find_console_leftovers(site, "app1")) == ([], "")


def test_check_mode_runs_nothing(site):
    before = state(site, "app1")
    run = console(site, "app1", "--check", console_command='quickstart.State.value = "checked"').assert_ended_well()
    assert run.changed == {"app1": 1}
    assert state(site, "app1") == before


def test_it_opens_in_the_terminal(site):
    environment = os.environ | {"ANSIBLE_CONFIG": str(CLONE / "ansible.cfg")}
    terminal = Terminal(["ansible-playbook", "-i", str(site.inventory), "playbooks/console.yml", "--limit", "app1"], CLONE, environment)
    terminal.wait_for("scala> ")
    terminal.type('quickstart.State.value = "typed"')
    terminal.wait_for("mutated quickstart.State.value")
    terminal.type("21 * 2")
    terminal.wait_for(": Int = 42")
    assert state(site, "app1") == "typed"
    terminal.type(":quit")
    terminal.wait_for("failed=0")
    assert terminal.end() == 0
    assert (threads(site, "app1"), find_console_leftovers(site, "app1")) == ([], "")


def test_without_a_terminal_it_reports_what_to_do(site):
    run = console(site, "app1")
    assert run.code != 0
    assert "started without a terminal" in run.message
    assert find_console_leftovers(site, "app1") == ""


@pytest.mark.parametrize(("action", "pattern"), [
    ("threads", '"Attach Listener"'), ("heap", r"(garbage-first heap|par new generation) +total"), ("histogram", r"java\.lang\.String")])
def test_what_jcmd_returns_is_printed_and_kept(site, tmp_path, action, pattern):
    run = site.run(playbook="playbooks/console.yml", console_action=action, console_save=str(tmp_path)).assert_ended_well()
    kept = sorted(tmp_path.iterdir())
    assert [path.name.partition("-0-")[0] for path in kept] == list(HOSTS)
    assert all(re.search(pattern, path.read_text(encoding="utf-8")) for path in kept)
    assert run.changed == {}, "nothing of a host"
    assert "template error" not in run.output, "no name of a task has a variable that is not set yet"


def test_hosts_have_to_be_named(site):
    run = site.run(playbook="playbooks/console.yml", console_command="1")
    assert run.code != 0
    assert "An expression runs only on hosts that you select. The hosts of this run are app1, app2" in run.message


def test_an_instance_that_does_not_run_is_reported(site):
    run = console(site, "app1", console_command="1", console_instance=7)
    assert "instance 7 does not run" in run.message
    assert "Here run: 0" in run.message


def test_another_user_is_refused(site):
    run = console(site, "app1", "-e", '{"ansible_become": false}', console_command="1")
    assert "use become: true" in run.message
    pid = site.find_pid("app1", 0)
    enter = f"nsenter --target {pid} --mount"
    assert site.run_script("app1", f"{enter} --setuid $(id -u xitrum) --setgid $(id -g xitrum) -- jcmd {pid} VM.version").startswith(f"{pid}:\nOpenJDK")
    output = site.run_script("app1", f"{enter} --setuid $(id -u nobody) --setgid $(id -g nobody) -- jcmd {pid} VM.version 2>&1 || true")
    assert "OpenJDK" not in output
    assert "is not secure: file should be owned by the current user" in output


def test_a_release_without_a_compiler_names_the_artifact(site):
    lib = "/opt/xitrum/current/lib"
    jars = f"{lib}/scala-compiler-2.13.18.jar {lib}/scala-reflect-2.13.18.jar"
    with site.change_for_now("app2", f"mkdir /srv/scala && mv {jars} /srv/scala", f"mv /srv/scala/*.jar {lib}/ && rmdir /srv/scala"):
        run = console(site, "app2", console_command="1")
        assert "Add the artifact org.scala-lang:scala-compiler:2.13.18" in run.message
        given = ["/srv/scala/scala-compiler-2.13.18.jar", "/srv/scala/scala-reflect-2.13.18.jar"]
        assert lines(console(site, "app2", console_command="6 * 7", console_compiler_jars=given)) == ["val res0: Int = 42"]
    assert (threads(site, "app2"), find_console_leftovers(site, "app2")) == ([], "")
