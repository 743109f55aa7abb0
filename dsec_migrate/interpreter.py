"""Evaluates nodes as if the operations of a plan had been done, without looking at any edited text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate import document as yaml
from dsec_migrate import project as projects
from dsec_migrate import scripts, wrapping
from dsec_migrate.changes import (
    AddMounts,
    AddVariables,
    DefineSecret,
    InText,
    LengthenBuild,
    MountOptions,
    MoveArgument,
    MoveVariable,
    NameOption,
    NamePath,
    Operation,
    ReadInScript,
    ReadInTest,
    RemoveVariable,
    RenameReset,
    WrapProgram,
)
from dsec_migrate.document import Alias, Content, Entry, Mapping, ParsedNode, Scalar, Sequence, follow
from dsec_migrate.isolation import DefineNetwork, DropConfig, DropMounts, JoinNetworks


class Interpreter:
    """``operations`` may speak of any document of a project; :meth:`data` gives a node as plain data."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.names: dict[int, str] = {}
        self.texts: dict[int, str] = {}
        self.mounts: dict[int, list[AddMounts]] = {}
        self.definitions: dict[int, list[DefineSecret]] = {}
        self.cache: dict[int, object] = {}
        self.removed: set[int] = set()
        self.added: dict[int, AddVariables] = {}
        self.builds: dict[int, LengthenBuild] = {}
        self.wrappers: dict[int, WrapProgram] = {}
        self.scripts: dict[int, list[InText]] = {}
        self.tests: dict[int, list[ReadInTest]] = {}
        self.joined: dict[int, JoinNetworks] = {}
        self.networks: dict[int, list[DefineNetwork]] = {}
        for operation in operations:
            if isinstance(operation, MoveVariable):
                self._move(operation)
            elif isinstance(operation, AddVariables):
                self.added[id(operation.slot.container)] = operation
            elif isinstance(operation, RemoveVariable):
                self.removed.add(operation.slot.key)
            elif isinstance(operation, RenameReset) and operation.slot.entry is not None:
                self.names[id(operation.slot.entry)] = operation.new_name
            elif isinstance(operation, WrapProgram):
                self.wrappers[id(operation.holder)] = operation
            elif isinstance(operation, NamePath):
                node = operation.node
                text = self.texts.get(id(node), node.value)
                self.texts[id(node)] = text.replace(operation.value.reveal(), operation.path)
            elif isinstance(operation, (ReadInScript, MoveArgument, NameOption)):
                self.scripts.setdefault(id(operation.node), []).append(operation)
            elif isinstance(operation, ReadInTest):
                self.tests.setdefault(id(operation.test), []).append(operation)
            elif isinstance(operation, AddMounts):
                self.mounts.setdefault(id(operation.holder), []).append(operation)
            elif isinstance(operation, LengthenBuild):
                self.builds[id(operation.entry)] = operation
            elif isinstance(operation, DefineSecret):
                self.definitions.setdefault(id(operation.root), []).append(operation)
            elif isinstance(operation, JoinNetworks):
                self.joined[id(operation.holder)] = operation
            elif isinstance(operation, DefineNetwork):
                self.networks.setdefault(id(operation.root), []).append(operation)
            elif isinstance(operation, DropConfig):
                self.removed.add(id(operation.entry))
            elif isinstance(operation, DropMounts):
                self.removed.update(map(id, operation.items))

    def _move(self, operation: MoveVariable) -> None:
        slot = operation.slot
        node = slot.node if operation.replaces_alias else slot.content
        if slot.entry is None:
            self.texts[id(node)] = f"{operation.new_name}={operation.value}"
        else:
            self.names[id(slot.entry)] = operation.new_name
            self.texts[id(node)] = operation.value

    def data(self, node: ParsedNode) -> object:
        if id(node) in self.texts:
            return self.texts[id(node)]
        if isinstance(node, Alias):
            return self.data(node.target)
        if id(node) not in self.cache:
            self.cache[id(node)] = self._build(node)
        return self.cache[id(node)]

    def _build(self, node: Content) -> object:
        if isinstance(node, Scalar):
            reads = self.scripts.get(id(node))
            return scripts.edited(node, reads) if reads else node.resolved()
        if isinstance(node, Sequence):
            tests = self.tests.get(id(node))
            if tests:
                return ["CMD-SHELL", scripts.joined(node, tests)]
            return [
                part for item in node.items if id(item) not in self.removed for part in self._with_added(node, item)
            ]
        merged = {name: self._value(entry) for name, entry in self._effective(node).items() if not self._is_gone(entry)}
        if id(node) in self.added:
            merged.update(self.added[id(node)].pairs)
        wrapper = self.wrappers.get(id(node))
        if wrapper is not None:
            merged.update(self._wrapped(wrapper, merged.get("entrypoint")))
        for mounts in self.mounts.get(id(node), ()):
            own = node.own(mounts.key)
            listed = follow(own.value) if own is not None else None
            kept = listed.items if isinstance(listed, Sequence) and not mounts.inherited else mounts.inherited
            items = [self.data(item) for item in kept if id(item) not in self.removed]
            merged[mounts.key] = [*items, *(_mount_data(name, options) for name, options in mounts.items)]
        definitions = self.definitions.get(id(node))
        if definitions:
            existing = merged.get("secrets")
            known = existing if isinstance(existing, dict) else {}
            merged["secrets"] = {**known, **{one.secret.name: one.as_data() for one in definitions}}
        if (join := self.joined.get(id(node))) is not None:
            merged["networks"] = _joined(join, merged.get("networks"))
        if id(node) in self.networks:
            networks = merged.get("networks")
            known = networks if isinstance(networks, dict) else {}
            merged["networks"] = {**known, **{one.name: one.as_data() for one in self.networks[id(node)]}}
        return merged

    def _with_added(self, node: Sequence, item: ParsedNode) -> Iterator[object]:
        added = self.added.get(id(node))
        if added is not None and added.slot.node is item:
            yield from (f"{name}={value}" for name, value in added.pairs)
        yield self.data(item)

    def _value(self, entry: Entry) -> object:
        build = self.builds.get(id(entry))
        if build is None:
            return self.data(entry.value)
        lists = {key: [_mount_data(*item) for item in items] for key, items in build.lists.items()}
        return {"context": self.data(entry.value), **lists}

    def _name(self, entry: Entry) -> str:
        named = self.scripts.get(id(entry.key))
        if named and isinstance(entry.key, Scalar):
            return scripts.edited(entry.key, named)
        return self.names.get(id(entry), entry.name)

    def _is_gone(self, entry: Entry) -> bool:
        """Whether the entry is removed, or all of a block that is its value and nobody else's."""
        if not self.removed:
            return False
        block = entry.value
        parts = block.entries if isinstance(block, Mapping) else block.items if isinstance(block, Sequence) else ()
        is_empty = bool(parts) and all(id(part) in self.removed for part in parts)
        return id(entry) in self.removed or (is_empty and block.anchor is None)

    def _wrapped(self, wrapper: WrapProgram, before: object) -> Iterator[tuple[str, object]]:
        """The keys of a service that its wrapper changes."""
        if wrapper.script is not None and isinstance(before, list):
            earlier, _, _ = str(before[2]).rpartition(wrapping.LAST_LINE.replace("$", "$$"))
            added = wrapping.script(wrapper.variables, arguments=wrapper.arguments).replace("$", "$$")
            yield "entrypoint", [*before[:2], earlier + added, *before[3:]]
            return
        text = wrapping.script(wrapper.variables, wrapper.comment, wrapper.arguments).replace("$", "$$")
        # the words of an earlier entrypoint may change in other ways
        words = before if isinstance(before, list) else list(wrapper.entrypoint)
        yield "entrypoint", [wrapper.shell, wrapping.OPTIONS, text, wrapping.NAME, *words]
        if wrapper.command is not None:
            yield "command", list(wrapper.command)

    def _effective(self, node: Mapping) -> dict[str, Entry]:
        """As :meth:`Mapping.effective`, with the new names and with lists of mounts that a merge key brings."""
        merged: dict[str, Entry] = {}
        sources: list[Mapping] = []
        for entry in node.entries:
            if yaml.is_merge_key(entry.key):
                sources.extend(yaml.merge_sources(entry.value))
            elif entry.name and entry.value.tag != projects.RESET:
                merged[self._name(entry)] = entry
        for source in sources:
            inherited = self._effective(source)
            if id(source) in self.mounts:
                inherited = {**inherited, "secrets": _Inherited(self, source, "secrets")}
            if (wrapper := self.wrappers.get(id(source))) is not None:
                keys = ("entrypoint",) if wrapper.command is None else ("entrypoint", "command")
                inherited = {**inherited, **{key: _Inherited(self, source, key) for key in keys}}
            for name, entry in inherited.items():
                merged.setdefault(name, entry)
        return merged


class _Inherited(Entry):
    """The list (of mounts, or of words) that a merged mapping is going to have."""

    __slots__ = ()

    def __init__(self, interpreter: Interpreter, source: Mapping, key: str) -> None:
        data = interpreter.data(source)
        node = Sequence(0, 0, 0, None, None, flow=False)
        interpreter.cache[id(node)] = data[key] if isinstance(data, dict) else []
        super().__init__(Scalar(0, 0, 0, None, None, key, ""), node, source)


def _joined(join: JoinNetworks, before: object) -> object:
    """The ``networks:`` of a service, in the form that it has."""
    if join.holder.own("networks") is None or before is None:
        return list(join.listed)
    if isinstance(before, dict):
        return {**({} if join.is_instead else before), **dict.fromkeys(join.names)}
    return [*(before if isinstance(before, list) and not join.is_instead else ()), *join.names]


def _mount_data(name: str, options: MountOptions) -> object:
    data = options.as_data()
    return {"source": name, **data} if data else name
