# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter that says what stands in the way of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight_message
short_description: Says everything that stands in the way of a run, once
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Collects the problems of the package, of all hosts and of variables (a misspelt name, a value that does not fit),
    and makes one message of them. A problem that several hosts have is said once, with their names.
  - Holds the Java that the package needs against each host's JDK, and refuses the public example secrets.
positional: hosts, reached, retired, deploy
options:
  _input:
    description:
      - The variables of all hosts, C(hostvars). Of each host are read C(xitrum_host_state) (what
        M(xitrum.host.host_state_info) returned), C(application_package_read) (what M(xitrum.host.package_info)
        returned), and the names of its variables.
    type: dict
    required: true
  hosts:
    description: The hosts of the run, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  reached:
    description: Those that answered, C(ansible_play_hosts). Without it, all did.
    type: list
    elements: str
  retired:
    description: The hosts of the group C(xitrum_retired), which must know the application's names as the others do.
    type: list
    elements: str
    default: []
  deploy:
    description:
      - Whether the run leaves the JDK, the kernel and the proxies as they are. What it would then do by half is
        refused.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Nothing stands in the way
  ansible.builtin.fail:
    msg: "{{ problems }}"
  vars:
    problems: "{{ hostvars | xitrum.host.preflight_message(ansible_play_hosts_all, ansible_play_hosts) }}"
  when: problems | length > 0
  run_once: true
"""

RETURN = r"""
_value:
  description: The message; empty where nothing stands in the way.
  type: str
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.xitrum.host.plugins.filter.preflight_notes import preflight_notes
from ansible_collections.xitrum.host.plugins.filter.unknown_variables import unknown_variables
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import of_collection
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE, UsableHosts, UsableVariables

from ..module_utils.core import commands
from ..module_utils.preflight import messages as preflight
from ..module_utils.preflight import rules, values
from ..module_utils.preflight.catalog import Error, errors_of


def usable_hosts(hostvars: Mapping[str, Mapping[str, Any]]) -> UsableHosts:
    """The variables of all hosts without those that have no value or a wrong one."""
    return UsableHosts(hostvars, of_collection()[0])


def controller_problems(every: Mapping[str, Mapping[str, Any]]) -> list[Error]:
    """The package's problems, each once: one task reads it for all hosts."""
    return [
        error
        for of_host in every.values()
        for error in errors_of("package.contents", (of_host.get("application_package_read") or {}).get("problems", []))
    ]


def variable_problems(of_host: UsableVariables) -> Iterator[Error]:
    """What is wrong with the variables of one host: misspelt names, and values that do not fit."""
    yield from errors_of("variable.unknown", unknown_variables(list(of_host))["errors"])
    yield from errors_of("variable.unusable", of_host.find_errors())


def value_problems(of_host: UsableVariables) -> list[Error]:
    """Invalid values of one host, public example secrets among them. What follows from a variable without
    a usable value is left out: L(variable_problems) reports that."""
    found = [*rules.validate(of_host), *preflight.example_problems(of_host), *preflight.override_problems(of_host)]
    return [error for error in found if not of_host.mentions(error.message)]


def folder_problems(of_host: UsableVariables) -> list[Error]:
    """The folders of a host that is not read: those of a retired host are removed."""
    wrong = errors_of("variable.unusable", map(of_host.error, ("xitrum_name", "xitrum_root", "xitrum_log_dir")))
    found = rules.validate(of_host, [values.folders])
    return [*wrong, *(error for error in found if not of_host.mentions(error.message))]


def values_cannot_be_meant(
    hostvars: Mapping[str, Mapping[str, Any]], host: str, addresses: bool = True, names: Sequence[str] = ()
) -> bool:
    """Whether a host's variables have values that cannot be planned with.
    See the documentation of values_cannot_be_meant."""
    every = usable_hosts(hostvars)
    of_host = every[host]
    if names:
        return any(of_host.error(name) for name in names)
    if of_host.lacks() or rules.validate(of_host, values.PLAN_CHECKS):
        return True
    if not addresses:
        return False
    return bool(every.find_needed(host)) or bool(preflight.address_problems(every.as_strict(), host, NO_VALUE))


def run_problems(of_host: UsableVariables, deploy: bool) -> Iterator[Error]:
    """What keeps the rollout of one host from going well, as far as it is known from the host's read."""
    yield from preflight.port_problems(of_host)
    if deploy:
        proxies = (of_host.get("groups") or {}).get("xitrum_proxy") or []
        yield from preflight.deploy_problems(of_host, list(proxies), render)


def render(playbook: str, add: Sequence[str] = ()) -> str:
    """A line to type that repeats the options of this run, with the hosts to add to its limit."""
    return commands.render_command(playbook, command_line.given_options(), add=add)


def preflight_message(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    reached: Iterable[str] | None = None,
    retired: Sequence[str] = (),
    deploy: bool = False,
) -> str:
    """See DOCUMENTATION."""
    usable = usable_hosts(hostvars)
    strict, every = usable.as_strict(), {host: usable[host] for host in hosts}
    answered = set(hosts if reached is None else reached)
    lost_proxies = preflight.lost_proxies(usable, hosts, answered)
    problems: dict[str, list[Error]] = {}
    needed: dict[str, list[str]] = {}
    for host, of_host in every.items():
        # A host whose variables cannot be meant is not read, so nothing is known of it.
        # Where the addresses of others do not matter (base.yml), it is.
        unread = preflight.is_unread(of_host)
        others = preflight.address_problems(strict, host, NO_VALUE) if unread else []
        of_others = usable.find_needed(host) if unread else {}
        needed.update(of_others)
        unusable = of_host.lacks() or bool(rules.validate(of_host, values.PLAN_CHECKS))
        skipped = host in answered and (others or of_others or unusable)
        read = [] if skipped else preflight.host_problems(of_host, host in answered, lost_proxies)
        problems[host] = [
            *variable_problems(of_host),
            *read,
            *value_problems(of_host),
            *others,
            *run_problems(of_host, deploy),
        ]
    differences = [
        {
            host: [
                error for error in errors if not any(found.mentions(error.message) for found in usable.found.values())
            ]
            for host, errors in find(strict, hosts, NO_VALUE).items()
        }
        for find in (preflight.difference_errors, preflight.proxy_difference_errors)
    ]
    away = preflight.unavailable_errors(usable, hosts, NO_VALUE)
    for found in (*differences, preflight.session_reports(usable, hosts, NO_VALUE)[0], away):
        for host, errors in found.items():
            problems[host] += errors
    # Of a host that the run leaves out, what the configuration of these has.
    for host, sentences in needed.items():
        if host not in every:
            problems[host] = list(errors_of("variable.unusable", sentences))
    lost = preflight.retired_problems({host: hostvars[host] for host in retired}, every)
    wrong = {host: folder_problems(usable[host]) for host in retired if host not in every}
    for host, errors in [*lost.items(), *((host, found) for host, found in wrong.items() if found)]:
        problems.setdefault(host, []).extend(errors)
    return preflight.message(problems, controller_problems(every), preflight_notes(usable, hosts, deploy, hosts))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name to function."""
        return {"preflight_message": preflight_message, "values_cannot_be_meant": values_cannot_be_meant}
