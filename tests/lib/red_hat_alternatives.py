# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the Red Hat family's `alternatives`, for tests on hosts that do not have it. Standard library only.

It behaves as chkconfig 1.19.2 to 1.33 do: the same files, links, exit codes and output. A test for each rule is in
tests/unit/jdk/test_red_hat_alternatives.py. Not there: --config (interactive), --test, and the services of --initscript,
which are only kept. ALTERNATIVES_FOLLOWER in the environment is the word of --display for a follower (1.19.2: `slave`).
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field, replace


class Failure(Exception):
    """Ends the program: its exit code, and what it prints on standard error."""

    def __init__(self, code, text=""):
        super().__init__(text)
        self.code = code


@dataclass
class Follower:
    """A link that moves with a group. `target` is None where a choice has nothing for it."""

    title: str
    link: str
    target: str | None


@dataclass
class Choice:
    """One registered path of a group."""

    target: str
    priority: int
    family: str | None = None
    service: str | None = None
    followers: list[Follower] = field(default_factory=list)


@dataclass
class Group:
    """A group as its file and its link have it. `current` is -1 where the link leads to no choice."""

    name: str
    link: str = ""
    mode: str = "auto"
    choices: list[Choice] = field(default_factory=list)
    best: int = 0
    current: int = -1
    value: str = ""


def normalize(path):
    """A path without repeated slashes."""
    return re.sub("/+", "/", path)


def warn(text):
    print(text, file=sys.stderr)


def parse_number(text):
    """The C integer at the start of a text, in any base that C has, and the rest; None where there is none."""
    found = re.match(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text)
    if not found:
        return None
    digits = found.group(2)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(found.group(1) + digits, base), text[found.end() :]


class Disk:
    """What the program does to files and links. Unit tests have one without a machine."""

    def read(self, path):
        """The text of a file. Raises OSError."""
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()

    def create(self, path, text):
        """Makes a file that must not be there yet. Raises OSError."""
        with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)

    def rename(self, path, new_path):
        os.rename(path, new_path)

    def is_folder(self, path):
        return os.path.isdir(path)

    def exists(self, path):
        """Whether a path, links followed, exists."""
        return os.path.exists(path)

    def readlink(self, path):
        """Where a link leads; None where the path is not a link."""
        return os.readlink(path) if os.path.islink(path) else None

    def symlink(self, target, path):
        """Makes a link. Raises OSError."""
        os.symlink(target, path)

    def unlink(self, path):
        os.unlink(path)

    def listdir(self, path):
        return os.listdir(path)


