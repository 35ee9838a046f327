# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds on a host that was tuned and has booted since, and on one where the tuning was taken away."""

import pytest

OWN = "/etc/sysctl.d/90-xitrum.conf"
LIMITS = "/etc/security/limits.d/90-xitrum.conf"
RECORD = "/var/lib/xitrum.host/kernel.json"


@pytest.fixture
def name(host):
    """The inventory's name of the host."""
    return host.backend.get_hostname()


def live(host, key):
    """A live value with one blank between its elements."""
    return " ".join(host.check_output("sysctl -n %s", key).split())


@pytest.fixture
def tuned(name):
    """Only where the role stays."""
    if name == "gone":
        pytest.skip("the tuning was taken away here")


@pytest.mark.usefixtures("tuned")
@pytest.mark.parametrize(("key", "value"), [
    ("net.ipv4.tcp_tw_reuse", "1"),
    ("net.ipv4.tcp_syncookies", "1"),
    ("net.ipv4.ip_local_port_range", "1024 65535"),
    ("net.ipv4.tcp_wmem", "4096 65536 16777216"),
])
def test_values_hold_after_a_boot(host, key, value):
    assert live(host, key) == value


@pytest.mark.usefixtures("tuned")
def test_a_better_value_stays(host):
    assert int(live(host, "net.ipv4.tcp_rmem").split()[2]) >= 16777216
    assert "tcp_rmem" not in host.file(OWN).content_string


def test_a_better_value_that_another_file_writes_in_base_16_stays(host, name):
    assert live(host, "net.ipv4.tcp_max_syn_backlog") == "16384"
    if name != "gone":
        assert "tcp_max_syn_backlog" not in host.file(OWN).content_string


@pytest.mark.usefixtures("tuned")
def test_what_this_container_cannot_set_is_not_in_the_file(host):
    for key in ("tcp_tw_recycle", "rmem_max", "netdev_max_backlog", "tcp_mem"):
        assert key not in host.file(OWN).content_string


def test_ports_of_the_instances_are_reserved_and_others_stay(host, name):
    desired = {"app1": "4430-4431,6379,8000-8001", "proxy1": "6379", "gone": "6379"}[name]
    assert live(host, "net.ipv4.ip_local_reserved_ports") == desired


def test_backlog(host, name):
    assert live(host, "net.core.somaxconn") == {"app1": "5000", "proxy1": "4096", "gone": "4096"}[name]


@pytest.mark.parametrize("user", ["root", "deploy"])
def test_open_files_of_a_new_login(host, name, user):
    soft, hard = host.check_output("su -s /bin/sh %s -c 'ulimit -Sn; ulimit -Hn'", user).split()
    if name == "app1":
        assert soft == "15000"
    if name == "gone":
        assert soft == "1024"
    assert int(hard) >= int(soft)


@pytest.mark.usefixtures("tuned")
def test_nobody_is_locked_out(host):
    with host.sudo("deploy"):
        assert host.check_output("sudo -n id -u") == "0"
    numbers = [int(line.split()[3]) for line in host.file(LIMITS).content_string.splitlines() if not line.startswith("#")]
    assert len(numbers) == 4
    assert max(numbers) <= int(live(host, "fs.nr_open"))


@pytest.mark.usefixtures("tuned")
def test_the_values_from_before_are_kept_for_root(host):
    record = host.file(RECORD)
    assert (record.user, record.group, record.mode) == ("root", "root", 0o600)
    assert '"was": "2"' in record.content_string


def test_taken_away_everything_is_as_before(host, name):
    if name != "gone":
        pytest.skip("the tuning stays here")
    pattern = r"^net\.(core\.somaxconn|ipv4\.(tcp_|ip_local_))"
    assert host.check_output("sysctl -a -r %s", pattern) == host.file("/root/before").content_string.rstrip("\n")
    for path in (OWN, LIMITS, RECORD):
        assert not host.file(path).exists
    assert host.file("/etc/sysctl.d/95-other.conf").content_string == "net.ipv4.tcp_fin_timeout = 30\n", "other people's files are not edited"


def test_links_stay_and_what_they_lead_to_is_as_before(host, name):
    if name != "gone":
        pytest.skip("there are no links here")
    links = {"/etc/rc.local": "rc.d/rc.local", OWN: "/srv/etc/90-xitrum.conf",
             "/etc/security/limits.d": "../../srv/etc/limits.d"}
    assert {path: host.check_output("readlink %s", path) for path in links} == links
    script = host.file("/etc/rc.d/rc.local")
    assert (script.user, script.group, script.mode) == ("root", "adm", 0o640)
    assert script.content_string == "#!/bin/bash\n# For compatibility.\n\ntouch /var/lock/subsys/local\n"
    assert not host.file("/srv/etc/90-xitrum.conf").exists
    assert host.run("find /etc /srv -type f -perm /o+w").stdout == "", "nothing that every user may write"
