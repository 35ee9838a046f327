# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelt variables are found, and right ones are left alone."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import variables
from ansible_collections.xitrum.host.plugins.module_utils.preflight.catalog import Error
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import ROLES, find_prefix_errors, find_unknown, read_collection
from hypothesis import given
from hypothesis import strategies as st

KNOWN = ["xitrum_package", "xitrum_heap", "haproxy_maxconn"]
PREFIXES = ["haproxy_", "jdk_"]


@pytest.mark.parametrize("name, near", [("xitrum_pakage", "xitrum_package"), ("xitrum_Heap", "xitrum_heap"), ("xitrum_heaps", "xitrum_heap")])
def test_a_misspelt_own_variable_is_an_error_with_the_nearest_name(name, near):
    found = variables.find_unknown([name, "xitrum_heap", "ansible_host"], KNOWN, PREFIXES)
    assert found == {"errors": [f"the variable {name} is set, and no role knows it: did you mean {near}?"], "warnings": []}


def test_a_name_that_is_near_to_none():
    assert variables.find_unknown(["xitrum_zzzzzzzzzzzzzzzzzz"], KNOWN, PREFIXES)["errors"] == [
        "the variable xitrum_zzzzzzzzzzzzzzzzzz is set, and no role knows it: correct or remove it"]


def test_a_role_prefix_is_a_warning_since_others_use_it_too():
    found = variables.find_unknown(["haproxy_maxcon", "jdk_url", "nginx_port"], KNOWN, PREFIXES)
    assert found["errors"] == []
    assert [sentence.split()[2] for sentence in found["warnings"]] == ["haproxy_maxcon", "jdk_url"]
    assert "did you mean haproxy_maxconn?" in found["warnings"][0]


def test_a_misspelt_name_with_the_prefix_of_the_playbook_is_an_error():
    found = variables.find_unknown(["haproxy_maxcon", "haproxy_stats_socket_of_mine", "jdk_url", "haproxy_maxconn"], KNOWN, PREFIXES, ["haproxy_"])
    assert found["errors"] == ["the variable haproxy_maxcon is set, and no role knows it: did you mean haproxy_maxconn?"]
    assert [sentence.split()[2] for sentence in found["warnings"]] == ["haproxy_stats_socket_of_mine", "jdk_url"]


@pytest.mark.parametrize("name, near", [("heroku_main_clas", "heroku_main_class"), ("openshift_imag", "openshift_image"),
                                        ("load_test_conections", "load_test_connections"), ("console_instnace", "console_instance"),
                                        ("check_becom", "check_become"), ("remove_host_cuont", "remove_host_count"), ("rollback_too", "rollback_to")])
def test_each_playbook_refuses_misspelt_names_of_its_own(name, near):
    own = [prefix for prefix in ("heroku_", "openshift_", "load_test_", "console_", "check_", "remove_", "rollback_") if name.startswith(prefix)]
    assert find_unknown([name], own=own) == {"errors": [f"the variable {name} is set, and no role knows it: did you mean {near}?"], "warnings": []}
    assert find_unknown([near, f"{own[0]}zzzzzzzz"], own=own)["errors"] == []


@pytest.mark.parametrize("name", ["check_become", "rollback_to", "console_command", "remove_keep_data"])
def test_the_prefix_of_the_inventory_is_refused_before_a_variable_of_a_playbook(name):
    assert find_unknown([f"xitrum_{name}"])["errors"] == [f"the variable xitrum_{name} is set, and no role knows it: did you mean {name}?"]


@pytest.mark.parametrize("name", ["__xitrum_private", "ansible_user", "my_xitrum_thing", "xitrum"])
def test_other_names_are_passed_over(name):
    assert variables.find_unknown([name], KNOWN, PREFIXES) == {"errors": [], "warnings": []}


@given(st.lists(st.sampled_from(KNOWN)))
def test_known_names_are_never_reported(names):
    assert variables.find_unknown(names, KNOWN, PREFIXES) == {"errors": [], "warnings": []}


@given(st.text("abcdefghij_", min_size=1))
def test_every_other_own_name_is_reported(rest):
    name = "xitrum_" + rest
    assert len(variables.find_unknown([name, name], KNOWN, PREFIXES)["errors"]) == (name not in KNOWN)


def test_all_entry_points_of_a_role_count():
    specs = {"argument_specs": {"main": {"options": {"a": {}, "b": None}}, "restart": {"options": {"c": {}}}, "empty": None, "none": {}}}
    assert variables.list_options(specs) == {"a": {}, "b": {}, "c": {}}
    assert variables.list_options(None) == {}


def test_the_collection_knows_its_own_variables():
    options, prefixes = read_collection()
    assert {"xitrum_package", "xitrum_secure_key", "rollback_to"} <= set(options)
    assert "jdk_" in prefixes
    assert "xitrum_" not in prefixes
    assert "packages_" not in prefixes
    assert "remove_" not in prefixes, "other people's variables begin with it"
    assert find_unknown(["xitrum_pakage"])["errors"] == ["the variable xitrum_pakage is set, and no role knows it: did you mean xitrum_package?"]


