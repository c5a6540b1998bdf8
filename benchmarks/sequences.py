"""One step, which is the loss and all its gradients, of networks that use their weights at each place of a sequence: in
micrograd, NumPy and PyTorch, like those of models.py.

'recurrent': 12 symbols, one-hot, and the loss of each symbol given those before it, over 8 steps. 'gpt': the GPT of
gpt.py on words of five letters. All begin with the same weights, in float64.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import gpt
import micrograd
from micrograd import Value, dot

SYMBOLS, STEPS = 12, 8
WORDS = [word for word in gpt.WORDS if len(word) == 5]
Made = tuple[Callable[[], Any], Callable[[Any], list[float]]]
Arrays = dict[str, Any]


class Recurrent:
    """h = tanh(A·x + B·h + c), and logits C·h, in Values."""

    def __init__(self, width: int) -> None:
        draw = random.Random(1337)
        self.into, self.across, self.out = ([[Value(draw.gauss(0, n ** -0.5)) for _ in range(n)] for _ in range(m)]
                                            for m, n in ((width, SYMBOLS), (width, width), (SYMBOLS, width)))
        self.bias = [Value(0.0) for _ in range(width)]

    def parameters(self) -> list[Value]:
        return [*(w for matrix in (self.into, self.across, self.out) for row in matrix for w in row), *self.bias]

    def loss(self, tokens: list[list[Value]]) -> Value:
        state: list[Value] = []
        losses = []
        for token, target in itertools.pairwise(tokens):
            sums = [dot(row, token) + b for row, b in zip(self.into, self.bias)]
            if state:
                sums = [s + dot(row, state) for s, row in zip(sums, self.across)]
            state = [s.tanh() for s in sums]
            logits = [dot(row, state) for row in self.out]
            losses.append(sum(logit.exp() for logit in logits).log() - dot(target, logits))
        return sum(losses) / len(losses)


def gpt_loss(model: gpt.GPT, tokens: list[list[Value]]) -> Value:
    """GPT.loss of tokens that are one-hot lists, so that it is one graph for all words of a length."""
    columns = list(zip(*model.tokens.rows))
    xs = [gpt.rms_norm(gpt.add([dot(column, token) for column in columns], position))
          for token, position in zip(tokens[:-1], model.positions.rows)]
    for block in model.blocks:
        xs = block(xs)
    losses = [-dot(target, gpt.softmax(model.head(x))).log() for x, target in zip(xs, tokens[1:])]
    return sum(losses) / len(losses)


def model_of(problem: tuple[str, int]) -> Any:
    """The model in Values; of the GPT, the number is its width."""
    if problem[0] == 'recurrent':
        return Recurrent(problem[1])
    random.seed(1337)
    return gpt.GPT(width=problem[1])


def batch(problem: tuple[str, int], n: int) -> list[list[int]]:
    """The tokens of n sequences."""
    if problem[0] == 'gpt':
        return [gpt.encoded(WORDS[i % len(WORDS)]) for i in range(n)]
    draw = random.Random(1)
    return [[draw.randrange(SYMBOLS) for _ in range(STEPS + 1)] for _ in range(n)]


def traced(problem: tuple[str, int]) -> tuple[Value, list[Value], list[Value]]:
    """What micrograd.compile takes: the loss of one sequence, its inputs, and the parameters."""
    model, (sequence,) = model_of(problem), batch(problem, 1)
    symbols = SYMBOLS if problem[0] == 'recurrent' else len(model.tokens.rows)
    tokens = [[Value(float(number == token)) for number in range(symbols)] for token in sequence]
    loss = model.loss(tokens) if problem[0] == 'recurrent' else gpt_loss(model, tokens)
    return loss, [number for token in tokens for number in token], model.parameters()


def compiled(problem: tuple[str, int], n: int) -> Made:
    """value_and_grad on arrays; of a single word, its own graph, as gpt.py has it."""
    import numpy as np

    if problem[0] == 'gpt' and n == 1:
        model = model_of(problem)
        step = micrograd.compile(model.loss(batch(problem, 1)[0]), [], model.parameters(), 'native', names=False)
        columns = []
    else:
        loss, inputs, parameters = traced(problem)
        step = micrograd.compile(loss, inputs, parameters, 'native', names=False)
        sequences = np.array(batch(problem, n)).T
        symbols = len(inputs) // len(sequences)
        columns = [np.array(place == symbol, float) for place in sequences for symbol in range(symbols)]
    theta = step.params
    return lambda: step.value_and_grad(theta, *columns), lambda answer: [answer[0], *map(float, answer[1])]


def engine(problem: tuple[str, int], n: int) -> Made:
    """The graph of each word, built and differentiated anew in each step, by whichever micrograd's engine."""
    model = model_of(problem)
    parameters = model.parameters()

    def step() -> float:
        model.zero_grad()
        loss = sum(model.loss(tokens) for tokens in batch(problem, n)) / n
        loss.backward()
        return loss.data

    return step, lambda loss: [loss, *(p.grad for p in parameters)]


