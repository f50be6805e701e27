# SPDX-License-Identifier: Apache-2.0
"""Page sizes that were never booted: the configuration is derived, and everything is modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.cma import min_alignment
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.errors import UnsupportedProfile
from carveout.kernel import resolve
from carveout.kernel.layout import ARM64_LAYOUTS, section_usage
from carveout.span import GIB, KIB, MIB, Span
from support.boards import bases, region, usual_board

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

PAGE_64K = 64 * KIB


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
@pytest.mark.parametrize(("page_size", "smallest"), [(16 * KIB, 32 * MIB), (64 * KIB, 512 * MIB)])
def test_contiguous_areas_get_the_alignment_of_a_huge_page(
    kernel: str, page_size: int, smallest: int
) -> None:
    assert min_alignment(resolve(kernel, arch="arm64", page_size=page_size)) == smallest


def boot_64k(kernel: str, ram: Span, *regions: DraftNode) -> Boot:
    scene = Scene(
        kernel=kernel,
        arch="arm64",
        page_size=PAGE_64K,
        kernel_image=Span.sized(0x4020_0000, 32 * MIB),
        dtb_at=0x4800_0000,
    )
    return boot(usual_board(*regions, ram=(ram,)), scene)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
def test_64_kib_pages_are_modelled(kernel: str) -> None:
    result = boot_64k(kernel, Span.sized(0x4000_0000, 4 * GIB), region("a", size=MIB))
    assert str(result.outcome) == "ok"
    assert str(result.exactness) == "modelled"
    assert any("64 KiB" in note for note in result.notes)
    assert bases(result) == {"a": 0x1_4000_0000 - MIB}
    # 64 MiB are rounded up to one huge page.
    (area,) = result.cma
    assert (area.name, area.size, area.base % (512 * MIB)) == ("reserved", 512 * MIB, 0)


def test_the_linear_map_needs_a_table_for_512_mib_and_one_for_4_tib() -> None:
    result = boot_64k("7.2", Span.sized(0x4000_0000, 4 * GIB))
    size = sum(s.size or 0 for s in result.trace if s.reason.startswith("tables of the linear map"))
    assert size // PAGE_64K == 8 + 1


def test_memory_nodes_are_cut_to_64_kib() -> None:
    result = boot_64k("7.2", Span(0x4000_0000, 0x7FFF_F000))
    assert [(entry.base, entry.base + entry.size) for entry in result.memory] == [(0x4000_0000, 0x7FFF_0000)]


@pytest.mark.parametrize("size", [4 * MIB, 8 * KIB])
def test_other_page_sizes_do_not_exist(size: int) -> None:
    with pytest.raises(UnsupportedProfile, match=r"--page-size \S+: on arm64 expected 4K or 16K or 64K"):
        resolve("6.12", arch="arm64", page_size=size)


@pytest.mark.parametrize(("series", "page_size"), ARM64_LAYOUTS)
def test_the_usage_map_follows_from_the_section(series: str, page_size: int) -> None:
    # The formula is our reading of the structure; the measured sizes are the check on it.
    layout = ARM64_LAYOUTS[series, page_size]
    huge = {4 * KIB: 2 * MIB, 16 * KIB: 32 * MIB}[page_size]
    assert section_usage(layout.section_size, huge) == layout.section_usage
