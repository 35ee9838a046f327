# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a running proxy: drained, enabled, and waited for.

Whichever the software, a server is `ready` (it gets requests), `drain` (only clients with a session cookie do) or
`maint` (nobody does; what is under way goes on). How that is done is in the file of each software, see `contract`.

A server is found by where it leads (address and port, names resolved on the proxy) and not by its name alone: after a
host was renamed, or under a second inventory with other names, the proxy still sends requests there.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Collection, Mapping, Sequence

from ..core import addresses, sockets
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import BlockingError, Draft, Plan, Row, make_rule_errors, report_errors
from . import table
from .table import PROXIES

STATES = ("ready", "drain", "maint")
PAUSE = 0.25
#: How long an old worker of Nginx or Apache may answer after a reload, in seconds.
RELOAD_SECONDS = 10.0

#: Held while a server of this proxy is set.
LOCK = "/run/xitrum.host.proxy.lock"

NAME = "proxy_server"

SPEC = {
    "software": table.OPTION,
    "backend": {"type": "str", "default": table.BACKEND},
    "servers": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": list(STATES)},
    "timeout": {"type": "int", "default": 60},
    "close": {"type": "bool", "default": False},
    "allow_missing": {"type": "bool", "default": False},
    "keep_enabled": {"type": "bool", "default": False},
    "keep_healthy": {"type": "bool", "default": False},
    "hint": {"type": "str", "default": ""},
    "leaving": {"type": "list", "elements": "str", "default": []},
    "earlier": {"type": "list", "elements": "str", "default": []},
    "endpoints": {"type": "dict", "default": {}},
    "other_endpoints": {"type": "dict", "default": {}},
    "drained": {"type": "list", "elements": "str", "default": []},
    "return_after": {"type": "int", "default": 0},
    "waited": {"type": "float", "default": 0.0},
    "socket": {"type": "path", "default": table.SOCKET},
    "control_port": {"type": "int", "default": 8404},
    "health_path": {"type": "str", "default": "/"},
    "health_status": {"type": "int", "default": 200},
}


def place_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a module, with the service and the configuration of the software."""
    backend = PROXIES[options["software"]]
    return {**options, "service": backend.service, "config_path": backend.config_path}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Reads the servers that were named, and who else serves, from the running proxy.

    Returns `{servers, missing, others, serving, earlier, endpoints}`: `servers` are rows of the back end, found by
    where they lead or by name, each with the name in `desired` as `server`; `missing` are names without any; `others`
    are the names of the rows that stay when all that leave together have left, `serving` those of all rows that are
    enabled and healthy; `earlier` are the names of the rows of earlier batches; `endpoints` maps a name to where it
    leads as the proxy resolves it. Raises RuntimeError where the proxy does not answer.
    """
    rows = [
        row for row in PROXIES[desired["software"]].read_view(host, desired) if row["backend"] == desired["backend"]
    ]
    known = [
        {name: _resolve(host, *_split(text)) for name, text in desired[option].items()}
        for option in ("endpoints", "other_endpoints")
    ]
    found = {name: _find_matching(host, rows, name, known) for name in desired["servers"]}
    leaving = {row["name"] for name in desired["leaving"] for row in _find_matching(host, rows, name, known)}
    leaving |= {row["name"] for matches in found.values() for row in matches}
    servers = ((row, [name for name, matches in found.items() if row in matches]) for row in rows)
    return {
        "servers": [{**row, "server": names[0]} for row, names in servers if names],
        "missing": [name for name, matches in found.items() if not matches],
        "others": sorted({row["name"] for row in rows} - leaving),
        "serving": _list_serving(host, desired, rows, leaving),
        "earlier": sorted(
            {row["name"] for name in desired["earlier"] for row in _find_matching(host, rows, name, known)}
        ),
        "endpoints": known[0],
    }


def _find_matching(host: Host, rows: list[dict[str, Any]], name: str, known: Any) -> list[dict[str, Any]]:
    """The rows of one server: those that lead to one of its places, whatever their name; without any, the row of its
    name. A name alone may be that of another host's instance by now.

    `known` maps names to places. Where rows lead to several, the place that a row of the name leads to counts, then the
    first: with ports that overlap, another place is that of the next instance."""
    found = [
        [row for row in rows if set(_resolve(host, row["address"], row["port"])) & set(ends)]
        for ends in filter(None, (endpoints.get(name) for endpoints in known))
    ]
    found.sort(key=lambda matches: (not any(row["name"] == name for row in matches), not matches))
    return (found or [[]])[0] or [row for row in rows if row["name"] == name]


