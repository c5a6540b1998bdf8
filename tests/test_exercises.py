"""The checks of *build it yourself*: every usual mistake as somebody's engine, and whatever else may be handed in."""

import json
import re
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import handed_in as theirs
import pytest
from handed_in import HAND_INS, Engine, Recursive, RecursiveAtOnce
from needs import np

import micrograd
from micrograd import Value
from micrograd.exercises import check
from micrograd.exercises.training import START, X, Y


def test_a_step_that_is_right_is_ok_and_says_the_number():
    for step in (2, 3, 5, 6, 7, 10):
        for engine in (Engine, micrograd.Value, theirs.ThroughGenerators, theirs.ThroughKeys):
            verdict = check(step, engine)
            assert verdict, verdict
            assert str(verdict).startswith(f'OK, step {step}: ')
    assert '0.462117' in str(check(7, Engine)) and '1.572895' in str(check(7, Engine))


@pytest.mark.parametrize('step, engine, expected, came, cause', [
    (2, theirs.AddsForTimes, '-6', '-1', '__mul__ adds'),
    (2, theirs.BareNumber, 'a Value', '-6.0', 'bare number'),
    (2, theirs.ChangesItself, 'a new Value', 'an operand, changed', 'leave the operands'),
    (2, theirs.ForgetsToReturn, 'a Value', 'None', 'return is missing'),
    (2, theirs.NoMultiplication, 'a result', 'TypeError', 'no __mul__'),
    (2, theirs.TakesTheValueItself, 'a result', 'TypeError', 'other.data'),
    (2, theirs.KeepsNoNumber, 'a result', 'AttributeError', 'self.data = data'),
    (3, theirs.KeepsNothing, 'a tuple', 'no attribute operands', '__init__ keeps it'),
    (3, theirs.KeepsNumbers, 'the two Values', '[2.0, -3.0]', 'not their numbers'),
    (3, theirs.KeepsASet, '-2', '-1', 'a set holds s only once'),
    (3, theirs.OwnFactor, '-3', '2', 'wrong operand'),
    (3, theirs.FactorsForPlus, '1', '-3', 'an operand\'s number'),
    (6, theirs.NoLocalGradients, '-8', '2', 'left out'),
    (7, theirs.TimesForPower, '108', '36', 'in place of **'),
    (10, theirs.PlusForMinus, '-2', '2', 'a sign'),
    (3, theirs.PlusForMinus, '-1', '1', 'a sign'),
    (3, theirs.AddsForMinus, '-1', '3', '__sub__ adds'),
    (5, theirs.OwnFactor, '-6', '10', 'wrong operand'),
    (5, theirs.EverybodyStarts, '-30', '-3', 'became 1'),
    (5, theirs.Assigns, '4', '1', '= in place of +='),
    (5, theirs.StartsNowhere, '-6', '0', 'nothing starts it'),
    (5, theirs.FromTheLeaves, '-30', '0', 'does not go on'),
    (6, Recursive, '4', '8', 'recursion without order'),
    (6, RecursiveAtOnce, '4', '6', 'recursion without order'),
    (6, theirs.Assigns, '4', '1', '= in place of +='),
    (6, theirs.FromTheLeaves, '4', '0', 'reversed'),
    (6, theirs.OwnFactor, '16', '-24', 'wrong operand'),
    (6, theirs.Endless, 'a result', 'RecursionError', 'without end'),
    (6, theirs.KeepsNothing, 'a result', 'AttributeError', 'no method backward'),
    (7, theirs.ForgetsTheExponent, '108', '27', 'factor n is forgotten'),
    (7, theirs.KeepsTheExponent, '108', '324', 'goes down by 1'),
    (7, theirs.TanhOfTheInput, '1.572895', '1.5', 'has the result o'),
    (7, theirs.TanhWithoutSquare, '1.572895', '1.075766', 'square in 1 - o**2'),
    (7, theirs.OwnFactor, '1.572895', '0.3932239', 'wrong operand'),
    (7, theirs.KeepsNothing, 'a result', 'TypeError', '__pow__'),
    (10, Recursive, '4', '8', 'recursion without order'),
], ids=lambda x: getattr(x, '__name__', x) if isinstance(x, (int, type)) else '')
def test_a_usual_mistake_is_recognised(step, engine, expected, came, cause):
    verdict = check(step, engine)
    assert not verdict
    rows = dict(line.split(None, 1) for line in str(verdict).splitlines()[1:])
    assert rows['expected'].startswith(expected)
    assert rows['came'].startswith(came)
    assert cause in rows['likely']


