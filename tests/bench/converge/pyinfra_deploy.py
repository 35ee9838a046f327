# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work by pyinfra's own operations."""

import io
import platform

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import files, server, systemd

PARAMETERS = {
    "net.ipv4.tcp_rmem": [4096, 87380, 16777216], "net.ipv4.tcp_wmem": [4096, 65536, 16777216], "net.core.somaxconn": 8192,
    "net.ipv4.tcp_max_syn_backlog": 2048, "net.ipv4.tcp_syncookies": 1, "net.ipv4.ip_local_port_range": [1024, 65535], "net.ipv4.tcp_tw_reuse": 1,
    "net.ipv4.tcp_fin_timeout": 30,
}
RULES = """table inet bench {
    chain arriving {
        type nat hook prerouting priority dstnat
        fib daddr type local tcp dport 80 redirect to :8000
        fib daddr type local tcp dport 443 redirect to :4430
    }
    chain local {
        type nat hook output priority -100
        fib daddr type local tcp dport 80 redirect to :8000
        fib daddr type local tcp dport 443 redirect to :4430
    }
}
"""
HOME = f"/usr/lib/jvm/java-17-openjdk-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()] }"

for key, value in PARAMETERS.items():
    server.sysctl(name=key, key=key, value=value, persist=True, persist_file="/etc/sysctl.d/90-bench.conf", _sudo=True)

files.put(
    name="Set the limits", dest="/etc/security/limits.d/90-bench.conf", mode="0644", _sudo=True,
    src=io.StringIO("".join(f"{who} {kind} nofile 20000\n" for who in ("*", "root") for kind in ("soft", "hard"))),
)
files.directory(name="Create a folder for rules", path="/etc/nftables.d", mode="0755", _sudo=True)
rules = files.put(name="Copy the rules", dest="/etc/nftables.d/bench.nft", src=io.StringIO(RULES), mode="0644", _sudo=True)
server.shell(name="Load the rules", commands=["nft -f /etc/nftables.d/bench.nft"], _sudo=True, _if=rules.did_change)
files.line(name="Load the rules at boot", path="/etc/nftables.conf", line='include "/etc/nftables.d/*.nft"', _sudo=True)
systemd.service(name="Enable the service", service="nftables", running=None, enabled=True, _sudo=True)
for command in ("java", "javac", "javap"):
    if host.get_fact(Command, f"readlink -f /etc/alternatives/{command}") != f"{HOME}/bin/{command}":
        server.shell(name=f"Set the alternative {command}", commands=[f"update-alternatives --quiet --set {command} {HOME}/bin/{command}"], _sudo=True)
