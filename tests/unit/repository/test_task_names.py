# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of `make lint` on the names of plays, blocks, tasks and handlers, and names that tests quote."""

from __future__ import annotations

import re
import textwrap

import pytest
import yaml

from tests.docs.role_variables import ROOT
from tests.lint import task_names

#: Where a test picks the result of a task by its name: `find_text("Print the output")`, `task == "Print the output"`.
QUOTED = re.compile(r"""(?:find_text\(|\b(?:task|name) == )["']((?:[\w.]+ : )?[A-Z]\w* [^"']+)["']""")


def write(top, files):
    """Write files below a folder, which is returned: path to text."""
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")
    return top


def test_each_task_that_tests_of_scenarios_quote_exists():
    names = {name for path in task_names.list_files(ROOT) for _line, name in task_names.read_names(path.read_text(encoding="utf-8"))}
    tests = [*ROOT.glob("molecule/*/tests/*.py"), *ROOT.glob("tests/lib/*.py"), *ROOT.glob("tests/platform/*.py")]
    quoted = [name for path in tests for name in QUOTED.findall(path.read_text(encoding="utf-8"))]
    assert len(quoted) > 5
    assert {name for name in quoted if name.rpartition(" : ")[2] not in names} == set()


def list_tasks(found):
    """The tasks of a file's lists, those in blocks too."""
    for one in found if isinstance(found, list) else ():
        yield one
        for part in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from list_tasks(one.get(part))


def test_no_name_has_the_variable_of_its_own_loop():
    """Ansible renders the name before the loop begins, and warns of a template error."""
    tasks = [task for path in task_names.list_files(ROOT) for task in list_tasks(yaml.safe_load(path.read_text(encoding="utf-8")))]
    loops = [(task["name"], task["loop_control"]["loop_var"]) for task in tasks if "loop_var" in task.get("loop_control", {})]
    assert len(loops) > 5 and [name for name, variable in loops if re.search(rf"\b{variable}\b", name)] == []


@pytest.mark.parametrize("name", [
    "Install the JDK", "Drain, stop and remove the instances", "step | Drain the instances", "Read " + "a" * 55,
    "Run batch {{ supervisor_batch.number ~ ' of ' ~ supervisor_batch.total ~ ', ' ~ supervisor_batch.label ~ supervisor_batch.total }}",
])
def test_a_name_that_keeps_the_rule(name):
    assert not task_names.check_name(name)


@pytest.mark.parametrize(("name", "error"), [
    ("", "found no name"),
    ("The JDK is installed", "begins with 'The'"),
    ("It is known which slot the host uses", "begins with 'It'"),
    ("Nothing blocks the run", "begins with 'Nothing'"),
    ("install the JDK", "begins with 'install'"),
    ("Installs the JDK", "begins with 'Installs'"),
    ("{{ item }} is installed", "begins with ''"),
    ("Conjure the JDK", "where a new verb is added"),
    ("Read " + "a" * 56, "with 61 characters; expected at most 60"),
])
def test_a_name_that_breaks_the_rule(name, error):
    assert error in task_names.check_name(name)


def test_names_of_plays_blocks_rescues_and_handlers_are_read_with_their_lines():
    text = """---
- name: Prepare the hosts
  hosts: all
  tasks:
    - name: Read the host
      block:
        - name: Install the JDK
          ansible.builtin.debug:
            msg: {name: Not a task}
      rescue:
        - ansible.builtin.meta: noop
  handlers:
    - name: "Restart {{ item }}"
      ansible.builtin.debug:
"""
    assert task_names.read_names(text) == [(2, "Prepare the hosts"), (5, "Read the host"), (7, "Install the JDK"), (11, ""), (13, "Restart {{ item }}")]
    assert task_names.read_names("name: The host\n") == []


def test_a_name_occurs_once_in_a_role_and_once_in_a_file_of_playbooks(tmp_path):
    task = "- name: Read the host\n  ansible.builtin.debug:\n"
    top = write(tmp_path, {
        "roles/jdk/tasks/main.yml": task, "roles/jdk/handlers/main.yml": task, "roles/tuning/tasks/main.yml": task,
        "playbooks/site.yml": task, "playbooks/plays/read.yml": task * 2, "molecule/site/inventory/group_vars/all.yml": "- name: The host\n",
    })
    assert task_names.find_all(top) == [
        "playbooks/plays/read.yml:3: found the name 'Read the host' of playbooks/plays/read.yml:1 again; expected another name for each task",
        "roles/jdk/handlers/main.yml:1: found the name 'Read the host' of roles/jdk/tasks/main.yml:1 again; expected another name for each task",
    ]


def test_the_examples_of_a_module_and_of_one_with_its_documentation_next_to_it_keep_the_rule(tmp_path):
    task = "- name: The host is read\n  ansible.builtin.debug:\n"
    top = write(tmp_path, {
        "plugins/modules/host.py": f'DOCUMENTATION = r"""\n- name: No task\n"""\n\nEXAMPLES = r"""\n{task}"""\n',
        "plugins/modules/plan.yml": f"DOCUMENTATION: {{}}\nEXAMPLES: |\n{textwrap.indent(task, '  ')}RETURN: {{}}\n",
        "plugins/filter/hosts.py": "x = 1\n",
    })
    assert [error.partition("; ")[0] for error in task_names.find_all(top)] == [
        "plugins/modules/host.py:6: found the name 'The host is read', which begins with 'The'",
        "plugins/modules/plan.yml:3: found the name 'The host is read', which begins with 'The'",
    ]


def test_the_examples_of_every_documented_plugin_are_found():
    paths = task_names.list_documented(ROOT)
    assert [path.name for path in paths if not task_names.read_names(task_names.find_examples(path.read_text(encoding="utf-8"))[0])] == []
    assert len(paths) > 25
