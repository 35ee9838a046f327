# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option C(files) of modules that write whole files, as C(file_set.SPEC) has it."""

from __future__ import annotations


class ModuleDocFragment:
    """A list of files with their text, mode and owner."""

    DOCUMENTATION = r"""
options:
  files:
    description: The files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file is. A link stays, and the file at its end is written.
        type: path
        required: true
      content:
        description: Its whole text.
        type: str
        required: true
      mode:
        description: Its mode, in octal. A mode that lets every user write is an error.
        type: str
        default: "0644"
      owner:
        description: Its owner.
        type: str
        default: root
      group:
        description: Its group.
        type: str
        default: root
"""
