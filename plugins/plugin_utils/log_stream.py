# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of logs of several hosts, merged by their times, printed and saved; and the lines that come while somebody
follows them.

Each host has a worker of Ansible, which polls it: a poll is a short task, and leaves no process there. All workers send
what they read to one process, which the worker of the first host starts, and which prints it in order.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.xitrum.host.plugins.plugin_utils import output_folder
from ansible_collections.xitrum.host.plugins.plugin_utils.public_variables import PublicVariables
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import read_collection
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE

from ..module_utils.core.plan import make_rule_errors
from ..module_utils.core.untrusted_text import escape_text, make_printable
from ..module_utils.logs.component import LOG, OUTPUT

#: Seconds that a line is held back, for older ones of other hosts.
HELD_SECONDS = 0.4

#: Seconds from one poll of a host to the next, and from one try to reach it again to the next.
POLL_SECONDS, LOST_SECONDS = 0.5, 2.0

#: Seconds that a worker waits for the process that prints.
START_SECONDS = 60

#: The shortest value of a secret that is masked: a shorter one may be any word.
SHORTEST = 8

MASK = "********"

#: What has a file of its own of each instance.
KINDS = (LOG, OUTPUT)

#: Bytes that are received at once.
BLOCK = 1 << 16


class Line(NamedTuple):
    """An entry of a log on the controller: `text` may have several lines. `number` keeps those of a host in order."""

    time: float
    instance: str
    number: int
    kind: str
    text: str


def build_lines(host: str, entries: Iterable[Sequence[Any]], first: int = 0, now: float = 0) -> list[Line]:
    """The entries that a host returned. now: the time of those without one."""
    return [
        Line(now if moment is None else float(moment), f"{host}-{int(index)}", number, str(kind), str(text))
        for number, (moment, index, kind, text) in enumerate(entries, first)
    ]


def render(line: Line, width: int) -> list[str]:
    """An entry as it is printed: the instance is in front of each of its lines, so that no line can be another's."""
    return [f"{line.instance:<{width}} | {escape_text(text)}" for text in line.text.split("\n")]


def hide(text: str, secrets: Sequence[str]) -> str:
    """A text without the secrets of the inventory."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def find_secrets(variables: PublicVariables) -> list[str]:
    """The secrets of a host's variables: the values of those that the roles' specifications hide, longest first."""
    found: set[str] = set()
    for name, option in read_collection()[0].items():
        if option.get("no_log") and name in variables:
            with contextlib.suppress(*NO_VALUE):
                found.update(list_texts(variables[name]))
    # A log has what is printed: the escapes of a secret with a control character.
    return sorted({escape_text(text) for text in found if len(text) >= SHORTEST}, key=len, reverse=True)


def list_texts(value: Any) -> Iterator[str]:
    """All texts in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from list_texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from list_texts(item)


def mask_result(result: dict[str, Any], task_vars: Mapping[str, Any], templar: Any) -> dict[str, Any]:
    """The result of a read of logs without the secrets of the inventory."""
    report = result.get("logs")
    if not report:
        return result
    secrets = find_secrets(PublicVariables(templar, task_vars))
    entries = [[*entry[:3], hide(str(entry[3]), secrets)] for entry in report["entries"]]
    return {**result, "logs": {**report, "entries": entries}}


# ------------------------------------------------------------------------------------------------------------- files


def build_file_name(instance: str, kind: str) -> str:
    """The name of the file with the lines of an instance."""
    return f"{instance.replace(os.sep, '_')}{'.output' if kind == OUTPUT else ''}.log"


