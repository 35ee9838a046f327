# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that is used alone validates its variables as playbooks do: the real role, with modules stubbed."""

from __future__ import annotations

from tests.unit.stubbed_plays import play, state_of

APPLICATION = """
- hosts: xitrum
  gather_facts: false
  tasks:
    - name: Install the release
      ansible.builtin.import_role:
        name: xitrum.host.application
"""


def run(folder, **variables):
    """Runs the role on one host, of which nothing is to be changed."""
    return play(folder, APPLICATION, ["app1"], [({"module": "host_state_info"}, state_of(0))], **variables)


def test_the_role_application_alone_reports_every_invalid_value_at_once(tmp_path):
    found = run(tmp_path, xitrum_rollout_batch="150%", xitrum_drain_timeout=-1, xitrum_lock_seconds=0, xitrum_cluster_port=0)
    assert found.code != 0, found.text
    for sentence in (
        "xitrum_rollout_batch is '150%': expected a number of instances from 1",
        "xitrum_drain_timeout is -1: expected are seconds, 0 or more",
        "xitrum_lock_seconds is 0: expected are seconds, 1 or more",
        "xitrum_cluster_port is 0 for 1 instance: expected are ports from 1 to 65535",
    ):
        assert sentence in found.text, found.text
    calls = (tmp_path / "calls").read_text(encoding="utf-8") if (tmp_path / "calls").exists() else ""
    assert "host_state_info" not in calls, "the host was read with invalid values"


def test_the_role_application_alone_reads_a_host_with_valid_values(tmp_path):
    found = run(tmp_path, xitrum_rollout_batch="25%")
    assert "expected" not in found.text, found.text
    assert "host_state_info" in (tmp_path / "calls").read_text(encoding="utf-8")
