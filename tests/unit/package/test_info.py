# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action as Ansible runs it."""

from __future__ import annotations

import json
import os
import zipfile
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.xitrum.host.plugins.action import package_info as action
from ansible_collections.xitrum.host.plugins.modules import package_info
from ansible_collections.xitrum.host.plugins.plugin_utils import package_inspection

from tests.docs.plugins import read_documentation
from tests.docs.role_variables import ROOT

from ..package_fixture import jar, mac_members
from ..package_fixture import package as make_package
from .test_main_class import class_file as main_class_file


def run(**arguments):
    task = SimpleNamespace(action="xitrum.host.package_info", args=arguments, check_mode=False, async_val=0, diff=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    return action.ActionModule(task, connection, None, None, None, None).run(task_vars={})


def test_a_good_package(tmp_path):
    result = run(source=str(make_package(tmp_path / "x")), cache=str(tmp_path / "cache"))
    assert result["errors"] == []
    assert result["changed"] is False
    assert result["folder"] == str(tmp_path / "x")
    assert result["files"] == len(result["manifest"]) == 6
    assert (result["java"], result["main_class_jar"], result["scala"], result["examples"]) == (8, "lib/app.jar", "2.13.18", [])
    assert os.listdir(tmp_path / "cache") == ["jars.json"]


def test_all_errors_at_once_and_no_failure(tmp_path):
    folder = make_package(tmp_path / "x")
    (folder / "config/xitrum.conf").unlink()
    (folder / "script/runner").chmod(0o644)
    (folder / "lib/broken.jar").write_text("no zip")
    os.symlink("/etc", folder / "extra/etc")
    result = run(source=str(folder), cache=str(tmp_path / "cache"), main_class="quickstart.Boat")
    assert "failed" not in result
    for part in ("extra/etc is a symbolic link", "no config/xitrum.conf", "is not executable", "broken.jar is not a jar", "did you mean quickstart.Boot?"):
        assert sum(part in error for error in result["errors"]) == 1, part
    assert len(result["errors"]) == 5


def test_a_package_that_is_not_there(tmp_path):
    result = run(source=str(tmp_path / "x"), cache=str(tmp_path / "cache"))
    assert len(result["errors"]) == 1
    assert result["release"] == ""
    assert "failed" not in result


def test_a_folder_that_is_no_package_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/secret").write_text("")
    monkeypatch.setattr(package_inspection.package, "compute_sha256", lambda path: pytest.fail(f"read {path}"))
    assert len(run(source=str(tmp_path / "home"), cache=str(tmp_path / "cache"))["errors"]) == 3


def test_a_cache_that_cannot_be_used_fails(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(AnsibleActionFail, match=f"the cache {tmp_path}/cache cannot be used"):
        run(source=str(make_package(tmp_path / "x")), cache=str(tmp_path / "cache"))


def test_the_cache_is_in_the_home_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run(source=str(make_package(tmp_path / "x")))
    assert (tmp_path / ".cache/xitrum.host/jars.json").is_file()


def test_a_short_header_does_not_blot_out_the_result_and_a_token_does(tmp_path):
    headers = {"X-Build": "8", "Authorization": "Bearer 0123456789"}
    result = run(source=str(make_package(tmp_path / "x")), cache=str(tmp_path / "cache"), headers=headers)
    assert result["java"] == 8
    assert "0123456789" not in json.dumps(result)


@pytest.mark.parametrize("found", [package_inspection.NOTHING, None])
def test_every_value_that_is_returned_is_documented(found, tmp_path):
    values = found or package_inspection.inspect_package(str(make_package(tmp_path / "x")), "quickstart.Boot", str(tmp_path / "cache"))
    assert {*values, "errors", "rules"} == set(yaml.safe_load(package_info.RETURN))


def test_a_package_from_a_mac_is_the_same_release_without_a_broken_jar(tmp_path):
    before = package_inspection.inspect_package(str(make_package(tmp_path / "x")), "quickstart.Boot", None)
    for name, content in mac_members().items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(content)
    assert package_inspection.inspect_package(str(tmp_path / "x"), "quickstart.Boot", None) == before
    assert before["errors"] == []


def test_a_build_that_failed_is_the_one_error(tmp_path):
    build = {"command": "sbt xitrum-package", "directory": str(tmp_path), "code": 1, "output": "[error] Not a valid key: xitrum-package\n"}
    result = run(source=str(tmp_path / "gone"), build=build)
    assert len(result["errors"]) == 1 and "Set xitrum_build_command to sbt xitrumPackage" in result["errors"][0]
    assert "there is no package at" in run(source=str(tmp_path / "gone"), build={**build, "code": 0, "output": ""})["errors"][0]


def test_a_configuration_that_does_not_parse_is_an_error_with_its_line(tmp_path):
    folder = make_package(tmp_path / "x")
    (folder / "config/xitrum.conf").write_text("xitrum {\n")
    errors = run(source=str(folder), cache=str(tmp_path / "cache"))["errors"]
    assert len(errors) == 1 and errors[0].startswith(f"{folder}/config/xitrum.conf, line 1: {{ is not closed")


def test_it_is_documented_and_connects_to_no_host():
    documented = read_documentation(ROOT / "plugins/modules/package_info.py")
    assert set(documented["options"]) == action.ActionModule._VALID_ARGS
    assert not action.ActionModule._requires_connection


def test_a_token_in_the_url_is_in_no_result(tmp_path):
    result = run(source="https://ann:s3cr3t-t0ken@127.0.0.1:1/shop.tar.gz", sha256="0" * 64, cache=str(tmp_path / "cache"), timeout=1)
    assert result["errors"] and "s3cr3t-t0ken" not in json.dumps(result)


@pytest.mark.parametrize(("options", "message"), [
    ({}, "missing required arguments: source"),
    ({"source": "x", "verzion": 1}, "Invalid options for xitrum.host.package_info: verzion"),
    ({"source": "x", "timeout": "soon"}, "timeout"),
])
def test_wrong_options_are_refused(options, message):
    with pytest.raises(AnsibleActionFail, match=message):
        run(**options)


@pytest.mark.parametrize("classes", [{}, {"shop/Boot.class": main_class_file()}], ids=["of the template", "of the application"])
def test_a_second_read_finds_the_main_class_without_opening_a_jar(tmp_path, monkeypatch, classes):
    folder = make_package(tmp_path / "x")
    if classes:
        jar(folder / "lib/app.jar", classes)
    first = run(source=str(folder), cache=str(tmp_path / "cache"))
    assert (first["errors"], first["main_class_jar"]) == ([], "lib/app.jar")
    assert first["main_class"] == ("shop.Boot" if classes else "quickstart.Boot")
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: pytest.fail(f"opened {path}"))
    assert run(source=str(folder), cache=str(tmp_path / "cache")) == first


def test_several_main_classes_are_an_error_and_one_that_is_given_is_not(tmp_path):
    folder = make_package(tmp_path / "x")
    jar(folder / "lib/app.jar", {"shop/Boot.class": main_class_file(), "shop/Migrate.class": main_class_file()})
    result = run(source=str(folder), cache=str(tmp_path / "cache"))
    assert result["main_class"] == result["main_class_jar"] == "" and len(result["errors"]) == 1
    assert "shop.Boot (lib/app.jar), shop.Migrate (lib/app.jar)" in result["errors"][0]
    result = run(source=str(folder), cache=str(tmp_path / "cache"), main_class="shop.Migrate")
    assert (result["errors"], result["main_class"], result["main_class_jar"]) == ([], "shop.Migrate", "lib/app.jar")
