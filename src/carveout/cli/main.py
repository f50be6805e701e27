# SPDX-License-Identifier: Apache-2.0
"""The command `carveout`: finds the verb, runs it, and turns errors into one line and an exit code.

A verb's module is imported only when it is asked for; it has `run(argv) -> int`.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module

from carveout.errors import CarveoutError, InputError, InternalError, UsageError
from carveout.values import NamedTuple

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_BUG = 70
_EXIT_INTERRUPTED = 130

_GARBAGE_THRESHOLD = 50_000
"""Objects made, less objects gone, before garbage is looked for; Python's own value is 700."""


class Verb(NamedTuple):
    """A verb: the module that runs it, and what it answers."""

    module: str
    summary: str


VERBS = {
    "map": Verb(
        "carveout.cli.map", "where every piece of reserved memory lands, as text, JSON, picture or page"
    ),
    "check": Verb("carveout.cli.check", "what is wrong with a tree's memory, and how to fix it"),
    "explain": Verb(
        "carveout.cli.explain",
        "why a region, a device, an address is as it is; or what a message or a rule is about",
    ),
    "verify": Verb("carveout.cli.verify", "what a machine showed against its tree: agrees, differs, and why"),
    "place": Verb("carveout.cli.place", "where a new region can go, best first, and what to add to the tree"),
    "fit": Verb("carveout.cli.fit", "how far each request could grow, how little RAM is enough"),
    "diff": Verb("carveout.cli.diff", "what differs between two trees, or two scenes of one"),
    "pin": Verb("carveout.cli.pin", "give dynamic regions the place that the kernel would choose"),
    "upgrade": Verb("carveout.cli.upgrade", "the names and layouts of 2013 become today's binding"),
    "export": Verb("carveout.cli.export", "the places for linkers, compilers, boot loaders, Zephyr, ..."),
    "amp": Verb("carveout.cli.amp", "whether a remote processor's firmware fits the memory it is given"),
    "pool": Verb(
        "carveout.cli.pool", "contiguous memory at run time: replay a trace, find the size a pool needs"
    ),
    "dt-check": Verb("carveout.cli.dt_check", "check, called as the kernel's build calls dt-validate"),
    "sweep": Verb("carveout.cli.sweep", "many boards in many scenes, on all cores or a cluster, as a table"),
    "kernels": Verb("carveout.cli.kernels", "what is known about each kernel version, and how"),
}

_HELP = """usage: carveout VERB [OPTION...]

Where Linux will put every piece of reserved memory, before the board boots.

verbs:
{verbs}

options:
  --version   print the version
  --debug     show the traceback of an error (also: CARVEOUT_DEBUG=1)
  --help      this text; 'carveout VERB --help' for a verb's options

exit codes: 0 clean, 1 findings, 2 usage, 3 input that cannot be read, 70 a bug in carveout
"""


def run() -> None:
    """Run the command line of this process and leave with its exit code."""
    # What a verb imports stays until the end: looking through it for garbage again and again finds none.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    code = main(sys.argv[1:])
    gc.freeze()  # nor at the end
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _close_stdout()
    sys.exit(code)


def main(argv: list[str]) -> int:
    """Run one command line, without the program's name, and return the exit code."""
    debug = "--debug" in argv or bool(os.environ.get("CARVEOUT_DEBUG"))
    try:
        return _dispatch(argv)
    except BrokenPipeError:
        # Whoever read our output has seen enough, for example `head`.
        _close_stdout()
        return EXIT_CLEAN
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_CLEAN
    except CarveoutError as error:
        return _report(error, debug=debug)
    except Exception as error:  # noqa: BLE001 the outermost frame: everything else is our bug
        return _report_bug(error, debug=debug)


def _dispatch(argv: list[str]) -> int:
    words = [word for word in argv if word != "--debug"]
    if not words:
        raise UsageError(f"no verb given, expected one of: {', '.join(VERBS)}; see 'carveout --help'")
    first = words[0]
    if first in ("--help", "-h", "help"):
        if len(words) == 1:
            sys.stdout.write(_help())
            return EXIT_CLEAN
        words = [words[1], "--help"]
        first = words[0]
    if first in ("--version", "-V"):
        from carveout import __version__

        sys.stdout.write(f"carveout {__version__}\n")
        return EXIT_CLEAN
    if first not in VERBS:
        raise UsageError(_unknown(first))
    module = import_module(VERBS[first].module)
    code: int = module.run(words[1:])
    return code


def _help() -> str:
    width = max(len(name) for name in VERBS)
    return _HELP.format(verbs="\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items()))


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, VERBS, n=1, cutoff=0.5)
    what = "option" if word.startswith("-") else "verb"
    guess = f"did you mean '{near[0]}'?" if near else f"expected one of: {', '.join(VERBS)}"
    return f"unknown {what} '{word}': {guess}; see 'carveout --help'"


def _report(error: CarveoutError, *, debug: bool) -> int:
    if isinstance(error, InternalError):
        return _report_bug(error, debug=debug)
    if debug:
        _print_traceback()
    _complain(f"error: {error}")
    return EXIT_INPUT if isinstance(error, InputError) else EXIT_USAGE


def _report_bug(error: Exception, *, debug: bool) -> int:
    if debug:
        _print_traceback()
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "" if debug else "; --debug shows the traceback to send along"
    _complain(f"internal error: {text}. This is a bug in carveout: please report it with the input{hint}")
    return EXIT_BUG


def _complain(text: str) -> None:
    from carveout.report.words import safe

    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    encoding = sys.stderr.encoding or "ascii"
    shown = safe(f"carveout: {line}", limit=2000).encode(encoding, errors="backslashreplace").decode(encoding)
    with suppress(OSError, ValueError):
        sys.stderr.write(shown + "\n")


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _close_stdout() -> None:
    # Keeps the interpreter from complaining when it flushes at its end.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
