#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: somaxconn_info
short_description: Read the backlog that listening sockets have
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reports the backlog as it is desired, configured (the files that set C(net.core.somaxconn) at boot), live (the
    running kernel), and effective (the listening socket itself, IPv4 and IPv6).
  - A backlog is fixed when a process calls C(listen()), at the smaller one of what it asks for and of
    C(net.core.somaxconn) at that moment. So a socket can have less than the kernel would give now, and the module
    reports when a restart is due.
  - Sockets are found by port without root. By unit or process id only root sees those of other users, unless C(ss)
    shows control groups. What could not be seen is V(not_readable) in RV(rows), with the reason.
  - Needs C(ss) of iproute2.
options:
  requested:
    description:
      - The backlog that the application asks for. Xitrum before 3.31 asks for 1024.
      - V(0) stands for what C(net.core.somaxconn) is now. Xitrum 3.31 asks for what it was when the JVM started.
    type: int
    default: 1024
extends_documentation_fragment:
  - xitrum.host.targets
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Read the backlog of both ports
  xitrum.host.somaxconn_info:
    ports: [8000, 4430]
  register: backlog

- name: Print whether a restart is due
  ansible.builtin.debug:
    msg: "{{ backlog.sockets | selectattr('status', 'equalto', 'restart') | map(attribute='unit') | unique }}"
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
live:
  description: C(net.core.somaxconn) of the running kernel, or null where it could not be read.
  returned: always
  type: int
  sample: 4096
configured:
  description: The value that holds at boot, and the file that reports it.
  returned: always
  type: str
  sample: 1024 (/etc/sysctl.d/90-xitrum.conf)
sockets:
  description: The listening sockets of all targets.
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
    address: {description: "The address that it listens on, V(*) for every one.", type: str}
    port: {description: "The port.", type: int}
    family: {description: "V(inet), V(inet6), or V(dual) for a socket that takes both.", type: str}
    pid: {description: "The process, or null where it is another user's.", type: int}
    desired: {description: "The requested backlog.", type: int}
    configured: {description: "What holds at boot.", type: str}
    live: {description: "What the kernel would give now.", type: int}
    effective: {description: "What the socket has.", type: int}
    status:
      description: "V(ok), V(restart_pending) (a restart would take more), V(drift) (somaxconn is too small),
        V(not_readable)."
      type: str
"""

from ..module_utils.core import runner
from ..module_utils.kernel import backlog


def main() -> None:
    """Reads, and returns the rows."""
    runner.run_info(backlog)


if __name__ == "__main__":
    main()
