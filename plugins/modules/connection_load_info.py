#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_load_info
short_description: Tells what connections cost the processes and the kernel of a host
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Reads memory, open files and their limit of the processes that listen on some ports, the kernel's counters of
    dropped connections, its connection tracking table and its memory. Two readings show what happened in between.
options:
  watched:
    description: The ports whose processes are read.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called in messages.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
  socket:
    description: The runtime socket of HAProxy, which is asked for its own limit. Where there is none, nobody is asked.
    type: path
    default: ""
extends_documentation_fragment:
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: What the connections cost so far
  xitrum.host.connection_load_info:
    watched:
      - {name: app1-0, port: 8000}
  register: before
"""

RETURN = r"""
load:
  description: What was read.
  returned: always
  type: dict
  contains:
    processes:
      description: >-
        One dictionary a process - C(name), C(port), C(pid), C(process), C(started), C(memory_bytes) (RSS), C(files)
        (null where only root sees it), C(nofile), C(backlog).
      type: list
      elements: dict
    counters:
      description: "C(ListenOverflows), C(ListenDrops), C(SyncookiesSent) and C(TCPReqQFullDrop) since boot."
      type: dict
    sockets: {description: "The TCP line of C(/proc/net/sockstat).", type: dict}
    conntrack:
      description: "Entries of the connection tracking table, and the most that it takes; null where nothing is
        tracked."
      type: list
      elements: int
    proxy: {description: "C(connections) and C(most) of HAProxy, or null.", type: dict}
    memory_bytes: {description: "Memory that is there.", type: int}
    memory_free_bytes: {description: "Memory that is free.", type: int}
    cpus: {description: "Processors.", type: int}
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.load import state as load_state


def main() -> None:
    """Reads, and returns."""
    module = Utf8Module(argument_spec=load_state.SPEC, supports_check_mode=True)
    wanted = module.params
    module.exit_json(**load_state.plan(wanted, load_state.read(Host(), wanted)).report())


if __name__ == "__main__":
    main()
