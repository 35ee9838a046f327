# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `proxy`: its configuration on the disk, and whether the running worker has that configuration.

A configuration costs no restart: it is checked next to the old one, put in its place, and taken up by a reload. A
reload that was lost with a killed run is noticed, since the digest of the live worker is read, not the file's time.
Differences between proxies are in a file for each in `kinds`, see `contract`.
"""

from __future__ import annotations

import concurrent.futures
import re
import time
from typing import Any, Mapping, Optional, Sequence

from ..core import addresses, process, recorded, sockets, unmanaged_file
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import CHECK, RUN, SERVER, BlockingError, Draft, Plan, Row, make_rule_errors
from ..core.untrusted_text import hide_text, make_printable, show_own_text
from ..redirects import component as redirects
from ..redirects import ports as redirects_ports
from . import reloaded as proxy_reloaded
from . import table
from . import text as proxy_text
from .table import PROXIES

#: Where a configuration is checked before it replaces the old one: on a RAM disk, root only, since it holds keys.
TRIAL = "/run/xitrum.host-proxy"
PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "MainPID", "NeedDaemonReload")
PATIENCE = 15.0
ALL_THAT_IS_GRANTED = "all that is granted"
#: What an unmanaged configuration is kept as, once.
KEPT = ".before-xitrum"

_FILE = {"path": {"type": "path", "required": True}, "mode": {"type": "str", "default": "0644"}}

NAME = "proxy"

SPEC = {
    "software": table.OPTION,
    "config": {"type": "str", "required": True},
    "config_path": {"type": "path", "required": True},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {**_FILE, "content": {"type": "str", "required": True}},
    },
    "pems": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **_FILE,
            "mode": {"type": "str", "default": "0600"},
            "content": {"type": "str", "required": True, "no_log": True},
        },
    },
    "packages": {"type": "list", "elements": "str", "required": True},
    "service": {"type": "str", "required": True},
    "socket": {"type": "path", "default": table.SOCKET},
    "control_port": {"type": "int", "default": 0},
    "ports": {"type": "list", "elements": "int", "default": []},
    "wait_seconds": {"type": "int", "default": 0},
    "programs": {"type": "list", "elements": "str", "default": []},
    "health_path": {"type": "str", "default": "/"},
    "health_status": {"type": "int", "default": 200},
}
#: How long an instance may take to answer where the proxy does not ask itself.
HEALTH_SECONDS = 3.0


# ---------------------------------------------------------------------------------------------------------- reading


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything that `plan` needs."""
    software = PROXIES[desired["software"]]
    result = host.run(software.version_command)
    version = software.version_pattern.search(result.out + result.err)
    unit = process.parse_unit(
        host.run(
            [
                "systemctl",
                "show",
                "--no-pager",
                "--property=" + ",".join(PROPERTIES),
                "--",
                desired["service"] + ".service",
            ]
        ).out
    )
    config = unmanaged_file.read_file(host, desired["config_path"])
    paths = [item["path"] for item in [*desired["files"], *desired["pems"]]]
    files = {config.path: config, **{path: unmanaged_file.read_file(host, path, unmanaged=False) for path in paths}}
    main = process.get_main_pid(unit)
    state: dict[str, Any] = {
        "version": version.group(1) if version else "",
        "programs": {name: host.find_program(name) for name in desired["programs"]},
        "systemd": host.exists("/run/systemd/system"),
        "unit": unit,
        "files": {path: (file.text, file.stat) for path, file in files.items()},
        "unusable": [file.error for file in files.values() if file.error],
        "kept": host.stat(desired["config_path"] + KEPT),
        "listeners": sockets.read_listeners(host),
        "ipv6": addresses.supports_ipv6(host),
        "ipv6_address": addresses.has_ipv6(host),
        "bind_errors": find_bind_errors(host, software.parse_binds(desired["config"])),
        "names": read_names(host, desired["config"]),
        "other_proxies": read_other_proxies(host, desired["software"]),
        "base_nofile": _read_hard_limit(host, main) or _read_hard_limit(host, 1),
        "nr_open": read_kernel_number(host, "/proc/sys/fs/nr_open"),
        "old_workers": process.read_if_allowed(software.count_old_workers, host, main) or 0 if main else 0,
        "missing": software.find_missing(host, main),
        "rules": redirects.read_live(host),
        "live": wait_for_servers(host, desired),
    }
    state["raises"] = host.run(["sh", "-c", f"ulimit -HSn {state['nr_open']}"]).rc == 0
    limits = process.read_if_allowed(host.read, f"/proc/{state['live']['pid']}/limits")
    state["worker_nofile"] = (process.parse_nofile(limits or "") or (None, None))[0]
    return state


