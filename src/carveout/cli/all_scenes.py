# SPDX-License-Identifier: Apache-2.0
"""`--in-all-scenes`: what a command line does not name is opened to every kernel and page size that was booted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.resolve import resolve_scene
from carveout.check.run import NamedScene
from carveout.kernel.release import BOOTED, parse_release
from carveout.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.board import Board
    from carveout.boot import Scene


def widened(
    board: Board, asked: Sequence[NamedScene], *, kernels_named: bool, pages_named: bool
) -> tuple[NamedScene, ...]:
    """Return the scenes with what was not named opened: every booted kernel, every page size it was booted with.

    Raises: UsageError when the architecture of the board is not known.
    """
    found: dict[str, NamedScene] = {}
    for scene in asked:
        for wide in _opened(board, scene.scene, kernels_named=kernels_named, pages_named=pages_named):
            resolved = f"{wide.kernel} {(wide.page_size or 0) // 1024}K"
            name = resolved if len(asked) == 1 or kernels_named else f"{resolved} {scene.name}"
            while name in found and found[name].scene != wide:
                name += "'"
            found.setdefault(name, NamedScene(name, wide))
    return tuple(found.values())


def _opened(board: Board, scene: Scene, *, kernels_named: bool, pages_named: bool) -> Iterator[Scene]:
    resolved, _ = resolve_scene(board, scene)
    for booted in BOOTED:
        if kernels_named and parse_release(resolved.kernel).booted is not booted:
            continue
        kernel = scene.kernel if kernels_named else booted.series
        sizes = sorted({page for _, arch, page in booted.flavours if arch == resolved.arch})
        for size in [resolved.page_size] if pages_named else sizes:
            yield replace(scene, kernel=kernel, page_size=size)
