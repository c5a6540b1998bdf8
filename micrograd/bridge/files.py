"""An MLP in a file: plain JSON, so that whoever opens it can read it, and loading it runs nothing.

    {"format": "micrograd", "version": 1,
     "layers": [{"activation": "relu", "weights": [[0.5, -1.0], [0.25, 2.0]], "biases": [0.0, 0.1]},
                {"activation": null, "weights": [[1.0, -1.0]], "biases": [0.0]}]}

The weights have a row for each neuron, with a number for each of its inputs: so they say the network's shape as well.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn

from micrograd.bridge.writing import write_whole
from micrograd.engine import Value
from micrograd.nn import ACTIVATIONS, MLP, Layer, Module, Neuron

FORMAT, VERSION = 'micrograd', 1
MOST_BYTES, MOST_THINGS = 8_000_000, 400_000  # with these, no file makes `load` take much time or memory
MOST_DEEP = 100  # where a saved model has 5


class Weights(NamedTuple):
    """The numbers of a layer, with a row of weights for each neuron."""

    activation: str | None
    weights: list[list[float]]
    biases: list[float]


def save(model: MLP, path: str | os.PathLike[str]) -> None:
    """Write an MLP's weights and shape into a JSON file, which is replaced as a whole or, on an error, left as it was;
    its permissions and the links to it stay. (One with hard links is written in place.)

    TypeError for what is no MLP; ValueError for a parameter that is not finite, with its name, for a model that `load`
    could not make again: one that shares weights, or one of more than some 350,000 parameters.

    >>> model = MLP(2, [4, 1])
    >>> save(model, 'model.json')
    >>> load('model.json')([0.5, -1.0]).data == model([0.5, -1.0]).data
    True
    """
    if type(model) is not MLP:
        raise TypeError(f'save takes an MLP, not {_kind(model)}: of another Module, keep model.state_dict()')
    layers = weights_of(model.layers)
    for i, layer in enumerate(layers):
        for j, (row, bias) in enumerate(zip(layer.weights, layer.biases, strict=True)):
            for name, number in [*((f'w.{k}', w) for k, w in enumerate(row)), ('b', bias)]:
                if not math.isfinite(number):
                    raise ValueError(f'layers.{i}.neurons.{j}.{name} is {number}, which no file should keep: save the '
                                     'model before its training diverges, or train with a smaller learning rate')
    file = {'format': FORMAT, 'version': VERSION, 'layers': [layer._asdict() for layer in layers]}
    raw = json.dumps(file).encode() + b'\n'
    _check_size(raw)
    write_whole(path, raw)


def load(path: str | os.PathLike[str]) -> MLP:
    """The MLP that `save` wrote into a file; every number is the same to the last bit.

    ValueError, with the path and the place, for whatever is no such file: truncated, foreign, of a newer version,
    holding NaN or infinity; OSError where it cannot be read. Nothing in the file is ever run.

    >>> save(MLP(2, [4, 1], 'tanh'), 'model.json')
    >>> load('model.json')
    MLP of [Layer(2, 4, activation='tanh'), Layer(4, 1, activation=None)]
    """
    with open(os.fspath(path), 'rb') as file:
        raw = file.read(MOST_BYTES + 1)
    try:
        return mlp(_layers(_parsed(raw)))
    except ValueError as error:
        raise ValueError(f'{os.fsdecode(path)}: {error}') from None


def weights_of(layers: Sequence[Module]) -> list[Weights]:
    """The numbers of the layers, such as those of an MLP.

    TypeError for what is no Layer of Neurons. ValueError where layers do not fit together, the neurons of one differ in
    activation, or a parameter is the result of an operation or stands in two places: that is no plain MLP any more.
    """
    seen: set[Value] = set()

    def number(name: str, value: Value) -> float:
        if not isinstance(value, Value):
            raise TypeError(f'{name} is a Value in an MLP, not {_kind(value)}')
        if value._prev or value in seen:
            raise ValueError(f'{name} is {"the result of an operation" if value._prev else "a parameter twice"}: only '
                             'an MLP that has each of its weights for itself can be converted')
        seen.add(value)
        return Value(value.data, label=name).data  # which raises where it is no number

    found: list[Weights] = []
    for i, layer in enumerate(layers):
        if type(layer) is not Layer:
            raise TypeError(f'layers.{i} is a {_kind(layer)}: only an MLP of Layers can be converted')
        for j, neuron in enumerate(layer.neurons):
            name = f'layers.{i}.neurons.{j}'
            if type(neuron) is not Neuron:
                raise TypeError(f'{name} is a {_kind(neuron)}: only a Layer of Neurons can be converted')
            inputs = len(found[-1].biases) if found else len(layer.neurons[0].w)
            if len(neuron.w) != inputs:
                raise ValueError(f'{name} has {len(neuron.w)} weights, but {inputs} inputs')
            if neuron.activation != layer.neurons[0].activation:
                raise ValueError(f'{name} has the activation {neuron.activation!r}, but the first of its layer has '
                                 f'{layer.neurons[0].activation!r}')
        found.append(Weights(
            layer.neurons[0].activation,
            [[number(f'layers.{i}.neurons.{j}.w.{k}', w) for k, w in enumerate(neuron.w)]
             for j, neuron in enumerate(layer.neurons)],
            [number(f'layers.{i}.neurons.{j}.b', neuron.b) for j, neuron in enumerate(layer.neurons)]))
    return found


def mlp(layers: Sequence[Weights]) -> MLP:
    """The MLP with these numbers, which fit together; each of its layers has the activation that is said here."""
    model = MLP(len(layers[0].weights[0]), [len(layer.biases) for layer in layers])
    for ours, layer in zip(model.layers, layers, strict=True):
        for neuron, row, bias in zip(ours.neurons, layer.weights, layer.biases, strict=True):
            neuron.activation = layer.activation
            for parameter, number in zip([*neuron.w, neuron.b], [*row, bias], strict=True):
                parameter.data = number
    return model


def _check_size(raw: bytes) -> None:
    """ValueError for a text that is too long, or has too many numbers, lists and objects, each of which but the first
    comes after a [ a { or a comma; or more quotation marks than these can have."""
    things, quotes = sum(map(raw.count, (b'[', b'{', b','))), raw.count(b'"')
    if len(raw) > MOST_BYTES or things > MOST_THINGS or quotes > 2 * MOST_THINGS:
        raise ValueError(f'this is too large for a saved model, which has at most {MOST_BYTES:,} bytes with '
                         f'{MOST_THINGS:,} numbers and lists')


def _check_depth(raw: bytes) -> None:
    """ValueError for brackets in brackets in brackets: where the stack is short, as in a browser, the parser would end
    the whole program."""
    pieces = re.finditer(rb'(?s)"(?:[^"\\]++|\\.)*+"?|[][{}]', raw)
    steps = ({b'[': 1, b'{': 1, b']': -1, b'}': -1}.get(piece[0], 0) for piece in pieces)  # 0 for what stands in quotes
    if max(itertools.accumulate(steps), default=0) > MOST_DEEP:
        raise ValueError('this is nested too deeply for a saved model')


def _parsed(raw: bytes) -> Any:
    """The JSON in the bytes, with every number as a float; ValueError for what is none, or has NaN, infinity or a key
    twice."""
    _check_size(raw)
    _check_depth(raw)
    try:
        return json.loads(raw.decode(), parse_int=float, parse_constant=_constant, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise ValueError(f'this is no text in UTF-8, and so no saved model: {error.reason}') from None
    except json.JSONDecodeError as error:
        raise ValueError(f'this is no complete JSON, and so no saved model: {error}') from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no number that a saved model has')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict, if no key is in it twice."""
    found: dict[str, Any] = {}
    for key, thing in pairs:
        if key in found:
            raise ValueError(f'the key {reprlib.repr(key)} is there twice')
        found[key] = thing
    return found


def _layers(file: Any) -> list[Weights]:
    """The layers in what was parsed; ValueError where it is not the format at the top of this module."""
    if not isinstance(file, dict) or file.get('format') != FORMAT:
        raise ValueError(f'this is no saved model: it has no "format": "{FORMAT}"')
    version = file.get('version')
    if type(version) is not float or not version.is_integer() or version < 1:
        raise ValueError(f'the version is a whole number of at least 1, not {_shown(version)}')
    if version > VERSION:
        raise ValueError(f'this is version {version:g} of the format, and this micrograd reads up to {VERSION}: '
                         'install a newer one')
    _keys(file, ('format', 'version', 'layers'), 'the file')
    layers: list[Weights] = []
    for i, layer in enumerate(_list(file['layers'], 'layers')):
        name = f'layers[{i}]'
        if not isinstance(layer, dict):
            raise ValueError(f'{name} is an object with {", ".join(Weights._fields)}, not {_shown(layer)}')
        _keys(layer, Weights._fields, name)
        if layer['activation'] not in ACTIVATIONS:
            raise ValueError(f'{name}.activation is one of {json.dumps(ACTIVATIONS)}, not '
                             f'{_shown(layer["activation"])}')
        rows = _list(layer['weights'], f'{name}.weights')
        weights = [_numbers(row, f'{name}.weights[{j}]') for j, row in enumerate(rows)]
        biases = _numbers(layer['biases'], f'{name}.biases')
        inputs = len(layers[-1].biases) if layers else len(weights[0])
        for j, row in enumerate(weights):
            if len(row) != inputs:
                raise ValueError(f'{name}.weights[{j}] has {len(row)} numbers, but the layer has {inputs} inputs')
        if len(biases) != len(weights):
            raise ValueError(f'{name} has {len(biases)} biases, but {len(weights)} rows of weights')
        layers.append(Weights(layer['activation'], weights, biases))
    return layers


def _keys(found: dict[str, Any], expected: Iterable[str], name: str) -> None:
    missing, unexpected = set(expected) - set(found), set(found) - set(expected)
    if missing or unexpected:
        raise ValueError(f'{name} has {", ".join(expected)}; missing: {", ".join(sorted(missing)) or "none"}; '
                         f'unexpected: {reprlib.repr(sorted(unexpected)) if unexpected else "none"}')


def _list(found: Any, name: str) -> list[Any]:
    if not isinstance(found, list) or not found:
        raise ValueError(f'{name} is a list that is not empty, and not {_shown(found)}')
    return found


def _numbers(found: Any, name: str) -> list[float]:
    numbers = _list(found, name)
    for i, number in enumerate(numbers):
        if type(number) is not float or not math.isfinite(number):
            raise ValueError(f'{name}[{i}] is a finite number, not {_shown(number)}')
    return numbers


def _shown(found: Any) -> str:
    """What came instead, as JSON calls it, and not at length."""
    return {type(None): 'null', list: 'a list', dict: 'an object'}.get(type(found)) or reprlib.repr(found)


def _kind(thing: object) -> str:
    return type(thing).__name__
