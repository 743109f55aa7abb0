"""Records are what the type checker takes them for: dataclasses."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from dsec_migrate.text import records


def point(library: object) -> type:
    @library.dataclass(frozen=True)  # type: ignore[attr-defined]
    class Point:
        x: int
        y: int = 2
        names: list[str] = library.field(default_factory=list, repr=False)  # type: ignore[attr-defined]
        total: int = library.field(init=False, default=0)  # type: ignore[attr-defined]

    return Point


@records.dataclass(frozen=True)
class Base:
    first: str


@records.dataclass(frozen=True, eq=False)
class Derived(Base):
    second: str = "b"

    def __post_init__(self) -> None:
        self.__dict__["whole"] = self.first + self.second


@pytest.mark.parametrize("arguments", [((1,), {}), ((1, 5), {}), ((), {"x": 3, "names": ["n"]}), ((1, 2, ["a"]), {})])
def test_the_same_objects_as_the_library_makes(arguments: tuple[tuple[object, ...], dict[str, object]]) -> None:
    ours, theirs = (point(library)(*arguments[0], **arguments[1]) for library in (records, dataclasses))
    assert vars(ours) == vars(theirs)
    assert ours.total == theirs.total == 0
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("arguments", [((), {}), ((1, 2, [], 3), {}), ((1,), {"z": 1}), ((1,), {"x": 1})])
def test_the_same_refusals(arguments: tuple[tuple[object, ...], dict[str, object]]) -> None:
    for library in (records, dataclasses):
        with pytest.raises(TypeError):
            point(library)(*arguments[0], **arguments[1])


def test_defaults_are_not_shared() -> None:
    cls = point(records)
    cls(1).names.append("n")
    assert cls(1).names == []


def test_equality_goes_by_values_where_it_is_asked_for() -> None:
    cls = point(records)
    assert cls(1) == cls(1)
    assert cls(1) != cls(2)
    assert cls(1) != point(records)(1)
    assert hash(Base("a")) == hash(Base("a"))
    assert Derived("a") == Derived("a")  # what the base says stays


def test_a_class_takes_over_the_fields_of_its_base() -> None:
    derived = Derived("a")
    assert (derived.first, derived.second, vars(derived)["whole"]) == ("a", "b", "ab")
    assert Base("z").first == "z"
    assert repr(derived) == repr(Derived("a")) != repr(Base("a"))


def test_a_copy_with_other_values() -> None:
    copy = records.replace(Derived("a"), second="c")
    assert (type(copy), copy.first, copy.second) == (Derived, "a", "c")
    with pytest.raises(TypeError):
        records.replace(Base("a"), third="x")  # type: ignore[call-arg]


def test_records_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(Derived("a"))).second == "b"
