# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of our own in /etc/inittab, by which the init of System V starts a program and starts it again when it ends.

Pure.
"""

from __future__ import annotations

import re

from ..core.marked_block import (
    append_block,
    find_line_end,
    has_block,
    remove_block,
    replace_line,
)

PATH = "/etc/inittab"

#: What has init read its file again, start what is new there, and end what is gone.
RELOAD = ["telinit", "q"]

#: init(8) takes at most four characters for the id of an entry.
_IDS = [f"x{number:02d}" for number in range(100)]


def get_entry_name(name: str, kind: str) -> str:
    """The name of the entry that starts the supervisor `kind` of an application."""
    return f"{name}-{kind}"


def list_ids(text: str) -> list[str]:
    """The ids of the entries of a file."""
    return re.findall(r"^\s*([^#:\s][^:\s]*):", text, re.MULTILINE)


def find_error(text: str | None, name: str) -> str:
    """Why the file can have no entry of that name, as a sentence; empty where it can. Without a file `text` is None."""
    if text is None:
        return (
            f"{PATH} is missing, by which an init that is not systemd starts what runs all the time: choose another "
            "xitrum_supervisor"
        )
    if not _list_free_ids(text, name):
        return (
            f"{PATH} has all of the {len(_IDS)} ids from {_IDS[0]} to {_IDS[-1]}, so there is none for one more: "
            "remove one of these entries"
        )
    return ""


def _list_free_ids(text: str, name: str) -> list[str]:
    """The ids that the entry of that name can have, its own first: another id is another process."""
    own = re.search(rf"^# BEGIN xitrum\.host {re.escape(name)}\r?\n(x\d\d):", text, re.MULTILINE)
    taken = list_ids(remove_block(text, name))
    return [one for one in [*([own[1]] if own else []), *_IDS] if one not in taken]


def put_entry(text: str, name: str, command: str) -> str:
    """The file with the entry of that name, where it is or at the end: in all runlevels with several users, and again
    whenever the command ends. The line ends are the file's own. Text without a `find_error` only."""
    end = find_line_end(text)
    # init takes a carriage return for a part of the command: behind a semicolon, which has it use a shell, it is none.
    entry = f"{_list_free_ids(text, name)[0]}:2345:respawn:{command}{';' if end != chr(10) else ''}"
    return (replace_line if has_block(text, name) else append_block)(text, name, entry, end)
