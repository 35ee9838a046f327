#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: removal_info
short_description: Finds everything that this collection has on a host, in one round trip
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Goes by what is on the host, which are marks in files and the records of what was there before, and not by what
    variables say today.
  - Changes nothing. What it returns tells which modules have something to take back.
extends_documentation_fragment:
  - xitrum.host.removal
  - xitrum.host.batch.info
"""

EXAMPLES = r"""
- name: It is known what would be taken back
  xitrum.host.removal_info:
    packages: true
  register: found
"""

RETURN = r"""
lines:
  description: What would be taken back, one line a thing. Empty where the host has nothing of this collection.
  returned: success
  type: list
  elements: str
  sample: [instance 0 of myapp, "/etc/security/limits.d/90-xitrum.conf", user myapp]
problems:
  description: What stands in the way, as sentences.
  returned: success
  type: list
  elements: str
kept:
  description: Packages that stay although they were installed by this collection, with the reason.
  returned: success
  type: list
  elements: str
applications:
  description: The applications, with C(name), C(root), C(log_dir), the C(indices) of their instances and the
    C(definitions) of supervisors.
  returned: success
  type: list
  elements: dict
proxies:
  description: Whether M(xitrum.host.proxy_original) has something to put back.
  returned: success
  type: bool
redirects:
  description: Whether M(xitrum.host.port_redirect) has something to remove.
  returned: success
  type: bool
firewall:
  description: Whether ports that were opened in firewalld or ufw have to be closed again, by M(xitrum.host.host_base).
  returned: success
  type: bool
nofile:
  description: The files for M(xitrum.host.nofile_limit).
  returned: success
  type: list
  elements: str
kernel:
  description: The files for M(xitrum.host.sysctl_profile).
  returned: success
  type: list
  elements: str
alternatives:
  description: The homes for M(xitrum.host.alternatives_group), in the order in which they are to be given up.
  returned: success
  type: list
  elements: str
jdks:
  description: The names of JDKs for M(xitrum.host.jdk_archive).
  returned: success
  type: list
  elements: str
leftovers:
  description: Whether M(xitrum.host.host_leftovers) has something to remove.
  returned: success
  type: bool
"""

from ..module_utils.core.host import Host
from ..module_utils.core.quiet import Utf8Module
from ..module_utils.removal import component as removal
from ..module_utils.removal import leftovers


def main() -> None:
    """Reads, and says what it found."""
    module = Utf8Module(argument_spec=leftovers.SPEC, supports_check_mode=True)
    try:
        said = removal.summary(removal.read(Host(), module.params))
    except (OSError, RuntimeError, ValueError) as error:
        module.fail_json(msg=f"what is on the host could not be read: {error}")
    module.exit_json(changed=False, **said)


if __name__ == "__main__":
    main()
