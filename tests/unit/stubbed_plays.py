# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real plays and roles with ansible-playbook on hosts that are this machine, with the collection's modules stubbed.

What Ansible prints is a part of what a person reads, so a message that stands twice shows in its output alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import NamedTuple

import yaml

from tests.docs.role_variables import ROOT
from tests.unit.play_fleet import write_stubs

#: The modules that plays call on hosts. An action plugin of the same name takes the place of each.
MODULES = ("host_state_info", "instance_service", "instances", "proxy_server", "release", "release_info", "run_lock")

STUB = '''
import json
import os

from ansible.errors import AnsibleError
from BASE_MODULE import BASE_CLASS


class ActionModule(Own):
    """Answers as the first rule says that fits the call."""

    def METHOD(self, *unused, task_vars=None, **arguments):
        result, given = {}, arguments.get("module_args", self._task.args)
        with open(os.environ["STUB_RULES"], encoding="utf-8") as file:
            rules = json.load(file)
        # A delegated task has the variables of its own host.
        call = {**given, "host": task_vars["inventory_hostname"], "module": self._task.action.rpartition(".")[2],
                "delegated": self._task.delegate_to or ""}
        answer = next((rule["answer"] for rule in rules if all(call.get(name) == value for name, value in rule["call"].items())), {})
        if "raised" in answer:
            # As where a connection asks for a password: no result that a task could judge.
            raise AnsibleError(answer["raised"])
        return {**result, "changed": False, **answer}
'''

CONNECTION = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
PACKAGE = {"release": "bbbbbbbbbbbb", "folder": "/build", "main_class": "quickstart.Boot", "problems": [], "examples": [], "bytes": 1, "java": 8}


class Played(NamedTuple):
    """How a run ended, and all that it printed, with single blanks."""

    code: int
    text: str


def make_collection(folder):
    """The collection of this tree in a folder, with stubs of its modules."""
    top = folder / "ansible_collections/xitrum/host"
    (top / "plugins/action").mkdir(parents=True)
    for name in ("galaxy.yml", "meta", "roles", "playbooks"):
        (top / name).symlink_to(ROOT / name)
    for path in (ROOT / "plugins").iterdir():
        if path.name not in ("action", "__pycache__") and path.is_dir():
            (top / "plugins" / path.name).symlink_to(path)
    write_stubs(STUB, top / "plugins/action", MODULES)
    return top


def play(folder, book, hosts, rules, proxies=(), addressed=True, **variables):
    """Runs plays on the application hosts C(hosts) and the C(proxies).

    C(book) is the text of a playbook; in it C(PLAYBOOKS) is the folder of the collection's playbooks. C(rules) are
    C((call, answer)): the answer of a stub to a call that has all these options, C(module) and C(host) among them.
    C(addressed): whether the inventory has the hosts' addresses.
    """
    top = make_collection(folder)
    (folder / "book.yml").write_text(book.replace("PLAYBOOKS", str(top / "playbooks")), encoding="utf-8")
    (folder / "rules").write_text(json.dumps([{"call": call, "answer": answer} for call, answer in rules]), encoding="utf-8")
    groups = {"xitrum": {"hosts": {host: dict(CONNECTION) for host in hosts}}, "xitrum_proxy": {"hosts": {host: dict(CONNECTION) for host in proxies}}}
    for number, group in enumerate(groups.values() if addressed else ()):
        for index, of_host in enumerate(group["hosts"].values(), 1):
            of_host["xitrum_address"] = f"192.0.2.{number * 100 + index}"
    everything = {"xitrum_package_read": PACKAGE, "xitrum_secure_key": "0123456789abcdef", "xitrum_report_dir": str(folder / "report"), **variables}
    # None sets nothing.
    everything = {name: value for name, value in everything.items() if value is not None}
    inventory = {"all": {"vars": everything, "children": {name: group for name, group in groups.items() if group["hosts"]}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    # Nothing of the settings of this tree, or of the person who runs the tests.
    (folder / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    environment = {
        **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "STUB_RULES": str(folder / "rules"),
        "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml", "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    done = subprocess.run(["ansible-playbook", "-i", str(folder / "hosts.yml"), str(folder / "book.yml")], cwd=folder, env=environment, text=True,
                          capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return Played(done.returncode, " ".join((done.stdout + done.stderr).split()))


def state_of(*due):
    """The read of an application host whose instances C(due) are to be restarted."""
    listed = [{"index": index, "port": 8000 + index, "folder": "new", "current": "old", "back": "old", "previous": "", "running": True, "due": ["folder"],
               "changes": [], "configured": {}} for index in due]
    nothing = {"rows": [], "problems": [], "notes": [], "differs": False}
    return {
        "machine": {**nothing, "family": "debian"}, "jdk": {**nothing, "home": "/jdk", "version": 17, "steps": []},
        "redirects": {**nothing, "moves": False, "pairs": [], "packages": []}, "release": {**nothing, "current": "aaaaaaaaaaaa"},
        "service": {**nothing, "packages": []}, "kernel": nothing, "nofile": nothing,
        "instances": {**nothing, "instances": listed, "start": [], "surplus": [], "locked": False, "configured": {},
                      "restart": [{name: item[name] for name in ("index", "port", "folder")} for item in listed]},
    }
