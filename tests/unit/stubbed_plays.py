# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real plays and roles with Ansible on hosts that are this machine, with the collection's modules stubbed.

What Ansible itself does with a block, a rescue and several hosts is part of the test, and so is what it prints: a message that
is printed twice shows in its output alone. No module runs: each call is recorded with its arguments, and fails or answers as
the test reports.

`play` runs a playbook whose hosts are read by a stub. A `Fleet` begins with hosts whose reads are given, and has the calls.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import NamedTuple

import yaml
from ansible_collections.xitrum.host.plugins.plugin_utils.open_work import add_open_work, get_active_slot

from tests.docs.role_variables import ROOT

#: The modules that plays call on hosts. A stub takes the place of each: no process is started for it.
MODULES = ("host_base", "host_state_info", "instance_service", "instances", "port_redirect", "proxy_server", "release", "run_lock")
#: Modules that do several things: module and state to what a call is named by, in the rules of answers and in what was called.
PARTS = {
    **{("instance_service", state): "step_record" for state in ("drained", "enabled", "finished")},
    **{("host_record", state): f"host_record {state}" for state in ("read", "proxies_restored", "leftovers_removed")},
    **{("connection_load", state): f"connection_load {state}" for state in ("burst", "measured")},
    ("jdk", "alternatives"): "jdk alternatives",
}

#: Actions that do all of their work on the controller: their stubs run nothing of them.
WHOLE = ("package_info",)

STUB = '''
import json
import os

from ansible.errors import AnsibleError
from BASE_MODULE import BASE_CLASS as Own


PARTS = NAMED_PARTS


class ActionModule(Own):
    """Records the call, and answers as the first rule that fits it reports."""

    def METHOD(self, *_unused, task_vars=None, **arguments):
        given = arguments.get("module_args", self._task.args)
        with open(os.environ["STUB_RULES"], encoding="utf-8") as file:
            stub = json.load(file)
        # A delegated task has the variables of its own host.
        host, action = task_vars["inventory_hostname"], self._task.action.rpartition(".")[2]
        # The read of what is installed, before that of the components.
        is_overview = action == "host_state_info" and "overview" in given
        action = "overview" if is_overview else PARTS.get((action, given.get("state") or given.get("manage")), action)
        made = {"host": host, "action": action, "args": json.loads(json.dumps(given)),
                "timeout": self._task.timeout, "run": next((env.get("XITRUM_HOST_RUN") for env in self._task.environment or [] if env), None)}
        with open(os.environ["STUB_CALLS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(made) + "\\n")
        with open(os.environ["STUB_CALLS"], encoding="utf-8") as file:
            earlier = [json.loads(line) for line in file]
        nth = sum((one["host"], one["action"]) == (host, action) for one in earlier)
        call = {**made["args"], "host": host, "module": action, "delegated": self._task.delegate_to or "", "nth": nth}
        answer = next((rule["answer"] for rule in stub["rules"] if all(call.get(name) == value for name, value in rule["call"].items())), {})
        if "raised" in answer:
            # As where a connection asks for a password: no result that a task could judge.
            raise AnsibleError(answer["raised"])
        return {"changed": stub["changed"], **({"overview": {"slot": 0, "interrupted": False, "stopped": [], **answer}} if is_overview else answer)}
'''

CONNECTION = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
PACKAGE = {"release": "bbbbbbbbbbbb", "folder": "/build", "main_class": "quickstart.Boot", "errors": [], "examples": [], "bytes": 1, "java": 8}


def write_stub(folder, name):
    """Writes the stub of a module into a folder of action plugins. Where the collection has an action of that name, which computes
    what the module gets, it stays, and the stub is in the place of the module alone."""
    own = ROOT / f"plugins/action/{name}.py"
    has_half = own.exists() and name not in WHOLE
    text = STUB.replace("BASE_MODULE", f".of_{name}" if has_half else "ansible.plugins.action")
    text = text.replace("NAMED_PARTS", repr(PARTS)).replace("BASE_CLASS", "ActionModule" if has_half else "ActionBase")
    (folder / f"{name}.py").write_text(text.replace("METHOD", "_execute_module" if has_half else "run"), encoding="utf-8")
    if has_half:
        (folder / f"of_{name}.py").symlink_to(own)


