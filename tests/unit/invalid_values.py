# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user reads of invalid values."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils.preflight import rules, values


def find_errors(variables):
    """The messages of all errors."""
    return [error.message for error in rules.validate(variables)]


def plan_errors(variables):
    """The messages of the errors that keep a host from being read."""
    return [error.message for error in rules.validate(variables, values.PLAN_CHECKS)]
