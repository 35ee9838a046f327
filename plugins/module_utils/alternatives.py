# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several alternatives that belong to one home, such as those of a JDK, switched together.

Debian's C(update-alternatives --query) and the Red Hat family's C(alternatives --display) say the same in two formats.
The wanted choice is pinned (manual mode), also where automatic mode has it already: the next package would move it.
What was chosen before the first change is kept in RECORD, so that a removal can bring it back.
"""

from __future__ import annotations

import json
import re

from ansible_collections.xitrum.host.plugins.module_utils.plan import RUN, Plan, Row
from ansible_collections.xitrum.host.plugins.module_utils.process import is_under

RECORD = "/var/lib/xitrum.host/alternatives.json"

COMMANDS = ("java", "javac", "javap", "javaws")


SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "home": {"type": "path", "required": True},
    "commands": {"type": "list", "elements": "str", "default": list(COMMANDS)},
    "priority": {"type": "int", "default": 1},
    "version": {"type": "int", "default": 0},
}

#: Where each program keeps what it knows, one file a command.
KEPT = {"update-alternatives": "/var/lib/dpkg/alternatives", "alternatives": "/var/lib/alternatives"}

RED_HAT_CHOICE = re.compile(r"^(/.*?) - (?:family (\S+) )?priority (-?\d+)$")


def parse_query(text):
    """What C(update-alternatives --query) says of one alternative; None where the text is not that.

    C(link) is the path that people call, C(mode) is C(auto) or C(manual), C(value) the choice in use (empty without one),
    C(choices) the registered ones. A choice whose file is gone is left out by the program itself.
    """
    blocks = [_fields(block) for block in text.split("\n\n")]
    if "Name" not in blocks[0] or "Status" not in blocks[0]:
        return None
    head = blocks[0]
    return {
        "link": head.get("Link", ""), "mode": head["Status"], "value": "" if head.get("Value", "none") == "none" else head["Value"],
        "choices": [{"path": block["Alternative"], "priority": int(block["Priority"]), "family": ""}
                    for block in blocks[1:] if "Alternative" in block and re.fullmatch(r"-?\d+", block.get("Priority", ""))],
    }


def _fields(block):
    """The C(Name: value) lines of a block; what is indented belongs to the field above and is left out."""
    pairs = (line.partition(": ") for line in block.splitlines() if not line.startswith(" "))
    return {name: value for name, separator, value in pairs if separator}


def parse_display(text):
    """What the Red Hat family's C(alternatives --display) says, in the form of L(parse_query). It does not tell the link."""
    mode = re.search(r" - status is (auto|manual)\.$", text, re.MULTILINE)
    if mode is None:
        return None
    value = re.search(r"^ link currently points to (/.*)$", text, re.MULTILINE)
    choices = [found.groups() for found in map(RED_HAT_CHOICE.match, text.splitlines()) if found]
    return {
        "link": "", "mode": mode.group(1), "value": value.group(1) if value else "",
        "choices": [{"path": path, "priority": int(priority), "family": family or ""} for path, family, priority in choices],
    }


def parse_kept(text):
    """What a program keeps about one command, in the form of L(parse_query) but for C(value), which is in the link; None for any other text.

    Both families have one format: the mode, the link, two lines for each follower, an empty line; then for each choice its
    path, its priority (with the family, on the Red Hat side) and a line for each follower; an empty line.
    """
    lines = text.split("\n")
    if lines[0] not in ("auto", "manual") or "" not in lines[2:]:
        return None
    end = lines.index("", 2)
    followers, choices = (end - 2) // 2, []
    for at in range(end + 1, len(lines), 2 + followers):
        if not lines[at]:
            return {"link": lines[1], "mode": lines[0], "choices": choices}
        found = re.match(r"(?:@([^@]+)@)?(-?\d+)(?: |$)", lines[at + 1]) if at + 1 < len(lines) else None
        if found is None:
            return None
        choices.append({"path": lines[at], "priority": int(found.group(2)), "family": found.group(1) or ""})
    return None


def read(host, wanted):
    """What is registered for each command, where its link leads, and which file the home has for it."""
    program = next((name for name in ("alternatives", "update-alternatives") if host.which(name)), "")
    state = {"program": program, "home": host.realpath(wanted["home"]), "there": host.exists(wanted["home"]),
             "record": parse_record(host.read(RECORD) or "{}"), "commands": {}}
    for name in wanted["commands"] if program else ():
        state["commands"][name] = read_command(host, wanted["home"], program, name)
    return state


