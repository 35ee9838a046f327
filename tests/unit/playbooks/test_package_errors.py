# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package that cannot be fetched or unpacked is refused before anything is changed: real plays on stubbed hosts."""

from __future__ import annotations

import functools
import http.server
import json

import pytest

from tests.lib.http_server import serve_in_background
from tests.unit.stubbed_plays import play, state_of

READ = "- import_playbook: PLAYBOOKS/plays/read.yml\n"


@pytest.fixture(name="server", scope="module")
def fixture_server(tmp_path_factory):
    """An HTTP server on the loopback that has a file: its address."""
    folder = tmp_path_factory.mktemp("archives")
    (folder / "whole.tar.gz").write_bytes(b"something")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *unused):
            """Not on the test's own output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        serve_in_background(server)
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def refused(folder, *sentences, **variables):
    """Plays the begin of a run, and asserts that it ended there with all sentences in its message."""
    run = play(folder, READ, ["app1"], [({"module": "host_state_info"}, state_of(0))], application_package_read=None, **variables)
    assert run.code != 0 and "No host was changed." in run.text, run.text
    missing = [sentence for sentence in sentences if sentence not in run.text]
    assert not missing, f"not in the message: {missing}\n{run.text}"
    calls = [json.loads(line) for line in (folder / "calls").read_text(encoding="utf-8").splitlines()]
    assert calls and all(call["action"].endswith(("_info", "overview")) for call in calls), "a module that changes a host was called"


@pytest.mark.parametrize(("name", "sha256", "sentence"), [
    ("nothing", "0" * 64, "answers 404 File not found: correct the URL"),
    ("whole", "0" * 64, "expected " + "0" * 64 + ": correct the checksum or the URL"),
], ids=["404", "checksum"])
def test_a_url_that_does_not_give_what_was_requested(tmp_path, server, name, sha256, sentence):
    url = f"{server}/{name}.tar.gz"
    refused(tmp_path, url, sentence, xitrum_package=url, xitrum_package_sha256=sha256)


def test_an_archive_that_is_none(tmp_path):
    broken = tmp_path / "xitrum.tar.gz"
    broken.write_bytes(b"\x1f\x8b\x08" + b"\0" * 100)
    refused(tmp_path, f"{broken} cannot be unpacked", "expected a whole tar.gz; build or copy it again", xitrum_package=str(broken))
