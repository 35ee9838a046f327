# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, reuse and remove the hosts of a fleet."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from . import image, inventory
from .engine import AT_ONCE, CACHE, LABEL, PREFIX, FleetError, execute, get_client, lock, run, translate_engine_errors
from .ports import find_free_port
from .spec import USERS, FleetSpec, HostSpec

# What systemd needs to start a whole system, and a full root must have to inspect other users' processes.
# A privileged container would do as well, but not every machine may start one.
_SYSTEMD: dict[str, Any] = {
    "cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"],
    "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
    "cgroupns": "host",
    "binds": ["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
}
# The command's `systempaths=unconfined`, for which the SDK has no option: nothing of /proc and /sys is hidden or read-only.
_SYSTEM_PATHS: dict[str, list[str]] = {"MaskedPaths": [], "ReadonlyPaths": []}
_HOST = f"{PREFIX}.host"
_MADE_FROM = f"{PREFIX}.made-from"
_INVENTORY = f"{PREFIX}.inventory"
_START_SECONDS = 90
# The Python of the distribution, moved to where no package and no PATH knows of it.
_OWN_PYTHON = """set -e
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir -p /opt/python/bin /opt/python/lib
cp /usr/bin/python$version /opt/python/bin/python3
cp -a /usr/lib/python$version /opt/python/lib/
DEBIAN_FRONTEND=noninteractive apt-get purge -q -y --autoremove python3-minimal python$version-minimal
[ ! -e /usr/bin/python3 ]
/opt/python/bin/python3 -c 'import ctypes, json, ssl, zlib'"""


def get_folder(fleet: str) -> Path:
    """Where a fleet's key, known hosts and, by default, inventory are kept."""
    return CACHE / "fleet" / fleet


@translate_engine_errors()
def start_fleet(fleet: str, spec: FleetSpec, inventory_file: Path, log: Callable[[str], None], variables: dict[str, Any]) -> None:
    """Have the hosts of `spec` running and reached by SSH, and write their inventory with `variables` of all of them; what runs already is kept."""
    images = {suite: image.ensure(suite, spec.packages) for suite in {host.suite for host in spec.hosts}}
    with lock(fleet):
        key = _ensure_key(fleet)
        subnet, subnet6 = _ensure_network(fleet, inventory_file)
        with ThreadPoolExecutor(max_workers=min(len(spec.hosts), AT_ONCE)) as pool:
            started = list(
                pool.map(
                    lambda item: _Host(fleet, item[1], images[item[1].suite], item[0], subnet, subnet6, log).start(key, spec.may_fail),
                    enumerate(spec.hosts),
                )
            )
        remove(_list_containers(fleet) - {name_container(fleet, host.name) for host in spec.hosts})
        known = get_folder(fleet) / "known_hosts"
        known.write_text("".join(host.pop("known_hosts") for host in started), encoding="utf-8")
        groups: dict[str, list[str]] = {}
        for host in spec.hosts:
            for group in host.groups:
                groups.setdefault(group, []).append(host.name)
        everywhere = {
            "ansible_host": "127.0.0.1",
            "ansible_user": USERS[0],
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": inventory.build_ssh_arguments(str(known)),
            **variables,
        }
        inventory_file.parent.mkdir(parents=True, exist_ok=True)
        config = get_folder(fleet) / "ssh_config"
        direct = {host.name: values["ansible_port"] for host, values in zip(spec.hosts, started, strict=True) if not host.jump}
        config.write_text(inventory.render_ssh_config(direct, USERS[0], str(key), str(known)), encoding="utf-8")
        for host, values in zip(spec.hosts, started, strict=True):
            if host.jump:
                values["ansible_ssh_common_args"] = inventory.build_ssh_arguments(str(known), str(config), host.jump)
        hosts = {host.name: values | host.vars for host, values in zip(spec.hosts, started, strict=True)}
        inventory_file.write_text(inventory.render_inventory(hosts, groups, everywhere), encoding="utf-8")


