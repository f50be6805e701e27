# SPDX-License-Identifier: Apache-2.0
"""Boots written down by hand, so that reports are tested without the simulator.

The numbers are made up, but hang together: memory, reserved and claims tell the same story.
"""

from __future__ import annotations

from typing import Any, cast

from carveout.boot.result import (
    Boot,
    BootOutcome,
    Claim,
    CmaArea,
    ConsumerResult,
    Exactness,
    Hole,
    LogLine,
    MemoryRange,
    Outcome,
    PlacedRegion,
    RegionKind,
    ReservedRange,
    Step,
    StepKind,
)
from carveout.boot.scene import Fact, ResolvedScene
from carveout.report.intervals import intersect, subtract, union
from carveout.span import GIB, MIB, Span


def region(name: str, base: int | None = None, size: int | None = None, **changes: Any) -> PlacedRegion:
    """Return a region; by default a static one that was placed exactly."""
    values: dict[str, Any] = {
        "path": f"/reserved-memory/{name}",
        "name": name,
        "kind": RegionKind.STATIC,
        "base": base,
        "size": size,
        "requested_size": size,
        "requested_base": base,
        "align": None,
        "alloc_ranges": (),
        "nomap": False,
        "reusable": False,
        "pool": None,
        "driver": None,
        "outcome": Outcome.PLACED,
        "exactness": Exactness.EXACT,
        "why": "",
    }
    values.update(changes)
    if values["kind"] is RegionKind.DYNAMIC:
        values["requested_base"] = None
    return PlacedRegion(**values)


def scene(**changes: Any) -> ResolvedScene:
    """Return a resolved scene: Linux 6.12, arm64, 4 KiB pages."""
    values: dict[str, Any] = {
        "kernel": "6.12",
        "arch": "arm64",
        "page_size": 4096,
        "preset": "debian",
        "memory": (Span.sized(GIB, GIB),),
        "memory_source": "tree",
        "cmdline": "console=ttyAMA0",
        "kernel_image": Span.sized(0x40200000, 0x24F0000),
        "dtb": Span.sized(0x48000000, 0x10000),
        "initrd": None,
        "efi": False,
        "cpu_va": None,
        "behaviour": {},
        "facts": (
            Fact(name="kernel", value="6.12", source="assumed"),
            Fact(name="preset", value="debian", source="default"),
            Fact(name="memory", value="1G@0x40000000", source="tree"),
            Fact(name="dtb-at", value="0x48000000", source="given"),
        ),
    }
    values.update(changes)
    return ResolvedScene(**values)


def boot(
    banks: list[Span], regions: list[PlacedRegion], others: list[Claim] | None = None, **changes: Any
) -> Boot:
    """Return a boot whose memory, reserved and claims follow from banks, regions and other claims."""
    placed = [r for r in regions if r.outcome is Outcome.PLACED and r.base is not None and r.size]
    nomap = intersect(
        union(banks), union(Span.sized(cast("int", r.base), cast("int", r.size)) for r in placed if r.nomap)
    )
    memory = [MemoryRange(base=s.start, size=s.size, nomap=False) for s in subtract(union(banks), nomap)]
    memory += [MemoryRange(base=s.start, size=s.size, nomap=True) for s in nomap]
    claims = list(others or [])
    claims += [
        Claim(base=cast("int", r.base), size=cast("int", r.size), who=r.path) for r in placed if not r.nomap
    ]
    reserved = union(Span.sized(claim.base, claim.size) for claim in claims)
    values: dict[str, Any] = {
        "scene": scene(),
        "profile": cast("Any", None),
        "regions": tuple(regions),
        "cma": (),
        "memory": tuple(sorted(memory, key=lambda entry: entry.base)),
        "reserved": tuple(ReservedRange(base=s.start, size=s.size, who="several") for s in reserved),
        "claims": tuple(sorted(claims, key=lambda claim: claim.base)),
        "consumers": (),
        "outcome": BootOutcome.OK,
        "failure": None,
        "log_lines": (),
        "trace": (),
        "notes": (),
        "exactness": Exactness.EXACT,
        "ram_known": True,
    }
    values.update(changes)
    return Boot(**values)


