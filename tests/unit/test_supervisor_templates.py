# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job for upstart, which no host here can run, against a file of its own; and what every template says of itself."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import services, supervisors
from jinja2 import Environment, StrictUndefined

TEMPLATES = pathlib.Path(__file__).parents[2] / "roles" / "supervisor" / "templates"
GOLDEN = pathlib.Path(__file__).parent / "data" / "supervisor" / "upstart.conf"
VARIABLES = {"index": 1, "xitrum_name": "demo", "xitrum_user": "demo", "xitrum_root": "/opt/demo", "xitrum_stop_timeout": 30,
             "supervisor_restart_limit": 10, "supervisor_restart_window": 300, "supervisor_restart_seconds": 1}


def test_the_job_for_upstart():
    environment = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)
    text = environment.from_string((TEMPLATES / "upstart.j2").read_text()).render(VARIABLES)
    assert services.replaced(text, {"@NOFILE@": 65536, "@DIGEST@": "0123456789ab"}) == GOLDEN.read_text()


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.j2")), ids=lambda path: path.stem)
def test_every_file_says_whose_it_is(template):
    assert services.OURS in "".join(template.read_text().splitlines(True)[:2]), "it could not be told from somebody else's"


def test_every_supervisor_has_a_layout():
    text = (TEMPLATES.parent / "vars" / "main.yml").read_text()
    assert [kind for kind in supervisors.KINDS if f"\n  {kind}:" not in text] == []
