"""The step player: its page as text, and its numbers in a headless Chromium, against the engine."""

import json
import math
import re
from pathlib import Path

import pytest
from browser import GRAPHS, LESSON, SOURCE, Scripts, close, gradients, lesson

from micrograd import Value, explain
from micrograd.command.expression import evaluate
from micrograd.engine import Constant
from micrograd.graph.formulas import FORMULAS, FUNCTIONS
from micrograd.graph.javascript import IN_JAVASCRIPT
from micrograd.nn import MLP
from micrograd.show.draw import draw_dot
from micrograd.show.notation import PLAIN, render
from micrograd.show.player import Player, play

# ---- The page as text ----

HOSTILE = ['</script><script>alert(1)</script>', '<!--', '<!-- <script>', '\u2028', '{{js}}', '"\'&amp;', '\\',
           'a{b}|<c>', '<img src=x onerror=alert(1)>', ']]>', '$&', 'naïve ŷ 変数', '\ud800', '-']


@pytest.mark.parametrize('label', HOSTILE)
def test_labels_stay_inside_their_script(label: str, tmp_path: Path):
    page = play(Value(1, label=label) * 2).html
    parsed = Scripts(page)
    assert [tag for tag, _ in parsed.tags].count('script') == 2
    assert json.loads(parsed.scripts[0])['nodes'][0]['name'] == label
    assert not any(name.startswith('on') for _, attributes in parsed.tags for name in attributes)
    assert page.count('const DATA') == 1
    Player(page).save(tmp_path / 'page.html')


def test_the_page_names_no_address():
    addresses = set(re.findall(r'(?:https?:)?//[a-z][^\s"\'<>)]*', re.sub(r'^\s*//.*$', '', lesson().html, flags=re.M)))
    assert addresses <= {'http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink'}
    assert "default-src 'none'" in lesson().html


def test_the_style_knows_every_colour_of_the_picture():
    w = Value(1, label='w')
    picture = draw_dot(w * 2 + w).pipe(encoding='utf-8')
    style = (SOURCE.parent / 'page.css').read_text(encoding='utf-8')
    for attribute, colour in set(re.findall(r'(fill|stroke)="(#\w+)"', picture)):
        assert f"[{attribute}='{colour}']" in style


def test_javascript_says_what_every_function_is():
    assert list(IN_JAVASCRIPT) == list(FUNCTIONS)


def test_save_and_repr(tmp_path: Path):
    player = lesson()
    path = player.save(str(tmp_path / 'backprop.html'))
    assert path == tmp_path / 'backprop.html'
    assert path.read_text(encoding='utf-8') == player.html
    shown = player._repr_html_()
    assert 'sandbox="allow-scripts"' in shown
    tag, attributes = Scripts(shown).tags[-1]
    assert tag == 'iframe' and attributes['srcdoc'] == player.html
    assert 'html' not in repr(player)


def test_the_graph_stays_as_it_is():
    loss = evaluate(*LESSON)
    before = [(v.data, v.grad, v.label) for v in loss.topological_order()]
    play(loss)
    assert [(v.data, v.grad, v.label) for v in loss.topological_order()] == before


def test_names_of_the_caller():
    a, b = Value(2), Value(3)
    c = a * b
    data = json.loads(Scripts(play(c).html).scripts[0])
    assert [node['name'] for node in data['nodes']] == ['a', 'b', 'c']
    data = json.loads(Scripts(play(c, names=False).html).scripts[0])
    assert [node['name'] for node in data['nodes']] == ['v1', 'v2', 'v3']
    data = json.loads(Scripts(play(c * 2, names={'k': a}).html).scripts[0])
    assert [node['name'] for node in data['nodes']] == ['k', 'v1', 'v2', '2', 'v3']


def test_limit():
    a = Value(1)
    for _ in range(21):
        a = a * 0.9
    with pytest.raises(ValueError, match=r'21 operations.*max_operations=20.*one neuron'):
        play(a, max_operations=20)
    play(a, max_operations=21)


