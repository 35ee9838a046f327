# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thin reader and writer of files and commands.

Every component (kernel, limits, jdk, release, process, proxy) is handed a `Host` and touches a machine through
nothing else, so that its reading can be tested with a dictionary of files and its planning without any host.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import posixpath
import pwd
import secrets
import shutil
import socket
import stat
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from . import bounded, disk_space, file_parts, trees
from .untrusted_text import escape_text, make_printable

if TYPE_CHECKING:
    # Not at run time: most modules ask for no page, and it takes every run of theirs 10 ms.
    from http.client import HTTPMessage

#: What starts a command, as `bounded.run`: arguments, input, environment, seconds, and bytes of each output.
Runner = Callable[[List[str], Optional[bytes], Dict[str, str], float, int], bounded.Run]

#: Seconds after which a command is ended, unless its caller knows that it takes longer.
COMMAND_SECONDS = 120

#: Seconds that a package manager or an upload may take: it waits for locks and for other hosts.
LONG_SECONDS = 3600

#: Seconds that a lock of ours is waited for: several application hosts change the servers of one proxy one after the
#: other.
LOCK_SECONDS = 300

#: Bytes of each output of a command, and of a file, that are read at most.
OUTPUT_BYTES = 16 << 20

#: Bytes of a listing of the kernel's: a million connections, or the rules and sets of a large firewall.
LISTING_BYTES = 256 << 20

#: The exit code of a command that was ended, as timeout(1) has it.
LATE = 124

#: The device that is read as an empty file: what masks a file leads to it.
NULL_DEVICE = os.makedev(1, 3)

#: How deep a tree may be that is linked: each folder is reached by its whole path.
MOST_LEVELS = 100

#: As many links as the kernel follows in one path (path_resolution(7)).
MOST_LINKS = 40

#: Folders that a distribution gives to the group of a daemon, which has no members: Ubuntu's log folder.
DAEMON_FOLDERS = {"/var/log": "syslog"}

#: Opens a folder to read or change it, and no link to one.
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK


#: What a file has apart from its text, owner and mode, and a rename would lose: the label of SELinux, and access lists.
KEPT_ATTRIBUTES = ("security.selinux", "system.posix_acl_access")


class PathError(OSError):
    """A path that is not written or removed: why, as a sentence with what to do. Its text has no number before it."""

    def __str__(self) -> str:
        return str(self.strerror)


class Result(NamedTuple):
    """What a command reported. `cut`: its output is not whole.
    One that was ended has the rc `LATE`, and `err` reports it."""

    rc: int
    out: str
    err: str
    cut: bool = False


class Stat(NamedTuple):
    """What a path is: `kind` is one of `file`, `directory`, `link`, `other`. The `mode` of a link reports nothing
    of the file that it leads to. `names` is the number of hard links."""

    kind: str
    mode: int
    owner: str
    group: str
    size: int
    names: int = 1


