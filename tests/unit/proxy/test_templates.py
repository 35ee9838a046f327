# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configurations that the proxies' templates make, compared with files: whoever changes a template sees what comes out.

`REWRITE_GOLDEN=1 python -m pytest tests/unit/proxy/test_templates.py` writes the files.
"""

from __future__ import annotations

import os
import pathlib
import re

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.desired.proxy import CIPHERS, list_listeners
from ansible_collections.xitrum.host.plugins.module_utils.proxy import definition as proxy
from ansible_collections.xitrum.host.plugins.module_utils.proxy import text as proxy_text
from ansible_collections.xitrum.host.plugins.module_utils.proxy.table import PROXIES
from ansible_collections.xitrum.host.plugins.plugin_utils import role_templates

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(__file__).parents[1] / "data" / "proxy"
TEMPLATES = {name: backend.template for name, backend in PROXIES.items()}
SOFTWARE = PROXIES

SERVERS = [{"name": "app1-0", "address": "192.0.2.11", "port": 8000}, {"name": "app1-1", "address": "192.0.2.11", "port": 8001},
           {"name": "app2-0", "address": "2001:db8::12", "port": 8000}]
PATHS = [{"name": "discourse", "path_prefix": "/forum", "servers": ["127.0.0.1:3000"], "health_path": "/forum/health"},
         {"name": "files", "path_prefix": "/files/", "servers": ["127.0.0.1:3001"]}]
BASE = {
    "proxy_application": "demo",
    "proxy_listen": ["0.0.0.0", "::"], "proxy_http_port": 80, "proxy_https_port": 443, "proxy_tls_min_version": "TLSv1.2", "proxy_redirect_https": False,
    "proxy_timeout_connect": "10s", "proxy_timeout_client": "10h", "proxy_timeout_server": "10h", "proxy_timeout_tunnel": "10h",
    "proxy_timeout_http_request": "10s", "proxy_timeout_keep_alive": "500ms", "proxy_timeout_queue": "10s", "proxy_hard_stop_after": "30m",
    "proxy_servers": SERVERS, "proxy_sticky": True, "proxy_cookie": "xitrum_server", "proxy_balance": "leastconn", "proxy_slow_start": "10s",
    "proxy_health_path": "/", "proxy_health_status": 200, "proxy_check_interval": "2s", "proxy_check_fall": 3, "proxy_check_rise": 2,
    "proxy_max_connections": 0, "proxy_stats_port": 8404, "proxy_extra_global": [], "proxy_extra_frontend": [],
    "has_tls": True, "backends": proxy.build_backends(PATHS), "pem": "/etc/PROXY/xitrum/site.pem", "ciphers": CIPHERS,
    "connections": 2048, "nofile": 4201, "config_path": "/etc/haproxy/haproxy.cfg", "socket": "/run/haproxy/admin.sock",
    "server_state": "/run/haproxy/server-state", "balancers": [], "behind": "",
}
CASES = {
    "full": {},
    "plain": {"has_tls": False, "proxy_sticky": False, "proxy_balance": "roundrobin", "backends": [], "proxy_servers": SERVERS[:1]},
    "redirect": {"proxy_redirect_https": True, "proxy_https_port": 8443, "proxy_tls_min_version": "TLSv1.3", "proxy_max_connections": 5000,
                 "proxy_extra_global": ["# of the site"], "proxy_extra_frontend": ["# of the requests"]},
    "balanced": {"proxy_redirect_https": True, "balancers": ["192.0.2.1", "2001:db8::/64"], "behind": "http"},
    "proxied": {"balancers": ["192.0.2.1"], "behind": "proxy"},
}


def rendered(software, **more):
    # With the line break that the files have had in addition to the template's own.
    values = {**BASE, **more}
    return role_templates.render(software, TEMPLATES[software], {**values, "listeners": list_listeners(values["proxy_listen"])}, {}) + "\n"


# The role refuses this one.
COMBINATIONS = [(software, case) for software in TEMPLATES for case in CASES if (software, case) != ("apache", "proxied")]


@pytest.mark.parametrize(("software", "case"), COMBINATIONS)
def test_the_configuration_is_as_in_the_file(software, case):
    text, golden = rendered(software, **CASES[case]), DATA / f"{software}-{case}.conf"
    if os.environ.get("REWRITE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("software", TEMPLATES)
def test_servers_binds_and_connections_are_read_from_it(software):
    text, reader = rendered(software), SOFTWARE[software]
    assert reader.parse_servers(text) == [
        ("xitrum", "app1-0", "192.0.2.11:8000"), ("xitrum", "app1-1", "192.0.2.11:8001"), ("xitrum", "app2-0", "[2001:db8::12]:8000"),
        ("discourse", "discourse-0", "127.0.0.1:3000"), ("files", "files-0", "127.0.0.1:3001")]
    assert set(reader.parse_binds(text)) >= {"0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443", "127.0.0.1:8404"}
    assert reader.parse_maxconn(text) == (0 if software == "haproxy" else 2048)


@pytest.mark.parametrize("software", TEMPLATES)
def test_an_address_in_brackets_gets_no_second_ones(software):
    assert rendered(software, proxy_listen=["0.0.0.0", "[::]"]) == rendered(software)


@pytest.mark.parametrize(("text", "expected"), [
    ("0.0.0.0", ("0.0.0.0", False, True)), ("::", ("[::]", True, True)), ("[::]", ("[::]", True, True)),
    ("192.0.2.1", ("192.0.2.1", False, False)), ("2001:DB8::1", ("[2001:DB8::1]", True, False)), ("localhost", ("localhost", False, False)),
])
def test_an_address_to_listen_on_is_written_as_the_user_has_it(text, expected):
    assert list_listeners([text]) == [expected]


@pytest.mark.parametrize("software", TEMPLATES)
def test_the_digest_has_a_place_in_it(software):
    text = proxy_text.stamp_config(rendered(software), [])
    assert proxy_text.find_stamp(text) == proxy_text.compute_digest(rendered(software), [])


def directives(text, name):
    """The arguments of a directive, in the order of its lines."""
    lines = [line.strip().rstrip(";") for line in text.splitlines()]
    return [line[len(name) :].strip() for line in lines if line.startswith(name + " ")]


@pytest.mark.parametrize("case", CASES)
def test_nginx_keeps_no_body_on_the_disk(case):
    text = rendered("nginx", **CASES[case])
    assert directives(text, "proxy_request_buffering") == directives(text, "proxy_buffering") == ["off"]
    # A header of the application, X-Accel-Buffering, turns the buffering of responses on again.
    assert directives(text, "proxy_max_temp_file_size") == ["0"]
    assert directives(text, "client_max_body_size") == ["0"], "the size of an upload is the application's business"


@pytest.mark.parametrize("case", [case for software, case in COMBINATIONS if software == "apache"])
def test_apache_wants_a_body_to_come_in_at_a_minimum_rate(case):
    (limits,) = directives(rendered("apache", **CASES[case]), "RequestReadTimeout")
    assert re.fullmatch(r"header=10 body=\d+,MinRate=[1-9]\d*", limits)


@pytest.mark.parametrize(("client", "body"), [("10h", "60s"), ("1m", "60s"), ("90s", "60s"), ("30s", "30s"), ("500ms", "500ms")])
def test_nginx_ends_a_body_that_stops(client, body):
    text = rendered("nginx", proxy_timeout_client=client)
    assert directives(text, "client_body_timeout") == [body]
    assert directives(text, "client_header_timeout") == ["10s"] and directives(text, "send_timeout") == [client]
    # What holds for a WebSocket.
    assert directives(text, "proxy_read_timeout") == directives(text, "proxy_send_timeout") == ["10h"]


@pytest.mark.parametrize("case", CASES)
def test_nginx_passes_an_upgrade_for_websocket_alone(case):
    text = rendered("nginx", **CASES[case])
    assert "$http_upgrade" not in text.replace("map $http_upgrade $xitrum_upgrade", "")
    assert re.search(r'map \$http_upgrade \$xitrum_upgrade \{\s+default "";\s+websocket websocket;\s+\}', text)
    assert "Upgrade $xitrum_upgrade" in directives(text, "proxy_set_header")
    assert "Connection $xitrum_connection" in directives(text, "proxy_set_header")


@pytest.mark.parametrize("case", CASES)
def test_haproxy_passes_an_upgrade_for_websocket_alone(case):
    lines = directives(rendered("haproxy", **CASES[case]), "http-request")
    position = lines.index("del-header Upgrade unless { var(txn.websocket) -m bool }")
    assert (
        "set-var(txn.websocket) bool(true) if { req.fhdr_cnt(Upgrade) eq 1 } { req.fhdr(Upgrade) -i -m str websocket }"
        in lines[:position]
    )


def rewritten(text, rule, **variables):
    """What a rule of Apache makes of a request whose conditions it fulfils, as Apache does it: `%N` is of the last condition
    that matched. None where one does not match."""
    lines = [line.strip() for line in text.splitlines()]
    position = lines.index(f"RewriteRule {rule}")
    first = next(number for number in range(position, 0, -1) if not lines[number - 1].startswith("RewriteCond"))
    groups = ()

    def filled(template):
        values = re.sub(r"%\{([^}]+)\}", lambda found: variables.get(found[1], ""), re.sub(r"%([1-9])", "\0\\1", template))
        return re.sub("\0([1-9])", lambda found: groups[int(found[1]) - 1] or "", values)

    for line in lines[first:position]:
        test, pattern = re.fullmatch(r'RewriteCond "([^"]*)" "([^"]*)" \[NC\]', line).groups()
        match = re.search(pattern, filled(test), re.IGNORECASE)
        if not match:
            return None
        groups = match.groups()
    return filled(rule.split()[1])


@pytest.mark.parametrize(
    ("host", "line", "found"),
    [
        ("ex.com", "GET /a%20b%3Fc%2541%0d%0aSet-Cookie:x HTTP/1.1", ("ex.com", "/a%20b%3Fc%2541%0d%0aSet-Cookie:x")),
        ("ex.com:8080", "GET /a?b=/c?d HTTP/1.1", ("ex.com", "/a")),
        ("[2001:db8::1]:80", "GET //evil.com/x HTTP/1.1", ("[2001:db8::1]", "//evil.com/x")),
        ("Ex.Com", "GET http://other.com/a HTTP/1.1", ("Ex.Com", "/a")),
        ("ex.com", "GET http://other.com HTTP/1.1", ("ex.com", "")),
        ("ex.com", "OPTIONS * HTTP/1.1", None),
        ("ex.com", "GET @evil.com HTTP/1.1", None),
        ("", "GET /a HTTP/1.0", None),
        ("ex.com/x", "GET /a HTTP/1.1", None),
        ("a@b", "GET /a HTTP/1.1", None),
        ("ex.com\r\nX", "GET /a HTTP/1.1", None),
        ("ex.com GET /secret?", "GET /a HTTP/1.1", None),
    ],
)
def test_apache_redirects_to_the_target_that_the_client_wrote(host, line, found):
    text = rendered("apache", **CASES["redirect"])
    assert "%{REQUEST_URI}" not in text, "it is decoded"
    rule = "^ https://%1:8443%2 [R=301,L,NE]"
    goal = rewritten(text, rule, HTTP_HOST=host, THE_REQUEST=line)
    assert goal == (found and f"https://{found[0]}:8443{found[1]}")
    rules = directives(text, "RewriteRule")
    assert rules.index(rule) + 1 == rules.index("^ - [R=400,L]")


@pytest.mark.parametrize(
    ("upgrade", "line", "found"),
    [
        ("websocket", "GET /a%3Fb%20?c=d HTTP/1.1", "/a%3Fb%20"),
        ("WebSocket", "GET ws://x/a HTTP/1.1", "/a"),
        ("h2c", "GET /a HTTP/1.1", None),
        ("h2c, websocket", "GET /a HTTP/1.1", None),
        ("websocket, h2c", "GET /a HTTP/1.1", None),
        ("", "GET /websocket HTTP/1.1", None),
        # A header that holds a request would choose the path of the instance, past what a rule of the site protects.
        ("websocket GET /secret?", "GET /open HTTP/1.1", None),
        ("websocket X http://x/secret?", "GET /open HTTP/1.1", None),
        ("websocket GET", "/secret HTTP/1.1", None),
    ],
)
def test_apache_passes_an_upgrade_for_websocket_alone(upgrade, line, found):
    text = rendered("apache")
    goals = {"^/forum/|^/forum$": "ws.discourse", "^/files/": "ws.files", "^": "ws.xitrum"}
    for start, group in goals.items():
        goal = rewritten(text, f"{start} balancer://{group}%1 [P,L,NE]", **{"HTTP:Upgrade": upgrade, "THE_REQUEST": line})
        assert goal == (found and f"balancer://{group}{found}")
    rules = [rule for rule in directives(text, "RewriteRule") if "balancer://ws." in rule]
    assert len(rules) == 2 * len(goals), "HTTP and HTTPS, the application and the other backends"
    assert directives(text, "RewriteRule").count("^ balancer://ws.xitrum%1 [P,L,NE]") == 2


def test_behind_a_load_balancer_that_speaks_https_apache_neither_redirects_nor_refuses():
    lines = [line.strip() for line in rendered("apache", **CASES["balanced"]).splitlines()]
    guard = next(line for line in lines if line.startswith("RewriteCond expr"))
    for rule in ("RewriteRule ^ https://%1%2 [R=301,L,NE]", "RewriteRule ^ - [R=400,L]"):
        end = lines.index(rule)
        first = next(number for number in range(end, 0, -1) if not lines[number - 1].startswith("RewriteCond"))
        assert lines[first] == guard


@pytest.mark.parametrize(("port", "text"), [(443, ""), (8443, ":8443")])
def test_haproxy_redirects_to_the_port_that_it_answers_https_on(port, text):
    lines = directives(rendered("haproxy", proxy_redirect_https=True, proxy_https_port=port), "http-request")
    assert (
        f"redirect location https://%[req.hdr(Host),regsub(:[0-9]*$,)]{text}%[capture.req.uri] code 301 if {{ var(txn.plain) -m bool }}"
        in lines
    )


STATES = {"app1-0": "drain", "app1-1": "maint"}


def line_after(text, mark):
    lines = text.splitlines()
    return [lines[index + 1].strip() for index, line in enumerate(lines) if line.strip() == f"# server {mark}"]


def test_nginx_sends_new_clients_to_neither_and_bound_ones_to_a_drained_server():
    text = proxy_text.set_states(rendered("nginx"), STATES, PROXIES["nginx"].words)
    assert all(line.endswith(" down;") for mark in ("app1-0 new", "app1-1 new", "app1-1 bound") for line in line_after(text, mark))
    assert not any(line.endswith(" down;") for mark in ("app1-0 bound", "app2-0 new", "app2-0 bound") for line in line_after(text, mark))


def test_apache_drains_and_disables_for_websockets_as_well():
    text = proxy_text.set_states(rendered("apache"), STATES, PROXIES["apache"].words)
    assert [line.rpartition(" ")[2] for line in line_after(text, "app1-0 both")] == ["status=+N", "status=+N"]
    assert [line.rpartition(" ")[2] for line in line_after(text, "app1-1 both")] == ["status=+D", "status=+D"]
    assert "status" not in "".join(line_after(text, "app2-0 both"))


@pytest.mark.parametrize("software", ["nginx", "apache"])
def test_states_are_reported_undone_and_carried_into_a_new_configuration(software):
    text, words = rendered(software), SOFTWARE[software].words
    changed = proxy_text.set_states(text, STATES, words)
    assert proxy_text.parse_states(changed) == STATES
    assert proxy_text.set_states(changed, STATES, words) == changed
    assert proxy_text.set_states(changed, {"app1-0": "ready"}, words) == text
    fewer = rendered(software, proxy_servers=SERVERS[1:])
    assert proxy_text.parse_states(SOFTWARE[software].carry_states(fewer, changed)) == {"app1-1": "maint"}
    assert SOFTWARE[software].carry_states(text, None) == text
