# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that a user names: which belong to the system, how a path may be written, and what a host has in their place.

A folder of the system is refused, and is never changed or removed by this collection.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import input_types
from .host import Host, Stat
from .plan import BlockingError, make_rule_errors
from .process import read_if_allowed
from .untrusted_text import make_printable, split_lines

#: Unit files, supervisord's ini, shell scripts and HOCON take these characters as they are, with no quotes.
PATH = re.compile(input_types.TYPES["path"].pattern)

#: Folders of the Filesystem Hierarchy Standard, and those that distributions add to it. A folder in one of them may be
#: the application's.
SHARED = frozenset(
    """
    bin boot dev efi etc home lib lib32 lib64 libx32 lost+found media mnt opt ostree proc root run sbin selinux snap
    srv sys sysroot tmp usr var
    home/linuxbrew home/lost+found
    opt/bin opt/doc opt/etc opt/include opt/info opt/lib opt/local opt/man opt/rh opt/sbin opt/share opt/supervisord
    srv/ftp srv/git srv/http srv/https srv/tftp srv/www
    usr/local usr/local/bin usr/local/etc usr/local/games usr/local/include usr/local/info usr/local/lib
    usr/local/lib32 usr/local/lib64 usr/local/libexec usr/local/man usr/local/sbin usr/local/share usr/local/src
    usr/local/tmp usr/local/var
    var/account var/adm var/backups var/cache var/crash var/db var/empty var/ftp var/games var/home var/kerberos
    var/lib var/local var/lock var/lost+found var/log var/mail var/named var/nis var/opt var/preserve var/roothome
    var/run var/snap var/spool var/srv var/tmp var/usrlocal var/www var/www/cgi-bin var/www/html var/yp
    """.split()
)

#: Folders of which everything below belongs to the system, too.
WHOLE = tuple(
    """
    bin boot efi etc lib lib32 lib64 libx32 lost+found ostree proc root sbin selinux snap sys sysroot usr
    var/cache/apt var/cache/debconf var/cache/dnf var/cache/man var/cache/yum var/db var/empty
    var/lib/alternatives var/lib/apt var/lib/containerd var/lib/containers var/lib/dbus var/lib/dhcp var/lib/dnf
    var/lib/docker var/lib/dpkg var/lib/misc var/lib/pam var/lib/private var/lib/python var/lib/rpm
    var/lib/snapd var/lib/sudo var/lib/systemd var/lib/ucf var/lib/xitrum.host var/lib/yum var/log/apt
    var/log/audit var/log/installer var/log/journal var/log/private var/mail var/roothome var/snap
    var/spool/cron var/spool/mail
    """.split()
)

#: What of the host may be adopted, though it exists without a record: the words of the variable xitrum_adopt.
ADOPT = ("root", "log_dir", "user")

#: Folders whose contents the system removes, at boot or by age.
VOLATILE = ("dev", "run", "tmp", "var/lock", "var/run", "var/tmp")

#: Folders that a hardened unit does not see (systemd.exec(5), ProtectHome=).
HOMES = ("/home", "/root", "/run/user")

#: Parents of which each folder is a home, or what somebody has mounted.
_PARENTS = ("home", "media", "mnt", "var/home")
_OF_A_HOME = (".ansible", ".cache", ".config", ".gnupg", ".local", ".ssh")

#: What is ours in a root, and what in a log folder. Other tools have their `releases` and `current`, too.
_INSIDE = {
    "root": re.compile("releases|manifests|instances|current|previous|healthy|slot|runs?"),
    "log_dir": re.compile(r"[0-9]{1,3}|output-.*|runs\.log"),
}

#: What a message gives as an example of a variable's value: the usual one, and another where that one is refused.
_EXAMPLES = {
    "xitrum_root": ("/opt/{}", "/srv/{}"),
    "xitrum_log_dir": ("/var/log/{}", "/var/log/{}-application"),
    "supervisor_writable_paths": ("/srv/{}/uploads", "/srv/{}/files"),
}

