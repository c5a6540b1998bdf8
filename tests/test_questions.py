"""Questions about any graph, and random expressions to work out by hand."""

import random

import pytest
from handed_in import HAND_INS
from hypothesis import given
from hypothesis import strategies as st
from random_graphs import Graph, graphs

import micrograd
from micrograd import Value
from micrograd.exercises import exercise, random_expression

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
