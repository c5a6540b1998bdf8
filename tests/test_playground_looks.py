"""The playground's manners: narrow and wide, light and dark, by the keyboard, with any label."""

import json
import re

import pytest
from browser import found_by_axe
from playgrounds import Moons, line, settled

from micrograd import Value, playground


@pytest.mark.parametrize(('width', 'height'), [(1280, 800), (1920, 1080), (1000, 780), (848, 780), (820, 1100),
                                               (390, 844)])
def test_nothing_is_wider_than_the_window(width, height, opened, network):
    for optimizer in ('momentum', 'adam'):
        page = opened(network.playground(test=0.2, optimizer=optimizer), width=width, height=height)
        settled(page)
        assert page.page.evaluate('document.documentElement.scrollWidth') <= width
        if width > 840 and height < 1000:
            assert page.page.evaluate('document.documentElement.scrollHeight') <= height  # all on one screen


def test_what_is_said_of_the_samples_follows_them(opened):
    page = opened(line())
    settled(page)
    page.page.focus('#plot')
    page.press('Enter')
    settled(page)
    assert page.text('#about') == '2 parameters, 4 samples'
    assert page.page.locator('#batch option').all_text_contents() == ['1', '2', 'all']


def test_large_numbers_along_an_axis_are_not_cut(opened):
    page = opened(line(lr=10))
    page.page.evaluate("""() => {
        const {fillText} = CanvasRenderingContext2D.prototype;
        window.cut = [];
        CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most = Infinity) {
            const width = Math.min(most, this.measureText(text).width);
            if (x - (this.textAlign === 'right' ? width : 0) < 0) window.cut.push(text);
            return fillText.call(this, text, x, y, most);
        };
        for (let k = 0; k < 30; k++) $('step').click();
        dirty();
    }""")
    settled(page)
    assert page.page.evaluate('trainer.latest.train') > 1e100
    assert page.page.evaluate('window.cut') == []


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_light_and_dark(scheme, opened, network):
    page = opened(network.playground(), color_scheme=scheme)
    settled(page)
    for expected in (scheme, 'dark' if scheme == 'light' else 'light'):
        paper = page.page.evaluate('COLOURS.paper')
        assert (paper[0] > 128) == (expected == 'light')
        page.page.click('#theme')
        settled(page)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize(('setting', 'width'), [('trained', 1280), ('trouble', 1280), ('trained', 848),
                                                ('trained', 390)])
def test_axe_finds_nothing(setting, width, scheme, opened, network):
    page = opened(network.playground(test=0.2, optimizer='adam'), width=width,
                  height=800, color_scheme=scheme)
    page.page.click('#step')
    if setting == 'trouble':
        page.page.evaluate('trainer.trouble = "the loss"; stop()')
    settled(page)
    assert found_by_axe(page) == []


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing_in_the_folded_picture(scheme, opened):
    page = opened(line(), color_scheme=scheme)
    settled(page)
    assert found_by_axe(page) == []


def test_everything_is_reached_by_the_keyboard(opened, network):
    page = opened(network.playground())
    reached = []
    for _ in range(30):
        page.press('Tab')
        found = page.page.evaluate('[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]')
        if not found[0]:
            break
        reached.append(tuple(found))
    assert {'copy', 'theme', 'reset', 'play', 'step', 'lr', 'optimizer', 'batch', 'speed', 'plot', 'adding', 'which',
            'log'} <= {name for name, _ in reached}
    assert {style for _, style in reached} == {'solid'}


def test_a_menu_of_many_parameters_is_filled_when_somebody_turns_to_it(opened):
    counts = []
    for widths in ((4, 1), (20, 20, 1)):
        page = opened(Moons(widths, count=8).playground())
        counts.append(page.page.evaluate('document.querySelectorAll("*").length'))
    assert counts[1] < 1.2 * counts[0]
    page.page.evaluate('choose(400)')  # as a click on a line does
    names, chosen = page.page.evaluate('DATA.names'), 'select => select.selectedOptions[0].text'
    assert len(names) == 501
    assert page.page.eval_on_selector('#which', chosen) == names[400]
    page.page.focus('#which')
    assert page.page.locator('#which option').all_text_contents() == names
    assert page.page.eval_on_selector('#which', chosen) == names[400]
    page.page.select_option('#which', names[7])
    assert page.page.evaluate('state.parameter') == 7


@pytest.mark.parametrize('label', ['</script><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"\'&amp;',
                                   '\\', 'naïve ŷ 変数', '__proto__', 'x' * 300])
def test_labels_are_shown_as_they_are(label, opened):
    x, w = Value(1.0, label=label), Value(1.0, label=f'w{label}')
    page = opened(playground((w * x - 1)**2, [x], [w], [[1.0, 2.0]]))
    page.page.click('#step')
    settled(page)
    shown = page.page.eval_on_selector('#which', 'select => select.options[0].text')
    assert shown.startswith(f'w{label}'[:39])
    page.page.click('#copy')
    assert list(json.loads(page.page.input_value('#json-text'))) == [page.page.evaluate('DATA.names[0]')]


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_on_paper(scheme, opened, network):
    page = opened(network.playground(test=0.2), width=1280, height=800, color_scheme=scheme)
    page.page.click('#step')
    settled(page)
    page.page.evaluate('dispatchEvent(new Event("beforeprint"))')
    assert page.page.evaluate('COLOURS.paper') == [255, 255, 255]
    page.page.emulate_media(media='print', color_scheme=scheme)
    hidden = ('#run', '#copy', '#theme', '#editing')
    assert [selector for selector in hidden if page.page.locator(selector).is_visible()] == []
    fits = page.page.eval_on_selector_all('canvas', 'all => all.map(canvas => getComputedStyle(canvas).objectFit)')
    assert set(fits) == {'contain'}  # circles stay round
    page.page.emulate_media(media='screen', color_scheme=scheme)
    page.page.evaluate('dispatchEvent(new Event("afterprint"))')
    settled(page)
    assert (page.page.evaluate('COLOURS.paper')[0] > 128) == (scheme == 'light')
    page.page.emulate_media(media='null', color_scheme=scheme)
    assert len(re.findall(rb'/Type */Page\b', page.page.pdf())) == 1