#: Folders below which people and package managers install programs: what is in them is not an application's alone.
_INSTALLED = tuple(
    f"/usr/local/{name}" for name in "bin sbin lib lib32 lib64 libexec share etc include info man src games".split()
)


def normalize(path: str) -> str:
    """A path without `//`, `/./`, `..` and a slash at its end. Links are not followed."""
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else posixpath.normpath(path)


def is_under(path: str, folder: str) -> bool:
    """Whether a path is `folder` or below it."""
    return (path + "/").startswith(folder.rstrip("/") + "/")


def is_system(path: str) -> bool:
    """Whether an absolute path is a folder that the system, its packages or a person's account own."""
    short = normalize(path)[1:]
    parts = short.split("/")
    if not short or short in SHARED or posixpath.dirname(short) in _PARENTS:
        return True
    if parts[0] == "home" and len(parts) == 3 and parts[2] in _OF_A_HOME:
        return True
    if is_under(short, "usr/local"):
        return False
    return any(is_under(short, folder) for folder in WHOLE)


def is_volatile(path: str) -> bool:
    """Whether the system removes what is at an absolute path, at boot or by age."""
    return any(is_under(normalize(path)[1:], folder) for folder in VOLATILE)


def overlaps(one: str, other: str) -> bool:
    """Whether two folders are the same, or one is in the other."""
    return is_under(one, other) or is_under(other, one)


def find_system_reason(path: str) -> str:
    """Why `is_system` refuses a path, as the end of a sentence."""
    parts = normalize(path)[1:].split("/")
    parent = "/".join(parts[:-1])
    if "/".join(parts) not in SHARED:
        if parent in ("home", "var/home"):
            return f"may be the home of {make_printable(parts[-1])}"
        if parts[0] == "home" and parts[-1] in _OF_A_HOME:
            return f"belongs to what may be the home of {make_printable(parts[1])}"
        if parent in _PARENTS:
            return "may be a file system that somebody has mounted"
    return "belongs to the system"


def find_example(name: str, application: str, path: str = "") -> str:
    """A folder that the variable `name` may have, for the application of that name, and not the refused path."""
    own = application if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", application or "") else "shop"
    first, second = _EXAMPLES.get(name, _EXAMPLES["xitrum_root"])
    return (second if path and normalize(path) == first.format(own) else first).format(own)


def find_system_error(host: Host, *paths: str) -> str:
    """Why a module may not use folders, links followed, that belong to the system; empty where it may. A role that is
    used alone has no preflight."""
    found = [path for path in paths if is_system(host.realpath(path))]
    return found and (
        f"{' and '.join(f'{path} {find_system_reason(host.realpath(path))}' for path in found)}, "
        "and nothing was changed there: set xitrum_root and xitrum_log_dir to folders for the application alone, "
        "such as /opt/shop and /var/log/shop"
    ) or ""


def find_path_error(name: str, path: str, application: str = "") -> str:
    """Why a variable's value is not a path that our files can take as it is; an empty text where it is one."""
    if not path.startswith("/") or ".." in path.split("/"):
        return f"{name} is {path!r}: expected an absolute path without .., such as {find_example(name, application)}"
    if not PATH.fullmatch(path) or "." in path.split("/"):
        short = normalize(path)
        if PATH.fullmatch(short) or short == "/":
            return (
                f"{name} is {path!r}: found //, /./ or a slash at the end; expected an absolute path without "
                f"them. Write {short}"
            )
        return (
            f"{name} is {path!r}: expected an absolute path that has only letters from A to Z, digits and . _ + - /, "
            f"such as {find_example(name, application)}"
        )
    return ""


