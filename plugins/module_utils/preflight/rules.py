# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates variables: `validate` is the one function that every reading task and every preflight calls. Pure.

The checks of values.py take what is set, and those of platforms.py the variables of a platform's role. The checks here
are of variables that only fit, or do not fit, together: they take the values that a host would be configured with,
defaults among them. catalog.py has the rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Callable, Iterable, Mapping

from ..application import slots
from ..application.cluster import Cluster
from ..core import input_types
from ..core.variables import is_true
from ..limits.capacity import Limits
from ..proxy.table import find_variable_errors
from . import values
from .catalog import Error, make_errors

#: A check: takes variables, and yields what is wrong with them.
Check = Callable[[Mapping[str, Any]], Iterable[Error]]

#: Components of which a plan is made for the instances, and for a proxy.
OF_APPLICATION, OF_PROXY = {"instances", "service", "release"}, {"proxy", "proxy_health"}


#: The variables of a proxy with a duration, by the names that a user sets.
DURATIONS = {
    "xitrum_proxy_timeout_connect": "proxy_timeout_connect",
    "xitrum_proxy_timeout_client": "proxy_timeout_client",
    "xitrum_proxy_timeout_server": "proxy_timeout_server",
    "xitrum_proxy_timeout_tunnel": "proxy_timeout_tunnel",
    "xitrum_proxy_timeout_http_request": "proxy_timeout_http_request",
    "xitrum_proxy_timeout_keep_alive": "proxy_timeout_keep_alive",
    "xitrum_proxy_timeout_queue": "proxy_timeout_queue",
    "proxy_hard_stop_after": "proxy_hard_stop_after",
    "proxy_slow_start": "proxy_slow_start",
    "xitrum_proxy_check_interval": "proxy_check_interval",
}

#: Variables that stand without quotes in the configuration of a proxy: rule, name for the user, variable, type.
UNQUOTED = (
    ("proxy.health-path", "xitrum_health_path", "proxy_health_path", "url_path"),
    ("proxy.cookie", "xitrum_proxy_cookie", "proxy_cookie", "cookie"),
    ("proxy.listen-address", "xitrum_proxy_listen", "proxy_listen", "host"),
)


def validate(
    variables: Mapping[str, Any],
    checks: Iterable[Check] = values.CHECKS,
    no_value: tuple[type[Exception], ...] = (),
) -> tuple[Error, ...]:
    """Return every error of variables, each once, in the order of the checks.

    no_value: what reading a variable without a value raises. A check that raises it, or a ValueError or KeyError, after
    others found errors, meets their consequence: it is skipped. Where nothing was found before, the exception is
    raised.
    """
    consequences: tuple[type[Exception], ...] = (ValueError, KeyError, *no_value)
    found: list[Error] = []
    for check in checks:
        try:
            found += check(variables)
        except consequences:
            if not found:
                raise
    # A check of one value and a check of several may find the same: the longer message has the reason as well.
    messages = [error.message for error in found]
    return tuple(
        error
        for error in dict.fromkeys(found)
        if not any(error.message in message for message in messages if message != error.message)
    )


def list_component_checks(
    names: Collection[str],
    inputs: Mapping[str, Any],
    limits: Callable[[], Limits],
    cluster: Callable[[], Cluster],
    exists: Callable[[str], bool],
) -> Sequence[Check]:
    """Return the checks of variables that must fit together, for components that depend on them.

    inputs: the variables with their defaults. limits: the plan of the host's capacity. cluster: that of the Akka
    cluster. exists: whether the controller has a file.
    """
    checks: list[Check] = []
    if {"kernel", "nofile"} & set(names) and "capacity" not in names:
        # A read of the capacity knows the host's memory and open files too, and reports every shortfall at once.
        checks.append(lambda _given: make_errors("capacity.connections", [limits().error]))
    if OF_APPLICATION & set(names):
        checks.append(lambda _given: find_layout_errors(inputs, cluster()))
    if OF_PROXY & set(names):
        checks += [lambda _given: find_proxy_errors(inputs, exists), lambda _given: find_instance_errors(inputs)]
    return checks


def find_instance_errors(inputs: Mapping[str, Any]) -> Iterator[Error]:
    """Yield what is wrong with the servers of a proxy, and with the hosts that they come from."""
    try:
        servers = inputs["proxy_servers"]
    except ValueError as error:
        # A line for each host that cannot be reached so.
        yield from make_errors("proxy.instances", str(error).splitlines())
    else:
        yield from find_server_errors(servers)


