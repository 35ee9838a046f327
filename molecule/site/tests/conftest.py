# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site under test, and the order of its tests: looking first, what changes the hosts last."""

import functools
import http.server
import tarfile
import threading

import pytest
import yaml

from tests.lib.demo_instance import package
from tests.lib.site import CLONE, Site

ORDER = ("test_site.py", "test_bad_input.py", "test_everyday.py", "test_every_host.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.path.name))


@pytest.fixture(scope="session")
def site(request):
    inventory = CLONE / request.config.getoption("ansible_inventory")
    variables = yaml.safe_load((inventory / "group_vars/xitrum.yml").read_text(encoding="utf-8"))
    return Site(inventory, secrets=[variables["xitrum_secure_key"]])


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """Packages of the application by the name of their release, made at first use; they differ in one jar."""
    folder = tmp_path_factory.mktemp("packages")

    def have(name):
        return folder / name if (folder / name).exists() else package(folder / name, name)

    return have


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """tar.gz files of packages, and an HTTP server on the loopback that has them: `path, url = archives(NAME, FOLDER)`."""
    folder = tmp_path_factory.mktemp("archives")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *unused):
            """Not on the test's own output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield functools.partial(archived, folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def archived(folder, address, name, package_folder):
    """A package as a file, and where the server has it."""
    path = folder / f"{name}.tar.gz"
    if not path.exists():
        with tarfile.open(path, "w:gz", compresslevel=1) as tar:
            tar.add(package_folder, "xitrum")
    return path, f"{address}/{path.name}"
