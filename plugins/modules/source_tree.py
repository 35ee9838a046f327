#!/usr/bin/python
# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: source_tree
short_description: Prepare the source tree of an application for a platform
version_added: 0.1.0
author: The xitrum.host maintainers (@xitrum-host)
description:
  - Writes all files that a platform such as Heroku wants, and changes single settings in files of the application, in
    one call. All other characters of these files stay, comments and line ends too.
  - Refuses a folder that is no Xitrum project or in no git repository, a file that cannot be parsed, a file that git
    ignores, and a whole file in the place of one that it did not write. Then nothing is written at all.
  - Meant to run on the controller.
options:
  state:
    description:
      - V(edited) prepares the tree.
      - V(pushed) commits those of O(paths) that git finds changed, and nothing else, then pushes C(HEAD). Where the
        remote's branch has it already, nothing is done. It never forces a push, and asks for no password on the
        terminal.
      - The module fails when an option does not apply to the state.
    type: str
    default: edited
    choices: [edited, pushed]
  path:
    description: The source tree, a folder in a git repository. Other paths are relative to it.
    type: path
    required: true
  project:
    description:
      - The folder of the application in the tree, the one that has C(config/xitrum.conf).
      - Empty takes the only one that there is. Several are listed, and nothing is written.
      - Only with O(state=edited).
    type: str
  main_class:
    description:
      - The class that the package's runner is given. It is needed where a text has the mark C(@MAIN_CLASS@).
      - Empty takes the only object with a main method in the sources. Several are listed, and nothing is written. So
        are main methods that are in no object, such as that of a trait that no object extends.
      - Only with O(state=edited).
    type: str
  platform:
    description:
      - The role of the platform that the tree is prepared for. Its variables are validated on the controller, all
        errors are reported at once, and what the platform needs is added to the other options.
      - Without it, the other options are used as they are given.
      - Only with O(state=edited).
    type: str
    choices: [heroku, openshift]
  prefix:
    description: What the variables begin with that messages name.
    type: str
    default: source_tree
  builds_top:
    description:
      - Whether the platform builds the top of a repository. Then RV(notes) reports what to do about a build in a folder
        of it.
      - Only with O(state=edited). The default is V(false).
    type: bool
  allow_uncommitted:
    description: Whether files are changed while the tree has uncommitted changes. A new file that would not be changed
      is no hindrance.
    type: bool
    default: false
  files:
    description:
      - Files that are written as a whole. Each has the text C(Written by xitrum.host), by which a later run knows it.
      - In O(files), O(absent), O(entries) and O(aliases) these marks stand for what the project is - C(@APP@) and
        C(@BUILD@), the folders of the application and of its sbt build; C(@PACKAGE@) and C(@BUILD_PACKAGE@), the
        package's folder from the top of the tree and from the build's; C(@RUNNER@), the program that starts it;
        C(@SBT@), the project's script or program that runs sbt; C(@TASK@), the task that packages it; C(@MAIN_CLASS@).
      - An empty one is made where there is none.
      - Only with O(state=edited).
    type: list
    elements: dict
    suboptions:
      path:
        description: Where the file is.
        type: str
        required: true
      content:
        description: Its whole text.
        type: str
        required: true
      mode:
        description: Its mode, in octal. Of a file that is there, only the right to execute is compared, as git does.
        type: str
        default: "0644"
  absent:
    description: Files of this module that are removed. Only with O(state=edited).
    type: list
    elements: str
  keep_files:
    description: Files that are left as they are, whatever the other options report. Only with O(state=edited).
    type: list
    elements: str
  entries:
    description: Lines of a name and a value. Only with O(state=edited).
    type: list
    elements: dict
    suboptions:
      path:
        description: Where the file is. It is made where there is none.
        type: str
        required: true
      kind:
        description: How a line is written. A C(Procfile) gets Unix line ends.
        type: str
        required: true
        choices: [procfile, properties]
      values:
        description: Name to value.
        type: dict
        required: true
  settings:
    description:
      - Settings of C(config/xitrum.conf), a key such as C(xitrum.port.http) to the value as HOCON writes it.
      - One that C(config/application.conf) sets again after it includes C(xitrum) is edited there as well, since that
        one is in force.
      - Only with O(state=edited).
    type: dict
  disabled_settings:
    description:
      - Keys of C(config/xitrum.conf) whose lines become comments. A value inside of a line becomes C(null).
      - Only with O(state=edited).
    type: list
    elements: str
  variables:
    description:
      - Settings of C(config/xitrum.conf) that an environment variable overrides where it is set, a key such as
        C(xitrum.session.secureKey) to the variable's name. The value that is there stays as the default. This works
        with every version of Typesafe Config.
      - A setting that is not there is not added, and one that has a substitution of your own is left as it is.
      - Only with O(state=edited).
    type: dict
  console:
    description:
      - Whether C(config/logback.xml) writes to the console at the level INFO in production mode, in addition to what it
        writes to already.
      - Only with O(state=edited). The default is V(false).
    type: bool
  aliases:
    description: Command aliases of C(build.sbt), name to command. Only with O(state=edited).
    type: dict
  remote:
    description: The name of a git remote of the tree, or a URL. Only with O(state=pushed). Required there.
    type: str
  branch:
    description: The branch there. Only with O(state=pushed). Required there.
    type: str
  paths:
    description: The files that are committed where they differ, relative to O(path). Only with O(state=pushed).
    type: list
    elements: str
  pending:
    description:
      - Whether O(paths) would have changed just before, in check mode. Then a commit and a push are reported.
      - Only with O(state=pushed). The default is V(false).
    type: bool
  commit_message:
    description: The commit's message. Only with O(state=pushed). Required there.
    type: str