def arrays(problem: tuple[str, int]) -> Arrays:
    """The parameters as matrices, by name, in their order."""
    import numpy as np

    model = model_of(problem)
    if problem[0] == 'recurrent':
        found = {name: getattr(model, name) for name in ('into', 'across', 'out', 'bias')}
    else:
        block = model.blocks[0]
        found = {'tokens': model.tokens.rows, 'positions': model.positions.rows,
                 **{name: getattr(block.attention, name).rows for name in ('query', 'key', 'value', 'output')},
                 'wider': block.mlp.wider.rows, 'narrower': block.mlp.narrower.rows, 'head': model.head.rows}
    return {name: np.array([[v.data for v in row] if isinstance(row, list) else row.data for row in rows])
            for name, rows in found.items()}


def flat(loss: Any, gradients: Any) -> list[float]:
    return [float(loss), *(float(x) for gradient in gradients for x in gradient.reshape(-1))]


def numpy_by_hand(problem: tuple[str, int], n: int) -> Made:
    """Matrix products over the batch, at all places at once where they do not wait for one another."""
    import numpy as np

    p, tokens = arrays(problem), np.array(batch(problem, n))
    step = {'recurrent': numpy_recurrent, 'gpt': numpy_gpt}[problem[0]]
    return lambda: step(p, tokens), lambda answer: flat(answer[0], answer[1].values())


def numpy_recurrent(p: Arrays, tokens: Any) -> tuple[float, Arrays]:
    import numpy as np

    n, steps = len(tokens), tokens.shape[1] - 1
    one_hot = np.eye(SYMBOLS)[tokens.T]
    states, deltas, loss = [], [], 0.0
    for t in range(steps):
        z = one_hot[t] @ p['into'].T
        z += p['bias']
        if t:
            z += states[-1] @ p['across'].T
        states.append(np.tanh(z, out=z))
        logits = states[-1] @ p['out'].T
        delta = np.exp(logits)
        total = delta.sum(1)
        loss += np.log(total).sum() - (logits * one_hot[t + 1]).sum()
        delta /= total[:, None]
        delta -= one_hot[t + 1]
        delta *= 1 / (n * steps)
        deltas.append(delta)
    g = {name: np.zeros_like(matrix) for name, matrix in p.items()}
    later = None
    for t in reversed(range(steps)):
        g['out'] += deltas[t].T @ states[t]
        d = deltas[t] @ p['out']
        if later is not None:
            d += later @ p['across']
        d *= 1 - states[t] * states[t]
        g['into'] += d.T @ one_hot[t]
        g['bias'] += d.sum(0)
        if t:
            g['across'] += d.T @ states[t - 1]
        later = d
    return loss / (n * steps), g


