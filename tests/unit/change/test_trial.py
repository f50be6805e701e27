# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from carveout.change.trial import attempt, region_at
from carveout.fdt.edit import set_property
from support.boards import mib, region, usual_board, usual_scene, wide

PATH = "/reserved-memory/pool"


def test_a_change_is_booted_in_every_scene() -> None:
    board = usual_board(region("pool", size=mib(2000)))
    scenes = [usual_scene("6.1"), usual_scene("6.12")]
    assert [found.base for found in attempt(board.tree, scenes).regions(PATH) if found] == [None, None]
    smaller = set_property(board.tree, PATH, "size", wide(mib(64)))
    trial = attempt(smaller, scenes)
    assert [found.size for found in trial.regions(PATH) if found] == [mib(64), mib(64)]
    assert trial.board.tree is smaller


def test_a_region_that_is_not_there() -> None:
    trial = attempt(usual_board(region("pool", size=mib(1))).tree, [usual_scene()])
    assert trial.regions("/reserved-memory/other") == (None,)
    assert region_at(trial.boots[0], PATH) is not None