def read_kernel_number(host: Host, path: str) -> int:
    """The number in a file of the kernel's; 0 where there is none."""
    text = (host.read(path) or "").strip()
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _read_hard_limit(host: Host, pid: Any) -> int:
    """The hard nofile limit of a process; 0 where it is not there or not to be seen."""
    limits = process.read_if_allowed(host.read, f"/proc/{pid}/limits") if pid else None
    return (process.parse_nofile(limits or "") or (0, 0))[1]


def wait_for_servers(host: Host, desired: Desired) -> dict[str, Any]:
    """What the worker reports, when every server is enabled or `wait_seconds` is over: one that was just started takes
    some checks. One that somebody disabled is not waited for."""
    deadline = time.monotonic() + desired["wait_seconds"]
    live = read_live(host, desired)
    while time.monotonic() < deadline and any(_is_coming(row) for row in live["servers"]):
        time.sleep(0.5)
        live = read_live(host, desired)
    return live


def read_live(host: Host, desired: Desired) -> dict[str, Any]:
    """What the worker reports.

    Where it knows nothing of the health of its servers, those of the application are queried from here.
    """
    software = PROXIES[desired["software"]]
    live = software.read_live(host, desired)
    unchecked = [
        row
        for row in live["servers"]
        if not software.checks_health and row["backend"] == table.BACKEND and row["admin"] == "ready"
    ]
    if unchecked:
        with concurrent.futures.ThreadPoolExecutor(min(len(unchecked), 32)) as pool:
            answers = list(pool.map(lambda row: proxy_reloaded.probe(host, desired, row, HEALTH_SECONDS), unchecked))
        for row, wrong in zip(unchecked, answers):
            row.update({"status": "DOWN" if wrong else row["status"], "check": wrong})
    return live


def _is_coming(row: Mapping[str, Any]) -> bool:
    return row["admin"] == "ready" and row["status"].startswith("DOWN")


# --------------------------------------------------------------------------------------------------------- planning


def read_other_proxies(host: Host, software: str) -> list[str]:
    """The software of proxies that this collection has set up on the host next to `software`."""
    others = [other for other in PROXIES.values() if other.name != software]
    return [other.name for other in others if proxy_text.find_stamp(host.read(other.config_path) or "")]


def read_names(host: Host, config: str) -> dict[str, list[str]]:
    """The addresses of the host names for which a configuration needs them, as this host resolves them."""
    return {name: sorted(addresses.resolve(host, name)) for name in proxy_text.list_names_to_resolve(config)}


def find_bind_errors(host: Host, binds: Sequence[str]) -> dict[str, str]:
    """Why no program can listen on addresses of the configuration, address to the kernel's words. Every address of a
    family can be listened on."""
    places = {bind.rpartition(":")[0] for bind in binds}
    found = {place: addresses.parse_address(place) for place in sorted(places)}
    errors = {
        place: host.find_bind_error(addresses.normalize(place))
        for place, one in found.items()
        if one and not one.ip.is_unspecified
    }
    return {place: error for place, error in errors.items() if error}