@translate_engine_errors()
def remove_fleet(fleet: str) -> None:
    """Remove the hosts, volumes, network, keys and inventory of a fleet, and nothing else."""
    with lock(fleet):
        remove(_list_containers(fleet))
        for network in get_client().api.networks(filters={"label": f"{LABEL}={fleet}"}):
            Path(network["Labels"][_INVENTORY]).unlink(missing_ok=True)
            get_client().api.remove_network(network["Id"])
        shutil.rmtree(get_folder(fleet), ignore_errors=True)


@translate_engine_errors()
def list_rows() -> list[tuple[str, ...]]:
    """Of every host of this clone: fleet, name, state, published ports."""
    found = get_client().api.containers(all=True, filters={"label": LABEL})
    return sorted(
        (container["Labels"][LABEL], container["Labels"][_HOST], container["Status"], _format_ports(container["Ports"]))
        for container in found
        if _get_name(container) == name_container(container["Labels"][LABEL], container["Labels"][_HOST])
    )


@translate_engine_errors()
def list_fleets() -> list[str]:
    """The fleets of this clone of which a network is there."""
    return sorted({network["Labels"][LABEL] for network in get_client().api.networks(filters={"label": LABEL})})


class _Host:
    """One container, from nothing or from what is there to a host that answers."""

    def __init__(self, fleet: str, spec: HostSpec, image_name: str, index: int, subnet: str, subnet6: str, log: Callable[[str], None]) -> None:
        self.fleet, self.spec, self.image, self.log = fleet, spec, image_name, log
        self.name = name_container(fleet, spec.name)
        # Fixed, or two hosts that reboot at the same time could swap addresses.
        self.address = str(ip_network(subnet)[10 + index])
        self.address6 = str(ip_network(subnet6)[10 + index]) if subnet6 and spec.ipv6 else ""

    def start(self, key: Path, may_fail: tuple[str, ...]) -> dict[str, Any]:
        """The host's inventory variables, and `known_hosts`."""
        began = time.monotonic()
        made_from = hashlib.sha256(repr((self.image, self.spec, self.address, self.address6)).encode()).hexdigest()[:12]
        state = _read_state(self.name)
        if state and state["Config"]["Labels"].get(_MADE_FROM) != made_from:
            self.log(f"{self.spec.name}: its image or spec changed, so it is made again")
            remove({self.name})
            state = None
        if state is None:
            self._create(made_from)
        elif not state["State"]["Running"]:
            get_client().api.start(self.name)
        if state is None or not state["State"]["Running"]:
            self._wait_for_systemd(may_fail)
        if state is None and self.spec.locale:
            self._set_locale()
        if state is None and self.spec.own_python:
            execute(self.name, "sh", "-c", _OWN_PYTHON)
        if state is None and self.spec.ssh_port != 22:
            execute(self.name, "sh", "-c", f"echo Port {self.spec.ssh_port} > /etc/ssh/sshd_config.d/port.conf && systemctl restart ssh")
        self._authorize(key)
        bindings = get_client().api.inspect_container(self.name)["HostConfig"]["PortBindings"]
        ports = {int(port.split("/")[0]): int(binding[0]["HostPort"]) for port, binding in bindings.items()}
        published = ports.pop(self.spec.ssh_port, self.spec.ssh_port)
        reached = self.address if self.spec.jump else "127.0.0.1"
        self._wait_for_ssh(reached, published)
        self.log(f"{self.spec.name}: {'reused' if state and state['State']['Running'] else 'started'} in {time.monotonic() - began:.1f} s")
        values: dict[str, Any] = {"ansible_port": published, "xitrum_address": self.address}
        if self.spec.jump:
            values["ansible_host"] = self.address
        if self.spec.user != USERS[0]:
            values |= {"ansible_user": self.spec.user, "ansible_become_password": self.spec.user}
        if self.spec.own_python:
            values["ansible_python_interpreter"] = "/opt/python/bin/python3"
        if self.address6:
            values["fleet_address6"] = self.address6
        if ports:
            values["fleet_published"] = {str(port): published for port, published in ports.items()}
        keys = execute(self.name, "sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub")
        return values | {"fleet_container": self.name, "known_hosts": inventory.render_known_hosts(published, keys, reached)}

    def _create(self, made_from: str) -> None:
        api = get_client().api
        network = _name_network(self.fleet)
        endpoint = api.create_endpoint_config(
            aliases=[self.spec.name], ipv4_address=self.address, ipv6_address=self.address6 or None
        )
        for attempt in range(5):
            desired: dict[int, int | None] = {**({} if self.spec.jump else {self.spec.ssh_port: None}), **self.spec.publish}
            published = {port: find_free_port(f"{self.name}:{port}:{attempt}", preferred) for port, preferred in desired.items()}
            try:
                api.create_container(
                    self.image,
                    name=self.name,
                    hostname=self.spec.name,
                    labels={**make_labels(self.fleet, self.spec.name), _MADE_FROM: made_from},
                    ports=list(published),
                    host_config=self._build_host_config(published),
                    networking_config=api.create_networking_config({network: endpoint}),
                )
                api.start(self.name)
                return
            except APIError as error:
                remove({self.name})
                # Something took the port between the check and the start.
                taken = "already allocated" in str(error) or "already in use" in str(error)
                if attempt == 4 or not taken:
                    raise

    def _build_host_config(self, published: dict[int, int]) -> dict[str, Any]:
        tmpfs = {"/run": "", "/run/lock": ""} | ({"/tmp": "noexec,mode=1777"} if self.spec.noexec_tmp else {})
        no_ipv6 = {f"net.ipv6.conf.{name}.disable_ipv6": "1" for name in ("all", "default")}
        config = get_client().api.create_host_config(
            **_SYSTEMD,
            tmpfs=tmpfs,
            sysctls={} if self.spec.ipv6 else no_ipv6,
            network_mode=_name_network(self.fleet),
            port_bindings={port: ("127.0.0.1", outside) for port, outside in published.items()},
            # A host that reboots ends its container.
            restart_policy={"Name": "unless-stopped"},
        )
        return config | _SYSTEM_PATHS

    def _wait_for_systemd(self, may_fail: tuple[str, ...]) -> None:
        # `--wait` would do, but in its first moment systemd has no bus to be queried on.
        script = "systemctl is-system-running; systemctl --failed --plain --no-legend"
        answer = ""
        for _attempt in _repeat_for(_START_SECONDS):
            with contextlib.suppress(FleetError):
                answer = execute(self.name, "sh", "-c", script)
            state, *failed = answer.splitlines() or [""]
            units = {line.split()[0] for line in failed}
            if state == "running" or (state == "degraded" and units <= set(may_fail)):
                return
            if state == "degraded":
                break
        raise FleetError(
            f"{self.spec.name}: systemd reports {answer.strip() or 'nothing'!r}; expected `running`, or no failed unit but {list(may_fail)}. "
            f"Inspect with: docker exec {self.name} journalctl -b; docker logs {self.name}"
        )

    def _set_locale(self) -> None:
        """Make the locale, and make it the default of PAM's logins (pam_env reads that file) and of systemd."""
        name = self.spec.locale
        script = (
            "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends locales > /run/locale.log && "
            f"localedef -i {name.partition('.')[0]} -f UTF-8 {name} && echo LANG={name} > /etc/default/locale && "
            "ln -sf default/locale /etc/locale.conf && systemctl set-environment LANG=" + name
        )
        execute(self.name, "sh", "-c", script)

    def _authorize(self, key: Path) -> None:
        script = "".join(
            f"install -d -m 700 -o {user} -g {user} /home/{user}/.ssh && "
            f"install -m 600 -o {user} -g {user} /run/fleet-key /home/{user}/.ssh/authorized_keys && "
            for user in USERS
        )
        public = key.with_suffix(".pub").read_text(encoding="utf-8")
        # The package lists, which name what is in the image's cache, are as new as the host for `cache_valid_time` of a role.
        script = f'printf %s "$PUBLIC" > /run/fleet-key && {script} rm /run/fleet-key && touch --no-create /var/lib/apt/lists'
        execute(self.name, "sh", "-c", script, environment={"PUBLIC": public})

    def _wait_for_ssh(self, address: str, port: int) -> None:
        found = ""
        for _attempt in _repeat_for(_START_SECONDS):
            try:
                with socket.create_connection((address, port), timeout=5) as connection:
                    found = connection.recv(64).decode(errors="replace")
            except OSError as error:
                found = str(error)
            if found.startswith("SSH-"):
                return
        raise FleetError(f"{self.spec.name}: {address}:{port} answered {found!r}; expected an SSH server. Inspect with: docker logs {self.name}")


