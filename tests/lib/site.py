# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of site.yml against test hosts, with other variables and other groups, and the state of the hosts around them."""
import contextlib
import copy
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field

import yaml

from tests.fleet import engine
from tests.lib.ansible_process import AnsibleProcess
from tests.lib.demo_instance import request

CLONE = pathlib.Path(__file__).resolve().parents[2]
ROOT = "/opt/xitrum"
#: Seconds after which a run hangs. On a busy machine one takes several minutes.
RUN_SECONDS = 1800


@dataclass(frozen=True)
class Run:
    """A run of ansible-playbook that ended. `tasks` are (task, host, result) in the order in which they ended."""

    code: int
    output: str
    stats: dict = field(default_factory=dict)
    tasks: list = field(default_factory=list)

    @property
    def changed(self):
        """Host to the number of its tasks that changed something, those with none left out."""
        return {host: counts["changed"] for host, counts in self.stats.items() if counts["changed"]}

    @property
    def failures(self):
        """What the tasks that ended the run reported."""
        return [result.get("msg", "") for _task, _host, result in self.tasks if result.get("failed") and not result.get("skipped")]

    @property
    def message(self):
        """The one message that stopped the run, its lines joined as a person reads them over line breaks."""
        assert self.failures, f"nothing failed (code {self.code}): {self.output[-3000:]}"
        return " ".join(str(self.failures[-1]).split())

    def list_results(self, action):
        """(host, result) of all tasks of a module that really ran; each item of a loop is a result."""
        ran = [(host, result) for _task, host, result in self.tasks if result.get("action") == action and not result.get("skipped")]
        return [(host, item) for host, result in ran for item in result.get("results", [result])]

    @property
    def sent(self):
        """Host to the bytes of a release that were uploaded to it. The module is called again after the rollout, to remove old ones."""
        results = self.list_results("xitrum.host.release")
        return {host: sum(result.get("sent_bytes", 0) for other, result in results if other == host) for host, _result in results}

    def find_text(self, task):
        """What the task of this name reported, the first host that reported something."""
        return next(result["msg"] for name, _host, result in self.tasks if name == task and result.get("msg"))

    def assert_ended_well(self):
        assert self.code == 0, f"the run ended with {self.code}: {self.failures or self.output[-3000:]}"
        return self

    def assert_did_nothing(self):
        self.assert_ended_well()
        assert not self.changed, f"changed {self.changed}: {[(name, host) for name, host, result in self.tasks if result.get('changed')]}"
        return self


