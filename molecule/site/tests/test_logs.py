# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of all instances, merged and followed."""

import collections
import os
import re
import threading

from tests.lib.followed_logs import ask, assert_no_process_is_left, follow, interrupt, list_modules, parse_lines
from tests.lib.site import wait_for

HOSTS = ("app1", "app2")
INSTANCES = ("app1-0", "app1-1", "app2-0", "app2-1")
#: Requests to each instance while somebody follows.
REQUESTS = 50
#: The begins of the names of pages, of this process alone.
MERGED, FOLLOWED = f"merged{os.getpid()}", f"followed{os.getpid()}"
#: The log of an instance on its host.
LOG = "/var/log/xitrum/{}/xitrum.log"


def wait_for_lines(terminal, run, expected):
    """Waits until all these lines of a run's requests are printed."""
    wait_for("all lines", lambda: (terminal.read(0.2), set(parse_lines(terminal.output, run)) >= expected)[1], 120)


def test_lines_of_all_instances_are_merged_by_their_times(site):
    ask(site, INSTANCES, MERGED, range(3))
    code, output = site.type(f"ansible-playbook playbooks/logs.yml -e logs_grep=GET./{MERGED} -e logs_since=5m")
    assert code == 0, output[-4000:]
    found = parse_lines(output, MERGED)
    assert sorted(found) == sorted((name, number) for name in INSTANCES for number in range(3))
    times = re.findall(rf" \| \[INFO\] \[(.*?)\] .* GET /{MERGED}", output)
    assert times == sorted(times)
    # A start of the JVM prints lines that the journal has.
    code, output = site.type("ansible-playbook playbooks/logs.yml -e logs_instances=app2-1 -e logs_grep='JDK_JAVA_OPTIONS|JAVA_OPTIONS' -e logs_lines=1")
    assert code == 0 and "app2-1 | " in output and "app1-0" not in output, output[-4000:]


def test_each_line_of_all_instances_is_followed_once(site):
    expected = {(name, number) for name in INSTANCES for number in range(REQUESTS)}
    with follow(site) as terminal:
        requests = threading.Thread(target=ask, args=(site, INSTANCES, FOLLOWED, range(REQUESTS)))
        requests.start()
        wait_for_lines(terminal, FOLLOWED, {("app1-0", 5)})
        # As logrotate does it: the program goes on with the file that it has open.
        site.run_script("app1", f"cp -p {LOG.format(0)} {LOG.format(0)}.1 && : > {LOG.format(0)}")
        wait_for_lines(terminal, FOLLOWED, expected)
        requests.join()
        assert interrupt(terminal) == 99
    counts = collections.Counter(parse_lines(terminal.output, FOLLOWED))
    assert set(counts) == expected and set(counts.values()) == {1}
    assert_no_process_is_left(site, HOSTS)
    site.run_script("app1", f"rm {LOG.format(0)}.1")


def test_a_lost_controller_leaves_no_process(site):
    with follow(site) as terminal:
        wait_for("a module on a host", lambda: list_modules(site, "app1"))
        os.kill(terminal.pid, 9)
        terminal.end()
        assert_no_process_is_left(site, HOSTS)
