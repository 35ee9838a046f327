# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of files: what is written, linked and removed, and the commands that are pending until they succeed."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import file_set, marked_block
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Stat

from ..fake_host import FakeHost

UNIT = "/etc/systemd/system/demo@.service"
WANTS = "/etc/systemd/system/multi-user.target.wants"
RELOAD = ["systemctl", "daemon-reload"]


def desired(count=2, text="unit\n"):
    return {
        "name": "demo",
        "files": [{"path": UNIT, "content": text, "mode": "0644", "owner": "root", "group": "root"}],
        "links": [{"path": f"{WANTS}/demo@{index}.service", "target": UNIT} for index in range(count)],
        "owned": [f"{WANTS}/demo@*.service"],
        "commands": [RELOAD],
    }


def run(host, want):
    """Plans and applies; returns the plan."""
    plan = file_set.plan(want, file_set.read(host, want))
    if plan.changed:
        file_set.apply(host, plan)
    return plan


@pytest.fixture(name="host")
def fixture_host():
    return FakeHost({f"{WANTS}/ssh.service": ""}, {"systemctl daemon-reload": ""})


def test_a_bare_host_gets_all_and_the_second_run_nothing(host):
    assert len(run(host, desired()).actions) == 3
    host.done.clear()
    assert not run(host, desired()).changed
    assert not host.done


def test_fewer_links_remove_only_ours(host):
    run(host, desired(3))
    plan = run(host, desired(1))
    assert [item["path"] for action, item in plan.actions if action == "remove"] == [f"{WANTS}/demo@1.service", f"{WANTS}/demo@2.service"]
    assert f"{WANTS}/ssh.service" in host.files


def test_what_is_removed_is_reported_and_shown(host):
    """As systemctl mask leaves an instance."""
    mask, want = UNIT.replace("@", "@0"), {**desired(), "owned": ["/etc/systemd/system/demo@*.service"]}
    run(host, want)
    host.link(mask, "/dev/null")
    plan = run(host, want)
    assert [item for item in plan.actions if item[0] == "remove"] == list(plan.actions) == [("remove", {"path": mask})]
    row = next(row for row in plan.rows if row.status == "drift")
    assert (row.item, row.desired, row.configured) == (f"demo {mask}", "absent", "masked")
    assert row.why == "demo@0 is masked (a link to /dev/null), so it cannot start; a run of site unmasks it"
    assert (plan.before, plan.after) == (f"# {mask}\n-> /dev/null\n", "")
    assert UNIT in host.files and mask not in host.files


