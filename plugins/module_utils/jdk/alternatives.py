# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several alternatives that belong to one home, such as those of a JDK, switched together.

Debian's `update-alternatives --query` and the Red Hat family's `alternatives --display` report the same in two
formats. The desired choice is pinned (manual mode), also where automatic mode has it already: the next package would
move it. What was chosen before the first change is kept in RECORD, so that a removal can bring it back.
"""

from __future__ import annotations

import re
from typing import Any, Optional

from ..core import schema
from ..core.component import NOTHING_SEEN, Applied, Desired, Execution, Seen
from ..core.distributions import table as distributions
from ..core.host import Host
from ..core.plan import RUN, BlockingError, Draft, Plan, Row, format_shell_line, make_rule_errors
from ..core.process import is_under
from . import followers
from .version import parse_major, parse_version_output

RECORD = "/var/lib/xitrum.host/alternatives.json"

DAMAGED = (f"{RECORD} is damaged: move it away, then run the same command again. "
           "A removal then restores the present choice")

COMMANDS = ("java", "javac", "javap", "javaws")


NAME = "alternatives"

SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "home": {"type": "path", "required": True},
    "commands": {"type": "list", "elements": "str", "default": list(COMMANDS)},
    "priority": {"type": "int", "default": 1},
    "version": {"type": "int", "default": 0},
}

#: Where each program keeps what it knows, one file a command.
KEPT = {family.alternatives_program: family.alternatives_folder for family in distributions.FAMILIES.values()}
IMAGE_BASED = "/etc/alternatives-admindir"

RED_HAT_FOLLOWER = re.compile(r"^ (?:follower|slave) (\S+): (/.*)$")
RED_HAT_CHOICE = re.compile(r"^(/.*?) - (?:family (\S+) )?priority (-?\d+)$")


def parse_query(text: str) -> dict[str, Any] | None:
    """What `update-alternatives --query` reports about one alternative; None where the text is not that.

    `link` is the path that people call, `mode` is `auto` or `manual`, `value` the choice in use (empty without
    one), `choices` the registered ones. A choice whose file is gone is left out by the program itself.
    """
    blocks = [_parse_fields(block) for block in text.split("\n\n")]
    if "Name" not in blocks[0] or "Status" not in blocks[0]:
        return None
    head = blocks[0]
    return {
        "link": head.get("Link", ""),
        "mode": head["Status"],
        "value": "" if head.get("Value", "none") == "none" else head["Value"],
        "choices": [
            {"path": block["Alternative"], "priority": int(block["Priority"]), "family": ""}
            for block in blocks[1:]
            if "Alternative" in block and re.fullmatch(r"-?\d+", block.get("Priority", ""))
        ],
    }


def _parse_fields(block: str) -> dict[str, str]:
    """The `Name: value` lines of a block; what is indented belongs to the field above and is left out."""
    pairs = (line.partition(": ") for line in block.splitlines() if not line.startswith(" "))
    return {name: value for name, separator, value in pairs if separator}


def parse_display(text: str) -> dict[str, Any] | None:
    """What the Red Hat family's `alternatives --display` reports, in the form of `parse_kept`.

    It does not print the links: those of commands among the followers are taken to be where commands are.
    """
    mode = re.search(r" - status is (auto|manual)\.$", text, re.MULTILINE)
    if mode is None:
        return None
    value = re.search(r"^ link currently points to (/.*)$", text, re.MULTILINE)
    choices: list[dict[str, Any]] = []
    for line in text.splitlines():
        choice, follower = RED_HAT_CHOICE.match(line), RED_HAT_FOLLOWER.match(line)
        if choice:
            path, family, priority = choice.groups()
            choices.append({"path": path, "priority": int(priority), "family": family or "", "followers": {}})
        elif follower and choices:
            choices[-1]["followers"][follower.group(1)] = follower.group(2)
    links = {title: f"/usr/bin/{title}" for choice in choices for title, target in choice["followers"].items()
             if target.endswith(f"/bin/{title}")}
    return {
        "link": "",
        "mode": mode.group(1),
        "value": value.group(1) if value else "",
        "choices": choices,
        "followers": links,
    }


def parse_kept(text: str) -> dict[str, Any] | None:
    """What a program keeps about one command, in the form of `parse_query` but for `value`,
    which is in the link; None for any other text.

    Both families have one format: the mode, the link, two lines for each follower, an empty line; then for each choice
    its path, its priority (with the family, on the Red Hat side) and a line for each follower; an empty line. Here a
    choice has its `followers` too, name to path, and the whole has `followers`, name to link.
    """
    lines = [line.lstrip() for line in text.split("\n")]
    if lines[0] not in ("auto", "manual") or "" not in lines[2:]:
        return None
    end = lines.index("", 2)
    links = dict(zip(lines[2:end:2], lines[3:end:2]))
    choices: list[dict[str, Any]] = []
    for at in range(end + 1, len(lines), 2 + len(links)):
        if not lines[at]:
            whole = {"link": lines[1], "mode": lines[0], "choices": choices, "followers": links}
            return None if any(lines[at:]) else whole
        found = re.match(r"(?:@([^@]+)@)?(-?\d+)(?: |$)", lines[at + 1]) if at + 1 < len(lines) else None
        if found is None:
            return None
        targets = dict(zip(links, lines[at + 2:at + 2 + len(links)]))
        choices.append({"path": lines[at], "priority": int(found.group(2)), "family": found.group(1) or "",
                        "followers": {name: path for name, path in targets.items() if path}})
    return None


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """What is registered for each command, where its link leads, and which file the home has for it."""
    program = next((name for name in ("alternatives", "update-alternatives") if host.find_program(name)), "")
    record, record_error = read_record(host)
    state = {"program": program, "home": host.realpath(desired["home"]), "there": host.exists(desired["home"]),
             "record": record, "record_error": record_error, "commands": {}}
    if program == "alternatives":
        state["commands"] = read_red_hat(host, desired["home"], desired["commands"])
        state["apart"] = read_apart(host, desired["home"], desired["commands"])
    elif program:
        state["commands"] = {name: read_debian(host, desired["home"], name) for name in desired["commands"]}
    return state


def read_record(host: Host) -> tuple[dict[str, Any] | None, str]:
    """Return what RECORD has, by command, and what is wrong with it (empty: nothing; then the record is a dictionary,
    otherwise None). An entry has `mode` and `path` before ours, and the paths that were `registered`."""
    text = host.read(RECORD)
    try:
        record = schema.ALTERNATIVES.parse(text, RECORD) if text is not None else {}
    except schema.VersionError as error:
        return None, str(error)
    except ValueError:
        return None, DAMAGED
    is_whole = all(isinstance(entry, dict) and isinstance(entry.get("registered"), list) for entry in record.values())
    return (record, "") if is_whole else (None, DAMAGED)


def read_debian(host: Host, home: str, name: str) -> dict[str, Any]:
    """One command of Debian's, each of which has a group of its own."""
    folder, program = KEPT["update-alternatives"], "update-alternatives"
    own = find_own_files(host, home, name)
    group = read_pinned(host, folder, name, own)
    if group is None and (host.exists(f"{folder}/{name}") or not host.exists(folder)):
        group = parse_query(host.run([program, "--query", name]).out)
    return describe(host, name, group, own)


