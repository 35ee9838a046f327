# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that work on a proxy."""

from __future__ import annotations


class ModuleDocFragment:
    """The software and how it is queried. `tests/unit/proxy/test_choices.py` compares the choices with the table."""

    DOCUMENTATION = r"""
options:
  software:
    description: The software of the proxy.
    type: str
    default: haproxy
    choices: [apache, haproxy, nginx]
  socket:
    description: The path of HAProxy's runtime socket, as its configuration sets it.
    type: path
    default: /run/haproxy/admin.sock
  health_status:
    description: The HTTP status with which a healthy server answers.
    type: int
    default: 200
"""
