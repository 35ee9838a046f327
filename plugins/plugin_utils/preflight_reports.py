# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors and notes of a run, of all its hosts, from their variables and from what was read of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.xitrum.host.plugins.plugin_utils import command_line, keep_alive, role_variables
from ansible_collections.xitrum.host.plugins.plugin_utils.commands_once import BEFORE_RELEASE
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE, UsableHosts, UsableVariables

from ..module_utils.application import one_off, operations, rollout
from ..module_utils.core import commands, variables
from ..module_utils.core.untrusted_text import escape_text
from ..module_utils.package import main_class as package_main
from ..module_utils.preflight import messages as preflight
from ..module_utils.preflight import rules, values
from ..module_utils.preflight.catalog import Error, make_errors
from ..module_utils.proxy import fleet_health
from ..module_utils.proxy.definition import format_server_name

HostVars = Mapping[str, Mapping[str, Any]]

#: Prefixes of playbooks that report misspelt variables with all other errors.
READ_FIRST_PREFIXES = ("rollback_",)

#: What has to have a value before the package is read on the controller.
OF_PACKAGE = ("xitrum_package", "xitrum_package_sha256", "xitrum_package_headers", "xitrum_main_class")


def find_usable_hosts(hostvars: HostVars) -> UsableHosts:
    """The variables of all hosts without those that have no value or a wrong one."""
    return UsableHosts(hostvars, role_variables.read_collection()[0])


def find_controller_errors(every: HostVars) -> list[Error]:
    """The package's by_host, each once: one task reads it for all hosts."""
    reports = [of_host.get("application_package_read") or {} for of_host in every.values()]
    found = [
        Error(rule, sentence)
        for report in reports
        for sentence, rule in zip(report.get("errors", []), report.get("rules", []), strict=True)
    ]
    return found or list(dict.fromkeys(filter(None, map(find_command_error, every.values()))))


def find_command_error(of_host: Mapping[str, Any]) -> Error | None:
    """The class of xitrum_before_release, where the package on the controller does not have it."""
    value, folder = of_host.get(BEFORE_RELEASE), (of_host.get("application_package_read") or {}).get("folder")
    if not value or not folder:
        return None
    try:
        name = one_off.parse_command(value, BEFORE_RELEASE)["main_class"]
    except ValueError:
        # An error of its own.
        return None
    wrong = package_main.find_class_error(folder, name)
    return Error("package.before-release", f"{BEFORE_RELEASE}: {wrong}") if wrong else None


def find_variable_errors(of_host: UsableVariables) -> Iterator[Error]:
    """What is wrong with the variables of one host: misspelt names, and values that do not fit."""
    yield from role_variables.find_name_errors(list(of_host), READ_FIRST_PREFIXES)
    yield from make_errors("variable.unusable", of_host.find_errors())


def find_value_errors(of_host: UsableVariables) -> list[Error]:
    """Invalid values of one host, public example secrets among them. What follows from a variable without
    a usable value is left out: `find_variable_errors` reports that."""
    found = [
        *rules.validate(of_host),
        *preflight.find_example_errors(of_host),
        *preflight.find_override_errors(of_host),
    ]
    return [error for error in found if not of_host.mentions(error.message)]


def find_folder_errors(of_host: UsableVariables) -> list[Error]:
    """The folders of a host that is not read: those of a decommissioned host are removed."""
    wrong = make_errors("variable.unusable", map(of_host.find_error, ("xitrum_name", "xitrum_root", "xitrum_log_dir")))
    found = rules.validate(of_host, [values.check_folders])
    return [*wrong, *(error for error in found if not of_host.mentions(error.message))]


def check_values(every: UsableHosts, host: str, addresses: bool = True, names: Sequence[str] = ()) -> bool:
    """Return whether a host's variables have values that nothing can be planned with.

    They are variables without a value or of another type, and invalid numbers, ports, names and folders. addresses:
    whether those of other hosts count that the host's own configuration has. names: the variables to check, for a value
    and its type alone; without names, all are.
    """
    of_host = every[host]
    if names:
        return any(of_host.find_error(name) for name in names)
    if of_host.lacks() or rules.validate(of_host, values.PLAN_CHECKS):
        return True
    if not addresses:
        return False
    return bool(every.find_needed(host)) or bool(preflight.find_address_errors(every.to_strict(), host, NO_VALUE))


def find_run_errors(of_host: UsableVariables, deploy: bool) -> Iterator[Error]:
    """What keeps the rollout of one host from going well, as far as follows from the host's read."""
    yield from preflight.find_port_errors(of_host)
    if deploy:
        proxies = (of_host.get("groups") or {}).get("xitrum_proxy") or []
        yield from preflight.find_deploy_errors(of_host, list(proxies), render)


