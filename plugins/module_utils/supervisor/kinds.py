# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisors as data: what each can do, where it keeps an instance, and its commands.

The contract they all keep is in C(roles/supervisor/README.md). In all texts C({name}) is the application's name,
C({index}) the instance's number, C({timeout}) the seconds that an instance gets to end, C({log_dir}) the folder of log files.
"""

from __future__ import annotations

#: Supervisors that start what they find in a folder: they look every five seconds.
_SCAN_SECONDS = 15
_SV, _SVSCAN = "/etc/{name}-runit/{index}", "/etc/{name}-daemontools/{index}"

# C(mark) is what makes the supervisor start an instance at boot, and C(target) what it points at (none: the mark is the
# definition itself). C(own) are further paths of one instance, C(shared) those of all of the application's. C(hold) is a
# file that keeps a supervisor which takes up what it finds from starting it yet, C(ready) are questions whether it has.
# C(hides) are what would win over the definition where it is there and its text has C(hiding), a pattern: it goes.
# C(given_up) are the supervisor's words for an instance that it starts no more, since it ended too often.
# C(start) and C(stop) are commands in turn; C(forget) makes the supervisor let go of an instance whose mark is gone.
# C(inits) are the processes 1 that can start it at boot, any where none is named; C(init) is that of System V. C(daemon) is
# the unit that has to run for it, C(unit) its file, and C(scan) what C(init) starts instead.
# C(gone) are commands after the last instance, and then C(gone_after) when the shared paths are removed. C(log) is the
# file of what an instance prints, or where else that is, in words: C(output) then shows its end. No command has a path
# below a folder that the application's user may write: root would follow a link there. C(inherits): whether the number
# of open files has to be one
# that the host can grant, since what starts the instance cannot take less. C(restarts): whether an instance that ends is
# started again. C(low_ports): whether an instance may have a port below 1024. C(slots_by_default): whether a host
# without proxies
# has two slots though the inventory says nothing, and C(no_slots): why a release can never start beside another one,
# in words; empty
# where it can.
KINDS = {
    "systemd": {
        "restarts": True, "low_ports": True,
        "slots_by_default": True, "no_slots": "",
        "inits": ["systemd"], "packages": [], "program": "systemctl", "daemon": "",
        "inherits": False, "log": "the journal: journalctl -u {name}@{index}",
        "mark": "/etc/systemd/system/multi-user.target.wants/{name}@{index}.service", "target": "/etc/systemd/system/{name}@.service",
        "own": [], "shared": ["/etc/systemd/system/{name}@.service", "/etc/{name}-systemd"],
        # Of one instance, before the template: what `systemctl mask` and `systemctl edit --full` make.
        "hides": ["/etc/systemd/system/{name}@*.service", "/run/systemd/system/{name}@*.service"], "hiding": "",
        "given_up": ["failed"],
        # A unit that failed too often refuses to start until its counter is reset; one that is new is not failed.
        "reset": ["systemctl", "reset-failed", "{name}@{index}.service"],
        "start": [["systemctl", "start", "{name}@{index}.service"]],
        "stop": [["systemctl", "stop", "{name}@{index}.service"]],
        "forget": [], "define": [["systemctl", "daemon-reload"]], "gone": [], "gone_after": [["systemctl", "daemon-reload"]],
        "output": ["journalctl", "--no-pager", "--quiet", "--lines=30", "--output=cat", "_SYSTEMD_UNIT={name}@{index}.service"],
    },
    "supervisord": {
        "restarts": True, "low_ports": False,
        "slots_by_default": False, "no_slots": "",
        "inits": ["systemd"], "packages": ["supervisor"], "program": "supervisorctl", "daemon": "supervisor.service",
        "inherits": True, "log": "{log_dir}/output-{index}.log", "given_up": ["FATAL"],
        "mark": "/etc/supervisor/conf.d/{name}-{index}.conf", "target": "/etc/{name}-supervisord/{index}.conf",
        "own": ["/etc/{name}-supervisord/{index}.conf"], "shared": [
            "/etc/{name}-supervisord", "/etc/supervisor/conf.d/{name}.conf",
            "/etc/systemd/system/{name}-logs.path", "/etc/systemd/system/{name}-logs.service"],
        # `update` with a name takes up this program alone, whatever else was edited in its configuration.
        "start": [["supervisorctl", "reread"], ["supervisorctl", "update", "{name}-{index}"], ["supervisorctl", "start", "{name}-{index}"]],
        "stop": [["supervisorctl", "stop", "{name}-{index}"]],
        "forget": [["supervisorctl", "remove", "{name}-{index}"]],
        # It opens the file of what a program prints before it starts it, so that nothing of a program could make the folder.
        # Each `enable` has systemd read its units again.
        "define": [["systemctl", "enable", "--now", "supervisor.service"], ["systemctl", "enable", "{name}-logs.service"],
                   ["systemctl", "enable", "--now", "{name}-logs.path"]],
        "gone": [["systemctl", "disable", "--now", "{name}-logs.path"], ["systemctl", "disable", "{name}-logs.service"]],
        "gone_after": [["systemctl", "daemon-reload"]],
    },
    "runit": {
        "restarts": True, "low_ports": True,
        "slots_by_default": False, "no_slots": "",
        "inits": ["systemd", "init"], "packages": ["runit"], "program": "runsvdir",
        "daemon": "{name}-runit.service", "unit": "/etc/systemd/system/{name}-runit.service", "scan": "/etc/{name}-runit/scan",
        "inherits": False, "log": "{log_dir}/output-{index}/current",
        "mark": "/etc/{name}-runit/enabled/{index}", "target": _SV, "own": [_SV],
        "hold": f"{_SV}/down", "ready": [["sv", "status", _SV]], "patience": _SCAN_SECONDS,
        "shared": ["/etc/{name}-runit", "/etc/systemd/system/{name}-runit.service"],
        "start": [["sv", "up", _SV]],
        "stop": [["sv", "-w", "{timeout}", "force-stop", _SV]],
        "forget": [["sv", "exit", _SV]],
        "define": [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "{name}-runit.service"]],
        "gone": [["systemctl", "disable", "--now", "{name}-runit.service"]], "gone_after": [["systemctl", "daemon-reload"]],
    },
    "daemontools": {
        "restarts": True, "low_ports": True,
        "slots_by_default": False, "no_slots": "",
        "inits": ["systemd", "init"], "packages": ["daemontools"], "program": "svscan",
        "daemon": "{name}-daemontools.service", "unit": "/etc/systemd/system/{name}-daemontools.service", "scan": "/etc/{name}-daemontools/scan",
        "inherits": False, "log": "{log_dir}/output-{index}/current",
        "mark": "/etc/{name}-daemontools/enabled/{index}", "target": _SVSCAN, "own": [_SVSCAN],
        "hold": f"{_SVSCAN}/down", "ready": [["svok", _SVSCAN], ["svok", f"{_SVSCAN}/log"]], "patience": _SCAN_SECONDS,
        "shared": ["/etc/{name}-daemontools", "/etc/systemd/system/{name}-daemontools.service"],
        # svc ends with 0 whatever happens, svok does not.
        "start": [["svok", _SVSCAN], ["svc", "-u", _SVSCAN]],
        "stop": [["svc", "-d", _SVSCAN]],
        "forget": [["svc", "-dx", _SVSCAN, f"{_SVSCAN}/log"]],
        "define": [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "{name}-daemontools.service"]],
        "gone": [["systemctl", "disable", "--now", "{name}-daemontools.service"]], "gone_after": [["systemctl", "daemon-reload"]],
    },
    "rc.local": {
        "restarts": False, "low_ports": True,
        "slots_by_default": False, "no_slots": "",
        "inits": [], "packages": ["logrotate"], "program": "logrotate", "daemon": "",
        "inherits": False, "log": "{log_dir}/output-{index}.log",
        "mark": "/etc/{name}-rc.local/enabled/{index}", "target": "/etc/{name}-rc.local/start",
        "own": ["/run/{name}-rc.local-{index}.pid"],
        "shared": ["/etc/{name}-rc.local", "/etc/logrotate.d/{name}-rc.local"],
        # As at boot: nothing of the login that starts it.
        "start": [["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/etc/{name}-rc.local/start", "{index}"]],
        "stop": [], "forget": [], "define": [], "gone": [], "gone_after": [],
    },
    "upstart": {
        "restarts": True, "low_ports": False, "slots_by_default": False,
        "no_slots": "starts every job in /etc/init at boot, so that both slots would start",
        "inits": ["upstart"], "packages": [], "program": "initctl", "daemon": "",
        "inherits": True, "log": "/var/log/upstart/{name}-{index}.log",
        "mark": "/etc/init/{name}-{index}.conf", "target": "", "own": [], "shared": [],
        # Stanzas of an override win over those of the job: these keep it from being started at boot.
        "hides": ["/etc/init/{name}-*.override"], "hiding": r"^\s*(?:manual\b|start\s+on\b)",
        # A job that is started again is in other states meanwhile.
        "given_up": ["stop/waiting"],
        "start": [["initctl", "start", "{name}-{index}"]],
        "stop": [["initctl", "stop", "{name}-{index}"]],
        # It watches its folder only where the kernel tells of changes.
        "forget": [["initctl", "reload-configuration"]], "define": [["initctl", "reload-configuration"]],
        "gone": [], "gone_after": [],
    },
}
