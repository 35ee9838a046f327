# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of instances that an operator stopped."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.plan import Row
from ansible_collections.xitrum.host.plugins.module_utils.proxy import fleet_health
from ansible_collections.xitrum.host.plugins.module_utils.report import findings, fleet_summary, stops

from ..stubbed_plays import instance, read_of
from .status_fixture import proxy, server

STOP = {"user": "ann", "host": "laptop", "since": 5}


def fleet(admin="maint", status="MAINT", running=False):
    """A proxy with two servers, of which an operator stopped the instance of one."""
    listed = [instance(0, restart_reasons=()), instance(1, restart_reasons=(), running=running, stopped=STOP)]
    front = proxy(server("app1-0"), server("app1-1", admin=admin, status=status))
    front["proxy_health"]["rows"] = [
        {"component": "proxy", "item": f"xitrum/{one['name']}", "desired": "UP", "configured": "", "effective": one["status"],
         "status": "ok" if one["status"] == "UP" else "drift", "why": "it is set to maint", "fix": "set it", "commands": [["set"]]}
        for one in front["proxy_health"]["servers"]]
    return {"app1": read_of(*listed), "proxy1": front, "lost": None}


@pytest.mark.parametrize("admin, status", [("maint", "MAINT"), ("ready", "DOWN")])
def test_a_server_of_a_stopped_instance_is_no_drift_of_its_proxy(admin, status):
    states = stops.explain_servers(fleet(admin, status))
    rows = [row for row in states["proxy1"]["proxy_health"]["rows"] if row["status"] != "ok"]
    assert [(row["item"], row["status"], row["fix"], row["commands"]) for row in rows] == [("xitrum/app1-1", "stopped", "", [])]
    assert rows[0]["why"] == "its instance was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z"
    found = findings.list_findings({host: state for host, state in states.items() if state}, ["app1", "proxy1"])
    assert [item["level"] for item in found if item["item"] == "xitrum/app1-1"] == ["note"]


def test_a_server_of_another_instance_stays_as_it_is():
    states = fleet(running=True)
    assert stops.explain_servers(states) == states


def test_a_proxy_of_which_everything_was_stopped_is_no_fault():
    front = proxy(server("app1-0", admin="maint", status="MAINT"))
    states = {"app1": read_of(instance(0, restart_reasons=(), running=False, stopped=STOP)), "proxy1": front}
    assert fleet_health.find_faults(states) and not fleet_health.find_faults(stops.drop_idle_proxies(states))
    assert "proxy1" in stops.drop_idle_proxies(fleet())


def test_the_summary_names_who_stopped_what():
    assert "app1-1 was stopped by operator ann on laptop, since 1970-01-01T00:00:05Z" in fleet_summary.render_fleet_summary(fleet(), False).splitlines()


def test_a_public_port_of_a_host_with_a_stopped_instance_is_a_note():
    row = Row("reach", "port 80 from app2", "reachable", "", "refused", "drift", "nobody listens")
    found = stops.explain_port(fleet()["app1"], row)
    assert (found.status, found.why) == ("stopped", "an operator stopped an instance of this host. nobody listens")
    for state in (None, fleet(running=True)["app1"], fleet()["proxy1"]):
        assert stops.explain_port(state, row) == row
