# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of hosts without those that have no value or a wrong one: each is an error of its own, and what is
worked out from it would be a second one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.xitrum.host.plugins.plugin_utils.read_once import ReadOnce
from jinja2.exceptions import UndefinedError

from ..module_utils.core import variables

#: What reading a variable raises whose value refers to another that is not there, or to a file that cannot be read.
NO_VALUE = (AnsibleError, UndefinedError)

#: Variables of Ansible that name a host's address.
CONNECTION = ("ansible_host",)

#: What the configuration of other hosts has of a proxy, of an application host, and of a member of a cluster.
OF_PROXY = (*CONNECTION, "xitrum_address")
OF_APPLICATION = (*OF_PROXY, "xitrum_http_port", "xitrum_instances", "xitrum_interface", "xitrum_slots")
OF_MEMBER = (
    *OF_PROXY,
    "xitrum_cluster_address",
    "xitrum_cluster_port",
    "xitrum_cluster_allow_shared_address_space",
    "xitrum_instances",
)


class Unusable(AnsibleError):
    """A variable has no value, or a wrong one."""


class UsableVariables(ReadOnce):
    """The variables of one host. Those that cannot be used are as if nobody had set them.

    `options` are the specifications of the variables that a user sets.
    `strict`: to read one that cannot be used raises `Unusable` instead.
    """

    def __init__(self, given: Mapping[str, Any], options: Mapping[str, Any], strict: bool = False) -> None:
        super().__init__(given)
        self.options, self.strict = options, strict
        self.errors: dict[str, str] = {}

    def to_strict(self) -> UsableVariables:
        """The same variables, where to read one that cannot be used raises `Unusable`."""
        found = UsableVariables(self.given, self.options, True)
        found.errors, found.known = self.errors, self.known
        return found

    def find_error(self, name: str) -> str:
        """Why a variable cannot be used, as a sentence; empty where it can."""
        if name not in self.errors:
            self.errors[name] = self._find_error(name)
        return self.errors[name]

    def _find_error(self, name: str) -> str:
        option = self.options.get(name, {"type": "raw"})
        read = name in self.options and option.get("type") == "raw"
        # What was read of a host is large, and what Ansible itself knows is not a user's.
        if read or not (name in self.options or name in CONNECTION or str(name).startswith(variables.OWN_PREFIX)):
            return ""
        try:
            # Ansible resolves a value, and whatever is inside of it, only where it is used.
            str(self.given[name])
        except NO_VALUE as error:
            text, start = str(getattr(error, "message", "") or error), f"the variable {name} has no value: "
            return text if text.startswith(start) else start + text
        except KeyError:
            return ""
        return variables.find_value_error(name, self.given[name], option)

    def find_errors(self) -> list[str]:
        """The sentences on all variables of the collection that cannot be used."""
        names = {name for name in self.given if name in self.options or name in CONNECTION}
        return [error for error in map(self.find_error, sorted(names)) if error]

    def lacks(self) -> bool:
        """Whether some variable cannot be used, of the collection's or with its prefix."""
        return any(self.find_error(name) for name in self.given)

    def mentions(self, sentence: str) -> bool:
        """Whether a sentence is about a variable that cannot be used: it is a consequence."""
        return any(error and re.search(rf"\b{re.escape(name)}\b", sentence) for name, error in self.errors.items())

    def __getitem__(self, name: str) -> Any:
        if self.find_error(name):
            raise Unusable(self.find_error(name)) if self.strict else KeyError(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) and (self.strict or not self.find_error(str(name)))


class UsableHosts(ReadOnce):
    """The variables of all hosts, each worked out once."""

    def __init__(
        self, hostvars: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any], strict: bool = False
    ) -> None:
        super().__init__(hostvars)
        self.options, self.strict = options, strict

    def to_strict(self) -> UsableHosts:
        """The same hosts, with `UsableVariables.to_strict`."""
        hosts = UsableHosts(self.given, self.options, True)
        hosts.known = self.known
        return hosts

    def find_needed(self, host: str) -> dict[str, list[str]]:
        """What cannot be used of other hosts and is part of this host's configuration: host to sentences."""
        of_host = self.get_variables(host)
        found: dict[str, list[str]] = {}
        groups = of_host.get("groups") or {}
        applications, proxies = groups.get("xitrum") or (), groups.get("xitrum_proxy") or ()
        rows: list[tuple[Iterable[str], tuple[str, ...]]] = []
        if host in applications and "xitrum_trusted_proxies" not in of_host:
            rows.append((proxies, OF_PROXY))
        if host in proxies and "proxy_servers" not in of_host:
            rows.append((applications, OF_APPLICATION))
        if host in applications and variables.is_true(of_host.get("xitrum_cluster", False)):
            rows.append((applications, OF_MEMBER))
        for others, names in rows:
            for other in others:
                errors = (
                    [self.get_variables(other).find_error(name) for name in names] if other in self else []
                )
                found.setdefault(other, []).extend(error for error in errors if error)
        return {other: list(dict.fromkeys(errors)) for other, errors in found.items() if errors}

    def get_variables(self, host: str) -> UsableVariables:
        """The variables of a host, not strict."""
        found: UsableVariables = super().__getitem__(host)
        return found

    def read(self, name: str) -> UsableVariables:
        """Return the variables of a host that was not read yet."""
        return UsableVariables(self.given[name], self.options)

    def __getitem__(self, name: str) -> UsableVariables:
        found = self.get_variables(name)
        return found.to_strict() if self.strict else found
