# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component `nofile`: how many files a login may have open, from a limits.d file of our own.

What the host can grant is found out first, and nothing above it is ever written: above `fs.nr_open` PAM refuses the
login (su and sudo are locked out), and where root lacks CAP_SYS_RESOURCE the line would silently do nothing.
systemd's services do not go through PAM and take nothing from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..core import unmanaged_file
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import BlockingError, Draft, Plan, Row, build_unread_rows, comment_out, make_rule_errors
from ..core.process import UNLIMITED, parse_nofile, parse_status, read_if_allowed
from ..core.untrusted_text import lower_ascii, make_printable, split_lines, split_words
from ..kernel import files as kernel_files
from ..kernel.files import Unread

MARK = "# Written by xitrum.host: changes here are lost.\n"
OWN_FILE = re.compile(r"/etc/security/limits\.d/[A-Za-z0-9][A-Za-z0-9._-]*\.conf")
DOMAIN = re.compile(r"[^\s#\x00-\x1f\x7f]+")
LIMITS_CONF, LIMITS_D = "/etc/security/limits.conf", "/etc/security/limits.d"
SSHD_CONFIG = "/etc/ssh/sshd_config"

#: The kernel's own fs.nr_open (NR_OPEN in its sources), and the highest one,
#: which systemd sets at boot on some systems.
NR_OPEN, NR_OPEN_MOST = 1048576, 1073741816
_CAP_SYS_RESOURCE = 24
#: Where a number that a file has ends: far above what the kernel takes.
_NO_END = 2**63 - 1
#: What pam_limits takes for no limit, in any case of its letters; for nofile it then sets fs.nr_open.
_NO_LIMIT = ("-1", "-", "unlimited", "infinity")
_KINDS = ("soft", "hard", "-")
#: It reads the digits that a value begins with, and takes `30k` for 30.
_DIGITS = re.compile(r"\+?([0-9]+)")
_LIMIT = re.compile(r"unlimited|[0-9]+")
_SKIPPED = "PAM skips it: correct the line, or remove it"
#: It reads a longer line in pieces of this size.
_LONGEST = 1023
#: Ours, unless tuning_limits_file is another.
OWN_PATH = "/etc/security/limits.d/90-xitrum.conf"

NAME = "nofile"

SPEC: dict[str, Any] = {
    "nofile": {"type": "int", "default": 1024000},
    "domains": {"type": "list", "elements": "str", "default": ["*", "root"]},
    "policy": {"type": "str", "choices": ["at_least", "exact"], "default": "at_least"},
    "logins": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path", "default": OWN_PATH},
}


def _render_header(desired: Desired) -> str:
    return desired["path"]


EXECUTION = Execution(root="Limits", header=_render_header)


class Line(NamedTuple):
    """A nofile line of limits.conf(5); `value` is None where there is no limit."""

    file: str
    number: int
    domain: str
    kind: str
    value: int | None


def parse_lines(path: str, text: str) -> list[Line | Unread]:
    """The nofile lines of one file as pam_limits reads them, in order: each a `Line` or an `Unread`."""
    return [found for number, line in split_lines(text) for found in _parse_line(path, number, line)]


def _parse_line(path: str, number: int, line: str) -> Iterator[Line | Unread]:
    data = line.encode("utf-8", "surrogateescape")
    if len(data) > _LONGEST:
        if "nofile" in lower_ascii(line):
            why = f"found a line of more than {_LONGEST} bytes, which PAM reads in pieces: make lines of it"
            yield Unread(path, number, line, why)
        for begin in range(0, len(data), _LONGEST):
            yield from _parse_line(path, number, data[begin : begin + _LONGEST].decode("utf-8", "surrogateescape"))
        return
    words = split_words(line.partition("#")[0].partition("\0")[0])
    if len(words) == 2 and words[1].startswith("-"):
        # Nothing of any file is applied to these users.
        yield Line(path, number, words[0], "none", None)
    if "nofile" not in map(lower_ascii, words[1:3]):
        return
    domain, kind, value = words[0], lower_ascii(words[1]), lower_ascii(words[3]) if len(words) > 3 else ""
    digits = _DIGITS.match(value)
    if not value or kind not in _KINDS or lower_ascii(words[2]) != "nofile":
        yield Unread(
            path,
            number,
            line,
            f"found no line of limits.conf(5); expected DOMAIN soft|hard|- nofile NUMBER. {_SKIPPED}",
        )
    elif value in _NO_LIMIT:
        yield Line(path, number, domain, kind, None)
    elif digits:
        yield Line(path, number, domain, kind, min(int(digits[1][:20]), _NO_END))
        if digits[0] != value:
            why = (
                f"found {make_printable(value)!r}, which PAM reads as {int(digits[1][:20])}; expected a whole number: "
                "correct the line"
            )
            yield Unread(path, number, line, why)
    else:
        yield Unread(
            path, number, line, f"found {make_printable(value)!r}; expected a whole number or unlimited. {_SKIPPED}"
        )


