"""The playground: what it takes, its page as text, and its training in Node against micrograd.optim."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from browser import Scripts
from playgrounds import Moons, data_of, moons, trained, trainer_of

import micrograd.show.playground
from micrograd import Value, playground
from micrograd.losses import binary_cross_entropy_with_logits, mse_loss
from micrograd.nn import MLP, Module
from micrograd.show.drawing import Drawing
from micrograd.show.playground import SCRIPTS

RUN = '''
const trainer = new Trainer(LOSS, data);
trainer.advance({epoch: epochs});
return [trainer.p, trainer.history.map(entry => entry.train), trainer.history.map(entry => entry.test), trainer.trouble,
        trainer.steps, trainer.a, trainer.b];
'''


def line(**options):
    """The playground of y = w x + b on three points."""
    x, y, w, b = (Value(0.5, label=name) for name in 'xywb')
    options = {'data': [[1, 2, 3], [2, 4, 7]], **options}
    answer = w * x + b
    return playground((answer - y)**2, [x, y], [w, b], predict=answer, **options)


# ---- Training, as micrograd.optim does it ----

@pytest.mark.parametrize('batch_size', [100, 7])
@pytest.mark.parametrize(('optimizer', 'lr'), [('sgd', 0.1), ('momentum', 0.02), ('adam', 0.01)])
def test_the_first_hundred_epochs_are_those_of_optim(optimizer, lr, batch_size, node):
    network = Moons()
    page = network.playground(optimizer=optimizer, lr=lr, batch_size=batch_size)
    found = node.evaluate(trainer_of(page) + RUN, data=data_of(page), epochs=100)
    assert found[1] == pytest.approx(trained(network, optimizer, 100, page, batch_size, lr), rel=1e-9)
    assert found[0] == pytest.approx([value.data for value in network.params], rel=1e-9, abs=1e-9)
    assert found[3:5] == ['', 100 * math.ceil(100 / batch_size)]
    assert found[1][-1] < 0.5 * found[1][0]


def test_an_optimizer_keeps_what_it_remembers(node):
    page = line(optimizer='adam', lr=0.1)
    [p, _, _, _, _, means, squares] = node.evaluate(trainer_of(page) + RUN, data=data_of(page), epochs=1)
    gradient = np.mean([2 * (0.5 * x + 0.5 - y) * x for x, y in zip([1, 2, 3], [2, 4, 7], strict=True)])
    assert (means[0], squares[0]) == (pytest.approx(0.1 * gradient), pytest.approx(0.001 * gradient**2))
    assert p == [pytest.approx(0.6), pytest.approx(0.6)]  # Adam's first step is lr


def test_the_test_samples_are_not_trained_on(node):
    page = Moons(count=20).playground(test=0.25)
    data = data_of(page)
    assert (len(data['train']), len(data['test'])) == (15, 5)
    assert sorted(data['train'] + data['test']) == sorted(map(list, zip(*moons(20), strict=True)))
    _, train, test, *_ = node.evaluate(trainer_of(page) + RUN, data=data, epochs=3)
    data['test'] = data['train']
    again = node.evaluate(trainer_of(page) + RUN, data=data, epochs=3)
    assert again[1] == train
    assert again[2] == pytest.approx(train)  # of a whole batch the loss is known before its step
    assert test != train


def test_a_loss_that_diverges_stops_with_finite_parameters(node):
    page = line(lr=1e3)
    p, losses, _, trouble, steps, *_ = node.evaluate(trainer_of(page) + RUN, data=data_of(page), epochs=500)
    assert trouble in ('the loss', 'a gradient', 'a parameter')
    assert len(losses) == steps < 100
    assert all(isinstance(number, float) for number in p)
    assert losses[-1] > 1e100


def test_samples_that_come_and_go_have_a_place_in_each_order(node):
    page = line()
    orders = node.evaluate(trainer_of(page) + '''
        const trainer = new Trainer(LOSS, data), seen = [];
        for (let i = 0; i < 5; i++) trainer.add(Float64Array.of(i, i));
        seen.push([...trainer.ordered()]);
        trainer.remove(1);
        seen.push([...trainer.ordered()]);
        return seen;''', data=data_of(page))
    assert [sorted(order) for order in orders] == [[*range(8)], [*range(7)]]


def test_long_histories_stay_short(node):
    page = line(lr=1e-6)
    count, *epochs = node.evaluate(trainer_of(page) + '''
        const trainer = new Trainer(LOSS, data);
        trainer.advance({epoch: 5000});
        return [trainer.history.length, ...trainer.snapshots.map(({epoch}) => epoch)];''', data=data_of(page))
    assert 500 <= count <= 1001
    assert epochs == list(range(0, 5001, epochs[1]))
    assert 100 <= len(epochs) <= 200


# ---- What the page knows ----

def test_the_orders_stand_in_the_page_and_follow_the_seed():
    page, same, other = (Moons(count=30).playground(seed=seed) for seed in (1, 1, 2))
    assert page.orders == same.orders != other.orders
    assert [list(order) for order in page.orders] == data_of(page)['orders']
    assert len(page.orders) == 100 and all(sorted(order) == [*range(30)] for order in page.orders)


def test_features_targets_and_names():
    data = data_of(Moons().playground())
    assert (data['inputs'], data['features'], data['targets']) == (['x1', 'x2', 'y'], [0, 1], [2])
    assert data['names'][:2] == ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1']
    assert len(data['names']) == len(data['numbers']) == 337
    assert [len(layer['neurons']) for layer in data['layers']] == [16, 16, 1]
    places = [i for layer in data['layers'] for neuron in layer['neurons'] for i in [*neuron['w'], neuron['b']]]
    assert sorted(places) == [*range(337)]
    shown = [neuron['shown'] for layer in data['layers'] for neuron in layer['neurons']]
    assert sorted(shown) == [*range(33)]
    assert shown[-1] == 0  # the answer itself


@pytest.mark.parametrize(('widths', 'activation'), [
    ((3, 2, 1), 'relu'), ((3, 2, 1), 'tanh'), ((3, 2, 1), 'sigmoid'), ((50, 50, 1), 'tanh')])
def test_the_neurons_of_the_view_are_those_of_the_network(widths, activation, node):
    network = Moons(widths, activation=activation)
    page = network.playground()
    data, script = data_of(page), Scripts(page.html).scripts[1]
    view = script[script.index('const VIEW'):script.index('// Training:')]
    found = node.evaluate(view + 'const g = new Float64Array(count); VIEW(x, p, g); return g;', x=[0.3, -0.7],
                          p=data['numbers'], count=data['shown'])
    layers = [[Value(0.3), Value(-0.7)]]
    for layer in network.model.layers:
        layers.append([neuron(layers[-1]) for neuron in layer.neurons])
    for layer, values in zip(data['layers'], layers[1:], strict=True):
        for neuron, value in zip(layer['neurons'], values, strict=True):
            assert found[neuron['shown']] == pytest.approx(value.data, rel=1e-12)


def test_the_answer_of_a_network_is_known_without_being_told():
    network = Moons()
    page = playground(network.loss, network.inputs, network.params, network.data, model=network.model)
    assert data_of(page)['predict'] and data_of(page)['features'] == [0, 1]


@pytest.mark.parametrize(('loss', 'targets', 'expected'), [
    (lambda s, y: (1 - s * y).relu(), [-1, 1], [0, 1]), (mse_loss, [0, 1], [0.5, 0.5]), (mse_loss, [-1, 1], [0, 1]),
    (binary_cross_entropy_with_logits, [0, 1], [0, 2]), (mse_loss, [0, 1, 2], None),
    (lambda s, y: -(y * s.sigmoid().log() + (1 - y) * (1 - s.sigmoid()).log()), [0, 1], [0, 2]),
])
def test_the_answer_between_two_classes(loss, targets, expected):
    x, y, w = Value(0.3, label='x'), Value(1.0, label='y'), Value(0.5, label='w')
    answer = w * x
    page = playground(loss(answer, y), [x, y], [w], [[0.1] * len(targets), targets], answer)
    assert data_of(page)['middle'] == expected


def test_a_module_of_ones_own_and_fixed_parameters():
    class Model(Module):
        def __init__(self):
            self.slope, self.offset = Value(2.0), Value(1.0)

    model, x = Model(), Value(0.0, label='x')
    page = playground((model.slope * x + model.offset)**2, [x], [model.slope], [[1, 2]], model=model)
    assert data_of(page)['state'] == [0, ['offset', None, 1.0]]
    assert data_of(page)['layers'] == []


def test_without_a_dot_to_draw_with_there_is_no_picture(monkeypatch):
    assert '<svg role' in line().html and data_of(line())['cards']

    def pipe(*_, **__):
        raise RuntimeError('there is no `dot`')

    monkeypatch.setattr(Drawing, 'pipe', pipe)
    assert '<svg role' not in line().html and data_of(line())['cards'] == []


def test_data_of_every_kind():
    for data in ([np.array([1, 2, 3]), np.array([2.0, 4.0, 7.0])], [range(1, 4), (2, 4, 7)], ([1, 2, 3], [2, 4, 7])):
        assert data_of(line(data=data))['train'] == [[1, 2], [2, 4], [3, 7]]
    assert data_of(line(data=[[1, 2], 5]))['train'] == [[1, 5], [2, 5]]
    w = Value(1.0, label='w')
    assert data_of(playground(w * w, [], [w], []))['train'] == [[]]  # a loss of nothing but parameters


HOSTILE = ['</script><script>alert(1)</script>', '<!--', '<!-- <script>', '\u2028', '{{js}}', '"\'&amp;', '\\',
           '__proto__', 'a{b}|<c>', '<img src=x onerror=alert(1)>', ']]>', '$&', 'naïve ŷ 変数', '\ud800', '-']


@pytest.mark.parametrize('label', HOSTILE)
def test_labels_stay_inside_their_script(label, tmp_path):
    x, w = Value(1.0, label=label), Value(1.0, label=f'{label} w')
    loss = w * x
    loss.label = label
    made = playground(loss, [x], [w], [[1.0, 2.0]], loss)
    made.save(tmp_path / 'page.html')
    page = made.html
    parsed = Scripts(page)
    assert [tag for tag, _ in parsed.tags].count('script') == 2
    assert json.loads(parsed.scripts[0])['inputs'] == [label]
    assert not any(name.startswith('on') for _, attributes in parsed.tags for name in attributes)
    assert page.count('const DATA') == 1


def test_the_page_names_no_address():
    addresses = set(re.findall(r'(?:https?:)?//[a-z][^\s"\'<>)]*', re.sub(r'^\s*//.*$', '', line().html, flags=re.M)))
    assert addresses <= {'http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink'}
    assert "default-src 'none'" in line().html


def test_the_graph_stays_as_it_is():
    network = Moons((3, 1))
    before = [(v.data, v.grad, v.label) for v in network.loss.topological_order()]
    network.playground(optimizer='adam')
    assert [(v.data, v.grad, v.label) for v in network.loss.topological_order()] == before


def test_files_of_the_page_are_short():
    paths = list(Path(micrograd.show.playground.__file__).parent.glob('*.js'))
    assert {path.name for path in paths} == set(SCRIPTS)
    assert all(len(path.read_text(encoding='utf-8').splitlines()) <= 400 for path in paths)


# ---- What it refuses ----

@pytest.mark.parametrize(('options', 'error', 'message'), [
    ({'data': [[1, 2, 3]]}, ValueError, r'data has the numbers of each of the 2 inputs \(x, y\), but there are 1 seq'),
    ({'data': list(zip([1, 2, 3], [4, 5, 6], strict=True))}, ValueError, r'list\(zip\(\*samples\)\)'),
    ({'data': [[1, 2, 3], [1, 2]]}, ValueError, 'x has 3, y has 2'),
    ({'data': [[], []]}, ValueError, 'there are no samples in data'),
    ({'data': [[1, math.nan], [1, 2]]}, ValueError, 'x in data is nan for sample 1'),
    ({'data': [[1, 2], math.inf]}, ValueError, 'y in data is inf'),
    ({'data': [[1, 'two'], [1, 2]]}, TypeError, 'x in data is a number, or a sequence of numbers'),
    ({'test': 1.0}, ValueError, 'a share of it from 0 to below 1, not 1.0'),
    ({'test': [[1.0], [math.nan]]}, ValueError, 'y in test is nan for sample 0'),
    ({'optimizer': 'Adam'}, ValueError, "one of .*, not 'Adam'"),
    ({'lr': 0}, ValueError, 'lr is a finite number above 0, not 0'),
    ({'momentum': 1.0}, ValueError, 'momentum is from 0 to below 1, not 1.0'),
    ({'batch_size': 0}, ValueError, 'batch_size is a whole number of at least 1, or None, not 0'),
    ({'max_operations': 3}, ValueError, 'this graph has 4 operations, more than max_operations=3'),
])
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        line(**options)


def test_numbers_that_are_not_finite():
    x, w = Value(1.0, label='x'), Value(math.nan, label='slope')
    with pytest.raises(ValueError, match='slope is nan, and playground computes with finite numbers'):
        playground(w * x, [x], [w], [[1.0]])
    v = Value(1.0)
    with pytest.raises(ValueError, match='inf'):
        playground(v * x * Value(math.inf, label='c'), [x], [v], [[1.0]])


def test_what_is_no_value_or_not_in_the_graph():
    x, w = Value(1.0, label='x'), Value(2.0, label='w')
    loss = w * x
    with pytest.raises(TypeError, match='a Value, not a list'):
        playground([loss], [x], [w], [[1.0]])
    with pytest.raises(TypeError, match='predict is the answer of the model, a Value, not a list: of several give one'):
        playground(loss, [x], [w], [[1.0]], predict=[loss])
    with pytest.raises(TypeError, match='model is the Module that the parameters belong to, not a function'):
        playground(loss, [x], [w], [[1.0]], model=lambda x: w * x)
    with pytest.raises(ValueError, match='there are no parameters to train'):
        playground(loss, [x], [], [[1.0]])
    with pytest.raises(ValueError, match='predict is the Value in the graph of the loss'):
        playground(loss, [x], [w], [[1.0]], predict=w + x)
    with pytest.raises(ValueError, match='x is listed twice'):
        playground(loss, [x, x], [w], [[1.0], [1.0]])
    with pytest.raises(ValueError, match='params are leaves'):
        playground(loss, [x], [loss], [[1.0]])


def test_an_operation_written_by_hand():
    x, w = Value(1.0, label='x'), Value(2.0, label='w')
    made = Value(math.atan(w.data), _children=(w,), _op='atan', label='bent')

    def backward():
        w.grad += made.grad / (1 + w.data**2)

    made._backward = backward
    with pytest.raises(ValueError, match='atan'):
        playground(made * x, [x], [w], [[1.0]])


def test_wide_networks_are_drawn_and_mlps_of_several_answers_trained():
    model = MLP(3, [20, 2])
    inputs = [Value(0.1, label=f'x{i}') for i in range(3)]
    first, second = model(inputs)
    page = playground((first - second)**2, inputs, model.parameters(), [[0.1, 0.2]] * 3, model=model)
    data = data_of(page)
    assert not data['predict'] and data['features'] == [0, 1, 2]
    assert [len(layer['neurons']) for layer in data['layers']] == [20, 2]
