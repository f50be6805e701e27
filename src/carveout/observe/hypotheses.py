# SPDX-License-Identifier: Apache-2.0
"""What could be otherwise than the scene says, when a boot in it does not show what was seen.

A hypothesis is a scene, or a tree, with one thing changed, and words for it. None is believed: each is booted, and
one that does not bring the boot nearer to what was seen is dropped. What the scene leaves open is tried first; it
is no contradiction, only something nobody said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

from carveout.boot.cma import min_alignment
from carveout.boot.result import RegionKind
from carveout.kernel import resolve
from carveout.kernel.behaviour import Behaviour
from carveout.kernel.changes import CHANGES
from carveout.kernel.profile import PAGE_SIZES, concerns
from carveout.kernel.vendor import Vendor
from carveout.observe.log_scene import Open, ram_of
from carveout.observe.tree_changes import tree_changes
from carveout.span import KIB, MIB, Span, intersect, round_down, round_up, union
from carveout.units import format_size
from carveout.values import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.boot.scene import Scene
    from carveout.observe.item import Item
    from carveout.observe.log import BootLog
    from carveout.observe.log_messages import Said

SERIES = ("6.12", "6.1", "5.10", "6.18", "6.6", "5.15", "7.2")
"""Kernels tried when nothing says which it was: the booted ones, then long-term ones between."""
_BEFORE_ALL = {"init_failure_undo": "kept"}
"""Behaviour of kernels older than any that is simulated."""
_IMAGE_SIZE = 32 * MIB
"""About what a kernel of a distribution reserves for itself; only tried where nothing says it."""
_PAGE = 4 * KIB
_MOST_PLACES = 12
_MOST_ENTRIES = 32
_MOST_SIZES = 4
_USUAL_ORDER = {"orders": 11, "order": 10}
"""The highest order of pages unless a configuration says otherwise, by how it is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One thing changed."""

    kind: str
    """As Cause.kind."""
    text: str
    """What would be so, as a sentence without a full stop."""
    scene: Scene
    board: Board | None = None
    """The tree to boot instead; None: the one given."""
    evidence: tuple[str, ...] = ()
    is_open: bool = False
    """The scene does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What hypotheses are made from."""

    board: Board
    scene: Scene
    boot: Boot
    log: BootLog | None
    items: Sequence[Item]
    """The differences, and what agrees."""
    open: frozenset[Open]


def deductions(now: Situation) -> Iterator[Hypothesis]:
    """Yield hypotheses about what the scene leaves open."""
    for hypothesis in _about_the_scene(now):
        if hypothesis.is_open:
            yield hypothesis


def pairs(now: Situation) -> Iterator[tuple[Hypothesis, Hypothesis]]:
    """Yield two hypotheses together: where something lies, and with it how the kernel is configured or where it is.

    The second one's scene has the first in it.
    """
    for first in _occupants(now):
        if not first.is_open:
            continue
        with_first = replace(now, scene=first.scene)
        for second in (*_default_area(with_first), *_options(with_first), *_occupants(with_first)):
            if second.is_open and second.text != first.text and _scene_keeps(first, second):
                yield first, second


def _scene_keeps(first: Hypothesis, second: Hypothesis) -> bool:
    # The second one may be about the same thing as the first: then it is no pair.
    one, two = first.scene, second.scene
    return (one.dtb_at, one.kernel_image) == (two.dtb_at, two.kernel_image) or (
        one.dtb_at == two.dtb_at and one.kernel_image is None
    )


def explanations(now: Situation) -> Iterator[Hypothesis]:
    """Yield hypotheses that contradict what the scene or the tree says, the plain ones first."""
    is_known = not now.boot.profile.doubts and Open.CONFIG not in now.open
    if not is_known:
        yield from (hypothesis for hypothesis in _about_the_scene(now) if not hypothesis.is_open)
    else:
        # The very build is known: only what is not part of it can be otherwise.
        yield from (one for one in _default_area(now) if one.kind == "cmdline" and not one.is_open)
    yield from _firmware_memory(now)
    for change in tree_changes(now.board, now.items):
        yield Hypothesis(
            kind=change.kind, text=change.text, scene=now.scene, board=change.board, evidence=change.evidence
        )
    if not is_known:
        yield from _other_kernels(now)
        yield from _vendor(now)


def kernels(scene: Scene) -> Iterator[Hypothesis]:
    """Yield one hypothesis for each kernel that may have printed a log that does not say which it was."""
    for series in SERIES:
        yield Hypothesis(
            kind="kernel",
            text=f"the kernel is like Linux {series}",
            scene=replace(scene, kernel=series),
            is_open=True,
        )
    yield _older(scene)


def _older(scene: Scene) -> Hypothesis:
    return Hypothesis(
        kind="kernel",
        text="the kernel is older than Linux 5.10: what a refused region had reserved stays reserved",
        scene=replace(scene, kernel=scene.kernel or "5.10", behaviour={**_BEFORE_ALL, **scene.behaviour}),
        is_open=True,
    )


def _about_the_scene(now: Situation) -> Iterator[Hypothesis]:
    yield from _page_sizes(now)
    yield from _default_area(now)
    yield from _options(now)
    yield from _occupants(now)
    if Open.OLDER in now.open:
        yield _older(now.scene)


def _other_kernels(now: Situation) -> Iterator[Hypothesis]:
    # A user may be wrong about the kernel, its own banner is not.
    if Open.KERNEL not in now.open and (now.log is None or now.log.release is None):
        for hypothesis in kernels(now.scene):
            yield replace(hypothesis, is_open=False)


# ------------------------------------------------------------- configuration, command line


def _page_sizes(now: Situation) -> Iterator[Hypothesis]:
    for size in PAGE_SIZES.get(now.boot.scene.arch, ()):
        if size != now.boot.scene.page_size and _may_be(now, size):
            yield Hypothesis(
                kind="page-size",
                text=f"the kernel has pages of {format_size(size)}",
                scene=replace(now.scene, page_size=size),
                is_open=Open.PAGE_SIZE in now.open,
            )


def _may_be(now: Situation, page_size: int) -> bool:
    # No area that was seen may be smaller than the blocks that such a kernel makes areas of.
    scene, arch = now.scene, now.boot.scene.arch
    profile = resolve(
        now.boot.scene.kernel,
        arch=arch,
        preset=scene.preset,
        page_size=page_size,
        overrides=scene.behaviour,
        config=scene.config,
        vendor=scene.vendor,
    )
    block = min_alignment(profile)
    return not any((said.get("mib") or 0) * MIB % block for said in _seen(now, "cma-reserved", "cma-created"))


def _default_area(now: Situation) -> Iterator[Hypothesis]:
    sizes = _default_sizes(now)
    said = _seen(now, "cma-bypass", "cma-skipped")
    for mib in sizes:
        line = next(iter(_seen(now, "cma-reserved", "cma-failed")), None)
        evidence = (line.text,) if line is not None else ()
        if not said:
            yield _configured(now, {"CMA_SIZE_MBYTES": str(mib), "CMA_SIZE_SEL_MBYTES": "y"}, evidence)
        yield _with_cmdline(now, f"cma={mib}M", (*evidence, *(one.text for one in said)))
    if said and not sizes:
        yield _with_cmdline(now, "cma=0", tuple(one.text for one in said))
    words = now.boot.scene.cmdline.split()
    if any(word.startswith("cma=") for word in words):
        rest = " ".join(word for word in words if not word.startswith("cma="))
        yield Hypothesis(
            kind="cmdline",
            text="the command line has no cma=",
            scene=replace(now.scene, cmdline=rest),
            is_open=Open.CMDLINE in now.open,
        )


def _default_sizes(now: Situation) -> list[int]:
    found: list[int] = []
    for said in _seen(now, "cma-reserved", "cma-failed"):
        mib = said.get("mib")
        if mib is not None and 0 < mib < 1 << 20 and mib not in found:
            found.append(mib)
    return found[:_MOST_SIZES]


def _with_cmdline(now: Situation, argument: str, evidence: tuple[str, ...]) -> Hypothesis:
    words = [word for word in now.boot.scene.cmdline.split() if not word.startswith("cma=")]
    return Hypothesis(
        kind="cmdline",
        text=f"the command line has {argument}",
        scene=replace(now.scene, cmdline=" ".join([*words, argument])),
        evidence=evidence,
        is_open=Open.CMDLINE in now.open,
    )


def _options(now: Situation) -> Iterator[Hypothesis]:
    config = now.boot.profile.config
    if config.dma_cma:
        yield _configured(now, {"DMA_CMA": "n", "CMA": "n"}, ())
    else:
        yield _configured(now, {"DMA_CMA": "y", "CMA": "y"}, ())
        for mib in _default_sizes(now):
            yield _configured(now, {"DMA_CMA": "y", "CMA": "y", "CMA_SIZE_MBYTES": str(mib)}, ())
    yield _configured(now, {"DMA_RESTRICTED_POOL": "n" if config.dma_restricted_pool else "y"}, ())
    if config.dma_declare_coherent:
        yield _configured(now, {"DMA_DECLARE_COHERENT": "n"}, ())
    if config.transparent_hugepage or config.hugetlb_page:
        yield _configured(now, {"TRANSPARENT_HUGEPAGE": "n", "HUGETLB_PAGE": "n"}, ())
    yield _configured(now, {"ZONE_DMA": "n" if config.zone_dma else "y"}, ())
    usual = _USUAL_ORDER[now.boot.profile.behaviour.max_order_counts]
    if config.max_order != usual:
        yield _configured(now, {"ARCH_FORCE_MAX_ORDER": str(usual)}, ())
    yield _configured(now, {"CMA_AREAS": "7"}, ())


def _configured(now: Situation, options: dict[str, str], evidence: tuple[str, ...]) -> Hypothesis:
    before = now.scene.vendor
    merged = dict(before.config if before is not None else ()) | options
    vendor = Vendor(
        name="as the log shows" if before is None else before.name,
        base=before.base if before is not None else now.boot.scene.kernel,
        behaviour=before.behaviour if before is not None else (),
        config=tuple(sorted(merged.items())),
    )
    words = ", ".join(f"CONFIG_{name}={value}" for name, value in options.items() if "_SEL_" not in name)
    return Hypothesis(
        kind="config",
        text=f"the kernel is configured with {words}",
        scene=replace(now.scene, vendor=vendor, kernel=now.scene.kernel or now.boot.scene.kernel),
        evidence=evidence,
        is_open=Open.CONFIG in now.open,
    )


# ------------------------------------------------------------- where things lie


def _occupants(now: Situation) -> Iterator[Hypothesis]:
    if Open.TREE_PLACE in now.open:
        for at in _places(now):
            yield Hypothesis(
                kind="scene",
                text=f"the device tree, or something else that is reserved early, lies at 0x{at:x} (--dtb-at 0x{at:x})",
                scene=replace(now.scene, dtb_at=at),
                evidence=("that is the border of what was placed",),
                is_open=True,
            )
        for name, middle, line in _refused_rooms(now):
            yield Hypothesis(
                kind="scene",
                text=f"the device tree, or something else that is reserved early, lies where {name} would have room, "
                f"for example at 0x{middle:x} (--dtb-at 0x{middle:x})",
                scene=replace(now.scene, dtb_at=middle),
                evidence=(line,),
                is_open=True,
            )
    if Open.IMAGE_PLACE in now.open and now.boot.scene.memory:
        start = now.boot.scene.memory[0].start
        for at in (start, round_up(start + 1, 2 * MIB)):
            image = Span.sized(at, _IMAGE_SIZE)
            yield Hypothesis(
                kind="scene",
                text=f"the kernel image lies at the start of RAM, for example at 0x{at:x}+0x{_IMAGE_SIZE:x} (--kernel-image)",
                scene=replace(now.scene, kernel_image=image),
                is_open=True,
            )


def _refused_rooms(now: Situation) -> Iterator[tuple[str, int, str]]:
    # A machine that finds no room where the boot finds some has somebody in the middle of it: (region, middle, line).
    for said in _seen(now, "alloc-failed"):
        for region in now.boot.regions:
            if region.name != said.name or region.kind is not RegionKind.DYNAMIC or region.base is None:
                continue
            windows = region.alloc_ranges or now.boot.scene.memory
            for room in intersect(union(windows), union(now.boot.scene.memory)):
                if room.start <= region.base < room.end:
                    yield region.name, round_down(room.start + room.size // 2, 2 * MIB), said.text


def _places(now: Situation) -> list[int]:
    # What is placed from the top down ends where something begins; from the bottom up it begins where it ends.
    size = round_up(len(now.board.tree.blob), _PAGE)
    candidates: list[int] = []
    for item in now.items:
        if not item.is_difference or item.said is None:
            continue
        base = item.said.get("base")
        last, mib = item.said.get("last"), item.said.get("mib")
        if base is None or (last is None and mib is None):
            continue
        end = last + 1 if last is not None else base + (mib or 0) * MIB
        candidates += [end, end + 2 * MIB - size, end + MIB, base - size]
    candidates = candidates[:_MOST_PLACES]
    if now.log is not None and now.log.dump is not None:
        # It is at one end of an entry, where its neighbours were joined with it.
        for entry in now.log.dump.reserved[:_MOST_ENTRIES]:
            if entry.size >= len(now.board.tree.blob):
                candidates += [entry.base, entry.base + entry.size - len(now.board.tree.blob)]
    return [
        place
        for place in dict.fromkeys(candidates)
        if place > 0 and any(span.contains(Span.sized(place, size)) for span in now.boot.scene.memory)
    ]


def _firmware_memory(now: Situation) -> Iterator[Hypothesis]:
    if now.log is None or Open.MEMORY in now.open or now.scene.memory or now.scene.efi:
        return
    spans, source = ram_of(now.log)
    if spans and spans != now.boot.scene.memory:
        yield Hypothesis(
            kind="firmware",
            text="the firmware changed the memory nodes: RAM is "
            + ", ".join(f"0x{span.size:x}@0x{span.start:x}" for span in spans[:8]),
            scene=replace(now.scene, memory=spans),
            evidence=(source,),
        )


# ------------------------------------------------------------- vendors


def _vendor(now: Situation) -> Iterator[Hypothesis]:
    hints = get_type_hints(Behaviour)
    current = now.boot.profile.behaviour
    for name in Behaviour._fields:
        if name in now.scene.behaviour or not concerns(name, now.boot.scene.arch):
            continue
        for value in get_args(hints[name]):
            if value == getattr(current, name):
                continue
            yield Hypothesis(
                kind="vendor",
                text=f"this kernel differs from Linux {now.boot.scene.kernel} as --behaviour {name}={value} says",
                scene=replace(now.scene, behaviour={**now.scene.behaviour, name: str(value)}),
                evidence=_history(name, value),
            )


def _history(name: str, value: object) -> tuple[str, ...]:
    for change in CHANGES:
        if change.field == name and change.value == value:
            commit = f", commit {change.commit}" if change.commit else ""
            return (f"mainline does so since {change.release or f'about {change.certain_from}'}{commit}",)
    return ("older mainline does so",)


def _seen(now: Situation, *families: str) -> list[Said]:
    said: Iterable[Said] = now.log.said if now.log is not None else ()
    return [one for one in said if one.family in families]
