# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The concern C(haproxy): its configuration on the disk, and proof that the running worker has that configuration.

A configuration never costs a restart: it is checked beside the old one, put in its place, and taken up by a reload. A
reload that was lost with a killed run is noticed, since the digest of the live worker is read, not the file's time.
"""

from __future__ import annotations

import re
import time

from ansible_collections.xitrum.host.plugins.module_utils import haproxy_config, haproxy_socket, process, sockets
from ansible_collections.xitrum.host.plugins.module_utils.plan import LOOK, RUN, Plan, Row

#: Where a configuration is checked before it replaces the old one: on a RAM disk, root only, since it holds keys.
TRIAL = "/run/xitrum.host-haproxy"
PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "MainPID", "NeedDaemonReload")
CHROOT_LOG = "/var/lib/haproxy/dev/log"
PATIENCE = 15.0
ALL_THAT_IS_GRANTED = "all that is granted"

_FILE = {"path": {"type": "path", "required": True}, "mode": {"type": "str", "default": "0644"}}

SPEC = {
    "config": {"type": "str", "required": True},
    "config_path": {"type": "path", "default": "/etc/haproxy/haproxy.cfg"},
    "files": {"type": "list", "elements": "dict", "default": [], "options": {**_FILE, "content": {"type": "str", "required": True}}},
    "pems": {
        "type": "list", "elements": "dict", "default": [],
        "options": {**_FILE, "mode": {"type": "str", "default": "0600"}, "content": {"type": "str", "required": True, "no_log": True}},
    },
    "package": {"type": "str", "default": "haproxy"},
    "service": {"type": "str", "default": "haproxy"},
    "socket": {"type": "path", "default": "/run/haproxy/admin.sock"},
    "ports": {"type": "list", "elements": "int", "default": []},
    "patience": {"type": "int", "default": 0},
    "programs": {"type": "list", "elements": "str", "default": []},
}


# ---------------------------------------------------------------------------------------------------------- reading

def read(host, wanted, ask=haproxy_socket.ask):
    """Everything that L(plan) needs. C(ask) is replaced in tests."""
    version = re.search(r"version (\S+)", host.run(["haproxy", "-v"]).out)
    unit = process.parse_unit(host.run(["systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", wanted["service"] + ".service"]).out)
    paths = [wanted["config_path"]] + [item["path"] for item in [*wanted["files"], *wanted["pems"]]]
    main = int(unit.get("MainPID") or 0)
    state = {
        "version": version.group(1) if version else "",
        "programs": {name: host.which(name) for name in wanted["programs"]},
        "systemd": host.exists("/run/systemd/system"),
        "unit": unit,
        "files": {path: (host.read(path), host.stat(path)) for path in paths},
        "listeners": sockets.listeners(host),
        "ipv6": host.exists("/proc/net/if_inet6"),
        "base_nofile": _hard(host, main) or _hard(host, 1),
        "nr_open": int(host.read("/proc/sys/fs/nr_open") or 0),
        "workers": len((process.seen(host.read, f"/proc/{main}/task/{main}/children") or "").split()) if main else 0,
        # The worker's own view of its folder, to which it is confined.
        "log": not main or host.exists(f"/proc/{main}/root{CHROOT_LOG}"),
        **settled(wanted, ask),
    }
    state["raises"] = host.run(["sh", "-c", f"ulimit -HSn {state['nr_open']}"]).rc == 0
    worker = state["info"].get("Pid", "0")
    limits = process.seen(host.read, f"/proc/{worker}/limits")
    state["worker_nofile"] = process.nofile_of(limits)[0] if limits else None
    return state


def _hard(host, pid):
    """The hard nofile limit of a process; 0 where it is not there or not to be seen."""
    limits = process.seen(host.read, f"/proc/{pid}/limits") if pid else None
    return process.nofile_of(limits)[1] if limits else 0


def settled(wanted, ask=haproxy_socket.ask):
    """What the worker says, when every server is in use or C(patience) is over: one that was just started takes some checks.
    One that somebody took out of use is not waited for."""
    deadline = time.monotonic() + wanted["patience"]
    said = live(wanted["socket"], ask)
    while time.monotonic() < deadline and any(_coming(row) for row in said["servers"]):
        time.sleep(0.5)
        said = live(wanted["socket"], ask)
    return said


def _coming(row):
    return row["admin"] == "ready" and not row["status"].startswith(("UP", "no check"))


def live(path, ask=haproxy_socket.ask):
    """What the running worker says of itself: C(info), C(servers), and C(refused) with the reason where it says nothing."""
    try:
        info = haproxy_socket.parse_info(ask(path, "show info"))
        return {"info": info, "servers": haproxy_socket.servers(ask(path, "show stat"), ask(path, "show servers state")), "refused": None}
    except OSError as error:
        return {"info": {}, "servers": [], "refused": error}


# --------------------------------------------------------------------------------------------------------- planning

def plan(wanted, state):
    """Decides, from C(wanted) (the options of SPEC) and what L(read) gave, without touching the host."""
    text = haproxy_config.stamped(wanted["config"], wanted["pems"])
    result = Plan(problems=_problems(wanted, state, text))
    active = state["unit"].get("ActiveState") == "active"
    if not state["version"]:
        result.actions.append(("install", wanted["package"]))
    _row(result, "package", wanted["package"], state["version"], state["info"].get("Version", ""), bool(state["version"]), "it is not installed")
    for name, path in state["programs"].items():
        _row(result, f"program {name}", "installed", path or "", "", path, "it is not installed")
        if not path:
            result.actions.append(("install", name))
    _files(wanted, state, text, result)
    _service(wanted, state, text, result, active)
    _log(wanted, state, result)
    _limits(state, text, result, active)
    _servers(wanted, state, text, result)
    result.facts = {
        "digest": haproxy_config.stamp_of(text),
        "version": state["version"],
        "actions": list(dict.fromkeys(kind for kind, _item in result.actions)),
        "servers": state["servers"],
    }
    return result


def _row(result, item, want, configured, effective, good, why="", mend=RUN):
    result.rows.append(Row("haproxy", item, want, configured, effective, "ok" if good else "differs", "" if good else why, "" if good else mend))


def _problems(wanted, state, text):
    """What stands in the way of this configuration on this host, as sentences."""
    found = []
    if not state["systemd"]:
        found.append("HAProxy is kept running by systemd, and this host does not run systemd (no /run/systemd/system): use a host with systemd as proxy.")
    if haproxy_config.stamp_of(text) != haproxy_config.digest(wanted["config"], wanted["pems"]):
        found.append(f"The configuration has no {haproxy_config.PLACEHOLDER}: put 'description {haproxy_config.PLACEHOLDER}' into its section global, "
                     "since the running HAProxy could not be asked which configuration it has.")
    for row in state["listeners"] or []:
        if row["port"] in wanted["ports"] and row["process"] not in ("", "haproxy"):
            found.append(f"Port {row['port']} is held by {row['process']} (process {row['pid']}), and HAProxy is to listen there: "
                         "stop and disable that service, or give the proxy another port.")
    if not state["ipv6"] and any(bind.startswith("[") for bind in haproxy_config.binds(text)):
        found.append("The configuration listens on an IPv6 address, and this host has no IPv6 (no /proc/net/if_inet6): set xitrum_proxy_listen: ['0.0.0.0'].")
    connections, count = haproxy_config.maxconn(text), len(haproxy_config.servers(text))
    need, most = haproxy_config.needed_nofile(connections, count), granted_nofile(state)
    if connections and most and need > most:
        found.append(f"maxconn {connections} needs {need} open files, and this host grants HAProxy {most} "
                     f"({'fs.nr_open' if state['raises'] else 'root cannot raise its hard limit here: a container'}): "
                     f"set xitrum_proxy_max_connections to {haproxy_config.most_connections(most, count)} or less, or raise the limit.")
    return list(dict.fromkeys(found))


def granted_nofile(state):
    """The open files that HAProxy can get here: it starts as root and raises its own limit where the kernel lets it. 0 where that is not known."""
    return state["nr_open"] if state["raises"] else state["base_nofile"]


def _files(wanted, state, text, result):
    """Rows, actions and diff of the configuration, the files beside it and the PEM files (never their text)."""
    config = {"path": wanted["config_path"], "content": text, "mode": "0644"}
    # The configuration comes last: what it names must be there when it is.
    for item, secret in [(item, False) for item in wanted["files"]] + [(item, True) for item in wanted["pems"]] + [(config, False)]:
        has, stat = state["files"][item["path"]]
        mode = stat is not None and stat.kind == "file" and (stat.mode, stat.owner) == (int(item["mode"], 8), "root")
        same = has == item["content"] and mode
        why = "it is not there" if has is None else "its owner or mode is not as wanted" if has == item["content"] else "its text is not as wanted"
        _row(result, item["path"], "as wanted", "missing" if has is None else "as wanted" if same else "otherwise", "", same, why)
        if same:
            continue
        result.actions.append(("write", item))
        if has != item["content"]:
            result.before += _headed(item["path"], has, secret)
            result.after += _headed(item["path"], item["content"], secret)


def _headed(path, text, secret):
    if text is None:
        return ""
    return f"# {path}\n" + (f"(not shown: SHA-256 begins with {haproxy_config.digest(text, [])})\n" if secret else text)


def _service(wanted, state, text, result, active):
    """Enabled, running, and running with this configuration and this version."""
    unit, want = state["unit"], haproxy_config.stamp_of(text)
    enabled = unit.get("UnitFileState") == "enabled"
    if unit.get("NeedDaemonReload") == "yes" or any(kind == "write" and item["path"].startswith("/etc/systemd/") for kind, item in result.actions):
        result.actions.append(("daemon-reload", None))
    if not enabled:
        result.actions.append(("enable", None))
    has, runs = haproxy_config.stamp_of(state["info"].get("description")), state["info"].get("Version", "")
    hidden = isinstance(state["refused"], PermissionError)
    current = hidden or (has == want and runs == state["version"])
    rewritten = any(kind == "write" and not _beside(wanted, item) for kind, item in result.actions)
    if not active:
        result.actions.append(("start", None))
    elif rewritten or not current:
        result.actions.append(("reload", None))
    at_boot, now = unit.get("UnitFileState", ""), unit.get("ActiveState", "")
    _row(result, "service", "enabled, active", at_boot, now, enabled and active, "it is not enabled or does not run")
    configured = haproxy_config.stamp_of(state["files"][wanted["config_path"]][0])
    if hidden:
        result.rows.append(Row("haproxy", "configuration", want, configured, "", "unseen", f"only root may ask {wanted['socket']}", LOOK))
    else:
        good = active and current and configured == want
        _row(result, "configuration", want, configured, has, good, "the running worker does not have it: a reload is due")


def _log(wanted, state, result):
    """Whether the worker finds a log: the mount of the unit's drop-in counts from a start, and a reload is none."""
    if state["version"] and not state["log"]:
        result.rows.append(Row("haproxy", "log", CHROOT_LOG, CHROOT_LOG, "missing", "restart",
                               "HAProxy runs since before its unit gave it a log, and a restart cuts the connections that it has",
                               f"systemctl restart {wanted['service']}"))


