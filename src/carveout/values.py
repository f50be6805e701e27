# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ANN001, ANN003, ANN201, ANN202, ANN204, RUF012, SLF001
# Type checkers read the standard library's classes in place of these; annotations here would say nothing to them.
"""Named tuples and data classes as the standard library has them, made in a fraction of the time.

A command that runs for 50 ms makes a hundred such classes first. `typing.NamedTuple` compiles the annotation of
every field, `dataclasses` imports `inspect` and compiles six methods for every class; that was half of the
start-up. Type checkers see the standard library's. At run time a class behaves the same for those who make,
compare, show, hash, pickle or `dataclasses.replace()` values; nothing is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import NamedTuple
else:
    from collections import namedtuple

    _OF_THE_CLASS = frozenset({"__annotations__", "__dict__", "__weakref__", "__module__", "__qualname__"})

    class _MakesTuples(type):
        """Turns the body of a class into a named tuple with its methods."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            given = [name in body for name in fields]
            if given != sorted(given):
                raise TypeError(f"{name}: a field without a default follows one with a default")
            defaults = [body[name] for name in fields if name in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024 the other is what this replaces
            made.__annotations__ = fields
            made.__qualname__ = body["__qualname__"]
            for key, value in body.items():
                if key not in fields and key not in _OF_THE_CLASS:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_MakesTuples):
        """As typing.NamedTuple, in its form as a class."""

    def replace(value, /, **changes):
        """As dataclasses.replace(), for the data classes made here."""
        return value.__replace__(**changes)

    class _Factory:
        """A default that is made anew for each value."""

        __slots__ = ("make",)

        def __init__(self, make):
            self.make = make

    def field(*, default_factory):
        """As dataclasses.field(), with the one argument that is used here."""
        return _Factory(default_factory)

    class _FromTwin:
        """An attribute that inspection asks for: taken from a real data class, made when it does."""

        __slots__ = ("_cache", "_read")

        def __init__(self, read):
            self._read = read
            self._cache = {}

        def __get__(self, instance, owner):
            if owner not in self._cache:
                self._cache[owner] = self._read(_twin(owner))
            return self._cache[owner]

    def _twin(owner):
        import dataclasses

        body = {"__annotations__": owner.__annotations__, "__module__": owner.__module__}
        for name, default in owner._defaults.items():
            is_factory = isinstance(default, _Factory)
            body[name] = dataclasses.field(default_factory=default.make) if is_factory else default
        return dataclasses.dataclass(frozen=owner._is_frozen, kw_only=True)(type(owner.__name__, (), body))

    def _signature(twin):
        import inspect

        return inspect.signature(twin)

    class _Data:
        """What all data classes have."""

        __slots__ = ()
        __match_args__ = ()
        _fields = ()
        _defaults = {}
        _is_frozen = False

        def __init__(self, **values):
            if len(values) < len(self._fields):
                for name, default in self._defaults.items():
                    if name not in values:
                        values[name] = default.make() if type(default) is _Factory else default
            if values.keys() != self._names:
                wrong = sorted((values.keys() ^ self._names) - self._defaults.keys())
                raise TypeError(f"{type(self).__name__}(): arguments missing or unknown: {', '.join(wrong)}")
            put = object.__setattr__
            for name, value in values.items():
                put(self, name, value)

        def __repr__(self):
            listed = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
            return f"{type(self).__qualname__}({listed})"

        def __eq__(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return self.__getstate__() == other.__getstate__()

        __hash__ = None

        def __getstate__(self):
            return [getattr(self, name) for name in self._fields]

        def __setstate__(self, state):
            for name, value in zip(self._fields, state, strict=True):
                object.__setattr__(self, name, value)

        def __replace__(self, /, **changes):
            return type(self)(**(dict(zip(self._fields, self.__getstate__(), strict=True)) | changes))

        __dataclass_fields__ = _FromTwin(lambda twin: twin.__dataclass_fields__)
        __signature__ = _FromTwin(_signature)

    class _FrozenData(_Data):
        """A data class whose values do not change."""

        __slots__ = ()
        _is_frozen = True

        def __hash__(self):
            return hash(tuple(self.__getstate__()))

        def __setattr__(self, name, value):
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def __delattr__(self, name):
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot delete field {name!r}")

    def dataclass(*, frozen=False, slots=False, kw_only):
        """As dataclasses.dataclass(), for classes whose fields are given by name."""
        if not kw_only:
            raise TypeError("fields are given by name: kw_only=True")

        def make(cls):
            names = tuple(cls.__annotations__)
            body = {
                key: value for key, value in cls.__dict__.items() if key not in ("__dict__", "__weakref__")
            }
            body["_defaults"] = {name: body.pop(name) for name in names if name in body}
            body["_fields"] = names
            body["_names"] = frozenset(names)
            if slots:
                body["__slots__"] = names
            return type(cls.__name__, (_FrozenData if frozen else _Data,), body)

        return make


__all__ = ["NamedTuple", "dataclass", "field", "replace"]
