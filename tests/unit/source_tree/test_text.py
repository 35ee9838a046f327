# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single lines of a Procfile, of properties and of a build are changed."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import text as source_text

STAGE = ("stage", ";xitrum-package")
OURS = 'addCommandAlias("stage", ";xitrum-package")\n'


@pytest.mark.parametrize("text, kind, desired", [
    ("", "procfile", "web: run\n"),
    ("worker: a\nweb:   old  \nclock: b", "procfile", "worker: a\nweb:   run  \nclock: b"),
    ("worker: a", "procfile", "worker: a\nweb: run\n"),
    ("web: run\n", "procfile", "web: run\n"),
    ("web: old\r\nworker: a\r\n", "procfile", "web: run\nworker: a\n"),
    ("# web=1\nweb = old\n", "properties", "# web=1\nweb = run\n"),
    ("a=1\r\n", "properties", "a=1\r\nweb=run\r\n"),
    ("web=first\nweb=last\n", "properties", "web=first\nweb=run\n"),
])
def test_a_value_is_replaced_or_added(text, kind, desired):
    assert source_text.set_entries(text, kind, {"web": "run"}) == desired
    assert source_text.set_entries(desired, kind, {"web": "run"}) == desired


@pytest.mark.parametrize("text, desired", [
    ("", OURS),
    ("name := 1", "name := 1\n\n" + OURS),
    ('// addCommandAlias("stage", ";xitrum-package")\n', '// addCommandAlias("stage", ";xitrum-package")\n\n' + OURS),
    ("a := \"/* no comment\"\r\n", "a := \"/* no comment\"\r\n\r\n" + OURS.replace("\n", "\r\n")),
    ('addCommandAlias( "stage" , "clean; xitrum-package" )', 'addCommandAlias( "stage" , "clean; xitrum-package" )'),
])
def test_an_alias_is_added_where_there_is_none(text, desired):
    assert source_text.define_alias(text, *STAGE) == desired
    assert source_text.define_alias(desired, *STAGE) == desired


@pytest.mark.parametrize("text", ['/* a\n */ addCommandAlias("stage", "compile")', 'a\naddCommandAlias("stage", stageCommand)'])
def test_an_alias_that_does_something_else_is_refused(text):
    with pytest.raises(ValueError, match='line 2: the alias "stage" runs .*; expected one that runs xitrum-package. Add it there'):
        source_text.define_alias(text, *STAGE)


@pytest.mark.parametrize(("text", "command"), [
    ('addCommandAlias("stage", "compile")\naddCommandAlias("stage", "clean;xitrumPackage")\n', "xitrumPackage"),
    ('addCommandAlias("stage", ";dist")\naddCommandAlias("dist", ";clean;pack")\naddCommandAlias("pack", "app/xitrum-package")\n', "app/xitrumPackage"),
    ('addCommandAlias(value = ";clean" + ";xitrumPackage", name = "stage")\n', "xitrumPackage"),
    ('addCommandAlias(\n  "stage", // How it is deployed\n  """;project app\n;xitrumPackage"""\n)\n', "app/xitrumPackage"),
    ('addCommandAlias("stage", ";app / xitrumPackage")\n', "app/xitrumPackage"),
    ('addCommandAlias("stage", "all clean app/xitrumPackage")\n', "xitrumPackage"),
])
def test_an_alias_that_runs_the_command_in_its_own_way_stays(text, command):
    assert source_text.define_alias(text, "stage", f";{command}") == text


@pytest.mark.parametrize(("text", "command", "line", "runs"), [
    ('addCommandAlias("stage", "xitrumPackage")\naddCommandAlias("stage", "compile")\n', "xitrumPackage", 2, "'compile'"),
    ('addCommandAlias("stage", ";other/xitrumPackage")\n', "app/xitrumPackage", 1, "';other/xitrumPackage'"),
    ('addCommandAlias("stage", ";xitrumPackage")\n', "app/xitrumPackage", 1, "';xitrumPackage'"),
    ('addCommandAlias("stage", ";stage;dist")\naddCommandAlias("dist", ";stage")\n', "xitrumPackage", 1, "';stage;dist'"),
    ('\naddCommandAlias(name = "stage", value = all("a", "b"))\n', "xitrumPackage", 2, 'all("a", "b")'),
])
def test_the_alias_that_is_in_force_is_the_one_that_counts(text, command, line, runs):
    with pytest.raises(ValueError) as refused:
        source_text.define_alias(text, "stage", f";{command}")
    assert str(refused.value) == f'line {line}: the alias "stage" runs {runs}; expected one that runs {command}. Add it there'


def test_aliases_that_run_each_other_many_times_are_expanded_once():
    text = "".join(f'addCommandAlias("a{number}", ";a{number + 1};a{number + 1}")\n' for number in range(60))
    text += 'addCommandAlias("a60", "xitrumPackage;a0")\naddCommandAlias("stage", ";project app;a0")\n'
    assert source_text.define_alias(text, "stage", ";app/xitrumPackage") == text


@pytest.mark.parametrize("text", ['val s = """addCommandAlias("stage", "compile")"""\n', 'val s = "addCommandAlias(\\"stage\\", \\"compile\\")"\n'])
def test_an_alias_in_a_string_is_none(text):
    assert source_text.define_alias(text, *STAGE) == f"{text}\n{OURS}"
