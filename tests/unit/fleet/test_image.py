# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images and containers are ours. Labels do not tell: images derived from ours, and containers of those, inherit them."""
import pytest

from tests.fleet import hosts, image
from tests.fleet.docker import LABEL, PREFIX

LEGACY, LABEL_LINE = "/bin/sh -c #(nop)  ", "LABEL xitrum.fleet.recipe=abc"
SETUP = ["CMD [\"/sbin/init\"]", "/bin/sh -c /fleet/setup"]


class Docker:
    """An engine with images (id or name to the instructions of its history, the last first) that all have the label of the recipe."""

    def __init__(self, monkeypatch, images, ids=None):
        self.images, self.ids, self.commands = images, ids or list(images), []
        monkeypatch.setattr(image, "docker", self)

    def __call__(self, *arguments, stdin=None, env=None):
        self.commands.append((arguments, stdin))
        if arguments[:2] == ("image", "history"):
            return "\n".join(self.images[arguments[-1]]) + "\n"
        if arguments[:3] == ("image", "ls", "-q"):
            return "\n".join(self.ids) + "\n"
        if arguments[:2] == ("image", "inspect"):
            return "sha256:11\n"
        return ""


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
    Docker(monkeypatch, {"one": history})
    assert image.is_plain("one", "abc") is plain
    assert image.find_plain("abc") == ("one" if plain else "")


def test_the_plain_image_is_found_among_those_derived_from_it(monkeypatch):
    derived = [LEGACY + 'CMD ["nothing"]', LEGACY + LABEL_LINE, *SETUP]
    Docker(monkeypatch, {"newest": derived, "ours": derived[1:], "older": derived}, ids=["newest", "newest", "ours", "older"])
    assert image.find_plain("abc") == "ours"


def test_an_image_with_packages_is_made_of_the_plain_one_by_its_id(monkeypatch):
    engine = Docker(monkeypatch, {})
    monkeypatch.setattr(image, "_plain", lambda suite: f"{PREFIX}:{suite}-abc")
    monkeypatch.setattr(engine, "ids", [])
    assert image.ensure("bookworm", ("rsync",)).startswith(f"{PREFIX}-with-packages:")
    assert [stdin.splitlines()[0] for _arguments, stdin in engine.commands if stdin] == ["FROM sha256:11"]


def test_a_container_of_an_image_that_somebody_committed_from_a_host_is_not_of_the_fleet(monkeypatch):
    ours, theirs, other = f"{PREFIX}-demo-app1", "my-snapshot", f"{PREFIX}-democracy-app1"

    def docker(*arguments):
        assert f"label={LABEL}" in arguments[3]
        if arguments[-1] == "{{.Names}}":
            return f"{ours}\n{theirs}\n{other}\n"
        return "".join(f"{name}\tdemo\tapp1\tUp\t\n" for name in (ours, theirs, other))

    monkeypatch.setattr(hosts, "docker", docker)
    assert hosts._hosts("demo") == {ours}
    assert hosts.rows() == [("demo", "app1", "Up", "")]
