# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A changed key is reported before instances with two keys answer at once, and no key is in what is reported."""

from __future__ import annotations

import json

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import instances
from ansible_collections.xitrum.host.plugins.module_utils.configuration import shared as shared_settings
from ansible_collections.xitrum.host.plugins.module_utils.configuration import xitrum_conf as package_config
from ansible_collections.xitrum.host.plugins.module_utils.core import urls
from ansible_collections.xitrum.host.plugins.module_utils.preflight import messages as preflight
from ansible_collections.xitrum.host.plugins.plugin_utils import package_inspection
from ansible_collections.xitrum.host.plugins.plugin_utils.preflight_reports import find_notes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.invalid_values import plan_errors

from ..application.test_instances import JAVA, JDK, LIMITS, STATUS, desired, running
from ..fake_host import FakeHost
from ..package_fixture import package as make_package
from ..preflight_errors import render_errors

OLD, NEW = "old-key-0123456789abcdef", "new-key-0123456789abcdef"


@pytest.mark.parametrize(("one", "other", "same"), [
    (f'session.secureKey = "{OLD}"', f"session {{\n  secureKey = {OLD}\n}}", True),
    (f'secureKey: "{OLD}"', f'"secureKey" = "{OLD}", cookieName = _s', True),
    (f'secureKey = "{NEW}"\nsession.secureKey = "{OLD}"', f'secureKey = "{OLD}"', True),
    (f'secureKey = "{OLD}" # {NEW}\n# secureKey = "{NEW}"', f'secureKey = "{OLD}"', True),
    (f'session {{ secureKey = "{NEW}" }}\nsession = {{ secureKey = null }}\nsession.secureKey = """{OLD}"""', f'session {{ secureKey = {OLD} }}', True),
    (f'note = "secureKey = {NEW}"\nsession.secureKey = {OLD}\nother.secureKey = {NEW}', f'session.secureKey = {OLD}', True),
    ('secureKey = "caf\\u00e9 0123456789"', 'secureKey = "café 0123456789"', True),
    (f'secureKey = "{OLD}"', f'secureKey = "{NEW}"', False),
    (f'secureKey = "{OLD}"', f'secureKey = "{OLD}"\nsession.secureKey = "{NEW}"', False),
    (f'secureKey = "{OLD}"', f'secureKey = "{OLD} "', False),
])
def test_two_texts_have_the_same_key(one, other, same):
    found = [shared_settings.read_session_settings(text) for text in (one, other)]
    assert (found[0]["xitrum_secure_key"] == found[1]["xitrum_secure_key"]) == same
    assert OLD not in str(found) and NEW not in str(found)


@given(st.text(min_size=1), st.text(min_size=1))
def test_keys_as_the_template_writes_them_are_distinguished(one, other):
    found = [shared_settings.read_session_settings(f"session.secureKey = {json.dumps(key)}") for key in (one, other)]
    assert (found[0] == found[1]) == (one == other)


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    shared_settings.read_session_settings(text)
    shared_settings.read_session_settings(f"secureKey = {text}")


def akka(port):
    return f'# Instance 0\nakka.remote.artery {{\n canonical {{ hostname = "10.0.0.1", port = {port} }}\n}}\n'


@pytest.mark.parametrize(("running", "desired", "changes"), [
    ((None, f'secureKey = "{OLD}"', ""), (None, f'secureKey = "{OLD}"', ""), []),
    ((None, f'secureKey = "{OLD}"', ""), (None, f'secureKey = "{NEW}"', ""), ["xitrum_secure_key"]),
    # From the package's own key to a variable, and back.
    (({"xitrum_secure_key": "aa"}, "", ""), (None, f'secureKey = "{NEW}"', ""), ["xitrum_secure_key"]),
    ((None, f'secureKey = "{OLD}"', ""), ({"xitrum_secure_key": "aa"}, "", ""), ["xitrum_secure_key"]),
    # Two releases whose packages have keys of their own.
    (({"xitrum_secure_key": "aa"}, "", ""), ({"xitrum_secure_key": "bb"}, "", ""), ["xitrum_secure_key"]),
    (({"session.cookieName": "aa"}, "", ""), ({}, "session.cookieName = _shop", ""), ["session.cookieName"]),
    # Nothing is claimed of what is not known.
    ((None, "", ""), (None, f'secureKey = "{NEW}"', ""), []),
    ((None, "", ""), (None, "", akka(2551)), ["xitrum_cluster"]),
    ((None, "", akka(2551)), (None, "", ""), ["xitrum_cluster"]),
    ((None, "", akka(2551)), (None, "", akka(2600)), ["xitrum_cluster_port"]),
    ((None, "", akka(2551)), (None, "", akka(2551)), []),
])
def test_what_a_running_instance_has_otherwise(running, desired, changes):
    found = [shared_settings.read_settings(*texts) for texts in (running, desired)]
    assert shared_settings.find_changes(*found) == changes


