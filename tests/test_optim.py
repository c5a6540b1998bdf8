"""The optimizers against PyTorch's, step by step."""

import math

import pytest
from needs import torch

from micrograd import Value
from micrograd.optim import SGD, Adam, AdamW, Optimizer

START = [1.5, -0.7, 3.0, 0.0]
OPTIMIZERS = [
    (SGD, torch.optim.SGD, {'lr': 0.01}),
    (SGD, torch.optim.SGD, {'lr': 0.01, 'momentum': 0.9}),
    (SGD, torch.optim.SGD, {'lr': 0.01, 'weight_decay': 0.1}),
    (SGD, torch.optim.SGD, {'lr': 0.01, 'momentum': 0.5, 'weight_decay': 0.3}),
    (Adam, torch.optim.Adam, {}),
    (Adam, torch.optim.Adam, {'lr': 0.02, 'betas': (0.5, 0.7), 'eps': 1e-2}),
    (Adam, torch.optim.Adam, {'betas': (0.0, 0.5)}),
    (Adam, torch.optim.Adam, {'lr': 0.05, 'weight_decay': 0.2}),
    (AdamW, torch.optim.AdamW, {}),
    (AdamW, torch.optim.AdamW, {'lr': 0.1, 'betas': (0.8, 0.9), 'weight_decay': 0.3}),
]


def bowl(a, b, c, d):
    """A bent bowl, in terms that Values and tensors share; no saddle, which would blow up the last bit's rounding."""
    return (1 - a)**2 + 2 * (b + a)**2 + (c - d / 2).tanh() * c + (d - 1)**2 * (1 + (a * a + 1).log())


def identify(case):
    return f'{case[0].__name__}({", ".join(f"{k}={v}" for k, v in case[2].items())})'


@pytest.mark.parametrize('case', OPTIMIZERS, ids=identify)
def test_100_steps_as_pytorch(case):
    ours, theirs, settings = case
    values = [Value(x) for x in START]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimizer, reference = ours(values, **settings), theirs(tensors, **settings)
    for step in range(100):
        for f, parameters, optim in ((bowl, values, optimizer), (bowl, tensors, reference)):
            optim.zero_grad()
            f(*parameters).backward()
            optim.step()
        assert [v.data for v in values] == pytest.approx([t.item() for t in tensors], rel=1e-12, abs=1e-12), step
    assert [v.data for v in values] != pytest.approx(START, rel=1e-3)


@pytest.mark.parametrize('case', OPTIMIZERS, ids=identify)
def test_a_gradient_of_none_leaves_parameter_and_state_as_pytorch(case):
    ours, theirs, settings = case
    values = [Value(x) for x in START]
    tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    optimizer, reference = ours(values, **settings), theirs(tensors, **settings)
    for step in range(12):
        for f, parameters, optim in ((bowl, values, optimizer), (bowl, tensors, reference)):
            optim.zero_grad(set_to_none=True)
            assert [p.grad for p in parameters] == [None] * 4
            f(*parameters).backward()
            parameters[step % 4].grad = None
            optim.step()
        assert [v.data for v in values] == pytest.approx([t.item() for t in tensors], rel=1e-12, abs=1e-12), step


def test_zero_grad_clears_what_backward_left():
    a, b = Value(2.0), Value(3.0)
    optimizer = SGD([a, b], lr=0.1)
    (a * b).backward()
    optimizer.zero_grad()
    assert (a.grad, b.grad) == (0, 0)


def test_learning_rate_may_change_between_steps():
    a = Value(1.0)
    optimizer = SGD([a], lr=1.0)
    a.grad = 1.0
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert a.data == -0.25


