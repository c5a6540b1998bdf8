"""The bridge for networks: the same numbers and the same gradients on both sides, and the same network back."""

import math
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import require, torch

from micrograd import Value, bridge
from micrograd.bridge import from_torch, load, save, to_torch
from micrograd.nn import MLP, Layer, Module, Neuron, mse_loss

require('torch')

ACTIVATIONS = st.sampled_from(['relu', 'tanh', 'sigmoid', None])
NETWORKS = st.tuples(st.integers(1, 3), st.lists(st.integers(1, 4), min_size=1, max_size=3), ACTIVATIONS, ACTIVATIONS)
NUMBERS = st.floats(-3, 3)


def network(*shape):
    """An MLP of that shape with random numbers, biases too."""
    model = MLP(*shape)
    for parameter in model.parameters():
        parameter.data = random.uniform(-2, 2)
    return model


def outputs(model, x):
    out = model(x)
    return [v.data for v in out] if isinstance(out, list) else [out.data]


def double(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@given(NETWORKS, st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_network_has_the_same_outputs_there(shape, samples):
    model = network(*shape)
    samples = [sample[:shape[0]] for sample in samples]
    found = to_torch(model)(double(samples))
    assert type(to_torch(model)) is torch.nn.Sequential
    assert found.dtype == torch.float64
    assert found.shape == (len(samples), len(model.layers[-1].neurons))
    for row, sample in zip(found.tolist(), samples, strict=True):
        assert row == pytest.approx(outputs(model, sample), rel=1e-12, abs=1e-12)


@given(NETWORKS)
def test_a_network_comes_back_as_it_was(shape):
    model = network(*shape)
    again = from_torch(to_torch(model))
    assert type(again) is MLP
    assert again.state_dict() == model.state_dict()
    assert f'{again}' == f'{model}'
    assert not set(again.parameters()) & set(model.parameters())


@given(st.lists(st.sampled_from([torch.nn.ReLU, torch.nn.Tanh, torch.nn.Sigmoid, None, torch.nn.Identity]), min_size=1,
                max_size=3), st.sampled_from([torch.float32, torch.float64]), NUMBERS, NUMBERS)
def test_a_sequential_has_the_same_outputs_here_and_comes_back_as_it_was(activations, dtype, x1, x2):
    widths, modules = [2, 3, 4, 1], []
    for n, m, activation in zip(widths, widths[1:], activations, strict=False):
        modules += [torch.nn.Linear(n, m, dtype=dtype)] + ([activation()] if activation else [])
    theirs = torch.nn.Sequential(*modules)
    ours = from_torch(theirs)
    expected = theirs.double()(double([x1, x2])).tolist()
    assert outputs(ours, [x1, x2]) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    numbers = [p.tolist() for p in theirs.parameters()]
    assert [p.tolist() for p in to_torch(ours).parameters()] == numbers


def test_gradients_of_a_network_are_the_same_there():
    random.seed(3)
    model, samples, targets = MLP(2, [4, 1], 'tanh'), [[0.5, -1.0], [2.0, 0.3], [-1.2, 0.7]], [1.0, -1.0, 0.0]
    mse_loss([model(x) for x in samples], targets).backward()
    twin = to_torch(model)
    torch.nn.functional.mse_loss(twin(double(samples)).squeeze(-1), double(targets)).backward()
    for layer, linear in zip(model.layers, (twin[0], twin[2]), strict=True):
        for neuron, weights, bias in zip(layer.neurons, linear.weight.grad, linear.bias.grad, strict=True):
            assert [p.grad for p in neuron.parameters()] == pytest.approx([*weights.tolist(), bias.item()], rel=1e-12)
            assert neuron.b.grad != 0


def test_the_copy_is_a_copy():
    model = MLP(1, [1])
    twin = to_torch(model)
    with torch.no_grad():
        twin[0].weight.fill_(7.0)
    assert model.parameters()[0].data != 7.0
    again = from_torch(twin)
    again.parameters()[0].data = 8.0
    assert twin[0].weight.item() == 7.0


def test_a_layer_and_a_neuron():
    layer, neuron, x = Layer(2, 3, activation='sigmoid'), Neuron(2, activation=None), [0.5, -2.0]
    assert to_torch(layer)(double(x)).tolist() == pytest.approx([v.data for v in layer(x)], rel=1e-12)
    assert to_torch(neuron)(double(x)).tolist() == pytest.approx([neuron(x).data], rel=1e-12)


def test_sequentials_inside_and_identities_count_as_their_layers_and_as_none():
    a, b = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    nested = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Sequential(a, torch.nn.Tanh()), torch.nn.Sequential(),
                                 b, torch.nn.Identity())
    flat = torch.nn.Sequential(a, torch.nn.Tanh(), b)
    assert from_torch(nested).state_dict() == from_torch(flat).state_dict()


def test_a_linear_used_twice_is_two_layers():
    twice = torch.nn.Linear(2, 2, dtype=torch.float64)
    theirs = torch.nn.Sequential(twice, torch.nn.Tanh(), twice)
    assert outputs(from_torch(theirs), [0.5, -1.0]) == pytest.approx(theirs(double([0.5, -1.0])).tolist(), rel=1e-12)


def test_a_class_that_only_says_what_is_in_a_sequential_is_one():
    class Net(torch.nn.Sequential):
        def __init__(self):
            super().__init__(torch.nn.Linear(2, 3), torch.nn.Sigmoid())

    net = Net()
    assert from_torch(net).state_dict() == from_torch(torch.nn.Sequential(*net)).state_dict()


def test_layers_may_differ_in_activation():
    net = from_torch(torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2), torch.nn.ReLU(),
                                         torch.nn.Linear(2, 1)))
    assert [layer.neurons[1 % len(layer.neurons)].activation for layer in net.layers] == ['tanh', 'relu', None]
    assert [type(module).__name__ for module in to_torch(net)] == ['Linear', 'Tanh', 'Linear', 'ReLU', 'Linear']


