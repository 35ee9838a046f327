# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All errors that block a run, of all hosts and of the controller, reported once. Pure: no file, no
host.

Each error is one of a rule of catalog.py. Notes stop nothing, and are sentences.
"""

from __future__ import annotations

import collections
import os
import re
import textwrap
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Tuple, Type, Union, cast

from ..application import slots
from ..configuration import shared as shared_settings
from ..configuration.xitrum_conf import EXAMPLE_VALUES, parse_settings
from ..core import addresses
from ..core.name_lists import format_names
from ..core.untrusted_text import make_printable
from ..core.variables import is_true
from ..package.java import find_java_error
from ..proxy import definition as proxy
from ..supervisor.table import DEFAULT as DEFAULT_SUPERVISOR
from .catalog import Error, make_errors

#: The variable that replaces a key of the package's configuration, and how to make a value for it.
OWN_VALUES = {"secureKey": "xitrum_secure_key", "apiKey": "xitrum_metrics_api_key"}


#: Variables that a proxy shares with the application hosts behind it, each with its default and with the proxy's own
#: variables that are used instead of it.
SHARED_WITH_PROXIES = {
    "xitrum_name": ("xitrum", ("proxy_application",)),
    "xitrum_health_path": ("/", ("proxy_health_path",)),
    "xitrum_health_status": ("200", ("proxy_health_status",)),
    "xitrum_cluster": ("false", ("proxy_sticky", "xitrum_proxy_sticky")),
}

#: How a report on a host that was not read begins; a module may have reported it itself.
UNREAD = "the host could not be read"

#: The rule of an error whose component names none. `tests/unit/conftest.py` refuses one.
UNNAMED = "host.read"

#: Lines of what a module printed that a report shows.
_LINES = 4

#: The errors that report about a variable that it has no value: as in an `except`.
NoValue = Union[Type[BaseException], Tuple[Type[BaseException], ...]]

#: How Ansible words the error of a filter, which here is that of a value.
FILTER_ERROR = re.compile(r"The filter plugin 'xitrum\.host\.\w+' failed: (.+)", re.DOTALL)


def find_example_errors(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Public example secrets that one host would go live with: its own, and those that the package still has.

    The package's apiKey and TLS key are not an error:
    without a key of yours the metrics page and HTTPS of the instance are off.
    """
    if not runs_the_package(variables):
        return
    examples = (variables.get("application_package_read") or {}).get("examples", [])
    for key, name in OWN_VALUES.items():
        if variables.get(name) == EXAMPLE_VALUES[key]:
            yield Error(
                "secrets.example",
                f"{name} is the example of Xitrum's project template, which is public: set your own, for example the "
                "output of openssl rand -hex 32",
            )
    overrides = ((variables.get("application_package_read") or {}).get("session_settings") or {}).get("overrides", ())
    if "secureKey" in examples and "xitrum_secure_key" in overrides:
        yield Error(
            "secrets.example-of-package",
            "config/application.conf of the package sets session.secureKey to the example of Xitrum's project "
            "template, which is public: anybody can forge sessions. Remove it there, and build the package again",
        )
    elif "secureKey" in examples and not variables.get("xitrum_secure_key"):
        yield Error(
            "secrets.example-of-package",
            "config/xitrum.conf of the package has the example secureKey of Xitrum's project template, which is public:"
            " anybody can forge sessions. Set xitrum_secure_key for the group xitrum, for example to the output of "
            "openssl rand -hex 32 (keep it in a vault)",
        )
    if os.path.basename(str(variables.get("xitrum_tls_key") or "")).startswith("ssl_example"):
        yield Error(
            "secrets.example",
            "xitrum_tls_key is the example key of Xitrum's project template, which is public: set your own key and "
            "certificate",
        )


def find_override_errors(variables: Mapping[str, Any]) -> Iterator[Error]:
    """Settings of sessions that one host sets and that the package sets again after them,
    so that they have no effect."""
    found = (variables.get("application_package_read") or {}).get("session_settings") or {}
    if not found.get("overrides") or not runs_the_package(variables):
        return
    own = shared_settings.read_session_settings(str(variables.get("xitrum_config") or ""))
    own.setdefault("xitrum_secure_key", shared_settings.compute_digest(str(variables.get("xitrum_secure_key") or "")))
    for name in found["overrides"]:
        if own.get(name) and own[name] != found[name]:
            key = shared_settings.SESSION_SETTINGS[name]
            yield Error(
                "package.session-settings",
                f"config/application.conf of the package sets session.{key} after it includes config/xitrum.conf: the "
                f"value for this host ({name if name in variables else 'xitrum_config'}) has no effect. Remove it "
                f"there and build the package again, or leave it out here",
            )


