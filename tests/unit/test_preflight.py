# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message says everything that stands in the way."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible_collections.xitrum.host.plugins.filter.preflight_message import preflight_message
from ansible_collections.xitrum.host.plugins.filter.preflight_notes import preflight_notes
from ansible_collections.xitrum.host.plugins.module_utils import preflight
from ansible_collections.xitrum.host.plugins.module_utils.package_config import EXAMPLE_VALUES
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import UndefinedError

PACKAGE = {"problems": [], "examples": ["apiKey", "keyFile"], "java": 8, "java_jar": "lib/app.jar", "java_class": "a.B", "scala": "2.13.18"}
STATE = {"machine": {"problems": [], "notes": []}, "jdk": {"problems": [], "version": 17}, "changed": False}


def variables(state=None, package=None, **more):
    return {"xitrum_host_state": {**STATE, **(state or {})}, "xitrum_package_read": {**PACKAGE, **(package or {})}, **more}


def test_nothing_stands_in_the_way():
    assert preflight_message({"app1": variables()}, ["app1"], ["app1"]) == ""


def test_a_problem_of_all_hosts_is_said_once():
    text = preflight.message({"app1": ["no disk", "no memory"], "app2": ["no disk"], "app3": ["no disk"]})
    assert text.count("no disk") == 1
    assert "all 3 hosts:\n  - no disk" in text
    assert "app1:\n  - no memory" in text
    assert text.startswith("2 problems stand in the way. Nothing was changed")
    assert text.endswith("Mend these, then run the same command again.")


def test_one_problem_of_one_host():
    text = preflight.message({"app1": ["no disk"]})
    assert text.startswith("1 problem stands in the way.")
    assert "app1:\n  - no disk" in text


def test_some_hosts_are_named_and_many_are_counted():
    many = {f"app{number:02}": ["no disk"] for number in range(20)}
    assert "app00, app01, app02, app03, app04, app05, app06, app07 and 12 more:" in preflight.message({**many, "last": []})


def test_notes_are_said_beside_problems_and_stop_nothing_alone():
    assert preflight.message({"app1": []}, (), {"app1": ["not tested"]}) == ""
    assert "good to know, app1:\n  - not tested" in preflight.message({"app1": ["no disk"]}, (), {"app1": ["not tested"]})


@pytest.mark.parametrize("current, notes", [("aa", ["release aa is in use, and bb is wanted"]), ("bb", []), ("", [])])
def test_what_a_release_takes_over_from_is_said(current, notes):
    state = {"release": {"problems": [], "current": current}}
    assert preflight_notes({"app1": variables(state, {"release": "bb"})}, ["app1"]) == {"app1": notes}


@pytest.mark.parametrize("retired, names", [
    ({"xitrum_name": "shop", "xitrum_root": "/srv/shop"}, []),
    ({"xitrum_name": "shop"}, ["xitrum_root"]),
    ({}, ["xitrum_name", "xitrum_root"]),
])
def test_a_retired_host_has_to_know_the_names_that_the_others_have(retired, names):
    """Without them a run would look in other places, find nothing, and be green."""
    every = {"proxy1": variables(), "app1": variables(xitrum_name="shop", xitrum_root="/srv/shop"), "app2": retired}
    text = preflight_message(every, ["proxy1", "app1"], ["proxy1", "app1"], ["app2"])
    assert [name for name in ("xitrum_name", "xitrum_root", "xitrum_log_dir") if f"{name} is not set" in text] == names
    assert ("app2:" in text) == bool(names)


def test_a_retired_host_needs_no_names_where_all_have_the_default():
    assert preflight_message({"app1": variables(), "app2": {}}, ["app1"], ["app1"], ["app2"]) == ""


SAID = st.lists(st.text("xyz", min_size=4, max_size=9), max_size=3)


@given(st.dictionaries(st.text("ab", min_size=1), SAID, max_size=5), st.lists(st.text("uvw", min_size=4), max_size=3))
def test_every_problem_is_said_exactly_once(problems, controller):
    text = preflight.message(problems, controller)
    sentences = {sentence for said in problems.values() for sentence in said}
    for sentence in [*sentences, *controller]:
        assert text.count(f"  - {sentence}\n") == 1
    assert (text == "") == (not sentences and not controller)


def test_the_package_is_the_controllers_problem_once_for_all_hosts():
    broken = variables(package={"problems": ["no script/runner"]})
    text = preflight_message({"app1": broken, "app2": broken}, ["app1", "app2"])
    assert "here, on the controller:\n  - no script/runner" in text
    assert text.startswith("1 problem ")


