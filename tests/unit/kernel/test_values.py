# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the policies, and of the parser of sysctl.d files."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.kernel import files as kernel_files
from ansible_collections.xitrum.host.plugins.module_utils.kernel import values as kernel_values
from hypothesis import given
from hypothesis import strategies as st

NUMBER = st.integers(0, 2 ** 40)
PORT = st.integers(1, 65535)
RANGES = st.lists(st.tuples(PORT, PORT).map(sorted).map(tuple), max_size=8)
TRIPLES = st.lists(NUMBER, min_size=3, max_size=3).map(sorted)


def words(numbers):
    """Numbers as the kernel prints them."""
    return "\t".join(map(str, numbers))


def ports(ranges):
    """The set of ports that ranges hold."""
    return {port for low, high in ranges for port in range(low, high + 1)}


@given(st.sampled_from(["at_least", "at_most"]), TRIPLES, TRIPLES)
def test_element_by_element(policy, live, desired):
    merged = [int(word) for word in kernel_values.merge(policy, words(live), words(desired)).split()]
    best = max if policy == "at_least" else min
    assert merged == [best(pair) for pair in zip(live, desired, strict=True)]
    assert merged == sorted(merged), "a triple that rises stays one that rises"


@given(st.sampled_from(["exact", "at_least", "at_most"]), TRIPLES, TRIPLES)
def test_merging_twice_is_merging_once(policy, live, desired):
    once = kernel_values.merge(policy, words(live), words(desired))
    assert kernel_values.merge(policy, once, words(desired)) == once


@given(st.tuples(PORT, PORT), st.tuples(PORT, PORT))
def test_a_range_is_never_narrower(live, desired):
    merged = [int(word) for word in kernel_values.merge("range", words(live), words(desired)).split()]
    assert merged[0] <= min(live[0], desired[0])
    assert merged[1] >= max(live[1], desired[1])


@given(RANGES, RANGES)
def test_reserved_ports_are_the_union(live, desired):
    merged = kernel_values.merge("union", kernel_values.format_ports(live), kernel_values.format_ports(desired))
    found = [tuple(map(int, (part.split("-") * 2)[:2])) for part in merged.split(",") if part]
    assert ports(found) == ports(live) | ports(desired)
    assert kernel_values.merge("union", merged, kernel_values.format_ports(desired)) == merged


@given(RANGES)
def test_a_list_of_ports_is_printed_as_the_kernel_does(ranges):
    text = kernel_values.format_ports(ranges)
    found = [tuple(map(int, (part.split("-") * 2)[:2])) for part in text.split(",") if part]
    assert all(after[0] > before[1] + 1 for before, after in zip(found, found[1:], strict=False)), "sorted, and neighbours are joined"
    assert kernel_values.means_same("net.ipv4.ip_local_reserved_ports", text, ",".join(reversed(text.split(","))))


NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True), min_size=2, max_size=5)


@given(NAMES)
def test_both_spellings_of_a_name_are_one_parameter(names):
    assert kernel_values.get_path(".".join(names)) == kernel_values.get_path("/".join(names)) == "/".join(names)
    assert kernel_values.get_key("/".join(names)) == ".".join(names)


def test_an_interface_with_a_dot_in_its_name():
    assert kernel_values.get_path("net.ipv4.conf.eth0/100.rp_filter") == "net/ipv4/conf/eth0.100/rp_filter"
    assert kernel_values.get_path("net/ipv4/conf/eth0.100/rp_filter") == "net/ipv4/conf/eth0.100/rp_filter"
    assert kernel_values.get_key("net/ipv4/conf/eth0.100/rp_filter") == "net.ipv4.conf.eth0/100.rp_filter"


@given(st.lists(st.tuples(NAMES, st.sampled_from([".", "/"]), st.sampled_from(["", "-"]), NUMBER, st.sampled_from(["=", " = ", "\t=  "]))))
def test_every_assignment_is_found_in_order(lines):
    text = "".join(f"# a comment\n\n; another\n {dash}{separator.join(names)}{equals}{value} \n" for names, separator, dash, value, equals in lines)
    found = kernel_files.parse("/etc/sysctl.d/x.conf", text)
    assert [(setting.key, setting.value) for setting in found] == [(".".join(names), str(value)) for names, _separator, _dash, value, _equals in lines]
    assert [setting.number for setting in found] == [4 * index for index in range(1, len(lines) + 1)]


@given(st.text())
def test_no_text_breaks_the_parser(text):
    assert all(setting.file == "f" and setting.key for setting in kernel_files.parse("f", text))


def test_patterns_and_exclusions_do_not_name_a_parameter():
    text = "net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.hub0.rp_filter\nnet.ipv4.conf.eth?.rp_filter = 1\n"
    assert kernel_files.parse("f", text) == []


def test_names_are_sorted_over_all_folders_and_the_first_folder_masks():
    listing = {
        "/etc/sysctl.d": ["99-sysctl.conf", "50-a.conf", "README.sysctl"],
        "/run/sysctl.d": ["60-run.conf"],
        "/usr/lib/sysctl.d": ["50-a.conf", "10-vendor.conf", ".hidden.conf"],
    }
    assert kernel_files.sort_boot_files(listing) == [
        "/usr/lib/sysctl.d/10-vendor.conf", "/etc/sysctl.d/50-a.conf", "/run/sysctl.d/60-run.conf", "/etc/sysctl.d/99-sysctl.conf"]


@pytest.mark.parametrize(("release", "found"), [("6.1.0-26-amd64", (6, 1)), ("4.18.0-553.el8_10.x86_64", (4, 18)), ("", (0, 0))])
def test_the_version_of_a_kernel(release, found):
    assert kernel_values.parse_version(release) == found
