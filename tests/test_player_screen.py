"""What the step player looks like: on one screen, large, zoomed, on paper, in a notebook; and what a step costs."""

import re

import pytest
from browser import CHROMIUM, FLAGS, GRAPHS, Opened, expect, found_by_axe, lesson

from micrograd import Value
from micrograd.command.expression import evaluate
from micrograd.show.player import Player, play

TWELVE = ('h1 = tanh(w1*x + b1); h2 = tanh(w2*x + b2); o = v1*h1 + v2*h2 + c; s = o - y; L = s**2',
          {'w1': 0.5, 'w2': -0.3, 'b1': 0.1, 'b2': 0.2, 'v1': 1, 'v2': -1, 'c': 0.1, 'x': 2, 'y': 1})
NEURON = ('n = x1*w1 + x2*w2 + b; o = tanh(n)', {'x1': 2, 'x2': 0, 'w1': -3, 'w2': 1, 'b': 6.8813735870195432})
MLP = ('n = dot([w1, w2, w3], [x1, x2, x3]) + b; L = (relu(n) - y)**2',
       {'w1': -0.7, 'w2': 0.7, 'w3': 0.5, 'b': 3, 'x1': 1, 'x2': -2, 'x3': 0.5, 'y': 1})
CHAIN = ('y = ' + 'tanh(' * 12 + 'a' + ')' * 12, {'a': 0.5})
DEEP = ('h = tanh(w1*x + b1); g = tanh(w2*h + b2); p = sigmoid(w3*g + b3); L = (p - y)**2',
        {'w1': 0.5, 'w2': -0.7, 'w3': 1.3, 'b1': 0.1, 'b2': 0.2, 'b3': 0, 'x': 1, 'y': 1})
TREE = ('y = (a*b + c*d)*(e*f + g*h) + (i*j + k*l)*m', {name: 0.3 + 0.1 * n for n, name in enumerate('abcdefghijklm')})
SHAPES = {'lesson': GRAPHS['lesson'], 'reused': GRAPHS['reused'], 'neuron': NEURON, 'twelve': TWELVE, 'mlp': MLP,
          'chain': CHAIN, 'deep': DEEP, 'tree': TREE}
SCREENS = {(1280, 800): 8.6, (1000, 700): 7.4, (860, 660): 6.5}  # and how large the letters are there, at least
SEEN = ('.value', '#fields input', '#mathematics .line', '#controls button', '#descend, #rate, #undo')
DRAWN = 'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
UNDER_THE_BUTTONS = """boxes => boxes.filter(box => {
    const {left, right, top, bottom} = box.getBoundingClientRect(), zoom = $('zoom').getBoundingClientRect();
    return left < zoom.right && right > zoom.left && top < zoom.bottom && bottom > zoom.top;
}).map(box => box.textContent)"""
INSIDE = """things => things.filter(thing => {
    const {left, right, top, bottom} = thing.getBoundingClientRect();
    const clip = thing.closest('#graph, #fields, #mathematics, #controls, #descending').getBoundingClientRect();
    return left < clip.left - 1 || right > clip.right + 1 || top < clip.top - 1 || bottom > clip.bottom + 1
        || right > innerWidth || bottom > innerHeight;
}).map(thing => thing.id || thing.textContent)"""


def letters(page: Opened) -> float:
    """The size of the graph's letters, in pixels."""
    return 12 * page.page.evaluate("""(() => {
        const svg = document.querySelector('#graph svg');
        return svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    })()""")


@pytest.mark.parametrize('graph', SHAPES)
def test_all_on_one_screen(graph: str, opened, each_dot):
    """The mathematics, the whole graph and every slider, none of them behind an edge, and all of it readable: in a
    window, in the cells of a notebook, and in large type; and no step moves the graph."""
    page = opened(play(evaluate(*SHAPES[graph])))
    for (width, height), least in SCREENS.items():
        page.page.set_viewport_size({'width': width, 'height': height})
        for large in ('false', 'true'):
            if page.page.get_attribute('#large', 'aria-pressed') != large:
                page.page.get_by_role('button', name='Large', exact=True).click()
            page.page.evaluate(DRAWN)
            sizes = {letters(page)}
            assert sizes.pop() >= least
            for key in ('Home', 'End'):
                page.press(key)
                page.page.evaluate(DRAWN)
                sizes.add(round(letters(page), 2))
                for selector in SEEN:
                    assert page.page.locator(selector).count()
                    assert page.page.eval_on_selector_all(selector, INSIDE) == [], (selector, width, large)
            assert len(sizes) == 1 or large == 'true'
            assert page.page.evaluate('document.documentElement.scrollHeight <= innerHeight')
            assert page.page.eval_on_selector_all('.value', UNDER_THE_BUTTONS) == []