def find_folder_error(name: str, path: str, application: str = "") -> str:
    """Why a variable's value is not a folder for an application, by its name alone; an empty text where it is one."""
    if not path.startswith("/") or ".." in path.split("/"):
        return find_path_error(name, path, application)
    instead = find_example(name, application, path)
    if is_system(path):
        return (
            f"{name} is {path!r}, which {find_system_reason(path)}: "
            f"expected a folder for this application alone, such as {instead}"
        )
    if is_volatile(path):
        return f"{name} is {path!r}, whose contents the system removes: expected a folder that stays, such as {instead}"
    return find_path_error(name, path, application)


def find_writable_error(path: str, root: str, logs: str, application: str = "") -> str:
    """Why the application must not write to a folder; an empty text where it may: one of the system, or one with what
    root alone writes. `root` and `logs` are the application's folders."""
    name, short = "supervisor_writable_paths", normalize(path)[1:]
    wrong = find_path_error(name, path, application)
    # What is mounted may be for it alone.
    if wrong or (is_system(path) and posixpath.dirname(short) not in ("media", "mnt")):
        return wrong or (
            f"{name} is {path!r}, which {find_system_reason(path)}: expected a folder for this application alone, such "
            f"as "
            f"{find_example(name, application)}"
        )
    for place, key in ((root, "root"), (logs, "log_dir")):
        inside = posixpath.relpath(path, place).split("/")[0] if is_under(path, place) else ""
        if is_under(place, path) or (inside and _INSIDE[key].fullmatch(inside)):
            return (
                f"{name} is {path!r}, which this collection manages (xitrum_{key} is {place}): expected a folder "
                f"for files of the application, such as {find_example(name, application)}"
            )
    return ""


# ------------------------------------------------------------------------------------------------------- on the host


def parse_passwd(text: str) -> dict[str, str]:
    """The accounts in passwd(5) with a home: name to home. A line that is not an account is left out."""
    rows = (line.split(":") for _number, line in split_lines(text))
    return {
        make_printable(row[0]): row[5]
        for row in rows
        if len(row) >= 7 and row[5].startswith("/") and normalize(row[5]) != "/"
    }


