# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running command was given on its command line, for a command that a message says to type."""

from __future__ import annotations

import os

from ansible import constants, context
from ansible_collections.xitrum.host.plugins.module_utils import commands

#: Options whose default is a setting of Ansible: its ansible.cfg and environment are there for the next command as well.
SETTINGS = {
    "remote_user": "DEFAULT_REMOTE_USER", "private_key_file": "DEFAULT_PRIVATE_KEY_FILE", "connection": "DEFAULT_TRANSPORT",
    "become_method": "DEFAULT_BECOME_METHOD", "become_user": "DEFAULT_BECOME_USER",
}


def given_options(sources=None):
    """The options of the running command that a command to type repeats. C(sources) are inventories, where they are
    not those of the command line."""
    arguments = {name: value for name, value in dict(context.CLIARGS or {}).items()
                 if name not in SETTINGS or value != getattr(constants, SETTINGS[name], None)}
    if sources:
        arguments["inventory"] = list(sources)
    return commands.read_options(arguments, os.getcwd())
