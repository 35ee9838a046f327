# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running processes, from /proc: pure parsers of its files, and finders by folder, unit and pid.

What the kernel hides from an unprivileged reader (another user's environment, working folder and executable) is
None, never an empty value: None means unseen. An environment may hold secrets: a module must not return it whole.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .host import Host, find_user_name
from .untrusted_text import split_lines

#: What a reading gives.
Value = TypeVar("Value")

#: How a limit without an end is written as a number: the value of `resource.RLIM_INFINITY`.
UNLIMITED = -1

_LIMIT_LINE = re.compile(r"^(Max .+?) {2,}(unlimited|[0-9]{1,20}) +(unlimited|[0-9]{1,20})(?![0-9])")

_STAT = re.compile(
    r"([0-9]{1,10}) \((.*)\) ([A-Za-z]) (-?[0-9]{1,10})(?: -?[0-9]+){17} ([0-9]{1,20})(?: .*)?\s*", re.DOTALL
)
_NUMBER = re.compile(r"[0-9]{1,18}")

#: The properties of a unit that report which processes it has and which nofile limit it gives them.
UNIT_PROPERTIES = (
    "Id", "LoadState", "ActiveState", "MainPID", "ControlGroup", "FragmentPath", "DropInPaths", "LimitNOFILE",
    "LimitNOFILESoft",
)


#: The name of a service, as systemd.unit(5) allows it. It does not begin as an option does.
SERVICE = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]{0,246}\.service")
#: Levels of control groups that are read: anybody may make more below their own.
MOST_GROUPS = 16


def parse_limits(text: str) -> dict[str, tuple[int, int]]:
    """/proc/PID/limits as `{"Max open files": (soft, hard)}`; UNLIMITED where the kernel reports it."""
    found = (_LIMIT_LINE.match(line) for _number, line in split_lines(text))
    return {match.group(1): (_parse_limit(match.group(2)), _parse_limit(match.group(3))) for match in found if match}


def _parse_limit(word: str) -> int:
    return UNLIMITED if word == "unlimited" else int(word)


def parse_nofile(text: str) -> tuple[int, int] | None:
    """The soft and hard nofile limit of /proc/PID/limits as a pair of integers; None where the text has none."""
    return parse_limits(text).get("Max open files")


def parse_environ(text: str) -> dict[str, str]:
    """/proc/PID/environ as a dictionary. Of a name that is there twice the first counts, as for getenv(3)."""
    environ: dict[str, str] = {}
    for entry in text.split("\0"):
        name, separator, value = entry.partition("=")
        if separator and name:
            environ.setdefault(name, value)
    return environ


def parse_cmdline(text: str) -> list[str]:
    """/proc/PID/cmdline as the list of arguments; empty arguments stay, a kernel thread has none."""
    return text.split("\0")[:-1] if text.endswith("\0") else [part for part in [text] if part]


def parse_stat(text: str) -> dict[str, Any]:
    """/proc/PID/stat as `{pid, comm, state, ppid, start_ticks}`.

    The name in parentheses may itself hold blanks and parentheses: what follows the last one is the rest.
    `start_ticks` are clock ticks since boot, as in proc(5) field 22. Empty where the text is another line.
    """
    found = _STAT.fullmatch(text)
    if found is None:
        return {}
    pid, comm, state, ppid, start = found.groups()
    return {"pid": int(pid), "comm": comm, "state": state, "ppid": int(ppid), "start_ticks": int(start)}


def parse_status(text: str) -> dict[str, str]:
    """/proc/PID/status as a dictionary of its `Name: value` lines."""
    pairs = (line.partition(":") for _number, line in split_lines(text))
    return {name: value.strip() for name, separator, value in pairs if separator}


def parse_boot_time(text: str) -> int:
    """The moment of boot from /proc/stat in seconds since the epoch; 0 where the text does not report it."""
    match = re.search(r"^btime ([0-9]{1,18})$", text, re.MULTILINE)
    return int(match.group(1)) if match else 0


def parse_unit(text: str) -> dict[str, str]:
    """`systemctl show` of one unit as a dictionary of its properties."""
    pairs = (line.partition("=") for _number, line in split_lines(text))
    return {name: value for name, separator, value in pairs if separator}


def read_if_allowed(read: Callable[..., Value | None], *arguments: Any) -> Value | None:
    """What a reading gives, or None where the kernel does not let this user read it, or where a link leads to a path
    that is longer than the kernel gives: any user can make one, and nothing of ours is there."""
    try:
        return read(*arguments)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
            raise
        return None