class Host:
    """Files and commands of the machine that a module runs on."""

    # Commands of the system are found for unprivileged users too: Debian keeps sysctl, ss and nft out of their PATH.
    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def __init__(self, run: Runner | None = None) -> None:
        """`run` stands in for `bounded.run` in tests."""
        self._run = run or bounded.run
        #: What took too long, was cut, or is not a file, a sentence each: findings for whoever reports.
        self.overruns: list[str] = []
        # What is unpacked and copied here is nobody else's to write, whatever the login allows.
        os.umask(os.umask(0o022) | 0o022)

    def run(
        self,
        argv: Sequence[str],
        data: str | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = COMMAND_SECONDS,
        limit: int = OUTPUT_BYTES,
        keep: Iterable[str] = (),
        exact: bool = False,
    ) -> Result:
        """Runs a list of arguments (never a shell) in the C locale; a missing program is rc 127, not an exception.

        It has an environment of its own: the login of root may hold a proxy with its password, which is not the
        application's. `environment` adds to it what others must not see: an argument is visible to every user of the
        host. `keep` names what it gets of this process's own: `own_environment` for a program of who runs this.

        It is ended after `seconds`, with the rc `LATE`; of each output `limit` bytes are kept. Control characters
        are escaped, but not with `exact`, for what is parsed by them.
        """
        if self.find_program(argv[0]) is None:
            return Result(127, "", f"{argv[0]}: not found on this host")
        own = {name: os.environ[name] for name in keep if name in os.environ}
        # AnsibleModule.run_command ended each input with a line's end, too.
        given = f"{data}\n".encode("utf-8", "surrogateescape") if data else None
        ended = self._run(
            list(argv), given, {**own, **build_environment(self.PATH, own), **(environment or {})}, seconds, limit
        )
        return self._make_result(argv, ended, seconds, limit, str if exact else escape_text)

    def _make_result(
        self, argv: Sequence[str], ended: bounded.Run, seconds: float, limit: int, shown: Callable[[str], str]
    ) -> Result:
        out, err = (shown(text.decode("utf-8", "surrogateescape")) for text in (ended.out, ended.err))
        why = ""
        if ended.late:
            why = (
                f"{make_printable(' '.join(argv))} had not ended after {seconds} s and was ended; expected an answer: "
                "run it on the host"
            )
        elif ended.cut:
            why = f"{make_printable(' '.join(argv))} printed more than {limit} bytes, and the rest was cut"
        if why:
            self.overruns.append(why)
        return Result(
            LATE if ended.late else ended.rc,
            out,
            "\n".join(filter(None, [err.rstrip("\n"), why])) if why else err,
            ended.cut,
        )

    def find_program(self, name: str) -> str | None:
        """The path of a program, or None."""
        return shutil.which(name, path=self.PATH)

    def read(self, path: str, limit: int = OUTPUT_BYTES) -> str | None:
        """The text of a file as it is, for editing and for parsers that know its grammar; None where there is none.

        Raises OSError where it exists and may not be read, or is larger than `limit` bytes: half of a file is nothing
        to write back. A pipe, a socket or a device in its place is not waited for: it is not a file, and an overrun.
        """
        found = self._read_content(path, limit)
        if found is not None and len(found) > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes; expected a text: move it away", path)
        return None if found is None else found.decode("utf-8", "surrogateescape")

    def read_untrusted(self, path: str, limit: int = OUTPUT_BYTES) -> str | None:
        """The text of a file that others write, by `escape_text`: None where there is none, cut after `limit`."""
        found = self._read_content(path, limit)
        if found is None:
            return None
        if len(found) > limit:
            self.overruns.append(f"{make_printable(path)} has more than {limit} bytes, and the rest was cut")
        return escape_text(found[:limit].decode("utf-8", "surrogateescape"))

    def _read_content(self, path: str, limit: int) -> bytes | None:
        """The first bytes of a file, one more than `limit` where it is larger; None where there is no file."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None
        except OSError as error:
            # A socket; a file that its owner holds a lease of.
            if error.errno not in (errno.ENXIO, errno.EAGAIN):
                raise
            self._note_no_file(path)
            return None
        with os.fdopen(handle, "rb", buffering=0) as file:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(found.st_mode) and not (stat.S_ISCHR(found.st_mode) and found.st_rdev == NULL_DEVICE):
                self._note_no_file(path)
                return None
            parts, left = [], limit + 1
            try:
                while left > 0:
                    part = file.read(min(left, 1 << 20))
                    if not part:
                        break
                    parts.append(part)
                    left -= len(part)
            except ProcessLookupError:
                # A process ended while its folder was read.
                return None
            return b"".join(parts)

    def _note_no_file(self, path: str) -> None:
        self.overruns.append(
            f"{make_printable(path)} is a pipe, a socket, a device or held by its owner, and was not read; expected a "
            "file: move it away"
        )

    def read_tail(self, path: str, size: int = 16384, since: tuple[int, int] = (0, 0)) -> str:
        """The last lines of a regular file, at most so many bytes; empty where there is none. A line that is longer is
        cut. The file may lie in a folder of a user who is not root: see `open_file`.

        `since` is what `read_position` returned: only what was written after it is read. Another file in its place, or
        one that became shorter, was rotated: all of it was written after.
        """
        try:
            handle = self.open_file(path, os.O_RDONLY)
        except OSError:
            return ""
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            begin = since[1] if found.st_ino == since[0] and found.st_size >= since[1] else 0
            start = max(found.st_size - size, begin)
            file.seek(start)
            data = file.read(size)
        # Not from the middle of a line on.
        lines = data.partition(b"\n")[2] if start > begin else data
        return escape_text((lines or data).decode("utf-8", "replace"))

    def read_position(self, path: str) -> tuple[int, int]:
        """Where a log ends now, as `(inode, size)`: what `read_tail` takes as `since`.
        `(0, 0)` where there is no file."""
        try:
            found = os.lstat(path)
        except OSError:
            return (0, 0)
        return (found.st_ino, found.st_size) if stat.S_ISREG(found.st_mode) else (0, 0)

    def list_log_files(self, folder: str) -> list[file_parts.FileInfo]:
        """The regular files and links in a folder that a user who is not root may write; none where there is no folder.

        A link, and a file of another user than the folder's owner, are refused: see `may_be_planted`.
        """
        try:
            with self.open_parent(f"{folder}/log") as (above, _name):
                handle = os.open(".", FOLDER_FLAGS, dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):
            return []
        try:
            return file_parts.list_files(handle, may_be_planted)
        finally:
            os.close(handle)

    def read_part(self, path: str, offset: int, size: int, zipped: bool = False) -> file_parts.Part | None:
        """`size` bytes at most of a file as `open_file` opens it, from `offset` on; None where there is none.

        With `zipped`, what a file of gzip has unpacked, and the last bytes for an `offset` below 0.
        """
        try:
            handle = self.open_file(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return (file_parts.unzip_part if zipped else file_parts.read_part)(handle, offset, size)
        finally:
            os.close(handle)

    def has_reader(self) -> bool:
        """Whether somebody waits for what this process prints: not where the connection to the controller is lost."""
        return file_parts.has_reader(1)

    def readlink(self, path: str) -> str | None:
        """The target of a symbolic link as it is written; None where the path is not a link."""
        try:
            return os.readlink(path)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None
        except OSError as error:
            if os.path.islink(path):
                raise
            del error
            return None

    def listdir(self, path: str) -> list[str]:
        """The sorted names in a folder; an empty list where there is no folder."""
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return []

    def realpath(self, path: str) -> str:
        """The path with every link followed."""
        return os.path.realpath(path)

    def read_free_space(self, path: str) -> tuple[int, int] | None:
        """The bytes and inodes that are free on the file system of a path, or of its nearest parent that is there, as a
        pair; None where that cannot be read."""
        while path not in ("", "/") and not os.path.exists(path):
            path = os.path.dirname(path)
        try:
            found = os.statvfs(path or "/")
        except OSError:
            return None
        return found.f_bavail * found.f_frsize, found.f_favail

    def compute_digest(self, path: str) -> str:
        """The SHA-256 of a file in hexadecimal; an empty text where it cannot be read."""
        return trees.compute_digest(path)

    def seal(self, path: str) -> list[int]:
        """See `trees.seal`."""
        return trees.seal(path)

    def has_mode(self, path: str, mode: int) -> bool:
        """Whether a file, which is not a link, has this mode."""
        return trees.has_mode(path, mode)

    def list_entries(self, folder: str) -> list[str]:
        """The paths of all files and links below a folder, from there on."""
        return trees.list_entries(folder)

    def list_archive(self, archive: str) -> list[str]:
        """The names of the members of an archive."""
        return trees.list_names(archive)

    def read_head(self, path: str, size: int) -> bytes:
        """The first bytes of a file. Raises OSError."""
        with open(path, "rb") as handle:
            return handle.read(size)

    def is_file(self, path: str) -> bool:
        """Whether a path, links followed, is a regular file."""
        return os.path.isfile(path)

    def exists(self, path: str) -> bool:
        """Whether the path (links followed) exists."""
        return os.path.exists(path)

    def is_same(self, path: str, other: str) -> bool:
        """Whether two paths (links followed) lead to the same file or folder; false where one of them leads nowhere."""
        try:
            return os.path.samefile(path, other)
        except OSError:
            return False

    def stat(self, path: str) -> Stat | None:
        """What the path itself is (links not followed); None where there is nothing."""
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None
        kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"))
        kind = next((name for test, name in kinds if test(found.st_mode)), "other")
        owner, group = find_user_name(found.st_uid), find_group_name(found.st_gid)
        return Stat(kind, stat.S_IMODE(found.st_mode), owner, group, found.st_size, found.st_nlink)

    def resolve(self, path: str) -> str:
        """The path of the file that is written when `path` is: see the function `resolve`."""
        return resolve(self, os.path.join(os.getcwd(), path))

    def make_directory(
        self, path: str, mode: int = 0o755, owner: str | int = "root", group: str | int = "root"
    ) -> None:
        """A folder with this owner and mode; its parents are made like root's own (0755).

        A link in its place stays, and the folder that it leads to gets them. Raises `PathError`, before anything is
        changed, where `resolve` does, where there is something else than a folder, and where others could write in it.
        """
        target = self.resolve(path)
        guard_mode(target, mode, owner, group)
        found = self.stat(target)
        if found is not None and found.kind != "directory":
            raise PathError(errno.ENOTDIR, explain_no_folder(path, target))
        self.make_parents(target)
        with self.open_parent(target) as (folder, name):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=folder)
            handle = os.open(name, FOLDER_FLAGS, dir_fd=folder)
            try:
                before = os.fstat(handle)
                if before.st_uid != os.geteuid():
                    guard_owner(target, os.fstat(folder), before, (find_user_id(owner),))
                self.set_owner(handle, mode, owner, group)
            finally:
                os.close(handle)

    def make_parents(self, path: str) -> None:
        """The folders above a path, those that are missing with the mode 0755, whatever the umask is."""
        os.close(open_folder(self.resolve(posixpath.dirname(path)), make=True))

    @contextlib.contextmanager
    def open_parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The folder that a path is in, as a descriptor, and the last part of the path.

        What is done with both cannot be led elsewhere by a user who may write above. Raises `PathError` where
        `resolve` does, and OSError where there is no such folder.
        """
        above, name = posixpath.split(path)
        folder = open_folder(self.resolve(above))
        try:
            yield folder, name
        finally:
            os.close(folder)

    def open_file(self, path: str, flags: int, mode: int = 0o600) -> int:
        """A descriptor of a regular file in a folder that others may write. `flags` and `mode` are those of open(2).

        A link, a pipe or a device in its place is refused, and so is a file of another user than the folder's owner:
        a hard link of theirs. Raises `PathError` then, and OSError where it cannot be opened.
        """
        with self.open_parent(path) as (folder, name):
            handle = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, mode, dir_fd=folder)
            try:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode):
                    raise PathError(errno.EINVAL, explain_no_file(path, path, "other"))
                guard_owner(path, os.fstat(folder), found)
            except BaseException:
                os.close(handle)
                raise
            return handle

    def write(
        self,
        path: str,
        text: str,
        mode: int | None = None,
        owner: str | int | None = None,
        group: str | int | None = None,
    ) -> None:
        """Replaces a file atomically: a reader sees the old text or the new one, and a killed run leaves the old.

        Where `path` is a link, or leads through links, the file at their end is replaced and the links stay. Without a
        `mode` the file keeps what it has of mode, owner and group; a new one has 0644. With a mode it is a file of
        ours, and belongs to `owner` and `group`, by default to who runs this.
        Raises `PathError`, before anything is changed, where `resolve` does, where there is something else than a
        file, and where others could write the result.
        """
        target = self.resolve(path)
        try:
            self.make_parents(target)
            folder = open_folder(os.path.dirname(target))
        except OSError as error:
            raise PathError(error.errno, explain_not_replaced(target, error)) from error
        try:
            self._replace(path, target, folder, text, mode, owner, group)
        except PathError:
            raise
        except OSError as error:
            room = (
                f" ({disk_space.describe(target, self.read_free_space(target), len(text))})"
                if disk_space.is_full(error)
                else ""
            )
            raise PathError(error.errno, explain_not_replaced(target, error) + room) from error
        finally:
            os.close(folder)

    def _replace(
        self,
        path: str,
        target: str,
        folder: int,
        text: str,
        mode: int | None,
        owner: str | int | None,
        group: str | int | None,
    ) -> None:
        """The second half of `write`: `folder` is a descriptor, so that nobody can lead it elsewhere meanwhile."""
        name = os.path.basename(target)
        temporary = f".{name}.{secrets.token_hex(8)}"
        before = check_replaceable(path, target, folder, name)
        new_mode = mode if mode is not None else 0o644 if before is None else before.st_mode & 0o777
        kept_owner = before if mode is None else None
        owner = owner if owner is not None else kept_owner.st_uid if kept_owner is not None else os.geteuid()
        group = group if group is not None else kept_owner.st_gid if kept_owner is not None else os.getegid()
        guard_mode(target, new_mode, owner, group)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text.encode("utf-8", "surrogateescape"))
                out.flush()
                if before is not None:
                    kept = KEPT_ATTRIBUTES if mode is None else KEPT_ATTRIBUTES[:1]
                    copy_attributes(f"/proc/self/fd/{folder}/{name}", handle, kept)
                # After an access list, which brings a mode of its own.
                self.set_owner(handle, new_mode, owner, group)
                os.fsync(handle)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise

    def create(self, path: str, text: str, mode: int = 0o644) -> bool:
        """Makes a file that must not be there yet: False where it is. Of two processes that try, one succeeds."""
        guard_mode(path, mode, os.geteuid(), os.getegid())
        with self.open_parent(path) as (folder, name):
            temporary = f".{name}.{secrets.token_hex(8)}"
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    out.write(text)
                    out.flush()
                    os.chmod(handle, mode)
                # Whole or not at all: a rename would replace what is there.
                os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary, dir_fd=folder)
        return True

    @contextlib.contextmanager
    def hold_lock(self, path: str, seconds: float | None = None) -> Iterator[None]:
        """Waits until no other process has the lock of this file, and holds it for the block.
        A process that ends gives it back.

        Raises TimeoutError where another one has it after `seconds` (by default `LOCK_SECONDS`),
        and `PathError` where the file is another user's.
        """
        # A lock that others may open, they may hold.
        with os.fdopen(self.open_file(path, os.O_WRONLY | os.O_CREAT), "w", encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                raise PathError(
                    errno.EPERM,
                    f"the lock {path} belongs to {find_user_name(os.fstat(file.fileno()).st_uid)}; "
                    f"expected a file of {find_user_name(os.geteuid())}: remove it, and run the playbook again",
                )
            os.chmod(file.fileno(), 0o600)
            bounded.lock(file, LOCK_SECONDS if seconds is None else seconds, path)
            yield

    @contextlib.contextmanager
    def hold_folder(self, path: str) -> Iterator[None]:
        """Holds a folder for the block. Only who may read it could do that as well: it is made for root alone."""
        handle = os.open(path, FOLDER_FLAGS)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(handle)

    def is_held(self, path: str) -> bool:
        """Whether a process that is alive holds a folder."""
        try:
            handle = os.open(path, FOLDER_FLAGS)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def hold_fence(self) -> contextlib.AbstractContextManager[None]:
        """Changes within this block need no further permission: a host without a fence is free to change."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def hold_guard(self, path: str, alone: bool, seconds: float) -> Iterator[None]:
        """Holds the lock of a file for the block, `alone` or together with others who hold it so. Nothing is written.

        The file is root's own, so that nobody else can hold it. Raises `PathError` where others hold it for longer
        than
        `seconds`. A process that ends gives it back, and a program that it started does not have it.
        """
        handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                found, expected = find_user_name(os.fstat(handle).st_uid), find_user_name(os.geteuid())
                raise PathError(errno.EPERM, f"{path} belongs to {found}; expected a file of {expected}: "
                                "remove it, and run the playbook again")
            os.fchmod(handle, 0o600)
            try:
                bounded.lock(handle, seconds, path, shared=not alone)
            except TimeoutError as error:
                raise PathError(errno.ETIMEDOUT, str(error)) from None
            yield
        finally:
            os.close(handle)

    def append(self, path: str, text: str, mode: int, owner: str | int, group: str | int) -> None:
        """Adds to the end of a regular file, which is made where it is missing. A link in its place is not followed.

        Raises `PathError`, before anything is changed, where there is no regular file,
        and where others could write it.
        """
        guard_mode(path, mode, owner, group)
        found = self.stat(path)
        if found is not None and found.kind != "file":
            raise PathError(errno.EINVAL, explain_no_file(path, path, found.kind))
        try:
            handle = self.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except PathError:
            raise
        except OSError as error:
            raise PathError(error.errno, explain_not_replaced(path, error)) from error
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            self.set_owner(handle, mode, owner, group)

    def poke(self, path: str, text: str) -> None:
        """Writes into an existing file in place: the way of /proc/sys. Raises OSError with the kernel's own reason."""
        handle = os.open(path, os.O_WRONLY)
        try:
            os.write(handle, text.encode())
        finally:
            os.close(handle)

    def link(self, path: str, target: str) -> None:
        """A symbolic link, switched atomically."""
        with self.open_parent(path) as (folder, name):
            temporary = f".{name}.{secrets.token_hex(8)}"
            os.symlink(target, temporary, dir_fd=folder)
            try:
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise

    def link_tree(
        self, source: str, target: str, leave_out: Container[str], mode: int, owner: str | int, group: str | int
    ) -> None:
        """A folder like `source` whose files are hard links to its files, but for the paths in `leave_out`.

        Raises `PathError` where there is a pipe, a device or a file that another user has put there, and where the
        tree is deeper than `MOST_LEVELS`.
        """
        left = [(source, target, 0)]
        while left:
            source, target, level = left.pop()
            if level > MOST_LEVELS:
                raise PathError(errno.ELOOP, f"{source[:200]}... is more than {MOST_LEVELS} folders deep; expected the "
                                "folders of a package: build it again")
            self.make_directory(target, mode, owner, group)
            source_fd, there = open_folder(self.resolve(source)), open_folder(self.resolve(target))
            try:
                for entry in self.listdir(source):
                    path, found = f"{target}/{entry}", os.stat(entry, dir_fd=source_fd, follow_symlinks=False)
                    if path in leave_out:
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        left.append((f"{source}/{entry}", path, level + 1))
                        continue
                    if not stat.S_ISLNK(found.st_mode):
                        os.close(self.open_file(f"{source}/{entry}", os.O_RDONLY))
                    os.link(entry, entry, src_dir_fd=source_fd, dst_dir_fd=there, follow_symlinks=False)
            finally:
                os.close(source_fd)
                os.close(there)

    def make_hard_link(self, source: str, path: str) -> None:
        """Another name for a file, in a folder that root alone may write."""
        os.link(source, path)

    def copy(self, source: str, path: str) -> None:
        """A copy of a file's content, in a folder that root alone may write."""
        shutil.copyfile(source, path)

    def unpack_digests(self, archive: str, folder: str) -> dict[str, str]:
        """See `trees.unpack_digests`."""
        return trees.unpack_digests(archive, folder)

    def rename(self, path: str, new_path: str) -> None:
        """Renames, atomically within a file system."""
        with self.open_parent(path) as (folder, name), self.open_parent(new_path) as (new_folder, new_name):
            os.rename(name, new_name, src_dir_fd=folder, dst_dir_fd=new_folder)

    def remove(self, path: str) -> None:
        """Removes a file, a link, or a folder with all that is in it; nothing there is fine."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with self.open_parent(path) as (folder, name):
                remove_entry(path, folder, name)

    def remove_written(self, path: str) -> None:
        """Removes what was written at a path. Of a link to a file that is the file, and the link stays as it was."""
        found = self.stat(path)
        target = self.resolve(path) if found is not None and found.kind == "link" else path
        found = self.stat(target)
        if found is not None:
            self.remove(target if found.kind == "file" else path)

    def remove_empty(self, path: str) -> None:
        """Removes a folder, unless there is something in it, or it is not there, a link, or in use as a mount point."""
        try:
            with self.open_parent(path) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR, errno.EBUSY):
                raise

    def kill(self, pid: int, number: int) -> None:
        """Sends a signal to a process; one that is gone already is fine."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def start_job(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str = "/",
        seconds: float = 0,
        lease: float = 0,
        nofile: int = 0,
        umask: int = 0o027,
        file: str = "",
        removed: Sequence[str] = (),
        held: str = "",
    ) -> str:
        """Starts a command in the background, with this environment and no other: the folder of its job.

        It ends when nobody has polled it for `lease` seconds (0: a usual time). See `jobs.start`.
        """
        from . import jobs

        return jobs.start(
            argv, environment, self.remove, cwd=cwd, seconds=seconds, lease=lease or jobs.LEASE, nofile=nofile,
            umask=umask, file=file, removed=removed, held=held,
        )

    def poll_job(self, folder: str, position: int) -> dict[str, Any]:
        """What a job reports, and its output from a position on: see `jobs.poll`. Raises RuntimeError, a sentence."""
        from . import jobs

        found = jobs.poll(folder, position)
        return {**found, "output": escape_text(found["output"])}

    def read_job_file(self, folder: str, position: int, size: int) -> tuple[bytes, int]:
        """At most `size` bytes of the file that a job's command has made, from a position on, and how large it is. It
        may lie in a folder of a user who is not root: see `open_file`. Raises RuntimeError, a sentence, and OSError."""
        from . import jobs

        path = jobs.find_file(folder)
        try:
            handle = self.open_file(path, os.O_RDONLY)
        except FileNotFoundError:
            raise RuntimeError(
                f"found no {path}; expected the file that the command has made. Somebody has removed it, or a deploy "
                "has: run the playbook again"
            ) from None
        with os.fdopen(handle, "rb") as file:
            file.seek(position)
            return file.read(size), os.fstat(handle).st_size

    def end_job(self, folder: str) -> None:
        """Ends a job, and waits until nothing of it is left. Raises RuntimeError, a sentence."""
        from . import jobs

        jobs.end(folder, self.remove)

    def fetch_status(self, address: str, port: int, path: str, seconds: float = 10) -> int | str:
        """The HTTP status of a page, or the reason why there is none in `seconds`, as a printable text."""
        # Not at the top: most modules ask for no page, and it takes every run of theirs 10 ms.
        import http.client

        from . import bounded_page

        try:
            return bounded_page.ask(address, port, path, seconds, {"User-Agent": "xitrum.host", "Connection": "close"})[
                0
            ]
        except (OSError, ValueError, http.client.HTTPException) as error:
            return make_printable(str(error) or type(error).__name__)

    def read_page(
        self, address: str, port: int, path: str, seconds: float = 10, most: int = 1 << 20
    ) -> tuple[int | str, str]:
        """The HTTP status of a page, or the reason why there is none, and the first `most` bytes of its text. In
        `seconds` all of that has to be there, however slowly it comes."""
        import http.client

        from . import bounded_page

        headers = {"User-Agent": "xitrum.host", "Connection": "close"}
        try:
            status, _reason, _headers, body = bounded_page.ask(address, port, path, seconds, headers, most=most)
        except TimeoutError:
            return f"no whole page within {seconds} s", ""
        except (OSError, ValueError, http.client.HTTPException) as error:
            return make_printable(str(error) or type(error).__name__), ""
        return status, escape_text(body.decode("utf-8", "replace"))

    def connect(self, address: str, port: int, seconds: float = 3) -> tuple[str, str]:
        """How a TCP connection ends: `(word, message)`, the word one of the keys of `CONNECT_WORDS` or `open`."""
        try:
            with socket.create_connection((address, port), timeout=seconds):
                return "open", ""
        except OSError as error:
            return name_connect_error(error), str(error) or type(error).__name__

    def resolve_addresses(self, name: str) -> list[str]:
        """The addresses of a host name, as this host resolves it, in the resolver's order; empty where it does not."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def exchange(self, path: str, data: bytes, seconds: float, most: int) -> bytes:
        """What a program answers on its socket, a path, to these bytes. Raises OSError where nobody listens there, this
        user may not use it, or the answer takes longer than `seconds` in all, and ValueError beyond `most` bytes."""
        return bounded.exchange(path, data, seconds, most)

    def request(
        self, address: str, port: int, path: str, seconds: float, headers: Mapping[str, str]
    ) -> tuple[int, str, HTTPMessage, bytes]:
        """One HTTP request: status, reason, headers and body. Raises OSError, ValueError and HTTPException."""
        # Not at the top: most modules ask for no page, and it takes every run of theirs 10 ms.
        from . import bounded_page

        return bounded_page.ask(address, port, path, seconds, headers, with_body=True)

    def find_bind_error(self, address: str) -> str:
        """Why no program can listen on an address of this host, as the kernel reports it; empty where one can."""
        try:
            family, kind, protocol, _name, place = socket.getaddrinfo(
                address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
            with socket.socket(family, kind, protocol) as listener:
                listener.bind(place)
        except (OSError, UnicodeError) as error:
            return getattr(error, "strerror", None) or str(error)
        return ""

    def sync(self) -> None:
        """Waits until all that was written is on the disk."""
        os.sync()

    def read_clock_ticks(self) -> int:
        """How many ticks of the kernel's clock a second has."""
        return os.sysconf("SC_CLK_TCK")

    def count_processors(self) -> int:
        """The number of processors."""
        return os.cpu_count() or 1

    def read_architecture(self) -> str:
        """The architecture of the machine, as the kernel names it."""
        return os.uname().machine

    def make_absolute(self, path: str) -> str:
        """The absolute path of one that may begin with ~ or be relative to the folder that this process works in."""
        return os.path.abspath(os.path.expanduser(path))

    def find_user(self) -> tuple[str, str]:
        """The names of the user and group of this process, as a pair."""
        return find_user_name(os.geteuid()), find_group_name(os.getegid())

    def is_root(self) -> bool:
        """Whether this process is root's."""
        return os.geteuid() == 0

    def set_owner(self, path: str | int, mode: int, owner: str | int, group: str | int) -> None:
        """Owner and mode of a path or an open file, by name or number; the mode last: chown may clear bits of it.

        Of a path as `open_file` opens it, or of a folder.
        """
        if not isinstance(path, int):
            found = self.stat(path)
            flags = FOLDER_FLAGS if found is not None and found.kind == "directory" else os.O_RDONLY
            with self.open_parent(path) as (folder, name):
                handle = os.open(name, flags, dir_fd=folder) if flags == FOLDER_FLAGS else self.open_file(path, flags)
                try:
                    guard_owner(path, os.fstat(folder), os.fstat(handle))
                    self.set_owner(handle, mode, owner, group)
                finally:
                    os.close(handle)
            return
        os.chown(path, find_user_id(owner), find_group_id(group))
        os.chmod(path, mode)