class Files:
    """The files that lines are saved to, in a folder, which is made where it is missing; none are where its path is
    empty. They are new, so that nothing is overwritten.

    instances: those whose files this run has made by now.
    """

    def __init__(self, folder: str, instances: Iterable[str] = ()) -> None:
        self.folder = folder
        self.opened = {build_file_name(instance, kind) for instance in instances for kind in KINDS}

    def save(self, lines: Iterable[Line]) -> None:
        """Adds lines to the files. Raises OSError."""
        texts: dict[str, list[str]] = {}
        for line in lines if self.folder else ():
            texts.setdefault(build_file_name(line.instance, line.kind), []).append(escape_text(line.text) + "\n")
        if texts:
            os.makedirs(self.folder, mode=0o750, exist_ok=True)
        for name, found in texts.items():
            flags = os.O_APPEND if name in self.opened else os.O_EXCL
            self.opened.add(name)
            path = os.path.join(self.folder, name)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flags, 0o640)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write("".join(found))


def find_file_errors(folder: str, instances: Iterable[str]) -> list[str]:
    """Return why lines cannot be saved, as sentences. The folder is made when lines are saved."""
    shown, found = f"logs_save is {make_printable(folder)}", []
    error = output_folder.find_folder_error(folder)
    if error:
        found.append(f"{shown}, {error}. Set it to another folder")
    names = [build_file_name(instance, kind) for instance in instances for kind in KINDS]
    there = [name for name in names if os.path.lexists(os.path.join(folder, name))]
    if there:
        found.append(
            f"{shown}, which has {', '.join(there[:5])} already: files are not overwritten. Set it to another folder, "
            "or move them away"
        )
    return make_rule_errors("logs.save", found)


# ------------------------------------------------------------------------------------------------------------ merging


class Merger:
    """Lines of several hosts, in the order of their times as far as they come within `HELD_SECONDS`."""

    def __init__(self) -> None:
        self.held: list[tuple[float, Line]] = []
        self.number = 0

    def add(self, host: str, entries: Sequence[Sequence[Any]], now: float, clock: float) -> None:
        """Takes what a poll returned. now: seconds of a clock that never goes back. clock: seconds since the epoch."""
        self.held += [(now, line) for line in build_lines(host, entries, self.number, clock)]
        self.number += len(entries)

    def take_ready(self, now: float) -> list[Line]:
        """The lines that are due by now, in their order: each that was held long enough, and those before it."""
        due = max((line.time for since, line in self.held if since <= now - HELD_SECONDS), default=None)
        if due is None:
            return []
        found = sorted(line for _since, line in self.held if line.time <= due)
        self.held = [(since, line) for since, line in self.held if line.time > due]
        return found


class Printer:
    """The process that prints what all workers send, until they are gone."""

    def __init__(self, show: Callable[[str], Any], width: int, files: Files) -> None:
        self.show, self.width, self.files = show, width, files
        self.merger = Merger()

    def serve(self, listener: socket.socket, count: int, on_all: Callable[[], Any]) -> None:
        """Receives and prints. count: the number of workers; `on_all` is called once all of them are connected."""
        received: dict[socket.socket, bytes] = {}
        missing = count
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            while missing or received:
                for key, _mask in selector.select(HELD_SECONDS / 4):
                    link: Any = key.fileobj
                    if link is listener:
                        accepted, _address = listener.accept()
                        selector.register(accepted, selectors.EVENT_READ)
                        received[accepted] = b""
                        missing -= 1
                        if not missing:
                            selector.unregister(listener)
                            on_all()
                        continue
                    data = link.recv(BLOCK)
                    *messages, received[link] = (received[link] + data).split(b"\n")
                    for message in messages:
                        self.take(json.loads(message))
                    if not data:
                        selector.unregister(link)
                        del received[link]
                self.print_lines(time.monotonic())
            self.print_lines(time.monotonic() + HELD_SECONDS)

    def take(self, message: Mapping[str, Any]) -> None:
        """Takes one message of a worker."""
        self.merger.add(message["host"], message["entries"], time.monotonic(), time.time())
        for note in message["notes"]:
            self.show(render_note(message["host"], note))

    def print_lines(self, now: float) -> None:
        """Prints and saves what is due."""
        lines = self.merger.take_ready(now)
        if lines:
            self.files.save(lines)
            self.show("\n".join(text for line in lines for text in render(line, self.width)))


