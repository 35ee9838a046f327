# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache as a proxy, and what only Apache does: it checks health, and has the states of servers in its configuration."""

from tests.verify.proxy import ProxyContract

testinfra_hosts = ["ansible://apache1"]


class TestApache(ProxyContract):
    software = "apache"
    service = "apache2"
    secret_paths = ("/etc/apache2/xitrum/site.pem",)

    def find_cookies(self, host, address):
        """Apache sends new clients to the instance that has had fewer requests, for as long as that is so. A reload forgets it."""
        self.reload(host)
        return super().find_cookies(host, address)

    def test_the_running_worker_has_the_configuration_of_the_file(self, host):
        digest = host.check_output("grep -o 'xitrum.host-[0-9a-f]*' /etc/apache2/apache2.conf")
        assert f"X-Xitrum-Config: {digest} @states:@" in host.check_output("curl -sI http://127.0.0.1:8404/xitrum-config")

    def test_the_page_on_the_loopback_changes_nothing(self, host):
        """The balancer-manager would let every user of the host disable servers."""
        assert "balancer-manager" not in host.check_output("cat /etc/apache2/apache2.conf")

    def test_the_configuration_of_the_distribution_is_kept(self, host):
        assert "sites-enabled" in host.check_output("cat /etc/apache2/apache2.conf.before-xitrum")
