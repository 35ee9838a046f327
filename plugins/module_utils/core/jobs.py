# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in the background of a host: started, polled and ended by one call each. `Host` uses these.

A process of its own keeps the command's output until it was read, and ends the command when nobody polls any more: so
a controller that was killed leaves nothing on the host. In a folder of that process, for root alone, which is gone
afterwards: `state.json` is what it reports, `process.json` which processes these are, `out-N` are parts of the
output, `lease` is renewed by whoever polls, and `end` ends it.
"""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional, Tuple

from . import background_folder, schema
from .process import parse_stat

PREFIX = "xitrum.host-job-"

#: Seconds after the last poll at which a job ends.
LEASE = 30
#: Seconds that a command has to end after SIGTERM. A JVM runs its shutdown hooks.
END_SECONDS = 10
#: Seconds for which output is read of what a command has left running.
REST_SECONDS = 2
#: How often a job looks what is to be done, in seconds.
TICK = 0.2

#: Bytes of a part of the output, and how many parts wait for a reader: then the command waits too, as at a terminal.
PART, MOST_PARTS = 1 << 20, 8
#: Bytes that are read at once, and that one poll returns. A poll takes about a second over SSH, and the output that it
#: returns stays until the next one: so half of what may wait, in whole parts.
BLOCK, POLLED = 1 << 16, MOST_PARTS // 2 * PART

#: prctl(2): orphans of this process's children become its own.
_SUBREAPER = 36


class JobError(RuntimeError):
    """What is wrong with a job, as a sentence."""


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    remove: Callable[[str], object],
    *,
    cwd: str = "/",
    seconds: float = 0,
    lease: float = LEASE,
    nofile: int = 0,
    umask: int = 0o027,
    file: str = "",
    removed: Sequence[str] = (),
    held: str = "",
) -> str:
    """Starts a command with this environment and no other, and returns the folder of its job.

    seconds: its time; 0 for no end. lease: seconds after the last poll at which the job ends. nofile: its open files,
    or what the host grants of them; 0 leaves them. file: what the command makes, to be read by `read_file`. removed:
    paths that go with the job, by `remove`. held: a folder that is locked for as long as the job is there.
    """
    sweep(remove)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=find_base())
    background_folder.renew_lease(folder)
    write(folder, "state", {"phase": "running", "rc": 0, "reason": "", "file": file, "removed": list(removed)})
    handle = os.open(held, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW) if held else None
    if handle is not None:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    pid = os.fork()
    if pid == 0:
        # Nothing of what the module has may be left in it: whoever started the module waits for its pipes to be closed.
        try:
            detach(handle)
            Job(folder, list(argv), dict(environment), remove, cwd, seconds, lease, nofile, umask).run()
        finally:
            os._exit(0)
    if handle is not None:
        os.close(handle)
    write(folder, "process", identify(pid))
    return folder


def find_base() -> str | None:
    """The folder of the folders: for root one in which nobody else can make a name that has become free."""
    return "/run" if os.geteuid() == 0 and os.path.isdir("/run") else None


def detach(kept: int | None) -> None:
    """Leaves the session of the process that started this one, and all its files but `kept`."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(null, handle)
    for handle in range(3, 256):
        if handle != kept:
            with contextlib.suppress(OSError):
                os.close(handle)
    os.chdir("/")


def identify(pid: int) -> dict[str, int]:
    """A process by its number and the moment of its start: a number comes again."""
    return {"pid": pid, "start_ticks": read_start_ticks(pid) or 0}


