"""What draws a picture, into which formats and files, and what is said where it cannot be drawn."""

import contextlib
import functools
import re
import sys
import xml.etree.ElementTree as ET
from importlib import metadata
from pathlib import Path

import graphviz
import pytest

from micrograd import Value, draw_dot
from micrograd.command.expression import evaluate
from pictures import SVG, Picture


def lesson() -> Value:
    """Lesson 1, before its backward pass."""
    return evaluate('y_hat = w*x; s = y_hat - y; loss = s**2', {'w': 1, 'x': 1, 'y': 2})


def chain(length: int) -> Value:
    """A graph of that many operations in a row."""
    return functools.reduce(lambda x, _: -x, range(length), Value(1.0))


def fake_dot(folder: Path, what: str = 'sys.stdin.read()') -> Path:
    """Put a `dot` into a folder that draws nothing and notes its arguments; where it notes them."""
    folder.mkdir()
    script, notes = folder / 'dot', folder / 'called'
    script.write_text(f'#!{sys.executable}\nimport sys\nopen({str(notes)!r}, "a").write(str(sys.argv))\n'
                      f'{what}\nprint("<svg>the fake</svg>")\n')
    script.chmod(0o755)
    return notes


def test_pip_installed_dot_where_path_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert Picture(draw_dot(lesson())).names == ['loss', 's', 'w', 'x', 'y', 'y_hat']


def test_systems_dot_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv('PATH', str(tmp_path))
    draw_dot(lesson()).pipe()  # there is none yet
    notes = fake_dot(tmp_path / 'bin')
    monkeypatch.setenv('PATH', str(notes.parent))
    assert b'the fake' in draw_dot(lesson()).pipe()
    assert '-Tsvg' in notes.read_text()


