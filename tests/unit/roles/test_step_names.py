# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of steps and messages that templates make."""

from __future__ import annotations

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from tests.docs.role_variables import ROOT


def trust(value):
    """Mark the texts of a value as templates, as those of a playbook are."""
    if isinstance(value, dict):
        return {key: trust(one) for key, one in value.items()}
    return trust_as_template(value) if isinstance(value, str) else value


@pytest.mark.parametrize("servers, dry_run, name", [
    (["app1-0"], False, "Update the proxies: drain app1-0"),
    (["app1-0", "app1-1"], True, "Update the proxies: drain app1-0, app1-1 (dry run)"),
    ([f"app{number}-0" for number in range(1, 9)], False, "Update the proxies: drain app1-0, app2-0, app3-0 and 5 more"),
])
def test_the_name_of_a_step_at_the_proxies_does_not_grow_with_the_fleet(servers, dry_run, name):
    task = yaml.safe_load((ROOT / "roles/supervisor/tasks/proxies.yml").read_text(encoding="utf-8"))[0]
    given = {"supervisor_servers": servers, "__supervisor_proxy_state": "drain", "__supervisor_proxy_is_dry_run": dry_run}
    assert Templar(DataLoader(), variables={**trust(task["vars"]), **given}).template(trust(task["name"])) == name


def test_each_note_begins_as_a_note():
    play = yaml.safe_load((ROOT / "playbooks/plays/read.yml").read_text(encoding="utf-8"))[0]
    (task,) = [task for task in play["tasks"] if task["name"] == "Report notes"]
    templar = Templar(DataLoader(), variables={"__notes": ["root has no CAP_SYS_RESOURCE here", "one\nof two lines"]})
    message, escaped = task["ansible.builtin.debug"]["msg"], " | map('xitrum.host.escape_controls')"
    assert escaped in message
    assert templar.template(trust(message.replace(escaped, ""))) == ["note: root has no CAP_SYS_RESOURCE here", "note: one\nof two lines"]
