# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message has all errors."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible_collections.xitrum.host.plugins.module_utils.configuration.xitrum_conf import EXAMPLE_VALUES
from ansible_collections.xitrum.host.plugins.module_utils.preflight import messages as preflight
from ansible_collections.xitrum.host.plugins.module_utils.preflight.catalog import Error
from ansible_collections.xitrum.host.plugins.plugin_utils.preflight_reports import find_notes
from hypothesis import given
from hypothesis import strategies as st
from jinja2.exceptions import UndefinedError

from ..preflight_errors import has_invalid_values, render_errors

PACKAGE = {"errors": [], "examples": ["apiKey", "keyFile"], "java": 8, "java_jar": "lib/app.jar", "java_class": "a.B", "scala": "2.13.18"}
STATE = {"machine": {"errors": [], "notes": []}, "jdk": {"errors": [], "version": 17}, "changed": False}


def variables(state=None, package=None, **more):
    return {"xitrum_host_state": {**STATE, **(state or {})}, "application_package_read": {**PACKAGE, **(package or {})}, **more}


def errors(*sentences):
    return [Error("host.disk-space", sentence) for sentence in sentences]


def test_no_error_is_an_empty_message():
    assert render_errors({"app1": variables()}, ["app1"], ["app1"]) == ""


def test_an_error_of_all_hosts_is_reported_once():
    text = preflight.format_message({"app1": errors("no disk", "no memory"), "app2": errors("no disk"), "app3": errors("no disk")})
    assert text.count("no disk") == 1
    assert "all 3 hosts:\n  - no disk" in text
    assert "app1:\n  - no memory" in text
    assert text.startswith("2 errors. No host was changed")
    assert text.endswith("Fix these, then run the same command again.")


def test_one_error_of_one_host():
    text = preflight.format_message({"app1": errors("no disk")})
    assert text.startswith("1 error. No host was changed.")
    assert "app1:\n  - no disk" in text


def test_the_rules_of_a_message_are_those_of_its_errors_each_once():
    found = {"app1": [*errors("no disk"), Error("host.jdk-version", "no JDK")], "app2": errors("no disk", "no memory")}
    assert preflight.list_rules(found, [Error("package.layout", "no jar")]) == ["package.layout", "host.disk-space", "host.jdk-version"]


def test_a_sentence_without_a_rule_is_no_error():
    with pytest.raises(AttributeError, match="message"):
        preflight.format_message({"app1": ["no disk"]})


def test_some_hosts_are_named_and_many_are_counted():
    many = {f"app{number:02}": errors("no disk") for number in range(20)}
    assert "app00, app01, app02, app03, app04, app05, app06, app07 and 12 more:" in preflight.format_message({**many, "last": []})


def test_notes_are_reported_with_errors_and_stop_nothing_alone():
    assert preflight.format_message({"app1": []}, (), {"app1": ["not tested"]}) == ""
    assert "notes, app1:\n  - not tested" in preflight.format_message({"app1": errors("no disk")}, (), {"app1": ["not tested"]})


def shared_fleet(applications, proxy):
    groups = {"xitrum": ["app1", "app2"], "xitrum_proxy": ["proxy1"]}
    fleet = {host: variables(xitrum_address=f"192.0.2.{number}", groups=groups, **applications) for number, host in enumerate(groups["xitrum"], 1)}
    state = {"proxy": {"errors": [], "rows": []}}
    return {**fleet, "proxy1": {"xitrum_host_state": state, "groups": groups, "xitrum_address": "192.0.2.9", **proxy}}


@pytest.mark.parametrize("applications, proxy, found, expected", [
    ({"xitrum_name": "shop"}, {}, "xitrum", "shop"),
    ({"xitrum_health_path": "/health"}, {}, "/", "/health"),
    ({"xitrum_health_status": 204}, {"xitrum_health_status": 200}, "200", "204"),
    ({"xitrum_cluster": True, "xitrum_cluster_address": "10.0.0.1"}, {}, "false", "true"),
])
def test_a_proxy_has_the_settings_of_the_application_hosts_behind_it(applications, proxy, found, expected):
    (name, *_more) = applications
    fleet = shared_fleet(applications, proxy)
    text = " ".join(render_errors(fleet, list(fleet)).split())
    assert f"proxy1: - found {found} as {name} of this proxy, expected {expected} as on the hosts of the group xitrum. Set {name} for all hosts" in text
    assert preflight.find_proxy_difference_errors(shared_fleet(applications, applications), list(fleet)) == {}
    # A run without the proxies changes nothing there.
    assert preflight.find_proxy_difference_errors(fleet, ["app1"]) == {}


