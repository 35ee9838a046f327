# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that set kernel parameters at boot, in the order in which systemd-sysctl(8) and C(sysctl --system) read them."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from ansible_collections.xitrum.host.plugins.module_utils.kernel_values import key_of, normal, path_of

#: A name in an earlier folder masks the same name in a later one. /lib is a link to /usr/lib on today's systems.
FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SYSCTL_CONF = "/etc/sysctl.conf"


class Setting(NamedTuple):
    """One assignment of a file: C(number) is its line."""

    file: str
    number: int
    key: str
    value: str


def parse(path, text):
    """The assignments of one sysctl.d file, in order.

    A leading C(-) (go on where it fails) and names with slashes are read as sysctl.d(5) does. Patterns are left out:
    a value that names its parameter wins over any pattern, wherever that stands.
    """
    settings = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        name, equals, value = line.lstrip("-").partition("=")
        name = name.strip()
        if line[:1] in ("#", ";", "") or not equals or not name or any(letter in name for letter in "*?["):
            continue
        settings.append(Setting(path, number, key_of(path_of(name)), normal(value)))
    return settings


def boot_order(listing):
    """The paths that are read at boot, first to last, from C({folder: [name, ...]}): sorted by name over all folders,
    each name once, from the first folder that has it."""
    chosen = {}
    for folder in FOLDERS:
        for name in listing.get(folder, ()):
            if name.endswith(".conf") and not name.startswith("."):
                chosen.setdefault(name, f"{folder}/{name}")
    return [chosen[name] for name in sorted(chosen)]


def read(host, own):
    """The files that are read at boot as C([(path, text), ...]) in their order, and what could not be read.

    C(own) has its place in the order also where it is not written yet (with an empty text). A link to /dev/null masks
    its name and counts as an empty file. systemd reads /etc/sysctl.conf only through a link in a folder (Debian's
    99-sysctl.conf); without systemd it is read last.
    """
    listing = {folder: host.listdir(folder) for folder in FOLDERS}
    listing.setdefault(posixpath.dirname(own), []).append(posixpath.basename(own))
    paths = boot_order(listing)
    if not host.exists("/run/systemd/system") and not any(host.realpath(path) == SYSCTL_CONF for path in paths):
        paths.append(SYSCTL_CONF)
    texts, unseen = [], []
    for path in paths:
        real = host.realpath(path)
        try:
            text = "" if real == "/dev/null" else host.read(real)
        except OSError as error:
            unseen.append(f"{path}: {error.strerror}")
            continue
        if text is not None or path == own:
            texts.append((real if posixpath.basename(real) == "sysctl.conf" else path, text or ""))
    return texts, unseen


def settings(texts):
    """All assignments of C([(path, text), ...]) by key, each list from first to last: the last one holds."""
    found = {}
    for path, text in texts:
        for setting in parse(path, text):
            found.setdefault(setting.key, []).append(setting)
    return found