def numpy_gpt(p: Arrays, tokens: Any, heads: int = 4) -> tuple[float, Arrays]:
    import numpy as np

    n, length, width = len(tokens), tokens.shape[1] - 1, p['tokens'].shape[1]
    size, g = width // heads, {}

    def norm(x: Any) -> tuple[Any, Any]:
        scale = ((x * x).mean(-1, keepdims=True) + 1e-5) ** -0.5
        return x * scale, scale

    def back(d: Any, x: Any, scale: Any) -> Any:
        return scale * d - x * (scale ** 3 * (d * x).mean(-1, keepdims=True))

    def product(d: Any, x: Any) -> Any:
        return d.reshape(-1, d.shape[-1]).T @ x.reshape(-1, x.shape[-1])

    def split(x: Any) -> Any:
        return x.reshape(n, length, heads, size).transpose(0, 2, 1, 3)

    def join(x: Any) -> Any:
        return x.transpose(0, 2, 1, 3).reshape(n, length, width)

    start = p['tokens'][tokens[:, :-1]] + p['positions'][:length]
    x0, s0 = norm(start)
    n1, s1 = norm(x0)
    q, k, v = (split(n1 @ p[name].T) for name in ('query', 'key', 'value'))
    a = np.exp(q @ k.transpose(0, 1, 3, 2) * size ** -0.5) * np.tri(length)
    a /= a.sum(-1, keepdims=True)
    gathered = join(a @ v)
    x1 = x0 + gathered @ p['output'].T
    n2, s2 = norm(x1)
    hidden = np.maximum(n2 @ p['wider'].T, 0)
    x2 = x1 + hidden @ p['narrower'].T
    d = np.exp(x2 @ p['head'].T)
    d /= d.sum(-1, keepdims=True)
    rows, places = np.arange(n)[:, None], np.arange(length)
    loss = -np.log(d[rows, places, tokens[:, 1:]]).mean()
    d[rows, places, tokens[:, 1:]] -= 1
    d /= n * length
    g['head'], d = product(d, x2), d @ p['head']
    g['narrower'], dh = product(d, hidden), d @ p['narrower']
    dh *= hidden > 0
    g['wider'] = product(dh, n2)
    d += back(dh @ p['wider'], x1, s2)
    g['output'], dg = product(d, gathered), split(d @ p['output'])
    da = dg @ v.transpose(0, 1, 3, 2)
    ds = a * (da - (da * a).sum(-1, keepdims=True)) * size ** -0.5
    parts = {'query': join(ds @ k), 'key': join(ds.transpose(0, 1, 3, 2) @ q),
             'value': join(a.transpose(0, 1, 3, 2) @ dg)}
    g |= {name: product(part, n1) for name, part in parts.items()}
    d += back(sum(part @ p[name] for name, part in parts.items()), x0, s1)
    d = back(d, start, s0)
    g['tokens'], g['positions'] = np.zeros_like(p['tokens']), np.zeros_like(p['positions'])
    np.add.at(g['tokens'], tokens[:, :-1], d)
    g['positions'][:length] = d.sum(0)
    return loss, {name: g[name] for name in p}


def pytorch(problem: tuple[str, int], n: int) -> Made:
    """PyTorch as it comes: the loss, and torch.autograd.grad."""
    import torch

    p = {name: torch.tensor(matrix, requires_grad=True) for name, matrix in arrays(problem).items()}
    tokens = torch.tensor(batch(problem, n))
    loss_of = {'recurrent': torch_recurrent, 'gpt': torch_gpt}[problem[0]]

    def step() -> Any:
        loss = loss_of(p, tokens)
        return loss, torch.autograd.grad(loss, list(p.values()))

    return step, lambda answer: flat(answer[0].detach(), answer[1])


def torch_recurrent(p: Arrays, tokens: Any) -> Any:
    import torch

    functional, state, losses = torch.nn.functional, None, []
    one_hot = functional.one_hot(tokens, SYMBOLS).to(torch.float64)
    for t in range(tokens.shape[1] - 1):
        z = functional.linear(one_hot[:, t], p['into'], p['bias'])
        state = torch.tanh(z if state is None else z + functional.linear(state, p['across']))
        losses.append(functional.cross_entropy(functional.linear(state, p['out']), tokens[:, t + 1]))
    return sum(losses) / len(losses)


def torch_gpt(p: Arrays, tokens: Any, heads: int = 4) -> Any:
    import torch

    functional, (n, length), width = torch.nn.functional, tokens[:, :-1].shape, p['tokens'].shape[1]

    def norm(x: Any) -> Any:
        return functional.rms_norm(x, (width,), eps=1e-5)

    x = norm(p['tokens'][tokens[:, :-1]] + p['positions'][:length])
    query, key, value = ((norm(x) @ p[name].T).view(n, length, heads, -1).transpose(1, 2)
                         for name in ('query', 'key', 'value'))
    gathered = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + gathered.transpose(1, 2).reshape(n, length, width) @ p['output'].T
    x = x + (norm(x) @ p['wider'].T).relu() @ p['narrower'].T
    return functional.cross_entropy((x @ p['head'].T).flatten(0, 1), tokens[:, 1:].flatten())
