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
import posixpath
import pwd
import secrets
import shutil
import socket
import stat
import tempfile
from typing import NamedTuple

#: As many links as the kernel follows in one path (path_resolution(7)).
MOST_LINKS = 40

#: Folders that a distribution gives to the group of a daemon, which has no members: Ubuntu's log folder.
DAEMON_FOLDERS = {"/var/log": "syslog"}

#: What a file has beside its text, owner and mode, and a rename would lose: the label of SELinux, and access lists.
KEPT_ATTRIBUTES = ("security.selinux", "system.posix_acl_access")


class PathError(OSError):
    """A path that is not written or removed: why, as a sentence with what to do. Its text has no number before it."""

    def __str__(self):
        return str(self.strerror)


class Result(NamedTuple):
    """What a command said."""

    rc: int
    out: str
    err: str


class Stat(NamedTuple):
    """What a path is: C(kind) is one of C(file), C(directory), C(link), C(other). The C(mode) of a link says nothing of
    the file that it leads to. C(names) is the number of hard links."""

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

    def __init__(self, run_command):
        """C(run_command) is C(AnsibleModule.run_command) or a callable of the same shape."""
        self._run_command = run_command
        # What is unpacked and copied here is nobody else's to write, whatever the login allows.
        os.umask(os.umask(0o022) | 0o022)

    def run(self, argv, data=None, environment=None):
        """Runs a list of arguments (never a shell) in the C locale; a missing program is rc 127, not an exception.

        C(environment) is for what others must not see: an argument is visible to every user of the host.
        """
        if self.which(argv[0]) is None:
            return Result(127, "", f"{argv[0]}: not found on this host")
        rc, out, err = self._run_command(
            list(argv), data=data, check_rc=False,
            environ_update={"LC_ALL": "C", "LANGUAGE": "C", "PATH": self.PATH, **(environment or {})})
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

    def tail(self, path, size=16384, since=(0, 0)):
        """The last bytes of a regular file as text; empty where there is none. A link or a pipe in its place is not followed:
        the file may lie in a folder of a user who is not root.

        C(since) is a L(position): only what was written after it is read. Another file in its place, or one that became
        shorter, was rotated: all of it was written after.
        """
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return ""
            begin = since[1] if found.st_ino == since[0] and found.st_size >= since[1] else 0
            file.seek(max(found.st_size - size, begin))
            return file.read(size).decode("utf-8", "replace")

    def position(self, path):
        """Where a log ends now, as C((inode, size)): what L(tail) takes as C(since). C((0, 0)) where there is no file."""
        try:
            found = os.lstat(path)
        except OSError:
            return (0, 0)
        return (found.st_ino, found.st_size) if stat.S_ISREG(found.st_mode) else (0, 0)

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
        owner, group = user_name(found.st_uid), group_name(found.st_gid)
        return Stat(kind, stat.S_IMODE(found.st_mode), owner, group, found.st_size, found.st_nlink)

    def resolve(self, path):
        """The path of the file that is written when C(path) is: see the function L(resolve)."""
        return resolve(self, os.path.join(os.getcwd(), path))

    def make_directory(self, path, mode=0o755, owner="root", group="root"):
        """A folder with this owner and mode; its parents are made like root's own (0755).

        A link in its place stays, and the folder that it leads to gets them. Raises L(PathError), before anything is
        changed, where L(resolve) does, where there is something else than a folder, and where others could write in it.
        """
        target = self.resolve(path)
        guard_mode(target, mode, owner, group)
        found = self.stat(target)
        if found is not None and found.kind != "directory":
            raise PathError(errno.ENOTDIR, no_folder(path, target))
        self.make_parents(target)
        if found is None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(target, 0o700)
        self.own(target, mode, owner, group)

    def make_parents(self, path):
        """The folders above a path, those that are missing with the mode 0755, whatever the umask is."""
        folder = os.path.dirname(path)
        if folder and not os.path.isdir(folder):
            self.make_parents(folder)
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o700)
                os.chmod(folder, 0o755)

    def write(self, path, text, mode=None, owner=None, group=None):
        """Replaces a file atomically: a reader sees the old text or the new one, and a killed run leaves the old.

        Where C(path) is a link, or leads through links, the file at their end is replaced and the links stay. Without a
        C(mode) the file keeps what it has of mode, owner and group; a new one has 0644. With a mode it is a file of
        ours, and belongs to C(owner) and C(group), by default to who runs this.
        Raises L(PathError), before anything is changed, where L(resolve) does, where there is something else than a
        file, and where others could write the result.
        """
        target = self.resolve(path)
        try:
            self.make_parents(target)
            folder = open_folder(os.path.dirname(target))
        except OSError as error:
            raise PathError(error.errno, not_replaced(target, error)) from error
        try:
            self._replace(path, target, folder, text, mode, owner, group)
        except PathError:
            raise
        except OSError as error:
            raise PathError(error.errno, not_replaced(target, error)) from error
        finally:
            os.close(folder)

    def _replace(self, path, target, folder, text, mode, owner, group):
        """The second half of L(write): C(folder) is a descriptor, so that nobody can lead it elsewhere meanwhile."""
        name = os.path.basename(target)
        temporary = f".{name}.{secrets.token_hex(8)}"
        before = replaceable(path, target, folder, name)
        new_mode = mode if mode is not None else 0o644 if before is None else before.st_mode & 0o777
        keeps = before is not None and mode is None
        owner = owner if owner is not None else before.st_uid if keeps else os.geteuid()
        group = group if group is not None else before.st_gid if keeps else os.getegid()
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
                self.own(handle, new_mode, owner, group)
                os.fsync(handle)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise

    def create(self, path, text, mode=0o644):
        """Makes a file that must not be there yet: False where it is. Of two processes that try, one succeeds."""
        guard_mode(path, mode, os.geteuid(), os.getegid())
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
        # A lock that others may open, they may hold.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, path, text, mode, owner, group):
        """Adds to the end of a regular file, which is made where it is missing. A link in its place is not followed.

        Raises L(PathError), before anything is changed, where there is no regular file, and where others could write it.
        """
        guard_mode(path, mode, owner, group)
        found = self.stat(path)
        if found is not None and found.kind != "file":
            raise PathError(errno.EINVAL, no_file(path, path, found.kind))
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise PathError(error.errno, not_replaced(path, error)) from error
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise PathError(errno.EINVAL, no_file(path, path, "other"))
            out.write(text)
            out.flush()
            self.own(handle, mode, owner, group)

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

    def remove_written(self, path):
        """Removes what was written at a path. Of a link to a file that is the file, and the link stays as it was."""
        found = self.stat(path)
        target = self.resolve(path) if found is not None and found.kind == "link" else path
        found = self.stat(target)
        if found is not None:
            self.remove(target if found.kind == "file" else path)

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

    def connect(self, address, port, seconds=3):
        """How a TCP connection ends: C((word, message)), the word one of the keys of C(CONNECT_WORDS) or C(open)."""
        try:
            with socket.create_connection((address, port), timeout=seconds):
                return "open", ""
        except OSError as error:
            return connect_word(error), str(error) or type(error).__name__

    def addresses_of(self, name):
        """The addresses of a host name, as this host resolves it, in the resolver's order; empty where it does not."""
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def bind_error(self, address):
        """Why no program can listen on an address of this host, as the kernel says it; empty where one can."""
        try:
            family, kind, protocol, _name, place = socket.getaddrinfo(
                address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
            with socket.socket(family, kind, protocol) as listener:
                listener.bind(place)
        except (OSError, UnicodeError) as error:
            return getattr(error, "strerror", None) or str(error)
        return ""

    def own(self, path, mode, owner, group):
        """Owner and mode of a path or an open file, by name or number; the mode last: chown may clear bits of it."""
        os.chown(path, user_id(owner), group_id(group))
        os.chmod(path, mode)


def resolve(host, path):
    """The path with every link followed, also where there is no file at its end: the links stay when that is written.

    C(host) has C(readlink) and C(stat): a machine, or its double. Root follows root's own links only, and only in
    folders that nobody else may change: who may put a link there would choose what root writes. Raises L(PathError).
    """
    left, current, followed = path.split("/")[::-1], "/", 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            current = posixpath.dirname(current)
            continue
        here = posixpath.join(current, part)
        target = host.readlink(here)
        if target is None:
            current = here
            continue
        followed += 1
        if followed > MOST_LINKS:
            raise PathError(errno.ELOOP, f"{path} is a link that leads in a circle ({here} -> {target}); "
                            "expected a link to a file: correct it, or remove it")
        wrong = untrusted(host, here)
        if wrong:
            raise PathError(errno.EPERM,
                            f"{path} leads through the link {here}, and {wrong}, who could lead it elsewhere; "
                            "expected a link that root alone may change: give it and its folders to root, "
                            "or put the file itself in its place")
        left += target.split("/")[::-1]
        current = "/" if target.startswith("/") else current
    return current


def untrusted(host, path):
    """Who else than root may replace a path, as the end of a sentence; empty where nobody may.

    A user who runs this without root is trusted as well. In a folder with the sticky bit, a name is its owner's alone.
    """
    owners = {"root", user_name(os.geteuid())}
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
        if found is not None and found.kind == "file" and writable_by_group(found.mode, found.group):
            return f"{path} may be written by the group {found.group}"
        path = posixpath.dirname(path)
    return ""


def replaceable(path, target, folder, name):
    """What lstat says of a file in the open folder, or None. Raises L(PathError) where there is something else."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise PathError(errno.EINVAL, no_file(path, target, "directory" if stat.S_ISDIR(found.st_mode) else "other"))
    return found


def writable_by_group(mode, group):
    """Whether a mode lets a group write that is neither root's nor that of who runs this."""
    return bool(mode & 0o020) and group not in (0, "0", "root", os.getegid(), group_name(os.getegid()))


def guard_mode(path, mode, owner, group):
    """Raises L(PathError) where others could write a file or folder that gets this mode: every writer asks.

    What a user owns may be that user's group's, too: such as the source tree of a project.
    """
    if mode & 0o002:
        raise PathError(errno.EPERM, writable_by_all(path, mode))
    if owner in (0, "0", "root") and writable_by_group(mode, group):
        name = group_name(group) if isinstance(group, int) else group
        raise PathError(errno.EPERM, f"{path} has the mode {mode:04o}, so the group {name} may change it; "
                        f"expected one that root alone may change: run chmod g-w {path}")


def no_folder(path, target):
    """Why a folder cannot be made, as a sentence."""
    what = f"{path} leads to {target}, which is" if path != target else f"{path} is"
    return f"{what} no folder; expected a folder, or nothing: move it away"


def no_file(path, target, kind):
    """Why a path cannot be written, as a sentence."""
    if kind == "link":
        return f"{path} is a link, which is not followed here; expected a file: remove the link, and run again"
    what = f"{path} leads to {target}, which is" if path != target else f"{path} is"
    kind = "a directory" if kind == "directory" else "a device, a pipe or a socket"
    return f"{what} {kind}; expected a file: move it away, or remove the link"


def writable_by_all(path, mode):
    """Why a file is not written that others could change, as a sentence."""
    return (f"{path} has the mode {mode:04o}, so every user may change it; expected a file that others cannot write: "
            f"run chmod o-w {path}")


def not_replaced(path, error):
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
            f"{advice.get(error.errno, 'correct that')}, and run the playbook again")