@pytest.mark.parametrize("applications, proxy", [
    ({"xitrum_name": "shop"}, {"proxy_application": "shop"}),
    ({"xitrum_health_path": "/health"}, {"proxy_health_path": "/ready"}),
    ({"xitrum_cluster": True}, {"xitrum_proxy_sticky": False}),
    # The default in other words.
    ({"xitrum_cluster": "no"}, {}),
])
def test_what_a_proxy_sets_for_itself_may_differ(applications, proxy):
    fleet = shared_fleet(applications, proxy)
    assert preflight.find_proxy_difference_errors(fleet, list(fleet)) == {}


@pytest.mark.parametrize("current, notes", [("aa", ["release aa is active, and bb is desired"]), ("bb", []), ("", [])])
def test_which_release_is_replaced_is_reported(current, notes):
    state = {"release": {"errors": [], "current": current}}
    assert find_notes({"app1": variables(state, {"release": "bb"})}, ["app1"]) == {"app1": notes}


@pytest.mark.parametrize("current, more, notes", [
    ("", {}, ["release bb starts shop.Boot, the main class in lib/shop.jar: xitrum_main_class is not set"]),
    ("bb", {}, []),
    ("", {"xitrum_main_class": "shop.Boot"}, []),
])
def test_the_main_class_that_was_chosen_is_reported_once(current, more, notes):
    package = {"release": "bb", "main_class": "shop.Boot", "main_class_jar": "lib/shop.jar"}
    state = {"release": {"errors": [], "current": current}}
    assert find_notes({"app1": variables(state, package, **more)}, ["app1"]) == {"app1": notes}


@pytest.mark.parametrize("decommissioned, names", [
    ({"xitrum_name": "shop", "xitrum_root": "/srv/shop"}, []),
    ({"xitrum_name": "shop"}, ["xitrum_root"]),
    ({}, ["xitrum_name", "xitrum_root"]),
])
def test_a_decommissioned_host_has_to_know_the_names_that_the_others_have(decommissioned, names):
    """Without them a run would search in other places, find nothing, and be green."""
    every = {"proxy1": variables(), "app1": variables(xitrum_name="shop", xitrum_root="/srv/shop"), "app2": decommissioned}
    text = render_errors(every, ["proxy1", "app1"], ["proxy1", "app1"], ["app2"])
    assert [name for name in ("xitrum_name", "xitrum_root", "xitrum_log_dir") if f"{name} is not set" in text] == names
    assert ("app2:" in text) == bool(names)


def test_a_decommissioned_host_needs_no_names_where_all_have_the_default():
    assert render_errors({"app1": variables(), "app2": {}}, ["app1"], ["app1"], ["app2"]) == ""


def test_a_decommissioned_host_does_not_lose_a_folder_of_the_system():
    same = {"xitrum_root": "/var/www"}
    text = render_errors({"app1": variables(**same), "app2": same}, ["app1"], ["app1"], ["app2"])
    assert text.count("xitrum_root is '/var/www', which belongs to the system") == 1 and "both hosts:" in text


REPORTED = st.lists(st.text("xyz", min_size=4, max_size=9), max_size=3)


@given(st.dictionaries(st.text("ab", min_size=1), REPORTED, max_size=5), st.lists(st.text("uvw", min_size=4), max_size=3))
def test_every_error_is_reported_exactly_once(reported, controller):
    text = preflight.format_message({host: errors(*listed) for host, listed in reported.items()}, errors(*controller))
    sentences = {sentence for listed in reported.values() for sentence in listed}
    for sentence in [*sentences, *controller]:
        assert text.count(f"  - {sentence}\n") == 1
    assert (text == "") == (not sentences and not controller)


def test_the_package_is_the_controllers_error_once_for_all_hosts():
    broken = variables(package={"errors": ["no script/runner"], "rules": ["package.layout"]})
    text = render_errors({"app1": broken, "app2": broken}, ["app1", "app2"])
    assert "here, on the controller:\n  - no script/runner" in text
    assert text.startswith("1 error. ")


