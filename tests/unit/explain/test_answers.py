# SPDX-License-Identifier: Apache-2.0
"""Answers about regions, devices, places and the default pool: their facts and their sentences."""

from __future__ import annotations

from typing import Any

import pytest

from carveout.board import read_board
from carveout.boot import Scene, boot
from carveout.boot.result import Exactness, Outcome
from carveout.errors import UsageError
from carveout.explain.answer import explain
from carveout.explain.model import Explanation, Kind
from carveout.fdt import parse
from carveout.span import GIB, MIB, Span
from support.arm_boards import arm_scene
from support.boards import (
    KERNELS,
    board_of,
    cells,
    cpus,
    memory,
    mib,
    node,
    region,
    reserved_memory,
    text,
    usual_board,
    usual_scene,
    wide,
)
from support.powerpc import DTB_AT, IMAGES, guest

POOL = {"compatible": "shared-dma-pool"}
FIRMWARE = region("fw@60000000", "no-map", reg=[(0x6000_0000, mib(1))])


def ask(what: str, *regions: Any, kernel: str = "6.12", others: Any = (), **scene: Any) -> Explanation:
    ram = scene.pop("ram", None)
    board = usual_board(*regions, others=others, **({"ram": ram} if ram is not None else {}))
    return explain(board, usual_scene(kernel, **scene), what)


# ---- regions ------------------------------------------------------------------------------------------------
def test_ranges_are_named_with_what_bounds_them() -> None:
    # |  … |0x48000000 dtb|        0x60000000 fw |  0x60100000 … 0x70000000 |
    window = [(0x4800_0000, 0x2800_0000)]
    told = ask("pool", FIRMWARE, region("pool", size=mib(300), alloc_ranges=window))
    (attempt,) = told.attempts
    assert [(t.span, t.missing, t.below.who, t.above.who, t.is_taken) for t in attempt.tried] == [
        (Span(0x6010_0000, 0x7000_0000), mib(300) - mib(255), "/reserved-memory/fw@60000000", "end of the window", False),
        (attempt.tried[1].span, 0, "dtb", "/reserved-memory/fw@60000000", True),
    ]  # fmt: skip
    assert attempt.found == 0x6000_0000 - mib(300)
    assert told.answer[0] == "pool lies at 0x4d400000..0x5fffffff, 300 MiB."
    assert told.answer[1].startswith(
        "Within alloc-ranges the kernel looks from the highest free range down; one free range was too small"
    )


def test_a_window_at_a_region_placed_before_goes_up() -> None:
    first = region("first", size=mib(16), alloc_ranges=[(0x5000_0000, mib(16))])
    second = region("second", size=mib(16), alloc_ranges=[(0x5100_0000, mib(256))])
    told = ask("second", first, second)
    (attempt,) = told.attempts
    assert attempt.bottom_up
    assert attempt.found == 0x5100_0000
    assert attempt.direction_why.because == "alloc_direction=neighbour"
    assert "/reserved-memory/first, which was placed before" in attempt.direction_why.text
    older = {other.kernel: other for other in told.kernels}
    assert not older["6.1"].is_same
    assert older["6.1"].base == 0x6000_0000
    assert any(cause.startswith("alloc_direction is top-down there") for cause in older["6.1"].causes)


def test_an_address_in_the_name_is_no_place() -> None:
    told = ask("rtos", region("rtos@20000000", size=mib(10)))
    assert (
        told.answer[-1]
        == "The address in its name, 0x20000000, means nothing to the kernel: only reg fixes a place."
    )
    for name in ("rtos@7f600000", "rtos", "rtos@zz", "rtos@" + "1" * 40):
        (last,) = ask(name, region(name, size=mib(10))).answer[-1:]
        assert "address in its name" not in last


def test_a_window_without_slack() -> None:
    slack = "alloc-ranges is exactly as large as the region: whatever lies in it leaves no room."
    assert slack in ask("pool", region("pool", size=mib(64), alloc_ranges=[(0x7000_0000, mib(64))])).answer
    assert (
        slack not in ask("pool", region("pool", size=mib(64), alloc_ranges=[(0x7000_0000, mib(65))])).answer
    )


