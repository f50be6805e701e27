# SPDX-License-Identifier: Apache-2.0
"""Classes made by carveout.values behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import types
import typing
from functools import cached_property

import pytest

from carveout.values import NamedTuple, dataclass, field, replace


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 2
    """Downwards."""

    @property
    def sum(self) -> int:
        """Both."""
        return self.x + self.y

    @classmethod
    def origin(cls) -> Point:
        """Return the middle."""
        return cls(0, 0)


class StandardPoint(typing.NamedTuple):
    """The same, by the standard library."""

    x: int
    y: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Never changes."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StandardFrozen:
    """The same, by the standard library."""

    a: int
    b: str = "b"
    c: list[int] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Often:
    """Of which thousands are made."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Changing:
    """Changes."""

    a: int
    b: int = 1


@dataclass(frozen=True, kw_only=True)
class Caching:
    """Remembers."""

    a: tuple[int, ...]

    @cached_property
    def total(self) -> int:
        """The sum."""
        return sum(self.a)


def test_a_named_tuple_is_like_the_standard_one() -> None:
    for made in (Point, StandardPoint):
        assert made._fields == ("x", "y")
        assert made._field_defaults == {"y": 2}
        assert made.__module__ == __name__
        assert tuple(made(1)) == (1, 2)
        assert made(y=3, x=1)._replace(x=4) == (4, 3)
        assert typing.get_type_hints(made) == {"x": int, "y": int}
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert inspect.signature(Point).parameters.keys() == inspect.signature(StandardPoint).parameters.keys()
    assert Point.__doc__ == "A place."
    assert Point(5).sum == 7
    assert Point.origin() == (0, 0)
    assert isinstance(pickle.loads(pickle.dumps(Point(1))), Point)  # noqa: S301 made on the same line
    assert not hasattr(Point(1), "__dict__")


def test_a_default_before_a_field_without_one_is_refused() -> None:
    body = {
        "__module__": __name__,
        "__qualname__": "Wrong",
        "__annotations__": {"x": "int", "y": "int"},
        "x": 1,
    }
    with pytest.raises(TypeError, match="without a default"):
        types.new_class("Wrong", (NamedTuple,), exec_body=lambda namespace: namespace.update(body))


def test_a_data_class_is_like_the_standard_one() -> None:
    one, standard = Frozen(a=1), StandardFrozen(a=1)
    assert repr(one) == repr(standard).replace("Standard", "")
    assert dataclasses.asdict(one) == dataclasses.asdict(standard)
    assert [f.name for f in dataclasses.fields(one)] == ["a", "b", "c"]
    assert inspect.signature(Frozen).parameters.keys() == inspect.signature(StandardFrozen).parameters.keys()
    assert one.c is not Frozen(a=1).c
    assert not hasattr(one, "__dict__")
    assert Frozen.__doc__ == "Never changes."


def test_data_classes_compare_by_value_and_class() -> None:
    assert Frozen(a=1) == Frozen(a=1, b="b", c=[])
    assert Frozen(a=1) != Frozen(a=2)
    assert Changing(a=1).__eq__(Frozen(a=1)) is NotImplemented
    assert hash(Caching(a=(1,))) == hash(Caching(a=(1,)))
    with pytest.raises(TypeError):
        hash(Changing(a=1))


def test_a_frozen_value_does_not_change() -> None:
    one = Frozen(a=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.a = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.a
    other = Changing(a=1)
    other.a = 2
    assert other == Changing(a=2)


def test_values_are_replaced_copied_and_pickled() -> None:
    one = Frozen(a=1, b="x", c=[3])
    for change in (dataclasses.replace, replace):
        assert change(one, b="y") == Frozen(a=1, b="y", c=[3])
    assert copy.copy(one) == one
    assert copy.deepcopy(one).c is not one.c
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 made on the same line
    assert Caching(a=(1, 2)).total == 3


@pytest.mark.parametrize("given", [{}, {"a": 1, "z": 2}, {"b": 1}])
def test_missing_and_unknown_arguments_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"missing or unknown: [az]$"):
        Changing(**given)


def test_the_thousandth_value_is_made_as_the_first_was() -> None:
    first = Often(a=1)
    later = [Often(a=number) for number in range(3000)]
    assert later[1] == first
    assert later[-1] == Often(a=2999, b="b", c=[])
    assert later[-1].c is not later[-2].c
    with pytest.raises(dataclasses.FrozenInstanceError):
        later[-1].a = 2  # type: ignore[misc]
    assert replace(later[-1], b="c") == Often(a=2999, b="c")
    for given in ({}, {"a": 1, "d": 2}):
        with pytest.raises(TypeError):
            Often(**given)
