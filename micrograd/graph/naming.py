"""What to call the Values of a graph: by their labels, or else by the variables that hold them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping

from micrograd.engine import Constant, Value
from micrograd.nn import Module

LONGEST_NAME = 40  # characters; what is longer is cut
LONGEST_CONTAINER = 1000  # a longer list of Values is data, which nobody knows by its names


def node_names(nodes: Iterable[Value], names: Mapping[str, object] | bool, depth: int) -> dict[Value, str]:
    """The name of each node that has one: its label, or the variable's that holds it.

    names: the variables, such as `locals()` or `dict(model.named_parameters())`; True for those of the caller `depth`
    frames up from here; False for labels only.
    """
    if names is True:
        frame = sys._getframe(depth + 1)
        scopes = [*frame.f_locals.items(), *(item for item in frame.f_globals.items() if item[0] not in frame.f_locals)]
        names = {name: thing for name, thing in scopes if name.isidentifier()}  # not what pytest and others keep there
    variables = _variables(names or {})
    return {node: name for node in nodes if (name := node.label or variables.get(node))}


def _variables(namespace: Mapping[str, object]) -> dict[Value, str]:
    """The first variable of each Value in a namespace, else the shortest way to it through a list, dict or module."""
    things = [(name, thing) for name, thing in namespace.items()
              if not name.startswith('_') and name not in ('In', 'Out')]  # IPython keeps old results in these
    names: dict[Value, str] = {}
    for name, thing in things:
        if isinstance(thing, Value):
            names.setdefault(thing, name)
    ways = [(path, value) for name, thing in things for value, path in _inside(name, thing, levels=2)]
    for path, value in sorted(ways, key=lambda way: len(way[0])):
        names.setdefault(value, path)
    return names


def _inside(name: str, thing: object, levels: int) -> Iterable[tuple[Value, str]]:
    """The Values in a container or a module, with what one writes to get at them."""
    if isinstance(thing, Value):
        yield thing, name
    elif isinstance(thing, Module):
        for path, parameter in thing.named_parameters():
            yield parameter, f'{name}.{path}'
    elif isinstance(thing, (list, tuple, dict)) and levels and len(thing) <= LONGEST_CONTAINER:
        for key, item in thing.items() if isinstance(thing, dict) else enumerate(thing):
            yield from _inside(f'{name}[{key!r}]', item, levels - 1)


def numbered_names(nodes: Iterable[Value], names: Mapping[Value, str] | None = None) -> dict[Value, str]:
    """A name for every node: the one that it has, else its number for a constant, else v1, v2, …, whichever is free."""
    nodes = list(nodes)
    names = {node: short(name).replace('\n', ' ')
             for node, name in (names or {node: node.label for node in nodes if node.label}).items()}
    taken = set(names.values())
    free = (name for i in itertools.count(1) if (name := f'v{i}') not in taken)
    return {node: names.get(node) or (f'{node.data:.6g}' if isinstance(node, Constant) else next(free))
            for node in nodes}


def short(name: str) -> str:
    """A name as it is shown: cut, with an ellipsis, where it is too long."""
    return name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME - 1] + '…'
