# SPDX-License-Identifier: Apache-2.0
"""crashkernel=: how it is read, where it goes on arm64, and what is printed.

1 GiB or 8 GiB of RAM from 0x40000000; memory for DMA ends at 4 GiB or at the end of RAM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import Exactness
from carveout.span import GIB, MIB, Span
from support.boards import KERNELS, boot_regions, region

if TYPE_CHECKING:
    from carveout.boot.result import Boot

NEWER = ("6.12", "7.2")
LARGE = (Span.sized(0x4000_0000, 8 * GIB),)
TOP = 0x4000_0000 + 8 * GIB


def lines(result: Boot) -> list[str]:
    return [line for line in result.messages if "crashkernel" in line]


def taken(result: Boot) -> list[tuple[int, int]]:
    return [(claim.base, claim.size) for claim in result.claims if claim.who == "crashkernel"]


def sizes(result: Boot) -> list[int]:
    return [size for _, size in taken(result)]


@pytest.mark.parametrize(
    ("argument", "size"),
    [
        pytest.param("128M", 128 * MIB, id="size"),
        pytest.param("0x8000000", 128 * MIB, id="hexadecimal"),
        pytest.param("64M crashkernel=32M", 32 * MIB, id="the-last-counts"),
        pytest.param("64M crashkernel=32M,high", 64 * MIB, id="another-form-does-not"),
        pytest.param("1000K", 1000 << 10, id="whole-pages"),
        pytest.param("1001", 4096, id="rounded-up-to-pages"),
        pytest.param("128Mx", None, id="rubbish-behind-it"),
        pytest.param("128M,foo", None, id="unknown-form"),
        pytest.param("", None, id="empty"),
        pytest.param("0", None, id="nothing"),
        # 1 GiB of RAM:
        pytest.param("512M-2G:64M,2G-:128M", 64 * MIB, id="first-range"),
        pytest.param("0-1G:32M,1G-2G:64M", 64 * MIB, id="its-end-is-outside"),
        pytest.param("1G-:96M", 96 * MIB, id="open-range"),
        pytest.param("2G-:96M", None, id="no-range"),
        pytest.param("1G-512M:96M", None, id="reversed-range"),
        pytest.param("512M:96M", None, id="no-range-at-all"),
        pytest.param("512M-2G:1G", None, id="all-of-ram"),
    ],
)
@pytest.mark.parametrize("kernel", KERNELS)
def test_sizes(kernel: str, argument: str, size: int | None) -> None:
    assert sizes(boot_regions(kernel, cmdline=f"crashkernel={argument}")) == ([size] if size else [])


@pytest.mark.parametrize("kernel", KERNELS)
def test_ram_is_rounded_to_128_mib_for_ranges_only(kernel: str) -> None:
    # 960 MiB count as 1 GiB.
    ram = (Span.sized(0x4000_0000, 960 * MIB),)
    assert sizes(boot_regions(kernel, ram=ram, cmdline="crashkernel=1G-:64M")) == [64 * MIB]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("suffix", ["", "@1536M"])
def test_ranges_with_a_place(kernel: str, suffix: str) -> None:
    result = boot_regions(kernel, cmdline=f"crashkernel=512M-:64M{suffix}")
    (found,) = taken(result)
    assert (found[0] == 0x6000_0000) == bool(suffix)
    assert lines(result) == [
        f"crashkernel reserved: 0x{found[0]:016x} - 0x{found[0] + 64 * MIB:016x} (64 MB)"
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_place_is_aligned_and_below_the_dma_limit(kernel: str) -> None:
    (found,) = taken(boot_regions(kernel, ram=LARGE, cmdline="crashkernel=64M"))
    assert found[0] % (2 * MIB) == 0
    assert 0xE000_0000 < found[0] <= 0xFC00_0000


@pytest.mark.parametrize(
    ("kernel", "line"),
    [
        ("5.10", "cannot reserve crashkernel: region overlaps reserved memory"),
        ("6.1", "cannot allocate crashkernel (size:0x4000000)"),
        ("6.12", "crashkernel reservation failed - memory is in use."),
        ("7.2", "crashkernel reservation failed - memory is in use."),
    ],
)
def test_a_place_in_use(kernel: str, line: str) -> None:
    result = boot_regions(
        kernel, region("a@60100000", reg=[(0x6010_0000, MIB)]), cmdline="crashkernel=64M@0x60000000"
    )
    assert (lines(result), taken(result)) == ([line], [])


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("64M@0xc0000000", "cannot reserve crashkernel: region is not memory"),
        ("64M@0x60100000", "cannot reserve crashkernel: base address is not 2MB aligned"),
        ("2G", "cannot allocate crashkernel (size:0x80000000)"),
    ],
)
def test_what_5_10_refuses(argument: str, line: str) -> None:
    result = boot_regions("5.10", cmdline=f"crashkernel={argument}")
    assert (lines(result), taken(result)) == ([line], [])


@pytest.mark.parametrize("kernel", NEWER)
def test_newer_kernels_say_nothing_about_more_than_all_ram(kernel: str) -> None:
    assert lines(boot_regions(kernel, cmdline="crashkernel=1G")) == []


_ZERO, _COLON = "crashkernel size resulted in zero bytes", "crashkernel: ':' expected"
_NO_SIZE, _VALUE = "crashkernel: memory value expected", "crashkernel: Memory value expected"


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        pytest.param("", _NO_SIZE, id="empty"),
        pytest.param("x", _NO_SIZE, id="no-number"),
        pytest.param("64Mfoo", "crashkernel: unrecognized char: f", id="rubbish"),
        pytest.param("64M,", "crashkernel: unrecognized char: ,", id="comma"),
        pytest.param("64M,foo", "crashkernel: unrecognized char: ,", id="unknown-suffix"),
        pytest.param("64M,high,foo", "crashkernel: unrecognized char: ,", id="suffix-not-last"),
        pytest.param("512M-2G", "crashkernel: unrecognized char: -", id="range-without-size"),
        pytest.param("1G-512M:32M", "crashkernel: end <= start", id="reversed"),
        pytest.param("512M-2G:5G", "crashkernel: invalid size", id="more-than-RAM"),
        pytest.param("-2G:32M", _VALUE, id="no-start"),
        pytest.param("512M-x:32M", _VALUE, id="no-end"),
        pytest.param("512M-2G;32M:", _COLON, id="no-colon"),
        pytest.param("2G-:64M", _ZERO, id="no-range-fits"),
        pytest.param("512M-2G:0", _ZERO, id="range-of-nothing"),
    ],
)
@pytest.mark.parametrize("kernel", KERNELS)
def test_malformed_text(kernel: str, argument: str, line: str) -> None:
    """Each was booted: 5.10.0-32, 6.1.0-50, 6.12.117+deb13 and 7.2.13+deb14, arm64, 1 GiB."""
    result = boot_regions(kernel, cmdline=f"crashkernel={argument}")
    assert (lines(result), taken(result)) == ([line], [])


@pytest.mark.parametrize(
    ("argument", "texts"),
    [
        pytest.param("512M-2G:", ("Memory", "Memory", _VALUE, _VALUE), id="size"),
        pytest.param("512M-2G:32M@", ("Memory", "Memory", "Memory", f"{_VALUE} after '@'"), id="base"),
        pytest.param(",high", (None, _NO_SIZE, _NO_SIZE, _NO_SIZE), id="high"),
        pytest.param(
            "64Mx,high", (None, *["crashkernel: unrecognized char: x"] * 3), id="rubbish-before-high"
        ),
        pytest.param("32M,low,high", (None, *["crashkernel: unrecognized char: ,"] * 3), id="two-suffixes"),
    ],
)
def test_malformed_text_that_kernels_read_differently(argument: str, texts: tuple[str | None, ...]) -> None:
    """Booted as those above. Older kernels leave out the parameter's name: `Memory value expected`."""
    for kernel, text in zip(KERNELS, texts, strict=True):
        result = boot_regions(kernel, cmdline=f"crashkernel={argument}")
        expected = "Memory value expected" if text == "Memory" else text
        assert taken(result) == []
        assert [line for line in result.messages if "rashkernel" in line or "Memory value" in line] == (
            [] if expected is None else [expected]
        )


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_follows_is_not_always_looked_at(kernel: str) -> None:
    (plain,) = taken(boot_regions(kernel, cmdline="crashkernel=64M"))
    assert taken(boot_regions(kernel, cmdline="crashkernel=64M@x")) == [plain]
    (ranges,) = taken(boot_regions(kernel, cmdline="crashkernel=32M"))
    assert taken(boot_regions(kernel, cmdline="crashkernel=512M-:32M,foo")) == [ranges]


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_for_a_crash_kernel_in_contiguous_areas(kernel: str) -> None:
    # Booted on arm64: 7.2 knows the suffix and has no such area there; to older kernels it is malformed, and the last.
    result = boot_regions(kernel, cmdline="crashkernel=64M crashkernel=32M,cma")
    assert result.exactness is Exactness.EXACT
    assert sizes(result) == ([64 * MIB] if kernel == "7.2" else [])
    assert kernel == "7.2" or lines(result) == ["crashkernel: unrecognized char: ,"]


