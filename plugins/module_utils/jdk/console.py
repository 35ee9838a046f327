# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A console in the running JVM of an instance, and what jcmd prints of it.

A JVM is attached to by its own user only, and the two meet in /tmp, of which a hardened service has one of its own. So
whatever asks it runs as that user in its mount namespace, whichever supervisor keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from ..core import disk_space, operator_stops, process
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.distributions import table as distributions
from ..core.host import Host, Result
from ..core.plan import BlockingError, Draft, Plan
from . import component as jdk
from . import jvm

NAME = "console"

SPEC: dict[str, Any] = {
    "name": {"type": "str", "default": ""},
    "root": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "instance": {"type": "int", "default": 0},
    "action": {"type": "str", "default": "scala", "choices": [
        "scala", "threads", "heap", "histogram", "flight_recording", "heap_dump"]},
    "command": {"type": "str", "default": "", "no_log": True},
    "compiler": {"type": "list", "elements": "path", "default": []},
    "timeout": {"type": "int", "default": 60},
    "seconds": {"type": "int", "default": 30},
    "sources": {"type": "dict", "default": {}},
    "left": {"type": "str", "default": ""},
}

#: What is queried of jcmd. A histogram of live objects alone would have them collected first.
ASKS = {"threads": ["Thread.print", "-l"], "heap": ["GC.heap_info"], "histogram": ["GC.class_histogram", "-all"]}
#: What makes a file, in the background of the host: the action to the command of jcmd that its JDK must have.
RECORDS = {"flight_recording": "JFR.start", "heap_dump": "GC.heap_dump"}
#: The longest recording, in seconds; what a dump may take, during which the application stands still.
LONGEST_RECORDING, DUMP_SECONDS = 24 * 60 * 60, 3600
#: Seconds within which the controller asks for the next part of a file, over a slow line too.
RECORD_LEASE = 120
#: Seconds after its time at which the JVM ends a recording itself, where whoever started it was killed.
RECORDING_GRACE = 60
#: The last that Scalive attaches to, and the first of the console's own; then the Scala that each knows.
SCALIVE_JAVA, SCALIVE_SCALA, OWN_SCALA = 8, (2, 12), (2, 13)
#: What a JVM and its compiler may take to start on a busy host, in addition to the time of an expression.
START_SECONDS = 120
#: Seconds beyond the end of a command that ends itself, within which it is gone.
END_SECONDS = 15
#: The client and the compiler are short: quick to start, and without statistics that they would leave in /tmp.
QUICK = ["-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-Xmx128m"]

#: What the client ends with where another console is open on the instance (sysexits.h: try again later).
BUSY = 75

_JAR = re.compile(r"(?:^|[.-])scala-(library|compiler|reflect)-(\d+)\.(\d+)(\.\d+[\w.-]*)\.jar$")


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The instance's process, its JDK, and the Scala of its release."""
    instances = f"{desired['root']}/instances"
    rows = [row for row in process.find_processes_under(host, instances) if row["comm"] == "java"]
    real = host.realpath(instances)
    numbers = {row["pid"]: (row["cwd"] or "")[len(real) + 1:].partition("/")[0] for row in rows}
    processes = [row for row in rows if numbers[row["pid"]] == str(desired["instance"])]
    # Anybody can work in a folder that is open to them, and call their program java.
    running = next((row for row in processes if row["user"] == desired["user"]), processes[0] if processes else None)
    state: dict[str, Any] = {
        "running": running,
        "stop": {},
        "others": sorted(set(numbers.values())),
        "home": "",
        "tools": [],
        "knows": None,
        "heap": 0,
        "free": None,
        "hides": False,
        "release": {},
        "scala": {},
        "missing": [],
        "scalive": "",
        "stranger": process.find_stranger_reason(host, running, desired["user"]) if running else "",
    }
    if running:
        home = jvm.find_home(running["exe"])
        lib = host.realpath(f"{running['cwd']}/lib")
        # A service may see an empty folder in the place of /home and /tmp.
        inside = f"/proc/{running['pid']}/root"
        inside = inside if host.exists(inside) else ""
        given = {
            "files": desired["compiler"],
            "missing": [path for path in desired["compiler"] if not host.exists(inside + path)],
        }
        scalive = f"{lib.rpartition('/')[0]}/script/scalive"
        state.update(
            home=home,
            tools=[name for name in ("javac", "jcmd", "jstat") if host.exists(f"{home}/bin/{name}")],
            release=read_release(host, home, running if not state["stranger"] else None),
            missing=given["missing"],
            scala=find_scala_jars([f"{lib}/{name}" for name in host.listdir(lib)], given["files"]),
            lib=lib,
            scalive=scalive if host.exists(scalive) else "",
        )
        if desired["action"] in RECORDS and "jcmd" in state["tools"] and not state["stranger"]:
            state.update(read_for_record(host, running, home, desired["action"]))
    elif desired["name"]:
        state["stop"] = operator_stops.read_stops(host, desired["name"]).get(desired["instance"], {})
    return state


