# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepares an application's source tree for a platform: all its files are read, planned and written as one.

Texts are planned by `hocon_edit`, `logback` and `source_text`, which change single settings. A whole file that is
written carries `MARK`, by which a later run knows its own files from the user's.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from typing import Any

from ..configuration import environment as environment_settings
from ..configuration import hocon_edit, logback
from ..configuration import shared as shared_settings
from ..configuration import xitrum_conf as package_config
from ..core.component import NOTHING_SEEN, Applied, Brief, Desired, Execution, Seen
from ..core.host import Host, Result, copy_environment
from ..core.mac_files import is_mac_file
from ..core.plan import Draft, Plan, Row, make_rule_errors
from . import facts as tree_facts
from . import sbt_definitions, sbt_project
from . import text as source_text
from .sbt_project import Project
from .types import MainClasses

MARK = "Written by xitrum.host"

NAME = "source_tree"

SPEC: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "project": {"type": "str", "default": ""},
    "main_class": {"type": "str", "default": ""},
    "prefix": {"type": "str", "default": "source_tree"},
    "builds_top": {"type": "bool", "default": False},
    "allow_uncommitted": {"type": "bool", "default": False},
    "files": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "content": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0644"},
        },
    },
    "absent": {"type": "list", "elements": "str", "default": []},
    "keep_files": {"type": "list", "elements": "str", "default": []},
    "entries": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": sorted(source_text.SEPARATORS)},
            "values": {"type": "dict", "required": True},
        },
    },
    "settings": {"type": "dict", "default": {}},
    "disabled_settings": {"type": "list", "elements": "str", "default": []},
    "variables": {"type": "dict", "default": {}},
    "console": {"type": "bool", "default": False},
    "aliases": {"type": "dict", "default": {}},
    # The action plugin's: it adds the others from the variables of that role.
    "platform": {"type": "str", "choices": ["heroku", "openshift"]},
}

#: What a Xitrum project has: a path in it, and how that is named in a message.
CONFIG, LOGGING, BUILD, PLUGINS = sbt_project.CONFIG, "config/logback.xml", "build.sbt", "project/plugins.sbt"
OF_APP = ((CONFIG, "Xitrum's configuration"), (LOGGING, "the configuration of its log"))


def get_project_path(project: str, path: str) -> str:
    """The path of a project's file in the tree."""
    return os.path.normpath(os.path.join(project, path))


def choose_app(desired: dict[str, Any], paths: list[str]) -> str:
    """The application's folder. Raises ValueError where there are several."""
    return sbt_project.choose_app(paths, desired["project"], desired["path"], f"{desired['prefix']}_project")


def needs_text(path: str, build: str, sources: set[str]) -> bool:
    """Whether the text of a tree's file is needed to find out how it is built, or which main class it has."""
    return (
        path == get_project_path(build, "project/build.properties")
        or sbt_project.is_definition(path, build)
        or path in sources
    )


def run_git(host: Host, top: str, *words: str, data: str | None = None) -> Result:
    """One git command in a tree, as who runs Ansible. Its paths are as they are: they end at a NUL."""
    return host.run(["git", "-C", top, *words], data=data, keep=copy_environment(), exact=True)