@pytest.mark.parametrize('gradient', [math.nan, math.inf, Value(1.0), 'x'])
@pytest.mark.parametrize('optimizer', [SGD, Adam, AdamW])
def test_a_gradient_that_is_no_finite_number_moves_nothing(optimizer, gradient):
    a, b, c = [Value(1.0), Value(2.0, label='b'), Value(3.0)]
    a.grad, b.grad, c.grad = 1.0, gradient, gradient
    with pytest.raises(ValueError, match=r'the gradient of b is .*, by which nothing moves'):
        optimizer([a, b], lr=0.1).step()
    with pytest.raises(ValueError, match='the gradient of parameter 1 is '):
        optimizer([a, c], lr=0.1).step()
    assert [a.data, b.data, c.data] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize('lr', [-0.1, math.nan, Value(0.1), '0.1', None])
def test_a_learning_rate_is_looked_at_again_where_it_is_changed(lr):
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1)
    optimizer.lr, w.grad = lr, 1.0
    with pytest.raises((TypeError, ValueError), match='lr is a '):
        optimizer.step()
    assert w.data == 1.0


def test_takes_any_iterable_once():
    values = [Value(1.0), Value(2.0)]
    optimizer = SGD((v for v in values), lr=1.0)
    for v in values:
        v.grad = 1.0
    optimizer.step()
    optimizer.step()
    assert [v.data for v in values] == [-1.0, 0.0]


@pytest.mark.parametrize('optimizer', [SGD, Adam, AdamW])
@pytest.mark.parametrize('settings, message', [
    ({'lr': math.nan}, 'lr .* not nan'), ({'lr': math.inf}, 'lr .* not inf'), ({'lr': -0.1}, 'lr .* not -0.1'),
    ({'lr': 0.1, 'weight_decay': -1.0}, 'weight_decay .* not -1'),
])
def test_numbers_out_of_range_are_errors(optimizer, settings, message):
    with pytest.raises(ValueError, match=message):
        optimizer([Value(1.0)], **settings)


@pytest.mark.parametrize('settings, message', [
    ({'betas': (0.9, 1.0)}, r'betas .* not \(0.9, 1.0\)'), ({'betas': (-0.1, 0.9)}, 'betas'),
    ({'betas': (0.9, 0.9, 0.9)}, 'betas are two numbers'), ({'betas': 0.9}, r'such as \(0.9, 0.999\), not 0.9$'),
    ({'betas': (0.9, Value(0.5))}, 'betas are two numbers'), ({'betas': '99'}, "not '99'$"), ({'eps': -1e-8}, 'eps'),
    ({'eps': math.nan}, 'eps'),
])
def test_adam_numbers_out_of_range_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        Adam([Value(1.0)], **settings)


def test_momentum_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r'momentum .* not inf'):
        SGD([Value(1.0)], lr=0.1, momentum=math.inf)


@pytest.mark.parametrize('optimizer', [SGD, Adam, AdamW])
def test_no_parameters_or_wrong_ones_are_errors(optimizer):
    a = Value(1.0)
    named = a * 2
    named.label = 'loss'
    for params, error, message in [
        ([], ValueError, 'no parameters'), ([1.0], TypeError, r'not float: give model.parameters\(\)'),
        *((params, TypeError, 'a list of Values') for params in (None, a, lambda: [a])), ([a, a], ValueError, 'twice'),
        ([a * 2], ValueError, r"'\*' is the result of an operation"), ([named], ValueError, "^'loss' is the result of"),
    ]:
        with pytest.raises(error, match=message):
            optimizer(params, lr=0.1)


@pytest.mark.parametrize('number', [Value(0.1), '0.1', None])
def test_a_setting_that_is_no_number_is_named(number):
    with pytest.raises(TypeError, match=f'lr is a plain number, not {type(number).__name__}'):
        SGD([Value(1.0)], lr=number)


def test_an_optimizer_of_ones_own_says_how_it_moves():
    w = Value(1.0)
    w.grad = 1.0
    with pytest.raises(NotImplementedError):
        Optimizer([w], lr=0.1, weight_decay=0.0).step()
    assert w.data == 1.0


def test_adam_takes_any_two_numbers_for_betas():
    assert Adam([Value(1.0)], betas=iter([0.5, 0.7])).betas == (0.5, 0.7)
