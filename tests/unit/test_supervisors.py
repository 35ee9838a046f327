# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervisors say of instances, and the commands that they take."""

from __future__ import annotations

from ansible_collections.xitrum.host.plugins.module_utils import supervisors

from .fake_host import FakeHost

SHOW = "systemctl show --no-pager --property=Id,ActiveState,UnitFileState -- demo@0.service demo@1.service"
SAID = "Id=demo@0.service\nActiveState=active\nUnitFileState=enabled\n\nId=demo@1.service\nActiveState=failed\nUnitFileState=disabled\n"


def test_systemd_is_asked_once_for_all_instances():
    host = FakeHost(commands={SHOW: SAID})
    assert supervisors.states(host, "systemd", "demo", [0, 1]) == {
        0: supervisors.WELL["systemd"], 1: {"active": "failed", "boot": "disabled"}}
    assert len(host.done) == 1


def test_without_systemd_nothing_is_active():
    assert supervisors.states(FakeHost(), "systemd", "demo", [0]) == {0: {"active": "", "boot": ""}}


def test_commands_are_lists_of_arguments():
    assert supervisors.command("systemd", "stop", "demo", 1) == ["systemctl", "stop", "demo@1.service"]
    assert supervisors.command("systemd", "dance", "demo", 1) is None


def test_every_supervisor_can_be_asked():
    assert set(supervisors.COMMANDS) == set(supervisors.READERS) == set(supervisors.WELL)
