# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of records as hosts have them: with the schema version that every one carries."""

from __future__ import annotations

import json

from ansible_collections.xitrum.host.plugins.module_utils.core import schema


def record_text(record, version=1):
    """The text of a record with its version. A text that is not a JSON object stays as it is."""
    if isinstance(record, str):
        try:
            found = json.loads(record)
        except (ValueError, RecursionError):
            return record
        return record_text(found, version) if isinstance(found, dict) else record
    return json.dumps({schema.KEY: version, **record})
