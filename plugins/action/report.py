# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on all hosts of a run from what was read of them; plugins/modules/report.py documents it."""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.display import Display
from ansible_collections.xitrum.host.plugins.plugin_utils import (
    fleet_reports,
    load_reports,
    log_stream,
    questions,
    reach_reports,
    step_lines,
)
from ansible_collections.xitrum.host.plugins.plugin_utils.desired_action import build_failure, build_refusal
from ansible_collections.xitrum.host.plugins.plugin_utils.joined_terminal import find_terminal
from ansible_collections.xitrum.host.plugins.plugin_utils.public_variables import PublicVariables
from ansible_collections.xitrum.host.plugins.plugin_utils.resolved_hosts import ResolvedHosts
from ansible_collections.xitrum.host.plugins.plugin_utils.role_variables import ROLES
from ansible_collections.xitrum.host.plugins.plugin_utils.usable_variables import NO_VALUE

from ..module_utils.core import schema
from ..module_utils.core.plan import make_rule_errors, report_errors
from ..module_utils.core.untrusted_text import escape_text, make_printable
from ..module_utils.desired import load, logs
from ..module_utils.desired.inputs import Inputs
from ..module_utils.load import report as load_report
from ..module_utils.report import findings, fleet_summary, history, schemas, status

KINDS = (
    "check", "fleet", "history", "host", "load", "load_errors", "load_plan", "log_settings", "logs", "question",
    "reach", "reach_blocked", "reach_probes", "run", "status",
)
#: The documents that programs get, by the playbook whose variables have the question and the format.
SCHEMAS = {"check": schemas.CHECK, "history": schemas.HISTORY, "status": schemas.STATUS}
#: Kinds that read or write files on the controller.
WITH_FILES = ("check", "load", "load_plan")

#: What tasks/reach.yml registers of its loops over probes, and over hosts that were not reached.
ANSWERS, BLOCKS = "__reach_answers", "__reach_blocks"

#: What the role load_test registers of each host's plan.
LOAD_PLAN = "__load_test_plan"


