# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_pair
short_description: Checks a certificate with its chain and its key, and puts them into one text
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns certificate, chain and key as the one PEM file that a proxy reads.
  - A certificate that belongs to another key, that has ended or has not begun, and a key with a passphrase are errors, before any host is touched.
requirements:
  - cryptography, which ansible-core needs itself
options:
  _input:
    description: The certificate, and the chain behind it, as PEM.
    type: str
    required: true
  key:
    description: The key as PEM, without a passphrase.
    type: str
    required: true
  names:
    description: Where the two come from, for the errors.
    type: list
    elements: str
    default: [the certificate, the key]
  dated:
    description: Whether the date counts. A check looks at certificates that have ended as well, and says so itself.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The file for the proxy
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'site.crt') | xitrum.host.certificate_pair(lookup('ansible.builtin.file', 'site.key')) }}"
    dest: /etc/haproxy/site.pem
    mode: "0600"
"""

RETURN = r"""
_value:
  description: Certificate, chain and key.
  type: str
"""

import datetime
import importlib

from ansible.errors import AnsibleFilterError


def library(name):
    """A module of cryptography, which takes half a second: no run without a certificate waits for it."""
    try:
        return importlib.import_module(f"cryptography.{name}")
    except ImportError as error:
        raise AnsibleFilterError(f"the Python package cryptography is needed on the controller, as ansible-core itself needs it: {error}") from error


def public(key):
    """A public key in a form that two can be compared in."""
    serialization = library("hazmat.primitives.serialization")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def ends(certificate):
    """When a certificate begins and ends, in UTC: before version 42 of cryptography these were named otherwise, and without a zone."""
    utc = datetime.timezone.utc
    if hasattr(certificate, "not_valid_after_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate.not_valid_before.replace(tzinfo=utc), certificate.not_valid_after.replace(tzinfo=utc)


def problem(certificate, key, names, now=None):
    """Why the two are no pair that can be served, at the moment C(now) or at some time, as a sentence; empty where they are."""
    unknown = (library("exceptions").UnsupportedAlgorithm, ValueError)
    try:
        first = library("x509").load_pem_x509_certificate(certificate.encode())
        other = public(first.public_key())
    except unknown as error:
        return f"{names[0]} is no certificate as PEM ({error}): a text that begins with -----BEGIN CERTIFICATE----- is wanted, the chain behind it"
    try:
        own = library("hazmat.primitives.serialization").load_pem_private_key(key.encode(), None)
    except TypeError:
        return (f"{names[1]} has a passphrase, which a proxy could not ask for: write it without one (openssl pkey -in FILE -out FILE), "
                "and encrypt it by Ansible Vault")
    except unknown:
        return f"{names[1]} is no key as PEM, or of a kind that is not known here: a text that begins with -----BEGIN PRIVATE KEY----- is wanted"
    if other != public(own.public_key()):
        return f"{names[0]} belongs to another key than {names[1]}: the first certificate of the file must be that of the site, and not of its chain"
    begin, end = ends(first)
    if now and end <= now:
        return f"{names[0]} ended on {end.date()}: put a renewed one there"
    if now and begin > now:
        return f"{names[0]} begins on {begin.date()}, and today is {now.date()} here: wait for it, or correct the clock"
    return ""


def certificate_pair(certificate, key, names=("the certificate", "the key"), dated=True):
    """The text of both; what L(problem) says is an error of the filter."""
    said = problem(certificate, key, names, datetime.datetime.now(datetime.timezone.utc) if dated else None)
    if said:
        raise AnsibleFilterError(said)
    return "\n".join((certificate, key, ""))


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"certificate_pair": certificate_pair}