def read_for_record(host: Host, running: dict[str, Any], home: str, action: str) -> dict[str, Any]:
    """Whether the JVM `knows` what makes the file, None where it does not answer, and whether it `hides` it in a file
    system of its own; of a dump how much of the heap is in use, and the bytes that are free for it."""
    jcmd = [f"{home}/bin/jcmd", "-J-XX:-UsePerfData", str(running["pid"])]
    listed = host.run(process.build_inside_command(running, [*jcmd, "help"]))
    found: dict[str, Any] = {"knows": RECORDS[action] in listed.out.split() if listed.rc == 0 else None}
    tmp = f"{running['cwd']}/tmp"
    inside = f"/proc/{running['pid']}/root{tmp}"
    found["hides"] = host.exists(inside) and not host.is_same(inside, tmp)
    if action == "heap_dump":
        info = host.run(process.build_inside_command(running, [*jcmd, "GC.heap_info"]))
        free = host.read_free_space(tmp)
        # JDK 8 does not know it: then all of the process counts.
        found.update(heap=parse_heap_used(info.out) or running["rss_kb"] * 1024, free=free and free[0])
    return found


def parse_heap_used(text: str) -> int:
    """The bytes of the heap that are in use, of what `jcmd PID GC.heap_info` prints, whichever collector does; 0 where
    it reports none. Metaspace is not part of a dump."""
    heap = re.split(r"^ *Metaspace", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"\bused (\d{1,15})([KMG])|\b(\d{1,15})([KMG]) used", heap)
    units = {"K": 10, "M": 20, "G": 30}
    return sum(int(one or other) << units[unit or other_unit] for one, unit, other, other_unit in found)


def estimate_dump_size(used: int) -> int:
    """The bytes that a dump of so much of a heap may need: it has a record for each object and class, too."""
    return used + used // 5 + (64 << 20)


def read_release(host: Host, home: str, running: dict[str, Any] | None) -> dict[str, str]:
    """What a JDK reports about itself in its file `release`, or, since not every JDK 8 has one, what its java reports,
    as the user of `running` (none: it is not queried)."""
    properties = parse_release(host.read(f"{home}/release") or "")
    if "JAVA_VERSION" in properties or running is None:
        return properties
    ran = host.run(process.build_inside_command(running, [f"{home}/bin/java", "-version"]))
    return {**properties, "JAVA_VERSION": jdk.parse_version_output(ran.err + ran.out)}


def parse_release(text: str) -> dict[str, str]:
    """The file `release` of a JDK's home as a dictionary."""
    return {
        name: value.strip().strip('"')
        for name, equals, value in (line.partition("=") for line in text.splitlines())
        if equals
    }


def get_major(release: dict[str, str]) -> int:
    """The major version of a JDK from its `release`; 0 where it reports none. JDK 8 calls itself 1.8."""
    match = re.match(r"(?:1\.)?(\d+)", release.get("JAVA_VERSION", ""))
    return int(match.group(1)) if match else 0


def find_scala_jars(paths: list[str], given: Sequence[str] = ()) -> dict[str, tuple[str, str]]:
    """The jars of Scala among these paths: `library`, `compiler` and `reflect` to `(path,
    version)`. Those given win."""
    found = {}
    for path in [*sorted(paths), *given]:
        match = _JAR.search(path.rpartition("/")[2])
        if match:
            found[match.group(1)] = (path, "{}.{}{}".format(*match.groups()[1:]))
    return found