def _beside(wanted, item):
    """Whether a written file is not read by HAProxy itself, so that it needs no reload."""
    return any(item["path"] == other["path"] for other in wanted["files"])


def _limits(state, text, result, active):
    """The connections and the open files of the running worker."""
    connections, info = haproxy_config.maxconn(text), state["info"]
    want = str(connections) if connections else ALL_THAT_IS_GRANTED
    good = not active or not info or not connections or info.get("Maxconn") == str(connections)
    _row(result, "connections", want, want, info.get("Maxconn", ""), good, "the running worker has another maxconn")
    need = haproxy_config.needed_nofile(int(info.get("Maxconn", "0")), len(state["servers"])) - haproxy_config.OVERHEAD
    has = state["worker_nofile"]
    good = has is None or has == process.UNLIMITED or has >= need
    _row(result, "open files", str(need) if info else "", str(granted_nofile(state) or ""), "" if has is None else str(has), good,
         "the running worker cannot open two files a connection",
         f"xitrum_proxy_max_connections: {haproxy_config.most_connections(has or 0, len(state['servers']))}")
    if state["workers"] > 1:
        why = "they end with their last connection, or after hard-stop-after"
        result.rows.append(Row("haproxy", "old workers", "", "", str(state["workers"] - 1), "ok", why))


