# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that are generated, as a whole or between markers, each with the function that returns its text."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable

from . import playbooks, plugins, returns, role_variables, rules, schemas, variables

GENERATED: dict[pathlib.Path, Callable[[], str]] = {
    # The page of modules has what these document.
    **{path: functools.partial(returns.render_module, path) for path in returns.MODULES},
    variables.PAGE: variables.render_page,
    playbooks.PAGE: playbooks.render_page,
    rules.PAGE: rules.render_page,
    **schemas.PAGES,
    plugins.MODULES: plugins.render_modules,
    plugins.FILTERS: plugins.render_filters,
    plugins.ROLES: plugins.render_roles,
    **{role / "README.md": functools.partial(role_variables.render_page, role) for role in role_variables.list_roles()},
}