def test_problems_of_every_concern_are_collected():
    state = {"machine": {"problems": ["no disk"], "notes": ["not tested"]}, "haproxy": {"problems": ["no certificate"]}}
    text = preflight_message({"app1": variables(state)}, ["app1"])
    assert "no disk" in text
    assert "no certificate" in text
    assert preflight_notes({"app1": variables(state)}, ["app1"]) == {"app1": ["not tested"]}


def test_java_is_held_against_each_hosts_jdk():
    every = {f"app{number}": variables({"jdk": {"problems": [], "version": jdk}}, {"java": 21}) for number, jdk in ((1, 17), (2, 21))}
    text = preflight_message(every, ["app1", "app2"])
    assert "app1:\n  - the package has classes for Java 21 in lib/app.jar, a.B, and the host would run JDK 17" in text
    assert text.startswith("1 problem ")


def test_a_proxy_without_a_jdk_runs_no_package():
    assert preflight_message({"proxy1": {"xitrum_host_state": {"machine": {"problems": []}}, "xitrum_package_read": {**PACKAGE, "java": 99}}}, ["proxy1"]) == ""


@pytest.mark.parametrize("own, said", [
    ({}, "has the example secureKey"),
    ({"xitrum_secure_key": EXAMPLE_VALUES["secureKey"]}, "xitrum_secure_key is the example"),
    ({"xitrum_secure_key": "my own", "xitrum_metrics_api_key": EXAMPLE_VALUES["apiKey"]}, "xitrum_metrics_api_key is the example"),
    ({"xitrum_secure_key": "my own", "xitrum_tls_key": "conf/ssl_example_privkey.pem"}, "xitrum_tls_key is the example"),
])
def test_public_secrets_are_refused_by_name_and_not_printed(own, said):
    text = preflight_message({"app1": variables(package={"examples": ["secureKey"]}, **own)}, ["app1"])
    assert said in text
    assert not [value for value in EXAMPLE_VALUES.values() if value in text]


def test_ones_own_key_replaces_the_example():
    assert preflight_message({"app1": variables(package={"examples": ["secureKey"]}, xitrum_secure_key="my own key, long enough")}, ["app1"]) == ""


def test_misspelt_variables_of_a_host():
    every = {"app1": variables(xitrum_pakage="x", jdk_verzion=3), "app2": variables()}
    assert "app1:\n  - the variable xitrum_pakage is set" in preflight_message(every, ["app1", "app2"])
    assert "did you mean jdk_version?" in preflight_notes(every, ["app1", "app2"])["app1"][0]


def test_values_that_do_not_fit_are_said_for_each_host():
    every = {name: variables(xitrum_instances=value) for name, value in (("app1", "abc"), ("app2", "abc"), ("app3", "2"))}
    every["app1"]["xitrum_supervisor"] = "runti"
    text = preflight_message(every, list(every))
    assert "app1, app2:\n  - the variable xitrum_instances has a value that does not fit" in text
    assert "app1:\n  - the variable xitrum_supervisor" in text
    assert text.startswith("2 problems")


class Unresolved(dict):
    """A host whose variable refers to one that is not there."""

    def __getitem__(self, name):
        if name in ("xitrum_heap", "xitrum_secure_key"):
            raise self.error
        return super().__getitem__(name)

    def get(self, name, default=None):
        return self[name] if name in self else default


@pytest.mark.parametrize("error", [AnsibleError("'mine' is undefined"), UndefinedError("'mine' is undefined")])
def test_a_variable_without_a_value_is_named(error):
    host = Unresolved(variables(xitrum_heap="{{ mine }}", xitrum_secure_key="{{ mine }}"))
    host.error = error
    text = preflight_message({"app1": host}, ["app1"])
    assert "the variable xitrum_heap has no value: 'mine' is undefined" in text
    assert "the variable xitrum_secure_key has no value" in text
    assert text.startswith("2 problems")


@pytest.mark.parametrize("state, reached, said", [
    ({}, False, "app1:\n  - the host could not be reached"),
    ({"xitrum_host_state": {"failed": True, "msg": "sudo wants a password"}}, True, "could not be read: sudo wants a password"),
    ({"ansible_failed_result": {"msg": "xitrum_heap is no size"}}, True, "could not be read: xitrum_heap is no size"),
    ({}, True, "run again with -vvv"),
])
def test_a_host_of_which_nothing_is_known(state, reached, said):
    assert said in preflight_message({"app1": state}, ["app1"], ["app1"] if reached else [])
