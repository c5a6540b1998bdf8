"""The loss functions against PyTorch's, values and gradients, also where the plain formulas overflow; and bad input."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import np, torch

from micrograd import Value, losses, nn
from micrograd.nn import binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss, softmax

F = torch.nn.functional
logits = st.floats(-1000, 1000)
numbers = st.floats(-100, 100)


def hinge(scores, labels):
    return (1 - labels * scores).relu().mean()


def assert_same(ours, theirs, inputs, target, dtype=torch.float64):
    """The same loss, and the same gradient for every input."""
    values = [[Value(x) for x in row] for row in inputs] if isinstance(inputs[0], list) else [Value(x) for x in inputs]
    tensor = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    loss, reference = ours(values, target), theirs(tensor, torch.tensor(target, dtype=dtype))
    loss.backward()
    reference.backward()
    grads = [v.grad for v in np.ravel(np.array(values, dtype=object))]
    assert loss.data == pytest.approx(reference.item(), rel=1e-12, abs=1e-12)
    assert grads == pytest.approx(tensor.grad.flatten().tolist(), rel=1e-12, abs=1e-12)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_mse_loss(pairs):
    inputs, target = map(list, zip(*pairs, strict=True))
    assert_same(mse_loss, F.mse_loss, inputs, target)


@given(st.lists(st.tuples(numbers.filter(lambda x: abs(abs(x) - 1) > 1e-9), st.sampled_from([-1, 1])), min_size=1))
def test_hinge_loss(pairs):
    inputs, target = map(list, zip(*pairs, strict=True))
    assert_same(hinge_loss, hinge, inputs, target)


@given(st.lists(st.tuples(logits, st.floats(0, 1)), min_size=1, max_size=6))
def test_binary_cross_entropy_with_logits(pairs):
    inputs, target = map(list, zip(*pairs, strict=True))
    assert_same(binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, inputs, target)


@given(st.lists(logits, min_size=1, max_size=6), st.data())
def test_cross_entropy_of_one_sample(inputs, data):
    index = data.draw(st.integers(0, len(inputs) - 1))
    assert_same(cross_entropy, F.cross_entropy, inputs, index, torch.long)


@given(st.lists(st.tuples(logits, logits, logits, st.integers(0, 2)), min_size=1, max_size=4))
def test_cross_entropy_of_a_batch(rows):
    assert_same(cross_entropy, F.cross_entropy, [list(row[:3]) for row in rows], [row[3] for row in rows], torch.long)


@pytest.mark.parametrize('extreme', [1000.0, -1000.0])
def test_extreme_logits_are_exact_where_the_plain_formula_overflows(extreme):
    assert binary_cross_entropy_with_logits(Value(extreme), 0).data == max(extreme, 0)
    assert cross_entropy([Value(extreme), Value(-extreme)], 0).data == max(-2 * extreme, 0)


def test_a_logit_of_0_has_its_true_gradient():
    x = Value(0.0)
    binary_cross_entropy_with_logits(x, 1).backward()
    assert x.grad == -0.5


@pytest.mark.parametrize('loss', [mse_loss, hinge_loss, binary_cross_entropy_with_logits])
def test_takes_single_values_arrays_and_nested_lists(loss):
    x = [Value(0.5), Value(2.0)]
    one = loss(x[0], 1).data
    both = loss(x, np.array([1, 1])).data
    assert loss([x[0]], [1]).data == one
    assert both == pytest.approx((one + loss(x[1], 1).data) / 2)
    assert loss([[x[0]], [x[1]]], [[1], [1]]).data == both
    assert isinstance(loss([0.5], [1]), Value)


def test_cross_entropy_takes_numpy_indices():
    x = [Value(0.5), Value(2.0)]
    assert cross_entropy(x, np.int64(1)).data == cross_entropy(x, 1).data == cross_entropy([x], np.array([1])).data


def test_cross_entropy_takes_plain_numbers():
    assert cross_entropy([0.5, 2.0], 1).data == cross_entropy([Value(0.5), 2.0], 1).data > 0


@pytest.mark.parametrize('loss', [mse_loss, hinge_loss, binary_cross_entropy_with_logits])
@pytest.mark.parametrize('inputs, target', [
    ([1.0, 1.0], [1.0]), ([1.0], [1.0, 1.0]), ([1.0, 1.0], 1.0), (1.0, [1.0, 1.0]), ([[1.0], [1.0]], [1.0, 1.0]),
    ([[1.0, 1.0]], [[1.0]]),
])
def test_different_shapes_are_an_error(loss, inputs, target):
    with pytest.raises(ValueError, match='differ in length'):
        loss(inputs, target)


@pytest.mark.parametrize('call, error, message', [
    (lambda: mse_loss([], []), ValueError, 'no predictions'),
    (lambda: cross_entropy([], []), ValueError, 'no predictions'),
    (lambda: hinge_loss([1.0], [0.5]), ValueError, 'are -1 or 1, not 0.5'),
    (lambda: binary_cross_entropy_with_logits([1.0], [1.5]), ValueError, 'from 0 to 1, not 1.5'),
    (lambda: binary_cross_entropy_with_logits([1.0], [math.nan]), ValueError, 'from 0 to 1, not nan'),
    (lambda: cross_entropy([1.0, 2.0], 2), ValueError, '2 is no class of 2 logits: their classes are 0 to 1'),
    (lambda: cross_entropy([1.0, 2.0], -1), ValueError, '-1 is no class'),
    (lambda: cross_entropy([[1.0, 2.0]], [0, 1]), ValueError, 'differ in length: 1 and 2'),
    (lambda: cross_entropy([1.0, 2.0], 0.5), TypeError, 'target of cross_entropy is the index of a class.*not 0.5'),
    (lambda: cross_entropy(Value(1.0), 0), TypeError, 'logits are a list'),
    (lambda: softmax(Value(1.0)), TypeError, 'logits are a list'),
    (lambda: mse_loss(1.0, [1.0]), ValueError, 'a single one and 1'),
    (lambda: mse_loss('1', [1.0]), TypeError, 'real number, not str'),
    (lambda: mse_loss([1.0, 2.0], {1.0, 2.0}), TypeError, 'real number, not set'),
    (lambda: mse_loss({0: 1.0}, [1.0]), TypeError, 'real number, not dict'),
    (lambda: mse_loss((x for x in [1.0]), [1.0]), TypeError, 'real number, not generator'),
    (lambda: mse_loss(['1'], [1.0]), TypeError, 'real number, not str'),
])
def test_bad_input_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


@given(st.lists(logits, min_size=1, max_size=6), st.data())
def test_softmax(inputs, data):
    """The probabilities, and the gradients of one of them."""
    i = data.draw(st.integers(0, len(inputs) - 1))
    values = [Value(x) for x in inputs]
    tensor = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    ours, theirs = softmax(values), torch.softmax(tensor, 0)
    assert [p.data for p in ours] == pytest.approx(theirs.tolist(), rel=1e-12, abs=1e-300)
    ours[i].backward()
    theirs[i].backward()
    assert [v.grad for v in values] == pytest.approx(tensor.grad.tolist(), rel=1e-9, abs=1e-15)


def test_the_lesson_of_softmax():
    values = [Value(2.0), Value(1.0), Value(-1.0)]
    loss = cross_entropy(values, 0)
    loss.backward()
    assert [round(p, 6) for p in softmax(values)] == [0.705385, 0.259496, 0.035119]
    assert (round(loss, 6), [round(v.grad, 6) for v in values]) == (0.349012, [-0.294615, 0.259496, 0.035119])


@pytest.mark.parametrize('empty', [[], np.zeros(0)])
def test_no_logits(empty):
    with pytest.raises(ValueError, match='there are no logits'):
        softmax(empty)
    with pytest.raises(ValueError, match='there are no logits'):
        cross_entropy(empty, 0)


@pytest.mark.parametrize('convert', [np.array, torch.tensor, lambda x: np.array(x, dtype=np.float32), tuple])
def test_targets_may_be_arrays_and_tensors(convert):
    values = [Value(0.5), Value(-1.5)]
    for loss, target in ((mse_loss, [2.0, 3.0]), (hinge_loss, [1.0, -1.0]),
                         (binary_cross_entropy_with_logits, [0.0, 1.0])):
        assert loss(values, convert(target)).data == pytest.approx(loss(values, target).data, rel=1e-12)
    if convert is not tuple:
        assert mse_loss(values[0], convert(2.0)).data == 2.25
        assert mse_loss(values, [convert(2.0), convert(3.0)]).data == mse_loss(values, [2.0, 3.0]).data


@pytest.mark.parametrize('convert', [np.array, torch.tensor])
def test_classes_may_be_arrays_and_tensors(convert):
    rows = [[Value(2.0), Value(1.0)], [Value(0.0), Value(3.0)]]
    assert cross_entropy(rows, convert([0, 1])).data == cross_entropy(rows, [0, 1]).data
    assert cross_entropy(rows[0], convert(1)).data == cross_entropy(rows[0], 1).data
    with pytest.raises(TypeError):
        cross_entropy(rows[0], convert(1.0))


def test_nn_hands_the_losses_on():
    for name in ('mse_loss', 'hinge_loss', 'binary_cross_entropy_with_logits', 'cross_entropy', 'softmax'):
        assert getattr(nn, name) is getattr(losses, name)


@pytest.mark.parametrize('logits', [{0: 1.0, 1: 2.0}, {1.0, 2.0}, 1.0, None, iter([1.0])])
def test_logits_are_a_sequence_and_nothing_without_an_order(logits):
    for call in softmax, lambda logits: cross_entropy(logits, 0):
        with pytest.raises(TypeError, match=f'the logits are a list, .* not a {type(logits).__name__}'):
            call(logits)


def test_logits_and_classes_in_the_other_order_are_an_error():
    with pytest.raises(ValueError, match='differ in length: a single one and 2'):
        cross_entropy(1, [1.0, 2.0])
