# SPDX-License-Identifier: Apache-2.0
"""Thousands of real boards: every tree that Debian's kernel packages ship is read, and arm64 ones are booted.

    tools/fetch_dtbs.py DIR
    CARVEOUT_SLOW=1 CARVEOUT_DTBS=DIR pytest tests/oracle/test_debian_dtbs.py

What is held here is that nothing fails; that what is read is right is held by the differential tests with dtc.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.scene import Scene
from carveout.fdt import parse
from carveout.span import Span

FOLDER = os.environ.get("CARVEOUT_DTBS")
KERNELS = ("5.10", "6.1", "6.12", "7.2")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="set CARVEOUT_DTBS to a folder filled by tools/fetch_dtbs.py"),
]


def kernel_folders() -> list[Path]:
    """Return the folders that hold trees, one a kernel package."""
    if FOLDER is None or not Path(FOLDER).is_dir():
        return []
    return [path for path in sorted(Path(FOLDER).iterdir()) if path.is_dir() and any(path.rglob("*.dtb"))]


folders = kernel_folders()
every_folder = pytest.mark.parametrize("folder", folders, ids=[path.name for path in folders])
arm64_folders = [path for path in folders if path.name.endswith("-arm64")]
every_arm64_folder = pytest.mark.parametrize(
    "folder", arm64_folders, ids=[path.name for path in arm64_folders]
)


def blobs(folder: Path) -> list[tuple[str, bytes]]:
    return [
        (path.relative_to(folder).as_posix(), path.read_bytes()) for path in sorted(folder.rglob("*.dtb"))
    ]


def test_the_folder_holds_trees() -> None:
    assert folders, f"no .dtb file below {FOLDER}"


@every_folder
def test_every_tree_reads_and_has_a_board(folder: Path) -> None:
    failed = []
    for name, blob in blobs(folder):
        try:
            tree = parse(blob)
            for node in tree.nodes():
                for prop in node.properties:
                    assert len(prop.value) == prop.length
            read_board(tree)
        except Exception as error:  # noqa: BLE001 - every failure is wanted in the list, with its file
            failed.append(f"{name}: {type(error).__name__}: {error}")
    assert failed == []


@pytest.mark.parametrize("kernel", KERNELS)
@every_arm64_folder
def test_every_arm64_tree_boots(folder: Path, kernel: str) -> None:
    failed = []
    scenes = (
        Scene(kernel=kernel, arch="arm64"),
        # RAM said by the user, for the many trees that leave it to the firmware.
        Scene(kernel=kernel, arch="arm64", memory=(Span(0x4000_0000, 0x1_4000_0000),)),
    )
    for name, blob in blobs(folder):
        board = read_board(parse(blob))
        for scene in scenes:
            try:
                result = boot(board, scene)
                assert len({region.path for region in result.regions}) == len(result.regions)
                assert result.ram_known or not scene.memory
            except Exception as error:  # noqa: BLE001 - every failure is wanted in the list, with its file
                failed.append(
                    f"{name} ({scene.memory or 'RAM of the tree'}): {type(error).__name__}: {error}"
                )
    assert failed == []