def build_environment(path: str, own: Mapping[str, str]) -> dict[str, str]:
    """What every command has: the C locale, a search path, and the home of who runs it, unless `own` has one."""
    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        home = "/"
    return {"LC_ALL": "C", "LANGUAGE": "C", "PATH": path, "HOME": own.get("HOME", home)}


def copy_environment() -> tuple[str, ...]:
    """All that this process has: for programs that work for who runs Ansible, with that person's keys and proxies."""
    return tuple(os.environ)


def resolve(host: Host, path: str) -> str:
    """The path with every link followed, also where there is no file at its end: the links stay when that is written.

    `host` has `readlink` and `stat`: a machine, or its double. Root follows root's own links only, and only in
    folders that nobody else may change: who may put a link there would choose what root writes. Raises `PathError`.
    """
    left, current, followed = path.split("/")[::-1], "/", 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            current = posixpath.dirname(current)
            continue
        step = posixpath.join(current, part)
        target = host.readlink(step)
        if target is None:
            current = step
            continue
        followed += 1
        if followed > MOST_LINKS:
            raise PathError(errno.ELOOP, f"{path} is a link that leads in a circle ({step} -> {target}); "
                            "expected a link to a file: correct it, or remove it")
        wrong = describe_untrusted(host, step)
        if wrong:
            raise PathError(errno.EPERM,
                            f"{path} is reached through the link {step}, and {wrong}, who could point the link at "
                            f"another file; expected a link that root alone may change. Give the link and its folders "
                            f"to root (chown -h root {step}), or replace the link with the file that it leads to")
        left += target.split("/")[::-1]
        current = "/" if target.startswith("/") else current
    return current