class Scaled(torch.nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


class Linear(torch.nn.Linear):
    """Not PyTorch's."""


def without_numbers(number):
    linear = torch.nn.Linear(1, 1)
    with torch.no_grad():
        linear.weight.fill_(number)
    return linear


@pytest.mark.parametrize('modules, message', [
    ([torch.nn.Linear(1, 1), torch.nn.Dropout()], 'layer 1 is a Dropout, .* Linear, ReLU, Tanh, Sigmoid and Identity'),
    ([torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.GELU())], r'layer 0\.1 is a GELU'),
    ([torch.nn.Linear(1, 1), torch.nn.ReLU6()], 'layer 1 is a ReLU6'),
    ([torch.nn.ModuleList([torch.nn.Linear(1, 1)])], 'layer 0 is a ModuleList'),
    ([Linear(1, 1)], 'layer 0 is a Linear, which an MLP does not have'),
    ([torch.nn.LazyLinear(1)], 'layer 0 is a LazyLinear'),
    ([torch.nn.Linear(1, 1, bias=False)], r'layer 0 is Linear\(.*bias=False\), but every neuron has a bias: .*zeros'),
    ([torch.nn.Linear(1, 1, dtype=torch.complex64)], 'layer 0 is Linear.* of type torch.complex64'),
    ([torch.nn.ReLU(), torch.nn.Linear(1, 1)], 'layer 0 is a ReLU with no Linear right before'),
    ([torch.nn.Linear(1, 1), torch.nn.ReLU(), torch.nn.Tanh()], 'layer 2 is a Tanh with no Linear right before'),
    ([torch.nn.Linear(2, 3), torch.nn.Linear(4, 1)], 'layer 1 is Linear.*4.*, but the Linear before it has 3 outputs'),
    ([], 'no Linear in it'), ([torch.nn.Identity()], 'no Linear in it'),
    ([without_numbers(math.nan)], r'layers\.0\.neurons\.0\.w\.0 takes a finite number, not nan'),
])
def test_other_layers_are_errors_that_name_them(modules, message):
    with pytest.raises(ValueError, match=message):
        from_torch(torch.nn.Sequential(*modules))


