# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single lines of a Procfile, of properties and of a build are changed."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils import source_text

STAGE = ("stage", ";xitrum-package")
OURS = 'addCommandAlias("stage", ";xitrum-package")\n'


@pytest.mark.parametrize("text, kind, wanted", [
    ("", "procfile", "web: run\n"),
    ("worker: a\nweb:   old  \nclock: b", "procfile", "worker: a\nweb:   run  \nclock: b"),
    ("worker: a", "procfile", "worker: a\nweb: run\n"),
    ("web: run\n", "procfile", "web: run\n"),
    ("web: old\r\nworker: a\r\n", "procfile", "web: run\nworker: a\n"),
    ("# web=1\nweb = old\n", "properties", "# web=1\nweb = run\n"),
    ("a=1\r\n", "properties", "a=1\r\nweb=run\r\n"),
    ("web=first\nweb=last\n", "properties", "web=first\nweb=run\n"),
])
def test_a_value_is_replaced_or_added(text, kind, wanted):
    assert source_text.entries(text, kind, {"web": "run"}) == wanted
    assert source_text.entries(wanted, kind, {"web": "run"}) == wanted


@pytest.mark.parametrize("text, wanted", [
    ("", OURS),
    ("name := 1", "name := 1\n\n" + OURS),
    ('// addCommandAlias("stage", ";xitrum-package")\n', '// addCommandAlias("stage", ";xitrum-package")\n\n' + OURS),
    ("a := \"/* no comment\"\r\n", "a := \"/* no comment\"\r\n\r\n" + OURS.replace("\n", "\r\n")),
    ('addCommandAlias( "stage" , "clean; xitrum-package" )', 'addCommandAlias( "stage" , "clean; xitrum-package" )'),
])
def test_an_alias_is_added_where_there_is_none(text, wanted):
    assert source_text.alias(text, *STAGE) == wanted
    assert source_text.alias(wanted, *STAGE) == wanted


@pytest.mark.parametrize("text", ['/* a\n */ addCommandAlias("stage", "compile")', 'a\naddCommandAlias("stage", stageCommand)'])
def test_an_alias_that_does_something_else_is_refused(text):
    with pytest.raises(ValueError, match='line 2: the alias "stage" runs .* wanted is one that runs xitrum-package'):
        source_text.alias(text, *STAGE)
