# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of redirects: values that cannot be, who holds them, who filters or redirects them too, and whether they answer."""

from __future__ import annotations

import re
import socket

from ansible_collections.xitrum.host.plugins.module_utils import redirects_filter, redirects_iptables, redirects_nft
from ansible_collections.xitrum.host.plugins.module_utils.plan import RUN, Row
from ansible_collections.xitrum.host.plugins.module_utils.process import seen
from ansible_collections.xitrum.host.plugins.module_utils.redirects_rules import FAMILY_NAME, LOOPBACK_ADDRESS, stop

_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,14}")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_PROBE_SECONDS = 2


def unit_name(name):
    """A service as systemd names it."""
    return name if re.search(r"\.(service|socket)$", name) else f"{name}.service"


def unit_of(cgroup):
    """The unit in the text of /proc/PID/cgroup; empty where the process is of none."""
    found = re.findall(r"([^/\n]+\.service)(?:/[^\n]*)?$", cgroup or "", re.MULTILINE)
    return found[-1] if found else ""


def holders(host, rows, wanted):
    """The listening sockets on outside ports, each with its process and unit; None where they could not be listed."""
    if rows is None:
        return None
    ports = {pair["outside"] for pair in wanted["pairs"]} if wanted["state"] == "present" else set()
    found = [row for row in rows if row["port"] in ports]
    return [{**row, "unit": unit_of(seen(host.read, f"/proc/{row['pid']}/cgroup")) if row["pid"] else ""} for row in found]


def problems(wanted, state):
    """What cannot be done, in sentences; empty where nothing stands in the way."""
    if wanted["state"] != "present":
        return []
    found, outside = [], [pair["outside"] for pair in wanted["pairs"]]
    for pair in wanted["pairs"]:
        name = f"the pair {pair['outside']} -> {pair['inside']}"
        found += [f"{name}: found {key} {pair[key]}, wanted a port from 1 to 65535." for key in ("outside", "inside") if not 1 <= pair[key] <= 65535]
        if pair["outside"] == pair["inside"]:
            found.append(f"{name}: both ports are the same; wanted two, or no pair at all.")
        interface = pair.get("interface")
        if interface and (not _INTERFACE.fullmatch(interface) or interface not in state["interfaces"]):
            found.append(f"{name}: found the interface {interface}, wanted one of this host: {', '.join(state['interfaces']) or 'it has none'}.")
    doubled = sorted({port for port in outside if outside.count(port) > 1})
    found += [f"port {port} is the outside port of {outside.count(port)} pairs; wanted one: a connection has one target." for port in doubled]
    found += [f"stop_conflicting: found {name!r}, wanted the name of a service." for name in wanted["stop_conflicting"] if not _UNIT.fullmatch(name)]
    return found + _held(wanted, state)


def _held(wanted, state):
    """A port that somebody listens on: that program would be cut off silently."""
    stopped = {name for name in map(unit_name, wanted["stop_conflicting"]) for name in state["units"].get(name, {}).get("Names", name).split()}
    found = {}
    for row in conflicts(wanted, state):
        if row["unit"] not in stopped:
            name = row["process"] or "a process that only root sees"
            what = ", ".join(text for text in (name, f"pid {row['pid']}" if row["pid"] else "", row["unit"]) if text)
            end = f"end it (kill {row['pid']})" if row["pid"] else "end it"
            mend = f"have it stopped and disabled with port_forward_stop_conflicting: [{row['unit'][:-len('.service')]}]" if row["unit"] else end
            found[row["port"], what] = f"port {row['port']} is held by {what}, which a redirect would cut off: {mend}, or take the pair out." + (
                " An instance of the application leaves the port by a run with xitrum_port_forward: false." if name == "java" else "")
    return [found[key] for key in sorted(found)]


def conflicts(wanted, state):
    """The listening sockets that a pair would take the connections of."""
    pairs = {pair["outside"]: pair for pair in wanted["pairs"]}
    rows = []
    for row in state["holders"] or []:
        interface = pairs[row["port"]].get("interface")
        local = row["address"].startswith("127.") or row["address"] == "::1"
        if not (local and not wanted["loopback"]) and not (interface and row["interface"] not in ("", interface)):
            rows.append(row)
    return rows


