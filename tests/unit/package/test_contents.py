# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a package, its name by content, and what is wrong with its layout."""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import local_files as package_files
from ansible_collections.xitrum.host.plugins.module_utils.core import mac_files
from ansible_collections.xitrum.host.plugins.module_utils.package import contents as package
from hypothesis import given
from hypothesis import strategies as st

from ..package_fixture import mac_members
from ..package_fixture import package as make_package

SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
FILE = st.fixed_dictionaries({"mode": st.sampled_from(["0644", "0755"]), "sha256": SHA256, "size": st.integers(0, 9)})
LINK = st.fixed_dictionaries({"link": st.text("ab/", min_size=1)})
# Any character that a file's name can have: line breaks, quotes, blanks.
ENTRIES = st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), FILE | LINK, min_size=1, max_size=8).map(
    lambda rows: [{"path": path, **row} for path, row in rows.items()])


@given(ENTRIES, st.randoms(use_true_random=False))
def test_the_name_does_not_depend_on_the_order(entries, chance):
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert package.compute_release_id(shuffled) == package.compute_release_id(entries)
    assert len(package.compute_release_id(entries)) == 12
    assert int(package.compute_release_id(entries), 16) >= 0


@given(ENTRIES, st.data())
def test_the_name_depends_on_every_path_mode_content_and_target(entries, data):
    index = data.draw(st.integers(0, len(entries) - 1))
    field = data.draw(st.sampled_from(sorted(entries[index].keys() - {"size"})))
    other = {"0644": "0755", "0755": "0644"}.get(entries[index][field], entries[index][field] + "0")
    changed = [*entries[:index], {**entries[index], field: other}, *entries[index + 1:]]
    assert package.compute_release_id(changed) != package.compute_release_id(entries)
    assert package.compute_release_id(entries[:index] + entries[index + 1:]) != package.compute_release_id(entries)


@given(ENTRIES, ENTRIES)
def test_two_manifests_have_one_name_only_if_they_are_equal(one, other):
    def content(entries):
        return sorted((row["path"], row.get("mode"), row.get("sha256"), row.get("link")) for row in entries)
    assert (package.compute_release_id(one) == package.compute_release_id(other)) == (content(one) == content(other))


@given(st.dictionaries(st.text("abc.- é", min_size=1, max_size=6).filter(lambda name: name not in (".", "..")), st.binary(max_size=40), min_size=1, max_size=5))
def test_copies_have_one_name_and_another_content_has_another(files):
    with tempfile.TemporaryDirectory() as made:
        one, other = Path(made, "one", "lib"), Path(made, "other", "lib")
        for folder, order in ((one, sorted(files)), (other, sorted(files, reverse=True))):
            folder.mkdir(parents=True)
            for name in order:
                (folder / name).write_bytes(files[name])
        entries, errors = package.build_manifest(str(one.parent))
        assert errors == []
        assert entries == package.build_manifest(str(other.parent))[0]
        assert [row["path"] for row in entries] == sorted(f"lib/{name}" for name in files)
        (other / sorted(files)[0]).write_bytes(files[sorted(files)[0]] + b"!")
        assert package.compute_release_id(package.build_manifest(str(other.parent))[0]) != package.compute_release_id(entries)


def test_a_manifest(tmp_path):
    folder = make_package(tmp_path)
    os.symlink("../public/a.txt", folder / "extra/link")
    os.symlink("public", folder / "site")
    entries, errors = package.build_manifest(str(folder))
    assert errors == []
    assert [row["path"] for row in entries] == [
        "config/xitrum.conf", "extra/b", "extra/link", "lib/app.jar", "lib/scala-library.jar", "public/a.txt", "script/runner", "site"]
    assert entries[1] == {"path": "extra/b", "mode": "0644", "size": 2, "sha256": "0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f"}
    assert entries[2] == {"path": "extra/link", "link": "../public/a.txt"}
    assert entries[6]["mode"] == "0755"
    assert entries[7] == {"path": "site", "link": "public"}
    assert package.sum_bytes(entries) == sum(row.get("size", 0) for row in entries)


@pytest.mark.parametrize("mode, normal", [(0o600, "0644"), (0o664, "0644"), (0o700, "0755"), (0o775, "0755"), (0o654, "0644")])
def test_a_mode_is_made_the_same_whatever_the_umask_was(tmp_path, mode, normal):
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(mode)
    assert package.build_entry(str(tmp_path), "a")["mode"] == normal


