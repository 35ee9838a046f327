# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller needs for 1 and 8 hosts that run the application and are in sync: `site.yml` and `check.yml`.

`python -m tests.bench.unchanged INVENTORY FOLDER` sets the hosts up, writes unchanged.json into the folder, and prints a table
of medians. What counts is the time of the processors (CPU), which other work on the machine changes least.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess

import yaml

from tests.bench.hosts import parse_options
from tests.bench.scale import measure_command

ROOT = pathlib.Path(__file__).parents[2]
COUNTS, ROUNDS = (1, 8), 5
CASES = ("site.yml", "check.yml")


def write_first_hosts(inventory, count, path):
    """Writes an inventory of the first hosts alone: a host outside of a run's limit costs too."""
    data = yaml.safe_load(pathlib.Path(inventory).read_text(encoding="utf-8"))
    names = list(data["all"]["hosts"])[:count]
    data["all"]["hosts"] = {name: data["all"]["hosts"][name] for name in names}
    data["all"]["children"] = {"xitrum": {"hosts": dict.fromkeys(names, {})}}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def measure(inventory, variables):
    """Case to the medians of its rounds, alternating."""
    commands = {case: ["ansible-playbook", "-i", str(inventory), f"playbooks/{case}", "-e", json.dumps(variables)] for case in CASES}
    turns = {case: [] for case in CASES}
    for _turn in range(ROUNDS):
        for case, command in commands.items():
            turns[case].append(measure_command(command))
    return {case: {what: statistics.median(turn[what] for turn in of_case) for what in of_case[0]} for case, of_case in turns.items()}


def render_table(results):
    """Markdown: a row for each case."""
    lines = [f"| case | {' | '.join(f'{count} hosts' for count in results)} |", "| --- " * (len(results) + 1) + "|"]
    for case in CASES:
        cells = [f"{of[case]['seconds']:.1f} s, CPU {of[case]['cpu']:.1f} s, {of[case]['memory']} MB" for of in results.values()]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    given = parse_options(__doc__)
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    variables = {"xitrum_package": str(ROOT / ".cache/test/xitrum"), "xitrum_secure_key": "0" * 40,
                 "xitrum_report_dir": str(given.folder / "check")}
    inventories = {count: write_first_hosts(given.inventory, count, given.folder / f"first-{count}.yml") for count in COUNTS}
    subprocess.run(["ansible-playbook", "-i", str(inventories[max(COUNTS)]), "playbooks/site.yml", "-e", json.dumps(variables)], check=True)
    results = {}
    for count, inventory in inventories.items():
        results[count] = measure(inventory, variables)
        print(f"{count} hosts: {results[count]}", flush=True)
    (given.folder / "unchanged.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(render_table(results))


if __name__ == "__main__":
    main()
