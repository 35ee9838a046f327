# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port redirects of a host: outside ports such as 80 to inside ports such as 8000,
in the way the host keeps its firewall.

Reads all three back ends each time, so that a change of back end leaves nothing of ours in the old one.
"""

from __future__ import annotations

import re
from typing import Any

from ..core import addresses, recorded, unmanaged_file
from ..core.addresses import parse_interfaces
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import LISTING_BYTES, Host
from ..core.plan import RUN, BlockingError, Draft, Plan, Row, make_rule_errors
from ..core.process import parse_unit
from ..core.sockets import format_unread_note, read_listeners
from . import boot as redirects_boot
from . import firewalld as redirects_firewalld
from . import iptables as redirects_iptables
from . import leftovers as redirects_leftovers
from . import nft as redirects_nft
from . import ports as redirects_ports
from . import unmanaged as redirects_unmanaged
from .rules import (
    FAMILIES,
    FAMILY_NAME,
    FOLDER,
    OUTSIDE,
    Rule,
    Step,
    build_desired_rules,
    format_lines,
    format_rules,
)

BACKENDS = {"nftables": redirects_nft, "iptables": redirects_iptables, "firewalld": redirects_firewalld}

NAME = "redirects"

SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "backend": {"type": "str", "choices": ["auto", *BACKENDS], "default": "auto"},
    "pairs": {
        "type": "list", "elements": "dict", "default": [],
        "options": {
            "outside": {"type": "int", "required": True},
            "inside": {"type": "int", "required": True},
            "interface": {"type": "str"},
        },
    },
    "loopback": {"type": "bool", "default": True},
    "stop_services": {"type": "list", "elements": "str", "default": []},
    "probe": {"type": "bool", "default": False},
}


def _describe_unread(error: Exception) -> str:
    return f"redirects: the host could not be read: {error}. Live rules are read by root: set become"


def _describe_failure(_host: Host, _plan: Plan, error: Exception) -> str:
    return f"redirects: {error}"


def _list_left(plan: Plan) -> str:
    return f"see the rows. Left to do: {describe_steps(plan)}"


def _render_header(_desired: Desired) -> str:
    return "redirects"


#: Applied twice where it has to be: what a back end left behind shows only once ours are gone from it.
EXECUTION = Execution(
    header=_render_header, unread=_describe_unread, describe=_describe_failure, rounds=2, left=_list_left
)

PROGRAMS = ("nft", "iptables", "ip6tables", "firewall-cmd")
SERVICES = (
    "firewalld.service",
    "nftables.service",
    "iptables.service",
    "netfilter-persistent.service",
    *redirects_boot.UNITS,
)
_PROPERTIES = "Id,Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
#: The files of the distribution that may have our rules in them.
_SAVED = {path for files in redirects_iptables.SAVERS.values() for path in files.values()}
_NF_CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack"


# ---------------------------------------------------------------------------------------------------------- reading

def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything about the host's redirects. Live rules need root."""
    state: dict[str, Any] = {"paths": {name: host.find_program(name) for name in PROGRAMS}, "unread": []}
    state["families"] = [family for family in FAMILIES if family == "ipv4" or addresses.supports_ipv6(host)]
    state["reachable"] = [family for family in state["families"] if family == "ipv4" or addresses.has_ipv6(host)]
    state["systemd"] = host.exists("/run/systemd/system")
    state["units"] = (
        _read_units(host, [*SERVICES, *map(redirects_ports.complete_unit_name, desired["stop_services"])])
        if state["systemd"]
        else {}
    )
    saves, variant = _saves(host, state)
    state["variant"], state["legacy"] = variant, variant == "legacy" and any(saves.values())
    state["nftables"] = {"objects": _list_objects(host, state), "file": host.read(redirects_nft.FILE)}
    paths = [
        *redirects_iptables.FILES.values(),
        *(path for files in redirects_iptables.SAVERS.values() for path in files.values()),
    ]
    files = {path: unmanaged_file.read_file(host, path) for path in paths}
    state["iptables"] = {
        "live": saves, "saved": {path: file.text for path, file in files.items()}, "saver": _find_saver(state),
        "modes": {path: file.stat.mode for path, file in files.items() if file.stat},
        "unusable": {path: file.error for path, file in files.items() if file.error},
    }
    active = state["units"].get("firewalld.service", {}).get("ActiveState") == "active"
    direct = host.read(redirects_firewalld.FILE) if state["paths"]["firewall-cmd"] else None
    state["firewalld"] = {"live": saves, "active": active, "direct": direct, "runtime": []}
    state["unit_files"] = {unit: host.read(redirects_boot.get_path(unit)) for unit in redirects_boot.UNITS}
    state["record"] = host.read(redirects_leftovers.RECORD)
    state["interfaces"] = host.listdir("/sys/class/net")
    state["addresses"] = _list_addresses(host, state)
    sockets = read_listeners(host)
    state["holders"] = redirects_ports.find_holders(host, sockets, desired)
    state["sockets_note"] = format_unread_note(sockets)
    state["listening"] = {row["port"] for row in sockets or []}
    state["conntrack"] = {name: _parse_number(host.read(f"{_NF_CONNTRACK}_{name}")) for name in ("max", "count")}
    state["answers"] = (
        redirects_ports.probe_all(host, desired, state["reachable"])
        if desired["probe"] and desired["state"] == "present"
        else {}
    )
    rules = build_rules(desired, state) if choose_backend(desired, state)[0] == "firewalld" else []
    if active and redirects_firewalld.parse_effective(state["firewalld"], state["families"]) != rules:
        # Queried only when something is to do: each question takes a quarter of a second.
        state["firewalld"]["runtime"] = redirects_firewalld.parse_runtime_rules(
            host.run(["firewall-cmd", "--direct", "--get-all-rules"]).out
        )
    return state


