# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What test hosts keep of a module is what Python would have compiled."""

import json
import subprocess
import sys
import zipfile

import pytest

from tests.fleet.image import RECIPE

MODULE = """
import dataclasses, re, typing
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
class Pair(typing.NamedTuple):
    left: str
    right: str = "r"
WORD = re.compile(r"(?P<name>[a-z]+)(=\\d)?", re.IGNORECASE)
RAW = re.compile(rb"[^\\x00-\\x7f]")
def describe():
    found = [WORD.fullmatch("AB=1").groupdict(), WORD.groups, WORD.flags, bool(RAW.search(b"\\xff")), re.sub("a|b", "", "cab")]
    return [VALUE, repr(Point(1)), Point(1) == Point(1, 2), hash(Point(1)) == hash(Point(1, 2)), list(Pair("l")), found]
"""
#: Python with the file in the place of the host's own, which compiles nothing where the last word is "never".
LOAD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import fleet_bytecode, zipimport
fleet_bytecode.FOLDER = sys.argv[2]
fleet_bytecode.os.geteuid = lambda: int(sys.argv[5])
if sys.argv[4] == "never":
    def never(*_arguments, **_options):
        raise AssertionError("it was compiled again")
    fleet_bytecode.compile_module = fleet_bytecode.compile = fleet_bytecode.Expressions.record = never
sys.path.insert(0, sys.argv[3])
from shop import place
print(json.dumps([place.describe(), place.__file__, place.Point.__module__]))
"""


@pytest.fixture(name="load")
def fixture_load(tmp_path):
    """A function that imports the module of a zip file in a Python of its own, and returns what it is."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/fleet_bytecode.py").write_bytes((RECIPE / "bytecode.py").read_bytes())
    archive = tmp_path / "sent.zip"

    def load(value, may_compile, plain=False, user=0):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("shop/__init__.py", "")
            file.writestr("shop/place.py", f"VALUE = {value!r}\n{MODULE}")
        script = LOAD if not plain else "import json, sys\nsys.path.insert(0, sys.argv[3])\n" + "\n".join(LOAD.splitlines()[-2:])
        words = [tmp_path / "site", tmp_path / "kept", archive, "may" if may_compile else "never", str(user)]
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    load.kept = tmp_path / "kept"
    return load


def damage(folder):
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:20])


def test_what_is_kept_is_what_python_makes_of_it(load):
    expected = load("first", may_compile=True, plain=True)
    assert load("first", may_compile=True) == expected
    assert load("first", may_compile=False) == expected
    changed = load("other", may_compile=True)
    assert (changed[0][0], changed[0][1:]) == ("other", expected[0][1:])
    damage(load.kept)
    assert load("first", may_compile=True) == expected
    assert load("first", may_compile=False) == expected


def test_only_root_keeps_it(load):
    load("first", may_compile=True, user=1000)
    assert not load.kept.exists()