def describe_untrusted(host: Host, path: str) -> str:
    """Who else than root may replace a path, as the end of a sentence; empty where nobody may.

    A user who runs this without root is trusted as well. In a folder with the sticky bit, a name is its owner's alone.
    """
    owners = {"root", find_user_name(os.geteuid())}
    while path != "/":
        found = host.stat(path)
        if found is not None and found.owner not in owners:
            return f"{path} belongs to {found.owner}"
        if found is not None and found.kind == "directory" and not found.mode & 0o1000:
            if found.mode & 0o002:
                return f"{path} may be written by every user"
            daemon = DAEMON_FOLDERS.get(path) == found.group
            if found.mode & 0o020 and found.group not in owners and not daemon:
                return f"{path} may be written by the group {found.group}"
        if found is not None and found.kind == "file" and is_writable_by_group(found.mode, found.group):
            return f"{path} may be written by the group {found.group}"
        path = posixpath.dirname(path)
    return ""


def check_replaceable(path: str, target: str, folder: int, name: str) -> os.stat_result | None:
    """What lstat reports about a file in the open folder, or None. Raises `PathError` where there is something
    else."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise PathError(
            errno.EINVAL, explain_no_file(path, target, "directory" if stat.S_ISDIR(found.st_mode) else "other")
        )
    return found


def is_writable_by_group(mode: int, group: str | int) -> bool:
    """Whether a mode lets a group write that is neither root's nor that of who runs this."""
    return bool(mode & 0o020) and group not in (0, "0", "root", os.getegid(), find_group_name(os.getegid()))