def find_type_errors(name: str, value: Any, kind: str) -> list[str]:
    """Return why a value, or a value of a list, is not of a type: sentences that name the variable."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return list(filter(None, (input_types.find_error(name, item, kind) for item in items)))


def find_proxy_errors(values: Mapping[str, Any], exists: Callable[[str], bool]) -> Iterator[Error]:
    """Yield what is wrong with the variables of a proxy. exists: whether the controller has a file."""
    certificate, key = values["proxy_tls_certificate"], values["proxy_tls_key"]
    redirect = values["proxy_redirect_https"]
    if bool(certificate) != bool(key) or (is_true(redirect) and not certificate):
        yield Error(
            "proxy.tls-pair",
            f"xitrum_proxy_tls_certificate is '{certificate}', xitrum_proxy_tls_key is '{key}' and "
            "xitrum_proxy_redirect_https is "
            f"{redirect}: set both files, or neither, and redirect to HTTPS only where there is HTTPS",
        )
    # A relative path is searched for in more folders than one.
    absent = [path for path in (certificate, key) if path.startswith("/") and not exists(path)]
    if absent:
        yield Error(
            "proxy.tls-files",
            f"Found no file {' and no file '.join(absent)} on the controller, named by "
            "xitrum_proxy_tls_certificate and "
            "xitrum_proxy_tls_key: put it there, or correct the path",
        )
    found = {shown: str(values[name]) for shown, name in DURATIONS.items()}
    bare = [error for name, value in found.items() for error in find_type_errors(name, value, "duration")]
    if bare:
        yield Error(
            "proxy.durations",
            f"{'; '.join(bare)}: HAProxy would take a bare number for milliseconds, Nginx for seconds",
        )
    software, port = values["proxy_software"], int(values["proxy_stats_port"])
    behind = values["proxy_load_balancer_protocol"] if values["proxy_load_balancers"] else ""
    yield from (Error("proxy.load-balancer-protocol", error) for error in find_variable_errors(software, behind, 1))
    yield from (Error("proxy.stats-port", error) for error in find_variable_errors(software, "", port))
    for rule, shown, name, kind in UNQUOTED:
        wrong = find_type_errors(shown, values[name], kind)
        if wrong:
            yield Error(
                rule, f"{'; '.join(wrong)}: correct it, since the configuration of the proxy takes nothing else"
            )


def find_server_errors(servers: Iterable[Mapping[str, Any]]) -> Iterator[Error]:
    """Yield what is wrong with the instances that a proxy sends requests to."""
    servers = list(servers)
    if not servers:
        yield Error(
            "proxy.no-servers",
            "proxy_servers is empty: put application hosts into the inventory's group xitrum, or "
            "list the instances there",
        )
    for part, kind in (("name", "server"), ("address", "host")):
        wrong = find_type_errors(f"the {part} of a server in proxy_servers", [item[part] for item in servers], kind)
        yield from (Error(f"proxy.server-{part}", error) for error in wrong)


def find_layout_errors(values: Mapping[str, Any], cluster: Cluster) -> Iterator[Error]:
    """Yield why an application cannot run on its hosts in the way that is requested. cluster: its plan."""
    missing = (
        slots.find_missing(values["xitrum_supervisor"], describe_slots_host(values))
        if is_true(values["xitrum_slots"])
        else []
    )
    if missing:
        yield Error(
            "xitrum.slots",
            f"xitrum_slots is true, and {'; '.join(missing)}; expected one instance whose ports are all redirected "
            "(none is 80 or 443 itself), without proxies or a cluster. Leave it out",
        )
    yield from (Error("xitrum.cluster", error) for error in cluster.errors)


def describe_slots_host(values: Mapping[str, Any]) -> slots.SlotsHost:
    """Return what decides whether a host can have slots."""
    return {
        "proxies": list((values.get("groups") or {}).get("xitrum_proxy") or []),
        "port_forward": is_true(values["xitrum_port_forward"]),
        "instances": int(values["xitrum_instances"]),
        "cluster": is_true(values["xitrum_cluster"]),
        "http_port": int(values["xitrum_http_port"]),
        "https_port": int(values["xitrum_https_port"]),
        "tls": "xitrum_tls_certificate" in values,
    }