def read_live(host: Host) -> dict[str, Any]:
    """The live rules alone, as `redirects_unmanaged.find_takings` takes them,
    and what an aim of it needs of the host."""
    state: dict[str, Any] = {"paths": {name: host.find_program(name) for name in PROGRAMS}, "unread": []}
    state["families"] = [family for family in FAMILIES if family == "ipv4" or addresses.supports_ipv6(host)]
    saves, _variant = _saves(host, state)
    state["nftables"], state["iptables"] = {"objects": _list_objects(host, state)}, {"live": saves}
    state["interfaces"], state["addresses"] = host.listdir("/sys/class/net"), _list_addresses(host, state)
    return state


def read_live_pairs(host: Host) -> list[dict[str, Any]]:
    """The live redirects of ours as pairs, whichever back end has them; none where this user may not read the rules."""
    state = read_live(host)
    state["firewalld"] = {"live": state["iptables"]["live"]}
    found = {}
    for rules in list_all_rules("parse_effective", state).values():
        found.update({pair["outside"]: pair for pair in list_live_pairs(rules)})
    return [found[outside] for outside in sorted(found)]


def _read_units(host: Host, names: list[str]) -> dict[str, dict[str, str]]:
    result = host.run(["systemctl", "show", "--no-pager", f"--property={_PROPERTIES}", "--", *dict.fromkeys(names)])
    shown = [parse_unit(block) for block in result.out.split("\n\n")] if result.rc == 0 else []
    return {name: unit for unit in shown for name in unit.get("Names", unit.get("Id", "")).split()}


def _saves(host: Host, state: dict[str, Any]) -> tuple[dict[str, str | None], str]:
    """iptables-save's output of each family, and which kernel interface it speaks: `nft` or `legacy`."""
    saves, variant = dict.fromkeys(FAMILIES), ""
    for family in state["families"]:
        program = state["paths"][redirects_iptables.COMMANDS[family]]
        if program is None:
            continue
        legacy = "nft" not in host.realpath(program)
        variant = "legacy" if legacy else "nft"
        # The legacy program would load a table only to show that it is empty.
        if legacy and not (host.read(f"/proc/net/{'ip' if family == 'ipv4' else 'ip6'}_tables_names") or "").split():
            continue
        result = host.run([f"{redirects_iptables.COMMANDS[family]}-save"], limit=LISTING_BYTES)
        if result.rc == 0:
            saves[family] = result.out
        else:
            state["unread"].append(f"{redirects_iptables.COMMANDS[family]}-save: {(result.err or result.out).strip()}")
    return saves, variant


