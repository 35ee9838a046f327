# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import socket
from itertools import islice

from tests.fleet.ports import find_free_port, is_free, list_candidates


def test_the_preferred_port_comes_first():
    assert next(list_candidates("demo", 8080)) == 8080


def test_ports_stay_below_those_of_outgoing_connections_and_are_tried_once():
    ports = list(list_candidates("demo"))
    assert min(ports) == 20000
    assert max(ports) == 29999
    assert len(set(ports)) == len(ports)


def test_the_same_seed_gives_the_same_ports_and_others_seldom_meet():
    assert list(islice(list_candidates("a:22"), 5)) == list(islice(list_candidates("a:22"), 5))
    assert next(list_candidates("a:22")) != next(list_candidates("b:22"))


def test_a_held_port_is_passed_over():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        held = holder.getsockname()[1]
        assert not is_free(held)
        assert find_free_port("demo", held) != held
    assert is_free(held)
