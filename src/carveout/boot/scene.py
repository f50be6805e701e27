# SPDX-License-Identifier: Apache-2.0
"""The scene: what a tree cannot say about a boot, as given and as resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.boot.efi_map import EfiMap
    from carveout.kernel.vendor import Vendor
    from carveout.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the user says about a boot. None or empty: not said. Addresses and sizes in bytes."""

    kernel: str | None = None
    """`6.12`, `6.12.107` or a release string such as `6.12.107+deb13-arm64-16k`."""
    preset: str = "debian"
    arch: str | None = None
    """`arm64`, `arm`, `riscv64` or `powerpc64`."""
    page_size: int | None = None
    memory: tuple[Span, ...] = ()
    """RAM; replaces the memory nodes when not empty."""
    cmdline: str | None = None
    kernel_image: Span | None = None
    """What the kernel reserves for itself (6.1 on arm64: from _stext, as that kernel does)."""
    image_at: int | None = None
    """Where the image file was loaded; with `image_size` it stands for `kernel_image`, see boot/image.py."""
    image_size: int | None = None
    """Memory that the image needs, from its header."""
    image_arch: str | None = None
    """Architecture the image file is for."""
    dtb_at: int | None = None
    initrd: Span | None = None
    efi: bool = False
    efi_map: str | None = None
    """The EFI memory map as text: what `efi=debug` prints, or a log that holds it."""
    cpu_va: int | None = None
    """How wide the CPU's virtual addresses are: 48 or 52 on arm64, 39, 48 or 57 on riscv64."""
    opensbi: tuple[Span, ...] | None = None
    """riscv64: what OpenSBI keeps for itself and writes into the tree, in tree order; empty: nothing."""
    config: bytes | None = None
    """A kernel .config, plain or gzip, which overrides the preset."""
    vendor: Vendor | None = None
    """What a vendor's kernel does differently; `behaviour` wins over it."""
    behaviour: Mapping[str, str] = field(default_factory=dict)
    """Profile fields to override, by name, as text."""


class Fact(NamedTuple):
    """One resolved value of the scene: what, its value as text, and where it comes from."""

    name: str
    value: str
    source: str
    """`given`, `tree`, `default`, or `assumed`."""


class ResolvedScene(NamedTuple):
    """The scene a boot was simulated with."""

    kernel: str
    arch: str
    page_size: int
    preset: str
    memory: tuple[Span, ...]
    memory_source: str
    """`given`, `tree`, `efi-map` or `unknown`."""
    cmdline: str
    kernel_image: Span | None
    dtb: Span | None
    initrd: Span | None
    efi: bool
    cpu_va: int | None
    behaviour: Mapping[str, str]
    facts: tuple[Fact, ...]
    """Every value with its source, in the order of the options."""
    efi_map: EfiMap | None = None
