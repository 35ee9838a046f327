# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flight recording and a heap dump of running instances are fetched, and nothing of them stays on the host."""

import pytest

from tests.lib.leftovers import find_leftovers

PLAYBOOK = "playbooks/console.yml"


def record(site, folder, action, *options, **variables):
    return site.run(*options, playbook=PLAYBOOK, console_action=action, console_save=str(folder), **variables)


@pytest.mark.parametrize("chosen, instances", [
    pytest.param(0, [0], id="one instance"), pytest.param("all", [0, 1], id="all of a host", marks=pytest.mark.long),
])
def test_flight_recordings_are_fetched(site, tmp_path, chosen, instances):
    before = site.list_processes("app1")
    run = record(site, tmp_path, "flight_recording", "--limit", "app1", console_instance=chosen, console_seconds=2).assert_ended_well()
    files = sorted(tmp_path.iterdir())
    assert [path.name.rpartition("-")[0] for path in files] == [f"app1-{index}-flight_recording" for index in instances]
    assert all(path.read_bytes()[:4] == b"FLR\0" and path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert run.changed == {} and site.list_processes("app1") == before
    assert find_leftovers(site, "app1") == ""


def test_a_heap_dump_is_fetched_for_this_user_alone(site, tmp_path):
    run = record(site, tmp_path, "heap_dump", "--limit", "app2").assert_ended_well()
    path, = tmp_path.iterdir()
    assert path.name.startswith("app2-0-heap_dump-") and path.suffix == ".hprof"
    assert path.read_bytes()[:13] == b"JAVA PROFILE " and path.stat().st_mode & 0o777 == 0o600
    (_host, result), = run.list_results("xitrum.host.console")
    assert result["bytes"] == path.stat().st_size > 1 << 20 and result["path"] == str(path)
    assert find_leftovers(site, "app2") == ""


def test_an_instance_that_does_not_run_and_a_folder_that_is_missing_are_refused(site, tmp_path):
    refused = record(site, tmp_path, "heap_dump", "--limit", "app2", console_instance=7)
    assert refused.code == 2 and "instance 7 does not run" in refused.message and "Here run: 0, 1." in refused.message
    nowhere = site.run("--limit", "app2", playbook=PLAYBOOK, console_action="heap_dump")
    assert nowhere.code == 2 and "console_save is empty: expected a folder on the controller for the heap dump" in nowhere.message
    checked = record(site, tmp_path, "heap_dump", "--check", "--limit", "app2").assert_ended_well()
    assert list(tmp_path.iterdir()) == [] and checked.changed == {}
