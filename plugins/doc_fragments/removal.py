# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that take everything back, as C(leftovers.SPEC) has them."""

from __future__ import annotations


class ModuleDocFragment:
    """What stays, and what may be there without a record."""

    DOCUMENTATION = r"""
options:
  keep_data:
    description: Whether releases, log files and the user that they belong to stay. Instances, with their configuration,
      go all the same.
    type: bool
    default: false
  packages:
    description:
      - Whether packages of the distribution go that were installed by this collection, with what came with them. Those
        that somebody else has come to need stay.
    type: bool
    default: false
  applications:
    description: Applications that may be there without being on record. What is on record counts more.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The application's name.
        type: str
        required: true
      root:
        description: The folder of its releases and instances.
        type: path
        required: true
      log_dir:
        description: The folder of its log files.
        type: path
        required: true
"""
