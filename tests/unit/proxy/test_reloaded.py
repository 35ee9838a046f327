# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nginx and Apache: what they are read from, and the states that are written into their configuration."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import sys

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core import sockets
from ansible_collections.xitrum.host.plugins.module_utils.proxy import component as proxy_config
from ansible_collections.xitrum.host.plugins.module_utils.proxy import reloaded as proxy_reloaded
from ansible_collections.xitrum.host.plugins.module_utils.proxy import servers as proxy_server
from ansible_collections.xitrum.host.plugins.module_utils.proxy import text as proxy_text
from ansible_collections.xitrum.host.plugins.module_utils.proxy.kinds import apache as proxy_apache
from ansible_collections.xitrum.host.plugins.module_utils.proxy.kinds import nginx as proxy_nginx
from ansible_collections.xitrum.host.plugins.module_utils.proxy.table import PROXIES

from ..fake_host import FakeHost, connections

DATA = pathlib.Path(__file__).parents[1] / "data" / "proxy"
SOFTWARE = {name: PROXIES[name] for name in ("nginx", "apache")}
RELOAD = {"nginx": "systemctl reload nginx.service", "apache": "systemctl reload apache2.service"}
CONNECTIONS = """\
0 0 192.0.2.10:40000 192.0.2.11:8000 users:(("nginx",pid=9,fd=12))
0 0 192.0.2.10:40001 [::ffff:192.0.2.11]:8000 users:(("nginx",pid=9,fd=13),("nginx",pid=8,fd=13))
0 0 192.0.2.10:40002 192.0.2.11:8000 users:(("curl",pid=7,fd=5))
0 0 192.0.2.10:40003 192.0.2.11:8001 users:(("nginx",pid=9,fd=14))
0 0 [2001:db8::10]:40003 [2001:db8::12]:8000 users:(("nginx",pid=9,fd=15))
0 0 192.0.2.11:8000 192.0.2.10:40000
"""


def desired(software, **more):
    defaults = {name: option.get("default") for name, option in proxy_server.SPEC.items()}
    return proxy_server.place_options({**defaults, "software": software, "servers": ["app1-0"], "state": "drain", **more})


@pytest.fixture(name="proxy", params=SOFTWARE)
def fixture_proxy(request, monkeypatch):
    """A host on which the running worker has what is in its file, and every page answers with `page`."""
    software = request.param
    want = desired(software)
    path, commands = want["config_path"], {RELOAD[software]: "", " ".join(sockets.ESTABLISHED): CONNECTIONS}
    host = FakeHost(files={path: proxy_text.stamp_config((DATA / f"{software}-full.conf").read_text(), [])}, commands=commands)
    host.software, host.fetch_status, host.path = software, (200, "OK"), path

    def ask(_host, port, path, timeout=5.0, address="127.0.0.1"):
        if path == "/xitrum-config":
            lines = [line for line in host.files[host.path].splitlines() if "@states:" in line]
            return 204, "No Content", lines[0], ""
        return (*host.fetch_status, "", "")

    monkeypatch.setattr(proxy_reloaded, "ask", ask)
    return host


def planned(host, want):
    return proxy_server.plan(want, proxy_server.read(host, want))


def test_a_drain_is_written_reloaded_and_not_done_twice(proxy):
    want = desired(proxy.software)
    proxy_server.set_servers(proxy, want, planned(proxy, want))
    assert ("run", RELOAD[proxy.software]) in proxy.done
    assert proxy_text.parse_states(proxy.files[proxy.path]) == {"app1-0": "drain"}
    assert not planned(proxy, want).changed
    assert {row["name"]: row["state"] for row in SOFTWARE[proxy.software].read_view(proxy, want)}["app1-0"] == "drain"


def test_a_reload_that_fails_leaves_the_old_states(proxy):
    proxy.commands[RELOAD[proxy.software]] = (1, "", "Job failed.")
    before, want = proxy.files[proxy.path], desired(proxy.software)
    with pytest.raises(RuntimeError, match="Job failed.*The states are as before"):
        proxy_server.set_servers(proxy, want, planned(proxy, want))
    assert proxy.files[proxy.path] == before


def test_a_server_whose_page_is_not_healthy_is_not_put_back(proxy):
    want = desired(proxy.software)
    proxy_server.set_servers(proxy, want, planned(proxy, want))
    proxy.fetch_status = (503, "Service Unavailable")
    ready = desired(proxy.software, state="ready", timeout=1)
    with pytest.raises(RuntimeError, match=r"xitrum/app1-0 \(192.0.2.11:8000\) is DRAIN, its health check reports 503 Service Unavailable"):
        proxy_server.set_servers(proxy, ready, planned(proxy, ready), clock=iter(range(9)).__next__, sleep=lambda seconds: None)
    assert proxy_text.parse_states(proxy.files[proxy.path]) == {"app1-0": "drain"}


