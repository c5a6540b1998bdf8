"""The step player: its page, opened in a headless Chromium, against the engine."""

import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import micrograd.player
from micrograd import Value, dot
from micrograd.draw import draw_dot
from micrograd.expression import evaluate
from micrograd.formulas import FORMULAS, FUNCTIONS, PLAIN, render
from micrograd.nn import MLP
from micrograd.player import Player, play

try:
    from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
except ImportError:
    sync_playwright = None

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
MISSING = [] if sync_playwright else ['pip install playwright']
MISSING += [] if CHROMIUM else ['apt install chromium']
FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync']
SOURCE = Path(micrograd.player.__file__).parent
LESSON = ('y_hat = w*x; s = y_hat - y; loss = s**2', {'w': 1, 'x': 1, 'y': 2})
GRAPHS = {
    'lesson': LESSON,
    'sum, difference, product, quotient': ('p = a*b; q = (p - c)/b; r = q + a + p', {'a': 2, 'b': -3, 'c': 0.5}),
    'powers': ('u = a**2; v = a**3; t = a**-1.5; y = u*v + t + a**0 + a**1 + a**b', {'a': 1.7, 'b': -0.3}),
    'a plain base': ('y = 2**a + 3*a - 1/a', {'a': 1.3}),
    'neg, abs': ('y = abs(-a) * -b', {'a': -1.4, 'b': 2}),
    'exp, log, sqrt': ('e = exp(a); l = log(b); r = sqrt(e*b + 1); y = r*l', {'a': 0.3, 'b': 2.5}),
    'sin, cos': ('y = sin(a)*cos(a*b)', {'a': 0.7, 'b': -1.9}),
    'tanh, sigmoid': ('h = tanh(a*b + c); y = sigmoid(h - a)', {'a': 0.8, 'b': -0.6, 'c': 0.25}),
    'sigmoid far out': ('y = sigmoid(a) + sigmoid(b)', {'a': -40, 'b': 25}),
    'relu': ('y = relu(a*b) + relu(-a)*3 + relu(c)', {'a': 0.8, 'b': 1.5, 'c': 0}),
    'dot': ('d = dot([a, b, 0.1], [c, a, b]); y = d*d', {'a': 0.1, 'b': -0.7, 'c': 3}),
    'reused': ('b = a + a; c = b + b; y = c*c*a', {'a': 1.1}),
    'kinks and edges': ('y = abs(a) + a**2 + a**0 + relu(a) + a**b + a**1', {'a': 0, 'b': 2}),
    '0 ** 0': ('y = a**b', {'a': 0, 'b': 0}),
}


class Opened:
    """A page in the browser, and what it said and asked for."""

    def __init__(self, page: 'Page') -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on('console', lambda message: self.complaints.append(message.text))
        page.on('pageerror', lambda error: self.complaints.append(str(error)))
        page.on('request', lambda request: self.requests.append(request.url))

    def numbers(self, name: str) -> list[float]:
        """data-data or data-grad of each node, in topological order; nan for what is not there."""
        texts = self.page.eval_on_selector_all(
            '.value', f'boxes => boxes.sort((a, b) => a.dataset.node - b.dataset.node).map(b => b.dataset.{name})')
        return [float(text or 'nan') for text in texts]

    def text(self, selector: str) -> str:
        return ' '.join(self.page.text_content(selector).split())

    @property
    def step(self) -> int:
        return int(re.match(r'Step (\d+) of', self.text('#place'))[1])

    @property
    def steps(self) -> int:
        return int(re.match(r'Step \d+ of (\d+)', self.text('#place'))[1])

    @property
    def mathematics(self) -> str:
        """The line of the step, without its note."""
        return ' '.join(self.page.text_content('#mathematics .line .chains').split())

    def box(self, name: str) -> list[str]:
        """The texts of the first box with that name."""
        return next(texts for texts in self.page.eval_on_selector_all(
            '.value', 'boxes => boxes.map(b => [...b.querySelectorAll("text")].map(t => t.textContent))')
            if texts[0] == name)

    def value(self, name: str) -> 'Locator':
        return self.page.get_by_role('button', name=re.compile(f'^{name}: data'))

    def wait_for_step(self, step: int) -> None:
        expect(self.page.locator('#place')).to_have_text(re.compile(f'^Step {step} '))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture(scope='module')