def stop_steps(wanted, state, rules):
    """Stops the named services that run or would at boot, once the redirects are there: no moment in which nobody answers."""
    names = map(unit_name, wanted["stop_conflicting"]) if rules else ()
    units = [(name, state["units"].get(name, {})) for name in dict.fromkeys(names)]
    return [stop(name) for name, unit in units if _runs(unit)]


def _runs(unit):
    return unit.get("LoadState") == "loaded" and (unit.get("ActiveState") in ("active", "activating", "reloading") or unit.get("UnitFileState") == "enabled")


def rows(wanted, state, rules):
    """What concerns the ports beside the redirects themselves."""
    found = []
    if rules:
        units = [(name, state["units"].get(name, {})) for name in map(unit_name, wanted["stop_conflicting"])]
        found += [Row("redirects", name, wanted="stopped, disabled", configured=unit["UnitFileState"], effective=unit["ActiveState"], status="differs",
                      why="it holds an outside port", mend=RUN) for name, unit in units if _runs(unit)]
        if state["holders"] is None:
            found.append(Row("redirects", "who listens on the outside ports", status="unseen", why="ss did not answer: is iproute2 installed?"))
    for pair in wanted["pairs"] if rules else ():
        for family in state["families"]:
            found += _filter_rows(pair, family, state) + _foreign_rows(pair, family, state) + _answer_rows(pair, family, state, wanted)
    return found


def _filter_rows(pair, family, state):
    packet = redirects_filter.Packet(family, pair["inside"], pair.get("interface") or "")
    said = redirects_filter.dropped(packet, state["nftables"]["objects"], state["iptables"]["live"])
    return [Row("redirects", f"filter for port {pair['inside']} ({FAMILY_NAME[family]})", wanted="accepted", effective="dropped", status="differs",
                why=f"{said[0]} drops it: after the redirect the filter sees {pair['inside']}, not {pair['outside']}", mend=said[1])] if said else []


def _foreign_rows(pair, family, state):
    """Somebody else's rule for the same outside port, such as one made by hand: of two, the first wins."""
    command = redirects_iptables.COMMANDS[family]
    lines = redirects_iptables.tables(state["iptables"]["live"][family]).get("nat", [])
    port = re.compile(rf"-A (PREROUTING|OUTPUT) (?!.*--comment {re.escape(redirects_iptables.COMMENT)} ).*--dport {pair['outside']} .*-j (REDIRECT|DNAT) ")
    return [Row("redirects", f"another rule for port {pair['outside']} ({FAMILY_NAME[family]})", wanted="none", effective=line, status="differs",
                why="it is not of this collection, and of two rules for one port the first wins", mend=f"{command} -t nat -D {line[3:]}")
            for line in lines if port.match(line + " ")]


def _answer_rows(pair, family, state, wanted):
    if not wanted["loopback"] or (family, pair["outside"]) not in state["answers"]:
        return []
    outside, inside = (state["answers"][family, pair[key]] for key in ("outside", "inside"))
    row = Row("redirects", f"connection to {LOOPBACK_ADDRESS[family]} port {pair['outside']}",
              wanted="answers" if inside else "", effective="answers" if outside else "refused")
    if not inside:
        row.status, row.why = "unseen", f"nothing answers on port {pair['inside']}, so that a connection shows nothing"
    elif not outside:
        row.status, row.why = "differs", f"port {pair['inside']} answers, and port {pair['outside']} does not lead there"
        row.mend = f"{'nft list table inet ' + redirects_nft.TABLE} || {redirects_iptables.COMMANDS[family]}-save -t nat"
    return [row]


def probe_all(wanted, families):
    """Whether each port of the pairs takes a connection on the loopback: C({(family, port): bool})."""
    return {(family, pair[key]): probe(LOOPBACK_ADDRESS[family], pair[key])
            for family in families for pair in wanted["pairs"] for key in ("outside", "inside") if 1 <= pair[key] <= 65535}


def probe(address, port):
    """Whether a connection to an address and port is taken."""
    try:
        with socket.create_connection((address, port), timeout=_PROBE_SECONDS):
            return True
    except OSError:
        return False
