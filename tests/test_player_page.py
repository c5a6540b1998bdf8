"""The step player in the hands of a person: keys, clicks, light and dark, narrow and large, in a notebook."""

import re

import pytest
from browser import GRAPHS, Browser, Opened, close, expect, gradients, lesson

from micrograd import Value, dot
from micrograd.command.expression import evaluate
from micrograd.show.player import play


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


@pytest.mark.parametrize('label', ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<b>w</b>', '{{js}}'])
def test_labels_show_as_themselves(label: str, opened):
    page = opened(play(Value(1, label=label) * 2))
    page.page.on('dialog', lambda dialog: page.complaints.append(dialog.message))
    assert page.box(label)[1] == 'data 1'
    assert page.mathematics == f'{label} = 1'
    page.press('End')
    out = f'({label}·2)' if len(label) < 12 else 'v1'
    assert page.mathematics == f'∂{out}/∂{label} += ∂{out}/∂{out} · ∂{out}/∂{label} = 1 · 2 = 2'
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
    for _ in range(6):
        page.page.click('#closer')
    assert page.page.eval_on_selector('#graph', 'graph => graph.scrollWidth > graph.clientWidth')
    assert page.page.evaluate('document.documentElement.scrollWidth <= innerWidth')
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
def test_light_and_dark(scheme: str, opened, each_dot):
    page = opened(lesson(), '#step=99', color_scheme=scheme)
    for expected in (scheme, 'dark' if scheme == 'light' else 'light'):
        paper = lightness(page, '#picture', 'backgroundColor')
        assert (paper > 0.5) == (expected == 'light')
        assert page.page.get_attribute('#theme', 'aria-pressed') == ('true' if expected == 'dark' else 'false')
        for text, fill, ground in (('.value text:last-of-type', 'fill', ('.cell', 'fill')),
                                   ('.cell.negative ~ text', 'fill', ('.cell.negative', 'fill')),
                                   ('.leaf text', 'fill', ('.leaf .head', 'fill')),
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
    assert ('button', 'y_hat data – grad –') in controls
    assert page.page.get_attribute('#mathematics', 'aria-live') == 'polite'
    assert page.page.get_attribute('html', 'lang') == 'en'
    before = page.text('#mathematics')
    page.page.click('#forward')
    assert page.text('#mathematics') != before


def test_frames_stand_above_what_they_frame(opened, each_dot):
    """Else the frame of a step is thinner beside the rows of its box that have a colour."""
    page = opened(lesson(), '#step=6')
    last = page.page.eval_on_selector_all(
        '.value', 'boxes => boxes.map(box => [...box.querySelectorAll("polygon")].at(-1).matches(".frame"))')
    assert last == [True] * 6


def test_long_numbers_stay_in_their_boxes(opened, each_dot):
    page = opened(play(evaluate('y = exp(a)*b', {'a': 700, 'b': 3})))
    page.page.click('#descend')
    page.page.click('#last')
    assert page.box('exp(a)')[2] == 'grad −1.014e+303 ▼'
    wide = page.page.eval_on_selector_all('.value text', """texts => texts.filter(text => {
        const [inner, outer] = [text, text.closest('.value').querySelector('.frame')];
        return inner.getBoundingClientRect().width > outer.getBoundingClientRect().width;
    }).map(text => text.textContent)""")
    assert wide == []


def test_focus_shows(opened):
    page = opened(lesson())
    reached = []
    for _ in range(40):
        page.press('Tab')
        reached.append(page.page.evaluate(
            '[document.activeElement.id || document.activeElement.ariaLabel'
            ' || document.activeElement.textContent.trim(),'
            ' getComputedStyle(document.activeElement).outlineStyle]'))
        if reached[-1][0] == 'steps':
            break
    assert {style for name, style in reached if name} == {'solid'}
    assert {'predict', 'theme', 'play', 'speed', 'skip', 'reset', 'steps', 'w, slider', 'w, number'} <= {
        name for name, _ in reached}
    assert sum(name.endswith('grad –') for name, _ in reached) == 6
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
    assert frame.get_by_role('button', name=re.compile('^w data')).get_attribute('data-grad') == '2'
    page.page.keyboard.press('Tab')
    frame.get_by_role('button', name=re.compile('^s data')).click()
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
    assert close(page.numbers('grad'), gradients(output.topological_order()))
    took = page.page.evaluate("""() => {
        const started = performance.now();
        for (let i = 0; i < 20; i++) { document.getElementById('back').click(); document.body.offsetHeight; }
        return (performance.now() - started) / 20;
    }""")
    assert took < 400  # milliseconds a step; about 15 on a machine with nothing else to do


def test_dot_of_many(opened):
    page = opened(play(dot([Value(0.1 * i) for i in range(200)], [Value(1.0)] * 200)))
    page.press('End')
    assert close(page.numbers('data')[-1:], [dot([0.1 * i for i in range(200)], [1.0] * 200).data])


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