def read_changes(own, release, template, package=None, cwd="/opt/demo/instances/0/bbbbbbbbbbbb-0011223344"):
    """What is reported of a JVM that works in a folder with these texts."""
    files = {
        JAVA: "", "/proc/1/limits": LIMITS, f"{cwd}/config/xitrum.conf": own,
        "/opt/demo/releases/bbbbbbbbbbbb/config/xitrum.conf": release,
        "/proc/7/stat": "7 (java) S 1 " + " ".join(["0"] * 17) + " 5000 0\n",
        "/proc/7/status": STATUS.format(uid=815815, gid=815816),
    }
    there = FakeHost(files, {}, {"/proc/7/cwd": cwd, "/proc/7/exe": JAVA})
    want = desired(user="815815", name="", health_path="", package_settings=package,
                   instances=[{"index": 0, "port": 8000, "files": {"config/xitrum.conf": template}}])
    state = instances.read(there, want, {"jdk": JDK})
    plan = instances.plan(want, state)
    assert OLD not in json.dumps(plan.facts) and NEW not in json.dumps(plan.facts)
    return plan.facts["instances"][0]["changes"]


def test_the_key_of_a_running_instance_is_read_where_it_works():
    stock = 'session { secureKey = "key of the package" }'
    old, new = (f'include file("x")\nxitrum {{\n  session.secureKey = "{key}"\n}}' for key in (OLD, NEW))
    assert read_changes(old, stock, new) == ["xitrum_secure_key"]
    assert read_changes(old, stock, old) == []
    assert read_changes("xitrum {}", stock, new) == ["xitrum_secure_key"]
    own = shared_settings.read_session_settings(stock)
    assert read_changes("xitrum {}", stock, "xitrum {}", own) == []
    assert read_changes("xitrum {}", stock, "xitrum {}", {"xitrum_secure_key": "another"}) == ["xitrum_secure_key"]
    assert read_changes(old, stock, "xitrum {}", own) == ["xitrum_secure_key"]
    # A folder that the application chose, and not one that this collection made.
    assert read_changes(old, stock, new, cwd="/opt/demo/instances/0/bbbbbbbbbbbb-0011223344/tmp/mine") == []


def an_item(index=0, changes=("xitrum_secure_key",), running=True):
    due = ["folder"] if running and changes else []
    return {"index": index, "port": 8000 + index, "running": running, "restart_reasons": due, "changes": list(changes)}


KEY = "xitrum_secure_key differs from what runs: "
BOTH = ("xitrum_rollout_strategy=all_at_once", "xitrum_rollout_strategy=rolling")


