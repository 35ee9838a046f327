# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JDKs of packages and archives side by side on the Red Hat family: switched, pinned, restored with their followers."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.runner import NotApplied, converge
from ansible_collections.xitrum.host.plugins.module_utils.jdk import alternatives
from ansible_collections.xitrum.host.plugins.module_utils.jdk import archive as jdk_archive
from ansible_collections.xitrum.host.plugins.module_utils.jdk import component as jdk
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lib import red_hat_jdk
from tests.unit.record_texts import record_text

from ..red_hat_host import GROUPS, RedHatHost

JVM = "/usr/lib/jvm"
ARCHIVE = f"{JVM}/jdk-17-3f3f3f3f"
RPM = f"{JVM}/java-17-openjdk-17.0.9.0.9-2.el9.x86_64"
UPDATE = f"{JVM}/java-17-openjdk-17.0.15.0.6-2.el9.x86_64"
RPM_8 = f"{JVM}/java-1.8.0-openjdk-1.8.0.392.b08-4.el8.x86_64"
RPM_11 = f"{JVM}/java-11-openjdk-11.0.25.0.9-2.el9.x86_64"
RPM_21 = f"{JVM}/java-21-openjdk-21.0.5.0.10-3.el9.x86_64"

ALL = ("java", "javac", "javap", "keytool", "jar", "jcmd", "jshell")


def make_host(*rpms, headless=False):
    """A host with packages of JDKs, and a JDK from an archive."""
    host = RedHatHost({})
    host.add_jdk(ARCHIVE, *ALL, "rmiregistry", "jdeps")
    for home in rpms:
        host.install_rpm(home, headless)
    return host


def register(host, home, priority, names=("java", "javac"), chosen=False):
    """Somebody registers commands of a JDK, and may choose them."""
    for name in names:
        host.run(["alternatives", "--install", f"/usr/bin/{name}", name, f"{home}/bin/{name}", str(priority)])
        if chosen:
            host.run(["alternatives", "--set", name, f"{home}/bin/{name}"])


def run_module(host, home=ARCHIVE, check_mode=False, **more):
    """What the module does. Afterwards a second run must have nothing to do."""
    desired = {
        "state": "present",
        "home": home,
        "commands": list(alternatives.COMMANDS),
        "priority": 1,
        "version": 0,
        **more,
    }
    host.calls.clear()
    result = converge(alternatives, host, desired, check_mode)
    calls = [words for words in host.calls if words[0] != "--display"]
    if not check_mode:
        assert not alternatives.plan(desired, alternatives.read(host, desired)).changed
    else:
        assert calls == []
    return result, calls


def record_of(host):
    return alternatives.read_record(host)[0]


def homes_of(host, names=ALL):
    """The homes that commands end in."""
    return {path.partition("/bin/")[0].removesuffix("/jre") for path in host.links_of(*names).values()}


def modes_of(host):
    """The mode of each group."""
    return {path: text.partition("\n")[0] for path, text in host.files.items() if path.startswith(f"{GROUPS}/")}


@pytest.mark.parametrize("rpms", [[], [RPM], [RPM_8], [RPM_11, RPM], [RPM_8, RPM_11, RPM, RPM_21]])
def test_all_commands_move_to_the_archives_jdk_and_back_as_they_were(rpms):
    host = make_host(*rpms)
    before = host.snapshot()
    run_module(host)
    names = ("java", "javac", "javap", "keytool", "jar") if not rpms else ALL
    assert homes_of(host, names) == {ARCHIVE}
    assert [host.files[f"{GROUPS}/{name}"].partition("\n")[0] for name in ("java", "javac")] == ["manual"] * 2
    assert f"{GROUPS}/javap" not in host.files
    run_module(host, state="absent")
    assert host.snapshot() == before
    assert record_of(host) == {}


def test_javap_is_never_registered_as_a_group_of_its_own():
    host = make_host(RPM)
    _result, calls = run_module(host)
    assert [words[:3] for words in calls] == [
        ["--install", "/usr/bin/java", "java"],
        ["--install", "/usr/bin/javac", "javac"],
        ["--set", "java", f"{ARCHIVE}/bin/java"],
        ["--set", "javac", f"{ARCHIVE}/bin/javac"],
    ]
    javac = calls[1]
    assert ["--slave", "/usr/bin/javap", "javap", f"{ARCHIVE}/bin/javap"] in [
        javac[at : at + 4] for at in range(5, len(javac), 4)
    ]


