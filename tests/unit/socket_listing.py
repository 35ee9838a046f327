# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listing that `ss -p` printed on a real host, as that host shows the same without `-p`: rows without processes, and
the file descriptors and names of the processes in /proc."""

from __future__ import annotations

import itertools
import re

# ss itself ends a name at a closing parenthesis.
_USER = re.compile(r'\("([^)]*)",pid=([0-9]+),fd=([0-9]+)\)')
_USERS = re.compile(rf"(?<=[0-9*])[ \t]+users:\({_USER.pattern}(?:,{_USER.pattern})*\)")
_INODE = re.compile(r" ino:([0-9]+)")
#: Inodes of sockets of which the listing has none.
_NUMBERS = itertools.count(90000001)


def without_processes(text):
    """`(listing, links, files)` of a listing with processes."""
    links, files, rows, begin = {}, {}, [], 0
    for match in _USERS.finditer(text):
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        rest = text[match.end():end]
        inode = _INODE.search(rest)
        number = inode[1] if inode else str(next(_NUMBERS))
        rows += [text[begin:match.start()], "" if inode else f" ino:{number}", rest]
        begin = end
        for name, pid, descriptor in _USER.findall(match[0]):
            links[f"/proc/{pid}/fd/{descriptor}"] = f"socket:[{number}]"
            files[f"/proc/{pid}/comm"] = name + "\n"
    return "".join(rows) + text[begin:], links, files
