#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nofile_info
short_description: Read the limits of open files of running processes
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reports the limit of open files in three columns - desired, configured and effective. Configured is C(LimitNOFILE=)
    of the unit, or the line of the user in limits.conf and limits.d. Effective are the limits of the running process.
  - A process keeps the limit that it was started with. The module reports when a restart is due.
  - Works without root as far as the kernel allows. Values that cannot be read have the status V(not_readable) in
    RV(rows), with the reason.
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
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. Also lists what could not be read.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it. Always empty.", returned: always, type: list,
  elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
processes:
  description: The processes of all targets.
  returned: always
  type: list
  elements: dict
  contains:
    # Shared values: target, process, unit, why
    target: {description: "The port, unit or process ID of the options that matched.", type: str}
    process: {description: "The name of the process.", type: str}
    unit: {description: "The systemd unit of the process, or an empty string.", type: str}
    why: {description: "The reason, in one sentence.", type: str}
    # End of shared values
    pid: {description: "The process ID.", type: int}
    user: {description: "The user that it runs as.", type: str}
    desired: {description: "The desired number of open files.", type: int}
    configured: {description: "The configured limit, and where it is set.", type: str}
    soft: {description: "The soft limit of the process, V(-1) for none.", type: int}
    hard: {description: "The hard limit of the process, V(-1) for none.", type: int}
    status:
      description: "V(ok), V(restart_pending) (the configured limit is high enough), V(drift), V(read_only) (the host
        cannot grant more), or V(not_readable)."
      type: str
"""

from ..module_utils.core import target_reader
from ..module_utils.limits import open_files


def main() -> None:
    """Reads, and returns the rows."""
    target_reader.run(open_files)


if __name__ == "__main__":
    main()
