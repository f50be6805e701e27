# SPDX-License-Identifier: Apache-2.0
"""Pools as options describe them: NAME=SIZE@BASE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import SceneError, UsageError
from carveout.pool.trace import PoolKind, PoolSpec
from carveout.units import parse_memory

if TYPE_CHECKING:
    from collections.abc import Sequence


_DEFAULT_NAMES = ("linux,cma", "reserved")


def named_range(text: str, option: str) -> tuple[str, int, int]:
    """Return name, base and size of what `NAME=SIZE@BASE` says. Raises: SceneError, with the option's name."""
    name, equals, place = text.rpartition("=")
    if not equals or not name:
        raise SceneError(
            f"{option}: cannot read '{text[:60]}': expected NAME=SIZE@BASE, for example reserved=64M@0x50000000"
        )
    try:
        span = parse_memory(place)
    except SceneError as error:
        raise SceneError(f"{option}: {error}") from error
    return name, span.start, span.size


def specs_by_hand(texts: Sequence[str], page: int) -> tuple[PoolSpec, ...]:
    """Return the pools that --area options describe. page: bytes. Raises: UsageError, SceneError."""
    return specs([named_range(text, "--area") for text in texts], page)


def specs(pools: Sequence[tuple[str, int, int] | PoolSpec], page: int) -> tuple[PoolSpec, ...]:
    """Return pools of which some are given as name, base and size in bytes; a later one of a name counts.

    page: bytes. Raises: UsageError for what is no whole number of pages.
    """
    found: list[PoolSpec] = []
    for pool in pools:
        if isinstance(pool, PoolSpec):
            found.append(pool)
            continue
        name, base, size = pool
        if base % page or size % page:
            raise UsageError(
                f"--area {name}: base and size must be multiples of the page size, {page >> 10}K"
            )
        default = name in _DEFAULT_NAMES and not any(spec.kind is PoolKind.CMA_DEFAULT for spec in found)
        kind = PoolKind.CMA_DEFAULT if default else PoolKind.CMA
        found = [spec for spec in found if spec.name != name]
        found.append(PoolSpec(id=name, name=name, base_pfn=base // page, pages=size // page, kind=kind))
    return tuple(found)
