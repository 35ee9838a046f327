# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lines of a step depend on."""

from ansible_collections.xitrum.host.plugins.module_utils.preflight.catalog import BY_IDENTIFIER
from ansible_collections.xitrum.host.plugins.plugin_utils.step_lines import INPUT_RULES

#: Rules on a package, and on what is found on hosts, in what runs or in a source tree.
OTHERS = {"capacity", "deploy", "heroku", "host", "package", "proxy", "reach", "rollout", "tree"}


def test_each_rule_is_on_what_a_user_gives_or_on_what_is_found():
    assert INPUT_RULES | OTHERS == {name.partition(".")[0] for name in BY_IDENTIFIER}
    assert not INPUT_RULES & OTHERS
