# SPDX-License-Identifier: Apache-2.0
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""The trees that a carveout.toml asks to be checked: its boards, each in its scenes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.check_session import Target
from carveout.cli.project import board_files
from carveout.cli.scene_options import scene_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.run import NamedScene
    from carveout.cli.project import Project, SceneTable

    Setting = tuple[tuple[NamedScene, ...], tuple[str, ...]]
    # Scenes, and the overlays they are for.


def project_targets(
    project: Project,
    paths: Sequence[str] | None,
    scenes: tuple[NamedScene, ...],
    override: Setting | None,
) -> tuple[list[Target], list[str]]:
    """Return the trees to check, and patterns of the project that match no file, as errors.

    paths: only these boards; None for all of the project. scenes: for a board that the project gives none.
    override: scenes and overlays that options gave, in place of the project's.
    """
    known: dict[str, tuple[str, list[str], list[str]]] = {}
    errors = []
    for board in project.boards:
        files, nothing = board_files(project, board)
        errors += [f"{project.path}: [[board]] {board.name}: no file matches '{text}'" for text in nothing]
        for file in files:
            _, names, wanted = known.setdefault(os.path.realpath(file), (file, [], []))
            names.append(board.name)
            wanted += [scene for scene in board.scenes if scene not in wanted]
    everything = [(file, names, wanted) for file, names, wanted in known.values()]
    if paths is not None:
        # A board that is in no [[board]] is checked in all scenes of the project.
        errors = []
        fallback: tuple[str, list[str], list[str]] = ("", [], list(project.scenes))
        chosen = [(path, known.get(os.path.realpath(path), fallback)) for path in paths]
        everything = [(path, names, wanted) for path, (_, names, wanted) in chosen]
    targets = []
    for path, names, wanted in everything:
        settings = [override] if override else _settings((project.scenes[name] for name in wanted), scenes)
        targets += [Target(path, ran_in, overlays, tuple(names)) for ran_in, overlays in settings]
    return targets, errors


def _settings(tables: Iterable[SceneTable], default: tuple[NamedScene, ...]) -> list[Setting]:
    # One for each set of overlays: with another overlay it is another tree.
    found: dict[tuple[str, ...], tuple[NamedScene, ...]] = {}
    for table in tables:
        overlays = tuple(table.given.get("overlay", ()))
        found[overlays] = (*found.get(overlays, ()), *_named(table))
    return [(scenes, overlays) for overlays, scenes in found.items()] or [(default, ())]


def _named(table: SceneTable) -> tuple[NamedScene, ...]:
    from carveout.cli.several_scenes import make_scenes

    scenes = make_scenes(
        scene_of(table.given),
        table.several.get("kernel", ()),
        table.several.get("page-size", ()),
        table.several.get("memory-variant", ()),
    )
    if len(scenes) == 1:
        return (scenes[0]._replace(name=table.name),)
    return tuple(scene._replace(name=f"{table.name} {scene.name}") for scene in scenes)
