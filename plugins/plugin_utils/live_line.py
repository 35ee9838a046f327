# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of a terminal, which changes while a step runs. It needs the library rich,
which is loaded only where there is such a line."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.live import Live

#: How often the line is written again, in times a second.
RATE = 4


def is_possible() -> bool:
    """Return whether the standard output is a terminal on which a line can change, and rich is installed."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return importlib.util.find_spec("rich") is not None


class LiveLine:
    """The line. Whatever else is printed goes between `hide` and `show`."""

    def __init__(self, read_text: Callable[[], str]) -> None:
        """read_text: returns the line as it is at the moment; an empty text where there is none."""
        from rich.console import Console

        self._read_text = read_text
        self._live: Live | None = None
        self._console = Console(highlight=False, markup=False, emoji=False)

    def __rich__(self) -> Any:
        """Return the line for rich, in the width of the terminal."""
        from rich.text import Text

        return Text(self._read_text(), style="dim", no_wrap=True, overflow="ellipsis")

    def show(self) -> None:
        """Begin to write the line."""
        from rich.live import Live

        if self._live is None and self._read_text():
            # Streams stay as they are: rich would break long lines that others print.
            self._live = Live(
                self,
                console=self._console,
                refresh_per_second=RATE,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def hide(self) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.file.flush()