def render_note(host: str, note: str) -> str:
    """A note on a host as it is printed: no instance is in front of it."""
    return f"[{host}: {escape_text(note)}]"


# ---------------------------------------------------------------------------------------------------------- following


def make_socket_path() -> str:
    """The path of a socket in a new folder of this user alone. Its name is the process of ansible-playbook: a worker
    that starts later may have lost its parent by then."""
    # Not in Ansible's own folder: the kernel takes few characters.
    return os.path.join(tempfile.mkdtemp(prefix="xitrum-logs-"), str(os.getppid()))


def get_controller(place: str) -> int:
    """The process of ansible-playbook that a socket is of."""
    return int(os.path.basename(place))


def start_printer(place: str, printer: Printer, count: int) -> None:
    """Starts the process that prints, a child of this one. It ends with the workers, and with this process."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(place)
    listener.listen(count)
    parent = os.getpid()
    if os.fork():
        listener.close()
        return
    # What is above on the stack belongs to the worker.
    code = 1
    try:
        threading.Thread(target=end_with, args=(parent, place), daemon=True).start()
        printer.serve(listener, count, lambda: remove_place(place))
        code = 0
    finally:
        remove_place(place)
        os._exit(code)


def end_with(parent: int, place: str) -> None:
    """Ends this process once its parent has ended, also while it waits for somebody to take what it prints."""
    while os.getppid() == parent:
        time.sleep(1)
    remove_place(place)
    os._exit(1)


def remove_place(place: str) -> None:
    """Removes a socket and its folder."""
    shutil.rmtree(os.path.dirname(place), ignore_errors=True)


def connect(place: str) -> socket.socket:
    """The way to the process that prints. Raises AnsibleActionFail where there is none."""
    link, deadline = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), time.monotonic() + START_SECONDS
    while True:
        try:
            link.connect(place)
            return link
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ECONNREFUSED) or time.monotonic() >= deadline:
                raise AnsibleActionFail(
                    f"the process that prints the lines does not run ({error.strerror}): run the playbook again"
                ) from None
        time.sleep(0.05)


def follow(
    host: str,
    options: Mapping[str, Any],
    read: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    link: socket.socket,
    controller: int,
) -> None:
    """Polls a host until the process of ansible-playbook has ended, and sends what it reads.

    options: those of the component `logs`. read: runs the module with options of the component, and returns its result.
    controller: that process, the parent of this one. Raises AnsibleActionFail where nobody takes the lines any more.
    """
    lost, reported = "", set[str]()
    while os.getppid() == controller:
        began, pause, notes = time.monotonic(), POLL_SECONDS, []
        report: Mapping[str, Any] = {}
        try:
            result = read(options)
            report, why = read_report(result)
        except AnsibleConnectionFailure as error:
            why = str(error)
        if why:
            pause = LOST_SECONDS
            notes = [] if lost else [f"it could not be read, and is tried again: {make_printable(why)}"]
        elif lost:
            notes = ["it is read again"]
        lost = why
        if report:
            options = {**options, "positions": report["positions"]}
            fresh = [note for note in report["notes"] if note not in reported]
            reported.update(fresh)
            notes += fresh
            pause = 0.0 if report["more"] else pause
        send(link, {"host": host, "entries": report.get("entries", []), "notes": notes})
        time.sleep(max(0.0, pause - (time.monotonic() - began)))


def read_report(result: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """What the component `logs` reported in the result of a read, and why it did not, as a sentence."""
    report = result.get("logs") or {}
    if "positions" in report:
        return report, ""
    rows = [str(row.get("why") or "") for row in report.get("rows", ())]
    return {}, str(result.get("msg") or "; ".join(filter(None, rows)) or "no reason was given")


def send(link: socket.socket, message: Mapping[str, Any]) -> None:
    """Sends a message to the process that prints."""
    try:
        link.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        raise AnsibleActionFail("the process that prints the lines has ended: run the playbook again") from None
