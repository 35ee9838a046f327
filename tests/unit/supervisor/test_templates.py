# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job for upstart, which no host here can run, against a file of its own; what every template reports about itself; the folders
of a systemd unit; and the script that makes a missing log folder, which is run here."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.supervisor import component as services
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS
from jinja2 import Environment, StrictUndefined

TEMPLATES = pathlib.Path(__file__).parents[3] / "roles" / "supervisor" / "templates"
GOLDEN = pathlib.Path(__file__).parents[1] / "data" / "supervisor" / "upstart.conf"
VARIABLES = {"index": 1, "xitrum_name": "demo", "xitrum_user": "demo", "xitrum_root": "/opt/demo", "xitrum_stop_timeout": 30,
             "supervisor_restart_limit": 10, "supervisor_restart_window": 300, "supervisor_restart_seconds": 1}


def rendered(template, **more):
    environment = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)
    environment.filters["ternary"] = lambda value, yes, no: yes if value else no
    texts = [(TEMPLATES / f"{part}.j2").read_text() for part in template.split()]
    return "".join(environment.from_string(text).render({**VARIABLES, **more}) for text in texts)


def test_the_job_for_upstart():
    text = rendered("upstart/job")
    assert services.replace_marks(text, {"@NOFILE@": 65536, "@DIGEST@": "0123456789ab"}) == GOLDEN.read_text()


def files_of(kind):
    """The files that a supervisor can need."""
    options = [{"log_dir": "/var/log/demo"}, {"log_dir": "/srv/demo", "supervisord_version": "4.3.0"}]
    return {file for each in options for file in SUPERVISORS[kind].list_files(each)}


def template_of(kind, end):
    """The templates of the file of a supervisor whose path has that end."""
    return next(file.template for file in files_of(kind) if file.path.endswith(f"/{end}"))


ALL_FILES = {file for kind in SUPERVISORS for file in files_of(kind)}


@pytest.mark.parametrize("file", sorted(ALL_FILES), ids=lambda file: file.path)
def test_every_file_states_whose_it_is(file):
    text = (TEMPLATES / f"{file.template.split()[0]}.j2").read_text()
    assert services.OURS in "".join(text.splitlines(True)[:2]), "it could not be distinguished from an unmanaged one"


def test_every_template_is_of_a_file_of_a_supervisor():
    used = {part for file in ALL_FILES for part in file.template.split()}
    assert used == {str(path.relative_to(TEMPLATES).with_suffix("")) for path in TEMPLATES.rglob("*.j2")}


@pytest.mark.parametrize("kind", SUPERVISORS)
def test_every_supervisor_has_a_folder_of_templates(kind):
    folders = {part.partition("/")[0] for file in files_of(kind) for part in file.template.split()}
    assert kind in folders and folders <= {kind, "shared"}


def unit(root="/opt/demo", logs="/var/log/demo", writable=(), hidden=(), name="demo"):
    text = rendered("systemd/unit", xitrum_root=root, xitrum_log_dir=logs, supervisor_writable_paths=writable, xitrum_nofile=1,
                    hidden=hidden, log_name=name, home="/etc/demo-systemd",
                    low_port=False)
    return [line for line in text.splitlines() if line.partition("=")[0] in (
        "ProtectHome", "TemporaryFileSystem", "BindPaths", "BindReadOnlyPaths", "ReadWritePaths", "LogsDirectory", "ExecStartPre")]


def test_a_unit_outside_of_homes_sees_none_and_makes_its_log_folder():
    assert unit() == ["LogsDirectory=demo/%i", "ReadWritePaths=/opt/demo/instances/%i", "ReadWritePaths=-/var/log/demo/%i", "ProtectHome=yes"]


def test_a_unit_below_a_home_sees_its_own_folders_there():
    root, logs = "/home/deploy/demo", "/home/deploy/logs"
    assert unit(root, logs, ["/home/x/up", "/srv/up"], [root, logs, "/home/x/up"], "") == [
        "ExecStartPre=+/etc/demo-systemd/log_folder %i", f"ReadWritePaths={root}/instances/%i", f"ReadWritePaths=-{logs}/%i",
        "ReadWritePaths=/home/x/up", "ReadWritePaths=/srv/up", "ProtectHome=tmpfs",
        "TemporaryFileSystem=/home:ro,mode=0755 /root:ro,mode=0755 /run/user:ro,mode=0755", f"BindReadOnlyPaths={root}", f"BindPaths={root}/instances/%i",
        f"BindPaths=-{logs}/%i", "BindPaths=/home/x/up"]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders of others")


