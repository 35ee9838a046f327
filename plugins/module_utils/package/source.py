# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a package to a folder on the controller: as it is, out of an archive, or from a URL through a cache.

In the cache a name means content: `archives/SHA256` and `unpacked/SHA256` are renamed into place when they are whole
and verified, so a run that is killed leaves only a `.part-` entry, which a later run removes.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import ssl
import tarfile
import tempfile
import time
import urllib.error
import zlib
from collections.abc import Callable
from typing import BinaryIO

from ..core import downloads, urls
from ..core.local_files import compute_sha256, is_package, leads_inside
from ..core.mac_files import is_mac_file

#: Seconds after which an unfinished entry of the cache cannot be another run's.
ABANDONED = 86400

#: Errors of the cache itself, which no other archive would fix.
CACHE_UNUSABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)

PART = ".part-"


class SourceError(Exception):
    """The package cannot be had. The message is a sentence: what was found, what was expected, where, what to do.
    `rule` identifies the rule that it breaks: see preflight/catalog.py."""

    def __init__(self, message: str, rule: str = "package.archive") -> None:
        super().__init__(message)
        self.rule = rule


def format_plain_hint(_path: str) -> tuple[str, str]:
    """How a package is built, and where it is then, whatever the build is."""
    return "with sbt", "target/xitrum"


def obtain(
    source: str,
    sha256: str | None,
    headers: dict[str, str] | None,
    cache: str,
    timeout: int = 30,
    validate_certs: bool = True,
    hint: Callable[[str], tuple[str, str]] = format_plain_hint,
) -> str:
    """The folder that holds the package on the controller. Raises SourceError.

    `hint` is `package_build.render_hint`, which this file does not import: a JDK's archive is unpacked on hosts, and
    no host needs what reads a build.
    """
    if not source.strip():
        how, made = hint("")
        raise SourceError(
            f"no package is given: set xitrum_package for the group xitrum to a folder that sbt made, {made}; "
            f"build it {how}",
            rule="package.missing",
        )
    if re.match(r"https?://", source, re.IGNORECASE):
        if not sha256:
            raise SourceError(
                f"a package from a URL needs its checksum: set sha256 to the output of sha256sum for "
                f"{hide_credentials(source)}",
                rule="package.checksum",
            )
        return unpack_archive(
            download(source, sha256.lower(), headers, cache, timeout, validate_certs), sha256.lower(), cache
        )
    if "://" in source:
        raise SourceError(
            f"{hide_credentials(source)}: a package comes from a folder, a tar.gz, or an http or https URL; fetch it "
            "by other means first",
            rule="package.missing",
        )
    path = os.path.abspath(os.path.expanduser(source))
    if os.path.isdir(path):
        return path
    if not os.path.exists(path):
        raise SourceError(
            f"there is no package at {path}: build it {hint(path)[0]}, or correct xitrum_package",
            rule="package.missing",
        )
    try:
        found = compute_sha256(path)
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror}): let the user who runs Ansible read it",
            rule="package.files",
        ) from error
    if sha256 and found != sha256.lower():
        raise SourceError(
            f"the SHA-256 of {path} is {found}, expected {sha256.lower()}: build or copy the package again, or "
            "correct the checksum",
            rule="package.checksum",
        )
    return unpack_archive(path, found, cache)


def hide_credentials(url: str) -> str:
    """A URL without the password and the token that it may carry: what a message may show."""
    return urls.hide_credentials(url).replace(f"{urls.HIDDEN}@", "", 1)


