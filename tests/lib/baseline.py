# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is what it was: what tests/verify/baseline.py printed before, against what it prints now.

What packages brought that stay is listed by dpkg: the paths that it lists, links to those, and what their own scripts name.
"""

import json
import posixpath

#: What a machine does by itself: logs, caches of libraries, and files of which the lines are compared in another part.
BY_ITSELF = {
    "/etc/ld.so.cache", "/etc/passwd", "/etc/passwd-", "/etc/shadow", "/etc/shadow-", "/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-",
    "/etc/subuid", "/etc/subuid-", "/etc/subgid", "/etc/subgid-", "/etc/.pwd.lock",
}
#: Parameters that count something.
COUNTS = ("_count", "/random/", "/dentry-state")


def belongs_to_packages(path, what, made):
    """Whether a path came with a package that stays."""
    listed = set(made.get("paths", ()))
    if path in listed:
        return True
    if what.startswith("link "):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), what[len("link "):]))
        # Where a package's program keeps what it does at run time, in a folder of the package.
        return target in listed or (target.startswith("/run/") and belongs_to_packages(posixpath.dirname(path), "", made))
    return path in made.get("scripts", "")


def find_differences(before, after):
    """What is not as it was, one line a thing. Pure."""
    made = after.get("made") or {}
    packages = sorted(set(after["packages"]) - set(before["packages"]))
    lines = []
    for part in ("files", "names", "parameters", "rules", "users", "groups", "units", "running", "alternatives", "sockets"):
        for key in sorted({*before[part], *after[part]}):
            was, now = before[part].get(key), after[part].get(key)
            if was != now and not is_explained(part, key, was, now, made, packages):
                lines.append(f"{part}: {key}: {was} -> {now}")
    lines += [f"packages: {name}: {before['packages'][name]} -> {after['packages'].get(name)}" for name in sorted(before["packages"])
              if before["packages"][name] != after["packages"].get(name)]
    return lines


def is_explained(part, key, was, now, made, packages):
    """Whether a difference is the machine's own, or a package's that stays."""
    if part == "files":
        return key in BY_ITSELF or (was is None and belongs_to_packages(key, now, made)) or (
            was is not None and now is not None and was.split()[:2] == now.split()[:2] and key in made.get("paths", ()))
    if part == "names":
        new = set((now or "").split()) - set((was or "").split())
        return set((was or "").split()) <= set((now or "").split()) and all(belongs_to_packages(f"{key}/{name}", "", made) for name in new)
    if part == "parameters":
        # Those of a module that was loaded come with it.
        return was is None or any(word in key for word in COUNTS)
    if part in ("users", "groups"):
        return was is None and key in made.get("scripts", "")
    if part == "units":
        path = f"/lib/systemd/system/{key}"
        # A package's timer is its own business; a service that is enabled is not.
        return was is None and (now != "enabled" or key.endswith(".timer")) and (path in made.get("paths", ()) or f"/usr{path}" in made.get("paths", ()))
    if part == "alternatives":
        return was is None and now.startswith("auto ") and now[len("auto "):] in made.get("paths", ())
    return False


def compare_host(site, host):
    """The differences of a host between the start of its scenario and now."""
    before = json.loads(site.run_script(host, "cat /var/tmp/baseline.json"))
    return find_differences(before, json.loads(site.run_script(host, "python3 /var/tmp/baseline.py /var/tmp/baseline.json")))