def test_the_roles_are_found_from_the_plugin_and_read_once(tmp_path):
    assert (ROLES / "xitrum" / "meta" / "argument_specs.yml").is_file()
    spec = tmp_path / "pump" / "meta" / "argument_specs.yml"
    spec.parent.mkdir(parents=True)
    spec.write_text("argument_specs: {main: {options: {pump_speed: {type: int}}}}")
    options, prefixes = read_collection(tmp_path)
    assert options["pump_speed"] == {"type": "int"}
    assert prefixes == ("pump_",)
    spec.unlink()
    assert read_collection(tmp_path) == (options, prefixes)


@pytest.mark.parametrize("value, option, message", [
    ("2", {"type": "int", "default": "the value of another", "required": True}, ""),
    (None, {"type": "int"}, "xitrum_x has no value: expected a whole number. Set one, or remove the variable"),
    ("abc", {"type": "int"}, "xitrum_x is 'abc': expected a whole number"),
    (1.5, {"type": "int"}, "xitrum_x is 1.5: expected a whole number"),
    ("much", {"type": "float"}, "xitrum_x is 'much': expected a number"),
    ("maybe", {"type": "bool"}, "xitrum_x is 'maybe': expected true or false"),
    ("yes", {"type": "bool"}, ""), (1, {"type": "str"}, ""), ("a, b", {"type": "list", "elements": "str"}, ""),
    (None, {}, "xitrum_x has no value: expected a text"), (None, {"type": "raw"}, ""),
    ("runit", {"choices": ["systemd", "runit"]}, ""),
    ("runti", {"choices": ["systemd", "runit"]}, "xitrum_x is 'runti': expected one of systemd, runit"),
    ([{"name": "a"}], {"type": "list", "elements": "dict", "options": {"name": {}}}, ""),
    ([{"nmae": "a"}], {"type": "list", "elements": "dict", "options": {"name": {}}}, "nmae"),
    ([{"name": "a"}, 7], {"type": "list", "elements": "dict", "options": {"name": {}}}, "item 2 of xitrum_x is 7: expected a dictionary of names and values"),
    ([1, "two"], {"type": "list", "elements": "int"}, "item 2 of xitrum_x is 'two': expected a whole number"),
    ({}, {"type": "list", "elements": "str"}, "xitrum_x is {}: expected a list"),
    ("x" * 200, {"type": "int"}, f"xitrum_x is '{'x' * 99}...: expected a whole number"),
    ("text", {"type": "dict"}, "xitrum_x is 'text': expected a dictionary of names and values"),
    ("12ab", {"type": "int", "no_log": True}, "xitrum_x does not fit: expected a whole number"),
])
def test_a_value_against_its_option(value, option, message):
    error = variables.find_value_error("xitrum_x", value, option)
    assert message in error
    assert bool(error) == bool(message)
    assert not option.get("no_log") or value not in error


def test_a_text_is_no_list_of_names():
    with pytest.raises(TypeError, match="list of names"):
        find_unknown("xitrum_package")


@pytest.mark.parametrize(("own", "name", "near"), [
    (["logs_"], "log_lines", "logs_lines"), (["logs_"], "lines", "logs_lines"), (["logs_"], "LOGS_SINCE", "logs_since"),
    (["stop_"], "stp_instances", "stop_instances"), (["stop_"], "instances", "stop_instances"),
    (["restart_"], "instance", "restart_instances"), (["rollback_"], "rolback_to", "rollback_to"),
    ([], "xitrm_package", "xitrum_package"), (["status_"], "xtrum_break_lock", "xitrum_break_lock"), ([], "xitrum-package", "xitrum_package"),
])
def test_a_misspelt_or_missing_prefix_of_the_command_line_is_an_error(own, name, near):
    assert find_prefix_errors([name], own) == [Error("variable.unknown", f"the variable {name} is set, and no role knows it: did you mean {near}?")]


@pytest.mark.parametrize(("own", "name"), [
    (["logs_"], "log_level"), (["logs_"], "logs_lines"), (["logs_"], "logs_linse"), (["logs_"], "query"), ([], "http_port"), ([], "package"),
    ([], "app_package"), (["check_"], "ansible_user"), (["status_"], "logs_lines"), (["status_"], "xitrum_pakage"), (["stop_"], "stop"), ([], 7),
])
def test_a_name_without_a_near_one_or_with_the_right_prefix_is_not_reported_here(own, name):
    assert find_prefix_errors([name], own) == []


@pytest.mark.parametrize("names, own, near", [
    (["stop_instances"], ["restart_"], "restart_instances"), (["logs_instances"], ["start_"], "start_instances"),
    (["check_query"], ["status_"], "status_query"), (["status_format"], ["history_"], "history_format"),
    # The playbook has no such variable, or has its own as well.
    (["stop_last"], ["restart_"], ""), (["check_become"], ["status_"], ""), (["stop_instances", "restart_instances"], ["restart_"], ""),
    # Variables of roles are for all playbooks.
    (["proxy_timeout"], ["run_"], ""),
])
def test_a_variable_of_another_playbook_is_refused_where_this_one_has_such_a_variable(names, own, near):
    message = f"the variable {names[0]} is set, and this playbook does not read it: did you mean {near}?"
    assert find_prefix_errors(names, own) == ([Error("variable.unknown", message)] if near else [])
