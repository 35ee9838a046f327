# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold on every host of every scenario, whatever was set up there."""

import pytest


def test_no_unit_has_failed(host):
    if not host.file("/run/systemd/system").exists:
        pytest.skip("another init has no units")
    assert host.check_output("systemctl --failed --plain --no-legend") == ""


def test_the_login_user_keeps_its_sudo(host):
    with host.sudo("deploy"):
        assert host.check_output("sudo -n id -u") == "0"
