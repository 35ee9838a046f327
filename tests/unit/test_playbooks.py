# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every play of a playbook keeps."""

from __future__ import annotations

import pytest
import yaml

from tests.docs.role_variables import ROOT

PLAYS = [(str(path.relative_to(ROOT)), play) for path in sorted(ROOT.glob("playbooks/**/*.yml"))
         for play in yaml.safe_load(path.read_text()) if "hosts" in play]


@pytest.mark.parametrize("path, play", PLAYS, ids=[f"{path}: {play['name']}" for path, play in PLAYS])
def test_a_play_does_not_leave_the_strategy_to_whoever_runs_it(path, play):
    """One message before the first host is touched, and steps that wait for each other: with C(free) or C(host_pinned) of an
    ansible.cfg, hosts would not wait, and C(run_once) and C(any_errors_fatal) would not hold."""
    assert play.get("strategy") == "linear", f"{path} runs by the strategy of whoever runs it"


def test_there_are_plays():
    assert len(PLAYS) > 20
