# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package comes from a folder, an archive or a URL, whole or not at all."""

from __future__ import annotations

import errno
import http.server
import io
import os
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.package import contents as package
from ansible_collections.xitrum.host.plugins.module_utils.package import source as package_source
from ansible_collections.xitrum.host.plugins.module_utils.package.source import SourceError
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import build as package_build
from hypothesis import given
from hypothesis import strategies as st

from ..package_fixture import mac_members, member, tar_gz
from ..package_fixture import package as make_package

WRONG = "0" * 64


def obtain(source, cache, sha256=None, headers=None, timeout=60):
    return package_source.obtain(str(source), sha256, headers, str(cache), timeout, hint=package_build.render_hint)


def cached(cache):
    """Everything in the cache that seems complete, or is left over."""
    return sorted(os.path.relpath(path, cache) for path in Path(cache).glob("*/*"))


def packed(path, folder, name):
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, name)
    return path


# A folder or an archive.

def test_a_folder_is_used_where_it_is(tmp_path):
    assert obtain(make_package(tmp_path / "x"), tmp_path / "cache") == str(tmp_path / "x")
    assert not (tmp_path / "cache").exists()


def test_a_folder_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_package(tmp_path / "x")
    assert obtain("~/x", tmp_path / "cache") == str(tmp_path / "x")


def test_nothing_there(tmp_path):
    with pytest.raises(SourceError, match=f"there is no package at {tmp_path}/x: build it"):
        obtain(tmp_path / "x", tmp_path / "cache")


@pytest.mark.parametrize("name", ["xitrum", ".", "target/xitrum", "./xitrum"])
def test_an_archive_with_or_without_its_folder_is_the_same_release(tmp_path, name):
    folder = make_package(tmp_path / "x")
    archive = packed(tmp_path / "x.tar.gz", folder, name)
    found = obtain(archive, tmp_path / "cache")
    assert package.build_manifest(found) == package.build_manifest(str(folder))
    assert cached(tmp_path / "cache") == [f"unpacked/{package.compute_sha256(str(archive))}"]


def packed_with(path, folder, name, others):
    """The package under a name, and other members around it: those of macOS come first, as its tar has them."""
    with tarfile.open(path, "w:gz") as tar:
        for other, content in others.items():
            info = tarfile.TarInfo(other)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        tar.add(folder, name)
    return path


@pytest.mark.parametrize(("name", "others"), [
    ("xitrum", {"README.txt": b"built on Monday"}),
    ("xitrum", {"README.txt": b"1", "LICENSE": b"2", "docs/index.html": b"3", "empty/sub/file": b"4"}),
    ("./xitrum", {"./README.txt": b"built on Monday"}),
    ("shop-1.2/target/xitrum", {"shop-1.2/build.sbt": b"", "shop-1.2/project/plugins.sbt": b""}),
    ("xitrum", {"xitrum-docs/lib/readme": b"part of a package at most"}),
    (".", mac_members()), ("xitrum", mac_members("xitrum")), ("./xitrum", mac_members("./xitrum")),
    ("a/xitrum", {**mac_members("a/xitrum"), "a/README": b""}),
])
def test_what_lies_next_to_the_package_and_what_macos_adds_changes_nothing(tmp_path, name, others):
    folder = make_package(tmp_path / "x")
    expected = package.build_manifest(str(folder))
    found = obtain(packed_with(tmp_path / "x.tar.gz", folder, name, others), tmp_path / "cache")
    assert package.build_manifest(found) == expected
    unpacked = [name for _where, folders, names in os.walk(tmp_path / "cache") for name in [*folders, *names]]
    assert [name for name in unpacked if name.startswith("._") or name in ("__MACOSX", ".DS_Store", ".AppleDouble", "PaxHeaders.4711")] == []


def test_headers_of_macos_in_a_pax_archive_are_read_over(tmp_path):
    folder = make_package(tmp_path / "x")
    expected = package.build_manifest(str(folder))
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        def add_attributes(info):
            info.pax_headers = {"LIBARCHIVE.xattr.com.apple.provenance": "AQIAWfBBq0gCoTo", "SCHILY.xattr.com.apple.provenance": "\x01\udc80=\n\udcff"}
            return info
        tar.add(folder, "xitrum", filter=add_attributes)
    assert package.build_manifest(obtain(tmp_path / "x.tar.gz", tmp_path / "cache")) == expected


def test_an_archive_that_an_older_version_unpacked_with_the_files_of_macos(tmp_path):
    folder = make_package(tmp_path / "x")
    archive = packed(tmp_path / "x.tar.gz", folder, "xitrum")
    old = tmp_path / "cache/unpacked" / package.compute_sha256(str(archive))
    make_package(old / "xitrum")
    (old / "__MACOSX").mkdir()
    (old / "xitrum/lib/._app.jar").write_bytes(b"\0\5\26\7")
    assert package.build_manifest(obtain(archive, tmp_path / "cache")) == package.build_manifest(str(folder))


