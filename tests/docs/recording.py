# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a command as SVG: `python -m tests.docs.recording PICTURE CODE COMMAND...`.

The command runs in a terminal of its own, one that cannot change a line, so that the picture has all that was waited for. It has to
end with CODE. Text of the picture can be selected.
"""

from __future__ import annotations

import io
import os
import pathlib
import pty
import re
import shlex
import sys

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 118
SETTINGS = {"TERM": "dumb", "ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "ANSIBLE_STDOUT_CALLBACK": "xitrum.host.fleet"}
THEME = TerminalTheme(
    (13, 17, 23), (230, 237, 243),
    [(72, 79, 88), (255, 123, 114), (126, 231, 135), (227, 179, 65), (121, 192, 255), (210, 168, 255), (86, 211, 228), (177, 186, 196)],
    [(110, 118, 129), (255, 123, 114), (126, 231, 135), (227, 179, 65), (121, 192, 255), (210, 168, 255), (86, 211, 228), (240, 246, 252)],
)
FONT = "'DejaVu Sans Mono', Menlo, Consolas, monospace"


def run(command: list[str]) -> tuple[int, str]:
    """Run a command in a terminal: its exit code, and what it printed, with its colours."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, **SETTINGS})
    printed = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            # The kernel reports the end of a terminal as an error.
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        printed += data
    _pid, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), printed.decode().replace("\r\n", "\n")


def render_picture(command: list[str], text: str) -> str:
    """Return the SVG of a command and what it printed."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text(f"$ {shlex.join(command)}", style="green"))
    for line in text.strip("\n").split("\n"):
        console.print(Text.from_ansi(line))
    svg = console.export_svg(title="", theme=THEME, unique_id="run")
    # A picture of the documentation loads nothing from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: Fira Code, monospace|font-family: arial", f"font-family: {FONT}", svg)


def main(path: str, code: str, *command: str) -> None:
    """Record, and write the picture where the command ended as it was to."""
    found, text = run(list(command))
    if found != int(code):
        sys.exit(f"`{shlex.join(command)}` ended with {found}, expected {code}")
    pathlib.Path(path).write_text(render_picture(list(command), text), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
