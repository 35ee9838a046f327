# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that restores our redirects at boot, and after nftables.service has flushed everything. Pure."""

from __future__ import annotations

from typing import Any

from . import iptables as redirects_iptables
from . import nft as redirects_nft
from .rules import Step, remove, run, write

UNIT = "xitrum-host-redirects.service"
#: Does the same again: a unit that is active is not started by what wants it,
#: and nftables.service may be started any time.
AGAIN = "xitrum-host-redirects-again.service"
UNITS = (UNIT, AGAIN)
FOLDER = "/etc/systemd/system"

_HEAD = {
    UNIT: """\
# Written by the collection xitrum.host, module port_redirect. Changes are lost.
[Unit]
Description=Port redirects of xitrum.host
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service netfilter-persistent.service iptables.service ip6tables.service
Conflicts=shutdown.target
# /etc/nftables.conf may begin with `flush ruleset`, as Debian's does: what restarts or reloads it loads ours again.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
""",
    AGAIN: f"""\
# Written by the collection xitrum.host, module port_redirect. Changes are lost.
[Unit]
Description=Port redirects of xitrum.host, again, since nftables.service was started
DefaultDependencies=no
After=nftables.service {UNIT}

[Service]
Type=oneshot
""",
}
_TARGETS = {UNIT: "multi-user.target nftables.service", AGAIN: "nftables.service"}


def list_commands(backend: str, families: list[str], paths: dict[str, str]) -> list[str]:
    """What the unit runs: loads the rules, any number of times with the same result."""
    if backend == "nftables":
        return [f"{paths['nft']} -f {redirects_nft.FILE}"]
    found = []
    for family in families:
        program = paths[redirects_iptables.COMMANDS[family]]
        found.append(f"{program}-restore --wait --noflush {redirects_iptables.FILES[family]}")
        for own, parent in redirects_iptables.CHAINS.values():
            # A jump is added only to a chain that the file made, and only once.
            found.append(
                f"/bin/sh -c '! {program} --wait -t nat -n -L {own} >/dev/null 2>&1 || {program} --wait -t nat -C "
                f"{parent} -j {own} 2>/dev/null || {program} --wait -t nat -A {parent} -j {own}'"
            )
    return found


def render_unit(unit: str, backend: str, families: list[str], paths: dict[str, str]) -> str:
    """The file of one of UNITS."""
    lines = list_commands(backend, families, paths)
    text = _HEAD[unit] + "".join(f"ExecStart={line}\n" for line in lines)
    if unit == UNIT:
        text += "".join(f"ExecReload={line}\n" for line in lines)
    return f"{text}\n[Install]\nWantedBy={_TARGETS[unit]}\n"


def get_path(unit: str) -> str:
    """Where a unit's file is."""
    return f"{FOLDER}/{unit}"


def plan_steps(desired: dict[str, Any], state: dict[str, Any]) -> list[Step]:
    """What has to be done so that systemd has these units, enabled and the first active;
    `desired` maps each to its text, or is empty."""
    if not state["systemd"]:
        return []
    files, disable, enable, changed = [], [], [], False
    for unit in UNITS:
        shown, before, after = state["units"].get(unit, {}), state["unit_files"][unit], desired.get(unit)
        if after is None and before is not None:
            disable.append(unit)
            files.append(remove(get_path(unit)))
        elif after is not None and after != before:
            files.append(write(get_path(unit), after))
        stale = shown.get("LoadState", "not-found") != ("not-found" if after is None else "loaded")
        changed = changed or stale or shown.get("NeedDaemonReload") == "yes"
        if after is not None and shown.get("UnitFileState") != "enabled":
            enable.append(unit)
    todo = [run("systemctl", "disable", "--now", *disable)] if disable else []
    todo += files + ([run("systemctl", "daemon-reload")] if files or changed else [])
    todo += [run("systemctl", "enable", *enable)] if enable else []
    # Active, or a restart of nftables.service would not take it along.
    if desired and state["units"].get(UNIT, {}).get("ActiveState") != "active":
        todo.append(run("systemctl", "start", UNIT))
    return todo
