# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `firewall`: the ports of the site are open in the host's firewalld or ufw, where
`xitrum_open_firewall` asks for it.

What was open before stays as it is and is not recorded. What is opened is recorded first, so that exactly that is
closed again.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ..core import schema
from ..core.addresses import parse_interfaces
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import RUN, Draft, Plan, Row, make_rule_errors
from . import firewalld, ufw

RECORD = "/var/lib/xitrum.host/firewall.json"
FOLDER = "/var/lib/xitrum.host"

DAMAGED = (
    f"{RECORD} is damaged: it lists the ports that were opened. Correct it, or move it away; "
    "what is open today stays open then"
)

NAME = "firewall"

SPEC: dict[str, Any] = {
    "open": {"type": "bool", "default": False},
    "close": {"type": "bool", "default": True},
    "facts_only": {"type": "bool", "default": False},
    "address": {"type": "str", "default": ""},
    "ports": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "port": {"type": "int", "required": True},
            "public": {"type": "int", "default": 0},
            "sources": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "note": {"type": "str", "default": ""},
        },
    },
}


def _render_header(_desired: Desired) -> str:
    return "firewall"


EXECUTION = Execution(header=_render_header, rounds=1)
_KEYS = {"backend", "zone", "port", "source", "scopes"}


# ---------------------------------------------------------------------------------------------------------- reading


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is recorded, and where ports are to be open, which program filters and what it lets in."""
    opened, record_error = parse_record(None if desired["facts_only"] else host.read(RECORD))
    state = {
        "opened": opened,
        "record_error": record_error,
        "address6": "",
    }
    if any(item["public"] for item in desired["ports"]):
        state["address6"] = find_public_address6(host)
    if not desired["facts_only"] and (desired["open"] or state["opened"]):
        state.update(read_filter(host, desired["address"]))
    return state


def read_filter(host: Host, address: str) -> dict[str, Any]:
    """The active program, `firewalld`, `ufw` or empty, and what it lets in."""
    state: dict[str, Any] = {"active": "", "firewalld": None, "ufw": None}
    if (
        host.find_program("firewall-cmd")
        and host.run(["systemctl", "is-active", "firewalld.service"]).out.strip() == "active"
    ):
        state["active"], state["firewalld"] = "firewalld", _read_firewalld(host, address)
    elif (
        host.find_program("ufw")
        and ufw.is_enabled(host.read(ufw.CONF))
        and host.run(["ufw", "status"]).out.startswith("Status: active")
    ):
        state["active"] = "ufw"
        state["ufw"] = {
            "rules": [rule for path in ufw.FILES for rule in ufw.parse_rules(host.read(path))],
            "ipv6": ufw.has_ipv6(host.read(ufw.DEFAULTS)),
        }
    return state


def _read_firewalld(host: Host, address: str) -> dict[str, Any]:
    answer = host.run(["firewall-cmd", "--list-all-zones"])
    if answer.rc != 0:
        reported = (answer.err or answer.out).strip()
        raise OSError(f"firewall-cmd --list-all-zones failed with exit code {answer.rc}: {reported}")
    runtime = firewalld.parse_zones(answer.out)
    permanent = {name: firewalld.parse_zone_file(_find_first(host, f"zones/{name}.xml")) for name in runtime}
    names = {name for zones in (runtime, permanent) for zone in zones.values() for name in zone["services"]}
    return {
        firewalld.RUNTIME: runtime,
        firewalld.PERMANENT: permanent,
        "services": {
            name: firewalld.parse_service(_find_first(host, f"services/{name}.xml")) for name in sorted(names)
        },
        "default": host.run(["firewall-cmd", "--get-default-zone"]).out.strip() or "public",
        "interfaces": read_interfaces(host, address),
    }


def _find_first(host: Host, name: str) -> str | None:
    return next(
        (text for text in (host.read(f"{folder}/{name}") for folder in firewalld.FOLDERS) if text is not None), None
    )


def read_interfaces(host: Host, address: str) -> list[str]:
    """The interfaces that connections from other hosts come in by:
    the one that has this address, and those of default routes."""
    found = {
        fields[0]
        for fields in map(str.split, (host.read("/proc/net/route") or "").splitlines()[1:])
        if len(fields) > 7 and fields[1] == fields[7] == "00000000"
    }
    listed = host.run(["ip", "-j", "address", "show"])
    pairs = parse_interfaces(listed.out) if listed.rc == 0 else []
    found |= {name for name, local in pairs if is_same_address(local, address)}
    return sorted(found - {"lo"})


def is_same_address(one: str, other: str) -> bool:
    """Whether two texts are the same IP address."""
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def find_public_address6(host: Host) -> str:
    """The IPv6 address at which the host is reached over the network:
    a global one of the interface of the default route; or empty."""
    routes = (line.split() for line in (host.read("/proc/net/ipv6_route") or "").splitlines())
    interfaces = {
        fields[9]
        for fields in routes
        if len(fields) > 9 and fields[1] == "00" and set(fields[0]) == {"0"} and fields[9] != "lo"
    }
    for fields in map(str.split, (host.read("/proc/net/if_inet6") or "").splitlines()):
        # Of scope global (00), and neither temporary (01), deprecated (20) nor tentative (40).
        if len(fields) == 6 and fields[5] in interfaces and fields[3] == "00" and not int(fields[4], 16) & 0x61:
            return str(ipaddress.ip_address(bytes.fromhex(fields[0])))
    return ""


def parse_record(text: str | None) -> tuple[list[dict[str, Any]] | None, str]:
    """Return what is recorded as opened, and what is wrong with the record (empty: nothing;
    otherwise the list is None)."""
    if text is None:
        return [], ""
    try:
        items = schema.FIREWALL.parse(text, RECORD)["opened"]
    except schema.VersionError as error:
        return None, str(error)
    except (ValueError, KeyError):
        return None, DAMAGED
    sound = isinstance(items, list) and all(
        isinstance(item, dict)
        and set(item) == _KEYS
        and item["backend"] in ("firewalld", "ufw")
        and isinstance(item["port"], int)
        and isinstance(item["zone"], str)
        and isinstance(item["source"], str)
        and isinstance(item["scopes"], list)
        for item in items
    )
    return (items, "") if sound else (None, DAMAGED)


# --------------------------------------------------------------------------------------------------------- planning


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides which ports to open and which to close, without touching the host."""
    public = [item for item in desired["ports"] if item["public"]]
    result = Draft(
        facts={
            "public": public,
            "address6": state["address6"],
            "close": [],
            "desired": {name: desired[name] for name in ("open", "address", "ports")},
        }
    )
    if desired["facts_only"]:
        return result.plan(desired, state)
    if state["record_error"]:
        result.errors += make_rule_errors("host.record", [state["record_error"]])
        return result.plan(desired, state)
    active, opened = state.get("active", ""), state["opened"]
    if desired["open"] and not active and desired["ports"]:
        result.rows.append(
            Row(
                "firewall",
                "firewall",
                "ports open",
                status="absent",
                why="neither firewalld nor ufw is active on this host: xitrum_open_firewall changes nothing here",
            )
        )
    rules = list(build_desired_rules(desired, state)) if desired["open"] else []
    kept, adds = [], []
    for rule in rules:
        missing = find_missing_scopes(rule, state)
        refusing = find_refusing_rule(rule, missing, state)
        owned: dict[str, Any] = next((item for item in opened if get_key(item) == get_key(rule)), {"scopes": []})
        scopes = sorted({*owned["scopes"], *([] if refusing else missing)})
        if scopes:
            kept.append({**rule, "scopes": scopes})
        adds += (
            [("run", words) for words in build_commands("open", {**rule, "scopes": missing}, active)]
            if missing and not refusing
            else []
        )
        result.rows.append(_make_row(rule, missing, refusing))
    keys = [get_key(rule) for rule in rules]
    # A program that was only stopped keeps its rules for the time when it is started again.
    old = [item for item in opened if get_key(item) not in keys] if active or not desired["open"] else []
    result.facts["close"] = [format_rule(item) for item in old]
    result.rows += [
        Row("firewall", format_rule(item), "closed", "open", "open", "drift", "it is not needed any longer", RUN)
        for item in old
    ]
    removes = (
        [("close", words) for item in old for words in build_commands("close", item, active)]
        if desired["close"]
        else []
    )
    after = opened if desired["open"] and not active else kept if desired["close"] else kept + old
    if adds:
        # Before the first command, so that a run that is killed in between loses nothing.
        result.actions += [("record", kept + old), *adds]
    if removes or (old and desired["close"]):
        result.actions += [*removes, ("record", kept)]
    result.before, result.after = ("".join(f"{format_rule(item)}\n" for item in items) for items in (opened, after))
    return result.plan(desired, state)


