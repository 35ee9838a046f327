# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the schemas of the JSON that playbooks give to programs: NAME.schema.json of the reference."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.xitrum.host.plugins.module_utils.report import schemas

from .markdown import REFERENCE

SCHEMAS = {"status": schemas.STATUS, "check": schemas.CHECK, "history": schemas.HISTORY, "run": schemas.RUN}


def render_schema(schema: Mapping[str, Any]) -> str:
    """Return the file of a schema."""
    return json.dumps(schema, indent=2) + "\n"


PAGES = {REFERENCE / f"{name}.schema.json": functools.partial(render_schema, schema) for name, schema in SCHEMAS.items()}
