#!/usr/bin/env bash
# The baseline: the same work as a shell script, which checks before it acts too. Its input is sent over one SSH connection.
set -euo pipefail

put() {
    printf '%s\n' "$2" | cmp -s - "$1" || { printf '%s\n' "$2" > "$1"; return 1; }
}

parameters='net.ipv4.tcp_rmem = 4096 87380 16777216
net.ipv4.tcp_wmem = 4096 65536 16777216
net.core.somaxconn = 8192
net.ipv4.tcp_max_syn_backlog = 2048
net.ipv4.tcp_syncookies = 1
net.ipv4.ip_local_port_range = 1024 65535
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_fin_timeout = 30'
put /etc/sysctl.d/90-bench.conf "$parameters" || true
while IFS='=' read -r key value; do
    key=${key% } value=${value# }
    [ "$(sysctl -n "$key" | tr '\t' ' ')" = "$value" ] || sysctl -q -w "$key=$value"
done <<< "$parameters"

put /etc/security/limits.d/90-bench.conf '* soft nofile 20000
* hard nofile 20000
root soft nofile 20000
root hard nofile 20000' || true

rules='table inet bench {
    chain arriving { type nat hook prerouting priority dstnat; fib daddr type local tcp dport 80 redirect to :8000; fib daddr type local tcp dport 443 redirect to :4430; }
    chain local { type nat hook output priority -100; fib daddr type local tcp dport 80 redirect to :8000; fib daddr type local tcp dport 443 redirect to :4430; }
}'
mkdir -p /etc/nftables.d
grep -qF /etc/nftables.d /etc/nftables.conf || echo 'include "/etc/nftables.d/*.nft"' >> /etc/nftables.conf
if ! put /etc/nftables.d/bench.nft "$rules" || ! nft list table inet bench > /dev/null 2>&1; then
    nft -f - <<< "add table inet bench
delete table inet bench
$rules"
fi
systemctl -q is-enabled nftables || systemctl -q enable nftables

home=/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)
for name in java javac javap; do
    [ "$(readlink -f "/etc/alternatives/$name")" = "$home/bin/$name" ] || update-alternatives --quiet --set "$name" "$home/bin/$name"
done
