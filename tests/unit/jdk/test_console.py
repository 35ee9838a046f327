# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an instance is found and queried, and what keeps a console from it."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import process
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host, Result, Stat
from ansible_collections.xitrum.host.plugins.module_utils.jdk import console

from tests.unit.fake_host import FakeHost

JDK, FOLDER, LIB = "/usr/lib/jvm/java-17", "/opt/shop/instances/0/r1-abc", "/opt/shop/releases/r1/lib"
STAT = "{pid} (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n"
STATUS = "Name:\tjava\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nVmRSS:\t1000 kB\n"
DESIRED = {"name": "shop", "root": "/opt/shop", "user": "815815", "instance": 0, "action": "scala", "command": "6 * 7", "compiler": [], "timeout": 60,
           "sources": {"A.java": "class A {}"}}
INSIDE = "setpriv --no-new-privs --inh-caps=-all -- nsenter --target 12 --mount --setuid 815815 --setgid 815815 --"
SCALA = [f"scala-{name}-2.13.18.jar" for name in ("compiler", "library", "reflect")]


def machine(version="17.0.15", modules="java.base jdk.attach", tools=("java", "javac", "jcmd"), jars=tuple(SCALA), environ="", cmdline="java\0-Xmx1g\0A\0",
            exe=f"{JDK}/bin/java", scalive=False, commands=None, links=None, stats=None):
    files = {
        "/proc/stat": "btime 1700000000\n", "/proc/12/stat": STAT.format(pid=12), "/proc/12/status": STATUS.format(uid=815815),
        "/proc/12/cmdline": cmdline, "/proc/12/environ": environ, "/proc/12/limits": "",
        exe: "", f"{JDK}/release": f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n' if version else "",
        **{f"{JDK}/bin/{name}": "" for name in tools}, **{f"{LIB}/{name}": "" for name in jars},
    }
    if scalive:
        files["/opt/shop/releases/r1/script/scalive"] = ""
    return FakeHost(files, commands, {"/proc/12/cwd": FOLDER, "/proc/12/exe": exe, f"{FOLDER}/lib": LIB, "/proc/self/ns/user": "user:[1]",
                                      "/proc/12/ns/user": "user:[1]", **(links or {})}, stats)


def planned(host, **more):
    desired = {**DESIRED, **more}
    return console.plan(desired, console.read(host, desired))


def test_our_console_on_a_recent_jdk():
    plan = planned(machine())
    assert list(plan.errors) == []
    assert plan.facts == {"pid": 12, "user": "815815", "java": 17, "console": "builtin"}
    assert plan.changed
    # The expression itself may hold a secret.
    assert plan.after == "instance 0 (process 12): an expression\n"


def test_jcmd_changes_nothing():
    plan = planned(machine(tools=("java", "jcmd"), jars=()), action="threads")
    assert (list(plan.errors), plan.changed, plan.facts["console"]) == ([], False, "jcmd")


def test_a_jdk_without_a_release_file_is_queried_unless_it_may_be_another_users():
    words = " ".join(process.build_inside_command({"pid": 12, "uid": 815815, "gid": 815815}, [f"{JDK}/bin/java", "-version"]))
    answers = {words: (0, "", 'openjdk version "1.8.0_504"\n')}
    host = machine("", "", ("java", "jcmd"), ("scala-library-2.12.17.jar",), exe=f"{JDK}/jre/bin/java", scalive=True, commands=answers)
    plan = planned(host, command="")
    assert (list(plan.errors), plan.facts["java"]) == ([], 8)
    assert console.read_release(host, JDK, None) == {}


def test_scalive_on_jdk_8():
    host = machine("1.8.0_402", "", ("java", "jcmd"), ("scala-library-2.12.17.jar",), exe=f"{JDK}/jre/bin/java", scalive=True)
    plan = planned(host, command="")
    assert (list(plan.errors), plan.facts["console"], plan.facts["java"]) == ([], "scalive", 8)
    desired = {**DESIRED, "command": ""}
    words = " ".join(console.build_client_command(desired, console.read(host, desired), ""))
    assert words.endswith(f"env PATH={JDK}/bin:/usr/bin:/bin JAVA_HOME={JDK} /opt/shop/releases/r1/script/scalive 12")