def test_no_dot_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def files(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    draw_dot(lesson()).pipe()  # what was found before is gone
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(metadata, 'files', files)
    monkeypatch.chdir(tmp_path)
    drawing = draw_dot(lesson())
    for method in (drawing.pipe, drawing.render, drawing._repr_mimebundle_):
        with pytest.raises(RuntimeError, match=r'pip install graphviz-pure.*\.source'):
            method()
    assert drawing.source.startswith('digraph')


def test_nothing_on_stderr(capfd: pytest.CaptureFixture[str], tmp_path: Path):
    drawing = draw_dot(Value(1.0, label='ŷ ∂ 漢字 🎉'))
    drawing.pipe()
    drawing.pipe(format='png')
    drawing.render(tmp_path / 'graph')
    drawing._repr_mimebundle_()
    assert capfd.readouterr() == ('', '')


def test_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    drawing, png = draw_dot(lesson()), b'\x89PNG\r\n\x1a\n'
    assert isinstance(drawing, graphviz.Digraph)
    assert drawing.render('graph') == 'graph.svg'
    assert Path('graph').read_text(encoding='utf-8') == drawing.source
    for svg in (Path('graph.svg').read_bytes(), drawing.pipe(), drawing._repr_mimebundle_()['image/svg+xml'].encode()):
        assert ET.fromstring(svg).tag == f'{SVG}svg'
    assert drawing.pipe(format='png')[:8] == draw_dot(lesson(), format='png').pipe()[:8] == png


def test_max_nodes_is_checked_before_any_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    notes = fake_dot(tmp_path / 'bin')
    monkeypatch.setenv('PATH', str(notes.parent))
    with pytest.raises(ValueError, match=r'\b6 values.*max_nodes=5\b'):
        draw_dot(lesson(), max_nodes=5, fold=False)
    assert len(draw_dot(lesson(), max_nodes=6).source.split('<table')) == 7
    assert draw_dot(chain(499)).source
    for n, format in ((500, 'svg'), (100, 'png'), (100, 'jpg')):
        with pytest.raises(ValueError, match=rf'\b{n + 1} values.*max_nodes={n}\b'):
            draw_dot(chain(n), format, fold=False)
    assert not notes.exists()


def test_pdf_by_graphviz_or_advice_and_no_stray_file(each_dot: Path, tmp_path: Path):
    drawing = draw_dot(lesson(), 'pdf')
    if each_dot.name == 'graphviz-pure':
        for method in (drawing.pipe, lambda: drawing.render(tmp_path / 'graph')):
            with pytest.raises(RuntimeError, match=r'draws no PDF: install Graphviz itself.*SVG or PNG'):
                method()
        assert list(tmp_path.iterdir()) == []
    else:
        assert drawing.pipe()[:5] == b'%PDF-'
        assert Path(drawing.render(tmp_path / 'graph', cleanup=True)).read_bytes()[:5] == b'%PDF-'
        assert [path.name for path in tmp_path.iterdir()] == ['graph.pdf']


def test_a_layout_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    notes = fake_dot(tmp_path / 'bin', 'while True: pass')
    monkeypatch.setenv('PATH', str(notes.parent))
    drawing = draw_dot(lesson())
    drawing.seconds = 0.2
    with pytest.raises(RuntimeError, match=r'longer than 0\.2 seconds.*draw a part of the graph.*drawing\.seconds = '):
        drawing.render(tmp_path / 'graph')
    assert not (tmp_path / 'graph').exists()


def test_render_as_graphviz_does(tmp_path: Path):
    drawing, plain = draw_dot(lesson()), graphviz.Digraph(format='svg')
    for options in ({'filename': 'a'}, {'filename': 'b', 'directory': tmp_path / 'in'}, {'outfile': 'c.svg'},
                    {'outfile': 'd.png', 'cleanup': True}, {'filename': 'e', 'format': 'png', 'directory': tmp_path}):
        found = []
        for folder, what in (('ours', drawing), ('plain', plain)):
            (tmp_path / folder).mkdir(exist_ok=True)
            with contextlib.chdir(tmp_path / folder):
                path = what.render(**options)
                found.append((path, sorted(str(file) for file in Path().rglob('*'))))
        assert found[0] == found[1]


def test_svg_says_what_it_is(each_dot):
    root = ET.fromstring(draw_dot(lesson()).pipe())
    assert root.get('role') == 'img'
    assert [child.tag.removeprefix(SVG) for child in root][:2] == ['title', 'desc']
    assert 'loss' in root[0].text
    assert {'loss', 'w', 'x', 'y'} <= set(re.findall(r'\w+', root[1].text))
    assert '%3' not in {title.text for title in root.iter(f'{SVG}title')}
    assert draw_dot(lesson()).pipe(encoding='utf-8') == draw_dot(lesson())._repr_mimebundle_()['image/svg+xml']


def wide() -> Value:
    """A graph that is drawn wider than a page."""
    return evaluate('; '.join(f'v{i + 1} = v{i}*v{i} + v{i}' for i in range(6)), {'v0': 0.5})


@pytest.mark.parametrize('build', [lesson, wide])
def test_in_a_notebook_it_fits_its_cell_down_to_what_can_be_read(build, browser):
    shown = draw_dot(build(), names=False)._repr_mimebundle_()
    own = float(re.search(r'width="([\d.]+)pt', shown['image/svg+xml'])[1]) * 96 / 72
    page = browser.new_page()
    try:
        for room in (2 * own, 0.8 * own, 0.3 * own):
            page.set_viewport_size({'width': int(room), 'height': 800})
            page.set_content(f'<body style="margin:0">{shown["text/html"]}</body>')
            width, scrolled = page.evaluate(
                '[document.querySelector("svg").getBoundingClientRect().width, document.documentElement.scrollWidth]')
            assert width == pytest.approx(min(own, max(int(room), 0.6 * own)), abs=2)
            assert scrolled <= int(room)  # the picture scrolls, and not the page
            assert not page.is_visible('p')  # the sentence for pages that show no picture
    finally:
        page.close()


def test_what_a_notebook_is_offered():
    drawing = draw_dot(lesson())
    shown = drawing._repr_mimebundle_()
    assert set(shown) == {'text/html', 'image/svg+xml', 'text/plain'}
    assert shown['text/plain'].startswith('The graph of loss. 6 values, 3 operations. loss is 1, from ')
    assert set(drawing._repr_mimebundle_(include=['image/png', 'text/plain'])) == {'image/png', 'text/plain'}
    assert set(drawing._repr_mimebundle_(exclude=['text/html'])) == {'image/svg+xml', 'text/plain'}
    assert '<svg' in shown['text/html'] and '<?xml' not in shown['text/html']
