# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images and containers are ours. Labels do not decide: images derived from ours, and containers of those, inherit them."""
from types import SimpleNamespace

import pytest

from tests.fleet import engine, hosts, image
from tests.fleet.engine import LABEL, PREFIX

LEGACY, LABEL_LINE = "/bin/sh -c #(nop)  ", "LABEL xitrum.fleet.recipe=abc"
SETUP = ["CMD [\"/sbin/init\"]", "/bin/sh -c /fleet/setup"]


class Engine:
    """An engine with images (id or name to the instructions of its history, the last first) that all have the label of the recipe."""

    def __init__(self, monkeypatch, images, ids=None):
        self.built = []
        self.api = SimpleNamespace(
            history=lambda name: [{"CreatedBy": instruction} for instruction in images[name]],
            images=lambda name=None, quiet=False, filters=None: (list(images) if ids is None else ids) if quiet else [],
            inspect_image=lambda _name: {"Id": "sha256:11"},
        )
        self.images = SimpleNamespace(build=lambda fileobj, **_options: self.built.append(fileobj.read().decode()))
        for module in (engine, image):
            monkeypatch.setattr(module, "get_client", lambda: self)


@pytest.mark.parametrize(("history", "plain"), [
    ([LEGACY + LABEL_LINE, *SETUP], True),
    ([LABEL_LINE, *SETUP], True),
    ([LABEL_LINE + " # buildkit", *SETUP], True),
    # A user's own: another command, a package, a container that was committed, the same label with another value, an image without history.
    ([LEGACY + 'CMD ["nothing"]', LEGACY + LABEL_LINE, *SETUP], False),
    (["/bin/sh -c apt-get install nginx", LABEL_LINE, *SETUP], False),
    (["/sbin/init", LEGACY + LABEL_LINE, *SETUP], False),
    ([LEGACY + LABEL_LINE + "d", *SETUP], False),
    ([LEGACY + LABEL_LINE + " mine=1", LEGACY + LABEL_LINE, *SETUP], False),
    ([LEGACY + "LABEL mine=1", LEGACY + LABEL_LINE, *SETUP], False),
    ([LEGACY + "LABEL xitrum.fleet.recipe=", LEGACY + LABEL_LINE, *SETUP], False),
    ([], False),
])
def test_only_what_the_recipe_made_last_is_the_plain_image(monkeypatch, history, plain):
    Engine(monkeypatch, {"one": history})
    assert image.is_plain("one", "abc") is plain
    assert image.find_plain("abc") == ("one" if plain else "")


def test_the_plain_image_is_found_among_those_derived_from_it(monkeypatch):
    derived = [LEGACY + 'CMD ["nothing"]', LEGACY + LABEL_LINE, *SETUP]
    Engine(monkeypatch, {"newest": derived, "ours": derived[1:], "older": derived}, ids=["newest", "newest", "ours", "older"])
    assert image.find_plain("abc") == "ours"


def test_an_image_with_packages_is_made_of_the_plain_one_by_its_id(monkeypatch):
    made = Engine(monkeypatch, {}, ids=[])
    monkeypatch.setattr(image, "_ensure_plain", lambda suite: f"{PREFIX}:{suite}-abc")
    assert image.ensure("bookworm", ("rsync",)).startswith(f"{PREFIX}-with-packages:")
    assert [recipe.splitlines()[0] for recipe in made.built] == ["FROM sha256:11"]


def test_a_container_of_an_image_committed_from_a_host_is_not_of_the_fleet(monkeypatch):
    ours, theirs, other = f"{PREFIX}-demo-app1", "my-snapshot", f"{PREFIX}-democracy-app1"

    def containers(all, filters):
        assert all and filters["label"].startswith(LABEL)
        labels = {LABEL: "demo", f"{PREFIX}.host": "app1"}
        return [{"Names": [f"/{name}"], "Labels": labels, "Status": "Up", "Ports": []} for name in (ours, theirs, other)]

    monkeypatch.setattr(hosts, "get_client", lambda: SimpleNamespace(api=SimpleNamespace(containers=containers)))
    assert hosts._list_containers("demo") == {ours}
    assert hosts.list_rows() == [("demo", "app1", "Up", "")]


def test_ports_are_listed_as_the_docker_command_lists_them():
    published = {"IP": "127.0.0.1", "PrivatePort": 22, "PublicPort": 24341, "Type": "tcp"}
    listed = [{"PrivatePort": 443, "Type": "tcp"}, published | {"PrivatePort": 80, "PublicPort": 8080}, published]
    assert hosts._format_ports(listed) == "127.0.0.1:24341->22/tcp, 127.0.0.1:8080->80/tcp"
