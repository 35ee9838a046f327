# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load against a small server on the loopback: it holds, counts, and leaves nothing, whoever ends it."""

from __future__ import annotations

import glob
import os
import selectors
import signal
import socket
import tempfile
import threading
import time

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.load import burst as load_burst
from ansible_collections.xitrum.host.plugins.module_utils.load import planning as load_plan
from ansible_collections.xitrum.host.plugins.module_utils.load import run as load_run
from ansible_collections.xitrum.host.plugins.module_utils.load import state as load_state

SECONDS = 20


class Server:
    """Takes at most `most` WebSockets and answers pings; `answer` is what it reports to a handshake. Of the connections,
    so many as `mute` answer no ping."""

    def __init__(self, most=10_000, answer=b"HTTP/1.1 101 Switching Protocols\r\n\r\n", mute=0):
        self.most, self.answer, self.over, self.hung, self.mute, self.muted = most, answer, False, [], mute, set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            while not self.over:
                for key, _events in selector.select(0.02):
                    if key.fileobj is self.listener:
                        link, _address = self.listener.accept()
                        if len(selector.get_map()) > self.most:
                            self.hung.append(link)
                        else:
                            selector.register(link, selectors.EVENT_READ)
                        continue
                    data = key.fileobj.recv(65536)
                    if data.startswith(b"GET "):
                        key.fileobj.sendall(self.answer)
                    elif data.startswith(b"\x89"):
                        if len(self.muted) < self.mute:
                            self.muted.add(key.fileobj)
                        if key.fileobj not in self.muted:
                            key.fileobj.sendall(b"\x8a\x00")
                    else:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
            for key in list(selector.get_map().values()):
                key.fileobj.close()

    def close(self):
        self.over = True
        self.thread.join()
        for link in self.hung:
            link.close()


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Where loads keep what they report."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(load_run, "find_base", lambda: None)
    return tmp_path


def started(server, **changes):
    desired = {"connections": 60, "rate": 600, "seconds": 1, "heartbeat": 1, "timeout": 1, "path": "/echo", "headers": {}, "sources": [],
               "targets": [{"name": "server", "address": "127.0.0.1", "port": server.port, "tls": False}], **changes}
    plan = load_plan.plan(desired, load_state.read_client(Host(), desired))
    assert list(plan.errors) == []
    return load_run.start(desired, plan.facts)


def poll_until(run, enough):
    until = time.monotonic() + SECONDS
    while not enough(load_state := load_run.poll(run)):
        assert time.monotonic() < until, load_state
        time.sleep(0.05)
    return load_state


def gone(pid):
    """Waits until a process has ended."""
    until = time.monotonic() + SECONDS
    while os.path.exists(f"/proc/{pid}") and os.waitpid(pid, os.WNOHANG)[0] == 0:
        assert time.monotonic() < until
        time.sleep(0.05)


def children():
    """The processes that this one has started, by the kernel's own account."""
    with open(f"/proc/self/task/{threading.get_native_id()}/children", encoding="utf-8") as file:
        return [int(word) for word in file.read().split()]


def test_connections_are_held_and_answer_until_they_are_ended(folder):
    server = Server()
    try:
        run = started(server)
        load_state = poll_until(run, lambda load_state: load_state["counts"]["pongs"] >= 60)
        assert (load_state["phase"], load_state["counts"]["held"]) == ("hold", 60)
        pid = children()[-1]
        ended = load_run.stop(run)
        assert (ended["phase"], ended["counts"]["held"], ended["counts"]["dropped"], ended["counts"]["silent"]) == ("ended", 60, 0, 0)
        gone(pid)
        assert glob.glob(f"{folder}/*") == []
        with pytest.raises(load_run.LoadError, match="is not a folder of a load that runs"):
            load_run.poll(run)
    finally:
        server.close()


def test_a_load_that_nobody_polls_ends_by_itself(folder, monkeypatch):
    monkeypatch.setattr(load_plan, "LEASE", 1)
    server = Server()
    try:
        started(server)
        pid = children()[-1]
        gone(pid)
        assert glob.glob(f"{folder}/*") == []
    finally:
        server.close()


def test_a_server_that_takes_no_more_is_not_requested_the_rest(folder):
    """The listener itself is one of what the server watches."""
    server = Server(most=20)
    try:
        run = started(server, connections=500, rate=200)
        load_state = poll_until(run, lambda load_state: load_state["phase"] == "hold")
        assert (load_state["counts"]["held"], load_state["counts"]["stopped"]) == (20, 1)
        assert load_state["counts"]["unanswered"] == load_state["counts"]["tried"] - 20 < 480
        load_run.stop(run)
    finally:
        server.close()


