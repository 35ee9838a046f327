# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A class runs with what an instance has, without its ports; and what keeps it from running."""

from __future__ import annotations

import zipfile

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.application import one_off
from ansible_collections.xitrum.host.plugins.module_utils.application import releases as release
from ansible_collections.xitrum.host.plugins.module_utils.package import main_class

from tests.unit.fake_host import FakeHost

ENVIRONMENT = """XITRUM_MAIN_CLASS='quickstart.Boot'
JAVA_HOME='/usr/lib/jvm/j17'
PATH='/usr/lib/jvm/j17/bin:/usr/bin'
JDK_JAVA_OPTIONS='-XX:+IgnoreUnrecognizedVMOptions --add-opens=java.base/java.util=ALL-UNNAMED'
_JAVA_OPTIONS='-Xmx512m -javaagent:/srv/jmx.jar=9404 -Dcom.sun.management.jmxremote.port=9010 -Ddb.password=hush -Xlog:gc:file=log/gc.log'
"""
FOLDER = "/opt/shop/instances/0/r1-abc"
DESIRED = {"root": "/opt/shop", "user": "shop", "instance": 0, "main_class": "shop.Migrate", "arguments": ["--from", "a b"], "timeout": 60,
           "nofile": 4096, "folder": "", "lease": 0}


class Host(FakeHost):
    """A host that records which job was started, and which folders are held."""

    def __init__(self, *given, held=(), **more):
        super().__init__(*given, **more)
        self.jobs, self.folders_held = [], set(held)

    def start_job(self, argv, environment, **more):
        self.jobs.append((argv, environment, more))
        return "/run/xitrum.host-job-1"

    def is_held(self, path):
        return path in self.folders_held

    def link_tree(self, source, target, leave_out, mode, owner, group):
        self.done.append(("link_tree", source, target, tuple(leave_out)))

    def make_hard_link(self, source, path):
        self.done.append(("make_hard_link", source, path))


def machine(files=None, links=None, **more):
    return Host({f"{FOLDER}/environment": ENVIRONMENT, f"{FOLDER}/script/runner": "", "/opt/shop/instances/1/r1-def/environment": "", **(files or {})}, None,
                {"/opt/shop/instances/0/current": "r1-abc", "/opt/shop/instances/1/current": "r1-def", **(links or {})}, **more)


@pytest.fixture(autouse=True, name="jars")
def fixture_jars(monkeypatch):
    """What the jars of the release lack."""
    missing = {}
    monkeypatch.setattr(main_class, "find_class_error", lambda folder, name: missing.get(name, ""))
    return missing


def planned(host, **more):
    desired = {**DESIRED, **more}
    return one_off.plan(desired, one_off.read(host, desired))


def test_the_command_has_what_the_instance_has_but_its_ports_and_its_files():
    host = machine()
    applied = one_off.apply(host, planned(host))
    assert applied.results == {"job": "/run/xitrum.host-job-1"}
    argv, environment, more = host.jobs[0]
    folder = more["cwd"]
    assert folder.startswith("/opt/shop/runs/0/r1-") and more["held"] == folder and more["removed"] == [folder]
    assert (more["seconds"], more["nofile"]) == (60, 4096)
    assert argv == ["setpriv", "--reuid=shop", "--regid=shop", "--init-groups", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--",
                    f"{folder}/script/runner", "shop.Migrate", "--from", "a b"]
    assert environment["_JAVA_OPTIONS"].split()[:2] == [f"-Djava.io.tmpdir={folder}/tmp", f"-Djna.tmpdir={folder}/tmp"]
    assert environment["_JAVA_OPTIONS"].split()[-2:] == ["-Xmx512m", "-Ddb.password=hush"]
    assert "-Dakka.remote.artery.canonical.port=0" in environment["_JAVA_OPTIONS"]
    assert {name: environment[name] for name in ("HOME", "USER", "LOGNAME", "JAVA_HOME", "TMPDIR")} == {
        "HOME": "/opt/shop", "USER": "shop", "LOGNAME": "shop", "JAVA_HOME": "/usr/lib/jvm/j17", "TMPDIR": f"{folder}/tmp"}
    assert "XITRUM_MAIN_CLASS" not in environment and environment["JDK_JAVA_OPTIONS"].endswith("=ALL-UNNAMED")
    assert ("link_tree", FOLDER, folder, (f"{folder}/tmp", f"{folder}/environment")) in host.done
    assert host.stats[f"{folder}/tmp"][1:4] == (0o750, "shop", "shop")


