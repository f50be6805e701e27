# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: struct pages and the unflattened tree lie where the running kernels had them.

Four recorded boots of each kernel list the reserved memory of the running system (debugfs). Small objects that
came later fill gaps there, so what is compared is where the large blocks begin. All print how much is reserved; those with contiguous areas are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.span import GIB
from support.agreement import simulate
from support.recordings import Recording, recordings

if TYPE_CHECKING:
    from carveout.boot.result import Boot

PROBED = [recorded for recorded in recordings(arch="arm") if recorded.fields.get("probe")]


def late_reserved(recorded: Recording) -> list[tuple[int, int]]:
    """Return the reserved memory of the running system as (base, end)."""
    rows = recorded.fields["probe"]["memblock_reserved"]
    return [(int(row[0], 16), int(row[0], 16) + int(row[1], 16)) for row in rows]


def test_there_are_probed_boots() -> None:
    assert len(PROBED) == 16


@pytest.mark.parametrize("recorded", PROBED, ids=lambda recorded: recorded.id)
def test_struct_pages_and_tree(recorded: Recording) -> None:
    result = simulate(recorded)
    late = late_reserved(recorded)
    blocks = {c.who: (c.base, c.base + c.size) for c in result.claims}
    tree, pages = blocks["unflattened tree"], blocks["struct pages"]
    for start, end in (tree, pages):
        assert any(low <= start and end <= high for low, high in late)
    starts = {low for low, _ in late}
    assert min(tree[0], pages[0]) in starts


@pytest.mark.parametrize("recorded", PROBED, ids=lambda recorded: recorded.id)
def test_what_tree_and_configuration_ask_for_stays(recorded: Recording) -> None:
    late = late_reserved(recorded)
    for claim in simulate(recorded).claims:
        if claim.who in ("dtb", "default cma") or claim.who.startswith("/"):
            covered = claim.base
            for low, high in late:
                if low <= covered < high:
                    covered = high
            assert covered >= claim.base + claim.size, claim


def pages_reserved(result: Boot) -> int:
    """Return how many pages of RAM cannot be used, less those of contiguous areas."""
    taken: set[int] = set()
    for start, size in [(r.base, r.size) for r in result.reserved] + [
        (m.base, m.size) for m in result.memory if m.nomap
    ]:
        taken.update(range(start >> 12, (start + size + 0xFFF) >> 12))
    for area in result.cma:
        taken.difference_update(range(area.base >> 12, (area.base + area.size) >> 12))
    banks = [range((m.base + 0xFFF) >> 12, (m.base + m.size) >> 12) for m in result.memory]
    return sum(any(page in bank for bank in banks) for page in taken)


@pytest.mark.parametrize("release", sorted({recorded.release for recorded in PROBED}))
def test_reserved_pages_differ_by_what_comes_later(release: str) -> None:
    """The `Memory:` line: with the same RAM the kernel allocates the same after what is simulated.

    So tables for areas in lowmem, of which a boot has 0 to 64, are counted right. One page more or less is due to
    the table of regions, which shares a page with small objects.
    """
    later = set()
    for recorded in recordings(arch="arm", release=release):
        line = recorded.fields["memory_line"]
        if recorded.outcome != "ok" or line["total_kib"] * 1024 != GIB:
            continue
        if not recorded.scenario.startswith(("cma-", "dyn-range")):
            continue
        later.add(line["reserved_kib"] // 4 - pages_reserved(simulate(recorded)))
    assert max(later) - min(later) <= 1
