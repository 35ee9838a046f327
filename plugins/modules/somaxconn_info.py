#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: somaxconn_info
short_description: Read the backlog of listening sockets
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reports the backlog in four columns - desired, configured, live and effective. Configured are the files that set
    C(net.core.somaxconn) at boot. Live is the running kernel. Effective is the listening socket itself, IPv4 and IPv6.
  - The kernel sets the backlog of a socket when a process calls C(listen()), to the smaller of the requested value and
    the current C(net.core.somaxconn). Therefore a socket can have a smaller backlog than the kernel would grant now.
    The module reports when a restart is due.
  - The module finds sockets by port without root. By unit or process ID, only root can find the sockets of other users,
    unless C(ss) shows control groups. Values that cannot be read have the status V(not_readable) in RV(rows), with the
    reason.
  - Needs C(ss) of iproute2.
options:
  requested:
    description:
      - The backlog that the application requests. Xitrum before 3.31 requests 1024.
      - V(0) stands for the current C(net.core.somaxconn). Xitrum 3.31 requests the value from when the JVM started.
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
  description: C(net.core.somaxconn) of the running kernel, or null if it could not be read.
  returned: always
  type: int
  sample: 4096
configured:
  description: The value that applies at boot, and the file that sets it.
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
    address: {description: "The address that the socket listens on, V(*) for all addresses.", type: str}
    port: {description: "The port.", type: int}
    family: {description: "V(inet), V(inet6), or V(dual) for a socket that accepts both.", type: str}
    pid: {description: "The process ID, or null for a process of another user.", type: int}
    desired: {description: "The requested backlog.", type: int}
    configured: {description: "The value that applies at boot.", type: str}
    live: {description: "The value that the kernel would grant now.", type: int}
    effective: {description: "The backlog of the socket.", type: int}
    status:
      description: "V(ok), V(restart_pending) (a restart would give a larger backlog), V(drift) (somaxconn is too
        small), V(not_readable)."
      type: str
"""

from ..module_utils.core import target_reader
from ..module_utils.kernel import backlog


def main() -> None:
    """Reads, and returns the rows."""
    target_reader.run(backlog)


if __name__ == "__main__":
    main()