def find_own_files(host: Host, home: str, name: str) -> list[str]:
    """The files of a home that can be registered for a command:
    until Java 8 packages register java of the JRE in it."""
    return [path for path in (f"{home}/bin/{name}", f"{home}/jre/bin/{name}") if host.exists(path)]


def describe(
    host: Host,
    name: str,
    group: dict[str, Any] | None,
    own: list[str],
    **more: dict[str, dict[str, str]] | list[Any] | str,
) -> dict[str, Any]:
    """One command. `home_file` is the home's file, `leads` the file that the link ends at, empty where it ends "
    "nowhere."""
    link = (group or {}).get("link") or f"/usr/bin/{name}"
    link_stat = host.stat(link)
    return {
        "group": group,
        "link": link,
        "kind": link_stat.kind if link_stat else "",
        "leads": host.realpath(link) if host.exists(link) else "",
        "home_file": own[0] if own else "",
        "reals": [host.realpath(path) for path in own],
        # The Red Hat family registers versioned paths, and the home is a link to their folder.
        "choices": {choice["path"]: host.realpath(choice["path"]) for choice in (group or {}).get("choices", [])},
        "followers": {},
        "follows": "",
        "former": [],
        "lost": "",
        **more,
    }


def read_pinned(host: Host, folder: str, name: str, own: list[str]) -> dict[str, Any] | None:
    """One command that is pinned to `own` and leads there, without a process;
    None for any other, which the program is to print."""
    kept = parse_kept(host.read(f"{folder}/{name}") or "")
    value = host.readlink(f"{followers.LINKS}/{name}") or ""
    if not kept or kept["mode"] != "manual" or value not in [choice["path"] for choice in kept["choices"]]:
        return None
    linked = host.readlink(kept["link"]) == f"{followers.LINKS}/{name}"
    right = own and linked and host.realpath(value) == host.realpath(own[0])
    choices = [{key: choice[key] for key in ("path", "priority", "family")} for choice in kept["choices"]]
    return {"link": kept["link"], "mode": kept["mode"], "value": value, "choices": choices} if right else None


