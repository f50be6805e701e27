# SPDX-License-Identifier: Apache-2.0
"""The resource table: read as the kernel reads it, and set against regions by name."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from carveout.amp.resources import vring_size
from carveout.amp.table import Carveout, Devmem, Other, Trace, Vdev, Vring, read_table
from support.boards import cells
from support.elves import ANY, Load, carveout, devmem, elf, other, table, trace, vdev
from support.remotes import KIB, MIB, board_with, codes, fit_on, kept

AT = 0x5000_0000
RINGS = ((AT + MIB, 4096, 256), (AT + MIB + 0x8000, 4096, 256))


def board(**changes: Any) -> Any:
    """A Zynq UltraScale+ R5: firmware, two rings of 32 KiB, buffers of 1 MiB."""
    regions = {
        "rproc": kept("rproc", AT, MIB),
        "vdev0vring0": kept("vdev0vring0", AT + MIB, 0x8000),
        "vdev0vring1": kept("vdev0vring1", AT + MIB + 0x8000, 0x8000),
        "vdev0buffer": kept("vdev0buffer", AT + 2 * MIB, MIB, "no-map", pool=True),
        **changes,
    }
    return board_with([region for region in regions.values() if region is not None], "xlnx,zynqmp-r5f")


def firmware(*entries: bytes, **changes: Any) -> bytes:
    return elf([Load(AT, MIB)], table(*entries, **changes))


def test_a_good_table() -> None:
    data = firmware(carveout("rproc", AT, MIB), trace("log", AT + 0x1000, 0x1000), vdev(*RINGS))
    assert codes(fit_on(board(), data), notes=True) == []


def test_every_entry_is_read() -> None:
    read = read_table(
        table(
            carveout("a", 1, 2, pa=3, flags=4), devmem("b", 5, 6, 7), trace("c", 8, 9),
            vdev((10, 4096, 16), (ANY, 8, 4), config=b"12"), other(128), other(9),
        )
    )  # fmt: skip
    assert read.fault is None
    assert read.entries == (
        Carveout("a", 1, 3, 2, 4),
        Devmem("b", 5, 6, 7),
        Trace("c", 8, 9),
        Vdev(0, 7, (Vring(10, 4096, 16), Vring(ANY, 8, 4))),
        Other(128, is_vendor=True),
        Other(9, is_vendor=False),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "header-less", id="empty"),
        pytest.param(table(version=2), "unsupported fw ver", id="version"),
        pytest.param(table(reserved=1), "non zero reserved bytes", id="reserved"),
        pytest.param(struct.pack("<4I", 1, 9, 0, 0), "resource table incomplete", id="offsets"),
        pytest.param(struct.pack("<5I", 1, 1, 0, 0, 99), "rsc table is truncated", id="offset"),
        pytest.param(struct.pack("<5I", 1, 1, 0, 0, 0xFFFFFFFF), "rsc table is truncated", id="huge-offset"),
        pytest.param(table(carveout("x", 0, 0))[:-1], "is cut off", id="carveout"),
        pytest.param(table(vdev(*RINGS))[:-1], "is cut off", id="vdev"),
        pytest.param(
            table(carveout("x", 0, 0, reserved=1)), "reserved bytes that are not zero", id="entry-reserved"
        ),
    ],
)
def test_a_broken_table_is_refused_in_the_kernels_words(data: bytes, words: str) -> None:
    fault = read_table(data).fault
    assert fault is not None
    assert words in fault
    assert "AMP202" in codes(fit_on(board(), elf([Load(AT, MIB)], data)))


@pytest.mark.parametrize(
    ("entries", "changes", "expected"),
    [
        pytest.param([carveout("rproc", AT, MIB + 1)], {}, ["AMP211"], id="carveout-too-large"),
        pytest.param([carveout("rproc", AT - 4096, 4096)], {}, ["AMP211"], id="carveout-below"),
        pytest.param([carveout("rproc", AT + 4096, MIB)], {}, ["AMP211"], id="carveout-beyond"),
        pytest.param([carveout("rproc", ANY, MIB)], {}, [], id="carveout-anywhere"),
        pytest.param([carveout("heap", ANY, MIB)], {}, [], id="no-region-anywhere"),
        pytest.param([carveout("heap", AT, MIB)], {}, ["AMP212"], id="no-region-at-an-address"),
        pytest.param([devmem("uart", 0, 0xFF00_0000, 4096)], {}, ["AMP221"], id="devmem"),
        pytest.param([trace("log", AT + MIB - 16, 32)], {}, ["AMP231"], id="trace-outside"),
        pytest.param([other(130)], {}, [], id="vendor"),
        pytest.param([vdev((ANY, 4096, 256), (ANY, 4096, 256))], {}, [], id="rings-anywhere"),
        pytest.param([vdev((AT, 4096, 256), RINGS[1])], {}, ["AMP242"], id="ring-elsewhere"),
        pytest.param([vdev((AT + MIB, 4096, 1024), RINGS[1])], {}, [], id="ring-of-32-KiB"),
        pytest.param(
            [vdev((AT + MIB, 4096, 2048), RINGS[1])], {}, ["AMP242", "AMP245"], id="ring-too-long"
        ),
        pytest.param([vdev((AT + MIB, 4096, 0), RINGS[1])], {}, ["AMP241"], id="ring-of-nothing"),
        pytest.param([vdev((AT + MIB, 0, 256), RINGS[1])], {}, ["AMP241"], id="ring-aligned-to-nothing"),
        pytest.param([vdev((AT + MIB, 4096, 100), RINGS[1])], {}, ["AMP241"], id="ring-no-power-of-two"),
        pytest.param([vdev((AT + MIB, 12, 256), RINGS[1])], {}, ["AMP241"], id="alignment-no-power-of-two"),
        pytest.param([vdev(*RINGS, (ANY, 4096, 16))], {}, ["AMP241"], id="three-rings"),
        pytest.param([vdev(*RINGS)], {"vdev0vring0": None}, ["AMP243"], id="ring-without-region"),
        pytest.param([vdev(*RINGS)], {"vdev0buffer": None}, ["AMP244"], id="no-buffer"),
        pytest.param(
            [vdev(*RINGS)],
            {"vdev0buffer": kept("vdev0buffer", AT + 2 * MIB, 128 * KIB, "no-map", pool=True)},
            ["AMP245"], id="buffer-too-small",
        ),
        pytest.param(
            [vdev((ANY, 4096, 256), device_id=3)], {"vdev0buffer": None}, [], id="not-rpmsg-needs-no-buffer"
        ),
    ],
)  # fmt: skip
def test_entries(entries: list[bytes], changes: dict[str, Any], expected: list[str]) -> None:
    # A ring of 2048 entries asks for more buffers than rpmsg makes: 512 of 512 bytes.
    found = codes(fit_on(board(**changes), firmware(*entries)))
    assert found == [code for code in expected if not (code == "AMP245" and "vdev0buffer" not in changes)]


def test_a_name_that_is_nearly_right_is_pointed_at() -> None:
    odd = board(vdev0vring0=kept("vdev0-vring0", AT + MIB, 0x8000))
    (problem,) = [p for p in fit_on(odd, firmware(vdev(*RINGS))).problems if p.code == "AMP243"]
    assert problem.fix == "rename the region 'vdev0-vring0' to 'vdev0vring0'"


def test_without_a_table_regions_for_messages_are_idle() -> None:
    assert codes(fit_on(board(), elf([Load(AT, MIB)]))) == ["AMP201"]


def test_a_table_that_is_not_loaded() -> None:
    assert codes(fit_on(board(), elf([Load(AT, MIB)], table(vdev(*RINGS)), table_at=0x1234))) == ["AMP204"]


def test_an_iommu_maps_what_is_asked_for() -> None:
    """OMAP's processors are behind one: carveouts go where they ask, and segments into them."""
    pool = kept("ipu-pool", AT, 16 * MIB, "reusable", pool=True)
    ipu = board_with([pool], "ti,omap4-ipu")
    loads = [Load(0x8000_0000, MIB)]
    good = elf(
        loads, table(carveout("IPU_MEM_TEXT", 0x8000_0000, MIB), devmem("io", 0x6000_0000, 0x4800_0000, MIB))
    )
    assert codes(fit_on(ipu, good)) == []
    assert codes(fit_on(ipu, elf(loads, table(carveout("IPU_MEM_TEXT", 0x9000_0000, MIB))))) == [
        "AMP101",
    ]
    large = elf(loads, table(carveout("IPU_MEM_TEXT", 0x8000_0000, 32 * MIB)))
    assert codes(fit_on(ipu, large)) == ["AMP213"]