def build_desired_rules(desired: dict[str, Any], state: dict[str, Any]) -> list[dict[str, Any]]:
    """Each port and source as a rule of the active program, without doubles."""
    found: dict[tuple[str, str, int, str], dict[str, Any]] = {}
    for item in desired["ports"]:
        for source in item["sources"] or [""]:
            for rule in find_rules(item["port"], source, state):
                found.setdefault(get_key(rule), rule)
    return list(found.values())


def find_rules(port: int, source: str, state: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of the active program that let a port in for a source."""
    if state["active"] == "firewalld":
        zones = firewalld.find_zones(
            state["firewalld"][firewalld.RUNTIME],
            state["firewalld"]["default"],
            source,
            state["firewalld"]["interfaces"],
        )
        return [{"backend": "firewalld", "zone": zone, "port": port, "source": source} for zone in zones]
    if state["active"] == "ufw":
        sources = [source] if source else ufw.EVERY_SOURCE
        return [
            {"backend": "ufw", "zone": "", "port": port, "source": one}
            for one in sources
            if state["ufw"]["ipv6"] or ":" not in one
        ]
    return []


def find_missing_scopes(rule: dict[str, Any], state: dict[str, Any]) -> list[str]:
    """Where a rule has to be added so that its port is open: for firewalld among `permanent` and `runtime`."""
    if rule["backend"] == "ufw":
        return [] if ufw.lets_in(state["ufw"]["rules"], rule["port"], rule["source"]) else [firewalld.PERMANENT]
    read_state = state["firewalld"]
    empty = firewalld.parse_zone_file("")
    return [
        scope
        for scope in (firewalld.PERMANENT, firewalld.RUNTIME)
        if not firewalld.lets_in(
            read_state[scope].get(rule["zone"], empty), read_state["services"], rule["port"], rule["source"]
        )
    ]


def get_key(rule: dict[str, Any]) -> tuple[str, str, int, str]:
    """What makes two rules the same."""
    return (rule["backend"], rule["zone"], rule["port"], rule["source"])


def format_rule(rule: dict[str, Any]) -> str:
    """A rule for a person."""
    where = f"firewalld zone {rule['zone']}" if rule["backend"] == "firewalld" else "ufw"
    source = f" for {rule['source']}" if rule["source"] else ""
    return f"port {rule['port']}{source} in {where}"


def find_refusing_rule(rule: dict[str, Any], missing: list[str], state: dict[str, Any]) -> ufw.Rule | None:
    """The rule of ufw by something else that refuses a port:
    the first rule decides, so that one of ours behind it changes nothing."""
    if not missing or rule["backend"] != "ufw":
        return None
    return ufw.find_deciding_rule(state["ufw"]["rules"], rule["port"], rule["source"])


def _make_row(rule: dict[str, Any], missing: list[str], refusing: ufw.Rule | None) -> Row:
    permanent, runtime = (
        "closed" if scope in missing else "open" for scope in (firewalld.PERMANENT, firewalld.RUNTIME)
    )
    row = Row("firewall", format_rule(rule), "open", permanent, permanent if rule["backend"] == "ufw" else runtime)
    if refusing:
        why = f"a rule of ufw is set to {refusing.action}, and the first rule decides: remove that rule"
        row = row.replace(status="read_only", why=why)
    elif missing:
        row = row.replace(status="drift", why="xitrum_open_firewall asks for it", fix=RUN)
    return row


# ---------------------------------------------------------------------------------------------------------- acting


def apply(host: Host, plan: Plan) -> Applied:
    """Records, opens, closes. Raises RuntimeError with what a command reported."""
    for kind, item in plan.actions:
        if kind == "record":
            write_record(host, item)
            continue
        answer = host.run(item)
        # A program that was uninstalled took its rules with it.
        if answer.rc != 0 and not (kind == "close" and answer.rc == 127):
            raise RuntimeError(
                f"{' '.join(item)} failed with exit code {answer.rc}: {(answer.err or answer.out).strip()}. "
                "Correct that, then run the playbook again"
            )
    return Applied()


def build_commands(verb: str, item: dict[str, Any], active: str) -> list[list[str]]:
    """The commands that `open` or `close` one rule."""
    if item["backend"] == "ufw":
        return [ufw.build_command("allow" if verb == "open" else "delete", item["port"], item["source"])]
    runs = active == "firewalld"
    scopes = [scope for scope in item["scopes"] if runs or scope == firewalld.PERMANENT]
    return [
        firewalld.build_command(
            "add" if verb == "open" else "remove", scope, item["zone"], item["port"], item["source"], runs
        )
        for scope in scopes
    ]


def write_record(host: Host, items: list[dict[str, Any]]) -> None:
    """Writes the record, or removes it where nothing is left in it."""
    if items:
        host.write(RECORD, schema.FIREWALL.render({"opened": items}, 1), 0o600)
    else:
        host.remove(RECORD)
        host.remove_empty(FOLDER)
