# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two instances as an Akka cluster."""
import json
import time

import pytest

from tests.lib import demo_instance
from tests.lib.demo_instance import Instance, find_free_port

#: As test_traffic.py.
pytestmark = pytest.mark.long
SHARING = {"akka.actor.provider": "akka.cluster.ClusterActorRefProvider", "akka.actor.allow-java-serialization": "on"}


@pytest.fixture(name="nodes")
def fixture_nodes(package, tmp_path):
    """Two instances that are not started. They join as the packaged akka_cluster.conf reports, on ports that are free."""
    remoting = [find_free_port(), find_free_port()]
    made = []
    for number, port in enumerate(remoting):
        root = demo_instance.copy_package(package, tmp_path / f"node{number}")
        stock = (root / "config" / "akka.conf").read_text()
        (root / "config" / "akka.conf").write_text(stock.replace('# include "akka_cluster"', 'include "akka_cluster"'))
        settings = {"xitrum.port.https": find_free_port(), "akka.remote.artery.canonical.port": port}
        settings.update({f"akka.cluster.seed-nodes.{seed}": f"akka://xitrum@127.0.0.1:{remoting[seed]}" for seed in (0, 1)})
        made.append(Instance(root, settings=settings))
    yield made
    for node in made:
        node.kill()


def up(node):
    members = json.loads(node.get("/members").body)["members"]
    return sorted(member["address"] for member in members if member["status"] == "Up" and member["reachable"])


def wait_for_members(nodes, count):
    deadline = time.monotonic() + 60
    while any(len(up(node)) != count for node in nodes):
        assert time.monotonic() < deadline, [node.read_output() for node in nodes]
        time.sleep(0.2)


def start(nodes, **settings):
    for node in nodes:
        node.settings.update(settings)
        node.start()
    for node in nodes:
        node.wait_ready()


def post(node, path, body="", timeout=10):
    return node.get(path, method="POST", body=body.encode(), timeout=timeout)


def test_members_share_sockjs_sessions_with_the_two_keys(nodes):
    start(nodes, **SHARING)
    wait_for_members(nodes, 2)
    first, second = nodes
    assert post(first, "/sockjs/000/shared/xhr").text == "o\n"
    assert post(second, "/sockjs/000/shared/xhr_send", '["across"]').status == 204
    assert post(second, "/sockjs/000/shared/xhr").text == 'a["across"]\n'
    assert post(second, "/sockjs/000/unknown/xhr_send", '["x"]').status == 404


def test_members_keep_their_sessions_apart_with_the_stock_provider(nodes):
    start(nodes)
    wait_for_members(nodes, 2)
    first, second = nodes
    assert post(first, "/sockjs/000/apart/xhr").text == "o\n"
    assert post(second, "/sockjs/000/apart/xhr_send", '["x"]').status == 404


def test_without_the_first_seed_pages_answer_and_sockjs_hangs(nodes):
    second = nodes[1]
    start([second], **SHARING)
    assert second.get("/").status == 200
    assert up(second) == []
    with pytest.raises(TimeoutError):
        post(second, "/sockjs/000/alone/xhr", timeout=8)
