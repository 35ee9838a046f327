# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has loaded Ansible and runs ansible-playbook for Molecule and ansible-lint, in a fork for each run.

A scenario has up to eight steps. Each takes seconds of a processor to load Ansible, to pack modules and to compile templates, as the
one before it did. All that a step does after it has started is Ansible's own.

`tests/run/bin/ansible-playbook` is the client, of which the first one starts this with the path of a socket, in a folder of
this user alone. It writes its number into a file next to it, and ends at SIGTERM. A request is the client's standard streams, and a
JSON object: `arguments`, `cwd` and `environment`. The answers are lines: the number of the process, and its exit code when it ends.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import sys
import threading

from tests.lib import loaded_ansible
from tests.lib.preloaded_ansible import end_process_with


def run(request, streams):
    """Runs a command in this process, and exits."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv = request["arguments"]
    loaded_ansible.run(request["arguments"])


def answer(connection):
    """Runs the command of a client, and reports how it ended."""
    message, streams, _flags, _address = socket.recv_fds(connection, 1 << 16, 3)
    message += b"".join(iter(lambda: connection.recv(1 << 16), b""))
    pid = os.fork()
    if pid == 0:
        end_process_with(run, json.loads(message), streams)
    for stream in streams:
        os.close(stream)

    def wait():
        _pid, status = os.waitpid(pid, 0)
        with connection:
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    connection.sendall(f"{pid}\n".encode())
    threading.Thread(target=wait, daemon=True).start()


def serve(path):
    """Answers clients until it is ended."""
    # So that folders for temporary files are removed.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit())
    with socket.socket(socket.AF_UNIX) as listener:
        # Fails where two clients have each started a process, and the other one is there.
        listener.bind(path)
        pathlib.Path(f"{path}.pid").write_text(str(os.getpid()))
        listener.listen()
        while True:
            answer(listener.accept()[0])


if __name__ == "__main__":
    serve(sys.argv[1])
