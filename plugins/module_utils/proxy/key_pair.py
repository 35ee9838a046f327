# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate and a key are a pair that a proxy can serve. Controller only."""

from __future__ import annotations

import datetime
import importlib
from typing import Any, Sequence


def import_library(name: str) -> Any:
    """Return a module of cryptography, which takes half a second: no run without a certificate waits for it. Raises
    ValueError where the package is not there."""
    try:
        return importlib.import_module(f"cryptography.{name}")
    except ImportError as error:
        raise ValueError(
            f"the Python package cryptography is needed on the controller, as ansible-core itself needs it: {error}"
        ) from error


def format_public_key(key: Any) -> bytes:
    """Return a public key in a form that two can be compared in."""
    serialization = import_library("hazmat.primitives.serialization")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_bytes(serialization.Encoding.DER, form))


def read_validity(certificate: Any) -> tuple[datetime.datetime, datetime.datetime]:
    """Return when a certificate begins and ends, in UTC."""
    utc = datetime.timezone.utc
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # Before version 42 of cryptography these had other names, and no zone.
    return certificate.not_valid_before.replace(tzinfo=utc), certificate.not_valid_after.replace(tzinfo=utc)


def find_error(certificate: str, key: str, names: Sequence[str], now: datetime.datetime | None = None) -> str:
    """Return why the two are not a pair that can be served, as a sentence; an empty text where they are. now: the
    moment at which the certificate has to be valid; None for any."""
    unknown = (import_library("exceptions").UnsupportedAlgorithm, ValueError)
    try:
        first = import_library("x509").load_pem_x509_certificate(certificate.encode())
        other = format_public_key(first.public_key())
    except unknown as error:
        return (
            f"{names[0]} is not a certificate in PEM format ({error}): expected a text that begins with -----BEGIN "
            f"CERTIFICATE-----, and the chain after it"
        )
    try:
        own = import_library("hazmat.primitives.serialization").load_pem_private_key(key.encode(), None)
    except TypeError:
        return (
            f"{names[1]} has a passphrase, which a proxy cannot enter. Write it without one (openssl pkey -in FILE "
            f"-out FILE), and encrypt it with Ansible Vault"
        )
    except unknown:
        return (
            f"{names[1]} is not a private key in PEM format, or its type is not supported: expected a text that begins "
            "with -----BEGIN PRIVATE KEY-----"
        )
    if other != format_public_key(own.public_key()):
        return (
            f"{names[0]} belongs to another key than {names[1]}: the first certificate of the file must be that of the "
            "site, and not of its chain"
        )
    begin, end = read_validity(first)
    if now and end <= now:
        return f"{names[0]} is a certificate that expired on {end.date()}: replace the file with a renewed certificate"
    if now and begin > now:
        return (
            f"{names[0]} is a certificate that is valid from {begin.date()} on. The clock of the controller shows "
            f"{now.date()}: use a certificate that is valid now, or correct the clock"
        )
    return ""


def join_key_pair(certificate: str, key: str, names: Sequence[str], dated: bool = True) -> str:
    """Return the text of both. dated: whether the certificate has to be valid now.
    Raises ValueError with `find_error`."""
    error = find_error(certificate, key, names, datetime.datetime.now(datetime.timezone.utc) if dated else None)
    if error:
        raise ValueError(error)
    return "\n".join((certificate, key, ""))
