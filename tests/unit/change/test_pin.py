# SPDX-License-Identifier: Apache-2.0
"""`pin`: regions keep the place that the kernel gives them, in every scene asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import Scene, boot
from carveout.change.pin import pin
from carveout.change.pin_check import obstacles
from carveout.change.proposal import contents
from carveout.change.trial import attempt
from carveout.check.run import NamedScene
from carveout.errors import UsageError
from carveout.fdt import parse
from carveout.fdt.edit import set_property
from carveout.report.pin_text import render_text
from carveout.span import GIB, Span
from support.boards import (
    RAM,
    bases,
    blob_of,
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

if TYPE_CHECKING:
    from carveout.change.pin import Pin
    from carveout.fdt import Tree

POOL, OTHER = "/reserved-memory/pool", "/reserved-memory/other"
BIG = (Span.sized(0x4000_0000, 4 * GIB),)


def scenes(*kernels: str, **changes: object) -> list[NamedScene]:
    return [NamedScene(kernel, usual_scene(kernel, **changes)) for kernel in kernels or ("6.12",)]


def board(*regions: object) -> Tree:
    return usual_board(*regions).tree  # type: ignore[arg-type]


def pinned(result: Pin) -> Tree:
    assert result.proposal is not None, result.reasons
    return result.proposal.after


def test_only_reg_is_added() -> None:
    before = board(
        region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(1))]),
        region("pool", size=mib(32), alignment=mib(4), alloc_ranges=[(0x5000_0000, mib(512))], phandle=3),
    )
    result = pin(before, scenes())
    (found,) = result.regions
    assert (found.path, found.place, found.is_kernels_choice) == (
        POOL,
        Span.sized(0x6E00_0000, mib(32)),
        True,
    )
    expected = contents(before)
    expected[POOL]["reg"] = wide(0x6E00_0000, mib(32))
    after = pinned(result)
    assert contents(after) == expected
    # Nothing but the new property was put into the blob.
    at = after.blob.index(wide(0x6E00_0000, mib(32))) - 12
    start, growth = 40, len(after.blob) - len(before.blob)
    assert growth == 28
    assert before.blob[start:at] + before.blob[at:] == after.blob[start:at] + after.blob[at + 28 :]


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
def test_all_regions_on_each_kernel(kernel: str) -> None:
    before = board(
        region("pool", "reusable", "linux,cma-default", size=mib(64), compatible="shared-dma-pool"),
        region("other", "no-map", size=mib(3)),
        region("third", size=0x3000, alloc_ranges=[(0x4000_0000, mib(256))]),
    )
    scene = usual_scene(kernel)
    had = bases(boot(read_board(before), scene))
    assert all(had.values())
    result = pin(before, [NamedScene(kernel, scene)])
    assert bases(boot(read_board(pinned(result)), scene)) == had
    assert not result.left
    assert result.trials == 1


def test_scenes_that_differ_get_one_place() -> None:
    before = board(region("pool", size=mib(64)), region("other", "no-map", size=mib(2)))
    asked = [
        NamedScene("1G", usual_scene("6.12", memory=(RAM,))),
        NamedScene("4G", usual_scene("7.2", memory=BIG)),
    ]
    own = [bases(boot(read_board(before), named.scene)) for named in asked]
    assert own[0] != own[1]
    result = pin(before, asked)
    assert [region.is_kernels_choice for region in result.regions] == [False, False]
    for named in asked:
        assert bases(boot(read_board(pinned(result)), named.scene)) == own[0]


def test_no_kernels_own_place_is_good_for_all() -> None:
    # The top of the small variant is outside of the other one, and the other way round; 64 MiB are common.
    asked = [
        NamedScene("low", usual_scene("6.12", memory=(Span.sized(0x4000_0000, mib(512)),))),
        NamedScene(
            "gap",
            usual_scene(
                "6.12", memory=(Span.sized(0x4000_0000, mib(256)), Span.sized(0x6000_0000, mib(256)))
            ),
        ),
    ]
    before = board(region("pool", size=mib(64), alignment=mib(64)))
    result = pin(before, asked)
    (found,) = result.regions
    assert found.place == Span.sized(0x4C00_0000, mib(64))
    for named in asked:
        assert bases(boot(read_board(pinned(result)), named.scene)) == {"pool": 0x4C00_0000}


def test_not_on_the_initrd_even_where_the_kernel_puts_it_there() -> None:
    # |  …  d 0x3f900000 .. 0x40000000|, initrd in it from 0x3fc00000 on: the recorded boot ppc-rm-dyn-initrd.
    before = parse(guest(node("d", {"size": wide(mib(7))})))
    scene = Scene(
        kernel="6.12",
        kernel_image=IMAGES["6.12"],
        dtb_at=DTB_AT,
        cmdline="",
        initrd=Span.sized(0x3FC0_0000, 0x12_2342),
    )
    assert bases(boot(read_board(before), scene)) == {"d": 0x3F90_0000}
    result = pin(before, [NamedScene("6.12", scene)])
    (found,) = result.regions
    assert scene.initrd is not None
    assert not found.place.overlaps(scene.initrd)
    assert bases(boot(read_board(pinned(result)), scene)) == {"d": found.place.start}
    shown = render_text(result, name="server.dtb")
    assert "the kernel's own place does not do as a fixed one (6.12: 0x3f900000)" in shown


def test_no_place_for_all() -> None:
    asked = [
        NamedScene("low", usual_scene("6.12", memory=(Span.sized(0x4000_0000, mib(256)),))),
        NamedScene("high", usual_scene("6.12", kernel_image=None, dtb_at=None, memory=(Span.sized(0x8000_0000, mib(256)),))),
    ]  # fmt: skip
    result = pin(board(region("pool", size=mib(16))), asked)
    assert result.proposal is None
    assert result.reasons[0].startswith(
        f"{POOL}: no range that is free in every scene holds 16 MiB aligned to 64 bytes: there is none"
    )


def test_a_place_that_the_bus_of_the_device_reaches() -> None:
    # Both kernels choose below 0x50000000 for another reason than the device; together only that is common.
    device = node(
        "soc",
        {
            "#address-cells": cells(1),
            "#size-cells": cells(1),
            "dma-ranges": cells(0, 0, 0x4000_0000, 0x1000_0000),
        },
        node("vpu", {"compatible": text("acme,vpu"), "memory-region": cells(7)}),
    )
    tree = parse(
        blob_of(
            cpus(),
            memory((0x4000_0000, GIB)),
            reserved_memory(region("pool", "no-map", size=mib(8), compatible="shared-dma-pool", phandle=7)),
            device,
        )
    )
    asked = [
        NamedScene("1G", usual_scene("6.12")),
        NamedScene("512M", usual_scene("6.12", memory=(Span.sized(0x4000_0000, mib(512)),))),
    ]
    (found,) = pin(tree, asked).regions
    assert found.place.end <= 0x5000_0000


def test_named_regions_only() -> None:
    before = board(region("pool", size=mib(16)), region("other", size=mib(16)))
    for name in (POOL, "pool"):
        result = pin(before, scenes(), [name])
        assert [found.path for found in result.regions] == [POOL]
        assert "reg" not in contents(pinned(result))[OTHER]


def test_another_region_would_move() -> None:
    # 1 GiB and 512 MiB: the place of the small one is taken from what the other region had.
    before = board(region("pool", size=mib(16)), region("other", size=mib(16)))
    asked = [
        NamedScene("1G", usual_scene("6.12")),
        NamedScene("512M", usual_scene("6.12", memory=(Span.sized(0x4000_0000, mib(512)),))),
    ]
    result = pin(before, asked, ["pool"])
    assert result.proposal is None
    assert any(
        "/reserved-memory/other is at 0x7f000000 then, not at 0x7e000000 (1G)" in why
        for why in result.reasons
    )
    assert result.reasons[-1].startswith("a fixed place changes what the kernel does for others: name these")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nobody", "the board has no region 'nobody'; its dynamic regions: /reserved-memory/pool"),
        (
            "twin",
            "'twin' means /reserved-memory/twin@50000000 and /reserved-memory/twin@51000000: give the path",
        ),
    ],
)
def test_names_that_mean_nothing_or_too_much(name: str, why: str) -> None:
    before = board(
        region("pool", size=mib(16)),
        region("twin@50000000", reg=[(0x5000_0000, 4096)]),
        region("twin@51000000", reg=[(0x5100_0000, 4096)]),
    )
    with pytest.raises(UsageError) as caught:
        pin(before, scenes(), [name])
    assert str(caught.value) == why


def test_regions_that_cannot_be_pinned() -> None:
    before = board(
        region("big", size=mib(2000)),
        region("off", size=mib(1), status="disabled"),
        region("fw@50000000", reg=[(0x5000_0000, 4096)]),
    )
    result = pin(before, scenes())
    assert result.proposal is None
    assert result.reasons[0].startswith("/reserved-memory/big: alloc-failed: no free range holds")
    for name, why in (
        ("off", "/reserved-memory/off: ignored: its status is neither `ok` nor `okay` (6.12)"),
        ("fw", "/reserved-memory/fw@50000000: it is static: its place is in the tree already"),
    ):
        assert pin(before, scenes(), [name]).reasons == (why,)


def test_nothing_to_pin() -> None:
    before = board(region("fw@50000000", reg=[(0x5000_0000, 4096)]))
    result = pin(before, scenes())
    assert pinned(result).blob == before.blob
    assert result.regions == ()


def test_a_region_that_is_given_back_is_left() -> None:
    # A pool whose size does not fit is freed again by its driver.
    before = board(
        region("pool", "reusable", size=mib(1), compatible="shared-dma-pool"), region("other", size=mib(1))
    )
    result = pin(before, scenes())
    assert [found.path for found in result.regions] == [OTHER]
    assert [path for path, _ in result.left] == [POOL]


def test_ram_is_not_known() -> None:
    tree = parse(blob_of(cpus(), reserved_memory(region("pool", size=mib(1)))))
    with pytest.raises(UsageError, match=r"^RAM is not known .* say --memory SIZE@BASE$"):
        pin(tree, scenes())


def test_a_board_that_does_not_boot() -> None:
    outside = region("out@10000000", "reusable", reg=[(0x1000_0000, mib(16))], compatible="shared-dma-pool")
    with pytest.raises(UsageError, match=r"^the board does not survive early boot as it is \(6.12, panic: "):
        pin(board(outside, region("pool", size=mib(1))), scenes())


def test_an_address_that_the_cells_do_not_hold() -> None:
    tree = parse(
        blob_of(
            cpus(),
            reserved_memory(node("pool", {"size": cells(mib(1))}), address_cells=1, size_cells=1),
            root={"#address-cells": cells(1), "#size-cells": cells(1)},
        )
    )
    scene = usual_scene("6.12", memory=(Span.sized(0x4000_0000, mib(256)), Span.sized(4 * GIB, GIB)))
    result = pin(tree, [NamedScene("6.12", scene)])
    assert result.proposal is None
    assert result.reasons == (
        f"{POOL}: 0x13ff00000 with size 0x100000 does not fit the root's cells (1 and 1)",
    )


@pytest.mark.parametrize(
    ("place", "flags", "why"),
    [
        pytest.param(0x4000_0000, (), "is not in RAM at 0x40000000", id="outside-ram"),
        pytest.param(0x4000_0000, ("no-map",), "is not in RAM at 0x40000000", id="no-map-outside-ram"),
        pytest.param(0x8020_0000, (), "lies on what belongs to kernel at 0x80200000", id="on-the-kernel"),
        pytest.param(0x8020_0000, ("no-map",), "is at 0x80200000 (reserve-failed), not at", id="refused"),
    ],
)
def test_places_that_are_no_good(place: int, flags: tuple[str, ...], why: str) -> None:
    tree = usual_board(region("pool", *flags, size=mib(1)), ram=[Span.sized(0x8000_0000, GIB)]).tree
    scene = NamedScene(
        "6.12", usual_scene("6.12", kernel_image=Span.sized(0x8020_0000, mib(32)), dtb_at=0x8800_0000)
    )
    before = attempt(tree, [scene.scene])
    after = attempt(set_property(tree, POOL, "reg", wide(place, mib(1))), [scene.scene])
    found = obstacles([scene], before, after, {POOL: Span.sized(place, mib(1))})
    assert any(obstacle.path == POOL and why in obstacle.text for obstacle in found)


def test_what_else_changes_is_said() -> None:
    # 32-bit arm from 6.12 on reads fixed regions after the default area is made (kernel-semantics 4.2).
    pool = region("pool", "reusable", "linux,cma-default", size=mib(64), compatible="shared-dma-pool")
    tree = parse(blob_of(cpus("arm,cortex-a15"), memory((0x4000_0000, mib(512))), reserved_memory(pool)))
    for kernel, areas in (("6.1", 0), ("6.12", 1)):
        scene = NamedScene(kernel, Scene(kernel=kernel, dtb_at=0x4800_0000))
        result = pin(tree, [scene])
        assert pinned(result)
        assert (
            render_text(result, name="board.dtb").count("does not find a fixed default pool in time") == areas
        )
