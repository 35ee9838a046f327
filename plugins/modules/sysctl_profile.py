#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_profile
short_description: Set a whole profile of kernel parameters, live and at boot
version_added: 0.1.0
description:
  - Sets all parameters of O(profile) in one round trip, in the running kernel (by writing to C(/proc/sys)) and in one
    file of its own that is read at boot.
  - A parameter that this kernel or container does not have, or that cannot be set there, is reported and stops nothing.
  - A policy reports for each parameter whether a live value that is already as good stays.
  - The file never lowers at boot what would hold without it. A parameter whose policy is not V(exact) is written to the
    file only where it is better than the kernel's own value (the live one from before the first change) and than what
    other files set, and then as the better of both. A later change of the kernel's own value (another kernel, more
    memory) is seen after O(state=absent), a reboot and a new run.
  - A file that is read after ours at boot and sets a worse value is named in RV(rows), with its line. It is not edited.
  - Files of others are read as systemd-sysctl(8), sysctl(8) and the kernel read them, with numbers of base 8, 10 and
    16, and with what stands behind a value ignored. A line that they skip, or a value that the kernel refuses, is in
    RV(rows) with the file, its number and its text. A live value that cannot be compared with the profile's stays.
  - The values from before the first change are kept in C(/var/lib/xitrum.host/kernel.json). A parameter that leaves the
    profile, or O(state=absent), sets them back, unless somebody changed the live value since.
author: The xitrum.host maintainers (@xitrum-host)
options:
  profile:
    description:
      - The parameters, by name, with dots or slashes as in sysctl.d(5).
      - "A value is a number, text, a list of numbers, or a dictionary with these keys:
        C(value); C(policy), default V(exact); C(source), a few words for whoever asks where the value is from."
      - "Policies: V(exact), this value. V(at_least) and V(at_most), element by element. V(range), for two numbers,
        the lower end at most and the upper end at least. V(union), for lists of ports: what was listed stays. V(leave),
        reported and not set."
      - C(net.ipv4.tcp_tw_recycle) is reported as removed on Linux 4.12 and later.
    type: dict
    default: {}
  state:
    description:
      - V(present) makes the profile hold.
      - V(absent) sets the recorded values back and removes the files. O(profile) is not read then.
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - Whether the profile is to hold after a reboot too. With V(false) only the running kernel is changed, no file is
        touched and no parameter of an earlier profile is given back.
    type: bool
    default: true
  path:
    description:
      - The file, in C(/etc/sysctl.d). It holds nothing else, and a file there with lines that this module does not
        manage is refused.
      - The files are read at boot in the order of their names, C(/etc/sysctl.conf) as C(99-sysctl.conf) on Debian.
    type: path
    default: /etc/sysctl.d/90-xitrum.conf
  modules:
    description:
      - Kernel modules to load first, now and at boot (by a file of the same name in C(/etc/modules-load.d)), for
        parameters that exist only with their module, like V(nf_conntrack).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Set a longer queue of connections, and reuse ports sooner
  xitrum.host.sysctl_profile:
    profile:
      net.core.somaxconn: {value: 1024, policy: at_least}
      net.ipv4.tcp_rmem: {value: [4096, 87380, 16777216], policy: at_least}
      net.ipv4.tcp_fin_timeout: {value: 10, policy: at_most}
      net.ipv4.ip_local_port_range: {value: 1024 65535, policy: range}
      net.ipv4.ip_local_reserved_ports: {value: "4430,8000", policy: union}

- name: Set a larger backlog until the next reboot
  xitrum.host.sysctl_profile:
    profile: {net.core.somaxconn: 8192}
    persist: false
    path: /etc/sysctl.d/91-trial.conf

- name: Restore the parameters from before the first run
  xitrum.host.sysctl_profile:
    state: absent
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. One row for each parameter or kernel module, as it was before the run. C(configured) is
  the value that applies at boot, and the file that sets it.", returned: always, type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: always,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it. They are about the options or the host. If there
  are any, the module fails.", returned: always, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: always, type: dict}
# End of shared values
parameters:
  description: What became of each parameter, by its name with dots.
  returned: success
  type: dict
  contains:
    outcome:
      description:
        - V(applied) (in check mode, would be), V(already), V(absent), V(read_only), V(removed) (this kernel lost it),
          V(left) (policy V(leave)), V(not_readable) (it cannot be read or compared), V(restored), or V(kept)
          (changed by somebody since).
      type: str
    before:
      description: The live value before.
      type: str
    after:
      description: The live value after.
      type: str
    at_boot:
      description: The value in O(path), or null where the file does not name it.
      type: str
    why:
      description: The reason in a sentence, where there is one to give.
      type: str
  sample: {net.core.somaxconn: {outcome: applied, before: "128", after: "1024", at_boot: "1024", why: ""}}
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/sysctl.d/90-xitrum.conf
"""

from ..module_utils.core import runner
from ..module_utils.kernel import component as kernel


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(kernel)


if __name__ == "__main__":
    main()
