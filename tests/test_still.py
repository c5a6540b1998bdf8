"""The still picture in the place of a page that cannot run: where it shows, what it shows, and how large it is."""

import base64
import re
from xml.etree import ElementTree

import pytest
from browser import GRAPHS, Browser, Opened, lesson
from playgrounds import Moons

from micrograd import Value, draw_dot, draw_network, nn, playground
from micrograd.command.expression import evaluate
from micrograd.show import drawing
from micrograd.show.page import Page
from micrograd.show.player import play
from micrograd.show.player.frames import finished
from micrograd.show.still import MOST, slim
from pictures import SVG

# What is left of a page's HTML: whole, as cleaned by JupyterLab, as by others, and by one that keeps empty frames.
CLEANED = {
    'whole': '',
    'no frame, no style': 'shown.querySelectorAll("iframe, style").forEach(thing => thing.remove())',
    'no frame': 'shown.querySelectorAll("iframe").forEach(thing => thing.remove())',
    'an empty frame': 'shown.querySelector("iframe").removeAttribute("srcdoc")',
}


def line() -> Page:
    x, y, w, b = (Value(0.5, label=name) for name in 'xywb')
    return playground((w * x + b - y)**2, [x, y], [w, b], [[1, 2, 3], [2, 4, 7]])


def picture(page: Page) -> ElementTree.Element:
    """The picture in a page's HTML."""
    return ElementTree.fromstring(base64.b64decode(re.search('base64,([^"]+)', page.still())[1]))


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text for text in root.iter(f'{SVG}text') if text.text]


@pytest.mark.parametrize('cleaned', CLEANED)
@pytest.mark.parametrize('make', [lesson, line, lambda: Moons((4, 1), count=8).playground()])
def test_it_shows_exactly_where_the_page_does_not_run(make, cleaned: str, browser: 'Browser'):
    page = Opened(browser.new_page())
    page.page.set_content(f'<div id="shown">{make()._repr_html_()}</div>')
    page.page.evaluate(f'() => {{ const shown = document.getElementById("shown"); {CLEANED[cleaned]} }}')
    assert page.page.locator('img').is_visible() == (cleaned != 'whole')
    assert page.page.eval_on_selector('img', 'img => img.decode().then(() => img.naturalWidth)') > 100
    assert page.page.get_by_text('trust this notebook').is_visible() == (cleaned != 'whole')
    assert page.page.locator('iframe').count() == ('no frame' not in cleaned)
    assert page.complaints == []
    page.page.close()


@pytest.mark.parametrize('cleaned', ['', 'svg, style', 'svg'])
@pytest.mark.parametrize('make', [
    lambda: draw_dot(evaluate(*GRAPHS['tanh, sigmoid'])), lambda: draw_network(nn.MLP(2, [3, 1])),
    lambda: draw_dot(nn.MLP(2, [3, 1])([1.0, 2.0]), fold=True)])
def test_a_drawing_has_one_too(make, cleaned: str, browser: 'Browser'):
    page, drawing = Opened(browser.new_page()), make()
    page.page.set_content(f'<div id="shown">{drawing._repr_mimebundle_(["text/html"])["text/html"]}</div>')
    if cleaned:
        page.page.eval_on_selector_all(f':is({cleaned})', 'things => things.forEach(thing => thing.remove())')
    assert page.page.locator('img').is_visible() == (cleaned != '')
    assert page.page.locator('svg').count() == (cleaned == '')
    assert page.page.eval_on_selector('img', 'img => img.decode().then(() => img.naturalWidth)') > 100
    assert page.page.get_attribute('img', 'alt').startswith(f'{drawing.title}. ')
    assert page.complaints == []
    page.page.close()


def test_a_large_drawing_has_a_sentence():
    output = Value(0.5, label='a')
    for _ in range(150):
        output = output.tanh() + 1
    shown = draw_dot(output, fold=False, names=False)._repr_mimebundle_(['text/html'])['text/html']
    assert '<img' not in shown and 'it is shown once this notebook is trusted' in shown


def test_it_stands_on_a_printed_notebook(browser: 'Browser'):
    page = browser.new_page()
    page.set_content(lesson()._repr_html_())
    page.emulate_media(media='print')
    assert (page.locator('img').is_visible(), page.locator('iframe').is_visible()) == (True, False)
    page.close()


@pytest.mark.parametrize('name', ['lesson', 'reused', 'sum, difference, product, quotient', 'kinks and edges'])
def test_it_has_the_numbers_of_both_passes(name: str):
    output = evaluate(*GRAPHS[name])
    drawn = draw_dot(output, names=False, tables=False).pipe('svg', encoding='utf-8')
    expected = texts(ElementTree.fromstring(drawn))
    found = texts(picture(play(output)))
    for start in ('data ', 'grad '):
        numbers = [[text for text in some if text.startswith(start)] for some in (found, expected)]
        assert sorted(numbers[0]) == sorted(numbers[1])
    assert not [text for text in found if '–' in text]


def test_what_is_left_out_is_not_seen(browser: 'Browser'):
    page = browser.new_page(viewport={'width': 1100, 'height': 500})
    player, shots = play(evaluate(*GRAPHS['tanh, sigmoid'])), []
    whole = ElementTree.tostring(finished(player.svg, player.data), encoding='unicode')
    slimmed = slim(finished(player.svg, player.data))
    for svg in (whole, slimmed):
        page.set_content(f'<body style="margin: 0">{svg}</body>')
        shots.append(page.screenshot())
    assert len(slimmed) < 0.6 * len(whole)
    differing = page.evaluate("""async pictures => {
        const [a, b] = await Promise.all(pictures.map(async text => {
            const image = new Image();
            image.src = `data:image/png;base64,${text}`;
            await image.decode();
            const context = new OffscreenCanvas(1100, 500).getContext('2d');
            context.drawImage(image, 0, 0);
            return context.getImageData(0, 0, 1100, 500).data;
        }));
        return [a.filter(x => x < 128).length, a.filter((x, i) => Math.abs(x - b[i]) > 96).length];
    }""", [base64.b64encode(shot).decode() for shot in shots])
    assert differing[0] > 10_000  # something is there
    assert differing[1] < 0.02 * differing[0]  # a tenth of a pixel here and there
    page.close()


def test_a_large_one_is_left_out():
    output = Value(0.5, label='a')
    for _ in range(200):
        output = output.tanh() + 1
    shown = play(output).still()
    assert '<img' not in shown and 'trust this notebook' in shown
    assert len(lesson().still()) < 12_000
    assert len(Moons().playground().still()) < MOST


@pytest.mark.parametrize('make', [line, lambda: Moons((4, 1), count=8).playground()])
def test_without_a_dot_words_stand_there(make, monkeypatch):
    monkeypatch.setattr(drawing, 'find_dot', lambda: None)
    assert re.fullmatch('<figure class="micrograd-still"><figcaption>A playground: trust .*</figcaption></figure>',
                        make().still())


@pytest.mark.parametrize('label', ['</iframe><script>alert(1)</script>', '"\'&amp;', '<img src=x onerror=alert(1)>'])
def test_labels_are_shown_as_they_are(label: str, browser: 'Browser'):
    page = Opened(browser.new_page())
    page.page.set_content(play(Value(1.0, label=label))._repr_html_())
    assert page.page.get_attribute('img', 'alt') == f'The graph of {label}, with its numbers and its gradients'
    assert page.page.text_content('figcaption').startswith(f'The step player of {label}: ')
    assert page.page.locator('script').count() == 0 and page.complaints == []
    page.page.close()