def test_what_the_application_wrote_where_it_was_built_stays_there(tmp_path):
    folder = make_package(tmp_path)
    before = package.build_manifest(str(folder))[0]
    for name in ("log/xitrum.log", "tmp/routes.cache"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("stale")
    assert package.build_manifest(str(folder))[0] == before
    (folder / "public/tmp").mkdir()
    (folder / "public/tmp/kept").write_text("")
    assert "public/tmp/kept" in [row["path"] for row in package.build_manifest(str(folder))[0]]


def test_what_macos_adds_is_no_part_of_a_release(tmp_path):
    folder = make_package(tmp_path)
    before = package.build_manifest(str(folder))[0]
    for name, content in mac_members().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    os.symlink("/nowhere", folder / "public/._link")
    entries, errors = package.build_manifest(str(folder))
    assert (entries, errors, layout(folder)) == (before, [], [])
    assert [row["path"] for row in package.filter_jars(entries)] == ["lib/app.jar", "lib/scala-library.jar"]


@pytest.mark.parametrize("name", [".well-known", "_a", ".htaccess", "DS_Store", "PaxHeaders.txt", ".", "a._b", "Icon", "Trashes", "._"[:1] + "git"])
def test_other_names_are_kept(name):
    assert not mac_files.is_mac_file(name)


OUTSIDE = "outside of the package"


@pytest.mark.parametrize("target, message", [
    ("/etc/hostname", OUTSIDE), ("../../outside", OUTSIDE), ("up/../../x", OUTSIDE), ("nowhere", "which is not there")])
def test_links_that_lead_nowhere_on_a_host(tmp_path, target, message):
    folder = tmp_path / "package"
    (folder / "extra").mkdir(parents=True)
    os.symlink(".", folder / "extra/up")
    os.symlink(target, folder / "extra/link")
    entries, errors = package.build_manifest(str(folder))
    assert [row["path"] for row in entries] == ["extra/up"]
    assert len(errors) == 1
    assert message in errors[0]
    assert f"{folder}/extra/link" in errors[0]


def test_a_pipe_and_a_name_that_is_no_text(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("")
    entries, errors = package.build_manifest(str(tmp_path))
    assert entries == []
    assert len(errors) == 2
    assert "not UTF-8" in errors[0]
    assert "neither a file" in errors[1]


def test_an_unreadable_file_is_named_and_the_others_are_still_read(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")

    def refuse(path):
        if path.endswith("/a"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return "0" * 64

    monkeypatch.setattr(package, "compute_sha256", refuse)
    entries, errors = package.build_manifest(str(tmp_path))
    assert [row["path"] for row in entries] == ["b"]
    assert errors == [f"{tmp_path}/a cannot be read (Permission denied): let the user who runs Ansible read the whole package, for example chmod -R u+rX"]


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    real = os.scandir
    (tmp_path / "closed").mkdir()

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "closed cannot be read" in package.build_manifest(str(tmp_path))[1][0]


def layout(folder):
    return package.find_layout_errors(str(folder), package.build_manifest(str(folder))[0])


def test_a_whole_package_has_no_error(tmp_path):
    assert layout(make_package(tmp_path)) == []


def remove_script(folder):
    shutil.rmtree(folder / "script")


def remove_config(folder):
    (folder / "config/xitrum.conf").unlink()


def remove_jars(folder):
    shutil.rmtree(folder / "lib")


def forget_mode(folder):
    (folder / "script/runner").chmod(0o644)


def windows_lines(folder):
    (folder / "script/runner").write_bytes(b"#!/bin/sh\r\nexec java\r\n")


def no_interpreter(folder):
    (folder / "script/runner").write_bytes(b"exec java\n")


@pytest.mark.parametrize("harm, message", [
    (remove_script, "has no script/runner"), (remove_config, "has no config/xitrum.conf"), (remove_jars, "lib has no .jar"),
    (forget_mode, "is not executable: chmod +x"), (windows_lines, "has Windows line ends"), (no_interpreter, "does not begin with #!")])
def test_each_error_of_the_layout(tmp_path, harm, message):
    folder = make_package(tmp_path)
    harm(folder)
    assert len(layout(folder)) == 1
    assert message in layout(folder)[0]


def test_an_empty_folder_lacks_everything(tmp_path):
    assert not package_files.is_package(str(tmp_path))
    assert len(layout(tmp_path)) == 3


@pytest.mark.parametrize("given, meant", [(".", "target/xitrum"), ("target", "target/xitrum"), ("target/xitrum/lib", "target/xitrum")])
def test_the_package_next_to_the_given_folder_is_named(tmp_path, given, meant):
    make_package(tmp_path / "target/xitrum")
    assert package.format_hint(str(tmp_path / given)) == f"did you mean {tmp_path / meant}?"


def test_only_jars_directly_in_lib_are_on_the_class_path():
    rows = [{"path": path} for path in ("lib/a.jar", "lib/b/c.jar", "lib/d.txt", "d.jar", "libs/e.jar")]
    assert package.filter_jars(rows) == rows[:1]


def test_eighty_megabytes_are_read_in_half_a_second(tmp_path):
    chance = random.Random(1)
    (tmp_path / "lib").mkdir()
    for number in range(90):
        (tmp_path / "lib" / f"{number}.jar").write_bytes(chance.randbytes(900_000))
    package.build_manifest(str(tmp_path))
    times = []
    for _unused in range(3):
        # Of this process alone: the machine may be busy with other tests.
        started = time.process_time()
        entries, _errors = package.build_manifest(str(tmp_path))
        package.compute_release_id(entries)
        times.append(time.process_time() - started)
    assert len(entries) == 90
    assert min(times) < 0.5
