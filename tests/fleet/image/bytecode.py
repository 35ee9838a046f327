# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what Python compiles of Ansible's modules, for root. Every Python of a test host loads it when it starts.

Ansible sends a module as a zip file of sources, which Python compiles again in each call, with their regular expressions and what
dataclasses and named tuples generate: more than half of the work of a module on a host, and tests call thousands. A source is known
by its checksum, so that a changed one is compiled again.
"""

import marshal
import os
import zipimport

#: Of root, and empty after a boot: nothing that a removal or a check reads.
FOLDER = "/run/fleet-bytecode"
#: Of texts. A module that makes expressions of what it reads would add them in each call.
LIMIT = 2000

compile_module = zipimport._get_module_code
#: What was found of a module, until it is run.
located = {}


def get_path(*key):
    """The file of a key. Another version of Python has other code."""
    # Here, since a Python that imports nothing from a zip file needs none of it.
    import hashlib
    from importlib.util import MAGIC_NUMBER

    return os.path.join(FOLDER, hashlib.sha256(repr((MAGIC_NUMBER, *key)).encode()).hexdigest())


def load(path):
    """What is in a file, None where it is not there or is damaged."""
    try:
        with open(path, "rb") as file:
            return marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        return None


def save(path, content):
    """Saves a file as a whole, whoever reads or writes it at the same time."""
    if os.geteuid() != 0:
        return
    try:
        os.makedirs(FOLDER, mode=0o755, exist_ok=True)
        own = f"{path}.{os.getpid()}"
        with open(own, "wb") as file:
            marshal.dump(content, file)
        os.rename(own, path)
    except OSError:
        # A host whose /run is full or read-only runs as one without this.
        return


def load_once(importer, name):
    """The code of a module in a zip file, whether it is a package, and its path. Python asks for them twice: to find the module, and
    to run it."""
    key = importer.archive, name
    if key in located:
        return located.pop(key)
    expressions.begin()
    located[key] = found = load_or_compile(importer, name)
    return found


def load_or_compile(importer, name):
    """What `load_once` returns. The name in the zip file is part of a traceback, so that equal sources of two names are two."""
    # Python 3.13 reads them on demand.
    files = importer._get_files() if hasattr(importer, "_get_files") else importer._files
    for suffix, is_bytecode, is_package in zipimport._zip_searchorder:
        entry = files.get(zipimport._get_module_path(importer, name) + suffix)
        if entry and not is_bytecode:
            where, size, checksum = entry[0], entry[3], entry[7]
            path = get_path(where.rpartition(".zip/")[2], size, checksum)
            code = load(path)
            if code is None:
                code = compile_module(importer, name)[0]
                save(path, code)
            return code, is_package, where
    return compile_module(importer, name)


class Expressions:
    """What is compiled of texts while modules are loaded: regular expressions, and what dataclasses and named tuples generate.

    All of them are one file, since they are many and small. A value is marshalled on its own, so that only those that are needed are
    made. Of two processes that end at the same time, one adds its own another day.
    """

    def __init__(self):
        self.values, self.added, self.begun = {}, False, False

    def begin(self):
        """From now on, what is known is used."""
        if self.begun:
            return
        self.begun = True
        import atexit
        import collections
        import dataclasses
        import re

        self.path = get_path("expressions")
        self.values = load(self.path) or {}
        self.compiler = getattr(re, "_compiler", None) or re.sre_compile
        self.compile_pattern, self.sre = self.compiler.compile, self.compiler._sre
        self.compiler.compile = self.find_pattern
        # These names are built in: a module's own comes first.
        dataclasses.exec = lambda source, *names: exec(self.find_code(source, "exec"), *names)
        collections.eval = lambda source, *names: eval(self.find_code(source, "eval"), *names)
        atexit.register(self.end)

    def end(self):
        """Keeps what was added."""
        if self.added:
            save(self.path, {**(load(self.path) or {}), **self.values})

    def find(self, key, make):
        """The value of a key, which is made where it is not known."""
        if key in self.values:
            return marshal.loads(self.values[key])
        value = make()
        if len(self.values) < LIMIT:
            self.values[key] = marshal.dumps(value)
            self.added = True
        return value

    def find_code(self, source, mode):
        """The code of a source. Code stays as it is."""
        return self.find((mode, source), lambda: compile(source, "<string>", mode)) if isinstance(source, str) else source

    def find_pattern(self, pattern, flags=0):
        """A compiled regular expression. One that is parsed already, and one that is to be printed, is left to Python."""
        if not isinstance(pattern, (str, bytes)) or flags & self.compiler.SRE_FLAG_DEBUG:
            return self.compile_pattern(pattern, flags)
        return self.sre.compile(pattern, *self.find((pattern, int(flags)), lambda: self.record(pattern, flags)))

    def record(self, pattern, flags):
        """What Python's own compiler gives the engine for a pattern."""
        self.compiler._sre = engine = Recorder(self.sre)
        try:
            self.compile_pattern(pattern, flags)
        finally:
            self.compiler._sre = self.sre
        flags, code, count, groups, names = engine.given[1:]
        # Numbers of a class of their own are no plain data.
        return int(flags), [int(word) for word in code], count, dict(groups), names


class Recorder:
    """The engine of regular expressions, which keeps what it is given."""

    def __init__(self, engine):
        self.engine = engine

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def compile(self, *given):
        """What the engine makes of it."""
        self.given = given
        return self.engine.compile(*given)


expressions = Expressions()
zipimport._get_module_code = load_once
