# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alternatives of both families, and what is decided about them.

`debian-*.txt` are what Debian 12 reported. `redhat-*.txt` are made after the source of the program: no such host was at hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.jdk import alternatives
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

DATA = Path(__file__).parents[1] / "data/alternatives"
JVM = "/usr/lib/jvm"
DEBIAN, OURS = f"{JVM}/java-17-openjdk-amd64", f"{JVM}/jdk-b"


def read_example(name):
    return (DATA / f"{name}.txt").read_text()


@pytest.mark.parametrize("name, mode, value, priorities", [
    ("debian-two-auto", "auto", f"{DEBIAN}/bin/java", [1711, -5]),
    ("debian-manual-negative", "manual", f"{OURS}/bin/java", [1711, -5]),
    ("debian-removed", "manual", f"{OURS}/bin/java", [1711]),
    ("debian-etcmissing", "manual", "", [1711]),
    ("debian-javac-ours", "manual", f"{JVM}/jdk-11-e86187cb/bin/javac", [1711, 1]),
])
def test_what_debian_reports(name, mode, value, priorities):
    group = alternatives.parse_query(read_example(name))
    assert (group["mode"], group["value"]) == (mode, value)
    assert [choice["priority"] for choice in group["choices"]] == priorities
    assert group["link"].startswith("/usr/bin/java")


@pytest.mark.parametrize("name, mode, value, choices", [
    ("redhat-auto-family", "auto", f"{JVM}/java-17-openjdk-17.0.9.0.9-2.el9.x86_64/bin/java", [("java-17-openjdk.x86_64", 17000909)]),
    ("redhat-manual-negative", "manual", "/opt/jdk - own/bin/java", [("java-1.8.0-openjdk.x86_64", 1800392), ("", -5)]),
])
def test_what_the_red_hat_family_reports(name, mode, value, choices):
    group = alternatives.parse_display(read_example(name))
    assert (group["mode"], group["value"]) == (mode, value)
    assert [(choice["family"], choice["priority"]) for choice in group["choices"]] == choices
    assert group["choices"][-1]["path"] == value


PATHS = st.from_regex(r"/[a-z0-9._/-]{1,30}", fullmatch=True)
CHOICES = st.lists(st.tuples(PATHS, st.integers(-2**31, 2**31 - 1), st.from_regex(r"|[a-z0-9.-]{1,9}", fullmatch=True)), max_size=4)


@given(CHOICES, st.sampled_from(["auto", "manual"]), st.one_of(st.none(), PATHS))
def test_any_choices_come_back_as_they_were_written(choices, mode, value):
    query = f"Name: java\nLink: /usr/bin/java\nStatus: {mode}\nValue: {value or 'none'}\n" + "".join(
        f"\nAlternative: {path}\nPriority: {priority}\nSlaves:\n java.1.gz {path}.gz\n" for path, priority, _family in choices)
    display = f"java - status is {mode}.\n link currently points to {value or '(null)'}\n" + "".join(
        f"{path} - {'family ' + family + ' ' if family else ''}priority {priority}\n follower jre: {path}\n" for path, priority, family in choices)
    for group in (alternatives.parse_query(query), alternatives.parse_display(display)):
        assert (group["mode"], group["value"]) == (mode, value or "")
        assert [(choice["path"], choice["priority"]) for choice in group["choices"]] == [(path, priority) for path, priority, _family in choices]
    assert [choice["family"] for choice in alternatives.parse_display(display)["choices"]] == [family for _path, _priority, family in choices]


def kept(mode, choices, followers=0):
    """The file of one command, as both families write it."""
    head = "".join(f"follower{number}\n/usr/share/{number}\n" for number in range(followers))
    return f"{mode}\n/usr/bin/java\n{head}\n" + "".join(
        f"{path}\n{'@' + family + '@' if family else ''}{priority}\n" + "\n" * followers for path, priority, family in choices) + "\n"


@given(CHOICES, st.sampled_from(["auto", "manual"]), st.integers(0, 3))
def test_the_programs_own_file_comes_back_as_it_was_written(choices, mode, followers):
    group = alternatives.parse_kept(kept(mode, choices, followers))
    assert (group["mode"], group["link"]) == (mode, "/usr/bin/java")
    assert [(choice["path"], choice["priority"], choice["family"]) for choice in group["choices"]] == choices


@pytest.mark.parametrize("name", ["debian-kept", "redhat-kept"])
def test_a_real_file_states_what_the_program_reports(name):
    group = alternatives.parse_kept(read_example(name))
    assert group["mode"] == "manual"
    assert [choice["priority"] for choice in group["choices"]] == ([1711, -5] if name == "debian-kept" else [1800392, -5])