# ---------------------------------------------------------------- high and low


@pytest.mark.parametrize(
    ("kernel", "argument", "expected"),
    [
        pytest.param("5.10", "256M,high", [], id="5.10-does-not-know-it"),
        pytest.param("6.1", "256M,high", [256], id="6.1-no-low-unless-asked"),
        pytest.param("6.1", "256M,high crashkernel=64M,low", [64, 256], id="6.1-low"),
        pytest.param("6.12", "256M,high", [128, 256], id="6.12-low-by-itself"),
        pytest.param("6.12", "256M,high crashkernel=64M,low", [64, 256], id="6.12-low"),
        pytest.param("6.12", "256M,high crashkernel=0,low", [256], id="6.12-no-low"),
        pytest.param("7.2", "256M,high", [128, 256], id="7.2-low-by-itself"),
        pytest.param("7.2", "256M crashkernel=64M,low", [256], id="7.2-low-needs-high"),
        pytest.param("7.2", "64M,low", [], id="7.2-low-alone"),
        pytest.param("7.2", "4G", [128, 4096], id="7.2-falls-back-above"),
    ],
)
def test_above_the_dma_limit(kernel: str, argument: str, expected: list[int]) -> None:
    result = boot_regions(kernel, ram=LARGE, cmdline=f"crashkernel={argument}")
    found = taken(result)
    assert [size // MIB for _, size in found] == expected
    if len(found) == 2:
        low, high = found
        assert low[0] + low[1] <= 1 << 32 <= high[0]
        assert lines(result) == [
            f"crashkernel low memory reserved: 0x{low[0]:08x} - 0x{low[0] + low[1]:08x} ({expected[0]} MB)",
            f"crashkernel reserved: 0x{high[0]:016x} - 0x{high[0] + high[1]:016x} ({expected[1]} MB)",
        ]
    assert str(result.exactness) == "exact"


def test_6_1_falls_back_to_nothing() -> None:
    result = boot_regions("6.1", ram=LARGE, cmdline="crashkernel=4G")
    assert (lines(result), taken(result)) == (["cannot allocate crashkernel (size:0x100000000)"], [])


def test_high_falls_back_below() -> None:
    # All that is above 4 GiB is taken.
    full = region("a@100000000", reg=[(1 << 32, TOP - (1 << 32))])
    ((base, size),) = taken(boot_regions("7.2", full, ram=LARGE, cmdline="crashkernel=256M,high"))
    assert (base + size <= 1 << 32, size) == (True, 256 * MIB)


def test_high_is_given_back_when_low_finds_no_room() -> None:
    result = boot_regions("7.2", ram=LARGE, cmdline="crashkernel=256M,high crashkernel=4G,low")
    assert taken(result) == []
    assert lines(result) == ["cannot allocate crashkernel low memory (size:0x100000000)."]


@pytest.mark.parametrize(
    ("argument", "doubt"),
    [("64M@0x100000000", "was never booted")],
)
def test_what_was_never_booted_is_modelled(argument: str, doubt: str) -> None:
    result = boot_regions("7.2", ram=LARGE, cmdline=f"crashkernel={argument}")
    assert str(result.exactness) == "modelled"
    assert any(doubt in note for note in result.notes)
    assert sizes(result) == [64 * MIB]