def test_an_archive_is_registered_with_all_that_it_has_of_the_groups_followers():
    host = make_host(RPM)
    run_module(host)
    group = alternatives.parse_kept(host.files[f"{GROUPS}/java"])
    ours = next(choice for choice in group["choices"] if choice["path"] == f"{ARCHIVE}/bin/java")
    # The package's manual pages are not the archive's, which has no alt-java either.
    assert ours["followers"] == {
        "jre": ARCHIVE,
        **{name: f"{ARCHIVE}/bin/{name}" for name in ("jcmd", "keytool", "rmiregistry")},
    }
    assert host.links_of("alt-java") == {"alt-java": ""}
    assert host.realpath(f"{JVM}/jre") == host.realpath(f"{JVM}/java") == ARCHIVE


def test_followers_that_a_new_jdk_does_not_have_go_and_come_back():
    host = make_host(RPM_8)
    gone = ("unpack200", "rmid", "jjs", "orbd")
    assert all(host.links_of(*gone).values())
    run_module(host)
    assert not any(host.links_of(*gone).values())
    run_module(host, state="absent")
    assert all(host.links_of(*gone).values())


def test_manual_pages_of_an_archive_are_followers_where_the_group_has_them_there():
    other = "/opt/temurin-17"
    host = make_host()
    host.add_jdk(other, "java")
    host.files.update(
        {
            f"{other}/man/man1/java.1": "",
            f"{ARCHIVE}/man/man1/java.1": "",
            f"{other}/lib/jexec": "",
            f"{ARCHIVE}/lib/jexec": "",
        }
    )
    host.run(
        [
            "alternatives",
            "--install",
            "/usr/bin/java",
            "java",
            f"{other}/bin/java",
            "9",
            "--slave",
            "/usr/share/man/man1/java.1",
            "java.1",
            f"{other}/man/man1/java.1",
            "--slave",
            "/usr/bin/jexec",
            "jexec",
            f"{other}/lib/jexec",
        ]
    )
    run_module(host)
    assert host.realpath("/usr/share/man/man1/java.1") == f"{ARCHIVE}/man/man1/java.1"
    assert host.realpath("/usr/bin/jexec") == f"{ARCHIVE}/lib/jexec"


def test_a_second_run_asks_the_program_nothing():
    host = make_host(RPM)
    run_module(host)
    host.calls.clear()
    alternatives.read(host, {"home": ARCHIVE, "commands": list(alternatives.COMMANDS)})
    assert host.calls == []


def test_the_packages_own_choice_is_pinned_as_it_is():
    host = make_host(RPM_11, RPM)
    before = host.snapshot()
    result, calls = run_module(host, RPM)
    assert result["pinned"] == ["java", "javac"]
    assert [words[0] for words in calls] == ["--set", "--set"]
    assert [row["status"] for row in result["rows"]] == ["drift", "drift", "ok", "absent"]
    run_module(host, RPM_11)
    assert homes_of(host) == {RPM_11}
    run_module(host, RPM_11, state="absent")
    assert host.snapshot() == before


def test_the_versioned_choice_is_taken_where_the_home_is_the_packages_link():
    host = make_host(RPM_11, RPM)
    assert host.realpath(f"{JVM}/java-11-openjdk") == RPM_11
    _result, calls = run_module(host, f"{JVM}/java-11-openjdk")
    assert calls == [["--set", "java", f"{RPM_11}/bin/java"], ["--set", "javac", f"{RPM_11}/bin/javac"]]


def test_java_8_of_a_package_is_the_java_of_its_jre():
    host = make_host(RPM, RPM_8)
    host.add_jdk(RPM_8, "java", "keytool")
    _result, calls = run_module(host, RPM_8)
    assert calls == [["--set", "java", f"{RPM_8}/jre/bin/java"], ["--set", "javac", f"{RPM_8}/bin/javac"]]