class Alternatives:
    """The groups of two folders: links in one, files in the other."""

    def __init__(
        self,
        links="/etc/alternatives",
        files="/var/lib/alternatives",
        keep_missing=False,
        keep_foreign=False,
        disk=None,
    ):
        self.links, self.files, self.disk = links, files, disk or Disk()
        self.keep_missing, self.keep_foreign = keep_missing, keep_foreign

    # Reading

    def read(self, name):
        """A group. Raises Failure: 3 without a file, 1 with a file that cannot be parsed."""
        path = normalize(f"{self.files}/{name}")
        try:
            lines = [line.lstrip() for line in self.disk.read(path).split("\n")]
        except FileNotFoundError:
            raise Failure(3) from None
        if lines[-1] == "":
            lines.pop()
        group = self.parse(name, lines, path)
        value = self.disk.readlink(f"{self.links}/{name}")
        if value is None:
            # The group is read all the same: --install goes on with it.
            failure = Failure(2, f"failed to read link {group.link}: No such file or directory")
            failure.group = group
            raise failure
        group.value = value
        group.current = next(
            (number for number, choice in enumerate(group.choices) if choice.target == group.value), -1
        )
        if group.current == -1 or (group.current != group.best and group.mode == "auto"):
            group.mode = "manual"
        group.value = normalize(group.value)
        return group

    def parse(self, name, lines, path):
        """A group from the lines of its file."""
        rest = iter(lines)
        group = Group(name, mode=next(rest, ""))
        if group.mode not in ("auto", "manual"):
            raise Failure(1, f"bad mode on line 1 of {path}")
        group.link = next(rest, "")
        if not group.link.startswith("/"):
            raise Failure(1, f"bad primary link in {path}")
        titles = []
        while title := next(rest, None):
            if title.startswith("/"):
                raise Failure(1, f"path {title} unexpected in {path}")
            link = next(rest, "")
            if not link:
                raise Failure(1, f"missing path for follower in {path}")
            titles.append((title, normalize(link)))
        if title is None:
            raise Failure(1, f"unexpected end of file in {path}")
        while target := next(rest, None):
            if not target.startswith("/"):
                raise Failure(1, f"path to alternate expected in {path}\nunexpected line in {path}: {target}")
            choice = self.parse_priority(target, next(rest, ""), path)
            for title, link in titles:
                found = next(rest, "")
                if found and not found.startswith("/"):
                    raise Failure(1, f"follower path expected in {path}\nunexpected line in {path}: {found}")
                choice.followers.append(Follower(title, link, found or None))
            group.choices.append(choice)
            if choice.priority > group.choices[group.best].priority:
                group.best = len(group.choices) - 1
        for line in rest:
            if line:
                raise Failure(1, f"unexpected line in {path}: {line}")
        return group

    @staticmethod
    def parse_priority(target, line, path):
        """The line below a choice: @FAMILY@PRIORITY SERVICE, of which only the priority must be there."""
        family = None
        if line.startswith("@"):
            family, closed, line = line[1:].partition("@")
            if not closed or not family:
                raise Failure(1, f"closing '@' missing or the family is empty in {path}")
        number = parse_number(line)
        if number is None:
            raise Failure(1, f"numeric priority expected in {path}\nunexpected line in {path}: {line}")
        return Choice(target, number[0], family, number[1].strip() or None)

    # Writing

    def write(self, group, force=False):
        """The file, and the links where the mode is automatic or they are forced."""
        first = group.choices[0]
        lines = [group.mode, group.link]
        for follower in first.followers:
            lines += [follower.title, follower.link]
        lines.append("")
        for choice in group.choices:
            family = f"@{choice.family}@" if choice.family is not None else ""
            lines += [choice.target, f"{family}{choice.priority}{' ' + choice.service if choice.service else ''}"]
            lines += [follower.target or "" for follower in choice.followers]
        path = f"{self.files}/{group.name}"
        try:
            self.disk.create(f"{path}.new", "".join(f"{line}\n" for line in lines))
        except FileExistsError:
            raise Failure(2, f"{path}.new already exists") from None
        self.disk.rename(f"{path}.new", path)
        if group.mode == "auto":
            group.current = group.best
        chosen = group.choices[max(group.current, 0)]
        done = True
        if force or group.mode == "auto":
            done = self.make_links(group.name, group.link, chosen.target)
            for follower in chosen.followers:
                if follower.target:
                    done &= self.make_links(follower.title, follower.link, follower.target)
                else:
                    done &= self.remove_links(follower.title, follower.link)
        if not done:
            raise Failure(2)

    def is_ours(self, link):
        """Whether a link leads into the folder of links."""
        return self.disk.readlink(link).startswith(self.links)

    def make_links(self, title, link, target):
        """The two links of a name. A file that is not a link is left, with a warning."""
        middle, found = f"{self.links}/{title}", self.disk.readlink(link)
        if found is None and self.disk.exists(link):
            warn(f"failed to link {link} -> {middle}: {link} exists and it is not a symlink")
        elif self.keep_foreign and found is not None and not self.is_ours(link):
            warn(
                f"failed to link {link} -> {middle}: --keep-foreign was set "
                f"and link {link} points outside  {self.links}"
            )
        elif found != middle and not self.put_link(link, found, middle):
            return False
        found = self.disk.readlink(middle)
        return found == target or self.put_link(middle, found, target)

    def put_link(self, link, found, target):
        """Makes a link in the place of the one that was found. Returns whether it could be made."""
        try:
            if found is not None:
                self.disk.unlink(link)
            self.disk.symlink(target, link)
        except OSError as error:
            warn(f"failed to link {link} -> {target}: {error.strerror}")
            return False
        return True

    def remove_links(self, title, link):
        """Removes the two links of a name, where they are links."""
        if self.keep_missing:
            return True
        if self.disk.readlink(f"{self.links}/{title}") is not None:
            self.disk.unlink(f"{self.links}/{title}")
        if self.disk.readlink(link) is not None and (not self.keep_foreign or self.is_ours(link)):
            self.disk.unlink(link)
        return True

    # Followers

    @staticmethod
    def find(group, target):
        """The choice with this path. Raises Failure."""
        for choice in group.choices:
            if choice.target == target:
                return choice
        raise Failure(2, f"{target} has not been configured as an alternative for {group.name}")

    @staticmethod
    def merge(template, follower):
        """Adds a follower to the group's, unless its link is one of theirs."""
        if follower.link not in [known.link for known in template]:
            template.append(follower)

    @staticmethod
    def match(group, template):
        """Gives each choice the same followers in the order of their links.

        Returns whether all have the same link under the same name.
        """
        template.sort(key=lambda follower: os.fsencode(follower.link))
        for choice in group.choices:
            matched = []
            for desired in template:
                known = next((follower for follower in choice.followers if follower.title == desired.title), None)
                if known and known.link != desired.link:
                    warn(f"link {known.link} incorrect for follower {known.title} ({desired.link} {desired.title})")
                    return False
                # A copy: two links of one name are two followers.
                matched.append(replace(known) if known else Follower(desired.title, desired.link, None))
            choice.followers = matched
        return True

    def drop_unused(self, group, template):
        """Takes out the followers that no choice has anything for, with their links."""
        number = 0
        while number < len(template):
            used = any(
                follower.title == template[number].title and follower.target
                for choice in group.choices
                for follower in choice.followers
            )
            if used:
                number += 1
                continue
            self.remove_links(template[number].title, template[number].link)
            template[number] = template[-1]
            template.pop()

    # What users call

    def install(self, link, name, choice):
        """Registers a choice, or replaces it."""
        try:
            group = self.read(name)
        except Failure as failure:
            if failure.code not in (2, 3):
                raise Failure(2, str(failure)) from None
            if failure.code == 2:
                warn(str(failure))
            group = getattr(failure, "group", None) or Group(name, link)
        force = False
        if group.choices:
            if group.link != link:
                raise Failure(2, f"the primary link for {name} must be {group.link}")
            template = list(group.choices[0].followers)
            for follower in choice.followers:
                self.merge(template, follower)
            known = next((number for number, old in enumerate(group.choices) if old.target == choice.target), None)
            if known is None:
                self.append(group, choice)
            else:
                group.choices[known], force = choice, True
                self.drop_unused(group, template)
            if not self.match(group, template):
                raise Failure(2)
        else:
            self.append(group, choice)
        self.write(group, force)

    @staticmethod
    def append(group, choice):
        """Adds a choice, which may be the best then."""
        group.choices.append(choice)
        if group.choices[group.best].priority < choice.priority:
            group.best = len(group.choices) - 1

    def read_or_end(self, name):
        """A group. Raises Failure with the program's exit code."""
        try:
            return self.read(name)
        except Failure as failure:
            raise Failure(2, str(failure)) from None

    def set(self, name, target):
        """Chooses a path, or the best of a family, by hand."""
        try:
            group = self.read(name)
        except Failure as failure:
            text = (
                f"cannot access {self.files}/{name}: No such file or directory" if failure.code == 3 else str(failure)
            )
            raise Failure(2, text) from None
        found = next((number for number, choice in enumerate(group.choices) if choice.target == target), -1)
        if found == -1:
            for number, choice in enumerate(group.choices):
                if choice.family == target and (found == -1 or choice.priority > group.choices[found].priority):
                    found = number
        if found == -1:
            raise Failure(2, f"{target} has not been configured as an alternative for {name}")
        group.current, group.mode = found, "manual"
        self.write(group, force=True)

    def choose_best(self, name):
        """Chooses the best one, and leaves it to the program."""
        group = self.read_or_end(name)
        group.current, group.mode = group.best, "auto"
        self.write(group)

    def remove(self, name, target):
        """Unregisters a choice; with the last one the group and its links go."""
        group = self.read_or_end(name)
        number = group.choices.index(self.find(group, target))
        if len(group.choices) == 1:
            self.remove_links(name, group.link)
            for follower in group.choices[0].followers:
                self.remove_links(follower.title, follower.link)
            self.disk.unlink(f"{self.files}/{name}")
            return
        family = group.choices[group.current].family if group.current != -1 else None
        if group.current == number:
            group.current = -1
        last = group.choices.pop()
        if number < len(group.choices):
            group.choices[number] = last
            if group.current == len(group.choices):
                group.current = number
        group.best = 0
        for other, choice in enumerate(group.choices):
            if self.is_better(choice, group.choices[group.best], family):
                group.best = other
        force = False
        if group.current == -1:
            # What takes the place of a choice that was made by hand stays so within its family alone.
            force = family is not None and family == group.choices[group.best].family
            group.mode = group.mode if force else "auto"
            group.current = group.best
        self.write(group, force)

    @staticmethod
    def is_better(new, old, family):
        """Whether a choice goes before another: first the family of what was chosen, then the priority."""
        if family is None or (new.family == family) == (old.family == family):
            return new.priority > old.priority
        return new.family == family

    def remove_all(self, name):
        """Unregisters every choice."""
        failed = 0
        for choice in self.read_or_end(name).choices:
            try:
                self.remove(name, choice.target)
            except Failure as failure:
                failed += failure.code
                warn(str(failure))
        if failed > 1:
            raise Failure(2)

    def add_follower(self, name, target, follower):
        """Gives a choice a follower; the group's other choices have nothing for it."""
        group = self.read_or_end(name)
        choice = self.find(group, target)
        template = list(choice.followers)
        self.merge(template, follower)
        self.match(group, template)
        for known in choice.followers:
            if known.title == follower.title:
                known.target = follower.target
                break
        self.write(group, force=True)

    def remove_follower(self, name, target, title):
        """Takes a follower from a choice, and from the group where no other choice has something for it."""
        group = self.read_or_end(name)
        choice = self.find(group, target)
        known = next((follower for follower in choice.followers if follower.title == title), None)
        if known is None:
            raise Failure(2, f"{title} has not been configured as an follower alternative for {name} ({target})")
        known.target = None
        template = list(choice.followers)
        self.drop_unused(group, template)
        self.match(group, template)
        self.write(group, force=True)

    def display(self, name):
        """Prints a group."""
        group, word = self.read_or_end(name), os.environ.get("ALTERNATIVES_FOLLOWER", "follower")
        print(f"{name} - status is {group.mode}.\n link currently points to {group.value}")
        for choice in group.choices:
            family = f"family {choice.family} " if choice.family is not None else ""
            print(f"{choice.target} - {family}priority {choice.priority}")
            for follower in choice.followers:
                print(f" {word} {follower.title}: {follower.target or '(null)'}")
        print(f"Current `best' version is {group.choices[group.best].target}.")

    def list(self):
        """Prints a line for each group."""
        names = sorted(self.disk.listdir(self.files))
        width = max(map(len, names), default=0)
        for name in names:
            group = self.read_or_end(name)
            print(f"{name:<{width}}\t{group.mode:<6}\t{group.value}")