def list_options(running: dict[str, Any]) -> list[str]:
    """The options of a JVM in the order in which it reads them: the last of a kind counts."""
    environ, cmdline = running["environ"] or {}, running["cmdline"] or []
    return [*environ.get("JAVA_TOOL_OPTIONS", "").split(), *environ.get("JDK_JAVA_OPTIONS", "").split(), *cmdline[1:],
            *environ.get("_JAVA_OPTIONS", "").split()]


def switch(words: list[str], name: str, default: bool) -> bool:
    """Whether a switch of the JVM is on."""
    return ([default] + [word[4] == "+" for word in words if word in (f"-XX:+{name}", f"-XX:-{name}")])[-1]


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides how the instance is queried, or explains why it cannot be."""
    result = Draft(facts={"pid": 0, "user": "", "java": 0, "console": ""})
    running = state["running"]
    if desired.get("left"):
        return result.plan(desired, state)
    if desired["timeout"] < 1:
        result.errors.append(BlockingError(
            f"console_timeout is {desired['timeout']}; expected 1 or more seconds: without an end an expression "
            "would never be given up",
            rule="console.timeout",
        ))
    if desired["action"] == "flight_recording" and not 1 <= desired["seconds"] <= LONGEST_RECORDING:
        result.errors.append(BlockingError(
            f"console_seconds is {desired['seconds']}; expected the seconds of the recording, from 1 to "
            f"{LONGEST_RECORDING}",
            rule="console.recording-seconds",
        ))
    if not running and state["stop"]:
        result.errors.append(BlockingError(
            f"instance {desired['instance']} does not run: it was stopped by operator "
            f"{operator_stops.format_operator(state['stop'])}. Start it with ansible-playbook xitrum.host.start",
            rule="console.not-running",
        ))
        return result.plan(desired, state)
    if not running:
        result.errors.append(BlockingError(
            f"instance {desired['instance']} does not run: no process java works in "
            f"{desired['root']}/instances/{desired['instance']}. "
            + (
                f"Here run: {', '.join(state['others'])}. Name one with console_instance"
                if state["others"]
                else (
                    "No other instance runs on this host either: start it with ansible-playbook xitrum.host.site, or "
                    "name another host"
                )
            ),
            rule="console.not-running",
        ))
        return result.plan(desired, state)
    java = get_major(state["release"])
    scala = state["scala"].get("library", ("", ""))[1]
    old = java <= SCALIVE_JAVA
    result.facts.update(
        pid=running["pid"],
        user=running["user"],
        java=java,
        console="jcmd" if desired["action"] != "scala" else "scalive" if old else "builtin",
    )
    result.errors += [
        *find_java_errors(desired, state, java),
        *(
            (find_scalive_errors if old else find_interpreter_errors)(desired, state, scala)
            if desired["action"] == "scala" and java
            else ()
        ),
    ]
    if not result.errors and desired["action"] in RECORDS:
        result.errors += find_record_errors(desired, state, java)
    if not result.errors and desired["action"] == "scala":
        # Nobody can know what an expression does.
        result.actions.append(("scala", None))
        result.after = (
            f"instance {desired['instance']} (process {running['pid']}): "
            f"{'an expression' if desired['command'] else 'a console in the terminal'}\n"
        )
    return result.plan(desired, state)


def find_java_errors(desired: dict[str, Any], state: dict[str, Any], java: int) -> Iterator[str]:
    """What keeps everybody from attaching to this JVM."""
    running, where = state["running"], f"process {state['running']['pid']} of instance {desired['instance']}"
    words = list_options(running)
    if (running["exe"] or "").endswith(" (deleted)"):
        yield BlockingError(
            f"the JDK that {where} runs on is no longer on the disk: {running['exe']}. An upgrade has replaced it. "
            "Restart the instance: ansible-playbook xitrum.host.site does so, one after the other",
            rule="console.jdk-replaced",
        )
        return
    if state["stranger"]:
        yield BlockingError(state["stranger"], rule="console.unmanaged-process")
        return
    tools = [
        *(["javac"] if desired["action"] == "scala" and java > SCALIVE_JAVA else []),
        "jstat" if desired["action"] == "heap" and java <= SCALIVE_JAVA else "jcmd",
    ]
    absent = [name for name in tools if name not in state["tools"]]
    modules = state["release"].get("MODULES", "").split()
    if not java:
        yield BlockingError(
            f"{state['home']} is not a JDK: its file release and its java have no version. Expected a full JDK: "
            "leave xitrum_jdk_version to the role jdk",
            rule="console.no-jdk",
        )
    elif absent or (modules and "jdk.attach" not in modules):
        what = (
            f"no {' and no '.join(absent)} in {state['home']}/bin"
            if absent
            else f"no module jdk.attach in {state['home']}/release"
        )
        yield BlockingError(
            f"{where} runs on a JRE: there is {what}. Expected a full JDK of version {java}: the role jdk installs "
            f"one (ansible-playbook xitrum.host.site). By hand, install {describe_packages(java)}",
            rule="console.jre-only",
        )
    if switch(words, "DisableAttachMechanism", False):
        yield BlockingError(
            f"{where} was started with -XX:+DisableAttachMechanism. Take it out of xitrum_java_options and run "
            "ansible-playbook xitrum.host.site",
            rule="console.attach-disabled",
        )
    if desired["action"] == "scala" and not switch(words, "EnableDynamicAgentLoading", True):
        yield BlockingError(
            f"{where} was started with -XX:-EnableDynamicAgentLoading, which refuses a console. Take it out of "
            "xitrum_java_options and run ansible-playbook xitrum.host.site; threads, heap and histogram work with it",
            rule="console.agents-disabled",
        )


def describe_packages(java: int) -> str:
    """The packages with the tools of a JDK, for each family of distributions."""
    families = distributions.list_family_rows()
    return ", or ".join(f"{' and '.join(row.family.list_jdk_packages(java))} on {row.title}" for row in families)


def find_record_errors(desired: dict[str, Any], state: dict[str, Any], java: int) -> Iterator[str]:
    """What keeps a recording or a dump from being made."""
    where = f"process {state['running']['pid']} of instance {desired['instance']}"
    if state["knows"] is None:
        yield BlockingError(
            f"{where} does not answer jcmd: see its log, and whether it hangs (console_action=threads)",
            rule="console.no-answer",
        )
    elif not state["knows"]:
        yield BlockingError(
            f"the JDK {java} of {where} has no {RECORDS[desired['action']]}. Expected a full JDK with Flight Recorder: "
            "OpenJDK 8 from 8u262 on, or 11 and newer. Set xitrum_jdk_version, and run ansible-playbook "
            "xitrum.host.site",
            rule="console.no-recorder",
        )
    tmp = f"{state['running']['cwd']}/tmp"
    if state["hides"]:
        yield BlockingError(
            f"{where} has a file system of its own at {tmp}, which the rest of the host does not see: the file would "
            "stay there. Expected the folder of the host. Remove what mounts it from its service (for systemd, "
            "TemporaryFileSystem=, BindPaths= or PrivateTmp= in systemctl cat UNIT), and restart the instance. Or run "
            f"jcmd as its user in its mount namespace (nsenter), and copy the file from "
            f"/proc/{state['running']['pid']}/root{tmp}",
            rule="console.hidden-files",
        )
        # The free space was read of the host's folder, which is another one.
        return
    needed, free = estimate_dump_size(state["heap"]), state["free"]
    if desired["action"] == "heap_dump" and free is not None and free < needed:
        yield BlockingError(
            f"found {free} bytes ({disk_space.format_size(free)}) free in {tmp}; expected "
            f"{needed} ({disk_space.format_size(needed)}) for the dump of a heap of which {state['heap']} bytes are in "
            "use. Make room on that file system",
            rule="console.dump-space",
        )


def find_scalive_errors(desired: dict[str, Any], state: dict[str, Any], scala: str) -> Iterator[str]:
    """What keeps Scalive from working, on JDK 8."""
    found = f"instance {desired['instance']} runs on JDK {SCALIVE_JAVA} with Scala {scala or 'of an unknown version'}"
    newest = ".".join(map(str, SCALIVE_SCALA))
    if not state["scalive"]:
        yield BlockingError(
            f"{found}, where a console needs the program Scalive, and its release has no script/scalive. Deploy a "
            "package that has it, or set xitrum_jdk_version to 11 or newer",
            rule="console.scalive-missing",
        )
    if scala and split_version(scala) > SCALIVE_SCALA:
        yield BlockingError(
            f"{found}; expected Scala {newest} or older, which the console of JDK {SCALIVE_JAVA} (Scalive) supports. "
            "Set xitrum_jdk_version to 11 or newer, where a console needs no Scalive",
            rule="console.scalive-scala",
        )
    if desired["command"]:
        yield BlockingError(
            f"{found}, and console_command is set; expected JDK 9 or newer, which can run one expression. Leave "
            "console_command out, and type the expression into the console that opens",
            rule="console.scalive-expression",
        )


def find_interpreter_errors(desired: dict[str, Any], state: dict[str, Any], scala: str) -> Iterator[str]:
    """What keeps the console's own interpreter from working, on JDK 9 and newer."""
    compiler = state["scala"].get("compiler", ("", ""))
    if state["missing"]:
        yield BlockingError(
            f"console_compiler_jars has files that are not on the host: {', '.join(state['missing'])}. Expected "
            "paths of jars on the host, outside of /home, /root and /tmp where the instance is a unit of systemd",
            rule="console.compiler-jars",
        )
    elif not scala:
        yield BlockingError(
            f"there is no scala-library in {state['lib']}: the console is for applications in Scala 2.13. Its file "
            "must be called scala-library-VERSION.jar",
            rule="console.no-scala-library",
        )
    elif split_version(scala) != OWN_SCALA:
        yield BlockingError(
            f"{state['lib']} has Scala {scala}: the console knows Scala 2.13. threads, heap and histogram work "
            "without it",
            rule="console.scala-version",
        )
    elif not compiler[0] or "reflect" not in state["scala"]:
        lacks = "scala-compiler" if not compiler[0] else "scala-reflect"
        yield BlockingError(
            f"there is no {lacks} in {state['lib']}. Add the artifact org.scala-lang:scala-compiler:{scala} to the "
            f'application (libraryDependencies += "org.scala-lang" % "scala-compiler" % "{scala}"), which brings '
            "scala-reflect, and deploy it. Or put the jars scala-compiler and scala-reflect on the host, and set "
            "console_compiler_jars to their paths",
            rule="console.no-compiler",
        )
    elif compiler[1] != scala:
        yield BlockingError(
            f"scala-compiler is {compiler[1]} and scala-library is {scala} ({compiler[0]}). Expected "
            f"org.scala-lang:scala-compiler:{scala}",
            rule="console.compiler-version",
        )


