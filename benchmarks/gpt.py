"""A GPT out of Values, which learns the letters of names: one graph for the loss of one word, as in the well-known
"microgpt" of 200 lines by Andrej Karpathy (16 wide, 4 heads, 1 layer, 16 positions), whose architecture this is.

`python benchmarks/gpt.py` trains it a little, and then makes up a few names.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable, Iterable, Iterator, Sequence

from micrograd import Value, dot, nn, optim

NAMES = '''
emma olivia ava isabella sophia charlotte mia amelia harper evelyn abigail emily elizabeth mila ella avery sofia camila
aria scarlett victoria madison luna grace chloe penelope layla riley zoey nora lily eleanor hannah lillian addison
aubrey ellie stella natalie zoe leah hazel violet aurora savannah audrey brooklyn bella claire skylar
'''
WORDS = NAMES.split()
END = 0  # the token before and after a word; the letters follow it
LETTERS = string.ascii_lowercase

Vector = list[Value]
Dot = Callable[[Iterable[Value | float], Iterable[Value | float]], Value]


def products(ws: Iterable[Value | float], xs: Iterable[Value | float]) -> Value:
    """The inner product as a sum of products, each a node of its own: what `dot` is in one."""
    return sum(w * x for w, x in zip(ws, xs, strict=True))


class Linear(nn.Module):
    """A matrix of parameters, nout by nin, and the products of its rows with a vector, without a bias."""

    def __init__(self, nin: int, nout: int, dot: Dot) -> None:
        self.dot = dot
        self.rows = [[Value(random.gauss(0, 0.08)) for _ in range(nin)] for _ in range(nout)]

    def __call__(self, x: Vector) -> Vector:
        return [self.dot(row, x) for row in self.rows]


class Attention(nn.Module):
    """Each position gathers from those up to it, the more from those whose keys match its query, head by head."""

    def __init__(self, width: int, heads: int, dot: Dot) -> None:
        self.dot, self.size = dot, width // heads
        self.query, self.key, self.value, self.output = (Linear(width, width, dot) for _ in range(4))

    def __call__(self, xs: list[Vector]) -> list[Vector]:
        """xs, after what their positions have gathered."""
        queries, keys, values = ([linear(x) for x in xs] for linear in (self.query, self.key, self.value))
        return [self.output([number for start in range(0, len(query), self.size)
                             for number in self.head(slice(start, start + self.size), query, keys[:t], values[:t])])
                for t, query in enumerate(queries, 1)]

    def head(self, part: slice, query: Vector, keys: list[Vector], values: list[Vector]) -> Vector:
        """What one head gathers at one position, in its part of the vectors."""
        scores = [self.dot(query[part], key[part]) / math.sqrt(self.size) for key in keys]
        weights = softmax(scores)
        return [self.dot(weights, column) for column in zip(*(value[part] for value in values), strict=True)]


class MLP(nn.Module):
    """Each position for itself: four times as wide, relu, and back."""

    def __init__(self, width: int, dot: Dot) -> None:
        self.wider, self.narrower = Linear(width, 4 * width, dot), Linear(4 * width, width, dot)

    def __call__(self, x: Vector) -> Vector:
        return self.narrower([number.relu() for number in self.wider(x)])


class Block(nn.Module):
    """Attention, then an MLP, each on the normalized vectors and added to them."""

    def __init__(self, width: int, heads: int, dot: Dot) -> None:
        self.dot = dot
        self.attention, self.mlp = Attention(width, heads, dot), MLP(width, dot)

    def __call__(self, xs: list[Vector]) -> list[Vector]:
        gathered = self.attention([rms_norm(x, self.dot) for x in xs])
        xs = [add(x, a) for x, a in zip(xs, gathered, strict=True)]
        return [add(x, self.mlp(rms_norm(x, self.dot))) for x in xs]


class GPT(nn.Module):
    """From tokens to the logits, at each position, of the token that follows.

    vocabulary: how many tokens there are. positions: the longest sequence. width: the numbers that stand for a
    position on its way. heads: into how many parts they are divided for the attention. layers: how many blocks.
    tied: whether the rows that stand for the tokens at the beginning compare with them at the end, too.
    dot: what takes inner products: `micrograd.dot`, or `products`.
    """

    def __init__(self, vocabulary: int = 1 + len(LETTERS), positions: int = 16, width: int = 16, heads: int = 4,
                 layers: int = 1, *, tied: bool = False, dot: Dot = dot) -> None:
        self.dot = dot
        self.tokens, self.positions = Linear(width, vocabulary, dot), Linear(width, positions, dot)
        self.blocks = [Block(width, heads, dot) for _ in range(layers)]
        self.head = self.tokens if tied else Linear(width, vocabulary, dot)

    def __call__(self, tokens: Sequence[int]) -> list[Vector]:
        """The logits at every position, which depend on the tokens up to there alone."""
        xs = [rms_norm(add(self.tokens.rows[token], self.positions.rows[i]), self.dot)
              for i, token in enumerate(tokens)]
        for block in self.blocks:
            xs = block(xs)
        return [self.head(x) for x in xs]

    def loss(self, tokens: Sequence[int]) -> Value:
        """The mean over the positions of -ln p, with p the probability of the token that does follow."""
        probabilities = [softmax(logits)[after]
                         for logits, after in zip(self(tokens[:-1]), tokens[1:], strict=True)]
        return sum(-p.log() for p in probabilities) / len(probabilities)


def add(a: Vector, b: Vector) -> Vector:
    return [ai + bi for ai, bi in zip(a, b, strict=True)]


def rms_norm(x: Vector, dot: Dot = dot) -> Vector:
    """x, scaled so that the mean of its squares is 1."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def softmax(logits: Vector) -> Vector:
    """Positive weights with the sum 1, e to the power of each logit in proportion. The largest is taken off all of them
    first, which changes nothing but keeps exp() from overflowing."""
    largest = max(logit.data for logit in logits)
    exps = [(logit - largest).exp() for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def encoded(word: str) -> list[int]:
    """The tokens of a word of small letters, with the end before and after it."""
    return [END, *(1 + LETTERS.index(letter) for letter in word), END]


def train(model: GPT, words: Sequence[str], steps: int, lr: float = 0.01) -> Iterator[float]:
    """Train in place, a word a step, and yield the loss before each."""
    optimizer = optim.Adam(model.parameters(), lr=lr, betas=(0.85, 0.99))
    for step in range(steps):
        loss = model.loss(encoded(words[step % len(words)])[:len(model.positions.rows) + 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = lr * (1 - step / steps)
        optimizer.step()
        yield loss.data


def made_up(model: GPT, temperature: float = 0.5) -> str:
    """A word, drawn letter by letter from the model's probabilities."""
    tokens = [END]
    while len(tokens) < len(model.positions.rows):
        weights = softmax([logit / temperature for logit in model(tokens)[-1]])
        [token] = random.choices(range(len(weights)), [weight.data for weight in weights])
        if token == END:
            break
        tokens.append(token)
    return ''.join(LETTERS[token - 1] for token in tokens[1:])


if __name__ == '__main__':
    random.seed(42)
    gpt = GPT()
    print(f'{len(gpt.parameters())} parameters; a guess costs {math.log(len(gpt.tokens.rows)):.3f}')
    losses = list(train(gpt, WORDS, 150))
    print('loss', *(f'{sum(losses[i:i + 30]) / 30:.2f}' for i in range(0, len(losses), 30)))
    print(*(made_up(gpt) for _ in range(10)))