@pytest.mark.parametrize(("fleet", "strategy", "left_out", "required", "errors", "notes"), [
    ({"app1": [an_item(), an_item(1)], "app2": [an_item(changes=())]}, "", (), True, {"app1": (KEY, *BOTH)}, {}),
    ({"app1": [an_item()], "app2": [an_item()]}, "", (), True, {"app1": (KEY, *BOTH), "app2": (KEY, *BOTH)}, {}),
    ({"app1": [an_item()], "app2": [an_item()]}, "rolling", (), True, {}, {"app1": (KEY, "two values"), "app2": (KEY,)}),
    ({"app1": [an_item()], "app2": [an_item()]}, "all_at_once", (), True, {},
     {"app1": (KEY, "lose their sessions once", "2 instances restart at once", "no request is answered"), "app2": (KEY,)}),
    # One instance alone has one key at a time.
    ({"app1": [an_item()]}, "", (), True, {}, {"app1": (KEY, "lose their sessions once, when the instance restarts")}),
    # The hosts that --limit leaves out keep the old key.
    ({"app1": [an_item()]}, "", ("app2",), True, {"app1": (KEY, *BOTH, "app2 would keep the old value")}, {}),
    ({"app1": [an_item()]}, "all_at_once", ("app2",), True, {"app1": (KEY, "Run the same command without --limit")}, {}),
    ({"app1": [an_item()]}, "rolling", ("app2",), True, {}, {"app1": (KEY, "app2 would keep the old value")}),
    # A rollback is not held up.
    ({"app1": [an_item(), an_item(1)]}, "", (), False, {}, {"app1": (KEY, *BOTH)}),
    ({"app1": [an_item(changes=["session.cookieName"]), an_item(1)]}, "", (), True,
     {"app1": ("xitrum_secure_key and session.cookieName differ from what runs",)}, {}),
    # What does not run has no key.
    ({"app1": [an_item(running=False), an_item(1, changes=())]}, "", (), True, {}, {}),
    ({"app1": [an_item(changes=()), an_item(1, changes=())]}, "", ("app2",), True, {}, {}),
    ({"app1": [an_item(changes=["xitrum_cluster"]), an_item(1)]}, "rolling", (), True, {},
     {"app1": ("xitrum_cluster differs from what runs. Until the last instance has restarted, old and new",)}),
    ({"app1": [an_item(changes=["xitrum_cluster_port"]), an_item(1, changes=())]}, "", (), True, {},
     {"app1": ("xitrum_cluster_port differs from what runs",)}),
    ({"app1": [an_item(changes=["xitrum_cluster"])]}, "", (), True, {}, {}),
])
def test_what_a_rollout_would_do_to_sessions(fleet, strategy, left_out, required, errors, notes):
    found = shared_settings.report_restarts(fleet, strategy, left_out, required)
    for sentences, parts in zip(found, (errors, notes), strict=True):
        assert set(sentences) == set(parts)
        assert all(part in " ".join(sentences[host]) for host in parts for part in parts[host])


def of_host(items=(), **more):
    state = {"jdk": {"errors": [], "version": 17}, "instances": {"errors": [], "instances": list(items)}}
    package = {"errors": [], "examples": [], "folder": "/build", "java": 8}
    return {"xitrum_host_state": state, "application_package_read": package, "groups": {"xitrum": ["app1", "app2"], "xitrum_proxy": ["p"]}, **more}


def test_preflight_stops_at_a_changed_key_and_names_both_ways():
    fleet = {"app1": of_host([an_item()], xitrum_secure_key=NEW), "app2": of_host([an_item()], xitrum_secure_key=NEW), "p": {"xitrum_host_state": {}}}
    text = render_errors(fleet, list(fleet))
    flat = " ".join(text.split())
    assert flat.startswith("1 error. No host was changed")
    assert "app1, app2:" in text and KEY in flat and all(way in flat for way in BOTH)
    assert NEW not in text and OLD not in text
    assert find_notes(fleet, ["app1"], every=list(fleet)) == {"app1": []}
    for of_application in fleet.values():
        of_application["xitrum_rollout_strategy"] = "all_at_once"
    assert render_errors(fleet, list(fleet)) == ""
    notes = find_notes(fleet, ["app1"], every=list(fleet))["app1"]
    assert len(notes) == 2 and "2 instances restart at once" in notes[1]
    # Of a task that runs on each host, the others are known by the hosts of the run.
    assert "lose their sessions once" in notes[0]
    # A limited run.
    assert "Run the same command without --limit" in " ".join(render_errors(fleet, ["app1", "p"]).split())
    fleet["app1"]["xitrum_rollout_strategy"] = "at once"
    assert "xitrum_rollout_strategy" in render_errors(fleet, list(fleet))


