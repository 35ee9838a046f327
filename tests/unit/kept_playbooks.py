# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible parses of playbooks and compiles of templates, kept by the process of play_server.py for further runs.

Each run parses the same files, copies them for each role, and compiles the same templates: that is half of what a play on stubbed
modules costs. What is done with them is Ansible's own.
"""

from __future__ import annotations

import marshal
import os
import pathlib

from ansible import cli
from ansible._internal._templating import _engine, _jinja_bits
from ansible.module_utils._internal._datatag import AnsibleTagHelper
from ansible.parsing import dataloader
from jinja2.environment import TemplateExpression

#: File to what was parsed of it.
parsed = {}
#: What was compiled of templates and expressions.
codes = {}
#: Keys of `codes` that a run has added.
added = []


class Copy:
    """Is in the place of the module `copy` where files are loaded."""

    @staticmethod
    def deepcopy(value):
        """A copy of what was parsed. A text or a number cannot change, so that both have the same one."""
        if isinstance(value, dict):
            copied = {key: Copy.deepcopy(item) for key, item in value.items()}
        elif isinstance(value, list):
            copied = [Copy.deepcopy(item) for item in value]
        else:
            return value
        return AnsibleTagHelper.tag_copy(value, copied)


class Loader(dataloader.DataLoader):
    """Begins with the files that are parsed already."""

    def __init__(self):
        super().__init__()
        self._FILE_CACHE = dict(parsed)


class Environment(_jinja_bits.AnsibleEnvironment):
    """Compiles a template once."""

    #: Of the expression that is compiled, of which `compile` gets what was parsed.
    expression = None

    def compile(self, source, *arguments, **options):
        text = source if isinstance(source, str) else self.expression
        # An overlay has other delimiters.
        if text is None or self.linked_to or arguments or options:
            return super().compile(source, *arguments, **options)
        key = self.get_key(text, source is not text)
        if key not in codes:
            codes[key] = super().compile(source)
            added.append(key)
        return codes[key]

    def compile_expression(self, source, undefined_to_none=True):
        code = None if self.linked_to else codes.get(self.get_key(source, True))
        if code:
            return TemplateExpression(self.template_class.from_code(self, code, self.make_globals(None), None), undefined_to_none)
        self.expression = source
        try:
            return super().compile_expression(source, undefined_to_none)
        finally:
            self.expression = None

    @staticmethod
    def get_key(source, expression):
        """All that the code of a source depends on, without Ansible's tags."""
        context = _jinja_bits._TemplateCompileContext.current(optional=True)
        return str(source), expression, bool(context and context.escape_backslashes)


def keep(folder):
    """Parses all playbooks and roles of a collection, and keeps from now on what runs compile."""
    loader = dataloader.DataLoader()
    for kind in ("playbooks", "roles"):
        for parent, _folders, names in os.walk(folder / kind, followlinks=True):
            for path in (os.path.join(parent, name) for name in names if name.endswith(".yml")):
                parsed[path] = loader.load_from_file(path, unsafe=True, trusted_as_template=True)
    dataloader.copy = Copy
    cli.DataLoader = Loader
    _engine.AnsibleEnvironment = _jinja_bits.AnsibleTemplate.environment_class = Environment


def write(path):
    """Writes what a run has added."""
    pathlib.Path(path).write_bytes(marshal.dumps({key: codes[key] for key in added}))


def read(path):
    """Reads what a run has added."""
    path = pathlib.Path(path)
    if path.exists():
        codes.update(marshal.loads(path.read_bytes()))
        path.unlink()