def browser() -> Iterator['Browser']:
    if MISSING:
        give_up = pytest.fail if os.environ.get('CI') else pytest.skip
        give_up(f'the player is tested in a browser: {"; ".join(MISSING)}')
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: 'Browser', tmp_path: Path):
    """Open a player in a page of its own; at the end, it has asked for nothing and complained of nothing."""
    contexts, pages = [], []

    def open_(player: Player, fragment: str = '', width: int = 1200, height: int = 900, **options) -> Opened:
        contexts.append(browser.new_context(viewport={'width': width, 'height': height}, **options))
        page = Opened(contexts[-1].new_page())
        pages.append(page)
        path = player.save(tmp_path / f'{len(pages)}.html')
        page.page.goto(path.as_uri() + fragment)
        return page

    yield open_
    for page in pages:
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith(('file:', 'data:'))] == []
        assert len([url for url in page.requests if url.startswith('file:')]) <= 1
    for context in contexts:
        context.close()


def lesson() -> Player:
    return play(evaluate(*LESSON))


def close(found: list[float], expected: list[float]) -> bool:
    return len(found) == len(expected) and all(
        math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) for a, b in zip(found, expected, strict=True))


# ---- The page as text ----

class Scripts(HTMLParser):
    """The scripts of a page and their texts, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == 'script':
            self.scripts.append('')

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == 'script' and self.scripts:
            self.scripts[-1] += data


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
    style = (SOURCE / 'player.css').read_text(encoding='utf-8')
    for attribute, colour in set(re.findall(r'(fill|stroke)="(#\w+)"', picture)):
        assert f"[{attribute}='{colour}']" in style


def test_no_derivative_is_written_in_javascript():
    script = (SOURCE / 'arithmetic.js').read_text(encoding='utf-8')
    [names] = re.findall(r'const FUNCTIONS = \{(.*?)\n\};', script, flags=re.S)
    assert set(re.findall(r'(?:^|, | {2})(\w+): ', names, flags=re.M)) == set(FUNCTIONS)


def test_save_and_repr(tmp_path: Path):
    player = lesson()
    path = player.save(str(tmp_path / 'backprop.html'))
    assert path == tmp_path / 'backprop.html'
    assert path.read_text(encoding='utf-8') == player.html
    shown = player._repr_html_()
    assert shown.startswith('<iframe ')
    assert 'sandbox="allow-scripts"' in shown
    [(tag, attributes)] = Scripts(shown).tags
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
    with pytest.raises(ValueError, match=r"'cube', which made 'c'.*by hand.*use the operations of Value"):
        play(out)
    with pytest.raises(ValueError, match=r"'cube' is written by hand"):
        play(Value(8, (a,), 'cube', local_gradients=lambda: (12.0,)) + 1)


def test_errors():
    with pytest.raises(TypeError, match='not of a float'):
        play(2.0)
    with pytest.raises(ValueError, match='a is inf'):
        play(Value(math.inf, label='a') * 2)


# ---- The page in a browser ----

@pytest.mark.parametrize('graph', GRAPHS)
def test_the_last_step_has_the_engines_numbers(graph: str, opened):
    output = evaluate(*GRAPHS[graph])
    order = output.topological_order()
    page = opened(play(output))
    assert page.steps == 2 + sum(bool(v._prev) + len(v._prev) for v in order)
    page.press('End')
    assert page.step == page.steps
    assert close(page.numbers('data'), [v.data for v in order])
    assert close(page.numbers('grad'), [v.grad for v in order])
    labels = page.page.eval_on_selector_all('.edge text', 'texts => texts.map(t => t.textContent)')
    assert sorted(labels) == sorted(f'{g:.4g}'.replace('-', '−') for v in order for g in v._local_gradients())


def test_the_graphs_cover_every_operation():
    made = {v._op for text, numbers in GRAPHS.values() for v in evaluate(text, numbers).topological_order() if v._prev}
    assert set(FORMULAS) | {'dot', '**2'} <= made


def test_a_network(opened):
    output = MLP(2, [4, 3, 1])([0.5, -1.0])
    output.backward()
    page = opened(play(output))
    page.press('End')
    assert close(page.numbers('grad'), [v.grad for v in output.topological_order()])


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


def test_the_running_sum(opened):
    page = opened(play(evaluate('p = a*a', {'a': 3})), '#step=5')
    assert page.text('#mathematics .line:nth-child(3)') == 'sum of 2 of 2 uses∂p/∂a = 3 + 3 = 6'
    page.press('ArrowLeft')
    assert page.text('#mathematics .line:nth-child(3)') == 'sum of 1 of 2 uses∂p/∂a = 3'
    assert page.box('a')[-1] == 'grad 3 ▲'


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
    assert [float(text.replace('−', '-')) for text in found] == [
        float(f'{x:.{digits}g}') for x in numbers for digits in (4, 6)]
    assert all('-' not in text and len(text) <= 13 for text in found)


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
    assert close(page.numbers('grad'), [v.grad for v in order])
    page.page.click('#reset')
    assert close(page.numbers('grad'), [v.grad for v in evaluate(text, numbers).topological_order()])
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
        assert close(page.numbers('grad'), [v.grad for v in order])
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
    assert close(page.numbers('grad'), [v.grad for v in evaluate(text, numbers).topological_order()])


def test_a_field_that_holds_no_number_changes_nothing(opened):
    page = opened(lesson(), '#step=99')
    field = page.page.get_by_label('w, number', exact=True)
    field.fill('')
    assert page.box('loss')[1] == 'data 1'
    field.blur()
    assert field.input_value() == '1'


def test_keyboard(opened):
    page = opened(lesson())
    assert page.step == 1
    for key, step in (('ArrowLeft', 1), ('ArrowRight', 2), ('ArrowRight', 3), ('ArrowLeft', 2), ('End', 10),
                      ('ArrowRight', 10), ('Home', 1)):
        page.press(key)
        assert page.step == step, key
    page.page.focus('#steps')
    page.press('ArrowDown')
    assert page.step == 2
    page.press('ArrowUp')
    assert page.step == 1


def test_play_and_pause(opened):
    page = opened(lesson())
    page.page.select_option('#speed', '2')
    page.page.locator('#speed').blur()
    page.press(' ')
    assert page.page.get_by_role('button', name='Pause').is_visible()
    expect(page.page.locator('#place')).to_have_text(re.compile('^Step [2-9] '))
    page.press(' ')
    at = page.step
    page.page.wait_for_timeout(1000)
    assert page.step == at
    page.page.select_option('#speed', '8')
    page.page.get_by_role('button', name='Play', exact=True).click()
    page.wait_for_step(10)
    page.page.get_by_role('button', name='Play', exact=True).wait_for()


def test_buttons_and_the_list(opened):
    page = opened(lesson())
    for name, step in (('Step forward', 2), ('Last step', 10), ('Step back', 9), ('First step', 1)):
        page.page.get_by_role('button', name=name).click()
        assert page.step == step
    page.page.get_by_role('option', name='loss = s²').click()
    assert page.step == 4


def test_a_click_jumps_to_the_step_that_finishes_a_node(opened):
    page = opened(lesson())
    for name, step in (('y_hat', 7), ('y', 8), ('loss', 5), ('w', 9)):
        page.value(name).click()
        assert page.step == step
    page.value('s').focus()
    page.press('Enter')
    assert page.step == 6
    page.press('Enter')  # once more: the step that computes it
    assert page.step == 3
    page.page.locator('.operation').last.click()
    assert page.step == 4


def test_hover_shows_the_mathematics(opened):
    page = opened(lesson(), '#step=99')
    assert not page.page.is_visible('#tip')
    page.value('y_hat').hover()
    assert page.text('#tip') == 'datay_hat = w·x = 1·1 = 1 grad∂loss/∂y_hat = ∂loss/∂s · ∂s/∂y_hat = −2'
    page.press('Escape')
    assert not page.page.is_visible('#tip')


def test_the_address_keeps_the_step(opened):
    page = opened(lesson(), '#step=4')
    assert page.step == 4
    page.press('ArrowRight')
    page.page.wait_for_url('**/*#step=5')
    page.page.evaluate('location.hash = "#step=2"')
    page.wait_for_step(2)
    page.page.reload()
    page.requests.pop()
    assert page.step == 2


@pytest.mark.parametrize('fragment', ['#step=0', '#step=x', '#step=-3', '#', '#other'])
def test_an_address_that_is_no_step(fragment: str, opened):
    assert opened(lesson(), fragment).step == 1


def test_predict_then_reveal(opened):
    page = opened(lesson(), '#step=99')
    page.page.get_by_role('button', name='Predict').click()
    assert page.step == 1
    assert page.box('w')[1] == 'data 1'  # the inputs are given
    page.press('Enter')
    assert page.mathematics == 'y_hat = w·x = ?'
    assert page.box('y_hat')[1] == 'data ?'
    page.page.fill('#guess', '1')
    page.press('Enter')
    assert page.text('#verdict') == '✓ Right: y_hat = w·x = 1·1 = 1'
    assert page.box('y_hat')[1] == 'data 1'
    page.press('Enter')
    page.page.fill('#guess', '5')
    page.page.get_by_role('button', name='Check').click()
    assert page.text('#verdict') == '✗ Not 5, but s = y_hat − y = 1 − 2 = −1'
    page.page.get_by_role('button', name='Next').click()
    page.page.get_by_role('button', name='Show me').click()
    assert page.text('#verdict') == 'It is loss = s² = (−1)² = 1'
    assert page.text('#score') == 'Score: 1 right, 1 wrong, 1 shown'
    page.page.click('#check')
    page.page.fill('#guess', '')
    page.page.click('#check')
    assert page.text('#verdict').startswith('Type a number')
    page.page.fill('#guess', '1,0')
    page.page.click('#check')
    page.page.click('#check')
    assert page.mathematics == '∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = ?'
    assert page.text('#mathematics .line:nth-child(2) .chains') == '∂loss/∂s = 2·s'
    assert page.page.text_content('.edge.now text') == ''
    page.page.fill('#guess', '−2')
    page.page.click('#check')
    assert page.text('#verdict') == '✓ Right: ∂loss/∂s += ∂loss/∂loss · ∂loss/∂s = 1 · (−2) = −2'
    assert page.text('#score') == 'Score: 3 right, 1 wrong, 1 shown'


def test_predict_hides_what_was_passed_over(opened):
    page = opened(lesson())
    page.page.click('#predict')
    page.page.click('#last')
    assert [page.box(name)[1:] for name in ('s', 'w')] == [['data ?', 'grad ?'], ['data 1', 'grad ?']]
    assert all(math.isnan(x) for x in page.numbers('grad'))
    page.value('s').hover()
    assert page.text('#tip') == 'datas = y_hat − y = ? grad∂loss/∂s = ∂loss/∂loss · ∂loss/∂s = ?'
    page.page.click('#reveal')
    assert page.mathematics == '∂loss/∂x += ∂loss/∂y_hat · ∂y_hat/∂x = ? · 1 = −2'
    page.page.click('#predict')
    page.page.click('#last')
    assert page.box('s')[1:] == ['data −1', 'grad −2 ▼']


def test_playing_stops_at_a_question(opened):
    page = opened(lesson())
    page.page.click('#predict')
    page.page.select_option('#speed', '8')
    page.page.click('#play')
    page.page.get_by_role('button', name='Play', exact=True).wait_for()
    assert page.step == 2


@pytest.mark.parametrize('label', ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<b>w</b>', '{{js}}'])
def test_labels_show_as_themselves(label: str, opened):
    page = opened(play(Value(1, label=label) * 2))
    page.page.on('dialog', lambda dialog: page.complaints.append(dialog.message))
    assert page.box(label)[1] == 'data 1'
    assert page.mathematics == f'{label} = 1'
    page.press('End', 'ArrowLeft')
    assert page.mathematics == f'∂v1/∂{label} += ∂v1/∂v1 · ∂v1/∂{label} = 1 · 2 = 2'
    assert page.page.locator('#fields .name').text_content() == label
    assert page.page.locator('body script').count() == 2
    assert page.page.locator('img, main b b').count() == 0


@pytest.mark.parametrize('options', [
    {'width': 360, 'height': 740},
    {'width': 600, 'height': 450, 'device_scale_factor': 2},  # a window of 1200 × 900 at 200 %
    {'width': 320, 'height': 640, 'device_scale_factor': 2},
])
def test_narrow_and_zoomed(options: dict, opened):
    label = 'a_name_that_is_longer_than_forty_characters_is_cut'
    page = opened(play(evaluate(*GRAPHS['exp, log, sqrt']) * Value(2, label=label)), '#step=9', **options)
    page.page.click('#predict')
    for step in range(page.steps):
        assert page.page.evaluate('document.documentElement.scrollWidth <= innerWidth'), step
        page.page.click('#reveal' if page.page.is_enabled('#reveal') else '#check')
    assert page.page.eval_on_selector('#graph', 'graph => graph.scrollWidth > graph.clientWidth')
    heights = page.page.eval_on_selector_all('#controls button', 'bs => bs.map(b => b.getBoundingClientRect().height)')
    assert min(heights) >= 24


def test_twice_the_text(opened):
    page = opened(lesson(), '#step=6', width=700)
    page.page.add_style_tag(content='html { font-size: 200% }')
    assert page.page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def test_no_text_leaves_its_box(opened):
    page = opened(play(evaluate('y = (a*b)**3 - a', {'a': -123.456, 'b': 7.89e-7})), '#step=99')
    page.page.get_by_label('a, number', exact=True).fill('-1.2345e-200')
    over = page.page.eval_on_selector_all('.value', """boxes => boxes.flatMap(box =>
        [...box.querySelectorAll('text')].filter(text => {
            const inner = text.getBoundingClientRect(), outer = box.querySelector('polygon').getBoundingClientRect();
            return inner.left < outer.left || inner.right > outer.right;
        }).map(text => text.textContent))""")
    assert over == []


def lightness(page: Opened, selector: str, style: str) -> float:
    """The relative luminance of a colour of the page, from 0 to 1, as WCAG defines it."""
    colour = page.page.eval_on_selector(selector, f'thing => getComputedStyle(thing).{style}')
    channels = [float(x) for x in re.findall(r'[\d.]+', colour.split('srgb')[-1])[:3]]
    channels = [x if 'srgb' in colour else x / 255 for x in channels]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_light_and_dark(scheme: str, opened):
    page = opened(lesson(), '#step=99', color_scheme=scheme)
    for expected in (scheme, 'dark' if scheme == 'light' else 'light'):
        paper = lightness(page, '#picture', 'backgroundColor')
        assert (paper > 0.5) == (expected == 'light')
        assert page.page.get_attribute('#theme', 'aria-pressed') == ('true' if expected == 'dark' else 'false')
        for text, fill, ground in (('.value text:last-of-type', 'fill', ('.cell', 'fill')),
                                   ('.cell.negative ~ text', 'fill', ('.cell.negative', 'fill')),
                                   ('.leaf text', 'fill', ('.leaf polygon:nth-of-type(3)', 'fill')),
                                   ('#mathematics .note', 'color', ('#stage', 'backgroundColor')),
                                   ('#mathematics b', 'color', ('#stage', 'backgroundColor')),
                                   ('#place', 'color', ('#stage', 'backgroundColor')),
                                   ('footer', 'color', ('body', 'backgroundColor'))):
            dark, light = sorted((lightness(page, text, fill), lightness(page, *ground)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (expected, text)
        page.page.click('#theme')


def test_reduced_motion(opened):
    page = opened(lesson(), reduced_motion='reduce')
    assert page.page.eval_on_selector('.value', 'box => getComputedStyle(box).transitionDuration') == '0s'


def test_accessible_names_and_the_live_region(opened):
    page = opened(lesson(), '#step=99')
    page.page.click('#predict')
    session = page.page.context.new_cdp_session(page.page)
    nodes = session.send('Accessibility.getFullAXTree')['nodes']
    roles = {'button', 'slider', 'spinbutton', 'combobox', 'textbox', 'option', 'listbox'}
    controls = [(node['role']['value'], node.get('name', {}).get('value', '')) for node in nodes if not node['ignored']
                and node['role']['value'] in roles]
    assert [role for role, name in controls if not name] == []
    assert {role for role, _ in controls} == roles
    assert ('button', 'y_hat: data –, gradient –') in controls
    assert page.page.get_attribute('#mathematics', 'aria-live') == 'polite'
    assert page.page.get_attribute('html', 'lang') == 'en'
    before = page.text('#mathematics')
    page.page.click('#forward')
    assert page.text('#mathematics') != before


def test_focus_shows(opened):
    page = opened(lesson())
    reached = []
    for _ in range(40):
        page.press('Tab')
        reached.append(page.page.evaluate(
            '[document.activeElement.id || document.activeElement.getAttribute("aria-label"),'
            ' getComputedStyle(document.activeElement).outlineStyle]'))
        if reached[-1][0] == 'steps':
            break
    assert {style for name, style in reached if name} == {'solid'}
    assert {'predict', 'theme', 'play', 'speed', 'skip', 'reset', 'steps', 'w, slider', 'w, number'} <= {
        name for name, _ in reached}
    assert sum(name.endswith('gradient –') for name, _ in reached) == 6
    page.page.focus('#skip')
    page.press('Enter')
    page.press('Tab')
    assert page.page.evaluate('document.activeElement.id') == 'reset'


def test_inside_a_notebook(browser: 'Browser'):
    page = Opened(browser.new_page())
    page.page.set_content(f'<h1>A notebook</h1>{lesson()._repr_html_()}')
    frame = page.page.frame_locator('iframe')
    frame.locator('#last').click()
    assert ' '.join(frame.locator('#place').text_content().split()) == 'Step 10 of 10 · backward pass'
    frame.get_by_label('y, number', exact=True).fill('0')
    assert frame.get_by_role('button', name=re.compile('^w: data')).get_attribute('data-grad') == '2'
    page.page.keyboard.press('Tab')
    frame.get_by_role('button', name=re.compile('^s: data')).click()
    page.page.keyboard.press('ArrowRight')
    page.page.wait_for_timeout(300)  # by then it has tried to change its address
    assert 'Step 7 of 10' in frame.locator('#place').text_content()
    assert page.complaints == []
    assert page.requests == [] or all(url.startswith(('about:', 'data:')) for url in page.requests)
    page.page.close()


def test_a_graph_of_500_operations(opened):
    output = Value(0.5, label='a')
    for _ in range(125):
        b = output * 1.1
        output = (b + output).tanh() + b
    output.backward()
    page = opened(play(output))
    page.press('End')
    assert close(page.numbers('grad'), [v.grad for v in output.topological_order()])
    took = page.page.evaluate("""() => {
        const started = performance.now();
        for (let i = 0; i < 20; i++) { document.getElementById('back').click(); document.body.offsetHeight; }
        return (performance.now() - started) / 20;
    }""")
    assert took < 400  # milliseconds a step; about 15 on a machine with nothing else to do


def test_dot_of_many(opened):
    page = opened(play(dot([Value(0.1 * i) for i in range(600)], [Value(1.0)] * 600)))
    page.press('End')
    assert close(page.numbers('data')[-1:], [dot([0.1 * i for i in range(600)], [1.0] * 600).data])


def test_a_single_leaf(opened):
    page = opened(play(Value(3, label='a')))
    page.press('End')
    assert (page.step, page.mathematics, page.box('a')) == (2, '∂a/∂a = 1', ['a', 'data 3', 'grad 1 ▲'])


def test_a_frame_that_is_not_shown_yet(browser: 'Browser'):
    page = browser.new_page()
    page.set_content(f'<div style="display: none">{lesson()._repr_html_()}</div>')
    frame = page.frame_locator('iframe')
    expect(frame.locator('#place')).to_have_text(re.compile('Step 1'))
    page.evaluate('document.querySelector("div").style.display = "block"')
    over = frame.locator('.value').evaluate_all("""boxes => boxes.filter(box =>
        box.getBoundingClientRect().width > box.querySelector('polygon').getBoundingClientRect().width + 5).length""")
    assert over == 0
    page.close()