@given(st.text())
def test_any_text_is_a_file_or_no_file_and_no_error(text):
    assert alternatives.parse_kept(text) is None or text.startswith(("auto\n", "manual\n"))


def test_what_is_pinned_and_leads_there_is_read_without_a_process():
    pinned = {name: ("manual", f"{DEBIAN}/bin/{name}", []) for name in THREE}
    files = {f"{alternatives.KEPT['update-alternatives']}/{name}": f"manual\n/usr/bin/{name}\n\n{DEBIAN}/bin/{name}\n1711\n\n" for name in THREE}
    host = debian_host(pinned, {**FILES, **files})
    assert not planned(host, DEBIAN).changed
    assert host.done == []
    planned(host, OURS)
    assert len(host.done) == 3


@given(st.text())
def test_any_other_text_is_no_alternative_and_no_error(text):
    assert alternatives.parse_query(text) is None or "Name: " in text
    assert alternatives.parse_display(text) is None or " - status is " in text


def jdk_files(home, *commands):
    return {f"{home}/bin/{name}": "" for name in commands}


def debian_host(groups, files=None, record=None, links=None):
    """`groups`: name to (mode, value, [(path, priority)])."""
    commands, made = {}, {}
    for name in alternatives.COMMANDS:
        query = f"update-alternatives --query {name}"
        if name in groups:
            mode, value, choices = groups[name]
            commands[query] = f"Name: {name}\nLink: /usr/bin/{name}\nStatus: {mode}\nValue: {value or 'none'}\n" + "".join(
                f"\nAlternative: {path}\nPriority: {priority}\n" for path, priority in choices)
            if value:
                made.update({f"/usr/bin/{name}": f"/etc/alternatives/{name}", f"/etc/alternatives/{name}": value})
        else:
            commands[query] = (2, "", f"update-alternatives: error: no alternatives for {name}")
    kept = {alternatives.RECORD: record_text(record)} if record else {}
    return FakeHost({**(files or {}), **kept}, commands, {**made, **(links or {})})


def planned(host, home, **more):
    desired = {"state": "present", "home": home, "commands": list(alternatives.COMMANDS), "priority": 1, "version": 0, **more}
    return alternatives.plan(desired, alternatives.read(host, desired))


def pairs(plan, *kinds):
    return [action[:2] for action in plan.actions if action[0] in kinds]


THREE = ("java", "javac", "javap")
PACKAGED = {name: ("auto", f"{DEBIAN}/bin/{name}", [(f"{DEBIAN}/bin/{name}", 1711)]) for name in THREE}
FILES = {**jdk_files(DEBIAN, *THREE), **jdk_files(OURS, *THREE)}


def test_all_are_registered_before_the_first_is_switched_and_the_old_choice_is_written_down_first():
    plan = planned(debian_host(PACKAGED, FILES), OURS)
    assert [action[0] for action in plan.actions] == ["record", *["register"] * 3, *["set"] * 3]
    assert json.loads(plan.actions[0][1])["javac"] == {
        "mode": "auto", "path": f"{DEBIAN}/bin/javac", "chosen": f"{OURS}/bin/javac", "registered": [f"{OURS}/bin/javac"]}
    assert f"java: {DEBIAN}/bin/java (auto)" in plan.before
    assert f"java: {OURS}/bin/java (manual)" in plan.after


def test_a_choice_of_an_earlier_run_is_not_taken_for_the_hosts_own():
    record = {"java": {"mode": "auto", "path": f"{DEBIAN}/bin/java", "registered": []}}
    plan = planned(debian_host(PACKAGED, FILES, {"java": record["java"]}), OURS)
    assert json.loads(plan.actions[0][1])["java"]["path"] == f"{DEBIAN}/bin/java"
    other = {**PACKAGED, "java": ("manual", f"{OURS}/bin/java", [(f"{OURS}/bin/java", 1)])}
    plan = planned(debian_host(other, FILES, record), DEBIAN)
    assert json.loads(plan.actions[0][1])["java"]["mode"] == "auto"


def test_the_right_choice_in_automatic_mode_is_pinned_and_reported_it():
    plan = planned(debian_host(PACKAGED, FILES), DEBIAN)
    assert pairs(plan, "register") == []
    assert pairs(plan, "set") == [("set", name) for name in THREE]
    assert plan.facts["pinned"] == list(THREE)
    assert "automatic mode" in plan.rows[0].why


