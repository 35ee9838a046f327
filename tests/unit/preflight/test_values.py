# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that have the right type and are invalid."""

from __future__ import annotations

import pytest

from tests.unit.invalid_values import find_errors, plan_errors


@pytest.mark.parametrize("variables, message", [
    ({"xitrum_name": "my shop"}, "xitrum_name is 'my shop'"),
    ({"xitrum_user": "root"}, "never runs as root"),
    ({"xitrum_name": "root"}, "never runs as root"),
    ({"xitrum_root": "/"}, "belongs to the system"),
    ({"xitrum_root": "/usr/"}, "belongs to the system"),
    ({"xitrum_root": "opt/x"}, "absolute path"),
    ({"xitrum_root": "/opt/../etc"}, "absolute path"),
    ({"xitrum_log_dir": "/var"}, "xitrum_log_dir is '/var'"),
    ({"xitrum_root": "/var/www"}, "belongs to the system"),
    ({"xitrum_root": "/home/alice"}, "may be the home of alice"),
    ({"xitrum_log_dir": "/var/home/bob/"}, "may be the home of bob"),
    ({"xitrum_root": "/home/alice/.ssh"}, "belongs to what may be the home of alice"),
    ({"xitrum_root": "/home/lost+found"}, "belongs to the system"),
    ({"xitrum_root": "/mnt/disk"}, "may be a file system that somebody has mounted"),
    ({"xitrum_name": "bank", "xitrum_root": "/etc"}, "such as /opt/bank"),
    ({"xitrum_name": "bank", "xitrum_log_dir": "/var/log"}, "such as /var/log/bank"),
    ({"xitrum_name": "bank", "xitrum_log_dir": "/tmp/bank"}, "such as /var/log/bank"),
    ({"xitrum_name": "bank", "xitrum_log_dir": "log/bank"}, "such as /var/log/bank"),
    ({"xitrum_name": "apt", "xitrum_log_dir": "/var/log/apt"}, "such as /var/log/apt-application"),
    ({"xitrum_name": "rh", "xitrum_root": "/opt/rh"}, "such as /srv/rh"),
    ({"xitrum_name": "bank", "xitrum_root": "/srv/x", "xitrum_log_dir": "/srv/x/l"}, "/opt/bank and /var/log/bank"),
    ({"xitrum_name": "bank", "supervisor_writable_paths": ["up"]}, "such as /srv/bank/uploads"),
    ({"xitrum_log_dir": "/var/log/"}, "belongs to the system"),
    ({"xitrum_log_dir": "/var/./log"}, "belongs to the system"),
    ({"xitrum_root": "//usr//local"}, "belongs to the system"),
    ({"xitrum_root": "/srv/../var/log"}, "absolute path without .."),
    ({"xitrum_root": "/srv/shop/"}, "Write /srv/shop"),
    ({"xitrum_root": "/srv/%h"}, "has only letters from A to Z"),
    ({"xitrum_root": "/srv/shop\n"}, "has only letters from A to Z"),
    ({"xitrum_root": "/run/shop"}, "whose contents the system removes"),
    ({"xitrum_log_dir": "/tmp/logs"}, "whose contents the system removes"),
    ({"xitrum_root": "/srv/shop", "xitrum_log_dir": "/srv/shop/log"}, "none in the other"),
    ({"xitrum_root": "/srv/shop", "xitrum_log_dir": "/srv"}, "xitrum_log_dir is '/srv', which belongs to the system"),
    ({"xitrum_root": "/srv/a/shop", "xitrum_log_dir": "/srv/a"}, "none in the other"),
    ({"xitrum_root": "/var/log/xitrum"}, "xitrum_log_dir is '/var/log/xitrum': expected two folders"),
    ({"xitrum_name": "shop", "xitrum_log_dir": "/opt/shop/log"}, "xitrum_root is '/opt/shop'"),
    ({"supervisor_writable_paths": ["/srv/up loads"]}, "supervisor_writable_paths is '/srv/up loads'"),
    *[({"supervisor_writable_paths": [path]}, f"supervisor_writable_paths is {path.lstrip('-')!r}, which belongs to the system")
      for path in ("/etc", "-/etc", "/etc/cron.d", "/usr/lib/x", "/var/lib/xitrum.host", "/srv")],
    *[({"xitrum_name": "shop", "supervisor_writable_paths": [path]}, f"supervisor_writable_paths is {path!r}, which this collection manages")
      for path in ("/opt/shop", "/opt/shop/releases", "/opt/shop/releases/x", "/opt/shop/instances", "/opt/shop/run", "/var/log/shop", "/var/log/shop/0")],
    *[({"xitrum_java_options": [f"-Dx=a{letter}b"]}, "one line without control characters") for letter in "\x1b\x9b\x07\x7f"],
    ({"xitrum_instances": 0}, "xitrum_decommissioned"),
    ({"xitrum_instances": "-1"}, "xitrum_instances is -1"),
    ({"xitrum_keep_releases": 0}, "xitrum_keep_releases is 0"),
    ({"xitrum_http_port": 0}, "xitrum_http_port is 0"),
    ({"xitrum_http_port": 70000}, "1 to 65535"),
    ({"xitrum_http_port": 65535, "xitrum_instances": 2}, "65535 for 2 instances"),
    ({"xitrum_http_port": 4429, "xitrum_instances": 2, "xitrum_tls_certificate": "a", "xitrum_tls_key": "b"}, "at 4430"),
    ({"xitrum_secure_key": "short"}, "5 characters"),
    ({"xitrum_tls_key": "b"}, "needs both"),
    ({"xitrum_heap": "lots"}, "xitrum_heap is 'lots'"),
    *[({"xitrum_rollout_batch": batch}, f"xitrum_rollout_batch is {batch!r}: expected a number of instances from 1, or a share of them from 1% to 100%")
      for batch in ("150%", "101%", "0%", "0", 0, -1, "-1", "25 %", "%", "abc", "", "1.5", 1.5, True, None, "1e2", "٣", "٣%", "1000000%")],
    ({"xitrum_drain_timeout": -1}, "xitrum_drain_timeout is -1"),
    ({"xitrum_drain_grace": "-5"}, "xitrum_drain_grace is -5"),
    ({"xitrum_canary_seconds": -1}, "xitrum_canary_seconds is -1"),
    ({"xitrum_lock_seconds": 0}, "xitrum_lock_seconds is 0: expected are seconds, 1 or more"),
    ({"xitrum_cluster_port": 0}, "xitrum_cluster_port is 0"),
    ({"xitrum_cluster_port": 65535, "xitrum_instances": 2}, "xitrum_cluster_port is 65535 for 2 instances"),
    *[({name: value}, f"{name} is empty: expected ") for value in ("", "  ") for name in (
        "xitrum_secure_key", "xitrum_build_command", "xitrum_build_dir", "xitrum_heap", "xitrum_after_batch", "xitrum_health_path", "xitrum_proxy_cookie",
        "xitrum_proxy_timeout_client", "xitrum_proxy_check_interval", "proxy_hard_stop_after", "proxy_slow_start", "proxy_health_path", "proxy_cookie")],
    ({"xitrum_secure_key": " " * 32}, "xitrum_secure_key is empty: expected at least 16 characters, for example the output of openssl rand -hex 32"),
    *[({"xitrum_max_connections": number}, f"xitrum_max_connections is {number}: expected is a number from 1") for number in (0, -1, 1 << 31)],
])
def test_invalid_values_are_listed(variables, message):
    found = find_errors(variables)
    assert len(found) == 1 and message in found[0]