def download(
    url: str, sha256: str, headers: dict[str, str] | None, cache: str, timeout: int, validate_certs: bool
) -> str:
    """The path of the archive with this SHA-256, from the cache or else from the URL. Raises SourceError."""
    folder = os.path.join(cache, "archives")
    path = os.path.join(folder, sha256)
    # The content is compared again: a disk or a person may have changed it since.
    if os.path.exists(path) and compute_sha256(path) == sha256:
        return path
    tidy(folder)
    handle, part = tempfile.mkstemp(prefix=PART, dir=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            receive(url, headers, timeout, validate_certs, out)
            out.flush()
            os.fsync(out.fileno())
        found = compute_sha256(part)
        if found != sha256:
            raise SourceError(
                f"the SHA-256 of what {hide_credentials(url)} sent is {found}, expected {sha256}: correct the checksum "
                "or the URL",
                rule="package.checksum",
            )
        os.rename(part, path)
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return path


def receive(url: str, headers: dict[str, str] | None, timeout: int, validate_certs: bool, out: BinaryIO) -> None:
    """Writes the body that a URL answers to `out`, byte for byte. Raises SourceError.
    `timeout`: seconds of silence."""
    name = hide_credentials(url)
    try:
        response = downloads.open_download(url, headers, timeout, validate_certs)
        desired, received = response.headers.get("Content-Length"), 0
        for block in iter(lambda: response.read(1 << 20), b""):
            out.write(block)
            received += len(block)
    except urllib.error.HTTPError as error:
        raise SourceError(
            f"{name} answers {error.code} {error.reason}: {format_remedy(error.code, error.xitrum_origin)}",
            rule="package.download",
        ) from error
    except downloads.RedirectError as error:
        raise SourceError(f"{name} cannot be fetched: {error}", rule="package.download") from error
    except TimeoutError as error:
        raise SourceError(format_no_answer(name, timeout), rule="package.download") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        # It may quote the URL, or the password in one that was not escaped.
        detail = urls.hide_all(str(reason), url)
        if isinstance(reason, TimeoutError):
            raise SourceError(format_no_answer(name, timeout), rule="package.download") from error
        if isinstance(reason, ssl.SSLError):
            raise SourceError(
                f"the certificate of {name} is not accepted ({detail}): install its authority on the controller",
                rule="package.download",
            ) from error
        raise SourceError(
            f"{name} cannot be fetched ({detail}): check the URL, and this machine's network and proxy settings",
            rule="package.download",
        ) from error
    if desired and desired.isdecimal() and received != int(desired):
        raise SourceError(
            f"{name} sent {received} bytes of {desired} and then closed the connection: run again",
            rule="package.download",
        )


def format_no_answer(name: str, timeout: int) -> str:
    """The sentence for a server that does not answer."""
    return (
        f"{name} sent nothing for {timeout} s: check the URL, and whether this machine reaches that server; then run "
        "again, or raise timeout"
    )


def format_remedy(code: int, origin: str = "") -> str:
    """What helps against a refused request. `origin`: the other origin that a redirect led to."""
    if code in (401, 403) and origin:
        return (f"it redirects to {origin}. Your headers and passwords are for another host, and are not sent there. "
                "Set the URL at that host, with its own headers")
    if code in (401, 403):
        return "give the credentials that it wants in headers"
    return "correct the URL" if code < 500 else "the server is at fault: run again later"


def unpack_archive(archive: str, sha256: str, cache: str) -> str:
    """The folder of the package in an archive with this SHA-256, unpacked once. Raises SourceError."""
    folder = os.path.join(cache, "unpacked")
    final = os.path.join(folder, sha256)
    if not os.path.isdir(final):
        tidy(folder)
        part = tempfile.mkdtemp(prefix=PART, dir=folder)
        try:
            unpack(archive, part)
            os.rename(part, final)
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            if getattr(error, "errno", None) in CACHE_UNUSABLE:
                raise
            # Another run may have unpacked the same archive meanwhile: then its folder is as good.
            if not os.path.isdir(final):
                raise SourceError(
                    f"{archive} cannot be unpacked ({error}): expected a whole tar.gz; build or copy it again"
                ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return find_package(final)


def find_package(folder: str) -> str:
    """The folder of the package in what an archive holds: `target/xitrum` may have been packed with or without itself,
    in other folders, and with files next to it. Raises SourceError where there are several.

    A whole package counts before what has only some parts of one. Where there is neither, it is the first folder that
    is not just one folder, whose errors are listed then.
    """
    for is_one in (is_whole, is_package):
        found = find_folders(folder, is_one)
        if len(found) > 1:
            listed = ", ".join(os.path.relpath(path, folder) for path in found)
            raise SourceError(f"found {len(found)} packages in the archive ({listed}); expected one: "
                              "pack the folder of one package, for example tar -C target -czf xitrum.tar.gz xitrum")
        if found:
            return found[0]
    return open_only_folders(folder)


def is_whole(folder: str) -> bool:
    """Whether a folder has what an instance starts from."""
    files = ("script/runner", "config/xitrum.conf")
    return os.path.isdir(f"{folder}/lib") and all(os.path.isfile(f"{folder}/{path}") for path in files)


def list_visible(folder: str) -> list[str]:
    """The names in a folder, without those of macOS."""
    return sorted(name for name in os.listdir(folder) if not is_mac_file(name))


def list_folders(folder: str) -> list[str]:
    """The folders in a folder, by their paths. Links are none."""
    paths = [os.path.join(folder, name) for name in list_visible(folder)]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def open_only_folders(folder: str) -> str:
    """The first folder that is not just one folder: the given one, or one in it."""
    inner = list_folders(folder)
    return open_only_folders(inner[0]) if len(inner) == 1 and len(list_visible(folder)) == 1 else folder


def find_folders(folder: str, matches: Callable[[str], bool], depth: int = 5) -> list[str]:
    """The folders nearest to the top for which `matches(path)` is true: all of the first level that has one. None
    where there is none down to `depth` levels below."""
    level = [folder]
    for _level in range(depth + 1):
        found = [path for path in level if matches(path)]
        if found:
            return found
        level = [inner for path in level for inner in list_folders(path)]
    return []


def unpack(archive: str, into: str) -> None:
    """Unpacks a tar.gz, without what macOS adds. Raises SourceError for a member that would not stay inside, OSError
    and TarError.

    Of members with one name the last one counts, as for tar, which appends a file that was changed. Links are made last
    and then followed: no member can be written through a link, and chains of links are judged by where they lead,
    not by how they are spelt.
    """
    links: dict[str, str] = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            parts = split_safely(archive, member.name)
            source = split_safely(archive, member.linkname) if member.islnk() else []
            if any(is_mac_file(part) for part in parts + source):
                continue
            try:
                place_member(tar, member, os.path.join(into, *parts), os.path.join(into, *source), links)
            except UNFIT as error:
                raise tarfile.ReadError(f"{member.name} has no place: {error.strerror or error}") from error
            except ValueError as error:
                raise SourceError(f"{archive} holds {member.name}, which is {error}") from error
    for path, target in links.items():
        try:
            os.symlink(target, path)
        except UNFIT as error:
            raise tarfile.ReadError(f"{os.path.relpath(path, into)} is a link and a folder") from error
    for path, target in links.items():
        if os.path.isabs(target) or not leads_inside(into, path):
            name = os.path.relpath(path, into)
            raise SourceError(
                f"{archive} contains the symbolic link {name} to {target}, outside of the package: on a host it would "
                "lead elsewhere. Replace the link with the file that it leads to, and pack the archive again"
            )


#: What members that do not fit together raise: a file in place of a folder, a hard link to what is not there.
UNFIT = (FileExistsError, FileNotFoundError, NotADirectoryError, IsADirectoryError, shutil.SameFileError)


def place_member(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, source: str, links: dict[str, str]) -> None:
    """Makes one member at a path, in place of an earlier one of its name; `source` is what a hard link leads to.
    Symbolic links are only noted in `links`, path to target.
    Raises OSError, and ValueError for another kind of member."""
    if member.isdir():
        links.pop(path, None)
        os.makedirs(path, exist_ok=True)
        return
    if not (member.issym() or member.islnk() or member.isfile()):
        raise ValueError("neither a file, a folder nor a link: pack the package without it")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if member.issym() or member.islnk() and source in links:
        target = member.linkname if member.issym() else links[source]
        if os.path.lexists(path):
            os.unlink(path)
        links[path] = target
        return
    if member.islnk():
        if not os.path.isfile(source):
            raise FileNotFoundError(errno.ENOENT, f"it leads to {member.linkname}, which is not a file before it")
        if source == path:
            return
    links.pop(path, None)
    if os.path.lexists(path):
        os.unlink(path)
    if member.islnk():
        shutil.copy(source, path)
    else:
        extract(tar, member, path)


def split_safely(archive: str, name: str) -> list[str]:
    """The parts of a member's name. Raises SourceError for one that leaves the folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise SourceError(f"{archive} holds {name}, a path that leaves the package: pack it from the folder above, "
                          "for example tar -C target -czf xitrum.tar.gz xitrum")
    return parts


def extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    """One file. Its other mode bits and its owner are left behind: a release has its own."""
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    with source, open(path, "xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)


def tidy(folder: str) -> None:
    """Makes a folder of the cache, and removes what killed runs left in it long ago."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(PART) and os.lstat(path).st_mtime < time.time() - ABANDONED:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
