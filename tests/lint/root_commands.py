# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that root runs on paths below folders of the application: a link that its user plants there leads root anywhere.

Found in the arguments of functions that run a command, in the commands of tables, and in tasks of roles and playbooks. What is allowed is a
command as the application's user, and reading by `Host`, which does not follow such links.
"""

from __future__ import annotations

import ast
import functools
import re

import yaml

#: Keys and names of folders that the application's user may write into, or choose: its own, and those of its processes.
FOLDERS = {"root", "log_dir", "release_folder", "cwd", "exe", "xitrum_root", "xitrum_log_dir", "tmp_dir"}
#: Functions of the modules that return such a path, those of the library that make a path of a path, and methods that
#: add to a list.
PATHS = {"home", "folder", "get_log", "output_of", "marks_path"}
KEEPS = {"realpath", "join", "format", "rstrip", "partition", "rpartition", "dirname", "str", "list", "tuple", "sorted"}
ADDS = {"append", "extend", "insert"}
#: Functions of which the result is a command as the application's user.
AS_USER = {"inside", "jdk_command", "client"}
#: Programs that become another user before they act, and those that open no file by a path: they take it for a name, or
#: ask its file system how much room it has.
BECOMES = {"setpriv", "su", "runuser", "chpst", "setuidgid", "sudo"}
OPENS_NOTHING = {"dpkg-query", "rpm", "df"}
#: Functions that run a command, to the position of the command, and the names of that argument.
RUNS = {"run": 0, "patiently": 1, **dict.fromkeys(
    ("Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "system", "popen"), 0)}
ARGUMENTS = {"argv", "args", "command", "cmd"}
#: Whose functions of a common name they are.
MODULES = {"call": {"subprocess"}, "system": {"os"}, "popen": {"os"}}
#: Places in a table of commands that stand for such folders.
PLACES = re.compile(r"\{(?:root|log_dir|release_folder)\}/")
#: The same in the YAML of roles.
VARIABLES = re.compile(r"\b(?:xitrum_root|xitrum_log_dir)\b|supervisor_application\b|\bxitrum_host_state\b.*\bcwd\b")
#: Paths below folders that the user may write into, of modules that follow links on the way.
BELOW = re.compile(r"\blog_dir\b[^{}]*(?:\}\}|~\s*['\"]+)\s*/|\bxitrum_log_dir\b[^{}]*(?:\}\}|~\s*['\"]+)\s*/|/instances\b")


def expand_builtins(*names):
    """Names of modules of Ansible, with and without their collection."""
    return {f"{prefix}{name}" for prefix in ("", "ansible.builtin.", "ansible.legacy.") for name in names}


COMMANDS = expand_builtins("command", "shell", "raw", "script", "expect") | {"action", "local_action"}
FILES = expand_builtins("file", "copy", "template", "slurp", "fetch", "lineinfile", "blockinfile", "replace", "assemble", "unarchive", "get_url")


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
    tree, found = ast.parse(text), set()
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    paths = find_path_functions(functions)
    for scope in [tree, *functions]:
        aliases = find_run_aliases(scope)
        calls = [(call, argv) for call in list_nodes(scope) if (argv := find_command(call, aliases)) is not None]
        if calls:
            names, commands = find_tainted_names(scope, paths), find_commands(scope)
            found |= {(call.lineno, what) for call, argv in calls if (what := find_path(argv, names, commands, paths))}
    # A command of a table, whose words are filled in later.
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple)) and is_table_command(node):
            found.add((node.lineno, [item.value for item in node.elts if PLACES.search(item.value)][0]))
    yield from sorted(found)


@functools.lru_cache(maxsize=1000)
def list_nodes(scope):
    """The nodes of a function, or of a module without those of its functions. Remembered: most scopes are read a dozen times."""
    if not isinstance(scope, ast.Module):
        return tuple(ast.walk(scope))
    nodes, rows = [], list(scope.body)
    while rows:
        node = rows.pop()
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes.append(node)
            rows += ast.iter_child_nodes(node)
    return tuple(nodes)


@functools.lru_cache(maxsize=1000)
def list_bindings(scope):
    """What gives values to names in a scope: pairs of the values and the targets, in the order of its nodes."""
    found = []
    for node in list_nodes(scope):
        if isinstance(node, ast.Assign):
            found.append(([node.value], node.targets))
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            found.append(([node.value] if node.value else [], [node.target]))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            found.append(([node.iter], [node.target]))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ADDS:
            found.append((node.args, [node.func.value]))
    return found


def read_name(function):
    """The last name of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def find_path_functions(functions):
    """The functions of a module that return such a path, in addition to `PATHS`."""
    found = set(PATHS)
    for function in functions * 2:
        names = find_tainted_names(function, found)
        values = [node.value for node in list_nodes(function) if isinstance(node, ast.Return) and node.value]
        if any(isinstance(value, (ast.JoinedStr, ast.BinOp, ast.Subscript, ast.Attribute)) and mentions(value, names, found) for value in values):
            found.add(getattr(function, "name", ""))
    return found - {""}


def find_run_aliases(scope):
    """Names that were given a function that runs a command."""
    return {target.id: node.value.attr for node in list_nodes(scope) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
            and node.value.attr in RUNS for target in node.targets if isinstance(target, ast.Name)}