def test_it_is_no_member_of_the_cluster():
    host = machine({f"{FOLDER}/config/akka.conf": "# Instance 0 of shop as a member", "/opt/shop/releases/r1/config/akka.conf": "akka {}"})
    one_off.apply(host, planned(host))
    folder = host.jobs[0][2]["cwd"]
    assert ("make_hard_link", "/opt/shop/releases/r1/config/akka.conf", f"{folder}/config/akka.conf") in host.done
    assert f"{folder}/config/akka.conf" in next(one for one in host.done if one[0] == "link_tree")[3]


def test_the_folder_of_a_release_that_is_not_switched_to_yet_is_used():
    host = machine({"/opt/shop/instances/0/r2-abc/environment": ENVIRONMENT, "/opt/shop/instances/0/r2-abc/script/runner": ""})
    plan = planned(host, folder="r2-abc")
    assert (list(plan.errors), plan.facts) == ([], {"instance": 0, "release": "r2"})


def test_what_a_command_that_died_has_left_is_cleared_away_and_no_release_of_one_that_runs_is_pruned():
    runs = "/opt/shop/runs/0"
    host = machine({f"{runs}/r0-1/x": "", f"{runs}/r1-2/x": ""}, held=[f"{runs}/r1-2"])
    assert release.read_commands(host, "/opt/shop") == ["r1"]
    one_off.apply(host, planned(host))
    assert host.exists(f"{runs}/r1-2") and not host.exists(f"{runs}/r0-1")


def test_a_release_that_a_command_runs_is_kept():
    desired = {"root": "/opt/shop", "release": "r9", "keep": 1, "group": "shop"}
    state = {"releases": ["r1", "r2", "r9"], "linked": [], "marked": ["r1", "r2", "r9"], "healthy": None, "current": "r9", "running": [], "partial": [],
             "existing": None}
    assert release.plan(desired, {**state, "commands": ["r1"]}).actions == (("remove", "r2"),)
    assert release.plan(desired, {**state, "commands": []}).actions == (("remove", "r1"), ("remove", "r2"))


def test_a_folder_that_could_not_be_made_whole_is_removed(monkeypatch):
    host = machine()

    def fail(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host, "link_tree", fail)
    with pytest.raises(OSError, match="No space"):
        one_off.apply(host, planned(host))
    assert [path for kind, path, *_rest in host.done if kind == "remove"][-1].startswith("/opt/shop/runs/0/r1-") and not host.jobs


@pytest.mark.parametrize(("host", "more", "message"), [
    (machine(), {"instance": 7}, "instance 7 is not installed in /opt/shop: found 0, 1. Choose one with run_instance"),
    (FakeHost(), {}, "instance 0 is not installed in /opt/shop: found none. Deploy the application first: ansible-playbook xitrum.host.site"),
    (machine(), {"instance": 1}, "found no script/runner in /opt/shop/instances/1/r1-def"),
    (machine(), {"main_class": "shop.Migrat"}, "no such class"),
])
def test_errors_are_reported_before_anything_runs(host, more, message, jars):
    jars["shop.Migrat"] = "no such class"
    plan = planned(host, **more)
    assert message in "\n".join(plan.errors) and not plan.changed


def test_a_plan_shows_no_argument():
    assert planned(machine()).after == "instance 0, release r1: shop.Migrate with 2 arguments, as the user shop\n"


def test_only_root_runs_it():
    host = machine()
    host.is_root = lambda: False
    assert "use become: true" in one_off.EXECUTION.refuse(host, DESIRED)