def test_a_diff_shows_our_text_and_how_much_of_others(host):
    mask = UNIT.replace("@", "@0")
    want = {**desired(0, "# Written by xitrum.host.\n[Unit]\n"), "owned": ["/etc/systemd/system/demo@*.service"]}
    host.files.update({UNIT: "[Service]\nEnvironment=PASSWORD=hunter2\n", mask: "[Service]\nEnvironment=PASSWORD=hunter3\n"})
    plan = file_set.plan(want, file_set.read(host, want))
    assert plan.before == f"# {UNIT}\n(2 lines of others are not shown)\n# {mask}\n(2 lines of others are not shown)\n"
    assert plan.after == f"# {UNIT}\n# Written by xitrum.host.\n[Unit]\n"
    host.files[UNIT] = "#!/bin/sh\n# Written by xitrum.host.\nold\n"
    plan = file_set.plan(want, file_set.read(host, want))
    assert plan.before.startswith(f"# {UNIT}\n#!/bin/sh\n# Written by xitrum.host.\nold\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_of_a_file_of_others_with_lines_of_ours_a_diff_shows_ours(host, end):
    theirs = f"#!/bin/sh{end}TOKEN=hunter2 /usr/bin/agent{end}"
    old, new = (marked_block.append_block(theirs, "demo", line, end) for line in ("old", "new"))
    host.files[UNIT] = old
    want = desired(0, new)
    plan = file_set.plan(want, file_set.read(host, want))
    shown = f"# {UNIT}\n(2 lines of others are not shown)\n"
    assert plan.before == shown + marked_block.block("demo", "old", end)
    assert plan.after == shown + marked_block.block("demo", "new", end)
    host.files[UNIT] = theirs
    assert "hunter2" not in str(file_set.plan(want, file_set.read(host, want)).build_diff())


@pytest.mark.parametrize("path, target, text, configured, why", [
    ("/run/systemd/system/demo@7.service", "/dev/null", None, "masked", "demo@7 is masked (a link to /dev/null)"),
    ("/etc/systemd/system/demo@1.service", None, "", "masked", "demo@1 is masked (an empty file)"),
    ("/etc/systemd/system/demo@1.service", "/srv/x", None, "/srv/x", "the file is not what the inventory asks for"),
    ("/etc/systemd/system/demo@1.service", None, "[Unit]\n", "there", "the file is not what the inventory asks for"),
    (f"{WANTS}/demo@5.service", "/dev/null", None, "/dev/null", "the file is not what the inventory asks for"),
])
def test_a_masked_unit_is_named_so(host, path, target, text, configured, why):
    want = {**desired(), "owned": [path.replace(path[-9:], "*.service")]}
    run(host, want)
    host.link(path, target) if target else host.write(path, text)
    (row,) = [row for row in file_set.plan(want, file_set.read(host, want)).rows if row.status == "drift"]
    assert row.configured == configured and row.why.startswith(why)


@pytest.mark.parametrize("found", [Stat("file", 0o600, "root", "root", 5), Stat("file", 0o644, "carol", "root", 5)])
def test_a_mode_or_an_owner_is_a_difference(host, found):
    run(host, desired())
    host.stats[UNIT] = found
    assert run(host, desired()).changed


def test_a_command_that_fails_is_pending_until_it_succeeds(host):
    host.commands["systemctl daemon-reload"] = (1, "", "no bus")
    with pytest.raises(RuntimeError, match="no bus"):
        run(host, desired())
    assert [action for action, _item in file_set.plan(desired(), file_set.read(host, desired())).actions] == ["commands"]
    host.commands["systemctl daemon-reload"] = ""
    run(host, desired())
    assert not run(host, desired()).changed


def test_the_diff_shows_each_file_with_its_name(host):
    plan = file_set.plan(desired(1), file_set.read(host, desired(1)))
    assert plan.before == ""
    assert plan.after == f"# {UNIT}\nunit\n# {WANTS}/demo@0.service\n-> {UNIT}\n"


@pytest.mark.parametrize("target", ["/srv/units/demo.service", "../../../srv/units/demo.service"])
def test_a_file_that_is_a_link_stays_one_and_the_second_run_does_nothing(host, target):
    host.links[UNIT] = target
    assert run(host, desired()).changed
    assert host.files["/srv/units/demo.service"] == "unit\n" and UNIT not in host.files and host.links[UNIT] == target
    assert not run(host, desired()).changed


@pytest.mark.parametrize("change, message", [
    (lambda host, _want: host.links.update({UNIT: UNIT}), "leads in a circle"),
    (lambda host, _want: host.links.update({UNIT: "/etc/systemd"}), "which is a directory"),
    (lambda _host, want: want["files"][0].update(mode="0666"), "has the mode 0666, so every user may change it"),
])
def test_what_cannot_be_a_file_of_ours_is_an_error(host, change, message):
    want = desired()
    change(host, want)
    plan = file_set.plan(want, file_set.read(host, want))
    assert len(plan.errors) == 1 and message in plan.errors[0]


def test_a_link_into_the_folder_of_a_user_is_an_error(host):
    host.links[UNIT] = "/home/carol/demo.service"
    host.stats["/home/carol"] = Stat("directory", 0o755, "carol", "carol", 0)
    errors = list(file_set.plan(desired(), file_set.read(host, desired())).errors)
    assert len(errors) == 1 and "/home/carol belongs to carol, who could change what root runs" in errors[0]


def test_a_file_of_ours_that_others_may_write_is_fixed(host):
    run(host, desired())
    host.stats[UNIT] = Stat("file", 0o666, "root", "root", 5)
    assert run(host, desired()).changed and host.stats[UNIT].mode == 0o644