def parse_record(text):
    """What RECORD says, by command: C(mode) and C(path) before ours, and the paths that were C(registered). None where it is damaged."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    whole = isinstance(record, dict) and all(isinstance(entry, dict) and isinstance(entry.get("registered"), list) for entry in record.values())
    return record if whole else None


def read_command(host, home, program, name):
    """One command. C(own) is the home's file, C(leads) the file that the link ends at, empty where it ends nowhere."""
    own = next((path for path in (f"{home}/bin/{name}", f"{home}/jre/bin/{name}") if host.exists(path)), "")
    group = settled(host, program, name, own)
    if group is None and (host.exists(f"{KEPT[program]}/{name}") or not host.exists(KEPT[program])):
        if program == "alternatives":
            group = parse_display(host.run([program, "--display", name]).out)
        else:
            group = parse_query(host.run([program, "--query", name]).out)
    link = (group or {}).get("link") or f"/usr/bin/{name}"
    has = host.stat(link)
    return {
        "group": group, "link": link, "kind": has.kind if has else "", "leads": host.realpath(link) if host.exists(link) else "",
        "own": own, "real": host.realpath(own) if own else "",
        # The Red Hat family registers versioned paths, and the home is a link to their folder.
        "choices": {choice["path"]: host.realpath(choice["path"]) for choice in (group or {}).get("choices", [])},
        # Without this link the Red Hat family's program does not read its own choices any more.
        "lost": group is None and program == "alternatives" and host.exists(f"{KEPT[program]}/{name}"),
    }


def settled(host, program, name, own):
    """One command that is pinned to C(own) and leads there, without a process; None for any other, which the program is to tell."""
    kept = parse_kept(host.read(f"{KEPT[program]}/{name}") or "")
    value = host.readlink(f"/etc/alternatives/{name}") or ""
    if not kept or kept["mode"] != "manual" or value not in [choice["path"] for choice in kept["choices"]]:
        return None
    right = own and host.readlink(kept["link"]) == f"/etc/alternatives/{name}" and host.realpath(value) == host.realpath(own)
    return {**kept, "value": value} if right else None


def plan(wanted, state):
    """Decides what is registered, switched, brought back and unregistered."""
    result = Plan(facts={"before": {name: has["group"] for name, has in state["commands"].items() if has["group"]}, "pinned": []})
    result.before = listing(result.facts["before"])
    after = {name: dict(group) for name, group in result.facts["before"].items()}
    if not state["program"]:
        result.problems.append("neither update-alternatives nor alternatives is on this host: install the package that has it (dpkg, or alternatives), "
                               "or do without (jdk_alternatives: false)")
        return result
    if state["record"] is None:
        result.problems.append(f"{RECORD} is damaged: move it away and run again; the choice of today then counts as the one before ours")
        return result
    record = {name: dict(entry) for name, entry in state["record"].items()}
    for name, has in state["commands"].items():
        if wanted["state"] == "absent":
            plan_removal(wanted, name, has, state["home"], record, result, after)
        else:
            plan_command(wanted, name, has, record, result, after)
    if wanted["state"] == "present" and not any(has["own"] for has in state["commands"].values()):
        result.problems.append(f"{wanted['home']} has none of bin/{', bin/'.join(wanted['commands'])}: install that JDK first, or correct home")
    # All are registered before the first is switched, so that the moment in which they differ is short. What was
    # chosen is written down first of all: a run that is killed does not take its own choice for the host's.
    order = ("register", "set", "auto", "unregister")
    result.actions.sort(key=lambda action: order.index(action[0]))
    if result.actions or record != state["record"]:
        result.actions.insert(0, ("record", json.dumps(record, indent=1, sort_keys=True) + "\n"))
    result.after = listing(after)
    return result


def plan_command(wanted, name, has, record, result, after):
    """One command of a home that is to be used."""
    group = has["group"] or {"link": has["link"], "mode": "", "value": "", "choices": []}
    configured = f"{group['value']} ({group['mode']})" if has["group"] else ""
    if not has["own"]:
        result.rows.append(Row("alternatives", f"alternative {name}", "", configured, has["leads"], "absent", f"{wanted['home']} has no {name}"))
        return
    if has["kind"] not in ("", "link"):
        result.problems.append(f"{has['link']} is a {has['kind']} of its own, wanted is a link of the alternatives: move it away, then run again")
        return
    if has["lost"]:
        result.problems.append(f"/etc/alternatives/{name} is missing while {KEPT['alternatives']}/{name} lists choices: "
                               f"make it (ln -s {has['own']} /etc/alternatives/{name}), then run again")
        return
    registered = [path for path, real in has["choices"].items() if real == has["real"]]
    path = has["own"] if has["own"] in registered or not registered else registered[0]
    right = group["value"] == path
    leads = has["leads"] == has["real"]
    good = right and leads and group["mode"] == "manual"
    why = ("no alternative is registered" if not has["group"] else "another one is chosen" if not right else
           "its link is broken" if not leads else "it is the right one in automatic mode, in which the next package would move it")
    result.rows.append(Row("alternatives", f"alternative {name}", f"{path} (manual)", configured, has["leads"], "ok" if good else "differs",
                           "" if good else why, "" if good else RUN))
    if good:
        return
    entry = record.setdefault(name, {"registered": []})
    if "mode" not in entry:
        entry.update(mode=group["mode"], path=group["value"])
    entry["chosen"] = path
    choices = list(group["choices"])
    if not registered:
        result.actions.append(("register", name, (has["link"], path, wanted["priority"])))
        choices.append({"path": path, "priority": wanted["priority"], "family": ""})
        entry["registered"] = sorted({*entry["registered"], path})
    elif right and leads:
        result.facts["pinned"].append(name)
    result.actions.append(("set", name, path))
    after[name] = {"link": has["link"], "mode": "manual", "value": path, "choices": choices}


