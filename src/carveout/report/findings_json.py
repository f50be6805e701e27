# SPDX-License-Identifier: Apache-2.0
"""Findings as JSON (the list of CONTRACT.md) and as SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.check.registry import documentation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Finding, Rule

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_json(findings: Iterable[Finding]) -> str:
    """Return the list of CONTRACT.md: all severities; file, line and column are null for a blob."""
    rows = []
    for finding in findings:
        source = finding.source
        rows.append(
            {
                "code": finding.code,
                "slug": finding.slug,
                "severity": str(finding.severity),
                "path": _text(finding.path),
                "property": finding.prop,
                "file": source[0] if source else None,
                "line": source[1] if source else None,
                "column": source[2] if source else None,
                "message": _text(finding.message),
                "fix": finding.fix,
                "kernels": list(finding.scenes),
                "board": finding.file,
                "related": [_text(path) for path in finding.related],
            }
        )
    return json.dumps(rows, indent=1, ensure_ascii=True) + "\n"


def render_sarif(findings: Sequence[Finding], rules: Sequence[Rule], *, version: str) -> str:
    """Return a SARIF 2.1.0 log of one run, with the rules that found something."""
    used = {finding.code for finding in findings}
    shown = [rule for rule in rules if rule.code in used]
    index = {rule.code: number for number, rule in enumerate(shown)}
    log = {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "carveout",
                        "version": version,
                        "rules": [_rule(rule) for rule in shown],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, index) for finding in findings],
            }
        ],
    }
    return json.dumps(log, indent=1, ensure_ascii=True) + "\n"


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.summary[:1].upper() + rule.summary[1:] + "."},
        "help": {"text": documentation(rule).strip()},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, object]:
    text = f"{finding.path}: {finding.message}"
    if finding.fix:
        text += f" Fix: {finding.fix}"
    if finding.scenes:
        text += f" In: {', '.join(finding.scenes)}"
    source = finding.source
    physical: dict[str, object] = {"artifactLocation": {"uri": _uri(source[0] if source else finding.file)}}
    if source:
        physical["region"] = {
            "startLine": source[1],
            "startColumn": source[2],
            "endLine": source[3],
            "endColumn": max(source[4], 1),
        }
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(text)},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"fullyQualifiedName": _text(finding.path), "kind": "object"}],
            }
        ],
        "partialFingerprints": {"carveout/v1": f"{finding.code}:{_text(finding.path)}:{finding.prop or ''}"},
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"))


def _text(text: str) -> str:
    # Odd bytes of a tree become visible escapes: JSON has no place for them.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
