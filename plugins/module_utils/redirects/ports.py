# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of redirects: values that cannot be, who holds them, who redirects them too, and whether they answer."""

from __future__ import annotations

from typing import Any

from ..core import addresses, input_types
from ..core.host import Host
from ..core.plan import RUN, BlockingError, Row
from ..core.process import find_unit_of_process
from ..core.sockets import Rows
from ..core.untrusted_text import make_printable
from . import iptables as redirects_iptables
from . import nft as redirects_nft
from . import unmanaged as redirects_unmanaged
from .rules import LOOPBACK_ADDRESS, Rule, Step, stop

_PROBE_SECONDS = 2


def complete_unit_name(name: str) -> str:
    """A service as systemd names it."""
    return name if name.endswith((".service", ".socket")) else f"{name}.service"


def find_holders(host: Host, rows: Rows | None, desired: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The listening sockets on outside ports, each with its process and unit; None where they could not be listed."""
    if rows is None:
        return None
    ports = {pair["outside"] for pair in desired["pairs"]} if desired["state"] == "present" else set()
    found = [row for row in rows if row["port"] in ports]
    return [
        {**row, "unit": find_unit_of_process(host, row["pid"]).get("Id", "") if row["pid"] else ""} for row in found
    ]


def list_targets(desired: dict[str, Any], outside: int) -> str:
    """The ports that an outside port is redirected to, for a person."""
    return ", ".join(str(pair["inside"]) for pair in desired["pairs"] if pair["outside"] == outside)


def find_errors(desired: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """The errors of the redirects, in sentences; empty where there is none."""
    if desired["state"] != "present":
        return []
    found, outside = [], [pair["outside"] for pair in desired["pairs"]]
    for pair in desired["pairs"]:
        name = f"the pair {pair['outside']} -> {pair['inside']}"
        found += [
            BlockingError(
                f"{name}: found {key} {pair[key]}, expected a port from 1 to 65535",
                rule="host.redirects-port",
            )
            for key in ("outside", "inside")
            if not 1 <= pair[key] <= 65535
        ]
        if pair["outside"] == pair["inside"]:
            found.append(BlockingError(
                f"{name}: both ports are the same; expected two, or no pair at all",
                rule="host.redirects-port",
            ))
        interface = pair.get("interface")
        if interface and (not input_types.fits("interface", interface) or interface not in state["interfaces"]):
            found.append(
                BlockingError(
                    f"{name}: found the interface {interface}, expected one of this host: "
                    f"{', '.join(state['interfaces']) or 'it has none'}",
                    rule="host.redirects-interface",
                )
            )
    doubled = sorted({port for port in outside if outside.count(port) > 1})
    found += [
        BlockingError(
            f"port {port} is redirected {outside.count(port)} times, to the ports {list_targets(desired, port)}; "
            "expected one redirect for an outside port. Remove the others from port_forward_pairs",
            rule="host.redirects-pairs",
        )
        for port in doubled
    ]
    found += [
        BlockingError(
            f"stop_services: found {name!r}, expected the name of a service",
            rule="host.redirects-service-name",
        )
        for name in desired["stop_services"]
        if not input_types.fits("unit", name)
    ]
    return (
        found
        + _find_held(desired, state)
        + [text for _port, text, certain in find_unmanaged(desired, state) if certain]
    )


def _find_held(desired: dict[str, Any], state: dict[str, Any]) -> list[BlockingError]:
    """A port that somebody listens on: that program would be cut off silently."""
    stopped = {
        name
        for name in map(complete_unit_name, desired["stop_services"])
        for name in state["units"].get(name, {}).get("Names", name).split()
    }
    found = {}
    for row in find_port_conflicts(desired, state):
        if row["unit"] not in stopped:
            name = make_printable(row["process"]) or "a process that only root sees"
            what = ", ".join(text for text in (name, f"pid {row['pid']}" if row["pid"] else "", row["unit"]) if text)
            end = f"end it (kill {row['pid']})" if row["pid"] else "end it"
            commands = [["kill", str(row["pid"])]] if row["pid"] and not row["unit"] else []
            if name == "docker-proxy":
                # Its unit is that of all containers.
                row, commands, end = (
                    {**row, "unit": ""},
                    [],
                    f"publish the container at another port (docker ps --filter publish={row['port']} names it)",
                )
            fix = (
                f"have it stopped and disabled with port_forward_stop_services: [{row['unit'][:-len('.service')]}]"
                if row["unit"]
                else end
            )
            text = (
                f"port {row['port']} is held by {what}, which a redirect would cut off: {fix}, or take the pair out"
                + (
                    ". An instance of the application leaves the port by a run with xitrum_port_forward: false"
                    if name == "java"
                    else ""
                )
            )
            found[row["port"], what] = BlockingError(text, *commands, rule="host.redirects-port-held")
    return [found[key] for key in sorted(found)]


def find_port_conflicts(desired: dict[str, Any], state: dict[str, Any]) -> list[dict[str, Any]]:
    """The listening sockets that a pair would take the connections of."""
    pairs = {pair["outside"]: pair for pair in desired["pairs"]}
    rows = []
    for row in state["holders"] or []:
        interface = pairs[row["port"]].get("interface")
        local = addresses.is_loopback(row["address"])
        if not (local and not desired["loopback"]) and not (interface and row["interface"] not in ("", interface)):
            rows.append(row)
    return rows


def plan_stops(desired: dict[str, Any], state: dict[str, Any], rules: list[Rule]) -> list[Step]:
    """Stops the named services that run or would at boot, once the redirects are there:
    no moment in which nobody answers."""
    names = map(complete_unit_name, desired["stop_services"]) if rules else ()
    units = [(name, state["units"].get(name, {})) for name in dict.fromkeys(names)]
    return [stop(name) for name, unit in units if _runs(unit)]


def _runs(unit: dict[str, str]) -> bool:
    return unit.get("LoadState") == "loaded" and (
        unit.get("ActiveState") in ("active", "activating", "reloading") or unit.get("UnitFileState") == "enabled"
    )


def build_rows(desired: dict[str, Any], state: dict[str, Any], rules: list[Rule]) -> list[Row]:
    """What applies to the ports apart from the redirects themselves."""
    found = []
    if rules:
        units = [(name, state["units"].get(name, {})) for name in map(complete_unit_name, desired["stop_services"])]
        found += [
            Row(
                "redirects",
                name,
                desired="stopped, disabled",
                configured=unit["UnitFileState"],
                effective=unit["ActiveState"],
                status="drift",
                why="it holds an outside port",
                fix=RUN,
            )
            for name, unit in units
            if _runs(unit)
        ]
        if state["holders"] is None:
            found.append(
                Row(
                    "redirects",
                    "who listens on the outside ports",
                    status="not_readable",
                    why="ss did not answer: is iproute2 installed?",
                )
            )
        elif state.get("sockets_note"):
            found.append(
                Row("redirects", "who listens on the outside ports", status="not_readable", why=state["sockets_note"])
            )
    for pair in desired["pairs"] if rules else ():
        for family in state["families"]:
            found += _make_answer_rows(pair, family, state, desired)
    return found + [Row("redirects", f"another redirect of port {port}", status="not_readable", why=why)
                    for port, why, certain in find_unmanaged(desired, state) if rules and not certain]


def find_unmanaged(desired: dict[str, Any], state: dict[str, Any]) -> list[tuple[int, str, bool]]:
    """The redirects of the outside ports by something else: `[(port, sentence, certain)]`, each sentence once."""
    pairs = desired["pairs"] if desired["state"] == "present" else []
    return find_conflicts([(pair["outside"], pair.get("interface") or "") for pair in pairs], state,
                          "or take the pair out (xitrum_port_forward: false)")


def find_conflicts(ports: list[tuple[int, str]], state: dict[str, Any], otherwise: str) -> list[tuple[int, str, bool]]:
    """The redirects of ports, each with the interface that it is for, by something else.
    `otherwise` is what else can be done about one."""
    takings = redirects_unmanaged.find_takings(state["nftables"]["objects"], state["iptables"]["live"])
    found: dict[tuple[int, str], bool] = {}
    for port, interface in ports:
        for family in state["families"]:
            aim = redirects_unmanaged.Aim(
                family, port, interface, tuple(state["interfaces"]), tuple(state["addresses"])
            )
            for taking, certain in redirects_unmanaged.find_conflicts(takings, aim):
                text = (
                    BlockingError(
                        f"port {port} is redirected by {taking.who} already, and only one of the two gets the "
                        f"connections: {taking.remedy}, {otherwise}",
                        *taking.commands,
                        rule="host.redirects-other-program",
                    )
                    if certain
                    else (
                        f"{taking.who} may redirect some connections to port {port}: the check cannot evaluate its "
                        "conditions, or the rules before it. To read the rules, run nft list ruleset and "
                        "iptables-save -t nat on the host"
                    )
                )
                found[port, text] = found.get((port, text), False) or certain
    return [(port, text, certain) for (port, text), certain in found.items()]


def _make_answer_rows(pair: dict[str, Any], family: str, state: dict[str, Any], desired: dict[str, Any]) -> list[Row]:
    if not desired["loopback"] or (family, pair["outside"]) not in state["answers"]:
        return []
    outside, inside = (state["answers"][family, pair[key]] for key in ("outside", "inside"))
    row = Row("redirects", f"connection to {LOOPBACK_ADDRESS[family]} port {pair['outside']}",
              desired="answers" if inside else "", effective="answers" if outside else "refused")
    if not inside:
        why = f"nothing answers on port {pair['inside']}, so that a connection shows nothing"
        row = row.replace(status="not_readable", why=why)
    elif not outside:
        why = f"port {pair['inside']} answers, and port {pair['outside']} does not lead there"
        listing = f"nft list table inet {redirects_nft.TABLE} || {redirects_iptables.COMMANDS[family]}-save -t nat"
        row = row.replace(status="drift", why=why).add_commands(["sh", "-c", listing])
    return [row]


def probe_all(host: Host, desired: dict[str, Any], families: list[str]) -> dict[tuple[str, int], bool]:
    """Whether each port of the pairs takes a connection on the loopback: `{(family, port): bool}`."""
    return {
        (family, pair[key]): host.connect(LOOPBACK_ADDRESS[family], pair[key], _PROBE_SECONDS)[0] == "open"
        for family in families
        for pair in desired["pairs"]
        for key in ("outside", "inside")
        if 1 <= pair[key] <= 65535
    }
