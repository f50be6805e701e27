# SPDX-License-Identifier: Apache-2.0
"""An explanation as JSON, schema carveout.explain/1: addresses and sizes are hexadecimal strings.

Fields are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.map_json import consumer_value, region_value, scene_value, step_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.change.remedies import Remedy
    from carveout.check.model import Edit
    from carveout.explain.model import Attempt, Explanation, OtherKernel, Piece, Reason, StepTaken
    from carveout.report.map_json import Json
    from carveout.span import Span

SCHEMA = "carveout.explain/1"


def render_explanation_json(explanation: Explanation) -> str:
    """Return an explanation as indented JSON text in ASCII, ended by a newline."""
    from json import dumps  # only this format needs it

    value = {"schema": SCHEMA, "scene": scene_value(explanation.boot.scene)} | explanation_value(explanation)
    return dumps(value, indent=1) + "\n"


def explanation_value(it: Explanation) -> dict[str, Json]:
    """Return an explanation as the value that render_explanation_json() writes, without schema and scene."""
    return {
        "kind": str(it.kind),
        "subject": it.subject,
        "answer": list(it.answer),
        "exactness": str(it.exactness),
        "doubts": list(it.doubts),
        "outcome": str(it.boot.outcome),
        "region": None if it.region is None else region_value(it.region),
        "asked": _reasons(it.asked),
        "reasons": _reasons(it.reasons),
        "attempts": [_attempt(attempt) for attempt in it.attempts],
        "attempts_left_out": it.attempts_left_out,
        "steps": [_step(step) for step in it.steps],
        "consumers": [consumer_value(use) for use in it.uses],
        "pieces": [_piece(piece) for piece in it.pieces],
        "pieces_rest": None if it.pieces_rest is None else _span(it.pieces_rest),
        "kernels": [_kernel(other) for other in it.kernels],
        "remedies": [_remedy(remedy) for remedy in it.remedies],
        "remedies_tried": it.remedies_tried,
        "parts": [explanation_value(part) for part in it.parts],
    }


def _reasons(reasons: Iterable[Reason]) -> list[Json]:
    return [{"text": reason.text, "because": reason.because} for reason in reasons]


def _attempt(attempt: Attempt) -> Json:
    return {
        "window": _span(attempt.window),
        "window_why": attempt.window_why.text,
        "window_because": attempt.window_why.because,
        "direction": "bottom-up" if attempt.bottom_up else "top-down",
        "direction_why": attempt.direction_why.text,
        "direction_because": attempt.direction_why.because,
        "size": hex(attempt.size),
        "align": hex(attempt.align),
        "tried": [
            {
                **_span(tried.span),
                "usable": hex(tried.usable),
                "missing": hex(tried.missing),
                "above": tried.above.who,
                "below": tried.below.who,
                "taken": tried.is_taken,
            }
            for tried in attempt.tried
        ],
        "base": _hex(attempt.found),
    }


def _step(taken: StepTaken) -> Json:
    return {"number": taken.number, **step_value(taken.step), "log": list(taken.log)}


def _piece(piece: Piece) -> Json:
    return {
        **_span(piece.span),
        "what": piece.what,
        "ram": piece.is_ram,
        "nomap": piece.nomap,
        "reserved": piece.reserved,
        "region": piece.region,
        "cma": piece.area,
        "history": _reasons(piece.history),
        "since": None if piece.since is None else piece.since.text,
    }


def _kernel(other: OtherKernel) -> Json:
    return {
        "kernel": other.kernel,
        "same": other.is_same,
        "text": other.text,
        "base": _hex(other.base),
        "size": _hex(other.size),
        "exactness": None if other.exactness is None else str(other.exactness),
        "causes": list(other.causes),
    }


def _remedy(remedy: Remedy) -> Json:
    change = remedy.change
    return {
        "kind": str(remedy.kind),
        "what": remedy.what,
        "caution": change.caution,
        "base": hex(remedy.base),
        "size": hex(remedy.size),
        "pool": remedy.pool,
        "exactness": str(remedy.exactness),
        "edits": [_edit(edit) for edit in change.edits],
        "unserved": [consumer_value(use) for use in remedy.unserved],
        "moves": [{"path": path, "from": hex(old), "to": hex(new)} for path, old, new in remedy.moves],
    }


def _edit(edit: Edit) -> Json:
    return {"kind": str(edit.kind), "path": edit.path, "property": edit.name, "value": edit.value.hex()}


def _span(span: Span) -> dict[str, Json]:
    return {"base": hex(span.start), "size": hex(span.size)}


def _hex(value: int | None) -> str | None:
    return None if value is None else hex(value)
