# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that all instances of an application must have the same at the same time. Pure.

Two keys at once break sessions: what one instance puts into a cookie, another cannot read. Values are compared by their
digests and are in no message.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..core import urls
from ..core.name_lists import format_names
from . import hocon
from . import xitrum_conf as package_config
from .xitrum_conf import Settings, parse_settings

#: A setting by the name that messages have for it: the key in `config/xitrum.conf`, where that is what it is.
SESSION_SETTINGS = {"xitrum_secure_key": "secureKey", "session.cookieName": "cookieName"}
CLUSTER_SETTINGS = ("xitrum_cluster", "xitrum_cluster_port")

#: The values of xitrum_rollout_strategy.
ROLLING, ALL_AT_ONCE = "rolling", "all_at_once"

#: Secrets and settings of sessions in the instances' own configuration, and the variable that sets each.
OWN_SETTINGS = {
    "xitrum.session.secureKey": "xitrum_secure_key",
    "xitrum.session.cookieName": "xitrum_config",
    "xitrum.metrics.apiKey": "xitrum_metrics_api_key",
}

#: A system property of the JVM: the launcher takes the quotes out.
_PROPERTY = re.compile(r"-D([^=]*)(=.*)?", re.DOTALL)

#: Properties that lead the application to another configuration than its package's.
_OTHER_FILES = ("config.file", "config.resource", "config.url")

#: Stands for what another file sets. No HOCON has it as a value of its own.
_MARK = "xitrum-host-another-file"

_CLUSTER_PORT = re.compile(r"canonical\s*\{[^}]*?port\s*=\s*(\d+)")


def read_session_settings(text: str) -> dict[str, str]:
    """The settings of sessions in force in a `xitrum.conf`: name to a digest.
    A text that is not HOCON has none."""
    found = {name: find_values(paths, settings) for name, paths, settings in find_paths(parse_settings(text or ""))}
    return {name: compute_digest("\n".join(sorted(values))) for name, values in found.items() if values}


def find_paths(settings: Settings | None) -> Iterator[tuple[str, list[tuple[str, ...]], Settings | None]]:
    """Where the settings of sessions are: `(name, paths, settings)` of each. None has none."""
    paths = settings.list_paths() if settings else ()
    for name, key in SESSION_SETTINGS.items():
        matching = [path for path in paths if path[-1] == key]
        # What Xitrum reads is in the block session.
        yield name, [path for path in matching if path[-2:-1] == ("session",)] or matching, settings


def find_values(paths: list[tuple[str, ...]], settings: Settings | None) -> set[str]:
    """The values that may be in force for some paths."""
    if settings is None:
        return set()
    return {value for path in paths for value in settings.find_values(path) if value is not None}


def read_package_settings(read: package_config.Load) -> dict[str, Any] | None:
    """The settings of sessions that a package brings: name to a digest; None where it has no `config/xitrum.conf`.

    In addition, where there are some: `overrides`, the names of those that `config/application.conf` sets whatever
    `config/xitrum.conf` has, and `unread`, statements and values from which one may come and which are not read.
    `read` is a function from a path in the package to the text of the file, None where there is none.
    """
    if read(package_config.XITRUM) is None:
        return None
    settings = package_config.read_settings_at_start(read)
    found, overrides, unread = {}, [], sorted(find_unread_includes(settings))
    for name, paths, _settings in find_paths(settings):
        values = find_values(paths, settings)
        unread += sorted(value for value in values if value.startswith("${"))
        if values:
            found[name] = compute_digest("\n".join(sorted(values)))
            if is_overridden(read, paths):
                overrides.append(name)
    return {**found, **({"overrides": overrides} if overrides else {}), **({"unread": unread} if unread else {})}


def is_overridden(read: package_config.Load, paths: list[tuple[str, ...]]) -> bool:
    """Whether the values of some paths are the same whatever `config/xitrum.conf` has:
    with another file in its place."""
    # It may be included inside an object.
    ends = {path[begin:] for path in paths for begin in range(len(path))}
    other = "".join(f"{'.'.join(map(json.dumps, path))} = {_MARK}\n" for path in sorted(ends))
    replaced = package_config.read_settings_at_start(
        lambda path: other if path == package_config.XITRUM else read(path)
    )
    return _MARK not in find_values(paths, replaced)


