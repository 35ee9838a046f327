# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Followers: the links that move with a group of the Red Hat family's alternatives, such as jar with javac.

The program deletes the links of the followers for which a chosen path has nothing, and a follower cannot lead a group
of its own. So a path is registered with all the followers of its group. On Debian each command has its own group.
"""

from __future__ import annotations

import posixpath
from typing import Any

from ..core.host import Host
from .jvm import find_home

LINKS = "/etc/alternatives"

#: Followers that the packages of every JDK have, and the groups that they follow: also where no group is there yet, so
#: that a package that is installed later finds the groups as it makes them.
LEADERS = {"keytool": "java", "javaws": "java", "jar": "javac", "javap": "javac"}


def find_leader(name: str, groups: dict[str, dict[str, Any]], commands: list[str]) -> str:
    """The group that a command follows, or an empty text for one that leads its own. `groups`: the host's by name."""
    following = [
        other
        for other, group in groups.items()
        if other != name and (name in group["followers"] or f"/usr/bin/{name}" in group["followers"].values())
    ]
    if following:
        return next((other for other in following if other in commands), following[0])
    leader = "" if name in groups else LEADERS.get(name, "")
    return (find_leader(leader, groups, commands) or leader) if leader in commands else ""


def read_followers(
    host: Host, home: str, name: str, link: str, groups: dict[str, dict[str, Any]], commands: list[str]
) -> dict[str, dict[str, str]]:
    """The followers of a group by name: `link`, `target` (what the home has for it, or an empty text), `kind` and
    `to` of the link, and `middle`, where the link in LINKS leads."""
    group = groups.get(name) or {"followers": {}, "choices": []}
    links = dict(group["followers"])
    for command in LEADERS:
        path = f"{posixpath.dirname(link)}/{command}"
        if (
            command not in links
            and path not in links.values()
            and find_leader(command, groups, commands) == name
            and is_free(host, command, path)
        ):
            links[command] = path
    found = {}
    for title, path in links.items():
        target = find_target(host, home, title, path, link, group)
        if target or title in group["followers"]:
            link_stat = host.stat(path)
            found[title] = {
                "link": path,
                "target": target,
                "kind": link_stat.kind if link_stat else "",
                "to": host.readlink(path) or "",
                "middle": host.readlink(f"{LINKS}/{title}") or "",
            }
    return found


def is_free(host: Host, title: str, path: str) -> bool:
    """Whether a link can be made at a path without taking it from something else."""
    return host.stat(path) is None or host.readlink(path) == f"{LINKS}/{title}"


def find_target(host: Host, home: str, title: str, path: str, link: str, group: dict[str, Any]) -> str:
    """What a home has for a follower, or an empty text.

    It lies where another choice has it in its home, or it is the command or the manual page of that name.
    """
    inside = []
    for choice in group["choices"]:
        other, target = find_home(choice["path"]), choice["followers"].get(title, "")
        if other and (target + "/").startswith(other + "/"):
            inside.append(target[len(other) :])
            if target in (other, f"{other}/jre"):
                # The whole JDK, or its JRE: since Java 9 a JDK has no folder for it.
                inside.append("")
    if posixpath.dirname(path) == posixpath.dirname(link):
        inside += [f"/bin/{posixpath.basename(path)}", f"/jre/bin/{posixpath.basename(path)}"]
    elif "/man/" in path:
        inside.append(f"/man/{path.partition('/man/')[2]}")
    return next((home + part for part in inside if host.exists(home + part)), "")


def is_right(title: str, follower: dict[str, str], target: str) -> bool:
    """Whether the links of a follower are as the program makes them for this target, and gone for none."""
    middle = f"{LINKS}/{title}"
    if not target:
        return follower["to"] != middle
    if follower["kind"] not in ("", "link"):
        # The program leaves a file there: see find_obstacles.
        return True
    return follower["to"] == middle and follower["middle"] == target


def find_obstacles(followers: dict[str, dict[str, str]], targets: dict[str, str], link: str) -> list[str]:
    """The commands in whose place there is something that is not a link, which the program does not replace."""
    return [
        follower["link"]
        for title, follower in followers.items()
        if targets.get(title)
        and follower["kind"] not in ("", "link")
        and posixpath.dirname(follower["link"]) == posixpath.dirname(link)
    ]