def fit_to_host(desired: Desired, ipv6: bool, ipv6_address: bool) -> tuple[Desired, list[str]]:
    """The desired state without the lines that listen on every IPv6 address, or on its loopback, where the host has
    none: `(desired, left out)`.

    `ipv6` is whether the kernel has IPv6 at all, `ipv6_address` whether the host has an address of it. Whoever
    asks for every address gets those that there are. A port that nothing would listen on any more is left as it is,
    to be refused.
    """
    bind, gone = PROXIES[desired["software"]].bind, {"::1"} if ipv6 else {"::", "::1"}
    if ipv6_address:
        return desired, []
    lines, out, ports = [], [], set()
    for line in desired["config"].splitlines(keepends=True):
        found = bind.match(line)
        if found and addresses.normalize(found[1]) in gone:
            out.append(found)
        else:
            lines.append(line)
            ports |= {found[2]} if found else set()
    if not out or any(found[2] not in ports for found in out):
        return desired, []
    return {**desired, "config": "".join(lines)}, list(dict.fromkeys(f"{found[1]}:{found[2]}" for found in out))


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from `desired` (the options of SPEC) and what `read` gave, without touching the host."""
    given = desired
    desired = {**given, "config": proxy_text.fill_names(given["config"], state["names"])}
    desired, left_out = fit_to_host(desired, state["ipv6"], state["ipv6_address"])
    text = proxy_text.stamp_config(desired["config"], desired["pems"])
    result = Draft(errors=_find_errors(desired, state, text))
    active, package = state["unit"].get("ActiveState") == "active", desired["packages"][0]
    if not state["version"]:
        result.actions.append(("install", package))
    _add_row(
        result,
        "package",
        package,
        state["version"],
        state["live"]["version"],
        bool(state["version"]),
        "it is not installed",
    )
    for name, path in state["programs"].items():
        _add_row(result, f"program {name}", "installed", path or "", "", path, "it is not installed")
        if not path:
            result.actions.append(("install", name))
    _plan_files(desired, state, text, result)
    _plan_service(desired, state, text, result, active)
    for item, want, why in state["missing"] if state["version"] else []:
        why = f"{why}, and a restart cuts the connections that it has"
        restart = ["systemctl", "restart", desired["service"]]
        result.rows.append(Row("proxy", item, want, want, "missing", "restart_pending", why, commands=[restart]))
    _plan_limits(desired, state, text, result, active)
    _plan_servers(desired, state, text, result)
    result.facts = {
        "digest": proxy_text.find_stamp(text),
        "version": state["version"],
        "packages": desired["packages"],
        "actions": list(dict.fromkeys(kind for kind, _item in result.actions)),
        "servers": state["live"]["servers"],
        "notes": [
            *_find_notes(left_out, state),
            *(
                note
                for kind, item in result.actions
                if kind == "keep"
                for note in unmanaged_file.find_names_notes(
                    desired["config_path"], state["files"][desired["config_path"]][1]
                )
            ),
        ],
        **read_serving(desired, state["version"], state["unit"], state["files"][desired["config_path"]][0]),
    }
    return result.plan(given, state)


def read_serving(desired: Desired, version: str, unit: Mapping[str, Any], text: str | None) -> dict[str, Any]:
    """What decides whether the proxy is to serve: that it is set up by this collection, and that it runs."""
    return {
        "title": PROXIES[desired["software"]].title,
        "service": desired["service"],
        "set_up": bool(version and proxy_text.find_stamp(text or "")),
        "running": unit.get("ActiveState") == "active",
    }


def _find_notes(left_out: Sequence[str], state: Mapping[str, Any]) -> list[str]:
    """What stops nothing, as sentences."""
    found = []
    if left_out:
        found.append(
            f"this host has no IPv6, so the proxy does not listen on {' and '.join(left_out)}, "
            "and listens on the IPv4 addresses alone"
        )
    return [*found, *filter(None, [sockets.format_unread_note(state["listeners"])])]


def _add_row(
    result: Draft,
    item: str,
    want: str,
    configured: str,
    effective: str,
    good: Any,
    why: str = "",
    fix: str = RUN,
    commands: Sequence[Any] = (),
) -> None:
    result.rows.append(
        Row("proxy", item, want, configured, effective)
        if good
        else Row("proxy", item, want, configured, effective, "drift", why, fix, list(commands))
    )


def _find_errors(desired: Desired, state: Mapping[str, Any], text: str) -> list[str]:
    """The errors of this configuration on this host, as sentences."""
    found, software = make_rule_errors("host.file-unsafe", state["unusable"]), PROXIES[desired["software"]]
    if not state["systemd"]:
        found.append(
            BlockingError(
                f"{software.title} is kept running by systemd, and this host does not run systemd (no "
                "/run/systemd/system): "
                "use a host with systemd as proxy",
                rule="host.proxy-systemd",
            )
        )
    for oldest, why in software.needs:
        if state["version"] and split_version(state["version"]) < oldest:
            found.append(
                BlockingError(
                    f"{software.title} {state['version']} is too old: {why}. Expected {'.'.join(map(str, oldest))} or "
                    "later: upgrade the package, or choose another xitrum_proxy_software",
                    rule="host.proxy-version",
                )
            )
            break
    if proxy_text.find_stamp(text) != proxy_text.compute_digest(desired["config"], desired["pems"]):
        found.append(
            BlockingError(
                f"The configuration has no {proxy_text.PLACEHOLDER}, by which the running {software.title} reports "
                f"which configuration it has: add it to the configuration",
                rule="host.proxy-stamp",
            )
        )
    before = state["files"][desired["config_path"]][0] or ""
    app, gets = proxy_text.find_application(before), proxy_text.find_application(text)
    if proxy_text.find_stamp(before) and app and app != gets:
        found.append(
            BlockingError(
                f"found the configuration of the application {app} in {desired['config_path']}, expected none or that "
                f"of {gets} (xitrum_name): the clients of {app} would get {gets}. Use another proxy for {gets}, or "
                f"have {app}'s inventory route a path to it (xitrum_proxy_backends). To give the proxy to {gets}, run "
                f"remove.yml for this host with {app}'s inventory first",
                rule="host.proxy-application",
            )
        )
    binds = list(filter(None, map(software.bind.match, text.splitlines())))
    holders = {PROXIES[name].process: name for name in state["other_proxies"]}
    for row in state["listeners"] or []:
        places = [bind[1] for bind in binds if int(bind[2]) == row["port"]] or [""]
        if (
            row["port"] in desired["ports"]
            and row["process"] not in ("", software.process)
            and addresses.collides(row, places)
        ):
            other = holders.get(row["process"])
            found.append(
                BlockingError(
                    f"Port {row['port']} is held by {make_printable(row['process'])} (process {row['pid']}), and "
                    f"{software.title} is to listen there: "
                    + (
                        f"it is the proxy {other} that this host has had so far. Change one proxy after the other. Run "
                        f"remove.yml with --limit and the name of this host, and -e remove_host_count=1. Then set "
                        f"xitrum_proxy_software: {desired['software']} in its host_vars, and run site.yml with the "
                        f"same --limit"
                        if other
                        else "stop and disable that service, or give the proxy another port"
                    ),
                    rule="host.proxy-port-held",
                )
            )
    ports = [(port, "") for port in desired["ports"] if port != desired["control_port"]]
    found += [
        text
        for _port, text, certain in redirects_ports.find_conflicts(
            ports, state["rules"], "or give the proxy another port"
        )
        if certain
    ]
    if not state["ipv6"] and any(bind.startswith("[") for bind in software.parse_binds(text)):
        found.append(
            BlockingError(
                "The configuration listens on an IPv6 address, and this host has no IPv6 (no /proc/net/if_inet6): set "
                "xitrum_proxy_listen: ['0.0.0.0']",
                rule="host.proxy-address-family",
            )
        )
    held = [row for row in state["listeners"] or [] if row["process"] == software.process]
    for place, error in state["bind_errors"].items() if state["ipv6"] else ():
        if place in {bind.rpartition(":")[0] for bind in software.parse_binds(text)} and not any(
            addresses.serves([row], place) for row in held
        ):
            found.append(
                BlockingError(
                    f"xitrum_proxy_listen contains {place}, where no program of this host can listen ({error}); "
                    "expected are addresses of this host, 0.0.0.0 or ::. Correct it for this host",
                    rule="host.proxy-listen",
                )
            )
    connections, count = software.parse_maxconn(text), len(software.parse_servers(text))
    need, most = proxy_text.compute_needed_nofile(connections, count), find_granted_nofile(state)
    if connections and most and need > most:
        found.append(
            BlockingError(
                f"{connections} connections need {need} open files, and this host grants {software.title} {most} "
                f"({'fs.nr_open' if state['raises'] else 'root cannot raise its hard limit here: a container'}): "
                f"set xitrum_proxy_max_connections to {proxy_text.compute_max_connections(most, count)} or less, or "
                f"raise the "
                "limit",
                rule="host.proxy-nofile",
            )
        )
    return list(dict.fromkeys(found))


def split_version(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2])


def find_granted_nofile(state: Mapping[str, Any]) -> int:
    """The open files that a proxy can get here: it starts as root and raises its own limit where the kernel lets it. 0
    where the proxy does not report it."""
    return state["nr_open"] if state["raises"] else state["base_nofile"]


def _plan_files(desired: Desired, state: Mapping[str, Any], text: str, result: Draft) -> None:
    """Rows, actions and diff of the configuration, the files next to it and the PEM files (never their text)."""
    path = desired["config_path"]
    old = state["files"][path][0]
    config = {"path": path, "content": PROXIES[desired["software"]].carry_states(text, old), **_copy_owner(state, path)}
    # The configuration comes last: what it names must be there when it is.
    for item, secret in (
        [(item, False) for item in desired["files"]] + [(item, True) for item in desired["pems"]] + [(config, False)]
    ):
        existing, stat = state["files"][item["path"]]
        want = (int(item["mode"], 8), item.get("owner", "root"))
        mode = stat is not None and stat.kind == "file" and (stat.mode, stat.owner) == want
        same = existing == item["content"] and mode
        why = (
            "it is not there"
            if existing is None
            else "its owner or mode is not in sync"
            if existing == item["content"]
            else "its text is not in sync"
        )
        _add_row(
            result,
            item["path"],
            "in sync",
            "missing" if existing is None else "in sync" if same else "out of sync",
            "",
            same,
            why,
        )
        if same:
            continue
        if item is config and existing is not None and not proxy_text.find_stamp(existing) and not state["kept"]:
            result.actions.append(("keep", {**item, "path": path + KEPT, "content": existing}))
        result.actions.append(("write", item))
        if existing != item["content"]:
            hidden = item is config and existing is not None and not proxy_text.find_stamp(existing)
            shown = existing if secret else hide_text(existing) if hidden else show_own_text(existing)
            result.before += _render_headed(item["path"], shown, secret)
            result.after += _render_headed(item["path"], item["content"], secret)


def _copy_owner(state: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Mode, owner and group of the configuration: those of the one from before, which may be for root's eyes only."""
    text, stat = state["files"][path]
    before = state["kept"] or (stat if text is not None and not proxy_text.find_stamp(text) else None)
    if not before:
        return {"mode": "0644"}
    return {"mode": f"{before.mode & 0o777:04o}", "owner": before.owner, "group": before.group}


