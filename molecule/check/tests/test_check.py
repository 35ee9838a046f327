# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check is green after a run, finds exactly what somebody has broken since, and what it says to type mends that.

Faults of one round have nothing to do with each other. A round's check must be red for all of its faults and for nothing
else, so it shows as well that the faults of the round before are mended.
"""

import pytest

ROOT, SOCKET, CERTIFICATE = "/opt/xitrum", "/run/haproxy/admin.sock", "/etc/haproxy/xitrum/site.pem"
SYSCTL, LIMITS = "/etc/sysctl.d/99-somebody.conf", "/etc/security/limits.d/90-xitrum.conf"
UNIT, WANTS = "/etc/systemd/system/xitrum@.service", "/etc/systemd/system/multi-user.target.wants/xitrum@"
JAVAC = "/usr/lib/jvm/other/bin/javac"

#: Name, host, what somebody does there as root, and the items that must be red on that host, each with a word of its why.
ROUNDS = [
    [
        ("a kernel parameter was changed by hand", "app1", "sysctl -q -w net.ipv4.tcp_fin_timeout=60",
         {"net.ipv4.tcp_fin_timeout": "what is in force"}),
        ("a server was set to maintenance", "proxy1", f"echo 'set server xitrum/app1-1 state maint' | socat stdio {SOCKET}",
         {"xitrum/app1-1": "maint"}),
    ],
    [
        ("a file that is read later overrides a kernel parameter", "app1", f"echo net.ipv4.tcp_fin_timeout = 60 > {SYSCTL}",
         {"net.ipv4.tcp_fin_timeout": f"{SYSCTL} line 1"}),
        ("the proxy's configuration was edited and not reloaded", "proxy1", "sed -i 's/timeout connect .*/timeout connect 3s/' /etc/haproxy/haproxy.cfg",
         {"/etc/haproxy/haproxy.cfg": "text is not as wanted"}),
    ],
    [
        ("a line of limits.d was removed", "app1", f"sed -i '/^[*] hard/d' {LIMITS}", {"limits of *": f"{LIMITS} does not say so"}),
        ("the redirects were flushed", "app1", "nft delete table inet xitrum_host", {"port 80 (IPv4)": "redirect", "port 80 (IPv6)": "redirect"}),
        ("another certificate was put in place", "proxy1",
         f"cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 5 -subj /CN=other -keyout k -out c 2> log && "
         f"cat c k > {CERTIFICATE} && systemctl reload haproxy && rm c k log",
         {CERTIFICATE: "text is not as wanted"}),
    ],
    [
        ("the open files of a running JVM were lowered", "app1",
         "setpriv --reuid xitrum --regid xitrum --clear-groups prlimit --pid $(systemctl show -P MainPID xitrum@0) --nofile=1024:1024",
         {"instance-0 nofile": "limits of a process"}),
        ("half of the alternatives were switched", "app1",
         f"mkdir -p /usr/lib/jvm/other/bin && cp -L /usr/bin/javac {JAVAC} && "
         f"update-alternatives --install /usr/bin/javac javac {JAVAC} 1 && update-alternatives --set javac {JAVAC}",
         {"alternative javac": "another one is chosen"}),
        ("an instance was disabled at boot", "app1", "systemctl disable xitrum@1",
         {f"xitrum-service {WANTS}1.service": "not what the inventory asks for", "instance-1 systemd": "at boot"}),
    ],
    [
        ("a JVM was started with a small backlog", "app1",
         "sysctl -q -w net.core.somaxconn=128 && systemctl restart xitrum@0 && "
         "for try in $(seq 240); do curl -fs -o /dev/null 127.0.0.1:8000/ && break; sleep 0.5; done; sysctl -q -w net.core.somaxconn=4096",
         {"instance-0 backlog": "listen()"}),
        ("the unit was edited", "app1", f"sed -i 's/^Restart=.*/Restart=no/' {UNIT}", {f"xitrum-service {UNIT}": "not what the inventory asks for"}),
        ("the link to the release was moved", "app1", f"ln -sfn releases/other {ROOT}/current", {"release": f"{ROOT}/current leads elsewhere"}),
    ],
    [
        ("an instance was stopped", "app1", "systemctl stop xitrum@1", {"instance-1 process": "no process"}),
    ],
]


@pytest.fixture(scope="module")
def green(site):
    """A check right after a run."""
    return site.check().assert_green()


def test_after_a_run_nothing_differs(green):
    assert "0 differ" in green.said
    assert len(green.findings) > 50


@pytest.mark.parametrize("faults", ROUNDS, ids=["; ".join(fault[0] for fault in faults) for faults in ROUNDS])
def test_what_somebody_broke_is_found_said_and_mended_by_what_is_said(site, green, faults):
    for _name, host, broken, _items in faults:
        site.sh(host, broken)
    looked = site.check()
    assert looked.code != 0
    expected = {(host, item): word for _name, host, _broken, items in faults for item, word in items.items()}
    assert set(looked.bad) == set(expected), looked.said[-4000:]
    mends = []
    for place, found in looked.bad.items():
        assert expected[place] in found["why"], found
        assert found["why"] in looked.said
        assert found["mend"], found
        assert found["mend"] in looked.said
        mends.append(found["mend"])
    for mend in dict.fromkeys(mends):
        code, said = site.type(mend)
        assert code == 0, f"{mend}\n{said[-4000:]}"
    site.check().assert_green()