@pytest.mark.parametrize(("one", "other", "message"), [
    ({"xitrum_secure_key": OLD}, {"xitrum_secure_key": NEW}, "found 2 values of xitrum_secure_key on the hosts of the group xitrum (app1; app2)"),
    ({"xitrum_secure_key": OLD}, {}, "found 2 values of xitrum_secure_key"),
    ({"xitrum_secure_key": OLD}, {"xitrum_config": f'session.secureKey = "{NEW}"', "xitrum_secure_key": OLD}, "found 2 values of xitrum_secure_key"),
    ({"xitrum_config": "session.cookieName = _a"}, {"xitrum_config": "session.cookieName = _b"}, "found 2 values of session.cookieName (xitrum_config)"),
    ({"xitrum_cluster": True}, {}, "found 2 values of xitrum_cluster"),
    ({"xitrum_cluster": "yes"}, {"xitrum_cluster": True}, ""),
    ({"xitrum_secure_key": OLD, "xitrum_config": "a = 1"}, {"xitrum_secure_key": OLD, "xitrum_config": "b = 2"}, ""),
    ({"xitrum_secure_key": OLD, "xitrum_name": "xitrum"}, {"xitrum_secure_key": NEW}, "found 2 values of xitrum_secure_key"),
    # Two applications in one inventory.
    ({"xitrum_secure_key": OLD, "xitrum_name": "shop"}, {"xitrum_secure_key": NEW, "xitrum_name": "blog"}, ""),
    ({}, {}, ""),
])
@pytest.mark.parametrize("limited", [False, True])
def test_hosts_that_differ_are_an_error_also_of_a_limited_run(one, other, message, limited):
    fleet = {"app1": of_host(**one), "app2": of_host(**other)}
    text = " ".join(render_errors(fleet, ["app1"] if limited else ["app1", "app2"]).split())
    assert message in text and bool(text) == bool(message)
    assert OLD not in text and NEW not in text


# Xitrum reads config/application.conf, which includes config/xitrum.conf.

START = 'include "akka"\ninclude "xitrum"\n'
IN_XITRUM = f'xitrum {{ session {{ secureKey = "{OLD}" }} }}'
KEY_IS = {key: {"xitrum_secure_key": shared_settings.compute_digest(key)} for key in (OLD, NEW)}
OVERRIDES = {"overrides": ["xitrum_secure_key"]}


@pytest.mark.parametrize(("files", "found"), [
    ({"xitrum": IN_XITRUM}, KEY_IS[OLD]),
    ({"xitrum": IN_XITRUM, "application": START}, KEY_IS[OLD]),
    # After the include the application's own value wins, before it that of xitrum.conf.
    ({"xitrum": IN_XITRUM, "application": f'{START}xitrum.session.secureKey = "{NEW}"'}, {**KEY_IS[NEW], **OVERRIDES}),
    ({"xitrum": IN_XITRUM, "application": f'xitrum.session.secureKey = "{NEW}"\n{START}'}, KEY_IS[OLD]),
    ({"xitrum": IN_XITRUM, "application": f'{START}xitrum {{ session {{ secureKey = ${{secrets.key}} }} }}\nsecrets.key = {NEW}'},
     {**KEY_IS[NEW], **OVERRIDES}),
    ({"xitrum": "xitrum {}", "application": f'{START}xitrum.session.secureKey = "{NEW}"'}, {**KEY_IS[NEW], **OVERRIDES}),
    # In a file of its own, that either of the two includes.
    ({"xitrum": IN_XITRUM, "application": f'{START}include "secrets"', "secrets": f'xitrum.session.secureKey = "{NEW}"'}, {**KEY_IS[NEW], **OVERRIDES}),
    ({"xitrum": f'{IN_XITRUM}\ninclude file("config/secrets.conf")', "application": START, "secrets": f'xitrum.session.secureKey = "{NEW}"'}, KEY_IS[NEW]),
    ({"xitrum": f'session.secureKey = "{OLD}"', "application": 'xitrum {\n include "xitrum"\n}\n'}, KEY_IS[OLD]),
    ({"xitrum": f'session.secureKey = "{OLD}"', "application": f'xitrum {{\n include "xitrum"\n session.secureKey = {NEW}\n}}\n'},
     {**KEY_IS[NEW], **OVERRIDES}),
    # What does not start, and what does not include it, is not what Xitrum reads.
    ({"xitrum": IN_XITRUM, "application": "xitrum {"}, KEY_IS[OLD]),
    ({"xitrum": IN_XITRUM, "application": f'xitrum.session.secureKey = "{NEW}"'}, KEY_IS[OLD]),
    # From elsewhere: nothing is claimed, and the statement is reported.
    ({"xitrum": IN_XITRUM, "application": f'{START}include file("/etc/shop/secrets.conf")'},
     {**KEY_IS[OLD], "unread": ['include file("/etc/shop/secrets.conf")']}),
    ({"xitrum": f'{IN_XITRUM}\nxitrum {{ include url("https://me:word@h/x") }}', "application": START},
     {**KEY_IS[OLD], "unread": [f'include url("https://{urls.HIDDEN}@h/x")']}),
    ({"xitrum": "xitrum { session.secureKey = ${SECRET} }"},
     {**shared_settings.read_session_settings("session.secureKey = ${SECRET}"), "unread": ["${SECRET}"]}),
    # One that a developer's machine has, for example: the library ignores it too.
    ({"xitrum": f'{IN_XITRUM}\ninclude "local"', "application": START}, KEY_IS[OLD]),
    ({"application": START}, None),
])
def test_the_settings_of_a_package_are_those_with_which_it_starts(tmp_path, files, found):
    (tmp_path / "config").mkdir()
    for name, text in files.items():
        (tmp_path / f"config/{name}.conf").write_text(text)
    assert shared_settings.read_package_settings(lambda path: package_config.read_text(str(tmp_path), path)) == found


