# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the Red Hat family's `alternatives`, one test each: what the double does as the program does it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lib import red_hat_alternatives


class Machine:
    """The folders of a program, and the program."""

    def __init__(self, root):
        self.root = root
        for name in ("links", "groups", "bin"):
            (root / name).mkdir()

    def run(self, *words):
        """Runs the program; a word that begins with a slash is below the folder of the test. Returns the exit code."""
        return red_hat_alternatives.main(
            [
                "--altdir",
                f"{self.root}/links",
                "--admindir",
                f"{self.root}/groups",
                *[f"{self.root}{word}" if word.startswith("/") else word for word in words],
            ]
        )

    def install(self, path, priority, *followers, name="java", family=""):
        """Registers a path, with followers of these names in the same folder."""
        folder = path.rpartition("/")[0]
        more = ["--family", family] if family else []
        for follower in followers:
            more += ["--slave", f"/bin/{follower}", follower, f"{folder}/{follower}"]
        return self.run("--install", f"/bin/{name}", name, path, str(priority), *more)

    def link(self, name):
        """Where a command leads, below the folder of the test; None where one of its two links is missing."""
        first, second = self.root / "bin" / name, self.root / "links" / name
        if not first.is_symlink() or not second.is_symlink():
            return None
        assert str(first.readlink()) == str(second)
        return str(second.readlink())[len(str(self.root)) :]

    def group(self, name="java"):
        """The text of a group's file without the folder of the test; None where there is none."""
        path = self.root / "groups" / name
        return path.read_text().replace(str(self.root), "") if path.exists() else None

    def mode(self, name="java"):
        return self.group(name).partition("\n")[0]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_first_choice_makes_both_links_and_an_automatic_group(machine):
    assert machine.install("/a/java", 10, "keytool", family="f.x86_64") == 0
    assert machine.group() == "auto\n/bin/java\nkeytool\n/bin/keytool\n\n/a/java\n@f.x86_64@10\n/a/keytool\n"
    assert (machine.link("java"), machine.link("keytool")) == ("/a/java", "/a/keytool")


@pytest.mark.parametrize("priority, path", [(11, "/b/java"), (10, "/a/java"), (9, "/a/java"), (-1, "/a/java")])
def test_in_automatic_mode_the_highest_priority_is_chosen_and_the_first_of_equals(machine, priority, path):
    machine.install("/a/java", 10)
    machine.install("/b/java", priority)
    assert (machine.mode(), machine.link("java")) == ("auto", path)


def test_every_choice_gets_the_followers_of_all_in_the_order_of_their_links(machine):
    machine.install("/a/java", 10, "rmid", "keytool")
    machine.install("/b/java", 9, "jjs")
    assert machine.group() == (
        "auto\n/bin/java\njjs\n/bin/jjs\nkeytool\n/bin/keytool\nrmid\n/bin/rmid\n\n"
        "/a/java\n10\n\n/a/keytool\n/a/rmid\n/b/java\n9\n/b/jjs\n\n\n"
    )


def test_a_choice_made_by_hand_stays_when_a_better_one_is_registered(machine):
    machine.install("/a/java", 10)
    assert machine.run("--set", "java", "/a/java") == 0
    machine.install("/b/java", 20)
    assert (machine.mode(), machine.link("java")) == ("manual", "/a/java")


def test_a_choice_without_a_follower_takes_the_followers_links_away_and_another_brings_them_back(machine):
    machine.install("/a/java", 10, "keytool")
    machine.install("/b/java", 1)
    machine.run("--set", "java", "/b/java")
    assert machine.link("keytool") is None
    assert not (machine.root / "links/keytool").is_symlink()
    machine.run("--auto", "java")
    assert (machine.mode(), machine.link("keytool")) == ("auto", "/a/keytool")


