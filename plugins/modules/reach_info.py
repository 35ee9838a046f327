#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: reach_info
short_description: Test which ports of other hosts can be reached from this host
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Opens a TCP connection to each target, all at the same time, and closes it again without sending anything.
  - A target that fails is tried a second time. No privileges are needed.
options:
  targets:
    description: The ports to connect to.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: An IP address, or a name that this host can resolve.
        type: str
        required: true
      port:
        description: The TCP port, from 1 to 65535.
        type: int
        required: true
  timeout:
    description: The seconds that one connection may take.
    type: int
    default: 3
extends_documentation_fragment:
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: Test from app2 whether app1 can be reached
  xitrum.host.reach_info:
    targets:
      - address: 192.0.2.11
        port: 80
  delegate_to: app2
"""

RETURN = r"""
results:
  description:
    - For each target its C(address) and C(port), the C(message) of an error, and one C(word).
    - C(open), C(refused), C(timeout), C(unreachable) (a filter that rejects says so, too), C(no_route) (this host
      cannot send there) or C(unresolved).
  returned: success
  type: list
  elements: dict
  sample: [{address: 192.0.2.11, port: 80, word: open, message: ""}]
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.firewall import connect as reach_connect


def main() -> None:
    """Connects to all targets."""
    module = Utf8Module(argument_spec=reach_connect.SPEC, supports_check_mode=True)
    wrong = [target["port"] for target in module.params["targets"] if not 1 <= target["port"] <= 65535]
    if wrong or module.params["timeout"] < 1:
        module.fail_json(
            msg=(
                f"found the ports {wrong} and the timeout {module.params['timeout']}; expected ports from 1 to 65535, "
                "and 1 s or more"
            )
        )
    module.exit_json(changed=False, results=reach_connect.connect_all(Host(), module.params))


if __name__ == "__main__":
    main()
