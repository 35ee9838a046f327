# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configurations that the proxies' templates make, compared with files: whoever changes a template sees what comes out.

C(REWRITE_GOLDEN=1 python -m pytest tests/unit/test_proxy_templates.py) writes the files.
"""

from __future__ import annotations

import os
import pathlib

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.xitrum.host.plugins.module_utils import proxy, proxy_apache, proxy_haproxy, proxy_nginx, proxy_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(__file__).parent / "data" / "proxy"
TEMPLATES = {"haproxy": "haproxy.cfg.j2", "nginx": "nginx.conf.j2", "apache": "apache2.conf.j2"}
SOFTWARE = {"haproxy": proxy_haproxy, "nginx": proxy_nginx, "apache": proxy_apache}

SERVERS = [{"name": "app1-0", "address": "192.0.2.11", "port": 8000}, {"name": "app1-1", "address": "192.0.2.11", "port": 8001},
           {"name": "app2-0", "address": "2001:db8::12", "port": 8000}]
PATHS = [{"name": "discourse", "path_prefix": "/forum", "servers": ["127.0.0.1:3000"], "health_path": "/forum/health"},
         {"name": "files", "path_prefix": "/files/", "servers": ["127.0.0.1:3001"]}]
CIPHERS = yaml.safe_load((ROOT / "roles/proxy/vars/main.yml").read_text())["__proxy_ciphers"]
BASE = {
    "proxy_application": "demo",
    "proxy_listen": ["0.0.0.0", "::"], "proxy_http_port": 80, "proxy_https_port": 443, "proxy_tls_minimum": "TLSv1.2", "proxy_redirect_https": False,
    "proxy_timeout_connect": "10s", "proxy_timeout_client": "10h", "proxy_timeout_server": "10h", "proxy_timeout_tunnel": "10h",
    "proxy_timeout_http_request": "10s", "proxy_timeout_keep_alive": "500ms", "proxy_timeout_queue": "10s", "proxy_hard_stop_after": "30m",
    "proxy_servers": SERVERS, "proxy_sticky": True, "proxy_cookie": "xitrum_server", "proxy_balance": "leastconn", "proxy_slow_start": "10s",
    "proxy_health_path": "/", "proxy_health_status": 200, "proxy_check_interval": "2s", "proxy_check_fall": 3, "proxy_check_rise": 2,
    "proxy_max_connections": 0, "proxy_stats_port": 8404, "proxy_extra_global": [], "proxy_extra_frontend": [],
    "__proxy_tls": True, "__proxy_paths": proxy.backends(PATHS), "__proxy_pem": "/etc/PROXY/xitrum/site.pem", "__proxy_ciphers": CIPHERS,
    "__proxy_connections": 2048, "__proxy_nofile": 4201, "__proxy_config_path": "/etc/haproxy/haproxy.cfg", "__proxy_socket": "/run/haproxy/admin.sock",
    "__proxy_server_state": "/run/haproxy/server-state", "__proxy_balancers": [], "__proxy_behind": "",
}
CASES = {
    "full": {},
    "plain": {"__proxy_tls": False, "proxy_sticky": False, "proxy_balance": "roundrobin", "__proxy_paths": [], "proxy_servers": SERVERS[:1]},
    "redirect": {"proxy_redirect_https": True, "proxy_https_port": 8443, "proxy_tls_minimum": "TLSv1.3", "proxy_max_connections": 5000,
                 "proxy_extra_global": ["# of the site"], "proxy_extra_frontend": ["# of the requests"]},
    "balanced": {"proxy_redirect_https": True, "__proxy_balancers": ["192.0.2.1", "2001:db8::/64"], "__proxy_behind": "http"},
    "proxied": {"__proxy_balancers": ["192.0.2.1"], "__proxy_behind": "proxy"},
}


def rendered(software, **more):
    template = (ROOT / "roles" / software / "templates" / TEMPLATES[software]).read_text()
    # As the lookup template does it.
    return Templar(DataLoader(), variables={**BASE, **more}).copy_with_new_env().template(trust_as_template("#jinja2: trim_blocks: True\n" + template)) + "\n"


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
    assert reader.servers(text) == [
        ("xitrum", "app1-0", "192.0.2.11:8000"), ("xitrum", "app1-1", "192.0.2.11:8001"), ("xitrum", "app2-0", "[2001:db8::12]:8000"),
        ("discourse", "discourse-0", "127.0.0.1:3000"), ("files", "files-0", "127.0.0.1:3001")]
    assert set(reader.binds(text)) >= {"0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443", "127.0.0.1:8404"}
    assert reader.maxconn(text) == (0 if software == "haproxy" else 2048)


@pytest.mark.parametrize("software", TEMPLATES)
def test_the_digest_has_a_place_in_it(software):
    text = proxy_text.stamped(rendered(software), [])
    assert proxy_text.stamp_of(text) == proxy_text.digest(rendered(software), [])


STATES = {"app1-0": "drain", "app1-1": "maint"}


def line_after(text, mark):
    lines = text.splitlines()
    return [lines[index + 1].strip() for index, line in enumerate(lines) if line.strip() == f"# server {mark}"]


def test_nginx_sends_new_clients_to_neither_and_bound_ones_to_a_drained_server():
    text = proxy_text.with_states(rendered("nginx"), STATES, proxy_nginx.WORDS)
    assert all(line.endswith(" down;") for mark in ("app1-0 new", "app1-1 new", "app1-1 bound") for line in line_after(text, mark))
    assert not any(line.endswith(" down;") for mark in ("app1-0 bound", "app2-0 new", "app2-0 bound") for line in line_after(text, mark))


def test_apache_drains_and_disables_for_websockets_as_well():
    text = proxy_text.with_states(rendered("apache"), STATES, proxy_apache.WORDS)
    assert [line.rpartition(" ")[2] for line in line_after(text, "app1-0 both")] == ["status=+N", "status=+N"]
    assert [line.rpartition(" ")[2] for line in line_after(text, "app1-1 both")] == ["status=+D", "status=+D"]
    assert "status" not in "".join(line_after(text, "app2-0 both"))


@pytest.mark.parametrize("software", ["nginx", "apache"])
def test_states_are_said_taken_back_and_carried_into_a_new_configuration(software):
    text, words = rendered(software), SOFTWARE[software].WORDS
    changed = proxy_text.with_states(text, STATES, words)
    assert proxy_text.states(changed) == STATES
    assert proxy_text.with_states(changed, STATES, words) == changed
    assert proxy_text.with_states(changed, {"app1-0": "ready"}, words) == text
    fewer = rendered(software, proxy_servers=SERVERS[1:])
    assert proxy_text.states(SOFTWARE[software].carried(fewer, changed)) == {"app1-1": "maint"}
    assert SOFTWARE[software].carried(text, None) == text
