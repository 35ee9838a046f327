# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the alternatives of a host to a file: modes and choices of groups, and links. Argument: the file."""

import os
import sys

GROUPS, LINKS = "/var/lib/alternatives", "/etc/alternatives"

lines = []
for name in sorted(os.listdir(GROUPS)):
    with open(f"{GROUPS}/{name}", encoding="utf-8") as file:
        # The program sorts the followers of a group when another choice comes.
        head, _blank, choices = file.read().partition("\n\n")
        mode, link, *followers = head.split("\n")
        pairs = sorted(zip(followers[::2], followers[1::2], strict=True))
        lines.append(f"group {name}: {mode} {link} {pairs} {sorted(choices.split())}")
for folder in (LINKS, "/usr/bin", "/usr/lib/jvm", "/usr/share/man/man1"):
    if not os.path.isdir(folder):
        continue
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if os.path.islink(path) and (folder == LINKS or os.readlink(path).startswith(LINKS)):
            lines.append(f"link {path}: {os.readlink(path)}")
with open(sys.argv[1], "w", encoding="utf-8") as file:
    file.write("".join(f"{line}\n" for line in lines))
