# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a rollout under the real plays and roles: several hosts at once, and what fails among them."""

from __future__ import annotations

import pytest

from .play_fleet import Fleet, instance, read_of

VARIABLES = {
    "xitrum_package_read": {"release": "new", "folder": "/tmp/package", "manifest": [], "main_class": "quickstart.Boot"},
    "xitrum_name": "demo", "xitrum_user": "demo", "xitrum_log_dir": "/var/log/demo", "xitrum_gate_seconds": 0, "xitrum_drain_grace": 1,
}
MANY = [f"app{number}" for number in range(1, 8)]


@pytest.fixture(name="slotted")
def fixture_slotted(tmp_path):
    """Hosts with two slots of which the first serves, all in one step after the gate."""
    fleet = Fleet(tmp_path, {host: read_of(instance()) for host in ["app0", *MANY]}, {
        **VARIABLES, "xitrum_slots": True, "xitrum_rolling_batch": "100%", "xitrum_slot_read": {"slot": 0}})
    fleet.answer("instances", ["app0", *MANY], instances=[{"index": 1, "folder": "new-2"}])
    return fleet


def removed(fleet, host):
    """The slots that were emptied on a host, in this order."""
    calls = fleet.calls(host, "instance_service")
    return [call["args"]["instances"][0]["index"] for call in calls if call["args"]["state"] == "absent"]


def test_with_slots_each_host_of_a_batch_that_is_put_back_keeps_the_release_that_serves(slotted):
    """The condition of a block guards its rescue and always tasks too: once one host of a batch had stopped the rollout, the
    others skipped the mark of that, and what cleans up after a success took the slot that serves."""
    slotted.fail("instance_service", MANY, {"state": "started"}, "instance 1 is not healthy")
    code, said = slotted.run("rollout")
    assert code != 0 and "instance 1 is not healthy" in said
    assert removed(slotted, "app0") == [1, 0], "the gate went well: the old release ends"
    for host in MANY:
        # Before the start and after the failure: the other slot, never the one that serves.
        assert removed(slotted, host) == [1, 1], f"{host}: {removed(slotted, host)}"
    assert said.count("The rollout of new stopped at step 2 of 2") >= len(MANY), "each host says why"


def test_with_slots_the_hosts_of_a_batch_that_went_well_end_their_old_release_where_another_one_fails(slotted):
    slotted.fail("instance_service", MANY[:3], {"state": "started"}, "instance 1 is not healthy")
    code, _said = slotted.run("rollout")
    assert code != 0
    for host in MANY[:3]:
        assert removed(slotted, host) == [1, 1]
    for host in ["app0", *MANY[3:]]:
        assert removed(slotted, host) == [1, 0]
