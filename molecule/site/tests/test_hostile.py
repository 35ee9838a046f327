# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile user of a host, and a hostile application: what they choose is text, and never a row, a path or a command.

docs/explanation/security.md names these tests.
"""

import base64
import contextlib
import shutil

import pytest

from tests.lib.site import wait_for
from tests.verify.load import THOROUGH

HOST = "app1"
INSTANCES = ["app1-0", "app1-1"]
#: The host and the proxy in front of it: what is about this host needs no other.
ALONE = ("--limit", "app1,proxy1")
LOG, ROOT = "/var/log/xitrum", "/opt/xitrum"
#: Owners and modes of what planted links lead to.
FOREIGN = "stat -c '%U:%G %a' /etc/cron.d /etc/shadow"

#: A program that takes a name with a line break and the beginning of a row of ss, and listens on a port that nobody needs.
NAMED_SERVER = r"""
import base64, ctypes, socket, sys, time
ctypes.CDLL(None).prctl(15, base64.b64decode(sys.argv[1]), 0, 0, 0)
server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[2])))
server.listen(7)
time.sleep(600)
"""

NAMES = [b"\nLISTEN 0 a :1 ", b"\x1b]52;c;eA\x07", b'")),(("java",pid=', b"\x1b[2J(sd-pam)"]


@pytest.fixture(scope="module", autouse=True)
def fixture_mallory(site):
    """An account of the host that may do nothing but start programs."""
    site.run_script(HOST, "useradd --create-home --shell /bin/sh mallory")
    site.run_script(HOST, f"cat > /home/mallory/named.py <<'EOF'\n{NAMED_SERVER}\nEOF")
    yield
    site.run_script(HOST, "pkill -KILL -u mallory; userdel --remove mallory", check=False)


@contextlib.contextmanager
def process_of_mallory(site, name, port):
    """A process of the hostile user with a name of its choice, which listens on a port."""
    site.run_script(HOST, f"su mallory -c 'nohup python3 /home/mallory/named.py {base64.b64encode(name).decode()} {port} > /dev/null 2>&1 &'")
    try:
        wait_for(f"the process with the name {name!r} listens", lambda: site.run_script(HOST, f"ss -Hltn sport = :{port}"))
        yield
    finally:
        site.run_script(HOST, "pkill -KILL -u mallory", check=False)


def assert_plain(text):
    """Nothing that a terminal takes for a command."""
    assert not [char for char in text if ord(char) < 32 and char not in "\n\t" or 127 <= ord(char) < 160]


def test_links_pipes_and_names_of_processes_lead_root_nowhere(site):
    """What the application's user has planted in its folders, and what another user calls its processes. The run changes the
    heap, so that it restarts the instances of which the folders have links. Where everything is tested, it also makes the hosts as the
    inventory has them, whatever ran before."""
    where = () if THOROUGH else ALONE
    before = site.run_script(HOST, FOREIGN)
    plant = f"""
        set -e
        user=$(stat -c %U {LOG})
        run() {{ su "$user" -s /bin/sh -c "$1"; }}
        run 'ln -s /etc/cron.d {LOG}/planted'
        run 'ln -s /etc/shadow {LOG}/planted.log'
        run 'mkfifo {LOG}/pipe.log'
        for instance in {ROOT}/instances/*/current/tmp; do
            run "ln -s /etc/cron.d $instance/planted"
        done
    """
    site.run_script(HOST, plant)
    try:
        with contextlib.ExitStack() as stack:
            for number, name in enumerate(NAMES):
                stack.enter_context(process_of_mallory(site, name, 18000 + number))
            jvms = site.list_processes(HOST)
            run = site.run(*where, xitrum_heap="300m")
            assert "root:" not in run.output
            run.assert_ended_well()
            assert site.run_script(HOST, FOREIGN) == before
            running = site.list_running()
            assert not set(jvms) & set(running[HOST]), "it has restarted what was there"
            check = site.run(*where, playbook="playbooks/check.yml", xitrum_heap="300m").assert_ended_well()
            assert "root:" not in check.output
            assert_plain(check.output)
            site.run(*where, xitrum_heap="300m").assert_did_nothing()
            assert site.list_running() == running
    finally:
        site.run_script(HOST, f"rm -f {LOG}/planted {LOG}/planted.log {LOG}/pipe.log")
    assert site.run_script(HOST, FOREIGN) == before


@pytest.mark.long
def test_a_port_that_another_user_took_is_no_healthy_instance(site):
    """The page of another user's server answers, and gets no client: the canary asks whose socket it is."""
    owner = site.run_script(HOST, FOREIGN)
    site.run_script(HOST, "systemctl stop xitrum@0.service")
    server = "python3 -m http.server 8000 --directory /home/mallory"
    site.run_script(HOST, f"su mallory -c 'nohup {server} > /dev/null 2>&1 &'")
    try:
        run = site.run()
        assert run.code != 0
        assert "mallory" in run.message or "python3" in run.message
    finally:
        site.run_script(HOST, "pkill -KILL -u mallory", check=False)
    site.run().assert_ended_well()
    assert site.run_script(HOST, FOREIGN) == owner


@pytest.mark.long
def test_what_an_application_prints_is_text_on_the_operator_s_terminal(site, packages, tmp_path):
    """A release that fails shows the end of its log, which writes to the clipboard and clears the screen."""
    package = tmp_path / "hostile"
    shutil.copytree(packages("broken", "--fault", "start"), package)
    runner = package / "script/runner"
    first, rest = runner.read_text(encoding="utf-8").split("\n", 1)
    evil = r"printf '\033]52;c;ZWNobyBoaQ==\007\033[2J\033c\r\n\302\233evil\n'"
    runner.write_text(f"{first}\n{evil}\n{rest}", encoding="utf-8")
    run = site.run(*ALONE, xitrum_package=str(package), xitrum_start_timeout=20)
    assert run.code != 0
    assert "evil" in run.message, "the end of the log is in the message"
    for message in run.failures:
        assert_plain(str(message))
    site.run(*ALONE).assert_ended_well()