def split_version(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(word) for word in version.split(".")[:2])


def limit_seconds(seconds: int, argv: list[str]) -> list[str]:
    """A command that is ended after so many seconds."""
    return ["timeout", "--kill-after=5", str(seconds), *argv]


def run_alone(running: dict[str, Any], argv: list[str]) -> list[str]:
    """A command that is refused, with `BUSY`, while another holds the instance's console: two would share the agent's
    archive. The lock is of the folder, so that there is no file of it to leave, and goes with its process."""
    return ["flock", "--nonblock", "--no-fork", "--conflict-exit-code", str(BUSY), f"{running['cwd']}/tmp", *argv]


def ask(host: Host, desired: dict[str, Any], state: dict[str, Any]) -> str:
    """What jcmd prints of the JVM. Raises RuntimeError with what it reported where it could not."""
    running, home = state["running"], state["home"]
    argv = [f"{home}/bin/jcmd", "-J-XX:-UsePerfData", str(running["pid"]), *ASKS[desired["action"]]]
    if desired["action"] == "heap" and get_major(state["release"]) <= 8:
        # Its jcmd does not know GC.heap_info.
        argv = [f"{home}/bin/jstat", "-gc", str(running["pid"])]
    command = process.build_inside_command(running, limit_seconds(desired["timeout"], argv))
    result = host.run(command, seconds=desired["timeout"] + END_SECONDS)
    if result.rc:
        raise RuntimeError(format_failure(desired, state, result, f"{argv[0]} {argv[-1]}"))
    return result.out