def _servers(wanted, state, text, result):
    """What the running worker thinks of each server. A server that is down is mended on its own host, not here: what is said to
    type shows what the proxy is answered."""
    known = {(row["backend"], row["name"]): row for row in state["servers"]}
    for backend, name, address in haproxy_config.servers(text):
        row = known.get((backend, name))
        if row is None:
            continue
        good = row["admin"] == "ready" and not row["status"].startswith(("DOWN", "MAINT"))
        if row["admin"] == "ready":
            why, mend = f"the health check says {row['check']}", f"printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' | socat -t 5 - TCP:{address},connect-timeout=5"
        else:
            why, mend = f"somebody set it to {row['admin']}", f"echo 'set server {backend}/{name} state ready' | socat stdio {wanted['socket']}"
        _row(result, f"{backend}/{name}", "UP", address, row["status"], good, why, mend)


# ---------------------------------------------------------------------------------------------------------- acting

def validate(host, wanted):
    """Lets the installed HAProxy check the wanted configuration and PEM files before anything is replaced: its warnings.

    Raises RuntimeError with HAProxy's own words where it would not start with it.
    """
    text = haproxy_config.stamped(wanted["config"], wanted["pems"])
    host.make_directory(TRIAL, 0o700)
    try:
        for index, pem in enumerate(wanted["pems"]):
            host.write(f"{TRIAL}/{index}.pem", pem["content"], 0o600)
            text = text.replace(pem["path"], f"{TRIAL}/{index}.pem")
        host.write(f"{TRIAL}/haproxy.cfg", text, 0o600)
        said = host.run(["haproxy", "-c", "-f", f"{TRIAL}/haproxy.cfg"])
    finally:
        host.remove(TRIAL)
    words = (said.err + said.out).replace(f"{TRIAL}/haproxy.cfg", wanted["config_path"])
    for index, pem in enumerate(wanted["pems"]):
        words = words.replace(f"{TRIAL}/{index}.pem", pem["path"])
    lines = [line for line in words.splitlines() if re.match(r"\[(ALERT|WARNING)\]", line) and "server state file" not in line]
    if said.rc != 0:
        raise RuntimeError(f"HAProxy refuses the new configuration, so the old one stays in {wanted['config_path']}:\n" + ("\n".join(lines) or words))
    return lines