def guard_mode(path: str, mode: int, owner: str | int, group: str | int) -> None:
    """Raises `PathError` where others could write a file or folder that gets this mode: every writer asks.

    What a user owns may be that user's group's, too: such as the source tree of a project.
    """
    if mode & 0o002:
        raise PathError(errno.EPERM, explain_writable_by_all(path, mode))
    if owner in (0, "0", "root") and is_writable_by_group(mode, group):
        name = find_group_name(group) if isinstance(group, int) else group
        raise PathError(errno.EPERM, f"{path} has the mode {mode:04o}, so the group {name} may change it; "
                        f"expected one that root alone may change: run chmod g-w {path}")


def explain_no_folder(path: str, target: str) -> str:
    """Why a folder cannot be made, as a sentence."""
    what = f"{path} leads to {target}, which is" if path != target else f"{path} is"
    return f"{what} not a folder; expected a folder, or nothing: move it away"


def explain_no_file(path: str, target: str, kind: str) -> str:
    """Why a path cannot be written, as a sentence."""
    if kind == "link":
        return f"{path} is a link, which is not followed here; expected a file: remove the link, and run again"
    what = f"{path} leads to {target}, which is" if path != target else f"{path} is"
    kind = "a directory" if kind == "directory" else "a device, a pipe or a socket"
    return f"{what} {kind}; expected a file: move it away, or remove the link"


