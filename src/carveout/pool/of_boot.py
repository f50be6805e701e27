# SPDX-License-Identifier: Apache-2.0
"""From a simulated boot to its pools, as they are when the system is up and no driver has asked yet.

Source: dma_atomic_pool_init(), kernel/dma/pool.c; atomic_pool_init(), arch/arm/mm/dma-mapping.c (cma 1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import parse_cmdline
from carveout.boot.result import Exactness
from carveout.errors import UsageError
from carveout.pool.order import get_order
from carveout.pool.policy import FIRST_FIT
from carveout.pool.system import make_pool
from carveout.pool.trace import Extent, PoolKind, PoolSpec
from carveout.span import GIB, KIB
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.boot.result import Boot, CmaArea
    from carveout.pool.lending import SystemMemory
    from carveout.pool.policy import Policy
    from carveout.pool.system import Pool

DEFAULT = ("default", "default cma")
"""What the default contiguous area may be called, whatever its name."""

_ATOMIC_SIZE = 128 * KIB
"""SZ_128K: the least size of an atomic pool, and what it grows by for each GiB of RAM."""
_ARM_ATOMIC_SIZE = 256 * KIB
"""DEFAULT_DMA_COHERENT_POOL_SIZE of 32-bit arm, which has one pool of its own."""
_FOUR_GIB = 4 * GIB


class BootedPool(NamedTuple):
    """A pool of a booted system."""

    spec: PoolSpec
    exactness: Exactness
    why: str
    """Sentences for a person: what it depends on."""
    path: str | None
    """Of the region it was made from; None for an area from the configuration or the command line."""
    is_default: bool = False


def pools_of(boot: Boot) -> tuple[BootedPool, ...]:
    """Return every pool of a boot: contiguous areas as the kernel numbers them, then the devices' pools, in tree order.

    Their ids are their names. An area that the kernel could not activate has nothing to give and is left out.
    """
    found = [_contiguous(boot, area) for area in boot.cma if area.activated]
    size = boot.scene.page_size
    kinds = {"dma": PoolKind.COHERENT, "restricted": PoolKind.RESTRICTED}
    for region in boot.regions:
        kind = kinds.get(region.pool or "")
        if kind is None or region.base is None or region.size is None:
            continue
        spec = PoolSpec(
            id=region.name,
            name=region.name,
            base_pfn=region.base // size,
            pages=region.size // size,
            kind=kind,
        )
        found.append(BootedPool(spec, region.exactness, region.why, region.path))
    return tuple(found)


def find_pool(boot: Boot, name: str) -> BootedPool:
    """Return the pool with this name, path or label; `default` is the default contiguous area.

    Raises: UsageError when there is none, with those there are.
    """
    pools = pools_of(boot)
    labels = {region.label: region.path for region in boot.regions if region.label}
    wanted = labels.get(name.removeprefix("&"), name)
    for pool in pools:
        if wanted in (pool.spec.name, pool.path) or (name in DEFAULT and pool.is_default):
            return pool
    known = ", ".join(pool.spec.name for pool in pools) or "none"
    lost = next((area for area in boot.cma if area.name == name), None)
    if lost is not None:
        raise UsageError(f"the kernel cannot activate the area '{name}', so nothing can be allocated from it")
    raise UsageError(f"no pool '{name}' in this boot; it has {known}")


def open_pool(
    boot: Boot,
    name: str,
    *,
    policy: str | Callable[[], Policy] = FIRST_FIT,
    memory: SystemMemory | None = None,
) -> Pool:
    """Return the allocator of a pool, as it is when the system has booted. Raises: UsageError as `find_pool`."""
    return make_pool(
        find_pool(boot, name).spec,
        boot.profile.behaviour,
        page_size=boot.scene.page_size,
        policy=policy,
        memory=memory,
        long_bits=boot.profile.config.phys_bits if boot.profile.arch == "arm" else 64,
    )


def _contiguous(boot: Boot, area: CmaArea) -> BootedPool:
    page_size = boot.scene.page_size
    base, pages = area.base // page_size, area.size // page_size
    initially: tuple[Extent, ...] = ()
    exactness, why = area.exactness, area.why
    if area.is_default:
        sizes, doubt = _atomic_pools(boot, area)
        initially = _from_the_start(base, pages, sizes)
        if doubt and exactness is Exactness.EXACT:
            exactness = Exactness.MODELLED
        why = "; ".join(text for text in (why, doubt) if text)
    spec = PoolSpec(
        id=area.name,
        name=area.name,
        base_pfn=base,
        pages=pages,
        kind=PoolKind.CMA_DEFAULT if area.is_default else PoolKind.CMA,
        initially=initially,
    )
    return BootedPool(spec, exactness, why, area.from_region, is_default=area.is_default)


def _from_the_start(base: int, pages: int, sizes: list[int]) -> tuple[Extent, ...]:
    # First fit, aligned to their size. One that does not fit is taken from elsewhere.
    taken: list[Extent] = []
    at = base
    for size in sizes:
        start = at + (-at % size)
        if start + size > base + pages:
            continue
        if taken and taken[-1].end == start:
            taken[-1] = Extent(taken[-1].pfn, taken[-1].pages + size)
        else:
            taken.append(Extent(start, size))
        at = start + size
    return tuple(taken)


def _atomic_pools(boot: Boot, area: CmaArea) -> tuple[list[int], str]:
    """Return the pages of each atomic pool the DMA layer takes from the default area, and why that is not exact."""
    page_size, arch = boot.scene.page_size, boot.profile.arch
    asked = parse_cmdline(boot.scene.cmdline).size("coherent_pool")
    if arch == "arm":
        size = asked or _ARM_ATOMIC_SIZE
        return [
            -(-size // page_size)
        ], "How much the kernel keeps for atomic allocations was read, not recorded."
    if arch != "arm64":
        return [], f"Whether a {arch} kernel takes atomic pools from the default area was not recorded."
    ram = sum(entry.size for entry in boot.memory if not entry.nomap)
    given = asked or max(_ATOMIC_SIZE, ram // (GIB // _ATOMIC_SIZE))
    order = min(get_order(given, page_size), boot.profile.highest_order)
    zones = _zones(boot, area)
    doubt = ""
    if asked or ram > GIB or any(entry.base + entry.size > _FOUR_GIB for entry in boot.memory):
        doubt = "the sizes of the kernel's atomic pools are computed; recorded are those of boards with up to 1 GiB"
    return [1 << order] * zones, doubt


def _zones(boot: Boot, area: CmaArea) -> int:
    # How many pools find the area inside the zone they are for.
    config = boot.profile.config
    low = any(entry.base < _FOUR_GIB for entry in boot.memory)
    high = any(entry.base + entry.size > _FOUR_GIB for entry in boot.memory)
    fits_low = area.base + area.size <= _FOUR_GIB
    if boot.profile.behaviour.runtime_atomic_pools == "populated-zones":
        # Without a limit below 4 GiB, ZONE_DMA has all memory under it, and ZONE_DMA32 none.
        return int(low and fits_low) + int(high)
    return 1 + int(config.zone_dma and low and fits_low) + int(config.zone_dma32 and fits_low)
