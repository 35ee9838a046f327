# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy as a proxy, and what only HAProxy has: its runtime socket and the state that a reload must keep."""

import time

from tests.verify.proxy import ProxyContract

SOCKET = "/run/haproxy/admin.sock"
testinfra_hosts = ["ansible://haproxy1"]


def runtime(host, command):
    return host.check_output(f"echo '{command}' | socat stdio UNIX-CONNECT:{SOCKET}")


def pid_of(info):
    return next(line for line in info.splitlines() if line.startswith("Pid:"))


def admin_state(host, server):
    """srv_admin_state of a server: 0 ready, 1 maint, 8 drain."""
    rows = [line.split() for line in runtime(host, "show servers state xitrum").splitlines()]
    return next(row[6] for row in rows if len(row) > 6 and row[3] == server)


class TestHaproxy(ProxyContract):
    software = "haproxy"
    service = "haproxy"
    closes = True
    secret_paths = ("/etc/haproxy/xitrum/site.pem",)

    def test_the_runtime_socket_is_for_root_only(self, host):
        socket = host.file(SOCKET)
        assert (socket.user, socket.group, socket.mode) == ("root", "root", 0o660)

    def test_the_running_worker_has_the_configuration_of_the_file(self, host):
        digest = host.check_output("grep -o 'xitrum.host-[0-9a-f]*' /etc/haproxy/haproxy.cfg")
        assert f"description: {digest}" in runtime(host, "show info")

    def test_the_worker_reaches_the_log(self, host):
        pid = host.check_output("systemctl show -p MainPID --value haproxy")
        assert host.file(f"/proc/{pid}/root/var/lib/haproxy/dev/log").exists
        assert "DroppedLogs: 0" in runtime(host, "show info")

    def reload(self, host):
        before = runtime(host, "show info")
        host.check_output("systemctl reload haproxy")
        deadline = time.monotonic() + 180
        while pid_of(runtime(host, "show info")) == pid_of(before):
            assert time.monotonic() < deadline, "the old worker still answers 180 s after a reload"
            time.sleep(0.1)

    def test_a_moved_server_is_not_kept_at_its_old_port_by_the_saved_state(self, host):
        """HAProxy takes a server's port from the saved state, even where the configuration has another."""
        before = host.check_output("cat /etc/haproxy/haproxy.cfg")
        runtime(host, "set server xitrum/app1-0 state drain")
        try:
            host.check_output("sed -i 's/^\\( *server app1-0 [^ ]*\\):8000/\\1:8009/' /etc/haproxy/haproxy.cfg")
            self.reload(host)
            row = next(line.split() for line in runtime(host, "show servers state xitrum").splitlines() if " app1-0 " in line)
            assert (row[6], row[18]) == ("8", "8009")
        finally:
            host.check_output("sed -i 's/^\\( *server app1-0 [^ ]*\\):8009/\\1:8000/' /etc/haproxy/haproxy.cfg")
            runtime(host, "set server xitrum/app1-0 state ready")
            self.reload(host)
        assert host.check_output("cat /etc/haproxy/haproxy.cfg") == before

    def test_a_start_begins_afresh(self, host):
        """State of an earlier life must not come back: a crash would then bring a long-forgotten drain."""
        runtime(host, "set server xitrum/app1-0 state maint")
        self.reload(host)
        host.check_output("systemctl restart haproxy")
        assert admin_state(host, "app1-0") == "0"