def test_a_family_stands_for_its_best_choice(machine):
    for path, priority, family in (("/a/java", 1, "f"), ("/b/java", 3, "f"), ("/c/java", 9, "g")):
        machine.install(path, priority, family=family)
    assert machine.run("--set", "java", "f") == 0
    assert (machine.mode(), machine.link("java")) == ("manual", "/b/java")


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "java", "/x/java"),
        ("--set", "java", "h"),
        ("--remove", "java", "/x/java"),
        ("--set", "javac", "/a/javac"),
        ("--auto", "javac"),
        ("--display", "javac"),
        ("--remove", "javac", "/a/javac"),
        ("--remove-all", "javac"),
    ],
)
def test_what_is_not_registered_is_refused(machine, words):
    machine.install("/a/java", 1)
    before = machine.group()
    assert machine.run(*words) == 2
    assert machine.group() == before


def test_registering_again_replaces_a_choice_and_makes_the_links_of_what_is_chosen(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1)
    machine.run("--set", "java", "/b/java")
    machine.install("/b/java", 2, "keytool")
    assert (machine.mode(), machine.link("keytool")) == ("manual", "/b/keytool")
    assert "/b/java\n2\n/b/keytool\n" in machine.group()


def test_registering_a_new_choice_makes_no_links_where_one_was_made_by_hand(machine):
    machine.install("/a/java", 10)
    machine.run("--set", "java", "/a/java")
    (machine.root / "bin/java").unlink()
    machine.install("/b/java", 1, "keytool")
    assert (machine.link("java"), machine.link("keytool")) == (None, None)


def test_a_follower_that_no_choice_has_any_more_goes_when_its_choice_is_registered_again(machine):
    machine.install("/a/java", 10, "keytool")
    machine.install("/a/java", 10)
    assert machine.group() == "auto\n/bin/java\n\n/a/java\n10\n"
    assert machine.link("keytool") is None


def test_a_group_has_one_link_and_a_follower_too(machine):
    machine.install("/a/java", 10, "keytool")
    before = machine.group()
    assert machine.run("--install", "/bin/other", "java", "/b/java", "1") == 2
    assert (
        machine.run("--install", "/bin/java", "java", "/b/java", "1", "--slave", "/bin/other", "keytool", "/b/keytool")
        == 2
    )
    assert machine.group() == before


def test_a_follower_with_a_known_link_and_another_name_is_lost(machine):
    machine.install("/a/java", 10, "keytool")
    assert (
        machine.run("--install", "/bin/java", "java", "/b/java", "1", "--slave", "/bin/keytool", "tool", "/b/keytool")
        == 0
    )
    assert machine.group() == "auto\n/bin/java\nkeytool\n/bin/keytool\n\n/a/java\n10\n/a/keytool\n/b/java\n1\n\n"


def test_what_is_removed_gives_way_to_the_best_in_automatic_mode(machine):
    machine.install("/a/java", 10, "keytool")
    machine.install("/b/java", 1)
    machine.run("--set", "java", "/b/java")
    assert machine.run("--remove", "java", "/b/java") == 0
    assert (machine.mode(), machine.link("java"), machine.link("keytool")) == ("auto", "/a/java", "/a/keytool")


def test_within_a_family_a_choice_made_by_hand_stays_one(machine):
    for path, priority, family in (("/a/java", 1, "f"), ("/b/java", 2, "f"), ("/c/java", 9, "g")):
        machine.install(path, priority, family=family)
    machine.run("--set", "java", "/a/java")
    machine.run("--remove", "java", "/a/java")
    assert (machine.mode(), machine.link("java")) == ("manual", "/b/java")


def test_the_removal_of_what_is_not_chosen_changes_no_link(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1, "keytool")
    machine.run("--set", "java", "/b/java")
    machine.run("--remove", "java", "/a/java")
    assert (machine.mode(), machine.link("java"), machine.link("keytool")) == ("manual", "/b/java", "/b/keytool")


def test_the_last_choice_takes_the_place_of_the_one_that_is_removed(machine):
    for path in ("/a/java", "/b/java", "/c/java"):
        machine.install(path, 1)
    machine.run("--remove", "java", "/a/java")
    assert machine.group() == "auto\n/bin/java\n\n/c/java\n1\n/b/java\n1\n"


