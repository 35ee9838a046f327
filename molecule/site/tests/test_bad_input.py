# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invalid values are refused before a host is touched: everything at once, with what was found and what to do.

A run costs seconds, so a test puts several mistakes into one; each has to be in the one message.
"""

import re
import struct
import zipfile

import pytest

from tests.lib.demo_instance import copy_package, request
from tests.lib.site import CLONE, ROOT

WHOLE = CLONE / ".cache/test/xitrum"
JAR = "lib/quickstart_2.13-1.0.jar"
EXAMPLE_KEY = "ajconghoaofuxahoi92chunghiaujivietnamlasdoclapjfltudoil98hanhphucup8"


def refused(site, run, *sentences):
    """Runs, and holds that the run stopped before it touched anything and reported all the sentences."""
    before = site.list_running(), {host: site.read_links(host) for host in site.hosts}
    ended = run()
    assert ended.code != 0
    assert not ended.changed
    assert "No host was changed." in ended.message
    missing = [sentence for sentence in sentences if sentence not in ended.message]
    assert not missing, f"not reported: {missing}\n{ended.failures[-1]}"
    assert (site.list_running(), {host: site.read_links(host) for host in site.hosts}) == before
    return ended.message


@pytest.fixture
def other(site, tmp_path):
    """The same hosts with variables of their own."""
    return lambda **host_vars: site.with_inventory(tmp_path / "inventory", host_vars=host_vars)


def test_a_missing_package_wrong_variables_unknown_systems_and_a_decommissioned_host_without_names_are_one_message(site, tmp_path):
    wrong = site.with_inventory(tmp_path / "inventory", groups={"xitrum_decommissioned": ["bare"]}, host_vars={
        "app1": {"xitrum_instnaces": 3, "xitrum_name": "xitrum"}, "app2": {"xitrum_instances": 0}})
    strange_system = "printf 'ID=plan9\\nPRETTY_NAME=\"Plan 9 from Bell Labs\"\\n' > /run/os-release; mount --bind /run/os-release /etc/os-release"
    strange_machine = "printf '#!/bin/sh\\necho riscv64\\n' > /usr/local/sbin/uname; chmod 755 /usr/local/sbin/uname"
    with site.change_for_now("proxy1", strange_system, "umount /etc/os-release"), site.change_for_now("app1", strange_machine, "rm /usr/local/sbin/uname"):
        message = refused(
            site, lambda: wrong.run(xitrum_package="/nowhere/target/xitrum"),
            "here, on the controller: - there is no package at /nowhere/target/xitrum: build it with sbt/sbt xitrumPackage (sbt/sbt xitrum-package with "
            "a packaging plugin before 1.9), or correct xitrum_package",
            "app1: - the variable xitrum_instnaces is set, and no role knows it: did you mean xitrum_instances?",
            "the processor is riscv64; expected x86_64 or aarch64",
            "xitrum_instances is 0: expected at least 1",
            "proxy1: - the operating system is Plan 9 from Bell Labs; expected Debian 11 or newer",
            "bare: - xitrum_name is not set for this host of the group xitrum_decommissioned, and app1 of the group xitrum has xitrum. Set it for both groups",
        )
    assert message.startswith("6 errors. No host was changed."), message


def test_a_half_package_held_ports_and_hosts_that_cannot_be_read_are_one_message(site, other, tmp_path):
    half = copy_package(WHOLE, tmp_path / "half")
    (half / "script/runner").unlink()
    (half / "lib/netty-broken.jar").write_text("<html>a proxy's error page</html>")
    wrong = other(app2={"ansible_python_interpreter": "/usr/bin/python9"}, proxy1={"ansible_port": 9})
    hold = "systemd-run --quiet --collect --unit=squatter python3 -m http.server 8101; until ss -ltn | grep -q :8101; do sleep 0.1; done"
    with site.change_for_now("app1", hold, "systemctl stop squatter"):
        pid = site.run_script("app1", "systemctl show --property MainPID --value squatter")
        refused(
            site, lambda: wrong.run(xitrum_package=str(half), xitrum_http_port=8100, xitrum_secure_key=EXAMPLE_KEY, xitrum_heap="900g",
                                    xitrum_main_class="quickstart.Bot"),
            f"{half} has no script/runner", "lib/netty-broken.jar", "did you mean quickstart.Boot?",
            "xitrum_secure_key is the example of Xitrum's project template, which is public: set your own, for example the output of openssl rand -hex 32",
            f"port 8101 is held by python3 (process {pid}, squatter.service): stop it (systemctl disable --now squatter.service), or set xitrum_http_port",
            "2 more instances need 1800.4 GiB of memory", "Lower xitrum_heap or xitrum_instances, or give the host more memory",
            "app2: - the host could not be read: ", "/usr/bin/python9",
            "proxy1: - the proxy could not be reached: start it, or correct ansible_host. To roll out without it, add -e "
            "xitrum_unavailable_proxies=proxy1; once it is back, run site.yml",
        )


def newer_package(folder, java):
    """The package, its main class compiled for a Java that no host has."""
    newer, name = copy_package(WHOLE, folder), "quickstart/Boot.class"
    jar = newer / JAR
    with zipfile.ZipFile(jar) as old:
        entries = {item.filename: old.read(item) for item in old.infolist()}
    # A class file begins with four bytes that report it, then its minor and its major version.
    entries[name] = entries[name][:4] + struct.pack(">HH", 0, java + 44) + entries[name][8:]
    # The jar is a hard link to the other package's.
    jar.unlink()
    with zipfile.ZipFile(jar, "w") as new:
        for entry, content in entries.items():
            new.writestr(entry, content)
    return newer


def test_public_examples_and_a_package_for_a_newer_java_are_refused_by_name(site, tmp_path):
    jdk = re.search(r"java-(\d+)-", site.run_script("app1", "readlink -f /usr/bin/java")).group(1)
    keyless = site.with_inventory(tmp_path / "inventory", without=["xitrum_secure_key"])
    message = refused(
        site, lambda: keyless.run(xitrum_package=str(newer_package(tmp_path / "newer", 30)),
                                  xitrum_metrics_api_key="kgreankbeplawfr7934jv2nr0bsbas0",
                                  xitrum_tls_certificate=str(WHOLE / "config/ssl_example_fullchain.pem"),
                                  xitrum_tls_key=str(WHOLE / "config/ssl_example_privkey.pem")),
        "app1, app2: - ", "config/xitrum.conf of the package has the example secureKey", "openssl rand -hex 32 (keep it in a vault)",
        "xitrum_metrics_api_key is the example of Xitrum's project template, which is public: set your own",
        "xitrum_tls_key is the example key of Xitrum's project template, which is public: set your own key and certificate",
        f"the package has classes for Java 30 in {JAR}, quickstart.Boot, and the host would run JDK {jdk}. "
        f"Set xitrum_jdk_version to 30 or newer, or build the package for Java {jdk}",
    )
    assert EXAMPLE_KEY not in message


@pytest.mark.long
def test_a_release_folder_that_is_full_or_read_only(site, other):
    """By a folder of their own; so the running instances, which hold the ports, are unmanaged and are named too."""
    wrong = other(app1={"xitrum_root": "/srv/full"}, app2={"xitrum_root": "/srv/readonly"})
    with site.change_for_now("app1", "mkdir -p /srv/full; mount -t tmpfs -o size=4m none /srv/full", "umount /srv/full; rmdir /srv/full"), \
            site.change_for_now("app2", "mkdir -p /srv/readonly; mount -t tmpfs -o ro none /srv/readonly", "umount /srv/readonly; rmdir /srv/readonly"):
        refused(
            site, wrong.run,
            "the file system /srv/full has 4 MiB free, and the release needs up to ", "make room, or lower xitrum_keep_releases",
            "the file system /srv/readonly is mounted read-only: mount it read-write, or set xitrum_root to a folder on another",
            f"port 8000 is held by java (process {site.read_main_pid('app1', 0)}, xitrum@0.service)",
        )


@pytest.mark.long
def test_a_folder_of_the_system_is_refused_by_its_name_and_behind_a_link(site, other):
    wrong = other(app1={"xitrum_root": "/var/www"}, app2={"xitrum_root": "/srv/linked"})
    with site.change_for_now("app2", "ln -s /usr/local /srv/linked", "rm /srv/linked"):
        before = site.run_script("app2", "stat -c '%a %U:%G' /usr/local")
        refused(
            site, wrong.run,
            "xitrum_root is '/var/www', which belongs to the system: expected a folder for this application alone, such as /opt/xitrum",
            "xitrum_root is /srv/linked, a link to /usr/local, which belongs to the system. Set xitrum_root to a folder",
        )
        assert site.run_script("app2", "stat -c '%a %U:%G' /usr/local") == before


def test_a_release_folder_that_becomes_full_leaves_the_previous_release_running(site, packages):
    """A file system can have room for the bytes and none for the files: nothing shows it before."""
    before, links, there = site.list_running(), site.read_links("app1"), site.list_releases("app1")
    fill = f"mkdir /srv/copy && cp -a {ROOT}/releases/. /srv/copy && mount -t tmpfs -o size=500m,nr_inodes=110 none {ROOT}/releases && " \
           f"cp -a /srv/copy/. {ROOT}/releases && rm -r /srv/copy"
    with site.change_for_now("app1", fill, f"umount {ROOT}/releases"):
        ended = site.run("--limit", "app1", xitrum_package=str(packages("test-2")))
        assert ended.code != 0
        assert "the file system is full: make room, or lower xitrum_keep_releases. What runs is untouched" in ended.message
        assert site.list_releases("app1") == there, "nothing half-made is left"
        assert (site.list_running(), site.read_links("app1")) == (before, links)
        assert request(8000, "/", host=site.hosts["app1"]["xitrum_address"]).status == 200
