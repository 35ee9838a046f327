# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance answers: pages, client addresses, WebSocket, SockJS."""
import base64
import gzip
import http.client
import json
import re
import socket
import time

import pytest

from tests.lib import websocket_client
from tests.lib.demo_instance import Instance, find_free_port

#: Of the stand-in for an application, which changes seldom: that it starts, runs and ends like a Xitrum package is a part of CI.
pytestmark = pytest.mark.long
API_KEY = "kgreankbeplawfr7934jv2nr0bsbas0"


def meta(page, name):
    return re.search(rf'<meta name="{name}" content="([^"]*)">', page.text).group(1)


def client(instance, **headers):
    return json.loads(instance.get("/client", headers={name.replace("_", "-"): value for name, value in headers.items()}).body)


# Pages


def test_page_names_release_and_instance(running):
    page = running.get("/")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert meta(page, "release") == page.headers["X-Demo-Release"] == "demo-1"
    assert meta(page, "instance") == page.headers["X-Demo-Instance"] == f"{socket.gethostname()}:{running.port}"


def test_session_lives_in_a_cookie_that_is_signed(running):
    first = running.get("/")
    cookie = first.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith("_session=")
    assert meta(first, "visits") == "1"
    assert meta(running.get("/", headers={"Cookie": cookie}), "visits") == "2"
    forged = re.sub("=[^.]*", "=" + base64.urlsafe_b64encode(b"99").decode().rstrip("="), cookie, count=1)
    assert meta(running.get("/", headers={"Cookie": forged}), "visits") == "1"


def test_session_of_another_key_is_not_read(running, root):
    cookie = running.get("/").headers["Set-Cookie"].split(";")[0]
    with Instance(root, settings={"xitrum.port.https": find_free_port(), "xitrum.session.secureKey": "another"}) as other:
        assert meta(other.get("/", headers={"Cookie": cookie}), "visits") == "1"
        assert "WARN" not in other.read_log()


def test_connection_is_kept_for_the_next_request(running):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("GET", "/trivial")
    connection.getresponse().read()
    kept = connection.sock
    connection.request("GET", "/", headers={"Connection": "close"})
    response = connection.getresponse()
    assert response.status == 200
    assert kept is not None
    assert response.getheader("Connection").lower() == "close"
    response.read()
    assert connection.sock is None
    connection.close()