def test_i_mx_takes_buffers_from_the_first_region() -> None:
    buffer = kept("vdevbuffer", AT + 2 * MIB, MIB, "no-map", pool=True)
    rings = [kept("vdev0vring0", AT + MIB, 0x8000), kept("vdev0vring1", AT + MIB + 0x8000, 0x8000)]
    data = elf([Load(0, 4096)], table(vdev(*RINGS)), table_at=0)
    assert (
        codes(
            fit_on(
                board_with([buffer, *rings], "fsl,imx93-cm33"),
                elf([Load(0x0FFC_0000, 4096)], table(vdev(*RINGS))),
            )
        )
        == []
    )
    assert "AMP244" in codes(fit_on(board_with([*rings, buffer], "fsl,imx8mp-cm7"), data))


@pytest.mark.parametrize(
    ("number", "align", "size"),
    [
        # 16 * n descriptors, 6 + 2 * n, aligned, then 6 + 8 * n.
        pytest.param(256, 4096, 8192 + 2054, id="256"),
        pytest.param(8, 16, 160 + 70, id="8"),
        pytest.param(1024, 4096, 20480 + 8198, id="1024"),
    ],
)
def test_the_size_of_a_ring(number: int, align: int, size: int) -> None:
    assert vring_size(number, align) == size


def test_cells_are_big_endian_and_tables_are_not() -> None:
    assert cells(1) == b"\0\0\0\1"
    assert table()[:4] == b"\1\0\0\0"
