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

from ansible.errors import AnsibleFilterError

from ..module_utils.proxy import key_pair


def certificate_pair(certificate, key, names=("the certificate", "the key"), dated=True):
    """C(joined) of module_utils/proxy/key_pair.py: its ValueError is an error of the filter."""
    try:
        return key_pair.joined(certificate, key, names, dated)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Its name and its function."""
        return {"certificate_pair": certificate_pair}
