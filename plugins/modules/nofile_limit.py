#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nofile_limit
short_description: Set how many files a login may have open, never more than the host can grant
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes soft and hard C(nofile) lines for whole groups of users into one limits.d file of its own.
  - Finds out first what the host can grant, and writes no more than that. Above C(fs.nr_open), now or after a reboot,
    PAM refuses the login, and C(su) and C(sudo) are locked out. Where root may not raise a hard limit (a container
    without CAP_SYS_RESOURCE) the line would silently do nothing. RV(granted) and RV(why) say what was possible.
  - Files are read as pam_limits(8) reads them, whatever the case of a word. A line that it skips, or of which it reads
    a part only, is in RV(rows) with the file, its number and its text. A better line of another file that comes later
    is no drift.
  - Lines of other files that win over these are named in RV(rows), with their number. They are not edited.
  - Services of systemd do not go through PAM. Their limit is C(LimitNOFILE=) of the unit.
options:
  nofile:
    description: The number of open files.
    type: int
    default: 1024000
  domains:
    description:
      - Whom the limit is for, as in limits.conf(5).
      - V(*) does not cover root, so root has lines of its own.
    type: list
    elements: str
    default: ["*", root]
  policy:
    description:
      - With V(at_least) a larger value stays, as far as the host can grant it - what another file sets for the same
        domain, or what the daemon that lets a user in has, and so every login without a line.
      - With V(exact) it is set to O(nofile).
    type: str
    choices: [at_least, exact]
    default: at_least
  logins:
    description:
      - Users for whom to look at what a new login really gets, through C(su) and so through PAM. Only root can look.
      - Each costs a process and a line in the log of logins, so none by default.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) makes the file hold the limit.
      - V(absent) removes the file.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file, in C(/etc/security/limits.d). It holds nothing else, and a file there with lines of somebody else is
        refused.
      - Of two files that name the same domain the one whose name comes later wins.
    type: path
    default: /etc/security/limits.d/90-xitrum.conf
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: A login may have as many files open as the guide says, or as many as this host can grant
  xitrum.host.nofile_limit:
    nofile: 1024000
    logins: [root, xitrum]
  register: nofile

- name: What was possible
  ansible.builtin.debug:
    msg: "{{ nofile.granted }} of {{ nofile.wanted }} {{ nofile.why }}"

- name: Logins have the limits of the distribution again
  xitrum.host.nofile_limit:
    state: absent
"""

RETURN = r"""
wanted:
  description: The number of open files that was asked for.
  returned: when O(state) is V(present)
  type: int
  sample: 1024000
granted:
  description: The number that this host can grant.
  returned: when O(state) is V(present)
  type: int
  sample: 20000
why:
  description: Why RV(granted) is less than RV(wanted), or an empty string.
  returned: when O(state) is V(present)
  type: str
  sample: "root cannot raise the hard limit of 20000 here (no CAP_SYS_RESOURCE: a container)"
rows:
  description: One row a domain and login, with C(wanted), C(configured) (the files), C(effective) (a new login), as
    found before the run, and C(status), C(why) and C(mend). Further rows for whatever stands in the way.
  returned: always
  type: list
  elements: dict
problems:
  description: What is wrong with the options, or with the host, in sentences. The module fails where there are any.
  returned: always
  type: list
  elements: str
"""

from ..module_utils.core import runner
from ..module_utils.limits import nofile


def main() -> None:
    """Reads, plans and applies the component."""
    runner.run(nofile)


if __name__ == "__main__":
    main()