def test_errors_of_every_component_are_collected():
    state = {"machine": {"errors": ["no disk"], "notes": ["not tested"]}, "proxy": {"errors": ["no certificate"]}}
    text = render_errors({"app1": variables(state)}, ["app1"])
    assert "no disk" in text
    assert "no certificate" in text
    assert find_notes({"app1": variables(state)}, ["app1"]) == {"app1": ["not tested"]}


def test_java_is_held_against_each_hosts_jdk():
    every = {f"app{number}": variables({"jdk": {"errors": [], "version": jdk}}, {"java": 21}) for number, jdk in ((1, 17), (2, 21))}
    text = render_errors(every, ["app1", "app2"])
    assert "app1:\n  - the package has classes for Java 21 in lib/app.jar, a.B, and the host would run JDK 17" in text
    assert text.startswith("1 error. ")


def test_a_proxy_without_a_jdk_runs_no_package():
    proxy = {"xitrum_host_state": {"machine": {"errors": []}}, "application_package_read": {**PACKAGE, "java": 99}}
    assert render_errors({"proxy1": proxy}, ["proxy1"]) == ""


@pytest.mark.parametrize("own, message", [
    ({}, "has the example secureKey"),
    ({"xitrum_secure_key": EXAMPLE_VALUES["secureKey"]}, "xitrum_secure_key is the example"),
    ({"xitrum_secure_key": "my own", "xitrum_metrics_api_key": EXAMPLE_VALUES["apiKey"]}, "xitrum_metrics_api_key is the example"),
    ({"xitrum_secure_key": "my own", "xitrum_tls_key": "conf/ssl_example_privkey.pem"}, "xitrum_tls_key is the example"),
])
def test_public_secrets_are_refused_by_name_and_not_printed(own, message):
    text = render_errors({"app1": variables(package={"examples": ["secureKey"]}, **own)}, ["app1"])
    assert message in text
    assert not [value for value in EXAMPLE_VALUES.values() if value in text]


def test_your_key_replaces_the_example():
    assert render_errors({"app1": variables(package={"examples": ["secureKey"]}, xitrum_secure_key="my own key, long enough")}, ["app1"]) == ""


def test_misspelt_variables_of_a_host():
    every = {"app1": variables(xitrum_pakage="x", jdk_verzion=3), "app2": variables()}
    assert "app1:\n  - the variable xitrum_pakage is set" in render_errors(every, ["app1", "app2"])
    assert "did you mean jdk_version?" in find_notes(every, ["app1", "app2"])["app1"][0]


def test_values_that_do_not_fit_are_reported_for_each_host():
    every = {name: variables(xitrum_instances=value) for name, value in (("app1", "abc"), ("app2", "abc"), ("app3", "2"))}
    every["app1"]["xitrum_supervisor"] = "runti"
    text = render_errors(every, list(every))
    assert "app1, app2:\n  - xitrum_instances is 'abc': expected a whole number\n" in text
    assert "app1:\n  - xitrum_supervisor is 'runti': expected one of systemd, " in text
    assert text.startswith("2 errors. ")


class Unresolved(dict):
    """A host whose variable refers to one that is not there."""

    def __getitem__(self, name):
        if str(super().__getitem__(name)) == "{{ mine }}":
            raise self.error
        return super().__getitem__(name)

    def get(self, name, default=None):
        return self[name] if name in self else default


@pytest.mark.parametrize("error", [AnsibleError("'mine' is undefined"), UndefinedError("'mine' is undefined")])
def test_a_variable_without_a_value_is_named(error):
    host = Unresolved(variables(xitrum_heap="{{ mine }}", xitrum_secure_key="{{ mine }}"))
    host.error = error
    text = render_errors({"app1": host}, ["app1"])
    assert "the variable xitrum_heap has no value: 'mine' is undefined" in text
    assert "the variable xitrum_secure_key has no value" in text
    assert text.startswith("2 errors. ")
    # Nothing is worked out from it first: Ansible would print its own words for that.
    assert has_invalid_values({"app1": host}, "app1") and not has_invalid_values({"app1": variables()}, "app1")