def apply(host, wanted, planned, ask=haproxy_socket.ask):
    """Checks, writes, reloads or starts, and proves it: the warnings of HAProxy's check. Raises RuntimeError with what was found."""
    kinds = [kind for kind, _item in planned.actions]
    missing = [item for kind, item in planned.actions if kind == "install"]
    if missing:
        raise RuntimeError(f"{' and '.join(missing)} is not installed on this host: install it first, as the role haproxy does.")
    warnings = validate(host, wanted)
    for kind, item in planned.actions:
        if kind == "write":
            host.write(item["path"], item["content"], int(item["mode"], 8))
    for kind in ("daemon-reload", "enable", "start", "reload"):
        if kind in kinds:
            said = host.run(["systemctl", kind] + ([] if kind == "daemon-reload" else [wanted["service"] + ".service"]))
            if said.rc != 0:
                raise RuntimeError(f"systemctl {kind} ended with {said.rc}: {said.err.strip()}\n{_journal(host, wanted)}")
    prove(host, wanted, ask)
    return warnings


def prove(host, wanted, ask=haproxy_socket.ask, patience=PATIENCE):
    """Waits until the running worker itself says that it has the wanted configuration. Raises RuntimeError after C(patience) seconds."""
    want, deadline = haproxy_config.digest(wanted["config"], wanted["pems"]), time.monotonic() + patience
    while True:
        state = live(wanted["socket"], ask)
        has = haproxy_config.stamp_of(state["info"].get("description"))
        if has == want:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"HAProxy has the configuration {has or 'of nobody known'} {patience:.0f} s after it was told to take {want} "
                               f"({state['refused'] or 'its runtime socket answers'}):\n{_journal(host, wanted)}")
        time.sleep(0.1)


def _journal(host, wanted):
    """The end of what the service said."""
    return host.run(["journalctl", "--no-pager", "-q", "-o", "cat", "-n", "15", "-u", wanted["service"] + ".service"]).out.strip()
