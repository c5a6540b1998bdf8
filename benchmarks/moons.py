"""Train the network of the notebook on the two moons until 99 % of the points are right, and print the seconds since
before its import, and the epochs: `python benchmarks/moons.py compiled`, or `engine`, or `torch`."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def moons(n: int = 100, noise: float = 0.1) -> tuple[list[list[float]], list[float]]:
    """The notebook's points and labels, and its random numbers after them."""
    random.seed(7)
    points, labels = [], []
    for i in range(n):
        angle = math.pi * (i // 2) / (n // 2 - 1)
        x1, x2 = (1 - math.cos(angle), 0.5 - math.sin(angle)) if i % 2 else (math.cos(angle), math.sin(angle))
        points.append([x1 + random.gauss(0, noise), x2 + random.gauss(0, noise)])
        labels.append(-1.0 if i % 2 else 1.0)
    random.seed(7)
    return points, labels


def rate(epoch: int) -> float:
    return 0.5 * (1 - 0.9 * epoch / 100)


def engine(backend: str | None = None) -> Iterator[float]:
    """Train with this package's engine; yield the accuracy before each epoch's step."""
    from micrograd import nn, optim

    points, labels = moons()
    model = nn.MLP(2, [16, 16, 1])
    optimizer = optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)
    for epoch in range(1000):
        scores = [model(point) for point in points]
        yield sum((score > 0) == (label > 0) for score, label in zip(scores, labels)) / len(labels)
        loss = nn.hinge_loss(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = rate(epoch)
        optimizer.step()


def compiled(backend: str | None = None) -> Iterator[float]:
    """The same with a compiled step, and compiled scores."""
    import micrograd
    from micrograd import Value, nn, optim

    points, labels = moons()
    columns = [list(column) for column in zip(*points)]
    model = nn.MLP(2, [16, 16, 1])
    optimizer = optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)
    x1, x2, y = Value(points[0][0]), Value(points[0][1]), Value(labels[0])
    score = model([x1, x2])
    step = micrograd.compile((1 - y * score).relu(), inputs=[x1, x2, y], params=model.parameters(), backend=backend)
    predict = micrograd.compile(score, inputs=[x1, x2, *model.parameters()], backend=backend)
    for epoch in range(1000):
        scores = predict(*columns, *step.params.tolist())
        yield sum((score > 0) == (label > 0) for score, label in zip(scores, labels)) / len(labels)
        optimizer.zero_grad()
        step(*columns, labels)
        optimizer.lr = rate(epoch)
        optimizer.step()


def torch(backend: str | None = None) -> Iterator[float]:
    """The same in PyTorch, from the same weights, in float64."""
    import torch

    points, labels = moons()
    x, y = (torch.tensor(numbers, dtype=torch.float64) for numbers in (points, labels))
    linear = [torch.nn.Linear(n, m, dtype=torch.float64) for n, m in ((2, 16), (16, 16), (16, 1))]
    for layer in linear:
        layer.weight.data[:] = torch.tensor([[random.uniform(-1, 1) for _ in range(layer.in_features)]
                                             for _ in range(layer.out_features)], dtype=torch.float64)
        layer.bias.data.zero_()
    relu = torch.nn.ReLU()
    model = torch.nn.Sequential(linear[0], relu, linear[1], relu, linear[2])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)
    for epoch in range(1000):
        scores = model(x)[:, 0]
        yield ((scores > 0) == (y > 0)).double().mean().item()
        loss = (1 - y * scores).relu().mean()
        optimizer.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group['lr'] = rate(epoch)
        optimizer.step()


if __name__ == '__main__':
    start = time.perf_counter()
    name, *rest = sys.argv[1:]
    epochs = next(epoch for epoch, accuracy in enumerate(globals()[name](*rest)) if accuracy >= 0.99)
    print(time.perf_counter() - start, epochs)
