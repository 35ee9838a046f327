# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands, pages and locks with an end: each wait has a deadline, each answer a size. `Host` uses these.

What answers may be anybody's: a program of another user, the application, or whoever took its port.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

#: Bytes that are read or written at once.
BLOCK = 1 << 16

#: Seconds between two checks of a lock, and at a process whose output another process still holds.
PAUSE = 0.1

#: Seconds that a process has to end after SIGTERM, and after SIGKILL.
END_SECONDS = (2, 5)


class Run(NamedTuple):
    """What a command gave: `rc`, `out` and `err` in bytes, and whether it was ended (`late`) or its output cut."""

    rc: int
    out: bytes
    err: bytes
    late: bool = False
    cut: bool = False


def run(argv: Sequence[str], data: bytes | None, environment: Mapping[str, str], seconds: float, limit: int) -> Run:
    """Runs a command with this environment and no other, `Run`. `data` are bytes for its input, or None.

    After `seconds` it is ended with all that it has started. Of each of its outputs `limit` bytes are kept, the rest
    is read and dropped, so that it does not wait for a reader.
    """
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE if data else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=True,
        )
    except OSError as error:
        return Run(126, b"", f"{argv[0]}: {error.strerror or error}".encode())
    out, err = bytearray(), bytearray()
    texts = {pipe.fileno(): text for pipe, text in ((process.stdout, out), (process.stderr, err)) if pipe}
    deadline = time.monotonic() + seconds
    try:
        cut = _exchange(process, memoryview(data or b""), texts, deadline, limit)
        try:
            process.wait(max(deadline - time.monotonic(), 0))
            late = False
        except subprocess.TimeoutExpired:
            late = True
            end_session(process)
    except BaseException:
        end_session(process)
        raise
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                # What it did not read of its input is not written now.
                with contextlib.suppress(OSError):
                    pipe.close()
    rc = process.poll()
    return Run(-signal.SIGKILL if rc is None else rc, bytes(out), bytes(err), late, cut)


def _exchange(
    process: subprocess.Popen[bytes], left: memoryview, texts: Mapping[int, bytearray], deadline: float, limit: int
) -> bool:
    """Writes the input and reads the outputs until their end, the deadline, or the end of a process that has left
    its outputs to another. Returns whether an output was cut."""
    cut, ended = False, None
    pipes = {pipe.fileno(): pipe for pipe in (process.stdout, process.stderr, process.stdin) if pipe}
    with selectors.DefaultSelector() as selector:
        for descriptor in pipes:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ if descriptor in texts else selectors.EVENT_WRITE)
        while selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                break
            events = selector.select(min(PAUSE, deadline - now))
            if process.poll() is not None:
                ended = ended or now
                if not events or now - ended > 1:
                    break
            for key, _mask in events:
                if key.fd not in texts:
                    left = _write(key.fd, left)
                    is_over = not left
                else:
                    block = os.read(key.fd, BLOCK)
                    kept = texts[key.fd]
                    cut = cut or len(kept) + len(block) > limit
                    kept += block[: max(limit - len(kept), 0)]
                    is_over = not block
                if is_over:
                    selector.unregister(key.fd)
                    pipes[key.fd].close()
    return cut


def _write(descriptor: int, left: memoryview) -> memoryview:
    """What is left of an input once a pipe has taken what it can; nothing where nobody reads it."""
    try:
        return left[os.write(descriptor, left[:BLOCK]):]
    except BlockingIOError:
        return left
    except OSError:
        return left[:0]


def end_session(process: subprocess.Popen[Any]) -> None:
    """Ends a process and those of its session."""
    for number, seconds in zip((signal.SIGTERM, signal.SIGKILL), END_SECONDS):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        # One that hangs in the kernel ends when the kernel lets it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def lock(handle: int | IO[Any], seconds: float, what: str, shared: bool = False) -> None:
    """Takes the lock of an open file, `shared` with others who take it so, or alone.

    Raises TimeoutError, a sentence, where another process has it for `seconds`.
    `what` is the path of the file.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"another process on the same machine holds the lock file {what}, and did not release it within "
                    f"{seconds} s. To find the process, run fuser -v {what} there. Wait until it ends, or end it if "
                    "it hangs. Then run the playbook again"
                ) from None
        time.sleep(PAUSE)


class Stream(io.RawIOBase):
    """What a connected socket sends, until a deadline and a size. Raises TimeoutError or ValueError beyond."""

    def __init__(self, link: socket.socket, deadline: float, limit: int) -> None:
        super().__init__()
        self.link, self.deadline, self.left = link, deadline, limit

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads some bytes, as io.RawIOBase has it."""
        if self.left <= 0:
            raise ValueError("the answer has no end: it is longer than it may be")
        self.link.settimeout(compute_seconds_left(self.deadline))
        try:
            count = self.link.recv_into(memoryview(buffer)[: self.left])
        except socket.timeout:
            raise TimeoutError("timed out") from None
        self.left -= count
        return count


def compute_seconds_left(deadline: float) -> float:
    """The seconds until a deadline. Raises TimeoutError where it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def exchange(path: str, data: bytes, seconds: float, most: int) -> bytes:
    """What a program answers on its socket, a path, to these bytes: see `Host.exchange`."""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(seconds)
        link.connect(path)
        link.sendall(data)
        return receive(link, deadline, most)


def receive(link: socket.socket, deadline: float, limit: int) -> bytes:
    """All that a socket sends until its end, as bytes. Raises TimeoutError or ValueError beyond deadline or size."""
    with io.BufferedReader(Stream(link, deadline, limit), BLOCK) as stream:
        return stream.read()
