# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the newest ansible-core prints: a deprecation warning fails a run that succeeded. What it is pinned with."""

from __future__ import annotations

import re

import pytest

from tests.fleet.engine import CLONE
from tests.newest import controller

WARNING = "[DEPRECATION WARNING]: The 'x' option of xitrum.host.jdk is deprecated. This feature will be removed in version 2.23."
RUN = f"PLAY [Hosts]\n\nTASK [xitrum.host.jdk : Install the JDK]\n{WARNING}\nOrigin: /root/roles/jdk/tasks/main.yml:3:3\n\n3 - name: x\nok: [app1]\n"


@pytest.mark.parametrize(("text", "found"), [
    ("", []),
    (RUN, [WARNING]),
    (RUN + "task path: x\r\n  " + WARNING + "  \n[DEPRECATION WARNING]: other\n", [WARNING, "[DEPRECATION WARNING]: other"]),
    ("[WARNING]: deprecation\nDEPRECATION WARNING\n", []),
])
def test_each_deprecation_warning_is_found_once(text, found):
    assert controller.find_deprecations(text) == found


@pytest.mark.parametrize(("result", "code"), [
    ((0, "ok\n", ""), 0),
    ((2, "failed\n", ""), 2),
    ((0, RUN, ""), 1),
    ((0, "ok\n", f"{WARNING}\n"), 1),
    ((4, RUN, ""), 4),
])
def test_a_deprecation_warning_is_a_failure(monkeypatch, result, code):
    monkeypatch.setattr(controller, "attempt", lambda *_command, **_options: result)
    ended, text = controller.execute("ansible-playbook", "xitrum.host.site")
    assert ended == code
    assert text.startswith(result[1] + result[2])
    assert (f"deprecated for the newest ansible-core: {WARNING}\n" in text) is (WARNING in result[1] + result[2])


def test_the_lock_has_what_the_requirements_pin_and_hashes_of_everything():
    lock = controller.LOCK.read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w-]+==[\w.]+", (CLONE / "requirements-newest.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned and all(f"{name} \\\n" in lock for name in pinned)
    packages = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > len(pinned) and all("--hash=sha256:" in package for package in packages)


def test_it_is_newer_than_what_the_collection_is_developed_with():
    versions = [
        tuple(map(int, re.search(r"^ansible-core==([\d.]+)", (CLONE / name).read_text(encoding="utf-8"), re.MULTILINE)[1].split(".")))
        for name in ("requirements.txt", "requirements-newest.txt")
    ]
    assert versions[0][:2] < versions[1][:2]