def find_session_notes(variables: Mapping[str, Any]) -> Iterator[str]:
    """What of the settings of sessions is not read, and so not compared with what runs."""
    found = (variables.get("application_package_read") or {}).get("session_settings") or {}
    own = shared_settings.find_unread_includes(parse_settings(str(variables.get("xitrum_config") or "")))
    options = variables.get("xitrum_java_options")
    options = shared_settings.find_unread_options(options if isinstance(options, (list, tuple)) else ())
    rows = (
        ("the configuration of the package", found.get("unread", ())),
        ("xitrum_config", sorted(own)),
        ("xitrum_java_options", options),
    )
    for where, statements in rows:
        for statement in statements:
            yield (
                f"found {make_printable(statement)} in {where}: this check cannot read what it refers to, and does not "
                "notice when session.secureKey changes there. For such a change, add "
                "-e xitrum_rollout_strategy=all_at_once: while instances run with two keys, users lose sessions"
            )


def find_address_errors(hostvars: Mapping[str, Mapping[str, Any]], host: str, no_value: NoValue = ()) -> list[Error]:
    """Why the configuration of one host cannot be written with the addresses and ports of the others, all at once.

    An application host trusts its proxies, and a proxy knows the instances:
    also those of hosts that the run leaves out.
    """
    variables = hostvars[host]
    groups_of = variables.get("groups") or {}
    # Of a host only the variables that are requested are worked out.
    applications, proxies = (
        [
            # It writes to its first mapping alone.
            collections.ChainMap({"inventory_hostname": name}, cast(Any, hostvars[name]))
            for name in groups_of.get(group) or ()
            if name in hostvars
        ]
        for group in ("xitrum", "xitrum_proxy")
    )
    defaults = {
        name: read_value(variables, name, no_value) or default
        for name, default in ((proxy.PORT, 8000), (proxy.COUNT, 1))
    }
    checks: list[tuple[str, Callable[[], object]]] = []
    if host in (groups_of.get("xitrum") or ()) and "xitrum_trusted_proxies" not in variables:
        checks.append(("xitrum.trusted-proxies", lambda: proxy.list_addresses(proxies, host)))
    if host in (groups_of.get("xitrum_proxy") or ()) and applications and "proxy_servers" not in variables:
        checks.append(("proxy.instances", lambda: proxy.list_servers(applications, host, defaults)))
    found: list[Error] = []
    for rule, check in checks:
        try:
            check()
        except no_value:
            # A variable without a value is an error of its own.
            continue
        except ValueError as error:
            found += make_errors(rule, str(error).splitlines())
    return found


def is_unread(variables: Mapping[str, Any]) -> bool:
    """Whether nothing was read of a host, or its read failed."""
    state = variables.get("xitrum_host_state")
    return not isinstance(state, dict) or bool(state.get("failed") or state.get("unreachable"))


def runs_the_package(variables: Mapping[str, Any]) -> bool:
    """Whether a host was read as an application host: a proxy needs neither a JDK nor the application's secrets."""
    state = variables.get("xitrum_host_state")
    return isinstance(state, dict) and bool(state.get("jdk"))


def find_lost_proxies(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], reached: Container[str]
) -> list[str]:
    """Those of `hosts` that are proxies alone and could not be reached."""
    found = []
    for host in hosts:
        members = hostvars[host].get("groups") or {}
        if (
            host not in reached
            and host in (members.get("xitrum_proxy") or [])
            and host not in (members.get("xitrum") or [])
        ):
            found.append(host)
    return found


