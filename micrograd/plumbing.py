"""What `nn.py` need not tell: how the Values that a module holds are found, and what is said to wrong input."""

from __future__ import annotations

import itertools
import math
import operator
import sys
import warnings
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from micrograd.engine import NUMBER, Constant, Value

if TYPE_CHECKING:
    from micrograd.nn import Module

ACTIVATIONS = ('relu', 'tanh', 'sigmoid', None)


def values_in(module: Module) -> Iterator[tuple[str, Value]]:
    """Each Value that a module holds, once, with its path, in order of assignment; TypeError for a set of them."""
    seen: dict[int, Any] = {}  # by identity; kept, so that no other thing can come to have one of these
    stack: list[tuple[str, Any]] = [('', module)]
    while stack:
        name, thing = stack.pop()
        if id(thing) in seen:
            continue
        if isinstance(thing, Value):
            seen[id(thing)] = thing
            yield name, thing
        elif (children := _children(name, thing)) is not None:
            seen[id(thing)] = thing
            stack += [(f'{name}.{key}' if name else f'{key}', child) for key, child in children][::-1]


def _children(name: str, thing: Any) -> Iterable[tuple[object, Any]] | None:
    """What a module or a container holds, with its names there; None for anything else."""
    from micrograd.nn import Module  # which is built on this file

    if isinstance(thing, Module):
        return vars(thing).items()
    if isinstance(thing, Mapping):
        return thing.items()
    if isinstance(thing, (list, tuple, deque)):
        return enumerate(thing)
    if getattr(thing, 'dtype', None) == 'O':  # NumPy's arrays of objects
        return enumerate(thing.tolist() if thing.ndim else [thing.item()])
    if isinstance(thing, (set, frozenset)) and any(isinstance(item, (Value, Module)) for item in thing):
        raise TypeError(f'{name} is a set of parameters, which has no order for them: make it a list')
    return None


def warn_of_results(module: Module, values: Sequence[tuple[str, Value]]) -> None:
    """A UserWarning for each result of an operation on none of the module's leaves: a weight that no optimizer would
    move. A result of theirs is an output that the module keeps. And one for each object of another kind with Values."""
    leaves = {value for _, value in values if not value._prev}
    for name, value in values:
        if value._prev and leaves.isdisjoint(value.topological_order()):
            _warn(f'{name} of {module} is the result of an operation, not a leaf, and so no parameter: write .detach() '
                  'after it to train it')
    for name, thing in vars(module).items():
        held = vars(thing).values() if hasattr(thing, '__dict__') and not isinstance(thing, (type, Value)) else ()
        if any(isinstance(value, Value) and not value._prev and value not in leaves for value in held):
            _warn(f'{name} of {module} holds Values, but is no Module, and so they are no parameters: derive '
                  f'{type(thing).__name__} from Module to train them')


def _warn(text: str) -> None:
    """A UserWarning, where the user's code stands."""
    ours = 'micrograd.nn', __name__
    user = next(i for i in itertools.count(4) if sys._getframe(i).f_globals.get('__name__') not in ours)
    warnings.warn(text, stacklevel=user)


def inputs(module: Module, x: Any, nin: int) -> list[Value]:
    """The inputs as Values, one node each, which all neurons share; an error that says what to write for anything else.

    A single Value or number is input enough for one: it is what a layer of a single neuron returns.
    """
    if type(x) is not list:  # as mostly it is, and to ask the next questions takes longer than all the rest
        x = x.tolist() if hasattr(x, 'tolist') else x  # an array or a tensor; of no dimension, it gives a number
        if isinstance(x, (Value, NUMBER)):
            x = [x]
        elif not hasattr(x, '__getitem__') or isinstance(x, Mapping):  # an iterator, or a set, which has no order
            raise TypeError(f'{module} takes a list of {nin} inputs, not a {type(x).__name__}: write list(…) around it')
    rows = ''
    try:
        values = [xi if isinstance(xi, Value) else Constant(xi) for xi in x]
    except TypeError:
        if not any(isinstance(xi, (list, tuple)) or getattr(xi, 'ndim', 0) for xi in x):
            raise
        rows = ' rows of them'
    if rows or len(values) != nin:
        raise ValueError(f'{module} takes {nin} inputs, not {len(x)}{rows}; for many samples, call it once for each: '
                         '[model(x) for x in xs]')
    return values


def width(number: int, name: str) -> int:
    """A number of neurons or inputs, which is at least 1; NumPy's whole numbers are as good."""
    try:
        whole = operator.index(number)
    except TypeError:
        whole = 0
    if whole < 1:
        raise ValueError(f'{name} is a whole number of at least 1, not {number!r}')
    return whole


def activation_name(activation: str | None) -> str | None:
    """The name of an activation, or the ValueError that there is none of that name."""
    if activation not in ACTIVATIONS:
        raise ValueError(f'activation is one of {ACTIVATIONS}, not {activation!r}')
    return activation


def of_neurons(name: str) -> property:
    """What a layer's neurons have in common, by this name; to set it sets theirs."""
    def each(layer: Any, thing: object) -> None:
        for neuron in layer.neurons:
            setattr(neuron, name, thing)
    return property(lambda layer: getattr(layer.neurons[0], name), each)


def numbers_for(module: Module, names: Collection[str], state_dict: Mapping[str, float]) -> list[float]:
    """The number of each name in a state_dict, or an error that says which name or number is wrong."""
    if not isinstance(state_dict, Mapping):
        raise TypeError('a state_dict is a mapping of names to numbers, such as model.state_dict() returns, not '
                        f'{type(state_dict).__name__}')
    missing = [name for name in names if name not in state_dict]
    unexpected = [name for name in state_dict if name not in names]
    if missing or unexpected:
        raise ValueError(f'this state_dict is not one of {module}; missing: {_some(missing)}; unexpected: '
                         f'{_some(unexpected)}')
    for name in names:
        number = state_dict[name]
        if not isinstance(number, NUMBER):
            raise TypeError(f'{name} takes a real number, not {type(number).__name__}: write .item() after a '
                            'tensor, or .data after a Value')
        if not math.isfinite(number):
            raise ValueError(f'{name} takes a finite number, not {number}')
    return [float(state_dict[name]) for name in names]


def _some(names: Sequence[str]) -> str:
    """The first few of the names, for a message."""
    return ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '') or 'none'
