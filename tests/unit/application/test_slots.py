# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release can start next to the old one, why not, and what a user learns before it does not."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import slots
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS
from ansible_collections.xitrum.host.plugins.plugin_utils.preflight_reports import find_notes

from ..fake_host import FakeHost

HOST = {
    "proxies": [],
    "port_forward": True,
    "instances": 1,
    "cluster": False,
    "http_port": 8000,
    "https_port": 4430,
    "tls": False,
}


@pytest.mark.parametrize(
    ("supervisor", "more", "reasons"),
    [
        ("systemd", {}, []),
        ("supervisord", {}, []),
        ("runit", {}, []),
        ("daemontools", {}, []),
        ("rc.local", {}, []),
        ("upstart", {}, ["upstart starts every job in /etc/init at boot, so that both slots would start"]),
        ("systemd", {"proxies": ["proxy1"]}, ["the proxies do that"]),
        ("systemd", {"port_forward": False}, ["no port is redirected (xitrum_port_forward is false)"]),
        (
            "systemd",
            {"instances": 2, "cluster": True},
            ["xitrum_instances is 2 and not 1", "the instance is a member of a cluster (xitrum_cluster)"],
        ),
        (
            "runit",
            {"http_port": 80, "https_port": 443},
            ["the instance listens on port 80 itself, which cannot be switched"],
        ),
        (
            "runit",
            {"http_port": 80, "https_port": 443, "tls": True},
            ["the instance listens on port 80 and 443 itself, which cannot be switched"],
        ),
    ],
)
def test_why_a_host_has_no_slots(supervisor, more, reasons):
    assert slots.find_missing(supervisor, {**HOST, **more}) == reasons
    assert slots.decide_default(supervisor, {**HOST, **more}) == (supervisor == "systemd" and not reasons)


def test_every_supervisor_reports_whether_it_has_slots():
    assert {kind for kind in SUPERVISORS if SUPERVISORS[kind].slots_by_default} == {"systemd"}
    assert [kind for kind in SUPERVISORS if slots.find_missing(kind, HOST)] == ["upstart"]


def notes(restart=(0,), slot=None, **variables):
    state = {"instances": {"restart": [{"index": index} for index in restart]}}
    read = {} if slot is None else {"application_slot_read": {"slot": slot}}
    return find_notes({"app1": {"xitrum_host_state": state, **read, **variables}}, ["app1"])["app1"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"xitrum_supervisor": "runit"},
            "With xitrum_slots: true the new release starts next to the old one, and no request is lost",
        ),
        ({"xitrum_slots": False}, "With xitrum_slots: true"),
        (
            {"xitrum_supervisor": "upstart"},
            "A release cannot start next to the old one here: upstart starts every job in /etc/init at boot",
        ),
        (
            {"xitrum_instances": "2"},
            "A release cannot start next to the old one here: xitrum_instances is 2 and not 1",
        ),
        ({"xitrum_cluster": "yes"}, "here: the instance is a member of a cluster"),
        ({"groups": {"xitrum_proxy": ["proxy1"]}}, ""),
        ({"slot": 1}, ""),
        ({"restart": ()}, ""),
    ],
)
def test_a_user_learns_before_a_restart_in_place_that_it_refuses_requests(variables, message):
    found = notes(**variables)
    assert len(found) == bool(message)
    assert not message or (
        found[0].startswith(
            "instance 0 restarts: there is no proxy, so the restart in place refuses requests"
        )
        and message in found[0]
    )


@pytest.mark.parametrize("kind", ["supervisord", "runit"])
@pytest.mark.parametrize("keep", [True, False])
def test_an_emptied_slot_keeps_what_defines_it(kind, keep):
    own = SUPERVISORS[kind].instance_paths[0].format(name="demo", index=1)
    file, mark = f"{own}/run" if kind == "runit" else own, SUPERVISORS[kind].mark.format(name="demo", index=1)
    host = FakeHost({file: ""}, links={mark: own})
    SUPERVISORS[kind].forget(host, "demo", 1, keep)
    assert (file in host.files, mark in host.links) == (keep, False)
