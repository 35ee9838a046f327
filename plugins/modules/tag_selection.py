#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: tag_selection
short_description: Refuse tags that have no effect
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Fails where C(--tags) and C(--skip-tags) select no task of the playbooks that were started, besides tasks with the tag V(always).
    Ansible ends such a run successfully, although it did nothing.
  - Also fails where C(--skip-tags) names a component of this collection, such as V(jdk), that no task has for a tag, and all started playbooks are
    of this collection. Ansible would change that component nevertheless.
  - Does nothing where the play has a tag that is selected, and where something else in the started playbooks is selected.
  - Runs on the controller. Give the task the tag V(always), or it is skipped when it is needed.
attributes:
  action:
    description: Runs on the controller alone.
    support: full
extends_documentation_fragment:
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Check the tags of the run
  xitrum.host.tag_selection:
  run_once: true
  tags: always
"""

RETURN = r"""
msg:
  description: Which tags were given, and which there are.
  returned: failure
  type: str
"""