def read_kept_groups(host: Host) -> tuple[str, dict[str, Any]]:
    """Where the Red Hat family's program keeps its groups, and these: name to group, None for an unknown form."""
    # Image-based systems have their groups where an update of the image keeps them.
    folder = next((path for path in (KEPT["alternatives"], IMAGE_BASED) if host.exists(path)), KEPT["alternatives"])
    return folder, {name: parse_kept(host.read(f"{folder}/{name}") or "") for name in host.listdir(folder)}


def read_apart(host: Host, home: str, commands: list[str]) -> dict[str, Any]:
    """Commands that somebody registered as groups of their own and that lead to another JDK: name to the home's file,
    `home_file`, and the file in use, `leads`. They are not commands to switch, and follow none."""
    groups = {name: group for name, group in read_kept_groups(host)[1].items() if group}
    found = {}
    for name in sorted(set(followers.LEADERS) & set(groups) - set(commands)):
        own, leads = f"{home}/bin/{name}", host.realpath(groups[name]["link"])
        if host.exists(own) and leads != host.realpath(own) and not followers.find_leader(name, groups, commands):
            found[name] = {"home_file": own, "leads": leads, "link": groups[name]["link"]}
    return found


def read_red_hat(host: Host, home: str, commands: list[str]) -> dict[str, dict[str, Any]]:
    """The commands of the Red Hat family's program, from the files and links that it reads itself."""
    folder, groups = read_kept_groups(host)
    # Those that cannot be read here, as the program reads them.
    unread = [name for name in commands if not groups.get(name) and (name in groups or not host.exists(folder))]
    shown = {name: parse_display(host.run(["alternatives", "--display", name]).out) for name in unread}
    groups = {name: group for name, group in {**groups, **shown}.items() if group}
    found = {}
    for name in commands:
        own, lost = find_own_files(host, home, name), ""
        group = shown.get(name) or read_effective(host, name, groups.get(name))
        link = (group or {}).get("link") or f"/usr/bin/{name}"
        follows = followers.find_leader(name, groups, commands)
        if follows:
            former = [choice["path"] for choice in groups[name]["choices"]] if name in groups else []
            found[name] = describe(host, name, None, own, follows=follows, former=former)
            continue
        if group is None and host.exists(f"{folder}/{name}"):
            lost = find_fault(host, folder, name, own)
        more = followers.read_followers(host, home, name, link, groups, commands)
        found[name] = describe(host, name, group, own, followers=more, lost=lost)
    return found


