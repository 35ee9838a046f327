# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects again and again, and counts what was answered: ask.py SECONDS ADDRESS PORT [PAUSE].

Ends after that time, or once there is a file /run/queried-enough. Zero seconds: one connection. PAUSE are seconds between two.
"""

import collections
import json
import os
import socket
import sys
import time

seconds, address, port = float(sys.argv[1]), sys.argv[2], int(sys.argv[3])
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0
answers = collections.Counter()
end = time.monotonic() + seconds
while True:
    try:
        with socket.create_connection((address, port), timeout=3) as connection:
            answers[connection.recv(64).decode() or "nothing"] += 1
    except OSError as error:
        answers[str(error)] += 1
    if time.monotonic() >= end or os.path.exists("/run/queried-enough"):
        break
    time.sleep(pause)
print(json.dumps(answers))