def explain_writable_by_all(path: str, mode: int) -> str:
    """Why a file is not written that others could change, as a sentence."""
    return (f"{path} has the mode {mode:04o}, so every user may change it; expected a file that others cannot write: "
            f"run chmod o-w {path}")


def explain_not_replaced(path: str, error: OSError) -> str:
    """An operating system's error while a file is replaced, as a sentence with what to do."""
    advice = {
        errno.EPERM: "set become: true" if os.geteuid() else
        f"it may be immutable; lsattr {path} shows that, chattr -i {path} ends it",
        errno.EACCES: "set become: true",
        errno.EROFS: "the file system is mounted read-only; mount it read-write",
        errno.ENOSPC: "the file system is full; make room",
        errno.EDQUOT: "the disk quota is used up; make room",
        errno.EBUSY: "it may be a mount point of its own, as a container engine makes; mount its folder instead",
    }
    return (f"{path} could not be replaced and is as it was ({error.strerror or error}): "
            f"{advice.get(error.errno or 0, 'correct that')}, and run the playbook again")


def open_folder(path: str, make: bool = False) -> int:
    """A descriptor of a folder. `make`: what is missing of it is made, with the mode 0755. Raises OSError where a part
    of its path is a link, or was made one meanwhile."""
    # Linux alone has O_PATH, with which a folder need not be readable.
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open("/", flags)
    for part in filter(None, path.split("/")):
        try:
            below = open_below(handle, part, flags, make)
        finally:
            os.close(handle)
        handle = below
    return handle


