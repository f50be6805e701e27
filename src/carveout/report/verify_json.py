# SPDX-License-Identifier: Apache-2.0
"""A verification as JSON, schema carveout.verify/1: addresses and sizes are hexadecimal strings, counts are numbers.

Fields are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.observe.item import Item
    from carveout.observe.log import Log
    from carveout.observe.log_map import LogMap
    from carveout.observe.verification import Verification
    from carveout.report.map_json import Json
    from carveout.span import Span

SCHEMA = "carveout.verify/1"


def render_verify_json(result: Verification) -> str:
    """Return a verification as indented JSON text in ASCII, keys in a fixed order, ended by a newline."""
    from json import dumps  # only this format needs it

    return dumps(verify_value(result), indent=1) + "\n"


def verify_value(result: Verification) -> dict[str, Json]:
    """Return a verification as the value that render_verify_json() writes."""
    from carveout.report.map_json import map_value

    boot = map_value(result.boot)
    scene = boot["scene"]
    log = result.evidence.log
    return {
        "schema": SCHEMA,
        "agrees": result.agrees,
        "exactness": str(result.exactness),
        "why": list(result.why),
        "differences": len(result.differences),
        "scene": scene,
        "deduced": [
            {"kind": d.kind, "text": d.text, "evidence": list(d.evidence), "settles": list(d.settles)}
            for d in result.deductions
        ],
        "items": [_item(item) for item in result.items],
        "failures": [
            {
                "kind": str(traced.failure.kind),
                "line": traced.failure.line,
                "text": traced.failure.text,
                "device": traced.failure.device,
                "driver": traced.failure.driver,
                "errno": None if traced.failure.errno is None else -traced.failure.errno,
                "region": traced.subject,
                "consumer": traced.consumer,
                "why": traced.why,
                "predicted": traced.is_predicted,
            }
            for traced in result.failures
        ],
        "harmless": [{"line": one.line, "text": one.text, "why": one.why} for one in result.harmless],
        "log": None if log is None else _log(log),
        "regions": boot["regions"],
        "cma": boot["cma"],
        "outcome": boot["outcome"],
        "predicted_log": boot["log"],
        "notes": list(dict.fromkeys((*result.notes, *result.boot.notes))),
    }


def render_log_json(log: Log, shown: LogMap) -> str:
    """Return what a log alone shows, as indented JSON text."""
    from json import dumps  # only this format needs it

    boot = log.boot
    value: dict[str, Json] = {
        "schema": SCHEMA,
        "agrees": None,
        "log": _log(log),
        "kernel": boot.release,
        "arch": boot.arch,
        "page_size": None if boot.page_size is None else hex(boot.page_size),
        "cmdline": boot.cmdline,
        "model": boot.model,
        "memory": _spans(shown.ram),
        "memory_source": shown.ram_source,
        "rows": [
            {
                "name": row.name,
                "kind": row.kind,
                "base": hex(row.span.start),
                "size": hex(row.span.size),
                "words": list(row.words),
                "lines": list(row.lines),
            }
            for row in shown.rows
        ],
        "failed": [
            {"name": one.name, "why": one.why, "line": one.line, "text": one.text} for one in shown.failed
        ],
        "overlaps": list(shown.overlaps),
        "failures": [
            {
                "kind": str(failure.kind),
                "line": failure.line,
                "text": failure.text,
                "device": failure.device,
                "errno": None if failure.errno is None else -failure.errno,
            }
            for failure in boot.failures
        ],
    }
    return dumps(value, indent=1) + "\n"


def _item(item: Item) -> dict[str, Json]:
    cause = item.cause
    return {
        "subject": item.subject,
        "what": item.what,
        "standing": str(item.standing),
        "counts": item.is_difference,
        "source": item.source,
        "line": item.line,
        "seen": item.seen,
        "predicted": item.predicted,
        "contrasts": [{"field": c.field, "seen": c.seen, "predicted": c.predicted} for c in item.contrasts],
        "note": item.note,
        "cause": None
        if cause is None
        else {
            "kind": cause.kind,
            "text": cause.text,
            "evidence": list(cause.evidence),
            "tried": cause.is_tried,
            "others": list(cause.others),
        },
    }


def _log(log: Log) -> dict[str, Json]:
    boot = log.boot
    return {
        "lines": log.lines,
        "bytes": log.bytes,
        "cut_lines": log.cut_lines,
        "boot": boot.number,
        "boots": [{"number": one.number, "line": one.line, "kernel": one.release} for one in log.boots],
        "kernel": boot.release,
        "model": boot.model,
        "complete": boot.covers_regions,
        "understood": len(boot.said),
        "not_understood": boot.missed_count,
        "samples": [{"line": record.number, "text": record.text} for record in boot.missed],
        "left_out": boot.left_out,
        "dropped": boot.dropped,
    }


def _spans(spans: Iterable[Span]) -> list[Json]:
    return [{"base": hex(span.start), "size": hex(span.size)} for span in spans]