def _list_objects(host: Host, state: dict[str, Any]) -> list[dict[str, Any]]:
    if state["paths"]["nft"] is None:
        return []
    result = host.run(["nft", "-j", "list", "ruleset"], limit=LISTING_BYTES)
    try:
        if result.rc == 0:
            return redirects_nft.parse(result.out)
        state["unread"].append(f"nft -j list ruleset: {(result.err or result.out).strip()}")
    except (ValueError, KeyError):
        state["unread"].append(
            "nft -j list ruleset: no JSON. This nft was built without it; nftables of the distribution has it"
        )
    return []


def _list_addresses(host: Host, state: dict[str, Any]) -> list[Any]:
    """The host's own addresses, where an unmanaged rule is for some addresses only."""
    takings = redirects_unmanaged.find_takings(state["nftables"]["objects"], state["iptables"]["live"])
    if not any(
        condition.kind == "daddr" for some in takings.values() for taking in some for condition in taking.conditions
    ):
        return []
    listed = host.run(["ip", "-j", "address", "show"])
    return [address for _name, address in parse_interfaces(listed.out)]


def _find_saver(state: dict[str, Any]) -> str:
    """The distribution's unit that restores iptables at boot; empty where none is installed and enabled."""
    for name in ("netfilter-persistent.service", "iptables.service"):
        unit = state["units"].get(name, {})
        if unit.get("LoadState") == "loaded" and (
            unit.get("UnitFileState") == "enabled" or unit.get("ActiveState") == "active"
        ):
            return name
    return ""


def _parse_number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\s*[0-9]{1,18}\s*", text) else None


# --------------------------------------------------------------------------------------------------------- planning

def choose_backend(desired: dict[str, Any], state: dict[str, Any]) -> tuple[str, str]:
    """`(name, why)` of the back end to use."""
    if desired["backend"] != "auto":
        return desired["backend"], "the inventory sets it"
    if state["firewalld"]["active"]:
        return "firewalld", "firewalld runs"
    if state["iptables"]["saver"]:
        return "iptables", f"{state['iptables']['saver']} restores iptables at boot"
    if state["legacy"]:
        return "iptables", "the host has rules of legacy iptables"
    return "nftables", "neither firewalld nor saved or legacy iptables rules are in use"