@pytest.mark.parametrize(("host", "more", "message"), [
    (machine(), {"instance": 3}, "instance 3 does not run: no process java works in /opt/shop/instances/3. Here run: 0."),
    (FakeHost(), {}, "No other instance runs on this host either"),
    (machine(exe=f"{JDK}/bin/java (deleted)"), {}, "is no longer on the disk"),
    (machine(version=""), {}, f"{JDK} is not a JDK"),
    (machine(tools=("java",)), {}, f"runs on a JRE: there is no javac and no jcmd in {JDK}/bin. Expected a full JDK of version 17"),
    (machine(tools=("java",)), {"action": "heap"}, f"there is no jcmd in {JDK}/bin"),
    (machine(tools=("java",)), {}, "By hand, install openjdk-17-jdk-headless on Debian, or java-17-openjdk-headless and java-17-openjdk-devel on RHEL"),
    (machine("1.8.0_402", "", ("java", "jcmd")), {"action": "heap"}, f"there is no jstat in {JDK}/bin. Expected a full JDK of version 8"),
    (machine(modules="java.base java.desktop"), {}, f"no module jdk.attach in {JDK}/release"),
    (machine(cmdline="java\0-XX:+DisableAttachMechanism\0A\0"), {"action": "heap"}, "was started with -XX:+DisableAttachMechanism"),
    (machine(environ="_JAVA_OPTIONS=-Xmx1g -XX:-EnableDynamicAgentLoading\0"), {}, "was started with -XX:-EnableDynamicAgentLoading"),
    (machine(jars=SCALA[1:]), {}, "Add the artifact org.scala-lang:scala-compiler:2.13.18"),
    (machine(jars=SCALA[:2]), {}, f"there is no scala-reflect in {LIB}"),
    (machine(jars=()), {}, f"there is no scala-library in {LIB}"),
    (machine(jars=["scala-library-2.12.17.jar"]), {}, "has Scala 2.12.17: the console knows Scala 2.13"),
    (machine(jars=["scala-compiler-2.13.4.jar", *SCALA[1:]]), {}, "scala-compiler is 2.13.4 and scala-library is 2.13.18"),
    (machine(), {"compiler": ["/srv/scala-compiler-2.13.18.jar"]}, "console_compiler_jars has files that are not on the host: /srv/scala-compiler-2.13.18.jar"),
    (machine("1.8.0_402", "", jars=["scala-library-2.12.17.jar"]), {"command": ""}, "has no script/scalive"),
    (machine("1.8.0_402", "", scalive=True), {"command": ""}, "expected Scala 2.12 or older"),
    (machine("1.8.0_402", "", jars=["scala-library-2.12.17.jar"], scalive=True), {}, "console_command is set; expected JDK 9 or newer"),
])
def test_errors_are_reported(host, more, message):
    plan = planned(host, **more)
    assert message in "\n".join(plan.errors)
    assert not plan.changed


def test_an_instance_that_an_operator_stopped_is_started_by_start():
    record = '{"schema_version": 1, "3": {"user": "ann", "host": "desk", "since": 5}}'
    for host in (machine(), FakeHost()):
        host.files["/var/lib/xitrum.host/shop.stopped"] = record
        assert list(planned(host, instance=3).errors) == [
            "instance 3 does not run: it was stopped by operator ann on desk, since 1970-01-01T00:00:05Z. Start it with ansible-playbook xitrum.host.start"]
        assert "does not run: no process java" in planned(host, instance=4).errors[0]
        assert "does not run: no process java" in planned(host, instance=3, name="").errors[0]


