# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of check.yml against test hosts, and what they found."""

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

from tests.lib.questions import validate
from tests.lib.site import CLONE, Site

#: Seconds after which what was typed hangs. On a busy machine a run takes several minutes.
SECONDS = 1800


@dataclass(frozen=True)
class CheckRun:
    """A check that ended: its exit code, what it printed, and the folder of its files."""

    code: int
    output: str
    folder: pathlib.Path

    @property
    def findings(self):
        return self.document["findings"]

    @property
    def document(self):
        """What programs get, which the published schema allows."""
        return validate(json.loads((self.folder / "check.json").read_text(encoding="utf-8")), "check")

    @property
    def drift(self):
        """The findings with drift: (host, item) to the finding."""
        return {(found["host"], found["item"]): found for found in self.findings if found["level"] == "drift"}

    def assert_in_sync(self):
        assert (self.code, self.drift) == (0, {}), self.output[-4000:]
        return self


class Checked(Site):
    """The hosts, the check, and a terminal in the clone."""

    def __init__(self, inventory, folder, **more):
        super().__init__(inventory, **more)
        self.folder = folder
        self.count = 0

    def type(self, command, inventory=""):
        """A line typed in the clone, as it stands: (exit code, what was printed)."""
        environment = os.environ | {
            "ANSIBLE_INVENTORY": inventory or str(self.inventory), "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, shell=True, cwd=CLONE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
        for secret in self.secrets:
            assert secret not in done.stdout, f"`{command}` printed a secret"
        return done.returncode, done.stdout

    def must(self, command, inventory=""):
        """A line typed in the clone, that must end well."""
        code, output = self.type(command, inventory)
        assert code == 0, f"`{command}` ended with {code}: {output[-4000:]}"

    def check(self, options="", inventory=""):
        """Runs the check."""
        self.count += 1
        folder = self.folder / str(self.count)
        return CheckRun(*self.type(f"ansible-playbook playbooks/check.yml -e xitrum_report_dir={folder} {options}", inventory), folder)
