# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/logs.yml in a terminal that follows the logs of test hosts, and the lines of a test's own requests in it."""

import contextlib
import os
import re

from tests.lib.site import CLONE, wait_for
from tests.lib.terminal import Terminal


def ask(site, names, run, numbers):
    """Requests pages that do not exist, each of which is a line in the log of each of these instances. `run` is the begin of their names."""
    for number in numbers:
        for name in names:
            assert site.ask(name, f"/{run}-{number}").status == 404


def find_lines(output, pattern):
    """The instance of each line that has the pattern, or the pattern's groups after it, in their order."""
    # The last line on a terminal is live: it is erased and drawn again.
    output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", output)
    return re.findall(rf"^(\S+) +\| .*{pattern}", output, re.MULTILINE)


def parse_lines(output, run):
    """Instance and number of each line of a run's requests, in their order."""
    return [(name, int(number)) for name, number in find_lines(output, rf" GET /{run}-(\d+) -> 404")]


@contextlib.contextmanager
def follow(site, **variables):
    """ansible-playbook in a terminal, which follows the logs for the block, at most."""
    environment = os.environ | {"ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    given = [word for name, value in {"logs_follow": "true", **variables}.items() for word in ("-e", f"{name}={value}")]
    terminal = Terminal(["ansible-playbook", "-i", str(site.inventory), "playbooks/logs.yml", *given], CLONE, environment)
    try:
        terminal.wait_for("new lines follow", 600)
        yield terminal
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(terminal.pid, 9)


def interrupt(terminal):
    """Types Ctrl-C: the exit code."""
    os.write(terminal.handle, b"\x03")
    return terminal.end()


def assert_no_process_is_left(site, hosts):
    """Waits until no module runs on these hosts, nor what it has started."""
    for host in hosts:
        wait_for(f"no process left on {host}", lambda host=host: not list_modules(site, host))


def list_modules(site, host):
    """The processes of modules on a host, and what they have started."""
    return site.run_script(host, "pgrep -af '[p]ython3|[j]ournalctl' | grep -v supervisord || true").splitlines()
