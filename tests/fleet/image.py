# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that test hosts run: made of the machine's own Debian mirror, since no image registry is needed that way."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import apt
from .engine import CACHE, PREFIX, FleetError, add_sudo, build, get_client, list_tags, lock, run, translate_engine_errors

RECIPE = Path(__file__).parent / "image"
SUITES = ("bookworm", "bullseye", "trixie")
# Names an image to begin with that docker can pull, e.g. debian:{suite}; empty: one is made with mmdebstrap.
BASE_VARIABLE = "FLEET_BASE_IMAGE"
_BOOTSTRAP = ("--quiet", "--variant=minbase", "--mode=root", "--include=ca-certificates")
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
WITH_PACKAGES = f"{PREFIX}-with-packages"
# The label by which an image of the same recipe is found again, whichever clone made it. It is the last instruction of image/Dockerfile:
# an image that is derived from ours inherits the label, and has an instruction of its own after it.
_RECIPE_LABEL = "xitrum.fleet.recipe"


@translate_engine_errors()
def ensure(suite: str, packages: tuple[str, ...] = ()) -> str:
    """The name of the image for hosts of a Debian suite with `packages` installed, which is made first where it does not exist."""
    plain = _ensure_plain(suite)
    return _add_packages(plain, packages) if packages else plain


def _ensure_plain(suite: str) -> str:
    """The image of a host as a provider hands it out."""
    return build_once(suite, suite, sorted(RECIPE.iterdir()), lambda folder: shutil.copytree(RECIPE, folder, dirs_exist_ok=True))


@translate_engine_errors()
def build_once(family: str, suite: str, inputs: list[Path], fill: Callable[[Path], object]) -> str:
    """The name of an image on top of a minimal Debian of a suite, which is built only where no clone on this machine has it.

    `family` is the first part of its tag: only the newest of a family is kept. `inputs` are the files that decide what is in
    it, and `fill` puts a Dockerfile and what it copies into a folder. The Dockerfile takes BASE, and ends with the label RECIPE.
    """
    if suite not in SUITES:
        raise FleetError(f"suite {suite!r}: expected one of {', '.join(SUITES)}")
    base = os.environ.get(BASE_VARIABLE, "").replace("{suite}", suite)
    settings = _read_machine_settings(suite) if not base else {}
    recipe = _compute_recipe(suite, base, settings, inputs)
    name = f"{PREFIX}:{family}-{recipe}"
    # One at a time: the second finds what the first has made.
    with lock(f"image-{family}"):
        if name not in _list_names(family) or not is_plain(name, recipe):
            made_before = find_plain(recipe)
            if made_before:
                get_client().api.tag(made_before, *name.split(":"))
            else:
                _build(name, suite, recipe, base, settings, fill)
            for outdated in _list_names(family) - {name}:
                if not get_client().api.containers(all=True, filters={"ancestor": outdated}):
                    get_client().api.remove_image(outdated)
    return name


@translate_engine_errors()
def remove_all() -> None:
    """Remove all images of this clone."""
    for name in sorted(list_tags(WITH_PACKAGES)) + sorted(list_tags(PREFIX)):
        get_client().api.remove_image(name)


def find_plain(recipe: str) -> str:
    """The id of an image that a clone on this machine made of the recipe; empty where there is none."""
    labelled = get_client().api.images(quiet=True, filters={"label": f"{_RECIPE_LABEL}={recipe}"})
    return next((found for found in dict.fromkeys(labelled) if is_plain(found, recipe)), "")


def is_plain(image: str, recipe: str) -> bool:
    """Whether the recipe made this very image. One that somebody derived from it has the label too, but not as its last instruction."""
    history = get_client().api.history(image)
    # The classic builder writes its own words in front of an instruction, BuildKit behind it.
    last = history[0]["CreatedBy"].removeprefix("/bin/sh -c #(nop)") if history else ""
    words = last.partition("#")[0].split()
    return words == ["LABEL", f"{_RECIPE_LABEL}={recipe}"]


