# SPDX-License-Identifier: Apache-2.0
"""Real boards in a sweep: trees with equal keys boot alike, whichever kernel and whatever RAM.

tools/fetch_dtbs.py DIR
CARVEOUT_SLOW=1 CARVEOUT_DTBS=DIR pytest tests/oracle/test_debian_sweep.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from carveout.board import read_board
from carveout.boot import Boot, Scene, boot
from carveout.errors import UsageError
from carveout.fdt import parse
from carveout.span import GIB, Span
from carveout.sweep.facts import BoardFacts

FOLDER = os.environ.get("CARVEOUT_DTBS")
SCENES = [
    Scene(kernel=kernel, memory=memory)
    for kernel in ("5.10", "6.1", "6.12", "7.2")
    for memory in ((), (Span.sized(0x4000_0000, GIB),), (Span.sized(0x8000_0000, 2 * GIB),))
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="set CARVEOUT_DTBS to a folder filled by tools/fetch_dtbs.py"),
]


def booted(blob: bytes, scene: Scene) -> Boot | str:
    try:
        return boot(read_board(parse(blob)), scene)
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.kernel}-{len(scene.memory)}")
def test_equal_keys_mean_equal_boots(scene: Scene) -> None:
    first: dict[bytes, Path] = {}
    content: set[bytes] = set()
    compared = 0
    for path in sorted(Path(FOLDER or ".").rglob("*.dtb")):
        blob = path.read_bytes()
        facts = BoardFacts(read_board(parse(blob)))
        if facts.content in content:
            continue
        content.add(facts.content)
        key = facts.key(scene)
        twin = first.setdefault(key, path)
        if twin is not path:
            assert booted(blob, scene) == booted(twin.read_bytes(), scene), f"{path} and {twin}"
            compared += 1
    assert compared
