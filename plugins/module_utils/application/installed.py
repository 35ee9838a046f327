# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that a host has: their folders, the links to them, and the record of those that were healthy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import schema
from ..core.host import Host


def get_folder(root: str, release: str) -> str:
    """The folder of a release."""
    return f"{root}/releases/{release}"


def get_manifest_path(root: str, release: str) -> str:
    """Where the list of a release's files is kept."""
    return f"{root}/manifests/{release}.json"


def read_link(host: Host, root: str, name: str) -> str:
    """The release to which the link `current` or `previous` leads; empty where there is none."""
    return (host.readlink(f"{root}/{name}") or "").rpartition("/")[2]


def read_recorded_slot(host: Host, root: str) -> int:
    """The active blue/green slot that the last run recorded, 0 or 1; 0 where there is no record."""
    return int((host.read(f"{root}/slot") or "").strip() == "1")


def parse_release(path: str, root: str) -> str:
    """The release that an instance folder (`ROOT/instances/N/ID-DIGEST`) was made of;
    an empty text for another path."""
    if not path or not path.startswith(f"{root}/instances/"):
        return ""
    return path[len(f"{root}/instances/"):].partition("/")[2].partition("/")[0].rpartition("-")[0]


def find_next_current(host: Host, root: str) -> str:
    """The release that every instance of this host is switched
    to while `ROOT/current` does not set it yet; else empty."""
    targets = {parse_release(f"{root}/instances/{number}/{host.readlink(f'{root}/instances/{number}/current')}", root)
               for number in host.listdir(f"{root}/instances")}
    if len(targets) != 1 or host.readlink(f"{root}/current") == f"releases/{min(targets)}":
        return ""
    return min(targets)


def update_current(host: Host, root: str) -> None:
    """Makes `ROOT/current` report what all instances of this host are switched to, and `ROOT/previous` what a
    rollback goes back to: the last other release that was healthy. Without a record that is what `ROOT/current`
    reported before."""
    release, before = find_next_current(host, root), host.readlink(f"{root}/current")
    if not release:
        return
    if before and read_healthy(host, root) is None:
        host.link(f"{root}/previous", before)
    host.link(f"{root}/current", f"releases/{release}")
    link_previous(host, root)


def link_previous(host: Host, root: str) -> None:
    """Makes `ROOT/previous` lead to what the record reports, and to nothing where no other release was healthy: least
    of all to the one that failed. Without a record it stays."""
    healthy, now = read_healthy(host, root), host.readlink(f"{root}/previous")
    if healthy is None:
        return
    current = read_link(host, root, "current")
    target = find_previous_healthy(healthy, list_installed(host, root), current)
    if target and now != f"releases/{target}":
        host.link(f"{root}/previous", f"releases/{target}")
    elif now and not target:
        host.remove(f"{root}/previous")


def get_healthy_path(root: str) -> str:
    """Where the releases are listed that were healthy on a host."""
    return f"{root}/healthy"


def read_healthy(host: Host, root: str) -> list[str] | None:
    """The releases with which a run ended healthy on this host, the latest last. None where there is no record, as on a
    host that was set up before it was kept."""
    text = host.read(get_healthy_path(root))
    return None if text is None else text.split()


def find_previous_healthy(healthy: Sequence[str] | None, releases: Sequence[str], current: str) -> str:
    """The last release of `healthy` that is still on the host and not the current one; empty where there is none."""
    return next((name for name in reversed(healthy or []) if name in releases and name != current), "")


def record_healthy(host: Host, root: str, healthy: Sequence[str]) -> None:
    """Writes the releases that were healthy, those alone that are still on the host."""
    before = read_healthy(host, root)
    kept = set(list_installed(host, root))
    names = [name for name in healthy if name in kept]
    # An empty record is one too: without any, the host would be taken for one from before it.
    if names != before:
        host.write(get_healthy_path(root), "".join(f"{name}\n" for name in names), 0o644, "root", "root")
        link_previous(host, root)


def add_healthy(host: Host, root: str, release: str) -> None:
    """Records that a run ended healthy with a release: it is the latest."""
    record_healthy(host, root, [*(name for name in read_healthy(host, root) or [] if name != release), release])


def drop_healthy(host: Host, root: str, release: str) -> None:
    """Takes a release that failed off the record, whatever it was before."""
    begin_healthy(host, root)
    healthy = read_healthy(host, root)
    if healthy is not None:
        record_healthy(host, root, [name for name in healthy if name != release])


def begin_healthy(host: Host, root: str) -> None:
    """Begins the record where there is none: with the release before and the one that runs, of a host that was set up
    before it was kept; with no release where instances were switched to one, and `ROOT/current` leads to none, since
    their first start failed or was killed."""
    links = [read_link(host, root, name) for name in ("previous", "current")]
    if not links[1]:
        links = []
    if (links or read_switched(host, root)) and read_healthy(host, root) is None:
        record_healthy(host, root, list(dict.fromkeys(filter(None, links))))


def read_switched(host: Host, root: str) -> list[str]:
    """The releases that the instances of this host are switched to, sorted: several after a rollout that stopped."""
    links = {
        number: host.readlink(f"{root}/instances/{number}/current") for number in host.listdir(f"{root}/instances")
    }
    return sorted(
        {parse_release(f"{root}/instances/{number}/{target}", root) for number, target in links.items() if target}
    )


def list_installed(host: Host, root: str) -> list[str]:
    """The whole releases on the host, oldest first."""
    names = [name for name in host.listdir(f"{root}/releases") if not name.startswith(".")]
    return sorted(names, key=lambda name: (read_manifest(host, root, name).get("installed", 0), name))


def read_manifest(host: Host, root: str, release: str) -> dict[str, Any]:
    """Return what is on record of a release; nothing where there is no record, or a damaged one: files are verified by
    their content. Raises RuntimeError for a record of another version."""
    path = get_manifest_path(root, release)
    text = host.read(path)
    try:
        return schema.MANIFEST.parse(text, path) if text else {}
    except ValueError:
        return {}
