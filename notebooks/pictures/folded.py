"""Draw the pictures of whole networks that the README shows: `python notebooks/pictures/folded.py`."""

import random
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent.parent), str(FOLDER.parent.parent / 'benchmarks')]
import networks  # noqa: E402
from micrograd import Value, draw_dot  # noqa: E402
from micrograd.nn import MLP  # noqa: E402
from micrograd.show.drawing import Drawing  # noqa: E402


def moons() -> Drawing:
    """The loss over the two moons, with weight decay."""
    model, loss = networks.moons()
    loss.backward()
    return draw_dot(loss, names={'loss': loss}, model=model)


def gpt() -> Drawing:
    """A GPT's loss on one word, its attention and its MLP closed."""
    model, loss = networks.words()
    loss.backward()
    return draw_dot(loss, names={'loss': loss}, model=model, depth=2)


def tables() -> Drawing:
    """A small network on one sample, each inner product as a table of its pairs."""
    random.seed(3)
    model = MLP(3, [4, 4, 1], activation='tanh')
    x = [Value(number, label=f'x{i}') for i, number in enumerate((2.0, 3.0, -1.0), 1)]
    y = model(x)
    y.backward()
    return draw_dot(y, names={'model': model, 'y': y})


PICTURES = {'folded_moons.svg': moons, 'folded_gpt.svg': gpt, 'tables.svg': tables}


def slim(svg: str) -> str:
    """An SVG without what Graphviz repeats in it: comments, the titles of parts, tips, the font of every text."""
    svg = re.sub(r'<!--.*?-->\n?', '', svg, flags=re.DOTALL)
    svg = re.sub(r'<g(?: id="[^"]*")?>\n?<a[^>]*>\n|</a>\n</g>\n', '', svg)
    part = r'<g [^>]*class="(?:node|edge|cluster)">\n<title>.*?</title>\n(.*?)</g>\n'
    svg = re.sub(part, r'\1', svg, flags=re.DOTALL)
    svg = re.sub(r' font-family="[^"]*"', '', svg).replace(' stroke="transparent"', '').replace('.00"', '"')
    return svg.replace('<svg ', '<svg font-family="Helvetica,Arial,sans-serif" ', 1)


if __name__ == '__main__':
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(slim(draw().pipe(encoding='utf-8')), encoding='utf-8')
