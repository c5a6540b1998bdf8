"""Playgrounds for the tests, and what is in their pages."""

import json
import math
import random
from typing import Any

from browser import Opened, Scripts

import micrograd
from micrograd import Value, optim
from micrograd.losses import hinge_loss
from micrograd.nn import MLP
from micrograd.show.playground import Playground, playground


def data_of(page: Playground) -> dict[str, Any]:
    """The data that stands in a page."""
    return json.loads(Scripts(page.html).scripts[0])


def trainer_of(page: Playground) -> str:
    """The part of a page's script that trains, which needs no page around it."""
    script = Scripts(page.html).scripts[1]
    return script[script.index('const LOSS'):script.index('// Looks:')]


def moons(count: int, seed: int = 0) -> list[list[float]]:
    """Two half moons, as the numbers of x1, of x2, and of the class, -1 or 1."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        t, up = math.pi * draw.random(), i % 2 == 0
        x, y = (math.cos(t), math.sin(t)) if up else (1 - math.cos(t), 0.5 - math.sin(t))
        rows.append((x + draw.gauss(0, 0.1), y + draw.gauss(0, 0.1), -1.0 if up else 1.0))
    return [list(column) for column in zip(*rows, strict=True)]


class Moons:
    """The moons network, its loss, and its data."""

    def __init__(self, widths: tuple[int, ...] = (16, 16, 1), count: int = 100, activation: str = 'relu') -> None:
        random.seed(1337)
        self.model = MLP(2, widths, activation=activation)
        self.inputs = [Value(1.0, label=name) for name in ('x1', 'x2', 'y')]
        score = self.model(self.inputs[:2])
        self.score = score[0] if isinstance(score, list) else score
        self.loss = hinge_loss(self.score, self.inputs[2])
        self.params = self.model.parameters()
        self.data = moons(count)

    def playground(self, **options: Any) -> Playground:
        return playground(self.loss, self.inputs, self.params, self.data, self.score, self.model, **options)


def trained(moons: Moons, optimizer: str, epochs: int, page: Playground, batch_size: int, lr: float) -> list[float]:
    """The loss of each epoch, in which micrograd.optim trains the model on the page's batches."""
    step = micrograd.compile(moons.loss, moons.inputs, moons.params, backend='python')
    made = {'sgd': lambda: optim.SGD(moons.params, lr), 'momentum': lambda: optim.SGD(moons.params, lr, momentum=0.9),
            'adam': lambda: optim.Adam(moons.params, lr)}[optimizer]()
    rows = data_of(page)['train']
    losses = []
    for epoch in range(epochs):
        order, total = page.orders[epoch % len(page.orders)], 0.0
        for start in range(0, len(order), batch_size):
            batch = [rows[i] for i in order[start:start + batch_size]]
            made.zero_grad()
            total += len(batch) * step(*map(list, zip(*batch, strict=True)))
            made.step()
        losses.append(total / len(order))
    return losses


def line(**options: Any) -> Playground:
    """The playground of y = w x + b on three points."""
    x, y, w, b = (Value(0.5, label=name) for name in 'xywb')
    answer = w * x + b
    return playground((answer - y)**2, [x, y], [w, b], [[1, 2, 3], [2, 4, 7]], answer, **options)


def facts(page: Opened) -> dict[str, str]:
    """What the page says of the chosen parameter."""
    return dict(zip(page.page.locator('#numbers dt').all_text_contents(),
                    page.page.locator('#numbers dd').all_text_contents(), strict=True))


def until(page: Opened, condition: str) -> None:
    """Wait for what becomes true in the page, frame by frame."""
    page.page.evaluate(f'''() => new Promise((done, fail) => {{
        let frames = 0;
        const look = () => {condition} ? done() : ++frames > 3000 ? fail('in vain') : requestAnimationFrame(look);
        look();
    }})''')


def settled(page: Opened) -> None:
    """Wait until all that changed is drawn."""
    until(page, '!state.dirty')
