# SPDX-License-Identifier: Apache-2.0
"""From the name of a kernel to a Profile: versions, flavours, configurations, overrides, and doubts."""

from __future__ import annotations

import re

import pytest

from carveout.boot.cma import area_slots, min_alignment
from carveout.errors import InternalError, UnsupportedProfile
from carveout.kernel import resolve
from carveout.kernel.release import parse_release
from carveout.span import MIB

K4, K16 = 4096, 16384


# ---- names of kernels --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "series", "booted", "arch", "page_size"),
    [
        pytest.param("5.10", "5.10", True, None, None, id="series-5.10"),
        pytest.param("7.2", "7.2", True, None, None, id="series-7.2"),
        pytest.param("v6.12", "6.12", True, None, None, id="with-v"),
        pytest.param(" 6.12 ", "6.12", True, None, None, id="blanks"),
        pytest.param("6.12.107", "6.12", True, None, None, id="the-stable-release"),
        pytest.param("6.12.106", "6.12", False, None, None, id="another-stable-release"),
        pytest.param("6.1.0-50-arm64", "6.1", True, "arm64", K4, id="debian-6.1"),
        pytest.param("6.1.0-49-arm64", "6.1", False, "arm64", K4, id="debian-6.1-older"),
        pytest.param("6.12.107+deb13-arm64", "6.12", True, "arm64", K4, id="debian-6.12"),
        pytest.param("6.12.107+deb13-arm64-16k", "6.12", True, "arm64", K16, id="debian-6.12-16k"),
        pytest.param("7.2.13+deb14-arm64-16k", "7.2", True, "arm64", K16, id="debian-7.2-16k"),
        pytest.param("7.2.12+deb14-arm64-16k", "7.2", False, "arm64", K16, id="debian-7.2-16k-older"),
        pytest.param("6.1.0-50-arm64-16k", "6.1", False, "arm64", K16, id="a-flavour-of-others"),
        pytest.param("5.10.0-32-armmp", "5.10", True, "arm", K4, id="debian-armmp"),
        pytest.param("6.8", "6.1", False, None, None, id="between"),
        pytest.param("6.13.1", "6.12", False, None, None, id="after-6.12"),
        pytest.param("7.1", "6.12", False, None, None, id="before-7.2"),
        pytest.param("6.9.0-rc3-vendor", "6.1", False, None, None, id="vendor"),
    ],
)
def test_parse_release(text: str, series: str, booted: bool, arch: str | None, page_size: int | None) -> None:
    found = parse_release(text)
    assert (found.booted.series, found.is_booted, found.arch, found.page_size) == (
        series,
        booted,
        arch,
        page_size,
    )


