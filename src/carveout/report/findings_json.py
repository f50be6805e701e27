# SPDX-License-Identifier: Apache-2.0
"""Findings as JSON (the list of CONTRACT.md) and as SARIF 2.1.0; one board after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.check.registry import documentation, find_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.check.allow import Allowed
    from carveout.check.model import Finding, Rule
    from carveout.check.result import BoardResult, Totals

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


class _Rows:
    # The items of a JSON array, written as they come.
    def __init__(self) -> None:
        self._is_first = True

    def rows(self, values: Iterable[object]) -> str:
        text = ""
        for value in values:
            text += ("\n" if self._is_first else ",\n") + json.dumps(value, ensure_ascii=True)
            self._is_first = False
        return text


class JsonReport(_Rows):
    """The list of CONTRACT.md: all severities, what is allowed left out."""

    def begin(self) -> str:
        """Return what comes before the first board."""
        return "["

    def board(self, result: BoardResult) -> str:
        """Return the rows of one board."""
        return self.findings(result.findings)

    def findings(self, findings: Iterable[Finding]) -> str:
        """Return the rows of findings."""
        return self.rows(_row(finding) for finding in findings)

    def end(self, totals: Totals) -> str:  # noqa: ARG002 a report of another form needs them
        """Return what comes after the last board."""
        return "\n]\n"


def _row(finding: Finding) -> dict[str, object]:
    source = finding.source
    return {
        "code": finding.code,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "path": _text(finding.path),
        "property": None if finding.prop is None else _text(finding.prop),
        "file": _text(source[0]) if source else None,
        "line": source[1] if source else None,
        "column": source[2] if source else None,
        "message": _text(finding.message),
        "fix": None if finding.fix is None else _text(finding.fix),
        "kernels": list(finding.scenes),
        "said_of": finding.said_of or None,
        "board": _text(finding.file),
        "related": [_text(path) for path in finding.related],
    }


class SarifReport(_Rows):
    """A SARIF 2.1.0 log of one run: results as they come, then the rules that found something.

    What is allowed is in it, marked as suppressed, as the standard asks.
    """

    def __init__(self, *, version: str) -> None:
        """version: of carveout."""
        super().__init__()
        self._version = version
        self._rules: dict[str, Rule] = {}

    def begin(self) -> str:
        """Return what comes before the first result."""
        head = f'"$schema": {json.dumps(SARIF_SCHEMA)},\n"version": "2.1.0"'
        return f'{{\n{head},\n"runs": [{{\n"columnKind": "unicodeCodePoints",\n"results": ['

    def board(self, result: BoardResult) -> str:
        """Return the results of one board."""
        return self.findings(result.findings) + self.rows(self._suppressed(a) for a in result.allowed)

    def findings(self, findings: Iterable[Finding]) -> str:
        """Return the results of findings."""
        return self.rows(self._result(finding) for finding in findings)

    def end(self, totals: Totals) -> str:
        """Return the rules, and whether every board could be read."""
        driver = {
            "name": "carveout",
            "version": self._version,
            "semanticVersion": self._version,
            "rules": [_rule(rule) for rule in self._rules.values()],
        }
        notices = [{"level": "error", "message": {"text": _text(text)}} for text in totals.unreadable]
        invocation = {"executionSuccessful": not notices, "toolExecutionNotifications": notices}
        tool = json.dumps({"driver": driver}, ensure_ascii=True)
        return f'\n],\n"tool": {tool},\n"invocations": [{json.dumps(invocation)}]\n}}]\n}}\n'

    def _suppressed(self, allowed: Allowed) -> dict[str, object]:
        suppression: dict[str, object] = {"kind": "inSource" if allowed.is_in_source else "external"}
        if allowed.reason:
            suppression["justification"] = _text(allowed.reason)
        return {**self._result(allowed.finding), "suppressions": [suppression]}

    def _result(self, finding: Finding) -> dict[str, object]:
        if finding.code not in self._rules:
            rule = find_rule(finding.code)
            if rule is not None:
                self._rules[finding.code] = rule
        index = list(self._rules).index(finding.code)
        text = f"{finding.path}: {finding.message}"
        if finding.fix:
            text += f" Fix: {finding.fix}"
        if finding.scenes:
            text += f" In: {finding.bites}"
        return {
            "ruleId": finding.code,
            "ruleIndex": index,
            "level": _LEVELS[finding.severity],
            "message": {"text": _text(text)},
            "locations": [_location(finding, finding.path)],
            "relatedLocations": [_location(finding._replace(source=None), path) for path in finding.related],
            "partialFingerprints": {
                "carveout/v1": f"{finding.code}:{_text(finding.path)}:{_text(finding.prop or '')}"
            },
        }


def _location(finding: Finding, path: str) -> dict[str, object]:
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
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": _text(path), "kind": "object"}],
    }


def _rule(rule: Rule) -> dict[str, object]:
    text = documentation(rule).strip()
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.summary[:1].upper() + rule.summary[1:] + "."},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"))


def _text(text: str) -> str:
    # Odd bytes of a tree become visible escapes: JSON has no place for them.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
