# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys that are a pair, and those that are none: made here, of a small kind."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.proxy import key_pair
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
NAMES = ("site.crt", "site.key")
DAY = datetime.timedelta(days=1)
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _unused in range(2))


def pem(key, passphrase=None):
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


def certificate(key=KEY, begin=NOW - DAY, end=NOW + DAY):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return made.not_valid_before(begin).not_valid_after(end).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_pair_becomes_one_text_with_the_chain_in_between():
    chain = certificate(OTHER)
    assert key_pair.join_key_pair(certificate() + chain, pem(KEY), NAMES).count("-----BEGIN") == 3


def test_where_the_date_does_not_count_a_pair_that_has_ended_is_one():
    assert key_pair.join_key_pair(certificate(begin=NOW - 2 * DAY, end=NOW - DAY), pem(KEY), NAMES, dated=False)


@pytest.mark.parametrize("first, second, message", [
    (certificate(), pem(OTHER), "site.crt belongs to another key than site.key"),
    (certificate(OTHER) + certificate(), pem(KEY), "belongs to another key"),
    (certificate(begin=NOW - 2 * DAY, end=NOW - DAY), pem(KEY), f"site.crt is a certificate that expired on {NOW - DAY:%Y-%m-%d}"),
    (certificate(begin=NOW + DAY, end=NOW + 2 * DAY), pem(KEY), f"site.crt is a certificate that is valid from {NOW + DAY:%Y-%m-%d} on"),
    ("nothing", pem(KEY), "site.crt is not a certificate in PEM format"),
    (certificate(), "nothing", "site.key is not a private key in PEM format, or"),
    (certificate(), pem(KEY, b"secret"), "site.key has a passphrase"),
])
def test_what_is_no_pair_is_reported(first, second, message):
    with pytest.raises(ValueError, match=message) as raised:
        key_pair.join_key_pair(first, second, NAMES)
    assert second not in str(raised.value)
