# SPDX-License-Identifier: Apache-2.0
"""Why a region is where it is, or nowhere."""

from __future__ import annotations

from string import hexdigits
from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.boot.result import BootOutcome, Exactness, Outcome, RegionKind, StepKind
from carveout.boot.watch import watch
from carveout.change.remedies import find_remedies
from carveout.change.trial import region_at
from carveout.explain.attempts import attempt_of
from carveout.explain.kernels import Facet, other_kernels
from carveout.explain.model import Explanation, Kind, Reason, StepTaken
from carveout.explain.windows import NO_WINDOW, placed_before, region_direction, region_window
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board, RegionNode
    from carveout.boot import Boot, Scene
    from carveout.boot.result import PlacedRegion, Step
    from carveout.explain.model import Attempt

_POOL_WORDS = {"cma": "a CMA pool", "dma": "a coherent DMA pool", "restricted": "a restricted DMA pool"}
_IMAGES = {"kernel": "The kernel", "dtb": "The device tree", "initrd": "The initrd"}
_MAX_UNIT = 16
_MAX_SHARED = 3
_SEARCHED = (StepKind.ALLOC, StepKind.FAIL)


def explain_region(
    board: Board,
    scene: Scene,
    boot: Boot,
    path: str,
    *,
    with_kernels: bool = True,
    with_remedies: bool = True,
) -> Explanation:
    """Explain what became of the region at `path`. with_kernels, with_remedies: whether to boot for these."""
    region = region_at(boot, path)
    if region is None:
        return _unseen(board, scene, boot, path)
    attempts, left_out = _attempts(board, scene, boot, region)
    remedies = find_remedies(board, scene, path, before=boot) if with_remedies else None
    return Explanation(
        kind=Kind.REGION,
        subject=path,
        boot=boot,
        answer=_answer(boot, region, attempts),
        exactness=region.exactness,
        doubts=tuple(part for part in region.doubt.split("; ") if part),
        asked=_asked(board, boot, region),
        reasons=_reasons(boot, region),
        attempts=attempts,
        attempts_left_out=left_out,
        steps=steps_of(boot, path),
        uses=tuple(use for use in boot.consumers if use.region == path),
        kernels=other_kernels(board, scene, boot, lambda b: region_facet(b, path)) if with_kernels else (),
        remedies=remedies.remedies if remedies is not None else (),
        remedies_tried=remedies.tried if remedies is not None else 0,
        region=region,
    )


def _unseen(board: Board, scene: Scene, boot: Boot, path: str) -> Explanation:
    # A node below /reserved-memory that this kernel does not count among the regions.
    return Explanation(
        kind=Kind.REGION,
        subject=path,
        boot=boot,
        answer=(
            f"Linux {boot.scene.kernel} does not look at {path}.",
            "It reads the children of the one node that it takes for /reserved-memory, and nothing below them.",
        ),
        exactness=Exactness.EXACT if not boot.profile.doubts else Exactness.MODELLED,
        doubts=boot.profile.doubts,
        kernels=other_kernels(board, scene, boot, lambda b: region_facet(b, path)),
    )  # fmt: skip


# ---- the answer in short ------------------------------------------------------------------------------------
def _answer(boot: Boot, region: PlacedRegion, attempts: tuple[Attempt, ...]) -> tuple[str, ...]:
    said = [_headline(region)]
    if region.outcome is Outcome.ALLOC_FAILED and region.hole is not None and region.requested_size:
        missing = region.requested_size - region.hole.usable
        usable = format_size(region.hole.usable)
        said.append(
            f"The largest free range that it may use, {format_range(region.hole.span)}, holds {usable} once "
            f"aligned: {format_size(missing)} too little."
        )
        said += _unbuilt(boot, region)
    elif region.outcome is not Outcome.PLACED:
        said += [_sentence(text) for text in _own_reasons(region)]
        if region.outcome is not Outcome.RELEASED:  # its region driver has said so
            said += _unbuilt(boot, region)
        if region.outcome is Outcome.IGNORED and not region.why and boot.outcome is not BootOutcome.OK:
            said.append("The boot dies before the kernel comes to it.")
    elif attempts and attempts[-1].found is not None:
        said.append(_way(attempts))
        said += _unit_address(region)
    if region.outcome is Outcome.PLACED and region.pool is None:
        said += _unbuilt(boot, region)
    said += _shared(boot, region)
    if any(area.from_region == region.path and not area.activated for area in boot.cma):
        said.append(
            "The area is never activated: it crosses the border of two zones or nodes, so nobody can allocate from it."
        )
    if any(window.size == region.requested_size for window in region.alloc_ranges):
        said.append("alloc-ranges is exactly as large as the region: whatever lies in it leaves no room.")
    return tuple(said)


