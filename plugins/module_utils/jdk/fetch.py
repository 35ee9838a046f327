# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches the archive of a JDK into a cache of the user who runs this: on the controller, or on hosts where they
download.

The download is that of the package (`package.source`).
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.host import LONG_SECONDS, Host
from ..core.local_files import compute_sha256
from ..package import source as package_source

SourceError = package_source.SourceError


def obtain(
    source: str, sha256: str, headers: dict[str, str] | None, cache: str, timeout: int, validate_certs: bool
) -> tuple[str, str]:
    """The path of the archive on this machine and its SHA-256. Raises SourceError. `sha256`: empty for any."""
    if not re.match(r"https?://", source, re.IGNORECASE):
        if "://" in source:
            raise SourceError(
                f"{package_source.hide_credentials(source)}: an archive comes from a path, or an http or https URL; "
                "fetch it by other means first"
            )
        path = os.path.abspath(os.path.expanduser(source))
        if not os.path.isfile(path):
            raise SourceError(f"there is no archive at {path}: give the path of a tar.gz, or an http or https URL")
        return path, verify_digest(path, sha256)
    with lock_folder(os.path.join(cache, "archives")) as folder:
        if sha256:
            return package_source.download(source, sha256, headers, cache, timeout, validate_certs), sha256
        return download_unverified(source, headers, folder, timeout, validate_certs)


def verify_digest(path: str, sha256: str) -> str:
    """The SHA-256 of a file. Raises SourceError where it is not the desired one."""
    try:
        found = compute_sha256(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}): let the user who runs Ansible read it") from error
    if sha256 and found != sha256:
        raise SourceError(f"the SHA-256 of {path} is {found}, expected {sha256}: fetch the archive again, or correct "
                          "the checksum")
    return found


@contextmanager
def lock_folder(folder: str) -> Iterator[str]:
    """The folder of archives, for one process at a time: the hosts of a play would all fetch the same archive."""
    package_source.tidy(folder)
    with Host().hold_lock(os.path.join(folder, ".lock"), LONG_SECONDS):
        yield folder


def download_unverified(
    source: str, headers: dict[str, str] | None, folder: str, timeout: int, validate_certs: bool
) -> tuple[str, str]:
    """An archive without a known checksum: kept under its URL, so that it too is fetched once. Path and SHA-256."""
    path = os.path.join(folder, "unverified-" + hashlib.sha256(source.encode()).hexdigest())
    if not os.path.exists(path):
        handle, part = tempfile.mkstemp(prefix=package_source.PART, dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                package_source.receive(source, headers, timeout, validate_certs, out)
            os.rename(part, path)
        finally:
            if os.path.exists(part):
                os.unlink(part)
    return path, compute_sha256(path)
