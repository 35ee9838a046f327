# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has loaded Ansible and the plugins of a collection, and runs ansible-playbook in a fork for each request.

Ansible keeps no byte code of collections, and forks a process for each task and host, in which it compiles their plugins and
templates again: nine tenths of what a play on stubbed modules costs. Here plugins are loaded once, what is parsed and compiled is
kept (../lib/kept_playbooks.py), and a task runs in the process of its play. Strategies, blocks, rescues and callbacks are Ansible's own.

Started with the folder that has `ansible_collections`, whose files do not change from then on. Each line of standard input is a
request, a JSON object: `arguments` of ansible-playbook, the folder `cwd`, `environment` (added to its own) and the file `output`.
The answer is a line with the exit code.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import sys

from ansible.cli.playbook import PlaybookCLI
from ansible.executor.process import worker
from ansible.plugins import strategy

from tests.lib.preloaded_ansible import KNOWN, RELEASE, end_process_with, load_ansible

#: Actions that ask the process of the play to change the inventory, and wait for its answer. In 2.19 the play does that later.
ASKING = ("add_host", "group_by") if RELEASE != "2.19" else ()


class Stream:
    """A stream of the process, for a worker that asks what was printed by its own: nothing was."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def getvalue(self):
        return ""


class InlineWorker(worker.WorkerProcess):
    """Runs a task in the process of its play. What a worker process does with it is Ansible's own, whichever version that is."""

    def start(self):
        # A fork would leave the originals as they are.
        task = self._task.copy(exclude_parent=True, exclude_tasks=True)
        task._parent = self._task._parent
        self._task, self._host = task, copy.copy(self._host)
        self._task_vars, self._play_context = dict(self._task_vars), self._play_context.copy()
        streams, handlers = (sys.stdout, sys.stderr), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.run()
        finally:
            sys.stdout, sys.stderr = streams
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _detach(self):
        """Keeps the streams of the process."""
        sys.stdout, sys.stderr = Stream(sys.stdout), Stream(sys.stderr)

    def is_alive(self):
        return False

    @property
    def exitcode(self):
        return 0

    def close(self):
        """There is no process to close."""


def make_worker(*, task, **others):
    """The process that a strategy starts for a task."""
    kind = worker.WorkerProcess if task.action.rpartition(".")[2] in ASKING else InlineWorker
    return kind(task=task, **others)


def run(request):
    """Runs ansible-playbook in this process, and exits."""
    os.chdir(request["cwd"])
    os.environ.update(request["environment"])
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    PlaybookCLI.cli_executor(["ansible-playbook", *request["arguments"]])


def serve(collections):
    """Answers requests until standard input ends."""
    load_ansible(f"{collections}/compiled", collections)
    # Another release forks its workers as ever, which takes longer.
    if RELEASE in KNOWN:
        strategy.WorkerProcess = make_worker
    # What a task displays is displayed at once, and not sent to another process.
    worker.display.set_queue = lambda _queue: None
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            end_process_with(run, json.loads(line))
        _pid, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