@pytest.mark.parametrize("hand", [RPM_11, RPM])
def test_a_choice_that_was_made_by_hand_comes_back_as_one(hand):
    host = make_host(RPM_11, RPM)
    for name in ("java", "javac"):
        host.run(["alternatives", "--set", name, f"{hand}/bin/{name}"])
    before = host.snapshot()
    run_module(host)
    run_module(host, state="absent")
    assert host.snapshot() == before


def test_after_an_update_of_the_package_the_choice_by_hand_is_the_familys_new_one():
    host = make_host(RPM, RPM_21)
    for name in ("java", "javac"):
        host.run(["alternatives", "--set", name, f"{RPM}/bin/{name}"])
    run_module(host)
    host.install_rpm(UPDATE)
    host.remove_rpm(RPM)
    assert homes_of(host) == {ARCHIVE}
    run_module(host)
    result, _calls = run_module(host, state="absent")
    assert "lost" not in result
    assert homes_of(host) == {UPDATE}
    assert host.files[f"{GROUPS}/java"].startswith("manual\n")
    clean = make_host(RPM_21, UPDATE)
    for name in ("java", "javac"):
        clean.run(["alternatives", "--set", name, f"{UPDATE}/bin/{name}"])
    assert host.links == clean.links


def test_after_an_update_of_the_package_automatic_mode_comes_back():
    host = make_host(RPM)
    run_module(host)
    host.install_rpm(UPDATE)
    host.remove_rpm(RPM)
    run_module(host, state="absent")
    assert host.files[f"{GROUPS}/java"].startswith("auto\n")
    assert host.links == make_host(UPDATE).links


def test_the_last_package_may_go_while_the_archive_is_chosen():
    host = make_host(RPM)
    run_module(host)
    host.remove_rpm(RPM)
    assert homes_of(host, ("java", "javac", "javap", "keytool", "jar")) == {ARCHIVE}
    run_module(host)
    run_module(host, state="absent")
    assert host.snapshot() == ({}, {})


@pytest.mark.parametrize("headless", [True, False])
def test_a_package_that_comes_later_finds_its_groups(headless):
    host = make_host()
    run_module(host)
    host.install_rpm(RPM, headless)
    assert homes_of(host, ("java", "javac", "javap", "keytool", "jar")) == {ARCHIVE}
    # It has brought followers that the archive was not registered with.
    run_module(host)
    assert host.links_of("jcmd") == {"jcmd": f"{ARCHIVE}/bin/jcmd"}
    run_module(host, state="absent")
    assert host.links == make_host(RPM, headless=headless).links
    assert host.files[f"{GROUPS}/java"].startswith("auto\n")


def test_new_followers_of_a_group_are_drift():
    host = make_host(RPM)
    run_module(host)
    host.add_jdk(ARCHIVE, "jwebserver")
    host.run(
        [
            "alternatives",
            "--install",
            "/usr/bin/javac",
            "javac",
            f"{RPM_21}/bin/javac",
            "21",
            "--slave",
            "/usr/bin/jwebserver",
            "jwebserver",
            f"{RPM_21}/bin/jwebserver",
        ]
    )
    result, calls = run_module(host)
    assert [words[0] for words in calls] == ["--install", "--set"]
    assert [row["why"] for row in result["rows"] if row["status"] == "drift"] == ["its followers differ: jwebserver"]
    assert f"    jwebserver: {ARCHIVE}/bin/jwebserver\n" in result["diff"]["after"]
    assert f"    jwebserver: {ARCHIVE}/bin/jwebserver\n" not in result["diff"]["before"]


def test_a_jre_alone_switches_what_it_has():
    jre = "/opt/jre"
    host = make_host(RPM)
    host.add_jdk(jre, "java", "keytool")
    result, _calls = run_module(host, jre)
    assert host.links_of("java", "keytool", "javac", "jar") == {
        "java": f"{jre}/bin/java",
        "keytool": f"{jre}/bin/keytool",
        "javac": f"{RPM}/bin/javac",
        "jar": f"{RPM}/bin/jar",
    }
    assert [row["status"] for row in result["rows"]] == ["drift", "absent", "absent", "absent"]