#: Records for a time: jcmd, process, name, seconds, and the file. What ends it ends the recording without a file.
_RECORD = """jcmd=$1 pid=$2 name=$3 seconds=$4 file=$5
ask() { "$jcmd" -J-XX:-UsePerfData "$pid" "$@"; }
trap 'trap - TERM INT; ask JFR.stop name="$name" > /dev/null 2>&1; exit 143' TERM INT
ask JFR.start name="$name" duration=$((seconds + GRACE))s || exit
sleep "$seconds" & wait $!
ask JFR.stop name="$name" filename="$file" || exit
chmod 600 "$file"
"""
_DUMP = """jcmd=$1 pid=$2 file=$3
"$jcmd" -J-XX:-UsePerfData "$pid" GC.heap_dump "$file" || exit
chmod 600 "$file"
"""


def record(host: Host, desired: dict[str, Any], state: dict[str, Any]) -> str:
    """Starts a recording or a dump in the background, into a folder of the instance's user alone that goes with it.
    Returns the job, whose file is what is made. Raises RuntimeError."""
    running, jcmd = state["running"], f"{state['home']}/bin/jcmd"
    folder = must(host, desired, state, ["mktemp", "-d", f"{running['cwd']}/tmp/console-XXXXXXXX"]).strip()
    name = folder.rpartition("/")[2]
    if desired["action"] == "heap_dump":
        file, seconds = f"{folder}/heap.hprof", float(DUMP_SECONDS)
        argv = ["sh", "-c", _DUMP, "sh", jcmd, str(running["pid"]), file]
    else:
        file, seconds = f"{folder}/recording.jfr", float(desired["seconds"] + START_SECONDS)
        script = _RECORD.replace("GRACE", str(RECORDING_GRACE + START_SECONDS))
        argv = ["sh", "-c", script, "sh", jcmd, str(running["pid"]), name, str(desired["seconds"]), file]
    environment = {"PATH": Host.PATH, "LC_ALL": "C.UTF-8"}
    try:
        return host.start_job(
            process.build_inside_command(running, argv), environment, seconds=seconds, lease=RECORD_LEASE,
            umask=0o077, file=file, removed=[folder],
        )
    except OSError:
        remove(host, running, folder)
        raise


