# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer in front that speaks the PROXY protocol, and others who pretend to be one. In the end all is as before."""

import json
import re
import socket

import pytest

from tests.verify.proxy import find_own_address

CONVERGE = "molecule/proxies/converge.yml"
HEADER = "PROXY TCP4 203.0.113.7 203.0.113.80 40000 80\r\n"
REQUEST = "GET /client HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=["haproxy1", "nginx1"])
def name(request, site):
    """A proxy behind such a load balancer."""
    site.run("--limit", request.param, playbook=CONVERGE, xitrum_proxy_load_balancer_protocol="proxy").assert_ended_well()
    yield request.param
    site.run("--limit", request.param, playbook=CONVERGE).assert_ended_well()


@pytest.fixture
def address(site, name):
    return site.hosts[name]["xitrum_address"]


def client_address(text):
    """What the application reports about who queried; nothing where it was not queried."""
    found = re.search(r"\{.*\}", text)
    return json.loads(found[0])["forwarded_for"] if found else ""


def exchange(address, text):
    """What this machine, which is not a load balancer, is answered."""
    with socket.create_connection((address, 80), timeout=10) as link:
        link.sendall(text.encode())
        link.settimeout(10)
        try:
            return b"".join(iter(lambda: link.recv(65536), b"")).decode()
        except ConnectionError:
            return ""


def test_the_load_balancer_is_believed(balancer, address):
    script = f"import socket; s = socket.create_connection((\"{address}\", 80)); s.sendall({HEADER + REQUEST!r}.encode()); " \
             "print(b\"\".join(iter(lambda: s.recv(65536), b\"\")).decode())"
    assert client_address(balancer.check_output("python3 -c %s", script)) == "203.0.113.7"


def test_nobody_else_is(address):
    assert client_address(exchange(address, HEADER + REQUEST)) in ("", find_own_address(address))


def test_without_the_header_nobody_is_served_by_nginx_and_others_as_before_by_haproxy(name, address):
    assert client_address(exchange(address, REQUEST)) == (find_own_address(address) if name == "haproxy1" else "")


def test_the_host_itself_asks_without_it(site, name):
    assert client_address(site.run_script(name, "curl -s http://127.0.0.1/client")) == "127.0.0.1"
    assert "notAfter" in site.run_script(name, "openssl s_client -connect 127.0.0.1:443 < /dev/null 2> /dev/null | openssl x509 -noout -enddate")
