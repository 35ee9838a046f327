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
#: The Python that Ansible uses on the host may be anywhere.
PYTHON = re.compile(r"/[^ ]*/python[0-9.]*")
COMMAND = re.compile(rf"\(((?:{'|'.join(ON_HOST)}) [^()]+)\)")

#: Options that say how a run reaches its hosts and becomes root there: the name in Ansible's CLIARGS, and the option. A run by a line to type has to
#: be given them again. A password that was typed is asked for again.
CONNECTION_OPTIONS = (
    ("remote_user", "--user"), ("private_key_file", "--private-key"), ("connection", "--connection"), ("ssh_common_args", "--ssh-common-args"),
    ("ssh_extra_args", "--ssh-extra-args"), ("ask_pass", "--ask-pass"), ("connection_password_file", "--connection-password-file"),
    ("become_ask_pass", "--ask-become-pass"), ("become_password_file", "--become-password-file"), ("become_user", "--become-user"),
    ("become_method", "--become-method"), ("ask_vault_pass", "--ask-vault-pass"), ("vault_ids", "--vault-id"),
    ("vault_password_files", "--vault-password-file"))
#: What ansible-playbook takes for granted: not worth a word.
USUAL = {"connection": ("ssh", "smart"), "become_method": ("sudo",), "become_user": ("root",)}


def connection_options(arguments):
    """The options of the command line, Ansible's C(CLIARGS), with which this run reaches its hosts, as somebody types them."""
    words = []
    for name, option in CONNECTION_OPTIONS:
        value = arguments.get(name)
        if value is True:
            words.append(option)
        elif value and value not in USUAL.get(name, ()):
            words += [f"{option}={shlex.quote(str(item))}" for item in (value if isinstance(value, (list, tuple)) else [value])]
    return " ".join(words)


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
    if program not in ON_HOST and not PYTHON.fullmatch(program):
        return mend
    # Double quotes where the shell leaves their content alone: mends often have single ones.
    words = shlex.quote(mend) if any(mark in mend for mark in '"$`\\!') else f'"{mend}"'
    return f"ansible {host}{options} -b -m ansible.builtin.shell -a {words}"
