# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding says to type, made a whole line for the controller's terminal. Pure.

A row's mend is one of: a run of a playbook (C(plan.RUN), C(plan.LOOK)), a question whether the host answers (C(plan.PING)),
a command of the managed host, C(proxy_server) with its options, or a variable to set.
"""

from __future__ import annotations

import re
import shlex

from ansible_collections.xitrum.host.plugins.module_utils.commands import connection_options, inventory_options
from ansible_collections.xitrum.host.plugins.module_utils.plan import BASE, LOOK, PING, ROLLBACK, RUN

__all__ = ["connection_options", "inventory_options", "keep_release", "of_problem", "typed"]

#: Programs of a managed host: a mend that begins with one of them runs there.
ON_HOST = ("apt-get", "dnf", "echo", "firewall-cmd", "ip6tables", "iptables", "kill", "ln", "nft", "printf", "python3", "sed", "su", "sysctl",
           "systemctl", "ufw")
#: The Python that Ansible uses on the host may be anywhere.
PYTHON = re.compile(r"/[^ ]*/python[0-9.]*")
COMMAND = re.compile(rf"\(((?:{'|'.join(ON_HOST)}) [^()]+)\)")


def of_problem(sentence):
    """The command that a problem's sentence has in parentheses. Without one it asks for a decision, which it names, and a run follows."""
    found = COMMAND.search(sentence)
    return found.group(1) if found else RUN


#: Concerns that C(base.yml) fixes, which touches no release, and those that a rollback fixes, which brings the release
#: that it is told.
BASE_CONCERNS = ("jdk", "alternatives", "kernel", "nofile")
ROLLBACK_CONCERNS = ("instance", "service", "redirects", "files")


def keep_release(item, release):
    """The mend of a finding for a host that runs C(release) instead of the inventory's (empty: it does not): one
    that does not bring the inventory's."""
    if not release or item["mend"] != RUN:
        return item["mend"]
    if (item["concern"], item["item"]) == ("release", "release"):
        return f"xitrum_package: the package of release {release}, which the host is to keep"
    if item["concern"] in BASE_CONCERNS:
        return BASE
    # An instance too many is removed by site.yml alone.
    if item["concern"] in ROLLBACK_CONCERNS and item["wanted"] != "absent":
        return f"{ROLLBACK} -e xitrum_rollback_to={release}"
    return f"{RUN} -e xitrum_package=PACKAGE_OF_{release}"


def typed(mend, host, inventory, variables=""):
    """A mend as a line to type. C(inventory) are the options of how hosts are found and reached, C(variables) the
    C(-e) of playbooks."""
    options = f" {inventory}" if inventory else ""
    if mend == PING:
        return f"ansible {host}{options} -m ansible.builtin.ping"
    program, _space, arguments = mend.partition(" ")
    if program == "ansible-playbook":
        playbook, _space, own = arguments.partition(" ")
        limit = "" if mend == LOOK else f"--limit {host}"
        return " ".join(filter(None, (program, inventory, playbook, variables, own, limit)))
    if program == "proxy_server":
        return f"ansible {host}{options} -b -m xitrum.host.proxy_server -a '{arguments}'"
    if program not in ON_HOST and not PYTHON.fullmatch(program):
        return mend
    # Double quotes where the shell leaves their content alone: mends often have single ones.
    words = shlex.quote(mend) if any(mark in mend for mark in '"$`\\!') else f'"{mend}"'
    return f"ansible {host}{options} -b -m ansible.builtin.shell -a {words}"