def _way(attempts: tuple[Attempt, ...]) -> str:
    # From where the kernel looked, and what it passed.
    last = attempts[-1]
    passed = sum(not tried.is_taken for attempt in attempts for tried in attempt.tried)
    whole = "the lowest free range up" if last.bottom_up else "the highest free range down"
    start = "Within alloc-ranges the kernel" if last.window_why.because != NO_WINDOW else "The kernel"
    taken = "lowest" if last.bottom_up else "highest"
    if not passed:
        return (
            f"The kernel looks from {whole}; the first one is large enough, and it lies at its {taken} place."
        )
    ranges = "one free range was" if passed == 1 else f"{passed} free ranges were"
    return f"{start} looks from {whole}; {ranges} too small, the next one gives its {taken} place."


def _shared(boot: Boot, region: PlacedRegion) -> list[str]:
    # What the boot loader left there, and other regions. About most of these the kernel says nothing.
    if region.outcome is not Outcome.PLACED or region.base is None or not region.size:
        return []
    place = Span.sized(region.base, region.size)
    held = [(_IMAGES[c.who], Span.sized(c.base, c.size)) for c in boot.claims if c.who in _IMAGES]
    held += [
        (other.path, Span.sized(other.base, other.size))
        for other in boot.regions
        if other is not region and other.outcome is Outcome.PLACED and other.base is not None and other.size
    ]
    shared = [(name, span) for name, span in held if span.overlaps(place)]
    said = [
        f"{name} at {format_range(span)} has some of the same memory." for name, span in shared[:_MAX_SHARED]
    ]
    if len(shared) > _MAX_SHARED:
        said.append(f"So have {len(shared) - _MAX_SHARED} more regions.")
    return said


def _unit_address(region: PlacedRegion) -> list[str]:
    # People read an address in a node's name as its place.
    unit = region.name.partition("@")[2]
    if not unit or len(unit) > _MAX_UNIT or not all(char in hexdigits for char in unit):
        return []
    if region.base is None or int(unit, 16) == region.base:
        return []
    return [
        f"The address in its name, 0x{int(unit, 16):x}, means nothing to the kernel: only reg fixes a place."
    ]


def _headline(region: PlacedRegion) -> str:
    size = format_size(region.requested_size) if region.requested_size is not None else "an unknown size"
    place = (
        f"{format_range(Span.sized(region.base, region.size))}, {format_size(region.size)}"
        if region.base is not None and region.size
        else ""
    )
    pool = f" as {_POOL_WORDS[region.pool]}" if region.pool in _POOL_WORDS else ""
    return {
        Outcome.PLACED: f"{region.name} lies at {place}{pool}.",
        Outcome.RESERVE_FAILED: f"{region.name} asks for {place or size}, and is not reserved.",
        Outcome.ALLOC_FAILED: f"{region.name} gets no place: it asks for {size}"
        + (f" aligned to {format_size(region.align)}" if region.align else "")
        + ".",
        Outcome.RELEASED: f"{region.name} was reserved at {place}, and given back to the system.",
        Outcome.IGNORED: f"{region.name} is ignored: the kernel reserves nothing for it.",
        Outcome.UNKNOWN: f"{region.name} asks for {size}; where it lands is not known.",
    }[region.outcome]


def _unbuilt(boot: Boot, region: PlacedRegion) -> list[str]:
    # A region driver that this kernel does not have.
    config = boot.profile.config
    if "shared-dma-pool" in region.compatible and region.reusable and not config.dma_cma:
        return [
            "This kernel is built without contiguous memory for devices (CONFIG_DMA_CMA): nobody takes a reusable pool."
        ]
    if "restricted-dma-pool" in region.compatible and not config.dma_restricted_pool:
        return ["This kernel is built without restricted pools (CONFIG_DMA_RESTRICTED_POOL)."]
    return []


def _own_reasons(region: PlacedRegion) -> list[str]:
    text = region.why.removesuffix(region.doubt).removesuffix("; ")
    return [part for part in text.split("; ") if part]


def _sentence(text: str) -> str:
    # A parameter of the kernel (`cma=`) keeps its spelling.
    return (text if "=" in text.partition(" ")[0] else text[:1].upper() + text[1:]) + "."


# ---- what was asked for ---------------------------------------------------------------------------------------
def _asked(board: Board, boot: Boot, region: PlacedRegion) -> tuple[Reason, ...]:
    raw = next((r for p in board.reserved_memory for r in p.regions if r.path == region.path), None)
    asked: list[Reason] = []
    if region.requested_base is not None and region.requested_size:
        place = Span.sized(region.requested_base, region.requested_size)
        asked.append(Reason(f"{format_range(place)}, {format_size(place.size)}", "reg"))
    elif region.requested_size is not None:
        asked.append(
            Reason(format_size(region.requested_size), "reg" if region.kind is RegionKind.STATIC else "size")
        )
    if region.kind is RegionKind.DYNAMIC and region.align and raw is not None:
        asked.append(_alignment(boot, region, raw))
    asked += [
        Reason(f"within {format_range(window)}, {format_size(window.size)}" if window.size else "within nothing",
               "alloc-ranges")
        for window in region.alloc_ranges
    ]  # fmt: skip
    if region.nomap:
        asked.append(Reason("not mapped by the kernel", "no-map"))
    if region.reusable:
        asked.append(Reason("lent to the system while its devices do not need it", "reusable"))
    if region.compatible:
        asked.append(Reason(f"compatible {', '.join(region.compatible)}", "compatible"))
    if raw is not None and raw.cma_default:
        asked.append(Reason("to be the default contiguous pool", "linux,cma-default"))
    return tuple(asked)


