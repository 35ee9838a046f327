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
  - Writes all files that a platform such as Heroku requires, and changes single settings in files of the application,
    in one call. The rest of these files is not changed, including comments and line ends.
  - Fails and writes nothing if the folder is not a Xitrum project, or not in a git repository. Does the same if a file
    cannot be parsed, or if git ignores it. Never replaces a file that this module did not write.
  - Run it on the controller.
options:
  state:
    description:
      - V(edited) prepares the tree.
      - V(pushed) commits the changed files among O(paths), and nothing else, and then pushes C(HEAD). If the remote
        branch already has it, it does nothing. It never forces a push, and does not prompt for a password.
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
      - The folder of the application in the tree, which contains C(config/xitrum.conf).
      - If it is empty, the module uses the only application in the tree. If there are several, it lists them and writes
        nothing.
      - Only with O(state=edited).
    type: str
  main_class:
    description:
      - The main class for the package's runner. It is needed if a text contains the mark C(@MAIN_CLASS@).
      - If it is empty, the module uses the only object with a main method in the sources. If there are several, it
        lists them and writes nothing. It does the same for main methods that are not in an object, such as that of a
        trait that no object extends.
      - Only with O(state=edited).
    type: str
  platform:
    description:
      - The platform to prepare the tree for, which is also the name of its role. The controller validates the variables
        of the role, reports all errors at once, and adds the requirements of the platform to the other options.
      - Without it, the other options are used unchanged.
      - Only with O(state=edited).
    type: str
    choices: [heroku, openshift]
  prefix:
    description: The prefix of the variables that messages name.
    type: str
    default: source_tree
  builds_top:
    description:
      - Whether the platform builds the top folder of a repository. Then RV(notes) reports what to do if the build is in
        a subfolder.
      - Only with O(state=edited). The default is V(false).
    type: bool
  allow_uncommitted:
    description: Whether to change files while the tree has uncommitted changes. New files that the module would not
      change do not count as uncommitted changes.
    type: bool
    default: false
  files:
    description:
      - Files to write completely. Each has the text C(Written by xitrum.host), by which a later run recognizes it.
      - O(files), O(absent), O(entries) and O(aliases) can contain marks for properties of the project. C(@APP@) and
        C(@BUILD@) are the folders of the application and of its sbt build; C(@PACKAGE@) and C(@BUILD_PACKAGE@), the
        package's folder from the top of the tree and from the build's; C(@RUNNER@), the program that starts it;
        C(@SBT@), the project's script or program that runs sbt; C(@TASK@), the task that packages it; C(@MAIN_CLASS@).
      - A file with empty content is only created if it does not exist.
      - Only with O(state=edited).
    type: list
    elements: dict
    suboptions:
      path:
        description: The path of the file.
        type: str
        required: true
      content:
        description: The complete content of the file.
        type: str
        required: true
      mode:
        description: The mode of the file, in octal. For an existing file, only the execute permission is compared, as
          git does.
        type: str
        default: "0644"
  absent:
    description: Files of this module to remove. Only with O(state=edited).
    type: list
    elements: str
  keep_files:
    description: Files that are never changed, regardless of the other options. Only with O(state=edited).
    type: list
    elements: str
  entries:
    description: Lines with a name and a value to set in files. Only with O(state=edited).
    type: list
    elements: dict
    suboptions:
      path:
        description: The path of the file. It is created if it does not exist.
        type: str
        required: true
      kind:
        description: The format of a line. A C(Procfile) gets Unix line ends.
        type: str
        required: true
        choices: [procfile, properties]
      values:
        description: A dictionary of names to values.
        type: dict
        required: true
  settings:
    description:
      - Settings of C(config/xitrum.conf), a dictionary of keys such as C(xitrum.port.http) to values in HOCON syntax.
      - If C(config/application.conf) sets a key again after it includes C(xitrum), the module edits it there as well,
        since that value takes effect.
      - Only with O(state=edited).
    type: dict
  disabled_settings:
    description:
      - Keys of C(config/xitrum.conf) whose lines are commented out. A value inside a line becomes C(null).
      - Only with O(state=edited).
    type: list
    elements: str
  variables:
    description:
      - Settings of C(config/xitrum.conf) that an environment variable overrides if it is set, a dictionary of keys such
        as C(xitrum.session.secureKey) to names of variables. The existing value stays as the default. This works with
        every version of Typesafe Config.
      - A missing setting is not added, and a setting with a substitution of your own is not changed.
      - Only with O(state=edited).
    type: dict
  console:
    description:
      - Whether C(config/logback.xml) logs to the console at level INFO in production mode, in addition to its other
        outputs.
      - Only with O(state=edited). The default is V(false).
    type: bool
  aliases:
    description: Command aliases of C(build.sbt), a dictionary of names to commands. Only with O(state=edited).
    type: dict
  remote:
    description: The name of a git remote of the tree, or a URL. Only with O(state=pushed), and required for it.
    type: str
  branch:
    description: The branch of the remote. Only with O(state=pushed), and required for it.
    type: str
  paths:
    description: The files to commit if they changed, relative to O(path). Only with O(state=pushed).
    type: list
    elements: str
  pending:
    description:
      - In check mode, whether an earlier task would have changed O(paths). Then a commit and a push are reported.
      - Only with O(state=pushed). The default is V(false).
    type: bool
  commit_message:
    description: The commit message. Only with O(state=pushed), and required for it.
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
  description: The class that starts the application; empty if no text contains it, or if the tree has errors.
  returned: with O(state=edited)
  type: str
  sample: shop.Boot
project:
  description: The folder of the application in the tree.
  returned: with O(state=edited)
  type: str
  sample: .
task:
  description: The sbt task that packages the application.
  returned: with O(state=edited)
  type: str
  sample: xitrumPackage
notes:
  description: What the module chose for you, and what is left for you to do.
  returned: with O(state=edited)
  type: list
  elements: str
  sample: [
    The main class is shop.Boot, the only one in the sources (src/main/scala/shop/Boot.scala). To choose another one,
    set heroku_main_class.,
  ]
variables:
  description: For each setting of O(variables) in the file, the environment variable that overrides it.
  returned: with O(state=edited)
  type: list
  elements: dict
  contains:
    key:
      description: The setting.
      type: str
      sample: xitrum.session.secureKey
    variable:
      description: The name of the variable; empty if no variable overrides the setting.
      type: str
      sample: CONFIG_FORCE_xitrum_session_secureKey
    other_source:
      description: Whether the file takes the setting from something other than the requested variable.
      type: bool
    example:
      description: Whether the file has the public example value of Xitrum's project template.
      type: bool
logs_command:
  description: The command that follows the application's log, as a list of words.
  returned: with O(platform)
  type: list
  elements: str
  sample: [heroku, logs, --tail, --remote, heroku]
name:
  description: The application's name, as a valid Kubernetes name.
  returned: when the tree is a Xitrum project
  type: str
  sample: shop
name_from:
  description: The source of RV(name).
  returned: when the tree is a Xitrum project
  type: str
  sample: build.sbt
sbt:
  description: The version of sbt that the project's build requires; empty if it states none.
  returned: when the tree is a Xitrum project
  type: str
  sample: 1.10.0
java:
  description: 8 if that sbt does not run on Java 9 and newer, otherwise 0.
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
