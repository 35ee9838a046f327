# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of an application, as options of modules that work on its instances and releases."""

from __future__ import annotations


class ModuleDocFragment:
    """The application's root (`application`), and that of its log files (`application.logs`)."""

    DOCUMENTATION = r"""
options:
  root:
    description: The folder on the host that contains the releases and instances.
    type: path
    required: true
"""

    LOGS = r"""
options:
  log_dir:
    description: The folder for log files. Instance I logs to its subfolder I.
    type: path
    required: true
"""
