# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests of what changed, for `make quick`: `python -m tests.lib.changed` prints them, one a line.

Changed is what is not the same as where this branch left `main`, or on `main` itself from the commit before, and what is not committed.
"""

from __future__ import annotations

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = pathlib.Path("tests/unit")
#: A change of core/ reaches all packages: these tests call most of it. `make unit` has the others.
SMOKE = ("core", "host_state", "supervisor/test_component.py", "proxy/test_component.py", "redirects/test_component.py", "application/test_instances.py")
#: What files outside of plugins/ are tested by, the first that fits.
OTHERS = (
    (r"(roles|playbooks|site\.yml)", ("roles", "playbooks", "repository")), (r"(docs|inventories|requirements|galaxy|README)", ("repository", "roles")),
    (r"tests/fleet/", ("fleet",)), (r"tests/lint/", ("repository",)), (r"tests/docs/", ("repository", "roles")),
)


def run_git(*arguments):
    """The lines that git prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, text=True, capture_output=True, check=True).stdout.splitlines()


def list_changed_files():
    """Paths below the root: what is not committed, and what this branch has committed."""
    (head,) = run_git("rev-parse", "HEAD")
    known = run_git("for-each-ref", "--format=%(refname)", "refs/heads/main", "refs/remotes/origin/main")
    (base,) = run_git("merge-base", known[0], "HEAD") if known else [head]
    # The first commit of all has none before it.
    compared = base if base != head else run_git("rev-list", "--max-count=2", "HEAD")[-1]
    return sorted({*run_git("diff", "--name-only", compared), *run_git("ls-files", "--others", "--exclude-standard")})


def find_packages(text):
    """The packages of module_utils that a text of Python imports."""
    return set(re.findall(r"module_utils\.(\w+)", text))


def find_tests(path, text):
    """Files and folders below tests/unit that test the file `path`, whose content is `text`."""
    parts = pathlib.PurePath(path).parts
    if parts[:2] == ("tests", "unit"):
        # A test by itself; of what tests share, those that import it.
        if parts[-1].startswith("test_"):
            return ["/".join(parts[2:])]
        folder = parts[2] if len(parts) > 3 and parts[2] != "data" else ""
        users = [other for other in (ROOT / UNIT).rglob("test_*.py") if re.search(rf"\b{pathlib.PurePath(path).stem}\b", other.read_text(encoding="utf-8"))]
        return [folder] if folder else [str(other.relative_to(ROOT / UNIT)) for other in users]
    if parts[:2] == ("plugins", "module_utils") and len(parts) > 3:
        return SMOKE if parts[2] == "core" else [parts[2]]
    if parts[0] == "plugins" and len(parts) > 2:
        return [parts[1], *find_packages(text), "repository"]
    return next((tests for pattern, tests in OTHERS if re.match(pattern, path)), [])


def choose_tests():
    """The unit tests to run, without what a folder among them has anyway."""
    found = set()
    for path in list_changed_files():
        file = ROOT / path
        text = file.read_text(encoding="utf-8", errors="replace") if path.endswith(".py") and file.is_file() else ""
        found.update(str(UNIT / name) for name in find_tests(path, text) if (ROOT / UNIT / name).exists())
    return sorted(name for name in found if not any(str(parent) in found for parent in pathlib.PurePath(name).parents))


if __name__ == "__main__":
    print("\n".join(choose_tests()))
