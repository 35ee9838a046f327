# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report what breaks a rule of our own, and fail where something does.

The rules are on commands of root, names of tasks and functions, phrases, and ends of error messages.
"""

from __future__ import annotations

import sys

from tests.docs.role_variables import ROOT
from tests.lint import error_ends, function_names, phrases, root_commands, task_names

RULES = (root_commands, task_names, function_names, phrases, error_ends)

found = [error for rule in RULES for error in rule.find_all(ROOT)]
print("\n".join(found))
sys.exit(1 if found else 0)