KERNEL = Claim(base=0x40200000, size=0x24F0000, who="kernel")
DTB = Claim(base=0x48000000, size=0x10000, who="dtb")


def one_gigabyte() -> Boot:
    """arm64, 1 GiB at 0x40000000: kernel, tree, statics, no-map, a pool, the default area, one failure."""
    vpu = region(
        "vpu@50000000", 0x50000000, 8 * MIB, nomap=True, pool="dma", driver="shared-dma-pool", label="vpu_mem"
    )
    ramoops = region("ramoops@47f00000", 0x47F00000, MIB, compatible=("ramoops",))
    pool = region(
        "camera",
        0x7A000000,
        32 * MIB,
        kind=RegionKind.DYNAMIC,
        align=4 * MIB,
        reusable=True,
        pool="cma",
        driver="shared-dma-pool",
    )
    failed = region(
        "gpu",
        None,
        None,
        kind=RegionKind.DYNAMIC,
        requested_size=768 * MIB,
        align=2 * MIB,
        alloc_ranges=(Span(0x40000000, 0x80000000),),
        outcome=Outcome.ALLOC_FAILED,
        why="No free range in the alloc-ranges is 768 MiB long.",
        hole=Hole(span=Span(0x50800000, 0x7A000000), usable=0x7A000000 - 0x50800000),
    )
    tables = [Claim(base=0x7FFFF000 - 0x1000 * (2 * i), size=0x1000, who="page tables") for i in range(6)]
    area = CmaArea(
        name="reserved", base=0x76000000, size=64 * MIB, is_default=True, exactness=Exactness.EXACT, why=""
    )
    return boot(
        [Span.sized(GIB, GIB)],
        [ramoops, vpu, pool, failed],
        [KERNEL, DTB, *tables, Claim(base=area.base, size=area.size, who="default cma")],
        cma=(
            area,
            CmaArea(
                name="camera",
                base=0x7A000000,
                size=32 * MIB,
                is_default=False,
                exactness=Exactness.EXACT,
                why="",
                from_region=pool.path,
            ),
        ),
        consumers=(
            ConsumerResult(
                path="/soc@0/video-codec@38300000",
                index=0,
                name="firmware",
                region=vpu.path,
                errno=None,
                message=None,
                bound_by="dma",
            ),
            ConsumerResult(
                path="/soc@0/gpu@38000000",
                index=0,
                name=None,
                region=failed.path,
                errno=22,
                message="assigned reserved memory node not found",
                bound_by=None,
            ),
            ConsumerResult(
                path="/soc@0/npu@39000000",
                index=1,
                name=None,
                region=None,
                errno=22,
                message=None,
                bound_by=None,
                enabled=False,
            ),
        ),
        log_lines=(
            LogLine(
                text="OF: reserved mem: failed to allocate memory for node 'gpu': size 768 MiB",
                level="err",
                step=0,
            ),
        ),
        trace=(Step(kind=StepKind.FAIL, subject=failed.path, reason="no room", size=768 * MIB),),
        notes=("The initrd is not modelled: pass --initrd BASE+SIZE.",),
    )


def two_banks() -> Boot:
    """4 GiB in two banks with a hole; one region is outside RAM, two overlap, one was released."""
    regions = [
        region("tz@80000000", 0x80000000, 2 * MIB, nomap=True),
        region("adsp@88000000", 0x88000000, 24 * MIB, nomap=True, compatible=("qcom,adsp-mem",)),
        region("mpss@89000000", 0x89000000, 96 * MIB, nomap=True),
        region("sram@900000", 0x900000, 0x20000, nomap=True),
        region(
            "bad",
            None,
            None,
            requested_base=0x90000000,
            requested_size=MIB,
            outcome=Outcome.RELEASED,
            nomap=True,
            reusable=True,
            why="no-map and reusable exclude each other, so the region driver refused it.",
        ),
        region(
            "high",
            0x8BE000000,
            32 * MIB,
            kind=RegionKind.DYNAMIC,
            exactness=Exactness.MODELLED,
            why="The initrd is not known.",
        ),
    ]
    return boot(
        [Span.sized(0x80000000, GIB), Span.sized(0x880000000, GIB)],
        regions,
        [Claim(base=0x80200000, size=0x24F0000, who="kernel")],
        exactness=Exactness.MODELLED,
        notes=("The place of the device tree blob is not known: pass --dtb-at.",),
    )