def open_below(handle: int, part: str, flags: int, make: bool) -> int:
    """One step of `open_folder`."""
    try:
        return os.open(part, flags, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=handle)
        made = os.open(part, FOLDER_FLAGS, dir_fd=handle)
        try:
            os.chmod(made, 0o755)
        finally:
            os.close(made)
    return os.open(part, flags, dir_fd=handle)


def may_be_planted(folder: os.stat_result, found: os.stat_result) -> bool:
    """Whether another user than its owner may have put a file into an open folder, by what fstat reports about both: a
    hard link needs no right to the file, and the file may have lost its other names since."""
    trusted = (0, os.geteuid())
    if folder.st_uid not in trusted:
        return found.st_uid != folder.st_uid
    open_to_others = folder.st_mode & 0o002 or is_writable_by_group(folder.st_mode, folder.st_gid)
    return bool(open_to_others) and found.st_uid in trusted and found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)


def guard_owner(path: str, folder: os.stat_result, found: os.stat_result, owners: Container[int] = ()) -> None:
    """Raises `PathError` where others may have put a file or folder into an open folder: see `may_be_planted`.
    `owners` are the numbers of users whose it may be all the same."""
    if found.st_uid not in owners and may_be_planted(folder, found):
        raise PathError(
            errno.EPERM,
            f"{path} belongs to {find_user_name(found.st_uid)} and is in a folder that {find_user_name(folder.st_uid)} "
            f"or others may write, who could have put it there; expected one of {find_user_name(folder.st_uid)}. Find "
            "out who made "
            f"it, and remove it",
        )