def render(playbook: str, add: Sequence[str] = ()) -> str:
    """A line to type that repeats the options of this run, with the hosts to add to its limit."""
    return commands.render_command(playbook, command_line.format_given_options(), add=add)


def split_usable_hosts(
    hostvars: HostVars, hosts: Sequence[str], addresses: bool, applications: Sequence[str]
) -> dict[str, Any]:
    """Return `hosts`, those of `hosts` whose values are valid, so that they can be read; `errors`, sentences by host
    of the others; and `package`, those of `applications` with which the package can be read. See `check_values`."""
    every = find_usable_hosts(hostvars)
    valid = [host for host in hosts if not check_values(every, host, addresses)]
    return {
        "hosts": valid,
        "errors": {host: list_value_errors(every, host, addresses) for host in hosts if host not in valid},
        "package": [
            host for host in hosts if host in applications and not check_values(every, host, names=OF_PACKAGE)
        ],
    }


def list_value_errors(every: UsableHosts, host: str, addresses: bool) -> list[str]:
    """Return the sentences on the invalid variables of a host, and on those of others that its configuration has."""
    of_host = every[host]
    found = [*find_variable_errors(of_host), *find_value_errors(of_host)]
    if addresses:
        found += preflight.find_address_errors(every.to_strict(), host, NO_VALUE)
        needed = every.find_needed(host).items()
        others = (f"{other}: {text}" for other, texts in needed for text in texts if other != host)
        found += make_errors("variable.unusable", others)
    return [escape_text(sentence) for sentence in dict.fromkeys(preflight.list_sentences(found))]


def find_errors(
    hostvars: HostVars,
    hosts: Sequence[str],
    reached: Iterable[str] | None = None,
    decommissioned: Sequence[str] = (),
    deploy: bool = False,
    before_read: bool = False,
) -> tuple[str, list[str]]:
    """Return all errors of a run in one message, and the rules that they break, each once; an empty text where there
    is none.

    hosts: those of the run. reached: those of them that answered; without it, all did. decommissioned: hosts on which
    the application is to run no longer. deploy: whether the run brings a release alone, and changes no proxy.
    before_read: whether no host was read yet, so that variables alone have errors.
    """
    usable = find_usable_hosts(hostvars)
    strict, every = usable.to_strict(), {host: usable[host] for host in hosts}
    answered = set(hosts if reached is None else reached)
    lost_proxies = preflight.find_lost_proxies(usable, hosts, answered)
    by_host: dict[str, list[Error]] = {}
    needed: dict[str, list[str]] = {}
    for host, of_host in every.items():
        # A host whose variables are invalid is not read, so this run has no data of it.
        # Where the addresses of others do not matter (base.yml), it is.
        unread = preflight.is_unread(of_host)
        others = preflight.find_address_errors(strict, host, NO_VALUE) if unread else []
        of_others = usable.find_needed(host) if unread else {}
        needed.update(of_others)
        unusable = of_host.lacks() or bool(rules.validate(of_host, values.PLAN_CHECKS))
        skipped = before_read or host in answered and (others or of_others or unusable)
        read = [] if skipped else preflight.find_host_errors(of_host, host in answered, lost_proxies)
        by_host[host] = [
            *find_variable_errors(of_host),
            *read,
            *find_value_errors(of_host),
            *others,
            *find_run_errors(of_host, deploy),
        ]
    differences = [
        {
            host: [
                error for error in errors if not any(found.mentions(error.message) for found in usable.known.values())
            ]
            for host, errors in find(strict, hosts, NO_VALUE).items()
        }
        for find in (preflight.find_difference_errors, preflight.find_proxy_difference_errors)
    ]
    away = preflight.find_unavailable_errors(usable, hosts, NO_VALUE)
    stops = find_last_stop_errors(every, usable, hosts)
    for found in (stops, *differences, preflight.find_session_reports(usable, hosts, NO_VALUE)[0], away):
        for host, errors in found.items():
            by_host[host] += errors
    # Of a host that the run leaves out, what the configuration of these has.
    for host, sentences in needed.items():
        if host not in every:
            by_host[host] = list(make_errors("variable.unusable", sentences))
    lost = preflight.find_decommissioned_errors({host: hostvars[host] for host in decommissioned}, every)
    wrong = {host: find_folder_errors(usable[host]) for host in decommissioned if host not in every}
    for host, errors in [*lost.items(), *((host, found) for host, found in wrong.items() if found)]:
        by_host.setdefault(host, []).extend(errors)
    controller = find_controller_errors(every)
    if not controller and not any(by_host.values()):
        # The notes of all hosts are computed for a message alone.
        return "", []
    message = preflight.format_message(by_host, controller, find_notes(usable, hosts, deploy, hosts))
    return message, preflight.list_rules(by_host, controller)


