# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JDK out of an archive: what is fetched, what is refused, and what a killed run leaves."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import re
import tarfile
import threading

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.jdk import archive as jdk_archive
from ansible_collections.xitrum.host.plugins.module_utils.jdk import component as jdk
from ansible_collections.xitrum.host.plugins.module_utils.jdk import fetch as jdk_fetch
from hypothesis import given
from hypothesis import strategies as st

from tests.lib.http_server import serve_in_background

from ..package_fixture import mac_members

COOKIE = "accept-license=yes"


def elf(machine, order="little"):
    """The first bytes of an executable, as elf(5) has them."""
    return b"\x7fELF\x02" + (b"\x01" if order == "little" else b"\x02") + bytes(12) + machine.to_bytes(2, order) + bytes(44)


@pytest.mark.parametrize("head, architecture", [
    (elf(62), "x86_64"), (elf(183), "aarch64"), (elf(22, "big"), "s390x"), (elf(999), "ELF machine 999"),
    (b"#!/bin/sh\nexec java\n", ""), (b"\x7fELF", ""), (b"", "")])
def test_the_architecture_in_an_elf_header(head, architecture):
    assert jdk_archive.parse_elf_architecture(head[:20]) == architecture


@given(st.binary(max_size=64))
def test_any_other_bytes_are_no_architecture_and_no_error(head):
    assert (jdk_archive.parse_elf_architecture(head) == "") == (len(head) < 20 or head[:4] != b"\x7fELF" or head[5] not in (1, 2))