def plan_removal(wanted, name, has, real_home, record, result, after):
    """One command of a home that is to be used no more: the choice before ours comes back, and what we registered goes."""
    group, entry = has["group"], record.get(name, {"registered": []})
    if group is None:
        return
    inside = [path for path, real in has["choices"].items() if is_under(path, wanted["home"]) or is_under(real, real_home)]
    ours = [path for path in inside if path in entry["registered"] or wanted.get("unregister_all")]
    stay = [choice for choice in group["choices"] if choice["path"] not in ours]
    chosen = is_under(group["value"], wanted["home"]) or group["value"] in inside
    after[name] = {**group, "choices": stay}
    if chosen and stay and (ours or "mode" in entry):
        kept = entry.get("mode") == "manual" and entry["path"] in [choice["path"] for choice in stay]
        best = entry["path"] if kept else max(stay, key=lambda choice: choice["priority"])["path"]
        if not kept and entry.get("mode") == "manual":
            result.facts.setdefault("lost", []).append(f"{name}: {entry['path']} was chosen before, and is no longer registered")
        mode = "manual" if kept else "auto"
        if (group["mode"], group["value"]) != (mode, best):
            result.actions.append(("set", name, best) if kept else ("auto", name, None))
        after[name].update(mode=mode, value=best)
    result.actions += [("unregister", name, path) for path in ours]
    if name in record:
        left = [path for path in entry["registered"] if path not in ours]
        record[name] = {"registered": left} if chosen else {**entry, "registered": left}
        if not left and "mode" not in record[name]:
            del record[name]
    if (group["mode"], group["value"]) != (after[name]["mode"], after[name]["value"]) or ours:
        result.rows.append(Row("alternatives", f"alternative {name}", f"{after[name]['value'] or 'none'} ({after[name]['mode']})",
                               f"{group['value'] or 'none'} ({group['mode']})", has["leads"], "differs", f"{wanted['home']} is to be used no more", RUN))
    if not stay:
        del after[name]


def listing(groups):
    """The alternatives as text, for a diff."""
    lines = []
    for name, group in groups.items():
        lines.append(f"{name}: {group['value'] or 'none'} ({group['mode']})\n")
        lines += [f"  {choice['path']} {'family ' + choice['family'] + ' ' if choice['family'] else ''}priority {choice['priority']}\n"
                  for choice in group["choices"]]
    return "".join(lines)


def apply(host, state, planned):
    """Registers, then switches all. Raises RuntimeError; those that were switched are then back at what they were."""
    switched = []
    for action, name, *detail in planned.actions:
        try:
            if action == "record":
                host.write(RECORD, name)
            elif action == "register":
                link, path, priority = detail[0]
                call(host, state["program"], "--install", link, name, path, str(priority))
            elif action == "auto":
                call(host, state["program"], "--auto", name)
            else:
                call(host, state["program"], "--set" if action == "set" else "--remove", name, detail[0])
        except RuntimeError:
            for other in switched:
                put_back(host, state, other)
            raise
        if action == "set":
            switched.append(name)


def put_back(host, state, name):
    """One command as it was read. Raises RuntimeError."""
    group = state["commands"][name]["group"]
    if group and group["mode"] == "auto":
        call(host, state["program"], "--auto", name)
    elif group and group["value"] in [choice["path"] for choice in group["choices"]]:
        call(host, state["program"], "--set", name, group["value"])


def call(host, *argv):
    """Runs the program. Raises RuntimeError with what it said."""
    said = host.run(argv)
    if said.rc != 0:
        raise RuntimeError(f"{' '.join(argv)} ended with {said.rc}: {(said.err or said.out).strip()}")