def find_unread_includes(settings: Settings | None) -> set[str]:
    """The `include` statements with which something outside of the package is read."""
    found: set[str] = set()
    if settings is None:
        return found
    rows = list(settings.members)
    while rows:
        member = rows.pop()
        if isinstance(member, hocon.Field):
            rows += [inner for piece in member.pieces for inner in piece.members]
            continue
        other, statement = settings.load_included(member), settings.text[member.start:member.end]
        if other:
            found |= find_unread_includes(other)
        elif not package_config.find_included_paths(statement):
            found.add(urls.hide_credentials(statement))
    return found


def compute_digest(text: str) -> str:
    """What stands for a value in a result."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12] if text else ""


def read_settings(package: dict[str, Any] | None, own: str, akka: str) -> dict[str, str]:
    """The shared settings of one instance: name to a text that can be compared.

    `package` are those of the package (what `read_package_settings` returned), or None where the package was not read.
    `own` and `akka` are the texts of the instance's own `config/xitrum.conf` and `config/akka.conf`, empty where
    there is none.
    """
    port, package = _CLUSTER_PORT.search(akka or ""), package or {}
    found = {"xitrum_cluster": str(bool(akka)), "xitrum_cluster_port": port[1] if port else ""}
    brought = {name: package[name] for name in SESSION_SETTINGS if name in package}
    over = {name: brought[name] for name in package.get("overrides", ()) if name in brought}
    return {**found, **brought, **read_session_settings(own), **over}


def read_properties(options: Sequence[str]) -> list[str]:
    """The names of the system properties that options of the JVM set."""
    found = (_PROPERTY.fullmatch(re.sub("[\"']", "", str(option)).strip()) for option in options)
    return [match[1].strip() for match in found if match]


def find_option_errors(options: list[str]) -> Iterator[str]:
    """Why options of the JVM must not be given to an application, a sentence each: they win over its configuration, so
    that the variable has no effect, and a changed value is not noticed. No value is shown: every user of a host reads
    it."""
    for name in dict.fromkeys(read_properties(options)):
        variable = OWN_SETTINGS.get(name)
        if variable:
            how = f" to {name.partition('.')[2]} = VALUE" if variable == "xitrum_config" else ""
            yield (
                f"xitrum_java_options contains -D{name}, which wins over {variable}, and its changes are not noticed: "
                f"leave the option out, and set {variable}{how}"
            )


def find_unread_options(options: Sequence[str]) -> list[str]:
    """The options of the JVM with which an application reads another file than its package's, sorted."""
    return sorted({f"-D{name}" for name in read_properties(options)} & {f"-D{name}" for name in _OTHER_FILES})


def find_changes(running: dict[str, str], desired: dict[str, str]) -> list[str]:
    """The names of the settings with which a running instance differs from the desired ones. A setting that one of both
    does not have is not compared: it may be in a file that is not read."""
    both = running.keys() & desired.keys()
    names = [name for name in (*SESSION_SETTINGS, *CLUSTER_SETTINGS) if name in both and running[name] != desired[name]]
    # With the cluster, the port changes in any case.
    return [name for name in names if name != "xitrum_cluster_port" or "xitrum_cluster" not in names]


