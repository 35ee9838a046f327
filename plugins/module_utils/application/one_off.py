# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-off command: a class of an installed release, by its own `script/runner`, with what an instance has.

It gets the instance's configuration, user, JDK, options and open files, and none of its ports. It works in a folder of
its own, `ROOT/runs/N/RELEASE-NUMBER`: what works in the folder of an instance is taken for the instance. That folder
is held for as long as the command runs, and its release is not pruned meanwhile.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..core import folders
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan, make_rule_errors
from ..core.untrusted_text import make_printable
from ..package import main_class as package_main
from . import installed

NAME = "one_off"

#: Seconds that a command may take where nobody sets another time.
TIMEOUT = 3600

SPEC: dict[str, Any] = {
    "root": {"type": "path", "required": True},
    "user": {"type": "str", "required": True},
    "instance": {"type": "int", "default": 0},
    "main_class": {"type": "str", "required": True},
    "arguments": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": TIMEOUT},
    "nofile": {"type": "int", "default": 1024000},
    "folder": {"type": "str", "default": ""},
    "lease": {"type": "int", "default": 0},
}

#: A class by its full name: one without a package has no dot.
CLASS = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*", re.ASCII)
#: The most characters of a command's arguments, far below what a kernel takes (execve(2)).
LONGEST = 65536

#: Options of an instance's JVM that open a port, load an agent, or write a file that the instance's own JVM has open.
_LEFT_OUT = re.compile(
    r"-agentlib:|-agentpath:|-javaagent:|-Xrunjdwp|-Xdebug$|-Xlog:|-Xloggc:|-XX:StartFlightRecording|-XX:\+ManagementServer"
    r"|-Dcom\.sun\.management\b|-Dakka\.remote\."
)
#: Akka takes a free port where the class starts an actor system with remoting.
_FREE_PORTS = tuple(
    f"-Dakka.remote.{name}.port=0" for name in ("artery.canonical", "artery.bind", "netty.tcp", "classic.netty.tcp")
)
_VARIABLE = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)='([^']*)'$", re.MULTILINE)


def split_arguments(value: Any, name: str) -> list[str]:
    """The arguments of a command: a list, or a text that is split as a shell does. Raises ValueError, with the
    variable's `name`."""
    try:
        found = shlex.split(value) if isinstance(value, str) else [str(item) for item in value or ()]
    except (ValueError, TypeError):
        found = None
    if found is None or isinstance(value, Mapping):
        raise ValueError(
            f"{name} cannot be split into arguments: expected a list of texts, or a text in which each quote has its "
            "end"
        )
    if any("\0" in item for item in found):
        raise ValueError(f"{name} has a null character; expected none, since no program can be given one. Remove it")
    length = sum(map(len, found))
    if length > LONGEST:
        raise ValueError(f"{name} has {length} characters; expected at most {LONGEST}. Put long values into a file on "
                         "the host, and give its path")
    return found


def check_class(value: Any, name: str) -> str:
    """The class of a command. Raises ValueError, with the variable's `name`."""
    text = str(value or "").strip()
    if not text:
        raise ValueError(f"{name} is not set: expected a class of the release that has a main method, such as "
                         f"-e {name}=shop.Migrate")
    if len(text.split()) > 1:
        # What follows may be a secret, and is not repeated.
        raise ValueError(f"{name} has white space: expected the full name of a class, such as shop.Migrate, without "
                         "arguments")
    if not CLASS.fullmatch(text):
        dotted = text.replace("/", ".")
        dotted = dotted[: -len(".class")] if dotted.endswith(".class") else dotted
        meant = f": did you mean {dotted}?" if CLASS.fullmatch(dotted) else ""
        raise ValueError(f"{name} is {make_printable(text)!r}: expected the full name of a class, such as shop.Migrate"
                         f"{meant}")
    return text


