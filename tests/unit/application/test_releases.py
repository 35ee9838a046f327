# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: what is kept, what is sent, and how a release is put together on a real folder."""

from __future__ import annotations

import getpass
import grp
import hashlib
import json
import os
import pathlib
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.xitrum.host.plugins.action import release as action
from ansible_collections.xitrum.host.plugins.module_utils.application import installed, overview
from ansible_collections.xitrum.host.plugins.module_utils.application import releases as release
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host

from tests.unit.record_texts import record_text

from ..fake_host import FakeHost

ROOT = "/opt/demo"


def fake(*names, **links):
    files = {f"{ROOT}/manifests/{name}.json": record_text({"installed": number, "files": []}) for number, name in enumerate(names)}
    files.update({f"{ROOT}/releases/{name}/script/runner": "" for name in names})
    return FakeHost(files, links={f"{ROOT}/{path.replace('__', '/')}": target for path, target in links.items()})


def planned(host, name, keep=2, running=()):
    desired = {"root": ROOT, "release": name, "keep": keep, "group": "root"}
    return release.plan(desired, {**release.read(host, desired), "running": running})


def removed(plan):
    return [name for action_name, name in plan.actions if action_name == "remove"]


def test_the_same_package_twice_uploads_nothing():
    assert not planned(fake("aa", "bb"), "bb").changed


def test_the_newest_are_kept_the_new_one_counts():
    assert removed(planned(fake("aa", "bb", "cc"), "dd", keep=2)) == ["aa", "bb"]


def test_a_folder_without_a_manifest_is_unmanaged_and_stays():
    """As in a root that another tool has filled: the first run removed its releases."""
    host = fake("bb", "cc")
    host.files.update({f"{ROOT}/releases/20260101/index.html": "", f"{ROOT}/releases/.git/HEAD": "", f"{ROOT}/releases/.dd.partial/x": ""})
    assert removed(planned(host, "dd", keep=1)) == ["bb", "cc"]
    state = release.read(host, {"root": ROOT, "release": "dd", "keep": 1})
    release.clean(host, ROOT, state)
    assert f"{ROOT}/releases/.git/HEAD" in host.files and f"{ROOT}/releases/.dd.partial/x" not in host.files


def test_the_running_current_and_previous_release_are_never_removed():
    host = fake("aa", "bb", "cc", "dd", current="releases/bb", instances__0__previous="cc-0011")
    host.files[f"{ROOT}/instances/0/cc-0011/environment"] = ""
    assert removed(planned(host, "ee", keep=1, running={"aa"})) == ["dd"]


@pytest.mark.parametrize(("healthy", "gone"), [
    # dd failed its canary and was put back to cc; aa is what a rollback goes to, however old it is.
    ("aa cc", ["bb", "dd"]),
    ("aa", ["bb", "dd"]),
    ("bb aa cc", ["bb", "dd"]),
    ("cc", ["aa", "bb", "dd"]),
    # One that is gone protects nothing, and hides no other.
    ("bb xx cc", ["aa", "dd"]),
    (None, ["aa", "bb", "dd"]),
])
def test_the_release_that_a_rollback_goes_to_is_never_removed(healthy, gone):
    host = fake("aa", "bb", "cc", "dd", current="releases/cc")
    if healthy is not None:
        host.files[installed.get_healthy_path(ROOT)] = healthy.replace(" ", "\n") + "\n"
    assert removed(planned(host, "ee", keep=1)) == gone


def test_old_ones_go_without_an_upload_too_and_are_reported():
    plan = planned(fake("aa", "bb", "cc", "dd", current="releases/cc"), "bb", keep=1)
    assert list(plan.actions) == [("remove", "aa"), ("remove", "dd")]
    row = plan.rows[1]
    assert (row.item, row.desired, row.effective, row.status, row.why) == ("releases to keep", "1", "4", "drift", "aa, dd: unreferenced")
    assert (plan.before, plan.after) == ("release aa\nrelease bb\nrelease cc\nrelease dd\n", "release bb\nrelease cc\n")


