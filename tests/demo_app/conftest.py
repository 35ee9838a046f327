# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package built once, and instances of it."""
import pytest

from tests.lib import demo_instance


def pytest_configure(config):
    """Those that build the application from the start or start several members take longest."""
    config.addinivalue_line("markers", "long: left out by make test")


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return demo_instance.build_package(tmp_path_factory.mktemp("demo") / "xitrum", "demo-1")


@pytest.fixture(name="root")
def fixture_root(package, tmp_path):
    """A copy of the package that a test may change."""
    return demo_instance.copy_package(package, tmp_path / "xitrum")


@pytest.fixture(scope="module")
def running(package, tmp_path_factory):
    """An instance with the stock configuration, shared by the tests of a file. HTTPS and the policy port have ports of their own."""
    root = demo_instance.copy_package(package, tmp_path_factory.mktemp("running") / "xitrum")
    ports = {"xitrum.port.https": demo_instance.find_free_port(), "xitrum.port.flashSocketPolicy": demo_instance.find_free_port()}
    with demo_instance.Instance(root, settings=ports) as instance:
        yield instance
