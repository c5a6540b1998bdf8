"""Saving and loading: exact, all or nothing, and a clear error for whatever else a file may hold."""

import copy
import json
import math
import os
import random
import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micrograd import Value
from micrograd.bridge import files
from micrograd.bridge.files import load, save
from micrograd.nn import MLP, Layer, Module

ACTIVATIONS = st.sampled_from(['relu', 'tanh', 'sigmoid', None])
FILE = {'format': 'micrograd', 'version': 1, 'layers': [
    {'activation': 'tanh', 'weights': [[0.5, -1.0], [0.25, 2]], 'biases': [0.0, 1e-300]},
    {'activation': None, 'weights': [[1.0, -0.1]], 'biases': [-0.0]}]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'model.json'


def numbers(model):
    """Its parameters, to the last bit and to the sign of a zero."""
    return {name: number.hex() for name, number in model.state_dict().items()}


def written(path, file):
    """A path with that text, or those bytes, or that as JSON."""
    raw = file if isinstance(file, bytes) else (file if isinstance(file, str) else json.dumps(file)).encode()
    path.write_bytes(raw)
    return path


def edited(*way, **new):
    """The good file with one thing in it changed: at the end of a way of keys."""
    file = copy.deepcopy(FILE)
    place = file
    for key in way:
        place = place[key]
    place.update(new)
    return file


# what is saved comes back

@given(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=4), ACTIVATIONS, ACTIVATIONS, st.data())
def test_a_network_comes_back_to_the_last_bit(tmp_path_factory, nin, nouts, activation, final_activation, data):
    model = MLP(nin, nouts, activation, final_activation)
    for parameter in model.parameters():
        parameter.data = data.draw(st.floats(allow_nan=False, allow_infinity=False))
    path = tmp_path_factory.getbasetemp() / 'model.json'
    save(model, path)
    again = load(path)
    assert numbers(again) == numbers(model)
    assert f'{again}' == f'{model}'
    assert [n.activation for layer in again.layers for n in layer.neurons] == [
        n.activation for layer in model.layers for n in layer.neurons]


def test_a_loaded_network_computes_the_same(path):
    model = MLP(2, [3, 2], 'sigmoid', 'tanh')
    save(model, path)
    assert [v.data for v in load(path)([0.3, -2.0])] == [v.data for v in model([0.3, -2.0])]


def test_the_file_is_plain_json_with_a_version(path):
    model = MLP(2, [2, 1], 'tanh')
    for parameter, number in zip(model.parameters(), [0.5, -1, 0.0, 0.25, 2.0, 1e-300, 1.0, -0.1, -0.0], strict=True):
        parameter.data = float(number)
    save(model, f'{path}')
    assert json.loads(path.read_text()) == FILE
    assert numbers(load(written(path, FILE))) == numbers(model)


def test_whole_numbers_and_other_spacing_are_as_good(path):
    assert numbers(load(written(path, json.dumps(FILE, indent=4).replace('0.0', '0')))) == numbers(
        load(written(path, FILE)))


def test_a_missing_folder_is_an_error_about_the_path_that_was_asked_for(tmp_path):
    path = tmp_path / 'none' / 'model.json'
    with pytest.raises(FileNotFoundError, match='none') as caught:
        save(MLP(1, [1]), path)
    assert caught.value.filename == f'{path}'
    with pytest.raises(FileNotFoundError, match='none'):
        load(path)
    with pytest.raises(IsADirectoryError):
        save(MLP(1, [1]), tmp_path)
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    for attempt in (lambda: save(MLP(1, [1]), 1_000_000), lambda: load(1_000_000)):  # it would be an open file's number
        with pytest.raises(TypeError, match='not int'):
            attempt()


# what cannot be saved

@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('name', ['layers.0.neurons.1.w.2', 'layers.1.neurons.0.b'])
def test_a_number_that_is_not_finite_is_refused_by_name_before_anything_is_written(path, name, number):
    model = MLP(3, [2, 1])
    save(model, path)
    before = path.stat()
    dict(model.named_parameters())[name].data = number
    with pytest.raises(ValueError, match=rf'^{name} is {number}, which'):
        save(model, path)
    assert path.stat() == before
    assert os.listdir(path.parent) == ['model.json']


class Own(Module):
    def __init__(self):
        self.w = Value(1.0)


@pytest.mark.parametrize('thing', [Own(), Layer(1, 1), Value(1.0), {'w': 1.0}])
def test_only_an_mlp_is_saved(path, thing):
    with pytest.raises(TypeError, match=rf'save takes an MLP, not {type(thing).__name__}: .*state_dict\(\)'):
        save(thing, path)
    assert not path.exists()