def test_two_packages_in_one_archive_are_refused_with_their_names(tmp_path):
    folder = make_package(tmp_path / "x")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(folder, "blue")
        tar.add(folder, "green")
    with pytest.raises(SourceError, match=r"found 2 packages in the archive \(blue, green\); expected one: pack the folder"):
        obtain(tmp_path / "x.tar.gz", tmp_path / "cache")


def test_links_travel_in_an_archive(tmp_path):
    folder = make_package(tmp_path / "x")
    os.symlink("../public/a.txt", folder / "extra/link")
    os.link(folder / "public/a.txt", folder / "public/hard.txt")
    found = obtain(packed(tmp_path / "x.tar.gz", folder, "x"), tmp_path / "cache")
    assert package.build_manifest(found) == package.build_manifest(str(folder))


def test_an_archive_is_unpacked_once(tmp_path, monkeypatch):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")
    first = obtain(archive, tmp_path / "cache")
    monkeypatch.setattr(package_source, "unpack", lambda *arguments: pytest.fail("unpacked again"))
    assert obtain(archive, tmp_path / "cache") == first


def test_another_run_may_unpack_the_same_meanwhile(tmp_path, monkeypatch):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")
    unpack = package_source.unpack

    def twice(path, into):
        unpack(path, into)
        other = tmp_path / "cache/unpacked" / package.compute_sha256(str(archive))
        if not other.exists():
            other.mkdir()
            unpack(path, str(other))

    monkeypatch.setattr(package_source, "unpack", twice)
    found = obtain(archive, tmp_path / "cache")
    assert package.build_manifest(found) == package.build_manifest(str(tmp_path / "x"))
    assert len(cached(tmp_path / "cache")) == 1


def test_the_checksum_of_a_file(tmp_path):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")
    right = package.compute_sha256(str(archive))
    assert obtain(archive, tmp_path / "cache", right.upper())
    with pytest.raises(SourceError, match=f"is {right}, expected {WRONG}"):
        obtain(archive, tmp_path / "cache", WRONG)


# Archives that are refused leave nothing that seems complete.

def links(*pairs):
    return [(member(name, tarfile.SYMTYPE, target), None) for name, target in pairs]


REFUSED = {
    "up": ([("x/../../evil", b"x")], "a path that leaves the package"),
    "absolute": ([("/tmp/evil", b"x")], "a path that leaves the package"),
    "up_folder": ([(member("../evil", tarfile.DIRTYPE), None)], "a path that leaves the package"),
    "absolute_link": (links(("x/a", "/etc/hostname")), "contains the symbolic link x/a to /etc/hostname, outside"),
    "link_up": (links(("x/a", "../../evil")), "outside of the package"),
    "link_over_a_link": (links(("self", "."), ("out", "self/..")), "outside of the package"),
    "write_through_a_link": ([*links(("x/a", "..")), ("x/a/evil", b"x")], "cannot be unpacked"),
    "hard_link_up": ([(member("x/a", tarfile.LNKTYPE, "../../etc/hostname"), None)], "a path that leaves the package"),
    "hard_link_absolute": ([(member("x/a", tarfile.LNKTYPE, "/etc/hostname"), None)], "a path that leaves the package"),
    "hard_link_to_nothing": ([(member("x/a", tarfile.LNKTYPE, "x/b"), None)], "cannot be unpacked"),
    "device": ([(member("x/a", tarfile.CHRTYPE), None)], "which is neither a file"),
    "pipe": ([(member("x/a", tarfile.FIFOTYPE), None)], "which is neither a file"),
    "file_and_folder": ([("x/a", b"1"), (member("x/a", tarfile.DIRTYPE), None)], r"cannot be unpacked \(x/a has no place: File exists"),
    "folder_and_file": ([(member("x/a", tarfile.DIRTYPE), None), ("x/a", b"1")], r"cannot be unpacked \(x/a has no place: Is a directory"),
    "below_a_file": ([("x/a", b"1"), ("x/a/b", b"1")], r"cannot be unpacked \(x/a/b has no place: "),
    "hard_link_to_a_folder": ([(member("x/a", tarfile.LNKTYPE, "x"), None)], r"x/a has no place: it leads to x, which is not a file before it"),
}