def test_every_window_is_a_search() -> None:
    windows = [(0x4020_0000, mib(16)), (0x6000_0000, mib(1)), (0x7000_0000, mib(256))]
    told = ask("pool", FIRMWARE, region("pool", size=mib(32), alloc_ranges=windows))
    assert [attempt.found for attempt in told.attempts] == [None, None, 0x8000_0000 - mib(32)]
    assert told.attempts[0].tried == ()
    assert told.attempts[2].window_why.because == "entry 3 of 3 of alloc-ranges"


def test_thousands_of_windows_are_bounded() -> None:
    windows = [(0x4020_0000, mib(1))] * 3000 + [(0x7000_0000, mib(16))]
    told = ask("pool", region("pool", size=mib(2), alloc_ranges=windows))
    assert len(told.attempts) == 64
    assert told.attempts_left_out == 3001 - 64
    assert told.attempts[-1].found == 0x7100_0000 - mib(2)


@pytest.mark.parametrize(
    ("made", "scene", "outcome", "sentences"),
    [
        pytest.param(
            region("pool", "reusable", size=mib(800), **POOL), {}, Outcome.ALLOC_FAILED,
            ["pool gets no place: it asks for 800 MiB aligned to 2 MiB.",
             "The largest free range that it may use, 0x60100000..0x7fffffff, holds 510 MiB", "too little."], id="no-room",
        ),
        pytest.param(
            region("pool", "reusable", size=mib(3), **POOL), {}, Outcome.RELEASED,
            ["and given back to the system.", "Base and size of a contiguous pool must be multiples of 0x200000."],
            id="released",
        ),
        pytest.param(
            region("pool", "no-map", reg=[(0x4800_0000, mib(1))]), {}, Outcome.RESERVE_FAILED,
            ["pool asks for 0x48000000..0x480fffff, 1 MiB, and is not reserved.", "No-map is refused (EBUSY), dtb"],
            id="refused",
        ),
        pytest.param(
            region("pool", size=mib(3), status="disabled"), {}, Outcome.IGNORED,
            ["pool is ignored: the kernel reserves nothing for it.", "Its status is neither"], id="disabled",
        ),
        pytest.param(
            region("pool", size=mib(3)), {"ram": ()}, Outcome.UNKNOWN,
            ["pool asks for 3 MiB; where it lands is not known."], id="no-ram",
        ),
    ],
)  # fmt: skip
def test_what_went_wrong(made: Any, scene: Any, outcome: Outcome, sentences: list[str]) -> None:
    told = ask("pool", FIRMWARE, made, **scene)
    assert told.region is not None
    assert told.region.outcome is outcome
    for sentence in sentences:
        assert any(sentence in line for line in told.answer), told.answer


def test_what_decides_the_alignment() -> None:
    def asked(**made: Any) -> list[tuple[str, str]]:
        return [
            (reason.text, reason.because) for reason in ask("pool", region("pool", size=mib(4), **made)).asked
        ]

    assert ("aligned to 64 KiB", "alignment") in asked(alignment=0x1_0000)
    assert ("aligned to 64 bytes, the least that memblock gives", "no alignment") in asked()
    pool = asked(extra={"reusable": b""}, alignment=0x1_0000, **POOL)
    assert (
        "aligned to 2 MiB, the block of the page allocator that a contiguous pool needs",
        "alignment asks for 64 KiB",
    ) in pool


def test_a_kernel_without_contiguous_memory_says_so_with_and_without_room() -> None:
    # Debian's riscv64 6.12. Without it, nothing that makes room helps.
    for size, end in ((mib(64), "given back to the system."), (mib(2000), "aligned to 64 bytes.")):
        pool = region("pool", "reusable", size=size, **POOL)
        board = board_of(
            cpus("riscv"), memory((0x8000_0000, GIB), name="memory@80000000"), reserved_memory(pool)
        )
        told = explain(board, Scene(kernel="6.12", opensbi=()), "pool")
        assert told.answer[0].endswith(end)
        assert sum("(CONFIG_DMA_CMA)" in sentence for sentence in told.answer) == 1


