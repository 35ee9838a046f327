# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which running instances are started anew, and the release that a fleet goes back to. Pure."""

from __future__ import annotations

import re

from ansible_collections.xitrum.host.plugins.module_utils import package_main, proxy


def size(batch, count):
    """How many instances a step takes, at least 1: C(batch) is a number, or a share of all C(count) such as C(25%), rounded down.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"([1-9][0-9]*)(%?)", str(batch).strip())
    if not found or (found[2] and int(found[1]) > 100):
        raise ValueError(f"xitrum_rolling_batch is {batch!r}: it is a number of instances from 1, or a share of them from 1% to 100%")
    number = int(found[1])
    return max(number * count // 100, 1) if found[2] else number


def steps(due, batch=1):
    """The steps of a rollout: the first instance alone, which is the gate, then as many at a time as C(batch) says.

    C(due) maps a host to its instances, in the order in which they are taken: those of a host follow each other.
    Each step is C({number, of, gate, label, hosts}): C(hosts) maps a host to its instances of this step. Raises
    ValueError where C(batch) cannot be meant.
    """
    every = [(host, instance) for host, instances in due.items() for instance in instances]
    chunk = size(batch, len(every))
    parts = [every[:1], *(every[start:start + chunk] for start in range(1, len(every), chunk))] if every else []
    found = []
    for number, part in enumerate(parts, 1):
        hosts = {}
        for host, instance in part:
            hosts.setdefault(host, []).append(instance)
        found.append({
            "number": number, "of": len(parts), "gate": number == 1, "hosts": hosts,
            "label": ", ".join(f"{host}-{instance['index']}" for host, instance in part),
        })
    return found


def started_out_of_use(start, proxies, host):
    """Those of the instances C(start), which a run starts on C(host), that a proxy had out of use when it was read. C(proxies) are the reads of all
    proxies; one that does not know an instance yet, and a first run, have nothing to say."""
    rows = [row for read in proxies for row in (read.get("proxy") or {}).get("rows", [])]
    out = {row["item"].rpartition("/")[2] for row in rows if str(row["effective"]).upper().startswith(("MAINT", "DRAIN"))}
    return [instance for instance in start if proxy.server_name(host, instance["index"]) in out]


def redirects_due(state, slot=0):
    """When the redirects of a host are set: C(base) (at once), C(start) (once the instance that they lead to was
    started), C(step) (once the
    rollout has restarted it), or an empty text (not at all).

    C(state) is the read of a host; C(slot) is the number of the instance that the redirects lead to. A redirect never leads
    to a port on which nothing listens while the port that it leads to now still answers.
    """
    redirects, instances = state.get("redirects") or {}, state.get("instances") or {}
    if not redirects.get("differs"):
        return ""
    for when, name in (("step", "restart"), ("start", "start")) if redirects.get("moves") else ():
        if slot in [item["index"] for item in instances.get(name, [])]:
            return when
    return "base"


def pairs_in_use(state):
    """The redirects of a host with slots, led back to the instance in use, where a killed run left them at the one
    that is about to end.

    None where they do not lead to another one. C(state) is the read of a host; an instance is found by the ports that it
    was configured with.
    """
    pairs, instances = (state.get("redirects") or {}).get("pairs") or [], state.get("instances") or {}
    ports, used = instances.get("configured") or {}, {str(item["index"]) for item in instances.get("instances", [])}
    now = next((ports[index] for index in used if ports.get(index)), None)
    if not now:
        return []
    others = [has for index, has in ports.items() if index not in used and has]
    lead = {has[name]: now[name] for has in others for name in ("http", "https") if has[name] and now[name]}
    changed = [{**pair, "inside": lead.get(pair["inside"], pair["inside"])} for pair in pairs]
    return changed if changed != pairs else []


def go_back_to(found, release="", main_class=""):
    """The one release that all hosts can go back to: C({problems, package}).

    C(found) maps a host to its C(releases), C(current), C(previous), and the C(examples) and C(main_classes) of each release. C(main_class) is given,
    or the release must have one alone. Without C(release) it is the previous one, which
    must be the same everywhere. C(package) is what is known of it, in the place of what a package on the controller says.
    """
    problems = []
    wanted = {host: release or has["previous"] for host, has in found.items()}
    for host, name in wanted.items():
        there = ", ".join(f"{one} (current)" if one == found[host]["current"] else one for one in found[host]["releases"]) or "none"
        if not name:
            problems.append(f"{host} has no release before its current one: it has {there}. Deploy a package instead.")
        elif name not in found[host]["releases"]:
            problems.append(f"{host} does not have the release {name}: it has {there}. Set xitrum_rollback_to to one of them, or deploy the package again.")
    names = sorted(set(wanted.values()))
    if not problems and len(names) > 1:
        told = "; ".join(f"{host}: {name}" for host, name in wanted.items())
        problems.append(f"the release before the current one is not the same on all hosts ({told}). Set xitrum_rollback_to to one that all of them have.")
    examples = sorted({key for host, name in wanted.items() for key in found[host]["examples"].get(name, [])})
    mains = sorted({name for host, one in wanted.items() for name in found[host].get("main_classes", {}).get(one, [])})
    chosen, several = (main_class, []) if main_class else package_main.choose_main_class(dict.fromkeys(mains, f"release {names[0]}"), "the release")
    problems += several if not problems else []
    package = {"release": names[0] if names else "", "folder": "", "manifest": [], "bytes": 0, "examples": examples, "java": 0, "problems": [],
               "main_class": chosen}
    return {"problems": problems, "package": package}
