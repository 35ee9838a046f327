# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on what `xitrum.host.host_state_info` read of all hosts of a run, from their variables."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line, run_identity

from ..module_utils.core import commands
from ..module_utils.core.plan import Row
from ..module_utils.core.untrusted_text import make_sendable
from ..module_utils.firewall import reach
from ..module_utils.proxy import fleet_health
from ..module_utils.report import findings, fleet_summary, history, schemas, status, stops

HostVars = Mapping[str, Any]

#: The variable with the test of the public ports, where the run has made it: `rows` maps a host to its rows.
REACH = "__reach"


def collect_states(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Any]:
    """Return what was read of each host, with the rows of the test of its public ports."""
    read = {host: hostvars[host].get("xitrum_host_state") for host in hosts}
    states = stops.explain_servers(read)
    reached = get_reach_rows(hostvars, hosts)
    return {
        host: {**state, "reach": {"rows": reached[host], "drift": False}}
        if isinstance(state, dict) and host in reached
        else state
        for host, state in states.items()
    }


def get_reach_rows(hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Any]:
    """Return the rows of the test of the public ports; none where the run has not made it."""
    # A host that was lost has not kept them.
    return next(filter(None, ((hostvars[host].get(REACH) or {}).get("rows") for host in hosts)), {})


def render_summary(
    hostvars: HostVars,
    hosts: Sequence[str],
    check_mode: bool = False,
    everything: bool = False,
    sources: Sequence[str] = (),
    reached: Sequence[str] | None = None,
) -> str:
    """Return the fleet on one screen, from the variables of its hosts.

    `sources` are those of the inventory, for lines to type. `reached` are the hosts that are still in the run; without
    it, all are.
    """
    given = command_line.format_given_options(sources)
    command = commands.render_command("site", given)
    states = collect_states(hostvars, hosts)
    # One that was never read is not a loss of this run.
    away = [] if reached is None else [host for host in hosts if host not in reached]
    lost = [host for host in away if fleet_summary.get_components(states[host])]
    return str(make_sendable(fleet_summary.render_fleet_summary(states, check_mode, everything, command, lost)))


def check_document(
    hostvars: HostVars, hosts: Sequence[str], reached: list[str], sources: Sequence[str] = ()
) -> dict[str, Any]:
    """Return every row of every host as a flat list, the worst first, with the outcome, as the schema `CHECK` of
    report/schemas.py describes it. Lines to type are for the folder in which Ansible was started."""
    given, states = command_line.format_given_options(sources), collect_states(hostvars, hosts)
    found = findings.list_findings(states, reached, given["connection"], given["variables"])
    outcome = findings.decide_outcome(states, found, reached)
    return {"schema_version": schemas.VERSION, "outcome": outcome, "findings": found}


def build_status_document(
    hostvars: HostVars, hosts: Sequence[str], reached: Sequence[str], groups: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the hosts of a run do now, as the schema `STATUS` of report/schemas.py describes it."""
    applications, proxies = (groups.get(name) or [] for name in ("xitrum", "xitrum_proxy"))
    read = [
        status.HostRead(
            host,
            host in applications,
            host in proxies,
            count_expected_instances(hostvars[host]),
            host in reached,
            hostvars[host].get("xitrum_host_state"),
        )
        for host in hosts
    ]
    return status.build_status_document(read, time.time(), make_end_test())


def build_history_document(
    hostvars: HostVars, hosts: Sequence[str], reached: Sequence[str], most: int
) -> dict[str, Any]:
    """Return the newest runs of the hosts, as the schema `HISTORY` of report/schemas.py describes them."""
    read = [
        status.HostRead(host, True, False, reached=host in reached, state=hostvars[host].get("xitrum_host_state"))
        for host in hosts
    ]
    return history.build_history_document(read, most, time.time(), make_end_test())


def make_end_test() -> status.IsGone:
    """Return what reports whether the holder of a lock is a run of this controller that has ended."""
    own = run_identity.read_identity()
    return lambda lock: run_identity.has_ended(lock, own)


def count_expected_instances(variables: Mapping[str, Any]) -> int:
    """Return how many instances a host has by the inventory: for one that was not read, so that a value that cannot be
    used counts as 1."""
    try:
        return max(int(variables.get("xitrum_instances", 1)), 1)
    except (AnsibleError, TypeError, ValueError):
        return 1


def find_site_faults(hostvars: HostVars, hosts: Sequence[str]) -> list[str]:
    """Return why the site serves nobody, or not everybody, a sentence each."""
    rows = {host: [Row(**row) for row in some] for host, some in get_reach_rows(hostvars, hosts).items()}
    states = {host: hostvars[host].get("xitrum_host_state") for host in hosts}
    read = {host: state for host, state in states.items() if is_read(state)}
    # That nobody serves is what an operator accepted.
    return [*fleet_health.find_faults(stops.drop_idle_proxies(read), rows), *reach.format_sentences(rows)]


def is_read(state: Any) -> bool:
    """Return whether a read went well."""
    return isinstance(state, dict) and not state.get("unreachable") and not state.get("failed")


def write_file(folder: str, name: str, text: str) -> None:
    """Write a file of a report as a whole, in a folder that is made where it is missing. Raises OSError."""
    if not os.path.isdir(folder):
        # One that exists keeps its mode: it may be somebody's home, or /tmp.
        os.makedirs(folder)
        os.chmod(folder, 0o755)
    handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(part, 0o644)
        os.replace(part, os.path.join(folder, name))
    except OSError:
        os.unlink(part)
        raise
