# SPDX-License-Identifier: Apache-2.0
"""Kernel .config files: what is read, what is refused with which line, and what a build's configuration is worth."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from carveout.errors import KconfigError
from carveout.kernel import presets, resolve
from carveout.kernel.config import DEBIAN, Config
from carveout.kernel.kconfig import (
    BY_HAND,
    FIELDS,
    architecture_of,
    config_of,
    fingerprint,
    page_size_of,
    parse_kconfig,
)

KERNELS = os.environ.get("CARVEOUT_KERNELS", "")

# The options that matter in the form Kconfig writes them, with the values that kernel-semantics 10 gives for
# Debian's arm64 6.12; everything a real .config has beside them is left out.
ARM64_612 = """\
#
# Automatically generated file; DO NOT EDIT.
# Linux/arm64 6.12.107 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc-14 (Debian 14.2.0-19) 14.2.0"
CONFIG_CRASH_DUMP=y
CONFIG_ARM64=y
CONFIG_64BIT=y
CONFIG_ARM64_4K_PAGES=y
# CONFIG_ARM64_16K_PAGES is not set
CONFIG_ARM64_VA_BITS=52
CONFIG_ARM64_PA_BITS=52
CONFIG_NR_CPUS=512
CONFIG_NUMA=y
CONFIG_NODES_SHIFT=4
CONFIG_ARCH_FORCE_MAX_ORDER=10
CONFIG_CMDLINE=""
CONFIG_EFI=y
CONFIG_TRANSPARENT_HUGEPAGE=y
CONFIG_HUGETLB_PAGE=y
CONFIG_ZONE_DMA=y
CONFIG_ZONE_DMA32=y
CONFIG_CMA=y
CONFIG_CMA_AREAS=20
CONFIG_DMA_CMA=y
# CONFIG_DMA_NUMA_CMA is not set
CONFIG_CMA_SIZE_MBYTES=64
CONFIG_CMA_SIZE_SEL_MBYTES=y
# CONFIG_CMA_SIZE_SEL_PERCENTAGE is not set
CONFIG_CMA_ALIGNMENT=8
CONFIG_DMA_DECLARE_COHERENT=y
CONFIG_OF_RESERVED_MEM=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_SPARSEMEM_VMEMMAP=y
# CONFIG_DMA_RESTRICTED_POOL is not set
CONFIG_KFENCE=y
CONFIG_KFENCE_SAMPLE_INTERVAL=0
"""
BASE = DEBIAN["arm64", "6.12", 4096]
BEHAVIOUR = resolve("6.12", arch="arm64").behaviour


def read(text: str) -> Config:
    return config_of(parse_kconfig(text.encode()), arch="arm64", base=BASE, behaviour=BEHAVIOUR).config


def test_every_field_of_a_config_comes_from_an_option() -> None:
    named = {row.field for row in FIELDS} | set(BY_HAND)
    known = set(Config._fields)
    assert named <= known
    # A new field needs a row in kconfig.FIELDS, or a line here with the reason why no option decides it.
    assert known - named <= NOT_IN_A_CONFIG


NOT_IN_A_CONFIG = {"coherent_needs_nomap"}  # what every kernel of an architecture does


def test_the_options_of_debians_kernel_give_debians_configuration() -> None:
    assert read(ARM64_612) == BASE


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        pytest.param("CMA_SIZE_MBYTES=64", "CMA_SIZE_MBYTES=256", {"cma_size_mbytes": 256}, id="size"),
        pytest.param("CONFIG_DMA_CMA=y", "# CONFIG_DMA_CMA is not set", {"dma_cma": False}, id="off"),
        pytest.param("CONFIG_EFI=y\n", "", {"efi": False}, id="absent-is-off"),
        pytest.param("CONFIG_EFI=y", "CONFIG_EFI=m", {"efi": False}, id="module-is-not-there-yet"),
        pytest.param("VA_BITS=52", "VA_BITS=48", {"va_bits": 48}, id="va"),
        pytest.param("NODES_SHIFT=4", "NODES_SHIFT=0xa", {"nodes_shift": 10}, id="hex"),
        pytest.param('CMDLINE=""', r'CMDLINE="a=\"b\" c\\"', {"cmdline": 'a="b" c\\'}, id="string"),
        pytest.param(
            "CONFIG_ARM64_4K_PAGES=y", "CONFIG_ARM64_64K_PAGES=y", {"page_size": 65536}, id="64k"
        ),
        pytest.param(
            "CONFIG_CMA_SIZE_SEL_MBYTES=y\n# CONFIG_CMA_SIZE_SEL_PERCENTAGE is not set",
            "CONFIG_CMA_SIZE_SEL_PERCENTAGE=y\nCONFIG_CMA_SIZE_PERCENTAGE=7",
            {"cma_size_sel": "percentage", "cma_size_percentage": 7},
            id="percentage",
        ),
        pytest.param(
            "# CONFIG_DMA_NUMA_CMA is not set", "CONFIG_DMA_PERNUMA_CMA=y", {"dma_pernuma_cma": True}, id="renamed"
        ),
    ],
)  # fmt: skip
def test_an_option_changes_its_field_and_nothing_else(old: str, new: str, changed: dict[str, object]) -> None:
    assert old in ARM64_612
    assert read(ARM64_612.replace(old, new)) == BASE._replace(**changed)


def test_the_last_of_two_lines_counts() -> None:
    assert read(ARM64_612 + "CONFIG_CMA_SIZE_MBYTES=32\n").cma_size_mbytes == 32


def test_gzip_and_dos_line_ends_are_read() -> None:
    plain = parse_kconfig(ARM64_612.encode())
    assert parse_kconfig(gzip.compress(ARM64_612.encode())) == plain
    assert parse_kconfig(ARM64_612.replace("\n", "\r\n").encode()) == plain
    assert plain.version == "6.12.107"
    assert architecture_of(plain) == "arm64"


def test_a_default_is_said() -> None:
    text = ARM64_612.replace("CONFIG_ARCH_FORCE_MAX_ORDER=10\n", "")
    reading = config_of(parse_kconfig(text.encode()), arch="arm64", base=BASE, behaviour=BEHAVIOUR)
    assert reading.config.max_order == 10
    assert reading.defaults == ("CONFIG_ARCH_FORCE_MAX_ORDER is not in the file: 10 is taken",)
    counted = BEHAVIOUR._replace(max_order_counts="orders")
    old = config_of(parse_kconfig(text.encode()), arch="arm64", base=BASE, behaviour=counted)
    assert old.config.max_order == 11


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("CONFIG_A=y\nCONFIG B=y\n", 2, "cannot read 'CONFIG B=y'", id="space"),
        pytest.param("FOO=y\n", 1, "expected CONFIG_NAME=value", id="no-prefix"),
        pytest.param("CONFIG_A=\n", 1, "expected y, m, n", id="no-value"),
        pytest.param('CONFIG_A="b\n', 1, "cannot read the string", id="open-string"),
        pytest.param('CONFIG_A="b" c\n', 1, "cannot read the string", id="text-behind-string"),
        pytest.param("<<<<<<< ours\n", 1, "cannot read", id="merge-conflict"),
        pytest.param("CONFIG_A=y\nCONFIG_B=y\0\n", 2, "byte 0", id="binary"),
        pytest.param("# nothing\n", None, "no CONFIG_ option", id="empty"),
    ],
)
def test_damaged_files_are_refused_with_the_line(text: str, line: int | None, words: str) -> None:
    with pytest.raises(KconfigError, match=words) as caught:
        parse_kconfig(text.encode())
    assert caught.value.line == line


def test_a_cut_off_gzip_file_is_refused() -> None:
    with pytest.raises(KconfigError, match="cut off"):
        parse_kconfig(gzip.compress(ARM64_612.encode())[:-20])


def test_a_number_that_is_none_is_refused_with_its_line() -> None:
    text = ARM64_612.replace("CMA_AREAS=20", "CMA_AREAS=many")
    with pytest.raises(KconfigError, match="CONFIG_CMA_AREAS=many: expected a number") as caught:
        read(text)
    assert text.splitlines()[caught.value.line - 1] == "CONFIG_CMA_AREAS=many"


def test_a_partial_or_foreign_file_is_refused() -> None:
    with pytest.raises(KconfigError, match=r"not the whole \.config of an arm64 kernel"):
        read("CONFIG_CMA_SIZE_MBYTES=32\n")
    with pytest.raises(KconfigError, match="is not complete: CONFIG_NR_CPUS is missing"):
        read(ARM64_612.replace("CONFIG_NR_CPUS=512\n", ""))
    with pytest.raises(KconfigError, match="is the configuration of an riscv64 kernel"):
        read(ARM64_612.replace("CONFIG_ARM64=y", "CONFIG_RISCV=y"))
    with pytest.raises(KconfigError, match="page size"):
        page_size_of(parse_kconfig(b"CONFIG_ARM64=y\n"), "arm64")


# --------------------------------------------------------------------------- what it is worth in a profile


def test_another_build_with_the_same_options_doubts_only_what_comes_after_the_regions() -> None:
    profile = resolve("6.12", arch="arm64", config=ARM64_612.encode())
    assert profile.config == BASE
    assert profile.doubts == ()
    assert len(profile.build_doubts) == 1
    assert "another build" in profile.build_doubts[0]


def test_an_option_that_differs_is_named_and_doubts_everything() -> None:
    text = ARM64_612.replace("CMA_SIZE_MBYTES=64", "CMA_SIZE_MBYTES=256")
    doubts = resolve("6.12", arch="arm64", config=text.encode()).doubts
    assert doubts == (
        "the .config is not that of the booted kernel: CONFIG_CMA_SIZE_MBYTES is 256 (booted: 64)",
    )


def test_the_header_names_the_kernel_when_nothing_else_does() -> None:
    assert resolve(None, arch="arm64", config=ARM64_612.encode()).kernel == "6.12.107"
    other = ARM64_612.replace("6.12.107", "6.12.30").encode()
    profile = resolve("6.12", arch="arm64", config=other)
    assert "the .config is of Linux 6.12.30, which was not booted" in profile.doubts


def test_options_that_are_not_simulated_are_said() -> None:
    doubts = resolve("6.12", arch="arm64", config=(ARM64_612 + "CONFIG_KASAN=y\n").encode()).doubts
    assert doubts == ("CONFIG_KASAN=y: the shadow memory of KASAN is not simulated",)


def test_options_that_every_booted_kernel_has_are_missed() -> None:
    text = ARM64_612.replace("CONFIG_OF_RESERVED_MEM=y", "# CONFIG_OF_RESERVED_MEM is not set")
    doubts = resolve("6.12", arch="arm64", config=text.encode()).doubts
    assert doubts == (
        "CONFIG_OF_RESERVED_MEM is not set: without it the kernel does nothing for /reserved-memory",
    )


def test_the_configuration_that_was_booted_clears_every_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = fingerprint(parse_kconfig(ARM64_612.encode()))
    monkeypatch.setitem(presets.FINGERPRINTS, ("arm64", "6.12", 4096), mark)
    known = b"# one comment more\n" + ARM64_612.encode()
    profile = resolve("6.12.107", arch="arm64", config=known)
    assert (profile.doubts, profile.build_doubts) == ((), ())
    # One option more, which carveout knows nothing about: another build.
    profile = resolve("6.12.107", arch="arm64", config=known + b"CONFIG_DRM=y\n")
    assert profile.build_doubts
    # The same options, another point release.
    moved = known.replace(b"6.12.107", b"6.12.108")
    assert resolve("6.12.107", arch="arm64", config=moved).doubts


def test_a_page_size_that_contradicts_the_file_is_refused() -> None:
    with pytest.raises(KconfigError, match="pages of 4 KiB, --page-size says 16 KiB"):
        resolve("6.12", arch="arm64", page_size=16384, config=ARM64_612.encode())


@pytest.mark.slow
@pytest.mark.skipif(not KERNELS, reason="CARVEOUT_KERNELS does not name a folder of Debian's kernel files")
def test_debians_files_give_debians_configuration() -> None:
    """Two independent readings of the same kernels: the table of the specification, and the files."""
    tried = 0
    for path in sorted(Path(KERNELS).glob("config-*[0-9a-z]")):
        if path.suffix == ".gz":
            continue
        kconfig = parse_kconfig(path.read_bytes())
        arch = architecture_of(kconfig)
        assert arch is not None
        assert kconfig.version is not None
        series = ".".join(kconfig.version.split(".")[:2])
        base = DEBIAN.get((arch, series, page_size_of(kconfig, arch)))
        if base is None:
            continue
        behaviour = resolve(series, arch="arm64").behaviour
        reading = config_of(kconfig, arch=arch, base=base, behaviour=behaviour)
        assert (path.name, reading.config, reading.gaps) == (path.name, base, ())
        tried += 1
    assert tried