def test_head_has_the_headers_without_the_body(running):
    head = running.get("/hello.txt", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(running.get("/hello.txt").body)


def pieces(running, path):
    """The parts of a chunked answer with the seconds after which each came."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("GET", path)
    began = time.monotonic()
    response = connection.getresponse()
    assert response.getheader("Transfer-Encoding") == "chunked"
    parts = []
    for line in response:
        parts.append((line.decode(), time.monotonic() - began))
    connection.close()
    return parts


def test_slow_page_comes_in_pieces_over_its_time(running):
    parts = pieces(running, "/slow?ms=1000")
    assert [text for text, _after in parts] == [f"{number} of 10\n" for number in range(1, 11)]
    assert parts[0][1] < 0.6
    assert parts[-1][1] > 0.9


def test_stream_has_the_desired_number_and_pause(running):
    parts = pieces(running, "/stream?n=3&ms=150")
    assert [text for text, _after in parts] == ["1 of 3\n", "2 of 3\n", "3 of 3\n"]
    assert parts[2][1] - parts[0][1] > 0.2


def test_static_files_come_from_public_only(running):
    assert running.get("/hello.txt").text == "Hello from the folder public.\n"
    assert running.get("/../config/ssl_example.txt").status == 404
    (running.root / "secret.txt").write_text("secret")
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "//../secret.txt"):
        assert running.get(path).status == 404, path


def test_unknown_path_is_the_applications_404(running):
    missing = running.get("/no/such/page")
    assert missing.status == 404
    assert missing.text == (running.root / "public" / "404.html").read_text()


def test_metrics_page_wants_the_key(running):
    assert running.get("/xitrum/metrics/viewer").status == 401
    assert running.get("/xitrum/metrics/viewer?api_key=wrong").status == 401
    assert running.get(f"/xitrum/metrics/viewer?api_key={API_KEY}").status == 200


def test_state_is_read_and_changed(running):
    assert json.loads(running.get("/state").body) == {"value": "initial"}
    assert json.loads(running.get("/state?set=changed").body) == {"value": "changed"}
    assert json.loads(running.get("/state").body) == {"value": "changed"}


def test_members_without_a_cluster(running):
    result = json.loads(running.get("/members").body)
    assert result["cluster"] is False
    assert [member["address"] for member in result["members"]] == ["akka://xitrum"]


def test_basic_authentication_covers_the_site(root):
    settings = {f"xitrum.basicAuth.{name}": value for name, value in {"realm": "demo", "username": "ann", "password": "secret"}.items()}
    with Instance(root, settings={"xitrum.port.https": find_free_port(), **settings}) as instance:
        refused = instance.get("/hello.txt")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="demo"'
        token = base64.b64encode(b"ann:secret").decode()
        assert instance.get("/hello.txt", headers={"Authorization": f"Basic {token}"}).status == 200


# Client addresses


def test_stock_configuration_believes_all_and_the_first_element_wins(running):
    result = client(running, X_Forwarded_For="203.0.113.7, 198.51.100.2", X_Forwarded_Proto="https", Host="shop.example")
    assert (result["client"], result["peer"], result["scheme"]) == ("203.0.113.7", "127.0.0.1", "https")
    assert result["url"] == "https://shop.example/client"


def test_forwarded_host_is_ignored(running):
    assert client(running, X_Forwarded_Host="evil.example", Host="shop.example")["host"] == "shop.example"


def test_without_headers_the_peer_is_the_client(running):
    result = client(running)
    assert (result["client"], result["scheme"], result["forwarded_for"]) == ("127.0.0.1", "http", None)


@pytest.mark.parametrize(
    ("ips", "believed"),
    [(["127.0.0.1"], True), (["10.0.0.0/8", "127.0.0.0/8"], True), (["10.0.0.0/8"], False), (["127.0.0.2"], False), (["::1"], False)],
)
def test_listed_proxies_only_are_believed(root, ips, believed):
    listed = {f"xitrum.reverseProxy.ips.{number}": address for number, address in enumerate(ips)}
    with Instance(root, settings={"xitrum.port.https": find_free_port(), "xitrum.reverseProxy.baseUrl": "/shop", **listed}) as instance:
        result = client(instance, X_Forwarded_For="203.0.113.7", X_Forwarded_Proto="https", Host="shop.example")
        assert result["client"] == ("203.0.113.7" if believed else "127.0.0.1")
        assert result["url"] == ("https" if believed else "http") + "://shop.example/shop/client"


def test_proxy_protocol_gives_the_clients_address(root):
    proxy = {"xitrum.reverseProxy.ips.0": "127.0.0.1", "xitrum.reverseProxy.baseUrl": "", "xitrum.reverseProxy.proxyProtocol": "true"}
    instance = Instance(root, settings={"xitrum.port.https": find_free_port(), **proxy}).start()
    try:
        deadline = time.monotonic() + 30
        while "started in production mode" not in instance.read_log() and time.monotonic() < deadline:
            time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", instance.port), timeout=10) as connection:
            connection.sendall(b"PROXY TCP4 203.0.113.9 127.0.0.1 40000 8000\r\nGET /client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["client"] == "203.0.113.9"
    finally:
        instance.kill()


# WebSocket


def test_echo_of_text_binary_and_ping(running):
    with websocket_client.connect("127.0.0.1", running.port, "/echo") as echo:
        for opcode, payload in [(websocket_client.TEXT, "é".encode()), (websocket_client.BINARY, b"\0" * 70000), (websocket_client.TEXT, b"x" * 300)]:
            echo.send(opcode, payload)
            assert echo.receive() == websocket_client.Frame(opcode, payload)
        echo.send(websocket_client.PING, b"there?")
        assert echo.receive() == websocket_client.Frame(websocket_client.PONG, b"there?")


def test_close_is_answered_with_a_close_frame(running):
    with websocket_client.connect("127.0.0.1", running.port, "/echo") as echo:
        assert echo.close(1001, "bye").close_code == 1001


def test_plain_request_to_a_websocket_is_refused(running):
    assert running.get("/echo").status == 400


def test_upgrade_of_a_plain_page_is_refused(running):
    with pytest.raises(websocket_client.Refused) as refused:
        websocket_client.connect("127.0.0.1", running.port, "/no/such/page")
    assert refused.value.status == 404


# SockJS


def post(running, path, body=""):
    return running.get(path, method="POST", body=body.encode())


def test_sockjs_info(running):
    info = json.loads(running.get("/sockjs/info").body)
    assert (info["websocket"], info["cookie_needed"], info["origins"]) == (True, False, ["*:*"])
    assert running.get("/sockjs").text == "Welcome to SockJS!\n"


def test_sockjs_polling(running):
    base = "/sockjs/000/polling"
    assert post(running, base + "/xhr").text == "o\n"
    sent = post(running, base + "/xhr_send", '["one", "two \\" é"]')
    assert (sent.status, sent.body) == (204, b"")
    assert post(running, base + "/xhr").text == 'a["one","two \\" é"]\n'


def test_sockjs_polling_waits_for_a_message(running):
    base = "/sockjs/000/waiting"
    assert post(running, base + "/xhr").text == "o\n"
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("POST", base + "/xhr")
    time.sleep(0.3)
    assert post(running, base + "/xhr").text == 'c[2010,"Another connection still open"]\n'
    post(running, base + "/xhr_send", '["late"]')
    assert connection.getresponse().read() == b'a["late"]\n'
    connection.close()


@pytest.mark.parametrize(
    ("method", "transport", "prelude", "frame"),
    [("POST", "xhr_streaming", "h" * 2048 + "\n", "{}\n"), ("GET", "eventsource", "\r\n", "data: {}\r\n\r\n")],
)
def test_sockjs_streaming(running, method, transport, prelude, frame):
    base = f"/sockjs/000/{transport}"
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request(method, f"{base}/{transport}")
    response = connection.getresponse()
    opening = prelude + frame.format("o")
    assert response.read(len(opening)).decode() == opening
    for text in ("first", "second"):
        assert post(running, base + "/xhr_send", json.dumps([text])).status == 204
        message = frame.format(f'a["{text}"]')
        assert response.read(len(message)).decode() == message
    connection.close()


def test_sockjs_jsonp(running):
    base = "/sockjs/000/jsonp"
    assert running.get(base + "/jsonp?c=cb").text == '/**/cb("o");\r\n'
    assert post(running, base + "/jsonp_send", "d=%5B%22x%22%5D").text == "ok"
    assert running.get(base + "/jsonp?c=cb").text == '/**/cb("a[\\"x\\"]");\r\n'
    assert running.get(base + "/jsonp").status == 500


def test_sockjs_websocket(running):
    with websocket_client.connect("127.0.0.1", running.port, "/sockjs/000/socket/websocket") as opened:
        assert opened.receive().text == "o"
        opened.send_text('["a", "b"]')
        assert opened.receive().text == 'a["a","b"]'
        opened.send_text('"alone"')
        assert opened.receive().text == 'a["alone"]'


def test_sockjs_raw_websocket(running):
    with websocket_client.connect("127.0.0.1", running.port, "/sockjs/websocket") as opened:
        opened.send_text("plain")
        assert opened.receive().text == "plain"


def test_sockjs_refuses_what_it_cannot_use(running):
    base = "/sockjs/000/refusing"
    post(running, base + "/xhr")
    assert (post(running, base + "/xhr_send").status, post(running, base + "/xhr_send").text) == (500, "Payload expected.")
    assert (post(running, base + "/xhr_send", '["x').status, post(running, base + "/xhr_send", '["x').text) == (500, "Broken JSON encoding.")
    assert post(running, base + "/no_such_transport").status == 404


def test_sockjs_session_of_another_instance_is_a_404(running, root):
    base = "/sockjs/000/elsewhere"
    with Instance(root, settings={"xitrum.port.https": find_free_port()}) as other:
        assert post(other, base + "/xhr").text == "o\n"
        assert post(running, base + "/xhr_send", '["x"]').status == 404
        assert post(other, base + "/xhr_send", '["x"]').status == 204


def test_big_text_is_zipped_for_those_who_take_it(running):
    base = "/sockjs/000/zipped"
    message = json.dumps(["x" * 3000])
    expected = f'a["{"x" * 3000}"]\n'
    post(running, base + "/xhr")
    post(running, base + "/xhr_send", message)
    zipped = running.get(base + "/xhr", method="POST", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body).decode() == expected
    post(running, base + "/xhr_send", message)
    assert post(running, base + "/xhr").text == expected
