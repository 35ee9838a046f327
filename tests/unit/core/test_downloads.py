# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No redirect carries a header or a password of the user to another origin. The servers are real ones on 127.0.0.1."""

from __future__ import annotations

import base64
import hashlib
import http.server
import ssl
import subprocess

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import bounded, downloads
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.jdk import fetch as jdk_fetch
from ansible_collections.xitrum.host.plugins.module_utils.package import source as package_source
from ansible_collections.xitrum.host.plugins.module_utils.package.source import SourceError
from ansible_collections.xitrum.host.plugins.module_utils.source_tree import push as source_push

from tests.lib.http_server import serve_in_background

BODY = b"an archive"
SECRETS = {
    "Authorization": "Bearer hush-hush",
    "Cookie": "session=hush-hush",
    "PRIVATE-TOKEN": "hush-hush",
    "X-Own": "hush-hush",
}
BASIC = "Basic " + base64.b64encode(b"joe:hush-hush").decode()


class Redirecting(http.server.BaseHTTPRequestHandler):
    """Answers with what `routes` of its server reports about the path: a body, or a status and a place."""

    def do_GET(self):
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, place = self.server.routes.get(self.path.partition("?")[0], (200, ""))
        if status == 200 and self.server.wants and self.headers.get("Authorization") != self.server.wants:
            status = 401
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="all"')
        if place:
            self.send_header("Location", place)
        body = BODY if status == 200 else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Reports nothing."""


def start(address="127.0.0.1", context=None):
    server = http.server.ThreadingHTTPServer((address, 0), Redirecting)
    server.seen, server.routes, server.wants = [], {}, ""
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = f"http{'s' if context else ''}://{address}:{server.server_port}"
    return serve_in_background(server)


@pytest.fixture(name="servers")
def two_servers(monkeypatch, tmp_path):
    """Two origins, and a netrc file that knows a password for every host."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = start(), start()
    yield first, second
    for server in (first, second):
        server.shutdown()
        server.server_close()


def fetch(url, headers=None):
    with downloads.open_download(url, headers, 5, False) as answer:
        return answer.read()


def leaked(server):
    """The requests that a server got with a secret in any of their headers."""
    return [(path, headers) for path, headers in server.seen if "hush" in str(headers) or BASIC in str(headers)]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_another_origin_gets_no_header_of_the_user(servers, code):
    first, second = servers
    first.routes["/start"] = (code, f"{second.url}/end")
    assert fetch(f"{first.url}/start", SECRETS) == BODY
    assert len(leaked(first)) == 1 and first.seen[0][1]["private-token"] == "hush-hush"
    assert (len(second.seen), leaked(second)) == (1, [])
    assert not {name.lower() for name in SECRETS} & set(second.seen[0][1])


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["/end", "end", "{url}/end", "?page=2", "//{authority}/end"])
def test_the_same_origin_gets_them_all(servers, code, place):
    first, _second = servers
    first.routes["/start"] = (code, place.format(url=first.url, authority=first.url.partition("//")[2]))
    if place.startswith("?"):
        first.routes = {"/start": (code, "/end?page=2")}
    assert fetch(f"{first.url}/start", SECRETS) == BODY
    assert [headers.get("private-token") for _path, headers in first.seen] == ["hush-hush"] * 2
    assert [headers.get("authorization") for _path, headers in first.seen] == ["Bearer hush-hush"] * 2


def test_a_way_back_does_not_bring_them_back(servers):
    """Whoever answers for the other origin would choose what is queried with the user's password."""
    first, second = servers
    first.routes["/start"] = (302, f"{second.url}/middle")
    second.routes["/middle"] = (302, f"{first.url}/delete?everything")
    assert fetch(f"{first.url}/start", SECRETS) == BODY
    assert [path for path, _headers in leaked(first)] == ["/start"] and leaked(second) == []


def test_user_and_password_of_the_url_stay_at_its_origin(servers):
    first, second = servers
    first.wants = second.wants = BASIC
    first.routes["/same"] = (302, "/end")
    url = f"{first.url.replace('//', '//joe:hush-hush@')}"
    assert fetch(f"{url}/same") == BODY
    first.routes["/other"] = (302, f"{second.url}/end")
    with pytest.raises(downloads.urllib.error.HTTPError, match="401"):
        fetch(f"{url}/other")
    assert leaked(second) == []


