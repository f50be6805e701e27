# SPDX-License-Identifier: Apache-2.0
"""All rules, found by walking the package `carveout.check.rules`: one module, one rule."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import carveout.check.rules as package
from carveout.errors import InternalError, UsageError

if TYPE_CHECKING:
    from carveout.check.model import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    found: dict[str, Rule] = {}
    slugs: set[str] = set()
    for module in _modules():
        rule: Rule = import_module(f"{package.__name__}.{module}").RULE
        if rule.code in found or rule.slug in slugs:
            raise InternalError(f"two rules are called {rule.code} or {rule.slug}")
        if not module.startswith(rule.code.lower() + "_"):
            raise InternalError(f"{module} holds {rule.code}")
        found[rule.code] = rule
        slugs.add(rule.slug)
    return tuple(found[code] for code in sorted(found))


def _modules() -> list[str]:
    # Names of the rules' modules, sorted. pkgutil imports inspect, which takes as long as eighty rules.
    try:
        files = [file for folder in package.__path__ for file in os.listdir(folder)]  # noqa: PTH208 start-up time
        found = {file.partition(".")[0] for file in files if file.endswith((".py", ".pyc"))}
    except NotADirectoryError:  # in a zip archive
        from pkgutil import iter_modules

        found = {info.name for info in iter_modules(package.__path__)}
    return sorted(name for name in found if name.startswith("cv"))


def documentation(rule: Rule) -> str:
    """Return the documentation of a rule: its module's docstring."""
    for module in _modules():
        if module.startswith(rule.code.lower() + "_"):
            return import_module(f"{package.__name__}.{module}").__doc__ or ""
    raise InternalError(f"{rule.code} has no module")


def find_rule(text: str) -> Rule | None:
    """Return the rule with this code or slug (dtc's spelling with underscores too), or None."""
    wanted = text.lower().replace("_", "-")
    for rule in all_rules():
        if wanted in (rule.code.lower(), rule.slug):
            return rule
    return None


def pick_rules(select: tuple[str, ...], ignore: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules that are selected (all, when nothing is) and not ignored.

    Each word is a code, the beginning of codes (`CV2`), or a slug. Raises: UsageError for a word that matches none.
    """
    rules = all_rules()
    chosen = _matching(rules, select, "--select") if select else set(rules)
    chosen -= _matching(rules, ignore, "--ignore")
    return tuple(rule for rule in rules if rule in chosen)


def _matching(rules: tuple[Rule, ...], words: tuple[str, ...], option: str) -> set[Rule]:
    found: set[Rule] = set()
    for word in words:
        wanted = word.lower().replace("_", "-")
        hits = {
            rule
            for rule in rules
            if wanted in ("all", rule.slug) or (wanted[:2] == "cv" and rule.code.lower().startswith(wanted))
        }
        if not hits:
            raise UsageError(f"{option} {word}: no rule has this code or slug; see `carveout explain rules`")
        found |= hits
    return found
