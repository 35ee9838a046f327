# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that root runs on paths below folders of the application: a link that its user plants there leads root anywhere.

Found in the arguments of `Host.run`, in the commands of tables, and in tasks of roles and playbooks. What is allowed is a
command as the application's user, and reading by `Host`, which does not follow such links.
"""

from __future__ import annotations

import ast
import re

import yaml

#: Keys and names of folders that the application's user may write into, or choose: its own, and those of its processes.
FOLDERS = {"root", "log_dir", "release_folder", "cwd", "exe", "xitrum_root", "xitrum_log_dir", "tmp_dir"}
#: Functions of which the result is a command as the application's user.
AS_USER = {"inside", "jdk_command", "client"}
#: Programs that become another user before they act, and those that open no file by a path: they take it for a name, or
#: ask its file system how much room it has.
BECOMES = {"setpriv", "su", "runuser", "chpst", "setuidgid", "sudo"}
OPENS_NOTHING = {"dpkg-query", "rpm", "df"}
#: Places in a table of commands that stand for such folders.
PLACES = re.compile(r"\{(?:root|log_dir|release_folder)\}/")
#: The same in the YAML of roles.
VARIABLES = re.compile(r"\b(?:xitrum_root|xitrum_log_dir)\b|__supervisor_application\b|\bxitrum_host_state\b.*\bcwd\b")
COMMANDS = {f"{prefix}{name}" for prefix in ("", "ansible.builtin.", "ansible.legacy.") for name in ("command", "shell", "raw", "script", "expect")}


def find_all(top):
    """Every such command below a checkout, as `FILE:LINE: what it is`."""
    python = [path for folder in ("module_utils", "modules") for path in sorted((top / "plugins" / folder).rglob("*.py"))]
    tasks = [path for folder in ("roles", "playbooks") for path in sorted((top / folder).rglob("*.yml")) if not {"meta", "templates"} & set(path.parts)]
    found = [(path, line, what) for path in python for line, what in find_in_python(path.read_text(encoding="utf-8"))]
    found += [(path, line, what) for path in tasks for line, what in find_in_tasks(path.read_text(encoding="utf-8"))]
    return [f"{path.relative_to(top)}:{line}: found a command of root on {what}, which is below a folder of the application; "
            "run it as the application's user (process.inside), or read the file with Host" for path, line, what in found]


def find_in_python(text):
    """The commands in a module's text, as `(line, what)`."""
    tree = ast.parse(text)
    for function in (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))):
        names = tainted_names(function)
        for call in (node for node in ast.walk(function) if is_run(node)):
            what = find_path(call.args[0], names, commands_of(function)) if call.args else ""
            if what:
                yield call.lineno, what
    # A command of a table, whose words are filled in later.
    for node in ast.walk(tree):
        if isinstance(node, ast.List) and is_table_command(node):
            yield node.lineno, [item.value for item in node.elts if PLACES.search(item.value)][0]


def is_run(node):
    """Whether a node calls `Host.run`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run"


def is_table_command(node):
    """Whether a list of words is a command on a path of the application: its first word is a program."""
    words = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return len(words) == len(node.elts) > 1 and re.fullmatch(r"[a-z][\w.-]*", words[0]) is not None and words[0] not in BECOMES and any(
        map(PLACES.search, words[1:]))


def tainted_names(function):
    """The names in a function that stand for such a path: parameters of that name, and what is made of one."""
    names = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs] if argument.arg in FOLDERS}
    # A name may be made of one that is made further down in a loop.
    for _unused in range(3):
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and mentions(node.value, names):
                names |= {part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            elif isinstance(node, (ast.For, ast.comprehension)) and mentions(node.iter, names):
                names |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    return names


def mentions(node, names):
    """Whether an expression is made of such a path. What a call returns is not, but for those that make paths of paths."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        inner = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return name in ("realpath", "join", "format", "rstrip", "partition", "rpartition", "dirname", "folder", "str") and any(
            mentions(item, names) for item in inner)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in FOLDERS:
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Compare):
        return False
    return any(mentions(item, names) for item in ast.iter_child_nodes(node))


def commands_of(function):
    """The names in a function that hold a command: the last expression that each was given."""
    return {target.id: node.value for node in ast.walk(function) if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}


def find_path(argv, names, commands):
    """The word of a command of root that is such a path, as it is written; empty where there is none."""
    if isinstance(argv, ast.Name) and argv.id in commands:
        argv = commands[argv.id]
    if isinstance(argv, ast.Call):
        name = argv.func.attr if isinstance(argv.func, ast.Attribute) else getattr(argv.func, "id", "")
        if name in AS_USER:
            return ""
    words = argv.elts if isinstance(argv, (ast.List, ast.Tuple)) else [argv]
    first = words[0].value if words and isinstance(words[0], ast.Constant) else ""
    if first in BECOMES | OPENS_NOTHING:
        return ""
    return next((ast.unparse(word) for word in words if mentions(word, names)), "")


def find_in_tasks(text):
    """The commands in the tasks of a file, as `(line, what)`."""
    def walk(node):
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        elif isinstance(node, dict):
            for name in COMMANDS & set(node):
                words = yaml.safe_dump(node[name], width=1000).strip()
                if VARIABLES.search(words) and "become_user" not in node:
                    yield next((number for number, line in enumerate(text.splitlines(), 1) if str(node.get("name", "")) in line), 1), words
            for value in node.values():
                yield from walk(value)

    yield from walk(yaml.safe_load(text))
