# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller needs for 1, 8, 32 and 64 hosts: seconds, its processors' seconds, and its memory at most.

The preparation of a host from nothing, with nothing to do, and check.yml. `python -m tests.bench.scale INVENTORY FOLDER` writes
scale.json into the folder, and prints a table with what one more host costs. The hosts are containers on the same machine: their work
takes part of the same processors, so that the seconds are those of a controller with less than the whole machine.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import threading
import time

from tests.bench.hosts import BASE, Hosts, parse_options
from tests.bench.upload import make_package

FOLDER = pathlib.Path(__file__).parent
COUNTS, ROUNDS = (1, 8, 32, 64), 3
CASES = ("from nothing", "nothing to do", "check.yml")


def measure_memory(pid):
    """MB of a process and all its descendants, pages that they share counted once."""
    total, children = 0, [pid]
    while children:
        one = children.pop()
        with contextlib.suppress(OSError, ValueError):
            text = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text(encoding="utf-8")
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
            children += map(int, pathlib.Path(f"/proc/{one}/task/{one}/children").read_text(encoding="utf-8").split())
    return total / 1024


def measure_command(command, codes=(0,)):
    """Seconds, the processors' seconds of the command and of what it started, and MB at most."""
    before, began, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), [0.0]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = threading.Event()

    def watch():
        while not ended.wait(0.3):
            most[0] = max(most[0], measure_memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    ended.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code in codes, f"{' '.join(command)} ended with {code}"
    return {"seconds": round(seconds, 2), "cpu": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2), "memory": round(most[0])}


def measure(hosts, package):
    """Case to the medians of what was measured. A check of hosts without the application finds that, and ends with 2."""
    reset = (FOLDER / "converge/reset.sh").read_text(encoding="utf-8")
    start = ["ansible-playbook", "-i", hosts.inventory, "--limit", f"localhost,{','.join(hosts.hosts)}"]
    variables = {"xitrum_package": str(package), "xitrum_secure_key": "0" * 40, "xitrum_report_dir": str(package.resolve().parent / "check")}
    check = ["playbooks/check.yml", "-e", json.dumps(variables)]
    turns = {case: [] for case in CASES}
    for _turn in range(ROUNDS):
        hosts.run_script(reset)
        for case in CASES[:2]:
            turns[case].append(measure_command([*start, "playbooks/base.yml", *BASE]))
        turns[CASES[2]].append(measure_command([*start, *check], codes=(2,)))
    return {case: {what: statistics.median(turn[what] for turn in of_case) for what in of_case[0]} for case, of_case in turns.items()}


def render_table(results):
    """Markdown: what each number of hosts took, and what one more took between the last two."""
    lines = [f"| case | {' | '.join(f'{count} hosts' for count in results)} | each more |", "| --- " * (len(results) + 2) + "|"]
    for case in CASES:
        cells = [f"{of[case]['seconds']:.1f} s, CPU {of[case]['cpu']:.1f} s, {of[case]['memory']} MB" for of in results.values()]
        less, more = list(itertools.pairwise(results))[-1]
        each = [(results[more][case][what] - results[less][case][what]) / (more - less) for what in ("seconds", "cpu", "memory")]
        lines.append(f"| {case} | {' | '.join(cells)} | {each[0]:.2f} s, CPU {each[1]:.2f} s, {each[2]:.1f} MB |")
    return "\n".join(lines)


def main():
    given = parse_options(__doc__)
    os.environ["ANSIBLE_CONFIG"] = str(FOLDER.parents[1] / "ansible.cfg")
    package, results = given.folder / "package", {}
    make_package(package, random.Random(1))
    for count in COUNTS:
        results[count] = measure(Hosts(given.inventory, count), package)
        print(f"{count} hosts: {results[count]}", flush=True)
    (given.folder / "scale.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(render_table(results))


if __name__ == "__main__":
    main()
