"""Names of secrets chosen with ``--rename``, and why one is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.planning.naming import Style, tells
from dsec_migrate.text.errors import UserError

if TYPE_CHECKING:
    from dsec_migrate.planning.needs import Need


def names(
    project: Project,
    options: Options,
    groups: Sequence[Sequence[Need]],
    reused: Sequence[str | None],
    style: Style,
    is_taken: Callable[[str, int], bool],
    values: Collection[str],
) -> dict[int, str]:
    """The chosen names by the number of the group. ``reused`` are the names of existing secrets of the project, for the
    groups that use one of them. ``values`` are what no name may reveal.

    Raises UserError if one secret is given several names, several secrets one name, or if the name is taken.
    """
    found: dict[int, str] = {}
    for number, group in enumerate(groups):
        asked = _asked(options, group)
        if not asked:
            continue
        (variable, name), *others = asked.items()
        second = next((other for other, its in others if its != name), None)
        if second is not None:
            raise _refused(
                project, f"--rename gives two names to one secret, which {variable} and {second} share", "choose one"
            )
        layer = _leading_layer(group)
        name = style.join(style.spell(layer), name) if layer else name
        known = reused[number]
        if known == name:
            continue
        if known is not None:
            what = f"--rename of {variable}: the project already has that secret, under the name {known}"
            raise _refused(project, what, "rename it in the file by hand, with all its uses")
        own = {need.holding.value.reveal() for need in group if need.holding.value is not None}
        _check_telling(project, variable, name, {*values, *own})
        if name in found.values():
            what = f"--rename: two secrets with different values or sources would be named {name}"
            raise _refused(project, what, f"rename only one of them, as in --rename {variable}={name}")
        if is_taken(name, number):
            raise _taken(project, variable, name)
        found[number] = name
    return found


def of_config(
    project: Project, options: Options, path: str, own: str, taken: Collection[str], values: Collection[str]
) -> str:
    """The name of the secret that the config at ``path`` becomes: its ``own`` if none was chosen.

    Raises UserError if the chosen one is ``taken``, or reveals one of ``values``.
    """
    name = options.name_for("", path) or own
    if name != own:
        _check_telling(project, path, name, values)
        if name in taken:
            raise _taken(project, path, name)
    return name


def _check_telling(project: Project, variable: str, name: str, values: Collection[str]) -> None:
    if tells(name, values):
        what = f"--rename of {variable}: the name would reveal the value of a secret"
        raise _refused(project, what, "names appear in the file and in logs: choose one that describes its purpose")


def _taken(project: Project, variable: str, name: str) -> UserError:
    return _refused(project, f"--rename of {variable}: the name {name} is taken", "choose another one")


def _asked(options: Options, group: Sequence[Need]) -> dict[str, str]:
    """The variables of a secret for which a name was chosen, each as ``service.VARIABLE``."""
    pairs = ((service, name) for need in group for service, name in zip(need.services, need.variables, strict=True))
    return {f"{service}.{name}": chosen for service, name in pairs if (chosen := options.name_for(service, name))}


def _leading_layer(group: Sequence[Need]) -> str:
    """The layer of a secret that no line without a layer shares: the secret with the plain name has the chosen name."""
    return group[0].layer if all(need.layer for need in group) else ""


def _refused(project: Project, what: str, advice: str) -> UserError:
    return UserError(what, str(project.source.path), help=advice)
