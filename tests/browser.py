"""A headless Chromium that opens step players, and the graphs that they play."""

import math
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

import micrograd.show.player
from micrograd.command.expression import evaluate
from micrograd.engine import Constant, Value
from micrograd.show.player import Player, play

try:
    from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
except ImportError:
    Browser = Locator = Page = expect = sync_playwright = None

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
MISSING = [] if sync_playwright else ['pip install playwright']
MISSING += [] if CHROMIUM else ['apt install chromium']
FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync']
SOURCE = Path(micrograd.show.player.__file__).parent
LESSON = ('y_hat = w*x; s = y_hat - y; loss = s**2', {'w': 1, 'x': 1, 'y': 2})
GRAPHS = {
    'lesson': LESSON,
    'sum, difference, product, quotient': ('p = a*b; q = (p - c)/b; r = q + a + p', {'a': 2, 'b': -3, 'c': 0.5}),
    'powers': ('u = a**2; v = a**3; t = a**-1.5; y = u*v + t + a**0 + a**1 + a**b', {'a': 1.7, 'b': -0.3}),
    'a plain base': ('y = 2**a + 3*a - 1/a', {'a': 1.3}),
    'neg, abs': ('y = abs(-a) * -b', {'a': -1.4, 'b': 2}),
    'exp, log, sqrt': ('e = exp(a); l = log(b); r = sqrt(e*b + 1); y = r*l', {'a': 0.3, 'b': 2.5}),
    'sin, cos': ('y = sin(a)*cos(a*b)', {'a': 0.7, 'b': -1.9}),
    'tanh, sigmoid': ('h = tanh(a*b + c); y = sigmoid(h - a)', {'a': 0.8, 'b': -0.6, 'c': 0.25}),
    'sigmoid far out': ('y = sigmoid(a) + sigmoid(b)', {'a': -40, 'b': 25}),
    'relu': ('y = relu(a*b) + relu(-a)*3 + relu(c)', {'a': 0.8, 'b': 1.5, 'c': 0}),
    'dot': ('d = dot([a, b, 0.1], [c, a, b]); y = d*d', {'a': 0.1, 'b': -0.7, 'c': 3}),
    'reused': ('b = a + a; c = b + b; y = c*c*a', {'a': 1.1}),
    'kinks and edges': ('y = abs(a) + a**2 + a**0 + relu(a) + a**b + a**1', {'a': 0, 'b': 2}),
    '0 ** 0': ('y = a**b', {'a': 0, 'b': 0}),
}


class Scripts(HTMLParser):
    """The scripts of a page and their texts, as a browser finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == 'script':
            self.scripts.append('')

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == 'script' and self.scripts:
            self.scripts[-1] += data


class Opened:
    """A page in the browser, and what it said and asked for."""

    def __init__(self, page: 'Page') -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on('console', lambda message: self.complaints.append(message.text))
        page.on('pageerror', lambda error: self.complaints.append(str(error)))
        page.on('request', lambda request: self.requests.append(request.url))

    def numbers(self, name: str) -> list[float]:
        """data-data or data-grad of each node, in topological order; nan for what is not there."""
        texts = self.page.eval_on_selector_all(
            '.value', f'boxes => boxes.sort((a, b) => a.dataset.node - b.dataset.node).map(b => b.dataset.{name})')
        return [float(text or 'nan') for text in texts]

    def text(self, selector: str) -> str:
        return ' '.join(self.page.text_content(selector).split())

    @property
    def step(self) -> int:
        return int(re.match(r'Step (\d+) of', self.text('#place'))[1])

    @property
    def steps(self) -> int:
        return int(re.match(r'Step \d+ of (\d+)', self.text('#place'))[1])

    @property
    def mathematics(self) -> str:
        """The line of the step, without its note."""
        return ' '.join(self.page.text_content('#mathematics .line .chains').split())

    def box(self, name: str) -> list[str]:
        """The texts of the first box with that name."""
        return next(texts for texts in self.page.eval_on_selector_all(
            '.value', 'boxes => boxes.map(b => [...b.querySelectorAll("text")].map(t => t.textContent))')
            if texts[0] == name)

    def value(self, name: str) -> 'Locator':
        return self.page.get_by_role('button', name=re.compile(f'^{name} data '))

    def wait_for_step(self, step: int) -> None:
        expect(self.page.locator('#place')).to_have_text(re.compile(f'^Step {step} '))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def lesson() -> Player:
    return play(evaluate(*LESSON))


def gradients(order: list[Value]) -> list[float]:
    """The gradients that the player shows: those of all but the plain numbers, of which nan stands for none."""
    return [math.nan if isinstance(node, Constant) else node.grad for node in order]


def close(found: list[float], expected: list[float]) -> bool:
    return len(found) == len(expected) and all(
        math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
        for a, b in zip(found, expected, strict=True))


def found_by_axe(page: Opened) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong with a page: each rule, and the elements that break it."""
    if Axe is None:
        give_up = pytest.fail if os.environ.get('CI') else pytest.skip
        give_up('the page is read by axe: pip install axe-playwright-python')
    rules = {rule: {'enabled': True} for rule in ('label-content-name-mismatch', 'target-size')}
    found = Axe().run(page.page, options={'rules': rules}).response
    assert len(found['passes']) > 20
    return [(problem['id'], [node['html'] for node in problem['nodes']]) for problem in found['violations']]