def test_the_order_of_dynamic_regions() -> None:
    made = [region(name, size=mib(4)) for name in ("one", "two", "three")]
    orders = {}
    for kernel in ("6.1", "6.12"):
        told = ask("two", *made, kernel=kernel)
        orders[kernel] = [reason.text for reason in told.reasons if reason.because.startswith("region_table")]
    assert orders["6.12"] == ["the kernel placed one before it: the order of the tree"]
    # Three equal entries are sorted into two, three, one: the first has nobody before it.
    assert orders["6.1"] == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_other_kernels_are_all_the_others(kernel: str) -> None:
    told = ask("pool", region("pool", size=mib(4)), kernel=kernel)
    assert [other.kernel for other in told.kernels] == [name for name in KERNELS if name != kernel]
    for other in told.kernels:
        alone = boot(usual_board(region("pool", size=mib(4))), usual_scene(other.kernel))
        assert (other.base, other.size) == (alone.regions[0].base, alone.regions[0].size)
        assert other.exactness is Exactness.EXACT


@pytest.mark.parametrize(("here", "there"), [("6.12", "6.1"), ("6.1", "7.2"), ("7.2", "5.10")])
def test_causes_make_the_difference(here: str, there: str) -> None:
    made = (region("a", size=mib(4)), region("b", size=mib(4)))
    told = ask("a", *made, kernel=here)
    (other,) = [o for o in told.kernels if o.kernel == there]
    assert not other.is_same
    words = [cause.split(" (")[0].replace(",", "").split() for cause in other.causes]
    theirs = {field: value for field, _, value, *_ in words}
    ours = {field: value for field, *_, value, _ in words}
    assert ours
    assert told.region is not None
    as_there = boot(usual_board(*made), usual_scene(here, behaviour=theirs)).regions[0].base
    as_here = boot(usual_board(*made), usual_scene(there, behaviour=ours)).regions[0].base
    assert as_there == other.base or as_here == told.region.base


def test_a_difference_of_the_build_is_said_to_be_one() -> None:
    told = ask("default cma", ram=(Span.sized(0x4000_0000, 512 * MIB),))
    causes = {other.kernel: other.causes for other in told.kernels if not other.is_same}
    assert causes["5.10"][0].startswith("its build differs: the size of its image, or its configuration")


def test_a_node_the_kernel_does_not_look_at() -> None:
    board = usual_board(node("outer", {}, region("inner", size=mib(4))))
    told = explain(board, usual_scene("6.12"), "/reserved-memory/outer/inner")
    assert told.kind is Kind.REGION
    assert any("only looks at children" in line.lower() for line in told.answer)
    (oldest,) = [other for other in told.kernels if other.kernel == "5.10"]
    assert oldest.base is not None


# ---- devices -------------------------------------------------------------------------------------------------
def test_a_device_gets_an_error_for_a_reason() -> None:
    told = ask("vpu", FIRMWARE, region("pool", size=mib(900), phandle=1),
               others=[node("vpu", {"memory-region": cells(1)})])  # fmt: skip
    assert told.kind is Kind.DEVICE
    assert told.answer[0].startswith("memory-region [0]: the driver gets -22 for /reserved-memory/pool")
    assert "because no free range holds 0x38400000 bytes" in told.answer[0]
    assert told.parts[0].remedies


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (
            {"memory-region": cells(1)},
            "/reserved-memory/pool at 0x7fc00000..0x7fffffff, 4 MiB as its contiguous pool",
        ),
        ({"memory-region": cells(9)}, "the driver gets -19 for a phandle that leads nowhere"),
        ({"memory-region": cells(1), "memory-region-names": text("fw")}, 'memory-region [0] "fw"'),
        ({"memory-region": cells(1), "status": text("disabled")}, "is disabled: no driver asks"),
        ({}, "/dev has no memory-region"),
    ],
)
def test_what_a_device_gets(properties: dict[str, bytes], sentence: str) -> None:
    told = ask(
        "/dev", region("pool", "reusable", size=mib(4), phandle=1, **POOL), others=[node("dev", properties)]
    )
    assert any(sentence in line for line in told.answer), told.answer


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        ({}, "come from the default area reserved at 0x"),
        ({"cmdline": "cma=0"}, "There is no default contiguous area either"),
        ({"ram": ()}, "lies is not known, since RAM is not."),
    ],
)
def test_a_device_without_memory_region(scene: Any, sentence: str) -> None:
    assert sentence in ask("/dev", others=[node("dev", {})], **scene).answer[1]