def find_last_stop_errors(every: HostVars, usable: UsableHosts, hosts: Sequence[str]) -> dict[str, list[Error]]:
    """Why an operator must not stop these instances, of a fleet without proxies: by host."""
    states = {host: of_host.get("xitrum_host_state") or {} for host, of_host in every.items()}
    stopping = [host for host, state in states.items() if (state.get("operation") or {}).get("verb") == "stop"]
    groups = (every[stopping[0]].get("groups") or {}) if stopping else {}
    if not stopping or groups.get("xitrum_proxy"):
        return {}
    left_out = [host for host in groups.get("xitrum") or () if host not in hosts and host in usable]
    allowed = variables.is_true(every[stopping[0]].get("stop_last", False))
    found = operations.find_last_errors(states, left_out, allowed)
    return {host: [Error(error.rule, str(error)) for error in errors] for host, errors in found.items()}


def find_stopped(
    hostvars: HostVars, hosts: Sequence[str], proxies: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the instances that an operator stopped, and that a proxy has not disabled: host to its instances, without
    hosts that have none. Where a proxy is about to change, it may forget them."""
    reports = [fleet_health.get_report(hostvars[name].get("xitrum_host_state")) for name in proxies]
    changing = any(report.get("drift") for report in reports if report)
    servers = [server for report in reports if report for server in fleet_health.list_application_servers(report)]
    enabled = {server["name"] for server in servers if server["admin"] != "maint"}
    found: dict[str, list[Mapping[str, Any]]] = {}
    for host in hosts:
        instances = (hostvars[host].get("xitrum_host_state") or {}).get("instances") or {}
        found[host] = [
            operations.pick(item)
            for item in instances.get("instances", [])
            if operations.is_kept_stopped(item) and (changing or format_server_name(host, item["index"]) in enabled)
        ]
    return {host: instances for host, instances in found.items() if instances}


def find_notes(
    hostvars: HostVars,
    hosts: Sequence[str],
    deploy: bool = False,
    every: Sequence[str] | None = None,
    connection: bool = False,
) -> dict[str, list[str]]:
    """Return the notes on each of `hosts`, which stop nothing: host to sentences.

    every: all hosts of the run; without it, `hosts` are. connection: whether to check how Ansible reaches them.
    """
    found = {}
    sessions = preflight.find_session_reports(hostvars, hosts if every is None else every, NO_VALUE)[1]
    for host in hosts:
        found[host] = [
            *preflight.find_host_notes(hostvars[host]),
            *sessions.get(host, []),
            *role_variables.find_unknown(list(hostvars[host]))["warnings"],
        ]
        if deploy:
            found[host] += preflight.find_deploy_notes(hostvars[host], render)
        # All are reached alike, as a rule: once is enough.
        if connection and host == (every or hosts)[0]:
            found[host] += filter(None, [keep_alive.find_note(host, hostvars[host])])
    return found


def find_disabled(
    hostvars: HostVars, hosts: Sequence[str], proxies: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the instances that the run starts and that a proxy has disabled: host to its instances, without hosts
    that have none."""
    read = [hostvars[name].get("xitrum_host_state") or {} for name in proxies]
    found = {}
    for host in hosts:
        instances = (hostvars[host].get("xitrum_host_state") or {}).get("instances") or {}
        found[host] = rollout.find_disabled(instances.get("start", []), read, host)
    return {host: instances for host, instances in found.items() if instances}


def find_name_errors(hostvars: HostVars, hosts: Iterable[str], prefixes: Sequence[str]) -> list[Error]:
    """Return the errors of misspelt variables of these hosts, and of invalid values of the playbook's prefixes, each
    once.

    prefixes: those of the playbook that runs. A misspelt variable with one of them is an error too.
    """
    every = dict.fromkeys(name for host in hosts for name in hostvars[host])
    found = role_variables.find_name_errors(every, prefixes)
    usable = find_usable_hosts(hostvars)
    for host in hosts:
        of_host = usable[host]
        names = [name for name in of_host.given if name in of_host.options and name.startswith(tuple(prefixes))]
        wrong = [of_host.find_error(name) for name in names]
        found += make_errors("variable.unusable", wrong)
    return list(dict.fromkeys(found))
