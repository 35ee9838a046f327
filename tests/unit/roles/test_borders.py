# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private variables of a role stay in it, and nested data is computed in Python and not by programs in Jinja."""

from __future__ import annotations

import re

from tests.docs.role_variables import ROOT

ROLES = ROOT / "roles"

#: Private variables of the role `supervisor` to those that set or read them elsewhere: the role's task files take what a step
#: and a removal are about by these names. None may join this list.
SHARED = {
    "__supervisor_application": {"removal"},
    "__supervisor_instances": {"playbooks", "removal"},
    "__supervisor_proxies": {"playbooks", "removal"},
    "__supervisor_proxy_asks": {"playbooks"},
    "__supervisor_proxy_state": {"playbooks"},
    "__supervisor_proxy_timeout": {"playbooks"},
    "__supervisor_recovery": {"playbooks"},
    "__supervisor_servers": {"playbooks"},
    "__supervisor_step": {"playbooks"},
    "__supervisor_stopped": {"playbooks"},
    "__supervisor_verb": {"removal"},
}
#: Those of the role `removal`, which its playbook has set before the role runs.
SHARED_BY_REMOVAL = {"__removal_proxies": {"playbooks"}, "__removal_servers": {"playbooks"}}

#: A loop or an assignment of Jinja in YAML.
PROGRAM = re.compile(r"\{%-?\s*(?:set|for)\b")


def texts():
    """The YAML files and templates of roles and playbooks: owner, path and text."""
    for folder, owner in [(path, path.name) for path in sorted(ROLES.iterdir()) if path.is_dir()] + [(ROOT / "playbooks", "playbooks")]:
        for path in sorted((*folder.rglob("*.yml"), *folder.rglob("*.j2"))):
            yield owner, path, path.read_text(encoding="utf-8")


def test_private_variables_cross_no_border_but_those_that_are_listed():
    roles = sorted((path.name for path in ROLES.iterdir() if path.is_dir()), key=len, reverse=True)
    private = re.compile(rf"\b__({'|'.join(roles)})_[a-z0-9_]+\b")
    found = {}
    for owner, _path, text in texts():
        for match in private.finditer(text):
            if match[1] != owner:
                found.setdefault(match[0], set()).add(owner)
    assert len(roles) > 15
    known = {**SHARED, **SHARED_BY_REMOVAL}
    assert found == known


def test_a_program_in_jinja_is_found():
    assert PROGRAM.search("{%- set all = [] -%}") and PROGRAM.search("{% for host in hosts %}") and not PROGRAM.search("{% if a %}")


def test_no_role_or_playbook_has_a_program_in_jinja():
    found = {
        str(path.relative_to(ROOT)) for _owner, path, text in texts() if path.suffix == ".yml" and "meta" not in path.parts and PROGRAM.search(text)
    }
    assert found == set()
