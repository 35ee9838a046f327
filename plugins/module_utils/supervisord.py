# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other files of supervisord's configuration say, of which there is one daemon for everybody on a host. Pure."""

from __future__ import annotations

import re

#: From 4.0 on supervisorctl ends with a status of its own; before, it ended with 0 whatever had happened.
OLDEST = (4, 0)

MAIN = "/etc/supervisor/supervisord.conf"
FOLDER = "/etc/supervisor/conf.d"


def minfds(texts):
    """The largest minfds in other people's files; 0 where none sets it."""
    return max((int(number) for text in texts.values() for number in re.findall(r"^\s*minfds\s*=\s*(\d+)", text, re.MULTILINE)), default=0)


def programs(texts):
    """The names of other people's programs and groups: name to the file that has it."""
    section = re.compile(r"^\[(?:program|group|fcgi-program|eventlistener):([^\]]+)\]", re.MULTILINE)
    return {name: path for path, text in texts.items() for name in section.findall(text)}


def version(text):
    """A version as C(supervisord --version) prints it, as a tuple; empty where there is none."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("\n")[0])[:3])


def too_old(text):
    """Why this version will not do, as a sentence; empty where it will, or where supervisord is not installed yet."""
    found = version(text)
    if not found or found >= OLDEST:
        return ""
    return (f"supervisord is {text.strip()}, wanted is {'.'.join(map(str, OLDEST))} or newer: an older supervisorctl says nothing by its exit code. "
            "Install a newer one, or choose another xitrum_supervisor")