def test_a_product_of_values_within_the_product_calls_itself():
    verdict = check(2, theirs.MultipliesItself)
    assert not verdict
    assert 'RecursionError' in str(verdict) and 'other.data' in str(verdict)


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
    'three operands': (lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h), 'a default'),
    'the other way round': (lambda x, f: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, 'in this order'),
    'dots': (lambda f, x: ..., 'not written yet'),
}


@pytest.mark.parametrize('name', SLOPES)
def test_step_1_is_a_slope(name):
    slope, cause = SLOPES[name]
    verdict = check(1, slope)
    assert bool(verdict) == (not cause)
    assert cause in str(verdict)


def test_a_number_in_any_wrapping_is_a_number():
    for number in (-2, -2.0, Value(-2.0), np.float64(-2), np.array(-2.0), np.array([-2.0]), Fraction(-2),
                   Decimal(-2)):
        assert check(1, number)


@pytest.mark.parametrize('thing, cause', [
    ([3.0], 'several'), ((3.0, 4.0), 'several'), (np.ones(2), 'several'), ({'a': 3.0}, 'several'),
    ('3', 'without quotes'), ('1/2', 'without quotes'), ('0,5', 'with a point'), ((0, 5), 'write a point'),
    (b'3', 'without quotes'), (Engine, 'a class'), ((3.0 for _ in '1'), 'a generator'), (True, 'true or false'),
    (lambda: 3.0, 'parentheses'), (None, 'not written yet'), (..., 'not written yet'),
])
def test_what_is_no_number_is_told_why(thing, cause):
    assert cause in str(check('6a', thing))


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


@pytest.mark.parametrize('history, cause', [
    ([(Value(7.285), loss) for _, loss in descent()], 'at the time'), ([(loss, w) for w, loss in descent()], 'places'),
    ([w for w, _ in descent()], 'both numbers'), (lambda w: descent(), 'without operands'),
])
def test_step_8_says_what_is_to_be_written_down(history, cause):
    verdict = check(8, history)
    assert not verdict
    assert cause in str(verdict)


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


@pytest.mark.parametrize('step', range(1, 11))
@pytest.mark.parametrize('place', range(len(HAND_INS)))
def test_whatever_is_handed_in_gets_an_answer(step, place):
    verdict = check(step, HAND_INS[place])
    text = repr(verdict)
    assert text.startswith(('OK, step ', 'Not yet, step '))
    assert bool(verdict) == text.startswith('OK')
    assert all(len(line) < 300 for line in text.splitlines())


@pytest.mark.parametrize('engine', theirs.ENDLESS)
def test_an_endless_recursion_gets_an_answer(engine):
    """Whatever it goes through; in a browser too, whose stack ends before Python's limit."""
    limit = sys.getrecursionlimit()
    verdicts = [check(step, thing) for step in range(1, 11) for thing in (engine, lambda *_: engine(2.0) * engine(3.0))]
    assert all(repr(verdict).startswith(('OK', 'Not yet, step ')) for verdict in verdicts)
    assert any('calls itself' in repr(verdict) or 'RecursionError' in repr(verdict) for verdict in verdicts)
    assert not verdicts[-2]
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize('step', [0, 11, None, 'six', [1], Value, 2.5])
def test_a_step_that_there_is_not_gets_an_answer(step):
    verdict = check(step, Engine)
    assert not verdict
    assert 'the steps are 1 to 10' in str(verdict)


