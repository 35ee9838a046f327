# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the byte code of what Python imports from a zip file, for root. Every Python of a test host loads it when it starts.

Ansible sends a module as a zip file of sources, which Python compiles again in each call: nearly half of the work of a module on
a host, and tests call thousands. A source is known by its content, so that a changed one is compiled again.
"""

import marshal
import os
import zipimport

#: Of root, and empty after a boot: nothing that a removal or a check reads.
FOLDER = "/run/fleet-bytecode"

compile_source = zipimport._compile_source


def load_or_compile(pathname, source):
    """The code of a source. Its name in the zip file is part of a traceback, so that equal sources of two names are two."""
    # Here, since a Python that imports nothing from a zip file needs none of it.
    import hashlib
    from importlib.util import MAGIC_NUMBER

    # Another version of Python has another byte code.
    content = MAGIC_NUMBER + pathname.rpartition(".zip/")[2].encode() + b"\0" + source
    path = os.path.join(FOLDER, hashlib.sha256(content).hexdigest())
    try:
        with open(path, "rb") as file:
            return marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        # Not there, or damaged: it is made.
        pass
    code = compile_source(pathname, source)
    if os.geteuid() == 0:
        save(path, marshal.dumps(code))
    return code


def save(path, content):
    """Saves a file as a whole, whoever reads or writes it at the same time."""
    try:
        os.makedirs(FOLDER, mode=0o755, exist_ok=True)
        own = f"{path}.{os.getpid()}"
        with open(own, "wb") as file:
            file.write(content)
        os.rename(own, path)
    except OSError:
        # A host whose /run is full or read-only runs as one without this.
        return


zipimport._compile_source = load_or_compile