USAGE = "usage: alternatives --install <link> <name> <path> <priority>"

#: Actions to the number of their words.
ACTIONS = {
    "--remove": 2,
    "--remove-all": 1,
    "--auto": 1,
    "--set": 2,
    "--display": 1,
    "--list": 0,
    "--version": 0,
    "--help": 0,
    "--add-follower": 5,
    "--add-slave": 5,
    "--remove-follower": 3,
    "--remove-slave": 3,
    "--install": 4,
}
FOLDERS = {"--altdir": "links", "--admindir": "files"}
SWITCHES = {"--keep-missing": "keep_missing", "--keep-foreign": "keep_foreign"}


def print_usage():
    """Prints how the program is called. Returns the failure to raise."""
    print(USAGE)
    return Failure(2)


def parse_link(words):
    """A link, a name and a path. Raises Failure."""
    link, name, path = words
    if not link.startswith("/") or name.startswith("/") or not path.startswith("/"):
        raise print_usage()
    return normalize(link), name, normalize(path)


def parse_words(words):
    """The action with its words, the rest of what --install takes, and the options. Raises Failure."""
    words, action, given = list(words), None, []
    more, options = {"followers": [], "family": None, "service": None}, {}

    def take(count):
        if len(words) < count:
            raise print_usage()
        taken, words[:count] = words[:count], []
        return taken

    while words:
        word = words.pop(0)
        if word in ACTIONS:
            if action or (word != "--install" and more["followers"]):
                raise print_usage()
            action, given = word, take(ACTIONS[word])
        elif word in ("--follower", "--slave"):
            if action not in (None, "--install"):
                raise print_usage()
            link, name, path = parse_link(take(3))
            more["followers"].append(Follower(name, link, path))
        elif word in ("--family", "--initscript"):
            more["family" if word == "--family" else "service"] = take(1)[0]
            if "@" in (more["family"] or ""):
                print("--family can't contain the symbol '@'")
                raise print_usage()
        elif word in FOLDERS:
            options[FOLDERS[word]] = normalize(take(1)[0])
        elif word in SWITCHES:
            options[SWITCHES[word]] = True
        elif word != "--verbose":
            raise print_usage()
    if action is None or (given and action != "--install" and given[0].startswith("/")):
        raise print_usage()
    return action, given, more, options