def parse(path: str, text: str) -> list[Line]:
    """The lines of one file that set nofile, in order; what pam_limits does not understand is left out."""
    return [line for line in parse_lines(path, text) if isinstance(line, Line) and line.kind in _KINDS]


def find_line(lines: list[Line], domain: str, kind: str) -> Line | None:
    """The line that counts for a domain and `soft` or `hard`, or None: the last one, and `-` means both."""
    return next((line for line in reversed(lines) if line.domain == domain and line.kind in (kind, "-")), None)


# ---------------------------------------------------------------------------------------------------------- reading


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Everything about the host that `plan` needs."""
    found, unread = read_lines(host)
    own = unmanaged_file.read_file(host, desired["path"])
    texts, _unread = kernel_files.read(host, kernel_files.OWN_PATH)
    at_boot = kernel_files.Boot(texts, systemd=kernel_files.has_systemd(host)).find_value_without_us("fs.nr_open")
    return {
        "lines": [line for line in found if isinstance(line, Line) and line.kind in _KINDS],
        "exempt": [line for line in found if isinstance(line, Line) and line.kind == "none"],
        "unread_lines": [line for line in found if isinstance(line, Unread)],
        "unread": unread,
        "file_text": own.text,
        "unusable": own.error,
        "nr_open": int(host.read("/proc/sys/fs/nr_open") or NR_OPEN),
        "nr_open_at_boot": int(at_boot) if at_boot else None,
        "file_max": int(host.read("/proc/sys/fs/file-max") or 0),
        "inherited": read_inherited(host),
        "raises": can_raise(host, desired["nofile"]) if desired["state"] == "present" else True,
        "logins": {user: _read_login(host, user) for user in desired["logins"]},
        "use_pam": _use_pam(host),
    }


def read_lines(host: Host) -> tuple[list[Line | Unread], list[str]]:
    """What `parse_lines` finds in limits.conf and limits.d in the order in which PAM reads them,
    and the files that are hidden."""
    unread = []
    lines: list[Line | Unread] = []
    for path in [LIMITS_CONF] + [
        f"{LIMITS_D}/{name}" for name in host.listdir(LIMITS_D) if name.endswith(".conf") and not name.startswith(".")
    ]:
        found = read_if_allowed(host.read, path)
        if found is None and host.exists(path):
            unread.append(path)
        lines += parse_lines(path, found or "")
    return lines, unread


def read_inherited(host: Host) -> tuple[int, int]:
    """The soft and hard limit that a login starts from: those of the daemon that let this process in.

    That is its first ancestor after PID 1 (which gives its services limits of their own). The ancestors in between have
    been through PAM, and so have what our own file reported at the time.
    """
    found, pid = (0, 0), "self"
    while pid not in ("0", "1"):
        found = parse_nofile(read_if_allowed(host.read, f"/proc/{pid}/limits") or "") or found
        status = host.read(f"/proc/{pid}/status")
        pid = parse_status(status).get("PPid", "0") if status else "0"
    return found


def can_raise(host: Host, nofile: int) -> bool:
    """Whether root can raise a hard limit here: tried in a process of its own, as root, and else from the capabilities.

    A capability alone does not decide: in a user namespace root has it, and the kernel refuses all the same.
    """
    status = parse_status(host.read("/proc/self/status") or "")
    if status.get("Uid", "").split()[1:2] == ["0"]:
        nr_open = int(host.read("/proc/sys/fs/nr_open") or NR_OPEN)
        own = parse_nofile(host.read("/proc/self/limits") or "") or (0, 0)
        value = max(min(nofile, nr_open), min(max(own[1], read_inherited(host)[1]) + 1, nr_open))
        return host.run(["sh", "-c", f"ulimit -HSn {value}"]).rc == 0
    return bool(int(status.get("CapBnd", "0"), 16) >> _CAP_SYS_RESOURCE & 1)


def _read_login(host: Host, user: str) -> tuple[str, str] | None:
    """What a new login of a user gets, as `(soft, hard)`, through PAM; None where only root may ask, or it failed."""
    result = host.run(["timeout", "10", "su", "-s", "/bin/sh", user, "-c", "ulimit -Sn; ulimit -Hn"])
    # A module of PAM may have greeted first.
    words = result.out.split()[-2:]
    return (words[0], words[1]) if result.rc == 0 and len(words) == 2 and all(map(_LIMIT.fullmatch, words)) else None


def _use_pam(host: Host) -> str | None:
    """Whether sshd uses PAM: `yes`, `no`, empty where there is no sshd, None where its configuration is hidden."""
    try:
        text = host.read(SSHD_CONFIG)
        if text is None:
            return ""
        return use_pam(
            text,
            [
                host.read(f"{SSHD_CONFIG}.d/{name}") or ""
                for name in host.listdir(SSHD_CONFIG + ".d")
                if name.endswith(".conf")
            ],
        )
    except PermissionError:
        return None


def use_pam(text: str, included: list[str]) -> str:
    """UsePAM of an sshd_config(5): the first one counts, an Include is read where it stands,
    and without any it is no."""
    for line in text.splitlines():
        words = line.replace("=", " ").split()
        if words and words[0].lower() == "include" and any("sshd_config.d" in word for word in words):
            settings = (use_pam(more, []) for more in included if re.search(r"^\s*UsePAM\b", more, re.I | re.M))
            inner = next(filter(None, settings), None)
            if inner:
                return inner
        if len(words) > 1 and words[0].lower() == "usepam":
            return words[1].strip('"').lower()
    return "no"


# --------------------------------------------------------------------------------------------------------- planning


def find_granted(desired: int, state: dict[str, Any]) -> tuple[int, str]:
    """How many open files this host can grant of those desired, and what ends it: `(number, sentence)`."""
    bounds = [
        (desired, ""),
        (state["nr_open"], f"fs.nr_open is {state['nr_open']}"),
        (_compute_boot_limit(state), f"fs.nr_open is {_compute_boot_limit(state)} after a reboot"),
    ]
    if not state["raises"]:
        bounds.append(
            (
                state["inherited"][1],
                f"root cannot raise the hard limit of {state['inherited'][1]} here (no CAP_SYS_RESOURCE: a container)",
            )
        )
    return min(bounds, key=lambda bound: bound[0])


def _compute_boot_limit(state: dict[str, Any]) -> int:
    """fs.nr_open after a reboot: a file's, or the kernel's own;
    systemd's own is far above it and comes back by itself."""
    if state["nr_open_at_boot"] is not None:
        return state["nr_open_at_boot"]
    return state["nr_open"] if state["nr_open"] >= NR_OPEN_MOST else min(NR_OPEN, state["nr_open"])


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from `desired` (the options of SPEC) and what `read` gave, without touching the host."""
    errors = _find_errors(desired, state)
    if errors:
        return Draft(errors=errors).plan(desired, state)
    before = state["file_text"] or ""
    if desired["state"] == "absent":
        row = Row(
            "nofile",
            desired["path"],
            desired="absent",
            configured="there" if before else "absent",
            status="drift" if before else "ok",
        )
        return Draft(
            rows=[row], actions=[{"path": desired["path"], "text": None}] if before else [], before=before
        ).plan(desired, state)
    limit, why = find_granted(desired["nofile"], state)
    others = [line for line in state["lines"] if line.file != desired["path"]]
    values = {
        (domain, kind): _choose_value(desired, limit, others, domain, kind, state)
        for domain in desired["domains"]
        for kind in ("soft", "hard")
    }
    text = MARK + "".join(f"{domain} {kind} nofile {value}\n" for (domain, kind), value in values.items())
    result = Draft(before=before, after=text, facts={"desired": desired["nofile"], "granted": limit, "why": why})
    if text != before:
        result.actions = [{"path": desired["path"], "text": text}]
    result.rows = [_make_row(desired, state, domain, values, limit, why) for domain in desired["domains"]]
    result.rows += _make_login_rows(desired, state, values) + _make_other_rows(desired, state, others, limit)
    return result.plan(desired, state)


def _find_errors(desired: dict[str, Any], state: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if not OWN_FILE.fullmatch(desired["path"]):
        found.append(
            BlockingError(
                f"path: found {desired['path']}, expected a file directly in {LIMITS_D} whose name ends in .conf, such "
                f"as {OWN_PATH}",
                rule="host.nofile-path",
            )
        )
    if not 1 <= desired["nofile"] <= NR_OPEN_MOST:
        found.append(
            BlockingError(
                f"nofile: found {desired['nofile']}, expected a number of open files from 1 to {NR_OPEN_MOST}",
                rule="host.nofile-number",
            )
        )
    found += [
        BlockingError(f"domains: {domain!r} is not a domain of limits.conf(5)", rule="host.nofile-domain")
        for domain in desired["domains"]
        if not DOMAIN.fullmatch(domain)
    ]
    found += make_rule_errors("host.file-unsafe", [state.get("unusable", "")])
    if state["file_text"] is not None and not state["file_text"].startswith(MARK):
        found.append(
            BlockingError(
                f"{desired['path']} holds lines that this collection does not manage, and would be replaced: "
                "move it away, or choose another "
                "path",
                rule="host.file-unmanaged",
            )
        )
    return found


def _choose_value(
    desired: dict[str, Any], limit: int, others: list[Line], domain: str, kind: str, state: dict[str, Any]
) -> int:
    """What to write. With `at_least` a larger value stays: what another file sets for the domain, or what a login has
    without any line, both as far as the host can grant it."""
    if desired["policy"] == "exact":
        return limit
    most, other = find_granted(NR_OPEN_MOST, state)[0], find_line(others, domain, kind)
    there = state["inherited"][("soft", "hard").index(kind)] if other is None else other.value
    return max(limit, most if there is None else min(there, most))


def _make_row(
    desired: dict[str, Any],
    state: dict[str, Any],
    domain: str,
    values: dict[tuple[str, str], int],
    limit: int,
    why: str,
) -> Row:
    lines = {kind: find_line(state["lines"], domain, kind) for kind in ("soft", "hard")}
    row = Row(
        "nofile",
        f"limits of {domain}",
        desired=str(desired["nofile"]),
        configured=" ".join(format_value(line) for line in lines.values()),
    )
    own = [line.value for line in parse(desired["path"], state["file_text"] or "") if line.domain == domain]
    later = next(
        (
            line
            for kind, line in lines.items()
            if line
            and line.file != desired["path"]
            and not _is_as_good(desired["policy"], line.value, values[domain, kind], state)
        ),
        None,
    )
    if own != [values[domain, "soft"], values[domain, "hard"]]:
        row = row.replace(status="drift", why=f"{desired['path']} does not set it yet")
    elif later:
        why_later = (
            f"{later.file} line {later.number} ({domain} {later.kind} nofile {format_value(later)}) "
            "comes later and wins"
        )
        row = row.replace(status="drift", why=why_later).add_commands(comment_out(later.file, later.number))
    elif why:
        most = desired["nofile"]
        fix = f"sysctl -w fs.nr_open={most}" if state["raises"] else f"docker run --ulimit nofile={most}"
        row = row.replace(status="read_only", fix=fix)
    if why:
        more = f"; {row.why}" if row.why else ""
        row = row.replace(why=f"granted {limit} of {desired['nofile']}: {why}{more}")
    return row


def _is_as_good(policy: str, value: int | None, desired: int, state: dict[str, Any]) -> bool:
    """Whether the value of a line that comes after ours will do.
    PAM takes no limit for fs.nr_open, and what the host cannot grant is not applied at all."""
    value = state["nr_open"] if value is None else value
    return value == desired or (policy == "at_least" and desired < value <= find_granted(NR_OPEN_MOST, state)[0])


def format_value(line: Line | None) -> str:
    """The value of a line as it is written, `-` where there is none."""
    return "-" if line is None else "unlimited" if line.value is None else str(line.value)


def _make_login_rows(desired: dict[str, Any], state: dict[str, Any], values: dict[tuple[str, str], int]) -> list[Row]:
    rows = []
    for user, found in state["logins"].items():
        domain = "root" if user == "root" else "*"
        expected = [str(values[domain, kind]) for kind in ("soft", "hard") if (domain, kind) in values]
        row = Row("nofile", f"login of {user}", desired=" ".join(expected), effective=" ".join(found or ()))
        if found is None:
            row = row.replace(
                status="not_readable", why="only root can ask PAM what a new login gets, or the login failed"
            )
        elif expected and list(found) != expected:
            row = row.replace(status="drift", why="a new login gets other limits")
            row = row.add_commands(["su", "-s", "/bin/sh", user, "-c", "ulimit -Sn; ulimit -Hn"])
        rows.append(row)
    return rows


def _make_other_rows(desired: dict[str, Any], state: dict[str, Any], others: list[Line], limit: int) -> list[Row]:
    """What is not ours and blocks the limit: lines for single users, sshd without PAM, too small an fs.file-max."""
    rows = [
        Row("nofile", f"limits of {path}", status="not_readable", why="only root may read it")
        for path in state["unread"]
    ]
    rows += build_unread_rows(
        "nofile", [line for line in state.get("unread_lines", ()) if line.file != desired["path"]]
    )
    rows += [_exempt_row(desired, line) for line in state.get("exempt", ())]
    for line in others:
        if line.domain not in desired["domains"] and line.value is not None and line.value < limit:
            ours = line.domain in desired["logins"]
            rows.append(
                Row(
                    "nofile",
                    f"limits of {line.domain}",
                    desired=str(limit) if ours else "",
                    configured=f"{line.kind} {line.value}",
                    status="drift" if ours else "ok",
                    why=f"{line.file} line {line.number} names {line.domain}, which wins over '*'",
                    commands=[comment_out(line.file, line.number)] if ours else [],
                )
            )
    if state["use_pam"] == "no":
        rows.append(
            Row(
                "nofile",
                "sshd UsePAM",
                desired="yes",
                configured="no",
                status="drift",
                why="without PAM, logins by SSH take nothing from limits.d",
                commands=[["sed", "-i", "s/^#* *UsePAM .*/UsePAM yes/", SSHD_CONFIG]],
            )
        )
    if 0 < state["file_max"] < limit:
        rows.append(
            Row(
                "nofile",
                "fs.file-max",
                desired=f"at least {limit}",
                effective=str(state["file_max"]),
                status="drift",
                why="all processes together may not have as many files open as one login",
                commands=[["sysctl", "-w", f"fs.file-max={limit}"]],
            )
        )
    return rows


def _exempt_row(desired: dict[str, Any], line: Line) -> Row:
    """A line that exempts users from every limit, and so from ours: they keep those of the daemon that let them in."""
    ours = line.domain in desired["logins"]
    return Row(
        "nofile",
        f"limits of {line.domain}",
        configured="none",
        status="drift" if ours else "ok",
        why=(
            f"{line.file} line {line.number} ({make_printable(line.domain)} -) exempts {make_printable(line.domain)} "
            "from all lines"
        ),
        commands=[comment_out(line.file, line.number)] if ours else [],
    )


def apply(host: Host, plan: Plan) -> Applied:
    """Writes or removes the file. Raises OSError."""
    for action in plan.actions:
        if action["text"] is None:
            host.remove_written(action["path"])
        else:
            host.write(action["path"], action["text"])
    return Applied()


def find_granted_to_services(host: Host, nofile: int) -> int:
    """How many open files a service can be given: what root may raise to, or else what the first process has itself."""
    text = (host.read("/proc/sys/fs/nr_open") or "").strip()
    most = min(nofile, int(text)) if text.isdecimal() else nofile
    if can_raise(host, nofile):
        return most
    inherited_limit = parse_nofile(host.read("/proc/1/limits") or "")
    return min(most, inherited_limit[1]) if inherited_limit and inherited_limit[1] != UNLIMITED else most
