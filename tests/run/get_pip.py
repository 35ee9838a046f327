# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put pip into an empty virtual environment for ansible-test.

ansible-test downloads a script for that unless it finds one in its cache, from a server of its own that need not be reachable.
This one takes the pip that comes with Python, and lets that install the versions requested from wherever pip is set up to search.
Arguments: options and requirements of `pip install`, and `--no-setuptools` and `--no-wheel`, which that pip does not know.
"""

from __future__ import annotations

import subprocess
import sys

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--upgrade", *arguments], check=True)