def remove_entry(path: str, folder: int, name: str) -> None:
    """Removes what has a name in an open folder, with all that is in it. No link is followed, and a tree may be deeper
    than a process may have descriptors: one folder is open at a time, and the way back is verified."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=folder)
        return
    opened = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    above: list[tuple[str, list[str], tuple[int, int]]] = []
    try:
        left = os.listdir(opened)
        while left or above:
            if not left:
                (entry, left, place), below = above.pop(), opened
                opened = os.open("..", FOLDER_FLAGS, dir_fd=below)
                os.close(below)
                if identify_folder(opened) != place:
                    raise PathError(
                        errno.EBUSY,
                        f"a folder in {path} was moved while that was removed; expected nobody "
                        "to change it: stop what works in it, and run the playbook again",
                    )
                os.rmdir(entry, dir_fd=opened)
                continue
            entry = left.pop()
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISDIR(os.stat(entry, dir_fd=opened, follow_symlinks=False).st_mode):
                    below = os.open(entry, FOLDER_FLAGS, dir_fd=opened)
                    above.append((entry, left, identify_folder(opened)))
                    os.close(opened)
                    opened, left = below, os.listdir(below)
                else:
                    os.unlink(entry, dir_fd=opened)
    finally:
        os.close(opened)
    os.rmdir(name, dir_fd=folder)


def identify_folder(handle: int) -> tuple[int, int]:
    """What distinguishes an open folder from all others: its device and inode."""
    found = os.fstat(handle)
    return found.st_dev, found.st_ino


def copy_attributes(path: str, handle: int, names: Iterable[str]) -> None:
    """Gives an open file the extended attributes of another, as far as it has them and the file system takes them."""
    for name in names if hasattr(os, "getxattr") else ():
        try:
            os.setxattr(handle, name, os.getxattr(path, name, follow_symlinks=False))
        except OSError:
            # It has none, or nobody keeps any here.
            continue


def find_user_id(name: str | int) -> int:
    """The number of a user; the reverse of `find_user_name`. Raises LookupError where there is none."""
    return _find_id(name, lambda text: pwd.getpwnam(text).pw_uid)


def find_group_id(name: str | int) -> int:
    """The number of a group; the reverse of `group_name`. Raises LookupError where there is none."""
    return _find_id(name, lambda text: grp.getgrnam(text).gr_gid)


def _find_id(name: str | int, find: Callable[[str], int]) -> int:
    """The number of an account: a number stays, and so does one in text that is not a name."""
    if isinstance(name, int):
        return name
    try:
        return find(name)
    except KeyError:
        if name.isdecimal():
            return int(name)
        raise


#: What an error of connect(2) or of the resolver reports about the way: an errno to a word. Others are `unreachable`:
# a filter that rejects answers with one of many ICMP codes.
CONNECT_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ENETUNREACH: "no_route",
    errno.EADDRNOTAVAIL: "no_route",
    errno.EAFNOSUPPORT: "no_route",
}


def name_connect_error(error: OSError) -> str:
    """The word for an OSError of a connection."""
    if isinstance(error, socket.gaierror):
        return "unresolved"
    if isinstance(error, socket.timeout):
        return "timeout"
    return CONNECT_WORDS.get(error.errno or 0, "unreachable")


def find_user_name(uid: int) -> str:
    """The name of a user id, or the number as text where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def find_group_name(gid: int) -> str:
    """The name of a group id, or the number as text where it has no name."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