@pytest.mark.parametrize(("answer", "name", "status"), [(b"HTTP/1.1 404 Not Found\r\n\r\n", "turned_away", 404), (b"SSH-2.0\r\n\r\n", "turned_away", 0)])
def test_another_answer_is_counted(answer, name, status):
    server = Server(answer=answer)
    try:
        run = started(server)
        load_state = poll_until(run, lambda load_state: load_state["phase"] == "hold")
        assert load_state["counts"][name] == load_state["counts"]["tried"] and load_state["counts"]["status"] == status
        load_run.stop(run)
    finally:
        server.close()


def test_nobody_there_is_counted_and_what_a_server_closes_too():
    server = Server()
    run = started(server)
    poll_until(run, lambda load_state: load_state["counts"]["held"] == 60)
    server.close()
    load_state = poll_until(run, lambda load_state: load_state["counts"]["held"] == 0)
    assert load_state["counts"]["dropped"] == 60
    load_run.stop(run)
    server.listener.close()
    run = started(server)
    load_state = poll_until(run, lambda load_state: load_state["phase"] == "hold")
    assert load_state["counts"]["refused"] == load_state["counts"]["tried"] > 0
    load_run.stop(run)


def test_a_connection_that_does_not_answer_is_lost_once_and_not_held_any_more():
    server = Server(mute=7)
    try:
        run = started(server)
        load_state = poll_until(run, lambda load_state: load_state["counts"]["silent"] == 7)
        assert load_state["counts"]["held"] == 53
    finally:
        server.close()
    poll_until(run, lambda load_state: load_state["counts"]["held"] <= 0)
    counts = load_run.stop(run)["counts"]
    assert (counts["held"], counts["dropped"], counts["silent"]) == (0, 53, 7)


@pytest.mark.parametrize("asks", [load_run.poll, load_run.stop])
def test_a_load_whose_process_was_killed_reports_it(folder, asks):
    server = Server()
    try:
        run = started(server)
        poll_until(run, lambda load_state: load_state["phase"] == "hold")
        pid = children()[-1]
        assert load_run.read(run, "process")["pid"] == pid
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(load_run.LoadError, match=f"its process {pid} is gone"):
            poll_until(run, lambda load_state: False) if asks == load_run.poll else asks(run)
        gone(pid)
        with pytest.raises(load_run.LoadError):
            asks(run)
        assert os.path.isdir(run) == (asks == load_run.poll)
    finally:
        server.close()


def test_another_process_with_its_number_is_not_the_load(folder):
    run = str(folder / f"{load_run.PREFIX}x")
    os.mkdir(run)
    load_run.write(run, "state", {"phase": "hold", "seconds": 3})
    ticks = load_run.read_stat(os.getpid())["start_ticks"]
    load_run.write(run, "process", {"pid": os.getpid(), "start_ticks": ticks})
    assert load_run.poll(run)["phase"] == "hold"
    load_run.write(run, "process", {"pid": os.getpid(), "start_ticks": ticks - 1})
    with pytest.raises(load_run.LoadError, match="3 s after its start"):
        load_run.poll(run)
    load_run.write(run, "state", {"phase": "ended", "seconds": 3})
    assert load_run.poll(run)["phase"] == "ended"


@pytest.mark.parametrize("asks", [load_run.poll, load_run.stop])
def test_a_folder_that_is_a_link_or_of_another_user_is_not_touched(folder, monkeypatch, asks):
    there, run = folder / "elsewhere", folder / f"{load_run.PREFIX}x"
    there.mkdir()
    load_run.write(there, "state", {"phase": "ended", "seconds": 3})
    load_run.write(there, "process", {"pid": 1, "start_ticks": 0})
    run.symlink_to(there)
    with pytest.raises(load_run.LoadError, match="found something other than a folder, of user id"):
        asks(str(run))
    run.unlink()
    there.rename(run)
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(load_run.LoadError, match=f"found a folder, of user id {run.stat().st_uid}; expected the folder of a load"):
        asks(str(run))
    assert sorted(os.listdir(run)) == ["process.json", "state.json"]


def test_a_backlog_is_as_good_as_it_is_large():
    host = Host()
    desired = {"connects": 60, "backlogs": [8, 100], "pause": 0.2, "timeout": 8, "address": "", "port": 0}
    plan = load_burst.plan(desired, load_burst.read(host, desired))
    assert list(plan.errors) == []
    small, large = load_burst.apply(host, plan).results["bursts"]
    assert (small["at_once"], small["delayed"], small["failed"]) == (9, 51, 0) and small["slowest_ms"] > 900 and small["ListenOverflows"] > 0
    assert (large["at_once"], large["delayed"], large["failed"]) == (60, 0, 0)
