# SPDX-License-Identifier: Apache-2.0
"""The example boards: each blob in the repository is its source, compiled; each scene names real options."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SOURCES = sorted(EXAMPLES.glob("*.dts"))
SCENES = sorted((EXAMPLES / "scenes").glob("*.toml"))

# The long options of CONTRACT.md that describe a scene.
SCENE_KEYS = {
    "kernel", "preset", "config", "arch", "page-size", "memory", "cmdline", "kernel-image", "image", "image-at", "dtb-at", "initrd",
    "efi", "cpu-va", "overlay", "behaviour",
}  # fmt: skip


def as_text(path: Path) -> str:
    """Return the tree of a .dts or .dtb as dtc prints it, sorted, with the warnings of dtc made errors."""
    kind = path.suffix.removeprefix(".")
    blob = subprocess.run(["dtc", "-@", "-I", kind, "-O", "dtb", str(path)], capture_output=True, check=True)
    if kind == "dts":
        assert blob.stderr == b""
    text = subprocess.run(
        ["dtc", "-q", "-s", "-I", "dtb", "-O", "dts"], input=blob.stdout, capture_output=True, check=True
    )
    return text.stdout.decode()


def test_there_are_examples() -> None:
    assert SOURCES
    assert SCENES
    assert {path.stem for path in EXAMPLES.glob("*.dtb")} == {path.stem for path in SOURCES}


@pytest.mark.dtc
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_blob_is_the_compiled_source(source: Path) -> None:
    assert as_text(source.with_suffix(".dtb")) == as_text(source)


@pytest.mark.parametrize("scene", SCENES, ids=lambda path: path.stem)
def test_scene_uses_option_names(scene: Path) -> None:
    assert tomllib.loads(scene.read_text()).keys() <= SCENE_KEYS
