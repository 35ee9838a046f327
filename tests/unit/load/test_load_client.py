# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients with which scenarios count lost requests, against a server that answers in each way that HTTP/1.1 has, and cuts."""

from __future__ import annotations

import http.server

import pytest

from tests.lib.http_server import serve_in_background
from tests.verify.load import Load

ANSWERS = {
    "/length": b"Content-Length: 3\r\n\r\nabc",
    "/chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=1\r\nabc\r\n0\r\n\r\n",
    "/long": b"Content-Length: 300000\r\n\r\n" + 300000 * b"x",
    "/until-closed": b"\r\n" + 100000 * b"x",
    "/cut": b"Content-Length: 100\r\n\r\nx",
    "/cut-chunk": b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
    "/none": None,
}
CLOSED = ("/until-closed", "/cut", "/cut-chunk", "/none")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with ANSWERS, and writes down the cookies that it gets."""

    protocol_version = "HTTP/1.1"
    cookies, connections = set(), set()

    def do_GET(self):
        path, _mark, every = self.path.partition("?")
        self.cookies.add(self.headers["Cookie"])
        self.connections.add(self.client_address)
        if ANSWERS[path] is not None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nX-Demo-Instance: app1:8000\r\n" + ANSWERS[path])
        self.close_connection = path in CLOSED or bool(every)

    def log_message(self, *unused):
        """Not on the test's own output."""


@pytest.fixture(name="port")
def fixture_port():
    Handler.cookies, Handler.connections = set(), set()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serve_in_background(server)
        yield server.server_port
        server.shutdown()


def load(port, path, **more):
    """A load that has ended after some requests."""
    with Load("127.0.0.1", port, path, threads=2, pause=0.001, **more) as found:
        found.wait_for_more(20)
    return found


@pytest.mark.parametrize("path", ["/length", "/chunked", "/long", "/until-closed"])
@pytest.mark.parametrize("keep", [False, True])
def test_each_form_of_an_answer_is_read_to_its_end(port, path, keep):
    found = load(port, path, keep=keep)
    found.assert_nothing_lost()
    assert found.reopened == 0 and set(found.instances) == {"app1:8000"}
    assert (len(Handler.connections) == 2) == (keep and path != "/until-closed")


@pytest.mark.parametrize("path, error", [
    ("/cut", "Incomplete: the server closed the connection in the middle of an answer"),
    ("/cut-chunk", "Incomplete: the server closed the connection in the middle of an answer"),
    ("/none", "ConnectionResetError: the server closed the connection without an answer"),
])
def test_a_request_that_is_not_answered_is_an_error(port, path, error):
    found = load(port, path)
    assert not found.statuses and len(found.errors) >= 20
    assert {text.partition(" ")[2] for text in found.errors} == {error}
    with pytest.raises(AssertionError, match="requests failed"):
        found.assert_nothing_lost()


def test_a_kept_connection_that_the_server_closes_is_reopened_and_counted(port):
    found = load(port, "/length?close", keep=True)
    found.assert_nothing_lost()
    assert 0 < found.reopened <= sum(found.statuses.values())


@pytest.mark.parametrize("sticky, cookies", [(True, {None, "a=b"}), (False, {None})])
def test_a_sticky_client_sends_its_cookie_back(port, sticky, cookies):
    load(port, "/length", sticky=sticky)
    assert Handler.cookies == cookies


def test_a_port_on_which_nobody_listens_is_an_error():
    found = load(1, "/length")
    assert {text.split()[1] for text in found.errors} == {"ConnectionRefusedError:"}