def test_nothing_is_done_where_all_are_pinned():
    pinned = {name: ("manual", *rest) for name, (_mode, *rest) in PACKAGED.items()}
    plan = planned(debian_host(pinned, FILES), DEBIAN)
    assert not plan.changed
    assert [row.status for row in plan.rows] == ["ok", "ok", "ok", "absent"]


def test_a_command_that_the_jdk_does_not_have_is_left_alone_and_reported():
    groups = {**PACKAGED, "javaws": ("auto", "/opt/jdk8/bin/javaws", [("/opt/jdk8/bin/javaws", -1)])}
    plan = planned(debian_host(groups, {**FILES, "/opt/jdk8/bin/javaws": ""}), OURS)
    assert ("set", "javaws") not in pairs(plan, "set")
    row = plan.rows[-1]
    assert (row.status, row.effective) == ("absent", "/opt/jdk8/bin/javaws")


def test_all_four_are_switched_where_the_jdk_has_them():
    plan = planned(debian_host({}, jdk_files(OURS, *alternatives.COMMANDS)), OURS)
    assert pairs(plan, "register", "set") == [(kind, name) for kind in ("register", "set") for name in alternatives.COMMANDS]
    assert plan.rows[0].why == "no alternative is registered"


@pytest.mark.parametrize("links", [
    {"/usr/bin/java": "/nowhere/java"},
    {"/usr/bin/java": f"{OURS}/bin/java"},
    {"/etc/alternatives/java": "/nowhere/java"},
])
def test_a_broken_link_is_set_again(links):
    pinned = {name: ("manual", *rest) for name, (_mode, *rest) in PACKAGED.items()}
    plan = planned(debian_host(pinned, FILES, links=links), DEBIAN)
    assert pairs(plan, "set") == [("set", "java")]


def test_an_alternative_of_a_removed_jdk_is_switched():
    gone = {**PACKAGED, "java": ("manual", "/gone/bin/java", [(f"{DEBIAN}/bin/java", 1711)])}
    plan = planned(debian_host(gone, FILES), DEBIAN)
    assert plan.rows[0].why == "another one is chosen"
    assert plan.rows[0].effective == ""
    assert ("set", "java") in pairs(plan, "set")


def test_a_file_in_the_place_of_the_link_is_an_error():
    host = debian_host(PACKAGED, {**FILES, "/usr/bin/java": "a copy"})
    del host.links["/usr/bin/java"]
    assert list(planned(host, DEBIAN).errors) == [
        "/usr/bin/java is a file; expected a symbolic link that alternatives manages. Move it away, then run the same command again"]


def test_a_home_without_commands_and_a_host_without_alternatives_are_errors():
    assert "has none of bin/java" in planned(debian_host({}), OURS).errors[0]
    assert "jdk_alternatives: false" in planned(FakeHost(FILES), OURS).errors[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"java": 1}', '{"java": {"mode": "auto"}}'])
def test_a_damaged_record_is_an_error(text):
    host = debian_host(PACKAGED, {**FILES, alternatives.RECORD: record_text(text)})
    plan = planned(host, OURS)
    assert list(plan.errors) == [f"{alternatives.RECORD} is damaged: move it away, then run the same command again. A removal then restores the present choice"]
    assert not plan.changed


def test_the_removal_brings_back_what_was_chosen_before_and_unregisters_only_ours():
    choices = {name: [(f"{DEBIAN}/bin/{name}", 1711), ("/opt/other/bin/" + name, 9), (f"{OURS}/bin/{name}", 1)] for name in THREE}
    groups = {name: ("manual", f"{OURS}/bin/{name}", choices[name]) for name in THREE}
    record = {name: {"mode": "auto", "path": f"{DEBIAN}/bin/{name}", "registered": [f"{OURS}/bin/{name}"]} for name in THREE}
    record["javac"].update(mode="manual", path="/opt/other/bin/javac")
    record["javap"].update(mode="manual", path="/gone/bin/javap")
    plan = planned(debian_host(groups, FILES, record), OURS, state="absent")
    assert [action for action in plan.actions if action[0] in ("set", "auto")] == [
        ("set", "javac", "/opt/other/bin/javac"), ("auto", "java", None), ("auto", "javap", None)]
    assert pairs(plan, "unregister") == [("unregister", name) for name in THREE]
    assert plan.facts["lost"] == ["javap: /gone/bin/javap was chosen before, and is no longer registered"]
    assert json.loads(plan.actions[0][1]) == {"schema_version": 1}
    assert [row.desired for row in plan.rows] == [f"{DEBIAN}/bin/java (auto)", "/opt/other/bin/javac (manual)", f"{DEBIAN}/bin/javap (auto)"]
    assert OURS not in plan.after


