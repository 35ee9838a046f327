# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as programs of supervisord, of which one daemon serves everybody on a host: of the distribution, or of
PyPI."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping, Sequence

from ...core import process, recorded
from ...core.distributions import table as distributions
from ...core.plan import RUN, BlockingError, Row, make_rule_errors
from ...core.untrusted_text import make_printable
from .. import supervisord_config as config
from ..contract import Output, ServiceFile, Supervisor, fill, make_log_folder, parse_pid, translate_state
from ..init_system import Init

_HOME = "/etc/{name}-supervisord"
_LOGS = "/etc/systemd/system/{name}-logs"

#: A hash of a file, as pip takes it.
HASH = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


class Supervisord(Supervisor):
    """A program is RUNNING some seconds after its start; until then it is STARTING."""

    def list_files(self, options: Mapping[str, Any]) -> tuple[ServiceFile, ...]:
        """The files of PyPI's supervisord are those that the distribution's package would bring, of no application's
        own."""
        return (*self.files, *PYPI_FILES) if options.get("supervisord_version") else self.files

    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """From `supervisorctl status`."""
        printed = host.run(["supervisorctl", "status"]).out
        words = dict(line.split()[:2] for line in printed.splitlines() if len(line.split()) > 1)
        return {index: translate_state(words.get(f"{name}-{index}", ""), ("RUNNING", "STARTING")) for index in indices}

    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """From `supervisorctl pid`: the number alone, also while the program is STARTING."""
        return {
            index: parse_pid(host.run(["supervisorctl", "pid", f"{name}-{index}"]).out.strip()) for index in indices
        }

    def read_kind_state(self, host: Any, desired: Mapping[str, Any], init: Init) -> dict[str, Any]:
        own_paths = {
            f"{config.FOLDER}/{desired['name']}.conf",
            *(fill(self.mark, name=desired["name"], index=index) for index in range(desired["instances"])),
        }
        return {
            "others": read_others(host, own_paths),
            "version": host.run([find_command(host), "--version"]).out,
            "pypi": read_pypi(host) if desired["supervisord_version"] else None,
        }

    def make_placeholders(self, state: Mapping[str, Any]) -> dict[str, Any]:
        others = state["kind_state"]["others"]
        # What the running daemon has, where a file sets minfds to what cannot be read, or may.
        least = (state["daemon"].get("nofile") or (0, 0))[0] if config.keeps_minfds(others) else 0
        return {
            **super().make_placeholders(state),
            "@MINFDS@": max(state["granted"], config.find_minfds(others), least),
        }

    def list_links(self, state: Mapping[str, Any]) -> list[dict[str, str]]:
        return (
            [{"path": path, "target": to} for path, to in config.COMMANDS.items()]
            if state["kind_state"]["pypi"]
            else []
        )

    def plan_packages(self, desired: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
        """Of supervisord of PyPI, the packages that its installation takes."""
        own, version = state["kind_state"], desired["supervisord_version"]
        if not own["pypi"]:
            return super().plan_packages(desired, state)
        install, _error = find_pypi_source(desired, state)
        running = own["pypi"]["running"].strip()
        stale = not install and running and not config.is_same_version(running, version)
        restart = "systemctl restart supervisor"
        status, why, fix = "ok", "", ""
        if install:
            status, why, fix = "drift", "it is not installed", RUN
        elif stale:
            status, why, fix = (
                "restart_pending",
                f"{restart} makes it effective, and restarts everybody's programs",
                restart,
            )
        row = Row("service", "supervisord of PyPI", version, own["version"].strip(), running, status, why, fix)
        return list(own["pypi"]["packages"]) if install else [], [row]

    def plan_daemon(self, state: Mapping[str, Any]) -> tuple[list[Row], list[tuple[str, Any]]]:
        """The daemon needs a limit that its programs can inherit."""
        found = state["daemon"]
        if not found["nofile"]:
            return [], []
        enough = all(limit == process.UNLIMITED or limit >= state["granted"] for limit in found["nofile"])
        row = Row(
            "service",
            "open files of supervisord",
            f">= {state['granted']}",
            "minfds",
            "/".join(map(str, found["nofile"])),
            "ok" if enough else "drift",
            "" if enough else "its programs inherit it",
            "" if enough else RUN,
        )
        return [row], [] if enough else [("raise", found["pid"])]

    def list_unread(self, state: Mapping[str, Any]) -> list[tuple[str, int, str, str]]:
        return config.find_unread(state["kind_state"]["others"])

    def find_errors(self, desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterable[str]:
        others, pypi, name = state["kind_state"]["others"], state["kind_state"]["pypi"], desired["name"]
        taken = config.find_programs(others)
        for index in range(desired["instances"]):
            if f"{name}-{index}" in taken:
                yield BlockingError(
                    f"{taken[f'{name}-{index}']} has a program {name}-{index} already: remove it there, "
                    "or set another xitrum_name",
                    rule="host.supervisord-program",
                )
        patterns = config.find_included(others.get(config.MAIN, ""))
        mark = fill(self.mark, name=name, index=0)
        if patterns and not config.includes(patterns, mark):
            yield BlockingError(
                f"{config.MAIN} includes {' '.join(patterns)}, which does not find {mark}: "
                f"add {config.FOLDER}/*.conf to files in its section [include]",
                rule="host.supervisord-include",
            )
        if pypi:
            for path in pypi["unmanaged"]:
                yield BlockingError(
                    f"{path} exists and is not of this collection: move it away, "
                    "or unset supervisor_supervisord_version",
                    rule="host.file-unmanaged",
                )
            yield from make_rule_errors("host.supervisord-pypi", [find_pypi_source(desired, state)[1]])
        else:
            yield from make_rule_errors(
                "host.supervisord-version", [config.find_too_old_reason(state["kind_state"]["version"])]
            )

    def find_variable_errors(self, variables: Mapping[str, Any]) -> Iterable[BlockingError]:
        """The files of supervisord that pip may install: root runs them."""
        version = str(variables.get("supervisor_supervisord_version") or "").strip()
        hashes = variables.get("supervisor_supervisord_hashes") or []
        if not version or not isinstance(hashes, (list, tuple)):
            return
        wrong = next((str(item) for item in hashes if not HASH.fullmatch(str(item))), None)
        if wrong is not None:
            yield BlockingError(
                f"supervisor_supervisord_hashes contains {make_printable(wrong)!r}: "
                "expected texts such as sha256: and 64 digits from 0 to f",
                rule="supervisor.supervisord-hashes-invalid",
            )
        elif not hashes:
            yield BlockingError(
                f"supervisor_supervisord_version is {version}, and supervisor_supervisord_hashes is empty: expected "
                "are the hashes of its files, since root runs what pip installs. Run pip download --no-deps "
                f"supervisor=={version} and pip hash supervisor-{version}*, verify the file, and set "
                "supervisor_supervisord_hashes to what follows --hash=",
                rule="supervisor.supervisord-hashes-missing",
            )


def find_command(host: Any) -> str:
    """Supervisord by its name, or where pip has put it and nothing in the search path leads to it yet."""
    found = [path for path in config.COMMANDS.values() if path.endswith("/supervisord") and host.exists(path)]
    return found[0] if found and not host.find_program("supervisord") else "supervisord"


def read_pypi(host: Any) -> dict[str, Any]:
    """Supervisord of PyPI on the host.

    Where it is, what that points at, the packages that its installation takes, and the version of the running daemon.
    """
    path = host.find_program("supervisord") or find_command(host)
    running = host.run(["supervisorctl", "version"])
    record = recorded.read(host)["made"]
    links = config.COMMANDS.items()
    unmanaged = [link for link, target in links if host.stat(link) is not None and host.readlink(link) != target]
    if host.exists(config.ENVIRONMENT) and config.ENVIRONMENT not in record:
        unmanaged.append(config.ENVIRONMENT)
    return {
        "path": path,
        "link": host.readlink(path) or "",
        "unmanaged": unmanaged,
        "packages": distributions.find_family(host, "query_program").venv_packages,
        "running": running.out if running.rc == 0 else "",
    }


def read_others(host: Any, own: set[str]) -> dict[str, str]:
    """The files of supervisord's configuration that are not in `own`: path to text."""
    main = host.read(config.MAIN) or ""
    patterns = config.find_included(main) or [f"{config.FOLDER}/*.conf"]
    folders = sorted({pattern.rpartition("/")[0] for pattern in patterns})
    paths = [f"{folder}/{name}" for folder in folders for name in host.listdir(folder)]
    others = [path for path in paths if config.includes(patterns, path) and path not in own]
    return {config.MAIN: main, **{path: host.read(path) or "" for path in others}}


def find_pypi_source(desired: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether supervisord has to be installed from PyPI, and why it cannot be, as a sentence."""
    own = state["kind_state"]
    return config.choose_source(
        desired["supervisord_version"], own["version"], own["pypi"]["path"], own["pypi"]["link"]
    )


PYPI_FILES = (
    ServiceFile("supervisord/main", config.MAIN),
    ServiceFile("supervisord/daemon", config.UNIT),
)

SUPERVISOR = Supervisord(
    name="supervisord",
    program="supervisorctl",
    packages=("supervisor",),
    inits=("systemd",),
    daemon="supervisor.service",
    inherits=True,
    on_pypi=True,
    low_ports=False,
    mark=f"{config.FOLDER}/{{name}}-{{index}}.conf",
    target=f"{_HOME}/{{index}}.conf",
    instance_paths=(f"{_HOME}/{{index}}.conf",),
    shared=(_HOME, f"{config.FOLDER}/{{name}}.conf", f"{_LOGS}.path", f"{_LOGS}.service"),
    given_up=("FATAL",),
    # `update` with a name takes up this program alone, whatever else was edited in its configuration.
    start=(
        ("supervisorctl", "reread"),
        ("supervisorctl", "update", "{name}-{index}"),
        ("supervisorctl", "start", "{name}-{index}"),
    ),
    stop=(("supervisorctl", "stop", "{name}-{index}"),),
    forget_commands=(("supervisorctl", "remove", "{name}-{index}"),),
    # It opens the file of what a program prints before it starts it, so that nothing of a program could make the
    # folder. Each `enable` has systemd read its units again.
    define=(
        ("systemctl", "enable", "--now", "supervisor.service"),
        ("systemctl", "enable", "{name}-logs.service"),
        ("systemctl", "enable", "--now", "{name}-logs.path"),
    ),
    gone=(
        ("systemctl", "disable", "--now", "{name}-logs.path"),
        ("systemctl", "disable", "{name}-logs.service"),
    ),
    gone_after=(("systemctl", "daemon-reload"),),
    log="{log_dir}/output-{index}.log",
    kept=Output("{log_dir}/output-{index}.log"),
    files=(
        ServiceFile("shared/run shared/number shared/environment supervisord/exec", f"{_HOME}/run", "0755"),
        ServiceFile("supervisord/limits", f"{config.FOLDER}/{{name}}.conf"),
        # The options of a program may hold secrets: its environment.
        ServiceFile("supervisord/program", f"{_HOME}/{{index}}.conf", "0600"),
        make_log_folder("supervisord"),
        ServiceFile("supervisord/log_path", f"{_LOGS}.path"),
        ServiceFile("supervisord/log_service", f"{_LOGS}.service"),
    ),
)
