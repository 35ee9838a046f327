# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload of a package of 80 MB to one and to four hosts: fresh, unchanged, and with one jar of 1 MB changed.

For comparison rsync, of the same folder to the same hosts at the same time, alternating. `python -m tests.bench.upload INVENTORY FOLDER`
writes upload.json into the folder, and prints a table of medians with the least and the most.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import random
import shlex
import statistics
import subprocess
import time

from tests.bench.hosts import Hosts, format_times, parse_options

JARS, JAR_BYTES, ROUNDS = 90, 900_000, 5
PLAYBOOK = pathlib.Path(__file__).with_name("upload.yml")
CASES = ("fresh", "unchanged", "one jar changed")


def make_package(folder, chance):
    """A package as the collection takes it, of random bytes, so that nothing can be compressed; the one that is there, if it is."""
    if folder.exists():
        return
    for name in ("config", "public", "script", "lib"):
        (folder / name).mkdir(parents=True)
    (folder / "config/xitrum.conf").write_text("xitrum { port { http = 8000 } }\n", encoding="utf-8")
    (folder / "script/runner").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "script/runner").chmod(0o755)
    for number in range(JARS):
        change_jar(folder, number, chance)


def change_jar(folder, number, chance):
    """Other bytes in one jar. It begins as every zip file does, and ends with an empty directory of its entries."""
    end = b"PK\x05\x06" + bytes(18)
    (folder / f"lib/{number}.jar").write_bytes(b"PK\x03\x04" + chance.randbytes(JAR_BYTES - 26) + end)


class Ways(Hosts):
    """The two ways to them."""

    def run_rsync(self, package):
        """The baseline: the seconds of rsync to all of them."""
        return self.run_together(lambda own, where: ["rsync", "-a", "--delete", "--rsync-path", "sudo rsync", "-e",
                                                     shlex.join(self.make_ssh_command(own)), f"{package}/", f"{where}:/opt/rsync/"])

    def upload_release(self, package):
        """The seconds of the upload's task, and of the whole ansible-playbook around it."""
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        began = time.monotonic()
        output = subprocess.run(["ansible-playbook", "-i", self.inventory, str(PLAYBOOK), "--limit", f"localhost,{','.join(self.hosts)}", "-e",
                                 json.dumps({"bench_package": str(package)})], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
        whole = time.monotonic() - began
        task = json.loads(output[output.find("{"):])["plays"][-1]["tasks"][-1]["task"]
        begin, end = (datetime.datetime.fromisoformat(task["duration"][name].replace("Z", "+00:00")) for name in ("start", "end"))
        return (end - begin).total_seconds(), whole


def measure(hosts, package, chance):
    """Case to the times of each way, alternating."""
    found = {case: {"rsync": [], "release": [], "whole run": []} for case in CASES}
    for turn in range(ROUNDS):
        hosts.run_script("rm -rf /opt/bench /opt/rsync; mkdir -p /opt/rsync")
        for case in CASES:
            if case == "one jar changed":
                change_jar(package, turn % JARS, chance)
            # Each is first in every other turn: the first one finds colder caches.
            baseline = hosts.run_rsync(package) if turn % 2 else None
            task, whole = hosts.upload_release(package)
            for way, seconds in (("rsync", baseline or hosts.run_rsync(package)), ("release", task), ("whole run", whole)):
                found[case][way].append(round(seconds, 2))
    return found


def render_table(results):
    """Markdown: medians, with the least and the most in brackets."""
    lines = ["| hosts | case | rsync | release | release / rsync | whole run |", "| --- | --- | --- | --- | --- | --- |"]
    for count, cases in results.items():
        for case, ways in cases.items():
            cells = [format_times(times) for times in ways.values()]
            ratio = statistics.median(ways["release"]) / statistics.median(ways["rsync"])
            lines.append(f"| {count} | {case} | {cells[0]} | {cells[1]} | {ratio:.1f} | {cells[2]} |")
    return "\n".join(lines)


def main():
    given = parse_options(__doc__)
    chance, package = random.Random(1), given.folder / "package"
    make_package(package, chance)
    results = {count: measure(Ways(given.inventory, count), package, chance) for count in (1, 4)}
    (given.folder / "upload.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(render_table(results))


if __name__ == "__main__":
    main()
