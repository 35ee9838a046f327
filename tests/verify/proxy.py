# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every proxy of the collection must do, whichever software it is: derive a class named Test... from ProxyContract.

`host` is the proxy by SSH (pytest-testinfra); requests go to its own address, as a client's do. Behind it are two
instances or more that answer as the demo application or tests/verify/backend.py, and a forum below /forum.
"""

import http.client
import json
import socket
import ssl
import time

import pytest

from tests.lib import websocket_client
from tests.lib.ansible_process import run_module
from tests.verify.load import Load


def find_address(host):
    """The address at which clients reach the proxy."""
    return host.ansible.get_variables()["xitrum_address"]


def ask(address, path="/", headers=(), port=80, tls=False, method="GET", body=None, timeout=15):
    """One request on a connection of its own: the answer, and its body as text. A header may be there twice."""
    if tls:
        connection = http.client.HTTPSConnection(address, port, timeout=timeout, context=websocket_client.make_insecure_context())
    else:
        connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        names = {name.lower() for name, _value in headers}
        connection.putrequest(method, path, skip_host="host" in names)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def read_client(address, *headers, **more):
    """What the application reports about who queried."""
    answer, body = ask(address, "/client", headers, **more)
    assert answer.status == 200
    return json.loads(body)


def find_own_address(address):
    """This machine's address on the way to the proxy."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 80))
        return probe.getsockname()[0]


def find_sticky_clients(address):
    """A cookie for each instance, by its name HOST:PORT."""
    answers = [ask(address)[0] for _unused in range(20)]
    found = {answer.getheader("X-Demo-Instance"): answer.getheader("Set-Cookie").split(";")[0] for answer in answers}
    assert len(found) == 2, f"20 clients were sent to {sorted(found)}; expected two instances"
    return found


def find_instance_of(address, cookie):
    """The instance that answers a client with this cookie."""
    return ask(address, headers=[("Cookie", cookie)])[0].getheader("X-Demo-Instance")