class Site:
    """The hosts of an inventory folder (hosts.yml and group_vars). `secrets` are texts that no run may print."""

    def __init__(self, inventory, secrets=()):
        self.inventory = pathlib.Path(inventory)
        self.secrets = secrets
        self.data = yaml.safe_load((self.inventory / "hosts.yml").read_text(encoding="utf-8"))
        self.hosts = self.data["all"]["hosts"]

    def with_inventory(self, folder, groups=None, host_vars=None, renamed=None, without=()):
        """The same hosts by another inventory in `folder`: `groups` maps a group to all its hosts, `host_vars` a host to variables,
        and `renamed` a host to its name there. It does not set the variables `without` of application hosts."""
        data = copy.deepcopy(self.data)
        for group in (data["all"], *data["all"]["children"].values()):
            group["hosts"] = {(renamed or {}).get(name, name): variables for name, variables in group.get("hosts", {}).items()}
        for group, names in (groups or {}).items():
            data["all"]["children"][group] = {"hosts": {name: {} for name in names}}
        for host, variables in (host_vars or {}).items():
            data["all"]["hosts"][host].update(variables)
        folder = pathlib.Path(folder)
        folder.mkdir()
        (folder / "hosts.yml").write_text(yaml.safe_dump(data), encoding="utf-8")
        shutil.copytree(self.inventory / "group_vars", folder / "group_vars")
        # It is derived from the folder of the inventory, which is another one here.
        package = CLONE / ".cache/test/xitrum"
        text = (folder / "group_vars/xitrum.yml").read_text(encoding="utf-8")
        lines = [f"xitrum_package: {package}" if line.startswith("xitrum_package:") else line for line in text.splitlines()
                 if line.partition(":")[0] not in without]
        (folder / "group_vars/xitrum.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return Site(folder, self.secrets)

    def start(self, *options, playbook="site.yml", **variables):
        """A process: ansible-playbook with `variables` over the inventory's."""
        more = ["-e", json.dumps(variables)] if variables else []
        return AnsibleProcess("ansible-playbook", "-i", str(self.inventory), playbook, *options, *more)

    @contextlib.contextmanager
    def start_killed_run(self, *options, playbook="site.yml", **variables):
        """A run that is killed when the block ends, which must be before the run does."""
        process = self.start(*options, playbook=playbook, **variables)
        try:
            yield
            assert process.poll() is None, f"the run ended before it was killed: {process.communicate()}"
        finally:
            kill(process)

    def run(self, *options, playbook="site.yml", **variables):
        """Runs a playbook to its end. No run prints a secret, whatever it does."""
        process = self.start(*options, playbook=playbook, **variables)
        try:
            out, err = process.communicate(timeout=RUN_SECONDS)
        finally:
            kill(process)
        for secret in self.secrets:
            assert secret not in out + err, "the run printed a secret"
        begin = out.find("{")
        output = json.loads(out[begin:]) if begin >= 0 else {"plays": [], "stats": {}}
        tasks = [(task["task"]["name"], host, result) for play in output["plays"] for task in play["tasks"] for host, result in task["hosts"].items()]
        return Run(process.returncode, out[:begin] + err if begin >= 0 else out + err, output["stats"], tasks)

    def type(self, command, inventory=""):
        """A line typed in the clone, as it stands: (exit code, what was printed)."""
        environment = {"ANSIBLE_INVENTORY": inventory or str(self.inventory), "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        code, output = run_in_loaded_ansible(command, environment) if needs_no_shell(command) else run_in_shell(command, environment)
        for secret in self.secrets:
            assert secret not in output, f"`{command}` printed a secret"
        return code, output

    def must(self, command, inventory=""):
        """A line typed in the clone, that must end well."""
        code, output = self.type(command, inventory)
        assert code == 0, f"`{command}` ended with {code}: {output[-4000:]}"

    def run_script(self, host, script, check=True):
        """The standard output of a script that root runs on a host."""
        try:
            code, out, err = engine.attempt(self.hosts[host]["fleet_container"], "sh", "-c", script, seconds=120)
        except engine.CommandTimeout:
            raise
        except engine.FleetError as error:
            # The host does not run.
            code, out, err = 1, "", str(error)
        assert not check or code == 0, f"`{script}` on {host} ended with {code}: {err or out}"
        return out.strip()

    @contextlib.contextmanager
    def pause_host(self, host):
        """A host that stands still for the block, with its connections open."""
        container = self.hosts[host]["fleet_container"]
        engine.pause(container)
        try:
            yield
        finally:
            engine.unpause(container)

    @contextlib.contextmanager
    def change_for_now(self, host, do, undo):
        """A host on which `do` was run; `undo` is run in the end."""
        try:
            self.run_script(host, do)
            yield
        finally:
            self.run_script(host, undo)

    def list_processes(self, host, command="java"):
        """(pid, moment of the start in clock ticks since boot) of all processes of a name: those of another moment are others."""
        script = f"for pid in $(pgrep -x {command}); do echo $pid $(cut -d' ' -f22 /proc/$pid/stat); done"
        return sorted(tuple(map(int, line.split())) for line in self.run_script(host, script).splitlines())

    def list_running(self):
        """All JVMs and proxies of the site: a run that leaves this alone has restarted nothing."""
        return {host: self.list_processes(host, "haproxy" if host.startswith("proxy") else "java") for host in self.hosts}

    def read_main_pid(self, host, index):
        """The process of an instance; 0 where it does not run."""
        return int(self.run_script(host, f"systemctl show --property MainPID --value xitrum@{index}"))

    def read_exposure(self, host, index):
        """What systemd reports about the unit of an instance that runs: 0 means no exposure, 10 is all."""
        output = self.run_script(host, f"systemd-analyze security --no-pager xitrum@{index}.service")
        return float(re.search(r"Overall exposure level for xitrum@\d\.service: ([\d.]+)", output).group(1))

    def read_flags(self, host, index):
        """The flags of an instance's JVM, by its own account: jcmd and the JVM meet in /tmp, of which the service has one of its own."""
        pid = self.read_main_pid(host, index)
        return self.run_script(host, f"nsenter --target {pid} --mount -- jcmd {pid} VM.flags").split()

    def find_pid(self, host, index):
        """The process that listens on the port of an instance, whatever keeps it running; 0 where there is none."""
        output = self.run_script(host, f"ss -Hltnp 'sport = :{8000 + index}' | sed -n 's/.*pid=\\([0-9]*\\).*/\\1/p'")
        return int(output or 0)

    def find_supervisor(self, host):
        """The supervisor that the inventory gives a host."""
        own = self.inventory / "host_vars" / f"{host}.yml"
        return yaml.safe_load(own.read_text(encoding="utf-8"))["xitrum_supervisor"] if own.exists() else "systemd"

    def read_links(self, host):
        """Every `current` and `previous` of a host to where it leads; an assertion that none leads nowhere."""
        found = {}
        script = f"for link in {ROOT}/current {ROOT}/previous {ROOT}/instances/*/current {ROOT}/instances/*/previous; do " \
                 "[ ! -L $link ] || echo $link $(readlink -e $link); done"
        for line in self.run_script(host, script).splitlines():
            link, _space, target = line.partition(" ")
            assert target, f"{link} on {host} leads nowhere"
            found[link.removeprefix(f"{ROOT}/")] = target.removeprefix(f"{ROOT}/")
        return found

    def find_release(self, host):
        """The release that `current` of a host leads to."""
        return self.read_links(host).get("current", "").removeprefix("releases/")

    def list_releases(self, host):
        """The folders of releases, half-made ones included."""
        return sorted(self.run_script(host, f"ls -A {ROOT}/releases").split())

    def find_pids(self, names):
        """The process of every instance that runs, by its name in the proxy, such as app1-0."""
        found = {name: self.read_main_pid(*name.split("-")) for name in names}
        return {name: pid for name, pid in found.items() if pid}

    def ask(self, name, path, first_port=8000, **more):
        """A request to one instance, past the proxy."""
        host, index = name.split("-")
        return request(first_port + int(index), path, host=self.hosts[host]["xitrum_address"], **more)

    def read_answered_release(self, name, first_port=8000):
        """The release that an instance answers a page with, as the demo application reports it."""
        return self.ask(name, "/", first_port).headers["X-Demo-Release"]

    def read_statuses(self, proxy="proxy1"):
        """What the running proxy reports about each instance of its configuration: its name to UP, MAINT and the like."""
        rows = [line.split(",") for line in self.query_proxy(proxy, "show stat").splitlines()]
        return {row[1]: row[17] for row in rows if row[0] == "xitrum" and row[1] not in ("FRONTEND", "BACKEND")}

    def list_backends(self, proxy="proxy1"):
        """The instances in the running proxy's configuration."""
        return sorted(self.read_statuses(proxy))

    def query_proxy(self, proxy, command):
        """What the proxy answers on its runtime socket."""
        script = f"""python3 -c '
import socket
with socket.socket(socket.AF_UNIX) as link:
    link.connect("/run/haproxy/admin.sock")
    link.sendall(b"{command}\\n")
    print(b"".join(iter(lambda: link.recv(65536), b"")).decode())'"""
        return self.run_script(proxy, script)


def needs_no_shell(command):
    """Whether a line is one command of Ansible whose words a shell would pass on as they are."""
    words = shlex.split(command)
    return words[:1] in (["ansible"], ["ansible-playbook"]) and not any(char in word for word in words for char in "|&;<>()$`*?~#\n")


def run_in_loaded_ansible(command, environment):
    """The exit code of a command of Ansible, and what it printed."""
    process = AnsibleProcess(*shlex.split(command), environment=environment)
    try:
        output, _nothing = process.communicate(timeout=RUN_SECONDS)
    finally:
        kill(process)
    return process.returncode, output


def run_in_shell(command, environment):
    """The exit code of a line that a shell runs, and what it printed."""
    done = subprocess.run(command, shell=True, cwd=CLONE, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=RUN_SECONDS, check=False)
    return done.returncode, done.stdout


def kill(process):
    """Ends a run and all that it started on this machine, at once and without a chance to tidy up. Its workers have
    sessions of their own, so that no process group holds them all."""
    for pid in list_descendants(process.pid) if process.poll() is None else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        stream.close()
    process.wait()


def list_descendants(pid):
    """A process and all that it started, itself first, so that it cannot start more."""
    parents = {}
    for line in subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.splitlines():
        child, parent = map(int, line.split())
        parents.setdefault(parent, []).append(child)
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def wait_for(what, condition, seconds=600, pause=0.3):
    """Waits until `condition` reports something true and returns that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not so after {seconds} s"
        time.sleep(pause)
    return found
