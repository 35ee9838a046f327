# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of values that have the right type and are still invalid. Pure.

Only what is set is checked: the defaults are right.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..application import cluster, one_off
from ..application.rollout import read_batch
from ..configuration import shared as shared_settings
from ..configuration import xitrum_conf as package_config
from ..core import folders as paths
from ..core import input_types
from ..core.variables import is_true
from ..jdk import jvm
from ..proxy import definition as proxy
from ..supervisor import pip
from ..supervisor.table import SUPERVISORS
from .catalog import Error, make_errors

LEAST_KEY = 16
MOST_INSTANCES = 1000
#: More than any Linux host holds.
MOST_CONNECTIONS = 1 << 30


def check_names(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Names of the system's users and services."""
    for name in ("xitrum_name", "xitrum_user"):
        if name in variables:
            yield from make_errors("xitrum.name", [input_types.find_error(name, str(variables[name]), "account")])
    if variables.get("xitrum_user") == "root" or (
        variables.get("xitrum_name") == "root" and "xitrum_user" not in variables
    ):
        yield Error(
            "xitrum.not-root",
            "xitrum_user is root: the application never runs as root; name an unprivileged user, it is made where it "
            "is missing"
        )


def check_folders(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Folders that the collection owns, and those that an instance may write to."""
    own = str(variables.get("xitrum_name", "xitrum"))
    given = {"xitrum_root": f"/opt/{own}", "xitrum_log_dir": f"/var/log/{own}"}
    given = {name: str(variables.get(name, default)) for name, default in given.items()}
    root, logs = given.values()
    found = [paths.find_folder_error(name, path, own) for name, path in given.items() if name in variables]
    writable = variables.get("supervisor_writable_paths", [])
    writable = writable if isinstance(writable, (list, tuple)) else ()
    wrong = [paths.find_writable_error(re.sub("^-", "", str(path)), root, logs, own) for path in writable]
    yield from make_errors("xitrum.folder", found)
    yield from make_errors("supervisor.writable-paths", wrong)
    if not any(found + wrong) and paths.overlaps(root, logs):
        yield Error(
            "xitrum.folders-apart",
            f"xitrum_root is {root!r} and xitrum_log_dir is {logs!r}: expected two folders, none in the other, "
            f"such as {paths.find_example('xitrum_root', own)} and {paths.find_example('xitrum_log_dir', own)}"
        )


#: Variables that end in a configuration file, on a command line or in a request, and the type of each.
TEXTS = {
    "ansible_host": "host",
    "xitrum_address": "network",
    "xitrum_cluster_address": "host",
    "xitrum_interface": "listen",
    "xitrum_health_path": "url_path",
    "xitrum_base_url": "url",
    "xitrum_main_class": "class",
    "xitrum_proxy_cookie": "cookie",
    "xitrum_proxy_timeout_connect": "duration",
    "xitrum_proxy_timeout_client": "duration",
    "xitrum_proxy_timeout_server": "duration",
    "xitrum_proxy_timeout_tunnel": "duration",
    "xitrum_proxy_timeout_http_request": "duration",
    "xitrum_proxy_timeout_keep_alive": "duration",
    "xitrum_proxy_timeout_queue": "duration",
    "xitrum_proxy_check_interval": "duration",
    "proxy_hard_stop_after": "duration",
    "proxy_slow_start": "duration",
    "proxy_health_path": "url_path",
    "proxy_cookie": "cookie",
}

#: Lists of such texts, and options whose names and values are.
LISTS = {"xitrum_proxy_listen": "listen", "xitrum_proxy_load_balancers": "network", "xitrum_trusted_proxies": "network"}
OPTIONS = {
    "xitrum_package_headers": ("header_name", "header_value"),
    "jdk_archive_headers": ("header_name", "header_value"),
    "supervisor_supervisord_options": ("option_name", "line"),
}


#: Variables with a default of their own, or none, of which an empty text is not a value, and what each is.
NOT_EMPTY = {
    "xitrum_secure_key": f"at least {LEAST_KEY} characters, for example the output of openssl rand -hex 32",
    "xitrum_build_command": "a command that builds the package",
    "xitrum_build_dir": "the folder in which the build command runs",
    "xitrum_heap": "a size as -Xmx takes it, such as 512m or 2g",
    **dict.fromkeys(
        ("xitrum_before_batch", "xitrum_after_batch", "xitrum_after_run", "xitrum_maintenance_tasks"), "a file of tasks"
    ),
    **{
        name: {
            "duration": "a number with its unit, such as 10s",
            "cookie": "the name of a cookie",
            "url_path": "a path such as /",
        }[kind]
        for name, kind in TEXTS.items()
        if kind in ("duration", "cookie", "url_path")
    },
}


def check_empties(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Texts that are given and empty, as from a vault or an environment variable that is not there."""
    for name, expected in NOT_EMPTY.items():
        value = variables.get(name)
        if isinstance(value, str) and not value.strip():
            message = f"{name} is empty: expected {expected}. Set a value, or leave the variable out"
            yield Error("variable.empty", message)


def check_texts(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Texts that a configuration file takes as they are: with another character in them they would be directives."""
    found = [
        input_types.find_error(name, str(variables[name]), kind)
        for name, kind in TEXTS.items()
        if variables.get(name) is not None and str(variables[name]).strip()
    ]
    for name, kind in LISTS.items():
        items = variables.get(name) or []
        found += (
            [input_types.find_error(name, str(item), kind) for item in items]
            if isinstance(items, (list, tuple))
            else []
        )
    for name, (key_kind, value_kind) in OPTIONS.items():
        items = variables.get(name) or {}
        for key, value in items.items() if isinstance(items, dict) else ():
            # A value may be a password.
            found.append(
                input_types.find_error(f"a name in {name}", str(key), key_kind)
                or input_types.find_secret_error(f"{key} in {name}", str(value), value_kind)
            )
    yield from make_errors("variable.text", dict.fromkeys(found))


def check_counts(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Numbers that must be at least one."""
    if (parse_number(variables.get("xitrum_instances", 1)) or 0) > MOST_INSTANCES:
        yield Error(
            "xitrum.instances",
            f"xitrum_instances is {variables['xitrum_instances']}: expected at most {MOST_INSTANCES} on a host",
        )
    at_least_one = (
        "xitrum_instances",
        "xitrum_keep_releases",
        "xitrum_start_timeout",
        "xitrum_stop_timeout",
        "xitrum_nofile",
        "xitrum_health_timeout",
    )
    for name in at_least_one:
        value = parse_number(variables.get(name, 1))
        if value is not None and value < 1:
            more = " (to take the application off a host, move it to the group xitrum_decommissioned)"
            message = f"{name} is {value}: expected at least 1" + (more if name == "xitrum_instances" else "")
            yield Error("variable.minimum", message)


def check_rollout(variables: Mapping[str, Any]) -> Iterator[Error]:
    """How a rollout takes its steps, and how long it waits."""
    try:
        read_batch(variables.get("xitrum_rollout_batch", 1))
    except ValueError as error:
        yield Error("xitrum.rollout-batch", str(error))
    for name, least in (
        ("xitrum_drain_timeout", 0),
        ("xitrum_drain_grace", 0),
        ("xitrum_canary_seconds", 0),
        ("xitrum_lock_seconds", 1),
    ):
        value = parse_number(variables.get(name, least))
        if value is not None and value < least:
            yield Error("xitrum.rollout-seconds", f"{name} is {value}: expected are seconds, {least} or more")


def check_statuses(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The HTTP status of a healthy instance."""
    for name in ("xitrum_health_status", "proxy_health_status"):
        value = parse_number(variables.get(name, 200))
        if value is not None and not 100 <= value <= 599:
            yield Error("xitrum.health-status", f"{name} is {value}: expected is an HTTP status from 100 to 599")


def check_capacity(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The number of connections that a host is planned for."""
    value = parse_number(variables.get("xitrum_max_connections", 1))
    if value is not None and not 1 <= value <= MOST_CONNECTIONS:
        message = f"xitrum_max_connections is {value}: expected is a number from 1 to {MOST_CONNECTIONS}"
        yield Error("xitrum.connections", message)


def check_ports(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Every instance's port must be one, and HTTP and HTTPS must not meet."""
    count = max(parse_number(variables.get("xitrum_instances", 1)) or 1, 1)
    ranges = {}
    for name, default in (("xitrum_http_port", 8000), ("xitrum_https_port", 4430)):
        first = parse_number(variables.get(name, default))
        if first is None:
            continue
        ranges[name] = set(range(first, first + count))
        if first < 1 or first + count - 1 > 65535:
            instances = f"{count} instance{'s' if count > 1 else ''}"
            yield Error("xitrum.ports", f"{name} is {first} for {instances}: expected ports from 1 to 65535")
    first = parse_number(variables.get("xitrum_cluster_port", 1))
    if first is not None and (first < 1 or first + count - 1 > 65535):
        yield Error(
            "xitrum.cluster-port",
            f"xitrum_cluster_port is {first} for {count} instance{'s' if count > 1 else ''}: expected are ports from 1 "
            "to 65535"
        )
    if variables.get("xitrum_tls_certificate") and len(ranges) == 2 and set.intersection(*ranges.values()):
        yield Error(
            "xitrum.ports-apart",
            f"xitrum_http_port and xitrum_https_port meet with {count} instances, at "
            f"{min(set.intersection(*ranges.values()))}: set them further apart"
        )


def check_secrets(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The application's keys."""
    key = variables.get("xitrum_secure_key")
    if key is not None and not isinstance(key, str):
        yield Error(
            "xitrum.secure-key",
            f"xitrum_secure_key is not a text: expected at least {LEAST_KEY} characters in quotes, for example the "
            "output of openssl rand -hex 32"
        )
    if isinstance(key, str) and key.strip() and len(key) < LEAST_KEY:
        yield Error(
            "xitrum.secure-key",
            f"xitrum_secure_key has {len(key)} characters: expected at least {LEAST_KEY}, for example the output of "
            "openssl rand -hex 32"
        )
    if bool(variables.get("xitrum_tls_certificate")) != bool(variables.get("xitrum_tls_key")):
        yield Error(
            "xitrum.tls-pair",
            "only one of xitrum_tls_certificate and xitrum_tls_key is set: HTTPS of the instances needs both",
        )


def check_heap(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The size of the heap, and options of the JVM."""
    value = str(variables.get("xitrum_heap", "512m"))
    if value.strip() and not jvm.HEAP.fullmatch(value):
        message = f"xitrum_heap is {value!r}: expected a size as -Xmx takes it, such as 512m or 2g"
        yield Error("xitrum.heap", message)
    options = variables.get("xitrum_java_options")
    options = [str(option) for option in options] if isinstance(options, (list, tuple)) else []
    wrong = jvm.find_option_errors(options)
    yield from make_errors("xitrum.java-options", (f"xitrum_java_options: {sentence}" for sentence in wrong))


def check_java_options(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Options of the JVM that open Akka's remoting, whether the collection forms a cluster or the package does, and
    those that replace what other variables set."""
    options = variables.get("xitrum_java_options") or []
    if isinstance(options, (list, tuple)):
        takes_shared = is_true(variables.get(cluster.SHARED, False))
        yield from make_errors("xitrum.java-options-conflict", shared_settings.find_option_errors(list(options)))
        yield from make_errors("xitrum.cluster-options", cluster.find_option_errors(options, takes_shared))


def check_config(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Settings in `xitrum_config` that open Akka's remoting. The text stands inside of `xitrum {}` in the file of an
    instance, and one that closes that block first sets what follows for all of the application."""
    text = str(variables.get("xitrum_config") or "")
    readings = filter(None, map(package_config.parse_settings, (text, f"xitrum {{\n{text}\n}}")))
    takes_shared = is_true(variables.get(cluster.SHARED, False))
    found = [sentence for settings in readings for sentence in cluster.find_config_errors(settings, takes_shared)]
    yield from make_errors("xitrum.cluster-config", dict.fromkeys(found))


def check_pip_arguments(variables: Mapping[str, Any]) -> Iterator[Error]:
    """What pip is given: a command line shows it to every user of the host."""
    try:
        pip.build_settings(str(variables.get(pip.VARIABLE, "")))
    except ValueError as error:
        yield Error("supervisor.pip-arguments", str(error))


def check_supervisor(variables: Mapping[str, Any]) -> Iterator[Error]:
    """What the supervisor of the host alone demands of its variables."""
    kind = SUPERVISORS.get(str(variables.get("xitrum_supervisor")))
    for error in kind.find_variable_errors(variables) if kind else ():
        yield Error(error.rule, error)


def check_backends(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Other applications below a path of the site."""
    try:
        proxy.build_backends(variables.get("xitrum_proxy_backends") or [], proxy.RESERVED)
    except ValueError as error:
        yield Error("proxy.backends", str(error))
    except (AttributeError, KeyError, TypeError):
        # Of a value that is not a list of such dictionaries the specification of the variable reports it.
        return


def check_reach_from(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The host from which the public ports are tested."""
    name = variables.get("xitrum_reach_from") or ""
    known = [*(variables.get("groups") or {}).get("all", []), "localhost"] if name else []
    if name and name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        yield Error(
            "reach.host",
            f"xitrum_reach_from is {name!r}, which is not a host of the inventory: expected the name of one, or "
            "localhost for the controller"
            + (f"; did you mean {near[0]}?" if near else "")
        )


def check_before_release(variables: Mapping[str, Any]) -> Iterator[Error]:
    """The command before a rollout."""
    value = variables.get("xitrum_before_release")
    try:
        if value is not None:
            one_off.parse_command(value, "xitrum_before_release")
    except ValueError as error:
        yield Error("xitrum.before-release", str(error))


#: All of them, in the order in which they are reported.
CHECKS = (
    check_names,
    check_folders,
    check_empties,
    check_texts,
    check_counts,
    check_rollout,
    check_statuses,
    check_capacity,
    check_ports,
    check_secrets,
    check_heap,
    check_java_options,
    check_config,
    check_pip_arguments,
    check_supervisor,
    check_backends,
    check_reach_from,
    check_before_release,
)

#: Those that keep a host from being read: nothing can be planned with such a value. How a rollout goes is planned
#: later, so that the read still finds the other errors.
PLAN_CHECKS = tuple(check for check in CHECKS if check not in (check_rollout, check_before_release))


def parse_number(value: Any) -> int | None:
    """A value as an integer; None where it is none: the specification reports that."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
