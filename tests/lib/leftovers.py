# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an everyday command may have left on a host: files, folders and processes. Nothing is an empty text."""

#: The class of the demonstration application that tests run once.
MIGRATE = "quickstart.jobs.Migrate"
FILES = ("*.hprof", "*.jfr", "console-????????", "xitrum.host-job-*")


def find_leftovers(site, host):
    """What run.yml and console.yml have left: jobs with their folders, recordings, dumps, and processes."""
    names = " -o ".join(f"-name '{name}'" for name in FILES)
    files = f"find /opt/xitrum /run /tmp /var/log '(' {names} ')' 2> /dev/null; ls -d /opt/xitrum/runs/*/*-* 2> /dev/null"
    # A pattern that the shell with this script does not match.
    processes = f"pgrep -af 'jcm[d]|{MIGRATE[:-1]}[{MIGRATE[-1]}]'"
    return site.run_script(host, f"{files}; {processes}; true")


def find_console_leftovers(site, host):
    """What a console for Scala has left: it also works in the instance's folders for temporary files."""
    script = "find / -xdev -name '*console*' '(' -path '*/tmp/*' -o -user xitrum ')' 2> /dev/null; pgrep -af XitrumConsol[e]"
    return site.run_script(host, script, check=False)
