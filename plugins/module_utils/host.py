# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thin reader and writer of files and commands.

Every concern (kernel, limits, jdk, release, process, proxy) is handed a L(Host) and touches a machine through
nothing else, so that its reading can be tested with a dictionary of files and its planning without any host.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import pwd
import shutil
import stat
import tempfile
from typing import NamedTuple


class Result(NamedTuple):
    """What a command said."""

    rc: int
    out: str
    err: str


class Stat(NamedTuple):
    """What a path is: C(kind) is one of C(file), C(directory), C(link), C(other)."""

    kind: str
    mode: int
    owner: str
    group: str
    size: int


class Host:
    """Files and commands of the machine that a module runs on."""

    # Commands of the system are found for unprivileged users too: Debian keeps sysctl, ss and nft out of their PATH.
    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def __init__(self, run_command):
        """C(run_command) is C(AnsibleModule.run_command) or a callable of the same shape."""
        self._run_command = run_command

    def run(self, argv, data=None):
        """Runs a list of arguments (never a shell) in the C locale; a missing program is rc 127, not an exception."""
        if self.which(argv[0]) is None:
            return Result(127, "", f"{argv[0]}: not found on this host")
        rc, out, err = self._run_command(
            list(argv), data=data, environ_update={"LC_ALL": "C", "LANGUAGE": "C", "PATH": self.PATH}, check_rc=False)
        return Result(rc, out, err)

    def which(self, name):
        """The path of a program, or None."""
        return shutil.which(name, path=self.PATH)

    def read(self, path):
        """The text of a file; None where there is none. Raises OSError where it exists and may not be read."""
        try:
            with open(path, "rb") as handle:
                return handle.read().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None

    def tail(self, path, size=16384):
        """The last bytes of a regular file as text; empty where there is none. A link or a pipe in its place is not followed:
        the file may lie in a folder of a user who is not root."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return ""
            file.seek(max(found.st_size - size, 0))
            return file.read(size).decode("utf-8", "replace")

    def readlink(self, path):
        """The target of a symbolic link as it is written; None where the path is no link."""
        try:
            return os.readlink(path)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None
        except OSError as error:
            if os.path.islink(path):
                raise
            del error
            return None

    def listdir(self, path):
        """The sorted names in a folder; an empty list where there is no folder."""
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return []

    def realpath(self, path):
        """The path with every link followed."""
        return os.path.realpath(path)

    def exists(self, path):
        """Whether the path (links followed) exists."""
        return os.path.exists(path)

    def stat(self, path):
        """What the path itself is (links not followed); None where there is nothing."""
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None
        kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"))
        kind = next((name for test, name in kinds if test(found.st_mode)), "other")
        return Stat(kind, stat.S_IMODE(found.st_mode), user_name(found.st_uid), group_name(found.st_gid), found.st_size)

    def make_directory(self, path, mode=0o755, owner="root", group="root"):
        """A folder with this owner and mode; its parents are made like root's own (0755)."""
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
        self.own(path, mode, owner, group)

    def write(self, path, text, mode=0o644, owner="root", group="root"):
        """Replaces a file atomically: a reader sees the old text or the new one, and a killed run leaves the old."""
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o755, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path) + ".", dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text.encode("utf-8", "surrogateescape"))
                out.flush()
                os.fsync(out.fileno())
            self.own(temporary, mode, owner, group)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def create(self, path, text, mode=0o644):
        """Makes a file that must not be there yet: False where it is. Of two processes that try, one succeeds."""
        handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path) + ".", dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            os.chmod(temporary, mode)
            # Whole or not at all: a rename would replace what is there.
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True

    @contextlib.contextmanager
    def locked(self, path):
        """Waits until no other process has the lock of this file, and holds it for the block. A process that ends gives it back."""
        with open(path, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, path, text, mode, owner, group):
        """Adds to the end of a regular file, which is made where it is missing."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        self.own(path, mode, owner, group)

    def poke(self, path, text):
        """Writes into an existing file in place: the way of /proc/sys. Raises OSError with the kernel's own reason."""
        handle = os.open(path, os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    def link(self, path, target):
        """A symbolic link, switched atomically."""
        temporary = f"{path}.new-{os.getpid()}"
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(target, temporary)
        os.rename(temporary, path)

    def link_tree(self, source, target, leave_out, mode, owner, group):
        """A folder like C(source) whose files are hard links to its files, but for the paths in C(leave_out)."""
        self.make_directory(target, mode, owner, group)
        for entry in sorted(os.listdir(source)):
            path = f"{target}/{entry}"
            if path in leave_out:
                continue
            if os.path.isdir(f"{source}/{entry}") and not os.path.islink(f"{source}/{entry}"):
                self.link_tree(f"{source}/{entry}", path, leave_out, mode, owner, group)
            else:
                os.link(f"{source}/{entry}", path, follow_symlinks=False)

    def rename(self, path, new_path):
        """Renames, atomically within a file system."""
        os.rename(path, new_path)

    def remove(self, path):
        """Removes a file, a link, or a folder with all that is in it; nothing there is fine."""
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def remove_empty(self, path):
        """Removes a folder, unless there is something in it, or it is not there, a link, or in use as a mount point."""
        try:
            os.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR, errno.EBUSY):
                raise

    def kill(self, pid, number):
        """Sends a signal to a process; one that is gone already is fine."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def page(self, address, port, path, seconds=10):
        """The HTTP status of a page, or the reason why there is none, as text."""
        # Not at the top: most modules ask for no page, and it takes every run of theirs 10 ms.
        import http.client

        connection = http.client.HTTPConnection(address, port, timeout=seconds)
        try:
            connection.request("GET", path, headers={"User-Agent": "xitrum.host", "Connection": "close"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()

    def own(self, path, mode, owner, group):
        """Owner and mode of a path; the mode last, since chown may clear bits of it."""
        os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
        os.chmod(path, mode)


def user_name(uid):
    """The name of a user id, or the number as text where no name is known."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    """The name of a group id, or the number as text where no name is known."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
