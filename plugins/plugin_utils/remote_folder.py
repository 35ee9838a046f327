# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A temporary folder on a host, for what an action plugin sends there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def make_remote_folder(action: Any) -> Iterator[str]:
    """The path of the task's temporary folder on the host, which is removed at the end.

    Without pipelining a module that ran before has made it.
    Ansible removes only the last one of a task, so a second one would leave the first behind.
    """
    folder = action._connection._shell.tmpdir or action._make_tmp_path()
    try:
        yield folder
    finally:
        action._remove_tmp_path(folder)
