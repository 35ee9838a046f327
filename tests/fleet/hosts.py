# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, reuse and remove the hosts of a fleet."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from . import image, inventory
from .docker import CACHE, LABEL, PREFIX, FleetError, docker, lock, run
from .ports import free_port
from .spec import USERS, FleetSpec, HostSpec

# What systemd needs to start a whole system, and a full root must have to look into other users' processes.
# A privileged container would do as well, but not every machine may start one.
_SYSTEMD = (
    "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined",
    "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs=/run", "--tmpfs=/run/lock",
)  # fmt: skip
_HOST = f"{PREFIX}.host"
_MADE_FROM = f"{PREFIX}.made-from"
_INVENTORY = f"{PREFIX}.inventory"
_START_SECONDS = 90
# More at a time would take longer than that on a few processors.
_AT_ONCE = 16
# The Python of the distribution, moved to where no package and no PATH knows of it.
_OWN_PYTHON = """set -e
version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir -p /opt/python/bin /opt/python/lib
cp /usr/bin/python$version /opt/python/bin/python3
cp -a /usr/lib/python$version /opt/python/lib/
DEBIAN_FRONTEND=noninteractive apt-get purge -q -y --autoremove python3-minimal python$version-minimal
[ ! -e /usr/bin/python3 ]
/opt/python/bin/python3 -c 'import ctypes, json, ssl, zlib'"""


def folder(fleet: str) -> Path:
    """Where a fleet's key, known hosts and, by default, inventory are kept."""
    return CACHE / "fleet" / fleet


def up(fleet: str, spec: FleetSpec, inventory_file: Path, say: Callable[[str], None], variables: dict[str, Any]) -> None:
    """Have the hosts of `spec` running and reached by SSH, and write their inventory with `variables` of all of them; what runs already is kept."""
    images = {suite: image.ensure(suite, spec.packages) for suite in {host.suite for host in spec.hosts}}
    with lock(fleet):
        key = _key(fleet)
        subnet, subnet6 = _network(fleet, inventory_file)
        with ThreadPoolExecutor(max_workers=min(len(spec.hosts), _AT_ONCE)) as pool:
            started = list(
                pool.map(
                    lambda item: _Host(fleet, item[1], images[item[1].suite], item[0], subnet, subnet6, say).start(key, spec.may_fail),
                    enumerate(spec.hosts),
                )
            )
        _remove(_hosts(fleet) - {_container(fleet, host.name) for host in spec.hosts})
        known = folder(fleet) / "known_hosts"
        known.write_text("".join(host.pop("known_hosts") for host in started), encoding="utf-8")
        groups: dict[str, list[str]] = {}
        for host in spec.hosts:
            for group in host.groups:
                groups.setdefault(group, []).append(host.name)
        everywhere = {
            "ansible_host": "127.0.0.1",
            "ansible_user": USERS[0],
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": inventory.ssh_arguments(str(known)),
            **variables,
        }
        inventory_file.parent.mkdir(parents=True, exist_ok=True)
        config = folder(fleet) / "ssh_config"
        direct = {host.name: values["ansible_port"] for host, values in zip(spec.hosts, started, strict=True) if not host.jump}
        config.write_text(inventory.ssh_config(direct, USERS[0], str(key), str(known)), encoding="utf-8")
        for host, values in zip(spec.hosts, started, strict=True):
            if host.jump:
                values["ansible_ssh_common_args"] = inventory.ssh_arguments(str(known), str(config), host.jump)
        hosts = {host.name: values | host.vars for host, values in zip(spec.hosts, started, strict=True)}
        inventory_file.write_text(inventory.inventory(hosts, groups, everywhere), encoding="utf-8")


def down(fleet: str) -> None:
    """Remove the hosts, volumes, network, keys and inventory of a fleet, and nothing else."""
    with lock(fleet):
        _remove(_hosts(fleet))
        for network in docker("network", "ls", "-q", "--filter", f"label={LABEL}={fleet}").split():
            Path(_label(network, _INVENTORY)).unlink(missing_ok=True)
            docker("network", "rm", network)
        shutil.rmtree(folder(fleet), ignore_errors=True)


def rows() -> list[tuple[str, ...]]:
    """Of every host of this clone: fleet, name, state, published ports."""
    fields = "{{.Names}}\t" + "\t".join(f'{{{{.Label "{label}"}}}}' for label in (LABEL, _HOST)) + "\t{{.Status}}\t{{.Ports}}"
    found = (line.split("\t") for line in docker("ps", "-a", "--filter", f"label={LABEL}", "--format", fields).splitlines())
    return sorted(tuple(row) for name, *row in found if name == _container(row[0], row[1]))