def archive(path, members):
    """A tar.gz of name to bytes."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755 if "bin/" in name else 0o644
            tar.addfile(member, io.BytesIO(data))
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def members(top="jdk-17.0.9", **more):
    """A JDK as far as it is read before it is run."""
    contents = {"bin/java": elf(62), "bin/javac": elf(62), "release": b'JAVA_VERSION="17.0.9"\n', **more}
    return {f"{top}/{name}" if top else name: data for name, data in contents.items() if data is not None}


DESIRED = {"name": "jdk-17", "version": 17, "architecture": "x86_64", "sha256": "", "unverified": False, "absent": [],
           "source": None, "download": "controller", "archive": None}


class JvmHost(Host):
    """The test's own folder, where java reports what the test wants. The owner stays, since a test is not root's alone."""

    def __init__(self, printed='openjdk version "17.0.9" 2023-10-17\n'):
        self.ran = []

        def run(argv, *_more):
            self.ran.append(argv)
            return bounded.Run(0, b"", printed.encode()) if printed else bounded.Run(127, b"", b"error while loading shared libraries: libjli.so")
        super().__init__(run)

    def set_owner(self, path, mode, owner, group):
        os.chmod(path, mode)


@pytest.fixture(name="jvm")
def jvm_folder(tmp_path, monkeypatch):
    """A folder in the place of /usr/lib/jvm."""
    folder = tmp_path / "jvm"
    folder.mkdir()
    monkeypatch.setattr(jdk, "FOLDER", str(folder))
    monkeypatch.setattr(jdk_archive, "FOLDER", str(folder))
    return folder


@pytest.mark.parametrize("top", ["jdk-17.0.9", "vendor/jdk-17.0.9", ""])
def test_it_is_unpacked_wherever_it_is_in_the_archive_and_reports_what_it_is_from(top, jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", members(top))
    host = JvmHost()
    assert jdk_archive.unpack(host, path, sha256, DESIRED) == "17.0.9"
    assert sorted(os.listdir(jvm)) == ["jdk-17"]
    assert (jvm / "jdk-17" / jdk.MARKER).read_text() == sha256 + "\n"
    assert os.access(jvm / "jdk-17/bin/java", os.X_OK)
    assert ".part/" in host.ran[0][0], "java has to run before it is in its place"


@pytest.mark.parametrize("others", [
    {"README.txt": b"", "LICENSE": b"", "install.sh": b"#!/bin/sh\n"}, {"readme/index.html": b""}, {"demo/bin/run": b"", "NOTICE": b""},
    mac_members("jdk-17.0.9", ("bin/java", "lib/modules")), {**mac_members("jdk-17.0.9"), "README": b""},
    # A JRE next to it, and one in it, as a JDK 8 has.
    {"jre-17.0.9/bin/java": elf(62)}, {"jdk-17.0.9/jre/bin/java": elf(62)},
])
@pytest.mark.parametrize("top", ["jdk-17.0.9", "./jdk-17.0.9", "vendor/jdk-17.0.9", ""])
def test_what_lies_next_to_the_one_folder_of_a_jdk_does_not_matter(top, others, jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", {**others, **members(top)})
    assert jdk_archive.unpack(JvmHost(), path, sha256, DESIRED) == "17.0.9"
    assert sorted(os.listdir(jvm)) == ["jdk-17"]
    assert (jvm / "jdk-17/bin/javac").exists() and (jvm / "jdk-17" / jdk.MARKER).read_text() == sha256 + "\n"
    assert [name for _where, folders, names in os.walk(jvm) for name in [*folders, *names] if name.startswith("._") or name == "__MACOSX"] == []


def test_a_jdk_for_macos_is_named_as_no_executable_for_linux(jvm, tmp_path):
    contents = {**{name: b"\xcf\xfa\xed\xfe" + bytes(40) for name in members("jdk-17.jdk/Contents/Home")}, "jdk-17.jdk/Contents/Info.plist": b""}
    path, sha256 = archive(tmp_path / "jdk.tar.gz", contents)
    with pytest.raises(jdk_archive.SourceError, match="is not an executable for Linux"):
        jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == []


@pytest.mark.parametrize("contents, message", [
    ({**members("jdk-17"), **members("jdk-21")}, r"found 2 folders with bin/java in the archive (jdk-17, jdk-21); expected one"),
    ({"a/readme": b"", "b/notes": b"", ".DS_Store": b""}, "has no bin/java, at its top is a, b: expected the tar.gz"),
])
def test_an_archive_without_the_one_jdk_names_what_it_has(contents, message, jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", contents)
    with pytest.raises(jdk_archive.SourceError, match=re.escape(message)):
        jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == []


@pytest.mark.parametrize("contents, message", [
    (members(**{"bin/java": elf(183)}), "is for aarch64, this host is x86_64"),
    (members(**{"bin/java": b"#!/bin/sh\nexec java\n"}), "is not an executable for Linux"),
    (members(**{"bin/javac": None}), "is a JRE"),
    (members(release=b'JAVA_VERSION="11.0.2"\n'), "holds a JDK 11.0.2, expected 17"),
    ({"app/readme": b""}, "at its top is readme"),
    ({**members(), "jdk-17.0.9/../../evil": b"x"}, "holds jdk-17.0.9/../../evil"),
])
def test_what_is_refused_leaves_nothing(contents, message, jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", contents)
    with pytest.raises(jdk_archive.SourceError, match=message.replace(".", r"\.")):
        jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("text, message", [
    ("", "does not run on this host, it failed with exit code 127: error while loading"), ('java version "1.8.0_402"\n', "reports it is 1.8.0_402")])
def test_a_java_that_does_not_run_in_sync_is_refused(text, message, jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", members())
    with pytest.raises(jdk_archive.SourceError, match=message):
        jdk_archive.unpack(JvmHost(text), path, sha256, DESIRED)
    assert os.listdir(jvm) == []


def test_of_members_with_one_name_the_last_one_counts(jvm, tmp_path):
    contents = {"jdk-17.0.9/release": b'JAVA_VERSION="11.0.2"\n', **{name.replace("/", "//"): data for name, data in members().items()}}
    path, sha256 = archive(tmp_path / "jdk.tar.gz", contents)
    assert jdk_archive.unpack(JvmHost(), path, sha256, DESIRED) == "17.0.9"
    assert (jvm / "jdk-17/release").read_text() == 'JAVA_VERSION="17.0.9"\n'


def test_members_that_do_not_fit_together_are_named(jvm, tmp_path):
    path, sha256 = archive(tmp_path / "jdk.tar.gz", {**members(), "jdk-17.0.9/release/notes": b""})
    with pytest.raises(jdk_archive.SourceError, match=r"the archive cannot be unpacked \(jdk-17.0.9/release/notes has no place: "):
        jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == []


def test_a_cut_archive_is_refused(jvm, tmp_path):
    path, _sha256 = archive(tmp_path / "jdk.tar.gz", members(filler=os.urandom(100000)))
    with open(path, "r+b") as handle:
        handle.truncate(50000)
    with pytest.raises(jdk_archive.SourceError, match="cannot be unpacked"):
        jdk_archive.unpack(JvmHost(), path, "", DESIRED)
    assert os.listdir(jvm) == []


def test_the_rest_of_a_killed_run_is_in_nobodys_way(jvm, tmp_path):
    (jvm / ".jdk-17.part/jdk-17/bin").mkdir(parents=True)
    path, sha256 = archive(tmp_path / "jdk.tar.gz", members())
    jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == ["jdk-17"]


def test_a_jdk_that_does_not_run_any_more_is_replaced(jvm, tmp_path):
    (jvm / "jdk-17/bin").mkdir(parents=True)
    (jvm / "jdk-17" / jdk.MARKER).write_text("aa" * 32 + "\n")
    desired = {**DESIRED, "sha256": "aa" * 32}
    assert list(jdk_archive.plan(desired, jdk_archive.read(JvmHost(), desired)).actions) == [("unpack", f"{jvm}/jdk-17")]
    path, sha256 = archive(tmp_path / "jdk.tar.gz", members())
    jdk_archive.unpack(JvmHost(), path, sha256, DESIRED)
    assert os.listdir(jvm) == ["jdk-17"]
    assert (jvm / "jdk-17/bin/javac").exists()


def test_what_is_planned_of_what_is_there(jvm):
    for name in ("jdk-17", "old"):
        (jvm / name / "bin").mkdir(parents=True)
        (jvm / name / jdk.MARKER).write_text("bb" * 32 + "\n")
        for command in ("java", "javac"):
            (jvm / name / "bin" / command).write_bytes(elf(62))
            os.chmod(jvm / name / "bin" / command, 0o755)
    (jvm / ".gone.part").mkdir()
    desired = {**DESIRED, "sha256": "bb" * 32, "absent": ["old"]}
    plan = jdk_archive.plan(desired, jdk_archive.read(JvmHost(), desired))
    assert list(plan.actions) == [("remove", f"{jvm}/old"), ("clean", f"{jvm}/.gone.part")]
    assert plan.after == f"{jvm}/jdk-17\n"
    jdk_archive.apply(JvmHost(), plan)
    assert os.listdir(jvm) == ["jdk-17"]
    other = {**desired, "sha256": "cc" * 32, "absent": []}
    error = jdk_archive.plan(other, jdk_archive.read(JvmHost(), other)).errors[0]
    assert "bb" * 32 in error and "cc" * 32 in error


class Licensed(http.server.BaseHTTPRequestHandler):
    """Answers those who accept the licence."""

    def do_GET(self):
        self.server.seen += 1
        accepted = COOKIE in (self.headers.get("Cookie") or "")
        body = self.server.body if accepted else b"no"
        self.send_response(200 if accepted else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Reports nothing."""


