# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host made of two dictionaries: its files and what its commands report."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath

from ansible_collections.xitrum.host.plugins.module_utils.core import process, sockets
from ansible_collections.xitrum.host.plugins.module_utils.core.file_parts import FileInfo, Part
from ansible_collections.xitrum.host.plugins.module_utils.core.host import (
    COMMAND_SECONDS,
    OUTPUT_BYTES,
    Host,
    PathError,
    Result,
    Stat,
    explain_no_file,
    explain_no_folder,
    guard_mode,
    resolve,
)
from ansible_collections.xitrum.host.plugins.module_utils.core.untrusted_text import escape_text

from .socket_listing import without_processes

#: The listings that may be given as `ss -p` printed them.
LISTINGS = (" ".join(sockets.SS), " ".join(sockets.ESTABLISHED))


class Unreadable(str):
    """A file that exists and may not be read."""


class FakeHost:
    """Stands in for `Host`. `files` maps a path to its text, `links` a path to its target, `commands` the words
    of a command to `(rc, out, err)` or its output, `pages` a port to what any page on it answers; other ports are
    requested real. `names` maps a host name to its addresses, and `unbound` an address to why nobody can listen on
    it. Everything that was done to it is in `done`."""

    def __init__(
        self,
        files=None,
        commands=None,
        links=None,
        stats=None,
        refuse=None,
        pages=None,
        open_ports=None,
        names=None,
        unbound=None,
    ):
        self.files = dict(files or {})
        self.commands = dict(commands or {})
        self.links = dict(links or {})
        self.stats = dict(stats or {})
        self.refuse = dict(refuse or {})
        self.pages = dict(pages or {})
        #: The bytes and inodes that every file system has left.
        self.free = (1 << 30, 1000)
        #: The text of the pages on a port.
        self.texts = {}
        #: `(address, port)` to the word of `Host.connect`; others are refused.
        self.open_ports = dict(open_ports or {})
        self.names = {"localhost": ["::1", "127.0.0.1"], **(names or {})}
        self.unbound = dict(unbound or {})
        #: A path to its number, where a file was put in the place of another.
        self.inodes = {}
        self.done = []
        self.environments = []
        self.overruns = []
        #: A listing of sockets to the file descriptors that were made of it.
        self._shown = {}
        for words in LISTINGS:
            answer = self.commands.get(words, "")
            self._listing(words, answer[1] if isinstance(answer, tuple) else answer)

    def is_root(self):
        return True

    def find_user(self):
        return "root", "root"

    def make_absolute(self, path):
        return posixpath.normpath(os.path.expanduser(path))

    def read_architecture(self):
        return "x86_64"

    def read_clock_ticks(self):
        return 100

    def count_processors(self):
        return 2

    def sync(self):
        """What is in a dictionary is there at once."""

    def hold_fence(self):
        return contextlib.nullcontext()

    def hold_folder(self, path):
        return contextlib.nullcontext()

    def is_same(self, path, other):
        return self.exists(path) and self.exists(other) and self.realpath(path) == self.realpath(other)

    def is_held(self, path):
        return False

    def is_file(self, path):
        return self.realpath(path) in self.files

    def compute_digest(self, path):
        text = self.files.get(self.realpath(path))
        return "" if text is None else hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    def has_mode(self, path, mode):
        found = self.stat(path)
        return found is not None and (found.kind, found.mode) == ("file", mode)

    def list_entries(self, folder):
        names = [*self.files, *self.links]
        return [name[len(folder) + 1:] for name in names if name.startswith(folder + "/")]

    def exchange(self, path, data, seconds, most):
        return Host().exchange(path, data, seconds, most)

    def request(self, address, port, path, seconds, headers):
        return Host().request(address, port, path, seconds, headers)

    def run(self, argv, data=None, environment=None, seconds=COMMAND_SECONDS, limit=OUTPUT_BYTES, keep=(), exact=False):
        if environment:
            self.environments.append(environment)
        words = " ".join(argv)
        self.done.append(("run", words))
        if words not in self.commands:
            return Result(127, "", f"{argv[0]}: not found on this host")
        answer = self.commands[words]
        answer = Result(*answer) if isinstance(answer, tuple) else Result(0, answer, "")
        answer = answer._replace(out=self._listing(words, answer.out)) if words in LISTINGS else answer
        return answer if exact else answer._replace(out=escape_text(answer.out), err=escape_text(answer.err))

    def _listing(self, words, text):
        """A listing of sockets as ss prints it without processes, which are in /proc instead."""
        for path in self._shown.pop(words, ()):
            self.links.pop(path, None)
            self.files.pop(path, None)
        text, links, names = without_processes(text)
        names = {path: name for path, name in names.items() if path not in self.files}
        self._shown[words] = [*links, *names]
        self.links.update(links)
        self.files.update(names)
        return text

    def fetch_status(self, address, port, path, seconds=10):
        self.done.append(("page", address, port, path))
        return self.pages[port] if port in self.pages else Host().fetch_status(address, port, path, seconds)

    def read_page(self, address, port, path, seconds=10, most=1 << 20):
        replaced = "fetch_status" in vars(self) or type(self).fetch_status is not FakeHost.fetch_status
        if port in self.pages or replaced:
            return self.fetch_status(address, port, path, seconds), self.texts.get(port, "")
        self.done.append(("page", address, port, path))
        return Host().read_page(address, port, path, seconds, most)

    def connect(self, address, port, seconds=3):
        self.done.append(("connect", address, port))
        return self.open_ports.get((address, port), "refused"), ""

    def resolve_addresses(self, name):
        return list(self.names.get(name, ()))

    def find_bind_error(self, address):
        return self.unbound.get(address, "")

    def find_program(self, name):
        return f"/usr/bin/{name}" if any(words.split()[0] == name for words in self.commands) else None

    def read(self, path):
        text = self.files.get(self.realpath(path))
        if isinstance(text, Unreadable):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return text

    def read_untrusted(self, path, limit=OUTPUT_BYTES):
        text = self.read(path)
        return None if text is None else escape_text(text[:limit])

    def read_tail(self, path, size=16384, since=(0, 0)):
        text = self.files.get(path) or ""
        begin = since[1] if since[0] == self.inode(path) and len(text) >= since[1] else 0
        return escape_text(text[begin:][-size:])

    def inode(self, path):
        return self.inodes.get(path, 1)

    def read_position(self, path):
        return (self.inode(path), len(self.files[path])) if path in self.files else (0, 0)

    def list_log_files(self, folder):
        names = [name for name in self.listdir(folder) if f"{folder}/{name}" in self.files]
        return [FileInfo(name, self.inode(f"{folder}/{name}"), len(self.files[f"{folder}/{name}"]), 0.0) for name in names]

    def read_part(self, path, offset, size, zipped=False):
        if path not in self.files:
            return None
        data = self.files[path].encode("utf-8", "surrogateescape")
        return Part(self.inode(path), len(data), data[-size:] if offset < 0 else data[offset:offset + size])

    def has_reader(self):
        return True

    def rename(self, path, new_path):
        self.done.append(("rename", path, new_path))
        for kept in (self.files, self.links, self.stats):
            for name in [name for name in kept if name == path or name.startswith(path + "/")]:
                kept[new_path + name[len(path):]] = kept.pop(name)

    def _place(self, path):
        """The path with the links in its folders followed, but not one of its own."""
        folder, name = posixpath.split(path)
        return posixpath.join(self.realpath(folder), name)

    def readlink(self, path):
        return self.links.get(self._place(path))

    def listdir(self, path):
        prefix = self.realpath(path).rstrip("/") + "/"
        return sorted({name[len(prefix):].split("/")[0] for name in [*self.files, *self.links, *self.stats] if name.startswith(prefix)})

    def realpath(self, path):
        for _unused in range(40):
            for link, target in self.links.items():
                if path == link or path.startswith(link + "/"):
                    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target) + path[len(link):])
                    break
            else:
                return path
        return path

    def read_free_space(self, path):
        return self.free

    def exists(self, path):
        path = self.realpath(path)
        return path in self.files or path in self.stats or bool(self.listdir(path))

    def stat(self, path):
        path = self._place(path)
        if path in self.stats:
            return self.stats[path]
        if path in self.links:
            return Stat("link", 0o777, "root", "root", 0)
        if path in self.files:
            return Stat("file", 0o644, "root", "root", len(self.files[path]))
        return Stat("directory", 0o755, "root", "root", 0) if self.listdir(path) else None

    def resolve(self, path):
        return resolve(self, path)

    def make_directory(self, path, mode=0o755, owner="root", group="root"):
        target = self.resolve(path)
        guard_mode(target, mode, owner, group)
        found = self.stat(target)
        if found is not None and found.kind != "directory":
            raise PathError(errno.ENOTDIR, explain_no_folder(path, target))
        self.done.append(("make_directory", path))
        self.stats[target] = Stat("directory", mode, owner, group, 0)

    def make_parents(self, path):
        """A folder is there as soon as there is something in it."""

    def write(self, path, text, mode=None, owner=None, group=None):
        """As a machine does: links are followed and stay, and what is not given stays as the file has it."""
        target = self.resolve(path)
        before = self.stat(target)
        if before is not None and before.kind != "file":
            raise PathError(errno.EINVAL, explain_no_file(path, target, before.kind))
        kept = before or Stat("file", 0o644, "root", "root", 0)
        owner, group = (owner or kept.owner, group or kept.group) if mode is None else (owner or "root", group or "root")
        mode = mode if mode is not None else kept.mode
        guard_mode(target, mode, owner, group)
        self.done.append(("write", path))
        self.files[target] = text
        self.stats[target] = Stat("file", mode, owner, group, len(text))

    def create(self, path, text, mode=0o644):
        guard_mode(path, mode, "root", "root")
        if self.stat(path) is not None:
            return False
        self.write(path, text, mode)
        return True

    def hold_lock(self, path, seconds=0):
        self.done.append(("locked", path))
        return contextlib.nullcontext()

    def hold_guard(self, path, alone, seconds):
        self.done.append(("guarded", path, alone))
        return contextlib.nullcontext()

    def append(self, path, text, mode, owner, group):
        guard_mode(path, mode, owner, group)
        found = self.stat(path)
        if found is not None and found.kind != "file":
            raise PathError(errno.EINVAL, explain_no_file(path, path, found.kind))
        self.write(path, self.files.get(path, "") + text, mode, owner, group)

    def poke(self, path, text):
        self.done.append(("poke", path))
        if path in self.refuse:
            raise OSError(self.refuse[path], "refused by the test", path)
        self.files[path] = text + "\n"

    def link(self, path, target):
        self.done.append(("link", path))
        self.links[path] = target

    def kill(self, pid, number):
        self.done.append(("kill", pid, number))
        self.remove(f"/proc/{pid}")

    def remove_written(self, path):
        Host.remove_written(self, path)

    def remove_empty(self, path):
        if not self.listdir(path):
            self.remove(path)

    def remove(self, path):
        self.done.append(("remove", path))
        path = self._place(path)
        for kept in (self.files, self.links, self.stats):
            for name in [name for name in kept if name == path or name.startswith(path + "/")]:
                del kept[name]


def listeners(text):
    """The listening sockets of a host whose `ss -p` printed this."""
    return sockets.read_listeners(FakeHost({}, {LISTINGS[0]: text}))


def connections(text):
    """The connections of a host whose `ss -p` printed this, with all its processes."""
    host = FakeHost({}, {LISTINGS[1]: text})
    return sockets.read_established(host, process.list_pids(host) or [1])
