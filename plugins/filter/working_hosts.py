# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: working_hosts
short_description: Return the hosts of a play that have pending changes
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Returns a pattern for the C(hosts) of a play. The play that reads the hosts adds those with pending changes to the
    group C(xitrum_run_changes).
  - This way, a host without pending changes costs no time in a play. A condition on each task would start a process for
    each host.
  - Fails a run whose C(--tags) or C(--skip-tags) have no effect, and a run with C(--start-at-task) or C(--step).
    Therefore the first play of each playbook needs this filter. A task cannot do this check, since these options would
    skip it.
  - If the run ends before its last task, it releases the locks that it still holds.
  - Returns the hosts in the order of O(among). A group that a run creates contains its hosts in the order in which they
    answered.
options:
  _input:
    description: The groups of the inventory, the variable C(groups).
    type: dict
    required: true
  among:
    description: The pattern of the hosts to choose from.
    type: str
    required: true
  every:
    description: Whether to return all of these hosts as soon as any host has pending changes.
    type: bool
    default: false
  group:
    description: The group of the hosts with pending changes, which the run created.
    type: str
    default: xitrum_run_changes
  read:
    description: Whether the hosts were read. Before that, every host can have pending changes.
    type: bool
    default: true
  first:
    description: A group whose hosts come before the others, if the run created it.
    type: str
    default: ""
  away:
    description: Proxies that the user reported as unavailable, as a list or a comma-separated text of names. They are
      excluded.
    type: raw
    default: []
  reports:
    description: Whether the run ends with the tasks of C(xitrum_after_run), also if it fails or is interrupted.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Restart the application hosts that have something to do
  hosts: "{{ groups | xitrum.host.working_hosts('xitrum') }}"
"""

RETURN = r"""
_value:
  description: The pattern. It matches no host if there are no pending changes.
  type: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible import context
from ansible.errors import AnsibleFilterError
from ansible_collections.xitrum.host.plugins.plugin_utils import after_run, command_line, held_locks

#: A group that is not there would be warned of; this pattern is of no host.
NONE = "all:!all"


def working_hosts(
    groups: Mapping[str, Sequence[str]],
    among: str,
    every: bool = False,
    group: str = "xitrum_run_changes",
    read: bool = True,
    away: Any = (),
    first: str = "",
    reports: bool = False,
) -> str:
    """The pattern. Raises AnsibleFilterError where `away` names a host that is not a proxy."""
    check_command_line()
    held_locks.watch()
    if reports:
        after_run.watch()
    if away:
        among = exclude_away(groups, among, away)
    if read and group not in groups:
        return NONE
    if first in groups:
        # A pattern keeps the order of its parts, and names no host twice.
        among = f"{first}:{among}:&{among}"
    return among if every or not read else f"{among}:&{group}"


def exclude_away(groups: Mapping[str, Sequence[str]], among: str, away: Any) -> str:
    """The pattern without the proxies that are away."""
    # Loaded only where it is needed: this file is loaded in each run.
    from ..module_utils.proxy import definition as proxy

    try:
        left = proxy.list_available(groups, away)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error
    return ":".join([among, *(f"!{name}" for name in groups["xitrum_proxy"] if name not in left)])


def check_command_line() -> None:
    """Raises an error where the tags of the run have no effect, or where an option leaves tasks out."""
    only, skip = tuple(context.CLIARGS.get("tags") or ("all",)), tuple(context.CLIARGS.get("skip_tags") or ())
    message = command_line.find_error()
    if not message and (skip or set(only) != {"all"}):
        from ansible_collections.xitrum.host.plugins.plugin_utils import tag_selection

        message = tag_selection.find_error_of_run(tuple(context.CLIARGS.get("args") or ()), only, skip)
    if message:
        raise AnsibleFilterError(message)


class FilterModule:
    """The filter of this file.

    Ansible keeps no byte code of a collection, and loads the files of its filters by their names up to the one that it
    searches for. This one is the last, and the first that a run asks for, in the process from which it forks a worker
    for each task and host: so they are loaded once, and not in every worker. An action, with what its file imports, is
    loaded there as well, when its first task begins.
    """

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Its name and its function."""
        return {"working_hosts": working_hosts}
