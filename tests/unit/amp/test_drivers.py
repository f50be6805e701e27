# SPDX-License-Identifier: Apache-2.0
"""Where each vendor's driver finds memory for a segment, and what it refuses.

Expected values are worked out by hand from the drivers named in carveout/amp/drivers.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from carveout.amp.drivers import DRIVERS, QCOM, UNKNOWN, driver_of
from support.boards import cells, region, text
from support.elves import PF_R, Load, elf
from support.remotes import KIB, MIB, board_with, codes, fit_on, kept

AT = 0x5000_0000


def stm32(**changes: Any) -> Any:
    # The Cortex-M4 sees 0x10000000 at 0x38000000, and retention RAM at 0.
    ranges = cells(0x0, 0x3800_0000, 0x1_0000, 0x1000_0000, 0x5000_0000, 0x6_0000)
    bus = {"dma-ranges": ranges, **changes}
    return board_with([kept("mcuram", AT, 256 * KIB)], "st,stm32mp1-m4", bus=bus)


def imx8mp() -> Any:
    return board_with([kept("m7", 0x4400_0000, 2 * MIB)], "fsl,imx8mp-cm7")


def k3_r5(**properties: bytes) -> Any:
    reg = cells(0x4100_0000, 0x8000, 0x4101_0000, 0x8000)
    given = {"reg": reg, "reg-names": text("atcm", "btcm"), **properties}
    regions = [kept("r5f-dma-memory", AT, MIB, "no-map", pool=True), kept("r5f-memory", AT + MIB, 15 * MIB)]
    return board_with(regions, "ti,am64-r5f", properties=given)


def zynqmp() -> Any:
    reg = cells(0x0, 0x1_0000, 0x2_0000, 0x1_0000)
    return board_with(
        [kept("rproc", AT, MIB)],
        "xlnx,zynqmp-r5f",
        properties={"reg": reg, "reg-names": text("atcm0", "btcm0")},
    )


def scp(compatible: str) -> Any:
    given = {"reg": cells(0x1050_0000, 0x8_0000), "reg-names": text("sram")}
    return board_with([kept("scp", AT, 16 * MIB, "no-map", pool=True)], compatible, properties=given)


def c66() -> Any:
    reg = cells(0x8080_0000, 0x4_8000, 0x80E0_0000, 0x8000, 0x80F0_0000, 0x8000)
    given = {"reg": reg, "reg-names": text("l2sram", "l1pram", "l1dram")}
    regions = [kept("c66-dma-memory", AT, MIB, "no-map", pool=True), kept("c66-memory", AT + MIB, 15 * MIB)]
    return board_with(regions, "ti,j721e-c66-dsp", properties=given)


@pytest.mark.parametrize(
    ("board", "address", "size", "expected"),
    [
        pytest.param(stm32(), 0x1000_0000, 256 * KIB, [], id="stm32-its-own-view"),
        pytest.param(stm32(), AT, 256 * KIB, ["AMP102"], id="stm32-the-cpus-view"),
        pytest.param(stm32(), 0x1000_0000, 257 * KIB, ["AMP103"], id="stm32-too-large"),
        pytest.param(stm32(), 0x0, 16 * KIB, ["AMP101"], id="stm32-retram-without-a-region"),
        pytest.param(imx8mp(), 0x4400_0000, 2 * MIB, [], id="imx-region-as-a-carveout"),
        pytest.param(imx8mp(), 0x1400_0000, MIB, [], id="imx-code-alias"),
        pytest.param(imx8mp(), 0x1400_0000, 2 * MIB, ["AMP103"], id="imx-alias-wants-a-byte-to-spare"),
        pytest.param(imx8mp(), 0x0, 128 * KIB - 4, [], id="imx-itcm"),
        pytest.param(imx8mp(), 0x0, 128 * KIB, ["AMP103"], id="imx-itcm-to-the-last-byte"),
        pytest.param(imx8mp(), 0x2000_0000, 64 * KIB, [], id="imx-dtcm"),
        pytest.param(imx8mp(), 0x007E_0000, 64 * KIB, ["AMP102"], id="imx-itcm-at-the-cpus-address"),
        pytest.param(imx8mp(), 0x8000_0000, 64 * KIB, ["AMP101"], id="imx-ddr-without-a-region"),
        pytest.param(k3_r5(), AT + MIB, 15 * MIB, [], id="k3-region"),
        pytest.param(k3_r5(), AT, 64 * KIB, ["AMP106"], id="k3-pool-is-not-for-loading"),
        pytest.param(k3_r5(), 0x0, 0x8000, [], id="k3-atcm-low"),
        pytest.param(k3_r5(), 0x4101_0000, 0x8000, [], id="k3-btcm-high"),
        pytest.param(k3_r5(), 0x4100_0000, 0x8000, [], id="k3-atcm-at-the-cpus-address"),
        pytest.param(k3_r5(**{"ti,loczrama": cells(0)}), 0x0, 0x8000, [], id="k3-btcm-low"),
        pytest.param(k3_r5(), 0x1000, 0x8000, ["AMP103"], id="k3-atcm-too-large"),
        pytest.param(zynqmp(), AT, MIB, [], id="zynqmp-region"),
        pytest.param(zynqmp(), 0x2_0000, 0x1_0000, [], id="zynqmp-btcm"),
        pytest.param(zynqmp(), 0x1_0000, 0x100, ["AMP101"], id="zynqmp-between"),
        pytest.param(scp("mediatek,mt8183-scp"), 0x0, 512 * KIB, [], id="mt8183-sram-at-zero"),
        pytest.param(scp("mediatek,mt8192-scp"), 0x1050_0000, 512 * KIB, [], id="mt8192-sram-at-its-place"),
        pytest.param(scp("mediatek,mt8192-scp"), 0x0, 512 * KIB, ["AMP101"], id="mt8192-nothing-at-zero"),
        pytest.param(scp("mediatek,mt8192-scp"), AT, MIB, [], id="mt8192-dram"),
        pytest.param(c66(), 0x80_0000, 0x4_8000, [], id="c66-l2"),
        pytest.param(c66(), 0x8080_0000, 0x4_8000, ["AMP102"], id="c66-l2-at-the-cpus-address"),
        pytest.param(c66(), AT + MIB, MIB, [], id="c66-region"),
    ],
)  # fmt: skip
def test_where_a_segment_may_lie(board: Any, address: int, size: int, expected: list[str]) -> None:
    assert codes(fit_on(board, elf([Load(address, size)]))) == expected


def test_the_fix_names_the_processors_address() -> None:
    (problem,) = fit_on(stm32(), elf([Load(AT + 0x100, 0x1000)])).problems
    assert problem.fix == "link it at 0x10000100"
    assert "the processor sees that at 0x10000000..0x1003ffff" in problem.message
    assert "'bad phdr da 0x50000100 mem 0x1000'" in problem.message


def test_a_refused_no_map_is_named_as_the_cause() -> None:
    board = board_with([kept("m7", 0x4100_0000, 2 * MIB)], "fsl,imx8mp-cm7")
    (problem,) = [p for p in fit_on(board, elf([Load(0, 16)])).problems if p.code == "AMP302"]
    assert "although it is no-map: not reserved" in problem.message
    assert problem.fix is None


def test_entry_of_a_dsp_is_aligned() -> None:
    data = elf([Load(AT + MIB, MIB)], entry=AT + MIB + 4)
    assert codes(fit_on(c66(), data)) == ["AMP108"]


@pytest.mark.parametrize(
    ("board", "expected"),
    [
        pytest.param(stm32(**{"dma-ranges": cells(0, 0x3800_0000, 0x1_0000)}), "AMP303", id="stm32-not-in-ranges"),
        pytest.param(stm32(**{"dma-ranges": b""}), "AMP303", id="stm32-no-ranges"),
        pytest.param(
            board_with([kept("only", AT, MIB, "no-map", pool=True)], "ti,am64-r5f"), "AMP304", id="k3-one-region"
        ),
        pytest.param(
            board_with([kept("a", AT, MIB), kept("b", AT + MIB, MIB)], "ti,am64-r5f"), "AMP305", id="k3-no-pool"
        ),
        pytest.param(
            board_with([kept("rproc", AT, MIB, "x-nothing")], "xlnx,zynqmp-r5f"), "AMP302", id="mapped-ram"
        ),
        pytest.param(
            board_with([kept("vdev0buffer", AT, MIB)], "st,stm32mp1-m4", bus={"dma-ranges": cells(AT, AT, MIB)}),
            "AMP305", id="buffer-no-pool",
        ),
        pytest.param(
            board_with([kept("vdev0buffer", AT, MIB, "x-nothing", pool=True)], "fsl,imx8mp-cm7"), "AMP301",
            id="pool-on-mapped-ram",
        ),
    ],
)  # fmt: skip
def test_regions(board: Any, expected: str) -> None:
    assert expected in codes(fit_on(board, elf([Load(0, 16)])))


def test_a_region_above_4_gib_is_cut_off_by_the_r5() -> None:
    board = board_with(
        [kept("dma", AT, MIB, "no-map", pool=True), kept("high", 0x1_5000_0000, MIB)], "ti,am64-r5f"
    )
    assert "AMP303" in codes(fit_on(board, elf([Load(0, 16)])))


def test_an_unknown_driver_is_said_and_judges_mildly() -> None:
    board = board_with([kept("fw", AT, MIB)], "acme,dsp")
    inside, outside = (fit_on(board, elf([Load(at, 0x1000)])) for at in (AT, 0x100))
    assert codes(inside, notes=True) == ["AMP001"]
    assert [(p.code, str(p.gravity)) for p in outside.problems] == [("AMP101", "warning"), ("AMP001", "note")]


def test_an_unknown_driver_sees_memory_as_its_bus_does() -> None:
    bus = {"dma-ranges": cells(0x1000_0000, 0, AT, MIB)}
    board = board_with([kept("fw", AT, MIB)], "acme,dsp", bus=bus)
    assert codes(fit_on(board, elf([Load(0x1000_0000, 0x1000)]))) == []
    assert codes(fit_on(board, elf([Load(AT, 0x1000)]))) == ["AMP102"]


def test_a_moving_region_is_no_place_to_link_at() -> None:
    board = board_with([region("fw", "no-map", size=MIB)], "fsl,imx8mp-cm7")
    assert "AMP306" in codes(fit_on(board, elf([Load(0, 16)])))


RELOCATABLE, HASH = 1 << 27, 2 << 24


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        pytest.param([Load(0x8000_0000, MIB, flags=PF_R | RELOCATABLE)], [], id="moved"),
        pytest.param([Load(0x8000_0000, 2 * MIB, flags=PF_R | RELOCATABLE)], ["AMP103"], id="moved-too-large"),
        pytest.param(
            [Load(0x8000_0000, 4096, flags=PF_R | RELOCATABLE), Load(0x8010_0000, 4096, flags=PF_R)],
            ["AMP103"], id="moved-spans-too-much",
        ),
        pytest.param([Load(AT, MIB, flags=PF_R)], [], id="in-place"),
        pytest.param([Load(AT + 0x1000, MIB, flags=PF_R)], ["AMP103"], id="in-place-too-large"),
        pytest.param([Load(0x8000_0000, 4096, flags=PF_R)], ["AMP101"], id="elsewhere"),
        pytest.param([Load(0, 4096, flags=PF_R | HASH), Load(AT, 4096, flags=PF_R)], [], id="hashes-are-not-loaded"),
        pytest.param([Load(0, 4096, flags=PF_R | HASH)], ["AMP003"], id="nothing-to-load"),
    ],
)  # fmt: skip
def test_qualcomm(loads: list[Load], expected: list[str]) -> None:
    board = board_with([kept("adsp", AT, MIB)], "qcom,sm8250-adsp-pas")
    assert codes(fit_on(board, elf(loads))) == expected


def test_an_image_that_may_be_moved_needs_no_fixed_address() -> None:
    board = board_with([region("adsp", "no-map", size=MIB)], "qcom,sm8250-adsp-pas")
    assert codes(fit_on(board, elf([Load(0, 4096, flags=PF_R | RELOCATABLE)]))) == []
    assert codes(fit_on(board, elf([Load(AT, 4096, flags=PF_R)]))) == ["AMP101", "AMP306"]


def test_qualcomm_takes_the_region_with_the_number_of_the_file() -> None:
    board = board_with([kept("adsp", AT, MIB), kept("dtb", AT + MIB, 4096)], "qcom,sm8550-adsp-pas")
    data = elf([Load(0, 8192, flags=PF_R | RELOCATABLE)])
    assert codes(fit_on(board, data, entry=0)) == []
    assert codes(fit_on(board, data, entry=1)) == ["AMP103"]
    assert codes(fit_on(board, data, entry=2)) == ["AMP301"]


def test_the_headers_of_a_split_image_have_no_segments_behind_them() -> None:
    board = board_with([kept("adsp", AT, MIB)], "qcom,sm8250-adsp-pas")
    data = elf([Load(AT, MIB, b"", flags=PF_R, filesz=0x8_0000)])
    assert codes(fit_on(board, data, name="adsp.mdt")) == []
    assert codes(fit_on(board, data, name="adsp.mbn")) == ["AMP105"]


def test_the_table_of_drivers() -> None:
    names = [compatible for driver in DRIVERS for compatible in driver.compatibles]
    assert len(names) == len(set(names))
    assert all(driver.source and driver.name for driver in (*DRIVERS, QCOM))
    assert driver_of(("acme,new", "st,stm32mp1-m4")).name == "stm32_rproc"
    assert driver_of(("qcom,sm9999-adsp-pas",)) is QCOM
    assert driver_of(("acme,dsp",)) is UNKNOWN
    assert driver_of(()) is UNKNOWN
