# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read how a machine reaches its Debian mirror, so that its containers can do the same. Pure functions."""

from __future__ import annotations

import re
from typing import NamedTuple

# Only what decides whether and how a mirror is reached: a host must not inherit the machine's other habits.
_ACQUIRE_OPTIONS = re.compile(r"^Acquire::(Check-Valid-Until|Check-Date|Retries|(http|https|ftp)::.*)\s", re.IGNORECASE)


class Source(NamedTuple):
    """One archive: its address, the suites taken from it, and whether apt is set to trust it without a signature."""

    uri: str
    suites: tuple[str, ...]
    trusted: bool


def parse_one_line(text: str) -> list[Source]:
    """Sources of a `*.list` file. Lines that are not a `deb` line (comments, `deb-src`) are passed over."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)", line)
        if match:
            found.append(Source(match["uri"].rstrip("/"), (match["suite"],), "trusted=yes" in (match["options"] or "")))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Sources of a `*.sources` file: stanzas of fields, where a line that begins with a blank continues a field."""
    found = []
    # A comment may stand inside a stanza or a field and ends neither.
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", text):
        fields = {name.lower(): value.split() for name, value in re.findall(r"^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)}
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            found.append(Source(uri.rstrip("/"), tuple(fields.get("suites", [])), fields.get("trusted") == ["yes"]))
    return found


def find_mirrors(sources: list[Source], codename: str) -> tuple[Source | None, Source | None]:
    """The main archive and the security archive of the Debian release `codename` among `sources`, None where there is none."""
    main = next((source for source in sources if codename in source.suites), None)
    names = (f"{codename}-security", f"{codename}/updates")
    security = next((source for source in sources if any(name in source.suites for name in names)), None)
    return main, security


def render_sources_list(main: Source, security: Source | None, suite: str) -> list[str]:
    """The `deb` lines of a host of `suite`: release, updates and security, of the archives given."""
    desired = [(main, suite), (main, f"{suite}-updates")] + ([(security, f"{suite}-security")] if security else [])
    return [f"deb {'[trusted=yes] ' if source.trusted else ''}{source.uri} {name} main" for source, name in desired]


def find_acquire_settings(dump: str) -> list[str]:
    """Of `apt-config dump`, the lines that report how mirrors are reached (proxy, certificates, dates)."""
    return [line for line in dump.splitlines() if _ACQUIRE_OPTIONS.match(line) and not line.endswith(' "";')]
