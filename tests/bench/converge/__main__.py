# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preparation of a host, by a shell script, a conventional playbook, pyinfra and this collection: 1, 4 and 8 hosts, alternating.

Kernel parameters live and persistent, the limit of open files, two redirects of ports, and the alternatives of a JDK: from
nothing, and with nothing to do. `python -m tests.bench.converge INVENTORY FOLDER PYINFRA` writes converge.json and
converge.svg into the folder, and prints a table of medians with the least and the most.
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import statistics
import subprocess
import time

from tests.bench.hosts import BASE, Hosts, format_times, parse_options
from tests.bench.plot import render_plot

FOLDER = pathlib.Path(__file__).parent
ROUNDS, COUNTS = 5, (1, 4, 8)
CASES = ("from nothing", "nothing to do")
#: As the others redirect them.
PAIRS = ("-e", json.dumps({"port_forward_pairs": [{"outside": 80, "inside": 8000}, {"outside": 443, "inside": 4430}]}))


def measure_command(command, **environment):
    """The seconds of a command, which has to end well."""
    began = time.monotonic()
    done = subprocess.run(command, env={**os.environ, **environment}, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}"
    return time.monotonic() - began


def write_pyinfra_inventory(hosts, folder):
    """The same hosts as pyinfra reads them, by the same keys."""
    names = []
    config = folder / "ssh_config"
    with config.open("w", encoding="utf-8") as file:
        for name, own in hosts.hosts.items():
            known = next(word.partition("=")[2].strip('"') for word in shlex.split(own["ansible_ssh_common_args"]) if word.startswith("UserKnownHostsFile="))
            file.write(f"Host {name}\n  HostName {own['ansible_host']}\n  Port {own['ansible_port']}\n  User {own['ansible_user']}\n"
                       f"  IdentityFile {own['ansible_ssh_private_key_file']}\n  UserKnownHostsFile {known}\n")
            names.append((name, {"ssh_config_file": str(config), "ssh_known_hosts_file": known, "ssh_key": own["ansible_ssh_private_key_file"]}))
    path = folder / "pyinfra_inventory.py"
    path.write_text(f"hosts = {names!r}\n", encoding="utf-8")
    return path


def list_ways(hosts, folder, pyinfra):
    """Name to a function that does the work on all hosts and returns its seconds."""
    script = (FOLDER / "shell.sh").read_text(encoding="utf-8")
    limit = ",".join(hosts.hosts)
    inventory = write_pyinfra_inventory(hosts, folder)

    def run_playbook(path, *more):
        return measure_command(["ansible-playbook", "-i", hosts.inventory, str(path), "--limit", f"localhost,{limit}", *more])

    return {
        "shell script": lambda: hosts.run_script(script),
        "conventional playbook": lambda: run_playbook(FOLDER / "conventional.yml"),
        "pyinfra": lambda: measure_command([pyinfra, "-y", str(inventory), str(FOLDER / "pyinfra_deploy.py")]),
        "xitrum.host": lambda: run_playbook(FOLDER / "ours.yml", *BASE, *PAIRS),
    }


def measure(hosts, folder, pyinfra, print_line):
    """Case to the times of each way, alternating: another one is first in each."""
    all_ways = list_ways(hosts, folder, pyinfra)
    reset = (FOLDER / "reset.sh").read_text(encoding="utf-8")
    names = list(all_ways)
    found = {case: {name: [] for name in names} for case in CASES}
    for turn in range(ROUNDS):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            hosts.run_script(reset)
            for case in CASES:
                found[case][name].append(round(all_ways[name](), 2))
        print_line(f"{len(hosts.hosts)} hosts, turn {turn + 1} of {ROUNDS}")
    return found


def render_table(results):
    """Markdown: medians, with the least and the most in brackets, and how many times the baseline that is."""
    names = list(next(iter(results.values()))[CASES[0]])
    lines = [f"| case | hosts | {' | '.join(names)} |", "| --- " * (len(names) + 2) + "|"]
    for case in CASES:
        for count, cases in results.items():
            baseline = statistics.median(cases[case][names[0]])
            cells = [format_times(times) + (f", {statistics.median(times) / baseline:.1f}x" if name != names[0] else "") for name, times in cases[case].items()]
            lines.append(f"| {case} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    given = parse_options(__doc__, "pyinfra")
    results = {count: measure(Hosts(given.inventory, count), given.folder, given.pyinfra, print) for count in COUNTS}
    (given.folder / "converge.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (given.folder / "converge.svg").write_text(render_plot(results), encoding="utf-8")
    print(render_table(results))


if __name__ == "__main__":
    main()
