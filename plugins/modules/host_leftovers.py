#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_leftovers
short_description: Removes folders, users, packages and records of this collection when nothing of it runs any more
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - The last step of a removal. It goes by C(/var/lib/xitrum.host/before.json), which M(xitrum.host.host_record) and the
    other modules have written before they made anything.
  - A user, a group or a folder that was there before stays, and of such a folder only what is ours goes. Services of
    others that were stopped for the application, or enabled for it, are as they were.
  - The record goes last, so that a run which is killed can be run again.
extends_documentation_fragment:
  - xitrum.host.removal
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Nothing of the collection is left but packages
  xitrum.host.host_leftovers:
"""

RETURN = r"""
kept:
  description: Packages that stay although O(packages) is set, name to the reason.
  returned: always
  type: dict
  sample: {nginx: certbot-nginx needs it}
rows:
  description: Always empty.
  returned: always
  type: list
  elements: dict
problems:
  description: Always empty.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.removal import leftovers


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(leftovers)


if __name__ == "__main__":
    main()