# ---- the default pool ----------------------------------------------------------------------------------------
def test_the_default_pool_of_the_configuration() -> None:
    told = ask("default cma", FIRMWARE)
    assert told.kind is Kind.DEFAULT_POOL
    area = next(area for area in told.boot.cma if area.is_default)
    assert told.attempts[-1].found == area.base
    assert told.asked[0].because.startswith("CONFIG_CMA_SIZE_MBYTES=64")
    assert told.attempts[-1].window_why.text == "below 0x80000000: the end of RAM"


def test_the_default_pool_above_4_gib() -> None:
    told = ask("default cma", ram=(Span.sized(0x4000_0000, 8 * GIB),), cmdline="cma=64M@0-8G", kernel="7.2")
    assert told.attempts[0].window_why.text.startswith("above 4 GiB first")
    assert told.attempts[0].bottom_up


def test_the_default_pool_below_a_bus() -> None:
    bus = node(
        "soc",
        {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b"",
         "dma-ranges": wide(0, 0x4000_0000, 0x1000_0000)},
    )  # fmt: skip
    told = ask("default cma", others=[bus])
    assert told.attempts[-1].window_why.text == "below 0x50000000: devices below this bus reach no further"
    assert told.attempts[-1].window_why.because == "dma-ranges of /soc"


def test_the_default_pool_is_a_region() -> None:
    told = ask("cma", region("pool", "reusable", "linux,cma-default", size=mib(64), **POOL))
    assert told.parts[0].subject == "/reserved-memory/pool"
    assert told.answer[1] == "It is the region /reserved-memory/pool."


def test_no_default_pool() -> None:
    told = ask("default cma", cmdline="cma=2G")
    assert told.answer[0] == "There is no default contiguous area."
    assert told.remedies[0].what.startswith("cma=")
    assert ask("default cma", cmdline="cma=0").answer[1].endswith("size 0, no default area.")


def test_who_makes_no_default_pool() -> None:
    told = explain(read_board(parse(guest())), Scene(kernel="7.2", arch="powerpc64"), "default cma")
    assert told.answer[1].startswith("Linux on powerpc makes no default area")
    assert ask("default cma", ram=()).answer[1] == "RAM is not known, so nothing can be placed."


def test_other_areas_are_named() -> None:
    told = ask("default cma", region("pool", "reusable", size=mib(4), **POOL))
    assert told.answer[-1] == "There are other areas, which are not the default: pool."


def test_a_limit_of_the_command_line() -> None:
    told = ask("default cma", cmdline="cma=32M@0-0x60000000")
    assert told.attempts[-1].found == 0x6000_0000 - mib(32)
    assert told.attempts[-1].window_why.because == "cma=32M@0-0x60000000"


def test_the_end_of_low_memory() -> None:
    # 1 GiB, of which 256 MiB are high memory: too little for the area, which goes below.
    board = board_of(cpus("arm,cortex-a15"), memory((0x4000_0000, GIB)))
    told = explain(board, arm_scene("7.2", cmdline="cma=300M"), "default cma")
    assert told.attempts[-1].window_why.because == "vmalloc="
    assert len(told.attempts) == 2


# ---- places --------------------------------------------------------------------------------------------------
def test_who_has_an_address() -> None:
    told = ask("0x60000800", FIRMWARE)
    assert told.answer == (
        "0x60000800 belongs to /reserved-memory/fw@60000000.",
        "fw@60000000 is at 0x60000000..0x600fffff, 1 MiB.",
        "It is no-map: RAM that the kernel does not map.",
    )
    assert [reason.text.partition(" ")[2] for reason in told.pieces[0].history] == [
        "becomes RAM: /memory@40000000",
        "is marked no-map for /reserved-memory/fw@60000000: reg with no-map: taken out of the linear map",
    ]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("0x40300000", "0x40300000 belongs to kernel."),
        ("0x48000000", "0x48000000 belongs to dtb."),
        ("0x100", "0x100 is no RAM to this kernel."),
        ("0x60100000", "0x60100000 is free: ordinary memory of the system."),
        ("0x7fffffff", "0x7fffffff belongs to page tables."),
    ],
)
def test_addresses(address: str, sentence: str) -> None:
    assert ask(address, FIRMWARE).answer[0] == sentence


