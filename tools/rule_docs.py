#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/rules/ and docs/messages/ from the rules and the pages about messages.

    tools/rule_docs.py [--check]

With --check nothing is written; the exit status is 1 when a file is not what it would be, is missing or is left over.
tests/unit/tools/test_rule_docs.py holds the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from carveout.check.binding_rules import BINDING_RULES, SUBJECTS  # noqa: E402 the source tree beside this file
from carveout.check.explain import all_pages, page_rules  # noqa: E402
from carveout.check.model import Severity  # noqa: E402
from carveout.check.not_covered import NOT_COVERED  # noqa: E402
from carveout.check.registry import all_rules  # noqa: E402
from carveout.report.explain_text import message_page, rule_page  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Rule
    from carveout.check.page import Page

DOCS = ROOT / "docs"
FOLDERS = ("rules", "messages")
GENERATED = "<!-- Written by `make docs`; do not edit. -->\n\n"

HUNDREDS = {
    "0": "Structure, cells and names",
    "1": "Static layout",
    "2": "Dynamic placement",
    "3": "Contiguous and other pools",
    "4": "Consumers",
    "5": "Compatibles and their properties",
    "6": "Platform, firmware and other systems",
    "7": "The kernel and its command line",
    "8": "Names of 2013 and other dialects",
    "9": "Style, and the check itself",
}


def files() -> dict[str, str]:
    """Return every file of the two folders, by its path below docs/, with its content."""
    found = {"rules/README.md": rules_index(), "messages/README.md": messages_index()}
    for rule in all_rules():
        found[f"rules/{rule.code}.md"] = rule_page(rule, link=_to_message)
    for page in all_pages():
        found[f"messages/{page.slug}.md"] = message_page(page, link=_to_rule)
    return {name: GENERATED + text for name, text in found.items()}


def _to_message(page: Page) -> str:
    return f"[{_plain(page.title)}](../messages/{page.slug}.md)"


def _to_rule(rule: Rule) -> str:
    return f"[{rule.code} {rule.slug}](../rules/{rule.code}.md): {_plain(rule.summary)}"


def _plain(text: str) -> str:
    return text.replace("<", "\\<").replace("|", "\\|").replace("[", "\\[")


def rules_index() -> str:
    """Return the list of rules, and where each rule of the binding's list is."""
    rules = all_rules()
    counts = ", ".join(
        f"{sum(rule.severity is severity for rule in rules)} {severity}s" for severity in Severity
    )
    lines = [
        "# Rules of `carveout check`",
        "",
        f"{len(rules)} rules: {counts}. `carveout explain CODE` prints a page.",
        "A code is never used again for something else.",
        "",
    ]
    for digit, subject in HUNDREDS.items():
        rows = [
            (f"[{rule.code}]({rule.code}.md)", rule.slug, str(rule.severity), _plain(rule.summary))
            for rule in rules
            if rule.code[2] == digit
        ]
        if rows:
            lines += [
                f"## {digit}xx: {subject}",
                "",
                *table(("code", "slug", "severity", "what is wrong"), rows),
                "",
            ]
    return "\n".join([*lines, *binding_table(rules)])


def binding_table(rules: Sequence[Rule]) -> list[str]:
    """Return the table of the binding's list: each of its rules with our code, or with the reason why not."""
    covered: dict[str, list[str]] = {}
    for rule in rules:
        for name in rule.covers:
            covered.setdefault(name, []).append(f"[{rule.code}]({rule.code}.md)")
    lines = ["## The binding's list of rules", ""]
    lines.append(
        f"{sum(name in covered for name in BINDING_RULES)} of {len(BINDING_RULES)} are covered; the others with the reason."
    )
    for prefix, subject in SUBJECTS.items():
        rows = [
            (name, word, ", ".join(covered[name]) if name in covered else _plain(NOT_COVERED.get(name, "")))
            for name, word in BINDING_RULES.items()
            if name.startswith(prefix)
        ]
        lines += ["", f"### {prefix}: {subject}", "", *table(("id", "name", "rule, or why not"), rows)]
    lines += [
        "",
        "## Faults of shipped trees",
        "",
        "Classes that a survey of shipped trees found, or looked for.",
        "",
    ]
    classes = sorted(name for name in covered if name.startswith("corpus-"))
    seen = [(name.removeprefix("corpus-").replace("-", " "), ", ".join(covered[name])) for name in classes]
    return [*lines, *table(("class", "rule"), seen), ""]


def messages_index() -> str:
    """Return the list of pages about messages."""
    rows = [
        (
            f"[{_plain(page.title)}]({page.slug}.md)",
            ", ".join(f"[{rule.code}](../rules/{rule.code}.md)" for rule in page_rules(page)),
        )
        for page in all_pages()
    ]
    lines = [
        "# Messages of the kernel",
        "",
        "What the kernel prints about reserved and contiguous memory, what causes it, and what to do.",
        '`carveout explain "TEXT"` finds a page by any part of a line of a log.',
        "",
        *table(("message", "found before the boot by"), rows),
        "",
    ]
    return "\n".join(lines)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a table in Markdown."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def differences(docs: Path) -> tuple[list[str], list[str]]:
    """Return the files below docs/ that are not what they would be, and those that are left over."""
    wanted = files()
    wrong = [
        name
        for name, text in wanted.items()
        if not (docs / name).is_file() or (docs / name).read_text(encoding="utf-8") != text
    ]
    there = [path for folder in FOLDERS for path in sorted((docs / folder).glob("*.md"))]
    left = [name for path in there if (name := path.relative_to(docs).as_posix()) not in wanted]
    return wrong, left


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when one differs")
    args = parser.parse_args()
    wrong, left = differences(DOCS)
    if args.check:
        for name in wrong + left:
            sys.stderr.write(f"rule_docs: docs/{name} is not what the rules say: run make docs\n")
        return 1 if wrong or left else 0
    wanted = files()
    for name in wrong:
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(wanted[name], encoding="utf-8")
    for name in left:
        (DOCS / name).unlink()
    if wrong or left:
        sys.stdout.write(f"rule_docs: {len(wrong)} files written, {len(left)} removed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
