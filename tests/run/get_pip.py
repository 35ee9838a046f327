# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip into an empty virtual environment for ansible-test.

ansible-test downloads a script for that unless it finds one in its cache, from a server of its own that need not be reachable.
This one unpacks a wheel of pip that tests/run/sanity has put next to it, and does nothing else: to install pip by pip takes seconds,
which ansible-test would do for each of its environments. Arguments: those of that script; `pip==VERSION` is used.
"""

from __future__ import annotations

import pathlib
import sys
import sysconfig
import zipfile

version = next(argument.partition("==")[2] for argument in sys.argv[1:] if argument.startswith("pip=="))
wheel = pathlib.Path.home() / ".ansible/test/cache" / f"pip-{version}-py3-none-any.whl"
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(sysconfig.get_path("purelib"))