@pytest.mark.parametrize("state, reached, message", [
    ({}, False, "app1:\n  - the host could not be reached"),
    ({"xitrum_host_state": {"failed": True, "msg": "sudo wants a password"}}, True, "could not be read: sudo wants a password"),
    ({"ansible_failed_result": {"msg": "xitrum_heap is not a size"}}, True, "could not be read: xitrum_heap is not a size"),
    ({"xitrum_host_state": {"failed": True, "msg": "Missing sudo password", "printed": "Read it"}}, True,
     "could not be read: the failure of 'Read it' is printed above"),
    # What a module printed is all that shows why it ended.
    ({"xitrum_host_state": {"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "module_stderr": "a\nb\nc\nd\nlast \x1b[2J\n"}}, True,
     "could not be read: MODULE FAILURE b c d last \\x1b[2J"),
    ({}, True, "run again with -vvv"),
    # A filter of ours found a value wrong while the read was prepared.
    ({"xitrum_host_state": {"failed": True, "msg": "Task failed: Finalization of task args for 'xitrum.host.host_state_info' failed: Error while "
                            "resolving value for 'firewall': The filter plugin 'xitrum.host.proxy_addresses' failed: proxy1: found no address"}},
     True, "app1:\n  - proxy1: found no address"),
])
def test_a_host_of_which_nothing_is_known(state, reached, message):
    assert message in render_errors({"app1": state}, ["app1"], ["app1"] if reached else [])


def test_a_check_of_variables_that_failed_is_no_unreadable_host():
    """Each sentence is one of the errors, together with those of other hosts."""
    refused = {"xitrum_host_state": {"failed": True, "refused": True, "msg": "xitrum_slots is true: found 2 instances\nproxy_servers is empty"}}
    unread = {"xitrum_host_state": {"failed": True, "refused": False, "msg": "sudo wants a password"}}
    text = render_errors({"app1": refused, "app2": unread}, ["app1", "app2"])
    assert text.startswith("3 errors. ") and text.count("could not be read") == 1
    assert "app1:\n  - xitrum_slots is true: found 2 instances\n  - proxy_servers is empty" in text


@pytest.mark.parametrize("state, rules", [
    ({"msg": "a\nb", "rules": ["xitrum.heap", "xitrum.slots"]}, ["xitrum.heap", "xitrum.slots"]),
    # A variable without a value: no rule was queried.
    ({"msg": "the variable a has no value"}, ["variable.unusable"]),
])
def test_a_refused_read_keeps_the_rules_of_its_errors(state, rules):
    refused = {"xitrum_host_state": {"failed": True, "refused": True, **state}}
    assert [error.rule for error in preflight.find_host_errors(refused, True)] == rules


def an_instance(index=0, http=8000, port=8000, running=True, **configured):
    had = {"http": http, "https": 0, "interface": "", "cluster": False, **configured}
    return {"index": index, "port": port, "running": running, "configured": had}


def of_deploy(*listed, proxies=("proxy1",), orphaned=(), steps=(), slot=None, **more):
    state = {"jdk": {"errors": [], "version": 17, "home": "/j17", "steps": list(steps)},
             "instances": {"errors": [], "instances": list(listed),
                           "orphaned": [{"index": index} for index in orphaned]}}
    read = {} if slot is None else {"application_slot_read": {"slot": slot}}
    return variables(state, groups={"xitrum_proxy": list(proxies)}, **read, **more)


SITE = "Run instead: ansible-playbook xitrum.host.site"


@pytest.mark.parametrize(("of_host", "message"), [
    (of_deploy(an_instance()), ""),
    (of_deploy(an_instance(), an_instance(1, 8001, 8001), proxies=[]), ""),
    (of_deploy(an_instance(port=9000)), "found port 8000, expected 9000 (xitrum_http_port), for instance 0: deploy.yml "
                                        f"leaves proxy1 at the old port. {SITE}"),
    # Stopped: the proxies have the old port all the same.
    (of_deploy(an_instance(port=9000, running=False)), "found port 8000, expected 9000"),
    # Without proxies the redirect follows.
    (of_deploy(an_instance(port=9000), proxies=[]), ""),
    (of_deploy(an_instance(), {**an_instance(1), "configured": {}, "running": False}),
     "instance 1 is new on this host, and deploy.yml does not add it to proxy1"),
    (of_deploy({**an_instance(), "configured": {}}, proxies=[]), ""),
    (of_deploy(an_instance(), orphaned=[1, 2]), "this host still has instance 1, 2, and the inventory has 0 (xitrum_instances, xitrum_slots): "
     f"deploy.yml removes no instance. {SITE}"),
    (of_deploy(an_instance(), proxies=[], orphaned=[1]), "this host still has instance 1, and the inventory has 0 ("),
    # The rollout empties the other slot itself.
    (of_deploy(an_instance(), proxies=[], orphaned=[1], slot=0), ""),
    (of_deploy(an_instance(), steps=["packages", "alternatives"]),
     "the JDK 17 is not ready in /j17, and deploy.yml installs none. Run first: ansible-playbook xitrum.host.base"),
    (of_deploy(an_instance(), xitrum_interface="10.0.0.5"),
     "found the address of every interface, expected 10.0.0.5 (xitrum_interface)"),
    (of_deploy(an_instance(interface="10.0.0.5")), "found the address 10.0.0.5, expected every interface"),
    (of_deploy(an_instance(interface="10.0.0.5"), xitrum_interface="10.0.0.5"), ""),
    (of_deploy(an_instance(interface="10.0.0.5"), proxies=[]), ""),
    (of_deploy(an_instance(), xitrum_cluster=True),
     "found instances without a cluster, expected the opposite (xitrum_cluster)"),
    (of_deploy(an_instance(cluster=True)), "found instances in a cluster"),
    (of_deploy(an_instance(cluster=True), xitrum_cluster="yes"), ""),
    # Of a host that could not be read nothing is known.
    ({"xitrum_host_state": {"failed": True, "msg": "no"}}, "could not be read"),
])
def test_a_deploy_refuses_what_it_would_do_by_half_with_what_to_run(of_host, message):
    text = " ".join(render_errors({"app1": of_host}, ["app1"], deploy=True).split())
    assert message in text and (text.startswith("1 error. No host was changed") if message else not text)
    if "failed" not in of_host["xitrum_host_state"]:
        assert render_errors({"app1": of_host}, ["app1"]) == ""


def test_a_deploy_reports_which_ports_it_leaves_unreserved():
    notes = find_notes({"app1": of_deploy(an_instance(port=9000), proxies=[])}, ["app1"], deploy=True)["app1"]
    assert len(notes) == 1 and "port 9000 is new here" in notes[0] and notes[0].endswith("ansible-playbook xitrum.host.base")
    assert find_notes({"app1": of_deploy(an_instance(port=9000), proxies=[])}, ["app1"])["app1"] == []


@pytest.mark.parametrize(("listed", "slot", "refused"), [
    ([an_instance(0, 8000, 8001), an_instance(1, 8001, 8002)], None,
     "instance 0 is to listen on port 8001, which instance 1 has"),
    # The first has left 8001 when the second takes it.
    ([an_instance(0, 8001, 8000), an_instance(1, 8002, 8001)], None, ""),
    ([an_instance(0, 8000, 9000), an_instance(1, 8001, 9001)], None, ""),
    ([an_instance(0, 8000, 8001), an_instance(1, 8001, 8002, running=False)], None, ""),
    ([an_instance(0, 8000, 4430), an_instance(1, 8001, 4431, https=4430)], None, "which instance 1 has"),
    ([an_instance(1, 8001, 8002)], 1, "instance 0 is to listen on port 8001, which instance 1 has"),
    ([an_instance(0, 8000, 7999)], 0, "instance 1 is to listen on port 8000, which instance 0 has"),
    ([an_instance(1, 8001, 8001)], 1, ""),
    ([an_instance(0, 8000, 9000)], 0, ""),
])
def test_ports_of_a_rollout_must_not_overlap(listed, slot, refused):
    text = " ".join(render_errors({"app1": of_deploy(*listed, slot=slot)}, ["app1"]).split())
    assert refused in text and bool(text) == bool(refused)


@pytest.mark.parametrize(("listed", "slot", "refused"), [
    (an_instance(0, 8000, 8001), None, "instance 0 is to listen on port 8001, which instance 1 has until it is removed"),
    (an_instance(0, 8000, 9000), None, ""),
    # The other slot is emptied first.
    (an_instance(0, 8000, 8000), 0, ""),
])
def test_ports_of_instances_that_the_run_removes_must_not_overlap_either(listed, slot, refused):
    of_host = of_deploy(listed, orphaned=[1], slot=slot)
    of_host["xitrum_host_state"]["instances"]["configured"] = {"0": listed["configured"], "1": {"http": 8001, "https": 0}}
    text = " ".join(render_errors({"app1": of_host}, ["app1"]).split())
    assert refused in text and bool(text) == bool(refused)


def test_a_line_to_type_is_not_broken():
    command = "ansible-playbook -i " + "long/" * 40 + "hosts.yml xitrum.host.site"
    assert preflight.format_bullets("app1", [f"found a, expected b. Run instead:\n{command}"]) == f"app1:\n  - found a, expected b. Run instead:\n    {command}"


def with_proxies(**more):
    groups = {"xitrum": ["app1", "app2"], "xitrum_proxy": ["proxy1", "proxy2", "proxy3"]}
    found = {name: {"groups": groups} for name in ("app1", "app2", "proxy1", "proxy2", "proxy3")}
    found["proxy2"]["xitrum_address"] = "192.0.2.2"
    found["app1"].update({"xitrum_address": "192.0.2.11", "xitrum_http_port": 65535, "xitrum_instances": 2})
    for name, values in more.items():
        found[name].update(values)
    return found


def lost_of(hosts, reached, **more):
    """The errors of a run whose hosts are one application host and three proxies."""
    groups = {"xitrum": ["app1"], "xitrum_proxy": ["proxy1", "proxy2", "proxy3"]}
    found = {"app1": variables(groups=groups, inventory_hostname="app1", ansible_host="192.0.2.9", **more)}
    for number, name in enumerate(groups["xitrum_proxy"], 1):
        state = {"xitrum_host_state": {}} if name in reached else {}
        found[name] = {"inventory_hostname": name, "groups": groups, "ansible_host": f"192.0.2.{number}", **state, **more}
    return " ".join(render_errors(found, hosts, reached).split())


def test_all_proxies_that_are_away_are_in_the_line_to_type():
    """The value replaces the one before: with that of the message, the proxy that was left out first was missing again."""
    text = lost_of(["app1", "proxy1", "proxy2"], ["app1"], xitrum_unavailable_proxies="proxy3")
    assert text.count("-e xitrum_unavailable_proxies=proxy3,proxy1,proxy2;") == 1
    assert "-e xitrum_unavailable_proxies=proxy1;" in lost_of(["app1", "proxy1", "proxy2"], ["app1", "proxy2"])


def test_unavailable_proxies_of_the_inventory_are_refused():
    """The plays had their hosts chosen without it, and the rest of the run left the proxy out."""
    text = lost_of(["app1", "proxy1", "proxy2", "proxy3"], ["app1", "proxy1", "proxy2", "proxy3"], xitrum_unavailable_proxies=["proxy2"])
    assert text.count("xitrum_unavailable_proxies: found proxy2 in the inventory, expected the variable with -e alone") == 1
    assert "-e xitrum_unavailable_proxies=proxy2" in text
    # As with -e.
    assert lost_of(["app1", "proxy1", "proxy3"], ["app1", "proxy1", "proxy3"], xitrum_unavailable_proxies=["proxy2"]) == ""
    assert "xitrum_unavailable_proxies: found 5, expected names" in lost_of(["app1"], ["app1"], xitrum_unavailable_proxies=5)


def test_the_addresses_of_all_proxies_and_instances_are_reported_at_once():
    """A filter found the first one only, while the read was prepared: each of these took a run of its own."""
    fleet = with_proxies(app2={"ansible_host": "127.0.0.1"})
    for host in fleet:
        assert has_invalid_values(fleet, host)
    text = " ".join(render_errors(fleet, list(fleet)).split())
    for proxy in ("proxy1", "proxy3"):
        for application in ("app1", "app2"):
            assert f"{proxy}: found the address {proxy}, expected the IP address from which this proxy reaches {application}" in text
        assert f"app2: its address is 127.0.0.1, which on the proxy {proxy} is the proxy itself" in text
    assert text.count("app1: 2 instances from port 65535 on go past port 65535") == 1
    assert "could not be read" not in text and "proxy2: found" not in text


def test_addresses_count_where_the_configuration_has_them():
    fleet = with_proxies(app1={"xitrum_http_port": 8000, "xitrum_trusted_proxies": ["192.0.2.0/24"]}, app2={"xitrum_address": "192.0.2.12"},
                         proxy1={"proxy_servers": []})
    # What a host sets itself is not worked out.
    assert not has_invalid_values(fleet, "app1") and has_invalid_values(fleet, "app2")
    assert not any(has_invalid_values(fleet, host) for host in ("proxy1", "proxy2", "proxy3"))
    # base.yml writes no address of another host: what it read is what counts.
    assert not has_invalid_values(fleet, "app2", addresses=False)
    fleet["app2"].update(variables())
    text = render_errors(fleet, ["app2"])
    assert "found the address" not in text
    # An unreachable host is one in any case.
    del fleet["app2"]["xitrum_host_state"]
    text = render_errors(fleet, ["app2"], [])
    assert "could not be reached" in text and "proxy1: found the address" in text


def test_the_lines_of_a_filter_are_errors_of_their_own_and_no_prefix_stands_twice():
    filtered = {"failed": True, "msg": "The filter plugin 'xitrum.host.proxy_servers' failed: app1: one\napp2: two"}
    assert preflight.list_sentences(preflight.find_host_errors({"xitrum_host_state": filtered}, True)) == ["app1: one", "app2: two"]
    unread = {"failed": True, "msg": "the host could not be read: [Errno 13] Permission denied: '/x'. Most of it needs root: set become."}
    assert preflight.list_sentences(preflight.find_host_errors({"xitrum_host_state": unread}, True)) == [unread["msg"]]


def test_what_follows_from_a_variable_without_a_usable_value_is_left_out():
    """It counts as not set, and other errors are reported as well."""
    host = Unresolved(variables(xitrum_secure_key="{{ mine }}", xitrum_tls_key="{{ mine }}", xitrum_tls_certificate="c.pem", xitrum_keep_releases=0,
                                groups={"xitrum": ["app1", "app2"]}))
    host.error = AnsibleError("'mine' is undefined")
    fleet = {"app1": host, "app2": variables(xitrum_secure_key="a key that the other has")}
    text = render_errors(fleet, ["app1", "app2"])
    # Neither that one of two TLS files is set, nor that the hosts have two keys.
    assert text.startswith("3 errors. ") and "xitrum_keep_releases is 0" in text and "only one of" not in text and "2 values" not in text


def test_a_host_outside_of_the_run_whose_variable_is_needed():
    fleet = with_proxies(app1={"xitrum_address": "192.0.2.11", "xitrum_http_port": 8000}, app2={"xitrum_address": "192.0.2.12", "xitrum_instances": "two"},
                         proxy1={"xitrum_address": "192.0.2.1"}, proxy3={"xitrum_address": "192.0.2.3"})
    assert not has_invalid_values(fleet, "app1") and has_invalid_values(fleet, "proxy1")
    text = render_errors(fleet, ["proxy1"])
    assert text.startswith("1 error. ") and "app2:\n  - xitrum_instances is 'two': expected a whole number" in text
    # For a cluster, the application hosts need one another.
    for name in ("app1", "app2"):
        fleet[name]["xitrum_cluster"] = True
    assert has_invalid_values(fleet, "app1")
    # And one variable alone may be requested.
    assert has_invalid_values(fleet, "app2", names=["xitrum_instances"]) and not has_invalid_values(fleet, "app2", names=["xitrum_address"])


@pytest.mark.parametrize("state", [
    {"failed": True, "msg": "boom\nansible-playbook -i evil site.yml"},
    {"failed": True, "msg": "the host could not be read: boom\r\nansible-playbook -i evil site.yml"},
    {"failed": True, "msg": "boom", "module_stderr": "x\nansible-playbook -i evil site.yml"},
])
def test_of_the_words_of_a_host_no_line_is_one_to_type(state):
    found = preflight.list_sentences(preflight.find_unread_errors({"xitrum_host_state": state}, state, True))
    assert not any("\n" in sentence or "\r" in sentence for sentence in found)
    lines = [line.strip() for line in preflight.format_bullets("app1", found).splitlines()]
    assert not any(line.startswith("ansible-playbook") for line in lines)
