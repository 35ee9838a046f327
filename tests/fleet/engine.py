# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine by its SDK, and the names of what this clone makes with it. Everything in tests/ reaches it from here."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import io
import os
import struct
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import requests
from docker.errors import APIError, BuildError, DockerException

CLONE = Path(__file__).resolve().parents[2]
CACHE = CLONE / ".cache"

# Two clones on one machine must neither see nor remove each other's hosts.
PREFIX = "xitrum-" + hashlib.sha256(str(CLONE).encode()).hexdigest()[:8]

# Every container and network carries it, with the fleet's name as its value.
LABEL = f"{PREFIX}.fleet"

#: How many hosts start at a time, each with connections of its own.
AT_ONCE = 16
_LINES_OF_ERRORS = 15
#: The header of a part of a command's output.
_FRAME = struct.Struct(">BxxxL")


class FleetError(Exception):
    """What was found, what was desired, and what to do next: shown without a traceback."""


class CommandTimeout(FleetError):
    """A command in a container that takes longer than it may."""


@contextlib.contextmanager
def translate_engine_errors() -> Iterator[None]:
    """Raise FleetError, with the engine's own words, for what the engine refuses or where it does not answer. Also a decorator."""
    try:
        yield
    except BuildError as error:
        log = "".join(part.get("stream", "") for part in error.build_log)
        raise FleetError(f"the image was not built: {error.msg}\n{_end(log)}") from error
    except APIError as error:
        raise FleetError(f"the Docker engine refused a request: {error.explanation or error}") from error
    except (DockerException, requests.RequestException) as error:
        raise FleetError(f"the Docker engine does not answer: {error}") from error


@functools.cache
def get_client() -> docker.DockerClient:
    """The client of the engine that the `docker` command would use. No request has a time limit: an image takes minutes."""
    with translate_engine_errors():
        return docker.from_env(timeout=None, max_pool_size=AT_ONCE)


@translate_engine_errors()
def execute(container: str, *command: str, environment: dict[str, str] | None = None, seconds: float | None = None) -> str:
    """Standard output of a command that root runs in a container; FleetError with the end of its errors where it fails or takes longer."""
    code, out, err = attempt(container, *command, environment=environment, seconds=seconds)
    if code != 0:
        raise FleetError(f"`{' '.join(command)}` in {container} ended with code {code}:\n{_end(err or out)}")
    return out


@translate_engine_errors()
def attempt(
    container: str, *command: str, environment: dict[str, str] | None = None, folder: str | None = None, seconds: float | None = None
) -> tuple[int, str, str]:
    """Exit code, standard output and errors of a command that root runs in a container; CommandTimeout after `seconds`."""
    api = get_client().api
    process = api.exec_create(container, list(command), environment=environment, workdir=folder)["Id"]
    streams: list[bytes] = []

    def read() -> None:
        # A failure shows below, in the result that is missing.
        with contextlib.suppress(DockerException, OSError):
            streams.extend(_start_process(api, process))

    # The SDK waits for output without an end, so something else must watch the clock.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(seconds)
    if reader.is_alive():
        raise CommandTimeout(f"`{' '.join(command)}` in {container} still runs after {seconds} s")
    code = api.exec_inspect(process)["ExitCode"]
    if not streams or code is None:
        raise FleetError(f"`{' '.join(command)}` in {container} has no result: the container or the engine ended before it")
    out, err = (stream.decode(errors="replace") for stream in streams)
    return code, out, err


def _start_process(api: docker.APIClient, process: str) -> tuple[bytes, bytes]:
    """Start a process that was made in a container: its standard output and errors when it has ended.

    The SDK's exec_start reads them past the buffer with which it has read the header of the response, and loses what came with it.
    """
    response = api.post(f"{api.base_url}/v{api.api_version}/exec/{process}/start", json={"Detach": False, "Tty": False})
    response.raise_for_status()
    return _split_streams(response.content)


def _split_streams(content: bytes) -> tuple[bytes, bytes]:
    """Standard output and errors, of frames as the engine sends them: a header with the stream and the size, and that many bytes."""
    streams, begin = {1: b"", 2: b""}, 0
    while begin < len(content):
        stream, size = _FRAME.unpack_from(content, begin)
        begin += _FRAME.size
        streams[stream] += content[begin:begin + size]
        begin += size
    return streams[1], streams[2]


@translate_engine_errors()
def restart(container: str, stop_seconds: int) -> None:
    """End a container, by force where that takes longer than `stop_seconds`, and start it again: a host's reboot."""
    get_client().api.restart(container, timeout=stop_seconds)


@translate_engine_errors()
def pause(container: str) -> None:
    """Stop every process of a container where it is: a host that stands still, with its connections open.

    While processes come and go, a freezer of cgroup v1 gives up now and then; then it is tried again, at most 20 times.
    """
    refusal = None
    for _attempt in range(20):
        try:
            get_client().api.pause(container)
            return
        except APIError as error:
            if "unable to freeze" not in str(error.explanation):
                raise
            refusal = error
            time.sleep(0.5)
    raise refusal


@translate_engine_errors()
def unpause(container: str) -> None:
    """Let a paused container go on."""
    get_client().api.unpause(container)


@translate_engine_errors()
def copy_in(file: Path, container: str, path: str) -> None:
    """Copy a file to `path` in a container, of which the folder is there. It belongs to root."""
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tar.gettarinfo(str(file), arcname=Path(path).name)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            with file.open("rb") as content:
                tar.addfile(entry, content)
        archive.seek(0)
        get_client().api.put_archive(container, str(Path(path).parent), archive)


@translate_engine_errors()
def copy_out(container: str, path: str, folder: Path) -> None:
    """Copy what the folder `path` of a container holds into `folder`, which is made where it is missing."""
    stream, _stat = get_client().api.get_archive(container, path)
    with tempfile.TemporaryFile() as archive:
        for chunk in stream:
            archive.write(chunk)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            top, *members = tar.getmembers()
            for member in members:
                member.name = str(Path(member.name).relative_to(top.name))
            folder.mkdir(parents=True, exist_ok=True)
            tar.extractall(folder, members, filter="data")


@translate_engine_errors()
def build(name: str, recipe: Path | str, arguments: dict[str, str] | None = None) -> None:
    """Build the image `name` of a folder with a Dockerfile, or of a Dockerfile's text alone."""
    # The builder that every engine has: no plug-in is requested.
    source = {"path": str(recipe)} if isinstance(recipe, Path) else {"fileobj": io.BytesIO(recipe.encode())}
    get_client().images.build(tag=name, buildargs=arguments or {}, rm=True, forcerm=True, **source)


@translate_engine_errors()
def list_tags(repository: str) -> set[str]:
    """The names, with their tags, of a repository's images."""
    names = (name for found in get_client().api.images(name=repository) for name in found.get("RepoTags") or [])
    # An image may have names of other repositories as well.
    return {name for name in names if name.startswith(f"{repository}:")}


def run(*command: str, stdin: str | None = None) -> str:
    """Standard output of a command of this machine; FleetError with the end of its errors where it fails."""
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise FleetError(f"`{' '.join(command)}` ended with code {result.returncode}:\n{_end(result.stderr or result.stdout)}")
    return result.stdout


def add_sudo(*command: str) -> tuple[str, ...]:
    """The command, with sudo in front of it where this process is not root."""
    return command if os.geteuid() == 0 else ("sudo", *command)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Commands that hold the same lock at the same time follow each other."""
    folder = CACHE / "fleet"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_LINES_OF_ERRORS:])
