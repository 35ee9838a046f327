# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of module_utils: no circle among them, no file outside them, and the picture shows them as they are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.docs import architecture
from tests.docs.architecture import ENTRIES, PICTURE, PLUGINS, PURPOSES, ROOT, SHARED, compute_layers, find_arrows, find_circle, find_imports, list_boxes

SVG = "{http://www.w3.org/2000/svg}"
PACKAGES = sorted(path.name for path in (PLUGINS / SHARED).iterdir() if path.is_dir() and list(path.glob("*.py")))


@pytest.fixture(scope="module", name="edges")
def fixture_edges():
    return find_imports()


def test_no_package_imports_itself_by_way_of_others(edges):
    assert find_circle(edges) == []


def test_only_what_ansible_loads_is_imported_by_nothing(edges):
    imported = set().union(*edges.values())
    assert set(ENTRIES) & imported == set()
    assert set(list_boxes()) - imported <= {*ENTRIES, "plugin_utils", "removal"}


def test_nothing_lies_outside_the_packages():
    assert [path.name for path in (PLUGINS / SHARED).glob("*.py") if path.name != "__init__.py"] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_of_a_file_repeats_its_package(package):
    names = [path.stem for path in (PLUGINS / SHARED / package).rglob("*.py")]
    assert [name for name in names if re.search(rf"(?:^|_){package}s?(?:_|$)", name)] == []


def test_the_picture_is_current():
    command = "python -m tests.docs.architecture"
    assert PICTURE.read_text(encoding="utf-8") == architecture.render_picture(), f"an import is another; draw it again: {command}"


def test_the_picture_shows_every_package_on_its_layer(edges):
    drawn = {}
    for box in ElementTree.parse(PICTURE).iter(f"{SVG}g"):
        drawn[box.get("data-name")] = float(box.find(f"{SVG}rect").get("y"))
        assert [text.text for text in box.iter(f"{SVG}text")] == [box.get("data-name"), PURPOSES[box.get("data-name")]]
    assert set(drawn) == set(edges) >= set(PACKAGES)
    # An arrow points down: what is imported is on a lower layer.
    assert [(name, other) for name in edges for other in edges[name] if drawn[other] <= drawn[name]] == []
    heights = sorted(set(drawn.values()), reverse=True)
    assert {name: heights.index(height) for name, height in drawn.items()} == compute_layers(edges)


def test_imports_of_all_kinds_are_found(tmp_path):
    files = {
        "module_utils/core/host.py": "import os\n",
        "module_utils/kernel/__init__.py": "",
        "module_utils/kernel/values.py": "from ..core import host\nfrom . import files\nfrom .files import names\n",
        "module_utils/jdk/archive.py": "def late():\n    from ..kernel.values import parse\n    return parse\n",
        "modules/kernel.py": "from ansible_collections.xitrum.host.plugins.module_utils.jdk import archive\n",
        "action/jdk.py": "import ansible_collections.xitrum.host.plugins.module_utils.core.host\nfrom ..plugin_utils.wait import wait\n",
        "plugin_utils/wait.py": "from ansible.errors import AnsibleError\n",
        "doc_fragments/common.py": "from ..module_utils.core import host\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert find_imports(tmp_path) == {
        "core": set(), "kernel": {"core"}, "jdk": {"kernel"}, "modules": {"jdk"}, "action": {"core", "plugin_utils"}, "plugin_utils": set(),
    }


EDGES = {"core": set(), "kernel": {"core"}, "limits": {"core", "kernel"}, "plugin_utils": {"core"}, "modules": {"core"}}


def test_a_package_is_one_layer_above_what_it_imports_and_plugins_are_on_top():
    assert compute_layers(EDGES) == {"core": 0, "kernel": 1, "limits": 2, "plugin_utils": 3, "modules": 4}


def test_an_import_that_others_imply_has_no_arrow():
    assert ("limits", "core") not in find_arrows(EDGES)
    assert find_arrows(EDGES) == [("kernel", "core"), ("limits", "kernel"), ("modules", "core"), ("plugin_utils", "core")]


@pytest.mark.parametrize(("edges", "found"), [
    ({"a": {"b"}, "b": set()}, []),
    ({"a": {"b"}, "b": {"a"}}, ["a", "b", "a"]),
    ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
])
def test_a_circle_is_named(edges, found):
    assert find_circle(edges) == found


def test_a_circle_is_not_drawn(tmp_path):
    for name, other in (("core", "kernel"), ("kernel", "core")):
        (tmp_path / SHARED / name).mkdir(parents=True)
        (tmp_path / SHARED / name / "values.py").write_text(f"from ..{other} import values\n")
    with pytest.raises(SystemExit, match="core -> kernel -> core"):
        architecture.render_picture(tmp_path)


def test_a_page_shows_it():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md"]
    assert any("images/architecture.svg" in page.read_text(encoding="utf-8") for page in pages)
