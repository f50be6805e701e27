# SPDX-License-Identifier: Apache-2.0
"""A kernel's .config: its text read into options, and the options that matter turned into a Config.

Which option is which field is data (`FIELDS`). A field whose option does not exist in a kernel keeps the value that
this kernel has built in; every such default is reported. What a build's configuration says about the sizes *inside*
the image cannot be read from it: that is for kernel/profile.py to doubt.

Source: Documentation/kbuild/kconfig-language.rst for the form; kernel-semantics 10 for the options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from carveout.errors import KconfigError
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.kernel.behaviour import Behaviour
    from carveout.kernel.config import Config

KIB = 1 << 10
_MOST_BYTES = 16 << 20
_GZIP = b"\x1f\x8b"
_NAME_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")

Value = bool | int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kconfig:
    """The options of a .config, by name without CONFIG_. Values as text; an option that is off is `n`."""

    options: Mapping[str, str]
    lines: Mapping[str, int]
    """The 1-based line of each option."""
    version: str | None
    """The version in the header that Kconfig writes, such as 6.12.107."""

    def is_on(self, name: str) -> bool:
        """Say whether an option is built in. A module (`m`) is not there at early boot."""
        return self.options.get(name, "n") == "y"

    def number(self, name: str) -> int | None:
        """Return the value of a numeric option, or None when the file does not have it. Raises: KconfigError."""
        text = self.options.get(name)
        if text is None or text == "n":
            return None
        try:
            value = int(text, 0)
        except ValueError:
            value = -1
        if not 0 <= value < 1 << 64:
            raise KconfigError(
                f"CONFIG_{name}={text[:40]}: expected a number, decimal or 0x", line=self.lines.get(name)
            )
        return value


def parse_kconfig(data: bytes) -> Kconfig:
    """Return the options of a .config, plain or gzip (as /proc/config.gz is).

    Raises: KconfigError, with the line, for what Kconfig does not write.
    """
    text = _text(data)
    options: dict[str, str] = {}
    lines: dict[str, int] = {}
    version = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            if version is None:
                version = _header_version(line)
            name, value = _switched_off(line), "n"
            if name is None:
                continue
        elif line:
            name, value = _assignment(line, number)
        else:
            continue
        options[name] = value
        lines[name] = number
    if not options:
        raise KconfigError("holds no CONFIG_ option: expected a kernel .config")
    return Kconfig(options=options, lines=lines, version=version)


def _text(data: bytes) -> str:
    if data.startswith(_GZIP):
        import zlib

        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, _MOST_BYTES)
        except zlib.error as error:
            raise KconfigError(f"is no whole gzip file: {error}") from error
        if not unpacker.eof:
            raise KconfigError(f"is cut off, or larger than {_MOST_BYTES >> 20} MiB when unpacked")
    if len(data) > _MOST_BYTES:
        raise KconfigError(f"has more than {_MOST_BYTES >> 20} MiB, which is too large for a .config")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise KconfigError("has a byte 0: this is no text", line=line)
    return data.decode("utf-8", errors="surrogateescape")


def _header_version(line: str) -> str | None:
    # `# Linux/arm64 6.12.107 Kernel Configuration`
    words = line.removeprefix("#").split()
    if len(words) >= 4 and words[0].startswith("Linux/") and words[-2:] == ["Kernel", "Configuration"]:
        return words[1]
    return None


def _switched_off(line: str) -> str | None:
    words = line.removeprefix("#").split()
    if len(words) == 4 and words[1:] == ["is", "not", "set"] and words[0].startswith("CONFIG_"):
        return words[0].removeprefix("CONFIG_")
    return None


def _assignment(line: str, number: int) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    bare = name.removeprefix("CONFIG_")
    if not equals or bare == name or not bare or not _NAME_CHARS.issuperset(bare):
        raise KconfigError(
            f"cannot read '{line[:60]}': expected CONFIG_NAME=value or '# CONFIG_NAME is not set'",
            line=number,
        )
    if value.startswith('"'):
        return bare, _string(value, number)
    if not value or any(char.isspace() or char == '"' for char in value):
        raise KconfigError(
            f"CONFIG_{bare}={value[:40]}: expected y, m, n, a number or a quoted string", line=number
        )
    return bare, value


def _string(value: str, number: int) -> str:
    out: list[str] = []
    at = 1
    while at < len(value) and value[at] != '"':
        at += value[at] == "\\"
        out.append(value[at : at + 1])
        at += 1
    if at != len(value) - 1:
        raise KconfigError(f'cannot read the string {value[:60]}: expected "..."', line=number)
    return "".join(out)


class Field(NamedTuple):
    """Which option a field of Config comes from. Of several names the first in the file counts."""

    field: str
    options: tuple[str, ...]
    kind: Literal["switch", "number", "text"]
    needs: tuple[str, ...] = ()
    """Options without which this one means nothing and is not written; the field is then left alone."""


FIELDS: tuple[Field, ...] = (
    Field("va_bits", ("ARM64_VA_BITS",), "number", ("ARM64",)),
    Field("pa_bits", ("ARM64_PA_BITS",), "number", ("ARM64",)),
    Field("cma", ("CMA",), "switch"),
    Field("dma_cma", ("DMA_CMA",), "switch"),
    Field("cma_size_mbytes", ("CMA_SIZE_MBYTES",), "number", ("DMA_CMA",)),
    Field("cma_size_percentage", ("CMA_SIZE_PERCENTAGE",), "number", ("DMA_CMA",)),
    Field("cma_areas", ("CMA_AREAS",), "number", ("CMA",)),
    Field("cma_alignment", ("CMA_ALIGNMENT",), "number", ("DMA_CMA",)),
    Field("max_order", ("ARCH_FORCE_MAX_ORDER", "FORCE_MAX_ZONEORDER"), "number"),
    # Named PAGE_BLOCK_ORDER at first.
    Field("page_block_max_order", ("PAGE_BLOCK_MAX_ORDER", "PAGE_BLOCK_ORDER"), "number"),
    Field("hugetlb_page", ("HUGETLB_PAGE",), "switch"),
    Field("transparent_hugepage", ("TRANSPARENT_HUGEPAGE",), "switch"),
    Field("zone_dma", ("ZONE_DMA",), "switch"),
    Field("zone_dma32", ("ZONE_DMA32",), "switch"),
    Field("numa", ("NUMA",), "switch"),
    Field("nodes_shift", ("NODES_SHIFT",), "number", ("NUMA",)),
    Field("nr_cpus", ("NR_CPUS",), "number"),
    Field("highmem", ("HIGHMEM",), "switch"),
    Field("dma_declare_coherent", ("DMA_DECLARE_COHERENT",), "switch"),
    Field("dma_restricted_pool", ("DMA_RESTRICTED_POOL",), "switch"),
    Field("dma_global_pool", ("DMA_GLOBAL_POOL",), "switch"),
    Field("dma_pernuma_cma", ("DMA_NUMA_CMA", "DMA_PERNUMA_CMA"), "switch"),
    Field("cma_size_pernuma", ("CMA_SIZE_PERNUMA",), "switch"),
    Field("tegra210_emc_table", ("TEGRA210_EMC_TABLE",), "switch"),
    Field("fsl_dpaa", ("FSL_DPAA",), "switch"),
    Field("crash_dump", ("CRASH_DUMP",), "switch"),
    Field("efi", ("EFI",), "switch"),
    Field("kfence", ("KFENCE",), "switch"),
    Field("kfence_sample_interval", ("KFENCE_SAMPLE_INTERVAL",), "number", ("KFENCE",)),
    Field("cmdline", ("CMDLINE",), "text"),
)
BY_HAND = ("page_size", "phys_bits", "cma_size_sel")
"""Fields that several options decide together; see config_of()."""

# What an absent number means: that of include/linux/mmzone.h and of the Kconfig files.
_ABSENT: dict[str, int | None] = {
    "page_block_max_order": None,
    "cma_size_percentage": 0,
    "cma_size_mbytes": 0,
}
_MAX_ORDER = {"orders": 11, "order": 10}

_ARCH_OPTIONS = {"arm64": ("ARM64",), "arm": ("ARM",), "riscv64": ("RISCV", "64BIT"), "powerpc64": ("PPC64",)}
_PAGE_OPTIONS = (
    (4 * KIB, ("ARM64_4K_PAGES", "PPC_4K_PAGES", "PAGE_SIZE_4KB")),
    (16 * KIB, ("ARM64_16K_PAGES", "PPC_16K_PAGES", "PAGE_SIZE_16KB")),
    (64 * KIB, ("ARM64_64K_PAGES", "PPC_64K_PAGES", "PAGE_SIZE_64KB")),
)
SELECTIONS: tuple[tuple[str, Literal["mbytes", "percentage", "min", "max"]], ...] = (
    ("CMA_SIZE_SEL_MBYTES", "mbytes"),
    ("CMA_SIZE_SEL_PERCENTAGE", "percentage"),
    ("CMA_SIZE_SEL_MIN", "min"),
    ("CMA_SIZE_SEL_MAX", "max"),
)

NOT_SIMULATED = (
    ("KASAN", "the shadow memory of KASAN is not simulated"),
    ("KEXEC_HANDOVER", "memory handed over by kexec is not simulated"),
    ("CMDLINE_FORCE", "the built-in command line replaces that of the boot loader: pass it with --cmdline"),
    ("CMDLINE_EXTEND", "the built-in command line is added to the boot loader's: pass both with --cmdline"),
    ("XIP_KERNEL", "a kernel that runs from flash is not simulated"),
    ("ARM_LPAE", "32-bit arm with long page-table entries is not simulated"),
)
"""Options that change early memory in ways carveout does not know, with what follows."""


_ALL = tuple(_ARCH_OPTIONS)
NEEDED = (
    ("OF_RESERVED_MEM", _ALL, "without it the kernel does nothing for /reserved-memory"),
    ("BLK_DEV_INITRD", _ALL, "without it no initrd is reserved"),
    ("SPARSEMEM_VMEMMAP", ("arm64", "riscv64", "powerpc64"), "another memory model is not simulated"),
    ("STRICT_KERNEL_RWX", ("arm", "riscv64"), "without it the kernel reserves its image at other borders"),
    ("VMSPLIT_3G", ("arm",), "another split between user and kernel addresses is not simulated"),
)
"""Options that are on in every booted kernel of these architectures, with what follows when they are not."""


class ConfigReading(NamedTuple):
    """A Config made from a .config."""

    config: Config
    defaults: tuple[str, ...]
    """Options the file does not have although this kernel would use them, each with the value taken."""
    gaps: tuple[str, ...]
    """Options that are on and not simulated, or off and needed, each with what follows."""


def page_size_of(kconfig: Kconfig, arch: str) -> int:
    """Return the bytes of a page. Raises: KconfigError when the file does not say."""
    for size, names in _PAGE_OPTIONS:
        if any(kconfig.is_on(name) for name in names):
            return size
    shift = kconfig.number("PAGE_SHIFT") or kconfig.number("PPC_PAGE_SHIFT")
    if shift is not None and (1 << shift) in (size for size, _names in _PAGE_OPTIONS):
        return 1 << shift
    if arch in ("arm", "riscv64"):
        return 4 * KIB
    raise KconfigError("does not say the page size: no ..._4K_PAGES, ..._16K_PAGES or ..._64K_PAGES is set")


def config_of(kconfig: Kconfig, *, arch: str, base: Config, behaviour: Behaviour) -> ConfigReading:
    """Return the configuration that a complete .config describes.

    base: what to take for fields that mean nothing in this configuration, or that no option decides.
    Raises: KconfigError for the .config of another architecture, a partial one, and values that make no sense.
    """
    if not all(kconfig.is_on(name) for name in _ARCH_OPTIONS[arch]):
        raise KconfigError(_wrong_architecture(kconfig, arch))
    values, defaults = decided(kconfig, behaviour=behaviour, complete=True)
    values["page_size"] = page_size_of(kconfig, arch)
    if arch == "arm":
        values["phys_bits"] = 64 if kconfig.is_on("PHYS_ADDR_T_64BIT") else 32
    gaps = [f"CONFIG_{name}=y: {what}" for name, what in NOT_SIMULATED if kconfig.is_on(name)]
    gaps += [
        f"CONFIG_{name} is not set: {what}"
        for name, archs, what in NEEDED
        if arch in archs and not kconfig.is_on(name)
    ]
    config = base._replace(**values)  # type: ignore[arg-type]
    return ConfigReading(config, tuple(defaults), tuple(gaps))


def decided(kconfig: Kconfig, *, behaviour: Behaviour, complete: bool) -> tuple[dict[str, Value], list[str]]:
    """Return the fields that these options decide, and what was assumed for numbers that are absent.

    complete: the file names everything, so that an absent switch is off; else an absent option decides nothing.
    """
    values: dict[str, Value] = {}
    defaults: list[str] = []
    for row in FIELDS:
        if complete and not all(kconfig.is_on(name) for name in row.needs):
            continue
        name = next((name for name in row.options if name in kconfig.options), None)
        if name is None:
            if complete:
                _absent(row, behaviour, values, defaults)
        elif row.kind == "switch":
            values[row.field] = kconfig.is_on(name)
        elif row.kind == "number":
            values[row.field] = kconfig.number(name) or 0
        else:
            values[row.field] = kconfig.options[name]
    for name, selection in SELECTIONS:
        if kconfig.is_on(name):
            values["cma_size_sel"] = selection
    return values, defaults


def _absent(row: Field, behaviour: Behaviour, values: dict[str, Value], defaults: list[str]) -> None:
    if row.kind == "switch":
        values[row.field] = False
    elif row.kind == "text":
        values[row.field] = ""
    elif row.field in _ABSENT:
        values[row.field] = _ABSENT[row.field]
    elif row.field == "max_order":
        values[row.field] = _MAX_ORDER[behaviour.max_order_counts]
        defaults.append(f"CONFIG_{row.options[0]} is not in the file: {values[row.field]} is taken")
    else:
        raise KconfigError(
            f"is not complete: CONFIG_{row.options[0]} is missing. A defconfig is not enough: run "
            "`make olddefconfig` and give the .config that it writes"
        )


def _wrong_architecture(kconfig: Kconfig, arch: str) -> str:
    for other, names in _ARCH_OPTIONS.items():
        if all(kconfig.is_on(name) for name in names):
            return f"is the configuration of an {other} kernel, expected {arch}"
    return (
        f"is not the whole .config of an {arch} kernel: CONFIG_{_ARCH_OPTIONS[arch][0]}=y is missing. "
        "A defconfig is not enough: run `make olddefconfig` and give the .config that it writes"
    )


def architecture_of(kconfig: Kconfig) -> str | None:
    """Return the architecture a complete .config is for, or None when it does not say."""
    hits = [arch for arch, names in _ARCH_OPTIONS.items() if all(kconfig.is_on(name) for name in names)]
    return hits[0] if len(hits) == 1 else None


def fingerprint(kconfig: Kconfig) -> str:
    """Return a SHA-256 over every option that is set, in hexadecimal: equal for equal builds, comments aside."""
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(kconfig.options):
        value = kconfig.options[name]
        if value != "n":
            digest.update(f"{name}={value}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