def test_shared_weights_are_refused(path):
    model = MLP(2, [2, 2])
    model.layers[1].neurons[0].w = model.layers[0].neurons[0].w
    with pytest.raises(ValueError, match=r'layers\.1\.neurons\.0\.w\.0 is a parameter twice'):
        save(model, path)


def test_what_would_be_too_large_to_load_is_not_saved(path, monkeypatch):
    model = MLP(10, [10])
    save(model, path)
    monkeypatch.setattr(files, 'MOST_BYTES', path.stat().st_size)
    save(model, path)
    assert numbers(load(path)) == numbers(model)
    for limit, number in (('MOST_BYTES', path.stat().st_size - 1), ('MOST_THINGS', 110)):
        monkeypatch.undo()
        monkeypatch.setattr(files, limit, number)
        for attempt in (lambda: save(model, path), lambda: load(path)):
            with pytest.raises(ValueError, match='too large for a saved model'):
                attempt()


# what cannot be loaded

@pytest.mark.parametrize('file, message', [
    ('', 'no complete JSON'), ('{', 'no complete JSON'), (json.dumps(FILE)[:-1], 'no complete JSON'),
    (json.dumps(FILE) + '}', 'no complete JSON'), (b'\x80\x04K\x01.', 'no text in UTF-8'),
    ('\ufeff{}', 'no complete JSON'), (b'\x00' * 100, 'no complete JSON'), ('é'.encode('latin-1'), 'no text in UTF-8'),
    ('[' * 100_000, 'nested too deeply'), ('{"a":' * 90_000, 'nested too deeply'),
    ('["' + ']' * 90_000 + '",' + '[' * 90_000, 'nested too deeply'), ('{}' * 20_000, 'no complete JSON'),
    ('1' * 10_000, 'no "format": "micrograd"'), ('"x"', 'no "format"'), ('[]', 'no "format"'), ('null', 'no "format"'),
    ({}, 'no "format"'), ({'format': 'onnx', 'version': 1}, 'no "format"'), ({'format': ['micrograd']}, 'no "format"'),
    (edited(version=2), r'version 2 of the format, .* up to 1: install a newer one'),
    ({'format': 'micrograd', 'version': 10**30, 'what': 'ever'}, r'version 1e\+30 of'),
    *((edited(version=v), 'version is a whole number of at least 1, not ')
      for v in (0, -1, 1.5, '1', True, None, [1], {}, 10**400)),
    ({'format': 'micrograd'}, 'version is a whole number of at least 1, not null'),
    ('{"format": "micrograd", "version": 1, "version": 1}', "the key 'version' is there twice"),
    (json.dumps(FILE).replace('"biases"', '"activation"', 1), "the key 'activation' is there twice"),
    ({'format': 'micrograd', 'version': 1}, 'missing: layers; unexpected: none'),
    (edited(extra=1), r"missing: none; unexpected: \['extra'\]"),
    (edited('layers', 0, w=1), r"layers\[0\] has .*missing: none; unexpected: \['w'\]"),
    *((edited(layers=v), 'layers is a list that is not empty, and not ') for v in ([], {}, None, 1, 'x', {'0': 1})),
    (edited(layers=[1]), r'layers\[0\] is an object with activation, weights, biases, not 1\.0'),
    *((edited('layers', 0, activation=v), r'layers\[0\]\.activation is one of \["relu", "tanh", "sigmoid", null\], not')
      for v in ('gelu', 1, True, [], {}, 'x' * 10_000)),
    *((edited('layers', 1, weights=v), r'layers\[1\]\.weights is a list that is not empty') for v in ([], None, 1, {})),
    *((edited('layers', 1, weights=[v]), r'layers\[1\]\.weights\[0\] is a list') for v in ([], None, 1, 'ab', {})),
    *((edited('layers', 1, weights=[[1.0, v]]), r'layers\[1\]\.weights\[0\]\[1\] is a finite number, not ')
      for v in (None, True, '1', [1.0], {}, 10**400)),
    *((edited('layers', 0, biases=v), r'layers\[0\]\.biases') for v in (None, [], 1, [1.0, 'x'], [1.0, True])),
    (edited('layers', 0, biases=[1.0]), r'layers\[0\] has 1 biases, but 2 rows of weights'),
    (edited('layers', 0, weights=[[1.0, 2.0], [1.0]]), r'layers\[0\]\.weights\[1\] has 1 numbers, but .* 2 inputs'),
    (edited('layers', 1, weights=[[1.0] * 3]), r'layers\[1\]\.weights\[0\] has 3 numbers, but .* 2 inputs'),
    (edited('layers', 0, biases=[0.0, math.nan]), 'NaN is no number'),
    (edited('layers', 0, biases=[0.0, math.inf]), 'Infinity is no number'),
    (edited('layers', 0, biases=[0.0, -math.inf]), '-Infinity is no number'),
    (json.dumps(FILE).replace('1e-300', '1e999'), r'layers\[0\]\.biases\[1\] is a finite number, not inf'),
    (edited(**{'\ud800\n': 1}), r"unexpected: \['\\ud800\\n'\]"),
])
def test_another_file_is_an_error_that_says_what_and_where(path, file, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(written(path, file))
    assert f'{caught.value}'.startswith(f'{path}: ')
    assert len(f'{caught.value}') < len(f'{path}') + 250
    f'{caught.value}'.encode()  # it can be printed


def test_a_truncated_file_is_an_error_wherever_it_ends(path):
    whole = json.dumps(FILE).encode()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match='no complete JSON'):
            load(written(path, whole[:length]))