@pytest.mark.parametrize('thing, message', [
    (torch.ones(2).sum(), 'not a tensor: a tensor does not keep the operations'),
    (torch.nn.Linear(1, 1), 'not Linear: put its layers into one'),
    (MLP(1, [1]), 'not MLP'),
    (Scaled(torch.nn.Linear(1, 1)), 'not Scaled'),
])
def test_from_torch_takes_a_sequential(thing, message):
    with pytest.raises(TypeError, match=message):
        from_torch(thing)


class Other(Module):
    def __init__(self):
        self.w = Value(1.0)


class Doubled(MLP):
    def __call__(self, x):
        return 2 * super().__call__(x)


def changed(change):
    model = MLP(2, [2, 1])
    change(model)
    return model


def set_item(items, i, item):
    items[i] = item


@pytest.mark.parametrize('model, error, message', [
    (Other(), TypeError, r'not Other: .* to_torch\(model\(xs\), inputs=xs, params=model.parameters\(\)\)'),
    (Doubled(1, [1]), TypeError, 'not Doubled'), ([Value(1.0)], TypeError, 'not list'),
    (changed(lambda m: m.layers.append(Other())), TypeError, r'layers\.2 is a Other'),
    (changed(lambda m: m.layers[0].neurons.append(m.layers)), TypeError, r'layers\.0\.neurons\.2 is a list'),
    (changed(lambda m: m.layers.append(Layer(3, 1))), ValueError, r'layers\.2\.neurons\.0 has 3 weights, but 1 inputs'),
    (changed(lambda m: m.layers[0].neurons[1].w.pop()), ValueError, r'layers\.0\.neurons\.1 has 1 weights, but 2'),
    (changed(lambda m: setattr(m.layers[0].neurons[1], 'activation', 'tanh')), ValueError,
     r"layers\.0\.neurons\.1 has the activation 'tanh', but the first of its layer has 'relu'"),
    (changed(lambda m: setattr(m.layers[1].neurons[0], 'b', m.layers[0].neurons[0].b)), ValueError,
     r'layers\.1\.neurons\.0\.b is a parameter twice'),
    (changed(lambda m: set_item(m.layers[0].neurons[0].w, 1, Value(1.0) * 2)), ValueError,
     r'layers\.0\.neurons\.0\.w\.1 is the result of an operation'),
    (changed(lambda m: set_item(m.layers[0].neurons[0].w, 1, 0.5)), TypeError,
     r'layers\.0\.neurons\.0\.w\.1 is a Value in an MLP, not float'),
    (changed(lambda m: setattr(m.parameters()[0], 'data', '1')), TypeError, r'layers\.0\.neurons\.0\.w\.0.* not str'),
])
def test_what_is_no_plain_mlp_is_an_error_that_names_it(model, error, message):
    with pytest.raises(error, match=message):
        to_torch(model)


def test_inputs_and_params_are_for_graphs():
    for arguments in ({'inputs': [Value(1.0)]}, {'params': []}):
        with pytest.raises(TypeError, match='a model has its own'):
            to_torch(MLP(1, [1]), **arguments)


def test_without_pytorch_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'torch', None)
    monkeypatch.delitem(sys.modules, 'micrograd.bridge.graph_module', raising=False)
    for call in (lambda: to_torch(MLP(1, [1])), lambda: to_torch(Value(1.0) * 2), lambda: from_torch(None)):
        with pytest.raises(ImportError, match='pip install torch'):
            call()
    model = MLP(1, [2, 1])
    save(model, tmp_path / 'model.json')
    assert load(tmp_path / 'model.json').state_dict() == model.state_dict()


def test_importing_it_saving_and_loading_import_no_torch(tmp_path):
    code = (f'import sys; from micrograd.bridge import load, save; from micrograd.nn import MLP; '
            f'save(MLP(2, [2]), {str(tmp_path / "m")!r}); load({str(tmp_path / "m")!r}); '
            'print({"torch", "numpy"} & set(sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout == 'set()\n'


def test_it_says_that_graphs_of_tensors_do_not_come_back():
    assert 'no way back for a graph' in bridge.__doc__
    assert 'the graph behind a tensor cannot be converted' in ' '.join(from_torch.__doc__.split())
