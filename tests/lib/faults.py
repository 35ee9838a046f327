# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody can break on a fleet, and what a check must report about it: in rounds of what can be broken at the same time."""

from typing import NamedTuple

SOCKET, CERTIFICATE = "/run/haproxy/admin.sock", "/etc/haproxy/xitrum/site.pem"
RENEW = "the certificate expires in 4 days: replace the file of xitrum_proxy_tls_certificate with a renewed one"
SYSCTL, LIMITS = "/etc/sysctl.d/99-somebody.conf", "/etc/security/limits.d/90-xitrum.conf"
UNIT, WANTS = "/etc/systemd/system/xitrum@.service", "/etc/systemd/system/multi-user.target.wants/xitrum@"
MASK, MASK_FOR_NOW = "/etc/systemd/system/xitrum@1.service", "/run/systemd/system/xitrum@1.service"
JAVAC = "/usr/lib/jvm/other/bin/javac"
CERTIFY = "openssl req -x509 -key molecule/check/tls/key.pem -subj /CN=shop.example -out molecule/check/tls/certificate.pem -days"


class Fault(NamedTuple):
    """What somebody does as root on a host (or, without one, types in the clone), and what must be red: (host, item) to a part of its why."""

    name: str
    host: str
    does: str
    red: dict


ROUNDS = [
    [
        Fault("a kernel parameter was changed by hand", "app1", "sysctl -q -w net.ipv4.tcp_tw_reuse=0",
              {("app1", "net.ipv4.tcp_tw_reuse"): "the effective value"}),
        Fault("a file that is read later overrides a kernel parameter", "app1", f"echo net.ipv4.tcp_fin_timeout = 60 > {SYSCTL} && sysctl -q -p {SYSCTL}",
              {("app1", "net.ipv4.tcp_fin_timeout"): f"{SYSCTL} line 1"}),
        Fault("a line of limits.d was removed", "app1", f"sed -i '/^[*] hard/d' {LIMITS}", {("app1", "limits of *"): f"{LIMITS} does not set it"}),
        Fault("the redirects were flushed", "app1", "nft delete table inet xitrum_host",
              {("app1", "port 80 (IPv4)"): "redirect", ("app1", "port 80 (IPv6)"): "redirect"}),
        Fault("an instance was masked until the next boot", "app1", "systemctl mask --runtime xitrum@1",
              {("app1", f"xitrum-service {MASK_FOR_NOW}"): "masked (a link to /dev/null)", ("app1", "instance-1 systemd"): "at boot"}),
        Fault("a server was set to maintenance", "proxy1", f"echo 'set server xitrum/app1-1 state maint' | socat stdio {SOCKET}",
              {("proxy1", "xitrum/app1-1"): "maint"}),
        Fault("the proxy's configuration was edited and not reloaded", "proxy1", "sed -i 's/timeout connect .*/timeout connect 3s/' /etc/haproxy/haproxy.cfg",
              {("proxy1", "/etc/haproxy/haproxy.cfg"): "text is not in sync"}),
    ],
    [
        Fault("a JVM was started with a small backlog", "app1",
              "sysctl -q -w net.core.somaxconn=128 && systemctl restart xitrum@0 && "
              "for try in $(seq 240); do curl -fs -o /dev/null 127.0.0.1:8000/ && break; sleep 0.5; done; sysctl -q -w net.core.somaxconn=4096",
              {("app1", "instance-0 backlog"): "listen()"}),
        Fault("the open files of a running JVM were lowered", "app1",
              "setpriv --reuid xitrum --regid xitrum --clear-groups prlimit --pid $(systemctl show -P MainPID xitrum@1) --nofile=1024:1024",
              {("app1", "instance-1 nofile"): "limits of a process"}),
        Fault("half of the alternatives were switched", "app1",
              f"mkdir -p /usr/lib/jvm/other/bin && cp -L /usr/bin/javac {JAVAC} && "
              f"update-alternatives --install /usr/bin/javac javac {JAVAC} 1 && update-alternatives --set javac {JAVAC}",
              {("app1", "alternative javac"): "another one is chosen"}),
        Fault("the unit was edited", "app1", f"sed -i 's/^Restart=.*/Restart=no/' {UNIT}",
              {("app1", f"xitrum-service {UNIT}"): "not what the inventory asks for"}),
        Fault("the link to the release was moved", "app1", "ln -sfn releases/other ~xitrum/current", {
            ("app1", "release"): "/xitrum/current leads elsewhere, as after a rollback, or a deploy with -e"}),
        Fault("another certificate was put in place", "proxy1",
              f"cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=other -keyout k -out c 2> log && "
              f"cat c k > {CERTIFICATE} && systemctl reload haproxy && rm c k log",
              {("proxy1", CERTIFICATE): "text is not in sync"}),
    ],
    [
        Fault("the inventory's own certificate expires soon", "", f"{CERTIFY} 5 && ansible-playbook site.yml --limit proxy1",
              {("proxy1", f"certificate {CERTIFICATE}"): RENEW}),
        Fault("an instance was disabled at boot", "app1", "systemctl disable xitrum@0",
              {("app1", f"xitrum-service {WANTS}0.service"): "not what the inventory asks for", ("app1", "instance-0 systemd"): "at boot"}),
        Fault("an instance was stopped and masked", "app1", "systemctl mask --now xitrum@1",
              {("app1", f"xitrum-service {MASK}"): "masked (a link to /dev/null)", ("app1", "instance-1 process"): "no process"}),
    ],
]