def report_restarts(
    fleet: dict[str, list[dict[str, Any]]], strategy: str, left_out: Sequence[str] = (), required: bool = True
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What a rollout would do to sessions and to the cluster: `(errors, notes)`, each a map of hosts to sentences.

    `fleet` maps a host of the run to its instances as `xitrum.host.instances` reports them, `left_out` are the hosts
    of the application that the run leaves out. `strategy` is the value of xitrum_rollout_strategy, empty where it is
    not set. `required`: whether it has to be set where sessions would break; a rollback must not be held up.
    """
    running = {host: [item for item in items if item.get("running")] for host, items in fleet.items()}
    several = sum(map(len, running.values())) + len(left_out) > 1
    due = sum(1 for items in running.values() for item in items if item.get("restart_reasons"))
    errors: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for host, items in running.items():
        found = {name for item in items for name in item.get("changes") or ()}
        session = [name for name in SESSION_SETTINGS if name in found]
        if session:
            unset, part = required and not strategy, strategy == ALL_AT_ONCE and left_out
            place = errors if several and (unset or part) else notes
            place.setdefault(host, []).append(describe_session(session, several, strategy, left_out))
        cluster = [name for name in CLUSTER_SETTINGS if name in found]
        if cluster and several and strategy != ALL_AT_ONCE:
            notes.setdefault(host, []).append(
                f"{cluster[0]} differs from what runs. Until the last instance has restarted, old and new instances do "
                f"not share SockJS sessions and actors. -e xitrum_rollout_strategy={ALL_AT_ONCE} restarts all together")
        if strategy == ALL_AT_ONCE and due > 1 and any(item.get("restart_reasons") for item in items):
            notes.setdefault(host, []).append(
                f"{due} instances restart at once (xitrum_rollout_strategy is {ALL_AT_ONCE}): no request is answered "
                f"until they are healthy, some seconds for each start. No canary "
                "goes first")
    return errors, notes


def describe_session(names: list[str], several: bool, strategy: str, left_out: Sequence[str]) -> str:
    """What changed settings of sessions do, and what to do about it."""
    text = f"{' and '.join(names)} {'differs' if len(names) == 1 else 'differ'} from what runs: "
    if not several:
        return f"{text}all users lose their sessions once, when the instance restarts"
    keep = f". {', '.join(left_out)} would keep the old value, since --limit leaves it out" if left_out else ""
    if strategy == ALL_AT_ONCE:
        once = "all users lose their sessions once, when all instances restart"
        part = f"xitrum_rollout_strategy={ALL_AT_ONCE} restarts all instances at once, and needs all hosts{keep}. Run"
        return text + (f"{part} the same command without --limit" if left_out else once)
    two = "two values are in use at once, and an instance cannot read a session cookie that was made with the other"
    text += f"in a rolling restart {two}. Users lose sessions until the last instance has restarted{keep}"
    return text if strategy else (
        f"{text}. Choose one: -e xitrum_rollout_strategy={ALL_AT_ONCE} restarts all instances together, and no request "
        f"is answered for some seconds; -e xitrum_rollout_strategy={ROLLING} restarts one after the other")


def find_differences(values: dict[str, dict[str, str]]) -> list[str]:
    """Settings that differ between hosts of one application: one sentence a setting, without its values.

    `values` maps a host to what `read_variables` returned.
    """
    found = []
    for name in next(iter(values.values()), {}):
        by_value: dict[str, list[str]] = {}
        for host, settings in values.items():
            by_value.setdefault(settings[name], []).append(host)
        if len(by_value) > 1:
            listed = "; ".join(format_names(hosts, 8) for hosts in by_value.values())
            shared = "form a cluster" if name in CLUSTER_SETTINGS else "share sessions"
            found.append(f"found {len(by_value)} values of {name} on the hosts of the group xitrum ({listed}); "
                         f"expected one, since its instances {shared}. Set it once for the group xitrum")
    return found


def read_variables(variables: dict[str, str]) -> dict[str, str]:
    """The settings of a host that must be the same on all hosts of an application: name to a text that can be compared.

    `variables` has `xitrum_secure_key`, `xitrum_config` and `xitrum_cluster` as texts.
    """
    own = read_session_settings(variables["xitrum_config"])
    return {
        "xitrum_secure_key": own.get("xitrum_secure_key") or compute_digest(variables["xitrum_secure_key"]),
        "session.cookieName (xitrum_config)": own.get("session.cookieName", ""),
        "xitrum_cluster": variables["xitrum_cluster"],
    }
