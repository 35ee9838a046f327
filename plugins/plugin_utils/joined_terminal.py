# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a person's terminal, with the password that it asks for first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
import tty
from collections.abc import Callable, Sequence

#: Seconds between two checks whether the command has ended.
PAUSE = 0.2
#: The length of a prompt, with room to spare.
LONGEST = 1024
#: Seconds within which ssh makes the terminal its own.
MOST_SECONDS = 5
#: The place of c_lflag in what tcgetattr returns.
LOCAL_MODES = 3


def run_joined(
    words: Sequence[str], terminal: int, is_prompt: Callable[[bytes], bool] | None = None, password: str = ""
) -> int:
    """Run a command joined with a terminal, the file descriptor `terminal`. Return its exit code.

    `is_prompt` returns of bytes whether they ask for the password.
    The first such question is answered and not shown; others reach the person.
    """
    if is_prompt is None:
        return subprocess.run(words, stdin=terminal, stdout=terminal, stderr=terminal, check=False).returncode
    master, slave = pty.openpty()
    before = termios.tcgetattr(terminal)
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
        # Keys go to the command as they are: its own terminal echoes them, and makes signals of them.
        tty.setraw(terminal)
        with subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave) as process:
            os.close(slave)
            pass_on(process, master, terminal, is_prompt, password)
            return process.wait()
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        os.close(master)


def pass_on(
    process: subprocess.Popen[bytes], master: int, terminal: int, is_prompt: Callable[[bytes], bool], password: str
) -> None:
    """Copy both ways until the command has ended."""
    recent, expects_prompt = b"", True
    # The end of its output is not a sign: a connection that ssh keeps open may hold it.
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        ready = select.select([master, terminal], [], [], PAUSE)[0]
        if terminal in ready:
            keys = read_some(terminal)
            if not keys:
                # The person has gone.
                process.terminate()
                return
            os.write(master, keys)
        if master in ready:
            data = read_some(master)
            if not data:
                return
            recent = (recent + data)[-LONGEST:]
            if expects_prompt and is_prompt(recent):
                expects_prompt = False
                wait_for_silence(master)
                os.write(master, password.encode() + b"\n")
            else:
                os.write(terminal, data)


def wait_for_silence(master: int) -> None:
    """Wait until the command's terminal echoes nothing:
    output over a connection that is open already comes before ssh has seen to that."""
    end = time.monotonic() + MOST_SECONDS
    while termios.tcgetattr(master)[LOCAL_MODES] & termios.ECHO and time.monotonic() < end:
        time.sleep(PAUSE / 10)


def read_some(handle: int) -> bytes:
    """What there is to read; nothing at the end, which the kernel reports of a terminal as an error."""
    with contextlib.suppress(OSError):
        return os.read(handle, 65536)
    return b""


def find_terminal(pid: int) -> str:
    """The terminal that a process of this machine reads from; empty where it is none. A task's own process has none."""
    path = f"/proc/{pid}/fd/0"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.readlink(path) if os.isatty(handle) else ""
    finally:
        os.close(handle)