def test_more_than_are_to_be_kept_may_stay_where_all_are_needed():
    plan = planned(fake("aa", "bb", "cc", current="releases/bb"), "cc", keep=1, running={"aa"})
    assert (list(plan.actions), plan.rows[1].status) == ([], "ok")


@pytest.mark.parametrize("current, status, why", [
    ("releases/bb", "ok", ""),
    ("releases/aa", "drift", f"{ROOT}/current leads elsewhere, as after a rollback, or a deploy with -e"),
    ("releases/gone", "drift", f"{ROOT}/current leads elsewhere, as after a rollback, or a deploy with -e"),
])
def test_where_current_leads_is_part_of_the_report(current, status, why):
    row = planned(fake("aa", "bb", current=current), "bb").rows[0]
    assert (row.status, row.why) == (status, why)


def test_the_release_of_a_folder():
    assert installed.parse_release(f"{ROOT}/instances/0/aa-0011", ROOT) == "aa"
    assert installed.parse_release(f"{ROOT}/instances/0/aa-0011/tmp", ROOT) == "aa"
    assert installed.parse_release("/elsewhere/aa-0011", ROOT) == ""
    assert installed.parse_release(None, ROOT) == ""


@pytest.mark.parametrize("current, switched, next_current", [
    ("releases/aa", ("aa-1", "aa-2"), ""),
    ("releases/aa", ("bb-1", "bb-2"), "bb"),
    ("releases/aa", ("bb-1", "aa-2"), ""),
    (None, ("aa-1", "aa-1"), "aa"),
])
def test_current_reports_what_all_instances_are_switched_to(current, switched, next_current):
    links = {f"{ROOT}/instances/{number}/current": target for number, target in enumerate(switched)}
    host = FakeHost(links={**links, **({f"{ROOT}/current": current} if current else {})})
    assert installed.find_next_current(host, ROOT) == next_current
    installed.update_current(host, ROOT)
    assert installed.find_next_current(host, ROOT) == ""


class Local(Host):
    """The real host, with files owned by whoever runs the test."""

    def set_owner(self, path, mode, owner, group):
        super().set_owner(path, mode, getpass.getuser(), grp.getgrgid(os.getgid()).gr_name)


@pytest.fixture(name="package")
def fixture_package(tmp_path):
    """A function that writes a package and returns its folder and manifest."""
    def write(name, **files):
        folder, manifest = tmp_path / name, []
        for path, text in files.items():
            path = path.replace("__", "/")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            manifest.append({"path": path, "mode": "0644", "sha256": hashlib.sha256(text.encode()).hexdigest(), "size": len(text)})
        return folder, manifest
    return write


def install(tmp_path, name, folder, manifest):
    """What the module and its action do together: returns the digests that were sent."""
    host = Local(lambda *_arguments, **_more: (0, "", ""))
    desired = {"root": str(tmp_path / "opt"), "release": name, "keep": 5, "group": "unused"}
    state = release.read(host, desired)
    digests = {(entry["sha256"], entry["mode"]) for entry in manifest}
    found = release.find_shared_files(host, desired["root"], state["releases"], digests)
    sent = release.find_missing_digests(manifest, found)
    archive = action.pack(folder, manifest, set(sent), str(tmp_path / "files.tar")) if sent else None
    # As the controller passes it on.
    found = release.filter_sealed_files(host, json.loads(json.dumps(release.compute_seals(host, found))))
    release.assemble(host, desired, manifest, found, archive, 1)
    return sent


def test_only_what_changed_is_sent_and_the_rest_is_shared(tmp_path, package):
    one, two = package("one", lib__a="a", lib__b="b", config__x="x"), package("two", lib__a="a", lib__b="B", config__x="x")
    assert len(install(tmp_path, "1" * 12, *one)) == 3
    assert install(tmp_path, "2" * 12, *two) == [hashlib.sha256(b"B").hexdigest()]
    releases = tmp_path / "opt" / "releases"
    assert sorted(os.listdir(releases)) == ["1" * 12, "2" * 12]
    assert (releases / ("2" * 12) / "lib" / "b").read_text() == "B"
    assert os.path.samefile(releases / ("1" * 12) / "lib" / "a", releases / ("2" * 12) / "lib" / "a")
    assert sorted(os.listdir(releases / ("2" * 12))) == ["config", "lib"]


