# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of a supervisor: what keeps the instances running. Each kind is one file in `kinds`.

What the contract demands of the processes is in `roles/supervisor/README.md`. In all texts `{name}` is the
application's name, `{index}` the instance's number, `{timeout}` the seconds that an instance gets to end, `{log_dir}`
the folder of log files.
"""

from __future__ import annotations

import abc
import fnmatch
import re
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Collection, Iterable, Mapping, NamedTuple, Sequence, Tuple

from ..core import marked_block, unmanaged_file
from ..core.plan import RUN, BlockingError, Row
from . import inittab
from .init_system import Init, has_systemd

#: What a supervisor reports of an instance that runs and starts at boot, whatever its own words are.
WELL = {"active": "active", "boot": "enabled"}

Command = Tuple[str, ...]


class ServiceFile(NamedTuple):
    """A file of a service definition: its template, and where it goes.

    `template` is below `roles/supervisor/templates`, without `.j2`; of several, separated by blanks, the texts follow
    each other. There is one file for each instance where `path` has `{index}`. `mode` is octal.
    """

    template: str
    path: str
    mode: str = "0644"

    @property
    def templates(self) -> list[str]:
        """The templates one by one."""
        return self.template.split()


class Output(NamedTuple):
    """Where a supervisor keeps what an instance prints: in the file `path`, or in the journal, by systemd's `unit`.

    `rotated` is a pattern of the names that the file gets when it is rotated, in the same folder; empty where they are
    the file's own name with a suffix. `stamp` is the time that the supervisor puts before each line: see
    `split_stamp` of logs/times.py.
    """

    path: str = ""
    unit: str = ""
    rotated: str = ""
    stamp: str = ""


def make_log_folder(kind: str) -> ServiceFile:
    """The file of the script that makes a missing log folder before an instance of that kind of supervisor starts."""
    return ServiceFile("shared/log_folder", f"/etc/{{name}}-{kind}/log_folder", "0755")


@dataclass(frozen=True)
class Supervisor(abc.ABC):
    """What one kind of supervisor can do, where it keeps an instance, and its commands.

    No command has a path below a folder that the application's user may write: root would follow a link there.
    """

    #: The value of `xitrum_supervisor`.
    name: str
    #: The program that shows whether it is installed, and the distribution's packages that bring it.
    program: str
    #: What makes the supervisor start an instance at boot, and what that points at (empty: the mark is the definition).
    mark: str
    target: str
    #: The file of what an instance prints, or where else that is, in words: `output` is the command that shows its end.
    log: str
    #: The same for `playbooks/logs.yml`, which reads it: a file, or a unit of the journal. See `Output`.
    kept: Output
    #: The files of a definition in the order in which they are written, see `layout`.
    files: tuple[ServiceFile, ...]
    start: tuple[Command, ...]
    #: Commands in their order: `stop` ends an instance, `forget` lets go of one whose mark is gone.
    stop: tuple[Command, ...] = ()
    forget_commands: tuple[Command, ...] = ()
    #: Commands that take up a new definition; those after the last instance, before and after its files are removed.
    define: tuple[Command, ...] = ()
    gone: tuple[Command, ...] = ()
    gone_after: tuple[Command, ...] = ()
    packages: tuple[str, ...] = ()
    #: The processes 1 that can start it at boot, any where none is listed; `init` is that of System V.
    inits: tuple[str, ...] = ()
    #: The unit that has to run for it, the unit's file, and what the init of System V starts instead.
    daemon: str = ""
    unit: str = ""
    scan: str = ""
    #: Further paths of one instance, and those of all instances of the application.
    instance_paths: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    #: A file that keeps a supervisor which takes up what it finds from starting that yet. `ready` are the commands that
    #: succeed once it has taken it up, within `wait_seconds` seconds.
    hold: str = ""
    ready: tuple[Command, ...] = ()
    wait_seconds: int = 0
    #: The names that it keeps in a service directory next to `run`: one with only these is what a removal left.
    KEEPS: ClassVar[tuple[str, ...]] = ()
    #: Files that win over the definition where they exist and their text has the pattern `hiding`: they are removed.
    hides: tuple[str, ...] = ()
    hiding: str = ""
    #: A file that keeps an instance from being started at boot where its mark is its definition, and the file's text.
    boot_lock: str = ""
    boot_lock_text: str = ""
    #: Its words for an instance that it starts no more, since it ended too often, and the command that resets that.
    given_up: tuple[str, ...] = ()
    reset: Command = ()
    output: Command = ()
    #: Whether an instance that ends is started again, and whether one may have a port below 1024.
    restarts: bool = True
    low_ports: bool = True
    #: Whether an instance inherits its number of open files, so that it has to be one that the host can grant.
    inherits: bool = False
    #: Whether it may be one of PyPI: the version that `supervisor_supervisord_version` has, if any.
    on_pypi: bool = False
    #: Whether an instance cannot see the homes of users (ProtectHome= of systemd).
    hides_homes: bool = False
    #: Whether a host without proxies has two slots where the inventory sets nothing, and why a release can never start
    #: next to another one (empty: it can).
    slots_by_default: bool = False
    no_slots: str = ""
    #: Whether the supervisor may write the link of a mark in another way than we do.
    links_vary: bool = False

    # --------------------------------------------------------------------------------------------- what each differs in

    @abc.abstractmethod
    def query_words(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """What it reports of each instance, in one query: WELL["active"], or its own word; empty for none."""

    @abc.abstractmethod
    def query_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """The main process that the supervisor has for each instance; 0 for none."""

    def count_restarts(self, host: Any, name: str, indices: Sequence[int], seconds: int) -> dict[int, int]:
        """How often it started each instance again by itself in the last `seconds`, from a record of its own; an
        instance of which it keeps none is left out."""
        return {}

    def list_files(self, options: Mapping[str, Any]) -> tuple[ServiceFile, ...]:
        """The files of a definition. `options` are `log_dir` and, for supervisord, `supervisord_version`."""
        return self.files

    def read_kind_state(self, host: Any, desired: Mapping[str, Any], init: Init) -> dict[str, Any]:
        """What this kind alone needs to know of the host to plan; the values are in the state's `own`."""
        return {}

    def make_placeholders(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The words in files that stand for values which only the host knows."""
        return {"@NOFILE@": state["granted"]}

    def build_edited_files(self, name: str, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Unmanaged files that get a block of ours, as files of a set."""
        return []

    def list_links(self, state: Mapping[str, Any]) -> list[dict[str, str]]:
        """Links next to the marks of instances."""
        return []

    def plan_packages(self, desired: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
        """The packages that have to be installed first, and the rows that show why."""
        packages = [] if state["program"] else list(self.packages)
        missing = Row("service", self.name, "installed", "", "", "drift", "it is not installed", RUN)
        return packages, [missing] if packages else []

    def plan_daemon(self, state: Mapping[str, Any]) -> tuple[list[Row], list[tuple[str, Any]]]:
        """The rows of the running daemon, and the actions, in addition to the one that it has to run."""
        return [], []

    def list_unread(self, state: Mapping[str, Any]) -> list[tuple[str, int, str, str]]:
        """What of other people's files cannot be read: (file, line number, text, reason)."""
        return []

    def find_errors(self, desired: Mapping[str, Any], state: Mapping[str, Any]) -> Iterable[str]:
        """Why this kind cannot be used on this host, as sentences, in addition to what holds for every kind."""
        return ()

    def find_notes(self, name: str, state: Mapping[str, Any]) -> list[str]:
        """What is worth a warning, as sentences."""
        return []

    def list_unmanaged_files(self, state: Mapping[str, Any]) -> list[Any]:
        """The unmanaged files that get a block of ours, as they were read: they are recorded first."""
        return []

    def list_output_files(self, host: Any, names: Iterable[str]) -> list[str]:
        """The files with what instances of these applications printed, where they are in no folder of one."""
        return []

    def find_blocks(self, host: Any, name: str) -> list[str]:
        """The unmanaged files that have a block of ours."""
        return [inittab.PATH] if has_block(host, inittab.PATH, inittab.get_entry_name(name, self.name)) else []

    def remove_blocks(self, host: Any, name: str) -> None:
        """Removes our blocks from unmanaged files."""
        entry = inittab.get_entry_name(name, self.name)
        if has_block(host, inittab.PATH, entry):
            unmanaged_file.restore_file(host, inittab.PATH, lambda text: marked_block.remove_block(text, entry))
            # It ends what it has started, too.
            host.run(inittab.RELOAD)

    def query_boot_word(self, host: Any, name: str) -> str:
        """WELL["boot"] where what starts the instances starts at boot, else the reason."""
        return (
            read_enabled(host, fill(self.daemon, name=name), inittab.get_entry_name(name, self.name))
            if self.daemon
            else WELL["boot"]
        )

    def find_init_error(self, init: Init) -> str:
        """Why the process 1 of the host cannot start it at boot, as a sentence; empty where it can."""
        if self.inits and init.name not in self.inits:
            return (
                f"process 1 is {init.name or 'unknown'}, and the xitrum_supervisor {self.name} wants "
                f"{' or '.join(self.inits)}: choose another for this host"
            )
        return ""

    def find_init_version_error(self, init: Init) -> str:
        """Why that version of process 1 is too old, as a sentence; empty where it is not."""
        return ""

    def find_variable_errors(self, variables: Mapping[str, Any]) -> Iterable[BlockingError]:
        """What is wrong with the variables of this kind alone, as errors that name their rule."""
        return ()

    # ------------------------------------------------------------------------------------------------- the same for all

    def query_states(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, dict[str, str]]:
        """What the supervisor reports of each instance, in one query: index to `active` and `boot`.

        Both are as in WELL where all is well, else the supervisor's own word.
        """
        marks = {index: host.stat(fill(self.mark, name=name, index=index)) is not None for index in indices}
        active = self.query_words(host, name, indices)
        at_boot = self.query_boot_word(host, name) if any(marks.values()) else ""
        return {
            index: {
                "active": active.get(index, ""),
                "boot": self._describe_hiding(host, name, index) or (at_boot if marks[index] else "disabled"),
            }
            for index in indices
        }

    def find_given_up(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, str]:
        """The instances that it starts no more since they ended too often: index to its own word for that."""
        return {index: word for index, word in self.query_words(host, name, indices).items() if word in self.given_up}

    def find_main_pids(self, host: Any, name: str, indices: Sequence[int]) -> dict[int, int]:
        """The process that the supervisor has for each instance that runs: index to process id.

        That process, and what it started, is the instance, whoever else works in its folder.
        """
        return {index: pid for index, pid in self.query_pids(host, name, indices).items() if pid}

    def _describe_hiding(self, host: Any, name: str, index: int) -> str:
        """What wins over the definition of an instance and is not of this collection, as words; empty where nothing
        does."""
        paths = [path.replace("*", str(index)) for path in fill(self.hides, name=name)]
        return next((f"hidden by {path}" for path in paths if self._hides(host, path)), "")

    def _hides(self, host: Any, path: str) -> bool:
        if host.stat(path) is None:
            return False
        return not self.hiding or re.search(self.hiding, host.read(path) or "", re.MULTILINE) is not None

    def list_hiding_files(self, host: Any, name: str) -> list[str]:
        """The files that win over the definition of any instance."""
        found = []
        for pattern in fill(self.hides, name=name):
            folder, _slash, file = pattern.rpartition("/")
            found += [f"{folder}/{entry}" for entry in host.listdir(folder) if fnmatch.fnmatchcase(entry, file)]
        return [path for path in found if self._hides(host, path)]

    def list_defined(self, host: Any, name: str) -> set[int]:
        """The instances that the supervisor would start at boot."""
        folder, _slash, file = self.mark.rpartition("/")
        pattern = re.compile(re.escape(fill(file, name=name, index="NUMBER")).replace("NUMBER", r"(\d+)"))
        matches = [pattern.fullmatch(entry) for entry in host.listdir(fill(folder, name=name))]
        return {int(match.group(1)) for match in matches if match}

    def list_leftovers(self, host: Any, name: str) -> list[str]:
        """The paths with something of the application, the marks left out."""
        return [path for path in fill(self.shared, name=name) if host.exists(path)] + self.find_blocks(host, name)

    def register(self, host: Any, name: str, index: int) -> None:
        """Makes the supervisor know an instance, and start it at boot, without starting it now."""
        values = {"name": name, "index": index}
        mark, target = fill(self.mark, **values), fill(self.target, **values)
        if self.boot_lock and host.exists(fill(self.boot_lock, **values)):
            host.remove(fill(self.boot_lock, **values))
            self._reread(host, values)
        if target and host.readlink(mark) != target:
            if self.hold:
                host.write(fill(self.hold, **values), "")
            folder = mark.rpartition("/")[0]
            if not host.exists(folder):
                host.make_directory(folder)
            host.link(mark, target)
        for command in fill(self.ready, **values):
            repeat_command(host, command, self.wait_seconds)

    def disable(self, host: Any, name: str, index: int) -> None:
        """Keeps an instance, which does not run, from being started at boot. Its definition stays.

        `register` undoes this.
        """
        values = {"name": name, "index": index}
        if self.boot_lock:
            host.write(fill(self.boot_lock, **values), self.boot_lock_text)
            self._reread(host, values)
        else:
            self.forget(host, name, index, keep=True)

    def _reread(self, host: Any, values: Mapping[str, Any]) -> None:
        for command in fill(self.forget_commands, **values):
            host.run(command)

    def allow_start(self, host: Any, name: str, index: int) -> None:
        """Lets the supervisor start an instance that it knows, whatever kept it from that before."""
        if self.reset:
            host.run(fill(self.reset, name=name, index=index))
        if self.hold:
            host.remove(fill(self.hold, name=name, index=index))

    def forget(self, host: Any, name: str, index: int, keep: bool = False) -> None:
        """Removes an instance, which does not run, from the supervisor: its mark first, or it would be started again.

        With `keep`, its definition stays.
        """
        values = {"name": name, "index": index}
        host.remove(fill(self.mark, **values))
        if self.boot_lock:
            host.remove(fill(self.boot_lock, **values))
        self._reread(host, values)
        # It writes into the folder until its end.
        for command in fill(self.ready, **values):
            repeat_command(host, command, self.wait_seconds, False)
        for path in fill(self.instance_paths, **values) if not keep else ():
            host.remove(path)

    def clean(self, host: Any, name: str) -> None:
        """Removes the application from a supervisor that has no instance of it any more."""
        for command in fill(self.gone, name=name):
            host.run(command)
        self.remove_blocks(host, name)
        for path in fill(self.shared, name=name):
            host.remove_written(path)
        for command in fill(self.gone_after, name=name):
            host.run(command)


def fill(words: Any, **values: Any) -> Any:
    """A text with the values in their places, or a list of the texts in a tuple or list, however deep."""
    if isinstance(words, str):
        return words.format(**values)
    return [fill(word, **values) for word in words]


def translate_state(word: str, good: Collection[str]) -> str:
    """The word of a supervisor, WELL["active"] for each of its words that means that the instance runs."""
    return WELL["active"] if word in good else word


def parse_pid(text: str) -> int:
    """The process id in a text; 0 where there is none."""
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0


def has_block(host: Any, path: str, name: str) -> bool:
    """Whether a file, which may be a link, has a block of ours: where it leads now, or where it led before."""
    return any(marked_block.has_block(host.read(place), name) for place in unmanaged_file.find_places(host, path))


def build_edited_file(file: unmanaged_file.UnmanagedFile, text: str, mode: int) -> dict[str, Any]:
    """An unmanaged file with our block, as a file of a set: it keeps its owner."""
    owner, group = (file.stat.owner, file.stat.group) if file.stat else ("root", "root")
    return {"path": file.path, "content": text, "mode": f"{mode:04o}", "owner": owner, "group": group}


def read_enabled(host: Any, unit: str, entry: str) -> str:
    """Whether a unit starts at boot, in systemd's own word, or the entry of that name in the table of another init."""
    if has_systemd(host):
        return host.run(["systemctl", "is-enabled", unit]).out.strip() or "unknown"
    table = unmanaged_file.read_file(host, inittab.PATH).text
    return WELL["boot"] if marked_block.has_block(table, entry) else "disabled"


def repeat_command(host: Any, command: Sequence[str], seconds: float, good: bool = True) -> Any:
    """Runs a command until it succeeds, or fails where that is good, or the seconds are over: its last result."""
    deadline = time.monotonic() + seconds
    result = host.run(command)
    while (result.rc == 0) != good and time.monotonic() < deadline:
        time.sleep(0.1)
        result = host.run(command)
    return result