def read(host: Host, desired: Mapping[str, Any], record: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the host has in the place of both folders and of the account. `record` is that of `recorded`, None where
    it is damaged or this user may not read it: then nobody can know what is whose. What is on record of the application
    is its own, since the record is root's alone."""
    accounts = parse_passwd(host.read("/etc/passwd") or "")
    applications = (record or {}).get("applications", {})
    own = applications.get(desired["name"], {})
    state: dict[str, Any] = {
        "folders": {},
        "selinux": (host.read("/sys/fs/selinux/enforce") or "").strip() == "1",
        "hidden": [host.realpath(path) for path in HOMES],
        "accounts": {name: normalize(host.realpath(home)) for name, home in accounts.items()},
        "others": [
            (name, normalize(host.realpath(path)))
            for name, entry in applications.items()
            if name != desired["name"]
            for kind in ("roots", "logs")
            for path in entry[kind]
            if read_if_allowed(host.stat, path) is not None
        ],
    }
    for name, kind in (("root", "roots"), ("log_dir", "logs")):
        if desired[name]:
            made = own.get(kind, {}).get(desired[name])
            state["folders"][name] = read_folder(
                host, desired, name, made, desired["user"] in accounts, record is not None
            )
    state["account"] = read_account(host, desired, applications) if desired["user"] and record is not None else None
    state["ports"] = {
        port: name
        for name, entry in applications.items()
        if name != desired["name"] and any(read_if_allowed(host.stat, path) is not None for path in entry["roots"])
        for port in entry.get("ports", ())
    }
    return state


def read_account(host: Host, desired: Mapping[str, Any], applications: Mapping[str, Any]) -> dict[str, Any]:
    """The application's user and group, as they are on the host, and who else has them."""
    user, own = desired["user"], applications.get(desired["name"], {})
    rows = {kind: find_account_row(host, kind, user) for kind in ("passwd", "group")}
    passwd = rows["passwd"]
    every = [line.split(":") for _number, line in split_lines(host.read("/etc/passwd") or "")]
    return {
        "name": user,
        "user": bool(passwd),
        "group": bool(rows["group"]),
        "adopted": bool(passwd) and not own.get("users", {}).get(user, "user" not in desired["adopt"]),
        "marked": [kind for kind in ("users", "groups") if user in own.get(kind, {})],
        "uid": passwd[2] if passwd else "",
        "own_group": not passwd or not rows["group"] or passwd[3] == rows["group"][2],
        "twins": [row[0] for row in every if passwd and len(row) >= 7 and row[2] == passwd[2] and row[0] != user],
        "others": sorted(
            name for name, entry in applications.items() if name != desired["name"] and user in entry["users"]
        ),
    }


def find_account_row(host: Host, database: str, name: str) -> list[str] | None:
    """A row of passwd(5) or group(5), in the file or as getent(1) knows it; None where there is none."""
    text = (host.read(f"/etc/{database}") or "") + host.run(["getent", database, name]).out
    rows = (line.split(":") for _number, line in split_lines(text))
    return next((row for row in rows if len(row) >= 4 and row[0] == name), None)


def find_account_errors(desired: Mapping[str, Any], state: dict[str, Any]) -> Iterator[str]:
    """Why the account cannot be the application's, as sentences. Its home and shell would be changed, it could read the
    configuration, and a removal would take it away."""
    found, user = state["account"], desired["user"]
    if found is None:
        return
    what = [
        word for word, kind in (("user", "users"), ("group", "groups")) if found[word] and kind not in found["marked"]
    ]
    if found["others"]:
        yield (
            f"xitrum_user is {user}, which the application {found['others'][0]} of this host has already: each could "
            f"read and stop the other. Set xitrum_user to an account for {desired['name']} alone"
        )
    elif found["uid"] == "0":
        yield f"xitrum_user is {user}, which has root's number 0: set xitrum_user to an unprivileged account"
    elif what and "user" not in desired["adopt"]:
        yield (
            f"xitrum_user is {user}, and the {' and the '.join(what)} {user} exist{'s' if len(what) == 1 else ''} "
            f"without a record of {desired['name']}; expected an account that is made for it. Set xitrum_user to "
            "another name, or add user to xitrum_adopt: then its home and shell stay, and a removal leaves it"
        )
    elif what and found["twins"]:
        yield (
            f"xitrum_user is {user}, whose number {found['uid']} is also that of "
            f"{', '.join(map(make_printable, found['twins']))}: expected an account of its own. Set xitrum_user to "
            "another name"
        )
    elif what and found["user"] and not (found["group"] and found["own_group"]):
        yield (
            f"xitrum_user is {user}, whose own group is not {user}; expected that, since the application's files belong"
            f" to it. Run groupadd {user} where it is missing, and usermod --gid {user} {user}, or set xitrum_user to "
            "another name"
        )


def is_ours(host: Host, name: str, path: str, entries: Sequence[str]) -> bool:
    """Whether a folder that is not on record is one of ours, by what is in it: it may be adopted, and nothing else."""
    if name == "log_dir":
        # An older run wrote no runs.log.
        return "runs.log" in entries or all(_INSIDE[name].fullmatch(entry) for entry in entries)
    return {"manifests", "releases"} <= set(entries) or "xitrum.host" in (
        read_if_allowed(host.read, f"{path}/run") or ""
    )


def find_unsafe_entries(host: Host, name: str, path: str, user: str) -> list[tuple[str, str]]:
    """Entries with names of ours in a folder that would have root write to another file, as `[(entry, why)]`: links,
    further names of a file, pipes and devices, and what belongs to neither root nor the application's user. Root's own
    links in a root are ours."""
    found = []
    for entry in read_if_allowed(host.listdir, path) or []:
        stat = read_if_allowed(host.stat, f"{path}/{entry}") if _INSIDE[name].fullmatch(entry) else None
        if stat is None:
            continue
        if stat.kind == "link" and not (name == "root" and entry in ("current", "previous") and stat.owner == "root"):
            found.append((entry, "is a link"))
        elif stat.owner not in ("root", user):
            found.append((entry, f"belongs to {make_printable(stat.owner)}"))
        elif stat.kind == "other" or (stat.kind == "file" and stat.names > 1):
            found.append((entry, "is a hard link" if stat.kind == "file" else "is a pipe, a socket or a device"))
    return found


def read_folder(
    host: Host, desired: Mapping[str, Any], name: str, made: bool | None, has_user: bool, known: bool = True
) -> dict[str, Any]:
    """One folder. `made`: on record as made for the application, or as there before; None where it is not on record.
    `has_user`: the application's user exists. `known`: there is a record to go by."""
    path = desired[name]
    real = normalize(host.realpath(path))
    stat = read_if_allowed(host.stat, real)
    entries = [entry for entry in (read_if_allowed(host.listdir, real) or []) if entry != "lost+found"]
    ours, adopted = made is not None or not known, name in desired["adopt"]
    unmanaged = [] if ours else entries
    of_ours = bool(unmanaged) and is_ours(host, name, real, entries)
    above = [(parent, read_if_allowed(host.stat, parent)) for parent in list_parents(real)]
    parents = [(parent, found) for parent, found in above if found is not None]
    return {
        "path": path,
        "real": real,
        "kind": stat.kind if stat else "",
        "ours": ours or (adopted and of_ours),
        "adopted": adopted,
        "owner": stat.owner if stat and stat.kind == "directory" and not ours else "",
        "package": find_package(host, real) if stat and not made else "",
        "unmanaged": unmanaged,
        "of_ours": of_ours,
        "unsafe": find_unsafe_entries(host, name, real, desired["user"]) if of_ours else [],
        "blocking": [] if of_ours else [entry for entry in unmanaged if _INSIDE[name].fullmatch(entry)],
        "closed": next(
            (
                (parent, found.mode)
                for parent, found in parents
                if not may_search(host, desired["user"], has_user, parent, found)
            ),
            None,
        ),
        "open": next((parent for parent, found in parents if found.kind == "directory" and found.mode & 0o002), ""),
        "owners": sorted({found.owner for _parent, found in parents} - {"root"}),
    }


def list_parents(path: str) -> list[str]:
    """The folders above a path, the outermost first, without `/`."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: count + 1]) for count in range(len(parts))]


def may_search(host: Host, user: str, has_user: bool, path: str, found: Stat) -> bool:
    """Whether the application's user may go through a folder.

    Where the mode of others does not allow it, the user tries: it may be the owner, in the group, or in an ACL.
    """
    if not user or found.kind != "directory" or found.mode & 0o001:
        return True
    return (
        has_user
        and host.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", "test", "-x", path]).rc
        == 0
    )


def find_package(host: Host, path: str) -> str:
    """The package that has brought a folder, or an empty text."""
    if host.find_program("dpkg-query"):
        found = host.run(["dpkg-query", "--search", path])
        rows = [line.rpartition(": ") for line in found.out.splitlines()]
        return (
            next((names for names, _colon, of in rows if of == path and not names.startswith("diversion by ")), "")
            if found.rc == 0
            else ""
        )
    found = host.run(["rpm", "--query", "--queryformat", "%{NAME}\n", "--file", path])
    return (found.out.split() or [""])[0] if found.rc == 0 else ""


def find_host_errors(desired: Mapping[str, Any], state: dict[str, Any], hiding: Sequence[str]) -> Iterator[str]:
    """Why folders that are fine by their names cannot be the application's on this host, as sentences.

    `hiding` are the supervisors whose instances do not see the homes of users.
    """
    yield from make_rule_errors("host.user", find_account_errors(desired, state))
    for name, found in state["folders"].items():
        yield from find_first_error(desired, state, f"xitrum_{name}", found)
        # How the user gets at a folder that cannot be the application's is of no use.
        if not is_system(found["real"]):
            reach = find_reach_errors(desired, state, f"xitrum_{name}", found, hiding)
            yield from make_rule_errors("host.folder-unreachable", reach)
    root, logs = (state["folders"].get(name) for name in ("root", "log_dir"))
    if root and logs and overlaps(root["real"], logs["real"]):
        yield BlockingError(
            f"xitrum_root ({root['path']}) and xitrum_log_dir ({logs['path']}) "
            f"are {root['real']} and {logs['real']} on this host: "
            "expected two folders, none in the other. Set one of them to another folder",
            rule="host.folders-overlap",
        )


def find_first_error(
    desired: Mapping[str, Any], state: dict[str, Any], name: str, found: dict[str, Any]
) -> Iterator[str]:
    """The first reason why a folder is managed by something else, as an error of its own rule."""
    path, real = found["path"], found["real"]
    where = path if path == real else f"{path}, a link to {make_printable(real)}"
    instead = f"Set {name} to a folder for this application alone, such as {find_example(name, desired['name'], path)}"
    other = next((other for other, folder in state["others"] if overlaps(real, folder)), "")
    homes = [
        (account, home)
        for account, home in state["accounts"].items()
        if account != desired["user"] and home != "/nonexistent"
    ]
    apps = {folder for _other, folder in state["others"]}
    owner = next((account for account, home in homes if home == real and home not in apps), "")
    inside = next(
        (account for account, home in homes if home != real and is_under(home, real) and home not in apps), ""
    )
    installed = "" if found["ours"] else next((place for place in _INSTALLED if is_under(real, place)), "")
    if is_system(real) and not (owner and find_system_reason(real).startswith("may be the home")):
        yield BlockingError(
            f"{name} is {where}, which {find_system_reason(real)}. {instead}",
            rule="host.folder-of-system",
        )
    elif installed:
        yield BlockingError(
            f"{name} is {where}, and {installed} is for programs of the whole host. {instead}",
            rule="host.folder-of-system",
        )
    elif found["kind"] not in ("", "directory"):
        yield BlockingError(
            f"{name} is {where}, which is not a folder. Move it away, or set {name} to another folder",
            rule="host.folder-not-directory",
        )
    elif other:
        yield BlockingError(
            f"{name} is {where}, which the application {other} of this host has already. "
            f"Set {name} to a folder for {desired['name']} alone, "
            f"or xitrum_name back to {other} where that was its name",
            rule="host.folder-of-application",
        )
    elif owner:
        yield BlockingError(
            f"{name} is {where}, the home of the account {owner}. {instead}",
            rule="host.folder-of-account",
        )
    elif inside:
        yield BlockingError(
            f"{name} is {where}, which has the home of the account {inside} in it. {instead}",
            rule="host.folder-of-account",
        )
    elif found["package"]:
        yield BlockingError(
            f"{name} is {where}, which the package {found['package']} has brought. {instead}",
            rule="host.folder-of-package",
        )
    elif found["unmanaged"] and real.count("/") == 1 and not (found["adopted"] and found["of_ours"]):
        yield BlockingError(
            f"{name} is {where}, which has other contents ({', '.join(map(make_printable, found['unmanaged'][:3]))}). "
            f"Set {name} to a folder in it, such as {real}/{desired['name'] or 'shop'}",
            rule="host.folder-contents",
        )
    elif found["blocking"]:
        yield BlockingError(
            f"{name} is {where}, which has other contents ({', '.join(map(make_printable, found['blocking'][:3]))}). "
            f"Move them away, or set {name} to a folder for this application alone",
            rule="host.folder-contents",
        )
    elif found["unsafe"]:
        entry, why = found["unsafe"][0]
        yield BlockingError(
            f"{name} is {where}, and {make_printable(entry)} in it {why}: expected are files and folders of root or of "
            f"{desired['user']}, since root writes to them. Remove {make_printable(entry)}, or run chown -h root on a "
            "file "
            f"that you know, or set {name} to another folder",
            rule="host.folder-unsafe",
        )
    elif not found["adopted"] and (found["unmanaged"] or found["owner"] not in ("", "root")):
        what = (
            f"has other contents ({', '.join(map(make_printable, found['unmanaged'][:3]))})"
            if found["unmanaged"]
            else f"belongs to {found['owner']}"
        )
        yield BlockingError(
            f"{name} is {where}, which {what} and is not on record as {desired['name']}'s; expected a folder that is "
            f"made for it. Set {name} to another folder, or add {name[len('xitrum_'):]} to xitrum_adopt: it then gets "
            f"the application's owner and mode, and its contents stay",
            rule="host.folder-not-recorded",
        )
    elif desired["user"] in found["owners"]:
        yield BlockingError(
            f"{name} is {where}, and a folder above it belongs to {desired['user']}, the application's user, who could "
            f"replace what root writes there. Run chown root of that folder, or set {name} to another folder",
            rule="host.folder-unsafe",
        )
    elif found["open"]:
        yield BlockingError(
            f"{name} is {where}, and every user may write to {found['open']}. "
            f"Run chmod o-w {found['open']}, or set {name} to another folder",
            rule="host.folder-unsafe",
        )


def find_reach_errors(
    desired: Mapping[str, Any], state: dict[str, Any], name: str, found: dict[str, Any], hiding: Sequence[str]
) -> Iterator[str]:
    """Why the application's user cannot use a folder."""
    path, real = found["path"], found["real"]
    hidden = [folder for folder in {*HOMES, *state["hidden"]} if is_under(real, folder)]
    if desired["supervisor"] in hiding and is_hidden(path):
        # The unit gets this folder alone, below parents that systemd makes for it.
        return
    if desired["supervisor"] in hiding and hidden:
        link = next((home for home, target in zip(HOMES, state["hidden"]) if is_under(real, target)), "")
        write = link + real[len(state["hidden"][HOMES.index(link)]) :] if link else real
        yield f"{name} is {path}, which leads to {real}, and a hardened unit does not see that. Set {name} to {write}"
    elif found["closed"]:
        parent, mode = found["closed"]
        yield (
            f"{parent} has the mode {mode:04o}, and the user {desired['user']} cannot reach {name} ({path}) through "
            f"it. Run chmod o+x {parent}, or set {name} to another folder"
            + (f", or xitrum_supervisor to {' or '.join(hiding)}" if is_hidden(path) else "")
        )


def is_hidden(path: str) -> bool:
    """Whether a path, as it is written, is one that a hardened unit does not see."""
    return any(is_under(path, folder) for folder in HOMES)


def find_host_notes(state: dict[str, Any]) -> list[str]:
    """What a person should know about the folders, as sentences."""
    rows = [(f"xitrum_{name}", found) for name, found in state["folders"].items()]
    notes = [
        f"{name} ({found['path']}) is below a folder of {' and '.join(found['owners'])}, who can replace it: "
        "keep that account as safe as root"
        for name, found in rows
        if found["owners"]
    ]
    notes += [
        f"{name} ({found['path']}) has other contents ({', '.join(map(make_printable, found['unmanaged'][:3]))}): "
        "the folder gets the application's owner and mode, and they stay in it"
        for name, found in rows
        if found["unmanaged"] and found["adopted"] and not found["blocking"]
    ]
    if state["account"] and state["account"]["adopted"]:
        name = state["account"]["name"]
        notes.append(
            f"xitrum_user ({name}) is an account that was there before: every program of the account {name} can read "
            "the application's secrets and stop its instances"
        )
    root = state["folders"].get("root")
    if state["selinux"] and root and is_hidden(root["path"]):
        notes.append(
            f"SELinux is enforcing, and its policy lets no service execute files below {root['path']}. If the instance "
            f"does not start, run semanage fcontext -a -t usr_t '{root['path']}(/.*)?' and restorecon -R {root['path']}"
        )
    return notes
