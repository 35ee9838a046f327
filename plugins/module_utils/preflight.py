# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that stands in the way of a run, of all hosts and of the controller, told once. Pure: no file, no host."""

from __future__ import annotations

import os
import textwrap

from ansible_collections.xitrum.host.plugins.module_utils.package_config import EXAMPLE_VALUES
from ansible_collections.xitrum.host.plugins.module_utils.package_java import java_problem

#: The variable that replaces a key of the package's configuration, and how to make a value for it.
OWN_VALUES = {"secureKey": "xitrum_secure_key", "apiKey": "xitrum_metrics_api_key"}


def example_problems(variables):
    """Public example secrets that one host would go live with: its own, and those that the package still has.

    The package's apiKey and TLS key are no problem: without one's own the metrics page and HTTPS of the instance are off.
    """
    if not runs_the_package(variables):
        return
    examples = (variables.get("xitrum_package_read") or {}).get("examples", [])
    for key, name in OWN_VALUES.items():
        if variables.get(name) == EXAMPLE_VALUES[key]:
            yield f"{name} is the example of Xitrum's project template, which is public: set your own, for example the output of openssl rand -hex 32"
    if "secureKey" in examples and not variables.get("xitrum_secure_key"):
        yield ("config/xitrum.conf of the package has the example secureKey of Xitrum's project template, which is public: anybody can forge sessions. "
               "Set xitrum_secure_key for the group xitrum, for example to the output of openssl rand -hex 32 (keep it in a vault)")
    if os.path.basename(str(variables.get("xitrum_tls_key") or "")).startswith("ssl_example"):
        yield "xitrum_tls_key is the example key of Xitrum's project template, which is public: set your own key and certificate"


def runs_the_package(variables):
    """Whether a host was read as an application host: a proxy needs neither a JDK nor the application's secrets."""
    state = variables.get("xitrum_host_state")
    return isinstance(state, dict) and bool(state.get("jdk"))


def host_problems(variables, reached):
    """What stands in the way on one host, as sentences: what its concerns say, and its JDK."""
    state, package = variables.get("xitrum_host_state"), variables.get("xitrum_package_read") or {}
    if not isinstance(state, dict) or state.get("failed") or state.get("unreachable"):
        return [unread(variables, state, reached)]
    concerns = [report for report in state.values() if isinstance(report, dict)]
    problems = [problem for report in concerns for problem in report.get("problems", [])]
    if runs_the_package(variables):
        where = f"{package.get('java_jar')}, {package.get('java_class')}" if package.get("java_jar") else ""
        problems.append(java_problem(package.get("java", 0), state["jdk"].get("version", 0), package.get("scala", ""), where))
    return [problem for problem in problems if problem]


def retired_problems(retired, applications):
    """What keeps a run from finding the application on hosts where it is to run no longer: host to sentences. C(retired) and
    C(applications) map hosts to their variables. Without its names a run would look elsewhere, find nothing, and be green."""
    found = {}
    for name in ("xitrum_name", "xitrum_root", "xitrum_log_dir"):
        other = next((host for host in applications if name in applications[host]), None)
        for host in retired if other else ():
            if name not in retired[host]:
                found.setdefault(host, []).append(
                    f"{name} is not set for this host of the group xitrum_retired, and {other} of the group xitrum has {applications[other][name]}: "
                    "set it for both groups (for all hosts, say), or nothing of the application would be found here")
    return found


def unread(variables, state, reached):
    """The sentence for a host of which nothing is known."""
    if not reached:
        return "the host could not be reached: start it, correct ansible_host, or leave it out with --limit"
    failed = variables.get("ansible_failed_result")
    reports = [report for report in (state, failed) if isinstance(report, dict)]
    said = next((str(report["msg"]).strip() for report in reports if report.get("msg")), "no reason was given; run again with -vvv")
    return f"the host could not be read: {said}"


def host_notes(variables):
    """What is worth knowing about one host and stops nothing."""
    state = variables.get("xitrum_host_state")
    reports = {name: report for name, report in state.items() if isinstance(report, dict)} if isinstance(state, dict) else {}
    notes = [note for report in reports.values() for note in report.get("notes", [])]
    now, wanted = reports.get("release", {}).get("current"), (variables.get("xitrum_package_read") or {}).get("release")
    return [*notes, f"release {now} is in use, and {wanted} is wanted"] if now and wanted and now != wanted else notes


def alike(sentences):
    """Turns host to sentences into sentence to hosts, in the order of first appearance: each is said once."""
    found = {}
    for host, said in sentences.items():
        for sentence in dict.fromkeys(said):
            found.setdefault(sentence, []).append(host)
    return found


def named(hosts, count):
    """Some of the hosts, as a heading: everybody is said in a word, and a long list is cut."""
    if len(hosts) == count and count > 1:
        return "both hosts" if count == 2 else f"all {count} hosts"
    return ", ".join(hosts[:8]) + (f" and {len(hosts) - 8} more" if len(hosts) > 8 else "")


def groups(sentences, count):
    """Heading to sentences: those of the same hosts stand together."""
    found = {}
    for sentence, hosts in alike(sentences).items():
        found.setdefault(named(hosts, count), []).append(sentence)
    return found


def bullets(heading, sentences):
    """One group of the message."""
    lines = [textwrap.fill(str(sentence), 110, initial_indent="  - ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
             for sentence in sentences]
    return "\n".join([f"{heading}:", *lines])


def message(problems, controller=(), notes=None):
    """One text for a person. C(problems) and C(notes) map every host to its sentences, C(controller) are those that
    belong to no host. Empty where nothing stands in the way: notes alone do not stop a run."""
    found = {"here, on the controller": list(dict.fromkeys(controller))} if controller else {}
    found.update(groups(problems, len(problems)))
    number = sum(len(sentences) for sentences in found.values())
    if not number:
        return ""
    parts = [f"{number} {'problem stands' if number == 1 else 'problems stand'} in the way. Nothing was changed on any host."]
    parts += [bullets(heading, sentences) for heading, sentences in found.items()]
    for heading, sentences in groups(notes or {}, len(problems)).items():
        parts.append(bullets(f"good to know, {heading}", sentences))
    parts.append(f"Mend {'it' if number == 1 else 'these'}, then run the same command again.")
    return "\n\n".join(parts)
