# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of a host that a removal has to bring back, as JSON. Runs on a host, as root, with nothing but Python.

Argument: a file with what this printed before, of which the packages are taken: of those that are new, what dpkg reports about
them is listed as well. tests/lib/baseline.py compares the two.
"""

import glob
import grp
import hashlib
import json
import os
import pwd
import subprocess
import sys

ROOTS = ("/etc", "/usr/local", "/opt", "/srv", "/usr/lib/jvm")
#: Folders of which only the names in them count: what is in there is the business of what has them.
NAMES = ("/var/lib", "/var/log", "/var/spool", "/root/.cache", "/root")


def read_output(*argv):
    """The output of a command; empty where there is none."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}).stdout
    except FileNotFoundError:
        return ""


def describe_path(path):
    """What a path is, as one line."""
    found = os.lstat(path)
    what = f"{found.st_mode:o} {found.st_uid}:{found.st_gid}"
    if os.path.islink(path):
        return f"link {os.readlink(path)}"
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return f"{what} {hashlib.sha256(file.read()).hexdigest()[:16]}"
    return what


def walk_tree(root):
    """Every path below a folder."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(folder, name)
            found[path] = describe_path(path)
    return found


def read_parameters():
    """The kernel parameters that can be read."""
    found = {}
    for path in [*glob.glob("/proc/sys/net/**", recursive=True), "/proc/sys/fs/nr_open", "/proc/sys/fs/file-max"]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found[path] = " ".join(file.read().split())
        except OSError:
            continue
    return found


def read_alternatives():
    """The mode of each group, and where it leads."""
    found = {}
    for name in os.listdir("/var/lib/dpkg/alternatives"):
        with open(f"/var/lib/dpkg/alternatives/{name}", encoding="utf-8") as file:
            found[name] = f"{file.readline().strip()} {os.path.realpath(f'/etc/alternatives/{name}')}"
    return found


def parse_columns(text, *numbers):
    """Columns of the lines of a table: the first to the others."""
    return {line.split()[0]: " ".join(line.split()[number] for number in numbers) for line in text.splitlines() if line.split()}


def drop_engine_lines(text):
    """Lines, without those of the resolver that a container's engine puts into it: at every start it has other ports."""
    return "\n".join(line for line in text.splitlines() if "127.0.0.11" not in line)


def read_packages(names):
    """What dpkg reports about packages: the paths that it lists, and the text of the scripts that make the rest."""
    paths, scripts = set(), ""
    for name in names:
        for path in glob.glob(f"/var/lib/dpkg/info/{name}.*") + glob.glob(f"/var/lib/dpkg/info/{name}:*"):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
            if path.endswith((".list", ".conffiles")):
                paths.update(text.split())
            elif not path.endswith(".md5sums"):
                scripts += text
    return {"paths": sorted(paths), "scripts": scripts}


def main():
    """Prints it."""
    files = {}
    for root in ROOTS:
        files.update(walk_tree(root))
    packages = parse_columns(read_output("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"), 1)
    before = {}
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            before = json.load(file)["packages"]
    print(json.dumps({
        "files": files,
        "names": {folder: " ".join(sorted(os.listdir(folder))) for folder in NAMES if os.path.isdir(folder)},
        "parameters": read_parameters(),
        "rules": {
            "nft": drop_engine_lines(read_output("nft", "--stateless", "list", "ruleset")),
            "legacy": drop_engine_lines(read_output("iptables-legacy-save") + read_output("ip6tables-legacy-save")),
        },
        "users": {row.pw_name: " ".join(map(str, row[2:])) for row in pwd.getpwall()},
        "groups": {row.gr_name: f"{row.gr_gid} {' '.join(row.gr_mem)}" for row in grp.getgrall()},
        "units": parse_columns(read_output("systemctl", "list-unit-files", "--no-legend", "--plain", "--no-pager"), 1),
        "running": parse_columns(read_output("systemctl", "list-units", "--type=service", "--state=active,failed", "--no-legend", "--plain", "--no-pager"), 2),
        "alternatives": read_alternatives(),
        "sockets": {f"{line.split()[0]} {line.split()[4]}": "listens" for line in drop_engine_lines(read_output("ss", "-Hlntu")).splitlines()},
        "packages": packages,
        "made": read_packages(sorted(set(packages) - set(before))) if before else {},
    }))


main()