@pytest.mark.parametrize("text", ["", "linux", "6", "6.", ".12", "six.twelve", "-6.12", "6,12"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(UnsupportedProfile, match="not a kernel version"):
        parse_release(text)


@pytest.mark.parametrize("text", ["5.9", "4.19.300", "7.3", "8.0", "99.99"])
def test_versions_outside_what_is_known(text: str) -> None:
    with pytest.raises(UnsupportedProfile, match=r"from 5\.10 to 7\.2"):
        parse_release(text)


# ---- profiles ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2", "6.12.107+deb13-arm64-16k"])
def test_a_booted_kernel_leaves_no_doubt(kernel: str) -> None:
    profile = resolve(kernel, arch="arm64")
    assert profile.doubts == ()
    assert profile.kernel == kernel


def test_without_a_name_the_newest_booted_kernel() -> None:
    profile = resolve(None, arch="arm64")
    assert (profile.kernel, profile.version, profile.release, profile.doubts) == (
        "7.2",
        "7.2.13",
        "7.2.13+deb14",
        (),
    )


@pytest.mark.parametrize("kernel", ["5.15", "5.16", "6.2", "6.4", "6.6", "6.8", "6.13", "6.18", "7.0", "7.1"])
def test_ten_versions_between_are_doubted(kernel: str) -> None:
    profile = resolve(kernel, arch="arm64")
    assert profile.doubts[0].startswith(f"kernel {kernel} was not booted")


@pytest.mark.parametrize(
    ("kernel", "field", "value"),
    [
        # The release of these changes is known (binding.md section 2).
        pytest.param("5.15", "region_nodes", "all-depths", id="5.15-before-fb2293fd5ef1"),
        pytest.param("5.16", "region_nodes", "children", id="5.16-regions"),
        pytest.param("6.3", "memreserve", "first", id="6.3-before-b41328187629"),
        pytest.param("6.4", "memreserve", "last", id="6.4-b41328187629"),
        pytest.param("6.11", "region_table", "sorted-queue", id="6.11-before-8a6e02d0c00e"),
        pytest.param("6.13", "region_table", "two-pass", id="6.13"),
    ],
)
def test_changes_of_a_known_release(kernel: str, field: str, value: str) -> None:
    profile = resolve(kernel, arch="arm64")
    assert getattr(profile.behaviour, field) == value
    assert not any(field in doubt for doubt in profile.doubts)


def test_another_stable_release_behaves_as_its_series_and_is_doubted() -> None:
    near, booted = resolve("6.12.20", arch="arm64"), resolve("6.12", arch="arm64")
    assert near.behaviour == booted.behaviour
    assert (len(near.doubts), booted.doubts) == (1, ())


# ---- overrides ---------------------------------------------------------------------------------------------
def test_an_override_counts_and_is_said() -> None:
    profile = resolve("6.1", arch="arm64", overrides={"memreserve": "last"})
    assert profile.behaviour.memreserve == "last"
    assert profile.doubts == ("behaviour overridden: memreserve=last",)


def test_an_override_of_a_number() -> None:
    found = resolve(
        "6.1", arch="arm64", overrides={"refused_root_entries": "64"}
    ).behaviour.refused_root_entries
    assert (found, type(found)) == (64, int)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param({"memreserved": "last"}, "memreserved=last: no such field", id="no-field"),
        pytest.param({"memreserve": "Last"}, "memreserve=Last: expected one of first, last", id="no-value"),
        pytest.param({"memreserve": ""}, "memreserve=: expected one of first, last", id="empty"),
        pytest.param({"refused_root_entries": "3"}, "expected one of 0, 64", id="no-number"),
        pytest.param({"__class__": "x"}, "no such field", id="dunder"),
    ],
)
def test_overrides_that_make_no_sense(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(UnsupportedProfile, match=re.escape(message)):
        resolve("6.1", arch="arm64", overrides=overrides)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"arch": "mips"}, "expected one of arm64, arm, riscv64, powerpc64", id="arch"),
        pytest.param({"arch": "arm64", "page_size": 8192}, "--page-size 8K: on arm64", id="page-size"),
        pytest.param({"arch": "arm64", "preset": "yocto"}, "yocto", id="preset"),
    ],
)
def test_what_is_not_known(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(UnsupportedProfile, match=re.escape(message)):
        resolve("6.12", **arguments)  # type: ignore[arg-type]


# ---- configurations (kernel-semantics 10) ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "page_size", "expected"),
    [
        # VA, PA bits; CMA_AREAS; order as configured; NR_CPUS; KFENCE; per-node areas
        pytest.param("5.10", K4, (48, 48, 19, 11, 256, False, True, False), id="5.10"),
        pytest.param("6.1", K4, (48, 48, 19, 11, 256, False, True, False), id="6.1"),
        pytest.param("6.12", K4, (52, 52, 20, 10, 512, True, False, False), id="6.12"),
        pytest.param("6.12", K16, (52, 52, 20, 11, 512, True, False, False), id="6.12-16k"),
        pytest.param("7.2", K4, (52, 52, 20, 10, 512, True, True, True), id="7.2"),
    ],
)
def test_debian_configurations(kernel: str, page_size: int, expected: tuple[object, ...]) -> None:
    config = resolve(kernel, arch="arm64", page_size=page_size).config
    assert (
        config.va_bits,
        config.pa_bits,
        config.cma_areas,
        config.max_order,
        config.nr_cpus,
        config.kfence,
        config.dma_pernuma_cma,
        config.cma_size_pernuma,
    ) == expected
    assert (config.page_size, config.phys_bits, config.cma_size_mbytes) == (page_size, 64, 64)
    assert (config.cma, config.dma_cma, config.highmem, config.dma_restricted_pool) == (
        True,
        True,
        False,
        False,
    )
    assert (config.kfence_sample_interval, config.cmdline, config.nodes_shift) == (0, "", 4)


