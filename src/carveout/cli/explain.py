# SPDX-License-Identifier: Apache-2.0
"""`carveout explain`: the page of a rule, or of a message of the kernel."""

from __future__ import annotations

from carveout.amp.codes import CODES
from carveout.check.explain import all_pages, find
from carveout.check.registry import all_rules
from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.errors import UsageError
from carveout.report.explain_text import message_list, render_topic, rule_list
from carveout.report.words import safe

_SUMMARY = "Show the page of a rule of `carveout check`, or of a message that the kernel prints."

_NOTES = """\
A message may be the whole line of a log with its time stamp, or the part that one remembers.

examples:
  carveout explain CV101
  carveout explain region-overlap
  carveout explain "failed to allocate memory for node"
  carveout explain "[    0.000000] OF: reserved mem: OVERLAP DETECTED!"
  carveout explain rules
  carveout explain messages
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("explain", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument("what", metavar="WHAT", nargs="+", help="code, slug, message, `rules` or `messages`")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    args = parser.parse_args(argv)
    write(_answer(" ".join(args.what)), args.output)
    return 0


def _answer(text: str) -> str:
    if text.strip().lower() == "rules":
        return rule_list(all_rules())
    if text.strip().lower() == "messages":
        return message_list(all_pages())
    of_firmware = _amp_code(text.strip())
    if of_firmware is not None:
        return of_firmware
    answer = find(text)
    if answer.topic is None:
        near = f"; nearest: {', '.join(answer.near)}" if answer.near else ""
        raise UsageError(
            f"no rule or message is known as '{safe(text)}'{near}; "
            "see 'carveout explain rules' and 'carveout explain messages'"
        )
    return render_topic(answer.topic)


def _amp_code(text: str) -> str | None:
    # The codes of `carveout amp` have a line each, not a page.
    for code, (slug, summary) in CODES.items():
        if text.upper() == code or text.lower() == slug:
            return f"{code} {slug}: {summary}\n\nFound by `carveout amp`; docs/amp.md says what is compared with what.\n"
    return None
