#!/usr/bin/env bash
# Before each fresh run: nothing of anybody's work is there, and another JDK is in use.
set -euo pipefail
rm -f /etc/sysctl.d/90-* /etc/security/limits.d/90-* /etc/nftables.d/bench.nft
rm -rf /etc/xitrum.host /var/lib/xitrum.host
systemctl -q disable --now xitrum-host-redirects.service 2> /dev/null || true
rm -f /etc/systemd/system/xitrum-host-redirects.service
sed -i '/nftables.d/d' /etc/nftables.conf
systemctl -q disable nftables 2> /dev/null || true
systemctl daemon-reload
for table in bench xitrum_host; do
    nft delete table inet "$table" 2> /dev/null || true
done
sysctl -q -w net.ipv4.tcp_rmem='4096 131072 6291456' net.ipv4.tcp_wmem='4096 16384 4194304' net.core.somaxconn=128 net.ipv4.tcp_max_syn_backlog=128 \
    net.ipv4.tcp_syncookies=0 net.ipv4.ip_local_port_range='32768 60999' net.ipv4.tcp_tw_reuse=2 net.ipv4.tcp_fin_timeout=60
mkdir -p /opt/other/bin
for name in java javac javap; do
    ln -sf /bin/true "/opt/other/bin/$name"
    update-alternatives --quiet --install "/usr/bin/$name" "$name" "/opt/other/bin/$name" 9999
    update-alternatives --quiet --auto "$name"
done
