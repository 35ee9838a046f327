# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Style of pages, messages and descriptions: proselint's checks, the words in a sentence, who acts in it, and marks of Ansible in docstrings.

Pages are all Markdown outside of `tests/`, but the release notes. Messages are the strings of `plugins/` that are sentences, and the `msg`,
`fail_msg` and `success_msg` of roles and playbooks. Descriptions are those of modules, filters and role variables. Code and tables are not prose.

`python -m tests.lint.prose` prints the findings, and how many there are of each check.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from proselint.checks import __register__ as CHECKS
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from tests.docs.role_variables import ROOT
from tests.lint.phrases import list_files

#: Checks of proselint that do not apply, each with the reason.
OFF = {
    "typography": "messages and commands are ASCII: straight quotes, three full stops",
}
CONFIG = {"max_errors": 100000, "checks": {**dict.fromkeys(OFF, False), **{name: on for name, on in DEFAULT["checks"].items() if name not in OFF}}}
CheckRegistry().register_many(CHECKS)
#: The passive voice with who acts: the active voice is as long. Not in messages of the library, which often begin with the path at fault.
PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+|not\s+)?(\w+(?:ed|en|wn|ght|pt|lt|nt|de|id|ut))\s+by\s+"
                     r"(?!default\b|hand\b|its?\b|something else)", re.IGNORECASE)
#: Words that a sentence may have. A name, a command and a link count as one.
LONGEST = 25
#: Pages that are generated: release notes from fragments, and the reference from the descriptions, which are checked where they are written.
GENERATED = {"CHANGELOG.md", *(f"docs/reference/{name}.md" for name in ("filters", "modules", "roles", "variables"))}
#: What is not prose on a page, each replaced by as many ends of lines as it has. A heading and an item of a list are paragraphs of their own.
NOT_PROSE = re.compile(r"^ *```.*?^ *```$|^ *\|.*?$|<!--.*?-->|^---\n.*?^---$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*(?:\n[^`\n]+)?`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
#: Marks of Ansible's documentation, and what a message fills in.
MARK = re.compile(r"\b[A-Z]\(([^()]*)\)")
DOCSTRING_MARK = re.compile(r"(?<![\w.])[CLMVO]\([^()`\n]*(?=\))")
#: Where a sentence ends, and where a paragraph does.
SENTENCE = re.compile(r"(?<=[.!?:;])[\"')\]*_]*\s+(?=[\"'(\[*_]*[A-Z`0-9])|\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.|#+)\s)")
WORD = re.compile(r"[A-Za-z0-9][\w'\u2019/.@-]*")
#: A string of Python that a person reads: several words of which the first is not an option and not a path.
MESSAGE = re.compile(r"^[A-Z`'\"{]?[\w'`{}\".,:-]*(?: [\w'`\"({][^\n]*){3,}", re.DOTALL)
#: Keys of tasks and of documentation that hold texts, and the variables of a module that hold its documentation.
TEXT_KEYS = {"msg", "fail_msg", "success_msg", "description", "short_description", "notes"}
BLOCKS = ("DOCUMENTATION", "RETURN")
TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def find_all(top=ROOT):
    """Return an error for each text that breaks a rule, as `FILE:LINE: what is wrong`."""
    return [f"{path}:{line}: {message}" for path, line, _check, message in find_errors(top)]


def find_errors(top):
    """Yield `(path, line, name of the check, what is wrong)` for each text of a checkout that breaks a rule."""
    for path in list_files(top):
        texts = read_texts(path, top / path)
        # proselint takes as long for one word as for a page: the texts of a file are one page to it.
        page, starts = "", []
        for line, text in texts:
            starts.append((len(page), line, text))
            page += text + "\n\n"
        errors = [*find_long_sentences(page), *run_proselint(page)]
        if not path.startswith("plugins/") or path.startswith(("plugins/modules/", "plugins/filter/")):
            errors += find_passives(page)
        if path.endswith(".py"):
            yield from ((path, line, "mark", message) for line, message in find_marks((top / path).read_text(encoding="utf-8")))
        for position, check, message in errors:
            start, line, text = [item for item in starts if item[0] <= position][-1]
            yield path, line + text.count("\n", 0, position - start), check, message


def read_texts(path, file):
    """Return `(line, text)` of each text of a file that a person reads; none for a file that has none."""
    parts = Path(path).parts
    if path.endswith(".md") and path not in GENERATED and parts[0] != "tests":
        return [(1, extract_prose(file.read_text(encoding="utf-8")))]
    if path.endswith(".py") and parts[0] == "plugins":
        text = file.read_text(encoding="utf-8")
        return [*find_python_messages(text), *find_python_documentation(text)]
    if path.endswith(".yml") and parts[0] in ("roles", "playbooks", "plugins") and not {"templates", "files"} & set(parts):
        return list(find_yaml_texts(file.read_text(encoding="utf-8")))
    return []


def find_marks(text):
    """Yield `(line, what is wrong)` for each mark of Ansible's documentation in an ordinary docstring."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            for mark in DOCSTRING_MARK.findall(ast.get_docstring(node)):
                yield node.body[0].lineno, f"found '{mark})' in a docstring; expected `backticks`"


def blank(found):
    """Return the ends of lines of what is not prose, so that the numbers of lines stay: as ends of a paragraph."""
    return "\n" * found[0].count("\n")


def extract_prose(text):
    """Return the prose of a page of Markdown: code as `X`, links as their text."""
    text = NOT_PROSE.sub(blank, text)
    text = CODE.sub(lambda found: "X" + "\n" * found[0].count("\n"), text)
    return MARK.sub("X", LINK.sub(lambda found: found[1], text))


def find_python_messages(text):
    """Yield `(line, text)` of each message in Python: what an f-string fills in is `X`. Docstrings and documentation are not."""
    tree = ast.parse(text)
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node}
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in
              (*BLOCKS, "EXAMPLES") for part in ast.walk(node.value)}
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        message = ""
        if isinstance(node, ast.JoinedStr):
            message = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            message = re.sub(r"\{\w*\}|%[sd]", "X", node.value)
        if MESSAGE.match(message) and not re.search(r"[$\\^]|\n\S* \S*=|--\w", message):
            yield node.lineno, CODE.sub("X", message)


def find_python_documentation(text):
    """Yield `(line, text)` of each description in the documentation blocks of a module, a filter or a fragment."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in BLOCKS and isinstance(node.value, ast.Constant):
            yield from ((node.lineno + line - 1, message) for line, message in find_yaml_texts(node.value.value))


def find_yaml_texts(text):
    """Yield `(line, text)` of each message of a task and of each description: what a template fills in is `X`."""
    stack = [yaml.compose(text, Loader=yaml.SafeLoader)]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.SequenceNode):
            stack += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                texts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                if key.value in TEXT_KEYS and all(isinstance(item, yaml.ScalarNode) for item in texts):
                    yield from ((item.start_mark.line + 1, CODE.sub("X", MARK.sub("X", TEMPLATE.sub("X", item.value)))) for item in texts)
                else:
                    stack.append(value)