def test_a_headless_package_has_no_group_of_javac():
    host = make_host(RPM, headless=True)
    before = host.snapshot()
    run_module(host)
    assert homes_of(host, ("java", "javac", "javap", "jar", "keytool")) == {ARCHIVE}
    run_module(host, state="absent")
    assert host.snapshot() == before


def test_another_choice_without_followers_stays_as_it_is():
    own = "/opt/jdk"
    host = make_host(RPM)
    host.add_jdk(own, *ALL)
    register(host, own, 99999999, chosen=True)
    before = host.snapshot()
    assert host.links_of("jar") == {"jar": ""}
    run_module(host)
    assert homes_of(host) == {ARCHIVE}
    run_module(host, state="absent")
    assert host.snapshot() == before


def test_a_group_without_followers_gets_them_and_loses_them_again():
    own = "/opt/jdk"
    host = make_host()
    host.add_jdk(own, *ALL)
    register(host, own, 5)
    before = host.snapshot()
    run_module(host)
    assert homes_of(host, ("java", "javac", "javap", "keytool", "jar")) == {ARCHIVE}
    run_module(host, state="absent")
    assert host.snapshot() == before


def test_a_home_registered_without_followers_gets_them_until_it_is_given_up():
    host = make_host(RPM)
    register(host, ARCHIVE, 7)
    before = host.snapshot()
    run_module(host)
    assert homes_of(host) == {ARCHIVE}
    assert f"{ARCHIVE}/bin/java\n7\n" in host.files[f"{GROUPS}/java"]
    run_module(host, state="absent")
    assert host.snapshot() == before


@pytest.mark.parametrize("command", ["jar", "keytool", "javap", "java", "javac"])
@pytest.mark.parametrize("path", ["/usr/bin/{}", "/etc/alternatives/{}"])
@pytest.mark.parametrize("target", ["", "/nowhere", f"{RPM}/bin/java"])
def test_broken_links_are_made_again(command, path, target):
    host = make_host(RPM)
    run_module(host)
    path = path.format(command)
    if target:
        host.links[path] = target
    else:
        del host.links[path]
    if not target and path in ("/etc/alternatives/java", "/etc/alternatives/javac"):
        with pytest.raises(NotApplied, match="ln -s"):
            run_module(host)
        host.links[path] = f"{ARCHIVE}/bin/{command}"
    else:
        run_module(host)
    assert homes_of(host) == {ARCHIVE}


def test_a_group_whose_file_is_damaged_is_an_error_with_what_the_program_reports():
    host = make_host(RPM)
    host.files[f"{GROUPS}/java"] = "auto\n/usr/bin/java\n\nwhat\n"
    with pytest.raises(NotApplied, match="path to alternate expected in /var/lib/alternatives/java"):
        run_module(host)


def test_a_group_in_a_form_that_is_unknown_here_is_read_as_the_program_shows_it():
    host = make_host(RPM)
    for name in ("java", "javac"):
        # The program takes a priority in any base.
        host.files[f"{GROUPS}/{name}"] = host.files[f"{GROUPS}/{name}"].replace("@17000909\n", "@0x10369cd\n")
    desired = {"state": "present", "home": ARCHIVE, "commands": list(alternatives.COMMANDS), "priority": 1, "version": 0}
    state = alternatives.read(host, desired)
    assert state["commands"]["javap"]["follows"] == "javac"
    assert state["commands"]["java"]["group"]["value"] == f"{RPM}/bin/java"
    alternatives.apply(host, alternatives.plan(desired, state))
    assert homes_of(host) == {ARCHIVE}
    for name in ("java", "javac"):
        host.files[f"{GROUPS}/{name}"] = host.files[f"{GROUPS}/{name}"].replace("@17000909\n", "@0x10369cd\n")
    assert not alternatives.plan(desired, alternatives.read(host, desired)).changed


@pytest.mark.parametrize("command", ["jar", "keytool"])
def test_a_file_in_the_place_of_a_follower_is_an_error(command):
    host = make_host(RPM)
    del host.links[f"/usr/bin/{command}"]
    host.files[f"/usr/bin/{command}"] = "a copy"
    with pytest.raises(
        NotApplied, match=f"/usr/bin/{command} is not a symbolic link; expected one that alternatives manages"
    ):
        run_module(host)
    assert not host.calls


