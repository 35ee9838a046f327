# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nginx as a proxy, and what only Nginx does: it checks no health, and has the states of servers in its configuration."""

import socket

from tests.verify.proxy import ProxyContract

testinfra_hosts = ["ansible://nginx1"]


class TestNginx(ProxyContract):
    software = "nginx"
    service = "nginx"
    secret_paths = ("/etc/nginx/xitrum/site.pem",)
    checks_health = False

    def test_the_running_worker_has_the_configuration_of_the_file(self, host):
        digest = host.check_output("grep -o 'xitrum.host-[0-9a-f]*' /etc/nginx/nginx.conf")
        assert f"X-Xitrum-Config: {digest} @states:@" in host.check_output("curl -sI http://127.0.0.1:8404/xitrum-config")

    def test_a_body_is_passed_on_and_not_kept_on_the_disk(self, host, address):
        with socket.create_connection((address, 80), timeout=30) as link:
            size = 16 << 20
            link.sendall(
                b"POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (size + 1)
            )
            link.sendall(b"x" * size)
            # It is not whole yet.
            assert host.check_output("find /proc/[0-9]*/fd -lname '/var/lib/nginx/*' 2> /dev/null || true") == ""
            assert host.check_output("find /var/lib/nginx -type f") == ""
            link.sendall(b"x")
            assert link.recv(100).startswith(b"HTTP/1.1 200 ")

    def test_the_configuration_of_the_distribution_is_kept(self, host):
        assert "sites-enabled" in host.check_output("cat /etc/nginx/nginx.conf.before-xitrum")

    def test_the_configuration_is_where_its_link_leads_for_those_who_could_read_it_before(self, host):
        assert host.check_output("readlink /etc/nginx/nginx.conf") == "../../srv/nginx.conf"
        for path in ("/srv/nginx.conf", "/etc/nginx/nginx.conf.before-xitrum"):
            assert (host.file(path).group, host.file(path).mode) == ("adm", 0o640)
