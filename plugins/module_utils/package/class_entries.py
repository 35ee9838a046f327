# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classes among the entries of a jar."""

from __future__ import annotations


def is_required(name: str) -> bool:
    """Whether every Java must load this class: classes of one Java version only, and module descriptors, it skips."""
    return name.endswith(".class") and not name.startswith("META-INF/") and not name.endswith("module-info.class")


def get_class_name(entry: str) -> str:
    """The class of an entry in a jar."""
    return entry[:-len(".class")].replace("/", ".")


def get_class_path(name: str) -> str:
    """The entry of a class in a jar."""
    return name.replace(".", "/") + ".class"