def _repeat_for(seconds: float) -> Iterator[None]:
    """Ten turns a second until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)


def name_container(fleet: str, host: str) -> str:
    """The container of a host, which begins with the prefix of this clone."""
    return f"{PREFIX}-{fleet}-{host}"


def _name_network(fleet: str) -> str:
    return f"{PREFIX}-{fleet}"


def _list_containers(fleet: str) -> set[str]:
    """The containers of a fleet. The label alone is not enough: an image that somebody committed from a host hands it on to containers of theirs."""
    names = {_get_name(found) for found in get_client().api.containers(all=True, filters={"label": f"{LABEL}={fleet}"})}
    return {name for name in names if name.startswith(name_container(fleet, ""))}


def _get_name(listed: dict[str, Any]) -> str:
    """The name of a container as the engine lists it, which begins with a slash."""
    return listed["Names"][0].removeprefix("/")


def _format_ports(listed: list[dict[str, Any]]) -> str:
    """Published ports as the `docker` command shows them."""
    published = sorted((port["PrivatePort"], port["IP"], port["PublicPort"], port["Type"]) for port in listed if "PublicPort" in port)
    return ", ".join(f"{address}:{public}->{private}/{kind}" for private, address, public, kind in published)


def make_labels(fleet: str, host: str) -> dict[str, str]:
    """The labels by which a container is found as a part of a fleet, and removed with it."""
    return {LABEL: fleet, _HOST: host}


def remove(containers: set[str]) -> None:
    """Remove containers, running or not, with their volumes; those that are gone are not an error."""
    for name in sorted(containers):
        # Another process may have been faster.
        with contextlib.suppress(NotFound):
            get_client().api.remove_container(name, v=True, force=True)


def _read_state(container: str) -> dict[str, Any] | None:
    try:
        return get_client().api.inspect_container(container)
    except NotFound:
        return None


def _ensure_key(fleet: str) -> Path:
    key = get_folder(fleet) / "key"
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"fleet {fleet}", "-f", str(key))
    return key


def _ensure_network(fleet: str, inventory_file: Path) -> tuple[str, str]:
    """The fleet's IPv4 and IPv6 subnets (the latter empty where this machine has no IPv6)."""
    name = _name_network(fleet)
    api = get_client().api
    if not any(network["Name"] == name for network in api.networks(names=[name])):
        # Docker knows which subnets are free here, but fixes addresses only in one that it was given.
        api.create_network(name, driver="bridge", check_duplicate=True)
        subnets = [api.inspect_network(name)["IPAM"]["Config"][0]["Subnet"]]
        api.remove_network(name)
        ipv6 = Path("/proc/net/if_inet6").exists()
        if ipv6:
            unique = hashlib.sha256(name.encode()).hexdigest()
            subnets.append(f"fd{unique[:2]}:{unique[2:6]}:{unique[6:10]}::/64")
        api.create_network(
            name,
            driver="bridge",
            check_duplicate=True,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet) for subnet in subnets]),
            enable_ipv6=ipv6,
            labels={LABEL: fleet, _INVENTORY: str(inventory_file)},
        )
    subnets = [config["Subnet"] for config in api.inspect_network(name)["IPAM"]["Config"]]
    return next(subnet for subnet in subnets if ":" not in subnet), next((subnet for subnet in subnets if ":" in subnet), "")
