# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads playbooks as ansible-playbook does, in a process of its own, since Ansible's loader of collections stays in the process.

Reads JSON from the standard input, C([[path of a playbook, [tags], [tags to skip]], ...]), and writes a list with the message for each.
"""

from __future__ import annotations

import json
import sys

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook import Playbook
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager


def load(path):
    """The plays of a playbook."""
    loader = DataLoader()
    manager = VariableManager(loader=loader, inventory=InventoryManager(loader=loader, sources=["localhost,"]))
    return Playbook.load(path, variable_manager=manager, loader=loader).get_plays()


def main():
    """Writes the messages."""
    init_plugin_loader()
    from ansible_collections.xitrum.host.plugins.action import tag_selection

    rows, loaded, messages = json.load(sys.stdin), {}, []
    for path, only, skip in rows:
        plays, tasks = loaded.get(path, (None, None))
        if plays is None:
            plays = load(path)
            tasks = [task for play in plays for task in tag_selection.tasks_of_play(play)]
            loaded[path] = plays, tasks
        plays[0].only_tags, plays[0].skip_tags = set(only), set(skip)
        messages.append(tag_selection.find_error(plays[0], Task(block=Block(play=plays[0])), tasks, {}))
    json.dump(messages, sys.stdout)


if __name__ == "__main__":
    main()
