#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: connection_burst
short_description: Shows what a backlog is good for when many connect at once
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - For each of O(backlogs), listens on a free port of 127.0.0.1, connects O(connects) times at once, accepts only after
    O(pause) seconds - as an application that its garbage collection stops - and counts how many were made at once, how
    many only by a repeated SYN (after a second or more), and how many not at all.
  - It takes a few seconds and leaves nothing. Nothing of the host's configuration is changed, so it never says
    C(changed). In check mode nothing is done.
options:
  connects:
    description: How many connect at once, at most 20000.
    type: int
    default: 500
  backlogs:
    description: The backlogs that are asked for. The kernel gives at most C(net.core.somaxconn).
    type: list
    elements: int
    default: [128, 1024]
  pause:
    description: Seconds until the listener accepts, at most 5.
    type: float
    default: 0.5
  timeout:
    description: Seconds after which a connect counts as failed.
    type: int
    default: 8
  address:
    description: With O(port), a listener that is there and is called as well, such as the application.
    type: str
    default: ""
  port:
    description: Its port; V(0) for none.
    type: int
    default: 0
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: What this host's backlogs are good for
  xitrum.host.connection_burst:
    connects: 800
  register: burst
"""

RETURN = r"""
bursts:
  description: >-
    One dictionary a burst - C(asked) (the backlog that was asked for, 0 for O(port)), C(backlog) (what the kernel
    gave), C(connects), C(at_once), C(delayed), C(failed), C(slowest_ms), and C(ListenOverflows) and C(ListenDrops) of
    the host in between.
  returned: always
  type: list
  elements: dict
"""

from ..module_utils.core import runner
from ..module_utils.load import burst


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(burst)


if __name__ == "__main__":
    main()
