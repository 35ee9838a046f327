# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of a JDK, as its files and its programs write them."""

from __future__ import annotations

import re


def parse_major(text: str) -> int:
    """The major version in a version text of a JDK: 8 for 1.8.0_402, 17 for 17.0.15; 0 where there is none."""
    found = re.match(r"(?:1\.)?([0-9]{1,9})(?![0-9])", text)
    return int(found.group(1)) if found else 0


def parse_version_output(output: str) -> str:
    """The version in what `java -version` prints; an empty text where it prints none."""
    found = re.search(r'version "([^"]+)"', output)
    return found.group(1) if found else ""
