# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/reference/rules.md from the table of rules, plugins/module_utils/preflight/catalog.py.

`python -m tests.docs` writes; tests/unit/preflight/test_catalog.py fails where the page is not current.
"""

from __future__ import annotations

import pathlib

from ansible_collections.xitrum.host.plugins.module_utils.preflight.catalog import RULES

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "rules.md"

HEAD = """# Rules

This page is generated from `plugins/module_utils/preflight/catalog.py` by `python -m tests.docs`. Do not edit it.

Every run validates its variables, the package and the hosts before it changes a host, and reports all errors at once. A role that you use
alone validates its variables. Each error comes from one rule of this table. The result of the task that fails lists the identifiers as
`rules`, or as `broken_rules` where a module reports its own errors. Identifiers stay when messages are reworded.

Other errors have no identifier:

- an option of a task that Ansible or the module itself refuses
- `--limit` or `-e xitrum_unavailable_proxies` with a wrong host, which ends a run before its first task
- an action that failed, such as an upload or a start

| rule | requirement that is not met | fix |
| --- | --- | --- |
"""


def render_page() -> str:
    """Return the page."""
    return HEAD + "".join(f"| `{rule.identifier}` | {rule.demands}. | {rule.fix}. |\n" for rule in RULES)
