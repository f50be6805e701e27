# SPDX-License-Identifier: Apache-2.0
"""The codes of what `carveout amp` reports: never used again for something else."""

from __future__ import annotations

CODES: dict[str, tuple[str, str]] = {
    "AMP001": ("driver-unknown", "how the driver of this processor finds memory is not known"),
    "AMP002": ("place-modelled", "the place of a region depends on what the scene does not say"),
    "AMP003": ("image-refused", "the kernel refuses the file itself"),
    "AMP101": ("segment-outside", "a segment is loaded where the processor has no memory"),
    "AMP102": (
        "segment-address-view",
        "a segment is linked at the CPU's address of a region, not at the processor's",
    ),
    "AMP103": ("segment-too-large", "a segment begins in a region and ends behind it"),
    "AMP104": ("segments-overlap", "two segments use the same memory"),
    "AMP105": ("segment-broken", "a segment is not in the file, or larger there than in memory"),
    "AMP106": ("segment-in-shared-memory", "a segment lies in the memory of rings or buffers"),
    "AMP107": ("entry-outside", "execution begins where no code is loaded"),
    "AMP108": ("entry-unaligned", "the processor cannot begin at this address"),
    "AMP201": ("table-missing", "no resource table, though the tree has regions for messages"),
    "AMP202": ("table-malformed", "the resource table breaks the format"),
    "AMP203": ("table-entry-unknown", "an entry of the resource table is of a type nobody handles"),
    "AMP204": ("table-not-loaded", "the resource table is not in loaded memory"),
    "AMP211": ("carveout-mismatch", "a carveout asks for more than the region of its name has"),
    "AMP212": ("carveout-without-region", "a carveout has no region of its name"),
    "AMP213": ("pool-too-small", "what is taken from the pool of the device is more than it holds"),
    "AMP221": ("devmem-without-iommu", "the table asks for a mapping, and there is no IOMMU to make it"),
    "AMP231": ("trace-outside", "the trace buffer is where the processor has no memory"),
    "AMP241": ("vring-shape", "a ring has a size, alignment or number that is refused"),
    "AMP242": ("vring-mismatch", "a ring does not fit the region of its name"),
    "AMP243": ("vring-without-region", "a ring has no region of its name"),
    "AMP244": ("buffer-without-region", "message buffers have no region of their own"),
    "AMP245": ("buffer-too-small", "the region for message buffers is too small for the rings"),
    "AMP301": ("region-missing", "a region of the processor cannot be had"),
    "AMP302": ("region-mapped", "a region that the driver maps itself is mapped RAM already"),
    "AMP303": ("region-unreachable", "the processor cannot reach a region"),
    "AMP304": ("region-count", "the driver needs more regions"),
    "AMP305": ("buffer-not-a-pool", "the region for message buffers is no pool of the device"),
    "AMP306": ("region-address-moves", "a region has no fixed address, and the firmware is linked at one"),
    "AMP307": ("firmware-clash", "two firmware files are loaded into the same memory"),
}
"""By code: (slug, what it says in general)."""
