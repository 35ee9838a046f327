# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a sentence: a long list is cut, and how many are left out is printed. Pure."""

from __future__ import annotations

from typing import Sequence


def format_names(names: Sequence[str], most: int) -> str:
    """The first names, at most `most`, between commas, and how many more there are; empty where there are none."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