def test_step_10_takes_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('my_engine.py').write_text('class Value(__import__("handed_in").Engine): pass\n')
    assert str(check(10, 'my_engine.py')) == 'OK, step 10: my_engine.Value gives the same numbers in every step'


WRONG = [  # what one may write in place of what is right, in each place where it stands
    ('+=', '='), ('+=', '-='), ('data + other', 'data - other'), ('data - other', 'data + other'), (' * ', ' + '),
    ('**', '*'), ('(1.0, 1.0)', '(1.0, -1.0)'), ('(1.0, -1.0)', '(1.0, 1.0)'), ('(1.0, -1.0)', '(1.0, -2.0)'),
    ('(1.0, 1.0)', '(other.data, self.data)'), ('(other.data, self.data)', '(self.data, other.data)'),
    ('(self, other)', '(self,)'), ('reversed(self.order())', 'self.order()'), ('n - 1', 'n'), ('n * ', ''),
    ('(n - 1)', 'n - 1'), ('o**2', 'self.data**2'), ('1 - o', 'o'), ('math.tanh', 'math.sin'), (' + [self]', ''),
    ('seen.add(self)', 'pass'), ('return ', ''), ('local * value.grad', 'local'), ('local * value.grad', 'value.grad'),
    ('grad = 1.0', 'grad = 0.0'), ('grad = 1.0', 'grad = -1.0'), ('local_gradients, 0.0', 'local_gradients, 1.0'),
]


def wrong_engines():
    cells = json.loads((Path(__file__).parent.parent / 'notebooks' / '03_build_it_yourself.ipynb').read_text())['cells']
    [text] = [text for text in (''.join(cell['source']) for cell in cells) if text.startswith('%%writefile my_engine')]
    text = text.partition('\n')[2]
    for right, wrong in WRONG:
        places = [match for match in re.finditer(re.escape(right), text)
                  if '__(' not in text[match.start() - 9:match.start()]]  # (self, other) where a method begins
        assert places, right
        for place in places:
            yield text[:place.start()] + wrong + text[place.end():]


@pytest.mark.parametrize('text', [*wrong_engines()])
def test_no_wrong_engine_passes_step_10(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path('my_engine.py').write_text(text)
    assert not check(10, 'my_engine.py')


@pytest.mark.parametrize('text, came, cause', [
    (None, 'FileNotFoundError', ''), ('class Value:\n    def', 'SyntaxError', ''), ('x = 1', 'none', 'class Value'),
    ('raise NotImplementedError', 'NotImplementedError', 'not written yet'), ('Value = None', 'None', 'the class'),
    ('class Value: ...', 'TypeError', '__init__'), ('import sys; sys.exit(3)', 'SystemExit', 'has to run'),
    ('from handed_in import Recursive as Value', '8', 'recursion without order'),
])
def test_step_10_answers_whatever_the_file_holds(tmp_path, monkeypatch, text, came, cause):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path('my_engine.py').write_text(text + '\n')
    verdict = check(10, 'my_engine.py')
    assert not verdict
    assert str(verdict).startswith('Not yet, step 10: ')
    assert came in str(verdict) and cause in str(verdict)


@pytest.mark.parametrize('place', range(len(HAND_INS)))
def test_whatever_answers_a_question_gets_an_answer(place):
    for question in ('0b', '4a', '13c'):
        assert str(check(question, HAND_INS[place])).startswith((f'OK, {question}: ', f'Not yet, {question}: '))


def test_the_user_may_stop_it():
    def impatient(f, x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(1, impatient)


def test_a_verdict_shows_as_text_that_no_label_can_break():
    html = check(1, '<script>')._repr_html_()
    assert html.startswith('<pre') and '<script>' not in html and '&lt;script&gt;' in html
