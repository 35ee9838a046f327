# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions of docs/how-to/query-status-and-check.md, and the published schemas of the JSON that they are about."""

import json
import re

import jsonschema

from tests.lib.site import CLONE

PAGE = (CLONE / "docs/how-to/query-status-and-check.md").read_text(encoding="utf-8")
#: Each question with its expression. The last three are about the check.
QUESTIONS = re.findall(r"^(\w[^\n]*\?)\n\n```text\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
OF_STATUS, OF_CHECK = QUESTIONS[:-3], QUESTIONS[-3:]


def validate(document, name):
    """Fails where a document is not as its schema below docs/reference describes it; returns it."""
    jsonschema.validate(document, json.loads((CLONE / f"docs/reference/{name}.schema.json").read_text(encoding="utf-8")))
    return document


def read_document(site, name):
    """Runs the playbook `status` or `history` on a site: its JSON, which has to be as the schema describes it."""
    code, output = site.type(f"ansible-playbook playbooks/{name}.yml -e {name}_format=json")
    assert code == 0, output[-4000:]
    return validate(json.loads("{" + output.partition("\n{")[2].partition("\n}")[0] + "}"), name)