def is_under(path: str | None, root: str) -> bool:
    """Whether a path is `root` or below it. The kernel appends ` (deleted)` to a folder that is gone."""
    return path is not None and (path + "/").startswith(root.rstrip("/") + "/")


def list_pids(host: Host) -> list[int]:
    """The process ids that /proc shows, in ascending order."""
    return sorted(int(name) for name in host.listdir("/proc") if name.isdecimal())


def read_process(host: Host, pid: int, boot_time: int | None = None) -> dict[str, Any] | None:
    """One process as a dictionary; None where it is gone.

    Keys: `pid`, `ppid`, `comm`, `state`, `cwd`, `exe`, `cmdline` (list), `environ` (dictionary), `nofile`
    (soft, hard), `uid`, `gid`, `user`, `started` (seconds since the epoch), `rss_kb`. A value that this user may
    not see is None. Pass `boot_time` (see `boot_time`) when many are read.
    """
    folder = f"/proc/{pid}"
    stat = parse_stat(host.read_untrusted(f"{folder}/stat") or "")
    status = parse_status(host.read_untrusted(f"{folder}/status") or "")
    uid, gid = find_effective_id(status, "Uid"), find_effective_id(status, "Gid")
    if not stat or uid is None or gid is None:
        return None
    limits, cmdline, environ = (
        read_if_allowed(host.read, f"{folder}/{name}") for name in ("limits", "cmdline", "environ")
    )
    since_boot = stat["start_ticks"] / host.read_clock_ticks()
    return {
        "pid": pid,
        "ppid": stat["ppid"],
        "comm": stat["comm"],
        "state": stat["state"],
        "cwd": read_if_allowed(host.readlink, folder + "/cwd"),
        "exe": read_if_allowed(host.readlink, folder + "/exe"),
        "cmdline": None if cmdline is None else parse_cmdline(cmdline),
        "environ": None if environ is None else parse_environ(environ),
        "nofile": None if limits is None else parse_nofile(limits),
        "uid": uid,
        "gid": gid,
        "user": find_user_name(uid),
        "started": int((read_boot_time(host) if boot_time is None else boot_time) + since_boot),
        "rss_kb": int((re.match(r"[0-9]{1,15}", status.get("VmRSS", "")) or ["0"])[0]),
    }


def find_effective_id(status: Mapping[str, str], name: str) -> int | None:
    """The effective one of the user's or group's ids in what `parse_status` found; None where there is none."""
    words = status.get(name, "").split()
    return int(words[1]) if len(words) > 1 and _NUMBER.fullmatch(words[1]) else None


def read_boot_time(host: Host) -> int:
    """When this host booted, in seconds since the epoch."""
    return parse_boot_time(host.read("/proc/stat") or "")


def read_processes(host: Host, desired: Iterable[int]) -> list[dict[str, Any]]:
    """The processes with these ids that still run, in the order given."""
    boot_time = read_boot_time(host)
    return [row for row in (read_process(host, pid, boot_time) for pid in desired) if row is not None]


def find_processes_under(host: Host, root: str) -> list[dict[str, Any]]:
    """Every process whose working folder is `root` or below it. Links in `root` are followed, as the kernel does.

    One pass over /proc: only the working folder is queried of each process, the rest only of those found. Processes
    of other users are seen by root only.
    """
    real = host.realpath(root)
    return read_processes(
        host, [pid for pid in list_pids(host) if is_under(read_if_allowed(host.readlink, f"/proc/{pid}/cwd"), real)]
    )


def list_accounts(host: Host, home: str, user: str = "") -> set[str]:
    """The users that an instance may run as, by name: `user`, and those that root gave a `tmp` of its folders to.

    `home` is `ROOT/instances/N`, in which root alone makes folders. Empty where the process shows none.
    """
    owners = (host.stat(f"{home}/{name}/tmp") for name in host.listdir(home))
    return {user, *(found.owner for found in owners if found is not None and found.kind == "directory")} - {""}


def filter_processes_of_users(rows: Iterable[dict[str, Any]], users: Container[str]) -> list[dict[str, Any]]:
    """Of processes that `read_process` described those of these users, and root's. A process whose user
    could not be read is left out: what others run in a folder is not an instance."""
    return [row for row in rows if row["user"] in users or row["user"] == "root"]


