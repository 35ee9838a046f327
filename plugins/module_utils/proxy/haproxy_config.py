# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration as text."""

from __future__ import annotations


def parse_sections(text: str) -> list[tuple[str, str, list[list[str]]]]:
    """The sections as `[(keyword, name, [words of each line])]`, comments left out, quotes kept."""
    found: list[tuple[str, str, list[list[str]]]] = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and not line[:1].isspace():
            found.append((words[0], words[1] if len(words) > 1 else "", []))
        elif words and found:
            found[-1][2].append(words)
    return found


def find_maxconn(text: str) -> int:
    """The `maxconn` of the section `global`; 0 where it is not set, and HAProxy takes what it is granted."""
    lines = (words for keyword, _name, body in parse_sections(text) if keyword == "global" for words in body)
    return next(
        (int(words[1]) for words in lines if words[0] == "maxconn" and len(words) > 1 and words[1].isdecimal()), 0
    )


def list_servers(text: str) -> list[tuple[str, str, str]]:
    """The servers of all backends as `[(backend, name, address and port)]`."""
    return [
        (name, words[1], words[2])
        for keyword, name, body in parse_sections(text)
        if keyword in ("backend", "listen")
        for words in body
        if words[0] == "server" and len(words) > 2
    ]


def list_binds(text: str) -> list[str]:
    """What is listened on, as the configuration writes it: `0.0.0.0:80`, `[::]:80`."""
    return [
        words[1]
        for _keyword, _name, body in parse_sections(text)
        for words in body
        if words[0] == "bind" and len(words) > 1
    ]
