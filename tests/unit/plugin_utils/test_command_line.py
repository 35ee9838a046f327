# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to type repeats what was given on the command line, and not what Ansible's settings give the next command too."""

from __future__ import annotations

import pytest
from ansible import constants, context
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.xitrum.host.plugins.plugin_utils import command_line


@pytest.mark.parametrize(("setting", "given", "connection"), [("deploy", "deploy", ""), ("deploy", "carol", "--user=carol"), (None, "carol", "--user=carol")])
def test_a_user_of_the_settings_is_not_repeated(monkeypatch, setting, given, connection):
    monkeypatch.setattr(constants, "DEFAULT_REMOTE_USER", setting)
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({"remote_user": given, "extra_vars": ()}))
    assert command_line.format_given_options()["connection"] == connection
