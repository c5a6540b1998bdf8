"""The bridge for graphs: any graph as a module of PyTorch, with the same numbers and the same gradients."""

import copy
import io
import math
import pickle
from itertools import product

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from needs import require, torch
from random_graphs import DOMAINS, evaluate, graphs

import micrograd
from micrograd import Value, dot
from micrograd.bridge import to_torch
from micrograd.graph import formulas
from micrograd.graph.gradients import gradients
from micrograd.nn import MLP

require('torch')

SHAPES = [(), (3,), (2, 3)]


def close(found, expected, tolerance=1e-12):
    """Whether two numbers agree to the tolerance, relative to the larger of 1 and the expected one."""
    return abs(found - expected) <= tolerance * max(1.0, abs(expected))


def tensor_functions():
    from micrograd.bridge.graph_module import TENSOR_FUNCTIONS
    return TENSOR_FUNCTIONS


def double(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@given(graphs(), st.data())
def test_a_graph_has_the_same_outputs_and_gradients_there(graph, data):
    """At several points at once, in a batch of any shape, against one backward() for each of them."""
    leaves = list(graph.leaves)
    inputs = data.draw(st.lists(st.sampled_from(leaves), unique=True))
    shape = data.draw(st.sampled_from(SHAPES))
    nodes = graph.values()
    module = to_torch(nodes[graph.root], inputs=[nodes[name] for name in inputs])
    parameters = dict(module.named_parameters())
    assert set(parameters) == set(leaves) - set(inputs)

    points = [{name: graph.leaves[name] * (1 + 0.001 * i) for name in inputs} for i in range(math.prod(shape))]
    batch = [double([point[name] for point in points]).reshape(shape).requires_grad_() for name in inputs]
    out = module(*batch)
    assert out.shape == (shape if inputs else ())
    out.sum().backward()

    found, sums = [], dict.fromkeys(parameters, 0.0)
    for point in points if inputs else points[:1]:
        try:
            values = graph.run({name: Value(number) for name, number in (graph.leaves | point).items()})
            values[graph.root].backward()
        except (ArithmeticError, ValueError):
            reject()  # it is a little beyond where the graph is defined
        found.append((values[graph.root].data, [values[name].grad for name in inputs]))
        for name in sums:
            sums[name] += values[name].grad
    for i, (number, slopes) in enumerate(found):
        assert close(out.flatten()[i].item(), number, 1e-11)
        for x, gradient in zip(batch, slopes, strict=True):
            assert close(x.grad.flatten()[i].item(), gradient, 1e-10)
    for name, expected in sums.items():
        assert close(parameters[name].grad.item(), expected, 1e-10)


@pytest.mark.parametrize('text', DOMAINS)
def test_each_operation_has_the_same_number_and_gradients_there(text):
    for point in product(*DOMAINS[text]):
        names = {name: Value(number) for name, number in zip('abcd', point, strict=False)}
        leaves = list(names.values())
        out = evaluate(text, names)
        out.backward()
        tensors = [double(number).requires_grad_() for number in point]
        module = to_torch(out, params=leaves)
        for found, places in ((to_torch(out, inputs=leaves)(*tensors), tensors), (module(), module.parameters())):
            found.backward()
            assert close(found.item(), out.data, 1e-14), point
            for leaf, place in zip(leaves, places, strict=True):
                assert close(place.grad.item(), leaf.grad, 1e-14), point


@pytest.mark.parametrize('text', DOMAINS)
def test_a_gradient_as_a_graph_is_converted_too(text):
    """And then differentiated by PyTorch, to the second derivatives."""
    for point in product(*DOMAINS[text]):
        names = {name: Value(number) for name, number in zip('abcd', point, strict=False)}
        leaves = list(names.values())
        for gradient in gradients(evaluate(text, names), leaves):
            for leaf in leaves:
                leaf.grad = 0.0
            gradient.backward()
            module = to_torch(gradient, params=leaves)
            found = module()
            assert close(found.item(), gradient.data), point
            if found.requires_grad:
                found.backward()
            for parameter, leaf in zip(module.parameters(), leaves, strict=True):
                assert close(0.0 if parameter.grad is None else parameter.grad.item(), leaf.grad), point


@pytest.mark.parametrize('name', formulas.FUNCTIONS)
def test_every_function_of_the_formulas_is_a_function_of_tensors(name):
    """Also the ones that no operation of the engine has."""
    numbers = (0.7, 2.5) if name == 'log' else (0.7, 2.5, 0.0) if name in ('sqrt', 'log0') else (0.7, 2.5, 0.0, -1.3)
    found = tensor_functions()[name](double(numbers)).tolist()
    assert found == pytest.approx([formulas.FUNCTIONS[name](number) for number in numbers], rel=1e-14)


@pytest.mark.parametrize('name, slope', [('sign', '0 * a'), ('step', '0 * a'), ('log0', '1 / a')])
def test_functions_that_only_gradients_have_are_differentiated(name, slope):
    a = double([0.7, 2.5]).requires_grad_()
    tensor_functions()[name](a).sum().backward()
    assert a.grad.tolist() == pytest.approx(evaluate(slope, {'a': a.detach()}).tolist(), rel=1e-14)


def test_inputs_by_position_by_label_and_as_numbers():
    x, y, w = Value(2.0, label='x'), Value(3.0, label='y'), Value(0.5, label='w')
    module = to_torch(w * x - y, inputs=[x, y], params=[w])
    assert module(4.0, 1).item() == module(y=1, x=4.0).item() == module(4, y=double(1.0)).item() == 1.0
    assert module([4.0, 6.0], 1).tolist() == [1.0, 2.0]
    assert module(torch.tensor([[4], [6]]), torch.ones(3)).tolist() == [[1.0] * 3, [2.0] * 3]
    assert module(4, 1).dtype == module(torch.ones(3), 1).dtype == torch.float64


def test_wrong_inputs_are_errors_that_name_them():
    x, y = Value(2.0, label='x'), Value(3.0)
    module = to_torch(x * y, inputs=[x, y])
    for call, message in [
        (lambda: module(1), 'takes 2 inputs, once each: x, x1; not 1 by position and none by name'),
        (lambda: module(1, 2, 3), 'not 3 by position'), (lambda: module(1, x=2), 'not 1 by position and x by name'),
        (lambda: module(1, z=2), 'not 1 by position and z by name'), (lambda: module(1, 2, x=1), 'not 2 by position'),
        (lambda: module(x, 1), r'write v\.exp\(\) .* v\.data'),
    ]:
        with pytest.raises(TypeError, match=message):
            call()
    with pytest.raises(TypeError, match='takes 0 inputs, once each: none; not 1'):
        to_torch(x * y)(1)


def test_parameters_have_their_labels_where_pytorch_allows_it():
    labels = ['w', 'twice', 'twice', '', 'a.b', 'forward', '_like', 'p3', 'ŷ 1']
    values = [Value(float(i), label=label) for i, label in enumerate(labels)]
    module = to_torch(sum(values), params=values)
    assert {name: p.item() for name, p in module.named_parameters()} == {
        'w': 0.0, 'p1': 1.0, 'p2': 2.0, 'p3_': 3.0, 'p4': 4.0, 'p5': 5.0, 'p6': 6.0, 'p3': 7.0, 'ŷ 1': 8.0}
    assert list(module.state_dict()) == [name for name, _ in module.named_parameters()]
    assert module().item() == 36.0


@pytest.mark.parametrize('name', sorted({*dir(to_torch(Value(1.0) * 2)), '_like', '_plan', '__bool__', 'args'}))
def test_no_label_breaks_a_module(name):
    x, w = Value(2.0, label=name), Value(3.0, label=name)
    module = to_torch(x * w, inputs=[x], params=[w])
    copied = pickle.loads(pickle.dumps(copy.deepcopy(module))).double()
    copied.load_state_dict(module.state_dict())
    copied(5.0).backward()
    assert copied(5.0).item() == 15.0
    assert [(p.item(), p.grad.item()) for p in copied.train().parameters()] == [(3.0, 5.0)]
    assert '1 operations' in repr(copied)
    assert copied(**{copied._inputs[0]: 7.0}).item() == 21.0


def test_inputs_have_their_labels_where_python_allows_it():
    values = [Value(float(i), label=label) for i, label in enumerate(['self', 'lambda', 'a b', 'ok', 'input', ''])]
    module = to_torch(sum(values), inputs=values)
    assert module(x0=1, x1=2, x2=3, ok=4, input=5, x5=6).item() == 21.0
    assert "inputs=['x0', 'x1', 'x2', 'ok', 'input', 'x5'], 5 operations" in f'{module}'


def test_parameters_are_all_leaves_but_inputs_and_plain_numbers_unless_they_are_said():
    x, w, b = Value(1.0, label='x'), Value(2.0, label='w'), Value(3.0, label='b')
    out = 5 * x * w + b
    assert [name for name, _ in to_torch(out, [x]).named_parameters()] == ['w', 'b']
    module = to_torch(out, [x], [w])
    assert [name for name, _ in module.named_parameters()] == ['w']
    b.data = 100.0  # too late
    assert module(3.0).item() == 33.0


def test_what_the_output_does_not_depend_on():
    x, w, unused = Value(1.0, label='x'), Value(2.0, label='w'), Value(3.0, label='unused')
    module = to_torch(w * w, inputs=[x], params=[w, unused])
    out = module(torch.zeros(2, 3))
    assert out.tolist() == [[4.0] * 3] * 2
    out.sum().backward()
    assert (module.w.grad.item(), module.unused.grad) == (24.0, None)
    constant = to_torch(w * 3 + 1, inputs=[x], params=[])
    assert constant(torch.zeros(2)).tolist() == [7.0, 7.0]
    assert constant(1.0).item() == 7.0
    assert not constant(1.0).requires_grad


def test_a_leaf_is_a_graph():
    x = Value(2.0, label='x')
    assert to_torch(x, inputs=[x])([3.0, 4.0]).tolist() == [3.0, 4.0]
    module = to_torch(x)
    module().backward()
    assert (module().item(), module.x.grad.item()) == (2.0, 1.0)


def test_constants_count_as_they_are_when_it_is_converted_and_so_does_what_depends_on_them():
    c, x = Value(2.0), Value(1.0, label='x')
    y = (c * 3) * x
    c.data = 10
    assert to_torch(y, [x], [])(1).item() == micrograd.compile(y, [x])(1) == 30


@given(graphs(), st.data())
def test_it_computes_what_the_compiled_graph_does(graph, data):
    """The same program, after some leaves have changed, to the last digit but for how functions are rounded."""
    nodes = graph.values()
    leaves, out = [nodes[name] for name in graph.leaves], nodes[graph.root]
    inputs, params = (data.draw(st.lists(st.sampled_from(leaves), unique=True)) for _ in range(2))
    params = [leaf for leaf in params if leaf not in inputs]
    for leaf in leaves:
        leaf.data *= data.draw(st.sampled_from([1.0, 0.99, 1.01]))
    numbers = [leaf.data for leaf in inputs]
    try:
        compiled = micrograd.compile(out, inputs, params, backend='python')
        expected = compiled.value_and_grad([p.data for p in params], *numbers) if params else (compiled(*numbers), [])
    except (ArithmeticError, ValueError):
        reject()  # it is a little beyond where the graph is defined
    module = to_torch(out, inputs, params)
    found = module(*numbers)
    assert close(found.item(), expected[0])
    if found.requires_grad:
        found.backward()
    for parameter, gradient in zip(module.parameters(), expected[1], strict=True):
        assert close(0.0 if parameter.grad is None else parameter.grad.item(), gradient, 1e-10)


def test_what_depends_on_constants_only_is_a_number_whatever_made_it():
    x = Value(2.0, label='x')
    by_hand = Value(9.0, (Value(3.0),), 'square')
    module = to_torch(x * by_hand.sqrt(), inputs=[x], params=[])
    assert module(5.0).item() == 15.0
    assert '1 operations' in f'{module}'
    compiled = micrograd.compile(x * by_hand.sqrt(), [x])
    assert compiled(5.0) == 15.0
    namespace = {}
    exec(compiled.source, namespace)
    assert namespace['forward_and_backward'](5.0) == 15.0


def test_a_number_set_by_hand_may_be_an_int():
    x, n = Value(2.0, label='x'), Value(1.0)
    n.data = 0
    assert to_torch(x * n, inputs=[x], params=[])(3.0).item() == 0.0
    assert to_torch(n, inputs=[x], params=[])(3.0).item() == 0.0


@pytest.mark.parametrize('make', [lambda x: Value(x.data, (x,), 'cube', label='c'),
                                  lambda x: Value(x.data, (x,), 'exp', label='c', local_gradients=lambda: (1.0,))])
def test_an_operation_written_by_hand_is_an_error_that_names_it(make):
    x = Value(2.0)
    out = make(x)
    with pytest.raises(ValueError, match=r"operation '(cube|exp)', which made 'c', has no formula.*of Value"):
        to_torch(out * 2, inputs=[x])
    out.label = ''
    with pytest.raises(ValueError, match=r"operation '(cube|exp)' has no formula"):
        to_torch(out * 2, inputs=[x])


x, y = Value(1.0, label='x'), Value(2.0, label='y')


@pytest.mark.parametrize('inputs, params, error, message', [
    (x, None, TypeError, r'inputs is a list of Values, such as \[x\] or model.parameters\(\), not Value'),
    ([], MLP(1, [1]), TypeError, 'params is a list of Values, .* not MLP'),
    ([], MLP(1, [1]).parameters, TypeError, 'params is a list of Values'),
    ([1.0], None, TypeError, r'inputs\[0\] is a Value of the graph, not float'),
    ('x', None, TypeError, r'inputs\[0\] is a Value of the graph, not str'),
    ([x], [y, x * 2], ValueError, r"params\[1\], '\*', is the result of an operation: give the leaves"),
    ([x, x], None, ValueError, r"inputs\[1\], 'x', is given twice"),
    ([x], [y, x], ValueError, r"params\[1\], 'x', is given twice among inputs and params"),
])
def test_wrong_leaves_are_errors_that_name_them(inputs, params, error, message):
    with pytest.raises(error, match=message):
        to_torch(x * y, inputs=inputs, params=params)


def test_a_network_by_its_graph_is_the_network_by_its_layers():
    model, x = MLP(2, [3, 2], 'tanh', 'sigmoid'), [Value(0.1), Value(0.2)]
    graph, layers = to_torch(model(x)[1], inputs=x, params=model.parameters()), to_torch(model)
    batch = torch.randn(5, 4, 2, dtype=torch.float64)
    assert torch.allclose(graph(batch[..., 0], batch[..., 1]), layers(batch)[..., 1], rtol=1e-12, atol=1e-12)
    assert len(list(graph.parameters())) == 17


def test_runs_in_another_type_and_on_another_device():
    x, w = Value(2.0, label='x'), Value(0.5, label='w')
    out = (w * x + 3).exp()
    assert to_torch(out, [x]).float()(1.0).dtype == torch.float32
    assert to_torch(out, [x]).float()(torch.ones(2, dtype=torch.float64)).dtype == torch.float32
    for module in (to_torch(out, [x]), to_torch(out, [x], [])):
        there = module.to('meta')  # which has shapes, but no numbers: every tensor must have moved there
        for x_there in (torch.ones(3, device='meta'), torch.ones(3), 2.0):
            assert there(x_there).device == torch.device('meta')


def test_a_module_can_be_copied_pickled_and_kept_as_a_state_dict():
    x, w = Value(2.0, label='x'), Value(0.5, label='w')
    module = to_torch(dot([w, w], [x, 1.0]).tanh() + w**2, inputs=[x])
    expected = module(1.5).item()
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    copied, pickled = copy.deepcopy(module), pickle.loads(pickle.dumps(module))
    with torch.no_grad():
        module.w.fill_(7.0)
    assert copied(1.5).item() == pickled(1.5).item() == expected != module(1.5).item()
    module.load_state_dict(torch.load(io.BytesIO(file.getvalue())))
    assert module(1.5).item() == expected


def test_deep_graphs_and_wide_ones_are_converted():
    x, w = Value(1.0, label='x'), Value(0.999, label='w')
    v = x
    for i in range(30_000):
        v = v * w if i % 2 else v + 0.001
    v.backward()
    module = to_torch(v, inputs=[x])
    out = module(1.0)
    out.backward()
    assert close(out.item(), v.data, 1e-10)
    assert close(module.w.grad.item(), w.grad, 1e-10)

    ws = [Value(i / 5000) for i in range(5000)]
    out = to_torch(dot(ws, range(5000)))
    assert close(out().item(), sum(i * i / 5000 for i in range(5000)), 1e-10)


def test_a_second_derivative_by_pytorch():
    x = Value(0.7, label='x')
    t = double(0.7).requires_grad_()
    first, = torch.autograd.grad(to_torch(x.tanh() * x**3, inputs=[x])(t), t, create_graph=True)
    second, = torch.autograd.grad(first, t)
    h = 1e-5
    def slope(at):
        at = Value(at)
        (at.tanh() * at**3).backward()
        return at.grad
    assert second.item() == pytest.approx((slope(0.7 + h) - slope(0.7 - h)) / (2 * h), rel=1e-8)
