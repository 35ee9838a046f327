# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding says to type, made a whole line for the controller's terminal. Pure.

A row's mend is one of: a run of a playbook (C(plan.RUN), C(plan.LOOK)), a question whether the host answers (C(plan.PING)),
a command of the managed host, C(proxy_server) with its options, or a variable to set.
"""

from __future__ import annotations

import os
import re
import shlex

from ansible_collections.xitrum.host.plugins.module_utils.plan import LOOK, PING, RUN

#: Programs of a managed host: a mend that begins with one of them runs there.
ON_HOST = ("apt-get", "dnf", "echo", "firewall-cmd", "ip6tables", "iptables", "kill", "ln", "nft", "printf", "python3", "sed", "su", "sysctl", "systemctl")
COMMAND = re.compile(rf"\(((?:{'|'.join(ON_HOST)}) [^()]+)\)")


def inventory_options(sources, folder):
    """The C(-i) options for inventory sources (paths, or lists such as C(a,b,)), paths as somebody types them in C(folder)."""
    return " ".join(f"-i {shlex.quote(near(source, folder))}" for source in sources)


def near(path, folder):
    """A path from C(folder) where it is below it, else as it is."""
    return os.path.relpath(path, folder) if folder and path.startswith(folder.rstrip("/") + "/") else path


def of_problem(sentence):
    """The command that a problem's sentence has in parentheses. Without one it asks for a decision, which it names, and a run follows."""
    found = COMMAND.search(sentence)
    return found.group(1) if found else RUN


def typed(mend, host, inventory):
    """A mend as a line to type. C(inventory) is what L(inventory_options) gave."""
    options = f" {inventory}" if inventory else ""
    if mend == RUN:
        return f"{RUN.replace(' ', options + ' ', 1)} --limit {host}"
    if mend == PING:
        return f"ansible {host}{options} -m ansible.builtin.ping"
    if mend == LOOK:
        return LOOK.replace(" ", options + " ", 1)
    program, _space, arguments = mend.partition(" ")
    if program == "proxy_server":
        return f"ansible {host}{options} -b -m xitrum.host.proxy_server -a '{arguments}'"
    if program not in ON_HOST:
        return mend
    # Double quotes where the shell leaves their content alone: mends often have single ones.
    words = shlex.quote(mend) if any(mark in mend for mark in '"$`\\!') else f'"{mend}"'
    return f"ansible {host}{options} -b -m ansible.builtin.shell -a {words}"
