# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start, the configuration and the end of an instance, as measured with a real Xitrum package."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from tests.lib import demo_instance, websocket_client
from tests.lib.demo_instance import Instance, find_free_port

SOMAXCONN = pathlib.Path("/proc/sys/net/core/somaxconn")


def java_feature():
    """8 of 1.8.0_402, 17 of 17.0.9."""
    output = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    major, minor = re.search(r'version "(\d+)(?:\.(\d+))?', output).groups()
    return int(minor) if major == "1" else int(major)


def start(root, port=None, **more):
    return Instance(root, port=port or find_free_port(), **more)


def without_https(**settings):
    """HTTPS can be turned off in the file only, so it gets a port that is free."""
    return {"xitrum.port.https": find_free_port(), **settings}


def backlog(port):
    listing = subprocess.run(["ss", "-H", "-ltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(listing.split()[2])


# The runner


@pytest.fixture(name="fake_java")
def fixture_fake_java(tmp_path):
    """A java that reports where and with what it was started."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    java.chmod(0o755)
    return {**os.environ, "PATH": f"{java.parent}:{os.environ['PATH']}", "JAVA_OPTS": "-Dfrom=environment"}


def test_runner_starts_java_in_the_root_with_its_own_flags(root, fake_java):
    result = subprocess.run([str(root / "script" / "runner"), "a.Main", "two words"], env=fake_java, cwd="/", capture_output=True, text=True, check=True)
    folder, *arguments = result.stdout.splitlines()
    assert folder == str(root)
    assert arguments[-4:] == ["-cp", f"{root}/lib/*:config", "a.Main", "two words"]
    assert {"-Xmx512m", "-Xms256m", "-Dxitrum.mode=production", "-XX:+AggressiveOpts", "-XX:+UseConcMarkSweepGC"} <= set(arguments)
    assert "-Dfrom=environment" not in arguments


def test_runner_finds_its_package_through_a_link(root, fake_java, tmp_path):
    (tmp_path / "start").symlink_to(root / "script" / "runner")
    result = subprocess.run([str(tmp_path / "start"), "a.Main"], env=fake_java, cwd="/", capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[0] == str(root)


def test_stock_flags_are_refused_by_a_jdk_that_lost_them(root):
    assert java_feature() >= 17, "these tests want a JDK 17 or later in PATH"
    environment = {name: value for name, value in os.environ.items() if name != "JDK_JAVA_OPTIONS"}
    ended = subprocess.run([str(root / "script" / "runner"), "quickstart.Boot"], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Unrecognized VM option 'AggressiveOpts'" in ended.stderr + ended.stdout


# The start


def test_log_of_a_start_in_production_mode(running):
    assert f"HTTP server started on port {running.port}" in running.read_log()
    assert "Xitrum demo started in production mode" in running.read_log()
    assert re.search(r"\[WARN\].*secureKey", running.read_log())


def test_backlog_is_somaxconn_as_it_was_at_start(running):
    assert backlog(running.port) == int(SOMAXCONN.read_text())


def test_listens_on_all_addresses_of_both_families(running):
    assert demo_instance.request(running.port, "/trivial", host="127.0.0.2").status == 200
    if pathlib.Path("/proc/net/if_inet6").exists():
        assert demo_instance.request(running.port, "/trivial", host="::1").status == 200


def test_https_answers_with_the_example_pair(running, package):
    context = websocket_client.make_insecure_context()
    context.load_verify_locations(package / "config" / "ssl_example_fullchain.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    connection = http.client.HTTPSConnection("127.0.0.1", running.settings["xitrum.port.https"], context=context, timeout=10)
    connection.request("GET", "/client")
    assert json.load(connection.getresponse())["scheme"] == "https"
    connection.close()


def test_flash_policy_is_served(running):
    with socket.create_connection(("127.0.0.1", running.settings["xitrum.port.flashSocketPolicy"]), timeout=10) as policy:
        policy.settimeout(10)
        assert policy.recv(1000).startswith(b"<cross-domain-policy>")


@pytest.mark.long
def test_native_transport_starts_too(root):
    with start(root, settings=without_https(**{"xitrum.edgeTriggeredEpoll": "true"})) as instance:
        assert instance.get("/").status == 200
        assert backlog(instance.port) == int(SOMAXCONN.read_text())


@pytest.mark.long
def test_session_needs_the_two_packages_opened(root):
    with start(root, settings=without_https(), java_options="-XX:+IgnoreUnrecognizedVMOptions") as instance:
        assert instance.get("/trivial").status == 200
        for _again in range(2):
            with pytest.raises(http.client.RemoteDisconnected):
                instance.get("/")


# The configuration


@pytest.mark.long
def test_instance_folder_that_includes_a_releases_file(package, tmp_path):
    folder = tmp_path / "instance"
    shutil.copytree(package / "config", folder / "config")
    shutil.copytree(package / "script", folder / "script")
    for name in ("lib", "public"):
        (folder / name).symlink_to(package / name)
    (folder / "tmp").mkdir()
    port = find_free_port()
    (folder / "config" / "xitrum.conf").write_text(
        f'include file("{package}/config/xitrum.conf")\n'
        f'xitrum {{ port {{ http = {port}, https = null }}, interface = "127.0.0.1", session.secureKey = "another", metrics = null, tmpDir = "{folder}/tmp"\n'
        'reverseProxy { ips = ["127.0.0.1"], baseUrl = "", proxyProtocol = false } }\n'
    )
    with Instance(folder, port=port, settings={"xitrum.port.http": None}) as instance:
        assert instance.get("/").status == 200
        assert instance.get("/hello.txt").status == 200
        assert instance.get("/xitrum/metrics/viewer?api_key=kgreankbeplawfr7934jv2nr0bsbas0").status == 404
        assert "HTTPS" not in instance.read_log()
        assert "WARN" not in instance.read_log()
        with pytest.raises(ConnectionRefusedError):
            demo_instance.request(port, "/", host="127.0.0.2")
    assert (folder / "tmp" / "routes.cache").is_file()
    assert not (package / "log").exists()


@pytest.mark.long
def test_environment_overrides_where_it_was_set_to(root):
    port = find_free_port()
    environment = {"CONFIG_FORCE_xitrum_port_http": str(port), "CONFIG_FORCE_xitrum_session_secureKey": "from the environment"}
    settings = without_https(**{"config.override_with_env_vars": "true", "xitrum.port.http": None})
    with Instance(root, port=port, settings=settings, environment=environment) as instance:
        assert instance.get("/").status == 200
        assert "WARN" not in instance.read_log()


@pytest.mark.long
def test_config_file_property_is_ignored(root, tmp_path):
    (tmp_path / "other.conf").write_text("xitrum.port.http = 1\n")
    with start(root, settings=without_https(**{"config.file": tmp_path / "other.conf"})) as instance:
        assert instance.get("/").status == 200


def set_http_port(root, value):
    stock = (root / "config" / "xitrum.conf").read_text()
    (root / "config" / "xitrum.conf").write_text(re.sub(r"http  = 8000", value, stock))


@pytest.mark.long
def test_unset_variable_in_the_file_ends_the_start(root):
    set_http_port(root, "http = ${DEMO_PORT}")
    instance = start(root, settings=without_https(**{"xitrum.port.http": None})).start()
    assert instance.wait_for_exit() == 1
    assert "UnresolvedSubstitution" in instance.read_output()


@pytest.mark.long
def test_set_variable_in_the_file_is_the_port(root):
    set_http_port(root, "http = 8000\n    http = ${?DEMO_PORT}")
    port = find_free_port()
    with Instance(root, port=port, settings=without_https(**{"xitrum.port.http": None}), environment={"DEMO_PORT": str(port)}) as instance:
        assert instance.get("/trivial").status == 200


@pytest.mark.long
def test_reverse_proxy_needs_a_base_url(root):
    instance = start(root, settings=without_https(**{"xitrum.reverseProxy.ips.0": "127.0.0.1"})).start()
    assert instance.wait_for_exit() == 1
    assert "baseUrl" in instance.read_output()


@pytest.mark.long
def test_folder_of_the_configuration_must_be_called_config(root):
    (root / "config").rename(root / "settings")
    runner = root / "script" / "runner"
    runner.write_text(runner.read_text().replace("/*:config", "/*:settings"))
    instance = start(root, settings=without_https()).start()
    assert instance.wait_for_exit() == 255
    assert "must be called config" in instance.read_output()


@pytest.mark.long
def test_stale_cache_hides_the_routes_of_a_new_release(root):
    cache = root / "tmp" / "routes.cache"
    with start(root, settings=without_https()) as instance:
        assert instance.get("/only/demo-1").status == 200
    listed = cache.read_text()
    assert "GET /only/demo-1" in listed.splitlines()
    cache.write_text(listed.replace("/only/demo-1", "/only/demo-0"))
    with start(root, settings=without_https()) as instance:
        assert instance.get("/only/demo-1").status == 404
        assert instance.get("/").status == 200
    assert "demo-0" in cache.read_text()


# What ends a start


@pytest.mark.long
def test_tmp_that_cannot_be_written(root):
    # A file in its place: root may write into any folder.
    (root / "tmp").write_text("")
    instance = start(root, settings=without_https()).start()
    assert instance.wait_for_exit() == 255
    assert "tmpDir" in instance.read_log()


@pytest.mark.long
def test_log_that_cannot_be_written(root):
    (root / "log").write_text("")
    with start(root, settings=without_https()) as instance:
        assert instance.get("/").status == 200
    assert (root / "log").read_text() == ""


@pytest.mark.long
def test_port_that_is_held(root):
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        instance = start(root, port=port, settings=without_https()).start()
        assert instance.wait_for_exit() == 255
    assert f"Could not open port {port} for HTTP server" in instance.read_log()


@pytest.mark.long
def test_key_file_that_is_missing(root):
    (root / "config" / "ssl_example_privkey.pem").unlink()
    instance = start(root, settings=without_https()).start()
    assert instance.wait_for_exit() == 255
    assert "ssl_example_privkey.pem" in instance.read_log()


# The end


def test_stop_cuts_what_is_in_progress(root):
    cut = {}

    def download(port):
        try:
            demo_instance.request(port, "/slow?ms=20000", timeout=30)
        except http.client.IncompleteRead as error:
            cut["body"] = error.partial

    with start(root, settings=without_https()) as instance:
        reader = threading.Thread(target=download, args=[instance.port])
        reader.start()
        with websocket_client.connect("127.0.0.1", instance.port, "/echo") as echo:
            echo.send_text("before")
            assert echo.receive().text == "before"
            time.sleep(2.5)
            began = time.monotonic()
            instance.process.send_signal(signal.SIGTERM)
            with pytest.raises(websocket_client.Cut):
                echo.receive()
        reader.join(10)
        assert cut["body"].startswith(b"1 of 10\n")
        assert instance.process.poll() is None, "the process ends later than its connections"
        with pytest.raises(OSError):
            instance.get("/trivial")
        assert instance.wait_for_exit() == 143
        assert 1 < time.monotonic() - began < 6


# Releases with a fault


def faulty(tmp_path, fault):
    root = demo_instance.build_package(tmp_path / "faulty", f"demo-{fault}", "--fault", fault)
    return start(root, settings=without_https())


@pytest.mark.long
def test_fault_in_the_page(tmp_path):
    with faulty(tmp_path, "page") as instance:
        assert instance.get("/").status == 500
        assert instance.get("/trivial").status == 200
        assert "demo-page was built to fail" in instance.read_log()


@pytest.mark.long
def test_fault_at_start(tmp_path):
    began = time.monotonic()
    instance = faulty(tmp_path, "start").start()
    assert instance.wait_for_exit() == 1
    assert time.monotonic() - began > 2
    assert "demo-start was built to fail" in instance.read_log()


@pytest.mark.long
def test_fault_never_listens(tmp_path):
    instance = faulty(tmp_path, "hang").start()
    try:
        deadline = time.monotonic() + 20
        while "never to listen" not in instance.read_log() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "never to listen" in instance.read_log()
        time.sleep(1)
        assert instance.process.poll() is None
        with pytest.raises(ConnectionRefusedError):
            instance.get("/")
        instance.process.terminate()
        assert instance.wait_for_exit() == 143
    finally:
        instance.kill()