@pytest.mark.parametrize("variables", [
    # These have a meaning, or are the default.
    {"xitrum_secure_key": None}, *[{name: ""} for name in ("xitrum_metrics_api_key", "xitrum_main_class", "xitrum_interface", "xitrum_base_url")],
    {}, {"xitrum_root": "/home/deploy/shop", "xitrum_log_dir": "/home/deploy/logs"}, {"supervisor_writable_paths": ["/srv/uploads", "/home/x/up"]},
    {"supervisor_writable_paths": ["/mnt/data", "-/run/shop", "/opt/xitrum/uploads", "/var/lib/shop"]}, {"xitrum_java_options": ["-Dx=é"]},
    {"xitrum_root": "/usr/local/shop-2.0_b+c"}, {"xitrum_log_dir": "/data/logs"},
    *[{"xitrum_rollout_batch": batch} for batch in (1, "1", "7", "1%", "25%", "100%", " 25% ", 1000)],
    {"xitrum_drain_timeout": 0, "xitrum_drain_grace": 0, "xitrum_canary_seconds": 0, "xitrum_lock_seconds": 1}, {"xitrum_canary_seconds": "long"},
    {"xitrum_max_connections": 1}, {"xitrum_max_connections": "1000000"}, {"xitrum_cluster_port": 2551},
    {"xitrum_instances": 4, "xitrum_http_port": 9000}, {"xitrum_root": "/srv/shop"}, {"xitrum_instances": "many"}, {"xitrum_heap": "2g"}])
