# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that restores our redirects at boot, and after nftables.service has flushed everything. Pure."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import redirects_iptables, redirects_nft
from ansible_collections.xitrum.host.plugins.module_utils.redirects_rules import remove, run, write

UNIT = "xitrum-host-redirects.service"
FILE = f"/etc/systemd/system/{UNIT}"
TARGETS = ("multi-user.target", "nftables.service")

_HEAD = """\
# Written by the collection xitrum.host, module port_redirect. Changes are lost.
[Unit]
Description=Port redirects of xitrum.host
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service netfilter-persistent.service iptables.service ip6tables.service
Conflicts=shutdown.target
# /etc/nftables.conf may begin with `flush ruleset`, as Debian's does: what starts or reloads it loads ours again.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
"""
_TAIL = f"""
[Install]
WantedBy={' '.join(TARGETS)}
"""


def commands(backend, families, paths):
    """What the unit runs: loads the rules, any number of times with the same result."""
    if backend == "nftables":
        return [f"{paths['nft']} -f {redirects_nft.FILE}"]
    found = []
    for family in families:
        program = paths[redirects_iptables.COMMANDS[family]]
        found.append(f"{program}-restore --wait --noflush {redirects_iptables.FILES[family]}")
        for own, parent in redirects_iptables.CHAINS.values():
            # A jump is added only to a chain that the file made, and only once.
            found.append(f"/bin/sh -c '! {program} --wait -t nat -n -L {own} >/dev/null 2>&1 || {program} --wait -t nat -C {parent} -j {own} 2>/dev/null "
                         f"|| {program} --wait -t nat -A {parent} -j {own}'")
    return found


def unit_text(backend, families, paths):
    """The unit's file."""
    lines = commands(backend, families, paths)
    return _HEAD + "".join(f"ExecStart={line}\n" for line in lines) + "".join(f"ExecReload={line}\n" for line in lines) + _TAIL


def steps(wanted, state):
    """What has to be done so that systemd has this unit, enabled and active; C(wanted) is its text, or None for no unit."""
    if not state["systemd"]:
        return []
    unit, todo = state["units"].get(UNIT, {}), []
    if wanted is None:
        if state["unit"] is None and unit.get("LoadState", "not-found") == "not-found":
            return []
        if state["unit"] is not None:
            todo = [run("systemctl", "disable", "--now", UNIT), remove(FILE)]
        return [*todo, run("systemctl", "daemon-reload")]
    if state["unit"] != wanted:
        todo += [write(FILE, wanted), run("systemctl", "daemon-reload")]
    elif unit.get("NeedDaemonReload") == "yes" or unit.get("LoadState") != "loaded":
        todo.append(run("systemctl", "daemon-reload"))
    if unit.get("UnitFileState") != "enabled":
        todo.append(run("systemctl", "enable", UNIT))
    # Active, or a restart of nftables.service would not take it along.
    if unit.get("ActiveState") != "active":
        todo.append(run("systemctl", "start", UNIT))
    return todo
