# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a command in the background of a host: polls it in short round trips until its end."""

from __future__ import annotations

import base64
import collections
import contextlib
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError

#: Seconds between two polls.
PAUSE = 1.0
#: Seconds for which polls may fail one after the other, as over a connection that has a hiccup. After that the command
#: has ended: nobody polled it.
PATIENCE = 30.0
#: The last lines that are kept for a message, and in the result; the characters of each that are.
KEPT, KEPT_CHARACTERS = 100, 500
#: Seconds between two lines on how far something is.
PROGRESS = 5.0
#: What a JVM prints about the options that it gets from its environment, which may be secret.
OPTION_LINES = ("Picked up _JAVA_OPTIONS:", "Picked up JAVA_TOOL_OPTIONS:", "NOTE: Picked up JDK_JAVA_OPTIONS:")

#: Calls the module with these options and returns its result.
OnHost = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Lost(Exception):
    """A job that can no longer be polled: why, as a sentence."""


@contextlib.contextmanager
def end_after(on_host: OnHost, job: str) -> Iterator[None]:
    """Ends a job when the block ends, however it does. A host that cannot be reached any more ends it itself."""
    try:
        yield
    finally:
        with contextlib.suppress(AnsibleError):
            on_host({"action": "job", "job": job, "want": "end"})


def wait(
    on_host: OnHost, job: str, show: Callable[[float], object], parent: int,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Waits for the end of a job, and shows the seconds that have passed now and then: `{rc, reason, lines}`.
    Raises Lost."""
    began = shown = time.monotonic()

    def pause(seconds: float) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= PROGRESS:
            shown = now
            show(now - began)
        sleep(seconds)

    return follow(on_host, job, lambda line: None, parent, pause)


def fetch(on_host: OnHost, job: str, folder: str, name: str, show: Callable[[str], object]) -> tuple[str, int]:
    """Fetches the file of a job, part by part, as a new file in a folder of this machine: its path and size.

    It is for this user alone, and has its name only when it is whole. Raises Lost, and OSError where it cannot be
    written or there is a file of that name.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, name)
    partial = os.path.join(folder, f".{name}.{secrets.token_hex(6)}.part")
    position, size, shown = 0, 0, time.monotonic()
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            while True:
                part = poll(on_host, {"action": "job", "job": job, "want": "file", "position": position})
                data = zlib.decompress(base64.b64decode(part["data"]))
                if not size:
                    size = part["size"]
                    check_room(folder, size)
                out.write(data)
                position += len(data)
                if position >= size:
                    break
                if not data:
                    raise Lost(f"found {position} bytes, expected {size}: the file became shorter while it was fetched")
                if time.monotonic() - shown >= PROGRESS:
                    shown = time.monotonic()
                    show(f"fetched {position >> 20} of {size >> 20} MiB")
            out.flush()
            os.fsync(out.fileno())
        # Not by a rename, which would replace a file of that name.
        os.link(partial, path)
    finally:
        os.unlink(partial)
    return path, size


def check_room(folder: str, size: int) -> None:
    """Raises OSError where a folder of this machine has no room for so many bytes."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < size:
        raise OSError(f"found {free} bytes free in {folder} on the controller; expected {size}. Make room, or choose "
                      "another folder with console_save")


def follow(
    on_host: OnHost, job: str, show: Callable[[str], object], parent: int,
    sleep: Callable[[float], object] = time.sleep,
) -> dict[str, Any]:
    """Shows the output of a job, whole lines as they come, until its end: `{rc, reason, lines}`. Raises Lost.

    lines: the last ones, of which long ones are shortened. parent: the process of ansible-playbook, as it was before
    the job was started.
    """
    position, kept = 0, collections.deque[str](maxlen=KEPT)
    while True:
        if os.getppid() != parent:
            # This is a process of its own, and would keep the command alive for nobody.
            raise Lost("ansible-playbook was killed")
        found = poll(on_host, {"action": "job", "job": job, "position": position}, sleep)
        position = found["position"]
        lines = found["output"].split("\n")[: -1 if found["output"].endswith("\n") else None]
        lines = [line for line in lines if found["output"] and not line.startswith(OPTION_LINES)]
        if lines:
            # At once: Ansible takes longer for many short texts than a host to send them.
            show("\n".join(lines))
            kept.extend(map(shorten, lines))
        if found["more"]:
            continue
        if found["phase"] == "ended":
            return {"rc": found["rc"], "reason": found["reason"], "lines": list(kept)}
        sleep(PAUSE)


def shorten(line: str) -> str:
    """A line that was printed in full, for a message: of a long one the begin."""
    left = len(line) - KEPT_CHARACTERS
    return line if left <= 0 else f"{line[:KEPT_CHARACTERS]}... ({left} more characters)"


def poll(
    on_host: OnHost, arguments: Mapping[str, Any], sleep: Callable[[float], object] = time.sleep
) -> dict[str, Any]:
    """What a job reports. Polls again where the host could not be reached. Raises Lost."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            result = on_host(arguments)
        except AnsibleConnectionFailure as error:
            result = {"unreachable": True, "msg": str(error)}
        if isinstance(result.get("job"), Mapping):
            return dict(result["job"])
        why = str(result.get("msg") or "the host does not report how far it is")
        if not result.get("unreachable") or time.monotonic() > until:
            raise Lost(why)
        sleep(PAUSE)
