"""A picture as DOT text, and what makes SVG, PNG or another format of it: the one place where `dot` is found."""

from __future__ import annotations

import functools
import html
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from os import PathLike, fspath
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import graphviz
from graphviz.backend import dot_command

from micrograd.engine import Value
from micrograd.show.look import printable
from micrograd.show.still import LARGEST, still

# The still picture is seen where HTML was cleaned of the <svg> that follows it, or of this style.
STYLE = '.micrograd-still { margin: 0 } .micrograd-still:has(+ .micrograd-drawing > svg) { display: none }'
LEAST_SCALE = 0.6  # of its size, to which a picture is scaled down: letters of 12 points have 7 then
INSTALL = '`apt install graphviz`, `brew install graphviz`, …'
PIXELS = ('png', 'jpg', 'jpeg', 'jpe', 'gif', 'bmp', 'webp', 'tif', 'tiff')


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that finds a `dot` to draw with, and says what to install where there is none.

    title, description: what the picture is called, and what it shows, for those who hear it; in every SVG.
    dpi: how many dots there are to an inch in a format of pixels. seconds: how long a layout may take. _shown: of a
    folded graph the Values of each row of each card, which are the nodes b0, b1, …; with a name of its own it would
    give those Values their names in the next picture.
    """

    seconds = 60.0
    _shown: Sequence[Sequence[Sequence[Value]]] = ()

    def __init__(self, *args: Any, title: str = '', description: str = '', dpi: float | None = None,
                 **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title, self.description, self.dpi = title, description, dpi

    def pipe(self, format: str | None = None, renderer: str | None = None, formatter: str | None = None,
             neato_no_op: bool | int | None = None, quiet: bool = True, *,
             engine: str | None = None, encoding: str | None = None) -> Any:
        """As `graphviz.Digraph.pipe`: the picture as bytes, or as text where an encoding is given.

        RuntimeError where there is no `dot`, where it cannot draw this format, and where it takes too long.
        """
        format = format or self.format
        command = dot_command.command(engine or self.engine, format, renderer=renderer, formatter=formatter,
                                      neato_no_op=neato_no_op)
        arguments = [str(part) for part in command[1:]]
        if self.dpi and format in PIXELS:
            arguments.append(f'-Gdpi={self.dpi:g}')
        picture, said = _laid_out(self.source, arguments, format, self.seconds)
        if not quiet:
            sys.stderr.write(said)
        if format == 'svg':
            picture = self._described(picture.decode()).encode()
        return picture.decode(encoding) if encoding else picture

    def render(self, filename: str | PathLike[str] | None = None, directory: str | PathLike[str] | None = None,
               view: bool = False, cleanup: bool = False, format: str | None = None, *,
               outfile: str | PathLike[str] | None = None, **options: Any) -> str:
        """As `graphviz.Digraph.render`: write the DOT text and the picture to files; return the picture's path.

        Nothing is written where the picture cannot be drawn.
        """
        if outfile is not None:
            format = self._get_format(Path(outfile), format=format)
            outfile = Path(outfile) if directory else Path(self.directory, outfile)
        quiet_view = options.pop('quiet_view', False)
        picture = self.pipe(format, **options)
        if outfile is not None and filename is None:
            filename = self._get_filepath(outfile)
        source = self.save(filename, directory=directory, skip_existing=None)
        path = Path(outfile or f'{source}.{format or self.format}')
        path.write_bytes(picture)
        if cleanup:
            Path(source).unlink()
        if view or quiet_view:
            self._view(path, format=format or self.format, quiet=quiet_view)
        return fspath(path)

    def _repr_mimebundle_(self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None,
                          **_: Any) -> dict[str, Any]:
        """What a notebook shows: the picture in the width of its cell, as SVG for those that take no HTML, as words.

        In the HTML stands an <svg>, which says more under the pointer, and a still picture for where that is cleaned
        away: JupyterLab and GitHub keep an <img> in the HTML of a notebook that is not trusted, and nothing of an SVG.
        A PNG, which would take more room than all of these together, is made only for those that ask for one.
        """
        svg = functools.cache(lambda: self.pipe('svg', encoding='utf-8'))
        forms: dict[str, Callable[[], Any]] = {
            'text/html': lambda: self._fitted(svg()),
            'image/svg+xml': svg,
            'text/plain': lambda: f'{self.title or "A picture"}. {self.description}'.strip()}
        wanted = (set(forms) if include is None else set(include)) - set(exclude or [])
        shown = {form: make() for form, make in forms.items() if form in wanted}
        pixels = {'image/png': 'png', 'image/jpeg': 'jpeg'}  # for those that ask
        return shown | {form: self.pipe(pixels[form]) for form in wanted.intersection(pixels)}

    def _fitted(self, svg: str) -> str:
        """An SVG as HTML that fills the width there is, up to its own, down to what can be read, and then scrolls.

        Where HTML is cleaned of every <svg>, as in a notebook that is not trusted, a still picture stands in its
        place, or a sentence where that would be large.
        """
        svg, title = svg[svg.index('<svg'):], printable(self.title or 'A picture')
        shown = still(fromstring(svg) if len(svg) < LARGEST else None, f'{title}. {printable(self.description)}', title,
                      f'{title}: it is shown once this notebook is trusted (File, Trust Notebook).')
        size = re.search(r' width="([\d.]+)pt" height="[\d.]+pt"', svg)
        if size:
            width = float(size[1])
            style = f'width:100%;max-width:{width:g}pt;min-width:{LEAST_SCALE * width:.0f}pt;height:auto;display:block'
            svg = svg.replace(size[0], f' style="{style}"', 1)
        return (f'<style>{STYLE}</style>{shown}<div class="micrograd-drawing" style="overflow-x:auto;font-size:0">{svg}'
                '</div>')

    def _described(self, svg: str) -> str:
        """An SVG with its role, its title and its description, in place of the title that Graphviz gives it."""
        svg = svg.replace('<title>%3</title>\n', '', 1)
        about = f'<title>{html.escape(printable(self.title))}</title>\n' if self.title else ''
        about += f'<desc>{html.escape(printable(self.description))}</desc>\n' if self.description else ''
        return re.sub(r'<svg ([^>]*)>\n', lambda tag: f'<svg role="img" {tag[1]}>\n{about}', svg, count=1)


def find_dot() -> Path | None:
    """The system's `dot` where there is one, else the pip-installed one of graphviz-pure, else None."""
    found = shutil.which('dot')
    return Path(found) if found else pip_installed_dot()