class ActionModule(ActionBase):
    """Computes a report on the controller, and connects to no host."""

    _requires_connection = False
    _VALID_ARGS = frozenset(("kind", "dir", "everything", "about", "query", "format", "runs", "file"))

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return what the report has; a host with open work fails."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "kind": {"type": "str", "required": True, "choices": list(KINDS)},
                "dir": {"type": "path"},
                "everything": {"type": "bool", "default": False},
                "about": {"type": "str", "choices": list(SCHEMAS)},
                "query": {"type": "str", "default": ""},
                "format": {"type": "str", "default": "table"},
                "runs": {"type": "raw", "default": history.DEFAULT_RUNS},
                "file": {"type": "path"},
            },
            required_if=[
                *(("kind", kind, ["dir"]) for kind in WITH_FILES),
                ("kind", "question", ["about"]),
                ("kind", "run", ["file"]),
            ],
        )
        if options["dir"]:
            # Ansible has no other folder in this process than the one that it was started in.
            options["dir"] = os.path.abspath(options["dir"])
        report = getattr(self, f"_report_{options['kind']}")
        result.update({"changed": False, **report(options, task_vars)})
        return result

    def _report_check(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Write the files of a check, and return its table and how many values have drifted."""
        hosts, reached = task_vars["ansible_play_hosts_all"], task_vars["ansible_play_hosts"]
        document = fleet_reports.check_document(
            ResolvedHosts(task_vars["hostvars"]), hosts, reached, task_vars.get("ansible_inventory_sources") or ()
        )
        found = document["findings"]
        drift = [item for item in found if item["level"] == "drift"]
        texts = {"check.json": json.dumps(document, indent=4, sort_keys=True) + "\n"}
        lookup: Any = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        for name in ("check.html", "check.xml"):
            path = ROLES / "report" / "templates" / f"{name}.j2"
            texts[name] = str(lookup.run([str(path)], variables={**document, "drift": drift})[0])
        write_files(options["dir"], texts, "xitrum_report_dir")
        table = findings.check_table(found, options["everything"])
        page = os.path.join(options["dir"], "check.html")
        shown = {"table": f"{table}\n\nThe page: {page}", "lines": questions.format_rows(findings.check_rows(found))}
        where = step_lines.format_hosts(list(dict.fromkeys(item["host"] for item in drift)))
        result = {
            "page": page, "drift": len(drift), "where": where, "total": len(found), "outcome": document["outcome"],
        }
        return {**result, **render_answer("check", options, document, shown)}

    def _report_status(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return what the hosts do now, as a text and as data."""
        document = fleet_reports.build_status_document(
            ResolvedHosts(task_vars["hostvars"]),
            task_vars["ansible_play_hosts_all"],
            task_vars["ansible_play_hosts"],
            task_vars["groups"],
        )
        shown = {
            "table": status.render_status_table(document),
            "lines": questions.format_rows(status.list_status_rows(document)),
        }
        return {"outcome": document["outcome"], "status": document, **render_answer("status", options, document, shown)}

    def _report_history(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the runs of the hosts, as a text and as data."""
        document = fleet_reports.build_history_document(
            ResolvedHosts(task_vars["hostvars"]),
            task_vars["ansible_play_hosts_all"],
            task_vars["ansible_play_hosts"],
            int(options["runs"]),
        )
        shown = {
            "table": history.render_history_table(document),
            "lines": questions.format_rows(history.list_history_rows(document)),
        }
        answer = render_answer("history", options, document, shown)
        return {"outcome": document["outcome"], "history": document, **answer}

    def _report_run(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the data of a run that has ended, for the tasks of xitrum_after_run."""
        del task_vars
        try:
            with open(options["file"], encoding="utf-8") as file:
                return {"run": json.load(file)}
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"the data of the run cannot be read: {escape_text(str(error))}") from None

    def _report_question(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where the format, the expression or the number of runs is none, before a host is read."""
        del task_vars
        about = options["about"]
        wrong = questions.find_format_error(f"{about}_format", options["format"])
        errors = make_rule_errors("question.format", [wrong])
        errors += make_rule_errors("history.runs", [history.find_number_error(options["runs"])])
        try:
            if options["query"]:
                questions.Question(f"{about}_query", options["query"], SCHEMAS[about])
        except questions.QuestionError as error:
            errors.append(error.reason)
        return build_refusal(errors)

    def _report_fleet(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the fleet on one screen, and why the site serves nobody, or not everybody."""
        hostvars, reached = ResolvedHosts(task_vars["hostvars"]), task_vars["ansible_play_hosts"]
        text = fleet_reports.render_summary(
            hostvars,
            task_vars["ansible_play_hosts_all"],
            self._task.check_mode,
            options["everything"],
            task_vars.get("ansible_inventory_sources") or (),
            reached,
        )
        # What was read of a host that was lost reports nothing of now.
        return {"text": text, "faults": fleet_reports.find_site_faults(hostvars, reached)}

    def _report_host(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail where a run leaves this host something to do."""
        del options
        host = task_vars["inventory_hostname"]
        state = task_vars["hostvars"][host].get("xitrum_host_state")
        if fleet_summary.needs_work(state):
            return {"failed": True, "msg": escape_text(fleet_summary.open_work(state, host))}
        return {}

    def _report_load_plan(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return what this host does in a load test, and what is wrong with the settings."""
        try:
            inputs = Inputs(PublicVariables(self._templar, task_vars))
            found = load.plan(inputs)
            errors = found["errors"] + find_earlier_errors(options["dir"])
            # The headers may have a cookie: the tasks give them themselves.
            loads = {
                way: {name: value for name, value in one.items() if name != "headers"}
                for way, one in found["loads"].items()
            }
            report = report_errors(errors)
            return {
                "errors": report["errors"],
                "broken_rules": report["broken_rules"],
                "loads": loads,
                "watched": found["watched"],
                "share": load.compute_share(inputs),
            }
        except (*NO_VALUE, ValueError) as error:
            return build_failure(error)

    def _report_load_errors(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Fail with what is wrong with the settings on any host, each once."""
        del options
        hostvars, hosts = ResolvedHosts(task_vars["hostvars"]), task_vars["ansible_play_hosts_all"]
        plans = [hostvars[host].get(LOAD_PLAN) or {} for host in hosts]
        found = {error: plan["broken_rules"][error] for plan in plans for error in plan.get("errors", ())}
        return build_refusal([error for text, rule in found.items() for error in make_rule_errors(rule, [text])])

    def _report_load(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Write the figures of a load test, and return its table, and where too few connections were held."""
        settings = load.build_settings(Inputs(PublicVariables(self._templar, task_vars)))
        when = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        hostvars, hosts = ResolvedHosts(task_vars["hostvars"]), task_vars["ansible_play_hosts"]
        made = load_reports.make_report(hostvars, task_vars["groups"], hosts, settings, when)
        file = load_reports.get_path(options["dir"], made["label"])
        try:
            earlier = load_reports.read_earlier_reports(options["dir"])
        except (schema.VersionError, ValueError, OSError) as error:
            raise AnsibleActionFail(escape_text(str(error))) from None
        write_files(options["dir"], {file.name: schema.LOAD_REPORT.render(made, indent=4)}, "load_test_report_dir")
        text = f"{load_report.load_table(made, earlier)}\n\nThe figures: {file}"
        return {"text": text, "shortfalls": list(load_report.find_shortfalls(made))}

    def _report_log_settings(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return what playbooks/logs.yml reads, or fail with all errors of its variables, before a host is read."""
        del options
        hosts, applications = task_vars["ansible_play_hosts_all"], task_vars["groups"].get("xitrum") or ()
        try:
            places = {
                host: Inputs(PublicVariables(self._templar, task_vars["hostvars"].raw_get(host))).places
                for host in applications
            }
            given = PublicVariables(self._templar, task_vars)
            found, errors = logs.read_settings(given, places, hosts, time.time())
        except (*NO_VALUE, ValueError) as error:
            return build_failure(error)
        if found["follow"]:
            forks = int(context.CLIARGS.get("forks") or constants.DEFAULT_FORKS)
            errors += logs.find_follow_errors(list(found["instances"]), forks, bool(find_terminal(os.getppid())))
        if found["save"]:
            found["save"] = os.path.abspath(os.path.expanduser(found["save"]))
            if not errors:
                errors += log_stream.find_file_errors(found["save"], list_names(found["instances"]))
        return build_refusal(errors) or {"settings": found}

    def _report_logs(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Print and save the lines that were read; return why hosts were not, and the socket for further lines."""
        del options
        settings, hostvars = task_vars[logs.SETTINGS]["settings"], task_vars["hostvars"]
        names = list_names(settings["instances"])
        lines: list[log_stream.Line] = []
        notes: list[str] = []
        lost: list[str] = []
        places: dict[str, list[str]] = {}
        for host in settings["instances"]:
            report, why = log_stream.read_report(hostvars[host].get(logs.READ) or {})
            if why:
                lost.append(f"{host}: it could not be read: {make_printable(why)}")
                continue
            lines += log_stream.build_lines(host, report["entries"])
            notes += [log_stream.render_note(host, note) for note in report["notes"]]
            places.setdefault(", ".join(report["read_from"]), []).append(host)
        width = max(map(len, names), default=0)
        head = [f"[{', '.join(found)}: {escape_text(place)}]" for place, found in places.items()]
        text = [one for line in sorted(lines) for one in log_stream.render(line, width)]
        try:
            log_stream.Files(settings["save"]).save(sorted(lines))
        except OSError as error:
            raise AnsibleActionFail(
                f"the lines cannot be saved in {settings['save']} ({error.strerror}): set logs_save to another folder"
            ) from None
        silent = sorted(set(names) - {line.instance for line in lines})
        if silent:
            notes.append(f"[no lines of {', '.join(silent)}]")
        if settings["follow"]:
            notes += [f"[{sentence}]" for sentence in lost]
            notes.append("[new lines follow; Ctrl-C ends it]")
        Display().display("\n".join([*head, *text, *notes]))
        if lost and not settings["follow"]:
            return {"failed": True, "msg": "\n".join(lost), "lines": len(text), "stream": ""}
        return {"lines": len(text), "stream": log_stream.make_socket_path() if settings["follow"] else ""}

    def _report_reach_probes(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return which host tries which public ports."""
        del options
        hosts, reached = task_vars["ansible_play_hosts_all"], task_vars["ansible_play_hosts"]
        return {"probes": reach_reports.plan_probes(ResolvedHosts(task_vars["hostvars"]), hosts, reached)["probes"]}

    def _report_reach_blocked(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the ports that were not reached, by host, from what the probes registered."""
        del options
        hosts, answers = task_vars["ansible_play_hosts_all"], task_vars[ANSWERS]["results"]
        return {"blocked": reach_reports.find_unreached(ResolvedHosts(task_vars["hostvars"]), hosts, answers)}

    def _report_reach(self, options: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the rows of all hosts, from what the probes and the reads of packet filters registered."""
        del options
        hosts, answers, blocks = task_vars["ansible_play_hosts_all"], task_vars[ANSWERS], task_vars[BLOCKS]
        hostvars = ResolvedHosts(task_vars["hostvars"])
        rows = reach_reports.make_rows(hostvars, hosts, answers["results"], blocks["results"])
        return {"rows": rows}


def list_names(instances: dict[str, list[int]]) -> list[str]:
    """Return the names of instances, from their numbers by host."""
    return [f"{host}-{index}" for host, indices in instances.items() for index in indices]


def render_answer(
    about: str, options: dict[str, Any], document: dict[str, Any], shown: dict[str, str]
) -> dict[str, Any]:
    """Return the text of a report, or of the answer to a question about it, and a hint where that is empty.

    A table and its hint are for the tasks that print them. What a program reads is printed here as it is, since each
    callback of Ansible frames what a task prints in a way of its own; a hint then goes to the standard errors.
    """
    way, hint = options["format"], ""
    if options["query"]:
        try:
            question = questions.Question(f"{about}_query", options["query"], SCHEMAS[about])
            found = question.answer(document)
        except questions.QuestionError as error:
            return build_refusal([error.reason])
        hint = question.format_hint() if questions.is_nothing(found) else ""
        text = "" if hint and way != "json" else questions.render(found, way)
    else:
        text = questions.render(document, way) if way == "json" else shown[way]
    if way == "table":
        return {"text": text, "hint": hint}
    if text:
        Display().display(text)
    if hint:
        Display().display(hint, stderr=True)
    return {"text": text, "hint": ""}


def find_earlier_errors(folder: str) -> list[str]:
    """Return why the reports of earlier runs cannot be read, before a load starts."""
    try:
        load_reports.read_earlier_reports(folder)
    except (schema.VersionError, ValueError, OSError) as error:
        return make_rule_errors("load.report", [str(error)])
    return []


def write_files(folder: str, texts: dict[str, str], variable: str) -> None:
    """Write the files of a report, name to text. Raises AnsibleActionFail, with the variable that names the folder."""
    try:
        for name, text in texts.items():
            fleet_reports.write_file(folder, name, text)
    except OSError as error:
        raise AnsibleActionFail(
            f"the report cannot be written to {folder} ({error}): set {variable} to a folder that this user can write"
        ) from None
