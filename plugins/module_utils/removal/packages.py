# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that this collection installed, and what came with them, and nothing that anybody else has come to need."""

from __future__ import annotations

import re

from ..core import recorded
from ..core.host import LONG_SECONDS

_APT = ["apt-get", "--quiet", "--assume-yes"]


def purged(text):
    """The packages that C(apt-get --simulate) would remove, in its order."""
    return re.findall(r"^(?:Purg|Remv) (\S+)", text, re.MULTILINE)


def chosen(names, automatic, simulate):
    """Which of these packages can go, with what came with them: C({removed, kept}), C(kept) name to why not.

    C(automatic) are packages that nobody asked for by name; C(simulate(names)) are those that would go with these. One that
    would take a package with it that somebody asked for stays. Pure, but for what it asks.
    """
    kept, free = {}, []
    for name in names:
        needed = sorted(set(simulate([name])) - set(names) - set(automatic))
        if needed:
            kept[name] = f"{', '.join(needed)} needs it"
        else:
            free.append(name)
    # What would go without us as well is somebody else's.
    return {"removed": [name for name in simulate(free) if name not in simulate([])] if free else [], "kept": kept}


def parse_needed(text):
    """The packages that need what C(rpm --erase --test) was asked to remove."""
    return set(re.findall(r"is needed by \(installed\) (\S+)-[^-\s]+-[^-\s]+$", text, re.MULTILINE))


def choose_erasable(names, read_needed):
    """Which of these packages rpm would erase together: C({removed, kept}) as L(chosen).

    C(read_needed(name)) are those that need one.
    """
    needed, kept = {name: read_needed(name) for name in names}, {}
    going = list(names)
    for _unused in names:
        # One that stays keeps those that it needs.
        staying = {name: needed[name] - set(going) for name in going if needed[name] - set(going)}
        kept.update({name: f"{', '.join(sorted(others))} needs it" for name, others in staying.items()})
        going = [name for name in going if name not in staying]
    return {"removed": going, "kept": kept}


def read(host, names):
    """What can be removed of the recorded packages."""
    there = sorted(recorded.installed(host, names)) if names else []
    if not there:
        return {"removed": [], "kept": {}}
    if not host.which("apt-get"):
        return choose_erasable(there, lambda name: parse_needed(host.run(["rpm", "--erase", "--test", name]).err))
    automatic = host.run(["apt-mark", "showauto"]).out.split()
    return chosen(there, automatic, lambda some: purged(host.run([*_APT, "--simulate", "autoremove", "--purge", *some]).out))


def apply(host, names):
    """Removes packages. Raises RuntimeError with what the package manager said."""
    if host.which("apt-get"):
        command = ["env", "DEBIAN_FRONTEND=noninteractive", *_APT, "-o", "DPkg::Lock::Timeout=300", "purge", *names]
    else:
        # It refuses where another package needs one of these.
        command = ["rpm", "--erase", *names]
    said = host.run(command, seconds=LONG_SECONDS)
    if said.rc != 0:
        raise RuntimeError(f"{' '.join(names)} could not be removed: {(said.err or said.out).strip()[-800:]}. "
                           "Mend that and run the playbook again, or leave the packages (xitrum_remove_packages: false).")
