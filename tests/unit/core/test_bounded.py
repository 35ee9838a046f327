# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands, pages, files and locks that never end, or report too much, on this machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded, plan, process
from ansible_collections.xitrum.host.plugins.module_utils.core import host as host_file
from ansible_collections.xitrum.host.plugins.module_utils.core.host import LATE, Host, PathError
from ansible_collections.xitrum.host.plugins.module_utils.host_state import base
from ansible_collections.xitrum.host.plugins.module_utils.proxy import certificates, haproxy_socket
from ansible_collections.xitrum.host.plugins.module_utils.proxy import reloaded as proxy_reloaded

from ..fake_host import FakeHost

PLUGINS = Path(bounded.__file__).parents[2]


@contextlib.contextmanager
def listener(serve, family=socket.AF_INET, place=("127.0.0.1", 0)):
    """A socket that serves each connection by a function, in threads that end with the test."""
    over = threading.Event()
    with socket.socket(family) as server:
        server.bind(place)
        server.listen()

        def accept():
            while not over.is_set():
                with contextlib.suppress(OSError):
                    link = server.accept()[0]
                    threading.Thread(target=answer, args=(link,), daemon=True).start()

        def answer(link):
            with link, contextlib.suppress(OSError):
                serve(link, over)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server.getsockname()
        finally:
            over.set()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def slowly(text, pause=0.05):
    """What sends a text again and again, a byte at a time."""
    def serve(link, over):
        while not over.is_set():
            for byte in text:
                link.sendall(bytes([byte]))
                if over.wait(pause):
                    return
    return serve


def silent(_link, over):
    """What takes a connection and reports nothing."""
    over.wait()


def is_running(pid):
    """Whether a process is there and has not ended; nobody may wait for it in a container."""
    return (process.parse_stat(Host().read_untrusted(f"/proc/{pid}/stat") or "") or {"state": "Z"})["state"] != "Z"


# ---------------------------------------------------------------------------------------------------------- commands

def test_a_command_without_an_end_is_ended_with_what_it_started(tmp_path):
    machine, mark = Host(), tmp_path / "pid"
    result = machine.run(["sh", "-c", f"sleep 600 & echo $! > {mark}; echo begins; sleep 600"], seconds=1)
    assert (result.rc, result.out) == (LATE, "begins\n")
    assert "had not ended after 1 s" in result.err and machine.overruns == [result.err]
    started, deadline = int(mark.read_text()), time.monotonic() + 60
    while is_running(started):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_command_that_takes_no_signal_is_ended_too():
    began = time.monotonic()
    assert Host().run(["sh", "-c", "trap '' TERM; while :; do sleep 600; done"], seconds=1).rc == LATE
    assert time.monotonic() - began < 60


def test_output_without_an_end_is_cut_and_reported():
    machine = Host()
    result = machine.run(["sh", "-c", "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done"], seconds=1, limit=1000)
    assert (result.rc, len(result.out), result.cut) == (LATE, 1000, True)
    result = machine.run(["sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' y; echo wrong >&2; exit 3"], limit=1000)
    assert (result.rc, result.out, result.cut) == (3, "y" * 1000, True)
    assert result.err.startswith("wrong\n") and "more than 1000 bytes" in result.err
    assert len(machine.overruns) == 2


def test_a_program_that_stays_in_the_background_is_not_waited_for():
    began = time.monotonic()
    result = Host().run(["sh", "-c", "sleep 300 & echo $!"], seconds=100)
    os.kill(int(result.out), 9)
    assert result.rc == 0 and time.monotonic() - began < 60


def test_input_of_any_size_is_written_while_output_is_read():
    text = "x" * 1000000
    assert Host().run(["cat"], data=text).out == text + "\n"
    # One that does not read its input is not an error.
    assert Host().run(["true"], data=text).rc == 0


def test_control_characters_of_a_command_are_escaped_unless_they_are_parsed():
    words = ["printf", "a\\033[2J\\tb\\000\\205\\302\\205\\r\\n"]
    assert Host().run(words).out == "a\\x1b[2J\tb\\x00\\x85\\x85\\r\n"
    assert Host().run(words, exact=True).out == "a\x1b[2J\tb\0\udc85\x85\r\n"