def find_command(node, aliases):
    """The command of a call that runs one; None for any other node."""
    if not isinstance(node, ast.Call):
        return None
    name = read_name(node.func)
    name = aliases.get(name, name) if isinstance(node.func, ast.Name) else name
    owners = MODULES.get(name)
    if name not in RUNS or (owners and getattr(getattr(node.func, "value", None), "id", "") not in owners):
        return None
    if len(node.args) > RUNS[name]:
        return node.args[RUNS[name]]
    return next((keyword.value for keyword in node.keywords if keyword.arg in ARGUMENTS), None)


def read_word(node):
    """A word of a command as far as it is written, `{}` for the rest."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(read_word, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


def is_harmless(words):
    """Whether a command becomes another user than root, or opens no file: its words as `word_of` has them."""
    first, others = (words or [""])[0], words[1:]
    if first in OPENS_NOTHING:
        return True
    if first not in BECOMES or any(word in ("0", "root", "-uroot", "--user=root", "--reuid=0", "--reuid=root") for word in others):
        return False
    if first == "setpriv":
        return any(word.startswith("--reuid") for word in others)
    if first == "sudo":
        return any(word.startswith(("-u", "--user")) for word in others)
    return bool(others)


def is_table_command(node):
    """Whether a list of words is a command on a path of the application: its first word is a program."""
    words = [item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return len(words) == len(node.elts) > 1 and re.fullmatch(r"[a-z][\w.-]*", words[0]) is not None and not is_harmless(words) and any(
        map(PLACES.search, words[1:]))


def find_tainted_names(scope, paths=frozenset(PATHS)):
    """The names in a function or a module that stand for such a path: parameters of that name, and what is made of one."""
    arguments = [] if isinstance(scope, ast.Module) else [*scope.args.args, *scope.args.kwonlyargs]
    names = {argument.arg for argument in arguments if argument.arg in FOLDERS}
    # A name may be made of one that is made further down in a loop.
    for _unused in range(3):
        for values, targets in list_bindings(scope):
            if any(mentions(value, names, paths) for value in values):
                names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name) and not is_key(part, target)}
    return names


def is_key(name, target):
    """Whether a name only picks a place in what is assigned to: `index` of `found[index] = path`."""
    return any(name in ast.walk(part.slice) for part in ast.walk(target) if isinstance(part, ast.Subscript))


def mentions(node, names, paths=frozenset(PATHS)):
    """Whether an expression is made of such a path. What a call returns is not, but for those that make paths of paths."""
    if isinstance(node, ast.Call):
        name = read_name(node.func)
        if name in paths or (name == "get" and node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value in FOLDERS):
            return True
        inner = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return name in KEEPS and any(mentions(item, names, paths) for item in inner)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in FOLDERS:
        return True
    if isinstance(node, ast.Attribute) and node.attr in FOLDERS:
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Compare):
        return False
    return any(mentions(item, names, paths) for item in ast.iter_child_nodes(node))


def find_commands(scope):
    """The names in a function or a module that hold a command: the last expression that each was given."""
    found = {}
    for node in list_nodes(scope):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node.value for target in targets if isinstance(target, ast.Name)})
    return found


def find_path(argv, names, commands, paths=frozenset(PATHS)):
    """The word of a command of root that is such a path, as it is written; empty where there is none."""
    if isinstance(argv, ast.NamedExpr):
        argv = argv.value
    name = argv.id if isinstance(argv, ast.Name) else ""
    argv = commands.get(name, argv)
    if isinstance(argv, ast.Call) and read_name(argv.func) in AS_USER:
        return ""
    words = argv.elts if isinstance(argv, (ast.List, ast.Tuple)) else [argv]
    if isinstance(argv, ast.BinOp) and isinstance(argv.left, (ast.List, ast.Tuple)):
        words = [*argv.left.elts, argv.right]
    if is_harmless(list(map(read_word, words))):
        return ""
    found = next((ast.unparse(word) for word in words if mentions(word, names, paths)), "")
    # Words may have been added to it since.
    return found or (name if name in names else "")


def find_in_tasks(text):
    """The commands in the tasks of a file, as `(line, what)`."""
    def walk(node, user="", variables=()):
        if isinstance(node, list):
            for item in node:
                yield from walk(item, user, variables)
        elif isinstance(node, dict):
            user = str(node.get("become_user", user))
            own = node.get("vars") if isinstance(node.get("vars"), dict) else {}
            # In a variable of the task a path has another name.
            variables = {**dict(variables), **{name: yaml.safe_dump(value, width=1000).strip() for name, value in own.items()}}
            for name in (COMMANDS | FILES) & set(node):
                words = yaml.safe_dump(node[name], width=1000).strip()
                whole = words
                for _unused in range(3):
                    for variable, value in variables.items():
                        whole = re.sub(rf"\{{\{{\s*{re.escape(variable)}\s*\}}\}}", lambda _found, value=value: value.strip("'"), whole)
                pattern = BELOW if name in FILES else VARIABLES
                if pattern.search(whole) and user in ("", "root", "0"):
                    yield next((number for number, line in enumerate(text.splitlines(), 1) if str(node.get("name", "")) in line), 1), words
            for value in node.values():
                yield from walk(value, user, variables)

    yield from walk(yaml.safe_load(text))
