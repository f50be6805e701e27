# SPDX-License-Identifier: Apache-2.0
"""Why the default contiguous area is where it is, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.boot.result import Exactness, StepKind
from carveout.boot.watch import watch
from carveout.change.remedies import find_smaller_default
from carveout.explain.attempts import attempt_of
from carveout.explain.kernels import Facet, other_kernels
from carveout.explain.model import SAID_ANYWAY, Explanation, Kind, Reason
from carveout.explain.region import explain_region, steps_of
from carveout.explain.windows import area_direction, area_window
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import CmaArea
    from carveout.explain.model import Attempt

SUBJECT = "default cma"
_SEARCHED = (StepKind.CMA, StepKind.FAIL)


def explain_default(
    board: Board, scene: Scene, boot: Boot, *, with_kernels: bool = True, with_remedies: bool = True
) -> Explanation:
    """Explain the default contiguous area. with_kernels, with_remedies: whether to boot for these."""
    area = next((area for area in boot.cma if area.is_default), None)
    parts: tuple[Explanation, ...] = ()
    if area is not None and area.from_region is not None:
        parts = (
            explain_region(board, scene, boot, area.from_region, with_kernels=False, with_remedies=False),
        )
    wanted = tuple(r for p in board.reserved_memory for r in p.regions if r.cma_default and r.depth == 1)
    if area is None or area.from_region is None:
        parts += tuple(
            explain_region(board, scene, boot, raw.path, with_kernels=False, with_remedies=with_remedies)
            for raw in wanted
        )
    remedies = find_smaller_default(board, scene, before=boot) if with_remedies and area is None else None
    return Explanation(
        kind=Kind.DEFAULT_POOL,
        subject=SUBJECT,
        boot=boot,
        answer=tuple(_answer(boot, area)),
        exactness=area.exactness if area is not None else boot.exactness,
        doubts=_doubts(boot, area),
        asked=_asked(boot),
        reasons=tuple(
            Reason(s.reason, s.source)
            for s in boot.trace
            if s.subject == SUBJECT and s.kind is not StepKind.CMA
        ),
        attempts=_attempts(board, scene, boot),
        steps=steps_of(boot, SUBJECT),
        kernels=other_kernels(board, scene, boot, _facet) if with_kernels else (),
        remedies=remedies.remedies if remedies is not None else (),
        remedies_tried=remedies.tried if remedies is not None else 0,
        parts=parts,
    )


def _answer(boot: Boot, area: CmaArea | None) -> list[str]:
    if area is None:
        return ["There is no default contiguous area.", *_why_none(boot)]
    place = f"{format_range(Span.sized(area.base, area.size))}, {format_size(area.size)}"
    made = "The tree gives none that counts: the kernel makes it itself."
    whose = f"It is the region {area.from_region}." if area.from_region else made
    said = [f"The default contiguous area lies at {place}.", whose]
    if not area.activated:
        said.append("It is never activated: it crosses the border of two zones or nodes.")
    others = [other.name for other in boot.cma if other is not area]
    if others:
        said.append(f"There are other areas, which are not the default: {', '.join(others[:6])}.")
    return said


def _why_none(boot: Boot) -> list[str]:
    if not boot.ram_known:
        return ["RAM is not known, so nothing can be placed."]
    if boot.scene.arch == "powerpc64":
        return ["Linux on powerpc makes no default area, whatever cma= and the tree say."]
    if not boot.profile.config.dma_cma:
        return ["This kernel is built without CONFIG_DMA_CMA."]
    steps = [s for s in boot.trace if s.subject == SUBJECT]
    if steps:
        return [steps[-1].reason[:1].upper() + steps[-1].reason[1:] + "."]
    if boot.outcome.value != "ok":
        return ["The boot does not come so far."]
    return []


def _doubts(boot: Boot, area: CmaArea | None) -> tuple[str, ...]:
    if area is not None:
        return (area.why,) if area.why else ()
    if boot.exactness is Exactness.EXACT:
        return ()
    return tuple(note for note in boot.notes if not note.startswith(SAID_ANYWAY))


def _asked(boot: Boot) -> tuple[Reason, ...]:
    words = [word for word in boot.scene.cmdline.split() if word.startswith("cma=")]
    config = boot.profile.config
    if not config.dma_cma:
        return ()
    granule = format_size(min_alignment(boot.profile))
    block = Reason(f"a multiple of {granule}, the block of the page allocator", "page size and configuration")
    if words:
        return (Reason(words[-1], "command line"), block)
    return (
        Reason(f"{config.cma_size_mbytes} MiB, unless a region with linux,cma-default is there in time",
               f"CONFIG_CMA_SIZE_MBYTES={config.cma_size_mbytes}, CONFIG_CMA_SIZE_SEL_{config.cma_size_sel.upper()}"),
        block,
    )  # fmt: skip


def _attempts(board: Board, scene: Scene, boot: Boot) -> tuple[Attempt, ...]:
    steps = [n for n, s in enumerate(boot.trace) if s.subject == SUBJECT and s.kind in _SEARCHED]
    if not steps:
        return ()
    seen = watch(board, scene, steps=steps)
    return tuple(
        attempt_of(search, area_window(board, boot, search), area_direction(search))
        for search in seen.searches
    )


def _facet(boot: Boot) -> Facet:
    area = next((area for area in boot.cma if area.is_default), None)
    if area is None:
        return Facet(None, "no default area", None, None, boot.exactness)
    place = format_range(Span.sized(area.base, area.size))
    whose = f", the region {area.from_region}" if area.from_region else ""
    key = (area.base, area.size, area.from_region, area.activated)
    return Facet(key, f"{place}, {format_size(area.size)}{whose}", area.base, area.size, area.exactness)
