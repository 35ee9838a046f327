# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of logs: the variables of playbooks/logs.yml, validated before a host is read, and the options of the
component `logs`. Controller only."""

from __future__ import annotations

import datetime
import re
from typing import Any, Mapping, Sequence

from ansible.module_utils.parsing.convert_bool import boolean

from ..application import operations
from ..core.plan import BlockingError, make_rule_errors
from ..core.untrusted_text import make_printable, replace_controls
from .inputs import Inputs

#: What the playbook registers: its settings, and what it read of a host.
SETTINGS, READ = "__logs", "__logs_read"

#: Lines of an instance that are printed at most, and where nothing sets how many.
MOST, DEFAULT = 10000, 100

#: Seconds that a host waits for new lines before it answers that there are none.
WAIT_SECONDS = 10

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

#: Times that are accepted. ISO 8601 has more forms, such as weeks.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?")


def build_logs(inputs: Inputs) -> dict[str, Any]:
    """Return the options of the component `logs`, by the settings of the run."""
    found = inputs[SETTINGS]["settings"]
    follows = bool(found["follow"])
    before = (inputs.get(READ) or {}).get("logs") or {}
    return {
        "name": inputs["xitrum_name"],
        "log_dir": inputs["xitrum_log_dir"],
        "supervisor": inputs["xitrum_supervisor"],
        "instances": list(found["instances"].get(inputs.host, ())),
        "lines": int(found["lines"]),
        "since": float(found["since"]),
        "grep": str(found["grep"]),
        "follow": follows,
        # A host that was not reached before is read from what it has by then.
        **({"positions": dict(before["positions"]), "wait": WAIT_SECONDS} if "positions" in before else {}),
    }


def read_settings(
    given: Mapping[str, Any], places: Mapping[str, int], hosts: Sequence[str], now: float
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of a run, and what is wrong with its variables, as sentences.

    given: the variables. places: all application hosts, with how many instances each may have. hosts: those of the run.
    now: the clock of the controller, in seconds since the epoch.
    """
    chosen, wrong = operations.choose("logs_instances", given, places, hosts)
    errors: list[str] = [*wrong]
    since = read_since(given.get("logs_since"), now, errors)
    found = {
        "since": since,
        "lines": read_lines(given.get("logs_lines"), MOST if since else DEFAULT, errors),
        "grep": read_grep(given.get("logs_grep"), errors),
        "follow": read_flag(given.get("logs_follow"), errors),
        "save": str(given.get("logs_save") or ""),
        "instances": {host: sorted(chosen[host]) for host in hosts if host in chosen},
    }
    return found, errors


def read_lines(value: Any, default: int, errors: list[str]) -> int:
    """Return how many lines of each instance are printed."""
    if value in (None, ""):
        return default
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= MOST:
        reason = f"logs_lines is {show_value(value)}: expected a whole number from 1 to {MOST}"
        errors.append(BlockingError(reason, rule="logs.lines"))
        return default
    return int(text)


def read_since(value: Any, now: float, errors: list[str]) -> float:
    """Return the time of the oldest line in seconds since the epoch; 0 where nothing sets it."""
    text = "" if value is None else str(value).strip()
    if not text:
        return 0.0
    ago = re.fullmatch(r"([0-9]{1,7})\s*([smhd])", text)
    if ago:
        return max(now - int(ago[1]) * _UNITS[ago[2]], 1.0)
    seconds = read_time(text)
    if seconds is None:
        errors.append(
            BlockingError(
                f"logs_since is {show_value(value)}: expected an age such as 30s, 10m, 2h or 1d, or a time such as "
                "2026-12-01T03:00 (controller's zone) or 2026-12-01T03:00Z",
                rule="logs.since",
            )
        )
        return 0.0
    if seconds > now:
        reason = f"logs_since is {show_value(value)}, which is in the future: expected a time before now"
        errors.append(BlockingError(reason, rule="logs.since"))
    return max(seconds, 1.0)


def read_time(text: str) -> float | None:
    """Return a time in seconds since the epoch; None for a text that is none."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def read_grep(value: Any, errors: list[str]) -> str:
    """Return a regular expression; an empty one where nothing sets it."""
    text = "" if value is None else str(value)
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        position = getattr(error, "pos", None)
        place = len(text) if position is None else int(position)
        where = f"character {place + 1}" if place < len(text) else "its end"
        why = make_printable(str(getattr(error, "msg", "") or error or "it is nested too deep"))
        marked = f"  {replace_controls(text)}\n  {' ' * place}^"
        reason = f"logs_grep is not a valid regular expression: {why}, at {where}.\n{marked}"
        errors.append(BlockingError(reason, rule="logs.grep"))
        return ""
    return text


def read_flag(value: Any, errors: list[str]) -> bool:
    """Return whether new lines are followed."""
    try:
        return bool(boolean(value)) if value not in (None, "") else False
    except TypeError:
        errors.append(BlockingError(f"logs_follow is {show_value(value)}: expected true or false", rule="logs.follow"))
        return False


def show_value(value: Any) -> str:
    """Return a value of the user's as a message has it."""
    return make_printable(repr(str(value)) if isinstance(value, str) else repr(value))


def find_follow_errors(hosts: Sequence[str], forks: int, terminal: bool) -> list[str]:
    """Return why new lines cannot be followed, as sentences."""
    found = []
    if not terminal:
        found.append(
            "logs_follow is true, and ansible-playbook was started without a terminal, so that nobody could end it. "
            "Start it in a terminal, or set logs_since and run it again from time to time"
        )
    if len(hosts) > forks:
        found.append(
            f"logs_follow is true for {len(hosts)} hosts, and Ansible works on {forks} at once: expected a fork for "
            f"each host. Add --forks {len(hosts)}, or choose hosts with --limit"
        )
    return make_rule_errors("logs.follow", found)
