"""What to call the Values of a graph: by their labels, or else by the variables that hold them."""

from __future__ import annotations

import contextlib
import itertools
import sys
import types
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from numbers import Number
from typing import Any, NamedTuple, cast

from micrograd.engine import Constant, Value
from micrograd.nn import Module

LONGEST_NAME = 40  # characters; what is longer is cut
LONGEST_CONTAINER = 1000  # a longer list of Values is data, which nobody knows by its names
MOST_LOOKED_AT = 10_000  # things in one variable, besides what modules hold
DEEPEST = 8  # lists, dicts and objects in one another


class Way(NamedTuple):
    """How one gets from a variable to a Value in it: the variable, what one writes, and whether through a module."""

    variable: str
    path: str
    module: bool


def node_names(nodes: Iterable[Value], names: Mapping[str, object] | bool, depth: int) -> dict[Value, str]:
    """The name of each node that has one: its label, or the variable's that holds it, or the way to it from there.

    names: the variables, such as `locals()` or `dict(model.named_parameters())`; True for those of the caller `depth`
    frames up from here; False for labels only. A leaf goes by its place in a module, or in a list of leaves without
    names, rather than by a variable such as a loop leaves behind: `for p in model.parameters()`.
    """
    nodes = list(nodes)
    found = _Names({node for node in nodes if not node.label}, scope(names, depth + 1))
    return {node: name for node in nodes if (name := label_of(node) or found.best(node))}


def label_of(node: Value) -> str:
    """The label as text, which a loop's number is not; empty where there is none."""
    return str(node.label or '')


def module_paths(nodes: Iterable[Value], names: Mapping[str, object] | bool, depth: int) -> dict[Value, str]:
    """The way to each node that a module holds, such as 'model.layers.0.neurons.3.w.1', whatever the node's label.

    names and depth: as for `node_names`. Of several modules that hold a node, the way goes through the one that holds
    most of the nodes; of those, through the one with the shortest name.
    """
    found = _Names(set(nodes), scope(names, depth + 1)).ways
    return {node: ways[0].path for node, ways in found.items() if ways[0].module}


def scope(names: Mapping[str, object] | bool, depth: int) -> Mapping[str, object]:
    """The variables that `names` stands for: its own, none for False, or, for True, those `depth` frames up from here.
    """
    if isinstance(names, bool):
        frame = sys._getframe(depth + 1)
        found = {**frame.f_locals, **{name: thing for name, thing in frame.f_globals.items()
                                      if name not in frame.f_locals}} if names else {}
        return {name: thing for name, thing in found.items() if name.isidentifier()}  # not what pytest keeps there
    if isinstance(names, Mapping):
        return names
    raise TypeError(f'names is True, False, or a mapping of names such as locals(), not {type(names).__name__}')


class _Names:
    """The variables, and the ways through them, that lead to some nodes."""

    def __init__(self, nodes: set[Value], variables: Mapping[str, object]) -> None:
        things = [(name, thing) for name, thing in variables.items() if type(name) is str
                  and not name.startswith('_') and name not in ('In', 'Out')]  # IPython keeps old results in these
        self.bare: dict[Value, str] = {}
        self.ways: dict[Value, list[Way]] = {}
        self.unnamed: set[str] = set()  # the variables in which at least half of the leaves have no name of their own
        wanted = {id(node): node for node in nodes}
        named = set()
        for name, thing in things:
            if issubclass(type(thing), Value):
                named.add(id(thing))
                if id(thing) in wanted:
                    self.bare.setdefault(wanted[id(thing)], name)
        holds: Counter[str] = Counter()
        for name, thing in things if nodes else []:
            leaves = [0, 0]  # without and with a name
            with contextlib.suppress(Exception):  # whatever an object that we do not know does when it is looked at
                for value, path, module in _inside(name, thing, wanted):
                    leaves[id(value) in named] += not value._prev
                    if path:
                        self.ways.setdefault(wanted[id(value)], []).append(Way(name, path, module))
                        holds[name] += 1
            if leaves[0] and leaves[0] >= leaves[1]:
                self.unnamed.add(name)
        for ways in self.ways.values():
            ways.sort(key=lambda way: (not way.module, -holds[way.variable], len(way.path)))

    def best(self, node: Value) -> str | None:
        """What to call a node: a result by its variable, a leaf by where it lives; None where nothing leads to it."""
        bare, ways = self.bare.get(node), self.ways.get(node, [])
        if bare and not node._prev:
            ways = [way for way in ways if way.module or way.variable in self.unnamed]
        return ways[0].path if ways and not (bare and node._prev) else bare


