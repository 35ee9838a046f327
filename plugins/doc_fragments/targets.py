# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of modules reports alike that are pointed at processes and sockets."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of `plugins/module_utils/core/targets.py`."""

    DOCUMENTATION = r"""
options:
  ports:
    description: Listening TCP ports whose processes to read.
    type: list
    elements: int
    default: []
  units:
    description: systemd units. You can omit the suffix C(.service).
    type: list
    elements: str
    default: []
  pids:
    description: Process IDs.
    type: list
    elements: int
    default: []
"""