def test_what_is_right_or_the_specifications_business_passes(variables):
    assert find_errors(variables) == []


def test_all_wrong_values_are_reported_at_once():
    found = find_errors({"xitrum_rollout_batch": "150%", "xitrum_canary_seconds": -1, "xitrum_lock_seconds": 0, "xitrum_heap": "lots"})
    assert len(found) == 4


def test_how_a_rollout_goes_keeps_no_host_from_being_read():
    """So that its other errors are reported in the same run."""
    assert plan_errors({"xitrum_rollout_batch": "150%", "xitrum_lock_seconds": 0}) == []
    assert len(plan_errors({"xitrum_rollout_batch": "150%", "xitrum_instances": 0})) == 1


def test_every_option_of_the_jvm_and_every_backend_that_is_wrong_is_reported_before_a_host_is_read():
    wrong = {"xitrum_java_options": ["-Da=b c", "Xmx1g", "-Dok=1"],
             "xitrum_proxy_backends": [{"name": "stats", "path_prefix": "/", "servers": []}]}
    sentences = plan_errors(wrong)
    assert [sentence.partition(":")[0] for sentence in sentences] == ["xitrum_java_options", "xitrum_java_options", "xitrum_proxy_backends"]
    assert "'-Da=b c'" in sentences[0] and "'Xmx1g'" in sentences[1]
    assert all(part in sentences[2] for part in ("the name 'stats' is taken", "path_prefix '/'", "it has no server"))


@pytest.mark.parametrize("value", ["text", [1], [{"name": "a"}], {"name": "a"}, None, [], [{"name": "a", "path_prefix": 1, "servers": []}]])
def test_backends_of_another_type_are_left_to_the_specification(value):
    assert plan_errors({"xitrum_proxy_backends": value}) == []


@pytest.mark.parametrize("value", ["-Da=b c", None, {}, 1])
def test_options_of_another_type_are_left_to_the_specification(value):
    assert plan_errors({"xitrum_java_options": value}) == []


@pytest.mark.parametrize("value, valid", [(100, True), (200, True), ("599", True), (99, False), (600, False), (999, False), ("0", False)])
def test_a_health_status_is_one_of_http(value, valid):
    for name in ("xitrum_health_status", "proxy_health_status"):
        expected = [] if valid else [f"{name} is {value}: expected is an HTTP status from 100 to 599"]
        assert find_errors({name: value}) == expected


@pytest.mark.parametrize(("hashes", "more", "text"), [
    ([], {}, "supervisor_supervisord_version is 4.3.0, and supervisor_supervisord_hashes is empty: expected are the hashes of its files"),
    (None, {}, "pip hash supervisor-4.3.0*"),
    (["sha256:" + "0" * 64], {}, ""),
    (["sha256:" + "0" * 64, "sha256:12"], {}, "supervisor_supervisord_hashes contains 'sha256:12'"),
    (["sha256:" + "0" * 64 + "\n--index-url=http://evil"], {}, "supervisor_supervisord_hashes contains"),
    ([], {"xitrum_supervisor": "systemd"}, ""),
    ([], {"supervisor_supervisord_version": ""}, ""),
])
def test_supervisord_is_installed_from_pypi_with_hashes_alone(hashes, more, text):
    variables = {"xitrum_supervisor": "supervisord", "supervisor_supervisord_version": "4.3.0", "supervisor_supervisord_hashes": hashes, **more}
    found = list(find_errors(variables))
    assert len(found) == bool(text) and all(text in sentence for sentence in found)
