# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/reference/ that are generated as a whole, each with the function that returns its text."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from . import playbooks, plugins, rules, variables

GENERATED: dict[pathlib.Path, Callable[[], str]] = {
    variables.PAGE: variables.text,
    playbooks.PAGE: playbooks.text,
    rules.PAGE: rules.text,
    plugins.MODULES: plugins.modules,
    plugins.FILTERS: plugins.filters,
    plugins.ROLES: plugins.role_page,
}
