# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, ANN206, RUF012, SLF001
# Type checkers read the standard library's classes in place of these: annotations would tell them nothing.
"""Named tuples and data classes as the standard library has them, made in a fraction of the time.

A command that runs for 50 ms makes a hundred such classes first. `typing.NamedTuple` compiles the annotation
of every field, `dataclasses` imports `inspect` and compiles six methods for every class; that was half of the
start-up. Type checkers see the standard library's. At run time a class behaves the same for those who make,
compare, show, hash, pickle or `dataclasses.replace()` values; only what makes a tuple is compiled, for the
first one, and what makes the values of a data class for the first that has thousands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import NamedTuple
else:
    from collections import namedtuple

    try:
        from _collections import _tuplegetter as _getter
    except ImportError:
        from operator import itemgetter

        def _getter(index, doc):
            return property(itemgetter(index), doc=doc)

    _FIELD_DOC = "A field."

    def _standard(owner):
        # The standard library's class with the same fields: what makes and describes values is taken from it.
        return namedtuple(owner.__name__, owner._fields, defaults=owner._field_defaults.values())  # noqa: PYI024 the other is what this replaces

    class _TupleSignature:
        """What inspection asks for."""

        __slots__ = ()

        def __get__(self, instance, owner):
            import inspect

            return inspect.signature(_standard(owner))

    class _Tuple(tuple):
        """What all named tuples have."""

        __slots__ = ()
        __signature__ = _TupleSignature()
        _fields = ()
        _field_defaults = {}

        @classmethod
        def _make(cls, values):
            """Make one from its values, in order."""
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changes):
            """Return the same with other values for some fields."""
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"Got unexpected field names: {list(changes)!r}")
            return made

        __replace__ = _replace

        def _asdict(self):
            """Return the values by field."""
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            listed = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({listed})"

        def __getnewargs__(self):
            return tuple(self)

    class _MakesTuples(type):
        """Turns the body of a class into a named tuple with its methods."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.get("__annotations__", {})
            given = [field in body for field in fields]
            if given != sorted(given):
                raise TypeError(f"{name}: a field without a default follows one with a default")

            def compile_new(cls, *args, **kwargs):
                # Most classes make no value in most runs: what makes them is compiled for the first.
                made.__new__ = _standard(made).__new__
                return made.__new__(cls, *args, **kwargs)

            body["_field_defaults"] = {field: body[field] for field in fields if field in body}
            for index, field in enumerate(fields):
                body[field] = _getter(index, _FIELD_DOC)
            body["_fields"] = body["__match_args__"] = tuple(fields)
            body["__slots__"] = ()
            body["__new__"] = compile_new
            made = type(name, (_Tuple,), body)
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

    # Of this many values of a class, the standard library's way to make them pays for its import.
    _MADE_OFTEN = 2000

    class _Data:
        """What all data classes have."""

        __slots__ = ()
        __match_args__ = ()
        _fields = ()
        _defaults = {}
        _is_frozen = False
        _made = 0

        def __init__(self, **values):
            owner = type(self)
            owner._made += 1
            if owner._made == _MADE_OFTEN:
                owner.__init__ = _twin(owner).__init__
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