def _inside(name: str, thing: object, wanted: Mapping[int, Value]) -> Iterator[tuple[Value, str, bool]]:
    """Each Value in a container, a module or an object; what one writes to get at it, where it is wanted, or else '';
    and whether a module lies between. What we do not know is asked for its own attributes alone."""
    if issubclass(type(thing), Value):
        return
    left = MOST_LOOKED_AT
    seen = set()
    stack: list[tuple[str, str, object, object, bool, int]] = [('{}{}', '', name, thing, False, 0)]
    while stack:
        pattern, before, key, thing, module, deep = stack.pop()
        kind = type(thing)
        if issubclass(kind, Value):
            assert isinstance(thing, Value)
            yield thing, pattern.format(before, key) if id(thing) in wanted else '', module
        elif id(thing) not in seen and (module or deep < DEEPEST):
            seen.add(id(thing))
            items = _items(thing, module)
            children = list(_attributes(thing, module).items() if items is None else items)
            left -= 0 if module else len(children)
            if left < 0:
                return
            module = module or issubclass(kind, Module)
            path = pattern.format(before, key) if children else ''
            by_key = '{}.{}' if module or items is None else '{}[{!r}]'
            stack += [(by_key, path, key, child, module, deep + 1) for key, child in reversed(children)]


def _items(thing: object, module: bool) -> Iterable[tuple[object, object]] | None:
    """What a container holds, by index or key, as the builtin types see it and not by methods of its own: nothing where
    that is much or plain numbers; None for what is no container. module: whether it is in one, which may hold much."""
    kind, items = type(thing), cast(Any, thing)
    most = sys.maxsize if module else LONGEST_CONTAINER
    if issubclass(kind, dict):
        few = dict.__len__(items) <= most
        return [(key, item) for key, item in dict.items(items) if type(key) in (str, int, float, bool)] if few else ()
    if (kind.__module__, kind.__name__) == ('numpy', 'ndarray'):
        return enumerate(items.tolist()) if items.dtype.kind == 'O' and items.ndim and items.size <= most else ()
    base: Any = next((base for base in (list, tuple, deque) if issubclass(kind, base)), None)
    if base is None:
        return None
    many = base.__len__(items)
    ends = [base.__getitem__(items, i) for i in (0, -1) if many]
    plain = all(issubclass(type(end), (Number, str)) for end in ends)
    return () if plain or many > most else enumerate(base.__iter__(items))


def _attributes(thing: object, module: bool) -> Mapping[str, object]:
    """The attributes of a module, and of an object that is in none: its own, without those that begin with _."""
    kind = type(thing)
    if not issubclass(kind, Module) and (module or issubclass(kind, (Number, str, types.ModuleType, type))):
        return {}
    try:
        own = object.__getattribute__(thing, '__dict__')
    except AttributeError:
        return {}
    if type(own) is not dict or (len(own) > LONGEST_CONTAINER and not issubclass(kind, Module)):
        return {}
    return own if issubclass(kind, Module) else {key: item for key, item in own.items() if not key.startswith('_')}


def numbered_names(nodes: Iterable[Value], names: Mapping[Value, str] | None = None) -> dict[Value, str]:
    """A name for every node: the one that it has, else its number for a constant, else v1, v2, …, whichever is free."""
    nodes = dict.fromkeys(nodes)
    names = {node: short(name).replace('\n', ' ')
             for node, name in (names or {node: label_of(node) for node in nodes if node.label}).items()}
    taken = set(names.values())
    free = (name for i in itertools.count(1) if (name := f'v{i}') not in taken)
    return {node: names.get(node) or (f'{node.data:.6g}' if isinstance(node, Constant) else next(free))
            for node in nodes}


def short(name: str) -> str:
    """A name as it is shown: cut, with an ellipsis, where it is too long."""
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME - 1] + '…'
