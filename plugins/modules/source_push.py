#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: source_push
short_description: Commits prepared files of a source tree, and pushes it to a remote that builds it
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Commits those of O(paths) that git finds changed, and nothing else, then pushes C(HEAD). Where the remote's branch
    has it already, nothing is done.
  - It never forces a push, and asks for no password on the terminal.
  - Meant to run on the controller.
options:
  path:
    description: The source tree, the top of a git repository.
    type: path
    required: true
  remote:
    description: The name of a git remote of the tree, or a URL.
    type: str
    required: true
  branch:
    description: The branch there.
    type: str
    required: true
  paths:
    description: The files that are committed where they differ, relative to O(path).
    type: list
    elements: str
    default: []
  pending:
    description: Whether O(paths) would have changed just before, in check mode. Then a commit and a push are said.
    type: bool
    default: false
  commit_message:
    description: The commit's message.
    type: str
    required: true
  allow_uncommitted:
    description: Whether it is pushed while other files have uncommitted changes, which stay behind.
    type: bool
    default: false
  prefix:
    description: What the variables begin with that messages name.
    type: str
    default: source_tree
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Heroku builds the application
  xitrum.host.source_push:
    path: ../shop
    remote: heroku
    branch: main
    paths: [Procfile, config/xitrum.conf]
    commit_message: Run on Heroku
  delegate_to: localhost
"""

RETURN = r"""
said:
  description: What git and the platform said at the push, line by line.
  returned: when something was pushed
  type: list
  elements: str
rows:
  description: The commit here and the one there.
  returned: success
  type: list
  elements: dict
problems:
  description: Empty. A module with errors fails, and lists them in its message.
  returned: success
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.source_tree import push


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(push)


if __name__ == "__main__":
    main()