# ------------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(("value", "found"), [
    ("", []), (None, []), ([], []), ("a 'b c' \"d\"", ["a", "b c", "d"]), (["a b", 1], ["a b", "1"]), ("--x=$HOME *", ["--x=$HOME", "*"])])
def test_arguments_are_split_as_a_shell_does_and_nothing_is_expanded(value, found):
    assert one_off.split_arguments(value, "run_arguments") == found


@pytest.mark.parametrize(("value", "message"), [
    ("a 'b", "run_arguments cannot be split into arguments"), ({"a": 1}, "cannot be split"), (7, "cannot be split"), (["a\0"], "null character"),
    ("x" * 70000, "70000 characters; expected at most 65536")])
def test_arguments_that_are_none_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        one_off.split_arguments(value, "run_arguments")


@pytest.mark.parametrize(("value", "message"), [
    ("", "run_class is not set"), (None, "run_class is not set"), ("shop/Migrate.class", r"did you mean shop\.Migrate\?"),
    ("rm -rf /", "expected the full name"),
    ("-version", "expected the full name"),
    ("shop..Migrate", "expected the full name"), ("läden.Migrate", "expected the full name")])
def test_what_is_no_class_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        one_off.check_class(value, "run_class")


def test_arguments_in_a_wrong_place_are_not_repeated():
    for value, name in (("shop.Migrate --login hush", "run_class"), (["shop.Migrate", "hush"], "x"), ({"class": "shop.Migrate hush"}, "x")):
        with pytest.raises(ValueError, match=f"{name}.* expected") as caught:
            (one_off.check_class if name == "run_class" else one_off.parse_command)(value, name)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("value", [-1, "1h", None, True, 1.5])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(ValueError, match="run_timeout is .*: expected a number of seconds, or 0 for no limit"):
        one_off.check_timeout(value, "run_timeout")


@pytest.mark.parametrize(("value", "found"), [
    ("shop.Migrate --all", ("shop.Migrate", ["--all"], 3600)), ({"class": "shop.Migrate"}, ("shop.Migrate", [], 3600)),
    ({"class": "M", "arguments": ["a b"], "timeout": "0"}, ("M", ["a b"], 0)), ({"class": "M", "arguments": "a 'b c'"}, ("M", ["a", "b c"], 3600))])
def test_a_command_is_a_text_or_a_dictionary(value, found):
    assert tuple(one_off.parse_command(value, "x").values()) == found


@pytest.mark.parametrize(("value", "message"), [
    ("", "x is not set"), (7, "x is 7: expected a text"), (["M"], "expected a text"), ({"clas": "M"}, "x has clas: expected class, arguments and timeout"),
    ({}, r"x\.class is not set"), ({"class": "M", "timeout": -1}, r"x\.timeout is '-1'")])
def test_a_command_of_another_form_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        one_off.parse_command(value, "x")


@pytest.fixture(name="package")
def fixture_package(tmp_path):
    """A package with two jars, and one that is none."""
    (tmp_path / "lib").mkdir()
    for jar, names in {"shop": ["shop/Migrate", "shop/Migrate$", "shop/Boot", "shop/admin/Export"], "lib": ["other/Migrate"]}.items():
        with zipfile.ZipFile(tmp_path / f"lib/{jar}.jar", "w") as out:
            for name in names:
                out.writestr(f"{name}.class", "")
    (tmp_path / "lib/damaged.jar").write_text("no jar")
    return str(tmp_path)


@pytest.mark.parametrize(("name", "near"), [
    ("Migrate", "Did you mean other.Migrate or shop.Migrate?"), ("shop.Migrat", "Did you mean shop.Migrate or other.Migrate?"),
    ("shop.Export", "Did you mean shop.admin.Export"), ("zzz", "Expected the full name of a class that has a main method")])
def test_a_class_that_no_jar_has_is_reported_with_the_nearest_ones(package, name, near):
    found = FIND(package, name)
    assert found.startswith(f"no jar in {package}/lib has the class {name}. ") and near in found


def test_a_class_that_a_jar_has_is_no_error(package):
    assert FIND(package, "shop.Migrate") == FIND(package, "other.Migrate") == ""


FIND = main_class.find_class_error
