# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet for the real plays and roles: the collection with its modules stubbed, and hosts that are this machine.

What Ansible itself does with a block, a rescue and several hosts is part of the test, and no module runs: each call is
written down with its arguments, and fails or answers as the test says.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]

#: The modules that the plays of a run call, each stubbed by an action plugin of its name: no process is started for it. Where
#: the collection has an action of that name, the stub takes the place of what that runs on the host.
STUBBED = ("host_base", "host_state_info", "instance_service", "instances", "port_redirect", "proxy_server", "release", "release_info", "run_lock",
           "step_record")

STUB = '''
import fcntl
import json
import os

from BASE_MODULE import BASE_CLASS


class ActionModule(Own):
    """Writes down the call, and answers as the test says."""

    def METHOD(self, *unused, task_vars=None, **arguments):
        result, given = {}, arguments.get("module_args", self._task.args)
        host, action = task_vars["inventory_hostname"], self._task.action.rpartition(".")[2]
        call = {"host": host, "action": action, "args": json.loads(json.dumps(given)),
                "timeout": self._task.timeout, "run": next((env.get("XITRUM_HOST_RUN") for env in self._task.environment or [] if env), None)}
        with open(os.environ["STUB_CALLS"], "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(call) + "\\n")
        with open(os.environ["STUB_ANSWERS"], encoding="utf-8") as file:
            answers = json.load(file)
        result["changed"] = True
        for rule in answers:
            same = all(call["args"].get(name) == value for name, value in rule.get("args", {}).items())
            if rule["action"] == action and host in rule.get("hosts", [host]) and same:
                result.update(rule["result"])
        return result
'''


def write_stubs(text, folder, names):
    """Writes stubs of these names into the folder of a collection's action plugins. C(text) has C(BASE_MODULE), C(BASE_CLASS) and
    C(METHOD) for what a stub extends and replaces: the action of that name, or where there is none, Ansible's own."""
    for name in names:
        own, base, method = ROOT / f"plugins/action/{name}.py", "ansible.plugins.action", "run"
        if own.exists():
            base, method = f".of_{name}", "_execute_module"
            (folder / f"of_{name}.py").symlink_to(own)
        found = {"BASE_MODULE": base, "BASE_CLASS": "ActionModule as Own" if own.exists() else "ActionBase as Own", "METHOD": method}
        made = text
        for word, value in found.items():
            made = made.replace(word, value)
        (folder / f"{name}.py").write_text(made, encoding="utf-8")


class Fleet:
    """Hosts whose reads are given, and what was called on them."""

    def __init__(self, folder, hosts, variables):
        """C(hosts): host to its C(xitrum_host_state). C(variables): those of all hosts."""
        self.folder, self.hosts, self.variables, self.answers = pathlib.Path(folder), hosts, variables, []
        collection = self.folder / "ansible_collections/xitrum/host"
        (collection / "plugins/action").mkdir(parents=True)
        for name in ("galaxy.yml", "meta", "roles"):
            (collection / name).symlink_to(ROOT / name)
        for name in ("doc_fragments", "filter", "lookup", "module_utils", "modules", "plugin_utils"):
            (collection / "plugins" / name).symlink_to(ROOT / "plugins" / name)
        write_stubs(STUB, collection / "plugins/action", STUBBED)
        shutil.copytree(ROOT / "playbooks/plays", collection / "playbooks/plays")
        for path in (ROOT / "playbooks").glob("*.yml"):
            shutil.copy(path, collection / "playbooks")
        tasks = collection / "playbooks/tasks"
        tasks.mkdir()
        # The hosts stay as the test has them.
        read = [{"name": "Read nothing", "ansible.builtin.debug": {"msg": "as given"}}]
        (tasks / "read_hosts.yml").write_text(yaml.safe_dump(read), encoding="utf-8")
        self.plays = collection / "playbooks/plays"
        for host in hosts:
            (self.folder / host).mkdir()

    def answer(self, action, hosts, args=None, **result):
        """What a stub answers, instead of that it changed something. C(args): only to a call with these."""
        self.answers.append({"action": action, "hosts": hosts, "args": args or {}, "result": result})

    def fail(self, action, hosts, args=None, msg="it failed"):
        """Makes calls of a stub fail."""
        self.answer(action, hosts, args, failed=True, msg=msg)

    def run(self, *plays, **extra):
        """Runs plays of the collection one after the other: the exit code and what was printed."""
        first = {
            "name": "Read the hosts", "hosts": "all", "gather_facts": False, "strategy": "linear",
            "tasks": [
                {"name": "Keep the read", "ansible.builtin.set_fact": {"xitrum_host_state": "{{ given_state }}"}},
                {"name": "Group the hosts", "ansible.builtin.group_by": {"key": "xitrum_run_acts"}},
            ],
        }
        book = [first, *({"name": f"Play {name}", "import_playbook": str(self.plays / f"{name}.yml")} for name in plays)]
        (self.folder / "book.yml").write_text(yaml.safe_dump(book, sort_keys=False), encoding="utf-8")
        connection = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        groups = {"xitrum": {"hosts": {
            host: {**connection, "given_state": state, "xitrum_root": str(self.folder / host)} for host, state in self.hosts.items()}}}
        groups.update({group: {"hosts": dict.fromkeys(names, {**connection, "given_state": {}})}
                       for group, names in self.variables.get("groups", {}).items()})
        everything = {**{name: value for name, value in self.variables.items() if name != "groups"}, **extra}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": everything, "children": groups}}), encoding="utf-8")
        (self.folder / "calls").write_text("", encoding="utf-8")
        (self.folder / "answers").write_text(json.dumps(self.answers), encoding="utf-8")
        environment = {
            **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self.folder), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORKS": "20",
            "STUB_CALLS": str(self.folder / "calls"), "STUB_ANSWERS": str(self.folder / "answers"), "ANSIBLE_LOCALHOST_WARNING": "false",
        }
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(self.folder / "hosts.yml"), str(self.folder / "book.yml")]
        ran = subprocess.run(command, cwd=self.folder, env=environment, text=True, capture_output=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr

    def calls(self, host="", action=""):
        """The calls in their order, those of one host or of one module."""
        lines = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        return [call for call in map(json.loads, lines) if host in ("", call["host"]) and action in ("", call["action"])]


def instance(index=0, folder="new-1", current="old-1", due=("another release",), **more):
    """An instance as it is read: it runs, and is due for a restart."""
    return {"index": index, "port": 8000 + index, "folder": folder, "current": current, "back": current, "previous": "", "running": True, "pid": 1,
            "release": current.rpartition("-")[0], "due": list(due), "changes": [], "configured": {}, "healthy": True, **more}


def read_of(*listed, surplus=(), pairs=()):
    """The read of a host with these instances."""
    picked = [{name: item[name] for name in ("index", "port", "folder", "healthy")} for item in listed if item["due"]]
    return {
        "instances": {"rows": [], "differs": False, "instances": list(listed), "start": [], "restart": picked, "locked": True, "interrupted": False,
                      "surplus": [{"index": index} for index in surplus], "configured": {}},
        "redirects": {"rows": [], "differs": False, "moves": False, "pairs": list(pairs), "packages": []},
        "jdk": {"rows": [], "differs": False, "home": "/usr/lib/jvm/17", "version": 17},
    }