def prepare(host: Host, desired: dict[str, Any], state: dict[str, Any]) -> str:
    """Makes the console's folder, for the instance's user alone, and compiles what is in it. Returns its path."""
    running, tmp = state["running"], f"{state['running']['cwd']}/tmp"
    # Reported before anything is made; the client holds it for as long as it runs.
    must(host, desired, state, run_alone(running, ["true"]))
    made = must(host, desired, state, ["mktemp", "-d", f"{tmp}/console-XXXXXXXX"])
    folder = made.strip()
    try:
        jars = [state["scala"][name][0] for name in ("compiler", "reflect")]
        texts = {**desired["sources"], "jars": "\n".join(jars)}
        if desired["command"]:
            texts["expression"] = desired["command"]
        for name, text in texts.items():
            must(host, desired, state, ["sh", "-c", 'umask 077; cat > "$1"', "sh", f"{folder}/{name}"], text)
        must(host, desired, state, ["mkfifo", "-m", "0600", f"{folder}/in", f"{folder}/out"])
        must(
            host,
            desired,
            state,
            limit_seconds(
                START_SECONDS,
                [
                    f"{state['home']}/bin/javac",
                    *(f"-J{option}" for option in QUICK),
                    "-nowarn",
                    "-proc:none",
                    "-cp",
                    ":".join([*jars, state["scala"]["library"][0]]),
                    "-d",
                    f"{folder}/classes",
                    *(f"{folder}/{name}" for name in desired["sources"]),
                ],
            ),
        )
    except RuntimeError:
        remove(host, running, folder)
        raise
    return folder


def must(host: Host, desired: dict[str, Any], state: dict[str, Any], argv: list[str], data: str | None = None) -> str:
    """What a command of the instance's user reported. Raises RuntimeError where it failed."""
    result = host.run(process.build_inside_command(state["running"], argv), data, seconds=START_SECONDS + END_SECONDS)
    if result.rc:
        raise RuntimeError(format_failure(desired, state, result, argv[0]))
    return result.out


def remove(host: Host, running: dict[str, Any], folder: str) -> None:
    """Takes a console's folder away, as the user that it belongs to."""
    if not re.fullmatch(re.escape(f"{running['cwd']}/tmp/") + "console-[A-Za-z0-9]{8}", folder):
        raise RuntimeError(f"{folder} is not a folder of a console of process {running['pid']}: nothing was removed")
    host.run(process.build_inside_command(running, ["rm", "-rf", folder]))


