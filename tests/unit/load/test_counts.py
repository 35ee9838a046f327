# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of a WebSocket needs of RFC 6455, whatever pieces it arrives in; and times that are counted in steps."""

from __future__ import annotations

import pytest
from ansible_collections.xitrum.host.plugins.module_utils.load import counts as load_counts
from ansible_collections.xitrum.host.plugins.module_utils.load import websocket
from hypothesis import given
from hypothesis import strategies as st


def of_server(kind, payload):
    """A frame of a server: not masked."""
    size = len(payload)
    head = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | kind]) + head + payload


CONTROL = st.tuples(st.sampled_from([websocket.CLOSE, websocket.PING, websocket.PONG]), st.binary(max_size=125))
DATA = st.tuples(st.just(websocket.TEXT), st.integers(0, 70_000).map(bytes))


@given(st.lists(CONTROL | DATA, max_size=5), st.lists(st.integers(1, 40_000), max_size=8))
def test_frames_are_the_same_in_whatever_pieces_they_come(sent, sizes):
    stream = b"".join(of_server(*one) for one in sent)
    found, rest, skip = [], b"", 0
    while stream:
        size = sizes.pop() if sizes else len(stream)
        more, rest, skip = websocket.split_frames(rest + stream[:size], skip)
        stream = stream[size:]
        found += more
    assert found == [(kind, b"" if kind == websocket.TEXT else payload) for kind, payload in sent]
    assert (rest, skip) == (b"", 0)


def test_the_frames_of_a_client_are_masked():
    assert websocket.build_frame(websocket.PING) == b"\x89\x80\0\0\0\0"
    assert websocket.build_frame(websocket.CLOSE, b"\x03\xe8") == b"\x88\x82\0\0\0\0\x03\xe8"


def test_a_header_of_the_users_own_takes_the_place_of_ours():
    request = websocket.build_handshake("/echo", "192.0.2.1:8000", {"host": "shop.example", "Origin": "https://shop.example"}).decode()
    assert request.startswith("GET /echo HTTP/1.1\r\nHost: shop.example\r\n") and request.endswith("\r\n\r\n")
    assert request.count("shop.example\r\n") == 2


@pytest.mark.parametrize(("data", "status", "rest"), [
    (b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x81\x01o", 101, b"\x81\x01o"),
    (b"HTTP/1.1 404 Not Found\r\n\r\n<p>", 404, b"<p>"),
    (b"HTTP/1.1 101 Swi", None, b"HTTP/1.1 101 Swi"),
    (b"SSH-2.0\r\n\r\n", 0, b""),
    (b"x" * 20000, 0, b""),
])
def test_the_answer_to_the_handshake(data, status, rest):
    assert websocket.read_answer(data) == (status, rest)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_is_never_too_low_and_at_most_a_step_too_high(times, share):
    counts = load_counts.Counts(2)
    for index, seconds in enumerate(times):
        counts.count_time(index % 2, "pong", seconds)
    found = load_counts.compute_percentile(load_counts.sum_counts(counts.list_rows())["pong"], share)
    exact = sorted(times)[max(0, -(-int(share * len(times) * 1e9) // 10 ** 9) - 1)] * 1000
    assert exact - 0.06 <= found <= max(0.1, exact * 2 ** 0.25 + 0.06)


def test_of_nothing_there_is_no_percentile():
    assert load_counts.compute_percentile([0] * 10, 0.5) is None


def test_numbers_of_processes_and_of_hosts_are_added_up():
    counts = load_counts.Counts(2)
    counts.add(0, "tried", 3)
    counts.add(1, "tried", 4)
    counts.add(1, "refused")
    counts.add(0, "opened", 2)
    counts.put(0, "status", 404)
    one = load_counts.sum_counts(counts.list_rows())
    assert (one["tried"], one["refused"], one["status"], load_counts.count_finished(one)) == (7, 1, 404, 3)
    both = load_counts.merge_totals([one, one])
    assert (both["tried"], both["status"]) == (14, 404)
    assert load_counts.merge_totals([])["tried"] == 0
