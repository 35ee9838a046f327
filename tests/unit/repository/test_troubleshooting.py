# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reference/messages.md names messages that there are."""

from __future__ import annotations

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[3]
CELLS = re.findall(r"^\| `(.+?)` \|", (TOP / "docs/reference/messages.md").read_text(encoding="utf-8"), re.MULTILINE)
# A row may explain several messages.
MESSAGES = [message for cell in CELLS for message in cell.split("`, `")]
# A text that goes over the end of a line is in several literals.
PATHS = [path for folder in ("plugins", "roles") for path in sorted((TOP / folder).rglob("*")) if path.suffix in (".py", ".yml")]
SOURCE = re.sub(r'"\s*\n\s*f?"', "", "".join(path.read_text(encoding="utf-8") for path in PATHS))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_in_the_code_its_parts_in_their_order_on_one_line(message):
    parts = [part for part in message.split("...") if part.strip()]
    assert re.search(r"[^\n]*?".join(map(re.escape, parts)), SOURCE), f"no line reports {message!r}"


def test_there_are_messages():
    assert len(MESSAGES) > 10
