# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a source once in a process. Every Python of ansible-test's import test loads it when it starts.

That test imports each file of the collection with all that the file imports, again for each file, and Ansible's loader compiles a
source each time: half of the work of the test.
"""

from __future__ import annotations

import builtins

compile_source = builtins.compile
codes = {}


def compile_once(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, **options):
    """The code of a source: that of an earlier call with the same arguments, where there was one."""
    # What inherits its caller's features, or is not a text, is left to Python.
    if not dont_inherit or options or not isinstance(source, (str, bytes)):
        return compile_source(source, filename, mode, flags, dont_inherit, optimize, **options)
    key = (source, filename, mode, flags, optimize)
    if key not in codes:
        codes[key] = compile_source(source, filename, mode, flags, True, optimize)
    return codes[key]


builtins.compile = compile_once
