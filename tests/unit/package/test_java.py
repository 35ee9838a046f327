# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Java that a package needs, from its class files."""

from __future__ import annotations

import tempfile
import zipfile

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.package import contents as package
from ansible_collections.xitrum.host.plugins.module_utils.package import java as package_java
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.record_texts import record_text

from ..package_fixture import class_file, jar
from ..package_fixture import package as make_package

BOOT = "quickstart.Boot"


@pytest.mark.parametrize("java", [8, 11, 17, 21, 25])
def test_the_version_in_a_class_file(java):
    assert package_java.parse_java_version(class_file(java)[:8]) == java


@given(st.binary(max_size=7) | st.binary(min_size=8).filter(lambda data: data[:4] != b"\xca\xfe\xba\xbe"))
def test_what_is_no_class_file_asks_for_nothing(data):
    assert package_java.parse_java_version(data) == 0


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_jar(tmp_path, compression):
    jar(tmp_path / "a.jar", {
        "quickstart/Boot.class": 8, "quickstart/Site.class": 8, "quickstart/New.class": 11, "META-INF/versions/21/quickstart/Site.class": 21,
        "module-info.class": 9, "readme.txt": b"text"}, compression)
    found = package_java.scan(str(tmp_path / "a.jar"), BOOT)
    assert found == {"typical": [8, "quickstart.Site"], "highest": [11, "quickstart.New"], "scala": "", "main": True, "main_classes": []}


def test_a_jar_without_classes(tmp_path):
    jar(tmp_path / "a.jar", {"a.txt": b""})
    assert package_java.scan(str(tmp_path / "a.jar"), BOOT) == {"typical": [0, ""], "highest": [0, ""], "scala": "", "main": False, "main_classes": []}