def _render_headed(path: str, text: str | None, secret: bool) -> str:
    if not text:
        return ""
    return f"# {path}\n" + (
        f"(not shown: SHA-256 begins with {proxy_text.compute_digest(text, [])})\n" if secret else text
    )


def _plan_service(desired: Desired, state: Mapping[str, Any], text: str, result: Draft, active: bool) -> None:
    """Enabled, running, and running with this configuration and this version."""
    unit, want, live = state["unit"], proxy_text.find_stamp(text), state["live"]
    enabled = unit.get("UnitFileState") == "enabled"
    if unit.get("NeedDaemonReload") == "yes" or any(
        kind == "write" and item["path"].startswith("/etc/systemd/") for kind, item in result.actions
    ):
        result.actions.append(("daemon-reload", None))
    if not enabled:
        result.actions.append(("enable", None))
    stamp, runs, old = (
        proxy_text.find_stamp(live["description"]),
        live["version"],
        state["files"][desired["config_path"]][0],
    )
    hidden = isinstance(live["refused"], PermissionError)
    # A drain that was written down and not taken up is a lost reload as well.
    current = hidden or (
        stamp == want
        and runs in ("", state["version"])
        and proxy_text.parse_states(live["description"]) == proxy_text.parse_states(old)
    )
    rewritten = any(kind == "write" and not _is_extra_file(desired, item) for kind, item in result.actions)
    if not active:
        result.actions.append(("start", None))
    elif rewritten or not current:
        result.actions.append(("restart" if PROXIES[desired["software"]].restarts(old or "", text) else "reload", None))
    at_boot, now = unit.get("UnitFileState", ""), unit.get("ActiveState", "")
    _add_row(
        result, "service", "enabled, active", at_boot, now, enabled and active, "it is not enabled or does not run"
    )
    configured = proxy_text.find_stamp(old)
    if hidden:
        result.rows.append(
            Row(
                "proxy",
                "configuration",
                want,
                configured,
                "",
                "not_readable",
                f"only root may ask {desired['socket']}",
                CHECK,
            )
        )
    else:
        good = active and current and configured == want
        _add_row(
            result,
            "configuration",
            want,
            configured,
            stamp,
            good,
            "the running worker does not have it: a reload is due",
        )


