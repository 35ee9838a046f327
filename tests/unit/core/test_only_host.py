# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only core/host.py touches a machine: whatever else opens files, sockets or processes is listed here, with its reason."""

from __future__ import annotations

import ast
import functools

import pytest

from tests.docs.role_variables import ROOT

PLUGINS = ROOT / "plugins"
FILES = sorted([*(PLUGINS / "module_utils").rglob("*.py"), *(PLUGINS / "modules").glob("*.py")])

#: Libraries that reach the machine. Of `os`, `socket` and `resource`, names that only compute are left out below.
REACHING = {
    "fcntl", "glob", "grp", "http.client", "mmap", "multiprocessing", "os", "pathlib", "pwd", "resource", "select",
    "selectors", "shutil", "socket", "ssl", "subprocess", "tarfile", "tempfile", "urllib.request", "zipfile",
}
#: What only computes: paths as texts, exceptions, constants.
PURE = {
    "os.path.basename", "os.path.dirname", "os.path.isabs", "os.path.join", "os.path.normpath", "os.path.relpath",
    "os.path.splitext", "os.sep", "os.fspath", "http.client.HTTPException", "tarfile.TarError", "socket.AF_INET",
    "socket.AF_INET6", "ssl.SSLError", "zipfile.BadZipFile", "socket.timeout",
}

HOSTS_OWN = "Host uses it, and nothing else does: its waits, its trees, its requests"
CONTROLLER = "it works on the controller: on packages, source trees and the cache of the user who runs Ansible"
LOAD = "it is the load: its connections, its processes and the memory that they share are what it makes"

#: File of plugins/ to the reason why it may, and what it uses: all (None), or these names alone.
ALLOWED = {
    "module_utils/core/host.py": ("this is it", None),
    "module_utils/core/bounded.py": (HOSTS_OWN, None),
    "module_utils/core/bounded_page.py": (HOSTS_OWN, None),
    "module_utils/core/file_parts.py": (HOSTS_OWN, None),
    "module_utils/core/trees.py": (HOSTS_OWN, None),
    "module_utils/core/jobs.py": (HOSTS_OWN, None),
    "module_utils/core/background_folder.py": ("jobs, of which Host makes its own, and loads report in such folders", None),
    "module_utils/core/fence.py": ("it reads of which run its own process is", {"os.environ.get"}),
    "module_utils/core/local_files.py": (CONTROLLER, None),
    "module_utils/configuration/xitrum_conf.py": (f"{CONTROLLER}; the component overview reads the files of a release with it", None),
    "module_utils/package/contents.py": (CONTROLLER, None),
    "module_utils/package/java.py": (CONTROLLER, None),
    "module_utils/package/main_class.py": (f"{CONTROLLER}; the component overview reads the jars of a release with it", None),
    "module_utils/package/source.py": (f"{CONTROLLER}; hosts that download a JDK themselves unpack it with it", None),
    "module_utils/jdk/fetch.py": (f"{CONTROLLER}, or of root on hosts that download a JDK themselves", None),
    "module_utils/source_tree/build.py": (CONTROLLER, None),
    "module_utils/source_tree/push.py": (CONTROLLER, {"os.path.realpath"}),
    "module_utils/load/burst.py": (LOAD, None),
    "module_utils/load/counts.py": (LOAD, None),
    "module_utils/load/run.py": (LOAD, None),
    "module_utils/load/worker.py": (LOAD, None),
    "module_utils/load/state.py": (LOAD, {"resource.getrlimit", "resource.RLIMIT_NOFILE", "resource.RLIM_INFINITY"}),
}

#: Files that have no Host where they run.
CONTROLLER_FILES = {name for name, (reason, _allowed) in ALLOWED.items() if reason.startswith(CONTROLLER)}


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression that is only names; empty for others."""
    if isinstance(node, ast.Name):
        return node.id
    above = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{above}.{node.attr}" if above else ""


def library(name: str) -> str:
    """The library of REACHING that a dotted name is of; empty for another."""
    return next((one for one in REACHING if name == one or name.startswith(f"{one}.")), "")


def uses(tree: ast.AST) -> set[str]:
    """What a file uses of the libraries that reach the machine, and `open`, as dotted names."""
    names, found = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else
                          alias.name.partition(".")[0] for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            found.add("open")
        name = dotted(node)
        first, dot, rest = name.partition(".")
        whole = f"{names[first]}{dot}{rest}" if first in names else ""
        if library(whole):
            found.add(whole)
    # Of a.b.c, a and a.b are expressions too.
    return {one for one in found if one not in PURE and not any(other.startswith(f"{one}.") for other in found)}


@functools.cache
def parse(path):
    """The tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_nothing_but_host_touches_a_machine(path):
    _reason, allowed = ALLOWED.get(str(path.relative_to(PLUGINS)), ("", set()))
    found = uses(parse(path))
    assert allowed is None or found <= allowed, f"uses {sorted(found - allowed)}: let Host do that, and its double"


def test_every_exception_is_needed_and_has_a_reason():
    for name, (reason, allowed) in ALLOWED.items():
        found = uses(parse(PLUGINS / name))
        assert reason and found, f"{name} needs no exception any more"
        assert allowed is None or found == allowed, f"{name} does not use {sorted(allowed - found)} any more"


def test_what_is_hosts_own_is_imported_by_nothing_else():
    own = {name for name, (reason, _allowed) in ALLOWED.items() if reason == HOSTS_OWN}
    names = {name.rpartition("/")[2].partition(".")[0] for name in own}
    for path in FILES:
        name = str(path.relative_to(PLUGINS))
        if name in own | {"module_utils/core/host.py", *CONTROLLER_FILES}:
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert not {alias.name for alias in node.names} & names, f"{name} goes round Host"


@pytest.mark.parametrize(("text", "found"), [
    ("import os\nos.path.join('a', os.path.exists('b'))", {"os.path.exists"}),
    ("import os.path as p\np.isfile('b')", {"os.path.isfile"}),
    ("from shutil import rmtree\nrmtree('x')", {"shutil.rmtree"}),
    ("import socket as s\ns.create_connection(('a', 1))", {"socket.create_connection"}),
    ("with open('x') as handle:\n    pass", {"open"}), ("host.open('x')\nhost.os.open", set()),
])
def test_what_a_file_uses_is_found_however_it_is_imported(text, found):
    assert uses(ast.parse(text)) == found