def test_the_last_switch_counts():
    words = console.list_options({"environ": {"JDK_JAVA_OPTIONS": "-XX:-EnableDynamicAgentLoading", "_JAVA_OPTIONS": "-XX:+EnableDynamicAgentLoading"},
                                  "cmdline": ["java", "A"]})
    assert console.switch(words, "EnableDynamicAgentLoading", False)
    assert not console.switch([], "DisableAttachMechanism", False)


@pytest.mark.parametrize(("path", "found"), [
    ("/l/scala-compiler-2.13.18.jar", {"compiler": ("/l/scala-compiler-2.13.18.jar", "2.13.18")}),
    ("/l/org.scala-lang.scala-library-2.12.17.jar", {"library": ("/l/org.scala-lang.scala-library-2.12.17.jar", "2.12.17")}),
    ("/l/scala-reflect-2.13.0-RC1.jar", {"reflect": ("/l/scala-reflect-2.13.0-RC1.jar", "2.13.0-RC1")}),
    ("/l/scala-xml_2.13-2.1.0.jar", {}),
    ("/l/scala-library.jar", {}),
])
def test_jars_of_scala_by_their_names(path, found):
    assert console.find_scala_jars([path]) == found


def test_jars_that_are_given_win():
    given = "/srv/scala-compiler-2.13.18.jar"
    assert console.find_scala_jars(["/l/scala-compiler-2.13.4.jar"], [given])["compiler"] == (given, "2.13.18")


@pytest.mark.parametrize(("version", "action", "queried"), [
    ("17.0.15", "threads", f"{JDK}/bin/jcmd -J-XX:-UsePerfData 12 Thread.print -l"),
    ("21", "histogram", f"{JDK}/bin/jcmd -J-XX:-UsePerfData 12 GC.class_histogram -all"),
    ("25.0.1", "heap", f"{JDK}/bin/jcmd -J-XX:-UsePerfData 12 GC.heap_info"),
    ("1.8.0_402", "heap", f"{JDK}/bin/jstat -gc 12"),
])
def test_what_the_jdks_own_tools_are_queried(version, action, queried):
    host = machine(version, tools=("java", "jcmd", "jstat"))
    desired = {**DESIRED, "action": action}
    state = console.read(host, desired)
    words = " ".join([INSIDE, "timeout --kill-after=5 60", queried])
    host.commands[words] = "all is well\n"
    assert console.ask(host, desired, state) == "all is well\n"
    host.commands[words] = (1, "", "com.sun.tools.attach.AttachNotSupportedException: no answer\n")
    with pytest.raises(RuntimeError, match=r"failed in instance 0 \(process 12, user 815815\), code 1:\ncom.sun.tools.attach"):
        console.ask(host, desired, state)


def prepared(host, folder=f"{FOLDER}/tmp/console-abcdefgh", **answers):
    """A host on which every command of a console succeeds but for those that begin as named."""
    def run(argv, data=None, **_more):
        assert argv[:13] == INSIDE.split()
        words = argv[13:]
        host.done.append(("first" if words[-1] == "true" else words[3].rpartition("/")[2] if words[0] == "timeout" else words[9].rpartition("/")[2]
                          if words[0] == "flock" else words[0], words[-1], data))
        rc, out, err = answers.get(host.done[-1][0], (0, folder + "\n" if words[0] == "mktemp" else "", ""))
        return Result(rc, out, err)
    host.run = run
    return host


def test_an_expression_is_compiled_run_and_cleared_away():
    host = prepared(machine(), java=(0, "val res0: Int = 42\n", ""))
    state = console.read(host, DESIRED)
    assert console.evaluate(host, DESIRED, state) == "val res0: Int = 42\n"
    assert [name for name, _last, _data in host.done] == ["first", "mktemp", "sh", "sh", "sh", "mkfifo", "javac", "java", "rm"]
    written = {last.rpartition("/")[2]: data for name, last, data in host.done if name == "sh"}
    assert written == {"A.java": "class A {}", "jars": f"{LIB}/scala-compiler-2.13.18.jar\n{LIB}/scala-reflect-2.13.18.jar", "expression": "6 * 7"}


