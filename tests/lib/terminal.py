# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in a terminal of its own, into which a test types."""

import contextlib
import os
import pty
import select
import time


class Terminal:
    """Starts a command with a new terminal as its own. `output` is all that it has printed."""

    def __init__(self, command, folder, environment):
        self.output = ""
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)

    def read(self, seconds):
        """Takes what is printed within that time: whether anything was. The kernel reports an end as an error."""
        if not select.select([self.handle], [], [], seconds)[0]:
            return False
        with contextlib.suppress(OSError):
            self.output += os.read(self.handle, 65536).decode(errors="replace")
            return True
        return False

    def wait_for(self, text, seconds=120):
        """Waits until a text is printed, and forgets all up to it."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            self.read(1)
            assert time.monotonic() < deadline, f"{text!r} was not printed within {seconds} s: {self.output[-3000:]}"
        self.output = self.output.partition(text)[2]

    def type(self, text):
        """Types a text, and Enter."""
        os.write(self.handle, f"{text}\r".encode())

    def end(self, seconds=60):
        """Waits for the end: the exit code."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(0.2)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                os.close(self.handle)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it did not end within {seconds} s: {self.output[-3000:]}")