def fleets() -> list[str]:
    """The fleets of this clone of which a network is there."""
    return sorted(set(docker("network", "ls", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}').split()))


class _Host:
    """One container, from nothing or from what is there to a host that answers."""

    def __init__(self, fleet: str, spec: HostSpec, image_name: str, index: int, subnet: str, subnet6: str, say: Callable[[str], None]) -> None:
        self.fleet, self.spec, self.image, self.say = fleet, spec, image_name, say
        self.name = _container(fleet, spec.name)
        # Fixed, or two hosts that reboot at the same time could swap addresses.
        self.address = str(ip_network(subnet)[10 + index])
        self.address6 = str(ip_network(subnet6)[10 + index]) if subnet6 and spec.ipv6 else ""

    def start(self, key: Path, may_fail: tuple[str, ...]) -> dict[str, Any]:
        """The host's inventory variables, and `known_hosts`."""
        began = time.monotonic()
        made_from = hashlib.sha256(repr((self.image, self.spec, self.address, self.address6)).encode()).hexdigest()[:12]
        state = _state(self.name)
        if state and state["Config"]["Labels"].get(_MADE_FROM) != made_from:
            self.say(f"{self.spec.name}: its image or spec changed, so it is made again")
            _remove({self.name})
            state = None
        if state is None:
            self._create(made_from)
        elif not state["State"]["Running"]:
            docker("start", self.name)
        if state is None or not state["State"]["Running"]:
            self._wait_for_systemd(may_fail)
        if state is None and self.spec.locale:
            self._set_locale()
        if state is None and self.spec.own_python:
            docker("exec", self.name, "sh", "-c", _OWN_PYTHON)
        if state is None and self.spec.ssh_port != 22:
            docker("exec", self.name, "sh", "-c", f"echo Port {self.spec.ssh_port} > /etc/ssh/sshd_config.d/port.conf && systemctl restart ssh")
        self._authorize(key)
        bindings = docker_inspect(self.name)["HostConfig"]["PortBindings"]
        ports = {int(port.split("/")[0]): int(binding[0]["HostPort"]) for port, binding in bindings.items()}
        published = ports.pop(self.spec.ssh_port, self.spec.ssh_port)
        reached = self.address if self.spec.jump else "127.0.0.1"
        self._wait_for_ssh(reached, published)
        self.say(f"{self.spec.name}: {'reused' if state and state['State']['Running'] else 'started'} in {time.monotonic() - began:.1f} s")
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
        keys = docker("exec", self.name, "sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub")
        return values | {"fleet_container": self.name, "known_hosts": inventory.known_hosts(published, keys, reached)}

    def _create(self, made_from: str) -> None:
        labels = {LABEL: self.fleet, _HOST: self.spec.name, _MADE_FROM: made_from}
        # A host that reboots ends its container.
        command = ["run", "--detach", "--restart=unless-stopped", "--name", self.name, "--hostname", self.spec.name, *_SYSTEMD]
        command += ["--network", _network_name(self.fleet), "--network-alias", self.spec.name, "--ip", self.address]
        command += ["--ip6", self.address6] if self.address6 else []
        command += [] if self.spec.ipv6 else [f"--sysctl=net.ipv6.conf.{name}.disable_ipv6=1" for name in ("all", "default")]
        command += ["--tmpfs=/tmp:noexec,mode=1777"] if self.spec.noexec_tmp else []
        command += [f"--label={label}={value}" for label, value in labels.items()]
        for attempt in range(5):
            wanted: dict[int, int | None] = {**({} if self.spec.jump else {self.spec.ssh_port: None}), **self.spec.publish}
            publish = [f"--publish=127.0.0.1:{free_port(f'{self.name}:{port}:{attempt}', preferred)}:{port}" for port, preferred in wanted.items()]
            try:
                docker(*command, *publish, self.image)
                return
            except FleetError as error:
                _remove({self.name})
                # Something took the port between the look and the start.
                taken = "already allocated" in str(error) or "already in use" in str(error)
                if attempt == 4 or not taken:
                    raise

    def _wait_for_systemd(self, may_fail: tuple[str, ...]) -> None:
        # `--wait` would do, but in its first moment systemd has no bus to be asked on.
        script = "systemctl is-system-running; systemctl --failed --plain --no-legend"
        answer = ""
        for _attempt in _until(_START_SECONDS):
            with contextlib.suppress(FleetError):
                answer = docker("exec", self.name, "sh", "-c", script)
            state, *failed = answer.splitlines() or [""]
            units = {line.split()[0] for line in failed}
            if state == "running" or (state == "degraded" and units <= set(may_fail)):
                return
            if state == "degraded":
                break
        raise FleetError(
            f"{self.spec.name}: systemd says {answer.strip() or 'nothing'!r}; wanted `running`, or no failed unit but {list(may_fail)}. "
            f"Look with: docker exec {self.name} journalctl -b; docker logs {self.name}"
        )

    def _set_locale(self) -> None:
        """Make the locale, and make it the default of PAM's logins (pam_env reads that file) and of systemd."""
        name = self.spec.locale
        script = (
            "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends locales > /run/locale.log && "
            f"localedef -i {name.partition('.')[0]} -f UTF-8 {name} && echo LANG={name} > /etc/default/locale && "
            "ln -sf default/locale /etc/locale.conf && systemctl set-environment LANG=" + name
        )
        docker("exec", self.name, "sh", "-c", script)

    def _authorize(self, key: Path) -> None:
        script = "".join(
            f"install -d -m 700 -o {user} -g {user} /home/{user}/.ssh && "
            f"install -m 600 -o {user} -g {user} /run/fleet-key /home/{user}/.ssh/authorized_keys && "
            for user in USERS
        )
        public = key.with_suffix(".pub").read_text(encoding="utf-8")
        docker("exec", "-i", self.name, "sh", "-c", f"cat > /run/fleet-key && {script} rm /run/fleet-key", stdin=public)

    def _wait_for_ssh(self, address: str, port: int) -> None:
        found = ""
        for _attempt in _until(_START_SECONDS):
            try:
                with socket.create_connection((address, port), timeout=5) as connection:
                    found = connection.recv(64).decode(errors="replace")
            except OSError as error:
                found = str(error)
            if found.startswith("SSH-"):
                return
        raise FleetError(f"{self.spec.name}: {address}:{port} answered {found!r}; wanted an SSH server. Look with: docker logs {self.name}")


def _until(seconds: float) -> Iterator[None]:
    """Ten turns a second until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)


def _container(fleet: str, host: str) -> str:
    return f"{PREFIX}-{fleet}-{host}"


def _network_name(fleet: str) -> str:
    return f"{PREFIX}-{fleet}"


def _hosts(fleet: str) -> set[str]:
    """The containers of a fleet. The label alone is not enough: an image that somebody committed from a host hands it on to containers of theirs."""
    names = docker("ps", "-a", "--filter", f"label={LABEL}={fleet}", "--format", "{{.Names}}").split()
    return {name for name in names if name.startswith(_container(fleet, ""))}


def _remove(containers: set[str]) -> None:
    if containers:
        docker("rm", "--force", "--volumes", *sorted(containers))


def docker_inspect(name: str) -> dict[str, Any]:
    """What docker knows of a container or network."""
    return json.loads(docker("inspect", name))[0]


def _state(container: str) -> dict[str, Any] | None:
    found = docker("ps", "-aq", "--filter", f"name=^{container}$").split()
    return docker_inspect(found[0]) if found else None


def _label(network: str, label: str) -> str:
    return docker_inspect(network)["Labels"][label]


def _key(fleet: str) -> Path:
    key = folder(fleet) / "key"
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"fleet {fleet}", "-f", str(key))
    return key


def _network(fleet: str, inventory_file: Path) -> tuple[str, str]:
    """The fleet's IPv4 and IPv6 subnets (the latter empty where this machine has no IPv6)."""
    name = _network_name(fleet)
    if not docker("network", "ls", "-q", "--filter", f"name=^{name}$").strip():
        # Docker knows which subnets are free here, but fixes addresses only in one that it was given.
        docker("network", "create", name)
        subnet = docker_inspect(name)["IPAM"]["Config"][0]["Subnet"]
        docker("network", "rm", name)
        options = [f"--subnet={subnet}", f"--label={LABEL}={fleet}", f"--label={_INVENTORY}={inventory_file}"]
        if Path("/proc/net/if_inet6").exists():
            unique = hashlib.sha256(name.encode()).hexdigest()
            options += ["--ipv6", f"--subnet=fd{unique[:2]}:{unique[2:6]}:{unique[6:10]}::/64"]
        docker("network", "create", *options, name)
    subnets = [config["Subnet"] for config in docker_inspect(name)["IPAM"]["Config"]]
    return next(subnet for subnet in subnets if ":" not in subnet), next((subnet for subnet in subnets if ":" in subnet), "")
