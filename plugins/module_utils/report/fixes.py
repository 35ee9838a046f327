# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding recommends, made a whole line for the controller's terminal. Pure.

The commands of a finding are commands of its host. Without them its fix is one of: a run of a playbook (`plan.RUN`,
`plan.CHECK`), a question whether the host answers (`plan.PING`),
`plan.SERVER` with its options, or words for a person.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from ..core.commands import format_connection_options, format_inventory_options
from ..core.plan import BASE, CHECK, PING, ROLLBACK, RUN, SERVER, format_shell_line

__all__ = ["format_command", "format_connection_options", "format_inventory_options", "keep_release"]

#: Components that `base.yml` fixes, which touches no release, and those that a rollback fixes, which brings the
#: release that it is given.
BASE_COMPONENTS = ("jdk", "alternatives", "kernel", "nofile")
ROLLBACK_COMPONENTS = ("instance", "service", "redirects", "files")


def keep_release(item: dict[str, Any], release: str) -> str:
    """The fix of a finding for a host that runs `release` instead of the inventory's (empty: it does not): one
    that does not bring the inventory's."""
    if not release or item["fix"] != RUN:
        return item["fix"]
    if (item["component"], item["item"]) == ("release", "release"):
        return f"xitrum_package: the package of release {release}, which the host is to keep"
    if item["component"] in BASE_COMPONENTS:
        return BASE
    # An instance too many is removed by site.yml alone.
    if item["component"] in ROLLBACK_COMPONENTS and item["desired"] != "absent":
        return f"{ROLLBACK} -e {shlex.quote(f'rollback_to={release}')}"
    return f"{RUN} -e {shlex.quote(f'xitrum_package=PACKAGE_OF_{release}')}"


#: The runs of playbooks that a fix begins with.
PLAYBOOKS = (RUN, CHECK, BASE, ROLLBACK)
#: What ansible(1) does not take as it is: a template, and an option of `ansible.builtin.shell` among the words.
_TEMPLATE = re.compile(r"\{[{%#]")
_OPTION = re.compile(
    r"(?:argv|chdir|cmd|creates|executable|expand_argument_vars|removes|stdin|stdin_add_newline|strip_empty_ends)="
)


def format_command(fix: str, host: str, inventory: str, variables: str = "", commands: Sequence[list[str]] = ()) -> str:
    """A fix as a command line. `inventory` are the options of how hosts are found and reached, `variables` the
    `-e` of playbooks. `commands` are those of the host that the fix shows: each is a list of words, and nothing that
    is not a word of one of them reaches a shell. Returns an empty text where they cannot be typed as they are."""
    options = f" {inventory}" if inventory else ""
    if commands:
        return format_ad_hoc(commands, host, options)
    if fix == PING:
        return f"ansible {shlex.quote(host)}{options} -m ansible.builtin.ping"
    if fix.startswith(PLAYBOOKS):
        program, playbook, *own = fix.split(" ", 2)
        limit = "" if fix == CHECK else f"--limit {shlex.quote(host)}"
        return " ".join(filter(None, (program, inventory, playbook, variables, *own, limit)))
    if fix.startswith(f"{SERVER} "):
        _module, _space, arguments = fix.partition(" ")
        return f"ansible {shlex.quote(host)}{options} -b -m xitrum.host.proxy_server -a {shlex.quote(arguments)}"
    return fix


def format_ad_hoc(commands: Sequence[list[str]], host: str, options: str) -> str:
    """Commands of a host as a line for the controller's terminal; an empty text where no line is what they are."""
    words = [word for command in commands for word in command]
    if any(not word.isprintable() or _TEMPLATE.search(word) or _OPTION.match(word) for word in words):
        return ""
    line = format_shell_line(commands)
    # Double quotes where the shell leaves their content alone: commands often have single ones.
    argument = shlex.quote(line) if any(mark in line for mark in '"$`\\!') else f'"{line}"'
    return f"ansible {shlex.quote(host)}{options} -b -m ansible.builtin.shell -a {argument}"