@pytest.mark.parametrize("link, text", [("/etc/alternatives/fastjar", None), (None, "a program")])
def test_a_command_of_something_else_is_not_taken(link, text):
    host = make_host()
    if link:
        host.links["/usr/bin/jar"] = link
    else:
        host.files["/usr/bin/jar"] = text
    before = host.snapshot(), dict(host.files)
    run_module(host)
    assert host.links_of("javap") == {"javap": f"{ARCHIVE}/bin/javap"}
    assert (host.links.get("/usr/bin/jar"), host.files.get("/usr/bin/jar")) == (link, text)
    run_module(host, state="absent")
    assert host.snapshot() == before[0]


def test_a_command_with_a_group_of_its_own_keeps_it():
    host = make_host()
    other = "/opt/jdk"
    host.add_jdk(other, *ALL)
    register(host, other, 5, ("javap",))
    before = host.snapshot()
    run_module(host)
    assert homes_of(host, ("java", "javac", "javap", "jar")) == {ARCHIVE}
    assert record_of(host)["javap"]["registered"] == [f"{ARCHIVE}/bin/javap"]
    run_module(host, state="absent")
    assert host.snapshot() == before


@pytest.mark.parametrize("name", ["keytool", "jar"])
def test_a_command_apart_that_leads_to_another_jdk_is_a_note_with_the_command(name):
    host, other = make_host(), "/opt/jdk"
    host.add_jdk(other, *ALL)
    register(host, other, 5, (name,))
    run_module(host)
    assert homes_of(host, (name,)) == {other}
    desired = {"state": "present", "home": ARCHIVE, "commands": list(alternatives.COMMANDS), "priority": 1, "version": 0}

    def rows():
        plan = alternatives.plan(desired, alternatives.read(host, desired))
        assert not plan.changed and not plan.errors
        return [row for row in plan.rows if row.item == f"alternative {name}"]

    (row,) = rows()
    assert (row.status, row.desired, row.effective) == ("not_readable", f"{ARCHIVE}/bin/{name}", f"{other}/bin/{name}")
    for command in row.fix.split(" && "):
        host.run(command.split())
    assert homes_of(host, (name,)) == {ARCHIVE} and rows() == []


def test_commands_that_follow_are_no_note():
    host = make_host(RPM)
    run_module(host)
    assert alternatives.read(host, {"home": ARCHIVE, "commands": list(alternatives.COMMANDS)})["apart"] == {}


def test_a_group_that_was_registered_for_a_follower_before_its_package_came_is_given_up():
    host = make_host()
    # As it was before javap followed javac here.
    register(host, ARCHIVE, 1, ("java", "javac", "javap"), chosen=True)
    host.files[alternatives.RECORD] = record_text(
        {
            name: {"mode": "", "path": "", "chosen": f"{ARCHIVE}/bin/{name}", "registered": [f"{ARCHIVE}/bin/{name}"]}
            for name in ("java", "javac", "javap")
        }
    )
    host.install_rpm(RPM)
    run_module(host)
    assert f"{GROUPS}/javap" not in host.files
    assert homes_of(host) == {ARCHIVE}
    run_module(host, state="absent")
    assert host.links == make_host(RPM).links
    assert record_of(host) == {}


def test_a_follower_cannot_be_switched_without_its_leader():
    host = make_host(RPM)
    with pytest.raises(
        NotApplied, match="javap is a follower of the alternative javac on this host, .*; expected javac in the option commands"
    ):
        run_module(host, commands=["java", "javap"])


def test_two_groups_may_have_the_same_follower():
    # An older package has jcmd with javac, a newer one with java.
    host = make_host(RPM_21)
    old = f"{JVM}/java-17-openjdk-17.0.1.0.12-2.el9.x86_64"
    host.add_jdk(old, *ALL)
    host.run(
        [
            "alternatives",
            "--install",
            "/usr/bin/java",
            "java",
            f"{old}/bin/java",
            "5",
            "--slave",
            "/usr/bin/keytool",
            "keytool",
            f"{old}/bin/keytool",
        ]
    )
    host.run(
        [
            "alternatives",
            "--install",
            "/usr/bin/javac",
            "javac",
            f"{old}/bin/javac",
            "5",
            *[
                word
                for name in ("javap", "jar", "jcmd")
                for word in ("--slave", f"/usr/bin/{name}", name, f"{old}/bin/{name}")
            ],
        ]
    )
    for home in (ARCHIVE, RPM_21, old):
        run_module(host, home)
        assert homes_of(host, ("java", "javac", "javap", "jar", "keytool", "jcmd")) == {home}