def open_folder(path):
    """A descriptor of a folder. Raises OSError where a part of its path is a link, or was made one meanwhile."""
    # Linux alone has O_PATH, with which a folder need not be readable.
    flags = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open("/", flags)
    for part in filter(None, path.split("/")):
        try:
            below = os.open(part, flags, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def copy_attributes(path, handle, names):
    """Gives an open file the extended attributes of another, as far as it has them and the file system takes them."""
    for name in names if hasattr(os, "getxattr") else ():
        try:
            os.setxattr(handle, name, os.getxattr(path, name, follow_symlinks=False))
        except OSError:
            # It has none, or nobody keeps any here.
            continue


def user_id(name):
    """The number of a user; the reverse of L(user_name). Raises LookupError where there is none."""
    if isinstance(name, int):
        return name
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        if name.isdecimal():
            return int(name)
        raise


def group_id(name):
    """The number of a group; the reverse of L(group_name). Raises LookupError where there is none."""
    if isinstance(name, int):
        return name
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if name.isdecimal():
            return int(name)
        raise


#: What an error of connect(2) or of the resolver says of the way: an errno to a word. Others are C(unreachable): a filter that rejects
#: answers with one of many ICMP codes.
CONNECT_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ENETUNREACH: "no_route",
    errno.EADDRNOTAVAIL: "no_route",
    errno.EAFNOSUPPORT: "no_route",
}


def connect_word(error):
    """The word for an OSError of a connection."""
    if isinstance(error, socket.gaierror):
        return "unresolved"
    if isinstance(error, socket.timeout):
        return "timeout"
    return CONNECT_WORDS.get(error.errno, "unreachable")


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
