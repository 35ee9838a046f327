# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site under test and its packages."""

import pytest

pytest_plugins = ["tests.lib.site_fixtures"]


@pytest.fixture
def print_line(capsys):
    """Writes a line of figures to the log, whether or not the test fails."""
    def write(text):
        with capsys.disabled():
            print(f"\n{text}")

    return write


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """A file of tasks for maintenance: it notes that it was done."""
    path = tmp_path_factory.mktemp("work") / "work.yml"
    path.write_text("---\n- name: The work is done\n  ansible.builtin.copy:\n    dest: /run/maintained\n    content: done\n    mode: '0644'\n")
    return str(path)