def read_effective(host: Host, name: str, group: dict[str, Any] | None) -> dict[str, Any] | None:
    """A group as the program takes it: its link counts, and one to anything but the best choice was made by hand."""
    value = host.readlink(f"{followers.LINKS}/{name}")
    if not group or not group["choices"] or value is None:
        return None
    best = max(group["choices"], key=lambda choice: choice["priority"])["path"]
    return {**group, "value": value, "mode": group["mode"] if value == best else "manual"}


def find_fault(host: Host, folder: str, name: str, own: list[str]) -> str:
    """What keeps the program from a group that it has a file of, and what to do."""
    if host.readlink(f"{followers.LINKS}/{name}") is None:
        make = ["ln", "-s", own[0] if own else "PATH", f"{followers.LINKS}/{name}"]
        text = (
            f"{followers.LINKS}/{name} is missing while {folder}/{name} lists choices: make it "
            f"({format_shell_line([make])}), "
            "then run again"
        )
        return BlockingError(text, make) if own else text
    result = host.run(["alternatives", "--display", name])
    return (f"alternatives --display {name} failed with exit code {result.rc}: {(result.err or result.out).strip()}. "
            f"Correct {folder}/{name}, or move it away, then run again")


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides what is registered, switched, brought back and unregistered."""
    result = Draft(
        facts={
            "before": {name: observed["group"] for name, observed in state["commands"].items() if observed["group"]},
            "pinned": [],
        }
    )
    result.before = format_listing(result.facts["before"])
    after = {name: dict(group) for name, group in result.facts["before"].items()}
    if not state["program"]:
        result.errors.append(
            BlockingError(
                "neither update-alternatives nor alternatives is on this host: install the package that has it (dpkg, "
                "or alternatives), or set jdk_alternatives: false",
                rule="host.alternatives-missing",
            )
        )
        return result.plan(desired, state)
    if state["record"] is None:
        result.errors += make_rule_errors("host.record", [state["record_error"]])
        return result.plan(desired, state)
    record = {name: dict(entry) for name, entry in state["record"].items()}
    leading = {name: observed for name, observed in state["commands"].items() if not observed["follows"]}
    if desired["state"] == "absent":
        for name, observed in leading.items():
            plan_removal(desired, name, observed, state["home"], record, result, after)
    else:
        chosen = {
            name: choose(desired, name, observed, record) for name, observed in leading.items() if observed["home_file"]
        }
        provided = {title for choice in chosen.values() for title, target in choice["targets"].items() if target}
        for name, observed in state["commands"].items():
            if observed["follows"]:
                plan_follower(desired, name, observed, state["commands"], chosen, result)
            else:
                plan_command(desired, name, observed, chosen.get(name), provided, record, result, after)
        if not any(observed["home_file"] for observed in state["commands"].values()):
            result.errors.append(
                BlockingError(
                    f"{desired['home']} has none of bin/{', bin/'.join(desired['commands'])}: install that JDK first, "
                    "or correct home",
                    rule="host.alternatives-home",
                )
            )
        # Two groups may have one follower: the one without anything for it deletes its link, so it is switched first.
        taken = {name: sum(not target and title in provided for title, target in choice["targets"].items())
                 for name, choice in chosen.items()}
        result.actions.sort(key=lambda action: -taken.get(action[1], 0))
        result.rows += [describe_apart(name, observed) for name, observed in state.get("apart", {}).items()]
    for name, observed in state["commands"].items():
        plan_former(name, observed, record, result)
    plan_again(state["commands"], after, result)
    # All are registered before the first is switched, so that the moment in which they differ is short. What was
    # chosen is written down first of all: a run that is killed does not take its own choice for the host's.
    order = ("register", "set", "auto", "unregister", "prune", "again")
    result.actions.sort(key=lambda action: order.index(action[0]))
    if result.actions or record != state["record"]:
        result.actions.insert(0, ("record", schema.ALTERNATIVES.render(record, 1)))
    result.after = format_listing(after)
    return result.plan(desired, state)


def describe_apart(name: str, observed: dict[str, str]) -> Row:
    """The row of a command that leads to another JDK by a group of its own: it is somebody's choice, and stays."""
    commands = [
        ["alternatives", "--install", observed["link"], name, observed["home_file"], "1"],
        ["alternatives", "--set", name, observed["home_file"]],
    ]
    return Row(
        "alternatives",
        f"alternative {name}",
        observed["home_file"],
        "",
        observed["leads"],
        "not_readable",
        "somebody registered it as a group of its own, which leads to another JDK and is left as it is",
        commands=commands,
    )