def _add_packages(plain: str, packages: tuple[str, ...]) -> str:
    """An image of its own, so that many hosts have them without each installing them."""
    # By its id: its name may have been another image's before.
    plain = get_client().api.inspect_image(plain)["Id"]
    # Its lists name what is in its cache alone, and an update replaces only those of archives that have changed since.
    install = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    recipe = f"FROM {plain}\nRUN {install} || {{ rm -r /var/lib/apt/lists && apt-get update && {install}; }}\n"
    name = f"{WITH_PACKAGES}:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with lock("image-with-packages"):
        if name not in list_tags(WITH_PACKAGES):
            build(name, recipe)
    return name


def _list_names(family: str) -> set[str]:
    """The names under which this clone has images of a family."""
    return {name for name in list_tags(PREFIX) if name.startswith(f"{PREFIX}:{family}-")}


def _build(name: str, suite: str, recipe: str, base: str, settings: dict[str, str], fill: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        if not base:
            base = f"{name}-base"
            _bootstrap(suite, settings, Path(folder), base)
        context = Path(folder) / "context"
        context.mkdir()
        fill(context)
        build(name, context, {"BASE": base, "RECIPE": recipe})


def _compute_recipe(suite: str, base: str, settings: dict[str, str], inputs: list[Path]) -> str:
    """A short hash of all that decides what is in the image."""
    hashed = hashlib.sha256(repr((suite, base, _BOOTSTRAP, sorted(settings.items()))).encode())
    for file in sorted(inputs):
        hashed.update(file.name.encode() + file.read_bytes())
    return hashed.hexdigest()[:12]


def _read_machine_settings(suite: str) -> dict[str, str]:
    """Files, by their path in the host, with which a host reaches the mirror as this machine does."""
    sources = []
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if path.suffix == ".sources":
            sources += apt.parse_deb822(path.read_text(encoding="utf-8"))
        elif path.suffix == ".list" and path.exists():
            sources += apt.parse_one_line(path.read_text(encoding="utf-8"))
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line)
    codename = release.get("VERSION_CODENAME", "").strip('"')
    main, security = apt.find_mirrors(sources, codename)
    if release.get("ID") != "debian" or main is None:
        raise FleetError(
            f"found no Debian mirror for {codename or 'this release'} in /etc/apt; expected one to make the test hosts from. "
            f"Name an image that docker can pull instead: {BASE_VARIABLE}='debian:{{suite}}'"
        )
    files = {
        "/etc/apt/sources.list": "\n".join(apt.render_sources_list(main, security, suite)) + "\n",
        "/etc/apt/apt.conf.d/90machine": "\n".join(apt.find_acquire_settings(run("apt-config", "dump"))) + "\n",
    }
    for certificate in sorted(_CERTIFICATES.glob("*.crt")):
        files[str(certificate)] = certificate.read_text(encoding="utf-8")
    return files


def _bootstrap(suite: str, settings: dict[str, str], folder: Path, name: str) -> None:
    """Import a minimal Debian with those settings as the image `name`."""
    tree = folder / "tree"
    for path, text in settings.items():
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    sources = tree / "etc/apt/sources.list"
    archive = folder / "base.tar"
    run(
        *add_sudo("mmdebstrap", *_BOOTSTRAP),
        f"--aptopt={tree}/etc/apt/apt.conf.d/90machine",
        f"--customize-hook=sync-in {tree} /",
        "--customize-hook=chroot \"$1\" update-ca-certificates",
        suite, str(archive), "-", stdin=sources.read_text(encoding="utf-8"),
    )  # fmt: skip
    repository, tag = name.split(":")
    answer = get_client().api.import_image_from_file(str(archive), repository=repository, tag=tag)
    # The engine answers with a success first, and reports line by line what came of it.
    if '"error"' in answer:
        raise FleetError(f"the Docker engine did not import {name}: {answer.strip().splitlines()[-1]}")