def test_a_server_that_is_ready_and_whose_page_fails_is_not_healthy(proxy):
    proxy.fetch_status = (500, "No")
    rows = SOFTWARE[proxy.software].read_view(proxy, desired(proxy.software, state="ready"))
    assert [row["healthy"] for row in rows if row["backend"] == "xitrum"] == [False, False, False]


def test_neither_can_close_what_one_server_has_and_reports_what_is_left(proxy, monkeypatch):
    monkeypatch.setitem(PROXIES, proxy.software, dataclasses.replace(SOFTWARE[proxy.software], process="nginx"))
    want = desired(proxy.software, state="maint", close=True, timeout=1)
    proxy_server.set_servers(proxy, want, planned(proxy, want))
    result = proxy_server.wait(proxy, want, clock=iter(range(9)).__next__, sleep=lambda seconds: None)
    assert (result["open"], result["closed"]) == (2, 0)


def test_a_proxy_that_does_not_report_its_configuration_is_an_error(proxy, monkeypatch):
    def ask(*unused, **more):
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(proxy_reloaded, "ask", ask)
    with pytest.raises(RuntimeError, match=r"does not answer with its configuration on 127.0.0.1:8404/xitrum-config \(refused\)"):
        proxy_server.read(proxy, desired(proxy.software))


@pytest.mark.parametrize(("address", "port", "count"), [("192.0.2.11", 8000, 2), ("192.0.2.11", 8001, 1), ("2001:db8::12", 8000, 1), ("192.0.2.12", 8000, 0)])
def test_connections_of_the_proxy_to_a_server_are_counted(address, port, count):
    assert proxy_reloaded.count_connections(connections(CONNECTIONS), "nginx", address, port) == count


def test_what_apache_thinks_of_its_servers():
    text = "\n".join([
        "ProxyBalancer[0]Name: balancer://xitrum", "ProxyBalancer[0]Worker[0]Name: http://192.0.2.11:8000", "ProxyBalancer[0]Worker[0]Status: Init Ok ",
        "ProxyBalancer[0]Worker[1]Name: http://192.0.2.11:8001", "ProxyBalancer[0]Worker[1]Status: Init HcFl Ok ",
        "ProxyBalancer[1]Worker[0]Name: ws://192.0.2.11:8000", "ProxyBalancer[1]Worker[0]Status: Init Err "])
    assert proxy_apache.parse_status(text) == {"192.0.2.11:8000": "UP", "192.0.2.11:8001": "DOWN (HcFl)"}


def test_apache_is_restarted_only_where_a_reload_would_not_do():
    text = (DATA / "apache-full.conf").read_text()
    assert not proxy_apache.PROXY.restarts(text, text.replace("Timeout 36000", "Timeout 60"))
    assert proxy_apache.PROXY.restarts(text, text.replace("Listen [::]:80\n", ""))
    assert proxy_apache.PROXY.restarts("Include ports.conf\n", text)


def test_workers_of_before_a_reload():
    host = FakeHost(files={"/proc/7/task/7/children": "8 9 10 ", "/run/nginx.pid": "7\n", "/proc/8/cmdline": "nginx: worker process is shutting down\0",
                           "/proc/9/cmdline": "nginx: worker process\0", "/proc/10/cmdline": "nginx: cache manager process\0"})
    assert (proxy_nginx.PROXY.count_old_workers(host, 7), proxy_nginx.find_worker(host)) == (1, "9")


@pytest.mark.parametrize(("software", "command", "words", "message"), [
    ("nginx", "nginx -v", "nginx version: nginx/1.2.9", "Nginx 1.2.9 is too old: it cannot proxy WebSocket"),
    ("nginx", "nginx -v", "nginx version: nginx/1.10.3 (Ubuntu)", "no worker_shutdown_timeout"),
    ("nginx", "nginx -v", "nginx version: nginx/1.18.0", ""),
    ("apache", "apache2 -v", "Server version: Apache/2.2.34 (Unix)", "it has no mod_proxy_wstunnel"),
    ("apache", "apache2 -v", "Server version: Apache/2.4.71 (Debian)\nServer built: 2026", ""),
])
def test_a_version_that_will_not_do_is_refused_with_the_reason(software, command, words, message):
    defaults = {name: option.get("default") for name, option in proxy_config.SPEC.items()}
    service, path = PROXIES[software].service, PROXIES[software].config_path
    want = {**defaults, "software": software, "config": (DATA / f"{software}-full.conf").read_text(), "config_path": path, "service": service,
            "packages": [software], "control_port": 1}
    # Nginx reports it on its standard error.
    host = FakeHost(files={"/run/systemd/system/x": "", "/proc/net/if_inet6": "", "/proc/sys/fs/nr_open": "1048576\n"}, commands={command: (0, "", words)})
    errors = list(proxy_config.plan(want, proxy_config.read(host, want)).errors)
    assert (message in errors[0]) if message else errors == []