def find_unavailable_errors(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], no_value: NoValue = ()
) -> dict[str, list[Error]]:
    """Values of xitrum_unavailable_proxies that the choice of `hosts` did not follow, an error each: it knows the
    variables of -e alone, and the rest of the run goes by the inventory too."""
    found = {}
    for host in hosts:
        try:
            away = proxy.parse_names(hostvars[host].get("xitrum_unavailable_proxies"))
        except no_value:
            continue
        except ValueError as error:
            found[host] = [Error("proxy.unavailable-names", str(error))]
            continue
        ignored = [name for name in away if name in hosts]
        if ignored:
            sentence = (
                f"xitrum_unavailable_proxies: found {', '.join(ignored)} in the inventory, expected the variable with "
                "-e alone: Ansible chooses the hosts of a play before it reads the inventory's variables. Remove it "
                f"from the inventory, and add -e xitrum_unavailable_proxies={','.join(away)}"
            )
            found[host] = [Error("proxy.unavailable-in-inventory", sentence)]
    return found


def find_host_errors(variables: Mapping[str, Any], reached: bool, lost: Sequence[str] = ()) -> list[Error]:
    """The errors of one host: what its components report, and its JDK.
    `lost` are all proxies that could not be reached."""
    state, package = variables.get("xitrum_host_state"), variables.get("application_package_read") or {}
    if state is None or is_unread(variables):
        return (
            split_refusals(state)
            if reached and isinstance(state, dict) and state.get("refused")
            else find_unread_errors(variables, state, reached, lost)
        )
    reports = {name: report for name, report in state.items() if isinstance(report, dict)}
    errors = [
        error
        for report in reports.values()
        for sentence in report.get("errors", [])
        for error in make_errors(report.get("broken_rules", {}).get(sentence, UNNAMED), [sentence])
    ]
    if runs_the_package(variables):
        where = f"{package.get('java_jar')}, {package.get('java_class')}" if package.get("java_jar") else ""
        version = state["jdk"].get("version", 0)
        mismatch = find_java_error(package.get("java", 0), version, package.get("scala", ""), where)
        errors += make_errors("package.java", [mismatch])
    return errors


def find_cause(message: str) -> str:
    """What a filter of this collection found wrong, without the words that Ansible puts before it;
    empty for another message."""
    found = FILTER_ERROR.search(message)
    return found[1].strip() if found else ""


def split_refusals(state: Mapping[str, Any]) -> list[Error]:
    """The errors of a check of variables that failed before the host was read, a sentence a line."""
    sentences = [line.strip() for line in str(state.get("msg", "")).splitlines() if line.strip()]
    rules = list(state.get("rules") or ())
    # A variable without a value is refused before a rule is queried.
    rules = rules if len(rules) == len(sentences) else ["variable.unusable"] * len(sentences)
    return [Error(rule, sentence) for rule, sentence in zip(rules, sentences)]


