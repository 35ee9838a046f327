# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site under test, and the order of its tests: checks first, what changes the hosts last."""

import functools
import http.server
import tarfile

import pytest

from tests.lib.http_server import serve_in_background

pytest_plugins = ["tests.lib.site_fixtures"]

ORDER = (
    "test_site.py",
    # Everyday commands.
    "test_history.py", "test_jvm_tools.py", "test_killed.py", "test_logs.py", "test_restart.py", "test_status.py", "test_stop.py",
    # It leaves a release, and those before it count theirs.
    "test_bad_input.py", "test_everyday.py", "test_run.py",
    "test_hostile.py", "test_base.py", "test_remove.py", "test_every_host.py",
)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.path.name))


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """tar.gz files of packages, and an HTTP server on the loopback that has them: `path, url = archives(NAME, FOLDER)`."""
    folder = tmp_path_factory.mktemp("archives")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *unused):
            """Not on the test's own output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        serve_in_background(server)
        yield functools.partial(archived, folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def archived(folder, address, name, package_folder):
    """A package as a file, and where the server has it."""
    path = folder / f"{name}.tar.gz"
    if not path.exists():
        with tarfile.open(path, "w:gz", compresslevel=1) as tar:
            tar.add(package_folder, "xitrum")
    return path, f"{address}/{path.name}"
