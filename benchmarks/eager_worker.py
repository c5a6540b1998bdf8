"""What eager.py measures, for either implementation: the same code runs on both. `eager_worker.py PATH` imports the
`micrograd` in the folder PATH and then answers calls of the functions below."""

from __future__ import annotations

import gc
import random
import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable
from functools import partial

from harness import serve
from models import moons

sys.path.insert(0, sys.argv[1])
import micrograd.engine
from micrograd.engine import Value
from micrograd.nn import MLP

assert micrograd.engine.__file__.startswith(sys.argv[1]), f'{micrograd.engine.__file__} is not in {sys.argv[1]}'


class ByHand:
    """nn.MLP(2, [16, 16, 1]) as a class writes it in its first hour: with sum() over products of Values."""

    def __init__(self) -> None:
        self.layers = [[([Value(random.uniform(-1, 1)) for _ in range(nin)], Value(0.0)) for _ in range(nout)]
                       for nin, nout in ((2, 16), (16, 16), (16, 1))]

    def __call__(self, x: list[Value]) -> Value:
        for layer in self.layers:
            x = [sum(wi * xi for wi, xi in zip(w, x)) + b for w, b in layer]
            if layer is not self.layers[-1]:
                x = [v.relu() for v in x]
        return x[0]

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for w, b in layer for p in (*w, b)]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0.0


points, labels = moons()
random.seed(1337)
models = {'nn.MLP': MLP(2, [16, 16, 1]), 'by hand': ByHand()}


def training_step(name: str) -> Value:
    """One full-batch step of the moons problem, up to the gradients; the loss."""
    model = models[name]
    scores = [model([Value(x), Value(y)]) for x, y in points]
    losses = [(1 + -yi * score).relu() for yi, score in zip(labels, scores)]
    loss = sum(losses) / len(losses)
    model.zero_grad()
    loss.backward()
    return loss


def expression() -> tuple[Value, Value, Value]:
    """Ten operations, each kind that both implementations have, on two leaves; then backward."""
    a, b = Value(-4.0), Value(2.0)
    c = a * b + b ** 3 - 3 * a
    d = (c / b).relu() + 1.0
    e = -d * c
    e.backward()
    return a, b, e


A, B = Value(1.5), Value(0.7)
OPERATIONS: dict[str, Callable[[], Value]] = {  # those that all implementations have
    'a + b': lambda: A + B, 'a * b': lambda: A * B, 'a - b': lambda: A - B, 'a / b': lambda: A / B, '-a': lambda: -A,
    'a + 2': lambda: A + 2, 'a * 2': lambda: A * 2, 'a - 2': lambda: A - 2, 'a / 2': lambda: A / 2,
    '2 + a': lambda: 2 + A, '2 * a': lambda: 2 * A, '2 - a': lambda: 2 - A, '2 / a': lambda: 2 / A,
    'a**2': lambda: A**2, 'a**-0.5': lambda: A**-0.5, 'a.relu()': lambda: A.relu()}


def chain(n: int) -> Value:
    """n operations, * and + by turns, each on the result before it and one of two leaves."""
    v, w, x = Value(1.0), Value(0.5), Value(1.0)
    for _ in range(n // 2):
        v = v * w
        v = v + x
    return v


def operations() -> list[str]:
    return list(OPERATIONS)


def answers(name: str) -> list[float]:
    """The result and the gradients of one of the computations, for comparing the implementations."""
    if name == 'expression':
        a, b, e = expression()
        return [e.data, a.grad, b.grad]
    loss = training_step(name)
    return [loss.data, *(p.grad for p in models[name].parameters())]


def seconds(name: str) -> float:
    """The mean time of a computation over a second of repetitions, or more: the mean, because it has the collector's
    pauses in it, whichever repetition they fall on. All times are the processor's, so other programs count less."""
    compute = expression if name == 'expression' else partial(training_step, name)
    start, elapsed, repetitions = time.process_time(), 0.0, 0
    while elapsed < 1:
        compute()
        repetitions += 1
        elapsed = time.process_time() - start
    return elapsed / repetitions


def seconds_of_operation(name: str) -> float:
    """The time of one operation, forward: the best of thirty runs of a thousand, which nothing has disturbed."""
    timer = timeit.Timer(OPERATIONS[name], gc.enable, time.process_time)  # with the collector on, as users have it
    return min(timer.repeat(30, 1000)) / 1000


def bytes_per_operation(n: int = 100_000) -> float:
    """The memory that a chain of n operations takes while it is alive, divided by n."""
    tracemalloc.start()
    kept = chain(n)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size / n


if __name__ == '__main__':
    serve(globals())
