# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is and whether it can take the desired state. A case is a file in data/machine."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.xitrum.host.plugins.module_utils.core import process
from ansible_collections.xitrum.host.plugins.module_utils.host_state import machine
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost, Unreadable

CASES = sorted((pathlib.Path(__file__).parents[1] / "data" / "machine").glob("*.json"))


def desired(**given_options):
    checked = ArgumentSpecValidator(machine.SPEC).validate(given_options)
    assert not checked.error_messages
    return checked.validated_parameters


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path):
    case = json.loads(path.read_text())
    host = FakeHost(case["files"], case["commands"], case["links"])
    options = desired(**case["desired"])
    plan = machine.plan(options, machine.read(host, options))
    assert not plan.changed
    assert len(plan.errors) == len(case["errors"]), plan.errors
    for message, part in zip(plan.errors, case["errors"], strict=True):
        assert part in message
    assert len(plan.facts["notes"]) == len(case["notes"]), plan.facts["notes"]
    for message, part in zip(plan.facts["notes"], case["notes"], strict=True):
        assert part in message
    assert {name: plan.facts[name] for name in case["facts"]} == case["facts"]
    assert not [done for done in host.done if done[0] != "run"]


def read_debian():
    case = json.loads((CASES[0].parent / "debian_12.json").read_text())
    return FakeHost(case["files"], case["commands"], case["links"]), desired(**case["desired"])


def test_every_error_is_reported_at_once():
    host, options = read_debian()
    state = {**machine.read(host, options), "distribution": "", "name": "Plan 9", "architecture": "vax", "python": "3.6.8", "uid": 33, "init": "runit",
             "memory_free_bytes": 1, "holders": [{"port": 8000, "pid": 5, "process": "nginx", "unit": "", "allowed": False}]}
    state["disk"] = {**state["disk"], "folder": False, "options": ["ro", "noexec"], "free_bytes": 0}
    errors = list(machine.plan(options, state).errors)
    assert len(errors) == 11
    assert len(set(errors)) == 11


@pytest.mark.parametrize("found, error", [("3.7.9", True), ("3.8.0", False), ("3.10.1", False), ("4.0.0", False)])
def test_the_oldest_python(found, error):
    host, options = read_debian()
    errors = list(machine.plan(options, {**machine.read(host, options), "python": found}).errors)
    assert [found in message for message in errors] == ([True] if error else [])


def test_a_process_of_another_user_is_not_seen():
    host, options = read_debian()
    host.commands["ss -H -l -t -n -e"] = 'LISTEN 0 5 *:8000 *:* users:(("java",pid=77,fd=4)) ino:1\n'
    host.files["/proc/77/cgroup"] = Unreadable()
    assert "held by java (process 77):" in machine.plan(options, machine.read(host, options)).errors[0]


def test_an_instance_is_ours_through_a_linked_root():
    host, options = read_debian()
    host.links.update({"/opt/app": "/data/app", "/proc/900/cwd": "/data/app/instances/0/x"})
    host.commands["ss -H -l -t -n -e"] = 'LISTEN 0 5 *:8000 *:* users:(("java",pid=900,fd=4)) ino:1\n'
    assert machine.find_holders(host, options)[0]["allowed"]


def test_a_folder_that_only_begins_like_ours_is_not_ours():
    host, options = read_debian()
    host.links["/proc/900/cwd"] = "/opt/app2/instances/0/x"
    host.commands["ss -H -l -t -n -e"] = 'LISTEN 0 5 *:8000 *:* users:(("java",pid=900,fd=4)) ino:1\n'
    assert not machine.find_holders(host, options)[0]["allowed"]


@pytest.mark.parametrize(
    "interface, end, held",
    [
        ("", "127.0.0.1", True),
        ("192.0.2.1", "127.0.0.1", False),
        ("192.0.2.1", "[::ffff:192.0.2.1]", True),
        ("192.0.2.1", "0.0.0.0", True),
        ("192.0.2.1", "*", True),
        ("a-name", "127.0.0.1", True),
        ("2001:DB8::1", "[2001:db8::1]", True),
    ],
)
def test_who_listens_on_another_address_does_not_hold_the_port(interface, end, held):
    host, options = read_debian()
    options.update(interface=interface, interface_ports=[8000])
    host.commands["ss -H -l -t -n -e"] = f'LISTEN 0 5 {end}:8000 *:* users:(("other",pid=77,fd=4)) ino:1 v6only:0\n'
    errors = list(machine.plan(options, machine.read(host, options)).errors)
    assert ["port 8000 is held by other" in message for message in errors] == ([True] if held else [])
    options["interface_ports"] = []
    assert len(machine.plan(options, machine.read(host, options)).errors) == 1


def test_a_line_of_ss_that_cannot_be_read_is_a_note():
    host, options = read_debian()
    host.commands["ss -H -l -t -n -e"] = "LISTEN 0 5 somewhere:8000 *:*\n"
    notes = machine.plan(options, machine.read(host, options)).facts["notes"]
    assert any("1 line of ss that cannot be parsed" in note for note in notes)


@given(st.text())
def test_parsers_never_raise(text):
    assert isinstance(machine.parse_os_release(text), dict)
    assert isinstance(machine.parse_meminfo(text), dict)
    assert isinstance(machine.parse_mounts(text), dict)
    assert process.find_unit_of_process(FakeHost({"/proc/7/cgroup": text}), 7) == {}
    assert machine.parse_df(text) is None or machine.parse_df(text) >= 0


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=4))
def test_the_mount_point_of_a_path_holds_it(parts):
    path = "/" + "/".join(parts)
    assert machine.find_mount(path, {"/": set()}) == "/"
    assert machine.find_mount(path, {"/": set(), path: set()}) == path
    assert machine.find_mount(path, {"/": set(), path.rstrip("/") + "x": set()}) == "/"


def test_a_record_that_this_user_may_not_read_is_no_damaged_one_and_a_damaged_one_is_named():
    host, options = read_debian()
    options.update(root="/opt/app", log_dir="/var/log/app", user="app", name="app")
    host.files["/var/lib/xitrum.host/before.json"] = Unreadable()
    assert list(machine.plan(options, machine.read(host, options)).errors) == []
    host.files["/var/lib/xitrum.host/before.json"] = "{"
    assert "before.json is damaged" in machine.plan(options, machine.read(host, options)).errors[0]
    host.files["/var/lib/xitrum.host/before.json"] = record_text({})
    host.links["/opt/app"] = "/var/www"
    assert "a link to /var/www, which belongs to the system" in machine.plan(options, machine.read(host, options)).errors[0]
