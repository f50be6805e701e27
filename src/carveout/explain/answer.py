# SPDX-License-Identifier: Apache-2.0
"""A question about a board, answered.

    answer = explain(board, scene, "linux,cma")
    print(*answer.answer)

Everything is found by booting: the board once as asked for, once more watched, then on other kernels, and where a
region has no place with each change that might help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot import boot as run_boot
from carveout.explain.default_pool import explain_default
from carveout.explain.device import explain_device
from carveout.explain.model import Kind
from carveout.explain.places import explain_place
from carveout.explain.region import explain_region
from carveout.explain.target import find_target

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Scene
    from carveout.explain.model import Explanation


def explain(
    board: Board, scene: Scene, what: str, *, with_kernels: bool = True, with_remedies: bool = True
) -> Explanation:
    """Answer what became of a region, a device, an address, a span, or the default pool.

    with_kernels, with_remedies: whether to boot other kernels, and changes that might help.
    Raises: UsageError when the board has nothing of this name; UnsupportedProfile and SceneError as `boot` does.
    """
    boot = run_boot(board, scene)
    target = find_target(board, boot, what)
    if target.kind is Kind.REGION:
        return explain_region(
            board, scene, boot, target.name, with_kernels=with_kernels, with_remedies=with_remedies
        )
    if target.kind is Kind.DEVICE:
        return explain_device(
            board, scene, boot, target.name, with_kernels=with_kernels, with_remedies=with_remedies
        )
    if target.span is not None:
        return explain_place(board, scene, boot, target, target.span, with_kernels=with_kernels)
    return explain_default(board, scene, boot, with_kernels=with_kernels, with_remedies=with_remedies)
