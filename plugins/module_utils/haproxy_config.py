# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of an HAProxy configuration: its digest, and what can be read from it. Pure functions.

The digest is part of the configuration (C(description), which C(show info) repeats), so that the running worker itself
says which configuration it has: neither the file nor the time of a reload proves that.
"""

from __future__ import annotations

import hashlib
import re

#: Stands in the configuration where the digest goes, in the C(description) of the section C(global).
PLACEHOLDER = "@CONFIG_DIGEST@"
_STAMP = re.compile(r"xitrum\.host-([0-9a-f]{12})\b")

#: Open files beside the two of each connection: listeners, pollers, pipes, logs, the runtime socket, one check a server.
OVERHEAD = 100


def digest(config, pems):
    """12 hexadecimal digits of the configuration, placeholder included, and of the PEM files C([{path, content}]).

    A new certificate needs a reload too.
    """
    parts = [config] + [f"{pem['path']}\0{pem['content']}" for pem in sorted(pems, key=lambda pem: pem["path"])]
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def stamped(config, pems):
    """The configuration as it is on the disk: the digest in place of the placeholder."""
    return config.replace(PLACEHOLDER, "xitrum.host-" + digest(config, pems))


def stamp_of(text):
    """The digest in a stamped configuration or in the C(description) of a running worker; empty where there is none."""
    found = _STAMP.search(text or "")
    return found.group(1) if found else ""


def sections(text):
    """The sections as C([(keyword, name, [words of each line])]), comments left out, quotes kept."""
    found = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and not line[:1].isspace():
            found.append((words[0], words[1] if len(words) > 1 else "", []))
        elif words and found:
            found[-1][2].append(words)
    return found


def maxconn(text):
    """The C(maxconn) of the section C(global); 0 where it is not set, and HAProxy takes what it is granted."""
    lines = (words for keyword, _name, body in sections(text) if keyword == "global" for words in body)
    return next((int(words[1]) for words in lines if words[0] == "maxconn" and len(words) > 1 and words[1].isdigit()), 0)


def servers(text):
    """The servers of all backends as C([(backend, name, address and port)])."""
    return [(name, words[1], words[2]) for keyword, name, body in sections(text) if keyword in ("backend", "listen")
            for words in body if words[0] == "server" and len(words) > 2]


def binds(text):
    """What is listened on, as the configuration writes it: C(0.0.0.0:80), C([::]:80)."""
    return [words[1] for _keyword, _name, body in sections(text) for words in body if words[0] == "bind" and len(words) > 1]


def needed_nofile(connections, count):
    """The open files that HAProxy needs for that many client connections and C(count) servers."""
    return 2 * connections + count + OVERHEAD


def most_connections(nofile, count):
    """The most client connections that fit into that many open files; never below 0."""
    return max(0, (nofile - count - OVERHEAD) // 2)
