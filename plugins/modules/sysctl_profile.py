#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_profile
short_description: Manage kernel parameters as one profile, live and at boot
version_added: 0.1.0
description:
  - Sets all parameters of O(profile) in one round trip. Sets them in the running kernel (by writing to C(/proc/sys))
    and in its own file that is read at boot.
  - Reports a parameter that this kernel or container does not have or cannot set, and continues.
  - The policy of each parameter determines whether a live value that is at least as good is kept.
  - The file never lowers a value that would apply at boot without it. This does not apply to the policy V(exact). Any
    other parameter is written to the file only if it is better than the kernel's own value and than the values in other
    files. The kernel's own value is the live value before the first change. To detect a later change of the kernel's
    own value (another kernel, more memory), use O(state=absent), reboot, and run the module again.
  - If a file that is read later at boot sets a worse value, RV(rows) reports the file and the line. The module does not
    edit it.
  - The module reads other files as systemd-sysctl(8), sysctl(8) and the kernel do. It accepts numbers of base 8, 10 and
    16, and ignores any text after a value. RV(rows) reports each line that they skip, and each value that the kernel
    refuses, with the file, the line number and the text. A live value that cannot be compared with that of the profile
    is kept.
  - The values from before the first change are kept in C(/var/lib/xitrum.host/kernel.json). The module restores them
    when you remove a parameter from the profile, or with O(state=absent), unless the live value was changed since.
author: The xitrum.host maintainers (@xitrum-host)
options:
  profile:
    description:
      - The parameters, a dictionary of names to values. Names have dots or slashes as in sysctl.d(5).
      - "A value is a number, text, a list of numbers, or a dictionary with these keys: C(value); C(policy), default
        V(exact); C(source), a short note on where the value comes from."
      - "Policies: V(exact) sets this value. V(at_least) and V(at_most) compare element by element. V(range) is for two
        numbers, the lower end at most and the upper end at least. V(union) is for lists of ports, and keeps the ports
        that are already listed. V(leave) only reports the value."
      - C(net.ipv4.tcp_tw_recycle) is reported as removed on Linux 4.12 and later.
    type: dict
    default: {}
  state:
    description:
      - V(present) applies the profile.
      - V(absent) restores the recorded values and removes the files. It ignores O(profile).
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - Whether to apply the profile at boot too. With V(false), the module changes only the running kernel. It changes
        no file, and restores no parameter of an earlier profile.
    type: bool
    default: true
  path:
    description:
      - The path of the file, in C(/etc/sysctl.d). It contains nothing else. An existing file with lines that this
        module does not manage is an error.
      - At boot, the files are read in the order of their names. On Debian, C(/etc/sysctl.conf) counts as
        C(99-sysctl.conf).
    type: path
    default: /etc/sysctl.d/90-xitrum.conf
  modules:
    description:
      - Kernel modules to load first, now and at boot (with a file of the same name in C(/etc/modules-load.d)). Use it
        for parameters that exist only if their module is loaded, such as those of V(nf_conntrack).
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
  description: The outcome for each parameter, by its name with dots.
  returned: success
  type: dict
  contains:
    outcome:
      description:
        - V(applied) (in check mode, would be applied), V(already), V(absent), V(read_only), V(left) (policy V(leave))
          or V(restored). V(removed) - this kernel no longer has it. V(not_readable) - it cannot be read or compared.
          V(kept) - its live value was changed since.
      type: str
    before:
      description: The live value before the run.
      type: str
    after:
      description: The live value after the run.
      type: str
    at_boot:
      description: The value in O(path), or null if the file does not contain it.
      type: str
    why:
      description: The reason in one sentence, if there is one.
      type: str
  sample: {net.core.somaxconn: {outcome: applied, before: "128", after: "1024", at_boot: "1024", why: ""}}
path:
  description: The path of the file.
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