class Server:
    """A process of play_server.py, and the collection of this tree that it has loaded, with stubs of its modules."""

    def __init__(self, folder, given, modules=MODULES):
        """`given`: the plays that read hosts leave the reads as a test has them. `modules`: those with a stub."""
        self.folder = folder
        top = folder / "ansible_collections/xitrum/host"
        (top / "plugins/action").mkdir(parents=True)
        for name in ("galaxy.yml", "meta", "roles"):
            (top / name).symlink_to(ROOT / name)
        for path in (ROOT / "plugins").iterdir():
            if path.name not in ("action", "__pycache__") and path.is_dir():
                (top / "plugins" / path.name).symlink_to(path)
        for name in modules:
            write_stub(top / "plugins/action", name)
        # What has no stub stays as it is, such as what computes on the controller alone.
        for path in (ROOT / "plugins/action").glob("*.py"):
            if path.stem not in modules:
                (top / "plugins/action" / path.name).symlink_to(path)
        self.playbooks = top / "playbooks"
        if given:
            shutil.copytree(ROOT / "playbooks", self.playbooks)
            read = [{"name": "Read nothing", "ansible.builtin.debug": {"msg": "as given"}}]
            (self.playbooks / "tasks/read_hosts.yml").write_text(yaml.safe_dump(read), encoding="utf-8")
        else:
            self.playbooks.symlink_to(ROOT / "playbooks")
        # Nothing of the settings of the person who runs the tests; those of this tree where reads are given.
        (folder / "ansible.cfg").write_text((ROOT / "ansible.cfg").read_text(encoding="utf-8") if given else "[defaults]\n", encoding="utf-8")
        environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_LOCALHOST_WARNING": "false",
        }
        self.process = subprocess.Popen([sys.executable, "-m", "tests.unit.play_server", str(folder)], cwd=ROOT, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.stop)

    def run(self, folder, arguments, rules, changed):
        """Runs ansible-playbook in a folder: the exit code, and all that it printed. The calls of stubs are in the file `calls` there."""
        (folder / "rules").write_text(json.dumps({"changed": changed, "rules": [{"call": call, "answer": answer} for call, answer in rules]}),
                                      encoding="utf-8")
        (folder / "calls").write_text("", encoding="utf-8")
        request = {
            "arguments": arguments, "cwd": str(folder), "output": str(folder / "output"),
            "environment": {"STUB_RULES": str(folder / "rules"), "STUB_CALLS": str(folder / "calls")},
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the process that runs plays has ended with code {self.process.wait()}"
        return int(answer), (folder / "output").read_text(encoding="utf-8")

    def stop(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@functools.lru_cache(maxsize=None)
def server(base, given, modules=MODULES):
    """The one of this test run with these stubs, which is started at first use, in a folder next to those of its tests."""
    return Server(base / f"{'given' if given else 'stubbed'}-{len(modules)}", given, modules)


class Played(NamedTuple):
    """How a run ended, all that it printed, with single blanks, and the calls of stubs in their order."""

    code: int
    text: str
    calls: list


def play(folder, book, hosts, rules, proxies=(), addressed=True, modules=MODULES, options=(), **variables):
    """Runs plays on the application hosts `hosts` and the `proxies`.

    `book` is the text of a playbook; in it PLAYBOOKS is the folder of the collection's playbooks. `rules` are (call, answer): the
    answer of a stub to a call that has all these options, `module`, `host` and `nth` (the how manieth call of that module on that
    host, from 1) among them. `addressed`: whether the inventory has the hosts' addresses. `modules`: those with a stub.
    `options`: further ones of ansible-playbook.
    """
    plays = server(folder.parent, False, tuple(modules))
    (folder / "book.yml").write_text(book.replace("PLAYBOOKS", str(plays.playbooks)), encoding="utf-8")
    groups = {"xitrum": {"hosts": {host: dict(CONNECTION) for host in hosts}}, "xitrum_proxy": {"hosts": {host: dict(CONNECTION) for host in proxies}}}
    for number, group in enumerate(groups.values() if addressed else ()):
        for index, of_host in enumerate(group["hosts"].values(), 1):
            of_host["xitrum_address"] = f"192.0.2.{number * 100 + index}"
    everything = {"application_package_read": PACKAGE, "xitrum_secure_key": "0123456789abcdef", "xitrum_report_dir": str(folder / "report"), **variables}
    # None sets nothing.
    everything = {name: value for name, value in everything.items() if value is not None}
    inventory = {"all": {"vars": everything, "children": {name: group for name, group in groups.items() if group["hosts"]}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    code, text = plays.run(folder, ["-i", str(folder / "hosts.yml"), str(folder / "book.yml"), *options], rules, changed=False)
    calls = [json.loads(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]
    return Played(code, " ".join(text.split()), calls)


class Fleet:
    """Hosts whose reads are given, and what was called on them."""

    def __init__(self, folder, hosts, variables):
        """`hosts`: host to its `xitrum_host_state`. `variables`: those of all hosts."""
        self.folder, self.hosts, self.variables, self.rules = pathlib.Path(folder), hosts, variables, []
        for host in hosts:
            (self.folder / host).mkdir()

    def answer(self, action, hosts, args=None, **result):
        """What a stub answers, instead of that it changed something. `args`: only to a call with these."""
        self.rules += [({"module": action, "host": host, **(args or {})}, result) for host in hosts]

    def fail(self, action, hosts, args=None, msg="it failed"):
        """Makes calls of a stub fail."""
        self.answer(action, hosts, args, failed=True, msg=msg)

    def run(self, *plays, **extra):
        """Runs plays of the collection one after the other: the exit code and what was printed."""
        runner = server(self.folder.parent, given=True)
        first = {
            "name": "Read the hosts", "hosts": "all", "gather_facts": False, "strategy": "linear",
            "tasks": [
                {"name": "Keep the read", "ansible.builtin.set_fact": {"xitrum_host_state": "{{ given_state }}"}},
                {"name": "Group the hosts", "ansible.builtin.group_by": {"key": "xitrum_run_changes"}},
            ],
        }
        book = [first, *({"name": f"Play {name}", "import_playbook": str(runner.playbooks / f"plays/{name}.yml")} for name in plays)]
        (self.folder / "book.yml").write_text(yaml.safe_dump(book, sort_keys=False), encoding="utf-8")
        slot = get_active_slot(self.variables)
        groups = {"xitrum": {"hosts": {
            host: {**CONNECTION, "given_state": add_open_work(state, slot), "xitrum_root": str(self.folder / host)} for host, state in self.hosts.items()}}}
        groups.update({group: {"hosts": dict.fromkeys(names, {**CONNECTION, "given_state": {}})}
                       for group, names in self.variables.get("groups", {}).items()})
        everything = {**{name: value for name, value in self.variables.items() if name != "groups"}, **extra}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": everything, "children": groups}}), encoding="utf-8")
        return runner.run(self.folder, ["-i", str(self.folder / "hosts.yml"), str(self.folder / "book.yml")], self.rules, changed=True)

    def calls(self, host="", action=""):
        """The calls in their order, those of one host or of one module."""
        lines = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        return [call for call in map(json.loads, lines) if host in ("", call["host"]) and action in ("", call["action"])]


def instance(index=0, folder="new-1", current="old-1", restart_reasons=("another release",), **more):
    """An instance as it is read: it runs, and is due for a restart."""
    return {"index": index, "port": 8000 + index, "folder": folder, "current": current, "back": current, "previous": "", "running": True, "pid": 1,
            "release": current.rpartition("-")[0], "restart_reasons": list(restart_reasons), "changes": [], "configured": {}, "healthy": True, **more}


def read_of(*listed, orphaned=(), pairs=()):
    """The read of a host with these instances."""
    picked = [{name: item[name] for name in ("index", "port", "folder", "healthy")} for item in listed if item["restart_reasons"]]
    return {
        "instances": {"rows": [], "drift": False, "instances": list(listed), "start": [], "restart": picked, "locked": True, "interrupted": False,
                      "orphaned": [{"index": index} for index in orphaned], "configured": {}},
        "redirects": {"rows": [], "drift": False, "moves": False, "pairs": list(pairs), "packages": []},
        "jdk": {"rows": [], "drift": False, "home": "/usr/lib/jvm/17", "version": 17},
    }


def state_of(*due):
    """The read of an application host whose instances `restart_reasons` are to be restarted."""
    listed = [
        {
            "index": index,
            "port": 8000 + index,
            "folder": "new",
            "current": "old",
            "back": "old",
            "previous": "",
            "running": True,
            "restart_reasons": ["folder"],
            "changes": [],
            "configured": {},
        }
        for index in due
    ]
    nothing = {"rows": [], "errors": [], "notes": [], "drift": False}
    return {
        "machine": {**nothing, "family": "debian"}, "jdk": {**nothing, "home": "/jdk", "version": 17, "steps": []},
        "redirects": {**nothing, "moves": False, "pairs": [], "packages": []}, "release": {**nothing, "current": "aaaaaaaaaaaa"},
        "service": {**nothing, "packages": [], "from_pypi": False}, "kernel": nothing, "nofile": nothing,
        "instances": {**nothing, "instances": listed, "start": [], "orphaned": [], "locked": False, "configured": {},
                      "restart": [{name: item[name] for name in ("index", "port", "folder")} for item in listed]},
    }
