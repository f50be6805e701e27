# SPDX-License-Identifier: Apache-2.0
"""What a tree says about NUMA nodes, as facts."""

from __future__ import annotations

import pytest

from support.boards import board_of, cells, node, text


def test_nodes_of_processors() -> None:
    board = board_of(
        node(
            "cpus",
            {},
            node("cpu@0", {"numa-node-id": cells(1)}),
            node("cpu@1", {"numa-node-id": cells(0)}),
            node("cpu@2"),
            # by its device_type
            node("core@3", {"device_type": text("cpu"), "numa-node-id": cells(2)}),
            # neither
            node("cache@0", {"numa-node-id": cells(9)}),
        ),
        # not in /cpus
        node("cpu@9", {"numa-node-id": cells(7)}),
    )
    assert board.numa.cpus == (1, 0, 2)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(
            {"distance-matrix": cells(0, 0, 10, 0, 1, 20)}, ((0, 0, 10), (0, 1, 20)), id="two-entries"
        ),
        pytest.param({"distance-matrix": cells(0, 0, 10, 0)}, ((0, 0, 10),), id="partial-left-out"),
        pytest.param({}, (), id="no-matrix"),
    ],
)
def test_distance_map(properties: dict[str, bytes], expected: tuple[tuple[int, int, int], ...]) -> None:
    board = board_of(node("distance-map", {"compatible": text("numa-distance-map-v1"), **properties}))
    assert board.numa.distances == expected


def test_no_distance_map() -> None:
    assert board_of().numa.distances is None
    # The words elsewhere are no map.
    assert board_of(node("x", {"model": text("numa-distance-map-v1")})).numa.distances is None