class ProxyContract:
    """The tests. `software` is its name in the inventory, `service` its unit; `http_request_timeout` is what the inventory
    sets, in seconds. `closes`: whether it can close what one server still has; `checks_health`: whether it asks servers itself."""

    software = ""
    service = ""
    closes = False
    checks_health = True
    http_request_timeout = 3
    tls_port = 443
    stats_port = 8404
    cookie = "xitrum_server"

    @pytest.fixture
    def address(self, host):
        return find_address(host)

    def test_a_page_answers(self, address):
        answer, _body = ask(address)
        assert answer.status == 200
        assert answer.getheader("X-Demo-Instance")

    @pytest.mark.parametrize("loopback", ["127.0.0.1", "[::1]"])
    def test_every_address_is_listened_on(self, host, loopback):
        assert host.check_output(f"curl -s -o /dev/null -w '%{{http_code}}' http://{loopback}/") == "200"

    def test_the_client_address_is_the_peer_whatever_the_client_claims(self, address):
        for headers in ([], [("X-Forwarded-For", "203.0.113.7")], [("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "203.0.113.8, 203.0.113.9")]):
            request = read_client(address, *headers)
            assert request["client"] == find_own_address(address)
            assert request["forwarded_for"] == find_own_address(address), "the proxy must overwrite, not append"

    def test_scheme_and_host_are_those_of_the_request(self, address):
        request = read_client(address, ("Host", "shop.example"), ("X-Forwarded-Proto", "https"))
        assert (request["scheme"], request["host"]) == ("http", "shop.example")

    def test_a_load_balancer_is_believed_who_the_client_is(self, host, address, balancer):
        command = f"curl -s -H 'X-Forwarded-For: 203.0.113.7, 203.0.113.8' -H 'X-Forwarded-Proto: https' http://{address}/client"
        request = json.loads(balancer.check_output(command))
        assert (request["forwarded_for"], request["scheme"]) == ("203.0.113.8", "https"), "the last address is the one that the load balancer has seen"
        request = json.loads(host.check_output(command))
        assert (request["forwarded_for"], request["scheme"]) == (address, "http"), "nobody else is believed"

    def test_what_a_load_balancer_reports_counts_for_one_request_and_a_client_is_nobody_to_believe(self, address, balancer):
        own = balancer.ansible.get_variables()["xitrum_address"]
        cases = [("203.0.113.7", "https", ("203.0.113.7", "https")), ("203.0.113.8", "http", ("203.0.113.8", "http")),
                 # A client on the load balancer's own host, which claims to be another one.
                 (f"203.0.113.9, {own}", "https", (own, "https")), ("203.0.113.7", "javascript, https", ("203.0.113.7", "http"))]
        command = " --next ".join(f"-s -H 'X-Forwarded-For: {client}' -H 'X-Forwarded-Proto: {scheme}' -w '\\n' http://{address}/client"
                                  for client, scheme, _request in cases)
        answers = [json.loads(line) for line in balancer.check_output(f"curl {command}").splitlines() if line]
        assert [(request["forwarded_for"], request["scheme"]) for request in answers] == [request for _client, _scheme, request in cases]

    def test_https_is_answered_and_announced_to_the_application(self, address):
        request = read_client(address, ("Host", "shop.example"), ("X-Forwarded-Proto", "http"), port=self.tls_port, tls=True)
        assert (request["scheme"], request["host"]) == ("https", "shop.example")

    def test_http_2_is_spoken_over_tls(self, host, address):
        version = host.check_output(f"curl -sk --http2 -o /dev/null -w '%{{http_version}}' https://127.0.0.1:{self.tls_port}/")
        assert version == "2"

    def test_an_old_tls_version_is_refused(self, address):
        context = websocket_client.make_insecure_context()
        # The client's own library must allow what the server is to refuse, and warns of it.
        with pytest.warns(DeprecationWarning):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection((address, self.tls_port), timeout=10) as plain, pytest.raises(ssl.SSLError, match="(?i)protocol.version|alert"):
            context.wrap_socket(plain)

    def test_the_key_is_root_only(self, host):
        for path in self.secret_paths:
            assert (host.file(path).user, host.file(path).mode) == ("root", 0o600)

    secret_paths = ()

    @pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
    def test_websockets_pass(self, address, tls):
        port, context = (self.tls_port, websocket_client.make_insecure_context()) if tls else (80, None)
        with websocket_client.connect(address, port, "/echo", tls=context) as echo:
            for text in ("hello", "again"):
                echo.send_text(text)
                assert echo.receive().text == text
            assert echo.close().close_code == 1000

    def test_a_websocket_has_the_path_that_the_client_wrote(self, address):
        with websocket_client.connect(address, 80, "/echo/a%3Fb%20c%2Fd?e=%20") as echo:
            echo.send_text("hello")
            assert echo.receive().text == "hello"

    @pytest.mark.parametrize("upgrade", [["h2c"], ["h2c, websocket"], ["h2c", "websocket"], ["TLS/1.0"]])
    def test_no_other_upgrade_reaches_the_application(self, address, upgrade):
        """Behind one to another protocol, requests would pass the proxy unseen."""
        headers = [("Upgrade", value) for value in upgrade]
        answer, body = ask(address, "/client", [("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABk"), *headers])
        if answer.status == 400:
            # HAProxy itself refuses a WebSocket among others that has no key.
            assert "websocket" in ", ".join(upgrade)
            return
        assert answer.status == 200
        request = json.loads(body)
        assert (request["upgrade"], request["settings"] or None) == (None, None)

    @pytest.mark.parametrize("request_line", [b"GET", b"POST"])
    def test_a_response_streams_while_it_is_made(self, address, request_line):
        """As for SockJS: xhr_streaming is a POST whose response never ends, eventsource a GET."""
        with socket.create_connection((address, 80), timeout=20) as link:
            began = time.monotonic()
            link.sendall(request_line + b" /stream?n=5&ms=400 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            received, first = b"", None
            while part := link.recv(65536):
                received += part
                first = first or (time.monotonic() - began if b"\r\n\r\n" in received and received.split(b"\r\n\r\n", 1)[1] else None)
        assert b"chunked" in received.split(b"\r\n\r\n", 1)[0].lower()
        assert first < 0.4 * (time.monotonic() - began), f"the first chunk came after {first:.1f} s of {time.monotonic() - began:.1f} s"

    def test_a_large_body_arrives_whole(self, address):
        answer, _body = ask(address, "/client", method="POST", body=b"x" * (3 << 20))
        assert answer.status in (200, 404, 405), "the proxy itself must not refuse it (413)"

    def test_a_client_that_is_slow_with_its_header_is_cut(self, address):
        began = time.monotonic()
        with socket.create_connection((address, 80), timeout=self.http_request_timeout + 10) as link:
            link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            answered = None
            while answered is None and time.monotonic() - began < self.http_request_timeout + 8:
                try:
                    link.settimeout(0.5)
                    answered = link.recv(4096)
                except TimeoutError:
                    # Each line is progress: a limit on silence alone would never end this.
                    link.sendall(b"X-Slow: yes\r\n")
                except ConnectionError:
                    answered = b""
        took = time.monotonic() - began
        assert answered is not None, f"still connected after {took:.1f} s"
        assert not answered or answered.split()[1] == b"408"
        assert self.http_request_timeout - 1 < took < self.http_request_timeout + 6

    def test_a_client_stays_with_its_instance_and_others_spread(self, host, address):
        first, _body = ask(address)
        cookie = first.getheader("Set-Cookie") or ""
        assert cookie.startswith(self.cookie + "=")
        assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()
        sent = [("Cookie", cookie.split(";")[0])]
        assert {ask(address, headers=sent)[0].getheader("X-Demo-Instance") for _unused in range(10)} == {first.getheader("X-Demo-Instance")}
        self.find_cookies(host, address)

    def test_a_path_below_the_prefix_goes_to_the_other_backend_and_no_other_path_does(self, address):
        for path in ("/forum", "/forum/t/1?page=2", "/forum/a%2Fb%20c"):
            assert ask(address, path)[1].endswith(f":3000 {path}")
        assert ":3000" not in ask(address, "/forums")[1]

    def test_statistics_are_on_the_loopback_only(self, host, address):
        assert host.socket(f"tcp://127.0.0.1:{self.stats_port}").is_listening
        with pytest.raises(OSError):
            socket.create_connection((address, self.stats_port), timeout=3).close()

    def test_a_sick_instance_gets_no_requests_and_nobody_notices(self, host, address, instances):
        name, cookie = sorted(self.find_cookies(host, address).items())[0]
        instances.switch_health(name)
        try:
            deadline = time.monotonic() + 180
            while name in {find_instance_of(address, cookie) for _unused in range(3)}:
                assert time.monotonic() < deadline, f"{name} still gets requests 180 s after it became sick"
                time.sleep(0.2)
            with Load(address, 80, sticky=True) as load:
                load.wait_for_more(100)
            load.assert_nothing_lost()
            # Without checks of its own it learns of it from refused requests only, and tries again after some seconds.
            assert name not in load.instances or not self.checks_health
        finally:
            instances.switch_health(name)

    def test_a_reload_under_load_loses_no_request(self, host, address):
        with Load(address, 80) as load, Load(address, 80, "/slow?ms=1500", threads=4) as slow, websocket_client.connect(address, 80, "/echo") as echo:
            for _unused in range(3):
                load.wait_for_more()
                assert host.run(f"systemctl reload {self.service}").rc == 0
            load.wait_for_more()
            slow.wait_for_more(8)
            echo.send_text("still here")
            assert echo.receive().text == "still here"
        load.assert_nothing_lost()
        slow.assert_nothing_lost()

    def find_cookies(self, host, address):
        """A cookie for each instance."""
        del host
        return find_sticky_clients(address)

    def set_servers(self, host, state, *names, check=False, **options):
        """Runs the module proxy_server on the proxy. What it fails with is a RuntimeError."""
        options = {"software": self.software, "servers": names or ["app1-0"], "state": state, **options}
        result = run_module(host, "xitrum.host.proxy_server", options, check=check)
        if "servers" not in result:
            raise RuntimeError(result["msg"])
        return result

    def test_a_server_is_disabled_and_enabled_and_no_request_is_lost(self, host, address):
        cookies = self.find_cookies(host, address)
        first, second = sorted(cookies)
        cookie = cookies[first]
        with Load(address, 80, sticky=True) as load, Load(address, 80, "/slow?ms=1000", threads=4) as slow:
            load.wait_for_more()
            try:
                assert self.set_servers(host, "drain", check=True)["changed"]
                assert self.set_servers(host, "drain", timeout=0)["changed"]
                assert not self.set_servers(host, "drain", timeout=0)["changed"]
                assert {ask(address)[0].getheader("X-Demo-Instance") for _unused in range(20)} == {second}
                assert find_instance_of(address, cookie) == first, "a sticky client must be able to end what it does"
                result = self.set_servers(host, "maint", timeout=180)
                assert (result["changed"], result["open"]) == (True, 0)
                assert find_instance_of(address, cookie) == second
                load.wait_for_more()
            finally:
                result = self.set_servers(host, "ready", timeout=180)
            assert [server["healthy"] for server in result["servers"]] == [True]
            assert find_instance_of(address, cookie) == first
            load.wait_for_more()
            slow.wait_for_more(8)
        load.assert_nothing_lost()
        slow.assert_nothing_lost()

    def test_websockets_outlive_a_drain_and_are_counted(self, host, address):
        cookie = sorted(self.find_cookies(host, address).items())[0][1]
        with websocket_client.connect(address, 80, "/echo", headers={"Cookie": cookie}) as echo:
            try:
                result = self.set_servers(host, "maint", timeout=1)
                # Apache's worker of before the reload, which has the WebSocket, may keep idle connections: more are counted.
                assert result["open"] >= 1 and (result["open"] == 1 or not self.closes) and result["closed"] == 0
                echo.send_text("still here")
                assert echo.receive().text == "still here"
                result = self.set_servers(host, "maint", timeout=1, close=True)
                assert (result["open"] > 0, result["closed"], result["changed"]) == ((False, 1, True) if self.closes else (True, 0, False))
                if self.closes:
                    with pytest.raises((websocket_client.Cut, OSError)):
                        echo.receive()
            finally:
                self.set_servers(host, "ready", timeout=180)

    def test_a_server_that_is_not_healthy_is_not_put_back(self, host, address, instances):
        first = sorted(self.find_cookies(host, address))[0]
        self.set_servers(host, "maint", timeout=5)
        instances.switch_health(first)
        try:
            with pytest.raises(RuntimeError, match="not healthy for .* after 3 s: xitrum/app1-0 .*(503|wrong status)"):
                self.set_servers(host, "ready", timeout=3)
            assert first not in {ask(address)[0].getheader("X-Demo-Instance") for _unused in range(10)}
        finally:
            instances.switch_health(first)
            assert self.set_servers(host, "ready", timeout=180)["servers"][0]["healthy"]

    def test_a_reload_keeps_what_was_set_at_run_time(self, host, address):
        cookies = self.find_cookies(host, address)
        first, second = sorted(cookies)
        cookie = cookies[first]
        self.set_servers(host, "drain", timeout=0)
        try:
            self.reload(host)
            assert {ask(address)[0].getheader("X-Demo-Instance") for _unused in range(10)} == {second}
            assert find_instance_of(address, cookie) == first
            assert self.set_servers(host, "maint", timeout=0)["rows"][0]["configured"] == "drain"
            self.reload(host)
            assert find_instance_of(address, cookie) == second
        finally:
            result = self.set_servers(host, "ready", timeout=180)
        assert result["rows"][0]["configured"] == "maint"

    def reload(self, host):
        """Reloads, and waits until the new worker answers."""
        host.check_output(f"systemctl reload {self.service}")