class TestLogFolder:
    """The script, in a folder of root's own below /root or /var/lib: every user may write to /tmp."""

    @pytest.fixture()
    def base(self):
        folder = pathlib.Path("/var/lib") / f"xitrum-test-{os.getpid()}"
        folder.mkdir(mode=0o755)
        yield folder
        subprocess.run(["rm", "-rf", "--", str(folder)], check=True)

    def run(self, base, logs, *numbers):
        script = base / "log_folder"
        script.write_text(rendered("shared/log_folder", xitrum_log_dir=str(logs), xitrum_root=str(base), xitrum_user="daemon"))
        done = subprocess.run(["sh", str(script), *numbers], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        return done.stderr

    def modes(self, *folders):
        return [f"{folder.stat().st_mode & 0o777:o} {folder.owner()}:{folder.group()}" for folder in folders]

    @needs_root
    def test_what_is_missing_is_made(self, base):
        logs = base / "a/b/logs"
        assert self.run(base, logs, "0") == ""
        assert self.modes(logs.parent, logs, logs / "0") == ["755 root:root", "750 root:daemon", "750 daemon:daemon"]
        (logs / "0").rmdir()
        (logs / "0").mkdir(mode=0o700)
        assert self.run(base, logs, "0", "1") == ""
        assert self.modes(logs / "0", logs / "1") == ["700 root:root", "750 daemon:daemon"], "what is there is left alone"

    @needs_root
    def test_without_a_number_all_instances_have_one(self, base):
        for name in ("0", "12", "no-number"):
            (base / "instances" / name).mkdir(parents=True)
        assert self.run(base, base / "logs") == ""
        assert sorted(path.name for path in (base / "logs").iterdir()) == ["0", "12"]

    @needs_root
    @pytest.mark.parametrize("mode, owner", [(0o755, 1), (0o777, 0), (0o1777, 0)])
    def test_nothing_is_made_below_a_folder_that_others_can_change(self, base, mode, owner):
        parent = base / "theirs"
        parent.mkdir()
        os.chown(parent, owner, 0)
        parent.chmod(mode)
        assert "was not made below a folder that other users can change" in self.run(base, parent / "logs", "0")
        assert list(parent.iterdir()) == []

    @needs_root
    def test_a_link_that_leads_nowhere_is_not_followed(self, base):
        (base / "logs").symlink_to(base / "elsewhere")
        self.run(base, base / "logs", "0")
        assert not (base / "elsewhere").exists()


class TestOutputOfRcLocal:
    """The scripts that start an instance, with a program that prints who it is in its place."""

    base = TestLogFolder.base

    def start(self, base):
        name, logs = base.name, base / "logs"
        if not logs.exists():
            logs.mkdir()
        values = {"xitrum_log_dir": str(logs), "xitrum_root": str(base), "xitrum_user": "daemon", "xitrum_name": name, "xitrum_nofile": 100,
                  "supervisor_kind": "rc.local", "home": str(base), "low_port": False}
        for template, script in (("shared/log_folder", "log_folder"), (template_of("rc.local", "run"), "launch"), ("rc.local/start", "start")):
            (base / script).write_text(rendered(template, **values).replace(f"{base}/run \"$1\"", f"{base}/launch \"$1\""))
            (base / script).chmod(0o755)
        (base / "run").write_text("#!/bin/sh\nid -un\n")
        (base / "run").chmod(0o755)
        number = pathlib.Path(f"/run/{name}-rc.local-0.pid")
        try:
            output = subprocess.run([str(base / "start"), "0"], capture_output=True, text=True, check=True, timeout=60).stderr
            stat = pathlib.Path(f"/proc/{number.read_text().strip()}/stat")
            # Whoever is its parent by now may never ask how it ended.
            while stat.exists() and ") Z " not in stat.read_text():
                time.sleep(0.05)
            return output
        finally:
            number.unlink(missing_ok=True)

    @needs_root
    def test_the_applications_user_opens_it(self, base):
        output = base / "logs/output-0.log"
        assert self.start(base) == "" and output.read_text() == "daemon\n"
        assert f"{output.owner()}:{output.group()} {output.stat().st_mode & 0o777:o}" == "daemon:daemon 640"

    @needs_root
    def test_a_file_of_an_older_version_is_kept(self, base):
        (base / "logs").mkdir()
        (base / "logs/output-0.log").write_text("before\n")
        assert self.start(base) == "" and (base / "logs/output-0.log").read_text() == "before\ndaemon\n"

    @needs_root
    @pytest.mark.parametrize("plant", [os.symlink, os.link])
    def test_a_link_in_its_place_leads_root_nowhere(self, base, plant):
        (base / "logs").mkdir()
        secret = base / "secret"
        secret.write_text("of root\n")
        secret.chmod(0o600)
        plant(secret, base / "logs/output-0.log")
        assert "is not a plain file" in self.start(base)
        assert secret.read_text() == "of root\n" and (secret.owner(), secret.stat().st_mode & 0o777) == ("root", 0o600)

    @needs_root
    def test_the_folder_of_another_supervisor_is_not_given_away_through_a_link(self, base):
        target, script = base / "target", base / "output"
        target.mkdir()
        (base / "logs").mkdir()
        (base / "logs/output-log").symlink_to(target)
        (base / "log_folder").write_text("#!/bin/sh\n")
        (base / "log_folder").chmod(0o755)
        (base / "log").mkdir()
        script.write_text(rendered(template_of("daemontools", "log/run"), xitrum_log_dir=str(base / "logs"), xitrum_user="daemon",
                                   supervisor_kind="daemontools", home=str(base), supervisor_log_max_bytes=1, supervisor_log_backups=1))
        done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=False, cwd=base / "log")
        assert done.returncode != 0 and target.owner() == "root"
