# SPDX-License-Identifier: Apache-2.0
"""What the EFI memory map says about a range of addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Collection

    from carveout.boot.efi_map import EfiEntry, EfiMap

_USABLE = ("Conventional", "Loader Code", "Loader Data", "Boot Code", "Boot Data", "Persistent")


def part_of(efi_map: EfiMap, span: Span, types: Collection[str]) -> EfiEntry | None:
    """Return the first descriptor of one of these types that shares addresses with a range, or None."""
    for entry in efi_map.entries:
        if entry.type in types and Span.sized(entry.base, entry.size).overlaps(span):
            return entry
    return None


def usable_part(efi_map: EfiMap, span: Span) -> EfiEntry | None:
    """Return the first descriptor that lets boot loader or kernel use a part of a range, or None."""
    return part_of(efi_map, span, _USABLE)