def get_instances(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The report on the instances of one host; empty where it was not read."""
    state = variables.get("xitrum_host_state")
    found = state.get("instances") if isinstance(state, dict) else None
    return found if isinstance(found, dict) else {}


def find_deploy_errors(
    variables: Mapping[str, Any], proxies: Sequence[str], command: Callable[..., str]
) -> Iterator[Error]:
    """What a deploy would leave half done on one host, with what to run instead.

    It leaves the JDK, the kernel and the proxies' configuration as they are. `proxies` are the proxies of the
    inventory, and `command(playbook, add)` is a line to type that runs a playbook, with `add` among its hosts.
    """
    found = get_instances(variables)
    if not found or not runs_the_package(variables):
        return
    listed, jdk, site = found.get("instances", []), variables["xitrum_host_state"]["jdk"], command("site", proxies)
    if jdk.get("steps"):
        yield Error(
            "deploy.jdk",
            f"the JDK {jdk.get('version')} is not ready in {jdk.get('home')}, and deploy.yml installs none. "
            f"Run first:\n{command('base')}",
        )
    # Of a host with slots, the rollout itself ends the inactive instance.
    slotted = "slot" in (variables.get("application_slot_read") or {})
    extra = [str(item["index"]) for item in found.get("orphaned", [])]
    if extra and not slotted:
        desired = ", ".join(str(item["index"]) for item in listed)
        yield Error(
            "deploy.orphaned-instance",
            f"this host still has instance {', '.join(extra)}, and the inventory has {desired} (xitrum_instances, "
            f"xitrum_slots): deploy.yml removes no instance. Run instead:\n{site}",
        )
    if proxies:
        yield from find_proxied_errors(variables, listed, " and ".join(proxies), site)


def find_proxied_errors(
    variables: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], proxies: str, site: str
) -> Iterator[Error]:
    """As `find_deploy_errors`: what of the instances `listed` the proxies would not learn."""
    known = [item for item in listed if item.get("configured")]
    new = [str(item["index"]) for item in listed if not item.get("configured")]
    if new:
        yield Error(
            "deploy.new-instance",
            f"instance {', '.join(new)} is new on this host, and deploy.yml does not add it to {proxies}: "
            f"no request would reach it. Run instead:\n{site}",
        )
    moved = next((item for item in known if item["configured"]["http"] != item["port"]), None)
    if moved:
        yield Error(
            "deploy.port",
            f"found port {moved['configured']['http']}, expected {moved['port']} (xitrum_http_port), for instance "
            f"{moved['index']}: deploy.yml leaves {proxies} at the old port. Run instead:\n{site}",
        )
    desired = format_address(variables.get("xitrum_interface"))
    away = next((item for item in known if format_address(item["configured"]["interface"]) != desired), None)
    if away:
        configured_address = format_address(away["configured"]["interface"])
        yield Error(
            "deploy.address",
            f"found the address {configured_address or 'of every interface'}, expected {desired or 'every interface'} "
            f"(xitrum_interface), for instance {away['index']}: deploy.yml leaves {proxies} at the old address. "
            f"Run instead:\n{site}",
        )
    cluster = is_true(variables.get("xitrum_cluster", False))
    if any(item["configured"]["cluster"] != cluster for item in known):
        yield Error(
            "deploy.cluster",
            f"found instances {'without' if cluster else 'in'} a cluster, expected the opposite (xitrum_cluster): "
            f"proxies set a session cookie only without a cluster, and deploy.yml does not change them. "
            f"Run instead:\n{site}",
        )


def find_deploy_notes(variables: Mapping[str, Any], command: Callable[..., str]) -> Iterator[str]:
    """What a deploy leaves for another playbook, and stops nothing."""
    listed = get_instances(variables).get("instances", [])
    new = [
        str(item["port"]) for item in listed if (item.get("configured") or {}).get("http", item["port"]) != item["port"]
    ]
    if new:
        yield (
            f"port {', '.join(new)} is new here: deploy.yml does not reserve it in net.ipv4.ip_local_reserved_ports, so"
            " that an outgoing connection could take it while an instance restarts. Run afterwards (nothing restarts): "
            f"{command('base')}"
        )


def read_value(variables: Mapping[str, Any], name: str, no_value: NoValue) -> str:
    """A variable as a text; empty where it is not set, or where reading it raises `no_value`:
    that is an error of its own."""
    try:
        value = variables.get(name)
    except no_value:
        return ""
    return "" if value is None else str(value)


def list_application_hosts(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], no_value: NoValue
) -> tuple[list[str], list[str]]:
    """The application hosts among `hosts`, and those of the same application that the run leaves out."""
    groups = next((hostvars[host].get("groups") or {} for host in hosts), {})
    members = list(groups.get("xitrum") or [])
    run = (
        [host for host in hosts if host in members]
        if members
        else [host for host in hosts if runs_the_package(hostvars[host])]
    )
    names = {(read_value(hostvars[host], "xitrum_name", no_value) or "xitrum") for host in run}
    others = [host for host in members if host not in run and host in hostvars]
    return run, [host for host in others if (read_value(hostvars[host], "xitrum_name", no_value) or "xitrum") in names]


def find_session_reports(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], no_value: NoValue = ()
) -> tuple[dict[str, list[Error]], dict[str, list[str]]]:
    """What a run would do to sessions and the cluster by its restarts:
    `(errors, notes)`, hosts to errors and hosts to sentences."""
    run, left_out = list_application_hosts(hostvars, hosts, no_value)
    fleet = {host: get_instances(hostvars[host]).get("instances", []) for host in run}
    strategy = next((read_value(hostvars[host], "xitrum_rollout_strategy", no_value) for host in run), "")
    package = next((hostvars[host].get("application_package_read") or {} for host in run), {})
    # The package of a rollback is a release of the hosts, and no folder.
    required = bool(package.get("folder", True))
    errors, notes = shared_settings.report_restarts(fleet, strategy, left_out, required)
    return {host: list(make_errors("rollout.sessions", found)) for host, found in errors.items()}, notes


def find_difference_errors(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], no_value: NoValue = ()
) -> dict[str, list[Error]]:
    """Settings that differ between the hosts of an application,
    those outside of the run among them: hosts to errors."""
    run, left_out = list_application_hosts(hostvars, hosts, no_value)
    names = ("xitrum_secure_key", "xitrum_config", "xitrum_cluster")
    by_application: dict[str, dict[str, dict[str, str]]] = {}
    found: dict[str, list[Error]] = {}
    for host in [*run, *left_out]:
        values = {name: read_value(hostvars[host], name, no_value) for name in names}
        values["xitrum_cluster"] = str(is_true(values["xitrum_cluster"]))
        of_application = by_application.setdefault(
            (read_value(hostvars[host], "xitrum_name", no_value) or "xitrum"), {}
        )
        of_application[host] = shared_settings.read_variables(values)
    for of_hosts in by_application.values():
        for sentence in shared_settings.find_differences(of_hosts):
            for host in filter(run.__contains__, of_hosts):
                found.setdefault(host, []).append(Error("xitrum.same-settings", sentence))
    return found


def find_proxy_difference_errors(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], no_value: NoValue = ()
) -> dict[str, list[Error]]:
    """Settings of a proxy of the run that differ from those of the application hosts behind it: proxies to errors.

    `hosts` are those of the run. The application hosts are all of the inventory. A setting for which a proxy has a
    variable of its own is left out.
    """
    groups_of = next((hostvars[host].get("groups") or {} for host in hosts), {})
    members = [host for host in groups_of.get("xitrum") or () if host in hostvars]
    proxies = [host for host in groups_of.get("xitrum_proxy") or () if host in hosts]
    found: dict[str, list[Error]] = {}
    for name, (default, own) in SHARED_WITH_PROXIES.items() if proxies and members else ():
        expected = list(dict.fromkeys(read_shared(hostvars[host], name, default, no_value) for host in members))
        for host in proxies:
            value = read_shared(hostvars[host], name, default, no_value)
            if value not in expected and not any(read_value(hostvars[host], other, no_value) for other in own):
                sentence = (
                    f"found {make_printable(value)} as {name} of this proxy, expected "
                    f"{make_printable(' or '.join(expected))} as on the hosts of the group xitrum. Set {name} for all "
                    "hosts, such as in group_vars/all.yml, not for the group xitrum alone"
                )
                found.setdefault(host, []).append(Error("proxy.same-settings", sentence))
    return found


def read_shared(variables: Mapping[str, Any], name: str, default: str, no_value: NoValue) -> str:
    """A variable that proxies and application hosts share, as a text that can be compared."""
    value = read_value(variables, name, no_value) or default
    return str(is_true(value)).lower() if default in ("true", "false") else value


def find_restart_note(variables: Mapping[str, Any]) -> list[str]:
    """What a user has to know before a release or a configuration restarts instances
    that no proxy stands in front of."""
    due = get_instances(variables).get("restart")
    if not due or "slot" in (variables.get("application_slot_read") or {}):
        return []
    proxies = (variables.get("groups") or {}).get("xitrum_proxy") or []
    host: slots.SlotsHost = {
        "proxies": proxies,
        "port_forward": is_true(variables.get("xitrum_port_forward", not proxies)),
        "instances": int(variables.get("xitrum_instances", 1)),
        "cluster": is_true(variables.get("xitrum_cluster", False)),
        "http_port": int(variables.get("xitrum_http_port", 8000)),
        "https_port": int(variables.get("xitrum_https_port", 4430)),
        "tls": bool(variables.get("xitrum_tls_certificate")),
    }
    note = slots.format_in_place_note(variables.get("xitrum_supervisor", DEFAULT_SUPERVISOR), host)
    return [f"instance {', '.join(str(item['index']) for item in due)} restarts: {note}"] if note else []


def format_address(interface: Any) -> str:
    """The address that an interface names, in one text; empty for every one."""
    address = addresses.format_application_address(interface or "")
    return "" if addresses.is_every(address) else addresses.normalize(address)


def find_port_errors(variables: Mapping[str, Any]) -> Iterator[Error]:
    """A port that an instance is to take while another one of the host still has it: a rollout could not start it."""
    found = get_instances(variables)
    listed, configured = found.get("instances", []), found.get("configured") or {}
    slot = (variables.get("application_slot_read") or {}).get("slot")
    # They are removed after the last step. Of a host with slots, the other one is emptied before.
    orphaned = [
        {**item, "configured": configured.get(str(item["index"]))} for item in found.get("orphaned", []) if slot is None
    ]
    orphaned = [item for item in orphaned if item["configured"]]
    for item in listed:
        index, port = item["index"], item["port"]
        if slot is not None:
            # A new release starts in the other slot, at its port.
            index, port = 1 - slot, item["port"] + 1 - 2 * slot
        # Those before it have left their ports by then.
        later = [other for other in listed if other.get("configured") and other["running"]]
        later = [other for other in later if slot is not None or other["index"] > index]
        holder = next(
            (other for other in later if port in (other["configured"]["http"], other["configured"]["https"])), None
        )
        removed = next(
            (other for other in orphaned if port in (other["configured"]["http"], other["configured"]["https"])), None
        )
        if removed:
            yield Error(
                "rollout.port-of-orphaned",
                f"instance {index} is to listen on port {port}, which instance {removed['index']} has until it is "
                f"removed, after the others have restarted. Reduce xitrum_instances in one run, and change "
                f"xitrum_http_port in the next one",
            )
        if holder:
            yield Error(
                "rollout.port",
                f"instance {index} is to listen on port {port}, which instance {holder['index']} has until it is "
                f"restarted. Set xitrum_http_port so that the new ports and the old ones do not overlap",
            )


def find_decommissioned_errors(
    decommissioned: Mapping[str, Mapping[str, Any]], applications: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Error]]:
    """What keeps a run from finding the application on hosts where it is to run no longer: host to errors.
    `decommissioned` and `applications` map hosts to their variables.
    Without its names a run would search elsewhere, find nothing, and be green."""
    found: dict[str, list[Error]] = {}
    for name in ("xitrum_name", "xitrum_root", "xitrum_log_dir"):
        other = next((host for host in applications if name in applications[host]), "")
        for host in decommissioned if other else ():
            if name not in decommissioned[host]:
                sentence = (
                    f"{name} is not set for this host of the group xitrum_decommissioned, and {other} of the group "
                    f"xitrum has {applications[other][name]}. Set it for both groups, such as in group_vars/all.yml: "
                    f"without it, the run would not find the application on this host"
                )
                found.setdefault(host, []).append(Error("decommissioned.names", sentence))
    return found


def find_unread_errors(
    variables: Mapping[str, Any], state: Any, reached: bool, lost: Sequence[str] = ()
) -> list[Error]:
    """The errors for a host that was not read."""
    if not reached:
        groups = variables.get("groups") or {}
        name = variables.get("inventory_hostname", "")
        if name in (groups.get("xitrum_proxy") or []) and name not in (groups.get("xitrum") or []):
            # A value of -e replaces the one before, so that it has them all.
            away = ",".join(dict.fromkeys([*list_unavailable(variables), *(lost or [name])]))
            sentence = (
                "the proxy could not be reached: start it, or correct ansible_host. To roll out without it, add "
                f"-e xitrum_unavailable_proxies={away}; once it is back, run site.yml"
            )
            return [Error("proxy.reached", sentence)]
        sentence = "the host could not be reached: start it, correct ansible_host, or leave it out with --limit"
        return [Error("host.reached", sentence)]
    if isinstance(state, dict) and state.get("printed"):
        return [Error("host.read", f"{UNREAD}: the failure of '{state['printed']}' is printed above")]
    failed = variables.get("ansible_failed_result")
    reason = next(filter(None, map(read_failure, (state, failed))), "no reason was given; run again with -vvv")
    # A filter reports all that it found at once, a fault a line.
    # Of others' words no line is one to type: see `format_bullets`.
    folded = " ".join(reason.split())
    causes = list(make_errors("variable.unusable", find_cause(reason).splitlines()))
    return causes or [Error("host.read", folded if folded.startswith(UNREAD) else f"{UNREAD}: {folded}")]


def list_unavailable(variables: Mapping[str, Any]) -> list[str]:
    """The proxies that a run leaves out by now; none where the value cannot be read, which is an error of its own."""
    try:
        return proxy.parse_names(variables.get("xitrum_unavailable_proxies"))
    except ValueError:
        return []


def read_failure(result: Any) -> str:
    """Why a module failed, by its result; empty where it does not report it.
    What it printed is the reason where Ansible has none."""
    text = str(result.get("msg") or "").strip() if isinstance(result, dict) else ""
    printed = str(result.get("module_stderr") or result.get("module_stdout") or "").strip().splitlines() if text else []
    return " ".join([text, make_printable(" ".join(printed[-_LINES:]))]).strip()


def find_host_notes(variables: Mapping[str, Any]) -> list[str]:
    """The notes on one host, which stop nothing."""
    state = variables.get("xitrum_host_state")
    reports = (
        {name: report for name, report in state.items() if isinstance(report, dict)} if isinstance(state, dict) else {}
    )
    notes = [*(note for report in reports.values() for note in report.get("notes", [])), *find_restart_note(variables)]
    release, package = reports.get("release", {}), variables.get("application_package_read") or {}
    now, desired = release.get("current"), package.get("release")
    if now and desired and now != desired:
        notes.append(f"release {now} is active, and {desired} is desired")
        notes += find_session_notes(variables)
    if (
        "current" in release
        and desired
        and now != desired
        and not variables.get("xitrum_main_class")
        and package.get("main_class_jar")
    ):
        notes.append(
            f"release {desired} starts {package['main_class']}, the main class in {package['main_class_jar']}: "
            "xitrum_main_class is not set"
        )
    return notes


def group_by_sentence(sentences: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Turns host to sentences into sentence to hosts, in the order of first appearance: each is reported once."""
    found: dict[str, list[str]] = {}
    for host, listed in sentences.items():
        for sentence in dict.fromkeys(listed):
            found.setdefault(sentence, []).append(host)
    return found


def list_hosts(hosts: Sequence[str], count: int) -> str:
    """Some of the hosts, as a heading: everybody is reported in a word, and a long list is cut."""
    if len(hosts) == count and count > 1:
        return "both hosts" if count == 2 else f"all {count} hosts"
    return format_names(hosts, 8)


def group_by_hosts(sentences: Mapping[str, Iterable[str]], count: int) -> dict[str, list[str]]:
    """Heading to sentences: those of the same hosts stand together."""
    found: dict[str, list[str]] = {}
    for sentence, hosts in group_by_sentence(sentences).items():
        found.setdefault(list_hosts(hosts, count), []).append(sentence)
    return found


def list_sentences(errors: Iterable[Error]) -> list[str]:
    """The sentences of errors."""
    return [error.message for error in errors]


def format_bullets(heading: str, sentences: Iterable[str]) -> str:
    """One group of the message."""
    lines = []
    for sentence in sentences:
        found = str(sentence).split("\n")
        # Of others' words, such as those of a program that failed, no line is one to type.
        commands = [line for line in found[1:] if line.startswith("ansible-playbook ")]
        prose = "\n".join(line for line in found if line not in commands)
        lines.append(textwrap.fill(prose, 110, initial_indent="  - ", subsequent_indent="    ", break_long_words=False,
                                   break_on_hyphens=False))
        # A line to type stays one.
        lines += [f"    {command}" for command in commands]
    return "\n".join([f"{heading}:", *lines])


def list_rules(errors: Mapping[str, Iterable[Error]], controller: Iterable[Error] = ()) -> list[str]:
    """The rules of the errors of a message, each once: see `format_message`."""
    return list(dict.fromkeys(error.rule for found in (controller, *errors.values()) for error in found))


def format_message(
    errors: Mapping[str, Iterable[Error]],
    controller: Iterable[Error] = (),
    notes: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """One text for a person. `errors` maps every host to its errors and `notes` to its sentences, `controller`
    are the errors that belong to no host. Empty where there is no error: notes alone do not stop a run."""
    found = {"here, on the controller": list(dict.fromkeys(list_sentences(controller)))} if controller else {}
    found.update(group_by_hosts({host: list_sentences(of_host) for host, of_host in errors.items()}, len(errors)))
    number = sum(len(sentences) for sentences in found.values())
    if not number:
        return ""
    parts = [
        f"{number} error{'' if number == 1 else 's'}. No host was changed."
    ]
    parts += [format_bullets(heading, sentences) for heading, sentences in found.items()]
    for heading, sentences in group_by_hosts(notes or {}, len(errors)).items():
        parts.append(format_bullets(f"notes, {heading}", sentences))
    parts.append(f"Fix {'it' if number == 1 else 'these'}, then run the same command again.")
    return "\n\n".join(parts)
