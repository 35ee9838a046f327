# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a read of the hosts means for a run, and how it is told to a person. Pure: dictionaries in, text out."""

from __future__ import annotations

import shlex

#: The words for a row's status, as a person reads them.
WORDS = {
    "ok": "ok", "differs": "DIFFERS", "restart": "RESTART DUE", "absent": "not on this host",
    "read_only": "not to be changed here", "unseen": "not seen", "follows": "follows",
}


def concerns(state):
    """The concerns of one host's read: name to its report."""
    return {name: report for name, report in (state or {}).items() if isinstance(report, dict) and "rows" in report}


def needs_work(state):
    """Whether a run would change anything on the host: a file, a process, or what is left over."""
    found = concerns(state)
    instances = found.get("instances", {})
    return any(report["differs"] for report in found.values()) or any(instances.get(name) for name in ("start", "restart", "surplus"))


def rows(state):
    """All rows of a host's read."""
    return [row for report in concerns(state).values() for row in report["rows"]]


def open_work(state, host):
    """What is still not as it should be, for a person."""
    left = [f"  {row['item']}: wanted {row['wanted']}, configured {row['configured'] or '-'}, effective {row['effective'] or '-'} ({row['why']})"
            for row in rows(state) if row["status"] in ("differs", "restart")]
    changed = sorted(name for name, report in concerns(state).items() if report["differs"])
    return "\n".join([f"{host} is not as it should be after this run ({', '.join(changed) or 'instances'}):", *left,
                      "Run the playbook again; if this stays, it is a fault of the collection."])


#: How bad a row is: C(bad) makes a check fail, C(note) is worth knowing, C(good) is as wanted.
LEVELS = {"ok": "good", "differs": "bad", "restart": "bad", "absent": "note", "read_only": "note", "unseen": "note", "follows": "note"}

#: What mends all that a run can mend.
RUN = "ansible-playbook site.yml"

#: Programs of a managed host. A mend that begins with one of them is told as a line for the controller's terminal.
ON_HOST = ("echo", "firewall-cmd", "ip6tables", "iptables", "ln", "nft", "sed", "su", "sysctl", "systemctl")


def findings(states, reached):
    """Every row of every host, and every problem, as one flat list: the worst first, then by host."""
    found = []
    for host, state in states.items():
        if not concerns(state) or host not in reached:
            said = "it could not be reached" if host not in reached else f"it could not be read: {(state or {}).get('msg', 'no reason was given')}"
            found.append(finding(host, {"concern": "host", "item": "host", "wanted": "readable", "status": "differs", "why": said,
                                        "mend": f"ansible {host} -m ansible.builtin.ping"}))
            continue
        # Without root the processes, sockets and rules of others are hidden: what was concluded from them is not known.
        root, hidden = state.get("machine", {}).get("uid", 0) == 0, {"status": "unseen", "mend": "run with become"}
        found += [finding(host, row if root or row["status"] != "restart" else {**row, **hidden}) for row in rows(state)]
        found += [finding(host, {"concern": name, "item": name, "status": "differs", "why": problem, **({} if root else hidden)})
                  for name, report in state.items() if isinstance(report, dict) for problem in report.get("problems", [])]
        found += [finding(host, {"concern": "instance", "item": f"instance-{item['index']}", "wanted": "absent", "effective": "there", "status": "differs",
                                 "why": "the inventory has fewer instances", "mend": RUN})
                  for item in concerns(state).get("instances", {}).get("surplus", [])]
    order = ["bad", "note", "good"]
    return sorted(consequences(found), key=lambda item: (order.index(item["level"]), item["host"]))


def consequences(found):
    """The findings, those that follow from another one no longer red: a cause is said once, where it can be mended."""
    red = {(item["host"], item["item"]) for item in found if item["level"] == "bad"}
    for item in found:
        source = cause(item, red) if item["level"] == "bad" else None
        if source:
            item.update(finding(item["host"], {**item, "status": "follows", "why": f"follows from {' '.join(source)}: {item['why']}", "mend": ""}))
    return found


def cause(item, red):
    """The red finding, as C((host, item)), that another one follows from, or None. A proxy finds an instance down that is
    not as wanted; a file that was replaced has another certificate; nothing answers through a redirect that is not there."""
    host, words = item["host"], item["item"].split()
    if item["concern"] == "haproxy" and item["effective"].startswith("DOWN"):
        instances = {f"{there}-{what.partition(' ')[0].partition('-')[2]}": (there, what) for there, what in sorted(red) if what.startswith("instance-")}
        return instances.get(words[0].partition("/")[2])
    others = []
    if item["concern"] == "certificate":
        others = [words[-1]]
    elif words[:2] == ["connection", "to"]:
        others = [f"port {words[-1]} ({'IPv6' if ':' in words[2] else 'IPv4'})"]
    return next(((host, other) for other in others if (host, other) in red), None)


def finding(host, row):
    """One finding: a row with its host, its level, and its status as a word. What differs always says why, and what to type."""
    empty = {"wanted": "", "configured": "", "effective": "", "why": "", "mend": ""}
    found = {**empty, **row, "host": host, "level": LEVELS[row["status"]], "word": WORDS[row["status"]]}
    if found["level"] == "bad":
        found["why"] = found["why"] or "what is in force is not what the inventory asks for"
        found["mend"] = found["mend"] or RUN
        if found["mend"].endswith(RUN):
            found["mend"] += f" --limit {host}"
        found["mend"] = typed(found["mend"], host)
    return found


