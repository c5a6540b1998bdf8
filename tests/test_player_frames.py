"""The steps as pictures for slides: the same words, numbers and colours as in the page, and a GIF that moves."""

import re
import xml.etree.ElementTree as ET

import pytest
from browser import GRAPHS, lesson
from PIL import Image, ImageFont

import micrograd.show.player
from micrograd import Value
from micrograd.command.expression import evaluate
from micrograd.show.player import play
from micrograd.show.player.animation import paint
from micrograd.show.player.frames import NOW, pictures_of, steps_of
from micrograd.show.still import SVG

LINES = """() => steps.map((_, k) => {
    go(k);
    return document.querySelector('#mathematics .line .chains').textContent.replace(/\\s+/g, ' ').trim();
})"""
TEXTS = """() => steps.map((_, k) => {
    go(k);
    return [...document.querySelectorAll('#graph text')].map(text => text.textContent).filter(text => text).sort();
})"""
FILLS = """() => { go(steps.length - 1); return boxes.map(({cell}) => getComputedStyle(cell).fill); }"""


def texts(picture: ET.Element) -> list[str]:
    """What a picture says, but for its line of mathematics, which stands last."""
    return sorted(text.text for text in list(picture.iter(f'{SVG}text'))[:-1] if text.text)


def pictures(player) -> list[ET.Element]:
    return list(pictures_of(player.svg, player.data, 200))


@pytest.mark.parametrize('graph', GRAPHS)
def test_the_same_steps_as_in_the_page(graph: str, opened, each_dot):
    player = play(evaluate(*GRAPHS[graph]))
    page = opened(player).page
    assert [' '.join(step.line.split()) for step in steps_of(player.data)] == page.evaluate(LINES)
    assert [texts(picture) for picture in pictures(player)] == page.evaluate(TEXTS)


def test_a_label_that_reads_like_an_expression_stands_in_parentheses(opened):
    x, w = Value(2.0, label='x1'), Value(-3.0, label='w1')
    product = x * w
    product.label = 'x1*w1'
    player = play(product.tanh(), names=False)
    lines = [' '.join(step.line.split()) for step in steps_of(player.data)]
    assert lines[-1].startswith('∂tanh(x1*w1)/∂w1 += ∂tanh(x1*w1)/∂(x1*w1) · ∂(x1*w1)/∂w1 =')
    assert lines == opened(player).page.evaluate(LINES)


def test_the_same_colours_as_in_the_page(opened):
    player = play(evaluate('p = a*b; q = p - a; r = q*q*b', {'a': 2, 'b': -3}))
    fills = [[float(x) for x in re.findall(r'[\d.]+', fill.removeprefix('color(srgb'))]
             for fill in opened(player, color_scheme='light').page.evaluate(FILLS)]
    found = sorted(tuple(round(255 * x) if max(fill) <= 1 else round(x) for x in fill[:3]) for fill in fills)
    cells = []
    for group in pictures(player)[-1].iter(f'{SVG}g'):
        lines = [text.text for text in group.iter(f'{SVG}text')]
        if group.get('class') == 'node' and lines[-1].startswith('grad'):
            cell = max((shape for shape in group.iter(f'{SVG}polygon') if shape.get('fill') != 'none'),
                       key=lambda shape: min(float(point.split(',')[1]) for point in shape.get('points').split()))
            cells.append(tuple(bytes.fromhex(cell.get('fill')[1:])))
    assert len({cell[0] for cell in cells}) > 2
    assert all(abs(a - b) <= 2 for one, other in zip(sorted(cells), found, strict=True)
               for a, b in zip(one, other, strict=True))


def test_files_with_numbers(tmp_path):
    paths = lesson().frames(tmp_path / 'a' / 'b')
    assert [path.name for path in paths] == [*(f'{k:03}.svg' for k in range(1, 11)), 'steps.gif']
    pictures = [ET.parse(path).getroot() for path in paths[:-1]]
    assert len({(p.get('viewBox'), p.get('width'), p.get('height')) for p in pictures}) == 1
    assert [list(p.iter(f'{SVG}text'))[-1].text for p in pictures][3] == 'loss = s² = (−1)² = 1'
    lit = [[shape.tag for shape in p.iter() if shape.get('stroke') == NOW] for p in pictures]
    assert [tags.count(f'{SVG}ellipse') for tags in lit] == [0, 1, 1, 1, 0, 1, 1, 1, 1, 1]


def test_the_gif_moves(tmp_path):
    with Image.open(lesson().frames(tmp_path)[-1]) as gif:
        assert gif.n_frames == 10 and gif.info['loop'] == 0
        frames = []
        for k in range(gif.n_frames):
            gif.seek(k)
            assert gif.info['duration'] == 1500
            frames.append(gif.convert('RGB'))
    assert len({frame.tobytes() for frame in frames}) == 10
    assert len({frame.size for frame in frames}) == 1 and frames[0].width <= 1000
    ink = [sum(count for count, (r, g, b) in frame.getcolors(1 << 24) if r + g + b < 600) for frame in frames]
    assert ink[4] > ink[0] > 1000  # what comes later is pale


def test_without_pillow_there_are_the_svgs(tmp_path, monkeypatch):
    monkeypatch.setattr(micrograd.show.player, 'find_spec', lambda name: None)
    assert len(lesson().frames(tmp_path)) == len(list(tmp_path.iterdir())) == 10


def test_without_a_font_of_the_system(monkeypatch):
    truetype = ImageFont.truetype

    def missing(font: object, *arguments: object, **options: object) -> ImageFont.FreeTypeFont:
        if isinstance(font, str):
            raise OSError('cannot open resource')
        return truetype(font, *arguments, **options)  # the one in Pillow itself

    picture = pictures(lesson())[-1]
    usual = paint(picture)
    monkeypatch.setattr(ImageFont, 'truetype', missing)
    plain = paint(picture)
    assert plain.size == usual.size
    assert len(plain.getcolors(1 << 24)) > 20


@pytest.mark.parametrize('label', ['</svg><script>alert(1)</script>', '&lt;', '"', '\ud800', 'a\nb', 'data x', 'ŷ'])
def test_any_label(label: str, tmp_path):
    paths = play(Value(1.0, label=label) * 2).frames(tmp_path)
    roots = [ET.parse(path).getroot() for path in paths[:-1]]
    assert len(roots) == 4
    assert not any(element.tag.endswith('script') for root in roots for element in root.iter())


def test_numbers_that_are_not_defined():
    player = play(Value(0.0, label='a').sqrt())
    assert steps_of(player.data)[-1].line.endswith('= 1 · not defined here = not defined here')
    assert 'grad undefined' in texts(pictures(player)[-1])


def test_too_many_steps(tmp_path):
    with pytest.raises(ValueError, match=r'10 steps, more than max_steps=9.*one neuron'):
        lesson().frames(tmp_path / 'none', max_steps=9)
    assert not (tmp_path / 'none').exists()
