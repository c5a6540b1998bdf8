"""A self-contained HTML page that shows in a notebook and is saved as a file, as the player and the playground are."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from micrograd.engine import Value
from micrograd.show.still import still

# A page in a frame cannot see the notebook around it, but when it asks for the preferred theme, a browser answers with
# the colour scheme of the frame's element. So that gets the notebook's, in JupyterLab, VS Code and Colab.
DARK = ('[data-jp-theme-light="false"]', '[data-vscode-theme-kind$="dark"]', '[data-vscode-theme-kind$="contrast"]',
        '[theme="dark"]')
LIGHT = ('[data-jp-theme-light="true"]', '[data-vscode-theme-kind$="light"]', '[theme="light"]')
STYLE = ''.join(f':is({", ".join(notebooks)}) .micrograd-page {{ color-scheme: {scheme} }} '
                for scheme, notebooks in (('dark', DARK), ('light', LIGHT)))
# A still picture stands before the frame, hidden by this style, and only where a whole frame follows: cleaned HTML has
# lost the one or the other. On paper it stands in the frame's place.
STYLE += ('.micrograd-still { margin: 0; font-size: 0.9em } '
          '@media screen { .micrograd-still:has(+ .micrograd-page[srcdoc]) { display: none } } '
          '@media print { .micrograd-still:has(img) + .micrograd-page, .micrograd-still img + * { display: none } }')


@dataclass(frozen=True)
class Page:
    """A page: it shows in a notebook, and `save` writes it as a file that needs nothing else."""

    html: str = field(repr=False)
    height: int = 640
    title: ClassVar[str] = ''  # what a screen reader calls the frame

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, and return its path."""
        path = Path(path)
        path.write_text(self.html, encoding='utf-8')
        return path

    def still(self) -> str:
        """HTML that stands in the page's place where that cannot run, as on paper or in an untrusted notebook."""
        return still(None, '', f'{self.title}: trust this notebook to see it.')

    def _repr_html_(self) -> str:
        style = f'width: 100%; height: {self.height}px; border: 0'
        return (f'<style>{STYLE}</style>{self.still()}<iframe class="micrograd-page" title="{html.escape(self.title)}" '
                f'style="{style}" sandbox="allow-scripts" srcdoc="{html.escape(self.html)}"></iframe>')


def graph_of(output: Value, max_operations: int, takes: str, advice: str) -> list[Value]:
    """The Values of the graph of `output` in topological order, for a page of no more than so many operations.

    takes, advice: what a message says of what a page takes, and of what to do where there are more operations.
    TypeError where output is no Value; ValueError for more operations.
    """
    if not isinstance(output, Value):
        raise TypeError(f'{takes}, not a {type(output).__name__}')
    order = output.topological_order()
    operations = sum(bool(node._prev) for node in order)
    if operations > max_operations:
        raise ValueError(f'this graph has {operations:,} operations, more than max_operations={max_operations:,}: '
                         f'{advice}; or pass a larger max_operations, and have patience')
    return order


def document(title: str, body: str, css: str, data: Any, js: str) -> str:
    """A page that may run no script and load nothing but what stands in it.

    title, body: HTML. css, js: what follows the style and the script of every page. data: what `embedded` takes.
    """
    return fill(texts(__package__, 'page.html'), {
        'title': title, 'body': body, 'css': texts(__package__, 'page.css') + css, 'data': embedded(data),
        'js': texts(__package__, 'page.js') + js})


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with its {{names}} replaced by the parts: once, for a label may hold a {{name}} of its own."""
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], template)


def embedded(data: Any) -> str:
    """Data as JSON for a script element: ASCII, and no '<' with which a label could end it. ValueError for NaN."""
    return json.dumps(data, allow_nan=False).replace('<', r'\u003c')


def texts(package: str, *names: str) -> str:
    """The texts of files that lie beside a package's modules, one after another."""
    return ''.join(files(package).joinpath(name).read_text(encoding='utf-8') for name in names)