def typed(mend, host):
    """A mend as a line to type on the controller. Double quotes where the shell leaves their content alone: mends often have single ones."""
    if mend.partition(" ")[0] not in ON_HOST:
        return mend
    words = shlex.quote(mend) if any(mark in mend for mark in '"$`\\!') else f'"{mend}"'
    return f"ansible {host} -b -m ansible.builtin.shell -a {words}"


def check_table(found, everything):
    """The findings as a table for the terminal: those that differ, or all of them."""
    counts = {level: sum(item["level"] == level for item in found) for level in ("bad", "note", "good")}
    head = (f"{len({item['host'] for item in found})} hosts, {len(found)} values: {counts['bad']} {'differs' if counts['bad'] == 1 else 'differ'}, "
            f"{counts['note']} worth knowing, {counts['good']} as wanted")
    shown = [item for item in found if everything or item["level"] == "bad"]
    lines = [(item["host"], item["item"], item["wanted"] or "-", item["configured"] or "-", item["effective"] or "-", item["word"]) for item in shown]
    text = table(("host", "what", "wanted", "configured", "effective", ""), lines) if lines else []
    mends = {}
    for item in shown:
        if item["level"] == "bad":
            mends.setdefault((item["why"], item["mend"].replace(f" --limit {item['host']}", " --limit ")), []).append(item)
    for (why, mend), items in mends.items():
        hosts = ",".join(dict.fromkeys(item["host"] for item in items))
        text += ["", f"{', '.join(item['host'] + ' ' + item['item'] for item in items)}: {why}"]
        text += [f"    {mend}{hosts if mend.endswith(' --limit ') else ''}"] if mend else []
    return "\n".join([head, "", *text]).rstrip()


def table(header, lines):
    """Columns as wide as their widest cell."""
    cells = [header, *lines]
    widths = [max(len(str(line[column])) for line in cells) for column in range(len(header))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]


def fleet_summary(states, check_mode, everything=False):
    """The fleet in one screen. C(states) maps a host to its read; a host without one was not reached. With
    C(everything), the rows that are as wanted are shown too."""
    instances = [(host, item) for host in sorted(states) for item in concerns(states[host]).get("instances", {}).get("instances", [])]
    releases = sorted({item["release"] for _host, item in instances if item["release"]})
    head = (f"{len(states)} host{'' if len(states) == 1 else 's'}, {sum(item['running'] for _host, item in instances)} of {len(instances)} instances running, "
            f"release {', '.join(releases) or 'none'}")
    text = [f"Check mode, nothing was changed. Today: {head}" if check_mode else head, ""]
    if instances:
        jdks = {host: concerns(states[host]).get("jdk", {}) for host in states}
        text += table(("host", "instance", "port", "pid", "release", "jdk"), [
            (host, item["index"], item["port"], item["pid"] or "-", item["release"] or "-", jdks[host].get("said") or "-") for host, item in instances])
        text.append("")
    text += three_columns(states, everything)
    unread = sorted(host for host in states if not concerns(states[host]))
    if unread:
        text.append(f"Not reached: {', '.join(unread)}")
    return "\n".join(text).rstrip()


def alike(states):
    """Rows that say the same of several hosts or instances, once: the row's words to where they hold."""
    found = {}
    for host in sorted(states):
        for row in rows(states[host]):
            place, _space, item = row["item"].partition(" ") if row["concern"] == "instance" else ("", "", row["item"])
            key = (item, row["wanted"] or "-", row["configured"] or "-", row["effective"] or "-", row["status"], row["why"])
            found.setdefault(key, {}).setdefault(host, []).append(place.replace("instance-", ""))
    return found


def places(where, count):
    """The hosts and instances of a row, short."""
    if len(where) == count and count > 1 and not any(any(numbers) for numbers in where.values()):
        return "all hosts"
    return " ".join(host + (f":{','.join(numbers)}" if any(numbers) else "") for host, numbers in where.items())


#: Items that are always shown: what the guide is about, and what no file can prove.
SHOWN = ("nofile", "backlog", "MaxHeapSize")


def three_columns(states, everything):
    """Wanted, configured, effective. What is as wanted is counted, unless it is one of SHOWN."""
    found, count = alike(states), len(states)
    lines, good, elsewhere = [], 0, {}
    for (item, wanted, configured, effective, status, why), where in found.items():
        if status in ("absent", "read_only") and not everything:
            elsewhere.setdefault((WORDS[status], places(where, count)), []).append(item)
        elif status == "ok" and item not in SHOWN and not everything:
            good += 1
        else:
            lines.append((item, wanted, configured, effective, WORDS[status], places(where, count), why))
    text = table(("", "wanted", "configured", "effective", "", "where", ""), lines) if lines else []
    if good:
        text.append(f"{good} more values are as wanted.")
    text += [f"{word}: {', '.join(items)} ({where})" for (word, where), items in elsewhere.items()]
    return text