@pytest.mark.parametrize(("answers", "message"), [
    ({"java": (1, "error: not found: value boom\n", "")}, "the expression failed in instance 0 .*not found: value boom"),
    ({"java": (2, "", "could not attach to process 12: no\n")}, "the console failed in instance 0 .*could not attach"),
    ({"javac": (124, "", "")}, "no answer in time"),
    ({"mkfifo": (1, "", "No space left on device")}, "mkfifo failed in instance 0 .*No space left"),
])
def test_what_fails_is_reported_and_cleared_away(answers, message):
    host = prepared(machine(), **answers)
    state = console.read(host, DESIRED)
    with pytest.raises(RuntimeError, match="(?s)" + message):
        console.evaluate(host, DESIRED, state)
    assert host.done[-1][:2] == ("rm", f"{FOLDER}/tmp/console-abcdefgh")


def test_a_second_console_on_an_instance_is_refused():
    host = prepared(machine(), first=(75, "", ""))
    state = console.read(host, DESIRED)
    with pytest.raises(RuntimeError, match=r"another console is open on instance 0 \(process 12\): there is one at a time"):
        console.evaluate(host, DESIRED, state)
    assert [name for name, _last, _data in host.done] == ["first"], "nothing was made"


@pytest.mark.parametrize("command", ["", "6 * 7"])
def test_the_client_holds_the_lock_of_its_instance_for_as_long_as_it_runs(command):
    desired = {**DESIRED, "command": command}
    words = " ".join(console.build_client_command(desired, console.read(machine(), desired), f"{FOLDER}/tmp/console-abcdefgh"))
    assert words.startswith(f"{INSIDE} flock --nonblock --no-fork --conflict-exit-code 75 {FOLDER}/tmp ")


@pytest.mark.parametrize("seconds", [0, -1])
@pytest.mark.parametrize("action", ["scala", "threads"])
def test_a_time_without_an_end_is_refused(seconds, action):
    plan = planned(machine(), timeout=seconds, action=action)
    assert list(plan.errors) == [f"console_timeout is {seconds}; expected 1 or more seconds: without an end an expression would never be given up"]
    assert not plan.changed


@pytest.mark.parametrize("action", ["scala", "threads"])
@pytest.mark.parametrize(("host", "more", "message"), [
    (machine(), {"user": "shop"}, f"process 12, which works in {FOLDER}, is of the user 815815; expected shop"),
    (machine(links={"/proc/12/ns/user": "user:[2]"}), {}, "has a user namespace of its own (user:[2]); expected that of the host (user:[1])"),
    (machine(stats={f"{JDK}/bin/java": Stat("file", 0o755, "815815", "815815", 1)}), {},
     f"runs {JDK}/bin/java, which is of the user 815815; expected a file of root"),
    (machine(links={"/proc/12/exe": "/tmp/java"}), {}, "runs /tmp/java, which is not on the disk"),
])
def test_a_process_that_is_not_the_applications_or_in_a_world_of_its_own_is_refused(host, more, message, action):
    assert message in "\n".join(planned(host, action=action, **more).errors)
    assert not [words for done, words in host.done if done == "run"]


def test_the_applications_own_process_is_queried_and_not_one_that_came_before_it():
    host = machine()
    host.files.update({"/proc/9/stat": STAT.format(pid=9), "/proc/9/status": STATUS.format(uid=815816)})
    host.links.update({"/proc/9/cwd": FOLDER, "/proc/9/exe": "/tmp/java"})
    plan = planned(host)
    assert (list(plan.errors), plan.facts["pid"]) == ([], 12)


def test_no_program_of_the_processs_own_mount_namespace_runs_as_root():
    words = process.build_inside_command({"pid": 12, "uid": 815815, "gid": 815816}, ["rm", "-rf", "x"])
    assert words.index("nsenter") < words.index("--setuid") < words.index("rm")
    assert words[words.index("--setuid"):] == ["--setuid", "815815", "--setgid", "815816", "--", "rm", "-rf", "x"]


