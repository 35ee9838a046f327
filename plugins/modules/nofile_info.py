#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nofile_info
short_description: Read how many files running processes may have open
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reports the limit of open files as it is desired, configured (C(LimitNOFILE=) of the unit, or the line of the user
    in limits.conf and limits.d), and effective (the limits of the running process).
  - A process keeps the limit that it was started with, and the module reports when a restart is due.
  - Needs no root where the kernel needs none. What could not be seen is V(not_readable) in RV(rows), with the reason.
options:
  nofile:
    description: The desired number of open files.
    type: int
    default: 1024000
extends_documentation_fragment:
  - xitrum.host.targets
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Read the limit of the process that listens on port 8000
  xitrum.host.nofile_info:
    ports: [8000]
  register: nofile

- name: Check that the limit is high enough
  ansible.builtin.assert:
    that: nofile.processes | map(attribute='soft') | min >= 65536
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), C(why), and C(commands)
  that fix it. They have also what could not be read.", returned: always, type: list, elements: dict}
fixes: {description: "Commands that fix an error of RV(errors), by that error.", returned: always, type: dict}
errors: {description: "Blocking errors, each with what to do. Always empty.", returned: always, type: list,
  elements: str}
broken_rules: {description: "The rule that an error of RV(errors) breaks, by that error. C(docs/reference/rules.md) has
  them.", returned: always, type: dict}
# End of shared values
processes:
  description: The processes of all targets.
  returned: always
  type: list
  elements: dict
  contains:
    # Shared values: target, process, unit, why
    target: {description: "The port, unit or pid that led to it.", type: str}
    process: {description: "Its name.", type: str}
    unit: {description: "Its unit of systemd, or an empty string.", type: str}
    why: {description: "The reason in a sentence.", type: str}
    # End of shared values
    pid: {description: "The process.", type: int}
    user: {description: "The user that it runs as.", type: str}
    desired: {description: "The number of open files that is desired.", type: int}
    configured: {description: "What is configured, and where.", type: str}
    soft: {description: "The soft limit of the process, V(-1) for none.", type: int}
    hard: {description: "The hard limit of the process, V(-1) for none.", type: int}
    status:
      description: "V(ok), V(restart_pending) (what is configured would do), V(drift), V(read_only) (the host grants no
        more), V(not_readable)."
      type: str
"""

from ..module_utils.core import runner
from ..module_utils.limits import open_files


def main() -> None:
    """Reads, and returns the rows."""
    runner.run_info(open_files)


if __name__ == "__main__":
    main()
