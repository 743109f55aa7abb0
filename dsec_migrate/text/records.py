"""Frozen dataclasses at a tenth of the start-up cost.

The type checker sees dataclasses, and proves that nothing assigns to a field of a frozen class. At run time, the
standard library's would import ``inspect`` and generate several methods for each of a hundred classes: 15 ms of every
start, a sixth. Here a class receives its ``__init__`` when its first object is created.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    from operator import attrgetter

    _MISSING = object()

    class _Field:
        """Options of one field, as in ``dataclasses.field``."""

        default = default_factory = _MISSING
        init = repr = True

        def __init__(self, special):
            self.__dict__ = special

    def field(**special):
        return _Field(special)

    def dataclass(*, frozen=False, eq=True, repr=True):  # noqa: A002
        return lambda cls: _record(cls, frozen, eq, repr)

    def _record(cls, is_frozen, has_equality, is_shown):
        fields = dict(getattr(cls, "_fields", {}))
        # the class's own annotations: from Python 3.10 on they do not include its base's
        for name in cls.__annotations__:
            given = cls.__dict__.get(name, _MISSING)
            fields[name] = given if isinstance(given, _Field) else _Field({"default": given})
            if fields[name].default is not _MISSING:
                setattr(cls, name, fields[name].default)
            elif given is not _MISSING:
                delattr(cls, name)
        cls._fields = fields
        cls.__init__ = _first_init
        if has_equality:
            cls.__eq__ = _equal
            cls.__hash__ = _hash if is_frozen else None
        if is_shown:
            cls.__repr__ = _represent
        return cls

    def _first_init(self, *arguments, **named):
        cls = next(cls for cls in type(self).__mro__ if cls.__dict__.get("__init__") is _first_init)
        cls.__init__ = _written_init(cls)
        cls.__init__(self, *arguments, **named)

    def _written_init(cls):
        parameters, lines, names = ["self"], [], {"MISSING": _MISSING}
        for name, special in cls._fields.items():
            value = name
            if special.default_factory is not _MISSING:
                names[f"make_{name}"] = special.default_factory
                value = f"make_{name}() if {name} is MISSING else {name}" if special.init else f"make_{name}()"
                parameters += [f"{name}=MISSING"] if special.init else []
            elif not special.init:
                # the class has its default, or __post_init__ sets it
                continue
            elif special.default is not _MISSING:
                names[f"default_{name}"] = special.default
                parameters.append(f"{name}=default_{name}")
            else:
                parameters.append(name)
            lines.append(f"    self.{name} = {value}\n")
        if hasattr(cls, "__post_init__"):
            lines.append("    self.__post_init__()\n")
        exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines) or '    pass'}", names)
        return names["__init__"]

    def _values(record):
        names = tuple(record._fields)
        return attrgetter(*names)(record) if names else ()

    def _equal(self, other):
        return _values(self) == _values(other) if type(self) is type(other) else NotImplemented

    def _hash(self):
        return hash(_values(self))

    def _represent(self):
        shown = (f"{name}={getattr(self, name)!r}" for name, special in self._fields.items() if special.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def replace(record, /, **changes):
        """A copy of ``record`` with some fields replaced."""
        own = {name: getattr(record, name) for name, special in record._fields.items() if special.init}
        return type(record)(**{**own, **changes})


__all__ = ["dataclass", "field", "replace"]
