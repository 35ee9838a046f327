# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the Red Hat family made of dictionaries, with the double of its alternatives in place of the program."""

from __future__ import annotations

import contextlib
import io

from ansible_collections.xitrum.host.plugins.module_utils.core.host import Result
from ansible_collections.xitrum.host.plugins.module_utils.jdk.alternatives import parse_kept

from tests.lib import red_hat_alternatives, red_hat_jdk

from .fake_host import FakeHost

LINKS, GROUPS = "/etc/alternatives", "/var/lib/alternatives"


class Disk:
    """The program's files and links in the dictionaries of a host."""

    def __init__(self, host):
        self.host = host

    def read(self, path):
        if path not in self.host.files:
            raise FileNotFoundError(path)
        return self.host.files[path]

    def create(self, path, text):
        if path in self.host.files:
            raise FileExistsError(path)
        self.host.files[path] = text

    def rename(self, path, new_path):
        self.host.files[new_path] = self.host.files.pop(path)

    def is_folder(self, path):
        return path in (LINKS, GROUPS)

    def exists(self, path):
        return self.host.exists(path)

    def readlink(self, path):
        return self.host.links.get(path)

    def symlink(self, target, path):
        self.host.links[path] = target

    def unlink(self, path):
        for kept in (self.host.files, self.host.links):
            kept.pop(path, None)

    def listdir(self, path):
        return self.host.listdir(path)


class RedHatHost(FakeHost):
    """A host with `alternatives`. What the program is called with is in `calls`."""

    def __init__(self, files=None, **more):
        super().__init__(files, **more)
        self.calls = []

    def find_program(self, name):
        return "/usr/sbin/alternatives" if name == "alternatives" else super().find_program(name)

    def run(self, argv, data=None, **more):
        if argv[0] != "alternatives":
            return super().run(argv, data, **more)
        self.calls.append(list(argv[1:]))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = red_hat_alternatives.main(list(argv[1:]), Disk(self))
        return Result(code, out.getvalue(), err.getvalue())

    def add_jdk(self, home, *commands):
        """The files of a JDK."""
        self.files.update({f"{home}/bin/{name}": "" for name in commands})

    def install_rpm(self, home, headless=False):
        """A package of a JDK: its files and its groups."""
        for link, path, followers in red_hat_jdk.list_groups(home, headless).values():
            for target in [path, *[target for _link, _name, target in followers]]:
                if target.startswith(f"{home}/"):
                    self.files[target] = ""
            assert link
        self.call("install", home, headless)

    def remove_rpm(self, home, headless=False):
        """A package of a JDK that goes."""
        self.call("remove", home, headless)
        self.remove(home)

    def call(self, action, home, headless):
        for words in red_hat_jdk.list_calls(action, home, headless):
            assert self.run(["alternatives", *words]).rc == 0
        self.calls.clear()

    def links_of(self, *names):
        """Where commands end, by name; an empty text for one that is not there."""
        return {name: self.realpath(f"/usr/bin/{name}") if self.exists(f"/usr/bin/{name}") else "" for name in names}

    def snapshot(self):
        """The groups and the links of the alternatives: what a removal brings back.

        The program itself sorts the followers in a file.
        """
        groups = {path: parse_kept(text) for path, text in self.files.items() if path.startswith(f"{GROUPS}/")}
        return groups, dict(self.links)