def _alignment(boot: Boot, region: PlacedRegion, raw: RegionNode) -> Reason:
    align = region.align or 1
    given = int.from_bytes(raw.alignment.value, "big") if raw.alignment is not None else 0
    text = f"aligned to {format_size(align)}"
    if given == align:
        return Reason(text, "alignment")
    profile = boot.profile
    if "shared-dma-pool" in region.compatible and region.reusable and align == min_alignment(profile):
        because = f"alignment asks for {format_size(given)}" if given else "no alignment"
        return Reason(f"{text}, the block of the page allocator that a contiguous pool needs", because)
    return Reason(f"{text}, the least that memblock gives", "no alignment")


# ---- the steps ------------------------------------------------------------------------------------------------
_BECAUSE = {
    StepKind.RESERVE: "reg",
    StepKind.NOMAP: "no-map",
    StepKind.INIT: "compatible",
    StepKind.CMA: "reusable",
}


def _reasons(boot: Boot, region: PlacedRegion) -> tuple[Reason, ...]:
    reasons = []
    looked_at = region.kind is RegionKind.DYNAMIC and region.outcome is not Outcome.IGNORED
    before = placed_before(boot, region.path) if looked_at else []
    if before:
        order = boot.profile.behaviour.region_table
        how = "the order of the tree" if order == "two-pass" else "the order in which its sort leaves them"
        reasons.append(
            Reason(f"the kernel placed {_listed(before)} before it: {how}", f"region_table={order}")
        )
    searched = region.outcome is Outcome.ALLOC_FAILED and region.hole is not None
    for step in boot.trace:
        if step.subject != region.path or step.kind is StepKind.ALLOC:
            continue
        if step.kind is StepKind.FAIL and searched and step.size:
            continue  # the searches say it
        because = _BECAUSE.get(step.kind, step.source)
        if step.kind is StepKind.INIT and not region.compatible:
            because = "no compatible"
        reasons.append(Reason(_reason_text(step), because))
    return tuple(dict.fromkeys(reasons))


def _reason_text(step: Step) -> str:
    if step.kind is StepKind.RESERVE:
        return "reserved where reg says" + step.reason.removeprefix("reg").replace("; ", ", ")
    if step.kind is StepKind.NOMAP:
        return step.reason.removeprefix("reg with no-map: ").removeprefix("no-map: ")
    return step.reason


def _listed(names: list[str], most: int = 4) -> str:
    shown = ", ".join(name.rpartition("/")[2] for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def steps_of(boot: Boot, *subjects: str) -> tuple[StepTaken, ...]:
    """Return the steps that concern some subjects, with the lines that the kernel logs in each."""
    lines: dict[int, list[str]] = {}
    for line in boot.log_lines:
        lines.setdefault(line.step, []).append(line.text)
    return tuple(
        StepTaken(number, step, tuple(lines.get(number, ())))
        for number, step in enumerate(boot.trace)
        if step.subject in subjects
    )


def _attempts(
    board: Board, scene: Scene, boot: Boot, region: PlacedRegion
) -> tuple[tuple[Attempt, ...], int]:
    if region.kind is not RegionKind.DYNAMIC or not boot.ram_known:
        return (), 0
    steps = [n for n, s in enumerate(boot.trace) if s.subject == region.path and s.kind in _SEARCHED][:1]
    seen = watch(board, scene, steps=steps)
    return tuple(
        attempt_of(search, region_window(region, index), region_direction(boot, search, region.path))
        for index, search in enumerate(seen.searches)
    ), seen.left_out


def region_facet(boot: Boot, path: str) -> Facet:
    """Return what of a region is compared between kernels: its place and what became of it."""
    region = region_at(boot, path)
    if region is None:
        return Facet(None, "no region", None, None, Exactness.EXACT)
    text = {
        Outcome.PLACED: "placed",
        Outcome.RESERVE_FAILED: "not reserved",
        Outcome.ALLOC_FAILED: "no room",
        Outcome.RELEASED: "given back to the system",
        Outcome.IGNORED: "ignored",
        Outcome.UNKNOWN: "not known",
    }[region.outcome]
    if region.base is not None and region.size:
        text = f"{text} at {format_range(Span.sized(region.base, region.size))}"
    if region.pool in _POOL_WORDS:
        text += f" as {_POOL_WORDS[region.pool]}"
    key = (region.outcome, region.base, region.size, region.pool, region.driver)
    return Facet(key, text, region.base, region.size, region.exactness)
