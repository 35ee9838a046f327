# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public variables of one host as the functions of this package take them. Controller only.

A variable that nobody sets and whose default follows from others has that default here, so that it is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Mapping, Protocol

from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible.module_utils.parsing.convert_bool import boolean

from ..application import cluster
from ..limits import capacity
from ..proxy import definition
from ..proxy.table import PROXIES

#: Open files of a process where no number of connections is given: the deployment guide's.
NOFILE = 1024000

#: What no host has: variables that a run registers, and not the inventory.
PACKAGE, SLOT = "application_package_read", "application_slot_read"


class Controller(Protocol):
    """What a desired state needs of the controller's files."""

    def render(self, role: str, template: str, values: Mapping[str, Any]) -> str:
        """Return a template of a role, rendered with the public variables and with values over them."""

    def read(self, path: str) -> str:
        """Return the text of a file that the user names."""

    def read_pair(self, certificate: str, key: str, dated: bool) -> str:
        """Return the texts of a certificate and its key. dated: refuse one that is not valid today."""


class Inputs(Mapping[str, Any]):
    """Public variables of one host, with the defaults that follow from others.

    verify: whether the running processes are tested as well. wait_seconds: seconds to wait for servers of a proxy.
    release_only: whether the run deploys a release and leaves the host's preparation alone. slot: the blue/green slot
    instead of the active one.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        *,
        verify: bool = False,
        wait_seconds: int = 0,
        release_only: bool = False,
        slot: int | None = None,
    ) -> None:
        self.given, self.verify, self.wait_seconds, self.release_only = given, verify, wait_seconds, release_only
        self._slot = slot
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            self._found[name] = self.given[name] if name in self.given else DEFAULTS[name](self)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self.given or name in DEFAULTS

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self.given), **DEFAULTS})

    def __len__(self) -> int:
        return len({*self.given, *DEFAULTS})

    def get_number(self, name: str) -> int:
        """Return a whole number. Raises ValueError for a value that is none."""
        value = self[name]
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} is {value!r}: expected a whole number") from None

    def get_flag(self, name: str) -> bool:
        """Return whether a variable is true, in the words that Ansible takes for it."""
        return bool(boolean(self[name], strict=False))

    def get_text(self, name: str) -> str:
        """Return a text; empty where nobody sets the variable."""
        value = self.get(name)
        return "" if value is None else str(value)

    def get_size(self, name: str) -> int:
        """Return a size such as 512m in bytes."""
        return human_to_bytes(self[name])

    def list_ports(self, name: str) -> list[int]:
        """Return one port for each place of an instance, from the port of a variable on."""
        first = self.get_number(name)
        return list(range(first, first + self.places))

    # ------------------------------------------------------------------------------------------------- the inventory

    @property
    def host(self) -> str:
        """The name of the host in the inventory."""
        return self["inventory_hostname"]

    def group(self, name: str) -> list[str]:
        """Return the hosts of a group; none where the inventory has no such group."""
        return list((self.get("groups") or {}).get(name) or [])

    def list_variables(self, group: str) -> list[Mapping[str, Any]]:
        """Return the variables of all hosts of a group, those outside of this run among them."""
        return [self["hostvars"][host] for host in self.group(group)]

    @cached_property
    def is_application(self) -> bool:
        """Whether the inventory has the host as one of the application."""
        return self.host in self.group("xitrum")

    @cached_property
    def is_proxy(self) -> bool:
        """Whether the inventory has the host as a proxy."""
        return self.host in self.group("xitrum_proxy")

    @cached_property
    def has_instances(self) -> bool:
        """Whether instances run there: also on a host that is used without groups."""
        return self.is_application or not self.is_proxy

    # ------------------------------------------------------------------------------------------------- the instances

    @cached_property
    def slots(self) -> bool:
        """Whether the host has blue/green slots."""
        return self.get_flag("xitrum_slots")

    @cached_property
    def slot(self) -> int:
        """The active slot; 0 on a host without slots."""
        if not self.slots:
            return 0
        return int((self.get(SLOT) or {}).get("slot") or 0) if self._slot is None else self._slot

    @cached_property
    def indices(self) -> list[int]:
        """The numbers of the instances: with slots there is one, number 0 or 1."""
        return [self.slot] if self.slots else list(range(self.get_number("xitrum_instances")))

    @cached_property
    def places(self) -> int:
        """How many instances there may be at once: with slots, one release runs next to the other."""
        return 2 if self.slots else self.get_number("xitrum_instances")

    @cached_property
    def https(self) -> bool:
        """Whether an instance answers HTTPS itself: only with a key of the user's, never with the package's example."""
        return "xitrum_tls_certificate" in self and "xitrum_tls_key" in self

    @cached_property
    def cluster(self) -> cluster.Cluster:
        """The Akka cluster of all instances, those outside of this run too. See `plan` of application/cluster.py."""
        if not self.get_flag("xitrum_cluster"):
            return cluster.Cluster()
        defaults = {name: self.get_number(name) for name in (cluster.PORT, cluster.COUNT)}
        hosts = self.list_variables("xitrum") or [self]
        return cluster.plan(hosts, defaults, self.get_number("xitrum_cluster_seeds"), "xitrum")

    @cached_property
    def cluster_ports(self) -> list[int]:
        """The ports of the cluster on this host."""
        return self.list_ports("xitrum_cluster_port") if self.get_flag("xitrum_cluster") else []

    @cached_property
    def https_ports(self) -> list[int]:
        """The ports on which instances answer HTTPS."""
        return self.list_ports("xitrum_https_port") if self.https else []

    @cached_property
    def instance_ports(self) -> list[int]:
        """All ports on which instances listen."""
        return self.list_ports("xitrum_http_port") + self.https_ports + self.cluster_ports

    # -------------------------------------------------------------------------------------------------- the capacity

    @cached_property
    def shape(self) -> dict[str, Any]:
        """The host for the capacity plan, the options of limits/capacity.py without the number of connections."""
        backends = 0
        if self.is_proxy:
            fallback = self["xitrum_instances"]
            backends = sum(int(host.get("xitrum_instances", fallback)) for host in self.list_variables("xitrum"))
        return {
            "application": self.has_instances,
            "proxy": self.is_proxy,
            "instances": self.get_number("xitrum_instances"),
            "heap_bytes": self.get_size("xitrum_heap"),
            "backends": backends,
            "reserved_ports": len(self["tuning_reserved_ports"]),
            "conntrack": self.get_flag("tuning_conntrack"),
        }

    @cached_property
    def connections(self) -> int:
        """How many connections the host must hold; 0 where nothing sets it."""
        return self.get_number("xitrum_max_connections") if "xitrum_max_connections" in self else 0

    @cached_property
    def limits(self) -> capacity.Limits:
        """The limits for so many connections; none without a number."""
        if "xitrum_max_connections" not in self:
            return capacity.Limits()
        return capacity.compute_limits(self.connections, capacity.HostShape(**self.shape))


def list_reserved_ports(inputs: Inputs) -> list[int]:
    """Return the ports that outgoing connections must not take: those of the instances."""
    if not inputs.has_instances:
        return []
    # Those of HTTPS in any case: it can be switched on without another kernel profile.
    return [
        *inputs.list_ports("xitrum_http_port"),
        *inputs.list_ports("xitrum_https_port"),
        *inputs.cluster_ports,
    ]


def compute_instance_nofile(inputs: Inputs) -> int:
    """Return the open files of one instance."""
    if not inputs.limits.nofile:
        return NOFILE
    shape = {**inputs.shape, "application": True}
    return capacity.count_instance_files(inputs.connections, capacity.HostShape(**shape))


def compute_file_max(inputs: Inputs) -> int:
    """Return the open files of all processes of the host."""
    planned = inputs.limits.kernel.get("fs.file-max")
    return planned["value"] if planned else inputs.get_number("tuning_nofile") * inputs.get_number("xitrum_instances")


def list_redirected_pairs(inputs: Inputs) -> list[dict[str, int]]:
    """Return the redirects to the active instance. A host that is a proxy as well has none, since the proxy itself
    listens on the ports that browsers use."""
    if inputs.is_proxy:
        return []
    http, https = inputs.get_number("xitrum_http_port"), inputs.get_number("xitrum_https_port")
    # An instance that listens on the outside port itself needs no redirect.
    pairs = [{"outside": 80, "inside": http + inputs.slot}] if http != 80 else []
    if "xitrum_tls_certificate" in inputs and https != 443:
        pairs.append({"outside": 443, "inside": https + inputs.slot})
    return pairs


def list_proxy_servers(inputs: Inputs) -> list[definition.Server]:
    """Return all instances, as a proxy reaches them: of the whole inventory, so that no limit of a run takes one out.
    Raises ValueError with a line for each host that cannot be one of them."""
    hosts = inputs.list_variables("xitrum")
    if not hosts:
        return []
    fallback = {name: inputs[name] for name in (definition.PORT, definition.COUNT)}
    return definition.list_servers(hosts, inputs.host, fallback)


#: Defaults of public variables that follow from other variables.
DEFAULTS: dict[str, Callable[[Inputs], Any]] = {
    "xitrum_nofile": compute_instance_nofile,
    "xitrum_proxy_max_connections": lambda inputs: inputs.connections,
    "proxy_max_connections": lambda inputs: inputs["xitrum_proxy_max_connections"],
    "tuning_reserved_ports": list_reserved_ports,
    "tuning_nofile": lambda inputs: inputs.limits.nofile or inputs["xitrum_nofile"],
    "tuning_file_max": compute_file_max,
    "port_forward_pairs": list_redirected_pairs,
    "proxy_servers": list_proxy_servers,
    "proxy_packages": lambda inputs: list(PROXIES[inputs["proxy_software"]].packages),
}
