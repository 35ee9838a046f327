# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every instance must do, whichever supervisor keeps it: derive a class named Test... from InstanceContract.

`site` are the hosts (tests/lib/site.py), `host` and `index` name the instance. What its supervisor can do is queried of the
collection's own table. The seconds after a kill and after a boot are those that molecule/shared/tasks have left on the host.
"""

import json

from ansible_collections.xitrum.host.plugins.module_utils.supervisor.contract import fill
from ansible_collections.xitrum.host.plugins.module_utils.supervisor.table import SUPERVISORS

from tests.lib.site import ROOT

#: Seconds until an instance has to be back: far more than it takes, on a busy machine.
SOON = 240


def read_log(site, host, index):
    """What an instance has printed, from the one documented place of its supervisor."""
    place = fill(SUPERVISORS[site.find_supervisor(host)].log, name="xitrum", index=index, log_dir="/var/log/xitrum")
    return site.run_script(host, f"{place.partition(': ')[2]} --no-pager -q -o cat" if place.startswith("the journal: ") else f"cat {place}")


class InstanceContract:
    def test_runs_the_current_release_as_its_own_user_on_the_hosts_jdk(self, site, host, index):
        pid = site.find_pid(host, index)
        name, user, folder, java = site.run_script(host, f"ps -o comm=,user= -p {pid}; readlink /proc/{pid}/cwd /proc/{pid}/exe").split()
        assert (name, user) == ("java", "xitrum")
        assert folder == f"{ROOT}/{site.read_links(host)[f'instances/{index}/current']}"
        assert folder.startswith(f"{ROOT}/instances/{index}/{site.find_release(host)}-")
        assert java == site.run_script(host, "readlink -f /usr/bin/java")

    def test_can_gain_no_rights_and_has_the_groups_of_its_user_alone(self, site, host, index):
        output = site.run_script(host, f"grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|CapInh|CapAmb):' /proc/{site.find_pid(host, index)}/status")
        status = {name: value.split() for name, _colon, value in (line.partition(":") for line in output.splitlines())}
        uid, gid = site.run_script(host, "id -u xitrum; id -g xitrum").split()
        assert (set(status["Uid"]), set(status["Gid"])) == ({uid}, {gid})
        assert set(status["Groups"]) <= {gid}
        assert {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}

    def test_has_an_environment_of_its_own_and_nothing_of_who_started_it(self, site, host, index):
        names = site.run_script(host, f"tr '\\0' '\\n' < /proc/{site.find_pid(host, index)}/environ | cut -d= -f1").split()
        assert {"JAVA_HOME", "_JAVA_OPTIONS", "XITRUM_SERVICE", "XITRUM_MAIN_CLASS"} <= set(names)
        assert [name for name in names if name.startswith(("SSH_", "SUDO_", "ANSIBLE_"))] == []

    def test_may_open_as_many_files_as_the_host_grants(self, site, host, index):
        output = site.run_script(host, f"grep 'Max open files' /proc/{site.find_pid(host, index)}/limits; grep 'Max open files' /proc/1/limits").splitlines()
        (soft, hard), (_soft, granted) = [line.split()[3:5] for line in output]
        assert soft == hard == str(min(1024000, int(granted)))

    def test_listens_on_its_port_alone_with_the_desired_backlog(self, site, host, index):
        rows = [line.split() for line in site.run_script(host, f"ss -Hltnp | grep -w pid={site.find_pid(host, index)}").splitlines()]
        assert [row[3].rpartition(":")[2] for row in rows] == [str(8000 + index)], "HTTPS with the example key must be off"
        assert int(rows[0][2]) >= min(1024, int(site.run_script(host, "cat /proc/sys/net/core/somaxconn")))

    def test_writes_its_log_outside_of_the_release(self, site, host, index):
        folder = f"{ROOT}/instances/{index}/current"
        assert site.run_script(host, f"readlink -f {folder}/log") == f"/var/log/xitrum/{index}"
        assert "started in production mode" in site.run_script(host, f"cat /var/log/xitrum/{index}/xitrum.log")
        assert site.run_script(host, f"stat -c '%F %U' {folder}/tmp") == "directory xitrum"

    def test_what_it_prints_is_in_the_documented_place(self, site, host, index):
        assert "Picked up _JAVA_OPTIONS" in read_log(site, host, index)

    def test_is_started_at_boot_by_its_supervisor_alone(self, site, host, index):
        found = []
        for kind, what in SUPERVISORS.items():
            mark = fill(what.mark, name="xitrum", index=index)
            found += [kind] if site.run_script(host, f"! test -L {mark} || echo {kind}") else []
        assert found == [site.find_supervisor(host)]

    def test_was_back_after_a_boot_and_after_a_kill_where_its_supervisor_can(self, site, host, index):
        noted = json.loads(site.run_script(host, f"cat /var/tmp/back-{index}.json"))
        assert 0 < noted["boot"] < SOON
        if SUPERVISORS[site.find_supervisor(host)].restarts:
            assert 0 < noted["kill"] < SOON
        else:
            assert noted["kill"] is None, "it was started again, and the table reports that it cannot be"
