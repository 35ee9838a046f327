# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What package.sh lays out: the same folder as Xitrum's own packaging, and the same bytes each time."""
import hashlib
import os
import pathlib
import shutil
import stat
import struct
import subprocess
import zipfile

import pytest

from tests.lib import demo_instance

APPLICATION_JAR = "lib/quickstart_2.13-1.0.jar"
SOURCES = pathlib.Path(__file__).resolve().parent


def digests(root):
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_layout_is_that_of_target_xitrum(package):
    assert names(package) == ["config", "extra", "lib", "public", "script"]
    assert names(package / "config") == [
        "akka.conf", "akka_cluster.conf", "application.conf", "flash_socket_policy.xml", "logback.xml",
        "ssl_example_fullchain.pem", "ssl_example_privkey.pem", "xitrum.conf",
    ]
    assert names(package / "script") == ["runner", "runner.bat", "scalive", "scalive-1.7.0.jar", "scalive.bat"]
    assert (package / "extra" / "nested" / "note.txt").is_file()
    assert (package / APPLICATION_JAR).is_file()


@pytest.mark.parametrize(
    "library", ["scala-library-2.13", "scala-compiler-2.13", "scala-reflect-2.13", "jline-", "netty-transport-4.1", "akka-cluster_2.13-2.6"]
)
def test_libraries_are_jars_of_their_own(package, library):
    assert [name for name in names(package / "lib") if name.startswith(library)]


def test_scripts_are_executable_and_the_rest_is_readable(package):
    for name in ("runner", "runner.bat", "scalive", "scalive.bat"):
        assert stat.S_IMODE((package / "script" / name).stat().st_mode) == 0o755
    others = [path for path in package.rglob("*") if path.is_file() and path.parent.name != "script"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in others} == {0o644}


def test_all_jars_are_valid(package):
    for jar in [*(package / "lib").glob("*.jar"), package / "script" / "scalive-1.7.0.jar"]:
        with zipfile.ZipFile(jar) as opened:
            assert opened.testzip() is None, jar


def test_classes_are_for_java_8(package):
    with zipfile.ZipFile(package / APPLICATION_JAR) as jar:
        versions = {struct.unpack("!H", jar.read(name)[6:8])[0] for name in jar.namelist() if name.endswith(".class")}
    assert versions == {52}


def test_another_name_changes_the_application_jar_only(package, tmp_path):
    other = digests(demo_instance.build_package(tmp_path / "xitrum", "demo-2"))
    first = digests(package)
    assert other.keys() == first.keys()
    assert [name for name in first if first[name] != other[name]] == [APPLICATION_JAR]


@pytest.mark.long
def test_a_build_from_the_start_gives_the_same_bytes(package, tmp_path):
    sources = tmp_path / "demo_app"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("target", "__pycache__"))
    subprocess.run([str(sources / "package.sh"), str(tmp_path / "xitrum"), "demo-1"], check=True, stdin=subprocess.DEVNULL)
    assert digests(tmp_path / "xitrum") == digests(package)


def test_padding_has_the_desired_size_and_the_same_bytes(tmp_path):
    padded = demo_instance.build_package(tmp_path / "one", "demo-1", "--padding-mb", "3")
    again = demo_instance.build_package(tmp_path / "two", "demo-1", "--padding-mb", "3")
    size = sum(path.stat().st_size for path in (padded / "lib").glob("padding-*.jar"))
    assert 3 * 1024 * 1024 <= size < 3.01 * 1024 * 1024
    assert digests(padded) == digests(again)


def test_a_fault_is_a_resource_of_the_application_jar(tmp_path):
    faulty = demo_instance.build_package(tmp_path / "xitrum", "demo-3", "--fault", "page")
    with zipfile.ZipFile(faulty / APPLICATION_JAR) as jar:
        assert jar.read("demo.properties") == b"release=demo-3\nfault=page\n"


def refusal(*arguments, **environment):
    return subprocess.run(
        [str(demo_instance.PACKAGE_SH), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False
    )


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "mine").write_text("kept")
    refused = refusal(str(tmp_path))
    assert refused.returncode == 2
    assert "is not a package" in refused.stderr
    assert (tmp_path / "mine").read_text() == "kept"


@pytest.mark.parametrize("arguments", [[], ["out", "a name"], ["out", "name", "--fault", "none"], ["out", "--padding-mb", "much"], ["out", "--speed"]])
def test_wrong_arguments_are_refused_with_the_usage(arguments, tmp_path):
    refused = refusal(*[str(tmp_path / "out") if argument == "out" else argument for argument in arguments])
    assert refused.returncode == 2
    assert "usage:" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_tool_is_named(tmp_path):
    for tool in ("bash", "dirname", "ls"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    refused = refusal(str(tmp_path / "out"), PATH=str(tmp_path))
    assert refused.returncode == 2
    assert "mvn is not found in PATH" in refused.stderr