@pytest.mark.parametrize(("members", "found"), [
    # As tar -r appends a file that was changed: the last one counts, whatever the one before was.
    ([("x/lib/a", b"1"), ("x/lib/a", b"22")], {"x/lib/a": b"22"}),
    ([("x/lib/a", b"1"), ("./x//lib/a", b"22")], {"x/lib/a": b"22"}),
    ([("x/lib/a", b"1"), *links(("x/lib/a", "b")), ("x/lib/b", b"2")], {"x/lib/a": b"2"}),
    ([*links(("x/lib/a", "b")), ("x/lib/b", b"2"), ("x/lib/a", b"1")], {"x/lib/a": b"1", "x/lib/b": b"2"}),
    ([*links(("x/lib/a", "gone"), ("x/lib/a", "b")), ("x/lib/b", b"2")], {"x/lib/a": b"2"}),
    ([("x/lib/b", b"2"), ("x/lib/a", b"1"), (member("x/lib/a", tarfile.LNKTYPE, "x/lib/b"), None)], {"x/lib/a": b"2"}),
    # A hard link is the file itself, and that of a link the link.
    ([("x/lib/b", b"2"), (member("x/lib/b", tarfile.LNKTYPE, "x/lib/b"), None)], {"x/lib/b": b"2"}),
    ([("x/lib/b", b"2"), *links(("x/lib/a", "b")), (member("x/lib/c", tarfile.LNKTYPE, "x/lib/a"), None)], {"x/lib/c": b"2"}),
    ([*links(("x/lib/a", "/etc")), (member("x/lib/a", tarfile.DIRTYPE), None), ("x/lib/a/b", b"2")], {"x/lib/a/b": b"2"}),
    # What macOS added is not there, and neither is what leads to it.
    ([("x/lib/._b", b"mac"), (member("x/lib/a", tarfile.LNKTYPE, "x/lib/._b"), None), ("x/lib/b", b"2")], {"x/lib/b": b"2", "x/lib/a": None}),
])
def test_of_members_with_one_name_the_last_one_counts(tmp_path, members, found):
    folder = obtain(tar_gz(tmp_path / "x.tar.gz", [("x/script/runner", b"1"), ("x/config/xitrum.conf", b""), *members]), tmp_path / "cache")
    for name, content in found.items():
        path = Path(folder, name.removeprefix("x/"))
        assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_members(tmp_path, name):
    members, result = REFUSED[name]
    archive = tar_gz(tmp_path / "bad.tar.gz", [("x/first", b"1"), *members])
    with pytest.raises(SourceError, match=result):
        obtain(archive, tmp_path / "cache")
    assert cached(tmp_path / "cache") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.tar.gz", "cache"]


NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", ""]), min_size=1, max_size=4).map("/".join)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])


@given(st.lists(st.tuples(NAMES.filter(bool), KINDS, NAMES), min_size=1, max_size=6))
def test_no_archive_writes_or_leads_outside(rows):
    with tempfile.TemporaryDirectory() as made:
        inside = Path(made, "cache", "unpacked")
        archive = tar_gz(Path(made, "x.tar.gz"), [(member(name, kind, target), None) for name, kind, target in rows])
        try:
            folder = obtain(archive, Path(made, "cache"))
        except SourceError:
            assert list(inside.iterdir()) == []
        else:
            real = os.path.realpath(inside / package.compute_sha256(str(archive)))
            assert all(os.path.realpath(os.path.join(where, name)).startswith(real) for where, folders, names in os.walk(folder) for name in [*folders, *names])
        assert sorted(os.listdir(made)) == ["cache", "x.tar.gz"]


