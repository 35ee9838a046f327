# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running command was given on its command line, for a command that a message says to type."""

from __future__ import annotations

import os

from ansible import context
from ansible_collections.xitrum.host.plugins.module_utils import commands


def given_options(sources=None):
    """The options of the running command that a command to type repeats. C(sources) are inventories, where they are
    not those of the command line."""
    arguments = dict(context.CLIARGS or {})
    if sources:
        arguments["inventory"] = list(sources)
    return commands.read_options(arguments, os.getcwd())
