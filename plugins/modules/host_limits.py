#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_limits
short_description: Set the kernel parameters and the limit of open files of a host in one round trip
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Does what M(xitrum.host.sysctl_profile) does, and then what M(xitrum.host.nofile_limit) does, in that order - nobody may have more files open
    than C(fs.nr_open), which the first may raise.
  - What stands in the way of the first stops both. Where something stands in the way of the second, the first is done.
options:
  kernel:
    description: The options of M(xitrum.host.sysctl_profile). Without it the kernel is left alone.
    type: dict
  nofile:
    description: The options of M(xitrum.host.nofile_limit). Without it the limit is left alone.
    type: dict
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: The host can hold many connections
  xitrum.host.host_limits:
    kernel:
      profile:
        net.core.somaxconn: {value: 1024, policy: at_least}
    nofile:
      nofile: 1024000
"""

RETURN = r"""
kernel:
  description: What M(xitrum.host.sysctl_profile) returns.
  returned: where O(kernel) is given
  type: dict
nofile:
  description: What M(xitrum.host.nofile_limit) returns.
  returned: where O(nofile) is given, and nothing stood in the way of O(kernel)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.xitrum.host.plugins.module_utils import bodies, concerns, kernel, limits

PARTS = {"kernel": (kernel, "Kernel parameters"), "nofile": (limits, "Limits")}


def main():
    """Reads, plans and writes one after the other: what the first has changed counts for the second."""
    module = AnsibleModule(argument_spec={name: {"type": "dict"} for name in PARTS}, supports_check_mode=True)
    wanted, _secrets, wrong = concerns.checked({**dict.fromkeys(concerns.SPECS), **module.params})
    if wrong:
        module.fail_json(msg=" ".join(wrong))
    bodies.change_each(module, {name: (concern, wanted[name], subject) for name, (concern, subject) in PARTS.items() if wanted[name] is not None})


if __name__ == "__main__":
    main()
