"""A one-layer transformer out of Values, which learns to go on with 'hello world hello world …'.

One graph holds a whole sequence, and its inputs are the tokens, each as a list of zeros with a single one, so that
`micrograd.compile` makes one function of it for all sequences of that length. `python benchmarks/transformer.py` trains
it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

import micrograd
from micrograd import Value, dot, nn, optim

Vector: TypeAlias = list[Value]
Matrix: TypeAlias = list[Vector]

TEXT = 'hello world '
VOCABULARY = sorted(set(TEXT))


class Transformer(nn.Module):
    """From the tokens of a sequence to the logits, at each position, of the token that follows.

    vocabulary: how many tokens there are. positions: the longest sequence. width: the numbers that stand for a
    position on its way through the layer. heads: into how many parts they are divided for the attention.
    """

    def __init__(self, vocabulary: int, positions: int = 8, width: int = 16, heads: int = 4) -> None:
        self.heads = heads
        self.embedding = matrix(width, vocabulary)
        self.positions = matrix(positions, width)
        self.query, self.key, self.value, self.output = (matrix(width, width) for _ in range(4))
        self.wider, self.narrower = matrix(4 * width, width), matrix(width, 4 * width)
        self.unembedding = matrix(vocabulary, width)

    def __call__(self, tokens: Sequence[Sequence[Value | float]]) -> list[Vector]:
        """The logits of every position, which depend on the tokens up to there alone; each token is a one-hot list."""
        xs = [normalized(add(linear(self.embedding, token), position))
              for token, position in zip(tokens, self.positions)]
        xs = [add(x, a) for x, a in zip(xs, self.attention([normalized(x) for x in xs]))]
        xs = [add(x, self.mlp(normalized(x))) for x in xs]
        return [linear(self.unembedding, normalized(x)) for x in xs]

    def attention(self, xs: list[Vector]) -> list[Vector]:
        """What each position gathers: in each head a mean of the values so far, the more of those whose keys match."""
        queries, keys, values = ([linear(m, x) for x in xs] for m in (self.query, self.key, self.value))
        size = len(self.query) // self.heads
        gathered = []
        for t, query in enumerate(queries):
            out = []
            for start in range(0, len(query), size):
                head = slice(start, start + size)
                weights = softmax([dot(query[head], key[head]) / math.sqrt(size) for key in keys[:t + 1]])
                out += [dot(weights, column) for column in zip(*(value[head] for value in values[:t + 1]))]
            gathered.append(linear(self.output, out))
        return gathered

    def mlp(self, x: Vector) -> Vector:
        """What each position makes of itself, alone."""
        return linear(self.narrower, [h.relu() for h in linear(self.wider, x)])


def matrix(rows: int, columns: int) -> Matrix:
    """Parameters, drawn so that a product with them leaves numbers about as large as they were."""
    return [[Value(random.gauss(0, columns ** -0.5)) for _ in range(columns)] for _ in range(rows)]


def linear(rows: Matrix, x: Sequence[Value | float]) -> Vector:
    return [dot(row, x) for row in rows]


def add(a: Vector, b: Vector) -> Vector:
    return [ai + bi for ai, bi in zip(a, b)]


def normalized(x: Vector) -> Vector:
    """x, scaled so that the mean of its squares is 1."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def softmax(scores: Vector) -> Vector:
    """Positive weights with the sum 1. It is usual to take the largest score off all of them first, lest exp overflow;
    ours come from normalized vectors and are small, and which is the largest would be frozen in a compiled graph."""
    exps = [score.exp() for score in scores]
    total = sum(exps)
    return [e / total for e in exps]


def cross_entropy(logits: Vector, target: Sequence[Value | float]) -> Value:
    """-ln softmax(logits)[target], for a one-hot target."""
    return sum(logit.exp() for logit in logits).log() - dot(target, logits)


def sequence_loss(model: Transformer, tokens: Sequence[Sequence[Value | float]]) -> Value:
    """The mean cross-entropy of every token but the first, given those before it."""
    return sum(map(cross_entropy, model(tokens[:-1]), tokens[1:])) / (len(tokens) - 1)


def one_hot(character: str) -> list[float]:
    return [float(character == c) for c in VOCABULARY]


def windows(length: int) -> list[list[list[float]]]:
    """The text, endlessly repeated, from each of its characters on, so many characters long."""
    return [[one_hot(TEXT[(start + i) % len(TEXT)]) for i in range(length)] for start in range(len(TEXT))]


def traced(model: Transformer) -> tuple[Value, list[Value]]:
    """The loss of a sequence, and its inputs: the numbers of all the tokens in a row."""
    tokens = [[Value(number) for number in token] for token in windows(len(model.positions) + 1)[0]]
    return sequence_loss(model, tokens), [number for token in tokens for number in token]


def compiled(model: Transformer, backend: str | None = None) -> tuple[Callable, list[list[float]]]:
    """The compiled step of a sequence, and a batch for it: for each of its inputs the numbers in all the windows."""
    loss, inputs = traced(model)
    step = micrograd.compile(loss, inputs=inputs, params=model.parameters(), backend=backend)
    return step, [list(numbers) for numbers in zip(*map(chain.from_iterable, windows(len(model.positions) + 1)))]


def train(model: Transformer, steps: int = 200, lr: float = 0.01, backend: str | None = None) -> Iterator[float]:
    """Train in place, and yield the loss before each step."""
    step, batch = compiled(model, backend)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        yield step(*batch)
        optimizer.step()


def continued(model: Transformer, text: str, length: int) -> str:
    """The text, taken to that length, each time by the likeliest character after as many as the model sees."""
    while len(text) < length:
        logits = model([one_hot(c) for c in text[-len(model.positions):]])[-1]
        text += VOCABULARY[logits.index(max(logits))]
    return text


if __name__ == '__main__':
    random.seed(1337)
    transformer = Transformer(len(VOCABULARY))
    print(f'{len(transformer.parameters())} parameters; a guess costs {math.log(len(VOCABULARY)):.3f}')
    for i, loss in enumerate(train(transformer)):
        if i % 20 == 0 or i == 199:
            print(f'step {i:3}: loss {loss:.3f}')
    print(continued(transformer, 'hell', 48))
