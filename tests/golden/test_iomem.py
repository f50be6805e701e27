# SPDX-License-Identifier: Apache-2.0
"""/proc/iomem of every recorded boot that was asked for it, against what is predicted."""

from __future__ import annotations

import base64
import gzip
import json
import lzma
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.iomem import iomem
from carveout.boot.scene import Scene
from carveout.fdt import parse
from carveout.observe.iomem import kernel_image, parse_iomem
from support.recordings import recordings, scene_of

if TYPE_CHECKING:
    from carveout.boot.iomem import Iomem
    from carveout.observe.iomem import Resource
    from support.recordings import Recording

_KERNEL = "Kernel"
DATA = Path(__file__).resolve().parents[1] / "data" / "iomem"


def shown(recorded: Recording) -> tuple[Resource, ...] | None:
    files = (recorded.fields.get("probe") or {}).get("files") or {}
    lines = files.get("/proc/iomem")
    return None if lines is None else parse_iomem("\n".join(lines))


def predicted(recorded: Recording) -> Iomem:
    return iomem(boot(read_board(parse(recorded.dtb)), scene_of(recorded)))


def probed(arch: str) -> list[Recording]:
    return [recorded for recorded in recordings(arch=arch) if shown(recorded) is not None]


@pytest.mark.parametrize("arch", ["arm", "arm64", "riscv64", "ppc64"])
def test_ram_is_shown_as_it_was(arch: str) -> None:
    """Every outermost line of RAM, and no other, to the byte."""
    boots = probed(arch)
    assert len(boots) >= 8
    for recorded in boots:
        found = [
            (r.span, r.name)
            for r in shown(recorded) or ()
            if r.depth == 0 and (r.name == "System RAM" or r.name.lower() == "reserved")
        ]
        assert [(line.span, line.name) for line in predicted(recorded).lines if not line.depth] == found, (
            recorded.id
        )


@pytest.mark.parametrize("arch", ["arm64", "riscv64"])
def test_what_is_reserved_is_shown(arch: str) -> None:
    """Each predicted inner line is one of the kernel's, or part of one that later allocations made longer."""
    equal = longer = 0
    for recorded in probed(arch):
        inner = [r for r in shown(recorded) or () if r.depth == 1]
        for line in predicted(recorded).lines:
            if not line.depth:
                continue
            same = [r for r in inner if r.name == line.name and r.span.contains(line.span)]
            assert len(same) == 1, (recorded.id, line)
            equal += same[0].span == line.span
            longer += same[0].span != line.span
    assert equal > longer


@pytest.mark.parametrize("arch", ["arm", "ppc64"])
def test_nothing_reserved_is_shown_elsewhere(arch: str) -> None:
    for recorded in probed(arch):
        assert not [line for line in predicted(recorded).lines if line.depth]
        names = {r.name for r in shown(recorded) or () if r.depth == 1}
        assert all(name.startswith(_KERNEL) for name in names)


def booted() -> list[dict[str, Any]]:
    """Return the boots of tests/data/iomem."""
    text = lzma.decompress((DATA / "arm64.jsonl.xz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("row", booted(), ids=lambda row: f"{row['scenario']}-{row['release']}")
def test_boots_made_for_this(row: dict[str, Any]) -> None:
    """Crash kernels, borders within a page, neighbours: RAM to the byte, and every predicted line inside it."""
    real = parse_iomem("\n".join(row["iomem"]))
    scene = Scene(
        kernel=row["release"], kernel_image=kernel_image(real, "arm64"), dtb_at=int(row["dtb_at"], 16)
    )
    tree = parse(gzip.decompress(base64.b64decode(row["fdt"])))
    lines = iomem(boot(read_board(tree), scene)).lines
    assert [(line.span, line.name) for line in lines if not line.depth] == [
        (r.span, r.name) for r in real if r.depth == 0 and r.name in ("System RAM", "reserved")
    ]
    inner = [r for r in real if r.depth == 1]
    for line in lines:
        assert not line.depth or [r for r in inner if r.name == line.name and r.span.contains(line.span)], (
            line
        )
    assert [line.span for line in lines if line.name == "Crash kernel"] == [
        r.span for r in inner if r.name == "Crash kernel"
    ]
