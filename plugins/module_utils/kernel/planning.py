# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planning of the component `kernel`: pure functions from the desired state and what was read to a `Plan`.

The file must not lower at boot what the kernel, or another file, would have given without it. So a parameter with a
policy other than `exact` is written to the file only where it is better than what would hold at boot without us, and
then as the better of both. What would hold without us is another file's setting or else the live value from before
the first change, which is kept in a record; `state=absent` also sets it back.
"""

from __future__ import annotations

import copy
import posixpath
import re
from dataclasses import dataclass
from typing import Any

from ..core.component import Desired
from ..core.plan import BlockingError, Draft, Plan, Row, build_unread_rows, comment_out, make_rule_errors
from ..core.untrusted_text import make_printable
from . import files as kernel_files
from . import values as kernel_values
from .files import Boot, Setting
from .values import Entry

MARK = "# Written by xitrum.host: changes here are lost.\n"
OWN_FILE = re.compile(r"/etc/sysctl\.d/[A-Za-z0-9][A-Za-z0-9._-]*\.conf")
MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass
class Decision:
    """What is to be done about one parameter.

    `live` is the value to set now, None where the running kernel stays as it is. `at_boot` is the value for our
    file, None where the file does not name it.
    """

    key: str
    row: Row
    outcome: str
    before: str = ""
    live: str | None = None
    at_boot: str | None = None


def get_proc_path(key: str) -> str:
    """The file of a parameter."""
    return "/proc/sys/" + kernel_values.get_path(key)


def get_modules_path(path: str) -> str:
    """The file of modules-load.d(5) that belongs to a profile's file: systemd reads it before sysctl.d."""
    return "/etc/modules-load.d/" + posixpath.basename(path)