def test_the_removal_of_a_jdk_that_is_not_chosen_keeps_the_choice_and_its_record():
    groups = {"java": ("manual", f"{DEBIAN}/bin/java", [(f"{DEBIAN}/bin/java", 1711), (f"{OURS}/bin/java", 1)])}
    record = {"java": {"mode": "auto", "path": "", "registered": [f"{OURS}/bin/java"]}}
    plan = planned(debian_host(groups, FILES, record), OURS, state="absent")
    assert pairs(plan, "set", "auto", "unregister") == [("unregister", "java")]
    assert json.loads(plan.actions[0][1]) == {"schema_version": 1, "java": {"mode": "auto", "path": "", "registered": []}}


def test_what_was_registered_of_other_jdks_is_remembered_when_the_choice_comes_back():
    groups = {"java": ("manual", f"{OURS}/bin/java", [(f"{DEBIAN}/bin/java", 1711), (f"{OURS}/bin/java", 1), ("/opt/third/bin/java", 1)])}
    record = {"java": {"mode": "auto", "path": "", "registered": [f"{OURS}/bin/java", "/opt/third/bin/java"]}}
    plan = planned(debian_host(groups, FILES, record), OURS, state="absent")
    assert json.loads(plan.actions[0][1]) == {"schema_version": 1, "java": {"registered": ["/opt/third/bin/java"]}}
    again = planned(debian_host(PACKAGED, FILES, {"java": {"registered": ["/opt/third/bin/java"]}}), OURS)
    assert json.loads(again.actions[0][1])["java"] == {
        "mode": "auto", "path": f"{DEBIAN}/bin/java", "chosen": f"{OURS}/bin/java", "registered": ["/opt/third/bin/java", f"{OURS}/bin/java"]}


def test_the_distributions_choices_are_never_unregistered():
    pinned = {name: ("manual", *rest) for name, (_mode, *rest) in PACKAGED.items()}
    record = {name: {"mode": "auto", "path": f"{DEBIAN}/bin/{name}", "registered": []} for name in THREE}
    plan = planned(debian_host(pinned, FILES, record), DEBIAN, state="absent")
    assert pairs(plan, "unregister") == []
    assert pairs(plan, "auto") == [("auto", name) for name in THREE]


def test_those_that_were_switched_go_back_when_a_later_one_fails():
    host = debian_host(PACKAGED, FILES)
    desired = {"state": "present", "home": DEBIAN, "commands": list(THREE), "priority": 1, "version": 0}
    state = alternatives.read(host, desired)
    for words in (f"--set java {DEBIAN}/bin/java", "--auto java"):
        host.commands[f"update-alternatives {words}"] = ""
    host.commands[f"update-alternatives --set javac {DEBIAN}/bin/javac"] = (2, "", "no space left")
    with pytest.raises(RuntimeError, match="javac failed with exit code 2: no space left"):
        alternatives.apply(host, alternatives.plan(desired, state))
    assert host.done[-1] == ("run", "update-alternatives --auto java")


def red_hat_host(name, links):
    files = {path: "" for path in jdk_files(f"{JVM}/java-17-openjdk-17.0.9.0.9-2.el9.x86_64", "java")}
    return FakeHost({**files, **{f"/var/lib/alternatives/{name}": ""}}, {"alternatives --display java": read_example("redhat-auto-family")}, links)


def test_the_red_hat_familys_versioned_path_is_chosen_where_the_home_is_a_link_to_it():
    real = f"{JVM}/java-17-openjdk-17.0.9.0.9-2.el9.x86_64"
    links = {f"{JVM}/java-17-openjdk": real, "/usr/bin/java": "/etc/alternatives/java", "/etc/alternatives/java": f"{real}/bin/java"}
    plan = planned(red_hat_host("java", links), f"{JVM}/java-17-openjdk", commands=["java"])
    assert list(plan.actions[1:]) == [("set", "java", f"{real}/bin/java")]


def test_the_red_hat_familys_lost_link_is_an_error_since_its_program_reads_nothing_without():
    host = red_hat_host("java", {})
    host.commands["alternatives --display java"] = (2, "", "failed to read link /usr/bin/java: No such file or directory")
    plan = planned(host, f"{JVM}/java-17-openjdk-17.0.9.0.9-2.el9.x86_64", commands=["java"])
    assert "ln -s" in plan.errors[0]
