# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row of the three columns can report: the one list of statuses. Reports take words and levels from here."""

from __future__ import annotations

from typing import NamedTuple


class Status(NamedTuple):
    """A status: its words for a person, and how bad it is.

    `level` is `ok`, `note` (a check reports it and does not fail), or `drift` (a check fails).
    """

    words: str
    level: str


STATUSES = {
    # Desired, configured and effective agree, or the live value is at least as good.
    "ok": Status("ok", "ok"),
    # A run would change it.
    "drift": Status("DRIFT", "drift"),
    # Only a restart of the process makes it effective.
    "restart_pending": Status("RESTART PENDING", "drift"),
    # This kernel, container or package does not have it.
    "absent": Status("not on this host", "note"),
    # It exists and may not be changed here.
    "read_only": Status("cannot be changed here", "note"),
    # It could not be read: the reader lacks the right to.
    "not_readable": Status("not readable", "note"),
    # An operator stopped the instance: no run starts it.
    "stopped": Status("stopped by operator", "note"),
    # Another finding is the cause.
    "consequence": Status("caused by another finding", "note"),
}