def test_an_owner_without_memory() -> None:
    told = ask("initrd", initrd=Span.sized(0x1000_0000, mib(1)))
    assert told.answer[0] == "0x10000000..0x100fffff, 1 MiB: none of it is RAM."
    assert told.reasons[0].text == "outside the linear map: dropped"
    with pytest.raises(
        UsageError, match="'kernel' has no place in this boot: the place of the image is not given"
    ):
        ask("kernel", kernel_image=None)


def test_memory_that_was_given_back_has_a_history() -> None:
    told = ask("0x60000000", region("pool", "reusable", reg=[(0x6000_0000, 3 * MIB)], **POOL))
    texts = [reason.text for reason in told.pieces[0].history]
    assert [text.split(" ")[1] for text in texts] == ["becomes", "is", "is"]
    assert "is given back for /reserved-memory/pool" in texts[-1]
    assert told.answer[0].endswith("is free: ordinary memory of the system.")


def test_pieces_of_a_span() -> None:
    told = ask("0x5ff00000-0x60200000", FIRMWARE)
    assert [(piece.span, piece.what) for piece in told.pieces] == [
        (Span(0x5FF0_0000, 0x6000_0000), "free"),
        (Span(0x6000_0000, 0x6010_0000), "/reserved-memory/fw@60000000"),
        (Span(0x6010_0000, 0x6020_0000), "free"),
    ]


def test_pieces_are_bounded() -> None:
    many = [
        region(f"r@{0x5000_0000 + n * 0x2000:x}", reg=[(0x5000_0000 + n * 0x2000, 0x1000)]) for n in range(90)
    ]
    told = ask("0x50000000+16M", *many)
    assert len(told.pieces) == 64
    assert told.pieces_rest == Span(told.pieces[-1].span.end, 0x5100_0000)


# ---- how sure it is ------------------------------------------------------------------------------------------
def test_not_exact_says_what_settles_it() -> None:
    board = usual_board(region("pool", size=mib(4)))
    told = explain(board, usual_scene(kernel_image=None), "pool")
    assert told.exactness is Exactness.MODELLED
    assert any("pass --kernel-image BASE+SIZE" in doubt for doubt in told.doubts)
    unknown = explain(usual_board(region("pool", size=mib(4)), ram=()), usual_scene(), "pool")
    assert unknown.exactness is Exactness.UNKNOWN
    assert any("pass --memory SIZE@BASE" in doubt for doubt in unknown.doubts)


def test_a_board_without_regions() -> None:
    board = board_of(cpus())
    with pytest.raises(UsageError, match="nothing called 'pool'"):
        explain(board, usual_scene(), "pool")
    assert explain(board, usual_scene(), "0x40000000").exactness is Exactness.UNKNOWN


def test_nothing_is_said_about_ram_that_is_not_known() -> None:
    told = ask("0x5ff00000-0x60200000", FIRMWARE, ram=())
    assert [piece.what for piece in told.pieces] == ["not known", "/reserved-memory/fw@60000000", "not known"]
    assert told.exactness is Exactness.UNKNOWN
    marked = [reason.text for reason in ask("0x60000000", FIRMWARE, ram=()).pieces[0].history]
    assert [" is marked no-map for /reserved-memory/fw@60000000" in text for text in marked] == [True]
    assert ask("0x40000000", FIRMWARE, ram=()).answer[0].endswith("whether there is RAM is not known.")


def test_who_else_is_at_an_address_is_not_known_without_the_kernel() -> None:
    fixed = region("log@60000000", reg=[(0x6000_0000, mib(1))])
    assert ask("0x60000000", fixed).exactness is Exactness.EXACT
    told = ask("0x60000000", fixed, kernel_image=None)
    assert told.exactness is Exactness.MODELLED
    assert any("pass --kernel-image" in doubt for doubt in told.doubts)


