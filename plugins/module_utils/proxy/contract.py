# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of a proxy: what stands in front of the instances. Each software is one file in `kinds`."""

from __future__ import annotations

import abc
import re
from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple, Sequence


class ExtraFile(NamedTuple):
    """A file next to the configuration that the proxy's service needs: a `template` of its role, without `.j2`, its
    `path`, and its octal `mode`."""

    template: str
    path: str
    mode: str = "0644"


@dataclass(frozen=True)
class ProxyBackend(abc.ABC):
    """Differences between proxies: where the distribution's package has it, and what it can do."""

    #: The value of `xitrum_proxy_software`, which is the name of its role too, and what a person calls it.
    name: str
    title: str
    #: Its process as ss lists it, its service and configuration, and the template of that below `templates` of its
    #: role.
    process: str
    service: str
    config_path: str
    template: str
    #: The distribution's packages, its own first, and further programs that have to be there.
    packages: tuple[str, ...]
    #: The command that prints the version, and the pattern that finds it; the command that checks a file.
    version_command: tuple[str, ...]
    version_pattern: re.Pattern[str]
    check: tuple[str, ...]
    #: Finds the address and the port in a line of the configuration that listens.
    bind: re.Pattern[str]
    #: The first versions that will do, each with the reason.
    needs: tuple[tuple[tuple[int, ...], str], ...]
    programs: tuple[str, ...] = ()
    #: Whether it checks the health of servers itself, and can end the sessions of one server.
    checks_health: bool = True
    closes: bool = False
    #: The runtime socket that it is queried by, which needs no control port and counts the connections of a server
    #: itself; empty where there is none. Further paths that its templates have by name.
    socket: str = ""
    paths: tuple[tuple[str, str], ...] = ()
    #: Whether we probe a server that comes back, since the proxy does not wait itself until it is healthy.
    probes: bool = False
    #: Whether it accepts the PROXY protocol from the load balancers alone. Without that every client could forge an
    #: address.
    trusts_balancers_alone: bool = True
    #: Whether it answers nobody but its own host without the header of the PROXY protocol, where it takes that.
    answers_header_alone: bool = False
    files: tuple[ExtraFile, ...] = ()
    #: What is ours apart from the configuration, folders with all that is in them; folders that may be empty without
    #: it; services that the package starts as well; and what makes the configuration from before effective.
    extra_paths: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    restore_by: str = "reload"

    @property
    def unit(self) -> str:
        """The unit of its service."""
        return f"{self.service}.service"

    @property
    def has_socket(self) -> bool:
        """Whether it is queried by a runtime socket."""
        return bool(self.socket)

    # ------------------------------------------------------------------------------------- the configuration, as text

    @abc.abstractmethod
    def parse_maxconn(self, text: str) -> int:
        """The client connections that a configuration allows; 0 where it is all that is granted."""

    @abc.abstractmethod
    def parse_servers(self, text: str) -> list[tuple[str, str, str]]:
        """The servers of all backends as (backend, name, address and port)."""

    @abc.abstractmethod
    def parse_binds(self, text: str) -> list[str]:
        """What is listened on, as the configuration has it: `0.0.0.0:80`, `[::]:80`."""

    @abc.abstractmethod
    def filter_complaints(self, words: str) -> list[str]:
        """The lines of a check that a person should read."""

    @abc.abstractmethod
    def carry_states(self, text: str, before: str | None) -> str:
        """A new configuration with what the old one keeps of the states of servers."""

    def restarts(self, before: str, text: str) -> bool:
        """Whether a configuration needs a restart, which costs requests, instead of a reload."""
        return False

    # ----------------------------------------------------------------------------------------------- the running proxy

    @abc.abstractmethod
    def ask_server(self, address: str) -> list[str]:
        """The command that shows what a server answers."""

    @abc.abstractmethod
    def read_live(self, host: Any, desired: Mapping[str, Any]) -> dict[str, Any]:
        """What the running worker reports of itself: `reported`, `version`, `pid`, `maxconn`, `servers` and `refused`.

        `description` has the digest of its configuration, `refused` the error where it does not answer.
        """

    def count_old_workers(self, host: Any, main: int) -> int:
        """How many workers of before a reload there still are; `main` is the service's main process."""
        return 0

    def find_missing(self, host: Any, main: int) -> list[tuple[str, str, str]]:
        """What the running proxy lacks until a restart: (item, desired, reason)."""
        return []

    @abc.abstractmethod
    def read_view(self, host: Any, desired: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The servers of the running proxy with their states and sessions.

        A row has `backend`, `name`, `address`, `port`, `state`, `status`, `healthy`, `sessions`, `checked` and `check`.
        Raises RuntimeError where it does not answer.
        """

    @abc.abstractmethod
    def change(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """Sets servers to `desired["state"]`. Raises RuntimeError with the proxy's own words."""

    @abc.abstractmethod
    def move(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """Has servers lead to another address and port. Raises RuntimeError with the proxy's own words."""

    def close(self, host: Any, desired: Mapping[str, Any], servers: Sequence[Mapping[str, Any]]) -> None:
        """Ends what the running worker still has with these servers, where `closes`."""
        raise NotImplementedError

    def probe(self, host: Any, desired: Mapping[str, Any], row: Mapping[str, Any]) -> str:
        """Why a server is not healthy, where `probes`; empty where it is."""
        raise NotImplementedError
