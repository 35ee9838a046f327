# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy was before its configuration was ours: the configuration that was kept, and its service as it was.

All three are read, since a host may have had another one before. A configuration without our digest is
unmanaged and stays.
"""

from __future__ import annotations

from typing import Any, Mapping

from ..core import recorded, unmanaged_file
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.host import Host
from ..core.plan import Draft, Plan
from ..core.untrusted_text import hide_text
from . import component as proxy_config
from . import text as proxy_text
from .table import PROXIES

NAME = "proxy_original"

SPEC: dict[str, Any] = {}


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """Of each software, its configuration, the kept one, what is next to it, and how its service was and is."""
    record, found = recorded.read(host), {}
    for software, backend in PROXIES.items():
        path = backend.config_path
        place = find_place(host, path)
        found[software] = {
            "config": host.read(place),
            "kept": host.read(path + proxy_config.KEPT),
            "place": place,
            "extra_paths": [own for own in backend.extra_paths if host.stat(own) is not None],
            "folders": [folder for folder in backend.folders if host.stat(folder) is not None],
            "before": record["units"].get(backend.unit),
        }
    return found


def find_place(host: Host, path: str) -> str:
    """The file that has our configuration, or may have it: where the path leads, or where it led at first."""
    places = unmanaged_file.find_places(host, path)
    return next((place for place in places if proxy_text.find_stamp(host.read(place))), places[0] if places else path)


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is put back and removed: `actions` are `(software, steps)` for those with something of ours."""
    result = Draft()
    for software, found in state.items():
        path = PROXIES[software].config_path
        ours = bool(proxy_text.find_stamp(found["config"]))
        steps = []
        if (ours or found["config"] is None) and found["kept"] is not None:
            steps.append(("rename", path))
            result.after += f"# {path}\n{hide_text(found['kept'])}"
        elif ours:
            steps.append(("remove", path))
        elif found["kept"] is not None and found["kept"] == found["config"]:
            # It is back, and a killed run has left its copy.
            steps.append(("remove", path + proxy_config.KEPT))
        steps += [("remove", own) for own in found["extra_paths"]]
        if steps or found["before"] is not None:
            result.actions.append((software, steps))
            result.before += f"# {path}\n{found['config']}" if ours else ""
            result.before += "".join(f"# {own}\n" for own in found["extra_paths"])
    return result.plan(desired, state)


def format_lines(state: Mapping[str, Any], planned: Plan) -> list[str]:
    """What would be undone, one line a thing."""
    found = []
    for software, steps in planned.actions:
        found += [
            f"{path}: the configuration from before comes back" if verb == "rename" else path for verb, path in steps
        ]
        before, unit = state[software]["before"], PROXIES[software].unit
        if before:
            found.append(recorded.format_unit_state(unit, before))
    return found


def apply(host: Host, plan: Plan) -> Applied:
    """Puts back.

    Raises RuntimeError, before anything is changed where the kept configuration is refused by the software that is to
    go on with it.
    """
    state = plan.state
    for software, steps in plan.actions:
        backend, before = PROXIES[software], state[software]["before"]
        unit, path = backend.unit, backend.config_path
        goes_on = before is None or before["active"] == "active"
        if ("rename", path) in steps and goes_on:
            result = host.run([*backend.check, path + proxy_config.KEPT])
            if result.rc != 0:
                raise RuntimeError(
                    f"{path}{proxy_config.KEPT}, the configuration from before, is refused by {software}: "
                    f"{(result.err or result.out).strip()[-800:]}. Fix that file, or remove it, and run the playbook "
                    "again"
                )
        if steps and not goes_on:
            # While it still has its configuration: started again with the one from before, it would take ports that
            # nobody wants it to.
            host.run(["systemctl", "stop", unit, *(backend.companions if not before["boot"] else [])])
        for verb, target in steps:
            if verb == "rename":
                restore(host, target, state[software]["place"])
            elif target == path:
                host.remove(state[software]["place"])
                for folder in recorded.find_noted_file(host, path).get("made", ()):
                    host.remove_empty(folder)
            else:
                host.remove_written(target)
        recorded.forget(host, "files", path)
        for folder in state[software]["folders"]:
            host.remove_empty(folder)
        host.run(["systemctl", "daemon-reload"])
        if before is not None:
            recorded.put_back(host, unit, again=backend.restore_by)
        elif recorded.read_unit_state(host, unit)["active"] == "active":
            host.run(["systemctl", backend.restore_by, unit])
    return Applied()


def restore(host: Host, path: str, place: str) -> None:
    """Puts the kept configuration back, with the mode and owner that it had: where there is no link, in one step."""
    kept = path + proxy_config.KEPT
    if place == path:
        host.rename(kept, path)
        return
    stat, text = host.stat(kept), host.read(kept)
    if stat is None or text is None:
        raise FileNotFoundError(f"{kept}, the configuration from before, is missing; expected it next to {path}")
    host.write(place, text, unmanaged_file.limit_mode(stat.mode, stat.group), stat.owner, stat.group)
    host.remove(kept)


def _describe_unread(error: Exception) -> str:
    return f"the proxies could not be read: {error}"


EXECUTION = Execution(unread=_describe_unread)