def test_a_region_on_the_initrd_is_said_to_be_there() -> None:
    # The recorded boot ppc-rm-dyn-initrd: powerpc places the region before it reserves the initrd.
    board = read_board(parse(guest(node("d", {"size": wide(7 * MIB)}))))
    scene = Scene(
        kernel="6.12",
        kernel_image=IMAGES["6.12"],
        dtb_at=DTB_AT,
        cmdline="",
        initrd=Span.sized(0x3FC00000, 0x122342),
    )
    told = explain(board, scene, "d")
    assert told.region is not None
    assert told.region.base == 0x3F900000
    assert told.answer[-1] == "The initrd at 0x3fc00000..0x3fd22fff has some of the same memory."


def test_regions_in_the_same_memory_are_named() -> None:
    # fw |0x60000000 ...... 0x60100000|
    #              a |0x60080000 ............ |
    others = [region(f"{name}@60080000", reg=[(0x6008_0000, mib(1))]) for name in ("a", "b", "c", "d", "e")]
    told = ask("fw@60000000", FIRMWARE, *others)
    assert told.answer[-4:] == (
        "/reserved-memory/a@60080000 at 0x60080000..0x6017ffff has some of the same memory.",
        "/reserved-memory/b@60080000 at 0x60080000..0x6017ffff has some of the same memory.",
        "/reserved-memory/c@60080000 at 0x60080000..0x6017ffff has some of the same memory.",
        "So have 2 more regions.",
    )
    assert ask("a@60080000", *others[:1]).answer == ("a@60080000 lies at 0x60080000..0x6017ffff, 1 MiB.",)


def test_a_device_is_no_more_certain_than_what_its_driver_asks_for() -> None:
    # How the driver asks is not known, and its calls would be answered differently: `map` says modelled, too.
    users = [node("buf", {"compatible": text("x,buf"), "memory-region": cells(1)})]
    pool = region("pool@50000000", "reusable", reg=[(0x5000_0000, mib(1))], phandle=1, **POOL)
    told = ask("/buf", pool, others=users)
    assert told.uses[0].exactness is Exactness.MODELLED
    assert told.exactness is Exactness.MODELLED
    assert any("how its driver asks is not known" in doubt for doubt in told.doubts)


def test_what_was_never_reserved_does_not_stay_reserved() -> None:
    told = ask("fw", region("fw@40200000", "no-map", reg=[(0x4020_0000, mib(1))]))
    assert told.region is not None
    assert told.region.outcome is Outcome.RESERVE_FAILED
    assert [reason.text for reason in told.reasons if "stays reserved" in reason.text] == []


def test_a_region_elsewhere_is_no_region() -> None:
    # udmabuf issue 45: reserved-memory below a bus.
    bus = node(
        "amba",
        {"#address-cells": cells(2), "#size-cells": cells(2)},
        reserved_memory(region("buf@60000000", reg=[(0x6000_0000, mib(1))], phandle=1)),
        node("dev", {"memory-region": cells(1)}),
    )
    told = ask("/amba/dev", others=[bus])
    assert "because it is no child of the /reserved-memory that the kernel reads" in told.answer[0]


def test_what_is_said_of_every_boot_is_no_doubt_about_the_default_area() -> None:
    told = ask("default cma", kernel_image=None, cmdline="cma=1023M")
    assert [doubt for doubt in told.doubts if doubt.startswith(("no initrd", "RAM is as in the tree"))] == []
    assert any("pass --kernel-image" in doubt for doubt in told.doubts)


def test_a_disabled_region_was_not_waited_for() -> None:
    first = region("first", size=mib(4))
    told = ask("off", first, region("off", size=mib(4), status="disabled"))
    assert told.answer[0] == "off is ignored: the kernel reserves nothing for it."
    assert [reason.text for reason in told.reasons if "before it" in reason.text] == []


def test_a_restricted_pool_that_the_kernel_cannot_make_says_so() -> None:
    # Debian's kernels: reserved, and no pool.
    told = ask("rst", region("rst@51000000", reg=[(0x5100_0000, mib(1))], compatible="restricted-dma-pool"))
    assert "This kernel is built without restricted pools (CONFIG_DMA_RESTRICTED_POOL)." in told.answer