def read_start_ticks(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where it is gone, or waits for its parent to notice."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            found = parse_stat(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if not found or found["state"] in "ZX" else found["start_ticks"]


def is_alive(process: Mapping[str, int]) -> bool:
    """Whether the process that `identify` described still runs."""
    return bool(process) and read_start_ticks(process["pid"]) == process["start_ticks"]


def poll(folder: str, position: int) -> dict[str, Any]:
    """What a job reports, and its output from `position` on: `{phase, rc, reason, output, position, more}`.

    Whoever polls lets it go on. `output` ends with a line, unless the command has ended, or the line is longer than
    what one poll returns: then with a whole character. `more` reports that there is more of it already. Parts of the
    output before `position` are gone then. Raises JobError.
    """
    found = check(folder)
    background_folder.renew_lease(found)
    # In this order: what has ended has written all of its output before.
    state = read_live_job(found)
    data, is_ended = read_output(found, position), state["phase"] == "ended"
    is_full = len(data) == POLLED
    if not (is_ended and not is_full):
        line = data.rfind(b"\n") + 1
        data = data[:line] if line or not is_full else drop_partial_character(data)
    for number in list_parts(found):
        if number < position // PART:
            os.unlink(f"{found}/out-{number}")
    return {"phase": state["phase"], "rc": state["rc"], "reason": state["reason"], "position": position + len(data),
            "output": data.decode("utf-8", "surrogateescape"), "more": is_full}


def read_output(folder: str, position: int) -> bytes:
    """At most `POLLED` bytes of the output from `position` on."""
    data, number, begin = b"", position // PART, position % PART
    while len(data) < POLLED:
        try:
            with open(f"{folder}/out-{number}", "rb") as file:
                file.seek(begin)
                data += file.read(POLLED - len(data))
                is_whole = os.fstat(file.fileno()).st_size == PART
        except FileNotFoundError:
            break
        if not is_whole:
            break
        number, begin = number + 1, 0
    return data


def drop_partial_character(data: bytes) -> bytes:
    """A part of a text in UTF-8 without the character at its end that is not whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    decoder.decode(data)
    return data[: len(data) - len(decoder.getstate()[0])]


def list_parts(folder: str) -> list[int]:
    """The numbers of the parts of the output that are there."""
    return sorted(int(name[4:]) for name in os.listdir(folder) if name.startswith("out-"))


def read_live_job(folder: str) -> dict[str, Any]:
    """What a job reports. Raises JobError where it cannot report anything any more."""
    process = read(folder, "process")
    runs = is_alive(process)
    state = read(folder, "state")
    if state["phase"] != "ended" and not runs:
        raise JobError(
            f"found the process {process['pid']}, which keeps the command and its output, gone before the command's "
            "end. Somebody has killed it, or the kernel, out of memory: see the log of this host (journalctl -k), and "
            "run the playbook again"
        )
    return state


def find_file(folder: str) -> str:
    """The path of what a job's command makes. Whoever reads it lets the job go on. Raises JobError."""
    found = check(folder)
    background_folder.renew_lease(found)
    return str(read_live_job(found)["file"])


def end(folder: str, remove: Callable[[str], object]) -> None:
    """Ends a job and its command, and waits until nothing of both is left. Raises JobError."""
    found = check(folder)
    process = read(found, "process")
    background_folder.touch(f"{found}/end")
    until = time.monotonic() + END_SECONDS + 10
    while os.path.isdir(found) and is_alive(process) and time.monotonic() < until:
        time.sleep(TICK / 2)
    if os.path.isdir(found):
        clear(found, remove)


def sweep(remove: Callable[[str], object]) -> None:
    """Clears away jobs whose process was killed."""
    where = find_base() or tempfile.gettempdir()
    for name in os.listdir(where):
        folder = os.path.join(where, name)
        with contextlib.suppress(OSError, JobError):
            if name.startswith(PREFIX) and not is_alive(read(check(folder), "process")):
                clear(folder, remove)


def clear(folder: str, remove: Callable[[str], object]) -> None:
    """Ends the command of a job whose process is gone, and removes what goes with the job."""
    command = read(folder, "command") if os.path.exists(f"{folder}/command.json") else {}
    if is_alive(command):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command["pid"], signal.SIGKILL)
    for path in read(folder, "state")["removed"]:
        remove(path)
    shutil.rmtree(folder, ignore_errors=True)


def check(folder: str) -> str:
    """The folder, where it is one of a job, and of this user: another user could have links in it. Raises JobError."""
    error = background_folder.find_owner_error(folder, "a job")
    if error:
        raise JobError(error)
    if not background_folder.has_state(folder, PREFIX):
        raise JobError(
            f"{folder or 'an empty path'} is not a folder of a job that runs: nobody polled it for some time, so that "
            "it has ended. Run the playbook again"
        )
    return folder


def read(folder: str, name: str) -> dict[str, Any]:
    """What `write` has written. Raises JobError where it is gone or damaged."""
    path = f"{folder}/{name}.json"
    try:
        with open(path, encoding="utf-8") as file:
            return schema.JOB.parse(file.read(), path)
    except (OSError, schema.VersionError, ValueError) as error:
        raise JobError(f"{path} cannot be read ({error}): run the playbook again") from error


def write(folder: str, name: str, data: dict[str, Any]) -> None:
    """Writes it whole."""
    background_folder.write_record(folder, name, schema.JOB.render(data))


