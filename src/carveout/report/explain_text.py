# SPDX-License-Identifier: Apache-2.0
"""Pages about rules and about messages of the kernel, as Markdown: for a terminal and for docs/ alike."""

from __future__ import annotations

import re
from textwrap import dedent, wrap
from typing import TYPE_CHECKING

from carveout.check.explain import page_rules, page_texts, rule_pages
from carveout.check.model import HEADINGS, Rule
from carveout.check.registry import documentation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carveout.check.explain import Topic
    from carveout.check.model import Example
    from carveout.check.page import Page

_WIDTH = 100
_ON_YOUR_BOARD = (
    "## On your board",
    "",
    "- `carveout explain BOARD REGION`: the steps that led to it, each with its reason",
    "- `carveout verify BOARD --log FILE`: what a log shows against the tree, and what is behind each difference",
    "",
)
_FIELD = re.compile(r"\{([^}]*)\}")


def render_topic(topic: Topic) -> str:
    """Return the page of a rule or of a message."""
    return rule_page(topic) if isinstance(topic, Rule) else message_page(topic)


def rule_page(rule: Rule, link: Callable[[Page], str] | None = None) -> str:
    """Return the page of a rule. link: how a page of a message is referred to; None: by its title and slug."""
    lines = [f"# {rule.code} {rule.slug}", "", f"{rule.severity}: {rule.summary}.", ""]
    lines += [*_sections(rule), ""]
    for word, examples in (("found", rule.bad), ("not found", rule.good)):
        if examples:
            lines += [f"## Tree in which it is {word}", "", "```dts", *_source(examples[0]), "```", ""]
    pages = rule_pages(rule)
    if pages:
        shown = link or (lambda page: f'"{page.title}" (`carveout explain {page.slug}`)')
        lines += ["## Messages of the kernel", "", *(f"- {shown(page)}" for page in pages), ""]
    lines.append(f"Allow it in a source with `/* carveout: allow {rule.slug} -- reason */`.")
    if rule.covers:
        lines.append(f"Covers {', '.join(rule.covers)} of the list of the binding's rules.")
    return "\n".join(lines) + "\n"


def _sections(rule: Rule) -> Iterable[str]:
    text = documentation(rule).strip().splitlines()
    for number, line in enumerate(text):
        below = text[number + 1] if number + 1 < len(text) else ""
        if line in HEADINGS and below and set(below) == {"-"}:
            yield f"## {line}"
            yield ""
        elif not (line and set(line) == {"-"}):
            yield line


def _source(example: Example) -> list[str]:
    return dedent(example.dts.strip("\n")).rstrip().splitlines()


def message_page(page: Page, link: Callable[[Rule], str] | None = None) -> str:
    """Return the page of a message. link: how a rule is referred to; None: by code and slug."""
    lines = [
        f"# {page.title}",
        "",
        "```",
        *(line for text in shown_texts(page) for line in text.split("\n")),
        "```",
    ]
    lines += ["", "## What it means", "", *_wrapped(page.meaning), ""]
    lines += ["## Which kernels", "", *_wrapped(page.kernels), ""]
    lines += ["## Usual causes", "", *_points(page.causes), ""]
    lines += ["## What to do", "", *_points(page.cures), ""]
    rules = page_rules(page)
    if rules:
        shown = link or (lambda rule: f"{rule.code} {rule.slug}: {rule.summary}")
        lines += ["## Found before the boot by", "", *(f"- {shown(rule)}" for rule in rules), ""]
    lines += [*_ON_YOUR_BOARD, "## References", "", page.source]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    # A text may begin with a # that is no heading: none of the pages' paragraphs do.
    return wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _points(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        first, *more = _wrapped(text)
        yield f"- {first}"
        yield from (f"  {line}" for line in more)


def shown_texts(page: Page) -> tuple[str, ...]:
    """Return a page's messages as people know them: `NAME` where something varies."""
    texts = (_FIELD.sub(lambda match: match[1].partition(":")[0].upper(), text) for text in page_texts(page))
    return tuple(dict.fromkeys(texts))


def rule_list(rules: Iterable[Rule]) -> str:
    """Return one line for each rule."""
    return "".join(f"{rule.code}  {rule.severity:<7}  {rule.slug}: {rule.summary}\n" for rule in rules)


def message_list(pages: Iterable[Page]) -> str:
    """Return one line for each page of a message."""
    shown = list(pages)
    width = max((len(page.slug) for page in shown), default=0)
    return "".join(f"{page.slug:<{width}}  {page.title}\n" for page in shown)