@given(st.data())
def test_a_file_with_some_bytes_changed_is_loaded_or_an_error(tmp_path_factory, data):
    raw = bytearray(json.dumps(FILE).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place, byte = st.integers(0, len(raw) - 1), st.sampled_from(b'0123456789.-eE+[]{}",:truN\x00\xff\n')
        raw[data.draw(place)] = data.draw(byte)
    is_loaded_or_an_error(written(tmp_path_factory.getbasetemp() / 'model.json', bytes(raw)))


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))


@given(JSON, st.sampled_from([(), ('layers', 0), ('layers', 1)]), st.sampled_from([
    'format', 'version', 'layers', 'activation', 'weights', 'biases']))
@example([[1.0]], ('layers', 1), 'weights')
def test_a_file_with_anything_in_one_place_is_loaded_or_an_error(tmp_path_factory, thing, way, key):
    path = tmp_path_factory.getbasetemp() / 'model.json'
    is_loaded_or_an_error(written(path, edited(*way, **{key: thing})))


def is_loaded_or_an_error(path):
    try:
        model = load(path)
    except ValueError as error:
        assert f'{error}'.startswith(f'{path}: ')
    else:
        assert all(math.isfinite(number) for number in model.state_dict().values())
        save(model, path)
        assert numbers(load(path)) == numbers(model)


@pytest.mark.parametrize('unit', ['[],', '{},', '0,', '[0.5],', '{"a":0},', '1.5e-7,', f'"{"é" * 5}€",'])
def test_no_file_takes_much_time_or_memory(path, unit):
    """Neither a file that is too large, nor the worst that is just not."""
    marks = sum(map(unit.count, '[{,'))
    for count, message in ((files.MOST_BYTES // 3, 'too large'),
                           (files.MOST_THINGS // marks - 100, 'is a finite number|biases')):
        things = (unit * count)[:-1]
        written(path, json.dumps(FILE)[:-len('-0.0]}]}')] + things + ']}]}')
        tracemalloc.start()
        began = time.process_time()
        with pytest.raises(ValueError, match=message):
            load(path)
        assert time.process_time() - began < 3
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 200e6


def test_a_larger_file_is_not_even_read(path):
    with open(path, 'wb') as file:
        file.truncate(2**40)  # a hole, which takes no room on the disk
    with pytest.raises(ValueError, match=r'too large for a saved model, .* at most 8,000,000 bytes'):
        load(path)


def test_nothing_in_a_file_is_run(path, monkeypatch):
    import pickle
    ran = []
    monkeypatch.setattr(os, 'system', ran.append)

    class Bomb:
        def __reduce__(self):
            return os.system, ('x',)

    for raw in (pickle.dumps(Bomb(), 0), pickle.dumps(Bomb()), b'__import__("os").system("x")',
                json.dumps(edited('layers', 0, activation='__class__')).encode(),
                json.dumps(edited('layers', 0, activation='backward')).encode(),
                json.dumps(edited(__reduce__=['os.system', 'x'], py_object='os.system')).encode()):
        with pytest.raises(ValueError):
            load(written(path, raw))
    assert ran == []


def test_a_large_network_is_saved_and_loaded(path):
    random.seed(1)
    model = MLP(100, [100, 100, 10])
    save(model, path)
    assert numbers(load(path)) == numbers(model)
    assert len(model.parameters()) == 21_210
