"""Graphs of whole networks, to be folded and drawn."""

import random
import sys
from itertools import pairwise
from pathlib import Path

from micrograd import Value, nn

sys.path.insert(0, str(Path(__file__).parent.parent / 'benchmarks'))
import gpt
import moons as two_moons
import transformer


def moons(points: int = 100) -> tuple[nn.MLP, Value]:
    """The max-margin loss over the moons of an MLP 2-16-16-1, with weight decay."""
    xs, labels = two_moons.moons(points)
    model = nn.MLP(2, [16, 16, 1])
    loss = nn.hinge_loss([model(x) for x in xs], labels)
    return model, loss + 1e-4 * sum(p * p for p in model.parameters())


def mlp(layers: int, samples: int = 5) -> tuple[nn.MLP, Value]:
    """The squared error of an MLP of so many layers, over a batch."""
    random.seed(layers)
    model = nn.MLP(3, [8] * (layers - 1) + [1])
    xs = [[random.gauss(0, 1) for _ in range(3)] for _ in range(samples)]
    return model, nn.mse_loss([model(x) for x in xs], [0.1] * samples)


def recurrence(steps: int) -> Value:
    """h = tanh(w h + u x + b), so many times, and how far each is from a target."""
    w, u, b = (Value(number, label=name) for name, number in [('w', 0.5), ('u', 0.3), ('b', 0.1)])
    h, losses = Value(0.0, label='h0'), []
    for t in range(steps):
        h = (w * h + u * Value(t % 3 - 1.0) + b).tanh()
        losses.append((h - t % 2 / 2) ** 2)
    return sum(losses) / steps


def smoothness(points: int = 50) -> Value:
    """The sum of the squared differences of neighbours."""
    xs = [Value(i % 7 / 8) for i in range(points)]
    return sum((b - a) ** 2 for a, b in pairwise(xs))


def chain(length: int) -> Value:
    """So many operations in a row."""
    v = Value(1.0)
    for i in range(length):
        v = v * 0.5 if i % 2 else v + 0.25
    return v


def words(count: int = 1, layers: int = 1, dot: gpt.Dot = gpt.dot) -> tuple[gpt.GPT, Value]:
    """A GPT's loss on the word emma, or the mean over so many words."""
    random.seed(1)
    model = gpt.GPT(layers=layers, dot=dot)
    losses = [model.loss(gpt.encoded(gpt.WORDS[i % len(gpt.WORDS)])) for i in range(count)]
    return model, sum(losses) / count if count > 1 else losses[0]


def sequence() -> tuple[transformer.Transformer, Value]:
    """The transformer's loss on a sequence."""
    random.seed(1)
    model = transformer.Transformer(len(transformer.VOCABULARY))
    return model, transformer.traced(model)[0]