@pytest.fixture(name="vendor")
def vendor_server():
    """A server on 127.0.0.1 that wants a cookie."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Licensed)
    server.seen, server.body = 0, b"an archive"
    server.url = f"http://127.0.0.1:{server.server_port}/jdk.tar.gz"
    serve_in_background(server)
    yield server
    server.shutdown()
    server.server_close()


def obtain(source, sha256, cache, headers=None):
    return jdk_fetch.obtain(source, sha256, headers, str(cache), 5, True)


def test_many_hosts_fetch_it_once(vendor, tmp_path):
    sha256, got = hashlib.sha256(vendor.body).hexdigest(), []
    hosts = [threading.Thread(target=lambda: got.append(obtain(vendor.url, sha256, tmp_path, {"Cookie": COOKIE}))) for _host in range(5)]
    for thread in hosts:
        thread.start()
    for thread in hosts:
        thread.join()
    assert len(got) == 5 and len(set(got)) == 1
    assert vendor.seen == 1
    assert open(got[0][0], "rb").read() == vendor.body


def test_without_the_cookie_it_is_reported_what_is_missing(vendor, tmp_path):
    with pytest.raises(jdk_archive.SourceError, match="answers 403 .* headers"):
        obtain(vendor.url, "aa" * 32, tmp_path)


def test_a_wrong_checksum_shows_both(vendor, tmp_path):
    found = hashlib.sha256(vendor.body).hexdigest()
    with pytest.raises(jdk_archive.SourceError, match=f"{found}, expected {'aa' * 32}"):
        obtain(vendor.url, "aa" * 32, tmp_path, {"Cookie": COOKIE})
    local = tmp_path / "jdk.tar.gz"
    local.write_bytes(vendor.body)
    with pytest.raises(jdk_archive.SourceError, match=f"{found}, expected {'aa' * 32}"):
        obtain(str(local), "aa" * 32, tmp_path)
    assert obtain(str(local), "", tmp_path) == (str(local), found)


def test_without_a_checksum_it_is_fetched_once_too(vendor, tmp_path):
    first = obtain(vendor.url, "", tmp_path, {"Cookie": COOKIE})
    assert obtain(vendor.url, "", tmp_path) == first
    assert vendor.seen == 1
    assert not [name for name in os.listdir(tmp_path / "archives") if name.startswith(".part-")]


def test_an_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(jdk_archive.SourceError, match=f"there is no archive at {tmp_path}/none.tar.gz"):
        obtain(f"{tmp_path}/none.tar.gz", "", tmp_path)
