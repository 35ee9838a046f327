# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets that Xitrum's project template ships as examples. Everybody has them, so nobody may go live with them.

Values as in config/ of the public project template (all its versions to Xitrum 3.31), where they are marked as examples.
"""

from __future__ import annotations

import os
import re

from ansible_collections.xitrum.host.plugins.module_utils.package import sha256_of

#: Key of C(config/xitrum.conf) to the example that the template has there.
EXAMPLE_VALUES = {
    "secureKey": "ajconghoaofuxahoi92chunghiaujivietnamlasdoclapjfltudoil98hanhphucup8",
    "apiKey": "kgreankbeplawfr7934jv2nr0bsbas0",
}

#: SHA-256 of the template's example TLS key, and of the key store of its earlier versions.
EXAMPLE_KEY_FILES = (
    "133003c67361e62a0215f86c7f9a874fe3e06c053c4f2c5e1c752b4f35fcc0fb",
    "8a8bf278d93734d269cde9774ece3877e63ead0fe3e72057319ba06146eae685",
)

_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|(?:#|//)[^\n]*')
_KEY_FILE = re.compile(r'(?<![\w-])keyFile"?\s*[=:]\s*"?([^"\s,}]+)')
_HTTPS_PORT = re.compile(r'(?<![\w-])https"?\s*[=:]\s*"?[\d$]')


def without_comments(text):
    """A HOCON text without its comments; what looks like one inside a quoted string stays."""
    return _COMMENT.sub(lambda match: match.group(1) or "", text)


def example_values(text):
    """The keys of a C(xitrum.conf) whose example value is in force somewhere in it, sorted."""
    bare = without_comments(text)
    return sorted(key for key, value in EXAMPLE_VALUES.items() if re.search(rf'(?<![\w-]){key}"?\s*[=:]\s*"?{value}(?![\w])', bare))


def key_files(text):
    """The TLS key files that a C(xitrum.conf) names, relative to the package; none where it starts no HTTPS."""
    bare = without_comments(text)
    return _KEY_FILE.findall(bare) if _HTTPS_PORT.search(bare) else []


def read_config(folder):
    """The text of a package's C(config/xitrum.conf); empty where there is none."""
    try:
        with open(os.path.join(folder, "config/xitrum.conf"), encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def examples(folder):
    """The keys of a package's C(config/xitrum.conf) that have a public example: C(secureKey), C(apiKey), C(keyFile)."""
    text = read_config(folder)
    return example_values(text) + (["keyFile"] if any(is_example_key(folder, name) for name in key_files(text)) else [])


def is_example_key(folder, name):
    """Whether a TLS key is public, by its content, or by the name under which templates ship one."""
    if os.path.basename(name).startswith("ssl_example"):
        return True
    try:
        return sha256_of(os.path.join(folder, name)) in EXAMPLE_KEY_FILES
    except OSError:
        return False
