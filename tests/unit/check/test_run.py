# SPDX-License-Identifier: Apache-2.0
"""A run over many boards keeps nothing of the boards behind it."""

from __future__ import annotations

import gc
import weakref

from carveout.board import read_board
from carveout.boot import Scene
from carveout.check.registry import all_rules
from carveout.check.run import NamedScene, check_board
from carveout.fdt import parse
from support.dts import BASE, REGIONS, compile_dts

_REGIONS = """
pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
fw: fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
more@50080000 { reg = <0x0 0x50080000 0x0 0x100000>; };
"""


def test_a_checked_board_is_freed_without_the_collector() -> None:
    # Trees that refer to themselves pile up until the collector runs, and made it run for a tenth of the time.
    blob = bytes(compile_dts(BASE + REGIONS % _REGIONS + "/ { dev { memory-region = <&fw>; }; };").blob)
    scenes = [NamedScene(kernel, Scene(kernel=kernel)) for kernel in ("5.10", "7.2")]
    gc.collect()
    gc.disable()
    try:
        tree = parse(blob)
        alive = weakref.ref(tree)
        findings = check_board(read_board(tree), scenes, all_rules(), file="board.dtb").findings
        del tree
        assert findings
        assert alive() is None
    finally:
        gc.enable()