def find_profile_record(record: dict[str, Any], path: str) -> dict[str, Any]:
    """The part of the record that belongs to one profile's file."""
    return record["profiles"].get(path, {"keys": {}, "refused": {}})


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides, from `desired` (the options of SPEC) and what `read` gave, without touching the host."""
    entries, errors = kernel_values.build_entries(desired["profile"])
    errors = [*make_rule_errors("host.kernel-profile", errors), *_find_errors(desired, state)]
    if errors:
        return Draft(errors=errors).plan(desired, state)
    present, path = desired["state"] == "present", desired["path"]
    old = find_profile_record(state["record"], path)
    boot = kernel_files.Boot(state["texts"], path, state["live"], state["systemd"])
    decisions = [_decide(entry, desired, state, old, boot) for entry in (entries if present else [])]
    if desired["persist"] or not present:
        keys = {one.key for one in decisions}
        decisions += [
            _give_back(key, recorded, state, boot) for key, recorded in sorted(old["keys"].items()) if key not in keys
        ]
    rows = (
        build_unread_rows("kernel", boot.list_unread(entry.key for entry in entries))
        if present and desired["persist"]
        else []
    )
    return _assemble(desired, state, decisions, old, rows)


def _find_errors(desired: dict[str, Any], state: dict[str, Any]) -> list[str]:
    found = make_rule_errors("host.record", [state["record_error"]])
    if not OWN_FILE.fullmatch(desired["path"]):
        found.append(
            BlockingError(
                f"path: found {desired['path']}, expected a .conf file of its own in /etc/sysctl.d, the folder that is "
                "read at boot",
                rule="host.kernel-path",
            )
        )
    found += [
        BlockingError(f"modules: {name!r} is not a name of a kernel module", rule="host.kernel-module")
        for name in desired["modules"]
        if not MODULE.fullmatch(name)
    ]
    found += make_rule_errors("host.file-unsafe", state["unusable"])
    for path, text in (
        (desired["path"], state["file_text"]),
        (get_modules_path(desired["path"]), state["modules_text"]),
    ):
        if text is not None and not text.startswith(MARK):
            found.append(
                BlockingError(
                    f"{path} holds lines that this collection does not manage, and would be replaced: move it away, "
                    "or choose another path",
                    rule="host.file-unmanaged",
                )
            )
    return found


def _decide(entry: Entry, desired: dict[str, Any], state: dict[str, Any], old: dict[str, Any], boot: Boot) -> Decision:
    key = entry.key
    row = Row("kernel", key, desired=entry.desired, configured=boot.describe_configured(key))
    decision = Decision(key, row, "already")
    gone = kernel_values.find_removal_reason(key, state["kernel"])
    if gone:
        return _leave(decision, "removed", "absent", gone)
    if key in state["unread"]:
        return _leave(decision, "not_readable", "not_readable", f"{get_proc_path(key)}: {state['unread'][key]}")
    live = state["live"].get(key)
    if live is None:
        return _leave(decision, "absent", "absent", *_explain_absent(entry))
    decision.row, decision.before = row.replace(effective=live), live
    if entry.policy == "leave":
        return _leave(decision, "left", "ok", f"left as it is: give it another policy to set it to {entry.value}")
    if not kernel_values.is_comparable(entry.policy, live, entry.value):
        why = f"found {live!r}, which cannot be compared with {entry.value!r}: it is left as it is. Set as many numbers"
        return _leave(decision, "not_readable", "not_readable", why)
    target = kernel_values.merge(entry.policy, _find_value_before_us(key, live, old), entry.value)
    good = kernel_values.means_same(key, live, target)
    hindrance = state["barred"].get(key) or _explain_refused(old, key, target, state["kernel"])
    if hindrance:
        why = f"{hindrance}; set it on the machine that runs this container, or leave it out"
        return decision if good else _leave(decision, "read_only", "read_only", why, f"sysctl -w {key}='{target}'")
    if not good:
        decision.live = target
        _leave(decision, "applied", "drift", "")
    if desired["persist"]:
        decision.at_boot = _choose_boot_value(entry, live, old["keys"].get(key), boot)
        _compare_boot(decision, entry, boot)
    return decision


def _find_value_before_us(key: str, live: str, old: dict[str, Any]) -> str:
    """What a policy compares with: a value that we set ourselves is not a reason to keep it."""
    recorded = old["keys"].get(key)
    return recorded["was"] if recorded and kernel_values.means_same(key, live, recorded["set"]) else live


def _explain_absent(entry: Entry) -> tuple[str, str]:
    if entry.key in kernel_values.MACHINE_WIDE:
        why = (
            "it belongs to the whole machine and is not shown in this network namespace; set it on the machine that "
            "runs this container"
        )
        return why, f"sysctl -w {entry.key}='{entry.value}'"
    return "this kernel, or this network namespace, does not have it", (
        "modprobe nf_conntrack" if "nf_conntrack" in entry.key else ""
    )


def _leave(decision: Decision, outcome: str, status: str, why: str, fix: str = "") -> Decision:
    decision.outcome, decision.row = outcome, decision.row.replace(status=status, why=why, fix=fix)
    return decision


def _explain_refused(old: dict[str, Any], key: str, target: str, kernel: str) -> str:
    """Why this kernel refused this very value before: queried again it would refuse again, and seem like a change."""
    before = old["refused"].get(key, {})
    return before["why"] if (before.get("value"), before.get("kernel")) == (target, kernel) else ""


def _choose_boot_value(entry: Entry, live: str, recorded: dict[str, str] | None, boot: Boot) -> str | None:
    """The value for our file, or None where what holds at boot without us is good enough."""
    if entry.policy == "exact":
        return entry.value
    base, own = boot.find_value_without_us(entry.key), boot.find_own_value(entry.key)
    if base is None and recorded:
        base = recorded["was"]
    elif base is None and own is not None:
        return kernel_values.merge(entry.policy, own, entry.value)  # nobody knows any more what held before
    elif base is None:
        base = live
    merged = kernel_values.merge(entry.policy, base, entry.value)
    return None if kernel_values.means_same(entry.key, merged, base) else merged


def _compare_boot(decision: Decision, entry: Entry, boot: Boot) -> None:
    own, later = boot.find_own_value(entry.key), boot.find_later(entry.key)
    if own is None and decision.at_boot is None:
        return
    if decision.at_boot is None or own is None or not kernel_values.means_same(entry.key, own, decision.at_boot):
        words = (
            f"{boot.own} sets it to {'nothing' if own is None else own}, expected {decision.at_boot}"
            if decision.at_boot is not None
            else f"{boot.own} need not name it any more"
        )
        _leave(decision, "applied", "drift", words)
    words = _explain_worse_later(entry, boot, later) if later else ""
    if later and words:
        # Somebody who wrote the file has often loaded it as well.
        live = [["sysctl", "-w", f"{entry.key}={decision.live}"]] if decision.live is not None else []
        _leave(decision, decision.outcome, "drift", words)
        decision.row = decision.row.add_commands(comment_out(later.file, later.number), *live)


def _explain_worse_later(entry: Entry, boot: Boot, later: Setting) -> str:
    """Why a line that is read after our file keeps our value from being set at boot; empty where it does not."""
    where, value = f"{later.file} line {later.number}", boot.parse_value(later, entry.key)
    if later.value is None:
        return f"{where} (-{entry.key}) keeps it from being set at boot, after {boot.own}"
    if value is None:
        # Only systemd forgets ours for it.
        refused = (
            f"{where} sets it to {make_printable(later.value)!r} at boot, after {boot.own}, which the kernel refuses"
        )
        return refused if boot.systemd else ""
    good = kernel_values.means_same(entry.key, value, kernel_values.merge(entry.policy, value, entry.value))
    return "" if good else f"{where} sets it to {value} at boot, after {boot.own}"


def _give_back(key: str, recorded: dict[str, str], state: dict[str, Any], boot: Boot) -> Decision:
    """A recorded parameter that is no longer desired: back to what it was, unless somebody changed it since."""
    live = state["live"].get(key)
    row = Row("kernel", key, desired=recorded["was"], configured=boot.describe_configured(key), effective=live or "")
    decision = Decision(key, row, "restored", before=live or "")
    if live is None:
        return _leave(decision, "absent", "absent", "this kernel, or this network namespace, does not have it")
    if kernel_values.means_same(key, live, recorded["was"]):
        return decision
    if not kernel_values.means_same(key, live, recorded["set"]):
        return _leave(decision, "kept", "ok", f"somebody changed it after we set it to {recorded['set']}: left so")
    decision.live = recorded["was"]
    return _leave(decision, "restored", "drift", "no longer desired: set back to what it was")


def _assemble(
    desired: Desired,
    state: dict[str, Any],
    decisions: list[Decision],
    old: dict[str, Any],
    more: list[Row],
) -> Plan:
    path, present = desired["path"], desired["state"] == "present"
    modules = _plan_modules(desired, state, old) if present else []
    result = Draft(rows=[row for _name, row in modules] + [decision.row for decision in decisions])
    if "boot files" in state["unread"]:
        result.rows.append(
            Row("kernel", "files read at boot", status="not_readable", why=state["unread"]["boot files"])
        )
    lines = [
        (decision.key, f"{decision.key} = {decision.at_boot}\n")
        for decision in decisions
        if decision.at_boot is not None
    ]
    loads = [
        {"do": "load", "module": name} for name, row in modules if row.status == "drift" and row.effective != "loaded"
    ]
    pokes = [
        {"do": "poke", "key": one.key, "value": one.live, "decision": one} for one in decisions if one.live is not None
    ]
    files = []
    if desired["persist"] or not present:
        names = [("module " + name, name + "\n") for name, row in modules if row.status in ("ok", "drift")]
        files = _plan_file(get_modules_path(path), names, state["modules_text"]) + _plan_file(
            path, lines, state["file_text"]
        )
    result.actions = _add_record(state, desired, decisions, [*loads, *pokes, *files])
    result.facts = {"path": path, "parameters": {one.key: _report_outcome(one) for one in decisions}}
    after = {action["path"]: render_file(action["lines"]) for action in files}
    before = {path: state["file_text"], get_modules_path(path): state["modules_text"]}
    changed = [one for one in decisions if one.live is not None]
    result.before = _format_diff(before, [(one.key, one.before) for one in changed])
    result.after = _format_diff({**before, **after}, [(one.key, one.live or "") for one in changed])
    if [action["do"] for action in result.actions] == ["last_record"]:
        result.before += "# values from before the first change are recorded\n"
    result.rows += more
    return result.plan(desired, state)


def _plan_modules(desired: dict[str, Any], state: dict[str, Any], old: dict[str, Any]) -> list[tuple[str, Row]]:
    rows = []
    for name in desired["modules"]:
        found = state["modules"][name]
        listed = name in (state["modules_text"] or "").splitlines()
        why = found["why"] or _explain_refused(old, "module " + name, name, state["kernel"])
        row = Row(
            "kernel",
            "module " + name,
            desired="loaded",
            configured=get_modules_path(desired["path"]) if listed else "not in a file",
            effective="loaded" if found["loaded"] else "not loaded",
        )
        if not found["loaded"] and why:
            where = f"{why}; load it on the machine that runs this container"
            row = row.replace(status="read_only", why=where, fix=f"modprobe {name}")
        elif not found["loaded"] or (desired["persist"] and not listed):
            row = row.replace(status="drift")
        rows.append((name, row))
    return rows


def render_file(lines: list[tuple[str, str]]) -> str | None:
    """The text of a file of ours from its `(name, line)` pairs; None (no file) where there is no line."""
    return MARK + "".join(line for _name, line in lines) if lines else None


def _plan_file(path: str, lines: list[tuple[str, str]], text: str | None) -> list[dict[str, Any]]:
    return [] if render_file(lines) == text else [{"do": "file", "path": path, "lines": lines, "was": text}]


def _add_record(
    state: dict[str, Any], desired: dict[str, Any], decisions: list[Decision], actions: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The actions between two writings of the record: a run that is killed in between loses no value from before."""
    path = desired["path"]
    first = copy.deepcopy(state["record"])
    mine = first["profiles"].setdefault(path, {"keys": {}, "refused": {}})
    for one in decisions:
        value = one.live if one.live is not None else one.at_boot if one.key not in mine["keys"] else None
        if value is not None and one.outcome == "applied":
            mine["keys"].setdefault(one.key, {"was": one.before})["set"] = value
    last = copy.deepcopy(first)
    for one in decisions:
        last["profiles"][path]["refused"].pop(one.key, "") if one.live is not None else None
        last["profiles"][path]["keys"].pop(one.key, "") if one.outcome in ("restored", "kept") else None
    if desired["state"] == "absent" or not any(last["profiles"][path].values()):
        del last["profiles"][path]
    if not actions and last == state["record"]:
        return []
    where = {"path": path, "kernel": state["kernel"]}
    before = [{"do": "record", "record": first, **where}] if actions and first["profiles"][path]["keys"] else []
    return [*before, *actions, {"do": "last_record", "record": last, **where}]


def _report_outcome(decision: Decision) -> dict[str, str | None]:
    after = decision.live if decision.live is not None else decision.before
    return {
        "outcome": decision.outcome,
        "before": decision.before,
        "after": after,
        "at_boot": decision.at_boot,
        "why": decision.row.why,
    }


def _format_diff(files: dict[str, str | None], live: list[tuple[str, str]]) -> str:
    parts = [f"# {path}\n{text}" for path, text in files.items() if text is not None]
    return "".join(parts) + "# live\n" + "".join(f"{key} = {value}\n" for key, value in live)
