# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a person's terminal gets the password that it asks for first, and then what the person types."""

from __future__ import annotations

import os
import pty
import termios
import threading

import pytest
from ansible_collections.xitrum.host.plugins.plugin_utils.joined_terminal import run_joined

ASKS = "stty -echo; printf '[key] password:'; read word; stty echo; echo; "


def is_prompt(data):
    return b"[key] password:" in data


@pytest.fixture(name="person")
def fixture_person():
    """A function that runs a script in a person's terminal, in which the person types: its exit code, and what was on the screen."""
    screen, terminal = pty.openpty()

    def run(script, types=b"", **more):
        seen, before = [], termios.tcgetattr(terminal)

        def watch():
            while b"END" not in b"".join(seen):
                data = os.read(screen, 4096)
                if types and b"ready>" in data:
                    os.write(screen, types)
                seen.append(data)

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        code = run_joined(["sh", "-c", script], terminal, **more)
        os.write(terminal, b"END")
        watching.join(10)
        assert termios.tcgetattr(terminal) == before, "the terminal is as it was"
        return code, b"".join(seen).decode()

    yield run
    os.close(screen)
    os.close(terminal)


def test_the_password_is_given_and_neither_it_nor_the_question_is_shown(person):
    code, seen = person(ASKS + "[ \"$word\" = s3cret ] && printf 'ready>'; read line; echo \"got $line\"; exit 7", types=b"hello\r",
                        is_prompt=is_prompt, password="s3cret")
    assert code == 7 and "got hello" in seen and "password" not in seen and "s3cret" not in seen


def test_the_password_waits_until_it_is_not_shown(person):
    """Output over a connection that is open already comes before ssh has made the terminal its own."""
    code, seen = person("printf '[key] password:'; sleep 0.3; stty -echo; read word; echo; [ \"$word\" = s3cret ]", is_prompt=is_prompt, password="s3cret")
    assert code == 0 and "s3cret" not in seen


def test_without_a_question_nothing_is_given(person):
    code, seen = person("printf 'ready>'; read line; echo \"got $line\"", types=b"hello\r", is_prompt=is_prompt, password="s3cret")
    assert code == 0 and "got hello" in seen and "s3cret" not in seen


def test_without_a_password_the_command_has_the_terminal_itself(person):
    code, seen = person("test -t 0 && test -t 1 && echo yes; exit 3")
    assert code == 3 and "yes" in seen
