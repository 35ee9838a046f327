# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run once on one host: that of run.yml, and the one before a rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.application import one_off
from ..module_utils.core.plan import make_rule_errors
from ..module_utils.core.untrusted_text import make_printable
from ..module_utils.desired.inputs import Inputs

HostVars = Mapping[str, Mapping[str, Any]]

#: The variable of the command before a rollout.
BEFORE_RELEASE = "xitrum_before_release"


def read_command(
    given: Mapping[str, Any], groups: Mapping[str, Sequence[str]], hosts: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the command of run.yml: `{main_class, timeout, nofile}`, and what is wrong with its variables, as
    sentences. Its arguments, which may be secret, are validated and not returned: Ansible prints results with -v.

    given: the public variables. hosts: those of the play.
    """
    errors: list[str] = []

    def check(find: Any, part: str, default: Any) -> Any:
        name = f"run_{part}"
        try:
            return find(given.get(name, default), name)
        except ValueError as error:
            errors.extend(make_rule_errors(f"command.{part}", [str(error)]))
            return None

    found = {
        "main_class": check(one_off.check_class, "class", ""),
        "timeout": check(one_off.check_timeout, "timeout", one_off.TIMEOUT),
    }
    check(one_off.split_arguments, "arguments", [])
    check(check_instance, "instance", 0)
    wrong = find_host_errors(given.get("run_host"), list(groups.get("xitrum", ())), hosts)
    errors += make_rule_errors("command.host", wrong)
    return ({} if errors else {**found, "nofile": Inputs(given).get_number("xitrum_nofile")}), errors


def check_instance(value: Any, name: str) -> int:
    """Return the number of an instance. Raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal():
        raise ValueError(f"{name} is {make_printable(text)!r}: expected the number of an instance, from 0")
    return int(text)


def find_host_errors(host: Any, applications: Sequence[str], hosts: Sequence[str]) -> list[str]:
    """Return why a command cannot run on a host of the inventory. None is not a choice."""
    if host is None or host in hosts:
        return []
    if host in applications:
        return [f"run_host is {host}, which --limit leaves out: leave --limit out, or add {host} to it"]
    return [
        f"run_host is {make_printable(str(host))!r}: expected one host of the group xitrum, which are "
        f"{', '.join(applications) or 'none'}"
    ]


def plan_before_release(given: Mapping[str, Any], hostvars: HostVars, hosts: Sequence[str]) -> dict[str, Any]:
    """Return the command that is due before a rollout: `{host, instance, folder, main_class, arguments, timeout,
    nofile}`; empty where none is.

    It is due where an instance of the run gets a release to which no instance that was read is switched yet: so it has
    not run for this release, or it failed, or a rollback has gone back since. A rollback needs none. Raises ValueError.
    """
    value = given.get(BEFORE_RELEASE)
    if not value or "application_releases_read" in given:
        return {}
    release = (given.get("application_package_read") or {}).get("release", "")
    read = {
        host: (found.get("xitrum_host_state") or {}).get("instances") or {}
        for host, found in ((one, hostvars[one]) for one in hostvars)
    }
    every = [item for found in read.values() for item in found.get("instances", ())]
    if any(release in (item["release"], parse_release(item["current"])) for item in every):
        return {}
    for host in hosts:
        due = {item["index"] for name in ("start", "restart") for item in read.get(host, {}).get(name, ())}
        for item in read.get(host, {}).get("instances", ()):
            if item["index"] in due and parse_release(item["folder"]) == release:
                command = one_off.parse_command(value, BEFORE_RELEASE)
                nofile = Inputs(given).get_number("xitrum_nofile")
                return {**command, "host": host, "instance": item["index"], "folder": item["folder"], "nofile": nofile}
    return {}


def parse_release(folder: str) -> str:
    """Return the release that the folder of an instance, by its name, is of."""
    return folder.rpartition("-")[0]