def run_proselint(text):
    """Yield a fault for each that proselint finds in a text."""
    if text.strip():
        for result in LintFile("text", text).lint(CONFIG):
            found = result.check_result
            # It puts one character before the text.
            start, end = max(found.span[0] - 1, 0), found.span[1] - 1
            # Two names that were filled in, two paragraphs, or a part of a name are not a word that was written twice.
            if not (found.check_path.startswith("lexical_illusions") and re.search(r"\bX\b|\n\s*\n|^\w*_|\w=$|\d$", expand_to_words(text, start, end))):
                yield start, found.check_path, found.message


def expand_to_words(text, start, end):
    """Return a part of a text with the characters to the left and right that belong to its first and last word."""
    return re.search(r"[\w]*$", text[:start])[0] + text[start:end] + re.match(r"[\w=]?", text[end:])[0]


def find_passives(text):
    """Yield a fault for each passive voice that has who acts."""
    for found in PASSIVE.finditer(text):
        yield found.start(), "passive", f"found '{' '.join(found[0].split())} ...'; expected the active voice"


def find_long_sentences(text, longest=LONGEST):
    """Yield a fault for each sentence with more words than it may have."""
    start = 0
    for found in [*SENTENCE.finditer(text), None]:
        sentence = text[start:found.start() if found else len(text)]
        words = WORD.findall(sentence)
        if len(words) > longest:
            offset = start + len(sentence) - len(sentence.lstrip())
            yield offset, "length", f"found a sentence of {len(words)} words, '{' '.join(words[:6])} ...'; expected at most {longest}"
        start = found.end() if found else start


def main():
    """Print what is found, with counts; return 1 where anything is."""
    errors = list(find_errors(ROOT))
    for path, line, _check, message in errors:
        print(f"{path}:{line}: {message}")
    for check, count in Counter(check for _path, _line, check, _message in errors).most_common():
        print(f"{count:6} {check}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