def _is_extra_file(desired: Desired, item: Mapping[str, Any]) -> bool:
    """Whether a written file is not read by the proxy itself, so that it needs no reload."""
    return any(item["path"] == other["path"] for other in desired["files"])


def _plan_limits(desired: Desired, state: Mapping[str, Any], text: str, result: Draft, active: bool) -> None:
    """The connections and the open files of the running worker."""
    software, runs = PROXIES[desired["software"]], state["live"]["maxconn"]
    connections = software.parse_maxconn(text)
    want = str(connections) if connections else ALL_THAT_IS_GRANTED
    good = not active or not runs or not connections or runs == str(connections)
    _add_row(result, "connections", want, want, runs, good, "the running worker has another number")
    need = (
        proxy_text.compute_needed_nofile(int(runs or connections), len(state["live"]["servers"])) - proxy_text.OVERHEAD
    )
    nofile = state["worker_nofile"]
    good = nofile is None or nofile == process.UNLIMITED or nofile >= need
    _add_row(
        result,
        "open files",
        str(need) if runs or connections else "",
        str(find_granted_nofile(state) or ""),
        "" if nofile is None else str(nofile),
        good,
        "the running worker cannot open two files a connection",
        f"xitrum_proxy_max_connections: "
        f"{proxy_text.compute_max_connections(nofile or 0, len(state['live']['servers']))}",
    )
    if state["old_workers"]:
        why = "they end with their last connection, or after proxy_hard_stop_after"
        result.rows.append(Row("proxy", "old workers", "", "", str(state["old_workers"]), "ok", why))


