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
            "decommissioned.names",
            "A host of the group `xitrum_decommissioned` has the application's names and folders, as the others do",
            "Set the variable that the message names for both groups, such as in group_vars/all.yml",
        ),
        (
            "deploy.address",
            "The address of each instance is the one that the proxies have",
            "Run the command in the message: a deploy leaves the proxies as they are",
        ),
        (
            "deploy.cluster",
            "The instances are in a cluster, or in none, as the proxies have it",
            "Run the command in the message: a deploy leaves the proxies as they are",
        ),
        (
            "deploy.jdk",
            "The JDK is installed before a deploy",
            "Run the command in the message: a deploy installs no JDK",
        ),
        (
            "deploy.new-instance",
            "The proxies have each instance of a deploy",
            "Run the command in the message: a deploy leaves the proxies as they are",
        ),
        (
            "deploy.orphaned-instance",
            "A host has no instance that the inventory no longer has",
            "Run the command in the message: a deploy removes no instance",
        ),
        (
            "deploy.port",
            "The port of each instance is the one that the proxies have",
            "Run the command in the message: a deploy leaves the proxies as they are",
        ),
        (
            "heroku.java-for-sbt",
            "`heroku_java_version` is a version on which the project's sbt runs",
            "Leave `heroku_java_version` out, or use sbt 0.13.17 or newer",
        ),
        (
            "host.capacity",
            "The host's memory and open files are enough for `xitrum_max_connections`",
            "Lower `xitrum_max_connections`, or give the host what the message names",
        ),
        (
            "host.certificates",
            "The certificates that the host serves can be read",
            "Do what the message says, then run the same command again",
        ),
        (
            "host.firewall",
            "The firewall of the host can be read, and its ports can be opened",
            "Do what the message says, or set `xitrum_open_firewall` to false and open the ports yourself",
        ),
        (
            "host.instances",
            "The folders and ports of the instances are free, or those of the application",
            "Remove what the message names, or choose another port or folder",
        ),
        (
            "host.jdk",
            "The JDK can be installed, and its commands can be chosen, on this host",
            "Do what the message says, or choose another `xitrum_jdk_version`",
        ),
        (
            "host.kernel",
            "The kernel has the parameters of the profile and takes their values",
            "Do what the message says, or leave the parameter out of `tuning_sysctl`",
        ),
        (
            "host.machine",
            "The system is supported, and has the disk, memory and free ports that the run needs",
            "Do what the message says, then run the same command again",
        ),
        (
            "host.nofile",
            "The host grants the number of open files that the connections need",
            "Raise the limit that the message names, or lower `xitrum_max_connections`",
        ),
        (
            "host.proxy",
            "The proxy can be installed, and its configuration is one that the collection may replace",
            "Do what the message says, then run the same command again",
        ),
        (
            "host.proxy-health",
            "The servers of the running proxy can be read",
            "Do what the message says, then run the same command again",
        ),
        (
            "host.reached",
            "The host can be reached",
            "Start it, correct `ansible_host`, or leave it out with `--limit`",
        ),
        (
            "host.read",
            "The host can be read",
            "Correct what the message quotes; where it has no reason, run again with `-vvv`",
        ),
        (
            "host.redirects",
            "The outside ports are free, and the kernel and a program of the host can redirect them",
            "Do what the message says, or set `xitrum_port_forward` to false",
        ),
        (
            "host.release",
            "The folders of the releases can be read, and belong to the application",
            "Do what the message says, or choose another `xitrum_root`",
        ),
        (
            "host.restarts",
            "What the running instances started with can be read",
            "Do what the message says, then run the same command again",
        ),
        (
            "host.service",
            "The supervisor runs on this host, and its files are free or the collection's own",
            "Do what the message says, or choose another `xitrum_supervisor`",
        ),
        (
            "openshift.image",
            "`openshift_image` is set where the layout `kubernetes` is written",
            "Set the image with its tag, or write the layout `diy` alone",
        ),
        (
            "openshift.memory",
            "`openshift_memory_mb` holds the heap and what a JVM needs beside it",
            "Raise `openshift_memory_mb`, or lower `openshift_heap`",
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
            "package.contents",
            "The package can be built, read, sent and started",
            "Correct what the message names, and build the package again",
        ),
        (
            "package.java",
            "The JDK of the host runs the package",
            "Set `xitrum_jdk_version` to the version in the message, or build the package for an older one",
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
            "A variable of the role `heroku` or `openshift` is set where it is required, and has its type and range",
            "Set the variable to what the message expects; on the command line, give a list as JSON",
        ),
        (
            "proxy.backends",
            "`xitrum_proxy_backends` has names and paths that are free, and servers as ADDRESS:PORT",
            "Correct the entry that the message quotes",
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
            "proxy.server-name",
            "The name of each server in `proxy_servers` has letters, digits and `. _ -` alone",
            "Correct the name that the message quotes",
        ),
        (
            "proxy.stats-port",
            "`xitrum_proxy_stats_port` is a port where the proxy's software needs one",
            "Set a port from 1 to 65535",
        ),
        (
            "proxy.tls-files",
            "The files of the proxy's certificate and key are on the controller",
            "Put the file there, or correct the path",
        ),
        (
            "proxy.tls-pair",
            "The proxy has both a certificate and a key or neither, and redirects to HTTPS only where it has them",
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
            "reach.host",
            "`xitrum_reach_from` is a host of the inventory or `localhost`",
            "Correct the name; the message has the nearest one",
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
            "Set `xitrum_rollout_strategy` as the message says, and run without `--limit`",
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
            "Do what the message says: a command line is visible to every user of the host",
        ),
        (
            "supervisor.variables",
            "The variables of a supervisor have what this supervisor needs",
            "Set the variable that the message names",
        ),
        (
            "supervisor.writable-paths",
            "`supervisor_writable_paths` has absolute paths that neither the system nor the collection owns",
            "Use a folder of the application, such as the one in the message",
        ),
        (
            "variable.empty",
            "A variable that needs a value is not an empty text",
            "Set a value, or leave the variable out",
        ),
        (
            "variable.minimum",
            "A number that counts instances, releases, files or seconds of a wait is at least 1",
            "Raise the number; to take the application off a host, move the host to the group `xitrum_decommissioned`",
        ),
        (
            "variable.text",
            "A text that ends in a configuration file, on a command line or in a request has allowed characters alone",
            "Correct the value that the message quotes",
        ),
        (
            "variable.unknown",
            "A variable with the collection's prefix is one that a role has",
            "Correct the name; the message has the nearest one",
        ),
        (
            "variable.unusable",
            "A variable has a value: each variable in its template is set, and it has the type of its specification",
            "Set what the message names, or correct the value",
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
            "xitrum.name",
            "`xitrum_name` and `xitrum_user` are names that useradd takes",
            "Use at most 31 small letters, digits, `-` and `_`, with a letter or `_` first",
        ),
        (
            "xitrum.not-root",
            "The application does not run as root",
            "Name another user, which is created where it is missing",
        ),
        (
            "xitrum.own-options",
            "`xitrum_java_options` does not set what a variable of its own sets",
            "Remove the option, and set the variable that the message names",
        ),
        (
            "xitrum.ports",
            "The instances' ports from `xitrum_http_port` and `xitrum_https_port` on are from 1 to 65535",
            "Choose a port that leaves room for all instances",
        ),
        (
            "xitrum.ports-apart",
            "The HTTP ports and the HTTPS ports of the instances do not meet",
            "Set the two first ports further apart than the number of instances",
        ),
        (
            "xitrum.rolling-batch",
            "`xitrum_rolling_batch` is a number of instances from 1, or a share from 1% to 100%",
            "Write it as `2` or `25%`",
        ),
        (
            "xitrum.rollout-seconds",
            "The seconds of a rollout (drain, gate, lock) are not negative, and those of the lock at least 1",
            "Set the number of seconds that the message expects",
        ),
        (
            "xitrum.same-settings",
            "All hosts of an application have the same secure key, sessions and cluster settings",
            "Set the variable in the message once for the group `xitrum`",
        ),
        (
            "xitrum.secure-key",
            "`xitrum_secure_key` is a text of at least 16 characters",
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


def errors_of(rule: str, sentences: Iterable[str]) -> Iterator[Error]:
    """Yield an error of a rule for each sentence that is not empty."""
    return (Error(rule, sentence) for sentence in sentences if sentence)
