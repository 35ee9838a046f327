# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in a sentence."""

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.name_lists import format_names


@pytest.mark.parametrize(("names", "text"), [
    ([], ""),
    (["app1"], "app1"),
    (["app1", "app2"], "app1, app2"),
    (("app1", "app2", "app3"), "app1, app2 and 1 more"),
    ([f"app{number}" for number in range(1, 100)], "app1, app2 and 97 more"),
])
def test_a_long_list_is_cut_and_counted(names, text):
    assert format_names(names, 2) == text