def build_client_command(desired: dict[str, Any], state: dict[str, Any], folder: str) -> list[str]:
    """The console's program as a command that root runs."""
    if state["release"] and get_major(state["release"]) <= SCALIVE_JAVA:
        argv = [
            "env",
            f"PATH={state['home']}/bin:/usr/bin:/bin",
            f"JAVA_HOME={state['home']}",
            state["scalive"],
            str(state["running"]["pid"]),
        ]
        return process.build_inside_command(state["running"], argv)
    seconds = desired["timeout"] if desired["command"] else 0
    argv = [
        f"{state['home']}/bin/java", *QUICK, "-cp", f"{folder}/classes", "XitrumConsole", folder,
        str(state["running"]["pid"]), str(seconds),
    ]
    return process.build_inside_command(
        state["running"], run_alone(state["running"], limit_seconds(seconds + START_SECONDS, argv) if seconds else argv)
    )


def wrap_for_terminal(argv: list[str]) -> list[str]:
    """A command for the terminal of a person, which gets of root's login no more than the kind of the terminal: a proxy
    with its password there is not the application's."""
    script = 'path=$1; shift; exec env -i "PATH=$path" LC_ALL=C.UTF-8 "TERM=${TERM:-dumb}" "$@"'
    return ["sh", "-c", script, "sh", Host.PATH, *argv]


def evaluate(host: Host, desired: dict[str, Any], state: dict[str, Any]) -> str:
    """What an expression printed. Raises RuntimeError with the compiler's message or the exception where it failed."""
    folder = prepare(host, desired, state)
    try:
        result = host.run(
            build_client_command(desired, state, folder), seconds=desired["timeout"] + START_SECONDS + END_SECONDS
        )
    finally:
        remove(host, state["running"], folder)
    if result.rc:
        raise RuntimeError(
            format_failure(desired, state, result, "the expression" if result.rc in (1, 124) else "the console")
        )
    return result.out


def format_failure(desired: dict[str, Any], state: dict[str, Any], message: Result, what: str) -> str:
    """A sentence on what failed, with what it reported."""
    if message.rc == BUSY and not message.out + message.err:
        return (
            f"another console is open on instance {desired['instance']} (process {state['running']['pid']}): there is "
            "one at a time. Leave that one (:quit), or wait for its expression"
        )
    words = "\n".join(filter(None, [message.out.strip(), message.err.strip()])) or (
        "no answer in time: it was ended" if message.rc in (124, 137) else "no message"
    )
    return (
        f"{what} failed in instance {desired['instance']} (process {state['running']['pid']}, user "
        f"{state['running']['user']}), code {message.rc}:\n{words}"
    )


# --------------------------------------------------------------------------------------------------------- applying


def apply(host: Host, plan: Plan) -> Applied:
    """Removes the folder of a console that is left, or queries the JVM, starts what makes a file, evaluates the
    expression or prepares a console: the results `lines`, `job`, or `folder` and `argv`. Raises RuntimeError."""
    desired, state = plan.desired, plan.state
    if desired.get("left"):
        if state["running"] and not state["stranger"]:
            remove(host, state["running"], desired["left"])
        return Applied()
    if desired["action"] in RECORDS:
        return Applied({"job": record(host, desired, state)})
    if desired["action"] != "scala":
        return Applied({"lines": ask(host, desired, state).splitlines()})
    if desired["command"]:
        return Applied({"lines": evaluate(host, desired, state).splitlines()})
    folder = "" if plan.facts["console"] == "scalive" else prepare(host, desired, state)
    return Applied({"folder": folder, "argv": wrap_for_terminal(build_client_command(desired, state, folder))})


def rehearse(host: Host, plan: Plan) -> Optional[Applied]:
    """What check mode does: all that changes nothing. None for an expression, a console and what makes a file."""
    harmless = plan.desired.get("left") or (plan.desired["action"] in ASKS and not plan.errors)
    return apply(host, plan) if harmless else None


def _refuse(host: Host, _desired: Desired) -> str:
    return "" if host.is_root() else (
        "an instance's JVM is attached to by its own user, whom only root can become, and this module runs as another "
        "user: use become: true")


#: What is evaluated is not shown in the invocation, and may occur in what it prints.
EXECUTION = Execution(
    quiet=True, masked=("command",), fenced=False, refuse=_refuse, unread=str, rehearse=rehearse, always=True
)
