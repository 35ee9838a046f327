# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's list, and the profile that is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.kernel import guide
from ansible_collections.xitrum.host.plugins.module_utils.kernel import values as kernel_values

ROLE = Path(__file__).parents[3] / "roles" / "tuning"
LIST = [parameter._asdict() for parameter in guide.GUIDE]
#: Without parameters that have another source.
OF_GUIDE = [entry for entry in LIST if entry["source"] == "the guide"]

#: The guide's, to the letter.
GUIDE = """
net.core.rmem_max = 16777216
net.core.wmem_max = 16777216
net.ipv4.tcp_rmem = 4096 87380 16777216
net.ipv4.tcp_wmem = 4096 65536 16777216
net.ipv4.tcp_mem = 50576 64768 98152
net.core.netdev_max_backlog = 2048
net.core.somaxconn = 1024
net.ipv4.tcp_max_syn_backlog = 2048
net.ipv4.tcp_syncookies = 1
net.ipv4.ip_local_port_range = 1024 65535
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_fin_timeout = 10
"""


def test_the_list_is_the_guides():
    assert "".join(f"{entry['key']} = {entry['value']}\n" for entry in OF_GUIDE) == GUIDE.lstrip()


def test_every_entry_is_valid_and_reports_what_it_is():
    entries, errors = kernel_values.build_entries(guide.build_profile(LIST, False, (), None))
    assert errors == []
    assert len(OF_GUIDE) == 13 and len(entries) == len(LIST)
    assert all(entry["unit"] and entry["source"] and entry["sentence"].endswith(".") for entry in LIST)


def test_to_the_letter_everything_is_exact_but_what_breaks_clients():
    policies = {key: entry["policy"] for key, entry in guide.build_profile(LIST, True, (), None).items()}
    assert policies.pop("net.ipv4.tcp_tw_recycle") == "leave"
    assert set(policies.values()) == {"exact"}


def test_the_page_has_every_parameter():
    page = (ROLE / "README.md").read_text()
    for entry in LIST:
        text = entry["sentence"] + ("" if entry in OF_GUIDE else f" Source: {entry['source']}.")
        assert f"| `{entry['key']}` | {entry['value']} | {entry['policy']} | {entry['unit']} | {text} |" in page


def test_the_last_that_names_a_parameter_counts():
    additions = [{"net.core.somaxconn": {"value": 2048, "policy": "at_least"}, "fs.nr_open": {"value": "", "policy": "at_least"}}, {"fs.file-max": 5}]
    profile = guide.build_profile(LIST, False, additions, {"net/ipv4/tcp_fin_timeout": 5, "net.ipv4.tcp_mem": None})
    assert profile["net.core.somaxconn"]["value"] == 2048
    assert profile["net.ipv4.tcp_fin_timeout"] == 5, "a name with slashes is the same parameter"
    assert profile["fs.file-max"] == 5
    assert "net.ipv4.tcp_mem" not in profile, "null takes a parameter out"
    assert "fs.nr_open" not in profile, "what has no value is not desired"


def test_the_error_reports_what_is_desired():
    with pytest.raises(ValueError, match="is made of a list of dictionaries"):
        guide.build_profile([{"name": "x"}], False, (), None)