class Job:
    """The process that keeps a command, its output and its time."""

    def __init__(
        self, folder: str, argv: list[str], environment: dict[str, str], remove: Callable[[str], object], cwd: str,
        seconds: float, lease: float, nofile: int, umask: int,
    ) -> None:
        self.folder, self.argv, self.environment, self.remove, self.cwd = folder, argv, environment, remove, cwd
        self.seconds, self.lease, self.nofile, self.umask = seconds, lease, nofile, umask
        self.began, self.written = time.monotonic(), 0

    def run(self) -> None:
        """Runs the command, reports its end, and waits until that was read."""
        try:
            rc, reason = self.execute()
        except OSError as error:
            rc, reason = 126, f"it could not be started: {error}"
        self.end_rest()
        state = read(self.folder, "state")
        write(self.folder, "state", {**state, "phase": "ended", "rc": rc, "reason": reason})
        while not self.is_end_requested() and self.is_polled():
            time.sleep(TICK)
        for path in state["removed"]:
            with contextlib.suppress(OSError):
                self.remove(path)
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self) -> Tuple[int, str]:
        """Runs the command: its exit code, and why it was ended (empty: it ended by itself)."""
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        raise_nofile(self.nofile)
        os.umask(self.umask)
        process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.cwd,
            env=self.environment, start_new_session=True,
        )
        os.umask(0o077)
        write(self.folder, "command", identify(process.pid))
        reason = self.copy_output(process)
        rc = process.wait()
        return (128 - rc if rc < 0 else rc), reason

    def copy_output(self, process: subprocess.Popen[bytes]) -> str:
        """Keeps the output of the command until both have ended. Returns why the command was ended."""
        pipe, reason, deadline, ended = process.stdout, "", 0.0, 0.0
        while pipe or process.poll() is None:
            now = time.monotonic()
            if not reason:
                reason = self.find_reason()
                if reason:
                    end_group(process, signal.SIGTERM)
                    deadline = now + END_SECONDS
            elif now > deadline:
                end_group(process, signal.SIGKILL)
            if process.poll() is not None:
                ended = ended or now
            # What was ended is read to its end, and what nobody reads of it is dropped: it must not wait for a reader.
            room = self.has_room()
            ready = select.select([pipe] if pipe and (room or reason) else [], [], [], TICK)[0]
            if ready and pipe:
                data = os.read(pipe.fileno(), BLOCK)
                if data and room:
                    self.append(data)
                if not data:
                    pipe.close()
                    pipe = None
            elif ended and (room or reason) and now - ended > REST_SECONDS:
                break
        if pipe:
            pipe.close()
        return reason

    def append(self, data: bytes) -> None:
        """Adds to the output, part by part."""
        while data:
            rest = PART - self.written % PART
            handle = os.open(
                f"{self.folder}/out-{self.written // PART}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                count = os.write(handle, data[:rest])
            finally:
                os.close(handle)
            self.written, data = self.written + count, data[count:]

    def has_room(self) -> bool:
        """Whether the reader is not too far behind."""
        return len(list_parts(self.folder)) < MOST_PARTS

    def find_reason(self) -> str:
        """Why the command is to end now; empty where it may go on."""
        if self.is_end_requested():
            return "it was ended on request"
        if not self.is_polled():
            return "nobody polled it any more"
        if self.seconds and time.monotonic() - self.began > self.seconds:
            return f"it had not ended after {self.seconds:g} s"
        return ""

    def is_end_requested(self) -> bool:
        """Whether the job is to end, as one whose folder is gone is."""
        return os.path.exists(f"{self.folder}/end") or not os.path.isdir(self.folder)

    def is_polled(self) -> bool:
        """Whether somebody still waits for the job."""
        return background_folder.read_lease_age(self.folder) <= self.lease

    def end_rest(self) -> None:
        """Ends what the command has left running: orphans are children of this process."""
        for number, seconds in ((signal.SIGTERM, REST_SECONDS), (signal.SIGKILL, END_SECONDS)):
            until = time.monotonic() + seconds
            for pid in list_children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            while list(list_children()) and time.monotonic() < until:
                time.sleep(TICK / 10)


def raise_nofile(desired: int) -> None:
    """Gives this process so many open files, soft and hard, since a JVM raises its own soft limit to the hard one: as
    many as the host grants. 0 leaves them."""
    most = _read_most_files()
    for count in (desired, most) if desired else ():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
            return


def _read_most_files() -> int:
    with open("/proc/sys/fs/nr_open", encoding="utf-8") as file:
        return int(file.read())


def end_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Sends a signal to a command and those of its session."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def list_children() -> Iterator[int]:
    """The children of this process that still run. Those that have ended are taken note of."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    for name in filter(str.isdecimal, os.listdir("/proc")):
        if _read_parent(name) == os.getpid():
            yield int(name)


def _read_parent(name: str) -> Optional[int]:
    try:
        with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
            return parse_stat(file.read()).get("ppid")
    except (FileNotFoundError, ProcessLookupError):
        return None
