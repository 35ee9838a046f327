# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads playbooks as ansible-playbook does, in a process of its own, since Ansible's loader of collections stays in the process.

Reads JSON from the standard input, `[[path of a playbook, [tags], [tags to skip]], ...]`, and writes a list with the message for each.
"""

from __future__ import annotations

import json
import sys

from ansible.plugins.loader import init_plugin_loader


def main():
    """Writes the messages."""
    init_plugin_loader()
    from ansible_collections.xitrum.host.plugins.plugin_utils import tag_selection

    rows, loaded, messages = json.load(sys.stdin), {}, []
    for path, only, skip in rows:
        if path not in loaded:
            loaded[path] = tag_selection.load_tasks(path)
        messages.append(tag_selection.find_error(loaded[path], set(only), set(skip)))
    json.dump(messages, sys.stdout)


if __name__ == "__main__":
    main()