def test_a_command_has_an_environment_of_its_own(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://root:hush@proxy.example:3128")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    seen = dict(line.split("=", 1) for line in Host().run(["env"]).out.splitlines())
    assert set(seen) - {"_"} == {"LC_ALL", "LANGUAGE", "PATH", "HOME"}
    assert (seen["LC_ALL"], seen["PATH"]) == ("C", Host.PATH)
    kept = Host().run(["env"], keep=["https_proxy", "LC_ALL", "none"], environment={"TOKEN": "hush"}).out
    assert "https_proxy=http://root:hush@" in kept and "TOKEN=hush" in kept and "LC_ALL=C\n" in kept


def test_a_command_that_cannot_be_started_is_no_exception(tmp_path, monkeypatch):
    program = tmp_path / "broken"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    monkeypatch.setattr(Host, "PATH", str(tmp_path))
    assert Host().run(["broken"]).rc == 126
    assert Host().run(["absent"]).rc == 127


def test_every_module_runs_commands_by_the_host_alone():
    texts = {path: path.read_text(encoding="utf-8") for path in PLUGINS.rglob("*.py")}
    assert [path.name for path, text in texts.items() if "Host(module" in text or "module.run_command" in text] == []


# ------------------------------------------------------------------------------------------------------------- files

def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    link = tmp_path / "link"
    link.symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("pipe", "socket", "link"):
            machine = Host()
            assert machine.read(str(tmp_path / name)) is None
            assert machine.read_untrusted(str(tmp_path / name)) is None
            assert "expected a file: move it away" in machine.overruns[0]
    masked = tmp_path / "masked"
    masked.symlink_to("/dev/null")
    assert Host().read(str(masked)) == ""
    assert Host().read(str(tmp_path / "absent")) is None
    with pytest.raises(IsADirectoryError):
        Host().read(str(tmp_path))


def test_a_file_for_editing_is_exact_or_refused_and_an_untrusted_one_is_escaped_and_cut(tmp_path):
    path, text = tmp_path / "file", "a\r\n\x1b]0;\x07\x0c\udc9b\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    machine = Host()
    assert machine.read(str(path)) == text
    machine.write(str(path), machine.read(str(path)))
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert machine.read_untrusted(str(path)) == "a\\r\n\\x1b]0;\\x07\\x0c\\x9b\n"
    assert "\x1b" not in machine.read_tail(str(path))
    with pytest.raises(OSError, match="larger than 5 bytes"):
        machine.read(str(path), limit=5)
    assert machine.read_untrusted(str(path), limit=2) == "a\\r"
    assert machine.overruns == [f"{path} has more than 2 bytes, and the rest was cut"]


def test_the_end_of_a_log_has_no_control_character(tmp_path):
    (tmp_path / "log").write_bytes(b"\x1b]52;c;eA==\x07\x9b2J\r\n\xff")
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", Host().read_tail(str(tmp_path / "log"))) is None


# ------------------------------------------------------------------------------------------------- pages and sockets

@pytest.mark.parametrize("serve", [
    silent,
    slowly(b"HTTP/1.1 200 OK\r\nX: y\r\n"),
    slowly(b"H"),
    slowly(b"HTTP/1.1 100 Continue\r\n\r\n"),
])
def test_a_page_that_never_ends_is_given_up(serve):
    with listener(serve) as (address, port):
        began = time.monotonic()
        assert Host().fetch_status(address, port, "/", seconds=1) == "timed out"
        with pytest.raises(OSError, match="timed out"):
            proxy_reloaded.ask(Host(), port, "/", 1, address)
        assert time.monotonic() - began < 30


def test_a_page_of_any_size_is_cut():
    def endless(link, over):
        link.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            link.sendall(b"x" * 65536)

    with listener(endless) as (address, port):
        assert Host().fetch_status(address, port, "/", seconds=20) == 200
        with pytest.raises(OSError, match="has no end"):
            proxy_reloaded.ask(Host(), port, "/", 20, address)


@pytest.mark.parametrize("answer", [b"\x1b]52;c;eA==\x07\n\n", b"HTTP/1.1 \x1b[2J OK\r\n\r\n", b"\x9b2J" * 50000, b""])
def test_what_a_page_states_instead_of_a_status_is_printable(answer):
    with listener(lambda link, _over: (link.recv(9999), link.sendall(answer))) as (address, port):
        page = Host().fetch_status(address, port, "/", seconds=20)
        assert page.isprintable() and len(page) < 200


def test_a_page_still_answers_with_its_status():
    answer = b"HTTP/1.1 503 \x1b[2J\r\nX-Xitrum-Config: a\x1bb\r\nContent-Length: 2\r\n\r\n\x07k"
    with listener(lambda link, _over: (link.recv(9999), link.sendall(answer))) as (address, port):
        assert Host().fetch_status(address, port, "/", seconds=20) == 503
        assert proxy_reloaded.ask(Host(), port, "/", 20, address) == (503, "\\x1b[2J", "a\\x1bb", "\\x07k")
        assert Host().read_page(address, port, "/", seconds=20) == (503, "\\x07k")


def test_a_socket_of_haproxy_that_never_ends_is_given_up(tmp_path, monkeypatch):
    path = str(tmp_path / "admin.sock")
    with listener(slowly(b"x"), socket.AF_UNIX, path):
        with pytest.raises(OSError, match="timed out"):
            haproxy_socket.ask(Host(), path, "show stat", timeout=1)
        monkeypatch.setattr(haproxy_socket, "ANSWER_BYTES", 10)
        with pytest.raises(OSError, match="has no end"):
            haproxy_socket.ask(Host(), path, "show stat", timeout=60)


@pytest.mark.skipif(Host().find_program("openssl") is None, reason="needs openssl")
def test_a_listener_that_never_answers_tls_is_a_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(certificates, "HANDSHAKE_SECONDS", 1)
    with listener(silent) as (address, port):
        desired = {"days": 30, "items": [{"path": str(tmp_path / "absent.pem"), "port": port, "listen": [address]}]}
        state = certificates.read(Host(), desired)
    # Another file was valid: what is missing is the answer.
    state["items"][0]["configured"] = (state["now"], "fingerprint")
    row = certificates.plan(desired, state).rows[0]
    assert (row.status, row.why) == ("drift", f"the handshake of TLS on port {port} did not end within 1 s")


# ------------------------------------------------------------------------------------------------ locks and findings

def test_a_lock_that_another_process_keeps_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(host_file, "LOCK_SECONDS", 1)
    path = tmp_path / "lock"
    with open(path, "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another process on the same machine holds the lock file .* within 1 s"), Host().hold_lock(str(path)):
            raise AssertionError("two have the lock")
    with Host().hold_lock(str(path)):
        assert path.exists()


def test_an_overrun_is_a_finding_and_the_reading_goes_on():
    class Component:
        NAME = "jdk"

        @staticmethod
        def read(host, _desired, _seen):
            host.overruns += ["jcmd had not ended", "jcmd had not ended"]

        @staticmethod
        def plan(_desired, _state):
            return plan.Plan()

    result = base.read_all(FakeHost(), {"jdk": {}}, {"jdk": Component})
    assert [(row["status"], row["why"]) for row in result["jdk"]["rows"]] == [("not_readable", "jcmd had not ended")]


# ------------------------------------------------------------------------------------------------------------- trees

def deep(path, levels, name="d"):
    """A folder with so many folders in each other, a file and a link in each."""
    path.mkdir()
    descriptor = os.open(path, os.O_RDONLY)
    for _unused in range(levels):
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.symlink("/etc", "link", dir_fd=descriptor)
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)


@pytest.mark.parametrize("levels, name", [(0, "d"), (3, "d"), (1500, "d"), (300, "n" * 200)])
def test_a_tree_of_any_depth_is_removed_and_no_link_is_followed(tmp_path, levels, name):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    deep(tmp_path / "tree", levels, name)
    (tmp_path / "tree" / "out").symlink_to(tmp_path / "kept")
    Host().remove(str(tmp_path / "tree"))
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_a_deep_tree_is_linked_and_one_without_an_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Host, "set_owner", lambda *_unused: None)
    monkeypatch.setattr(Host, "make_directory", lambda _self, path, *_more: os.mkdir(path))
    monkeypatch.chdir(tmp_path)
    deep(tmp_path / "tree", 90)
    Host().link_tree("tree", "copy", [], 0o755, "root", "root")
    assert os.stat("copy" + "/d" * 89 + "/file").st_nlink == 2
    deep(tmp_path / "abyss", 1200)
    with pytest.raises(PathError, match="is more than 100 folders deep; expected the folders of a package"):
        Host().link_tree("abyss", "other", [], 0o755, "root", "root")
    for name in ("tree", "copy", "abyss", "other"):
        Host().remove(name)
