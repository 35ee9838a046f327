# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is reported where the Docker engine refuses a request, or a command in a container fails."""
import http.server
import struct
import threading
from types import SimpleNamespace

import docker
import pytest
import requests
from docker.errors import APIError, BuildError, DockerException

from tests.fleet import engine, hosts
from tests.fleet.engine import FleetError, translate_engine_errors
from tests.fleet.spec import HostSpec
from tests.lib.http_server import serve_in_background


@pytest.mark.parametrize(("error", "message"), [
    (APIError("500 Server Error", explanation="port is already allocated"), "the Docker engine refused a request: port is already allocated"),
    (APIError("no reason given"), "the Docker engine refused a request: no reason given"),
    (DockerException("connection refused"), "the Docker engine does not answer: connection refused"),
    (requests.ConnectionError("reset"), "the Docker engine does not answer: reset"),
    (
        BuildError("code 100", [{"aux": {}}, *({"stream": f"line {number}\n"} for number in range(20))]),
        "the image was not built: code 100\n" + "\n".join(f"line {number}" for number in range(5, 20)),
    ),
])
def test_what_the_engine_refuses_is_one_message(error, message):
    with pytest.raises(FleetError) as raised, translate_engine_errors():
        raise error
    assert str(raised.value) == message


class Api(docker.APIClient):
    """An engine in which a command ends with `code`, once it is allowed to. A client gets its response in one piece."""

    def __init__(self, monkeypatch, code, out=b"", err=b"", ends=True):
        self.code, self.commands, self.end = code, [], threading.Event()
        if ends:
            self.end.set()
        frames = [(1, out[:2]), (2, err), (1, out[2:])]
        body = b"".join(struct.pack(">BxxxL", stream, len(text)) + text for stream, text in frames if text)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make_handler(self.end, body))
        serve_in_background(server)
        super().__init__(base_url=f"http://127.0.0.1:{server.server_port}", version="1.41")
        monkeypatch.setattr(engine, "get_client", lambda: SimpleNamespace(api=self))

    def exec_create(self, container, command, environment, workdir):
        self.commands.append((container, command, environment, workdir))
        return {"Id": "11"}

    def exec_inspect(self, _process):
        return {"ExitCode": self.code}


def make_handler(end, body):
    """What answers the start of a process, when it has ended."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            end.wait(60)
            # The beginning of the output comes with the header.
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: close\r\n\r\n" + body)
            self.close_connection = True

        def log_message(self, *_arguments):
            """Prints nothing."""

    return Handler


def test_a_command_returns_its_standard_output(monkeypatch):
    api = Api(monkeypatch, 0, b"out\n", b"a warning")
    assert engine.execute("app1", "sh", "-c", "x", environment={"A": "b"}) == "out\n"
    assert api.commands == [("app1", ["sh", "-c", "x"], {"A": "b"}, None)]


@pytest.mark.parametrize(("out", "err", "shown"), [(b"out", b"", "out"), (b"out", b"err", "err")])
def test_a_command_that_fails_is_reported_with_its_errors(monkeypatch, out, err, shown):
    Api(monkeypatch, 3, out, err)
    assert engine.attempt("app1", "false") == (3, out.decode(), err.decode())
    with pytest.raises(FleetError) as raised:
        engine.execute("app1", "false", "now")
    assert str(raised.value) == f"`false now` in app1 ended with code 3:\n{shown}"


def test_a_command_that_takes_too_long_is_not_awaited(monkeypatch):
    api = Api(monkeypatch, None, ends=False)
    with pytest.raises(engine.CommandTimeout, match="`sleep` in app1 still runs after 0.01 s"):
        engine.execute("app1", "sleep", seconds=0.01)
    api.end.set()


def test_a_command_whose_container_ends_has_no_result(monkeypatch):
    Api(monkeypatch, None, b"half")
    with pytest.raises(FleetError, match="`cat` in app1 has no result"):
        engine.execute("app1", "cat")


def test_a_host_hides_nothing_of_proc_and_sys(monkeypatch):
    api = SimpleNamespace(create_host_config=lambda **options: dict(options))
    monkeypatch.setattr(hosts, "get_client", lambda: SimpleNamespace(api=api))
    host = hosts._Host("demo", HostSpec("app1", "bookworm", ipv6=False), "image", 0, "172.18.0.0/16", "", print)
    config = host._build_host_config({22: 24341})
    assert config["MaskedPaths"] == config["ReadonlyPaths"] == []
    assert config["port_bindings"] == {22: ("127.0.0.1", 24341)}
    assert sorted(config["sysctls"]) == ["net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"]