def test_an_entry_of_netrc_for_every_host_is_not_for_a_redirect(servers, tmp_path):
    first, second = servers
    (tmp_path / ".netrc").write_text("default login joe password hush-hush\n")
    (tmp_path / ".netrc").chmod(0o600)
    first.routes["/start"] = (302, f"{second.url}/end")
    assert fetch(f"{first.url}/start") == BODY
    assert leaked(second) == []


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("file:///etc/passwd", "redirects to file:///etc/passwd: expected an http or https URL"),
        ("ftp://127.0.0.1/x", "redirects to ftp://127.0.0.1/x: expected an http or https URL"),
        ("/start", "redirects more than 10 times"),
        ("https:///x", "expected an http or https URL"),
    ],
)
def test_a_redirect_that_is_not_followed_reports_why(servers, place, message):
    first, _second = servers
    first.routes["/start"] = (302, place)
    with pytest.raises(downloads.RedirectError, match=message):
        fetch(f"{first.url}/start", SECRETS)
    assert len(first.seen) <= downloads.MOST_REDIRECTS + 1


def test_ten_redirects_are_followed(servers):
    first, _second = servers
    first.routes = {f"/{number}": (302, f"/{number + 1}") for number in range(downloads.MOST_REDIRECTS)}
    assert fetch(f"{first.url}/0") == BODY


@pytest.fixture(name="encrypted")
def tls_server(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = start(context=context)
    yield server
    server.shutdown()
    server.server_close()


def test_from_https_to_http_is_refused_and_the_other_way_gets_no_header(servers, encrypted):
    first, _second = servers
    encrypted.routes["/start"] = (302, f"{first.url}/end")
    with pytest.raises(
        downloads.RedirectError, match="from https to http://127.0.0.1:[0-9]+/end, which is not encrypted"
    ):
        fetch(f"{encrypted.url}/start", SECRETS)
    assert first.seen == []
    first.routes["/start"] = (302, f"{encrypted.url}/end")
    assert fetch(f"{first.url}/start", SECRETS) == BODY
    assert [path for path, _headers in leaked(encrypted)] == ["/start"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Example.com/x", ("http", "example.com", 80)),
        ("HTTPS://example.com:443", ("https", "example.com", 443)),
        ("https://joe:x@example.com:8443/y", ("https", "example.com", 8443)),
        ("http://[::1]/", ("http", "::1", 80)),
    ],
)
def test_the_origin_of_a_url(url, origin):
    assert downloads.find_origin(url) == origin


def test_packages_and_jdks_are_fetched_so(servers, tmp_path):
    first, second = servers
    first.routes["/start"] = (302, f"{second.url}/end?token=hush-hush")
    sha256 = hashlib.sha256(BODY).hexdigest()
    package_source.download(f"{first.url}/start", sha256, SECRETS, str(tmp_path / "one"), 5, True)
    jdk_fetch.obtain(f"{first.url}/start", sha256, SECRETS, str(tmp_path / "two"), 5, True)
    jdk_fetch.obtain(f"{first.url}/start", "", SECRETS, str(tmp_path / "three"), 5, True)
    assert len(second.seen) == 3 and all("hush" not in str(headers) for _path, headers in second.seen)


def test_a_refusal_elsewhere_reports_that_the_headers_were_not_sent(servers, tmp_path):
    first, second = servers
    second.wants = "Bearer hush-hush"
    first.routes["/start"] = (302, f"{second.url}/end?token=hush-hush")
    with pytest.raises(SourceError) as caught:
        package_source.download(f"{first.url}/start", "0" * 64, SECRETS, str(tmp_path), 5, True)
    assert f"answers 401 Unauthorized: it redirects to {second.url}. Your headers" in str(caught.value)
    assert "hush" not in str(caught.value)
    first.routes["/start"] = (302, "ftp://joe:hush-hush@127.0.0.1/x?token=hush-hush")
    with pytest.raises(SourceError, match="cannot be fetched: it redirects to ftp://") as caught:
        package_source.download(f"{first.url}/start", "0" * 64, SECRETS, str(tmp_path), 5, True)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("redirected", [True, False])
def test_git_gives_a_password_to_the_host_of_its_remote_alone(servers, tmp_path, redirected):
    first, second = servers
    tree = tmp_path / "tree"
    for words in (
        ["init", "-q", str(tree)],
        ["-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *words], check=True, capture_output=True)
    first.wants = second.wants = BASIC
    if redirected:
        first.routes["/shop.git/info/refs"] = (302, f"{second.url}/shop.git/info/refs?service=git-upload-pack")

    def run(argv, _data, environment, *_more):
        done = subprocess.run(
            argv,
            capture_output=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", **environment, "HOME": str(tmp_path)},
        )
        return bounded.Run(done.returncode, done.stdout, done.stderr)

    desired = {"path": str(tree), "remote": f"{first.url.replace('//', '//joe:hush-hush@')}/shop.git", "branch": "main"}
    state = source_push.read(Host(run), desired)
    assert "hush" not in state["failed"]
    assert leaked(second) == []
    assert bool(second.seen) == redirected
    # The password does reach the host that it is for.
    assert bool(leaked(first)) == (not redirected)