def test_operations_by_hand():
    a = Value(2, label='a')
    out = Value(8, (a,), 'cube', label='c')
    out._backward = lambda: None
    with pytest.raises(ValueError, match=r"'cube', which made 'c', has no formula.*operations of Value"):
        play(out)
    with pytest.raises(ValueError, match=r"'cube' has no formula"):
        play(Value(8, (a,), 'cube', local_gradients=lambda: (12.0,)) + 1)


def test_errors():
    with pytest.raises(TypeError, match='one output, a Value, not a float'):
        play(2.0)
    with pytest.raises(ValueError, match='a is inf'):
        play(Value(math.inf, label='a') * 2)


# ---- The page in a browser ----

@pytest.mark.parametrize('graph', GRAPHS)
def test_the_last_step_has_the_engines_numbers(graph: str, opened):
    output = evaluate(*GRAPHS[graph])
    order = output.topological_order()
    page = opened(play(output))
    made = [v for v in order if v._prev]
    wires = [operand for v in made for operand in v._prev if not isinstance(operand, Constant)]
    assert page.steps == 2 + len(made) + len(wires)  # no derivative by a plain number
    page.press('End')
    assert page.step == page.steps
    assert close(page.numbers('data'), [v.data for v in order])
    assert close(page.numbers('grad'), gradients(order))
    labels = page.page.eval_on_selector_all('.edge text', 'ts => ts.map(t => t.textContent).filter(t => t !== "")')
    assert sorted(labels) == sorted(
        f'{local:.4g}'.replace('-', '−') for v in made
        for operand, local in zip(v._prev, v._local_gradients(), strict=True) if not isinstance(operand, Constant))


def test_the_graphs_cover_every_operation():
    made = {v._op for text, numbers in GRAPHS.values() for v in evaluate(text, numbers).topological_order() if v._prev}
    only_in_gradients = {'sign', 'step', 'log0'}
    assert set(FORMULAS) - only_in_gradients | {'dot', '**2'} <= made


def test_a_network(opened):
    output = MLP(2, [4, 3, 1])([0.5, -1.0])
    output.backward()
    page = opened(play(output))
    page.press('End')
    assert close(page.numbers('grad'), gradients(output.topological_order()))


def test_the_steps_of_lesson_1(opened):
    page = opened(lesson())
    said = [page.mathematics]
    for _ in range(page.steps - 1):
        page.press('ArrowRight')
        said.append(page.mathematics)
    assert said == [
        'w = 1 x = 1 y = 2',
        'y_hat = w·x = 1·1 = 1',
        's = y_hat − y = 1 − 2 = −1',
        'loss = s² = (−1)² = 1',
        '∂loss/∂loss = 1',
        '∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = 1 · (−2) = −2',
        '∂loss/∂y_hat += ∂loss/∂s · ∂s/∂y_hat = −2 · 1 = −2',
        '∂loss/∂y += ∂loss/∂s · ∂s/∂y = −2 · (−1) = 2',
        '∂loss/∂w += ∂loss/∂y_hat · ∂y_hat/∂w = −2 · 1 = −2',
        '∂loss/∂x += ∂loss/∂y_hat · ∂y_hat/∂x = −2 · 1 = −2',
    ]
    page.page.evaluate('location.hash = "#step=6"')
    page.wait_for_step(6)
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂loss/∂s = 2·s = 2·(−1) = −2'
    assert page.box('s') == ['s', 'data −1', 'grad −2 ▼']
    assert page.box('w') == ['w', 'data 1', 'grad –']
    assert page.page.eval_on_selector_all('.value.now', 'b => b.map(x => x.textContent.includes("s"))') == [True]
    assert page.page.locator('.edge.now').count() == 2
    assert page.page.locator('#steps [aria-selected=true]').text_content() == '∂loss/∂s += ∂loss/∂loss · ∂loss/∂s'