def find_early_errors(state: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """The errors that can be found before the home is there, which will have these commands."""
    if state["record"] is None:
        return make_rule_errors("host.record", [state["record_error"]])
    leading = [observed for name, observed in state["commands"].items() if name in names and not observed["follows"]]
    return [error for observed in leading for error in find_errors(observed)]


def find_errors(observed: dict[str, Any]) -> list[str]:
    """What keeps a command from being switched, whichever home it is to lead to."""
    if observed["kind"] not in ("", "link"):
        return [BlockingError(
            f"{observed['link']} is a {observed['kind']}; expected a symbolic link that alternatives manages. Move it "
            "away, then run the same command again",
            rule="host.alternatives-obstacle",
        )]
    return make_rule_errors("host.alternatives-damaged", [observed["lost"]])


def choose(desired: dict[str, Any], name: str, observed: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """The choice of a group that is to lead to the home:
    `path`, `priority`, `family` and `targets` of its followers.

    `register`: whether the program has to hear of it.
    `replaced`: whether that replaces what was registered by something else.
    """
    found = [path for path, real in observed["choices"].items() if real in observed["reals"]]
    path = observed["home_file"] if observed["home_file"] in found or not found else found[0]
    targets = {title: follower["target"] for title, follower in observed["followers"].items()}
    choice = {"path": path, "priority": desired["priority"], "family": "", "targets": targets,
              "replaced": False, "register": not found}
    if not found:
        return choice
    known = next(item for item in observed["group"]["choices"] if item["path"] == path)
    choice.update(priority=known["priority"], family=known["family"])
    links = observed["group"].get("followers", {})
    registered = {title: target for title, target in known.get("followers", {}).items() if title in links}
    offered = {title: target for title, target in targets.items() if target}
    ours = path in record.get(name, {"registered": []})["registered"]
    # Somebody registered the bare command: without followers, choosing it would take the other commands away.
    choice["replaced"] = not ours and not registered and not known["family"] and bool(offered)
    if ours or choice["replaced"]:
        choice["register"] = registered != offered
    else:
        choice["targets"] = {title: registered.get(title, "") for title in links}
    return choice


def plan_follower(
    desired: dict[str, Any],
    name: str,
    observed: dict[str, Any],
    commands: dict[str, dict[str, Any]],
    chosen: dict[str, dict[str, Any]],
    result: Draft,
) -> None:
    """The row of one command that moves with another."""
    leader = observed["follows"]
    if leader not in commands:
        result.errors.append(BlockingError(
            f"{name} is a follower of the alternative {leader} on this host, and switches only together with it; "
            f"expected {leader} in the option commands. Add it there",
            rule="host.alternatives-leader",
        ))
        return
    target = chosen[leader]["targets"].get(name, "") if leader in chosen else ""
    follower = commands[leader]["followers"].get(name)
    if not target or follower is None:
        taken = observed["home_file"] and follower is None
        why = (
            f"{observed['link']} is not a link of the alternatives, and is left as it is"
            if taken
            else f"{desired['home']} has no {name}"
        )
        result.rows.append(Row("alternatives", f"alternative {name}", "", "", observed["leads"], "absent", why))
        return
    good = followers.is_right(name, follower, target)
    configured = f"{follower['middle']} (with {leader})" if follower["middle"] else ""
    result.rows.append(
        Row(
            "alternatives",
            f"alternative {name}",
            f"{target} (with {leader})",
            configured,
            observed["leads"],
            "ok" if good else "drift",
            "" if good else f"it moves with {leader}",
            "" if good else RUN,
        )
    )


def plan_command(
    desired: dict[str, Any],
    name: str,
    observed: dict[str, Any],
    choice: dict[str, Any] | None,
    provided: set[str],
    record: dict[str, Any],
    result: Draft,
    after: dict[str, Any],
) -> None:
    """One command of a home that is to be used."""
    group = observed["group"] or {"link": observed["link"], "mode": "", "value": "", "choices": []}
    configured = f"{group['value']} ({group['mode']})" if observed["group"] else ""
    if choice is None:
        result.rows.append(
            Row(
                "alternatives",
                f"alternative {name}",
                "",
                configured,
                observed["leads"],
                "absent",
                f"{desired['home']} has no {name}",
            )
        )
        return
    errors = find_errors(observed)
    if errors:
        result.errors += errors
        return
    result.errors += [
        BlockingError(
            f"{path} is not a symbolic link; expected one that alternatives manages. Move it away, then run the same "
            "command again",
            rule="host.alternatives-obstacle",
        )
        for path in followers.find_obstacles(observed["followers"], choice["targets"], observed["link"])
    ]
    path = choice["path"]
    right = group["value"] == path
    leads = bool(observed["leads"]) and observed["leads"] == observed["choices"].get(path)
    wrong = sorted(title for title, target in choice["targets"].items() if target or title not in provided)
    wrong = [
        title
        for title in wrong
        if not followers.is_right(title, observed["followers"][title], choice["targets"][title])
    ]
    good = right and leads and group["mode"] == "manual" and not wrong and not choice["register"]
    why = ("no alternative is registered" if not observed["group"] else "another one is chosen" if not right else
           "its link is broken" if not leads else f"its followers differ: {', '.join(wrong)}" if wrong else
           "it is registered without some of its followers" if choice["register"] else
           "it is the right one in automatic mode, in which the next package would move it")
    result.rows.append(
        Row(
            "alternatives",
            f"alternative {name}",
            f"{path} (manual)",
            configured,
            observed["leads"],
            "ok" if good else "drift",
            "" if good else why,
            "" if good else RUN,
        )
    )
    if good:
        return
    entry = record.setdefault(name, {"registered": []})
    if "mode" not in entry:
        entry.update(mode=group["mode"], path=group["value"])
        family = next((item["family"] for item in group["choices"] if item["path"] == group["value"]), "")
        entry.update({"family": family} if family else {})
    entry["chosen"] = path
    choices = [item for item in group["choices"] if item["path"] != path or not choice["register"]]
    if choice["register"]:
        targets = {title: target for title, target in choice["targets"].items() if target}
        more = [(observed["followers"][title]["link"], title, target) for title, target in targets.items()]
        result.actions.append(("register", name, (observed["link"], path, choice["priority"], choice["family"], more)))
        choices.append({"path": path, "priority": choice["priority"], "family": choice["family"],
                        **({"followers": targets} if targets else {})})
        new = sorted({*entry.get("added", []), *targets} - set(group.get("followers", {}))) if observed["group"] else []
        entry.update({"added": sorted({*entry.get("added", []), *new})} if new else {})
        if choice["replaced"]:
            entry["replaced"] = {**entry.get("replaced", {}), path: choice["priority"]}
        else:
            entry["registered"] = sorted({*entry["registered"], path})
    elif right and leads and not wrong:
        result.facts["pinned"].append(name)
    result.actions.append(("set", name, path))
    after[name] = {"link": observed["link"], "mode": "manual", "value": path, "choices": choices}


def plan_removal(
    desired: dict[str, Any],
    name: str,
    observed: dict[str, Any],
    real_home: str,
    record: dict[str, Any],
    result: Draft,
    after: dict[str, Any],
) -> None:
    """One command of a home that is to be used no more:
    the choice before ours comes back, and what we registered goes."""
    group, entry = observed["group"], record.get(name, {"registered": []})
    if group is None:
        return
    inside = [
        path
        for path, real in observed["choices"].items()
        if is_under(path, desired["home"]) or is_under(real, real_home)
    ]
    ours = [path for path in inside if path in entry["registered"] or desired.get("unregister_all")]
    stay = [choice for choice in group["choices"] if choice["path"] not in ours]
    chosen = is_under(group["value"], desired["home"]) or group["value"] in inside
    after[name] = {**group, "choices": stay}
    if chosen and stay and (ours or "mode" in entry):
        kept = find_former_choice(entry, stay)
        best = kept or max(stay, key=lambda choice: choice["priority"])["path"]
        if not kept and entry.get("mode") == "manual":
            result.facts.setdefault("lost", []).append(
                f"{name}: {entry['path']} was chosen before, and is no longer registered"
            )
        mode = "manual" if kept else "auto"
        if (group["mode"], group["value"]) != (mode, best):
            result.actions.append(("set", name, best) if kept else ("auto", name, None))
        after[name].update(mode=mode, value=best)
    result.actions += [("unregister", name, path) for path in ours]
    bare = {path: priority for path, priority in entry.get("replaced", {}).items()
            if path in inside and path not in ours}
    result.actions += [
        ("register", name, (observed["link"], path, priority, "", [])) for path, priority in bare.items()
    ]
    used = {title for choice in stay if choice["path"] not in bare for title in choice.get("followers", {})}
    unused = [title for title in entry.get("added", []) if title in group.get("followers", {}) and title not in used]
    if ours and stay and unused:
        # One call takes out all that no choice has anything for.
        result.actions.append(("prune", name, (stay[0]["path"], unused[0])))
    if name in record:
        left = [path for path in entry["registered"] if path not in ours]
        record[name] = {"registered": left} if chosen else {**entry, "registered": left}
        if not left and "mode" not in record[name]:
            del record[name]
    if (group["mode"], group["value"]) != (after[name]["mode"], after[name]["value"]) or ours:
        result.rows.append(
            Row(
                "alternatives",
                f"alternative {name}",
                f"{after[name]['value'] or 'none'} ({after[name]['mode']})",
                f"{group['value'] or 'none'} ({group['mode']})",
                observed["leads"],
                "drift",
                f"{desired['home']} is to be used no more",
                RUN,
            )
        )
    if not stay:
        del after[name]


def find_former_choice(entry: dict[str, Any], stay: list[dict[str, Any]]) -> str:
    """The path that was chosen by hand before, or the best of its family, since an update registers another path.

    Empty for none.
    """
    if entry.get("mode") != "manual":
        return ""
    if entry["path"] in [choice["path"] for choice in stay]:
        return entry["path"]
    same = [choice for choice in stay if choice["family"] and choice["family"] == entry.get("family")]
    return max(same, key=lambda choice: choice["priority"])["path"] if same else ""


def plan_former(name: str, observed: dict[str, Any], record: dict[str, Any], result: Draft) -> None:
    """A group of ours for a command that follows another now: a package that was installed since made it a follower."""
    entry = record.get(name, {"registered": []})
    gone = [path for path in observed["former"] if path in entry["registered"]]
    result.actions += [("unregister", name, path) for path in gone]
    if observed["follows"] and name in record:
        left = [path for path in entry["registered"] if path not in gone and path in observed["former"]]
        record[name] = {"registered": left}
        if not left:
            del record[name]


def plan_again(commands: dict[str, dict[str, Any]], after: dict[str, Any], result: Draft) -> None:
    """The groups that are switched once more, since what was unregistered took links of their followers with it."""
    gone = {name for action, name, *_detail in result.actions if action == "unregister"}
    for name in sorted({commands[name]["follows"] for name in gone if commands[name]["follows"]} & set(after)):
        if after[name]["mode"] == "auto":
            result.actions.append(("again", name, None))
        elif after[name]["value"] in [choice["path"] for choice in after[name]["choices"]]:
            result.actions.append(("again", name, after[name]["value"]))


def format_listing(groups: dict[str, dict[str, Any]]) -> str:
    """The alternatives as text, for a diff."""
    lines = []
    for name, group in groups.items():
        lines.append(f"{name}: {group['value'] or 'none'} ({group['mode']})\n")
        for choice in group["choices"]:
            family = f"family {choice['family']} " if choice["family"] else ""
            lines.append(f"  {choice['path']} {family}priority {choice['priority']}\n")
            lines += [f"    {title}: {target}\n" for title, target in sorted(choice.get("followers", {}).items())]
    return "".join(lines)


def apply(host: Host, plan: Plan) -> Applied:
    """Registers, then switches all. Raises RuntimeError; those that were switched are then back at what they were."""
    state = plan.state
    switched: list[str] = []
    for action, name, *detail in plan.actions:
        try:
            if action == "record":
                host.write(RECORD, name)
            else:
                call(host, state["program"], *build_words(action, name, detail[0]))
        except RuntimeError:
            for other in switched:
                put_back(host, state, other)
            raise
        if action == "set":
            switched.append(name)
    return Applied()


def build_words(action: str, name: str, detail: Any) -> list[str]:
    """The words of the program for one action. What its detail is depends on the action."""
    if action == "register":
        link, path, priority, family, more = detail
        words = ["--install", link, name, path, str(priority), *(["--family", family] if family else [])]
        # The older word for a follower, which every version knows.
        return words + [word for follower in more for word in ("--slave", *follower)]
    if action == "prune":
        return ["--remove-slave", name, *detail]
    if action == "unregister":
        return ["--remove", name, detail]
    return ["--auto", name] if detail is None else ["--set", name, detail]


def put_back(host: Host, state: dict[str, Any], name: str) -> None:
    """One command as it was read. Raises RuntimeError."""
    group = state["commands"][name]["group"]
    if group and group["mode"] == "auto":
        call(host, state["program"], "--auto", name)
    elif group and group["value"] in [choice["path"] for choice in group["choices"]]:
        call(host, state["program"], "--set", name, group["value"])


def call(host: Host, *argv: str) -> None:
    """Runs the program. Raises RuntimeError with what it reported."""
    result = host.run(argv)
    if result.rc != 0:
        raise RuntimeError(f"{' '.join(argv)} failed with exit code {result.rc}: {(result.err or result.out).strip()}")


# ---------------------------------------------------------------------------------------------------------- executing


def _render_header(_desired: Desired) -> str:
    return "alternatives"


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    return (f"the alternatives of {plan.desired['home']} could not be switched: {error}. "
            "Those that had been switched are restored. Run again")


def rehearse(_host: Host, plan: Plan) -> Optional[Applied]:
    """What check mode reports of a JDK that is not there yet: the task before would have installed it."""
    if plan.desired["state"] != "present" or plan.state["there"]:
        return None
    later = f"{plan.desired['home']} is not there yet: what it will have is registered and chosen then"
    return Applied({"changed": True, "errors": [], "msg": later})


def verify(host: Host, done: Plan) -> str:
    """What is wrong after the switch, as a sentence; empty where nothing is. What the commands lead to is run."""
    desired = done.desired
    again = plan(desired, read(host, desired))
    wrong = [
        f"{row.item}: expected {row.desired}, found {row.configured or 'none'}, which runs {row.effective or 'nothing'}"
        for row in again.rows
        if row.status == "drift"
    ]
    if desired["state"] == "present" and desired["version"] and not wrong:
        ran = host.run(["java", "-version"])
        if parse_major(parse_version_output(ran.err + ran.out)) != desired["version"]:
            wrong = [f"{host.find_program('java')} -version: expected JDK {desired['version']}, found: "
                     f"{(ran.err or ran.out).strip()}"]
    found = "; ".join([*again.errors, *wrong])
    return found and (
        f"alternatives has switched the Java commands to {desired['home']}, and they still lead elsewhere: {found}. "
        "Run the same command again. If it fails again, find the program on this host that changes them"
    )


EXECUTION = Execution(
    header=_render_header, describe=_describe_failure, rehearse=rehearse, verify=verify
)