def _plan_servers(desired: Desired, state: Mapping[str, Any], text: str, result: Draft) -> None:
    """What the running worker thinks of each server.

    A server that is down is fixed on its own host, not here: the printed command shows what the proxy is answered.
    """
    software = PROXIES[desired["software"]]
    known = {(row["backend"], row["name"]): row for row in state["live"]["servers"]}
    for backend, name, address in software.parse_servers(text):
        row = known.get((backend, name))
        if row is None:
            continue
        good = row["admin"] == "ready" and not row["status"].startswith(("DOWN", "MAINT"))
        if row["admin"] == "ready":
            why, fix, commands = f"the health check reports {row['check']}", "", [software.ask_server(address)]
        else:
            why = f"it is set to {row['admin']}: by somebody, or by a run that removed the host or did not end"
            fix, commands = f"{SERVER} software={desired['software']} backend={backend} servers={name} state=ready", []
        _add_row(result, f"{backend}/{name}", "UP", address, row["status"], good, why, fix, commands)


# ---------------------------------------------------------------------------------------------------------- acting


def validate(host: Host, desired: Desired) -> list[str]:
    """Lets the installed software check the desired configuration and PEM files before anything is replaced: its
    warnings.

    Raises RuntimeError with its own words where it would not start with it.
    """
    software, text = PROXIES[desired["software"]], proxy_text.stamp_config(desired["config"], desired["pems"])
    host.make_directory(TRIAL, 0o700)
    try:
        for index, pem in enumerate(desired["pems"]):
            host.write(f"{TRIAL}/{index}.pem", pem["content"], 0o600)
            text = text.replace(pem["path"], f"{TRIAL}/{index}.pem")
        host.write(f"{TRIAL}/config", text, 0o600)
        result = host.run([*software.check, f"{TRIAL}/config"])
    finally:
        host.remove(TRIAL)
    words = (result.err + result.out).replace(f"{TRIAL}/config", desired["config_path"])
    for index, pem in enumerate(desired["pems"]):
        words = words.replace(f"{TRIAL}/{index}.pem", pem["path"])
    lines = software.filter_complaints(words)
    if result.rc != 0:
        raise RuntimeError(
            f"{software.title} refuses the new configuration, so the old one stays in {desired['config_path']}:\n"
            + ("\n".join(lines) or words)
        )
    return lines


