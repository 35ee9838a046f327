# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play: before they are read, where nothing is to do, and where something is."""

from __future__ import annotations

import ast
import pathlib

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.xitrum.host.plugins.filter import working_hosts as filters
from ansible_collections.xitrum.host.plugins.filter.working_hosts import working_hosts

WORKS = {"xitrum": ["app1", "app2"], "xitrum_run_changes": ["app1"]}


@pytest.mark.parametrize(("groups", "how", "pattern"), [
    ({}, {"read": False}, "xitrum"),
    (WORKS, {"read": False}, "xitrum"),
    ({"xitrum": ["app1"], "xitrum_run_reads": ["app1"]}, {}, "all:!all"),
    ({"xitrum": ["app1"]}, {"every": True}, "all:!all"),
    (WORKS, {}, "xitrum:&xitrum_run_changes"),
    (WORKS, {"every": True}, "xitrum"),
    (WORKS, {"group": "xitrum_rollout_pending"}, "all:!all"),
    (WORKS, {"read": False, "first": "left"}, "xitrum"),
    (WORKS | {"xitrum_proxy": ["lb1", "lb2"]}, {"read": False, "away": "lb2"}, "xitrum:!lb2"),
    (WORKS | {"left": ["app2"]}, {"read": False, "first": "left"}, "left:xitrum:&xitrum"),
    (WORKS | {"xitrum_rollout_pending": ["app1"]}, {"group": "xitrum_rollout_pending"}, "xitrum:&xitrum_rollout_pending"),
])
def test_the_pattern(groups, how, pattern):
    assert working_hosts(groups, "xitrum", **how) == pattern


def test_the_hosts_stay_in_the_order_of_the_inventory_whichever_of_them_answered_first():
    inventory = InventoryManager(DataLoader(), sources=["app1,app2,app3"])
    for group, hosts in {"xitrum": ("app1", "app2", "app3"), "xitrum_run_changes": ("app3", "app1")}.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group)
    pattern = working_hosts(inventory.get_groups_dict(), "xitrum")
    assert [host.name for host in inventory.get_hosts(pattern)] == ["app1", "app3"]


def test_some_hosts_come_first():
    inventory = InventoryManager(DataLoader(), sources=["app1,app2,app3,old"])
    for group, hosts in {"xitrum": ("app1", "app2", "app3"), "left": ("app3", "old")}.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group)
    pattern = working_hosts(inventory.get_groups_dict(), "xitrum", read=False, first="left")
    assert [host.name for host in inventory.get_hosts(pattern)] == ["app3", "app1", "app2"]


def test_its_file_is_the_last_so_that_all_others_are_loaded_before_a_run_forks():
    path = pathlib.Path(filters.__file__)
    assert sorted(path.parent.glob("*.py"))[-1].name == path.name


def test_what_the_actions_of_each_host_import_is_loaded_before_a_run_forks():
    """Ansible loads the file of an action before it forks: what a function imports would be compiled again in each worker."""
    shared = {"open_work", "preflight_reports", "rollout_plan"}
    found = {}
    for path in (pathlib.Path(filters.__file__).parents[1] / "action").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names = {*(node.module or "").split("."), *(alias.name for alias in node.names)}
                found.update({(path.name, name): node in tree.body for name in names & shared})
    assert {name for _path, name in found} == shared
    assert all(found.values()), found