def test_the_gradient_of_a_power_is_said_as_one_writes_it(opened):
    page = opened(play(evaluate('p = a ** b', {'a': 2, 'b': 3})), '#step=4')
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂p/∂a = b·a^(b − 1) = 3·2^(3 − 1) = 12'
    page.press('ArrowRight')
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂p/∂b = p·ln(a) = 8·ln(2) = 5.54518'


def test_the_running_sum(opened):
    page = opened(play(evaluate('p = a*a', {'a': 3})), '#step=5')
    assert page.text('#mathematics .line:nth-child(3)') == 'sum of 2 of 2 uses∂p/∂a = 3 + 3 = 6'
    page.press('ArrowLeft')
    assert page.text('#mathematics .line:nth-child(3)') == 'sum of 1 of 2 uses∂p/∂a = 3'
    assert page.box('a')[-1] == 'grad 3 ▲'


def test_uses_of_one_value_are_told_apart_as_explain_does(opened):
    q = Value(3, label='q')
    output = q * q
    output.label = 'L'
    page = opened(play(output), '#step=4')
    assert page.mathematics == '∂L/∂q += ∂L/∂L · ∂L/∂q₍₁₎ = 1 · 3 = 3'
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂L/∂q₍₁₎ = q = 3'
    page.press('ArrowRight')
    assert page.mathematics == '∂L/∂q += ∂L/∂L · ∂L/∂q₍₂₎ = 1 · 3 = 3'
    explained = repr(explain(output))
    assert {'∂L/∂q₍₁₎ = q = 3', '∂L/∂q₍₂₎ = q = 3'} <= {line.strip() for line in explained.split('\n')}
    page.value('q').hover()
    assert page.text('#tip').endswith('∂L/∂q = ∂L/∂L · ∂L/∂q₍₁₎ + ∂L/∂L · ∂L/∂q₍₂₎ = 3 + 3 = 6')
    assert page.page.locator('#steps [aria-selected=true]').text_content() == '∂L/∂q += ∂L/∂L · ∂L/∂q₍₂₎'


def test_plain_numbers_have_no_step_and_no_gradient(opened):
    page = opened(play(evaluate('y = 2*a + 1', {'a': 3})), '#step=99')
    texts = page.page.eval_on_selector_all('.constant', 'bs => bs.map(b => b.textContent.replace(/\\s+/g, " ").trim())')
    assert sorted(texts) == ['data 1 constant', 'data 2 constant']
    steps = page.page.locator('#steps li').all_text_contents()
    assert not [step for step in steps if step.startswith(('∂y/∂2', '∂y/∂1'))]


def test_mathematics_is_written_as_in_python(opened):
    texts = {text for row in FORMULAS.values() for text in (row.formula, *row.gradients)}
    texts |= {'a ** 2', '2 * a', '-1.5 * a ** -2.5', 'w1 * x1 + w2 * x2', 'a ** -3', '-a / b / b'}
    cases = [(text, {'a': a, 'b': b, 'out': a, 'w1': a, 'w2': b, 'x1': b, 'x2': a})
             for text in sorted(texts) for a in ('p', '1.5', '-2') for b in ('q', '3', '-0.5')]
    found = opened(lesson()).page.evaluate(
        '([cases, calls]) => cases.map(([text, names]) => write(parse(text), names, calls))',
        [cases, dict(PLAIN.calls)])
    assert found == [render(text, names) for text, names in cases]


def test_numbers_are_written_as_in_python(opened):
    numbers = [0, 1, -1, 0.1, -0.08888, 1 / 3, 1e-4, 1.23456e-5, 9999.5, 12346, 123456, 1234567, -1e300, 5e-324]
    found = opened(lesson()).page.evaluate('numbers => numbers.flatMap(x => [number(x, 4), number(x)])', numbers)
    assert found == [PLAIN.minus(f'{x:.{digits}g}') for x in numbers for digits in (4, 6)]


