# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that variables, packages and hosts must keep: one table of identifiers, and the error of a rule. Pure.

An identifier stays when a message is reworded. docs/reference/rules.md is generated from the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A rule.

    identifier: what results and documentation call it. demands: what it requires, without a full stop.
    fix: what to do where it is broken, without a full stop.
    """

    identifier: str
    demands: str
    fix: str


#: All rules, sorted by identifier.
RULES = tuple(
    Rule(*row)
    for row in (
        (
            "capacity.connections",
            "The host can hold `xitrum_max_connections` within the limits of Linux",
            "Lower `xitrum_max_connections` to the number in the message, or spread the connections over more hosts",
        ),
        (
            "command.arguments",
            "`run_arguments` is a list of texts, or a text in which each quote has its end",
            "Correct the quotes; put long data into a file on the host",
        ),
        (
            "command.class",
            "`run_class` is the full name of a class",
            "Write it with dots, such as `shop.Migrate`",
        ),
        (
            "command.class-missing",
            "A jar of the release has the class of a command",
            "Correct the name as the message states",
        ),
        (
            "command.host",
            "`run_host` is a host of the group `xitrum`, and within `--limit`",
            "Choose a host in the message, or change `--limit`",
        ),
        (
            "command.instance",
            "`run_instance` is the number of an instance",
            "Set a number from 0",
        ),
        (
            "command.no-runner",
            "The release of a command has script/runner",
            "Build the package with xitrum-package, and deploy it",
        ),
        (
            "command.not-installed",
            "The instance of a command is installed on its host",
            "Choose one in the message with `run_instance`, or deploy the application",
        ),
        (
            "command.timeout",
            "`run_timeout` is a number of seconds, or 0 for no limit",
            "Set a whole number",
        ),
        (
            "console.agents-disabled",
            "A JVM with a console loads agents while it runs",
            "Remove `-XX:-EnableDynamicAgentLoading` from `xitrum_java_options`, and run `site.yml`",
        ),
        (
            "console.attach-disabled",
            "A JVM allows tools to attach",
            "Remove `-XX:+DisableAttachMechanism` from `xitrum_java_options`, and run `site.yml`",
        ),
        (
            "console.compiler-jars",
            "The jars of `console_compiler_jars` are on the host, where the instance can read them",
            "Correct the paths, or put the jars there",
        ),
        (
            "console.compiler-version",
            "scala-compiler has the version of scala-library",
            "Use the artifact that the message names",
        ),
        (
            "console.connection",
            "Ansible reaches the host of a Scala console over SSH",
            "Use `console_command`, or another connection for this host",
        ),
        (
            "console.dump-space",
            "The file system of the instance has room for a heap dump",
            "Make room on the file system in the message",
        ),
        (
            "console.hidden-files",
            "The instance and its host see the same folder for a recording or a dump",
            "Remove the mount from the service of the instance, or make the file by hand, as the message describes",
        ),
        (
            "console.jdk-replaced",
            "The JDK that an instance runs on is still on the disk",
            "Run `site.yml`, which restarts the instances one after the other",
        ),
        (
            "console.jre-only",
            "The JDK of an instance has its tools",
            "Install a full JDK with the role `jdk`",
        ),
        (
            "console.no-answer",
            "The JVM answers jcmd",
            "Read the log of the instance; restart it where it hangs",
        ),
        (
            "console.no-compiler",
            "The Scala compiler is in the package or in `console_compiler_jars`",
            "Add the artifact that the message names to the application, or set `console_compiler_jars`",
        ),
        (
            "console.no-jdk",
            "An instance runs on a JDK whose version can be read",
            "Leave `xitrum_jdk_version` to the role `jdk`",
        ),
        (
            "console.no-recorder",
            "The JDK has Flight Recorder and heap dumps",
            "Set `xitrum_jdk_version` to a JDK that has them, and run `site.yml`",
        ),
        (
            "console.no-scala-library",
            "lib of the application has scala-library-VERSION.jar",
            "Use the console on applications in Scala 2.13 alone; threads, heap and histogram work without it",
        ),
        (
            "console.not-running",
            "The instance of a console runs on the host",
            "Choose one that runs with `console_instance`, or start the instance. `start.yml` starts what an operator "
            "stopped",
        ),
        (
            "console.recording-seconds",
            "`console_seconds` of a flight recording is within the range of the message",
            "Set a number of seconds within that range",
        ),
        (
            "console.save",
            "`console_save` is a folder on the controller where the user can write, for a recording and a dump",
            "Set another folder",
        ),
        (
            "console.scala-version",
            "The application is in Scala 2.13",
            "Use threads, heap and histogram, which work with any version",
        ),
        (
            "console.scalive-expression",
            "One expression runs on JDK 9 and newer alone",
            "Leave `console_command` out, and type the expression into Scalive",
        ),
        (
            "console.scalive-missing",
            "On JDK 8, the release has script/scalive",
            "Deploy a package that has it, or use JDK 11 or newer",
        ),
        (
            "console.scalive-scala",
            "On JDK 8, the application has Scala 2.12 or older",
            "Set `xitrum_jdk_version` to 11 or newer",
        ),
        (
            "console.terminal",
            "`ansible-playbook` was started in a terminal where a console is to be opened",
            "Start it in one, or use `console_command`",
        ),
        (
            "console.timeout",
            "`console_timeout` is at least 1",
            "Set the seconds after which an expression is given up",
        ),
        (
            "console.unmanaged-process",
            "The process that listens is the instance's own",
            "Follow the message: nobody attaches to a process of another program",
        ),
        (
            "decommissioned.names",
            "A host of the group `xitrum_decommissioned` has the application's names and folders, as the others do",
            "Set the variable that the message names for both groups, such as in group_vars/all.yml",
        ),
        (
            "deploy.address",
            "The address of each instance is the one that the proxies have",
            "Run the command in the message: a deploy does not change the proxies",
        ),
        (
            "deploy.cluster",
            "The cluster setting of the instances matches the configuration of the proxies",
            "Run the command in the message: a deploy does not change the proxies",
        ),
        (
            "deploy.jdk",
            "The JDK is installed before a deploy",
            "Run the command in the message: a deploy installs no JDK",
        ),
        (
            "deploy.new-instance",
            "The proxies have each instance of a deploy",
            "Run the command in the message: a deploy does not change the proxies",
        ),
        (
            "deploy.orphaned-instance",
            "A host has no instance that the inventory no longer has",
            "Run the command in the message: a deploy removes no instance",
        ),
        (
            "deploy.port",
            "The port of each instance is the one that the proxies have",
            "Run the command in the message: a deploy does not change the proxies",
        ),
        (
            "heroku.java-for-sbt",
            "`heroku_java_version` is a version on which the project's sbt runs",
            "Leave `heroku_java_version` out, or use sbt 0.13.17 or newer",
        ),
        (
            "history.runs",
            "`history_runs` is a whole number within the range in the message",
            "Set a number within that range",
        ),
        (
            "host.alternatives-damaged",
            "The alternatives of the JDK's commands can be read",
            "Make the link, or correct or move the file, as the message states",
        ),
        (
            "host.alternatives-home",
            "The JDK of `jdk_home` has the commands that are switched",
            "Install that JDK first, or correct its folder",
        ),
        (
            "host.alternatives-leader",
            "A command that follows another one is switched together with it",
            "Add the command that the message names",
        ),
        (
            "host.alternatives-missing",
            "The host has `update-alternatives` or `alternatives`",
            "Install the package in the message, or set `jdk_alternatives` to false",
        ),
        (
            "host.alternatives-obstacle",
            "The command of a JDK is a link of the alternatives, not a file of its own",
            "Move the file in the message away",
        ),
        (
            "host.capacity",
            "The host's memory and open files are enough for `xitrum_max_connections`",
            "Lower `xitrum_max_connections`, or give the host what the message names",
        ),
        (
            "host.disk-space",
            "The file system has room for the releases",
            "Make room, or lower `xitrum_keep_releases`",
        ),
        (
            "host.file-unmanaged",
            "A file or link that the collection writes is its own or does not exist",
            "Move the path in the message away, or choose another path or `xitrum_name`",
        ),
        (
            "host.file-unsafe",
            "Only root may change the files that root writes, and the links to them",
            "Correct the owner or mode of the path in the message, or replace the link",
        ),
        (
            "host.folder-contents",
            "`xitrum_root` and `xitrum_log_dir` have no files of something else",
            "Move the files in the message away, or use another folder",
        ),
        (
            "host.folder-not-directory",
            "`xitrum_root` and `xitrum_log_dir` are folders where they exist",
            "Move the file away, or use another path",
        ),
        (
            "host.folder-not-recorded",
            "A folder of `xitrum_root` and `xitrum_log_dir` that exists is on record as the application's",
            "Use another folder, or name the folder in `xitrum_adopt`",
        ),
        (
            "host.folder-of-account",
            "`xitrum_root` and `xitrum_log_dir` are neither the home of another account nor a folder above it",
            "Use a folder for this application alone",
        ),
        (
            "host.folder-of-application",
            "`xitrum_root` and `xitrum_log_dir` belong to no other application of the host",
            "Use another folder, or set `xitrum_name` back",
        ),
        (
            "host.folder-of-package",
            "No package of the distribution has installed `xitrum_root` and `xitrum_log_dir`",
            "Use a folder for this application alone",
        ),
        (
            "host.folder-of-system",
            "`xitrum_root` and `xitrum_log_dir` belong neither to the system nor to programs of the whole host",
            "Use a folder for this application alone, such as the one in the message",
        ),
        (
            "host.folder-unreachable",
            "The application's user and its service can reach `xitrum_root` and `xitrum_log_dir`",
            "Run the `chmod` in the message, or choose another folder",
        ),
        (
            "host.folder-unsafe",
            "No other user may change what root writes in `xitrum_root` and `xitrum_log_dir`",
            "Correct the owner or mode of the path in the message, or use another folder",
        ),
        (
            "host.folders-overlap",
            "`xitrum_root` and `xitrum_log_dir` are two folders on this host, also through links",
            "Set one of them to another folder",
        ),
        (
            "host.health-page",
            "A running instance answers `xitrum_health_path` with `xitrum_health_status`",
            "Correct the path or the status, or set `xitrum_health_path_is_new` for the run that brings the page",
        ),
        (
            "host.init",
            "Process 1 of the host starts the supervisor at boot",
            "Choose another `xitrum_supervisor` for this host",
        ),
        (
            "host.inittab",
            "`/etc/inittab` takes an entry for the supervisor",
            "Correct the file as the message states, or choose another `xitrum_supervisor`",
        ),
        (
            "host.instance-files",
            "The configuration of each instance can be written from its variables",
            "Correct the variable or option that the message quotes",
        ),
        (
            "host.interface",
            "A program can listen on `xitrum_interface` of this host",
            "Set an address of the host, or leave it out to listen on every address",
        ),
        (
            "host.jdk-absent-desired",
            "`jdk_absent` does not list the JDK that the host is to use",
            "Remove the name from `jdk_absent`, or choose another JDK",
        ),
        (
            "host.jdk-absent-foreign",
            "`jdk_absent` lists only JDKs from an archive of the role `jdk`",
            "Remove the package of that JDK instead",
        ),
        (
            "host.jdk-absent-name",
            "`jdk_absent` has names of folders below `/usr/lib/jvm`",
            "Correct the name that the message quotes",
        ),
        (
            "host.jdk-absent-used",
            "No process runs on a JDK of `jdk_absent`",
            "Deploy first, and remove the JDK when nothing runs on it",
        ),
        (
            "host.jdk-archive-architecture",
            "`jdk_archives` has an archive for the processor of the host",
            "Add the key that the message names",
        ),
        (
            "host.jdk-archive-checksum",
            "The `sha256` of an archive has 64 hexadecimal digits",
            "Use the output of `sha256sum`",
        ),
        (
            "host.jdk-archive-unverified",
            "An archive of `jdk_archives` has a `sha256`",
            "Set it, or set `jdk_allow_unverified` to true",
        ),
        (
            "host.jdk-archive-version",
            "`jdk_version` is set where `jdk_archives` is",
            "Set the major version of the JDK in the archives",
        ),
        (
            "host.jdk-folder-other",
            "The folder of the JDK is from the archive that the inventory names",
            "Give the new JDK another name in `jdk_name`",
        ),
        (
            "host.jdk-folder-taken",
            "The folder of the JDK is from an archive of the role `jdk`, or does not exist",
            "Set another `jdk_name`, or move the folder away",
        ),
        (
            "host.jdk-hidden",
            "The service of an instance can access the JDK (systemd's `ProtectHome=` hides home folders)",
            "Install the JDK below `/usr/lib/jvm`",
        ),
        (
            "host.jdk-name",
            "`jdk_name` is the name of a folder",
            "Use letters, digits and `. _ + -` alone",
        ),
        (
            "host.jdk-version",
            "The distribution has a long-term JDK among its packages",
            "Update the lists of its package manager, or set `xitrum_jdk_version`",
        ),
        (
            "host.kernel-module",
            "The names of kernel modules are valid",
            "Correct the name that the message quotes",
        ),
        (
            "host.kernel-path",
            "The profile is written to a file of `/etc/sysctl.d`",
            "Choose a name that ends in .conf in that folder",
        ),
        (
            "host.kernel-profile",
            "Each kernel parameter of the profile is valid and occurs once",
            "Correct the entry in the message, such as in `tuning_sysctl`",
        ),
        (
            "host.low-port",
            "The supervisor can give an instance a port below 1024 if it has one",
            "Choose a supervisor in the message, or a port from 1024 on with `xitrum_port_forward`",
        ),
        (
            "host.memory",
            "The free memory holds the instances that do not run yet",
            "Lower `xitrum_heap` or `xitrum_instances`, or give the host more memory",
        ),
        (
            "host.moved",
            "The application keeps its user and its root on a host with instances",
            "Restore the value, or move one host after the other as the message states",
        ),
        (
            "host.nofile-domain",
            "The domains of the limits are valid in limits.conf(5)",
            "Correct the name that the message quotes",
        ),
        (
            "host.nofile-number",
            "The number of open files is one that Linux can grant",
            "Set a number within the range in the message",
        ),
        (
            "host.nofile-path",
            "The limits are written to a file of `/etc/security/limits.d`",
            "Choose a name that ends in .conf in that folder",
        ),
        (
            "host.other-application",
            "`xitrum_root` has no other application",
            "Set `xitrum_name` back, or use another `xitrum_root`",
        ),
        (
            "host.port-held",
            "No other program listens on a port of the application",
            "Stop the program in the message, or choose another port",
        ),
        (
            "host.port-recorded",
            "No other application on the host is recorded with a port of this application",
            "Change the ports of one of the two applications",
        ),
        (
            "host.processor",
            "The host has a supported processor",
            "Use a host with a processor in the message",
        ),
        (
            "host.proxy-address-family",
            "A proxy listens on IPv6 only if the host has it",
            "Set `xitrum_proxy_listen` to `['0.0.0.0']`",
        ),
        (
            "host.proxy-application",
            "A proxy serves one application",
            "Use another proxy, route a path with `xitrum_proxy_backends`, or remove the other application first",
        ),
        (
            "host.proxy-listen",
            "The proxy can listen on each address of `xitrum_proxy_listen`",
            "Use addresses of this host, `0.0.0.0` or `::`",
        ),
        (
            "host.proxy-nofile",
            "The host grants the open files that the proxy's connections need",
            "Lower `xitrum_proxy_max_connections`, or raise the limit in the message",
        ),
        (
            "host.proxy-port-held",
            "No other program listens on a port of the proxy",
            "Stop and disable that service, or choose another port",
        ),
        (
            "host.proxy-stamp",
            "The proxy's configuration has the mark by which the running one is recognized",
            "Put the mark where the message states",
        ),
        (
            "host.proxy-systemd",
            "The host of a proxy runs systemd",
            "Use a host with systemd",
        ),
        (
            "host.proxy-version",
            "The proxy's software is new enough",
            "Upgrade the package, or choose another `xitrum_proxy_software`",
        ),
        (
            "host.python",
            "Python on the host is new enough for the modules",
            "Install a newer one, and set `ansible_python_interpreter` to it",
        ),
        (
            "host.rc-local",
            "`/etc/rc.local` can start the application at boot",
            "Correct the script as the message states, or choose another `xitrum_supervisor`",
        ),
        (
            "host.reached",
            "The host can be reached",
            "Start it, correct `ansible_host`, or leave it out with `--limit`",
        ),
        (
            "host.read",
            "The host can be read",
            "Correct what the message quotes; if it has no reason, run again with `-vvv`",
        ),
        (
            "host.record",
            "The records in `/var/lib/xitrum.host` can be read, and have a known schema version",
            "Correct the file that the message lists",
        ),
        (
            "host.redirects-back-end",
            "The back end of the redirects is one that nothing else replaces",
            "Set the back end to firewalld or nftables, or leave it to auto",
        ),
        (
            "host.redirects-interface",
            "The interface of a redirect exists on the host",
            "Use an interface in the message",
        ),
        (
            "host.redirects-other-program",
            "No other program redirects an outside port",
            "Remove that redirect as the message states, or set `xitrum_port_forward` to false",
        ),
        (
            "host.redirects-pairs",
            "An outside port has one target",
            "Keep one pair for the port",
        ),
        (
            "host.redirects-port",
            "The ports of a redirect are two different ports from 1 to 65535",
            "Correct the pair in the message",
        ),
        (
            "host.redirects-port-held",
            "No program listens on an outside port, which a redirect would cut off",
            "Stop it, or list it in `port_forward_stop_services`",
        ),
        (
            "host.redirects-service-name",
            "`port_forward_stop_services` has names of services",
            "Correct the name that the message quotes",
        ),
        (
            "host.redirects-unread",
            "The live rules of the packet filter can be read",
            "Set `become`, or follow the message",
        ),
        (
            "host.release-group",
            "The releases on the host belong to the group of `xitrum_user`",
            "Restore `xitrum_user`, or remove the application from the host first",
        ),
        (
            "host.release-missing",
            "The release is on the host, or there is a package to make it of",
            "Deploy the package",
        ),
        (
            "host.releases-folder",
            "The path for releases is a folder",
            "Move the file away, or set `xitrum_root`",
        ),
        (
            "host.releases-noexec",
            "The file system for releases is not mounted `noexec`",
            "Remount it with `exec`, or set `xitrum_root` to a folder on another file system",
        ),
        (
            "host.releases-read-only",
            "The file system for releases can be written",
            "Mount it read-write, or set `xitrum_root` to a folder on another",
        ),
        (
            "host.renamed",
            "An application keeps its name on a host",
            "Set `xitrum_name` back, or rename the application as the message states",
        ),
        (
            "host.root",
            "Ansible works as root on the host",
            "Set `become` to true, and let the user use sudo",
        ),
        (
            "host.supervisor",
            "The supervisor can be used on this host",
            "Follow the message, or choose another `xitrum_supervisor`",
        ),
        (
            "host.supervisord-include",
            "The configuration of supervisord includes the application's file",
            "Add the folder to `files` in the section `[include]`",
        ),
        (
            "host.supervisord-program",
            "supervisord has no other program of the instance's name",
            "Remove that program, or set another `xitrum_name`",
        ),
        (
            "host.supervisord-pypi",
            "supervisord can be installed from PyPI if its version asks for it",
            "Follow the message, or unset `supervisor_supervisord_version`",
        ),
        (
            "host.supervisord-version",
            "supervisord is new enough",
            "Install a newer one, or choose another `xitrum_supervisor`",
        ),
        (
            "host.system",
            "The operating system is supported",
            "Use one in the message",
        ),
        (
            "host.unit-name",
            "No unit of the host has the name of the application",
            "Set another `xitrum_name`",
        ),
        (
            "host.user",
            "`xitrum_user` is an unprivileged account that belongs to the application alone",
            "Set another name, or name `user` in `xitrum_adopt` if the message offers it",
        ),
        (
            "inventory.limit",
            "The run has a host of the groups on which the playbook works",
            "Choose hosts in the message with `--limit`, or leave it out",
        ),
        (
            "inventory.no-hosts",
            "The inventory has a host in the group `xitrum` or `xitrum_proxy`",
            "Put hosts into the groups, or name another inventory with `-i`",
        ),
        (
            "inventory.pattern",
            "`console_host` selects a host of the group `xitrum`, within `--limit`",
            "Choose a host in the message",
        ),
        (
            "load.burst",
            "The `load_test_burst_*` variables are numbers within the range in the message",
            "Set numbers within that range",
        ),
        (
            "load.burst-capacity",
            "A host can make the connections of a burst at once",
            "Lower `load_test_burst_connections` to the number in the message",
        ),
        (
            "load.capacity",
            "The clients can make `load_test_connections`",
            "Lower it to the number in the message, or add what the message names",
        ),
        (
            "load.clients",
            "`load_test_clients` lists hosts of the inventory, or localhost",
            "Correct the names in the message",
        ),
        (
            "load.headers",
            "`load_test_headers` is a dictionary of texts without line breaks",
            "Correct the header that the message names",
        ),
        (
            "load.label",
            "`load_test_label` has only characters of a file name",
            "Use letters, digits and the characters in the message",
        ),
        (
            "load.numbers",
            "The numbers of a load test are within the range in the message",
            "Set numbers within that range",
        ),
        (
            "load.path",
            "`load_test_path` is the path of a WebSocket",
            "Begin it with a slash, and use no spaces",
        ),
        (
            "load.report",
            "The reports of earlier load tests in `load_test_report_dir` can be read",
            "Move the file in the message away, or set another folder",
        ),
        (
            "load.routes",
            "`load_test_routes` lists routes that the inventory has, and that the load can use",
            "Set the routes that the message names",
        ),
        (
            "load.run",
            "The option `run` of `connection_load` is a load that runs",
            "Start the load again",
        ),
        (
            "load.targets",
            "A load has servers to connect to",
            "Set the option `targets` of `connection_load`",
        ),
        (
            "logs.follow",
            "`logs_follow` is true or false, and true only in a terminal and with a fork for each host",
            "Start it in a terminal, or add the option in the message",
        ),
        (
            "logs.grep",
            "`logs_grep` is a regular expression of Python",
            "Correct it at the character in the message",
        ),
        (
            "logs.lines",
            "`logs_lines` is a whole number within the range in the message",
            "Set a number within that range",
        ),
        (
            "logs.save",
            "`logs_save` is a folder on the controller where the user can write, without files of these instances",
            "Set another folder, or move the files away",
        ),
        (
            "logs.since",
            "`logs_since` is a duration or a time in the past",
            "Write it as `10m` or as `2026-12-01T03:00Z`",
        ),
        (
            "openshift.image",
            "`openshift_image` is set if the layout `kubernetes` is written",
            "Set the image with its tag, or write the layout `diy` alone",
        ),
        (
            "openshift.memory",
            "`openshift_memory_mib` holds the heap and what a JVM needs in addition",
            "Raise `openshift_memory_mib`, or lower `openshift_heap`",
        ),
        (
            "openshift.name",
            "`openshift_name` and `openshift_secret` are names that Kubernetes takes",
            "Use small letters, digits and `-`, at most 63 characters, a letter first",
        ),
        (
            "openshift.name-missing",
            "The application has a name that Kubernetes takes: from `openshift_name`, build.sbt or the folder",
            "Set `openshift_name`",
        ),
        (
            "operation.inactive-slot",
            "On a host with blue/green slots, a named instance is the active slot",
            "Name the instance in the message",
        ),
        (
            "operation.last-instance",
            "An instance runs after `stop.yml`, or `stop_last` is true",
            "Start another instance first, or add `-e stop_last=true`",
        ),
        (
            "operation.names",
            "The variable with instances, such as `restart_instances`, has names such as `app1-0`",
            "Correct it, or leave it out to choose all instances of the run's hosts",
        ),
        (
            "operation.not-installed",
            "A chosen instance is installed",
            "Run `site.yml` or `deploy.yml` first",
        ),
        (
            "operation.outside-limit",
            "A named instance is on a host of the run",
            "Add its host to `--limit`, or run without `--limit`",
        ),
        (
            "operation.pending",
            "Nothing is pending for an instance that restarts through the other blue/green slot",
            "Run `deploy.yml`, which applies the change and restarts the instance",
        ),
        (
            "operation.stopped",
            "A named instance that restarts was not stopped by an operator",
            "Start it by `start.yml`",
        ),
        (
            "operation.unknown-instance",
            "A named instance exists",
            "Use one of the names in the message",
        ),
        (
            "package.archive",
            "The package is a folder, or one whole tar.gz with one package in it",
            "Pack the folder of one package, such as with `tar -C target -czf xitrum.tar.gz xitrum`",
        ),
        (
            "package.before-release",
            "The package has the class of `xitrum_before_release`",
            "Correct the name of the class, or deploy a package that has it",
        ),
        (
            "package.build",
            "The command that builds the package succeeds",
            "Correct what its output in the message reports, and run again",
        ),
        (
            "package.checksum",
            "The archive of the package has the `xitrum_package_sha256` that is set, and a URL has one",
            "Set the output of `sha256sum` for the file, or copy the package again",
        ),
        (
            "package.cluster-config",
            "config/application.conf of the package does not open Akka's remoting to a public address",
            "Remove the setting in the message, or use an address of a private network",
        ),
        (
            "package.config",
            "config/xitrum.conf of the package can be read",
            "Correct the file as the message states, and build the package again",
        ),
        (
            "package.download",
            "The URL of `xitrum_package` answers with the package",
            "Correct the URL or its headers, or the network and the certificates of the controller",
        ),
        (
            "package.files",
            "Each file of the package can be read, and each link leads to a file inside of it",
            "Correct the file or link in the message, and build the package again",
        ),
        (
            "package.jars",
            "Each jar in lib is one that Java can read",
            "Build the package again",
        ),
        (
            "package.java",
            "The JDK of the host runs the package",
            "Set `xitrum_jdk_version` to the version in the message, or build the package for an older one",
        ),
        (
            "package.layout",
            "The package has config/xitrum.conf, a jar in lib, and a script/runner that a host can run",
            "Set `xitrum_package` to the folder that the packaging task of sbt made, or build the package again",
        ),
        (
            "package.main-class",
            "One jar in lib has the main class, and it is the only one where `xitrum_main_class` is not set",
            "Set `xitrum_main_class` to the object that has the main method",
        ),
        (
            "package.missing",
            "There is a package at `xitrum_package`",
            "Build it, or correct the path",
        ),
        (
            "package.session-settings",
            "The package does not replace settings of sessions that a host sets",
            "Remove the setting from the package's config/application.conf, or leave it out here",
        ),
        (
            "platform.java-options",
            "The JVM of the platform starts with the heap and the options",
            "Remove the option that the message quotes, or write it as the JVM takes it",
        ),
        (
            "platform.value",
            "A variable of the role `heroku` or `openshift` is set if it is required, and has its type and range",
            "Set the variable to what the message expects; on the command line, give a list as JSON",
        ),
        (
            "proxy.backends",
            "`xitrum_proxy_backends` has names and paths that are free, and servers as ADDRESS:PORT",
            "Correct the entry that the message quotes",
        ),
        (
            "proxy.close-state",
            "`proxy_server` closes connections only with the state `maint`",
            "Leave the option `close` out, or set the state `maint`",
        ),
        (
            "proxy.cookie",
            "`xitrum_proxy_cookie` has letters, digits and `_` alone",
            "Choose a plain name: the proxy's configuration takes it without quotes",
        ),
        (
            "proxy.durations",
            "Each timeout and interval of the proxy has a unit",
            "Write `10s` instead of `10`: HAProxy takes a bare number for milliseconds, Nginx for seconds",
        ),
        (
            "proxy.health-path",
            "`xitrum_health_path` is a URL path that needs no quotes",
            "Use `/`, letters, digits and the characters that the message lists",
        ),
        (
            "proxy.instances",
            "The proxy can reach the instances of every application host: their address, ports and number are valid",
            "Set `xitrum_address`, `xitrum_http_port` or `xitrum_instances` of the host in the message",
        ),
        (
            "proxy.last-server",
            "Another server of the proxy is enabled and healthy while one is drained or disabled",
            "Repair or enable another server first, as the message states",
        ),
        (
            "proxy.listen-address",
            "`xitrum_proxy_listen` has IP addresses or host names",
            "Correct the address that the message quotes",
        ),
        (
            "proxy.load-balancer-protocol",
            "The load balancer in front speaks a protocol that the proxy's software understands",
            "Set `xitrum_proxy_load_balancer_protocol` to `http`, or use other proxy software",
        ),
        (
            "proxy.no-servers",
            "The proxy has an instance to send requests to",
            "Put application hosts into the group `xitrum`, or list the instances in `proxy_servers`",
        ),
        (
            "proxy.reached",
            "The proxy can be reached",
            "Start it, correct `ansible_host`, or leave it out with `-e xitrum_unavailable_proxies=NAME`",
        ),
        (
            "proxy.same-settings",
            "A proxy has the name, health check and cluster setting of the application hosts behind it",
            "Set the variable in the message for all hosts, such as in group_vars/all.yml",
        ),
        (
            "proxy.server-address",
            "The address of each server in `proxy_servers` is an IP address or a host name",
            "Correct the address that the message quotes",
        ),
        (
            "proxy.server-lost",
            "A proxy has the servers that the run has drained",
            "Enable the server at the proxy, or run `site.yml`",
        ),
        (
            "proxy.server-missing",
            "A proxy has each server that is to be drained, disabled or enabled",
            "Run `site.yml`, so that the proxy has it",
        ),
        (
            "proxy.server-name",
            "The name of each server in `proxy_servers` has letters, digits and `. _ -` alone",
            "Correct the name that the message quotes",
        ),
        (
            "proxy.stats-port",
            "`xitrum_proxy_stats_port` is a port if the proxy's software needs one",
            "Set a port from 1 to 65535",
        ),
        (
            "proxy.tls-files",
            "The files of the proxy's certificate and key are on the controller",
            "Put the file there, or correct the path",
        ),
        (
            "proxy.tls-pair",
            "The proxy has both a certificate and a key or neither, and redirects to HTTPS only if it has them",
            "Set both files or neither; set `xitrum_proxy_redirect_https` only with them",
        ),
        (
            "proxy.unavailable-in-inventory",
            "`xitrum_unavailable_proxies` is set with `-e` alone",
            "Remove it from the inventory, and add the `-e` of the message",
        ),
        (
            "proxy.unavailable-names",
            "`xitrum_unavailable_proxies` is a list of names, or a text with commas between them",
            "Write it as `proxy1,proxy2`",
        ),
        (
            "question.expression",
            "A `*_query` is an expression of JMESPath that fits the document",
            "Correct it at the character in the message",
        ),
        (
            "question.format",
            "A `*_format` is `table`, `json` or `lines`",
            "Choose one of them",
        ),
        (
            "question.package",
            "The controller has the Python package jmespath where a `*_query` is set",
            "Install it by the command in the message",
        ),
        (
            "reach.host",
            "`xitrum_reach_from` is a host of the inventory or `localhost`",
            "Correct the name; the message has the nearest one",
        ),
        (
            "removal.jdk-used",
            "No process but the application's runs on a JDK that a removal deletes",
            "Stop the processes in the message",
        ),
        (
            "rollback.different-releases",
            "All hosts go back to the same release",
            "Set `rollback_to` to one that all of them have",
        ),
        (
            "rollback.main-class",
            "The release has one main class, or `xitrum_main_class` is set",
            "Set `xitrum_main_class`",
        ),
        (
            "rollback.mixed",
            "The hosts run one release if `rollback_to` is not set",
            "Set `rollback_to` to the release that all hosts should have",
        ),
        (
            "rollback.no-earlier",
            "Each host has a release before its current one",
            "Deploy a package instead",
        ),
        (
            "rollback.no-healthy",
            "Each host has a release before its current one that was healthy",
            "Deploy a package, or set `rollback_to` to a release that you trust",
        ),
        (
            "rollback.no-release",
            "Each host has a release",
            "Deploy a package first",
        ),
        (
            "rollback.unknown",
            "Each host has the release of `rollback_to`",
            "Set it to a release in the message, or deploy the package again",
        ),
        (
            "rollout.port",
            "No instance takes a port that another one has until it is restarted",
            "Set `xitrum_http_port` so that the new ports and the old ones do not overlap",
        ),
        (
            "rollout.port-of-orphaned",
            "No instance takes a port that an instance has which the run removes",
            "Reduce `xitrum_instances` in one run, and change `xitrum_http_port` in the next one",
        ),
        (
            "rollout.sessions",
            "A change that ends sessions is rolled out in a way that you have chosen, on all hosts",
            "Set `xitrum_rollout_strategy` as the message states, and run without `--limit`",
        ),
        (
            "secrets.example",
            "No secret of a host is the public example of Xitrum's project template",
            "Set your own, such as the output of `openssl rand -hex 32`",
        ),
        (
            "secrets.example-of-package",
            "The secure key of the package is not the public example of Xitrum's project template",
            "Set `xitrum_secure_key`, and remove the key from the package's config/application.conf",
        ),
        (
            "supervisor.pip-arguments",
            "`supervisor_supervisord_pip_arguments` shows no secret and is a command line that can be split",
            "Follow the message: a command line is visible to every user of the host",
        ),
        (
            "supervisor.supervisord-hashes-invalid",
            "Each of `supervisor_supervisord_hashes` is an algorithm and its digits",
            "Write it as pip hash prints it: `sha256:` and 64 digits",
        ),
        (
            "supervisor.supervisord-hashes-missing",
            "`supervisor_supervisord_hashes` has hashes where `supervisor_supervisord_version` is set",
            "Set what `pip hash` prints for the file of that version",
        ),
        (
            "supervisor.writable-paths",
            "`supervisor_writable_paths` has absolute paths that neither the system nor the collection owns",
            "Use a folder of the application, such as the one in the message",
        ),
        (
            "tree.application",
            "The application in the source tree can be found",
            "Name its folder as the message states",
        ),
        (
            "tree.build",
            "The sbt build of the source tree can be read and used",
            "Correct the file in the message",
        ),
        (
            "tree.build-project",
            "The project that `xitrum_package` of the build names exists",
            "Correct the name of the project as the message states",
        ),
        (
            "tree.edit",
            "A file that the platform needs changed can be read and changed",
            "Correct the file in the message, or list it in `heroku_keep_files` or `openshift_keep_files`",
        ),
        (
            "tree.folder",
            "The source tree is a folder that exists",
            "Name the folder of the application",
        ),
        (
            "tree.git",
            "The source tree is in a git repository that can be read",
            "Run `git init` and commit the tree, or name another folder",
        ),
        (
            "tree.ignored",
            "git ignores no file that the platform needs",
            "Narrow the pattern, or keep the file as it is with the variable in the message",
        ),
        (
            "tree.incomplete",
            "The source tree has all that a Xitrum project has",
            "Name the folder that has build.sbt, or add what the message lists",
        ),
        (
            "tree.line-ends",
            "The program that starts the application has Unix line ends",
            "Save it with line feeds alone",
        ),
        (
            "tree.main-class",
            "The source tree has one main class, or the variable of the main class is set",
            "Set `heroku_main_class` or `openshift_main_class`",
        ),
        (
            "tree.not-regular",
            "A file that is read or changed is a regular file",
            "Replace a link with the file that it leads to, or remove what the path leads to",
        ),
        (
            "tree.push-remote",
            "git can read the repository that a source tree is pushed to",
            "Correct what git reports in the message, such as the remote",
        ),
        (
            "tree.push-root",
            "A source tree that is pushed is a git repository of its own",
            "Make it one, outside of the repository in the message",
        ),
        (
            "tree.uncommitted",
            "The source tree has no uncommitted changes",
            "Commit or stash them, or set the variable in the message",
        ),
        (
            "tree.unmanaged",
            "A file that is written is the collection's own or does not exist",
            "Move it away, or list it among the files to keep",
        ),
        (
            "variable.empty",
            "A variable that needs a value is not an empty text",
            "Set a value, or leave the variable out",
        ),
        (
            "variable.minimum",
            "A number of instances, releases or files, or a timeout in seconds, is at least 1",
            "Raise the number; to take the application off a host, move the host to the group `xitrum_decommissioned`",
        ),
        (
            "variable.text",
            "Texts for configuration files, command lines and requests have allowed characters only",
            "Correct the value that the message quotes",
        ),
        (
            "variable.unknown",
            "A variable with the collection's prefix is one that a role has, and one of `-e` has no misspelt prefix",
            "Correct the name; the message has the nearest one",
        ),
        (
            "variable.unusable",
            "A variable has a value: each variable in its template is set, and it has the type of its specification",
            "Set what the message names, or correct the value",
        ),
        (
            "variable.words",
            "`-e` has NAME=VALUE pairs, YAML, JSON or the name of a file, and no other words",
            "Quote a value with blanks twice, as in `-e 'logs_grep=\"two words\"'`",
        ),
        (
            "xitrum.before-release",
            "`xitrum_before_release` is a class with arguments, or a dictionary with `class`, `arguments`, `timeout`",
            "Set a value of that form",
        ),
        (
            "xitrum.cluster",
            "The instances can form an Akka cluster: their addresses are private, and their ports are free",
            "Correct the address or port in the message, or set `xitrum_cluster` to false",
        ),
        (
            "xitrum.cluster-config",
            "`xitrum_config` does not open Akka's remoting to a public address",
            "Use an address of a private network: whoever reaches the port can run code there",
        ),
        (
            "xitrum.cluster-options",
            "`xitrum_java_options` does not open Akka's remoting to a public address",
            "Use an address of a private network: whoever reaches the port can run code there",
        ),
        (
            "xitrum.cluster-port",
            "The instances' ports from `xitrum_cluster_port` on are from 1 to 65535",
            "Choose a port that leaves room for all instances",
        ),
        (
            "xitrum.connections",
            "`xitrum_max_connections` is a number that a Linux host can hold",
            "Set a number from 1 to 1073741824",
        ),
        (
            "xitrum.folder",
            "`xitrum_root` and `xitrum_log_dir` are absolute paths that belong to the application alone",
            "Use a folder of its own, such as the one in the message",
        ),
        (
            "xitrum.folders-apart",
            "Neither of `xitrum_root` and `xitrum_log_dir` is in the other",
            "Use two folders, such as those in the message",
        ),
        (
            "xitrum.health-status",
            "`xitrum_health_status` is an HTTP status",
            "Set a number from 100 to 599",
        ),
        (
            "xitrum.heap",
            "`xitrum_heap` is a size as `-Xmx` takes it",
            "Write it as `512m` or `2g`",
        ),
        (
            "xitrum.instances",
            "`xitrum_instances` is at most 1000",
            "Lower the number, or add hosts",
        ),
        (
            "xitrum.java-options",
            "Each item of `xitrum_java_options` is an option that a JVM and the file of the service take",
            "Correct the option that the message quotes",
        ),
        (
            "xitrum.java-options-conflict",
            "`xitrum_java_options` does not set what a variable of its own sets",
            "Remove the option, and set the variable that the message names",
        ),
        (
            "xitrum.name",
            "`xitrum_name` and `xitrum_user` are names that useradd takes",
            "Use at most 31 small letters, digits, `-` and `_`, with a letter or `_` first",
        ),
        (
            "xitrum.not-root",
            "The application does not run as root",
            "Name another user, which is created if it is missing",
        ),
        (
            "xitrum.ports",
            "All ports of instances, counted up from `xitrum_http_port` and `xitrum_https_port`, are from 1 to 65535",
            "Choose a port that leaves room for all instances",
        ),
        (
            "xitrum.ports-apart",
            "The HTTP ports and the HTTPS ports of the instances do not meet",
            "Set the two first ports further apart than the number of instances",
        ),
        (
            "xitrum.rollout-batch",
            "`xitrum_rollout_batch` is a number of instances from 1, or a share from 1% to 100%",
            "Write it as `2` or `25%`",
        ),
        (
            "xitrum.rollout-seconds",
            "The seconds of a rollout (drain, canary, lock) are not negative, and those of the lock at least 1",
            "Set the number of seconds that the message expects",
        ),
        (
            "xitrum.same-settings",
            "All hosts of an application have the same secure key, sessions and cluster settings",
            "Set the variable in the message once for the group `xitrum`",
        ),
        (
            "xitrum.secure-key",
            "`xitrum_secure_key` is a string of at least 16 characters",
            "Use the output of `openssl rand -hex 32`, in quotes",
        ),
        (
            "xitrum.slots",
            "A host with `xitrum_slots` has one instance whose ports are redirected, no proxy and no cluster",
            "Leave `xitrum_slots` out, or change what the message lists",
        ),
        (
            "xitrum.tls-pair",
            "`xitrum_tls_certificate` and `xitrum_tls_key` are set together",
            "Set both, or neither",
        ),
        (
            "xitrum.trusted-proxies",
            "The address of each proxy is one that Xitrum can trust: an IP address or a network",
            "Set `xitrum_address` of the proxy in the message",
        ),
    )
)

#: The rules by identifier.
BY_IDENTIFIER = {rule.identifier: rule for rule in RULES}


@dataclass(frozen=True)
class Error:
    """What is wrong: the identifier of the rule, and a message for the user.

    Raises KeyError for a rule that is not in the table.
    """

    rule: str
    message: str

    def __post_init__(self) -> None:
        BY_IDENTIFIER[self.rule]


def make_errors(rule: str, sentences: Iterable[str]) -> Iterator[Error]:
    """Yield an error of a rule for each sentence that is not empty."""
    return (Error(rule, sentence) for sentence in sentences if sentence)
