# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Phrases that the project does not use, with the term to use instead: tests/lint/phrases.yml lists them.

Names are identifiers of Python and of templates, keys and variables of YAML, strings that are one identifier, and names of files. They are
compared word by word, however the words are joined: `max_hosts`, `maxHosts` and `max-hosts`. Texts are comments, docstrings, messages,
names of tasks, and pages. A phrase is found across the end of a line too.

`python -m tests.lint.phrases` prints all findings with counts; with patterns as arguments, those of these patterns alone.
"""

from __future__ import annotations

import fnmatch
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

#: An identifier of any language here, and its words.
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
#: In files other than Python: what can only be a name, since its words are joined.
JOINED = re.compile(r"\b_*[A-Za-z][A-Za-z0-9]*(?:[_-]+[A-Za-z0-9]+)+\b|\b[a-z]+[A-Z][A-Za-z]*\b")
#: Keys of YAML and JSON, assignments of shell and of `.cfg`, functions of shell, and variables of templates.
KEYS = re.compile(r"""^\s*(?:- )*["']?([A-Za-z_][A-Za-z0-9_.-]*)["']?\s*:(?=\s|$)|^\s*(?:local |export )?([A-Za-z_]\w*)=|^([A-Za-z_]\w*)\(\) \{""",
                  re.MULTILINE)
TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\$\{?[A-Za-z_]\w*", re.DOTALL)
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
#: A text that is one identifier: a key of a dictionary, the name of a field or of a function.
ONE_NAME = re.compile(r"""^[A-Za-z]*(["'])([A-Za-z_][A-Za-z0-9_]*)\1$""")
#: What may be between two words of a phrase: the end of a line with the sign of a comment or of a string.
GAP = r"""(?:[\s>*|#;\\]+|["']\s*\n?\s*[rf]{0,2}["']\s*|\s["']\s*\n\s*[rf]{0,2}["'])"""
TEXT_TOKENS = {tokenize.COMMENT, tokenize.STRING, *(getattr(tokenize, name) for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
                                                    if hasattr(tokenize, name))}


@dataclass(frozen=True)
class Phrase:
    """One phrase: where it counts, what to write instead, and the files that may have it, each with the reason."""

    pattern: str
    use: str
    names: bool
    texts: bool
    whole: bool
    finds: tuple[str, ...]
    passes: tuple[str, ...]
    allowed: dict[str, str] = field(hash=False)

    @property
    def in_name(self):
        """The expression for the words of a name, joined by single spaces."""
        return compile_pattern(rf"^(?:{self.pattern})$" if self.whole else rf"(?<!\S)(?:{self.pattern})(?!\S)")

    @property
    def in_text(self):
        """The expression for a text."""
        return compile_pattern(rf"(?<![\w{{])(?:{self.pattern.replace(' ', GAP)})(?![\w}}])")

    def allows(self, path):
        """Return whether a file may have it."""
        return any(fnmatch.fnmatch(path, glob) for glob in self.allowed)


@cache
def compile_pattern(pattern):
    """Compile an expression once, without regard to case."""
    return re.compile(pattern, re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """The contents of phrases.yml."""

    phrases: tuple[Phrase, ...]
    skipped: dict[str, str]


def read_rules(path):
    """Read a file of phrases.

    `path` is the file. Raises ValueError for a key or a scope that does not exist: a rule that is misspelled finds nothing.
    """
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    phrases = []
    for item in data["phrases"]:
        unknown = set(item) - {"pattern", "use", "in", "finds", "passes", "allowed"}
        if unknown or item["in"] not in ("names", "texts", "both", "whole names"):
            raise ValueError(f"{path.name}: found {sorted(unknown) or item['in']} in {item['pattern']!r}; expected the keys and scopes in use")
        phrases.append(Phrase(item["pattern"], item["use"], item["in"] in ("names", "both", "whole names"), item["in"] in ("texts", "both"),
                              item["in"] == "whole names", tuple(item["finds"]), tuple(item.get("passes", ())), item.get("allowed", {})))
    return Rules(tuple(phrases), data["skipped"])


def find_all(top, rules=None):
    """Return an error for each phrase below a checkout, as `FILE:LINE: "found" -> "use"`."""
    return [f'{path}:{line}: "{found}" -> "{phrase.use}"' for path, line, found, phrase in find_phrases(top, rules or load_default_rules())]


def load_default_rules():
    """Return the rules of the project."""
    return read_rules(Path(__file__).with_name("phrases.yml"))


def list_files(top):
    """Return the files of a checkout that git knows or would add, relative to it."""
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=top, check=True, capture_output=True, text=True)
    return sorted(path for path in set(out.stdout.split("\0")) if path and (top / path).is_file())


def find_phrases(top, rules):
    """Yield `(path, line, what is found, phrase)` for each phrase in a checkout."""
    for path in list_files(top):
        if any(fnmatch.fnmatch(path, glob) for glob in rules.skipped):
            continue
        try:
            text = (top / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = find_in_file(path, text, rules.phrases)
        yield from ((path, line, what, phrase) for line, what, phrase in found if not phrase.allows(path))


@cache
def compile_matcher(phrases):
    """Return a function from a name to the phrases that it has, which remembers them: the same names are in many files."""
    counting = [phrase for phrase in phrases if phrase.names]

    @cache
    def match(name):
        words = " ".join(WORD.findall(name)).lower()
        return [phrase for phrase in counting if phrase.in_name.search(words)]

    return match


def find_in_file(path, text, phrases):
    """Return `(line, what is found, phrase)` for each phrase in the name and the contents of a file, in the order of the lines."""
    found, matches = set(), compile_matcher(tuple(phrases))
    names = [(1, part.rpartition(".")[0] or part) for part in Path(path).parts]
    texts, identifiers = split_python(text) if path.endswith(".py") else (text, list_names(text))
    found |= {(line, name, phrase) for line, name in (*names, *identifiers) for phrase in matches(name)}
    for phrase in phrases:
        if phrase.texts:
            found |= {(texts.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), phrase) for match in phrase.in_text.finditer(texts)}
    return sorted(found, key=lambda item: (item[0], item[1], item[2].pattern))


def list_names(text):
    """Return `(line, name)` of each name in a file other than Python."""
    spans = [(found.start(), name) for found in KEYS.finditer(text) for name in found.groups() if name]
    spans += [(found.start(), found[0]) for found in JOINED.finditer(text)]
    for template in TEMPLATE.finditer(text):
        # What a template quotes is a text.
        code = QUOTED.sub(lambda quoted: " " * len(quoted[0]), template[0])
        spans += [(template.start() + found.start(), found[0]) for found in IDENTIFIER.finditer(code)]
    return sorted({(text.count("\n", 0, position) + 1, name) for position, name in spans})


def split_python(text):
    """Return the texts of a Python file with a null character in place of what is between them, and `(line, name)` of each name in it."""
    lines = text.splitlines(keepends=True)
    shown = [re.sub(r"[^\r\n]", "\0", line) for line in lines]
    names = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            names.append((token.start[0], token.string))
        elif token.type in TEXT_TOKENS:
            one = ONE_NAME.match(token.string)
            if one:
                names.append((token.start[0], one[2]))
            names += [(token.start[0] + token.string.count("\n", 0, found.start()), found[0]) for found in JOINED.finditer(token.string)]
            (first, begin), (last, end) = token.start, token.end
            for number in range(first, last + 1):
                left, right = begin if number == first else 0, end if number == last else len(lines[number - 1])
                # Blanks before a string are kept, so that strings of consecutive lines are one text.
                line, row = lines[number - 1], shown[number - 1]
                if not row[:left].strip("\0") and not line[:left].strip():
                    row = line[:left] + row[left:]
                shown[number - 1] = row[:left] + line[left:right] + row[right:]
    return re.sub("\0+", "\0", "".join(shown)), names


def main(arguments):
    """Print the findings of all patterns, or of those given, with counts; return 1 where there are any."""
    rules = load_default_rules()
    counts, lines = Counter(), []
    for path, line, found, phrase in find_phrases(Path.cwd(), rules):
        counts[phrase.pattern, phrase.use] += 1
        if phrase.pattern in arguments:
            lines.append(f'{path}:{line}: "{found}" -> "{phrase.use}"')
    print("\n".join(lines) if arguments else "\n".join(f"{count:6} {pattern} -> {use}" for (pattern, use), count in counts.most_common()))
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
