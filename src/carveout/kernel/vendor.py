# SPDX-License-Identifier: Apache-2.0
"""A vendor's kernel as a small file: on which release it is based, and what it does differently.

name = "example-bsp-6.1"
base = "6.1"

[behaviour]             # fields of `carveout kernels`, as --behaviour takes them
memreserve = "last"

[config]                # options of .config, without CONFIG_
CMA_SIZE_MBYTES = 320
"""

from __future__ import annotations

from carveout.errors import VendorError
from carveout.values import dataclass

_KEYS = ("name", "base", "behaviour", "config")
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor's kernel. Hashable: profiles are kept by it."""

    name: str
    base: str
    """The kernel it was made from, as --kernel takes it."""
    behaviour: tuple[tuple[str, str], ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    """Options without CONFIG_, values as in a .config (`y`, `n`, a number, the text of a string)."""


def parse_vendor(data: bytes) -> Vendor:
    """Return the vendor kernel that a TOML file describes.

    Raises: VendorError for what is no TOML, and for keys and values of the wrong form.
    """
    import tomllib

    if len(data) > _LIMIT:
        raise VendorError(f"has more than {_LIMIT >> 20} MiB, which is too large for a vendor file")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VendorError(f"is not TOML: {error}") from error
    unknown = sorted(set(content) - set(_KEYS))
    if unknown:
        raise VendorError(f"unknown key '{unknown[0]}': expected {', '.join(_KEYS)}")
    return Vendor(
        name=_text(content, "name"),
        base=_text(content, "base"),
        behaviour=_table(content, "behaviour"),
        config=tuple((key.removeprefix("CONFIG_"), value) for key, value in _table(content, "config")),
    )


def _text(content: dict[str, object], key: str) -> str:
    value = content.get(key)
    # 6.10 as a number would be 6.1.
    if not isinstance(value, str) or not value or not value.isprintable():
        example = '"6.12"' if key == "base" else '"example-bsp-6.12"'
        raise VendorError(f"{key}: expected a string, for example {example}")
    return value


def _table(content: dict[str, object], key: str) -> tuple[tuple[str, str], ...]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise VendorError(f"{key}: expected a table of NAME = VALUE")
    return tuple(sorted((str(name), _value(f"{key}.{name}", value)) for name, value in table.items()))


def _value(where: str, value: object) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    if isinstance(value, (str, int)):
        return str(value)
    raise VendorError(f"{where}: expected a string, a whole number, true or false")
