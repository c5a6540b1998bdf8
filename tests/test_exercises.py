"""Exercises: every usual mistake as somebody's engine, whatever else may be handed in, questions about any graph."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs import np
from random_graphs import Graph, graphs

import micrograd
from micrograd import Value
from micrograd.exercises import check, exercise, random_expression
from micrograd.exercises.training import START, X, Y


class Engine:
    """The engine of 23 lines that the lesson builds. Each usual mistake is a class derived from it."""

    def __init__(self, data, operands=(), local_gradients=()):
        self.data, self.operands, self.local_gradients, self.grad = data, operands, local_gradients, 0.0

    def make(self, *made):
        return type(self)(*made)

    def __add__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        return self.make(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other):
        return self.make(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return self.make(self.data**n, (self,), (n * self.data**(n - 1),))

    def tanh(self):
        out = math.tanh(self.data)
        return self.make(out, (self,), (1 - out**2,))

    def order(self):
        order = []

        def visit(node):
            if node not in order:
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        return order

    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class Recursive(Engine):
    def recurse(self):
        for operand, local in zip(self.operands, self.local_gradients):
            operand.grad += local * self.grad
        for operand in self.operands:
            operand.recurse()

    def backward(self):
        self.grad = 1.0
        self.recurse()


class RecursiveAtOnce(Recursive):
    def recurse(self):
        for operand, local in zip(self.operands, self.local_gradients):
            operand.grad += local * self.grad
            operand.recurse()


class Assigns(Engine):
    def backward(self):
        self.grad = 1.0
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad = local * node.grad


class StartsNowhere(Engine):
    def backward(self):
        Engine.backward.__get__(self)
        for node in reversed(self.order()):
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class FromTheLeaves(Engine):
    def backward(self):
        self.grad = 1.0
        for node in self.order():
            for operand, local in zip(node.operands, node.local_gradients):
                operand.grad += local * node.grad


class EverybodyStarts(Engine):
    def backward(self):
        self.grad = 1.0
        for operand, local in zip(self.operands, self.local_gradients):
            operand.backward()
            operand.grad = local * self.grad


class OwnFactor(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, (self, other), (self.data, other.data))


class PlusForMinus(Engine):
    def __sub__(self, other):
        return self.make(self.data - other.data, (self, other), (1.0, 1.0))


class AddsForMinus(Engine):
    def __sub__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))


class KeepsASet(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, {self: other.data, other: self.data}, (other.data, self.data)[
            :len({self, other})])


class KeepsNumbers(Engine):
    def __mul__(self, other):
        return self.make(self.data * other.data, (self.data, other.data), (other.data, self.data))


class KeepsNothing:
    def __init__(self, data):
        self.data = data

    def __add__(self, other):
        return KeepsNothing(self.data + other.data)

    def __mul__(self, other):
        return KeepsNothing(self.data * other.data)


class BareNumber(Engine):
    def __mul__(self, other):
        return self.data * other.data


class ChangesItself(Engine):
    def __mul__(self, other):
        self.data *= other.data
        return self


class ForgetsToReturn(Engine):
    def __mul__(self, other):
        self.make(self.data * other.data, (self, other), (other.data, self.data))


class AddsForTimes(Engine):
    def __mul__(self, other):
        return self.make(self.data + other.data, (self, other), (1.0, 1.0))


class ForgetsTheExponent(Engine):
    def __pow__(self, n):
        return self.make(self.data**n, (self,), (self.data**(n - 1),))


class KeepsTheExponent(Engine):
    def __pow__(self, n):
        return self.make(self.data**n, (self,), (n * self.data**n,))


class TanhOfTheInput(Engine):
    def tanh(self):
        return self.make(math.tanh(self.data), (self,), (1 - self.data**2,))


class TanhWithoutSquare(Engine):
    def tanh(self):
        out = math.tanh(self.data)
        return self.make(out, (self,), (1 - out,))


class Endless(Engine):
    def order(self):
        return [*self.order(), self]


class NoMultiplication:
    def __init__(self, data):
        self.data = data


def test_a_step_that_is_right_is_ok_and_says_the_number():
    for step in (2, 3, 5, 6, 7, 10):
        for engine in (Engine, micrograd.Value):
            verdict = check(step, engine)
            assert verdict, verdict
            assert str(verdict).startswith(f'OK, step {step}: ')
    assert '0.462117' in str(check(7, Engine)) and '1.572895' in str(check(7, Engine))


@pytest.mark.parametrize('step, engine, expected, came, cause', [
    (2, AddsForTimes, '-6', '-1', '__mul__ adds'),
    (2, BareNumber, 'a Value', '-6.0', 'bare number'),
    (2, ChangesItself, 'a new Value', 'an operand, changed', 'leave the operands'),
    (2, ForgetsToReturn, 'a Value', 'None', 'return is missing'),
    (2, NoMultiplication, 'a result', 'TypeError', 'no __mul__'),
    (3, KeepsNothing, 'a tuple', 'no attribute operands', '__init__ keeps it'),
    (3, KeepsNumbers, 'the two Values', '[2.0, -3.0]', 'not their numbers'),
    (3, KeepsASet, '-2', '-1', 'a set holds s only once'),
    (3, OwnFactor, '-3', '2', 'wrong operand'),
    (3, PlusForMinus, '-1', '1', 'a sign'),
    (3, AddsForMinus, '-1', '3', '__sub__ adds'),
    (5, OwnFactor, '-6', '10', 'wrong operand'),
    (5, EverybodyStarts, '-30', '-3', 'became 1'),
    (5, Assigns, '4', '1', '= in place of +='),
    (5, StartsNowhere, '-6', '0', 'nothing starts it'),
    (5, FromTheLeaves, '-30', '0', 'does not go on'),
    (6, Recursive, '4', '8', 'recursion without order'),
    (6, RecursiveAtOnce, '4', '6', 'recursion without order'),
    (6, Assigns, '4', '1', '= in place of +='),
    (6, FromTheLeaves, '4', '0', 'reversed'),
    (6, OwnFactor, '16', '-24', 'wrong operand'),
    (6, Endless, 'a result', 'RecursionError', 'without end'),
    (6, KeepsNothing, 'a result', 'AttributeError', 'no method backward'),
    (7, ForgetsTheExponent, '12', '4', 'factor n is forgotten'),
    (7, KeepsTheExponent, '12', '24', 'goes down by 1'),
    (7, TanhOfTheInput, '1.572895', '1.5', 'has the result o'),
    (7, TanhWithoutSquare, '1.572895', '1.075766', 'square in 1 - o**2'),
    (7, OwnFactor, '1.572895', '0.3932239', 'wrong operand'),
    (7, KeepsNothing, 'a result', 'TypeError', '__pow__'),
    (10, Recursive, '4', '8', 'recursion without order'),
], ids=lambda x: getattr(x, '__name__', x) if isinstance(x, (int, type)) else '')
def test_a_usual_mistake_is_recognised(step, engine, expected, came, cause):
    verdict = check(step, engine)
    assert not verdict
    rows = dict(line.split(None, 1) for line in str(verdict).splitlines()[1:])
    assert rows['expected'].startswith(expected)
    assert rows['came'].startswith(came)
    assert cause in rows['likely']


@pytest.mark.parametrize('engine', [Recursive, RecursiveAtOnce])
def test_step_5_is_the_recursion_that_goes_wrong(engine):
    verdict = check(5, engine)
    assert verdict
    assert 'and should be 4' in str(verdict)


SLOPES = {
    'two-sided': (lambda f, x, h=1e-6: (f(x + h) - f(x - h)) / (2 * h), ''),
    'one-sided': (lambda f, x: (f(x + 1e-6) - f(x)) / 1e-6, ''),
    'coarse': (lambda f, x: (f(x + 0.1) - f(x)) / 0.1, 'too large'),
    'sign': (lambda f, x: (f(x) - f(x + 1e-6)) / 1e-6, 'the sign'),
    'half': (lambda f, x: (f(x + 1e-6) - f(x)) / 2e-6, 'half of it'),
    'twice': (lambda f, x: (f(x + 1e-6) - f(x - 1e-6)) / 1e-6, 'twice of it'),
    'not divided': (lambda f, x: f(x + 1e-6) - f(x), 'not divided by h'),
    'too fine': (lambda f, x: (f(x + 1e-20) - f(x)) / 1e-20, 'x + h is x again'),
    'the function': (lambda f, x: f(x), 'the function itself'),
    'learned by heart': (lambda f, x: -2.0, 'use the f and x'),
    'nothing': (lambda f, x: None, 'not written yet'),
    'dots': (lambda f, x: ..., 'not written yet'),
}


@pytest.mark.parametrize('name', SLOPES)
def test_step_1_is_a_slope(name):
    slope, cause = SLOPES[name]
    verdict = check(1, slope)
    assert bool(verdict) == (not cause)
    assert cause in str(verdict)


def test_a_number_in_any_wrapping_is_a_number():
    for number in (-2, -2.0, Value(-2.0), np.float64(-2), np.array(-2.0), np.array([-2.0])):
        assert check(1, number)


BY_HAND = {'L': 1.0, 'q': -8.0, 'p': -8.0, 'a': 16.0, 'b': -16.0}


def test_step_4_takes_the_gradients_by_name_or_in_order():
    assert check(4, BY_HAND)
    assert check(4, {**BY_HAND, 'L': 16})
    assert check(4, {name: number for name, number in BY_HAND.items() if name != 'L'})
    assert check(4, list(BY_HAND.values()))
    assert check(4, (-8, -8, 16, -16))
    assert check(4, lambda: BY_HAND)
    nodes = {name: Value(0.0) for name in 'qpab'}
    for name, node in nodes.items():
        node.grad = BY_HAND[name]
    assert check(4, nodes)


@pytest.mark.parametrize('name, number, cause', [
    ('q', -4, 'used twice'), ('q', 8, 'a sign'), ('p', 8, 'a sign'), ('p', 1, 'local gradient alone'),
    ('a', -8, 'only the direct use'), ('a', 24, 'only the use in p'), ('a', -24, 'wrong operand'),
    ('b', 24, 'wrong operand'), ('b', 16, 'a sign'), ('L', 0, 'nothing starts it'),
])
def test_step_4_recognises_the_usual_mistakes(name, number, cause):
    verdict = check(4, {**BY_HAND, name: number})
    assert not verdict
    assert f'dL/d{name}' in str(verdict)
    assert cause in str(verdict)


def descent(rate=0.01, mean=True, zero=True, factor=2.0, after=True, epochs=20):
    w, gradient, history = 0.0, 0.0, []
    for _ in range(epochs):
        before, loss = w, sum((w * x - y)**2 for x, y in zip(X, Y)) / len(X)
        new = sum(factor * (w * x - y) * x for x, y in zip(X, Y)) / (len(X) if mean else 1)
        gradient = new if zero else gradient + new
        w -= rate * gradient
        history.append((w if after else before, loss))
    return history


@pytest.mark.parametrize('mistake, cause', [
    ({'zero': False}, 'never set back'), ({'mean': False}, 'the sum over the points'), ({'rate': 0.001}, '0.01'),
    ({'rate': -0.01}, 'a sign'), ({'factor': 1.0}, 'factor 2'), ({'after': False}, 'after its update'),
    ({'rate': 0.0}, 'does not move'), ({'epochs': 3}, ''),
])
def test_step_8_recognises_the_usual_mistakes(mistake, cause):
    assert check(8, descent())
    assert check(8, descent)
    verdict = check(8, descent(**mistake))
    assert not verdict
    assert cause in str(verdict)


def test_step_8_tells_a_wrong_loss_from_a_wrong_weight():
    verdict = check(8, [(w, 20 * loss) for w, loss in descent()])
    assert not verdict and 'it is the loss' in str(verdict)


def by_micrograd(w1, b1, w2, b2, through=None, factor=1.0):
    parameters = [Value(number) for number in (w1, b1, w2, b2)]
    xs = [-1 + 2 * i / 7 for i in range(8)]
    hidden = [(parameters[0] * x + parameters[1]).sigmoid() for x in xs]
    loss = micrograd.nn.mse_loss([parameters[2] * z + parameters[3] for z in hidden], xs) * factor
    loss.backward()
    grads = [p.grad for p in parameters]
    if through:
        grads[:2] = [grad / w2 * w1 for grad in grads[:2]]
    return [loss.data / factor, *grads]


def test_step_9_is_a_function_of_the_parameters_or_its_five_numbers():
    assert check(9, by_micrograd)
    assert check(9, by_micrograd(*START))


@pytest.mark.parametrize('mistake, cause', [
    ({'factor': 0.5}, 'factor 2'), ({'factor': 8.0}, 'sum over the points'), ({'factor': -1.0}, 'a sign'),
    ({'through': 'hidden'}, 'through the output weight'),
])
def test_step_9_recognises_the_usual_mistakes(mistake, cause):
    verdict = check(9, lambda *parameters: by_micrograd(*parameters, **mistake))
    assert not verdict
    assert cause in str(verdict)


class Hostile:
    """Whatever one asks of it, it raises."""

    def __getattribute__(self, name):
        raise RuntimeError('no')

    def __call__(self, *operands):
        raise SystemExit('enough')

    def __repr__(self):
        raise ValueError('no repr')

    def __len__(self):
        raise ValueError('no length')


class Lies(Engine):
    """An engine whose every answer is a text."""

    def __add__(self, other):
        return 'four'

    __sub__ = __mul__ = __pow__ = __add__

    def tanh(self):
        return 'half'


class NumbersOfText(Engine):
    def backward(self):
        for node in self.order():
            node.grad = 'much'


class ListensToNobody(type):
    def __call__(cls, *operands):
        raise BaseException('from below')


def endless(*operands):
    return endless(*operands)


HAND_INS = [
    None, ..., 3, -2.5, math.nan, math.inf, 10**400, True, 'Value', b'', [], (), {}, {'a': 'b'}, [1, 'two'], {1, 2},
    object(), object, Hostile(), Hostile, Lies, NumbersOfText, ListensToNobody('Odd', (), {}), endless, Engine(2.0),
    Value, Value(1.0), NotImplemented, lambda: None, lambda *operands: operands, lambda *operands: [operands] * 20,
    print, type, np.ones(3), [[math.nan, math.nan]] * 20, NoMultiplication, KeepsNothing, Recursive, iter([1]),
    range(20), float, dict, int, complex, {'L': None}, [None] * 5, np.array(['x']), Exception, [(1, 2, 3)] * 20,
]


@pytest.mark.parametrize('step', range(1, 11))
@pytest.mark.parametrize('place', range(len(HAND_INS)))
def test_whatever_is_handed_in_gets_an_answer(step, place):
    verdict = check(step, HAND_INS[place])
    text = repr(verdict)
    assert text.startswith(('OK, step ', 'Not yet, step '))
    assert bool(verdict) == text.startswith('OK')
    assert all(len(line) < 300 for line in text.splitlines())


@pytest.mark.parametrize('step', [0, 11, None, 'six', [1], Value, 2.5])
def test_a_step_that_there_is_not_gets_an_answer(step):
    verdict = check(step, Engine)
    assert not verdict
    assert 'the steps are 1 to 10' in str(verdict)


def test_the_user_may_stop_it():
    def impatient(f, x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(1, impatient)


def test_a_verdict_shows_as_text_that_no_label_can_break():
    html = check(1, '<script>')._repr_html_()
    assert html.startswith('<pre') and '<script>' not in html and '&lt;script&gt;' in html


# random_expression

SEEDS = range(60)


@pytest.mark.parametrize('level', [1, 2, 3])
def test_a_random_expression_has_pleasant_numbers_all_the_way(level):
    for seed in SEEDS:
        output = random_expression(seed, level)
        output.backward()
        order = output.topological_order()
        numbers = [number for node in order for number in (node.data, node.grad)]
        assert all(number and abs(number) <= 24 and (2 * number).is_integer() for number in numbers), seed
        assert all(node.label for node in order) and len({node.label for node in order}) == len(order)
        uses = [operand for node in order for operand in node._prev]
        assert (len(set(uses)) < len(uses)) == (level > 1)
        assert len([node for node in order if node._prev]) == {1: 2, 2: 3, 3: 5}[level]


def written(output):
    order = output.topological_order()
    return [(node.label, node.data, node._op, [order.index(operand) for operand in node._prev]) for node in order]


@pytest.mark.parametrize('level', [1, 2, 3])
def test_a_random_expression_is_its_seed_and_nothing_else(level):
    random.seed(1)
    state = random.getstate()
    first = [written(random_expression(seed, level)) for seed in SEEDS]
    assert random.getstate() == state
    assert first == [written(random_expression(seed, level)) for seed in SEEDS]
    assert len({str(one) for one in first}) > 50
    assert written(random_expression('Monday', level)) == written(random_expression('Monday', level))


def test_a_random_expression_of_another_level_is_an_error():
    with pytest.raises(ValueError, match='level is one of'):
        random_expression(1, 4)


# exercise


def task_for(output, question, level=None):
    for seed in range(300):
        task = exercise(output, seed, level, names=False)
        if question in task.question:
            return task
    raise AssertionError(f'nobody asks {question}')


def shared():
    a, b = Value(2.0, label='a'), Value(-3.0, label='b')
    p = a * b
    p.label = 'p'
    q = p + a
    q.label = 'q'
    output = q * q
    output.label = 'L'
    return output


@pytest.mark.parametrize('question, level, right, wrong', [
    ('What is dL/da?', 2, 16, {24: 'used more than once', -8: 'used more than once', -16: 'a sign', 8: 'factor 2',
                               56: 'recursion without order', 2: 'not its gradient', -24: 'wrong operand'}),
    ('What is dL/db?', 2, -16, {24: 'wrong operand', 2: 'local gradient alone', 16: 'a sign', -48: 'without order'}),
    ('What is dL/dq?', 2, -8, {-4: 'used more than once', 8: 'a sign', 1.5: ''}),
    ('local gradient dp/db', 1, 2, {-3: 'another operand', -2: 'a sign'}),
    ('What number is p?', 1, -6, {-1: 'the sum', 6: 'a sign', 5: 'the difference'}),
    ('is a then?', 3, None, {'uphill': 'uphill'}),
])
def test_a_question_knows_its_answer_and_the_usual_mistakes(question, level, right, wrong):
    task = task_for(shared(), question, level)
    if right is None:
        rate = float(task.question.split('learning rate of ')[1].split('.\n')[0])
        right, wrong = 2 - rate * 16, {2 + rate * 16: 'uphill', rate * 16: 'step alone', -14: 'learning rate'}
    assert task.check(right)
    assert task.check(Value(right))
    for number, cause in wrong.items():
        verdict = task.check(number)
        assert not verdict and cause in str(verdict)
        assert f'{right:g}' not in str(verdict).split()  # nobody is told the answer
    assert repr(task) == task.question


def test_one_more_use_adds_its_share():
    task = task_for(shared(), 'Now b is used once more', level=3)
    times = int(task.question.split(' * b.')[0].split()[-1])
    assert task.check(-16 + times)
    assert 'only the new use' in str(task.check(times))
    assert 'only the old uses' in str(task.check(-16))
    assert 'along one path' in str(task.check(-16 * times))


@given(graphs(), st.integers(0, 50), st.sampled_from([1, 2, 3, None]))
def test_the_answers_are_the_engine_s_for_any_graph(graph: Graph, seed, level):
    nodes = graph.values()
    output = nodes[graph.root]
    if not output._prev:
        return
    grads = [node.grad for node in output.topological_order()]
    try:
        task = exercise(output, seed, level, names=nodes)
    except ValueError as error:
        assert 'has no question' in str(error)
        return
    assert [node.grad for node in output.topological_order()] == grads
    assert task.question == exercise(output, seed, level, names=nodes).question
    assert task.check(task.answer)
    assert not task.check(task.answer + max(1.0, abs(task.answer)))
    if task.question.splitlines()[-1].startswith(f'What is d{graph.root}/d'):
        output.backward()
        asked = task.question.rsplit('/d', 1)[1].removesuffix('?')
        assert task.answer == nodes[asked].grad


@pytest.mark.parametrize('place', range(len(HAND_INS)))
def test_any_answer_is_answered(place):
    verdict = exercise(shared(), names=False).check(HAND_INS[place])
    assert str(verdict).startswith(('OK', 'Not yet'))


def test_a_question_about_a_large_graph_stands_on_its_own():
    model = micrograd.nn.MLP(3, [8, 8, 1])
    output = model([1.0, 2.0, 3.0])
    for seed in range(20):
        task = exercise(output, seed)
        assert len(task.question) < 3000
        assert task.check(task.answer)


def test_no_question_is_trivial():
    for seed in range(100):
        task = exercise(shared(), seed, names=False)
        assert task.answer not in (0.0, 1.0)
        assert 'dL/dL' not in task.question
    with pytest.raises(ValueError, match='it is a leaf'):
        exercise(Value(3.0))


def test_other_things_are_errors_that_say_so():
    with pytest.raises(TypeError, match='not of a list'):
        exercise([Value(1.0)])
    with pytest.raises(ValueError, match='level is one of'):
        exercise(shared(), level=4)


def test_a_step_written_by_hand_has_forward_questions_and_no_others():
    a = Value(2.0, label='a')
    out = Value(4.0, (a,), 'f')
    out._backward = lambda: None
    assert 'What number' in exercise(out, level=1).question
