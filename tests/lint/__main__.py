# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports commands that root runs on paths below folders of the application, and fails where there is one."""

from __future__ import annotations

import sys

from tests.docs.role_variables import ROOT
from tests.lint.root_commands import find_all

found = find_all(ROOT)
print("\n".join(found))
sys.exit(1 if found else 0)