@given(st.binary(max_size=300))
def test_bytes_that_are_no_jar_are_refused_in_one_way(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with pytest.raises(zipfile.BadZipFile):
            package_java.scan(file.name, BOOT)


def examine(folder, cache=None):
    rows = package.filter_jars(package.build_manifest(str(folder))[0])
    return package_java.examine(str(folder), rows, BOOT, str(cache) if cache else None)


def test_a_library_with_a_few_optional_newer_classes_asks_for_no_newer_java(tmp_path):
    folder = make_package(tmp_path)
    jar(folder / "lib/streams.jar", {**{f"s/{number}.class": 8 for number in range(9)}, "s/Flow.class": 11})
    summary = package_java.summarize_scans(examine(folder)[0])
    assert summary == {
        "java": 8, "java_class": "quickstart.Site", "java_jar": "lib/app.jar", "java_highest": 11, "main_class_jar": "lib/app.jar", "scala": "2.13.18"}


def test_one_newer_class_of_the_application_counts(tmp_path):
    folder = make_package(tmp_path)
    jar(folder / "lib/app.jar", {"quickstart/Boot.class": 8, "quickstart/A.class": 8, "quickstart/New.class": 21})
    summary = package_java.summarize_scans(examine(folder)[0])
    assert (summary["java"], summary["java_class"], summary["java_jar"]) == (21, "quickstart.New", "lib/app.jar")


def test_a_library_made_for_a_newer_java_counts(tmp_path):
    folder = make_package(tmp_path)
    jar(folder / "lib/new.jar", {"n/A.class": 17, "n/B.class": 17, "n/Old.class": 5})
    summary = package_java.summarize_scans(examine(folder)[0])
    assert (summary["java"], summary["java_jar"]) == (17, "lib/new.jar")


def test_nothing_is_known_without_jars():
    assert package_java.summarize_scans({}) == {"java": 0, "java_class": "", "java_jar": "", "java_highest": 0, "main_class_jar": "", "scala": ""}


def test_a_jar_that_is_none_is_named_and_the_others_are_read(tmp_path):
    folder = make_package(tmp_path)
    (folder / "lib/broken.jar").write_text("404 not found")
    scans, errors = examine(folder)
    assert sorted(scans) == ["lib/app.jar", "lib/scala-library.jar"]
    assert len(errors) == 1
    assert f"{folder}/lib/broken.jar is not a jar" in errors[0]


def test_a_cut_jar_is_named(tmp_path):
    folder = make_package(tmp_path)
    whole = (folder / "lib/app.jar").read_bytes()
    (folder / "lib/app.jar").write_bytes(whole[:len(whole) // 2])
    assert "lib/app.jar is not a jar" in examine(folder)[1][0]


def test_a_second_run_opens_no_jar(tmp_path, monkeypatch):
    folder = make_package(tmp_path / "package")
    first = examine(folder, tmp_path / "cache")
    monkeypatch.setattr(package_java, "scan", lambda path, main_class: pytest.fail(f"opened {path}"))
    assert examine(folder, tmp_path / "cache") == first


def test_another_content_or_main_class_is_scanned_again(tmp_path):
    folder = make_package(tmp_path / "package")
    examine(folder, tmp_path / "cache")
    jar(folder / "lib/app.jar", {"quickstart/Boot.class": 21})
    assert package_java.summarize_scans(examine(folder, tmp_path / "cache")[0])["java"] == 21
    rows = package.filter_jars(package.build_manifest(str(folder))[0])
    assert package_java.summarize_scans(package_java.examine(str(folder), rows, "other.Main", str(tmp_path / "cache"))[0])["main_class_jar"] == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"KEY": 3}', '{"KEY": {"java": 8}}'])
def test_a_damaged_cache_is_made_again(tmp_path, text):
    folder = make_package(tmp_path / "package")
    first = examine(folder, tmp_path / "cache")
    key = f"{package.compute_sha256(str(folder / 'lib/app.jar'))} {BOOT}"
    (tmp_path / "cache/jars.json").write_text(record_text(text.replace("KEY", key)))
    assert examine(folder, tmp_path / "cache") == first
    assert key in package_java.read_remembered_scans(str(tmp_path / "cache/jars.json"))


def test_the_cache_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(package_java, "KEPT_SCANS", 3)
    for number in range(5):
        folder = make_package(tmp_path / str(number))
        jar(folder / "lib/app.jar", {"quickstart/Boot.class": 8, f"n{number}.class": 8})
        examine(folder, tmp_path / "cache")
    kept = package_java.read_remembered_scans(str(tmp_path / "cache/jars.json"))
    assert len(kept) == 3
    assert f"{package.compute_sha256(str(tmp_path / '4/lib/app.jar'))} {BOOT}" in kept


@pytest.mark.parametrize("desired, message", [
    ("quickstart.Boot", None), ("quickstart.boot", "did you mean quickstart.Boot?"), ("quikstart.Boot", "did you mean quickstart.Boot?"),
    ("com.acme.Boot", "did you mean quickstart.Boot?"), ("zzz.Qqqqqqqq", "Set xitrum_main_class")])
def test_a_main_class_that_is_nowhere(tmp_path, desired, message):
    folder = make_package(tmp_path)
    rows = package.filter_jars(package.build_manifest(str(folder))[0])
    main = package_java.summarize_scans(package_java.examine(str(folder), rows, desired, None)[0])["main_class_jar"]
    errors = package_java.find_main_class_errors(str(folder), rows, desired, main)
    assert len(errors) == (message is not None)
    assert message is None or message in errors[0]


@pytest.mark.parametrize("class_java, jdk, scala, message", [
    (8, 17, "2.13.18", ""), (17, 17, "", ""), (21, 17, "2.13.18", "has classes for Java 21 in lib/a.jar, and the host would run JDK 17"),
    (8, 25, "2.13.17", "has Scala 2.13.17, which does not start on JDK 25"), (8, 25, "2.13.18", ""), (8, 25, "2.13.20", ""),
    (8, 25, "2.12.20", "Scala 2.12.20"),
    (8, 21, "2.13.8", ""), (8, 26, "2.13.8", "JDK 26"), (8, 25, "3.3.4", ""), (8, 25, "", ""), (0, 17, "", ""), (21, 0, "2.13.8", "")])
def test_java_against_the_jdk(class_java, jdk, scala, message):
    error = package_java.find_java_error(class_java, jdk, scala, "lib/a.jar")
    assert message in error
    assert bool(error) == bool(message)