@pytest.mark.parametrize(('graph', 'changes'), [
    ('lesson', {'w': 2.5, 'y': -1}),
    ('powers', {'a': 0.3, 'b': 2}),
    ('exp, log, sqrt', {'a': -1.25, 'b': 0.125}),
    ('tanh, sigmoid', {'a': -0.5, 'b': 1.5, 'c': 2}),
    ('dot', {'a': -0.3, 'b': 0.2, 'c': 0.1}),
    ('relu', {'a': -0.8, 'b': 0.1, 'c': 1}),
])
def test_number_fields_against_the_engine(graph: str, changes: dict[str, float], opened):
    text, numbers = GRAPHS[graph]
    page = opened(play(evaluate(text, numbers)))
    page.press('End')
    for name, number in changes.items():
        page.page.get_by_label(f'{name}, number', exact=True).fill(str(number))
    order = evaluate(text, {**numbers, **changes}).topological_order()
    assert close(page.numbers('data'), [v.data for v in order])
    assert close(page.numbers('grad'), gradients(order))
    page.page.click('#reset')
    assert close(page.numbers('grad'), gradients(evaluate(text, numbers).topological_order()))
    name = next(iter(changes))
    assert page.page.get_by_label(f'{name}, number', exact=True).input_value() == str(numbers[name])


def test_a_slider_against_the_engine(opened):
    text, numbers = GRAPHS['tanh, sigmoid']
    page = opened(play(evaluate(text, numbers)), '#step=99')
    slider = page.page.get_by_label('b, slider', exact=True)
    slider.focus()
    for key in ('ArrowRight', 'ArrowRight', 'PageUp', 'Home', 'ArrowRight'):
        page.press(key)
        b = float(slider.input_value())
        assert page.page.get_by_label('b, number', exact=True).input_value() == slider.input_value()
        order = evaluate(text, {**numbers, 'b': b}).topological_order()
        assert close(page.numbers('data'), [v.data for v in order])
        assert close(page.numbers('grad'), gradients(order))
    assert page.step == page.steps  # the arrows moved the slider, not the step


def test_a_slider_changes_the_mathematics_and_the_colours(opened):
    page = opened(lesson(), '#step=6')
    fill = 'getComputedStyle([...document.querySelectorAll(".value")].find(b => b.textContent.includes("s")' \
           ' && b.classList.contains("now")).querySelector(".cell")).fill'
    orange = page.page.evaluate(fill)
    page.page.get_by_label('y, number', exact=True).fill('-3')
    assert page.mathematics == '∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = 1 · 8 = 8'
    assert page.box('s') == ['s', 'data 4', 'grad 8 ▲']
    assert page.page.evaluate(fill) != orange


def test_outside_the_domain_and_back(opened):
    text, numbers = 'l = log(a); r = sqrt(b); y = l + r', {'a': 2, 'b': 4}
    page = opened(play(evaluate(text, numbers)), '#step=99')
    field = page.page.get_by_label('a, number', exact=True)
    field.fill('-2')
    assert page.text('#trouble').startswith('log is not defined here: l = ln(a) = ln(−2)')
    assert page.box('l')[1] == page.box('y')[1] == 'not defined here'
    assert page.box('r')[1] == 'data 2'
    page.page.click('#first')
    page.page.click('#forward')
    assert page.mathematics == 'l = ln(a) = ln(−2) = not defined here'
    field.fill('1')
    assert not page.page.is_visible('#trouble')
    page.page.get_by_label('b, number', exact=True).fill('0')  # the root of 0 exists, its slope does not
    assert 'sqrt is not defined here: ∂r/∂b = 1/(2·r) = 1/(2·0)' in page.text('#trouble')
    page.page.click('#reset')
    page.page.click('#last')
    assert not page.page.is_visible('#trouble')
    assert close(page.numbers('grad'), gradients(evaluate(text, numbers).topological_order()))


def test_a_field_that_holds_no_number_changes_nothing(opened):
    page = opened(lesson(), '#step=99')
    field = page.page.get_by_label('w, number', exact=True)
    field.fill('')
    assert page.box('loss')[1] == 'data 1'
    field.blur()
    assert field.input_value() == '1'
