# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of plays, blocks, tasks and handlers: the log of a run is made of them.

A name begins with a verb in the imperative, has at most 60 characters, and occurs once in a role, or once in a file outside of roles. What
Jinja computes comes after a fixed start, and does not count. Examples of modules and filters keep the rule too: users copy them.
"""

from __future__ import annotations

import re
import textwrap

import yaml

#: Characters that a name may have, without what Jinja computes.
LONGEST = 60
#: The verbs in use. Add one here when no other describes what a task does; prefer the terms of systemd, HAProxy and Ansible.
VERBS = frozenset("""
    Add Assign Boot Build Change Check Choose Clear Close Compare Compute Configure Copy Create Decommission Define Deploy Describe Disable Download
    Drain Enable End Fail Find Fix Follow Group Hold Include Install Keep Kill Lay Link List Lock Maintain Make Manage Measure Move Note Open
    Plan Point Prepare Print Prune Push Put Query Read Reboot Record Recover Redirect Refuse Release Remember Remove Renew Replace Report Reserve Reset
    Restart Restore Roll Run Save Set Split Start Stop Summarize Switch Take Test Try Tune Undo Uninstall Unpack Update Upload Use
    Validate Verify Wait Watch Write
""".split())
#: The prefix that ansible-lint's rule name[prefix] writes: the file of a task, as in `step | Drain the host`.
PREFIX = re.compile(r"^[a-z_]+ \| ")
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: The examples of a Python file, and of a YAML file.
EXAMPLES = re.compile(r'^EXAMPLES = r?"""(.*?)"""|^EXAMPLES: \|\n((?:(?: [^\n]*)?\n)+)', re.DOTALL | re.MULTILINE)
#: Keys of plays and blocks that hold tasks.
HOLD_TASKS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")


def find_all(top):
    """Return an error for each name below a checkout that breaks a rule, as `FILE:LINE: what is wrong`."""
    errors, scopes = [], {}
    for path in [*list_files(top), *list_documented(top)]:
        shown = path.relative_to(top)
        scope = shown.parts[:2] if shown.parts[0] == "roles" else shown.parts
        names = scopes.setdefault(scope, {})
        text, before = path.read_text(encoding="utf-8"), 0
        if shown.parts[0] == "plugins":
            text, before = find_examples(text)
        for line, name in read_names(text):
            place = f"{shown}:{before + line}"
            error = check_name(name)
            if not error and name in names:
                error = f"found the name '{name}' of {names[name]} again; expected another name for each task"
            if error:
                errors.append(f"{place}: {error}")
            names.setdefault(name, place)
    return errors


def list_files(top):
    """Return the files with plays and tasks: all YAML of playbooks, roles and scenarios whose top level is a list."""
    folders = [top / "playbooks", *sorted((top / "roles").glob("*/tasks")), *sorted((top / "roles").glob("*/handlers")), top / "molecule"]
    files = [path for folder in folders for suffix in ("yml", "yaml") for path in sorted(folder.rglob(f"*.{suffix}"))]
    return [path for path in [top / "site.yml", *files] if path.is_file() and not {".cache", "inventory", "files"} & set(path.relative_to(top).parts)]


def list_documented(top):
    """Return the files of modules and filters, each with examples or without."""
    return [path for kind in ("modules", "filter") for path in sorted((top / "plugins" / kind).glob("*.*")) if path.suffix in (".py", ".yml")]


def find_examples(text):
    """Return the examples in a file of a module or filter as `(text, lines before it)`; an empty text where there are none."""
    found = EXAMPLES.search(text)
    return (textwrap.dedent(found[1] or found[2]), text.count("\n", 0, found.start(found.lastindex))) if found else ("", 0)


def read_names(text):
    """Return `(line, name)` of each play, block, task and handler in a file. The name of one without is empty."""
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(walk_tasks(top)) if isinstance(top, yaml.SequenceNode) else []


def walk_tasks(tasks):
    """Yield `(line, name)` of each item of a list in YAML, and of those that it holds."""
    for item in tasks.value:
        if not isinstance(item, yaml.MappingNode):
            continue
        keys = {key.value: value for key, value in item.value}
        name = keys.get("name")
        yield item.start_mark.line + 1, name.value if isinstance(name, yaml.ScalarNode) else ""
        for key in HOLD_TASKS:
            if isinstance(keys.get(key), yaml.SequenceNode):
                yield from walk_tasks(keys[key])


def check_name(name):
    """Return what is wrong with a name and what to do; empty where nothing is."""
    if not name:
        return "found no name; expected one that begins with a verb in the imperative"
    written = TEMPLATE.sub("", PREFIX.sub("", name))
    first = re.match(r"[A-Za-z]*", written)[0]
    if first not in VERBS:
        return (f"found the name '{name}', which begins with '{first}'; expected a verb in the imperative, one of VERBS in "
                "tests/lint/task_names.py, where a new verb is added")
    if len(written) > LONGEST:
        return f"found the name '{name}' with {len(written)} characters; expected at most {LONGEST}"
    return ""