def test_what_a_host_has_is_reported_where_the_release_is_not_there_yet(tmp_path, package):
    folder, manifest = package("one", lib__a="a", lib__b="b")
    install(tmp_path, "1" * 12, folder, manifest)
    desired = {"root": str(tmp_path / "opt"), "release": "2" * 12, "keep": 5, "group": "unused"}
    host = Local(lambda *_arguments, **_more: (0, "", ""))
    reported = release.plan(desired, {**release.read(host, desired), "running": ()}).facts["existing"]
    assert reported == sorted(f"0644 {entry['sha256']}" for entry in manifest)
    there = {**desired, "release": "1" * 12}
    assert "existing" not in release.plan(there, {**release.read(host, there), "running": ()}).facts


def test_a_controller_that_knows_what_a_host_has_sends_the_rest_at_once(package):
    _folder, manifest = package("two", lib__a="a", lib__b="B")
    a, b = (entry["sha256"] for entry in manifest)
    assert action.find_lacking_digests(manifest, None) == set()
    assert action.find_lacking_digests(manifest, []) == {a, b}
    assert action.find_lacking_digests(manifest, [f"0644 {a}"]) == {b}
    assert action.find_lacking_digests(manifest, [f"0755 {a}", f"0644 {b}"]) == {a}, "another mode is another file"


def test_two_modes_of_one_content_are_two_files(tmp_path, package):
    folder, manifest = package("one", bin__run="x", doc__run="x", lib__run="x")
    manifest[0]["mode"] = manifest[2]["mode"] = "0755"
    install(tmp_path, "1" * 12, folder, manifest)
    release_1 = tmp_path / "opt" / "releases" / ("1" * 12)
    modes = [oct((release_1 / name / "run").stat().st_mode & 0o777) for name in ("bin", "doc", "lib")]
    assert modes == ["0o750", "0o640", "0o750"]
    assert os.path.samefile(release_1 / "bin" / "run", release_1 / "lib" / "run")