def test_only_a_folder_of_a_console_is_removed():
    with pytest.raises(RuntimeError, match="nothing was removed"):
        console.remove(FakeHost(), {"cwd": FOLDER, "pid": 12, "uid": 815815, "gid": 815815}, f"{FOLDER}/tmp/console-../..")


def test_a_console_in_a_terminal_gets_nothing_of_the_login_but_its_terminal(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://root:hush@proxy.example:3128")
    monkeypatch.setenv("TERM", "xterm")
    shown = subprocess.run(console.wrap_for_terminal(["env"]), capture_output=True, text=True, check=True).stdout
    assert set(shown.splitlines()) - {"_=/usr/bin/env"} == {f"PATH={Host.PATH}", "LC_ALL=C.UTF-8", "TERM=xterm"}


# ------------------------------------------------------------------------------------------------- recordings and dumps

HEAP = """12:
 garbage-first heap   total 262144K, used 9386K [0x00000000e0000000, 0x0000000100000000)
  region size 1024K, 9 young (9216K), 0 survivors (0K)
 Metaspace       used 8000K, committed 8320K, reserved 1114112K
  class space    used 900K, committed 1024K, reserved 1048576K
"""
JCMD = f"{INSIDE} {JDK}/bin/jcmd -J-XX:-UsePerfData 12"
HELP = "12:\nThe following commands are available:\nJFR.start\nGC.heap_dump\nhelp\n"


class Recorder(FakeHost):
    """A host that records which job was started."""

    def start_job(self, argv, environment, **more):
        self.job = (argv, environment, more)
        return "/run/xitrum.host-job-1"


def recorder(answers=None, **more):
    host = machine(commands={f"{JCMD} help": HELP, f"{JCMD} GC.heap_info": HEAP,
                             f"{INSIDE} mktemp -d {FOLDER}/tmp/console-XXXXXXXX": f"{FOLDER}/tmp/console-abcdefgh\n", **(answers or {})}, **more)
    host.__class__ = Recorder
    return host


@pytest.mark.parametrize(("action", "file", "seconds"), [("flight_recording", "recording.jfr", 125.0), ("heap_dump", "heap.hprof", 3600.0)])
def test_a_file_is_made_in_the_background_in_a_folder_that_goes_with_it(action, file, seconds):
    host = recorder()
    plan = planned(host, action=action, seconds=5)
    assert (list(plan.errors), plan.changed, plan.facts["console"]) == ([], False, "jcmd")
    assert console.apply(host, plan).results == {"job": "/run/xitrum.host-job-1"}
    argv, environment, more = host.job
    folder = f"{FOLDER}/tmp/console-abcdefgh"
    assert more == {"seconds": seconds, "lease": 120, "umask": 0o077, "file": f"{folder}/{file}", "removed": [folder]}
    assert argv[:13] == INSIDE.split() and argv[13:15] == ["sh", "-c"] and argv[-1] == f"{folder}/{file}"
    assert set(environment) == {"PATH", "LC_ALL"}


@pytest.mark.parametrize("action", ["flight_recording", "heap_dump"])
def test_check_mode_makes_no_file(action):
    assert console.rehearse(recorder(), planned(recorder(), action=action, seconds=5)) is None


@pytest.mark.parametrize(("host", "more", "message"), [
    (recorder({f"{JCMD} help": "12:\nGC.heap_dump\n"}), {"action": "flight_recording"},
     "the JDK 17 of process 12 of instance 0 has no JFR.start. Expected a full JDK with Flight Recorder: OpenJDK 8 from 8u262 on"),
    (recorder({f"{JCMD} help": (1, "", "no answer")}), {"action": "heap_dump"}, "process 12 of instance 0 does not answer jcmd"),
    (recorder(tools=("java",)), {"action": "heap_dump"}, f"runs on a JRE: there is no jcmd in {JDK}/bin"),
    (recorder(), {"action": "flight_recording", "seconds": 0}, "console_seconds is 0; expected the seconds of the recording, from 1 to 86400"),
    (recorder(), {"action": "flight_recording", "seconds": 86401}, "console_seconds is 86401"),
    (recorder(), {"action": "heap_dump", "instance": 3}, "instance 3 does not run: no process java works in /opt/shop/instances/3. Here run: 0."),
])
def test_what_keeps_a_recording_or_a_dump_from_being_made(host, more, message):
    plan = planned(host, **{"seconds": 5, **more})
    assert message in "\n".join(plan.errors)


def test_no_room_for_a_dump_is_reported_in_bytes():
    host = recorder()
    host.free = (70_000_000, 1000)
    used = 9386 * 1024
    assert (f"found 70000000 bytes (67 MiB) free in {FOLDER}/tmp; expected {console.estimate_dump_size(used)} (75 MiB) for the dump of a heap of which {used} "
            "bytes are in use. Make room on that file system") in planned(host, action="heap_dump").errors
    assert list(planned(host, action="flight_recording", seconds=5).errors) == []


@pytest.mark.parametrize("action", ["heap_dump", "flight_recording"])
@pytest.mark.parametrize(("links", "is_hidden"), [({}, True), ({"/proc/12/root": "/"}, False)])
def test_a_file_that_the_rest_of_the_host_does_not_see_is_not_made(action, links, is_hidden):
    host = recorder(links=links)
    host.free = (1, 1)
    host.files.update({f"{FOLDER}/tmp/a": "", f"/proc/12/root{FOLDER}/tmp/a": ""} if is_hidden else {f"{FOLDER}/tmp/a": ""})
    found = list(planned(host, action=action, seconds=5).errors)
    hidden = f"process 12 of instance 0 has a file system of its own at {FOLDER}/tmp, which the rest of the host does not see"
    assert [message.startswith(hidden) for message in found] == ([True] if is_hidden else [False] * (action == "heap_dump"))
    assert not is_hidden or (f"/proc/12/root{FOLDER}/tmp" in found[0] and found[0].rule == "console.hidden-files")


def test_the_console_works_in_a_file_system_of_its_own():
    host = machine()
    host.files.update({f"{FOLDER}/tmp/a": "", f"/proc/12/root{FOLDER}/tmp/a": ""})
    # The jars are found where the process sees them.
    assert list(planned(host).errors) == []


@pytest.mark.parametrize(("text", "used"), [
    (HEAP, 9386 << 10), (" ZHeap           used 12M, capacity 256M, max capacity 512M\n Metaspace used 8K", 12 << 20),
    (" PSYoungGen total 76288K, used 100K [x)\n ParOldGen total 175104K, used 50K [x)\n Metaspace used 8K", 150 << 10),
    ("Shenandoah Heap\n 512M max, 512M soft max, 256M committed, 30M used\n", 30 << 20), ("unknown", 0), ("", 0),
])
def test_the_used_heap_of_each_collector(text, used):
    assert console.parse_heap_used(text) == used


def test_a_recording_is_stopped_by_what_ends_its_script(tmp_path):
    jcmd = tmp_path / "jcmd"
    jcmd.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/calls\ncase $* in *filename*) : > {tmp_path}/file ;; esac\n")
    jcmd.chmod(0o755)
    script = console._RECORD.replace("GRACE", "9")
    subprocess.run(["sh", "-c", script, "sh", str(jcmd), "12", "x", "0", f"{tmp_path}/file"], check=True)
    first = [line.partition(" 12 ")[2] for line in (tmp_path / "calls").read_text().splitlines()]
    assert first == ["JFR.start name=x duration=9s", f"JFR.stop name=x filename={tmp_path}/file"]
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    (tmp_path / "calls").unlink()
    with subprocess.Popen(["sh", "-c", script, "sh", str(jcmd), "12", "x", "60", "y"], start_new_session=True) as process:
        end = time.monotonic() + 20
        while not (tmp_path / "calls").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == 143
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("12 JFR.stop name=x")
