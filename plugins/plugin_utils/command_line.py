# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running command was given on its command line: for a command that a message recommends, and what is
refused.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Iterable, Mapping
from typing import Any

from ansible import constants, context
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

from ..module_utils.core import commands

#: Options whose default is a setting of Ansible:
#: its ansible.cfg and environment are there for the next command as well.
SETTINGS = {
    "remote_user": "DEFAULT_REMOTE_USER",
    "private_key_file": "DEFAULT_PRIVATE_KEY_FILE",
    "connection": "DEFAULT_TRANSPORT",
    "become_method": "DEFAULT_BECOME_METHOD",
    "become_user": "DEFAULT_BECOME_USER",
}


def format_given_options(
    sources: Iterable[str] | None = None, left_out: Container[str] = commands.OF_ONE_RUN
) -> dict[str, str]:
    """The options of the running command that a command to type repeats, without the variables `left_out`. `sources`
    are inventories, where they are not those of the command line."""
    arguments = {name: value for name, value in dict(context.CLIARGS or {}).items()
                 if name not in SETTINGS or value != getattr(constants, SETTINGS[name], None)}
    if sources:
        arguments["inventory"] = list(sources)
    return commands.read_options(arguments, os.getcwd(), left_out)


def list_variables() -> list[str]:
    """The names of the variables of `-e`, also of those in files."""
    # Files are found from the folder in which the command was typed, as by a loader without a playbook.
    return list(load_extra_vars(DataLoader()))


def format_playbook_name() -> str:
    """The name of the playbook that runs, without its folder, its collection and its ending; several are joined."""
    names = [os.path.basename(str(path)) for path in dict(context.CLIARGS or {}).get("args") or ()]
    return ",".join(
        os.path.splitext(name)[0] if name.endswith((".yml", ".yaml")) else name.rpartition(".")[2] for name in names
    )


#: Options with which Ansible leaves tasks out: the option to what it would do.
LEAVE_OUT = {
    "start_at_task": ("--start-at-task", "leaves out all tasks before that one, also those that lock the hosts"),
    "step": ("--step", "leaves out the tasks that are answered with no, and holds the hosts' lock while it asks"),
}


def find_error() -> str:
    """The message for a run with an option that leaves tasks out; an empty text where there is none.

    A run reads the hosts before it changes them, and so needs no option to begin where an earlier one ended.
    """
    arguments: Mapping[str, Any] = context.CLIARGS or {}
    given = [text for name, text in LEAVE_OUT.items() if arguments.get(name)]
    if not given:
        return ""
    found = " and ".join(f"{option}, which {what}" for option, what in given)
    options = " and ".join(option for option, _what in given)
    return (f"Found {found}. Expected is a run of the whole playbook: it reads where an earlier one ended, and does "
            f"what is left. Nothing was done. Run it again without {options}. "
            "To see first what it would do, add --check --diff")


def format_same_command() -> str:
    """Return the line to type that runs the same playbook again, without what is secret and with what limits it."""
    arguments: Mapping[str, Any] = context.CLIARGS or {}
    options = format_given_options(left_out=commands.OF_FIRST_RUN)
    words = ["--check"] if arguments.get("check") else []
    words += ["--diff"] if arguments.get("diff") and not constants.DIFF_ALWAYS else []
    for name, option, usual in (("tags", "--tags", ["all"]), ("skip_tags", "--skip-tags", [])):
        given = list(arguments.get(name) or usual)
        words += [option, ",".join(given)] if given != usual else []
    words += ["--limit", options["limit"]] if options["limit"] else []
    playbooks = shlex.join(commands.shorten_path(str(path), os.getcwd()) for path in arguments.get("args") or ())
    parts = ("ansible-playbook", options["connection"], playbooks, options["variables"], shlex.join(words))
    return " ".join(filter(None, parts))
