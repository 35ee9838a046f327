# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of check.yml against test hosts, and what they found."""

import json
import pathlib
from dataclasses import dataclass

from tests.lib.questions import validate
from tests.lib.site import Site


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
    """The hosts and the check."""

    def __init__(self, inventory, folder, **more):
        super().__init__(inventory, **more)
        self.folder = folder
        self.count = 0

    def check(self, options="", inventory=""):
        """Runs the check."""
        self.count += 1
        folder = self.folder / str(self.count)
        return CheckRun(*self.type(f"ansible-playbook playbooks/check.yml -e xitrum_report_dir={folder} {options}", inventory), folder)