def build_rules(desired: dict[str, Any], state: dict[str, Any]) -> list[Rule]:
    """The rules that the host is to have."""
    if desired["state"] != "present":
        return []
    return build_desired_rules(desired["pairs"], desired["loopback"], state["families"])


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from `desired` (the options of SPEC) and what `read` gave, without touching the host."""
    rules, (name, why) = build_rules(desired, state), choose_backend(desired, state)
    result = Draft(
        facts={
            "backend": name,
            "why": why,
            "packages": list_packages(name, state, rules),
            "conntrack": read_conntrack(state, rules),
            "moves": False,
            "pairs": [],
        }
    )
    unread = [f"{text}. Live rules are read by root: set become" for text in state["unread"]]
    damaged = redirects_leftovers.find_error(state["record"])
    found = [
        *redirects_ports.find_errors(desired, state),
        *_find_backend_errors(name, state, rules),
        *make_rule_errors("host.redirects-unread", unread),
        *make_rule_errors("host.record", [damaged]),
    ]
    result.errors = [BlockingError.wrap("redirects: {}", text) for text in found]
    if result.errors:
        return result.plan(desired, state)
    # The new back end first: a moment with both is one with a redirect.
    for backend in sorted(BACKENDS, key=lambda other: other != name):
        kept = rules if backend == name else []
        result.actions += BACKENDS[backend].plan_steps(kept, state[backend], state["families"])
    paths = {program: state["paths"][program] or f"/usr/sbin/{program}" for program in PROGRAMS}
    own_unit = rules and (name == "nftables" or (name == "iptables" and not state["iptables"]["saver"]))
    units = {
        unit: redirects_boot.render_unit(unit, name, state["families"], paths)
        for unit in redirects_boot.UNITS
        if own_unit
    }
    result.actions += redirects_boot.plan_steps(units, state)
    mine = any(
        redirects_iptables.has_ours(text) or redirects_firewalld.find_ours(text)
        for text in state["iptables"]["live"].values()
    )
    result.actions = redirects_leftovers.wrap_steps(
        result.actions, rules if name in ("iptables", "firewalld") else [], mine, state
    )
    result.actions += redirects_ports.plan_stops(desired, state, rules)
    unusable = state["iptables"]["unusable"]
    written = [step.path for step in result.actions if step.kind == "write"]
    result.errors += make_rule_errors(
        "host.file-unsafe", (f"redirects: {unusable[path]}" for path in written if path in unusable)
    )
    saved, live = list_all_rules("parse_configured", state), list_all_rules("parse_effective", state)
    result.facts["moves"] = moves(rules, live[name], state["listening"])
    result.facts["pairs"] = list_live_pairs(live[name])
    result.rows = _make_pair_rows(desired, state, rules, name, saved[name], live[name]) + _make_old_rows(
        name, saved, live
    )
    result.rows += [_make_boot_row(name, state)] if rules else []
    result.rows += redirects_ports.build_rows(desired, state, rules)
    result.before = "".join(
        format_lines(f"{title}, {backend}", found[backend])
        for title, found in (("saved", saved), ("live", live))
        for backend in BACKENDS
    )
    result.after = format_lines(f"saved, {name}", rules) + format_lines(
        f"live, {name}", rules if name != "firewalld" or state["firewalld"]["active"] else []
    )
    return result.plan(desired, state)


def moves(rules: list[Rule], live: list[Rule], listening: set[int]) -> bool:
    """Whether an outside port is to lead to another inside port, on which nothing listens yet: until something
    does, what it has is better."""
    before, after = ({(rule.family, rule.outside): rule.inside for rule in some} for some in (live, rules))
    moved = {after[key] for key, inside in before.items() if after.get(key, inside) != inside}
    return bool(moved - listening)


def list_live_pairs(live: list[Rule]) -> list[dict[str, Any]]:
    """The live redirects as pairs, with which they can be restored:
    those of other hosts first, since only they have an interface."""
    found: dict[int, dict[str, Any]] = {}
    for rule in sorted(live, key=lambda rule: rule.origin != OUTSIDE):
        pair = {"outside": rule.outside, "inside": rule.inside, "interface": rule.interface}
        if rule.outside:
            found.setdefault(rule.outside, {name: value for name, value in pair.items() if value})
    return [found[outside] for outside in sorted(found)]


def list_all_rules(function: str, state: dict[str, Any]) -> dict[str, list[Rule]]:
    """Of each back end, its configured or effective rules."""
    return {name: getattr(module, function)(state[name], state["families"]) for name, module in BACKENDS.items()}


def list_packages(name: str, state: dict[str, Any], rules: list[Rule]) -> list[str]:
    """The distribution's packages that the back end lacks."""
    needs = {
        "nftables": {"nftables": "nft"},
        "iptables": {"iptables": "iptables"},
        "firewalld": {"firewalld": "firewall-cmd", "iptables": "iptables"},
    }
    return [package for package, program in needs[name].items() if rules and state["paths"][program] is None]


def read_conntrack(state: dict[str, Any], rules: list[Rule]) -> dict[str, Any]:
    """What a redirect costs: each connection is an entry in a table of the kernel.
    `modules` have to be there at boot, before sysctl."""
    return {
        "modules": ["nf_conntrack"] if rules else [],
        "loaded": state["conntrack"]["max"] is not None,
        **state["conntrack"],
    }


def _find_backend_errors(name: str, state: dict[str, Any], rules: list[Rule]) -> list[str]:
    if rules and name == "iptables" and state["firewalld"]["active"]:
        return [BlockingError(
            "the back end is iptables, and firewalld runs: its next reload would remove the rules. "
            "Set the back end to firewalld or nftables, or leave it to auto",
            rule="host.redirects-back-end",
        )]
    return []


