# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy's configuration as text, whichever the software: its digest, and the states of servers that are kept in it.

The digest is part of the configuration, and the running worker repeats it when it is queried: so it reports itself
which configuration it has. Neither the file nor the time of a reload proves that.
"""

from __future__ import annotations

import hashlib
import re
from typing import Iterable, Mapping, Sequence, Tuple

#: What a software adds to a line: the end of that, and (state, use) to what goes before the end.
Words = Tuple[str, Mapping[Tuple[str, str], str]]

#: Stands in the configuration where the digest goes.
PLACEHOLDER = "@CONFIG_DIGEST@"
_STAMP = re.compile(r"xitrum\.host-([0-9a-f]{12})\b")

_APPLICATION = re.compile(r"^# application: (\S+)$", re.MULTILINE)

#: Open files in addition to the two of each connection: listeners, pollers, pipes, logs, the runtime socket, one check
#: a server.
OVERHEAD = 100


def compute_digest(config: str, pems: Iterable[Mapping[str, str]]) -> str:
    """12 hexadecimal digits of the configuration, placeholder included, and of the PEM files `[{path, content}]`.

    A new certificate needs a reload too.
    """
    parts = [config] + [f"{pem['path']}\0{pem['content']}" for pem in sorted(pems, key=lambda pem: pem["path"])]
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def stamp_config(config: str, pems: Iterable[Mapping[str, str]]) -> str:
    """The configuration as it is on the disk: the digest in place of the placeholder."""
    return config.replace(PLACEHOLDER, "xitrum.host-" + compute_digest(config, pems))


def find_application(text: str | None) -> str:
    """The application that a configuration of this collection stands in front of; empty where it names none."""
    found = _APPLICATION.search(text or "")
    return found.group(1) if found else ""


def find_stamp(text: str | None) -> str:
    """The digest in a stamped configuration or in what a running worker reports; empty where there is none."""
    found = _STAMP.search(text or "")
    return found.group(1) if found else ""


def compute_needed_nofile(connections: int, count: int) -> int:
    """The open files that HAProxy needs for that many client connections and `count` servers."""
    return 2 * connections + count + OVERHEAD


def compute_max_connections(nofile: int, count: int) -> int:
    """The most client connections that fit into that many open files; never below 0."""
    return max(0, (nofile - count - OVERHEAD) // 2)


# What Nginx and Apache know of servers is what their configuration reports. The templates put a line C(# server NAME
# new) or `# server NAME bound` before each line that sends new or sticky clients to a server, and one token that the
# worker repeats.

STATES = ("ready", "drain", "maint")
_MARK = re.compile(r"^\s*# server (\S+) (new|bound|both)$")
#: Where a server's line leads: `server ADDRESS:PORT` of Nginx, `BalancerMember http://ADDRESS:PORT` of Apache.
_ENDPOINT = re.compile(r"^\s*(?:server |BalancerMember \w+://)(\S+:[0-9]+)")
_ADDRESSES = re.compile(r"@addresses of ([A-Za-z0-9._-]+):([0-9]+)@")
_TOKEN = re.compile(r"@states:([^@\s]*)@")


def parse_states(text: str | None) -> dict[str, str]:
    """The servers that are not ready, name to state, by the token in a configuration or in a worker's answer."""
    found = _TOKEN.search(text or "")
    pairs = (item.partition("=") for item in (found.group(1) if found else "").split(",") if item)
    return {name: state for name, _equals, state in pairs if state in STATES}


def list_marked(text: str) -> list[str]:
    """The names of all servers that a configuration can set."""
    return list(dict.fromkeys(match.group(1) for match in map(_MARK.match, text.splitlines()) if match))


def set_states(text: str, desired: Mapping[str, str], words: Words) -> str:
    """The configuration with the servers set as `desired` (name to state) reports; those that it does not name are
    ready.

    `words` are what the software adds to a line: `(end of the line, (state, use) to what goes before that end)`,
    where `use` is `new`, `bound` or `both`. Names that the configuration does not have are left out.
    """
    end, added = words
    every = sorted({word for word in added.values() if word}, key=len, reverse=True)
    kept = {name: state for name, state in desired.items() if state != "ready" and name in list_marked(text)}
    lines, mark = [], None
    for line in text.splitlines(keepends=True):
        if mark:
            head, tail = remove_end(line.rstrip("\n"), end), end + "\n"
            for word in every:
                head = remove_end(head, word)
            line = head + added.get((kept.get(mark.group(1), "ready"), mark.group(2)), "") + tail
        mark = _MARK.match(line.rstrip("\n"))
        lines.append(line)
    token = "@states:" + ",".join(f"{name}={state}" for name, state in sorted(kept.items())) + "@"
    return _TOKEN.sub(lambda _match: token, "".join(lines))


def list_names_to_resolve(text: str) -> list[str]:
    """The host names in `@addresses of NAME:PORT@`, each once."""
    return sorted({match.group(1) for match in _ADDRESSES.finditer(text)})


def fill_names(text: str, names: Mapping[str, Sequence[str]]) -> str:
    """The configuration with a pattern of addresses and ports in place of each `@addresses of NAME:PORT@`.

    `names` maps a name to its addresses. Nginx resolves a name when it starts, and shows the address from then on, so
    that a client's server could not be recognized by its name.
    """

    def escape_word(match: re.Match[str]) -> str:
        places = [f"[{one}]" if ":" in one else one for one in names.get(match.group(1)) or [match.group(1)]]
        return "(?:" + "|".join(re.escape(f"{place}:{match.group(2)}") for place in places) + ")"

    return _ADDRESSES.sub(escape_word, text)


def move_server(text: str, name: str, end: str) -> str:
    """The configuration with one server at another `ADDRESS:PORT`, in each line that leads to it."""
    old = ""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        mark = _MARK.match(found[-1].rstrip("\n")) if found else None
        if mark and mark.group(1) == name:
            match = _ENDPOINT.search(line)
            if match:
                old = match.group(1)
                line = line.replace(old, end, 1)
        found.append(line)
    # Nginx recognizes the server that answered by a pattern of its address.
    return "".join(found).replace(f"{re.escape(old)}$", f"{re.escape(end)}$") if old else text


def remove_end(text: str, end: str) -> str:
    """A text without that end, where it has it."""
    return text[: -len(end)] if end and text.endswith(end) else text
