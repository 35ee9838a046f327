# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervisord, of which there is one daemon for everybody on a host: what the other files of its configuration say, and where it comes from. Pure."""

from __future__ import annotations

import re

#: From 4.0 on supervisorctl ends with a status of its own; before, it ended with 0 whatever had happened.
OLDEST = (4, 0)

MAIN = "/etc/supervisor/supervisord.conf"
FOLDER = "/etc/supervisor/conf.d"

#: That of PyPI: a virtual environment, and what the distribution's package would bring, at the same paths.
ENVIRONMENT = "/opt/supervisord"
UNIT = "/etc/systemd/system/supervisor.service"
COMMANDS = {f"/usr/local/bin/{name}": f"{ENVIRONMENT}/bin/{name}" for name in ("supervisord", "supervisorctl")}
PYPI = (ENVIRONMENT, MAIN, UNIT, *COMMANDS)

#: What makes a virtual environment, and what ansible.builtin.pip asks for: of Debian, and of others, where venv is part of Python.
PACKAGES = {True: ["python3-venv", "python3-packaging"], False: ["python3-packaging"]}


def minfds(texts):
    """The largest minfds in other people's files; 0 where none sets it."""
    return max((int(number) for text in texts.values() for number in re.findall(r"^\s*minfds\s*=\s*(\d+)", text, re.MULTILINE)), default=0)


def programs(texts):
    """The names of other people's programs and groups: name to the file that has it."""
    section = re.compile(r"^\[(?:program|group|fcgi-program|eventlistener):([^\]]+)\]", re.MULTILINE)
    return {name: path for path, text in texts.items() for name in section.findall(text)}


def version(text):
    """A version as C(supervisord --version) prints it, as a tuple; empty where there is none."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("\n")[0])[:3])


def too_old(text):
    """Why this version will not do, as a sentence; empty where it will, or where supervisord is not installed yet."""
    found = version(text)
    if not found or found >= OLDEST:
        return ""
    return (f"supervisord is {text.strip()}, wanted is {'.'.join(map(str, OLDEST))} or newer: an older supervisorctl says nothing by its exit code. "
            "Install a newer one, or choose another xitrum_supervisor")


def source(wanted, found, path, link):
    """Whether supervisord has to be installed from PyPI, and what stands in the way, as C((install, problem)).

    C(wanted) is the version that is asked for, C(found) what C(supervisord --version) printed, C(path) where it is (a name alone: nowhere) and
    C(link) what that points at.
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", wanted):
        return False, f"supervisor_supervisord_version is '{wanted}'; wanted is a version on PyPI, such as 4.3.0, or nothing for the distribution's package"
    if version(wanted) < OLDEST:
        return False, too_old(wanted)
    if "/" in path and not {path, link} & set(COMMANDS.values()):
        return False, (f"{path} is supervisord {found.strip() or 'of an unknown version'}, which this collection did not install, and "
                       f"supervisor_supervisord_version wants {wanted} of PyPI: unset that to use what is there, or remove it first")
    return not same(found, wanted), ""


def same(one, other):
    """Whether two versions are the same, as pip sees it: 4.3 is 4.3.0."""
    return [*version(one), 0, 0, 0][:3] == [*version(other), 0, 0, 0][:3] and bool(version(one)) == bool(version(other))