def pip_installed_dot() -> Path | None:
    """The program in the package graphviz-pure, wherever pip put it."""
    try:
        files = metadata.files('graphviz-pure') or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).resolve() for file in files if file.stem == 'graphviz-pure'), None)


def _laid_out(source: str, arguments: list[str], format: str, seconds: float) -> tuple[bytes, str]:
    """What `dot` makes of the DOT text, and what it says meanwhile."""
    if sys.platform == 'emscripten':  # no processes there
        from micrograd.show.webassembly import laid_out
        return laid_out(source, format, next(a[2:] for a in arguments if a.startswith('-K')))
    dot = find_dot()
    if dot is None:
        raise RuntimeError(
            'there is no `dot` program to draw with. Install one: `pip install graphviz-pure`, or Graphviz itself '
            f'({INSTALL}). The DOT text is there without it, as `.source`')
    try:
        done = subprocess.run([dot, *arguments], input=source.encode(), capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f'the layout took longer than {seconds:g} seconds and was stopped: draw a part of the graph, such as one '
            'neuron or the loss of one sample; or fold it, with draw_dot(…, fold=True); or give it more time, with '
            '`drawing.seconds = 600`') from None
    said = done.stderr.decode(errors='replace')
    if re.search(r'Format: .* not recognized', said):
        raise RuntimeError(f'this `dot`, {dot}, draws no {format.upper()}: install Graphviz itself ({INSTALL}), '
                           'or save the picture as SVG or PNG')
    if done.returncode:
        raise RuntimeError(f'{dot} failed: {" ".join(said.split())[:200]}')
    return done.stdout, said