@pytest.mark.parametrize("software", SOFTWARE.values(), ids=list(SOFTWARE))
def test_a_server_is_queried_by_the_python_that_ansible_uses_there(software):
    program, option, code, address = software.ask_server("192.0.2.11:8000")
    assert (program, option, address) == (sys.executable, "-c", "192.0.2.11:8000")
    assert "http.client" in code and address not in code


@pytest.mark.parametrize(
    ("address", "resolved", "count"),
    [("app1.example", ["192.0.2.11"], 2), ("app1.example", [], 0), ("2001:DB8:0::12", [], 1)],
)
def test_connections_to_a_server_are_found_by_what_its_address_means(address, resolved, count):
    assert proxy_reloaded.count_connections(connections(CONNECTIONS), "nginx", address, 8000, resolved) == count
    assert (
        proxy_reloaded.count_connections(
            connections(CONNECTIONS + "0 0 garbled"), "nginx", address, 8000, resolved
        )
        == count + 1
    )


def test_a_server_whose_address_is_in_upper_case_is_found_down_in_apache():
    rows = [("xitrum", "app1-0", "[2001:DB8::1]:8000")]
    statuses = proxy_apache.parse_status(
        "ProxyBalancer[0]Worker[0]Name: http://[2001:db8::1]:8000\nProxyBalancer[0]Worker[0]Status: Init HcFl Ok "
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proxy_reloaded, "ask", lambda *_unused, **_more: (204, "", "", ""))
        assert proxy_reloaded.read_live(FakeHost(), {"control_port": 8404}, statuses, rows)["servers"][0]["status"] == "DOWN (HcFl)"


def test_a_dead_server_that_stays_does_not_count_as_serving(proxy):
    guarded = desired(proxy.software, keep_healthy=True)
    assert list(planned(proxy, guarded).errors) == []
    proxy.fetch_status = (502, "Bad Gateway")
    assert "none is enabled and healthy" in planned(proxy, guarded).errors[0]


def test_a_server_moves_in_each_line_that_leads_to_it_before_it_is_enabled(proxy):
    out = desired(proxy.software, state="maint")
    proxy_server.set_servers(proxy, out, planned(proxy, out))
    before = proxy.files[proxy.path]
    back = desired(proxy.software, state="ready", endpoints={"app1-0": "192.0.2.11:9000"})
    proxy_server.set_servers(proxy, back, planned(proxy, back))
    text = proxy.files[proxy.path]
    assert "192.0.2.11:8000" not in text and "192.0.2.11:9000" in text
    assert r"192\.0\.2\.11:8000" not in text
    assert text.count("192.0.2.11:9000") == before.count("192.0.2.11:8000")
    assert {row[1]: row[2] for row in SOFTWARE[proxy.software].parse_servers(text)}["app1-0"] == "192.0.2.11:9000"
    assert proxy_text.parse_states(text) == {}
    assert not planned(proxy, back).changed


def test_a_server_with_a_name_is_recognized_by_the_addresses_of_the_name():
    text = '"~(^|[ ,])@addresses of app1.example:8000@$" 3f2a;\nserver app1.example:8000 max_fails=1;\n'
    host = FakeHost(names={"app1.example": ["192.0.2.11", "2001:db8::11"]})
    names = proxy_config.read_names(host, text)
    assert names == {"app1.example": ["192.0.2.11", "2001:db8::11"]}
    pattern = re.search(r'"~(.*)" 3f2a', proxy_text.fill_names(text, names)).group(1)
    for answered in ("192.0.2.11:8000", "192.0.2.12:8000, 192.0.2.11:8000", "[2001:db8::11]:8000"):
        assert re.search(pattern, answered)
    for other in ("192.0.2.11:80001", "1192.0.2.11:8000", "192.0.2.110:8000", "192.0.2.11:8001"):
        assert not re.search(pattern, other)
    assert "server app1.example:8000" in proxy_text.fill_names(text, names)
    assert proxy_config.read_names(FakeHost(), "server app1.example:8000;") == {}