def _make_pair_rows(
    desired: dict[str, Any], state: dict[str, Any], rules: list[Rule], name: str, saved: list[Rule], live: list[Rule]
) -> list[Row]:
    rows = []
    interfaces = {pair["outside"]: pair.get("interface") for pair in desired["pairs"]}
    for outside in sorted({rule.outside for rule in [*rules, *saved, *live]}):
        for family in FAMILIES:
            if family not in state["families"]:
                rows.append(
                    Row(
                        "redirects",
                        _format_item(outside, family),
                        status="absent",
                        why=f"{FAMILY_NAME[family]} is off on this host",
                    )
                )
                continue
            row = Row(
                "redirects",
                _format_item(outside, family),
                format_rules(rules, family, outside),
                format_rules(saved, family, outside),
                format_rules(live, family, outside),
            )
            if not row.desired == row.configured == row.effective:
                there = row.configured or row.effective
                why = "the inventory asks for another redirect" if there else "there is no redirect yet"
                stopped = name == "firewalld" and not state["firewalld"]["active"] and row.desired == row.configured
                row = row.replace(status="drift", why="firewalld does not run" if stopped else why, fix=RUN)
                row = row.add_commands(["systemctl", "start", "firewalld"]) if stopped else row
            elif interfaces.get(outside):
                row = row.replace(why=f"only what comes in by {interfaces[outside]}")
            rows.append(row)
    return rows


def _format_item(outside: int, family: str) -> str:
    return "other rules" if outside == 0 else f"port {outside} ({FAMILY_NAME[family]})"


def _make_old_rows(name: str, saved: dict[str, list[Rule]], live: dict[str, list[Rule]]) -> list[Row]:
    """What is left in the other back ends."""
    return [
        Row(
            "redirects",
            f"redirects in {backend}",
            desired="none",
            configured=f"{len(saved[backend])} rules",
            effective=f"{len(live[backend])} rules",
            status="drift",
            why=f"the back end is {name} now",
            fix=RUN,
        )
        for backend in BACKENDS
        if backend != name and (saved[backend] or live[backend])
    ]


def _make_boot_row(name: str, state: dict[str, Any]) -> Row:
    unit = {"firewalld": "firewalld.service", "iptables": state["iptables"]["saver"] or redirects_boot.UNIT}.get(
        name, redirects_boot.UNIT
    )
    shown = state["units"].get(unit, {})
    row = Row("redirects", "redirects at boot", desired=unit,
              configured=shown.get("UnitFileState") or "not there", effective=shown.get("ActiveState") or "not there")
    if not state["systemd"]:
        why = "systemd does not run here, so nothing restores the redirects at boot"
        row = row.replace(status="absent", why=why)
    elif shown.get("UnitFileState") != "enabled" or shown.get("ActiveState") != "active":
        row = row.replace(status="drift", why="the redirects would not be there after a reboot", fix=RUN)
        if unit != redirects_boot.UNIT:
            row = row.add_commands(["systemctl", "enable", "--now", unit])
    return row


def apply(host: Host, plan: Plan) -> Applied:
    """Takes the planned steps. Raises RuntimeError with what a command reported."""
    for step in plan.actions:
        if step.kind == "write":
            if step.path in _SAVED:
                write_saved(host, step)
            else:
                host.write(step.path, step.text, step.mode)
        elif step.kind == "remove":
            host.remove_written(step.path)
            if step.path.startswith(f"{FOLDER}/") and not host.listdir(FOLDER):
                host.remove(FOLDER)
        else:
            if step.kind == "stop":
                recorded.note_unit(host, step.path)
            result = host.run(list(step.argv), data=step.text or None)
            if result.rc != 0:
                raise RuntimeError(
                    f"{' '.join(step.argv)} failed with exit code {result.rc}: {(result.err or result.out).strip()}. "
                    "Run the playbook again once that is fixed"
                )
    return Applied()


def write_saved(host: Host, step: Step) -> None:
    """Writes a file of the distribution, with our rules or without. One that was not there goes with our last rule."""
    file = unmanaged_file.read_file(host, step.path)
    if not redirects_iptables.has_ours(file.text):
        unmanaged_file.note_file(host, file)
    note, last = recorded.find_noted_file(host, step.path), not redirects_iptables.has_ours(step.text)
    if last and not step.text and note and "mode" not in note:
        host.remove_written(step.path)
    else:
        host.write(step.path, step.text, None if file.stat else step.mode)
    if last:
        recorded.forget(host, "files", step.path)


def describe_steps(planned: Plan) -> str:
    """The planned steps for a message: commands, and files without what is in them."""
    return "; ".join(" ".join(step.argv) if step.argv else f"{step.kind} {step.path}" for step in planned.actions)
