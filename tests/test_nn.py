"""Networks against torch.nn, and what people do with a model: name, save, load, copy and extend it."""

import copy
import itertools
import math
import pickle
import random
from operator import methodcaller

import pytest
from needs import here, np, torch

from micrograd import Value, nn
from micrograd.nn import MLP, Layer, Neuron

ACTIVATIONS = {'relu': torch.nn.ReLU, 'tanh': torch.nn.Tanh, 'sigmoid': torch.nn.Sigmoid, None: torch.nn.Identity}
POINT = [0.5, -1.25]
close = pytest.approx


@pytest.fixture(autouse=True)
def seeded():
    random.seed(1)


def float64(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def with_biases(model):
    """The model, its biases drawn too, so that they take part."""
    for name, parameter in model.named_parameters():
        if name.endswith('b'):
            parameter.data = random.uniform(-1, 1)
    return model


def torch_twin(layers, activations):
    """A torch.nn.Sequential with the same weights and biases, and an activation after each Linear."""
    modules = []
    for layer, activation in zip(layers, activations, strict=True):
        linear = torch.nn.Linear(len(layer.neurons[0].w), len(layer.neurons), dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(float64([[w.data for w in neuron.w] for neuron in layer.neurons]))
            linear.bias.copy_(float64([neuron.b.data for neuron in layer.neurons]))
        modules += [linear, ACTIVATIONS[activation]()]
    return torch.nn.Sequential(*modules)


def assert_same(model, layers, activations, n=2):
    """The outputs for several points, and the gradients of a loss over them, are torch's."""
    twin = torch_twin(layers, activations)
    points = [[random.uniform(-2, 2) for _ in range(n)] for _ in range(5)]
    inputs, twin_inputs = [[Value(x) for x in point] for point in points], float64(points).requires_grad_()
    outputs, expected = [model(point) for point in inputs], twin(twin_inputs)
    rows = [out if isinstance(out, list) else [out] for out in outputs]
    assert [v.data for row in rows for v in row] == close(expected.flatten().tolist(), rel=1e-12)
    sum((i + 1) * v * v for row in rows for i, v in enumerate(row)).backward()
    (expected**2 * (1 + torch.arange(expected.shape[1]))).sum().backward()
    grads = [v.grad for layer in layers for neuron in layer.neurons for v in (*neuron.w, neuron.b)]
    linears = [module for module in twin if isinstance(module, torch.nn.Linear)]
    expected_grads = torch.cat([torch.cat([m.weight.grad, m.bias.grad[:, None]], 1).flatten() for m in linears])
    assert grads == close(expected_grads.tolist(), rel=1e-10, abs=1e-14)
    input_grads = [v.grad for point in inputs for v in point]
    assert input_grads == close(twin_inputs.grad.flatten().tolist(), rel=1e-10, abs=1e-14)
    assert any(grads)


# Numbers

@pytest.mark.parametrize(('activation', 'final'), [*itertools.product(ACTIVATIONS, repeat=2)])
def test_mlp_against_torch(activation, final):
    model = with_biases(MLP(2, [4, 3, 2], activation, final))
    assert_same(model, model.layers, [activation, activation, final])


@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_layer_and_neuron_against_torch(activation):
    layer = with_biases(Layer(2, 3, activation=activation))
    assert_same(layer, [layer], [activation])
    layer.neurons = [with_biases(Neuron(2, activation=activation))]
    layer.neurons[0].b.data = 1.5
    assert_same(layer.neurons[0], [layer], [activation])


@pytest.mark.parametrize(('model', 'activations'), [
    (lambda: MLP(2, [3, 1]), ['relu', None]), (lambda: MLP(2, [3, 2], 'tanh'), ['tanh', None]),
    (lambda: MLP(2, (3, 1), final_activation='sigmoid'), ['relu', 'sigmoid']),
], ids=['relu', 'tanh', 'sigmoid'])
def test_last_layer_is_linear_unless_asked_otherwise(model, activations):
    model = with_biases(model())
    assert_same(model, model.layers, activations)


@pytest.mark.parametrize(('nin', 'nouts'), [(1, [1, 1]), (2, [1, 3]), (1, [1, 1, 1]), (3, [2, 1, 1])])
def test_layers_of_one_neuron(nin, nouts):
    model = with_biases(MLP(nin, nouts, 'sigmoid'))
    assert_same(model, model.layers, ['sigmoid'] * (len(nouts) - 1) + [None], nin)


def test_lesson_4():
    """One hidden sigmoid unit, as the table of the lesson has it."""
    model = MLP(1, [1, 1], 'sigmoid')
    names = [f'layers.{i}.neurons.0.{name}' for i in (0, 1) for name in ('w.0', 'b')]
    model.load_state_dict(dict(zip(names, (-0.1, 0.0, -0.1, 0.0), strict=True)))
    xs = np.linspace(-1, 1, 8)
    loss = sum((model(x) - x)**2 for x in xs) / 8
    loss.backward()
    grads = [parameter.grad for parameter in model.parameters()]
    assert [loss.data, *grads] == close([0.4289326, 0.0213347, 0.00249732, -0.0286384, -0.1], rel=4e-6)


@pytest.mark.parametrize('make', [
    lambda: Neuron(2, False), lambda: Neuron(2, nonlin=False, activation='tanh'), lambda: Layer(2, 1, False),
    lambda: Neuron(2, activation=None),
])
def test_nonlin_false_is_linear(make):
    model = make()
    w = [p.data for p in model.parameters()]
    for sign in (1, -1):
        assert model([sign, 2 * sign]).data == close(sign * (w[0] + 2 * w[1]))


@pytest.mark.parametrize(('activation', 'back'), [('tanh', 'tanh'), ('relu', 'relu'), (None, 'relu')])
def test_nonlin_takes_the_activation_away_and_gives_it_back(activation, back):
    neuron = Neuron(1, activation=activation)
    neuron.w[0].data = -0.5
    linear = Neuron(1, nonlin=False)
    linear.w[0].data = -0.5
    assert neuron.nonlin is (activation is not None)
    neuron.nonlin = False
    neuron.nonlin = False
    assert (neuron.nonlin, neuron.activation, neuron([3.0]).data) == (False, None, linear([3.0]).data)
    neuron.nonlin = True
    assert (neuron.nonlin, neuron.activation) == (True, back)
    assert neuron([3.0]).data == getattr(linear([3.0]), back)().data


@pytest.mark.parametrize('make', [lambda: Neuron(2, 'tanh'), lambda: Layer(2, 3, 'tanh')])
def test_an_activation_in_the_place_of_nonlin_is_an_error(make):
    with pytest.raises(TypeError, match=r"nonlin is True or False: write activation='tanh'"):
        make()


def test_a_set_of_inputs_is_an_error():
    with pytest.raises(TypeError, match='takes a list of 2 inputs, not a set'):
        Neuron(2)({1.0, 2.0})


def test_nonlin_gives_back_the_activation_that_was_there_last():
    neuron = Neuron(1)
    neuron.activation = 'sigmoid'
    neuron.nonlin = False
    neuron.nonlin = True
    assert neuron.activation == 'sigmoid'


def test_a_layer_sets_the_activation_of_its_neurons():
    layer = Layer(2, 3)
    layer.activation = 'tanh'
    assert layer.activation == 'tanh' and [neuron.activation for neuron in layer.neurons] == ['tanh'] * 3
    layer.nonlin = False
    assert not layer.nonlin and [neuron.activation for neuron in layer.neurons] == [None] * 3
    layer.nonlin = True
    assert layer.nonlin and layer.activation == 'tanh'
    assert [out._op for out in layer([1.0, 2.0])] == ['tanh'] * 3


@pytest.mark.parametrize('module', [Neuron(2), Layer(2, 2)])
def test_an_activation_that_does_not_exist_cannot_be_set(module):
    with pytest.raises(ValueError, match=r"activation is one of .*, not 'detach'"):
        module.activation = 'detach'
    assert module.activation == 'relu'


def test_neurons_are_nonlinear_by_default():
    neuron, layer = Neuron(1), Layer(1, 1)
    for model, w in ((neuron, neuron.w[0]), (layer, layer.neurons[0].w[0])):
        assert [model([x * w.data]).data for x in (-2, 2)] == [0, close(2 * w.data**2)]


@pytest.mark.parametrize('kind', [tuple, np.array, lambda xs: list(map(Value, xs)), lambda xs: [Value(xs[0]), xs[1]]])
@pytest.mark.parametrize('make', [lambda: Neuron(2), lambda: Layer(2, 2), lambda: MLP(2, [3, 2])])
def test_inputs_of_any_kind(make, kind):
    model = make()
    assert repr(model(kind(POINT))) == repr(model(POINT))


def test_single_number_is_input_enough_for_one():
    model = MLP(1, [2, 1], 'tanh')
    assert model(0.5).data == model(Value(0.5)).data == model(np.float64(0.5)).data == model([0.5]).data


def test_plain_input_is_one_leaf_shared_by_the_layer():
    layer = Layer(2, 3)
    leaves = [v for v in sum(layer(POINT)).topological_order() if not v._prev]
    own = set(layer.parameters())
    assert [v.data for v in leaves if v not in own] == POINT
    assert len(leaves) == 2 + len(own) == 2 + 9


def test_neuron_is_one_dot_a_sum_and_an_activation():
    neuron, xs = Neuron(16, activation='tanh'), [Value(i) for i in range(16)]
    inner_product, total, out = (v for v in neuron(xs).topological_order() if v._prev)
    assert [v._op for v in (inner_product, total, out)] == ['dot', '+', 'tanh']
    assert inner_product._prev == (*neuron.w, *xs)
    assert total._prev == (inner_product, neuron.b)


@pytest.mark.parametrize(('nouts', 'count'), [([1], None), ([3, 1], None), ([2], 2), ([1, 3], 3)])
def test_one_output_is_a_value_and_more_are_a_list(nouts, count):
    out = MLP(2, nouts)(POINT)
    assert type(out) is (list if count else Value)
    assert not count or [type(v) for v in out] == [Value] * count


# Parameters

def test_names_and_order_of_parameters():
    model = MLP(2, [2, 1])
    names = ['layers.0.neurons.0.w.0', 'layers.0.neurons.0.w.1', 'layers.0.neurons.0.b',
             'layers.0.neurons.1.w.0', 'layers.0.neurons.1.w.1', 'layers.0.neurons.1.b',
             'layers.1.neurons.0.w.0', 'layers.1.neurons.0.w.1', 'layers.1.neurons.0.b']
    parameters = [v for layer in model.layers for neuron in layer.neurons for v in (*neuron.w, neuron.b)]
    assert [name for name, _ in model.named_parameters()] == names
    assert [v for _, v in model.named_parameters()] == parameters == model.parameters()
    assert [name for name, _ in model.layers[1].named_parameters()] == ['neurons.0.w.0', 'neurons.0.w.1', 'neurons.0.b']


def test_weights_are_drawn_neuron_by_neuron():
    """In the order that everybody's notebooks rely on: a call for each weight, none for a bias."""
    random.seed(42)
    state = MLP(3, [4, 2], 'tanh').state_dict()
    after = random.random()
    random.seed(42)
    expected = {f'layers.{i}.neurons.{j}.{name}': 0.0 if name == 'b' else random.uniform(-1, 1)
                for i, nin, nout in ((0, 3, 4), (1, 4, 2))
                for j in range(nout) for name in (*(f'w.{k}' for k in range(nin)), 'b')}
    assert list(state.items()) == list(expected.items())
    assert after == random.random()


def test_zero_grad():
    model, x = MLP(2, [3, 1]), Value(2.0)
    model([x, x]).backward()
    x.grad = 5.0
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 13
    assert x.grad == 5.0


def test_zero_grad_may_set_to_none():
    model = Neuron(1)
    model(2.0).backward()
    model.zero_grad(set_to_none=True)
    assert [p.grad for p in model.parameters()] == [None, None]
    (model(2.0) * 0 + model.w[0] + model.b).backward()
    assert [p.grad for p in model.parameters()] == [1.0, 1.0]


# Saved and loaded

def test_state_dict_round_trip():
    model, other = with_biases(MLP(2, [3, 1])), MLP(2, [3, 1])
    state, leaves = model.state_dict(), other.parameters()
    assert other.state_dict() != state
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert other.parameters() == leaves
    assert other(POINT).data == model(POINT).data
    other.layers[0].neurons[0].b.data = 9.0
    assert model.state_dict() == state != other.state_dict()


@pytest.mark.parametrize('number', [3, True, np.float32(0.5), np.float64(0.5), np.int64(2)])
def test_load_takes_any_real_number(number):
    neuron = Neuron(1)
    neuron.load_state_dict({'b': number, 'w.0': 1.0})
    assert (type(neuron.b.data), neuron.b.data) == (float, number)


FIRST, SECOND, LAST = 'layers.0.neurons.0.w.0', 'layers.0.neurons.1.w.0', 'layers.1.neurons.0.b'


@pytest.mark.parametrize(('change', 'error', 'words'), [
    (lambda state: state.pop(LAST), ValueError, [f'missing: {LAST}', 'unexpected: none']),
    (lambda state: state.update(extra=1.0), ValueError, ['unexpected: extra', 'missing: none']),
    (lambda state: state.update({FIRST + '0': state.pop(FIRST)}), ValueError, [f'missing: {FIRST};', f'{FIRST}0']),
    (methodcaller('clear'), ValueError, ['not one of MLP of [', f'missing: {FIRST}, ', f'{SECOND} and 5 more; ']),
    (methodcaller('update', dict.fromkeys('abcd')), ValueError, ['unexpected: a, b, c, d']),
    (methodcaller('update', dict.fromkeys('abcde')), ValueError, ['unexpected: a, b, c, d and 1 more']),
    *((lambda state, x=x: state.update({LAST: x}), ValueError, [f'{LAST} takes a finite number, not {x}'])
      for x in (math.nan, math.inf, -math.inf, *([np.float64('nan')] if here('numpy') else []))),
    *((lambda state, x=x: state.update({LAST: x}), TypeError,
       [f'{LAST} takes a real number, not {type(x).__name__}: write .item() after a tensor, or .data after a Value'])
      for x in ('1.0', None, 1j, [1.0], Value(1.0), torch.tensor(1.0))),
])
def test_load_rejects_and_changes_nothing(change, error, words):
    model = MLP(2, [2, 1])
    before, state = model.state_dict(), dict.fromkeys(model.state_dict(), 0.125)
    change(state)
    with pytest.raises(error) as caught:
        model.load_state_dict(state)
    assert all(word in f'{caught.value}; ' for word in words), caught.value
    assert 'and 0 more' not in str(caught.value)
    assert model.state_dict() == before


def test_load_takes_a_mapping():
    with pytest.raises(TypeError, match=r'^a state_dict is a mapping of names to numbers, .* not list$'):
        MLP(2, [1]).load_state_dict([1.0, 2.0, 3.0])


@pytest.mark.parametrize('clone', [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copied_model_is_the_same_and_apart(clone):
    model = with_biases(MLP(2, [3, 1], 'tanh'))
    model(POINT).backward()
    before = [(p.data, p.grad) for p in model.parameters()]
    twin = clone(model)
    assert [(p.data, p.grad) for p in twin.parameters()] == before
    assert not set(twin.parameters()) & set(model.parameters())
    twin.zero_grad()
    out = twin(POINT)
    out.backward()
    assert out.data == model(POINT).data
    assert [(p.data, p.grad) for p in twin.parameters()] == before
    for p in twin.parameters():
        p.data, p.grad = 0.0, 7.0
    assert [(p.data, p.grad) for p in model.parameters()] == before


# Mistakes

@pytest.mark.parametrize(('make', 'inputs', 'words'), [
    (lambda: Neuron(2), [1.0, 2.0, 3.0], ["Neuron(2, activation='relu') takes 2 inputs, not 3"]),
    (lambda: Layer(3, 4), [1.0, 2.0], ["Layer(3, 4, activation='relu') takes 3 inputs, not 2"]),
    (lambda: Layer(2, 1), [1.0, 2.0, 3.0], ['Layer(2, 1', '2 inputs', 'not 3']),
    (lambda: Layer(2, 4), 1.0, ['Layer(2, 4', '2 inputs', 'not 1']),
    (lambda: MLP(2, [4, 1]), [], ['Layer(2, 4', '2 inputs', 'not 0', '[model(x) for x in xs]']),
    (lambda: MLP(2, [4, 1]), Value(1.0), ['Layer(2, 4', '2 inputs', 'not 1']),
    (lambda: MLP(2, [4, 1]), [[0.0, 1.0]] * 100, ['Layer(2, 4', '2 inputs', 'not 100']),
    (lambda: MLP(2, [4, 1]), np.zeros((100, 2)), ['Layer(2, 4', '2 inputs', 'not 100']),
])
def test_wrong_number_of_inputs(make, inputs, words):
    with pytest.raises(ValueError) as caught:
        make()(inputs)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize('make', [lambda: Neuron(2), lambda: Layer(2, 3), lambda: MLP(2, [3, 1])])
@pytest.mark.parametrize('batch', [[[0.0, 1.0], [1.0, 0.0]], [(0.0,), (1.0,)], np.zeros((2, 2)), torch.zeros(2, 3),
                                   np.zeros((5, 2)), [np.zeros(2), np.zeros(2)]])
def test_a_batch_gets_the_hint_to_call_once_for_each_row(make, batch):
    with pytest.raises(ValueError, match=rf'takes 2 inputs, not {len(batch)} rows .* call it once for each: \[model'):
        make()(batch)


@pytest.mark.parametrize('make', [lambda: Neuron(2), lambda: Layer(2, 3), lambda: MLP(2, [3, 1])])
@pytest.mark.parametrize('inputs', [(x for x in (1.0, 2.0)), iter([1.0]), zip([1.0], [2.0]), None])
def test_an_iterator_gets_the_hint_to_make_a_list(make, inputs):
    with pytest.raises(TypeError, match=rf'takes a list of 2 inputs, not a {type(inputs).__name__}: write list'):
        make()(inputs)


def test_widths_may_be_numpys():
    classes = np.array([0, 2, 1])
    model = MLP(np.int64(2), np.array([3, classes.max() + 1]))
    assert (len(model([1.0, 2.0])), len(model.parameters())) == (3, 9 + 12)


def test_inputs_that_are_no_numbers():
    with pytest.raises(TypeError, match='real number, not str'):
        MLP(2, [1])(['1', '2'])


@pytest.mark.parametrize('make', [Neuron, lambda n: Layer(n, 1), lambda n: MLP(n, [1])])
@pytest.mark.parametrize('nin', [0, -1, 2.0, '2', None])
def test_bad_nin(make, nin):
    with pytest.raises(ValueError, match=f'nin .* not {nin!r}'):
        make(nin)


@pytest.mark.parametrize('make', [lambda n: Layer(1, n), lambda n: MLP(1, [n]), lambda n: MLP(1, [2, n])])
@pytest.mark.parametrize('nout', [0, -1, 2.5, '2', None])
def test_bad_nout(make, nout):
    with pytest.raises(ValueError, match=f'nout .* not {nout!r}'):
        make(nout)


@pytest.mark.parametrize('nouts', [3, [], (), None])
def test_bad_nouts(nouts):
    with pytest.raises(ValueError, match=r'nouts .*\[16, 16, 1\]'):
        MLP(2, nouts)


@pytest.mark.parametrize('make', [
    lambda a: Neuron(2, activation=a), lambda a: Layer(2, 1, activation=a), lambda a: MLP(2, [2, 1], a),
    lambda a: MLP(2, [2, 1], final_activation=a), lambda a: Neuron(2, False, a), lambda a: MLP(2, [1], a),
])
@pytest.mark.parametrize('activation', ['gelu', 'exp', 'Tanh', math.tanh])
def test_bad_activation(make, activation):
    with pytest.raises(ValueError) as caught:
        make(activation)
    assert str(caught.value) == f'activation is one of {tuple(ACTIVATIONS)}, not {activation!r}'


@pytest.mark.parametrize(('model', 'text'), [
    (lambda: Neuron(2, activation='tanh'), "Neuron(2, activation='tanh')"),
    (lambda: Layer(2, 3, False), 'Layer(2, 3, activation=None)'),
    (lambda: MLP(2, [3, 1]), "MLP of [Layer(2, 3, activation='relu'), Layer(3, 1, activation=None)]"),
])
def test_repr(model, text):
    assert repr(model()) == text


def test_what_a_star_imports_from_nn():
    assert sorted(nn.__all__) == ['ACTIVATIONS', 'Layer', 'MLP', 'Module', 'Neuron', 'binary_cross_entropy_with_logits',
                                  'cross_entropy', 'hinge_loss', 'mse_loss', 'softmax']


def test_arrays_and_tensors_are_inputs():
    model = MLP(2, [3, 1])
    expected = model([1.0, 2.0]).data
    for x in np.array([1.0, 2.0]), torch.tensor([1.0, 2.0]), np.array([Value(1.0), Value(2.0)]):
        assert model(x).data == expected
    single = MLP(1, [1])
    assert single(np.array(2.0)).data == single(torch.tensor(2.0)).data == single(2.0).data
    with pytest.raises(ValueError, match='takes 2 inputs, not 3 rows of them'):
        model(torch.ones(3, 2))


def test_what_has_no_order_is_no_input_and_no_list_of_widths():
    with pytest.raises(TypeError, match='takes a list of 2 inputs, not a dict'):
        MLP(2, [1])({0: 1.0, 1: 2.0})
    with pytest.raises(ValueError, match='nouts is a list of layer widths'):
        MLP(2, {3, 1})
