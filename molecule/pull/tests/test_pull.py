# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host that pulls has made of itself."""

import re


def test_it_made_its_own_base(host):
    assert host.check_output("sysctl -n net.ipv4.tcp_tw_reuse") == "1"
    assert host.file("/etc/sysctl.d/90-xitrum.conf").exists
    assert "15000" in host.file("/etc/security/limits.d/90-xitrum.conf").content_string
    assert host.run("java -version").rc == 0


def test_it_requested_no_other_host(host):
    output = host.check_output("ansible-pull --url /srv/ops --inventory hosts.yml --connection local base.yml")
    assert re.search(r"^app1 .* changed=0 .* failed=0 ", output, re.MULTILINE)
    assert "app2" not in output
