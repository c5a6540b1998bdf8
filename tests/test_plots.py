"""The plots of the lessons: pictures where there is matplotlib, a line of text where there is none."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from needs import needs

from micrograd.show import plots

PLOTS = {
    'curves': lambda: plots.curves({'a': [3.0, 2.0, 1.0], 'b': ([0.0, 2.0], [1.0, 4.0])}, x='epoch', y='loss',
                                   title='two lines', log=True, points=[(1.0, 2.0)]),
    'many': lambda: plots.curves({'loss': [1.0 / n for n in range(1, 200)]}, y='loss'),
    'boundary': lambda: plots.boundary(lambda p: p[0] - p[1], [[0.0, 1.0], [2.0, 0.5]], [1, -1], title='a line'),
    'one side': lambda: plots.boundary(lambda p: 1.0, [[0.0, 1.0], [2.0, 0.5]], [1, 1], steps=3),
    'bars': lambda: plots.bars({'p': [0.7, 0.2, 0.1], 'gradient': [-0.3, 0.2, 0.1]}, ['a', 'b', 'c'], title='bars'),
}


@pytest.fixture
def matplotlib():
    return needs('matplotlib')


@pytest.mark.parametrize('name', PLOTS)
@pytest.mark.usefixtures('matplotlib')
def test_a_plot_is_a_png_that_fits_a_cell(name: str, tmp_path: Path):
    plot = PLOTS[name]()
    png = plot._repr_png_()
    assert png.startswith(b'\x89PNG')
    width, height = struct.unpack('>II', png[16:24])
    assert 500 < width < 800 and 300 < height < 500
    assert len(png) < 100_000
    assert plot.save(tmp_path / 'plot.svg').read_text(encoding='utf-8').startswith('<?xml')
    assert repr(plot).startswith('a plot: ')


@pytest.mark.usefixtures('matplotlib')
def test_words_are_large_and_lines_differ_without_colour():
    axes = PLOTS['curves']().figure.axes[0]
    assert axes.xaxis.label.get_size() >= 15 and axes.title.get_size() >= 15
    assert len({line.get_linestyle() for line in axes.lines[:2]}) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    assert axes.get_yscale() == 'log'


@pytest.mark.usefixtures('matplotlib')
def test_nothing_of_it_is_imported_before_it_is_needed():
    code = ('import sys; from micrograd.show import plots; before = "matplotlib" in sys.modules; '
            'plots.curves({"a": [1.0, 2.0]}); '
            'print(before, "matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)')
    run = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ['False', 'True', 'False']


@pytest.mark.parametrize('name', PLOTS)
def test_without_matplotlib_a_line_says_so(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    assert 'left out' in repr(PLOTS[name]()) and 'matplotlib' in repr(PLOTS[name]())