def ram_unknown() -> Boot:
    """The memory node has size 0, so only static regions are known."""
    return boot(
        [],
        [
            region("secmon@5000000", 0x5000000, 3 * MIB, nomap=True),
            region(
                "linux,cma",
                None,
                None,
                kind=RegionKind.DYNAMIC,
                requested_size=256 * MIB,
                reusable=True,
                outcome=Outcome.ALLOC_FAILED,
                exactness=Exactness.UNKNOWN,
                why="RAM is unknown; pass --memory SIZE@BASE.",
            ),
        ],
        scene=scene(memory=(), memory_source="unknown", kernel_image=None, dtb=None),
        memory=(),
        exactness=Exactness.UNKNOWN,
        ram_known=False,
        notes=("The memory nodes give no RAM: pass --memory SIZE@BASE.",),
    )


def panics() -> Boot:
    """A static no-map region over the kernel's neighbourhood kills the boot."""
    return boot(
        [Span.sized(GIB, 256 * MIB)],
        [region("all@40000000", GIB, 256 * MIB, nomap=True)],
        outcome=BootOutcome.PANIC,
        failure="Failed to allocate page table page",
    )


def many(count: int) -> Boot:
    """`count` regions over 4 GiB: tight clusters of small ones between large ones, of every kind."""
    regions: list[PlacedRegion] = []
    at = GIB + 0x8000000
    for index in range(count):
        size = (0x1000, 0x40000, 2 * MIB, 24 * MIB)[index % 4] if index % 3 else 0x10000
        shape = index % 5
        regions.append(
            region(
                f"r{index:02}-{'firmware' if index % 2 else 'buffer'}@{at:x}",
                at,
                size,
                kind=RegionKind.DYNAMIC if shape == 1 else RegionKind.STATIC,
                nomap=shape in (0, 2),
                reusable=shape == 3,
                pool={2: "dma", 3: "cma", 4: "restricted"}.get(shape),
                driver="shared-dma-pool" if shape in (2, 3, 4) else None,
                compatible=("shared-dma-pool",) if shape in (2, 3, 4) else (),
            )
        )
        at += size + (0x8000000 if index % 10 == 9 else 0)
    uses = tuple(
        ConsumerResult(
            path=f"/soc@0/bus@{index:x}0000000/device@{index:x}",
            index=0,
            name=None,
            region=r.path,
            errno=None,
            message=None,
            bound_by=r.pool,
        )
        for index, r in enumerate(regions)
        if index % 2
    )
    return boot([Span.sized(GIB, 4 * GIB)], regions, [KERNEL], consumers=uses)


HOSTILE = "evil\x1b[31m\u202ename\r\n<&\"'>" + "x" * 10_000


def hostile() -> Boot:
    """Names and texts that try to break out of a terminal, a line, or a document."""
    path = f"/reserved-memory/{HOSTILE}"
    return boot(
        [Span.sized(GIB, GIB)],
        [
            region(HOSTILE, 0x50000000, MIB, path=path, compatible=(HOSTILE,)),
            region(
                HOSTILE,
                None,
                None,
                path=path + "2",
                outcome=Outcome.ALLOC_FAILED,
                kind=RegionKind.DYNAMIC,
                requested_size=GIB,
                why=HOSTILE,
            ),
            region(HOSTILE, None, None, path=path + "3", outcome=Outcome.IGNORED, why=HOSTILE),
        ],
        [Claim(base=0x60000000, size=0x1000, who=HOSTILE)],
        consumers=(
            ConsumerResult(
                path=HOSTILE, index=0, name=HOSTILE, region=path, errno=None, message=None, bound_by=None
            ),
            ConsumerResult(
                path=HOSTILE,
                index=0,
                name=HOSTILE,
                region=None,
                errno=22,
                message=HOSTILE,
                bound_by=None,
            ),
        ),
        notes=(HOSTILE,),
        outcome=BootOutcome.PANIC,
        failure=HOSTILE,
        scene=scene(cmdline=HOSTILE, facts=(Fact(name="cmdline", value=HOSTILE, source="tree"),)),
    )
