# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `files` of modules that write whole files, as `file_set.SPEC` has it."""

from __future__ import annotations


class ModuleDocFragment:
    """A list of files with their text, mode and owner."""

    DOCUMENTATION = r"""
options:
  files:
    description: The files to write.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The path of the file. A symbolic link is kept, and its target is written.
        type: path
        required: true
      content:
        description: The complete content of the file.
        type: str
        required: true
      mode:
        description: The mode of the file, in octal. A mode with write permission for all users is an error.
        type: str
        default: "0644"
      owner:
        description: The owner of the file.
        type: str
        default: root
      group:
        description: The group of the file.
        type: str
        default: root
"""