def choose_servers(desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the servers that were found, by their names at the proxy: what was moved is no longer found by
    where it led."""
    names = [row["name"] for row in state["servers"]]
    return {**desired, "servers": names, "endpoints": {}, "other_endpoints": {}}


def _list_serving(
    host: Host, desired: Desired, rows: Sequence[Mapping[str, Any]], leaving: Collection[str]
) -> list[str]:
    """The names of the servers that are enabled and healthy. Where a proxy checks no health itself, those that stay are
    probed, since one that is dead would count otherwise."""
    backend, found = PROXIES[desired["software"]], []
    for row in rows:
        if row["state"] == "ready" and row["healthy"]:
            probed = backend.probes and desired["keep_healthy"] and row["name"] not in leaving
            if not probed or not backend.probe(host, desired, row):
                found.append(row["name"])
    return found


def _split(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT` as address and number."""
    address, _colon, port = str(text).rpartition(":")
    return address.strip("[]"), int(port)


def _resolve(host: Host, address: str, port: int) -> list[str]:
    """Where an address or a name leads on this host, as texts to compare."""
    places = addresses.resolve(host, address) or [address]
    return [addresses.format_endpoint(place, port) for place in places]


def is_moved(desired: Desired, state: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a server that is enabled leads to another port or address than its instance has now."""
    ends = state["endpoints"].get(row["server"])
    return (
        desired["state"] == "ready"
        and bool(ends)
        and addresses.format_endpoint(row["address"], row["port"]) not in ends
    )


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides which servers are set and moved, and what forbids it."""
    found, missing = state["servers"], state["missing"]
    result = Draft(facts={"missing": missing, "servers": found})
    if missing and not desired["allow_missing"]:
        known = ", ".join(sorted({*state["others"], *(row["name"] for row in found)})) or "none"
        result.errors.append(
            BlockingError(
                f"{desired['software']} has no server {' and '.join(missing)} in its backend {desired['backend']}: it "
                f"has {known}. Run site.yml, so that the proxy knows it",
                rule="proxy.server-missing",
            )
        )
    lost = [name for name in missing if name in desired["drained"]]
    if lost and desired["allow_missing"] and desired["state"] == "ready":
        ends = ", ".join(f"{name} ({desired['endpoints'].get(name, 'unknown address')})" for name in lost)
        result.errors.append(
            BlockingError(
                f"{desired['software']} has no server {ends} in its backend {desired['backend']} any more, expected "
                "the one that this run has drained. Enable it there, or run site.yml, so that the proxy knows it",
                rule="proxy.server-lost",
            )
        )
    result.errors.extend(find_serving_errors(desired, state))
    if desired["close"] and desired["state"] != "maint":
        result.errors.append(
            BlockingError(
                f"close goes with the state maint only, and the state is {desired['state']}: a closed client would "
                "come back to the server",
                rule="proxy.close-state",
            )
        )
    for row in found:
        elsewhere = is_moved(desired, state, row) and PROXIES[desired["software"]]
        good = row["state"] == desired["state"] and not elsewhere
        name = f"{row['backend']}/{row['name']}"
        result.rows.append(
            Row("proxy_server", name, desired["state"], row["state"], row["status"], "ok" if good else "drift")
        )
        if elsewhere:
            end = desired["endpoints"][row["server"]]
            result.actions.append(("move", {**row, "end": end, "to": state["endpoints"][row["server"]][0]}))
            result.before += f"{name} at {addresses.format_endpoint(row['address'], row['port'])}\n"
            result.after += f"{name} at {end}\n"
        if not good:
            result.actions.append(("set", row))
        if row["state"] != desired["state"]:
            result.before += f"{name} {row['state']}\n"
            result.after += f"{name} {desired['state']}\n"
    return result.plan(desired, state)


def find_serving_errors(desired: Desired, state: Mapping[str, Any]) -> list[str]:
    """Why the servers must not be drained: nothing else would serve. Empty where something does.

    A server that serves nobody itself may always go: otherwise a fleet that is half broken could not be repaired.
    """
    gone = [name for name in state["serving"] if name not in state["others"]]
    stay = [name for name in state["serving"] if name in state["others"]]
    if desired["state"] == "ready" or not gone or stay:
        return []
    if desired["keep_enabled"]:
        others = f", only {', '.join(state['others'])}" if state["others"] else ""
        reason = (
            f"{' and '.join(gone)} would be disabled, and {desired['software']} has no other server that is enabled "
            f"and healthy{others}: clients would be refused. Start another instance first (playbook xitrum.host.site, "
            f"or xitrum.host.start for one that an operator stopped){desired['hint'] and ', ' + desired['hint']}"
        )
        return make_rule_errors("proxy.last-server", [reason])
    if desired["keep_healthy"] and state["others"]:
        reason = (
            f"{' and '.join(gone)} would be drained, and of the other servers of {desired['software']} "
            f"({', '.join(state['others'])}) none is enabled and healthy: clients would be refused. Repair or enable "
            f"one of them first{desired['hint'] and ', ' + desired['hint']}"
        )
        return make_rule_errors("proxy.last-server", [reason])
    return []


class RefusedError(RuntimeError):
    """Nothing was set, since blocking errors came up after the plan was made. `results` are those of the module."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.results = report_errors(errors)


def set_servers(
    host: Host,
    desired: Desired,
    plan: Plan,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> None:
    """Sets the servers, where that is still allowed.

    The guard is judged again under a lock on the proxy: of two hosts that leave at the same time, the second sees the
    first one's state. Raises RuntimeError where nobody else would serve, where a server of an earlier batch does not
    serve, and where one that is to come back is not healthy; none is set then.
    """
    backend = PROXIES[desired["software"]]
    moves, servers = ([row for kind, row in plan.actions if kind == name] for name in ("move", "set"))
    ends = {row["name"]: {**row, **dict(zip(("address", "port"), _split(row["to"])))} for row in moves}
    if desired["state"] == "ready" and desired["timeout"] and backend.probes:
        deadline = clock() + desired["timeout"]
        while True:
            queried = [ends.get(row["name"], row) for row in servers]
            late = [
                {**row, "check": answer}
                for row, answer in ((row, backend.probe(host, desired, row)) for row in queried)
                if answer
            ]
            if not late:
                break
            if clock() >= deadline:
                raise RuntimeError(format_unhealthy(desired, late))
            sleep(PAUSE)
    if servers and desired["keep_healthy"] and desired["state"] != "ready":
        wait_for_earlier(host, desired, clock, sleep)
    if servers:
        with host.hold_lock(LOCK):
            errors = find_serving_errors(desired, read(host, desired)) if desired["state"] != "ready" else []
            if errors:
                raise RefusedError(errors)
            if moves:
                backend.move(host, desired, list(ends.values()))
            backend.change(host, desired, servers)


def wait_for_earlier(host: Host, desired: Desired, clock: Callable[[], float], sleep: Callable[[float], Any]) -> None:
    """Waits until the servers of earlier batches serve: what their instances run would replace what still serves.

    One may be restarting, so that it has `timeout` seconds. Raises RuntimeError where one does not serve after that.
    """
    deadline = clock() + desired["timeout"]
    while desired["earlier"]:
        state = read(host, desired)
        away = [name for name in state["earlier"] if name not in state["serving"]]
        if not away:
            return
        if clock() >= deadline:
            raise RuntimeError(
                f"{' and '.join(away)} of an earlier batch was healthy, and is not enabled and healthy at "
                f"{desired['software']} any more, after {desired['timeout']} s. The new release may fail after a "
                f"while. Nothing more was drained. Read the log of that instance, then deploy a fixed release or roll "
                "back: ansible-playbook xitrum.host.rollback"
            )
        sleep(PAUSE)


def apply(host: Host, plan: Plan) -> Applied:
    """Sets the servers, and waits until that has its effect, also where they were set before. Raises RuntimeError where
    it has none."""
    desired = plan.desired
    set_servers(host, desired, plan)
    effect = wait(host, choose_servers(desired, plan.state))
    notes = [] if effect.get("waiting") else find_drain_notes(host, desired, effect["open"])
    return Applied({**effect, "changed": plan.changed or effect["closed"] > 0, "notes": notes}, warnings=tuple(notes))


def format_unhealthy(desired: Desired, rows: Sequence[Mapping[str, Any]]) -> str:
    """The sentence about servers that did not get healthy in time."""
    causes = "; ".join(
        f"{row['backend']}/{row['name']} ({row['address']}:{row['port']}) is {row['status']}, its health check reports "
        f"{row['check'] or 'nothing'}"
        for row in rows
    )
    return (
        f"not healthy for {desired['software']} after {desired['timeout']} s: {causes}. Read the log of the instance, "
        f"and check the network from the proxy to it"
    )


def wait(
    host: Host,
    desired: Desired,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Any] = time.sleep,
) -> dict[str, Any]:
    """Waits until the state has its effect: `{servers, seconds, open, closed}`, with `waiting` where it has not after
    `return_after` seconds.

    `ready` is in effect when the proxy itself counts each server as healthy, the others when no request and no
    WebSocket is left there. Raises RuntimeError where a server is not healthy after `timeout` seconds, unless that is 0
    and nothing is waited for, and where a server does not have the state that was set: something else set it back, or a
    restart of the proxy did. Connections that are left are not an error, but counted.
    """
    called, after = clock(), desired.get("return_after", 0)
    began = called - desired.get("waited", 0)
    while True:
        servers = read_applied(host, desired, clock, sleep)
        verify_state(desired, servers)
        late = [row for row in servers if not is_done(row, desired["state"])]
        now = clock()
        if not late or now - began >= desired["timeout"]:
            break
        if after and now - called >= after:
            # The controller prints what is left, and calls again.
            left = sum(row["sessions"] for row in servers)
            return {"servers": servers, "seconds": round(now - began, 1), "open": left, "closed": 0, "waiting": True}
        sleep(PAUSE)
    if late and desired["state"] == "ready" and desired["timeout"]:
        raise RuntimeError(format_unhealthy(desired, late))
    left, closed = sum(row["sessions"] for row in servers), 0
    if late and desired["close"] and PROXIES[desired["software"]].closes:
        # Verified above: what a server has that is enabled again is not closed.
        PROXIES[desired["software"]].close(host, desired, late)
        closed = left
        servers = read(host, desired)["servers"]
    return {"servers": servers, "seconds": round(clock() - began, 1), "open": left - closed, "closed": closed}


def read_applied(
    host: Host, desired: Desired, clock: Callable[[], float], sleep: Callable[[float], Any]
) -> Sequence[Mapping[str, Any]]:
    """The servers, once they have the requested state. After a reload an old worker can still answer for a moment: a
    server of a proxy without a socket has RELOAD_SECONDS to have its state."""
    servers: Sequence[Mapping[str, Any]] = read(host, desired)["servers"]
    if PROXIES[desired["software"]].has_socket:
        return servers
    deadline = clock() + RELOAD_SECONDS
    while any(row["state"] != desired["state"] for row in servers) and clock() < deadline:
        sleep(PAUSE)
        servers = read(host, desired)["servers"]
    return servers


def find_drain_notes(host: Host, desired: Desired, left: int) -> list[str]:
    """What makes the number of connections that are left uncertain, a sentence each.

    A proxy with a socket counts them itself.
    """
    counted = PROXIES[desired["software"]].has_socket or desired["state"] == "ready" or not left
    note = "" if counted else sockets.describe_drain(sockets.read_established(host))
    return [note] if note else []


def verify_state(desired: Desired, servers: Sequence[Mapping[str, Any]]) -> None:
    """Raises RuntimeError where a server that was drained is no longer: its instance must not be stopped then."""
    lost = [row for row in servers if row["state"] != desired["state"]]
    if lost and desired["state"] != "ready":
        listed = ", ".join(f"{row['backend']}/{row['name']} is {row['state']}" for row in lost)
        raise RuntimeError(
            f"{listed} at {desired['software']}, expected {desired['state']} as it was set: something else set it "
            f"back, or {desired['service']} was restarted meanwhile. Nothing was closed or stopped. Run the same "
            "command again"
        )


def is_done(row: Mapping[str, Any], state: str) -> bool:
    """Whether a server's state has its effect."""
    if row["state"] != state:
        return False
    return row["healthy"] if state == "ready" else row["sessions"] == 0


def _prepare(_host: Host, desired: Desired) -> Desired:
    return place_options(desired)


#: A host that leaves sets its server from the proxy's side: no lock of its own run is on the proxy.
EXECUTION = Execution(fenced=False, prepare=_prepare, unread=str, brief=Brief.FAILURES, always=True)
