# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plugin asks of a command that it has started in the background of a host: how far it is, a part of the
file that it makes, or its end."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from .component import Desired
from .host import Host
from .runner import NotApplied

SPEC: dict[str, Any] = {
    "job": {"type": "str", "required": True},
    "position": {"type": "int", "default": 0},
    "want": {"type": "str", "default": "output", "choices": ["output", "file", "end"]},
}

#: Bytes of a file that one call returns: what a module holds in memory a few times.
FETCHED = 8 << 20


def read(host: Host, desired: Desired, check_mode: bool) -> dict[str, Any]:
    """The answer of the job, as `job`. Raises NotApplied."""
    del check_mode
    folder, position = desired["job"], desired["position"]
    try:
        if desired["want"] == "end":
            host.end_job(folder)
            return {"job": {}}
        if desired["want"] == "file":
            data, size = host.read_job_file(folder, position, FETCHED)
            # A heap is mostly zeros and texts. What a module returns is a text.
            packed = base64.b64encode(zlib.compress(data, 1)).decode("ascii")
            return {"job": {"data": packed, "position": position + len(data), "size": size}}
        return {"job": host.poll_job(folder, position)}
    except (OSError, RuntimeError) as error:
        raise NotApplied(str(error), {}) from error