def test_a_check_changes_nothing_and_shows_what_a_run_would_do():
    host = make_host(RPM)
    before = host.snapshot()
    result, _calls = run_module(host, check_mode=True)
    assert result["changed"]
    assert host.snapshot() == before
    assert f"java: {RPM}/bin/java (auto)\n" in result["diff"]["before"]
    assert f"javac: {ARCHIVE}/bin/javac (manual)\n" in result["diff"]["after"]
    assert f"    jar: {ARCHIVE}/bin/jar\n" in result["diff"]["after"]
    assert result["diff"] == run_module(host)[0]["diff"]


def test_the_groups_of_image_based_systems_are_below_etc():
    host = make_host(RPM)
    for path in [path for path in host.files if path.startswith(f"{GROUPS}/")]:
        host.files[path.replace(GROUPS, alternatives.IMAGE_BASED)] = host.files.pop(path)
    state = alternatives.read(host, {"home": ARCHIVE, "commands": ["java", "javap"]})
    assert state["commands"]["java"]["group"]["value"] == f"{RPM}/bin/java"
    assert state["commands"]["javap"]["follows"] == "javac"


def test_a_link_that_was_changed_by_hand_counts_as_chosen_by_hand():
    host = make_host(RPM_11, RPM)
    host.links["/etc/alternatives/java"] = f"{RPM_11}/bin/java"
    run_module(host)
    assert record_of(host)["java"] == {
        "mode": "manual",
        "path": f"{RPM_11}/bin/java",
        "family": "java-11-openjdk.x86_64",
        "chosen": f"{ARCHIVE}/bin/java",
        "registered": [f"{ARCHIVE}/bin/java"],
    }


def test_a_jdk_that_is_removed_gives_its_followers_back():
    host = make_host(RPM)
    before = host.snapshot()
    host.files[f"{ARCHIVE}/{jdk.MARKER}"] = "3f" * 32
    run_module(host)
    desired = {
        "name": "",
        "absent": [ARCHIVE.rpartition("/")[2]],
        "version": 0,
        "sha256": "",
        "unverified": False,
        "architecture": "x86_64",
    }
    planned = jdk_archive.plan(desired, jdk_archive.read(host, desired))
    assert list(planned.errors) == []
    jdk_archive.apply(host, planned)
    assert host.snapshot() == before


RPMS = (RPM_8, RPM_11, RPM, UPDATE, RPM_21)


@given(
    st.sets(st.sampled_from(RPMS)),
    st.lists(st.sampled_from(RPMS), max_size=4),
    st.lists(st.sampled_from([ARCHIVE, *RPMS]), max_size=3),
    st.booleans(),
)
@settings(deadline=None)
def test_whatever_packages_come_and_go_the_removal_leaves_what_they_would_have_left(first, changes, chosen, headless):
    host, alone = make_host(*sorted(first), headless=headless), make_host(*sorted(first), headless=headless)
    there = set(first)
    run_module(host)
    for home in changes:
        for machine in (host, alone):
            (machine.remove_rpm if home in there else machine.install_rpm)(home, headless)
        there ^= {home}
    run_module(host)
    assert homes_of(host, ("java", "javac", "javap", "keytool", "jar")) == {ARCHIVE}
    for home in chosen:
        if home in there and not headless:
            run_module(host, home)
            assert homes_of(host, ("java", "javac", "javap", "keytool", "jar")) == {home}
    run_module(host)
    run_module(host, state="absent")
    assert host.links == alone.links
    assert modes_of(host) == modes_of(alone)
    assert record_of(host) == {}


def test_the_words_of_a_package():
    calls = red_hat_jdk.list_calls("install", RPM)
    assert calls[0][:6] == ["--install", "/usr/bin/java", "java", f"{RPM}/bin/java", "17000909", "--family"]
    assert "java-17-openjdk.x86_64" in calls[0]