@pytest.mark.parametrize('size', [(1280, 800), (960, 640), (390, 800)])
def test_the_mathematics_stays_in_sight_while_a_slider_moves(size: tuple[int, int], opened):
    page = opened(play(evaluate(*TWELVE)), '#step=30', width=size[0], height=size[1])
    for name in ('v1', 'y'):
        slider = page.page.get_by_label(f'{name}, slider', exact=True)
        slider.scroll_into_view_if_needed()
        before, box = page.mathematics, slider.bounding_box()
        page.page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2)
        page.page.mouse.down()
        page.page.mouse.move(box['x'] + box['width'] * 0.9, box['y'] + box['height'] / 2)
        assert page.mathematics != before
        seen = page.page.locator('#mathematics .line').first.bounding_box()
        assert seen['y'] >= 0 and seen['y'] + seen['height'] <= size[1]
        top = page.page.evaluate('([x, y]) => document.elementFromPoint(x, y).closest("#mathematics") !== null',
                                 [seen['x'] + 5, seen['y'] + seen['height'] / 2])
        assert top, name
        page.page.mouse.up()


@pytest.mark.parametrize('width', [1280, 860, 390])
def test_sliders_of_long_names_stay_inside(width: int, opened):
    output = Value(0.5, label='the_first_of_all')
    for i in range(6):
        output = (output * Value(1.1, label=f'a_weight_number_{i}')).tanh()
    page = opened(play(output), width=width, height=800)
    over = page.page.eval_on_selector_all('#fields input', """inputs => inputs.filter(input =>
        input.getBoundingClientRect().right > input.closest('#fields').getBoundingClientRect().right).length""")
    assert over == 0
    assert page.page.eval_on_selector('#fields .name', 'name => name.clientWidth') >= 24


def test_the_first_step_is_found_without_being_told(opened):
    page = opened(lesson())
    assert page.page.locator('#begin').is_visible()
    assert page.page.get_by_role('button', name='Step forward').inner_text().strip() == 'Step forward'
    page.page.get_by_role('button', name='Step forward').click()
    assert page.step == 2
    assert not page.page.locator('#begin').is_visible()


def test_large_type(opened):
    page = opened(play(evaluate(*NEURON)), '#step=9', width=1280, height=800)
    height = 'document.querySelector("#mathematics .side").getBoundingClientRect().height'
    letters = 'document.querySelector(".value text").getBoundingClientRect().height'
    usual, small = page.page.evaluate(height), page.page.evaluate(letters)
    page.page.get_by_role('button', name='Large', exact=True).click()
    assert page.page.get_attribute('#large', 'aria-pressed') == 'true'
    assert page.page.evaluate(height) >= 1.4 * usual
    assert page.page.evaluate(letters) >= 0.99 * small
    assert page.page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    assert page.page.locator('#mathematics').bounding_box()['y'] < 250
    page.page.get_by_role('button', name='Large', exact=True).click()
    assert page.page.evaluate(height) == usual


def test_zoom(opened):
    output = Value(0.5, label='a')
    for _ in range(60):
        output = output.tanh()
    page = opened(play(output), '#step=40', width=1280, height=800)
    assert letters(page) == pytest.approx(9)  # what is not seen at once is read, at least
    width = 'document.querySelector("#graph svg").getBoundingClientRect().width'
    inside = 'document.querySelector("#graph").clientWidth'
    assert page.page.evaluate(width) > page.page.evaluate(inside)  # as large as one can read
    lit = page.page.locator('.value.now').bounding_box()
    assert lit['x'] >= 0 and lit['x'] + lit['width'] <= 1280
    page.page.get_by_role('button', name='Whole').click()
    assert page.page.evaluate(width) <= page.page.evaluate(inside)
    whole = page.page.evaluate(width)
    page.page.get_by_role('button', name='Larger').click()
    assert page.page.evaluate(width) == pytest.approx(1.25 * whole, rel=1e-3)
    page.page.get_by_role('button', name='Smaller').click()
    assert page.page.evaluate(width) == pytest.approx(whole, rel=1e-3)
    page.page.locator('#graph').hover()
    page.page.keyboard.down('Control')
    page.page.mouse.wheel(0, -200)
    page.page.keyboard.up('Control')
    page.page.wait_for_function(f'{width} > {1.3 * whole}')
    page.page.locator('h1').click()
    page.press('0')
    assert page.page.evaluate(width) == pytest.approx(whole, rel=1e-3)


def test_on_paper(opened):
    page = opened(play(evaluate(*TWELVE)), '#step=3', width=1280, height=800)
    page.page.evaluate('dispatchEvent(new Event("beforeprint"))')
    page.page.emulate_media(media='print')
    items = page.page.locator('#printed li')
    assert items.count() == page.steps
    assert ' '.join(items.nth(1).text_content().split()) == 'forward: ·w1·x = 0.5·2 = 1'
    assert ' '.join(items.last.text_content().split()).startswith('backward through ·∂L/∂')
    numbers = page.page.eval_on_selector_all('.value:not(.constant)', 'boxes => boxes.map(b => b.textContent)')
    assert not [text for text in numbers if '–' in text]  # every number is there
    assert page.page.evaluate('document.querySelector("#graph svg").getBoundingClientRect().width <= innerWidth')
    hidden = ('#controls', '#side', '#zoom', 'footer', '#predict')
    assert [selector for selector in hidden if page.page.locator(selector).is_visible()] == []
    page.page.emulate_media(media='screen')
    page.page.evaluate('dispatchEvent(new Event("afterprint"))')
    assert page.step == 3
    assert '–' in page.box('L')[1]
    assert b'/Type /Page' in page.page.pdf()


