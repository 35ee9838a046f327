# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages the demo application and runs instances of it on this machine, for tests."""
import contextlib
import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field

PACKAGE_SH = pathlib.Path(__file__).resolve().parents[1] / "demo_app" / "package.sh"
STOCK_OPTIONS = "-XX:+IgnoreUnrecognizedVMOptions --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang.invoke=ALL-UNNAMED"
# With the quick compiler alone a JVM starts with two thirds of the work, and tests start many.
QUICK_START = "-XX:TieredStopAtLevel=1"
READY_SECONDS = 300
_given = set()


def build_package(out, name="demo-1", *options):
    """Runs package.sh and returns the package's folder."""
    subprocess.run([str(PACKAGE_SH), str(out), name, *options], check=True, stdin=subprocess.DEVNULL)
    return pathlib.Path(out)


def find_free_port():
    """A TCP port that is free now, below the kernel's range for outgoing connections, where none can grab it."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError("no free TCP port between 20000 and 32000")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self):
        return self.body.decode()


def request(port, path, method="GET", body=None, headers=None, host="127.0.0.1", timeout=10):
    """One request on a connection of its own. Raises http.client.RemoteDisconnected where the answer is empty."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def copy_package(source, root):
    """A package folder of its own for an instance; the jars are hard links, the rest may be changed."""
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("lib"))
    shutil.copytree(source / "lib", root / "lib", copy_function=_link)
    return root


def _link(source, target):
    # Across file systems there are no hard links.
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@dataclass
class Instance:
    """A running instance in the folder `root`. `settings` are -D properties; leaving the context kills it."""

    root: pathlib.Path
    settings: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    java_options: str = STOCK_OPTIONS
    port: int = 0
    process: subprocess.Popen = None

    def __post_init__(self):
        self.port = self.port or find_free_port()

    def start(self):
        defines = {"xitrum.port.http": self.port, **self.settings}
        options = " ".join([QUICK_START, self.java_options, *(f"-D{name}={value}" for name, value in defines.items() if value is not None)])
        environment = {**os.environ, "JDK_JAVA_OPTIONS": options.strip(), **self.environment}
        with open(self.root / "out", "wb") as out:
            self.process = subprocess.Popen(
                [str(self.root / "script" / "runner"), "quickstart.Boot"], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        return self

    def wait_ready(self, path="/trivial"):
        """Returns when `path` is answered at all; fails with what the instance reported where it ended or was too slow."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the instance ended with code {self.process.returncode} before it was ready:\n{self.read_output()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                request(self.port, path, timeout=2)
                # The log's last line shows that all ports are open.
                if "started in production mode" in self.read_log() or not (self.root / "log" / "xitrum.log").exists():
                    return self
            time.sleep(0.05)
        raise AssertionError(f"the instance was not ready after {READY_SECONDS} s:\n{self.read_output()}")

    def __enter__(self):
        return self.start().wait_ready()

    def __exit__(self, *unused):
        self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait_for_exit(self, timeout=READY_SECONDS):
        """Waits for the end. A shell's code: 128 + signal where a signal ended it."""
        try:
            code = self.process.wait(timeout)
        finally:
            self.kill()
        return code if code >= 0 else 128 - code

    def get(self, path, **more):
        return request(self.port, path, **more)

    def read_log(self):
        path = self.root / "log" / "xitrum.log"
        return path.read_text() if path.is_file() else ""

    def read_output(self):
        return f"{(self.root / 'out').read_text()}\n--- log/xitrum.log\n{self.read_log()}"

    def write_config(self, name, text):
        """Replaces a file of config/."""
        (self.root / "config" / name).write_text(text)
