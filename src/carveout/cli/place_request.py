# SPDX-License-Identifier: Apache-2.0
"""The requests of `carveout place`: one from options, or several, each from one --request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.request import Kind, Request
from carveout.errors import SceneError, UsageError
from carveout.span import Span
from carveout.units import parse_address, parse_size

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from carveout.cli.parser import Parser

_FLAGS = ("reusable", "no-map", "pool")
_VALUES = ("size", "align", "within", "dma-bits", "for", "name")
_MOST_BITS = 64

REQUEST_HELP = "size=64M,align=4M,within=A-B,dma-bits=32,for=/soc/vpu,reusable,no-map,pool,name=vpu"


def add_request_options(parser: Parser) -> None:
    """Add the options that say what is asked for."""
    group = parser.add_argument_group("request")
    add = group.add_argument
    add("--size", metavar="SIZE", help="how much, for example 64M")
    add("--align", metavar="SIZE", help="a multiple of this (default: what the kernels need)")
    add(
        "--within",
        metavar="A-B",
        action="append",
        default=[],
        help="from A up to B, B not included; repeatable",
    )
    add("--dma-bits", metavar="N", help="the device's addresses have N bits")
    add("--for", metavar="PATH", dest="device", help="the device that uses it, or &label: gets memory-region")
    add("--reusable", action="store_true", help="a contiguous area, lent to the system (shared-dma-pool)")
    add("--no-map", action="store_true", help="the kernel does not map it")
    add("--pool", action="store_true", help="with --no-map: the DMA pool of its device (shared-dma-pool)")
    add("--name", metavar="NAME", help="of the node, without unit address")
    add(
        "--request",
        metavar="KEY=VALUE,...",
        action="append",
        default=[],
        help=f"instead of the options above, and repeatable, all solved together: {REQUEST_HELP}",
    )


def read_requests(args: Namespace) -> tuple[Request, ...]:
    """Return what is asked for. Raises: UsageError."""
    given: dict[str, list[str]] = {
        "size": [args.size] if args.size is not None else [],
        "align": [args.align] if args.align is not None else [],
        "within": list(args.within),
        "dma-bits": [args.dma_bits] if args.dma_bits is not None else [],
        "for": [args.device] if args.device is not None else [],
        "name": [args.name] if args.name is not None else [],
        "reusable": [""] if args.reusable else [],
        "no-map": [""] if args.no_map else [],
        "pool": [""] if args.pool else [],
    }
    if not args.request:
        if not given["size"]:
            raise UsageError(
                "nothing is asked for: pass --size SIZE, or --request size=SIZE,... for each region"
            )
        return (_request(given, "--"),)
    named = [name for name, values in given.items() if values]
    if named:
        raise UsageError(f"--{named[0]} and --request are two ways to ask: put it into a --request")
    return tuple(_request(_parts(text), f"--request {text}: ") for text in args.request)


def _parts(text: str) -> dict[str, list[str]]:
    # Split at commas, except those inside a value: `for=/reserved,name/x` has one, and no key or flag behind it.
    found: dict[str, list[str]] = {name: [] for name in (*_VALUES, *_FLAGS)}
    last: list[str] | None = None
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals and key in _VALUES:
            last = found[key]
            last.append(value)
        elif part in _FLAGS:
            found[part].append("")
            last = None
        elif last is not None and not equals:
            last[-1] += f",{part}"
        else:
            raise UsageError(f"--request {text}: cannot read '{part}', expected for example {REQUEST_HELP}")
    return found


def _request(given: Mapping[str, list[str]], where: str) -> Request:
    for name, values in given.items():
        if len(values) > 1 and name != "within":
            raise UsageError(f"{where}{name} is given {len(values)} times")

    def one(name: str, parse: Callable[[str], int]) -> int | None:
        return _read(where, name, given[name][0], parse) if given[name] else None

    size = one("size", parse_size)
    if size is None:
        raise UsageError(f"{where}size is missing")
    return Request(
        size=size,
        align=one("align", parse_size),
        within=tuple(_within(where, text) for text in given["within"]),
        dma_bits=one("dma-bits", _bits),
        device=given["for"][0] if given["for"] else None,
        kind=_kind(given, where),
        name=given["name"][0] if given["name"] else None,
    )


def _read(where: str, name: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except SceneError as error:
        raise UsageError(f"{where}{name}: {error}") from error


def _bits(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 12 < int(text[:4]) <= _MOST_BITS:
        raise SceneError(
            f"'{text[:20]}' is no width of addresses, expected 13 to {_MOST_BITS}, for example 32"
        )
    return int(text)


def _within(where: str, text: str) -> Span:
    low, dash, high = text.partition("-")
    if not dash:
        raise UsageError(
            f"{where}within: cannot read '{text}', expected A-B, for example 0x40000000-0x60000000"
        )
    span = Span(_read(where, "within", low, parse_address), _read(where, "within", high, parse_size))
    if span.start >= span.end:
        raise UsageError(f"{where}within: '{text}' is empty: it ends where it begins, or before")
    return span


def _kind(given: Mapping[str, list[str]], where: str) -> Kind:
    reusable, no_map, pool = (bool(given[name]) for name in _FLAGS)
    if reusable and no_map:
        raise UsageError(
            f"{where}reusable and no-map contradict each other: what is lent to the system has to be mapped"
        )
    if reusable:
        return Kind.REUSABLE
    if pool and not no_map:
        raise UsageError(
            f"{where}pool needs no-map: the driver maps the pool itself, and Linux refuses that for mapped RAM; "
            "a contiguous area is --reusable"
        )
    if pool:
        return Kind.COHERENT
    return Kind.NO_MAP if no_map else Kind.PLAIN