def check_timeout(value: Any, name: str) -> int:
    """The seconds of a command, 0 for no end. Raises ValueError, with the variable's `name`."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{name} is {make_printable(str(value))!r}: expected a number of seconds, or 0 for no limit")
    return int(text)


def parse_command(value: Any, name: str) -> dict[str, Any]:
    """A command that is given as a text, `CLASS ARGUMENT ...`, or as `{class, arguments, timeout}`: as `{main_class,
    arguments, timeout}`. Raises ValueError, with the variable's `name`."""
    if isinstance(value, Mapping):
        strange = sorted(map(str, set(value) - {"class", "arguments", "timeout"}))
        if strange:
            raise ValueError(
                f"{name} has {', '.join(map(make_printable, strange))}: expected class, arguments and timeout"
            )
        return {
            "main_class": check_class(value.get("class"), f"{name}.class"),
            "arguments": split_arguments(value.get("arguments"), f"{name}.arguments"),
            "timeout": check_timeout(value.get("timeout", TIMEOUT), f"{name}.timeout"),
        }
    if not isinstance(value, str):
        # The items of a list may be secret.
        found = "a list" if isinstance(value, (list, tuple)) else make_printable(repr(value))
        raise ValueError(
            f"{name} is {found}: expected a text such as shop.Migrate, or a dictionary with class, arguments and "
            "timeout"
        )
    words = split_arguments(value, name)
    return {"main_class": check_class(words[0] if words else "", name), "arguments": words[1:], "timeout": TIMEOUT}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The instance's folder, its environment, and whether the release has the class."""
    root = host.realpath(desired["root"])
    home = f"{root}/instances/{desired['instance']}"
    name = desired["folder"] or host.readlink(f"{home}/current") or ""
    folder = f"{home}/{name}" if name and host.exists(f"{home}/{name}") else ""
    numbers = sorted(int(one) for one in host.listdir(f"{root}/instances") if one.isdecimal())
    akka = (host.read(f"{folder}/config/akka.conf") or "") if folder else ""
    return {
        "root": root,
        "folder": folder,
        "release": installed.parse_release(folder, root),
        "installed": [number for number in numbers if host.readlink(f"{root}/instances/{number}/current")],
        "environment": dict(_VARIABLE.findall(host.read(f"{folder}/environment") or "")) if folder else {},
        "runner": bool(folder) and host.exists(f"{folder}/script/runner"),
        # The configuration of a member of the cluster, with the instance's own port.
        "own_akka": akka.startswith("# Instance "),
        "class_error": package_main.find_class_error(folder, desired["main_class"]) if folder else "",
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides whether the command can run, or explains why not."""
    result = Draft(facts={"instance": desired["instance"], "release": state["release"]})
    if not state["folder"]:
        listed = ", ".join(map(str, state["installed"]))
        advice = (f"found {listed}. Choose one with run_instance" if listed else
                  "found none. Deploy the application first: ansible-playbook xitrum.host.site")
        reason = f"instance {desired['instance']} is not installed in {desired['root']}: {advice}"
        result.errors += make_rule_errors("command.not-installed", [reason])
    elif not state["runner"]:
        reason = (f"found no script/runner in {state['folder']}; expected that of the package, which starts a class: "
                  "build the package with xitrum-package, and deploy it")
        result.errors += make_rule_errors("command.no-runner", [reason])
    else:
        result.errors += make_rule_errors("command.class-missing", [state["class_error"]])
    if not result.errors:
        # Nobody can know what a class does.
        result.actions.append(("run", desired["main_class"]))
        result.after = (
            f"instance {desired['instance']}, release {state['release']}: {desired['main_class']} with "
            f"{len(desired['arguments'])} arguments, as the user {desired['user']}\n"
        )
    return result.plan(desired, state)


def build_environment(desired: Mapping[str, Any], state: Mapping[str, Any], folder: str) -> dict[str, str]:
    """What the command gets, in its folder: the environment of the instance, as its supervisor and `ROOT/run` give
    it, without options that open a port."""
    found = {name: value for name, value in state["environment"].items() if name != "XITRUM_MAIN_CLASS"}
    for name in ("JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"):
        if name in found:
            found[name] = " ".join(filter_jvm_options(found[name].split()))
    tmp = f"{folder}/tmp"
    first = [f"-Djava.io.tmpdir={tmp}", f"-Djna.tmpdir={tmp}", *_FREE_PORTS]
    options = " ".join(filter(None, [*first, found.get("_JAVA_OPTIONS", "")]))
    account = {"HOME": desired["root"], "USER": desired["user"], "LOGNAME": desired["user"]}
    return {**found, **account, "TMPDIR": tmp, "_JAVA_OPTIONS": options}


def filter_jvm_options(options: Sequence[str]) -> list[str]:
    """Those options of an instance's JVM that a second one next to it can have."""
    return [option for option in options if not _LEFT_OUT.match(option)]


def build_command_line(desired: Mapping[str, Any], folder: str) -> list[str]:
    """The command, as the application's user and with no way back to more rights."""
    user = desired["user"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs", "--inh-caps=-all",
            "--ambient-caps=-all", "--", f"{folder}/script/runner", desired["main_class"], *desired["arguments"]]


def apply(host: Host, plan: Plan) -> Applied:
    """Makes the command's folder and starts it in the background: the result `job`. Raises OSError or RuntimeError."""
    desired, state = plan.desired, plan.state
    root, user = state["root"], desired["user"]
    home = f"{root}/runs/{desired['instance']}"
    for path in (f"{root}/runs", home):
        host.make_directory(path, 0o750, "root", user)
    # Two commands at once: each would take the folder of the other, before that holds it, for one that was left.
    with host.hold_lock(f"{root}/runs/lock"):
        for name in host.listdir(home):
            if not host.is_held(f"{home}/{name}"):
                host.remove(f"{home}/{name}")
        folder = f"{home}/{state['release']}-{secrets.token_hex(6)}"
        try:
            lay_out(host, state, folder, user)
            job = host.start_job(
                build_command_line(desired, folder), build_environment(desired, state, folder), cwd=folder,
                seconds=desired["timeout"], lease=desired["lease"], nofile=desired["nofile"], removed=[folder],
                held=folder,
            )
        except OSError:
            # Of a full disk, it takes some of what there is.
            host.remove(folder)
            raise
    return Applied({"job": job})


def lay_out(host: Host, state: Mapping[str, Any], folder: str, user: str) -> None:
    """A folder like that of the instance, with files for temporary data of its own."""
    akka = f"{folder}/config/akka.conf"
    leave_out = [f"{folder}/tmp", f"{folder}/environment", *([akka] if state["own_akka"] else [])]
    host.link_tree(state["folder"], folder, leave_out, 0o750, "root", user)
    # No member of the cluster: that of the package, if it has one.
    source = f"{installed.get_folder(state['root'], state['release'])}/config/akka.conf"
    if state["own_akka"] and host.is_file(source):
        host.make_hard_link(source, akka)
    host.make_directory(f"{folder}/tmp", 0o750, user, user)


def _refuse(host: Host, desired: Desired) -> str:
    if not host.is_root():
        return ("a command runs as the application's user, whom only root can become, and this module runs as another "
                "user: use become: true")
    return folders.find_system_error(host, desired["root"])


EXECUTION = Execution(quiet=True, masked=("arguments",), fenced=False, refuse=_refuse)