@pytest.mark.parametrize(
    ("kernel", "page_size", "align"),
    [
        # The table of 4.1.
        pytest.param("5.10", K4, 4 * MIB, id="5.10"),
        pytest.param("6.1", K4, 2 * MIB, id="6.1"),
        pytest.param("6.12", K4, 2 * MIB, id="6.12"),
        pytest.param("6.12", K16, 32 * MIB, id="6.12-16k"),
        pytest.param("7.2", K4, 2 * MIB, id="7.2"),
    ],
)
def test_alignment_of_contiguous_areas(kernel: str, page_size: int, align: int) -> None:
    assert min_alignment(resolve(kernel, arch="arm64", page_size=page_size)) == align


@pytest.mark.parametrize(("kernel", "slots"), [("5.10", 20), ("6.1", 20), ("6.12", 20), ("7.2", 20)])
def test_slots_for_contiguous_areas(kernel: str, slots: int) -> None:
    # 3.7: CMA_AREAS + 1 until 6.1 (19 + 1), CMA_AREAS since 6.12 (20).
    assert area_slots(resolve(kernel, arch="arm64")) == slots


@pytest.mark.parametrize(
    ("kernel", "page_size", "expected"),
    [
        # 4.6, constants: device_node, property, NODE_DATA, init_begin; the table of regions (3.6); image size (1.0).
        pytest.param("5.10", K4, (168, 88, 0x2500, 0x127_0000, 0, 0x1AD_0000), id="5.10"),
        pytest.param("6.1", K4, (208, 96, 0x2C80, 0x165_0000, 0, 0x201_0000), id="6.1"),
        pytest.param("6.12", K4, (208, 104, 0x3740, 0x1D1_0000, 48, 0x24F_0000), id="6.12"),
        pytest.param("6.12", K16, (208, 104, 0x3880, 0x1D4_0000, 48, 0x25A_0000), id="6.12-16k"),
        pytest.param("7.2", K4, (208, 112, 0x3800, 0, 40, 0x2F0_0000), id="7.2"),
    ],
)
def test_sizes_inside_the_build(kernel: str, page_size: int, expected: tuple[int, ...]) -> None:
    layout = resolve(kernel, arch="arm64", page_size=page_size).arm64
    assert (
        layout.device_node,
        layout.property,
        layout.node_data,
        layout.init_begin,
        layout.reserved_mem,
        layout.image_size,
    ) == expected


def test_a_page_size_that_was_not_booted_is_doubted() -> None:
    profile = resolve("6.1", arch="arm64", page_size=K16)
    assert any("16 KiB was not booted" in doubt for doubt in profile.doubts)
    assert profile.config.page_size == K16


def test_the_flavour_gives_the_page_size() -> None:
    assert resolve("6.12.107+deb13-arm64-16k", arch="arm64").config.page_size == K16
    assert resolve("6.12.107+deb13-arm64", arch="arm64").config.page_size == K4


@pytest.mark.parametrize("other", ["arm", "riscv", "powerpc"])
def test_build_constants_of_another_architecture_are_an_error_of_ours(other: str) -> None:
    with pytest.raises(InternalError, match="arm64"):
        getattr(resolve("6.12", arch="arm64"), other)
    with pytest.raises(InternalError, match="riscv64"):
        _ = resolve("6.12", arch="riscv64").arm64