def test_followers_stay_listed_when_the_choice_that_had_them_is_removed(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1, "keytool")
    machine.run("--remove", "java", "/b/java")
    assert machine.group() == "auto\n/bin/java\nkeytool\n/bin/keytool\n\n/a/java\n10\n\n"


def test_a_follower_is_taken_out_with_all_that_no_choice_has_anything_for(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1, "keytool", "jjs")
    machine.run("--remove", "java", "/b/java")
    assert machine.run("--remove-slave", "java", "/a/java", "keytool") == 0
    assert machine.group() == "auto\n/bin/java\n\n/a/java\n10\n"
    assert machine.run("--remove-slave", "java", "/a/java", "jjs") == 2


def test_a_follower_is_added_to_one_choice(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1)
    assert machine.run("--add-slave", "java", "/a/java", "/bin/jre", "jre", "/a") == 0
    assert machine.group() == "auto\n/bin/java\njre\n/bin/jre\n\n/a/java\n10\n/a\n/b/java\n1\n\n"
    assert machine.link("jre") == "/a"


def test_the_group_and_all_its_links_go_with_the_last_choice(machine):
    machine.install("/a/java", 10, "keytool")
    assert machine.run("--remove", "java", "/a/java") == 0
    assert machine.group() is None
    assert list((machine.root / "links").iterdir()) == list((machine.root / "bin").iterdir()) == []


def test_missing_links_can_be_kept(machine):
    machine.install("/a/java", 10, "keytool")
    machine.run("--remove", "java", "/a/java", "--keep-missing")
    assert machine.link("keytool") == "/a/keytool"


def test_all_choices_are_removed(machine):
    machine.install("/a/java", 10)
    machine.install("/b/java", 20)
    assert machine.run("--remove-all", "java") == 0
    assert (machine.group(), machine.link("java")) == (None, None)


def test_a_link_that_was_changed_by_hand_makes_the_group_manual(machine, capsys):
    machine.install("/a/java", 10)
    machine.install("/b/java", 1)
    (machine.root / "links/java").unlink()
    (machine.root / "links/java").symlink_to(machine.root / "b/java")
    assert machine.mode() == "auto"
    machine.run("--display", "java")
    assert capsys.readouterr().out.startswith("java - status is manual.\n")


def test_without_its_link_a_group_can_be_read_by_install_only(machine, capsys):
    machine.install("/a/java", 10)
    (machine.root / "links/java").unlink()
    for words in (
        ("--set", "java", "/a/java"),
        ("--auto", "java"),
        ("--display", "java"),
        ("--remove", "java", "/a/java"),
    ):
        assert machine.run(*words) == 2
        assert capsys.readouterr().err == f"failed to read link {machine.root}/bin/java: No such file or directory\n"
    machine.install("/b/java", 1)
    assert machine.link("java") == "/a/java"


def test_a_group_of_a_command_that_another_group_has_as_a_follower_loses_its_link(machine, capsys):
    machine.install("/rpm/javac", 10, "javap", name="javac")
    machine.install("/own/javac", 1, name="javac")
    machine.install("/own/javap", 1, name="javap")
    machine.run("--set", "javac", "/own/javac")
    assert machine.run("--set", "javap", "/own/javap") == 2
    assert capsys.readouterr().err == f"failed to read link {machine.root}/bin/javap: No such file or directory\n"


def test_a_file_in_the_place_of_a_link_is_left_with_a_warning(machine, capsys):
    (machine.root / "bin/keytool").write_text("mine")
    assert machine.install("/a/java", 10, "keytool") == 0
    assert (machine.root / "bin/keytool").read_text() == "mine"
    assert "exists and it is not a symlink" in capsys.readouterr().err
    assert str((machine.root / "links/keytool").readlink()) == f"{machine.root}/a/keytool"


def test_a_link_in_the_place_of_a_link_is_replaced_unless_foreign_ones_are_kept(machine):
    (machine.root / "bin/java").symlink_to("/nowhere/java")
    machine.run("--install", "/bin/java", "java", "/a/java", "1", "--keep-foreign")
    assert str((machine.root / "bin/java").readlink()) == "/nowhere/java"
    machine.install("/a/java", 1)
    assert machine.link("java") == "/a/java"


