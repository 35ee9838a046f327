# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a measurement, and what was measured as a table."""

from __future__ import annotations

import argparse
import pathlib
import shlex
import statistics
import subprocess
import time

import yaml

#: What hosts are prepared with: two instances, so that there are no two slots to distinguish.
BASE = ("-e", "xitrum_instances=2")


class Hosts:
    """The first hosts of an inventory."""

    def __init__(self, inventory, count):
        data = yaml.safe_load(pathlib.Path(inventory).read_text(encoding="utf-8"))["all"]
        self.inventory = inventory
        self.hosts = {name: {**data.get("vars", {}), **own} for name, own in list(data["hosts"].items())[:count]}

    @staticmethod
    def make_ssh_command(own):
        """The words of ssh to a host, without the host."""
        return ["ssh", "-q", "-p", str(own["ansible_port"]), "-i", own["ansible_ssh_private_key_file"], *shlex.split(own.get("ansible_ssh_common_args", ""))]

    def run_together(self, command, text=None):
        """Runs a command of each host at the same time, with a text as its input: the seconds until all have ended."""
        began = time.monotonic()
        running = []
        for own in self.hosts.values():
            words = command(own, f"{own['ansible_user']}@{own['ansible_host']}")
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
            process.stdin.write(text or "")
            process.stdin.close()
            running.append(process)
        codes = [process.wait() for process in running]
        assert not any(codes), f"exit codes {codes}"
        return time.monotonic() - began

    def run_script(self, script):
        """A shell script as root on each host, over one SSH connection each: the seconds until all have ended."""
        return self.run_together(lambda own, where: [*self.make_ssh_command(own), where, "sudo bash -s"], script)


def format_times(times):
    """The median, with the least and the most in brackets."""
    return f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"


def parse_options(text, *more):
    """The arguments of a measurement: the inventory, the folder for its results, and more."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("inventory")
    parser.add_argument("folder", type=lambda value: pathlib.Path(value).resolve())
    for name in more:
        parser.add_argument(name)
    return parser.parse_args()
