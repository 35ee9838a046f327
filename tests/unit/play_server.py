# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that has loaded Ansible and the plugins of a collection, and runs ansible-playbook in a fork for each request.

Ansible keeps no byte code of collections, and forks a process for each task and host, in which it compiles their plugins and
templates again: nine tenths of what a play on stubbed modules costs. Here plugins are loaded once, what is parsed and compiled is
kept (kept_playbooks.py), and a task runs in the process of its play. Strategies, blocks, rescues and callbacks are Ansible's own.

Started with the folder that has `ansible_collections`, whose files do not change from then on. Each line of standard input is a
request, a JSON object: `arguments` of ansible-playbook, the folder `cwd`, `environment` (added to its own) and the file `output`.
The answer is a line with the exit code.
"""

from __future__ import annotations

import copy
import gc
import importlib
import json
import os
import pathlib
import pkgutil
import signal
import sys
import traceback

import kept_playbooks
from ansible import cli, release
from ansible.cli.playbook import PlaybookCLI
from ansible.executor.process import worker
from ansible.plugins import loader, strategy

#: Packages of Ansible whose modules plays of the collection need.
PRELOADED = ("ansible.plugins.action", "ansible.plugins.connection", "ansible.plugins.strategy", "ansible.plugins.filter", "ansible.plugins.test")
#: Kinds of plugins whose options are in their documentation, but for those that Ansible keeps for a whole run when they are loaded.
DOCUMENTED = ("action", "become", "cache", "callback", "connection", "inventory", "shell", "strategy")
#: The releases of ansible-core whose internals are known here: in these a task runs in the process of its play, but for the actions
#: that are named, which ask that process to change the inventory, and wait for its answer.
INLINE = {"2.19": (), "2.21": ("add_host", "group_by")}
RELEASE = ".".join(release.__version__.split(".")[:2])


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
    kind = worker.WorkerProcess if task.action.rpartition(".")[2] in INLINE[RELEASE] else InlineWorker
    return kind(task=task, **others)


def preload(collections):
    """Loads the plugins of Ansible and of `xitrum.host` from the folder `collections`."""
    loader.init_plugin_loader([collections])
    # A run of its own would warn that this was done before.
    cli.init_plugin_loader = lambda *_arguments: None
    # Another release forks its workers as ever, which takes longer.
    if RELEASE in INLINE:
        strategy.WorkerProcess = make_worker
    # What a task displays is displayed at once, and not sent to another process.
    worker.display.set_queue = lambda _queue: None
    for package in PRELOADED:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if module.name not in ("psrp", "winrm"):
                importlib.import_module(f"{package}.{module.name}")
    top = pathlib.Path(collections) / "ansible_collections/xitrum/host/plugins"
    for kind in ("action", "filter", "lookup"):
        for path in sorted((top / kind).glob("*.py")):
            importlib.import_module(f"ansible_collections.xitrum.host.plugins.{kind}.{path.stem}")
    if RELEASE in INLINE:
        kept_playbooks.keep(top.parent)
    # With what they document: each run would parse that of each plugin.
    for kind in DOCUMENTED:
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    gc.collect()
    gc.freeze()


def run(request, compiled):
    """Runs ansible-playbook in this process and ends it. Does not return."""
    code = 1
    try:
        os.chdir(request["cwd"])
        os.environ.update(request["environment"])
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        PlaybookCLI.cli_executor(["ansible-playbook", *request["arguments"]])
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    try:
        kept_playbooks.write(compiled)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve(collections):
    """Answers requests until standard input ends."""
    preload(collections)
    compiled = f"{collections}/compiled"
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            run(json.loads(line), compiled)
        _pid, status = os.waitpid(pid, 0)
        kept_playbooks.read(compiled)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
