# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible parses of playbooks and compiles of templates, kept for further runs.

Each run parses the same files, copies them for each role, and compiles the same templates, in each process of a task again: half of
what a play on stubbed modules costs. What is done with them is Ansible's own.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import pathlib
import types

from ansible import cli
from ansible._internal._templating import _engine, _jinja_bits
from ansible.module_utils._internal._datatag import AnsibleTagHelper
from ansible.parsing import dataloader
from jinja2.environment import TemplateExpression

#: File to what was parsed of it.
parsed = {}


def copy_containers(value):
    """A copy of what was parsed. A text or a number cannot change, so that both have the same one."""
    if isinstance(value, dict):
        copied = {key: copy_containers(item) for key, item in value.items()}
    elif isinstance(value, list):
        copied = [copy_containers(item) for item in value]
    else:
        return value
    return AnsibleTagHelper.tag_copy(value, copied)


class Loader(dataloader.DataLoader):
    """Begins with the files that are parsed already."""

    def __init__(self):
        super().__init__()
        self._FILE_CACHE = dict(parsed)


class Codes:
    """What was compiled of templates and expressions, by this process or by another one that uses the same folder."""

    def __init__(self, folder):
        self.folder, self.known = pathlib.Path(folder), {}
        self.folder.mkdir(exist_ok=True)

    def get_path(self, key):
        return self.folder / hashlib.sha256(repr(key).encode()).hexdigest()

    def find(self, key):
        """The code of a key, None where it has none."""
        if key not in self.known:
            with contextlib.suppress(FileNotFoundError):
                self.known[key] = marshal.loads(self.get_path(key).read_bytes())
        return self.known.get(key)

    def keep(self, key, code):
        """Keeps the code of a key, and returns it."""
        self.known[key] = code
        path = self.get_path(key)
        # As a whole: others read it.
        own = path.with_name(f"{path.name}.{os.getpid()}")
        own.write_bytes(marshal.dumps(code))
        own.rename(path)
        return code


class Environment(_jinja_bits.AnsibleEnvironment):
    """Compiles a template once."""

    codes: Codes
    #: The expression that is compiled: `compile` gets what was parsed of it.
    expression = None

    def compile(self, source, *arguments, **options):
        text = source if isinstance(source, str) else self.expression
        # An overlay has other delimiters.
        if text is None or self.linked_to or arguments or options:
            return super().compile(source, *arguments, **options)
        key = self.get_key(text, source is not text)
        return self.codes.find(key) or self.codes.keep(key, super().compile(source))

    def compile_expression(self, source, undefined_to_none=True):
        code = None if self.linked_to else self.codes.find(self.get_key(source, True))
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


def keep(collection, folder):
    """Parses all playbooks and roles of a collection, and keeps from now on what runs compile, in a folder."""
    loader = dataloader.DataLoader()
    # Ansible finds roles by the collection's name, and playbooks also by their path in a clone, which the collection may be a link to.
    for folder_of_files in {collection / "roles", collection / "playbooks", collection.resolve() / "playbooks"}:
        for parent, _folders, names in os.walk(folder_of_files, followlinks=True):
            for path in (os.path.join(parent, name) for name in names if name.endswith(".yml")):
                parsed[path] = loader.load_from_file(path, unsafe=True, trusted_as_template=True)
    # In the place of the library's module.
    dataloader.copy = types.SimpleNamespace(deepcopy=copy_containers)
    cli.DataLoader = Loader
    Environment.codes = Codes(folder)
    _engine.AnsibleEnvironment = _jinja_bits.AnsibleTemplate.environment_class = Environment
