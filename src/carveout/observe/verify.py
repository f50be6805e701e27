# SPDX-License-Identifier: Apache-2.0
"""Whether a tree and what was seen of a machine that booted it agree, and if not, why.

Theory of operation. The scene is what the user says, then what was seen, then what the tree says. It is booted, and
set against everything that was seen. If they differ, what the scene leaves open is filled in so that they differ
less: that is deduced, said, and makes the result modelled. What still differs is a difference; hypotheses that
contradict the scene or the tree are booted, and the one that shows what was seen is named as the cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot import boot
from carveout.boot.result import Exactness
from carveout.errors import CarveoutError
from carveout.observe.compare import compare_log
from carveout.observe.hypotheses import Situation, deductions, explanations, kernels, pairs
from carveout.observe.item import UNKNOWN_CAUSE, Cause, Item, Standing
from carveout.observe.log_scene import Open, scene_from_log
from carveout.observe.reconcile import compare_areas, compare_iomem, compare_lists, compare_meminfo
from carveout.observe.static_causes import static_cause
from carveout.observe.totals import compare_totals
from carveout.observe.trace_back import harmless, trace_back
from carveout.observe.verification import Deduction, Verification
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.boot.scene import Scene
    from carveout.observe.hypotheses import Hypothesis
    from carveout.observe.log_scene import LogScene
    from carveout.observe.verification import Evidence

_ROUNDS = 5
_MOST_TRIALS = 800
"""Boots tried for one comparison; each takes some milliseconds."""
_MOST_OTHERS = 2
_WITHOUT_COUNTERPART = 4
_KERNELS_LOOKED_INTO = 2
"""How many kernels are tried with two suppositions at once, where one is not enough."""


class _Trial(NamedTuple):
    # One boot, and how far it is from what was seen.
    boot: Boot
    items: tuple[Item, ...]
    score: tuple[int, int, int]


def verify(board: Board, given: Scene, evidence: Evidence) -> Verification:
    """Compare a tree with what was seen of a machine. given: what the user says of the scene, which wins.

    Raises: UnsupportedProfile, SceneError as a boot does; ObservationError.
    """
    log = None if evidence.log is None else evidence.log.boot
    found = _with_iomem(board, evidence, scene_from_log(board, log, given))
    search = _searched(board, found, evidence)
    items = search.explained()
    failures = trace_back(log.failures if log is not None else (), search.board, search.trial.boot, items)
    result = _told(search.trial.boot, found, search.settled)
    why = _doubts(result, found, search.deductions)
    return Verification(
        board=board,
        boot=result,
        evidence=evidence,
        items=items,
        deductions=tuple(search.deductions),
        failures=failures,
        harmless=harmless(items, result),
        notes=tuple(found.notes),
        exactness=_exactness(result, why),
        why=why,
    )


def compare_all(result: Boot, evidence: Evidence) -> tuple[Item, ...]:
    """Return every comparison of a boot with what was seen."""
    items: list[Item] = []
    if evidence.log is not None:
        items += compare_log(result, evidence.log.boot)
        items += compare_totals(result, evidence.log.boot)
    if evidence.iomem is not None:
        items += compare_iomem(result, evidence.iomem)
    if evidence.memblock is not None:
        items += compare_lists(result, evidence.memblock)
    if evidence.areas is not None:
        items += compare_areas(result, evidence.areas)
    if evidence.meminfo is not None:
        items += compare_meminfo(result, evidence.meminfo)
    return tuple(items)


def _searched(board: Board, found: LogScene, evidence: Evidence) -> _Search:
    # Where nothing says which kernel it was, the one that fits the log with the fewest suppositions.
    search = _Search(board, found, evidence)
    search.deduce()
    if Open.KERNEL not in found.open or evidence.log is None or not evidence.log.boot.said:
        search.deduce_pairs()
        return search
    tried = [search]
    for hypothesis in kernels(found.scene):
        if min(one.merit for one in tried) == (0, 0, 0, 0):
            break
        try:
            other = _Search(board, found, evidence, hypothesis)
        except CarveoutError:
            continue
        other.deduce()
        tried.append(other)
    tried.sort(key=lambda one: one.merit)
    if tried[0].trial.score[0]:
        for one in tried[:_KERNELS_LOOKED_INTO]:
            one.deduce_pairs()
        tried.sort(key=lambda one: one.merit)
    best = tried[0]
    if best.chosen is not None:
        best.deductions.insert(0, Deduction(best.chosen.kind, best.chosen.text, best.chosen.evidence, ()))
        for name in ("kernel", *_changed(found.scene, best.chosen.scene)):
            best.settled[name] = "deduced from what was seen"
    return best


class _Search:
    # The boot that comes nearest to what was seen, and what had to be supposed for it.

    def __init__(
        self,
        board: Board,
        found: LogScene,
        evidence: Evidence,
        chosen: Hypothesis | None = None,
    ) -> None:
        self.board = board
        self.found = found
        self.evidence = evidence
        self.chosen = chosen
        self.scene = found.scene if chosen is None else chosen.scene
        self.open = found.open if chosen is None else found.open - {Open.KERNEL}
        self.deductions: list[Deduction] = []
        self.settled: dict[str, str] = {}
        self._left = _MOST_TRIALS
        result = boot(self.board, self.scene)
        items = compare_all(result, self.evidence)
        self.trial = _Trial(result, items, _score(items))

    def _try(self, hypothesis: Hypothesis) -> _Trial | None:
        if self._left <= 0:
            return None
        self._left -= 1
        try:
            result = boot(hypothesis.board or self.board, hypothesis.scene)
        except CarveoutError:
            return None
        items = compare_all(result, self.evidence)
        return _Trial(result, items, _score(items))

    def _now(self) -> Situation:
        log = None if self.evidence.log is None else self.evidence.log.boot
        return Situation(
            board=self.board,
            scene=self.scene,
            boot=self.trial.boot,
            log=log,
            items=self.trial.items,
            open=self.open,
        )

    @property
    def merit(self) -> tuple[int, int, int, int]:
        """How good it is, the less the better: differences, what had to be supposed, values, words."""
        differing, values, words = self.trial.score
        return differing, len(self.deductions), values, words

    def deduce(self) -> None:
        """Fill in what the scene leaves open, as long as that brings the boot nearer."""
        self._adopt_best(lambda now: ((one,) for one in deductions(now)))

    def deduce_pairs(self) -> None:
        """The same with two things at once, then one by one again."""
        self._adopt_best(pairs)
        self.deduce()

    def _adopt_best(self, make: Callable[[Situation], Iterable[tuple[Hypothesis, ...]]]) -> None:
        for _ in range(_ROUNDS):
            best = self._best(make(self._now())) if self.trial.score[0] else None
            if best is None:
                return
            self._adopt(*best)

    def _best(self, tried: Iterable[tuple[Hypothesis, ...]]) -> tuple[tuple[Hypothesis, ...], _Trial] | None:
        best: tuple[tuple[Hypothesis, ...], _Trial] | None = None
        limit = self.trial.score[:2]
        for together in tried:
            trial = self._try(together[-1])
            if trial is None or (_is_build(together) and trial.score[0] >= self.trial.score[0]):
                continue
            if trial.score[:2] < limit:
                best, limit = (together, trial), trial.score[:2]
        return best

    def _adopt(self, together: tuple[Hypothesis, ...], trial: _Trial) -> None:
        before = {_identity(item): item for item in self.trial.items if item.is_difference}
        after = {_identity(item) for item in trial.items if item.is_difference}
        settles = tuple(dict.fromkeys(item.subject for key, item in before.items() if key not in after))
        for hypothesis in together:
            self.deductions.append(Deduction(hypothesis.kind, hypothesis.text, hypothesis.evidence, settles))
        scene = together[-1].scene
        for name in _changed(self.scene, scene):
            self.settled[name] = "deduced from what was seen"
        self.scene, self.trial = scene, trial

    def explained(self) -> tuple[Item, ...]:
        """Return the items, those that differ with their causes."""
        causes: dict[object, Cause] = {}
        now = self._now()
        log = now.log
        trial = self.trial
        for _ in range(_ROUNDS):
            open_items = [item for item in trial.items if item.is_difference]
            if not open_items:
                break
            best = self._best_cause(now, trial)
            if best is None:
                break
            hypothesis, better, others = best
            remaining = {_identity(item) for item in better.items if item.is_difference}
            cause = Cause(
                kind=hypothesis.kind,
                text=hypothesis.text,
                evidence=hypothesis.evidence,
                is_tried=True,
                others=others,
            )
            for item in open_items:
                if _identity(item) not in remaining:
                    causes.setdefault(_identity(item), cause)
            trial = better
            now = replace(
                now,
                scene=hypothesis.scene,
                board=hypothesis.board or now.board,
                boot=better.boot,
                items=better.items,
            )
        return tuple(
            replace(
                item,
                cause=causes.get(_identity(item)) or static_cause(item, self.board, log) or UNKNOWN_CAUSE,
            )
            if item.is_difference
            else item
            for item in self.trial.items
        )

    def _best_cause(self, now: Situation, trial: _Trial) -> tuple[Hypothesis, _Trial, tuple[str, ...]] | None:
        best: tuple[Hypothesis, _Trial] | None = None
        limit = trial.score[:2]
        others: list[Hypothesis] = []
        for hypothesis in explanations(now):
            tried = self._try(hypothesis)
            if tried is None or tried.score[:2] > limit:
                continue
            if tried.score[:2] < limit:
                best, limit, others = (hypothesis, tried), tried.score[:2], []
            elif best is not None and hypothesis.kind != best[0].kind:
                others.append(hypothesis)
        if best is None:
            return None
        firsts = {other.kind: other.text for other in reversed(others)}
        return *best, tuple(reversed(firsts.values()))[:_MOST_OTHERS]


def _score(items: Iterable[Item]) -> tuple[int, int, int]:
    # Differences; values that are not the same in them; messages in other words, or from another source.
    differing = words = contrasts = 0
    for item in items:
        if item.is_difference:
            differing += 1
            # What has no counterpart at all is farther off than what has another value.
            contrasts += len(item.contrasts) if item.standing is Standing.DIFFERS else _WITHOUT_COUNTERPART
        elif item.said is not None and item.note:
            words += 1
    return differing, contrasts, words


def _identity(item: Item) -> tuple[object, ...]:
    return (
        item.source,
        item.line,
        item.subject,
        item.what,
        item.seen,
        item.predicted if item.seen is None else None,
    )


def _is_build(together: Iterable[Hypothesis]) -> bool:
    # That a kernel is built otherwise is supposed only where it explains more than it leaves.
    return any(one.kind == "config" for one in together)


def _changed(before: Scene, after: Scene) -> list[str]:
    names = {"cmdline": "cmdline", "page_size": "page-size", "memory": "memory", "dtb_at": "dtb-at",
             "kernel_image": "kernel-image", "kernel": "kernel", "vendor": "vendor", "behaviour": "behaviour"}  # fmt: skip
    return [name for field, name in names.items() if getattr(before, field) != getattr(after, field)]


def _with_iomem(board: Board, evidence: Evidence, found: LogScene) -> LogScene:
    if not evidence.iomem:
        return found
    from carveout.observe.machine import places_of

    placed = places_of(board, evidence.iomem, found.scene)
    scene = placed.scene
    settled = set(found.open)
    if scene.dtb_at is not None:
        settled.discard(Open.TREE_PLACE)
    if scene.kernel_image is not None:
        settled.discard(Open.IMAGE_PLACE)
    if scene.memory:
        settled.discard(Open.MEMORY)
    return found._replace(
        scene=scene,
        sources={**found.sources, **placed.sources},
        notes=(*found.notes, *placed.notes),
        open=frozenset(settled),
    )


def _told(result: Boot, found: LogScene, settled: dict[str, str]) -> Boot:
    sources = {**found.sources, **settled}
    facts = tuple(fact._replace(source=sources.get(fact.name, fact.source)) for fact in result.scene.facts)
    return replace(result, scene=result.scene._replace(facts=facts))


def _doubts(result: Boot, found: LogScene, deduced: Iterable[Deduction]) -> tuple[str, ...]:
    why = [f"deduced: {deduction.text}" for deduction in deduced]
    if found.stand_in is not None:
        why.append(f"Linux {result.scene.kernel} stands in for {found.stand_in}")
    if Open.KERNEL in found.open and not any(deduction.kind == "kernel" for deduction in deduced):
        why.append(f"nothing says which kernel it was: Linux {result.scene.kernel} was taken")
    return tuple(why)


def _exactness(result: Boot, why: tuple[str, ...]) -> Exactness:
    if result.exactness is Exactness.EXACT and why:
        return Exactness.MODELLED
    return result.exactness