def find_stranger_reason(host: Host, row: Mapping[str, Any], user: str) -> str:
    """Why a process that `read_process` described is not entered: it is not the application's, or has made a world of
    its own. Empty where it may be. `user` is the application's user by name."""
    where = f"process {row['pid']}, which works in {row['cwd']},"
    if row["user"] != user:
        return (
            f"{where} is of the user {row['user']}; expected {user}: nothing is queried of it. Stop it, or correct "
            "xitrum_user"
        )
    own, root = (read_if_allowed(host.readlink, f"/proc/{name}/ns/user") for name in (row["pid"], "self"))
    if own != root:
        # Its user is root in there, and puts any file in the place of any other.
        return (
            f"{where} has a user namespace of its own ({own or 'not readable'}); expected that of the host ({root}): "
            "nothing is queried of it. See who started it"
        )
    exe = host.stat(row["exe"] or "")
    if exe is None or exe.kind != "file" or exe.owner != "root":
        found = f"is of the user {exe.owner}" if exe else "is not on the disk"
        return (
            f"{where} runs {row['exe'] or 'a program that is not readable'}, which {found}; expected a file of root: "
            "nothing is queried of it. Leave the JDK to the role jdk, or give the JDK's folder to root (chown -R "
            "root:root)"
        )
    return ""


def build_inside_command(row: Mapping[str, Any], argv: Sequence[str]) -> list[str]:
    """A command as the user of a process that `read_process` described and in its mount namespace,
    with no way back to more rights.

    No program in there runs as root: nsenter itself, of this host,
    becomes the user before it starts one. Ask `find_stranger_reason` first.
    """
    return ["setpriv", "--no-new-privs", "--inh-caps=-all", "--", "nsenter", "--target", str(row["pid"]), "--mount",
            "--setuid", str(row["uid"]), "--setgid", str(row["gid"]), "--", *argv]


def show_unit(host: Host, unit: str) -> dict[str, str]:
    """The UNIT_PROPERTIES of a systemd unit; an empty dictionary where systemd does not answer or has no such unit."""
    result = host.run(["systemctl", "show", "--no-pager", "--property=" + ",".join(UNIT_PROPERTIES), "--", unit])
    shown = parse_unit(result.out) if result.rc == 0 else {}
    return {} if shown.get("LoadState") == "not-found" else shown


def find_unit_of_process(host: Host, pid: int) -> dict[str, str]:
    """What `show_unit` reports about the service that a process belongs to; an empty dictionary where it belongs to
    none, or systemd does not confirm it.

    Anybody may name a control group below one of their own, so that a name in /proc/PID/cgroup alone is anybody's text.
    """
    text = read_if_allowed(host.read, f"/proc/{pid}/cgroup") or ""
    # cgroup v2, and systemd's own tree of v1.
    groups = (
        line.split(":", 2)[2]
        for _number, line in split_lines(text)
        if line.startswith("0::") or re.match(r"\d+:name=systemd:", line)
    )
    return next(filter(None, (find_unit_of_group(host, group, pid) for group in groups)), {})


def find_unit_of_group(host: Host, group: str, pid: int = 0) -> dict[str, str]:
    """What `show_unit` reports about the service that a control group is that of, or is below of;
    an empty dictionary without one.

    The service is accepted where systemd itself gives it this group, or this main process.
    """
    names = group.split("/")
    for depth, name in list(enumerate(names, 1))[:MOST_GROUPS]:
        # The services of a user are not services of the system, and the one of their manager is all that the user runs.
        if SERVICE.fullmatch(name) and not name.startswith("user@"):
            shown = show_unit(host, name)
            if shown.get("ControlGroup") == "/".join(names[:depth]) or (pid and shown.get("MainPID") == str(pid)):
                return shown
    return {}


def list_unit_pids(host: Host, shown: Mapping[str, str]) -> list[int]:
    """All process ids of a unit that `show_unit` described: those of its control group, or its main one."""
    group = shown.get("ControlGroup", "")
    # cgroup v2, cgroup v1's own tree for systemd, and the hybrid of both.
    for tree in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"):
        text = read_if_allowed(host.read, f"{tree}{group}/cgroup.procs") if group else None
        if text:
            return sorted(int(word) for word in text.split() if _NUMBER.fullmatch(word))
    return [get_main_pid(shown)] if get_main_pid(shown) else []


def get_main_pid(shown: Mapping[str, str]) -> int:
    """The main process of a unit that systemctl showed; 0 where it has none."""
    text = shown.get("MainPID", "")
    return int(text) if _NUMBER.fullmatch(text) else 0