def apply(host: Host, plan: Plan) -> Applied:
    """Checks, writes, reloads or starts, and verifies it: the warnings of the check. Raises RuntimeError with what was
    found."""
    given = plan.desired
    desired = {**given, "config": proxy_text.fill_names(given["config"], read_names(host, given["config"]))}
    desired = fit_to_host(desired, addresses.supports_ipv6(host), addresses.has_ipv6(host))[0]
    kinds = [kind for kind, _item in plan.actions]
    missing = [item for kind, item in plan.actions if kind == "install"]
    if missing:
        raise RuntimeError(
            f"{' and '.join(missing)} is not installed on this host: install it first, as the role proxy does"
        )
    warnings = validate(host, desired)
    recorded.note_unit(host, desired["service"] + ".service", desired["packages"][0])
    config = unmanaged_file.read_file(host, desired["config_path"])
    if not proxy_text.find_stamp(config.text):
        unmanaged_file.note_file(host, config)
    for kind, item in plan.actions:
        if kind in ("keep", "write"):
            owner, group = item.get("owner", "root"), item.get("group", "root")
            host.write(item["path"], item["content"], int(item["mode"], 8), owner, group)
    for kind in ("daemon-reload", "enable", "start", "reload", "restart"):
        if kind in kinds:
            result = host.run(
                ["systemctl", kind] + ([] if kind == "daemon-reload" else [desired["service"] + ".service"])
            )
            if result.rc != 0:
                raise RuntimeError(
                    f"systemctl {kind} failed with exit code {result.rc}: {result.err.strip()}\n"
                    f"{_read_journal(host, desired)}"
                )
    verify_running(host, desired)
    return Applied(warnings=tuple(warnings))


def rehearse(host: Host, plan: Plan) -> Optional[Applied]:
    """What check mode finds of a plan that would be applied: the warnings of the software that is installed, about the
    new configuration. Raises RuntimeError where it refuses that."""
    if plan.errors or not plan.changed:
        return None
    if plan.facts["version"]:
        return Applied(warnings=tuple(validate(host, plan.desired)))
    package = plan.desired["packages"][0]
    return Applied(warnings=(f"{package} is not installed here yet, so its configuration could not be checked by it.",))


def verify_running(host: Host, desired: Desired, wait_seconds: float = PATIENCE) -> None:
    """Waits until the running worker itself reports that it has the desired configuration.

    Raises RuntimeError after `wait_seconds` seconds.
    """
    software = PROXIES[desired["software"]]
    want, deadline = proxy_text.compute_digest(desired["config"], desired["pems"]), time.monotonic() + wait_seconds
    while True:
        live = software.read_live(host, desired)
        stamp = proxy_text.find_stamp(live["description"])
        if stamp == want:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{software.title} has the configuration {stamp or 'of nobody known'} {wait_seconds:.0f} s after its "
                f"reload; expected {want} ({live['refused'] or 'it answers'}):\n{_read_journal(host, desired)}"
            )
        time.sleep(0.1)


def _read_journal(host: Host, desired: Desired) -> str:
    """The end of what the service reported."""
    return host.run(
        ["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "15", "-u", desired["service"] + ".service"]
    ).out.strip()


EXECUTION = Execution(quiet=True, unread=str, brief=Brief.FAILURES, rehearse=rehearse)