def read(host: Host, desired: Desired, seen: Seen = NOTHING_SEEN) -> dict[str, Any]:
    """The texts that matter, and what git reports about the tree."""
    top = desired["path"]
    state: dict[str, Any] = {
        "there": host.exists(top),
        "files": {},
        "paths": [],
        "git": "",
        "root": "",
        "uncommitted": [],
        "ignored": {},
    }
    result = run_git(host, top, "rev-parse", "--show-toplevel")
    state["git"] = (result.err or result.out).strip() if result.rc else ""
    state["root"] = "" if result.rc else result.out.strip()
    if not result.rc:
        status = run_git(host, top, "status", "--porcelain", "--no-renames", "-z", "--untracked-files=all", "--", ".")
        prefix = run_git(host, top, "rev-parse", "--show-prefix").out.strip()
        state["uncommitted"] = [(line[:2], line[3:][len(prefix):]) for line in status.out.split("\0") if line]
        listed = run_git(host, top, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
        paths = {path for path in listed.out.split("\0") if path and not any(map(is_mac_file, path.split("/")))}
        state["paths"] = sorted(paths)
        state["ignored"] = read_ignored(host, desired, state["paths"])
    for path in sorted(list_paths_to_read(desired, state["paths"])):
        found = host.stat(f"{top}/{path}")
        if found is not None:
            state["files"][path] = {"stat": found, "text": host.read(f"{top}/{path}") if found.kind == "file" else None}
    return state


def read_ignored(host: Host, desired: dict[str, Any], paths: list[str]) -> dict[str, str]:
    """The files that may be written and that git ignores, each with the pattern by which it does.
    What git has already is not ignored."""
    try:
        app = choose_app(desired, paths)
    except ValueError:
        return {}
    project = sbt_project.Project(app, sbt_project.find_build(dict.fromkeys(paths), app), "", "")
    candidates = {get_tree_path(project, item["path"]) for item in [*desired["files"], *desired["entries"]]}
    candidates |= {project.join_path(CONFIG), project.join_path(LOGGING), get_project_path(project.build, BUILD)}
    found = run_git(
        host,
        desired["path"],
        "check-ignore",
        "--verbose",
        "-z",
        "--stdin",
        data="".join(f"{path}\0" for path in sorted(candidates)),
    )
    if found.rc:
        return {}
    fields = found.out.split("\0")
    rows = zip(*(fields[number::4] for number in range(4)))
    return {
        path: f"{source} line {line}: {pattern}" for source, line, pattern, path in rows if not pattern.startswith("!")
    }


def list_paths_to_read(desired: dict[str, Any], paths: list[str]) -> set[str]:
    """The files of a tree whose texts matter."""
    try:
        app = choose_app(desired, paths)
    except ValueError:
        return set()
    build = sbt_project.find_build(dict.fromkeys(paths), app)
    found = {get_project_path(app, path) for path in [*(row[0] for row in OF_APP), *sbt_project.RUNNERS]}
    # What config/application.conf includes is next to it.
    found |= {
        path
        for path in paths
        if path.startswith(get_project_path(app, "config") + "/") and path.endswith((".conf", ".json"))
    }
    found |= {get_project_path(build, path) for path in (BUILD, PLUGINS, sbt_project.LAUNCHER)}
    sources = set() if desired["main_class"] else {path for path in paths if sbt_project.is_source(path, app)}
    found |= {path for path in paths if needs_text(path, build, sources)}
    project = sbt_project.Project(app, build, "", "")
    return (
        found
        | {get_tree_path(project, item["path"]) for item in [*desired["files"], *desired["entries"]]}
        | {get_tree_path(project, path) for path in desired["absent"]}
    )


def get_tree_path(project: Project, path: str) -> str:
    """The path of a file in the tree: `@APP@` and `@BUILD@` are the folders of the application and of its build."""
    return os.path.normpath(path.replace("@APP@", project.app).replace("@BUILD@", project.build))


def fill_marks(project: Project, main_class: str, text: str) -> str:
    """A text with what the project is in place of its marks: see the module's option `files`."""
    from_build = os.path.relpath(project.package, project.build)
    marks = {
        "@APP@": project.app, "@BUILD@": project.build, "@MAIN_CLASS@": main_class, "@RUNNER@": project.runner,
        "@SBT@": project.launcher, "@TASK@": project.task, "@PACKAGE@": project.package, "@BUILD_PACKAGE@": from_build,
    }
    # What is quoted for a shell is the same without quotes as long as it has no characters that need them.
    return re.sub("|".join(marks), lambda found: shlex.quote(marks[found.group()]), text)


def needs_main_class(desired: dict[str, Any]) -> bool:
    """Whether a text that is to be written has the main class in it."""
    desired_texts = [item["content"] for item in desired["files"]] + [
        text for item in desired["entries"] for text in item["values"].values()
    ]
    return any("@MAIN_CLASS@" in text for text in desired_texts)


def needs_task(desired: dict[str, Any], project: Project) -> bool:
    """Whether a text that is to be written has the packaging task in it."""
    desired_texts = [(item["path"], item["content"]) for item in desired["files"]] + [
        (f"@BUILD@/{BUILD}", text) for text in desired["aliases"].values()
    ]
    return any(
        "@TASK@" in text and get_tree_path(project, path) not in desired["keep_files"] for path, text in desired_texts
    )


def fill_desired(desired: dict[str, Any], project: Project, main_class: str) -> dict[str, Any]:
    """The desired state, with all marks filled."""
    return {
        **desired,
        "files": [
            {
                **item,
                "path": get_tree_path(project, item["path"]),
                "content": fill_marks(project, main_class, item["content"]),
            }
            for item in desired["files"]
        ],
        "absent": [get_tree_path(project, path) for path in desired["absent"]],
        "entries": [
            {
                **item,
                "path": get_tree_path(project, item["path"]),
                "values": {name: fill_marks(project, main_class, value) for name, value in item["values"].items()},
            }
            for item in desired["entries"]
        ],
        "aliases": {name: fill_marks(project, main_class, value) for name, value in desired["aliases"].items()},
    }


def plan(desired: Desired, state: dict[str, Any]) -> Plan:
    """Decides which files are written and removed, and lists all errors."""
    facts: dict[str, Any] = {"paths": [], "main_class": "", "project": "", "task": "", "notes": [], "variables": []}
    diffs: list[tuple[str, str, str]] = []
    result, changes, given = Draft(facts=facts, files=diffs), {}, desired
    try:
        app = choose_app(desired, state["paths"])
    except ValueError as error:
        result.errors = make_rule_errors("tree.application", [str(error)])
        return result.plan(desired, state)
    texts_of = {path: item["text"] for path, item in state["files"].items()}
    project = sbt_project.describe(texts_of, app)
    result.errors = find_tree_errors(desired, state, project)
    if project.unknown_project and needs_task(desired, project):
        result.errors += make_rule_errors("tree.build-project", [f"{desired['path']}: {project.unknown_project}"])
    if not result.errors:
        main_class = ""
        if needs_main_class(desired):
            found = sbt_project.find_main_classes(texts_of, app)
            try:
                main_class = sbt_project.choose_main_class(
                    desired["main_class"], found, f"{desired['prefix']}_main_class"
                )
                result.facts["notes"] += find_main_class_notes(desired, main_class, found)
            except ValueError as error:
                result.errors += make_rule_errors("tree.main-class", [f"{desired['path']}: {error}"])
        result.facts.update(
            main_class=main_class,
            project=project.app,
            task=project.task,
            **tree_facts.describe_tree(texts_of, project, desired["path"]),
        )
        result.facts["notes"] += find_top_notes(desired, state, project)
        desired = fill_desired(desired, project, main_class)
        changes = edit_texts(desired, state, project, result.errors)
        config, logging = (
            changes.get(path, (texts_of[path],))[0] for path in map(project.join_path, (CONFIG, LOGGING))
        )
        result.facts["variables"] = environment_settings.describe_variables(config or "", desired["variables"])
        result.facts["notes"] += tree_facts.find_level_notes(
            project.join_path(LOGGING),
            texts_of[project.join_path(LOGGING)],
            logging or "",
            f"{desired['prefix']}_keep_files",
        )
        result.errors += make_rule_errors("tree.ignored", find_ignored_errors(desired, state, changes))
    for path, (text, mode) in sorted(changes.items()):
        existing = state["files"].get(path)
        same = (
            existing is not None
            and existing["text"] == text
            and (mode is None or existing["stat"].mode & 0o111 == mode & 0o111)
        )
        if text is None and existing is None:
            continue
        result.facts["paths"].append(path)
        want = "absent" if text is None else "as the platform needs it"
        configured = "in sync" if same else "out of sync" if existing else "missing"
        result.rows.append(Row("source", path, want, configured, "", "ok" if same else "drift", "", ""))
        if not same:
            kept = existing["stat"].mode & 0o775 if existing else 0o644
            result.actions.append((path, text, mode if mode is not None else kept))
            diffs.append((path, (existing or {}).get("text") or "", text or ""))
    if result.actions and not desired["allow_uncommitted"]:
        changing = {path for path, _text, _mode in result.actions}
        result.errors += make_rule_errors("tree.uncommitted", find_uncommitted_errors(desired, state, changing))
    return result.plan(given, state)


def find_main_class_notes(desired: dict[str, Any], main_class: str, found: MainClasses) -> list[str]:
    """Which main class was chosen for the user, and where it is."""
    if desired["main_class"]:
        return []
    return [f"The main class is {main_class}, the only one in the sources ({found.classes[main_class]}). "
            f"To choose another one, set {desired['prefix']}_main_class."]


def find_top_notes(desired: dict[str, Any], state: dict[str, Any], project: Project) -> list[str]:
    """What the user has to do where a platform builds the top of a repository, and the build is in a folder of it."""
    folder = os.path.relpath(get_project_path(desired["path"], project.build), state["root"])
    if not desired["builds_top"] or folder == ".":
        return []
    return [
        f"The sbt build is in the folder {folder}, and the platform builds the top of a repository. Push that folder "
        f"alone, for example with: git subtree push --prefix {shlex.quote(folder)} {desired['prefix']} main"
    ]


def find_tree_errors(desired: dict[str, Any], state: dict[str, Any], project: Project) -> list[str]:
    """Why this is not a source tree of a Xitrum application in git; all reasons at once."""
    top = desired["path"]
    if not state["there"]:
        return make_rule_errors("tree.folder", [f"there is no folder {top}: name the application's source tree"])
    errors: list[str] = []
    if state["git"]:
        errors += make_rule_errors("tree.git", [
            f"{top} is not in a git repository that can be read ({state['git']}): run git init and commit it, or name "
            "another folder"
        ])
    missing, wrong = find_missing_of_build(state, project)
    errors += make_rule_errors("tree.build", (f"{top}: {sentence}" for sentence in wrong))
    missing += [
        f"{project.join_path(path)} ({what})" for path, what in OF_APP if project.join_path(path) not in state["files"]
    ]
    runner = state["files"].get(project.join_path(project.runner))
    if runner is None:
        others = f"{', '.join(sbt_project.RUNNERS[1:-1])} or {sbt_project.RUNNERS[-1]}"
        missing.append(f"{project.join_path(project.runner)} (the program that starts it; {others} will do)")
    irregular = [
        path
        for path in (
            *map(project.join_path, [*(row[0] for row in OF_APP), project.runner]),
            get_project_path(project.build, BUILD),
        )
        if path in state["files"] and state["files"][path]["text"] is None and path not in desired["keep_files"]
    ]
    kinds = ((path, find_not_regular(state["files"][path]["stat"].kind)) for path in irregular)
    errors += make_rule_errors("tree.not-regular", (f"{top}/{path}: {sentence}" for path, sentence in kinds))
    if missing:
        errors += make_rule_errors("tree.incomplete", [
            f"{top} is not a Xitrum project, it lacks {', '.join(missing)}: name the folder that has build.sbt, or add "
            "what is missing"
        ])
    elif runner and "\r" in (runner["text"] or ""):
        errors += make_rule_errors("tree.line-ends", [
            f"{top}/{project.join_path(project.runner)} has Windows line ends, with which Linux cannot run it: save it "
            "with Unix ones (LF)"
        ])
    return errors


def find_missing_of_build(state: dict[str, Any], project: Project) -> tuple[list[str], list[str]]:
    """What the sbt build lacks, for a list; and sentences on what is wrong with it."""
    texts_of = {path: item["text"] for path, item in state["files"].items()}
    missing, wrong, path = [], [], get_project_path(project.build, BUILD)
    # Any name ending in .sbt will do.
    defined = path in texts_of or any(
        text and name.endswith(".sbt") and (os.path.dirname(name) or ".") == project.build
        for name, text in texts_of.items()
    )
    scala = "" if defined else sbt_project.find_build_object(texts_of, project.build)
    if scala and not (project.sbt and sbt_project.split_version(project.sbt) < (1,)):
        found = f"sbt.version={project.sbt}" if project.sbt else "no sbt.version"
        properties = get_project_path(project.build, "project/build.properties")
        wrong.append(f"found {scala} with {found} in {properties}, and sbt 1 does not read it; expected {path}. "
                     f"Move the definitions to {path}, or set the sbt.version of the project (0.13.x)")
    elif scala and not sbt_project.depends_on_xitrum(texts_of, project.build):
        wrong.append(f"found no dependency on xitrum in {scala}; expected one there or in {path}, "
                     'such as: "tv.cntt" %% "xitrum" % "2.14". Add it, or name the folder of the application')
    elif not scala and not (
        defined and (texts_of.get(path, "") is None or sbt_project.depends_on_xitrum(texts_of, project.build))
    ):
        missing.append(f"{path} (which depends on xitrum)")
    if sbt_project.find_plugin(texts_of, project.build) is None:
        missing.append(f"{get_project_path(project.build, PLUGINS)} (with the sbt plugin xitrum-package)")
    return missing, wrong


def find_not_regular(kind: str) -> str:
    """What is wrong with a path at which there is something else than a regular file, as a sentence."""
    found = {"link": "a symbolic link", "directory": "a folder"}.get(kind, "something else")
    advice = "Replace it with the file that it leads to" if kind == "link" else "Remove it"
    return f"it is not a regular file: found {found}, expected a file. {advice}"


def edit_texts(
    desired: dict[str, Any], state: dict[str, Any], project: Project, errors: list[str]
) -> dict[str, tuple[str | None, int | None]]:
    """Path to what its text (None: removed) and mode (None: as it is) shall be.
    What cannot be is added to the errors."""
    keep = set(desired["keep_files"])
    new: dict[str, tuple[str | None, int | None]] = {}
    existing = {path: item["text"] for path, item in state["files"].items()}
    edits = [
        (project.join_path(CONFIG), lambda text: edit_config(text, desired)),
        (project.join_path(LOGGING), lambda text: edit_logback(text, desired)),
    ]
    over = find_overridden(desired, project, existing)
    edits += [(project.join_path(package_config.APPLICATION), lambda text: edit_config(text, over))] if over else []
    edits += [choose_alias_edit(existing, project, *item) for item in desired["aliases"].items()]
    edits += [(item["path"], partial(merge_entries, item)) for item in desired["entries"]]
    for path, edit in edits:
        if path in keep:
            continue
        try:
            if path in existing and existing[path] is None:
                raise ValueError(find_not_regular(state["files"][path]["stat"].kind))
            new[path] = (edit(new[path][0] if path in new else existing.get(path)), None)
        except ValueError as error:
            errors += make_rule_errors("tree.edit", [f"{desired['path']}/{path}: {error}"])
    for item in desired["files"]:
        path, there = item["path"], existing.get(item["path"])
        if path in keep or (path in state["files"] and not item["content"]):
            continue
        if path in state["files"] and MARK not in (there or ""):
            errors += make_rule_errors("tree.unmanaged", [
                f"{desired['path']}/{path} is there and was not written by xitrum.host: move it away, or name it among "
                "the files that are kept"
            ])
        new[path] = (item["content"], int(item["mode"], 8))
    for path in set(desired["absent"]) - keep:
        if MARK in (existing.get(path) or ""):
            new[path] = (None, None)
    return new


def merge_entries(item: dict[str, Any], text: str | None) -> str:
    """The text of a file of entries, which may not be there, with the desired ones."""
    return source_text.set_entries(text or "", item["kind"], item["values"])


def choose_alias_edit(
    existing: dict[str, str | None], project: Project, name: str, command: str
) -> tuple[str, Callable[[Any], str]]:
    """The file that gets a command alias, and how it is edited: the file that defines it already, else `build.sbt`."""
    definitions = {
        path: text
        for path, text in sorted(existing.items())
        if text and path.endswith(".sbt") and (os.path.dirname(path) or ".") == project.build
    }
    # sbt reads these files in the order of their names.
    path = next(
        (path for path in reversed(definitions) if name in sbt_definitions.read_aliases(definitions[path])),
        get_project_path(project.build, BUILD),
    )
    others = [text for other, text in definitions.items() if other != path]
    return path, lambda text: source_text.define_alias(text or "", name, command, others)


def find_overridden(
    desired: dict[str, Any], project: Project, existing: dict[str, str | None]
) -> dict[str, Any] | None:
    """The desired settings that `config/application.conf` sets again after it includes `config/xitrum.conf`, so that
    they have an effect there alone; None where there are none. All of them where that file is not HOCON."""
    text = existing.get(project.join_path(package_config.APPLICATION))
    if text is None or project.join_path(CONFIG) in desired["keep_files"]:
        return None
    keys = [*desired["settings"], *desired["disabled_settings"], *desired["variables"]]
    if package_config.parse_settings(text):
        keys = [
            key
            for key in keys
            if shared_settings.is_overridden(
                lambda path: existing.get(project.join_path(path)), [hocon_edit.split_key(key)]
            )
        ]
    found = {"settings": {key: value for key, value in desired["settings"].items() if key in keys},
             "disabled_settings": [key for key in desired["disabled_settings"] if key in keys],
             "variables": {key: name for key, name in desired["variables"].items() if key in keys}}
    return found if keys else None


def edit_config(text: str, desired: dict[str, Any]) -> str:
    """The text of `config/xitrum.conf`, or of `config/application.conf`, with the desired settings."""
    for key, value in desired["settings"].items():
        text = text if hocon_edit.find_value(text, key) == value else hocon_edit.put(text, key, value)
    for key in desired["disabled_settings"]:
        text = hocon_edit.put_out(text, key)
    return environment_settings.put_variables(text, desired["variables"])


def edit_logback(text: str, desired: dict[str, Any]) -> str:
    """The text of `config/logback.xml`."""
    return logback.log_to_console(text) if desired["console"] else text


def find_ignored_errors(
    desired: dict[str, Any], state: dict[str, Any], changes: dict[str, tuple[str | None, int | None]]
) -> list[str]:
    """A sentence for each file that would be written and that git ignores: no push would have it."""
    return [
        f"{desired['path']}/{path} is ignored by git ({state['ignored'][path]}), so that no commit and no push would "
        f"have it. Remove or narrow that pattern, or add the file to {desired['prefix']}_keep_files"
        for path in sorted(changes)
        if path in state["ignored"] and changes[path][0] is not None
    ]


def find_uncommitted_errors(desired: dict[str, Any], state: dict[str, Any], changing: set[str]) -> list[str]:
    """One sentence where work would be mixed with ours that git could not bring back.
    A new file of the user's is safe."""
    lost = sorted({path for code, path in state["uncommitted"] if code != "??" or path in changing})
    if not lost:
        return []
    return [f"{desired['path']} has uncommitted changes in {', '.join(lost)}: commit or stash them, "
            f"or set {desired['prefix']}_allow_uncommitted to true"]


def apply(host: Host, plan: Plan) -> Applied:
    """Writes and removes the files. A file that was there keeps its owner. Raises OSError."""
    for path, text, mode in plan.actions:
        whole = f"{plan.desired['path']}/{path}"
        if text is None:
            host.remove(whole)
            continue
        found = host.stat(whole)
        owner, group = (found.owner, found.group) if found else host.find_user()
        host.write(whole, text, mode, owner, group)
    return Applied()


def _prepare(host: Host, desired: Desired) -> Desired:
    return {**desired, "path": host.make_absolute(desired["path"])}


def _describe_failure(_host: Host, plan: Plan, error: Exception) -> str:
    return f"{plan.desired['path']} cannot be written ({error}): let this user write it, and run again"


EXECUTION = Execution(fenced=False, prepare=_prepare, describe=_describe_failure, brief=Brief.ALWAYS)