@pytest.mark.parametrize(("running", "desired", "changes"), [
    # From release to release, and whatever the instance's own file has.
    ({**KEY_IS[OLD], **OVERRIDES}, {**KEY_IS[NEW], **OVERRIDES}, ["xitrum_secure_key"]),
    ({**KEY_IS[OLD], **OVERRIDES}, {**KEY_IS[OLD], **OVERRIDES}, []),
    (KEY_IS[OLD], {**KEY_IS[NEW], **OVERRIDES}, ["xitrum_secure_key"]),
    ({**KEY_IS[NEW], **OVERRIDES}, {**KEY_IS[NEW], "unread": ["${SECRET}"]}, ["xitrum_secure_key"]),
])
def test_a_key_of_the_application_wins_over_that_of_the_instance(running, desired, changes):
    own = 'session.secureKey = "another key of the instance"'
    found = [shared_settings.read_settings(package, own, "") for package in (running, desired)]
    assert shared_settings.find_changes(*found) == changes


def test_the_application_conf_of_a_running_release_is_read_on_its_host():
    release = "/opt/demo/releases/bbbbbbbbbbbb"
    there = FakeHost({f"{release}/config/xitrum.conf": IN_XITRUM, f"{release}/config/application.conf": f"{START}xitrum.session.secureKey = {NEW}",
                      "/etc/secrets.conf": "xitrum.session.secureKey = other"})
    assert instances.read_package_settings(there, "/opt/demo", "bbbbbbbbbbbb") == {**KEY_IS[NEW], **OVERRIDES}
    assert instances.read_package_settings(there, "/opt/demo", "cccccccccccc") is None
    # A folder is not a file, and a link must not lead out of the release.
    there.files[f"{release}/config/application.conf"] = f'{START}include "more"\ninclude "out"\ninclude "../../../../../etc/secrets"'
    there.files[f"{release}/config/more/a.conf"] = ""
    there.links[f"{release}/config/out.conf"] = "/etc/secrets.conf"
    assert instances.read_package_settings(there, "/opt/demo", "bbbbbbbbbbbb") == {**KEY_IS[OLD], "unread": ['include "../../../../../etc/secrets"']}


def with_package(settings, **more):
    found = of_host(**more)
    found["application_package_read"].update({"session_settings": settings, "release": "bb"})
    return found