def test_a_file_of_another_mode_than_its_record_states_is_not_shared(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    install(tmp_path, "1" * 12, folder, manifest)
    (tmp_path / "opt" / "releases" / ("1" * 12) / "lib" / "a").chmod(0o600)
    assert len(install(tmp_path, "2" * 12, folder, manifest)) == 1


def test_a_damaged_record_of_an_old_release_stops_nothing(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    install(tmp_path, "1" * 12, folder, manifest)
    (tmp_path / "opt" / "manifests" / f"{'1' * 12}.json").write_text('{"installed": 1, "fi')
    assert len(install(tmp_path, "2" * 12, folder, manifest)) == 1
    assert sorted(os.listdir(tmp_path / "opt" / "releases")) == ["1" * 12, "2" * 12]


def test_an_archive_lists_what_it_holds(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    host = Local()
    assert release.list_archived_digests(host, None) == set()
    assert release.list_archived_digests(host, action.pack(folder, manifest, {manifest[0]["sha256"]}, str(tmp_path / "files.tar"))) == {manifest[0]["sha256"]}


def test_a_file_that_was_edited_in_place_is_not_shared(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    install(tmp_path, "1" * 12, folder, manifest)
    (tmp_path / "opt" / "releases" / ("1" * 12) / "lib" / "a").chmod(0o600)
    (tmp_path / "opt" / "releases" / ("1" * 12) / "lib" / "a").write_text("edited")
    assert len(install(tmp_path, "2" * 12, folder, manifest)) == 1


@pytest.mark.parametrize("touch", [lambda path: path.write_text("b"), lambda path: path.unlink()])
def test_a_file_that_is_changed_between_verification_and_use_is_not_shared(tmp_path, touch):
    host, path = Local(), tmp_path / "a"
    path.write_text("a")
    key = (hashlib.sha256(b"a").hexdigest(), "0644")
    sealed = release.compute_seals(host, {key: str(path)})
    # The kernel's clock for files may stand still for some milliseconds.
    time.sleep(0.05)
    os.link(path, tmp_path / "backup")
    assert release.filter_sealed_files(host, sealed) == {key: str(path)}, "a hard link changes nothing of it"
    touch(path)
    with pytest.raises(ValueError, match="a was changed while the release was sent; run the playbook again"):
        release.filter_sealed_files(host, sealed)


def test_a_file_that_arrives_damaged_makes_no_release(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        tar.add(__file__, arcname=manifest[0]["sha256"])
    host = Local(lambda *_arguments, **_more: (0, "", ""))
    desired = {"root": str(tmp_path / "opt"), "release": "1" * 12, "keep": 5, "group": "unused"}
    with pytest.raises(ValueError, match="damaged"):
        release.assemble(host, desired, manifest, {}, str(tmp_path / "bad.tar"), 1)
    assert installed.list_installed(host, desired["root"]) == []
    release.clean(host, desired["root"], release.read(host, desired))
    assert os.listdir(tmp_path / "opt" / "releases") == []


class Paused(Local):
    """A host whose first module stays in the middle of a release until it is released."""

    def __init__(self):
        super().__init__(lambda *_arguments, **_more: (0, "", ""))
        self.reached, self.go_on = threading.Event(), threading.Event()

    def set_owner(self, path, mode, owner, group):
        super().set_owner(path, mode, owner, group)
        if str(path).endswith("/lib/b"):
            self.reached.set()
            assert self.go_on.wait(120)


def test_a_module_that_outlives_its_controller_and_the_next_run_make_the_same_release(tmp_path, package):
    """Both had one folder for the upload: the older module renamed what the next run had just begun, with files under temporary names."""
    folder, manifest = package("one", lib__a="a", lib__b="b", lib__c="c")
    desired = {"root": str(tmp_path / "opt"), "release": "1" * 12, "keep": 5, "group": "unused"}
    archive = action.pack(folder, manifest, {entry["sha256"] for entry in manifest}, str(tmp_path / "files.tar"))
    first, second = Paused(), Local(lambda *_arguments, **_more: (0, "", ""))
    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(release.assemble, first, desired, manifest, {}, archive, 1)
        assert first.reached.wait(120)
        # The controller is dead, and the next run begins: what is being made is not taken for a leftover.
        state = release.read(second, desired)
        release.clean(second, desired["root"], state)
        assert len(os.listdir(tmp_path / "opt/releases")) == 1
        release.assemble(second, desired, manifest, {}, archive, 2)
        first.go_on.set()
        older.result(120)
    releases = tmp_path / "opt/releases"
    assert os.listdir(releases) == ["1" * 12]
    assert release.find_fault(second, str(releases / ("1" * 12)), manifest) == ""
    assert sorted(os.listdir(releases / ("1" * 12) / "lib")) == ["a", "b", "c"]


def test_what_a_module_left_that_was_killed_is_removed(tmp_path):
    left = tmp_path / "opt/releases/.aa.0123456789ab.partial"
    left.mkdir(parents=True)
    host, desired = Local(lambda *_arguments, **_more: (0, "", "")), {"root": str(tmp_path / "opt"), "release": "bb"}
    with host.hold_folder(str(left)):
        assert release.read(host, desired)["partial"] == []
    release.clean(host, desired["root"], release.read(host, desired))
    assert os.listdir(tmp_path / "opt/releases") == []


@pytest.mark.parametrize(("harm", "fault"), [
    (lambda folder: (folder / "lib/a").unlink(), "lib/a is missing"),
    (lambda folder: (folder / ".0123").write_text(""), "found .0123, which is not listed"),
    (lambda folder: (folder / "lib/a").write_text("b"), "lib/a has another content or mode"),
    (lambda folder: (folder / "lib/a").chmod(0o600), "lib/a has another content or mode"),
    (lambda folder: ((folder / "lib/a").unlink(), (folder / "lib/a").symlink_to("/etc/passwd")), "lib/a has another content or mode"),
    (lambda folder: ((folder / "doc").unlink(), (folder / "doc").symlink_to("/etc")), "doc has another content or mode"),
])
def test_a_release_is_verified_before_it_gets_its_name(tmp_path, package, harm, fault, monkeypatch):
    folder, manifest = package("one", lib__a="a")
    manifest.append({"path": "doc", "link": "lib"})
    host, desired = Local(lambda *_arguments, **_more: (0, "", "")), {"root": str(tmp_path / "opt"), "release": "1" * 12, "group": "unused"}
    archive = action.pack(folder, manifest, {manifest[0]["sha256"]}, str(tmp_path / "files.tar"))
    fill = release.fill

    def harmed(host, partial, *arguments):
        fill(host, partial, *arguments)
        harm(pathlib.Path(partial))

    monkeypatch.setattr(release, "fill", harmed)
    with pytest.raises(ValueError, match=fault):
        release.assemble(host, desired, manifest, {}, archive, 1)
    assert installed.list_installed(host, desired["root"]) == []
    monkeypatch.setattr(release, "fill", fill)
    release.assemble(host, desired, manifest, {}, archive, 1)
    assert installed.list_installed(host, desired["root"]) == ["1" * 12]


def test_a_package_that_lost_a_file_since_it_was_read(tmp_path, package):
    folder, manifest = package("one", lib__a="a")
    with pytest.raises(action.AnsibleActionFail, match="gone"):
        action.pack(folder, manifest, {"0" * 64}, str(tmp_path / "files.tar"))


def test_a_full_disk_is_named_with_what_to_do():
    message = release.describe(OSError(28, "No space left on device"), {"root": ROOT, "release": "aa"})
    assert "full" in message and "xitrum_keep_releases" in message and f"{ROOT}/releases/aa" in message


@pytest.mark.parametrize("text, slot", [("1\n", 1), ("0", 0), ("", 0), (None, 0)])
def test_the_overview_of_a_host(text, slot):
    files = {"/opt/demo/releases/aa/x": "", "/opt/demo/releases/bb/x": "", "/opt/demo/releases/.cc.partial/x": "",
             "/opt/demo/manifests/aa.json": record_text({"installed": 2}), "/opt/demo/manifests/bb.json": record_text({"installed": 1})}
    there = FakeHost({**files, **({} if text is None else {"/opt/demo/slot": text})}, links={"/opt/demo/current": "releases/aa"})
    assert overview.read_releases(there, "/opt/demo") == {
        "releases": ["bb", "aa"], "current": "aa", "previous": "", "slot": slot, "healthy": None, "switched": [], "running": [], "in_step": []}


@pytest.mark.parametrize(("releases", "current", "running", "kept"), [
    (["aa", "bb"], "bb", ["bb"], "bb"),
    (["aa", "bb"], "bb", [], "bb"),
    # A rollout that stopped in between.
    (["aa", "bb"], "bb", ["aa", "bb"], "bb"),
    (["aa", "bb"], "aa", ["aa"], ""),
    # A new package that this host has never had.
    (["bb"], "bb", ["bb"], ""),
    # Somebody moved the link: what runs reports what was chosen.
    (["aa", "bb"], "bb", ["aa"], ""),
    (["aa"], "other", ["aa"], ""),
    (["aa"], "", [], ""),
])
def test_the_release_that_a_host_was_rolled_back_to_is_known(releases, current, running, kept):
    state = {"releases": releases, "current": current, "running": running, "linked": [], "partial": [], "existing": None, "marked": releases}
    assert release.find_kept_release("aa", state) == kept
    assert release.plan({"root": ROOT, "release": "aa", "keep": 5}, state).facts["kept"] == kept
