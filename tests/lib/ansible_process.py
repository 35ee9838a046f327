# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's commands, each in a process that is forked from one that has loaded Ansible.

A command takes most of a second of a processor to load Ansible, and about as much to pack modules that an earlier one has packed.
Tests run hundreds of commands. All that a command does after it has started is Ansible's own.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
from multiprocessing import forkserver

CLONE = pathlib.Path(__file__).resolve().parents[2]
#: Ansible reads these when it is loaded.
SETTINGS = {"ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}


@functools.cache
def load_processes():
    """The processes of this kind, of which the first one is started here."""
    context = multiprocessing.get_context("forkserver")
    # What started the tests is imported again in each process.
    context.set_forkserver_preload(["pytest", "tests.lib.loaded_ansible"])
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


class AnsibleProcess:
    """A command of Ansible with its arguments, which runs in the clone. It has what tests need of subprocess.Popen.

    It prints its result as JSON. With an `environment`, as a dictionary, it prints what a person sees, all to its standard output.
    """

    def __init__(self, command, *arguments, environment=None):
        self.arguments = [command, *arguments]
        self.stdout, self.stderr = (tempfile.NamedTemporaryFile("r", encoding="utf-8") for _stream in range(2))
        streams = (self.stdout.name, self.stderr.name if environment is None else self.stdout.name)
        self._process = load_processes().Process(target=execute, args=(self.arguments, *streams, environment))
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        """The exit code, None while it runs."""
        return self._process.exitcode

    def poll(self):
        """The exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout=None):
        """Waits for the end: the exit code. subprocess.TimeoutExpired after `timeout` seconds."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.arguments, timeout)
        return self.returncode

    def communicate(self, timeout=None):
        """Waits for the end: what it wrote to its standard output and errors."""
        self.wait(timeout)
        return self.stdout.read(), self.stderr.read()


def execute(arguments, out, err, environment=None):
    """Runs a command of Ansible in this process, with its output in the files `out` and `err`, and ends the process."""
    from tests.lib import loaded_ansible

    os.chdir(CLONE)
    sys.argv = arguments
    if environment is not None:
        loaded_ansible.read_settings(environment)
    # What both streams write to one file is in the order in which it was written.
    for number, stream in enumerate((open(os.devnull, encoding="utf-8"), open(out, "a", encoding="utf-8"), open(err, "a", encoding="utf-8"))):
        os.dup2(stream.fileno(), number)
    # Python gives a process of this kind another standard input.
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    loaded_ansible.run(arguments)


def run_module(host, module, arguments, check=False):
    """The result of a module that root runs on `host` (pytest-testinfra), with `arguments` as a dictionary."""
    inventory, name = host.backend.ansible_inventory, host.backend.get_hostname()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--become", "--tree", folder, *(["--check"] if check else [])]
        process = AnsibleProcess("ansible", "-i", inventory, name, "-m", module, "-a", json.dumps(arguments), *options)
        reported = process.communicate()
        with contextlib.suppress(FileNotFoundError):
            return json.loads((pathlib.Path(folder) / name).read_text(encoding="utf-8"))
    raise AssertionError(f"{module} on {name} ended with {process.returncode} and no result: {reported}")