def run(words, disk=None):
    """Does what the words report. Raises Failure."""
    action, given, more, options = parse_words(words)
    program = Alternatives(**options, disk=disk)
    for kind, folder in (("altdir", program.links), ("admindir", program.files)):
        if not program.disk.is_folder(folder):
            raise Failure(2, f"{kind} {folder} invalid")
    if action == "--install":
        link, name, path = parse_link(given[:3])
        number = parse_number(given[3])
        if number is None or number[1]:
            raise print_usage()
        program.install(link, name, Choice(path, number[0], more["family"], more["service"], more["followers"]))
    elif action in ("--add-follower", "--add-slave"):
        link, title, path = parse_link(given[2:])
        program.add_follower(given[0], normalize(given[1]), Follower(title, link, path))
    elif action in ("--remove-follower", "--remove-slave"):
        program.remove_follower(given[0], normalize(given[1]), given[2])
    elif action in ("--remove", "--set"):
        {"--remove": program.remove, "--set": program.set}[action](given[0], normalize(given[1]))
    elif action == "--version":
        print("alternatives version 1.30")
    elif action == "--help":
        print(USAGE)
    else:
        {
            "--auto": program.choose_best,
            "--display": program.display,
            "--list": program.list,
            "--remove-all": program.remove_all,
        }[action](*given)


def main(words=None, disk=None):
    """Runs the program. Returns its exit code."""
    try:
        run(sys.argv[1:] if words is None else words, disk)
    except Failure as failure:
        if str(failure):
            warn(str(failure))
        return failure.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