@pytest.mark.parametrize(('attributes', 'dark'), [
    ('data-jp-theme-light="false"', True), ('data-jp-theme-light="true"', False),
    ('data-vscode-theme-kind="vscode-dark"', True), ('data-vscode-theme-kind="vscode-light"', False),
    ('data-vscode-theme-kind="vscode-high-contrast"', True),
])
@pytest.mark.parametrize('system', [[], ['--force-dark-mode']])
def test_the_notebooks_theme_not_the_systems(attributes: str, dark: bool, system: list[str], browser, tmp_path):
    context = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *system])
    page = context.new_context(color_scheme='null').new_page()
    page.set_content(f'<body {attributes}>{lesson()._repr_html_()}</body>')
    frame = page.frame_locator('iframe')
    expect(frame.locator('#theme')).to_have_attribute('aria-pressed', 'true' if dark else 'false')
    name = re.match(r'data-[\w-]+', attributes)[0]
    other = {'data-jp-theme-light': str(dark).lower(),
             'data-vscode-theme-kind': 'vscode-light' if dark else 'vscode-dark'}[name]
    page.evaluate('pair => document.body.setAttribute(...pair)', [name, other])  # the reader changes it
    expect(frame.locator('#theme')).to_have_attribute('aria-pressed', 'false' if dark else 'true')
    context.close()


def test_a_frame_that_gets_its_size_late_has_its_graph(opened):
    """As in a notebook on a busy machine: the page begins at no size at all, and is told of none later."""
    page = opened(play(evaluate(*NEURON))).page
    page.evaluate("document.documentElement.style.display = 'none'; shape()")
    page.evaluate("document.documentElement.style.display = ''")
    page.wait_for_function("document.querySelector('#graph svg').getBoundingClientRect().width > 400")
    assert page.evaluate('SHAPES.includes(document.documentElement.dataset.shape)')


def ready(page: Opened, setting: str) -> None:
    """Bring the page into one of the states that a reader sees."""
    if setting == 'quiz':
        page.page.click('#predict')
        page.page.click('#forward')
        page.page.fill('#guess', '77')
        page.page.click('#check')
    elif setting == 'descent':
        page.page.click('#descend')
        page.page.click('#last')
        page.value('w').hover()
    elif setting == 'trouble':
        page.page.get_by_label('a, number', exact=True).fill('-1')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize(('setting', 'width'), [('start', 1280), ('quiz', 1280), ('descent', 1280), ('trouble', 1280),
                                                ('start', 848), ('descent', 848), ('start', 360),
                                                   ('descent', 360)])
def test_axe_finds_nothing(setting: str, width: int, scheme: str, opened):
    page = opened(play(evaluate('b = w*a + 2; y = log(a) + b*w', {'w': 1.5, 'a': 2})), width=width, height=800,
                  color_scheme=scheme)
    ready(page, setting)
    assert found_by_axe(page) == []


def tower(operations: int) -> Player:
    output = Value(0.5, label='a')
    for _ in range(operations // 4):
        b = output * 1.1
        output = (b + output).tanh() + b
    return play(output, names=False)


WORK = """async () => {
    let changes = 0;
    const count = new MutationObserver(found => { changes += found.length; });
    const watched = {subtree: true, childList: true, characterData: true, attributes: true};
    count.observe(document.getElementById('graph'), watched);
    for (let i = 0; i < 10; i++) document.getElementById('forward').click();
    await null;
    changes += count.takeRecords().length;
    return changes / 10;
}"""


def test_a_step_touches_no_more_of_a_large_graph(opened):
    """The work of a step, not its time: 300 operations take a third of a second if each box is touched."""
    counts = []
    for operations in (20, 300):
        page = opened(tower(operations), '#step=12', width=1280, height=800)
        counts.append(page.page.evaluate(WORK))
    assert counts[1] <= 1.5 * counts[0]
    session = page.page.context.new_cdp_session(page.page)
    session.send('Performance.enable')

    def done() -> dict[str, float]:
        return {each['name']: each['value'] for each in session.send('Performance.getMetrics')['metrics']}

    page.page.wait_for_timeout(500)
    before = done()
    page.page.evaluate("""async () => {
        for (let i = 0; i < 10; i++) {
            document.getElementById('forward').click();
            await new Promise(after => requestAnimationFrame(() => setTimeout(after)));
        }
    }""")
    after = done()
    assert after['LayoutCount'] - before['LayoutCount'] <= 40  # no transition keeps it drawing after a step
    assert after['RecalcStyleCount'] - before['RecalcStyleCount'] <= 40
