# SPDX-License-Identifier: Apache-2.0
"""What a device gets through memory-region, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_reachable
from carveout.boot.result import Exactness, Outcome
from carveout.change.remedies import Remedies, find_use_remedies
from carveout.change.trial import region_at
from carveout.explain.kernels import Facet, other_kernels
from carveout.explain.model import Explanation, Kind, Reason
from carveout.explain.region import explain_region, region_facet
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import ConsumerResult, PlacedRegion

_POOL_WORDS = {"cma": "contiguous pool", "dma": "coherent pool", "restricted": "restricted pool"}


def explain_device(
    board: Board,
    scene: Scene,
    boot: Boot,
    path: str,
    *,
    with_kernels: bool = True,
    with_remedies: bool = True,
) -> Explanation:
    """Explain what the device at `path` gets. with_kernels, with_remedies: whether to boot for these."""
    uses = tuple(use for use in boot.consumers if use.path == path)
    regions = dict.fromkeys(use.region for use in uses if use.region is not None)
    parts = tuple(
        explain_region(board, scene, boot, region, with_kernels=False, with_remedies=with_remedies)
        for region in regions
        if region_at(boot, region) is not None
    )
    refused = next((use for use in uses if use.errno is not None and use.region in regions), None)
    remedies = (
        find_use_remedies(board, scene, (path, refused.index), before=boot)
        if with_remedies and refused is not None
        else Remedies((), 0)
    )
    ranks = list(Exactness)
    told = [part.exactness for part in parts] + [use.exactness for use in uses]
    worst = max(told, key=ranks.index, default=boot.exactness)
    doubts = [doubt for part in parts for doubt in part.doubts]
    doubts += [doubt for use in uses for doubt in use.why.split("; ") if doubt]
    return Explanation(
        kind=Kind.DEVICE,
        subject=path,
        boot=boot,
        answer=tuple(_answer(board, boot, path, uses)),
        exactness=worst,
        doubts=tuple(dict.fromkeys(doubts)),
        asked=tuple(_asked(use) for use in uses),
        uses=uses,
        remedies=remedies.remedies,
        remedies_tried=remedies.tried,
        kernels=other_kernels(board, scene, boot, lambda b: _facet(b, path)) if with_kernels and uses else (),
        parts=parts,
    )


def _answer(board: Board, boot: Boot, path: str, uses: tuple[ConsumerResult, ...]) -> list[str]:
    node = board.tree.node(path)
    if not uses:
        return [_without(path), *_default(boot)]
    said = [_got(boot, use) for use in uses]
    if node is not None and not is_reachable(node):
        said.append("The device, or a node above it, is disabled: no driver asks.")
    return said


def _without(path: str) -> str:
    return f"{path} has no memory-region: the tree ties it to no region."


def _default(boot: Boot) -> list[str]:
    area = next((area for area in boot.cma if area.is_default), None)
    if not boot.ram_known:
        return ["Where the default contiguous area lies is not known, since RAM is not."]
    if area is None:
        return ["There is no default contiguous area either: its driver gets what the page allocator has."]
    place = format_range(Span.sized(area.base, area.size))
    where = f"{area.name} at {place}, {format_size(area.size)}"
    return [f"Contiguous buffers come from the default area {where}, unless an IOMMU makes them needless."]


def _got(boot: Boot, use: ConsumerResult) -> str:
    entry = f"memory-region [{use.index}]" + (f' "{use.name}"' if use.name else "")
    region = region_at(boot, use.region) if use.region is not None else None
    target = use.region or "a phandle that leads nowhere"
    if use.errno is not None:
        return f"{entry}: the driver gets -{use.errno} for {target}: {use.message}{_because(use, region)}."
    place = ""
    if region is not None and region.base is not None and region.size:
        place = f" at {format_range(Span.sized(region.base, region.size))}, {format_size(region.size)}"
    if use.bound_by:
        how = f" as its {_POOL_WORDS.get(use.bound_by, use.bound_by)}: the driver core attaches it"
    elif use.message:
        how = f": {use.message}"
    else:
        how = ": no pool, the driver maps it itself"
    return f"{entry}: {target}{place}{how}."


def _because(use: ConsumerResult, region: PlacedRegion | None) -> str:
    if region is None and use.region is not None:
        return ", because it is no child of the /reserved-memory that the kernel reads"
    if region is None or region.outcome is Outcome.PLACED:
        return ""
    why = region.why.removesuffix(region.doubt).removesuffix("; ")
    return f", because {why}" if why else ""


def _asked(use: ConsumerResult) -> Reason:
    name = f' "{use.name}"' if use.name else ""
    return Reason(f"[{use.index}]{name} {use.region or 'a phandle that leads nowhere'}", "memory-region")


def _facet(boot: Boot, path: str) -> Facet:
    uses = [use for use in boot.consumers if use.path == path]
    seen = [region_facet(boot, use.region) if use.region is not None else None for use in uses]
    key = tuple(
        (use.errno, use.bound_by, facet.key if facet else None) for use, facet in zip(uses, seen, strict=True)
    )
    said = [
        f"[{use.index}] -{use.errno}" if use.errno is not None
        else f"[{use.index}] {facet.text if facet else 'nothing'}"
        for use, facet in zip(uses, seen, strict=True)
    ]  # fmt: skip
    return Facet(key, "; ".join(said), None, None, boot.exactness)