def test_a_key_that_the_package_sets_again_is_an_error():
    over = {**KEY_IS[NEW], **OVERRIDES}
    text = " ".join(render_errors({"app1": with_package(over, xitrum_secure_key=OLD)}, ["app1"]).split())
    assert "config/application.conf of the package sets session.secureKey after it includes config/xitrum.conf" in text
    assert "(xitrum_secure_key) has no effect" in text and NEW not in text and OLD not in text
    text = " ".join(render_errors({"app1": with_package(over, xitrum_config=f'session.secureKey = "{OLD}"')}, ["app1"]).split())
    assert "(xitrum_config) has no effect" in text
    # The same value, none, and one that xitrum.conf has.
    for settings, more in ((over, {"xitrum_secure_key": NEW}), (over, {}), (KEY_IS[NEW], {"xitrum_secure_key": OLD})):
        assert render_errors({"app1": with_package(settings, **more)}, ["app1"]) == ""


def test_the_public_key_in_application_conf_is_refused_with_what_helps(tmp_path):
    folder = make_package(tmp_path / "x")
    example = package_config.EXAMPLE_VALUES["secureKey"]
    (folder / "config/application.conf").write_text(f'{START}xitrum.session.secureKey = "{example}"\n')
    read = package_inspection.inspect_package(str(folder), "quickstart.Boot", str(tmp_path / "cache"))
    assert read["examples"] == ["secureKey"] and read["session_settings"]["overrides"] == ["xitrum_secure_key"]
    found = of_host()
    found["application_package_read"] = {**read, "errors": []}
    text = " ".join(render_errors({"app1": found}, ["app1"]).split())
    assert "config/application.conf of the package sets session.secureKey to the example" in text and "Remove it there" in text
    # And a public key that is not in force is none.
    (folder / "config/xitrum.conf").write_text(f'xitrum.session.secureKey = "{example}"\n')
    (folder / "config/application.conf").write_text(f"{START}xitrum.session.secureKey = {NEW}\n")
    assert package_inspection.inspect_package(str(folder), "quickstart.Boot", str(tmp_path / "cache"))["examples"] == []


def test_what_is_not_read_is_a_note_of_a_new_release():
    found = with_package({**KEY_IS[OLD], "unread": ['include file("/etc/shop/secrets.conf")']}, xitrum_config='include url("https://h/x")')
    assert preflight.find_host_notes(found) == []
    found["xitrum_host_state"]["release"] = {"current": "aa"}
    first, second = preflight.find_host_notes(found)[1:]
    assert 'found include file("/etc/shop/secrets.conf") in the configuration of the package: this check cannot read' in first
    assert 'found include url("https://h/x") in xitrum_config' in second
    found["xitrum_java_options"] = ["-Xss1m", "-Dconfig.file=/etc/shop/secrets.conf"]
    assert "found -Dconfig.file in xitrum_java_options: this check cannot read" in preflight.find_host_notes(found)[3]


@pytest.mark.parametrize(("option", "name", "variable"), [
    (f"-Dxitrum.session.secureKey={NEW}", "session.secureKey", "xitrum_secure_key"),
    (f'-D"xitrum.session.secureKey"={NEW}', "session.secureKey", "xitrum_secure_key"),
    (f" '-Dxitrum.session.secureKey={NEW}'", "session.secureKey", "xitrum_secure_key"),
    ("-Dxitrum.session.cookieName=_s", "session.cookieName", "xitrum_config to session.cookieName = VALUE"),
    (f"-Dxitrum.metrics.apiKey={NEW}", "metrics.apiKey", "xitrum_metrics_api_key"),
])
def test_an_option_of_the_jvm_does_not_replace_a_setting_of_the_instances(option, name, variable):
    """The option wins, and its change would be an ordinary rolling restart with two keys."""
    given = {"xitrum_java_options": ["-Xss1m", option, option, "-Dxitrum.other=1", "-Xxitrum.session.secureKey=1"]}
    (error,) = [text for text in plan_errors(given) if "white space" not in text and "begin with" not in text]
    assert f"-Dxitrum.{name}, which wins over" in error and error.endswith(f"set {variable}") and NEW not in error
    # A play of yours that runs the module reads no variables.
    assert error in instances.plan(desired(java_options=given["xitrum_java_options"]), running(desired())).errors
