# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: struct pages and the unflattened tree lie where the running kernels had them.

Five recorded boots of each kernel list the reserved memory of the running system (debugfs). Small objects that
came later fill gaps there, so what is compared is where the large blocks begin.
"""

from __future__ import annotations

import pytest

from support.agreement import simulate
from support.recordings import Recording, recordings

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