@pytest.mark.parametrize("harm", [
    lambda data: data[:len(data) // 2], lambda data: b"PK\3\4" + data, lambda data: b"", lambda data: data[:60] + b"\0" * 40 + data[100:]])
def test_a_broken_archive(tmp_path, harm):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")
    archive.write_bytes(harm(archive.read_bytes()))
    with pytest.raises(SourceError, match=r"cannot be unpacked \(.+\): expected a whole tar.gz"):
        obtain(archive, tmp_path / "cache")
    assert cached(tmp_path / "cache") == []


def test_a_full_disk_is_not_the_archives_fault(tmp_path, monkeypatch):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(package_source, "extract", full)
    with pytest.raises(OSError, match="No space left"):
        obtain(archive, tmp_path / "cache")
    assert cached(tmp_path / "cache") == []


def test_a_run_killed_while_it_unpacks_leaves_nothing_that_seems_complete(tmp_path, monkeypatch):
    archive = packed(tmp_path / "x.tar.gz", make_package(tmp_path / "x"), "x")
    unpack = package_source.unpack

    def killed(path, into):
        unpack(path, into)
        os._exit(9)

    child = os.fork()
    if child == 0:
        package_source.unpack = killed
        obtain(archive, tmp_path / "cache")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = cached(tmp_path / "cache")
    assert [name.startswith("unpacked/.part-") for name in left] == [True]
    assert package.build_manifest(obtain(archive, tmp_path / "cache")) == package.build_manifest(str(tmp_path / "x"))
    # Another run's part is left alone until nobody can be writing it.
    assert left[0] in cached(tmp_path / "cache")
    long_ago = time.time() - package_source.ABANDONED - 1
    os.utime(tmp_path / "cache" / left[0], (long_ago, long_ago))
    package_source.tidy(str(tmp_path / "cache/unpacked"))
    assert left[0] not in cached(tmp_path / "cache")


# URLs, from a server of our own.

class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    body = b""
    seen = []

    def do_GET(self):
        self.seen.append((self.path, dict(self.headers)))
        how = self.path.split("/")[1].split("?")[0]
        if how.isdigit():
            return self.send_error(int(how))
        if how == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.end_headers()
            return None
        if how == "secret" and self.headers.get("Authorization") != "Bearer token":
            return self.send_error(403)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        if how == "labelled":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if how == "slow":
            self.wfile.write(self.body[:100])
            self.wfile.flush()
            self.server.released.wait(10)
            return None
        self.wfile.write(self.body[:100] if how == "cut" else self.body)
        return None

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    archive = packed(tmp_path / "served.tar.gz", make_package(tmp_path / "x"), "x")
    monkeypatch.setattr(Handler, "body", archive.read_bytes())
    monkeypatch.setattr(Handler, "seen", [])
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.released = threading.Event()
    served.sha256 = package.compute_sha256(str(archive))
    served.url = f"http://127.0.0.1:{served.server_port}"
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.released.set()
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["whole", "labelled", "moved"])
def test_a_url_is_fetched_once(server, tmp_path, path):
    first = obtain(f"{server.url}/{path}", tmp_path / "cache", server.sha256)
    requests = len(Handler.seen)
    assert package.build_manifest(first) == package.build_manifest(str(tmp_path / "x"))
    assert obtain(f"{server.url}/{path}", tmp_path / "cache", server.sha256.upper()) == first
    assert len(Handler.seen) == requests
    assert cached(tmp_path / "cache") == [f"archives/{server.sha256}", f"unpacked/{server.sha256}"]


def test_headers_are_sent(server, tmp_path):
    assert obtain(f"{server.url}/secret", tmp_path / "cache", server.sha256, {"Authorization": "Bearer token"})


def test_a_damaged_archive_in_the_cache_is_fetched_again(server, tmp_path):
    obtain(f"{server.url}/whole", tmp_path / "cache", server.sha256)
    (tmp_path / "cache/archives" / server.sha256).write_bytes(b"damaged")
    obtain(f"{server.url}/whole", tmp_path / "cache", server.sha256)
    assert len(Handler.seen) == 2
    assert package.compute_sha256(str(tmp_path / "cache/archives" / server.sha256)) == server.sha256


@pytest.mark.parametrize("path, message", [
    ("404/x.tar.gz", "/404/x.tar.gz answers 404 Not Found: correct the URL"),
    ("403", "answers 403 Forbidden: give the credentials that it wants in headers"),
    ("secret", "answers 403"),
    ("503", "answers 503 Service Unavailable: the server is at fault"),
    ("cut", r"sent 100 bytes of \d+ and then closed the connection"),
    ("slow", "sent nothing for 1 s: check the URL"),
])
def test_a_url_that_does_not_give_the_package(server, tmp_path, path, message):
    with pytest.raises(SourceError, match=message):
        obtain(f"{server.url}/{path}", tmp_path / "cache", server.sha256, timeout=1 if path == "slow" else 60)
    assert cached(tmp_path / "cache") == []


def test_another_checksum_than_desired_shows_both(server, tmp_path):
    with pytest.raises(SourceError, match=f"sent is {server.sha256}, expected {WRONG}"):
        obtain(f"{server.url}/whole", tmp_path / "cache", WRONG)
    assert cached(tmp_path / "cache") == []


def test_a_server_that_is_not_there(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(SourceError, match=r"cannot be fetched \(.*refused.*\): check the URL"):
        obtain(f"{server.url}/whole", tmp_path / "cache", server.sha256)


def test_a_url_needs_a_checksum_and_a_message_shows_no_password(tmp_path):
    with pytest.raises(SourceError) as caught:
        obtain("https://me:secret@builds.example.com/x.tar.gz?token=secret", tmp_path / "cache")
    assert "sha256sum for https://builds.example.com/x.tar.gz" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("source", ["", "  "])
def test_no_source(tmp_path, source):
    with pytest.raises(SourceError, match="no package is given: set xitrum_package") as caught:
        obtain(source, tmp_path / "cache")
    # Where no build has the name of its task, both stand there.
    assert all(task in str(caught.value) for task in ("xitrumPackage", "xitrum-package"))


def test_other_schemes(tmp_path):
    with pytest.raises(SourceError, match="ftp://example.com/x: a package comes from"):
        obtain("ftp://example.com/x", tmp_path / "cache", WRONG)
