# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration and its runtime socket as text. The data come from HAProxy 2.2 of Debian 11 and 3.0 of Debian 13."""

from __future__ import annotations

import pathlib
import socket
import threading

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.core.host import Host
from ansible_collections.xitrum.host.plugins.module_utils.proxy import haproxy_config, haproxy_socket
from ansible_collections.xitrum.host.plugins.module_utils.proxy import text as proxy_text
from hypothesis import given
from hypothesis import strategies as st

DATA = pathlib.Path(__file__).parents[1] / "data" / "haproxy"
CONFIG = (DATA / "haproxy.cfg").read_text()
VERSIONS = ("2.2", "3.0")


def data(name, version):
    return (DATA / f"{name}-{version}.txt").read_text()


# ---------------------------------------------------------------------------------------------------- configuration

def test_servers_and_binds_are_read_from_a_configuration():
    assert [row[:2] for row in haproxy_config.list_servers(CONFIG)] == [("xitrum", "app1-0"), ("xitrum", "app1-1"), ("discourse", "discourse-0")]
    assert haproxy_config.list_servers(CONFIG)[2][2] == "127.0.0.1:3000"
    assert haproxy_config.list_binds(CONFIG) == ["0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443", "127.0.0.1:8404"]


@pytest.mark.parametrize(("text", "number"), [
    ("global\n  maxconn 5000\n", 5000), ("global\n  # maxconn 1\ndefaults\n  maxconn 3000\n", 0), ("", 0), (CONFIG, 0),
])
def test_only_maxconn_of_the_section_global_counts(text, number):
    assert haproxy_config.find_maxconn(text) == number


def test_the_digest_is_found_in_the_stamped_file_and_in_the_description():
    text = f"global\n    description {proxy_text.PLACEHOLDER}\n"
    stamped = proxy_text.stamp_config(text, [])
    assert proxy_text.PLACEHOLDER not in stamped
    assert proxy_text.find_stamp(stamped) == proxy_text.compute_digest(text, [])
    assert proxy_text.find_stamp(None) == proxy_text.find_stamp("description of somebody") == ""


@given(st.text(), st.text(), st.text())
def test_another_certificate_is_another_configuration(config, one, other):
    digests = [proxy_text.compute_digest(config, [{"path": "/p", "content": text}]) for text in (one, other)]
    assert (digests[0] == digests[1]) == (one == other)


def test_the_order_of_the_pem_files_does_not_matter():
    pems = [{"path": "/a", "content": "1"}, {"path": "/b", "content": "2"}]
    assert proxy_text.compute_digest("x", pems) == proxy_text.compute_digest("x", pems[::-1])
    assert proxy_text.compute_digest("x", pems) != proxy_text.compute_digest("x", [{"path": "/a", "content": "2"}, {"path": "/b", "content": "1"}])


@given(st.integers(0, 2_000_000), st.integers(0, 1000))
def test_the_most_connections_fit_and_one_more_does_not(nofile, count):
    most = proxy_text.compute_max_connections(nofile, count)
    assert most == 0 or proxy_text.compute_needed_nofile(most, count) <= nofile
    assert proxy_text.compute_needed_nofile(most + 1, count) > nofile


# ---------------------------------------------------------------------------------------------------- runtime socket

@pytest.mark.parametrize("version", VERSIONS)
def test_show_info(version):
    info = haproxy_socket.parse_info(data("info", version))
    assert info["Version"].startswith(version)
    assert proxy_text.find_stamp(info["description"]) == proxy_text.find_stamp(CONFIG)
    assert int(info["Maxconn"]) > 9000
    assert info["Pid"].isdigit()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_servers_and_what_was_set_on_them(version):
    servers = haproxy_socket.parse_servers(data("stat", version), data("servers_state", version))
    assert [(row["backend"], row["name"], row["port"], row["admin"], row["status"]) for row in servers] == [
        ("xitrum", "app1-0", 8000, "ready", "UP"), ("xitrum", "app1-1", 8001, "drain", "DRAIN"), ("discourse", "discourse-0", 3000, "ready", "UP")]
    assert servers[0]["sessions"] == 0
    assert servers[0]["check"] == "L7OK 200 Layer7 check passed"
    assert servers[0]["checked"]


def test_a_server_without_a_health_check():
    text = data("servers_state", "3.0").replace(" 15 3 4 6 0 0 0 - 3000", " 1 0 0 0 0 0 0 - 3000")
    assert [row["checked"] for row in haproxy_socket.parse_servers("", text)] == [True, True, False]


@pytest.mark.parametrize(("bits", "word"), [
    (0, "ready"), (1, "maint"), (8, "drain"), (9, "maint"), (2, "maint"), (0x10, "drain"), (0x20, "maint"), (0x40, "ready"),
])
def test_administrative_states(bits, word):
    assert haproxy_socket.find_admin_state(bits) == word


def test_statistics_with_a_comma_in_a_field():
    assert haproxy_socket.parse_stat('# pxname,svname,last_chk,\nb,s,"a, b",\n')[0]["last_chk"] == "a, b"


@pytest.mark.parametrize(("stat", "shown"), [
    ({"check_status": "L7STS", "check_code": "503", "last_chk": "Service Unavailable"}, "L7STS 503 Service Unavailable"),
    # While the next check is under way.
    ({"check_status": "* L7STS", "check_code": "0", "check_desc": "Layer7 wrong status"}, "L7STS Layer7 wrong status"),
    ({"check_status": "L4CON", "check_code": "", "last_chk": "Connection refused"}, "L4CON Connection refused"), ({}, ""),
])
def test_what_a_health_check_reported(stat, shown):
    assert haproxy_socket.format_check(stat) == shown


@pytest.mark.parametrize("parse", [haproxy_socket.parse_stat, haproxy_socket.parse_servers_state])
@pytest.mark.parametrize("text", ["", "\n", "Unknown command.\n", "1\n"])
def test_no_answer_is_no_rows(parse, text):
    assert parse(text) == []


@given(st.text())
def test_any_text_can_be_read(text):
    assert isinstance(haproxy_socket.parse_info(text), dict)
    assert isinstance(haproxy_socket.parse_servers_state(text), list)


def listener(path, answer):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(1)
    received = []

    def serve():
        link, _peer = server.accept()
        with server, link:
            received.append(link.recv(1000))
            if answer is not None:
                link.sendall(answer)
            else:
                # Silent until the client gives up.
                link.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return received, thread


def test_a_command_is_one_line_and_its_answer_is_read_to_the_end(tmp_path):
    received, thread = listener(tmp_path / "s", b"x" * 200000)
    assert haproxy_socket.ask(Host(), str(tmp_path / "s"), "show info") == "x" * 200000
    thread.join(5)
    assert received == [b"show info\n"]


def test_a_silent_socket_and_a_missing_one_are_errors(tmp_path):
    listener(tmp_path / "s", None)
    with pytest.raises(OSError):
        haproxy_socket.ask(Host(), str(tmp_path / "s"), "show info", timeout=0.1)
    with pytest.raises(FileNotFoundError):
        haproxy_socket.ask(Host(), str(tmp_path / "none"), "show info")