extends_documentation_fragment:
  - xitrum.host.batch
"""

EXAMPLES = r"""
- name: Prepare the source tree for Heroku
  xitrum.host.source_tree:
    path: ../shop
    entries:
      - path: Procfile
        kind: procfile
        values:
          web: "@BUILD_PACKAGE@/@RUNNER@ @MAIN_CLASS@"
    settings:
      xitrum.port.http: ${PORT}
    disabled_settings: [xitrum.port.https]
    console: true
    aliases:
      stage: ;@TASK@
  delegate_to: localhost

- name: Push the tree to Heroku
  xitrum.host.source_tree:
    state: pushed
    path: ../shop
    remote: heroku
    branch: main
    paths: [Procfile, config/xitrum.conf]
    commit_message: Run on Heroku
  delegate_to: localhost
"""

RETURN = r"""
# Shared values: rows, fixes, errors, broken_rules
rows: {description: "The desired, configured and effective value of each item, its C(status), the reason (C(why)), and
  the C(commands) that fix it. One row for each file, with its desired and its current state.", returned: success,
  type: list, elements: dict}
fixes: {description: "A dictionary of errors in RV(errors) to the commands that fix them.", returned: success,
  type: dict}
errors: {description: "Blocking errors. Each one states how to fix it. If there are any, the module fails and lists them
  in its message.", returned: success, type: list, elements: str}
broken_rules: {description: "A dictionary of errors in RV(errors) to the rules that they break.
  C(docs/reference/rules.md) lists the rules.", returned: success, type: dict}
# End of shared values
paths:
  description: The files that were checked, changed or not, relative to O(path).
  returned: with O(state=edited)
  type: list
  elements: str
  sample: [Procfile, config/xitrum.conf]
main_class:
  description: The class that starts the application; empty where no text has it, or the tree is refused.
  returned: with O(state=edited)
  type: str
  sample: shop.Boot
project:
  description: The folder of the application in the tree.
  returned: with O(state=edited)
  type: str
  sample: .
task:
  description: The task of sbt that packages it.
  returned: with O(state=edited)
  type: str
  sample: xitrumPackage
notes:
  description: What was chosen for the user, and what is left to do.
  returned: with O(state=edited)
  type: list
  elements: str
  sample: [
    The main class is shop.Boot, the only one in the sources (src/main/scala/shop/Boot.scala). To choose another one,
    set heroku_main_class.,
  ]
variables:
  description: Of each setting in O(variables) that the file has, which environment variable overrides it.
  returned: with O(state=edited)
  type: list
  elements: dict
  contains:
    key:
      description: The setting.
      type: str
      sample: xitrum.session.secureKey
    variable:
      description: The name of the variable; empty where none overrides it.
      type: str
      sample: CONFIG_FORCE_xitrum_session_secureKey
    own:
      description: Whether the file takes it from something else than the requested variable.
      type: bool
    example:
      description: Whether the file has the public example of Xitrum's project template.
      type: bool
logs_command:
  description: The words of the command that follows the application's log.
  returned: with O(platform)
  type: list
  elements: str
  sample: [heroku, logs, --tail, --remote, heroku]
name:
  description: The application's name, as Kubernetes takes names.
  returned: when the tree is a Xitrum project
  type: str
  sample: shop
name_from:
  description: Where RV(name) is from.
  returned: when the tree is a Xitrum project
  type: str
  sample: build.sbt
sbt:
  description: The version of sbt that the project's build asks for; empty where it does not report.
  returned: when the tree is a Xitrum project
  type: str
  sample: 1.10.0
java:
  description: 8 where that sbt does not run on Java 9 and newer, 0 elsewhere.
  returned: when the tree is a Xitrum project
  type: int
  sample: 0
output:
  description: Output of git and the platform at the push, line by line.
  returned: when something was pushed
  type: list
  elements: str
"""

from ..module_utils.core import parts
from ..module_utils.source_tree import component as source_tree
from ..module_utils.source_tree import push

PARTS: parts.Parts = {"edited": source_tree, "pushed": push}


def main() -> None:
    """Read, plan and apply the part that the state asks for."""
    parts.run("state", PARTS, "edited")


if __name__ == "__main__":
    main()