def test_a_link_that_cannot_be_made_is_an_error(machine):
    assert machine.run("--install", "/nowhere/java", "java", "/a/java", "1") == 2


@pytest.mark.parametrize("word", ["follower", "slave"])
def test_a_group_is_displayed(machine, capsys, monkeypatch, word):
    monkeypatch.setenv("ALTERNATIVES_FOLLOWER", word)
    machine.install("/a/java", 0x10, "keytool", family="f")
    machine.install("/b/java", -5)
    machine.run("--display", "java")
    assert capsys.readouterr().out.replace(str(machine.root), "") == (
        "java - status is auto.\n link currently points to /a/java\n"
        f"/a/java - family f priority 16\n {word} keytool: /a/keytool\n"
        f"/b/java - priority -5\n {word} keytool: (null)\nCurrent `best' version is /a/java.\n"
    )


def test_groups_are_listed(machine, capsys):
    machine.install("/a/javac", 1, name="javac")
    machine.install("/a/java", 1)
    machine.run("--set", "java", "/a/java")
    assert machine.run("--list") == 0
    # In the order of the folder.
    assert sorted(capsys.readouterr().out.replace(str(machine.root), "").splitlines()) == [
        "java \tmanual\t/a/java",
        "javac\tauto  \t/a/javac",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n",
        "auto\nbin/java\n",
        "auto\n/bin/java\n",
        "auto\n/bin/java\n/bin/x\n/x\n\n",
        "auto\n/bin/java\nkeytool\n\n",
        "auto\n/bin/java\n\njava\n1\n\n",
        "auto\n/bin/java\n\n/a/java\nx\n\n",
        "auto\n/bin/java\n\n/a/java\n@f1\n\n",
        "auto\n/bin/java\n\n/a/java\n@@1\n\n",
        "auto\n/bin/java\nk\n/bin/k\n\n/a/java\n1\nk\n\n",
        "auto\n/bin/java\n\n/a/java\n1\n\nmore\n",
    ],
)
def test_a_file_that_cannot_be_parsed_is_refused_and_left(machine, text):
    (machine.root / "groups/java").write_text(text)
    (machine.root / "links/java").symlink_to("/a/java")
    assert machine.install("/a/java", 1) == 2
    assert machine.run("--display", "java") == 2
    assert (machine.root / "groups/java").read_text() == text


@pytest.mark.parametrize(
    "text, choice",
    [
        ("auto\n/bin/java\n\n/a/java\n@f.x@010 some.service\n\n\n", "/a/java - family f.x priority 8"),
        (" auto\n  /bin/java\n\n /a/java\n 0x11\n", "/a/java - priority 17"),
    ],
)
def test_a_file_may_have_blanks_other_bases_and_a_service(machine, capsys, text, choice):
    (machine.root / "groups/java").write_text(text)
    (machine.root / "links/java").symlink_to("/a/java")
    assert machine.run("--display", "java") == 0
    assert choice in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--install", "/bin/java", "java", "/a/java"),
        ("--install", "/bin/java", "java", "/a/java", "x"),
        ("--set", "java"),
        ("--auto", "/java"),
        ("--what",),
        ("--auto", "java", "--display", "java"),
        ("--slave", "/a", "b", "/c"),
        ("--install", "/bin/java", "java", "/a/java", "1", "--family", "a@b"),
        ("--quiet", "--auto", "java"),
    ],
)
def test_other_words_print_the_usage(machine, capsys, words):
    assert machine.run(*words) == 2
    assert "usage: alternatives" in capsys.readouterr().out


def test_it_is_a_program(tmp_path):
    (tmp_path / "links").mkdir()
    result = subprocess.run(
        [
            sys.executable,
            red_hat_alternatives.__file__,
            "--altdir",
            f"{tmp_path}/links",
            "--admindir",
            f"{tmp_path}/none",
            "--list",
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stderr) == (2, f"admindir {tmp_path}/none invalid\n")
