# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule of `make lint` that finds commands of root on paths of the application."""

from __future__ import annotations

import textwrap

import pytest

from tests.lint import root_commands


@pytest.mark.parametrize("body", [
    """host.run(["tail", "-n", "30", f"{desired['log_dir']}/{index}/xitrum.log"])""",
    """host.run(["cat", desired["root"] + "/x"])""",
    """host.run(["cat", "%s/x" % desired["root"]])""",
    """
    folder = f"{desired['root']}/instances"
    path = host.realpath(folder)
    host.run(["ls", path])
    """,
    """
    for name in host.listdir(root):
        pass
    argv = ["chown", "-R", "root", root]
    host.run(argv)
    """,
    """host.run([f"{running['cwd']}/script/runner"])""",
    """host.run(["cp", *[f"{root}/{name}" for name in names]])""",
    # The functions, keys and attributes that make such paths.
    """host.run(["cat", home(desired, 1)])""",
    """host.run(["cat", service.get_log(desired, 1)])""",
    """host.run(["cat", desired.get("log_dir")])""",
    """host.run(["cat", desired.log_dir + "/x"])""",
    # Commands that are put together.
    """
    argv = ["cat"]
    argv += [desired["log_dir"]]
    host.run(argv)
    """,
    """
    argv = ["cat"]
    argv.append(root)
    host.run(argv)
    """,
    """
    if path := desired["log_dir"]:
        host.run(["cat", path])
    """,
    """
    path: str = desired["log_dir"]
    host.run(["cat", path])
    """,
    """host.run(["cat"] + [root])""",
    """host.run(["cat", root] if names else ["true"])""",
    # The functions that run one.
    """host.run(argv=["cat", root])""",
    """
    act = host.run
    act(["cat", root])
    """,
    """supervisors.patiently(host, ["cat", root], 1)""",
    """bounded.run(["cat", root], None, {}, 1, 1)""",
    """subprocess.check_output(["cat", root])""",
    """subprocess.Popen(args=["cat", root])""",
    """os.system("cat " + root)""",
    # Programs that become root, which they are.
    """host.run(["setpriv", "--reuid=0", "--", "cat", root])""",
    """host.run(["setpriv", "--no-new-privs", "cat", root])""",
    """host.run(["sudo", "cat", root])""",
    """host.run(["runuser", "-u", "root", "--", "cat", root])""",
])
def test_a_planted_command_is_found(body):
    text = f"def act(host, desired, root, running, index, names):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    assert len(list(root_commands.find_in_python(text))) == 1


@pytest.mark.parametrize("text", [
    "host.run(['cat', desired['log_dir']])",
    "class Reader:\n    text = host.run(['cat', desired['log_dir']])",
    "async def act(host, root):\n    host.run(['cat', root])",
    "def place(desired):\n    return desired['log_dir'] + '/x'\ndef act(host, desired):\n    host.run(['cat', place(desired)])",
])
def test_a_command_is_found_wherever_it_is(text):
    assert len(list(root_commands.find_in_python(text))) == 1


def test_a_command_of_a_table_is_found():
    text = 'KINDS = {"x": {"output": ["tail", "-n", "30", "{log_dir}/output.log"], "mark": "{root}/x", "own": ["{root}/a", "{root}/b"]}}'
    assert list(root_commands.find_in_python(text)) == [(1, "{log_dir}/output.log")]
    text = 'Supervisor(output=("tail", "-n", "30", "{log_dir}/output.log"), mark="{root}/x", own=("{root}/a", "{root}/b"))'
    assert list(root_commands.find_in_python(text)) == [(1, "{log_dir}/output.log")]


@pytest.mark.parametrize("body", [
    """host.run(process.inside(running, ["rm", "-rf", f"{running['cwd']}/tmp/x"]))""",
    """host.run(["setpriv", "--reuid=xitrum", "--", "test", "-x", desired["root"]])""",
    """host.run(["setpriv", f"--reuid={desired['user']}", "--", "test", "-x", root])""",
    """host.run(["sudo", "-u", desired["user"], "cat", root])""",
    """host.run(["systemctl", "restart", desired["name"]])""",
    """module.call(["cat", root])""",
    """host.tail(f"{desired['log_dir']}/0/xitrum.log")""",
    """host.run(["openssl", "x509"], data=host.read(f"{root}/x"))""",
])
def test_a_command_of_the_applications_user_and_reading_by_host_are_allowed(body):
    text = f"def act(host, desired, root, running):\n    {body}\n"
    assert list(root_commands.find_in_python(text)) == []


@pytest.mark.parametrize(("task", "count"), [
    ("ansible.builtin.command: {cmd: 'chown -R root {{ xitrum_root }}/log'}", 1),
    ("ansible.builtin.shell: 'tail {{ xitrum_log_dir }}/0/xitrum.log'", 1),
    ("command: {argv: [cat, '{{ supervisor_application.root }}/x']}", 1),
    ("block: [{name: Read, ansible.builtin.raw: 'cat {{ xitrum_root }}/x'}]", 1),
    ("ansible.builtin.command: {cmd: 'cat {{ xitrum_root }}/x'}\n  become_user: '{{ xitrum_user }}'", 0),
    ("ansible.builtin.command: {cmd: 'cat {{ xitrum_root }}/x'}\n  become_user: root", 1),
    ("ansible.builtin.command: {argv: [cat, '{{ here }}']}\n  vars: {here: '{{ xitrum_log_dir }}/x'}", 1),
    ("block: [{name: Read, ansible.builtin.command: 'cat {{ here }}'}]\n  vars: {here: '{{ xitrum_root }}/x'}", 1),
    ("block: [{name: Read, ansible.builtin.command: 'cat {{ xitrum_root }}/x'}]\n  become_user: '{{ xitrum_user }}'", 0),
    ("ansible.builtin.file: {path: '{{ xitrum_log_dir }}/0/x', state: directory}", 1),
    ("ansible.builtin.slurp: {src: '{{ xitrum_log_dir }}/0/x'}", 1),
    ("copy: {dest: '{{ xitrum_root }}/instances/0/x', content: y}", 1),
    ("ansible.builtin.template: {dest: \"{{ xitrum_log_dir ~ '/0/x' }}\", src: y}", 1),
    ("ansible.builtin.lineinfile: {path: '{{ xitrum_log_dir }}/0/x', line: y}\n  become_user: '{{ xitrum_user }}'", 0),
    ("ansible.builtin.file: {path: '{{ xitrum_log_dir }}', state: directory}", 0),
    ("ansible.builtin.command: {cmd: 'systemctl restart {{ xitrum_name }}'}", 0),
    ("xitrum.host.release: {root: '{{ xitrum_root }}'}", 0),
])
def test_a_command_of_a_task_is_found(task, count):
    assert len(list(root_commands.find_in_tasks(f"- name: Read\n  {task}\n"))) == count
