"""One step, which is the loss and all its gradients, of the same networks in micrograd, NumPy, PyTorch and JAX.

Each maker takes a Problem and a number of samples, and returns a step, a function of no arguments, and a function
that lists what the step returned as plain numbers: the loss, then the gradients in the order of `MLP.parameters()`.
All begin with the weights of `random.seed(1337); MLP(…)`, in float64, and get the samples in the form they like best.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, NamedTuple

Maker = Callable[['Problem', int], tuple[Callable[[], Any], Callable[[Any], list[float]]]]


class Problem(NamedTuple):
    """A multi-layer perceptron and its loss: 'max-margin' for one score, or 'squared error', the mean over outputs."""

    widths: tuple[int, ...]
    activation: str
    loss: str


PROBLEMS = {
    'relu': Problem((2, 16, 16, 1), 'relu', 'max-margin'),
    'tanh': Problem((2, 16, 16, 1), 'tanh', 'max-margin'),
    'large': Problem((64, 64, 64, 10), 'relu', 'squared error'),
}


def moons(n: int = 100, noise: float = 0.1) -> tuple[list[tuple[float, float]], list[float]]:
    """n points on two interleaved half-circles, the upper labelled -1 and the lower 1, with Gaussian noise."""
    rng = random.Random(1337)
    points, labels = [], []
    for i in range(n):
        angle, lower = math.pi * (i // 2) / (n // 2 - 1), i % 2
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if lower else (math.cos(angle), math.sin(angle))
        points.append((x + rng.gauss(0, noise), y + rng.gauss(0, noise)))
        labels.append(1.0 if lower else -1.0)
    return points, labels


def samples(problem: Problem, n: int) -> tuple[list[list[float]], list[list[float]]]:
    """n samples' inputs, and their targets: the moons where there are two inputs, otherwise noise."""
    if problem.widths[0] == 2:
        points, labels = moons(n)
        return [list(point) for point in points], [[label] for label in labels]
    rng, classes = random.Random(1337), problem.widths[-1]
    xs = [[rng.gauss(0, 1) for _ in range(problem.widths[0])] for _ in range(n)]
    return xs, [[float(i % classes == j) for j in range(classes)] for i in range(n)]


def layers(problem: Problem) -> list[tuple[list[list[float]], list[float]]]:
    """For each layer its weights, a row for each neuron, and its biases; drawn as MLP draws them."""
    rng = random.Random(1337)
    return [([[rng.uniform(-1, 1) for _ in range(n)] for _ in range(m)], [0.0] * m)
            for n, m in zip(problem.widths, problem.widths[1:])]


def flat(loss: Any, gradients: list[tuple[Any, Any]]) -> list[float]:
    """The loss, and the gradients of each layer's weights and biases, neuron by neuron."""
    return [float(loss), *(float(g) for dw, db in gradients for row, b in zip(dw, db) for g in (*row, b))]


def model(problem: Problem) -> Any:
    """The network in Values."""
    from micrograd.nn import MLP

    random.seed(1337)
    widths = list(problem.widths[1:])
    return MLP(problem.widths[0], widths) if problem.activation == 'relu' else \
        MLP(problem.widths[0], widths, activation=problem.activation)


def sample_loss(problem: Problem, outputs: Any, targets: Any) -> Any:
    """The loss of one sample, in Values."""
    if problem.loss == 'max-margin':
        return (1 + -targets[0] * outputs).relu()
    outputs = outputs if isinstance(outputs, list) else [outputs]  # an MLP with one output returns it alone
    return sum((output - target) ** 2 for output, target in zip(outputs, targets)) / len(targets)


def engine(problem: Problem, n: int) -> Any:
    """The graph of the whole batch, built and differentiated anew in each step; micrograd 0.1.0 takes the same code."""
    from micrograd.engine import Value

    network, (xs, ys) = model(problem), samples(problem, n)
    parameters = network.parameters()

    def step() -> Any:
        losses = [sample_loss(problem, network([Value(xi) for xi in x]), y) for x, y in zip(xs, ys)]
        loss = sum(losses) / len(losses)
        network.zero_grad()
        loss.backward()
        return loss

    return step, lambda loss: [loss.data, *(p.grad for p in parameters)]


def traced(problem: Problem) -> tuple[Any, list[Any], list[Any]]:
    """What micrograd.compile takes: the loss of one sample, its inputs and targets, and the parameters."""
    from micrograd import Value

    network = model(problem)
    xs, ys = samples(problem, 1)
    x, y = [Value(xi) for xi in xs[0]], [Value(yi) for yi in ys[0]]
    return sample_loss(problem, network(x), y), [*x, *y], network.parameters()


def flops(problem: Problem) -> int:
    """The multiplications and additions in the loss of a sample and its gradients, by the chain rule as it stands."""
    loss, _, parameters = traced(problem)
    return flops_of(loss, parameters)


def flops_of(loss: Any, parameters: list[Any]) -> int:
    """Those in the graph of any loss."""
    count, needed = 0, set(parameters)  # those that need a gradient
    for node in loss.topological_order():
        gradients = sum(operand in needed for operand in node._prev)
        if node._op in ('*', 'dot'):
            count += len(node._prev) - 1 + gradients  # the operation, and by each local gradient a product
        elif node._op in ('+', '-'):
            count += 1
        if gradients:
            needed.add(node)
            count += gradients - (node is not loss)  # sums, but the first to reach a node is none
    return count


def columns(problem: Problem, n: int) -> list[Any]:
    """The samples as compiled steps take them: an array for each input and target."""
    import numpy as np

    xs, ys = samples(problem, n)
    return [np.array(column) for column in zip(*(x + y for x, y in zip(xs, ys)))]


def compiled(backend: str, problem: Problem, n: int, zero: bool = False) -> Any:
    """micrograd.compile, called on Values: it adds to their gradients, which are set to 0 first if `zero`."""
    import micrograd

    loss, inputs, parameters = traced(problem)
    both, batch = micrograd.compile(loss, inputs=inputs, params=parameters, backend=backend), columns(problem, n)

    def from_zero() -> float:
        for parameter in parameters:
            parameter.grad = 0.0
        return both(*batch)

    def read(_: float) -> list[float]:
        return [from_zero(), *(p.grad for p in parameters)]

    return from_zero if zero else lambda: both(*batch), read


def compiled_arrays(backend: str, problem: Problem, n: int) -> Any:
    """micrograd.compile, called on arrays: no Value is touched."""
    import micrograd

    loss, inputs, parameters = traced(problem)
    both, batch = micrograd.compile(loss, inputs=inputs, params=parameters, backend=backend), columns(problem, n)
    theta = both.params
    return lambda: both.value_and_grad(theta, *batch), lambda answer: [float(answer[0]), *map(float, answer[1])]


def numpy_by_hand(problem: Problem, n: int) -> Any:
    """Matrix products into arrays that are made once."""
    import numpy as np

    x, y = map(np.array, samples(problem, n))
    weights = [(np.array(w), np.array(b)) for w, b in layers(problem)]
    gradients = [(np.empty_like(w), np.empty_like(b)) for w, b in weights]
    outs = [np.empty((n, len(b))) for _, b in weights]
    deltas = [np.empty_like(out) for out in outs]
    masks, scratch, ones = [np.empty(out.shape, bool) for out in outs], np.empty_like(y), np.ones(n)

    def step() -> float:
        a = x
        for (w, b), out in zip(weights, outs):
            np.matmul(a, w.T, out=out)
            out += b
            if out is not outs[-1]:
                if problem.activation == 'relu':
                    np.maximum(out, 0.0, out=out)
                else:
                    np.tanh(out, out=out)
            a = out
        if problem.loss == 'max-margin':
            np.multiply(a, y, out=scratch)
            np.subtract(1.0, scratch, out=scratch)
            np.multiply(y, scratch > 0, out=deltas[-1])
            deltas[-1] *= -1 / n
            np.maximum(scratch, 0.0, out=scratch)
            loss = scratch.sum() / n
        else:
            np.subtract(a, y, out=scratch)
            np.multiply(scratch, 2 / y.size, out=deltas[-1])
            loss = np.vdot(scratch, scratch) / y.size
        for i in reversed(range(len(weights))):
            delta, (dw, db) = deltas[i], gradients[i]
            np.matmul(delta.T, outs[i - 1] if i else x, out=dw)
            np.matmul(ones, delta, out=db)
            if i:
                a, delta = outs[i - 1], deltas[i - 1]
                np.matmul(deltas[i], weights[i][0], out=delta)
                if problem.activation == 'relu':
                    delta *= np.greater(a, 0.0, out=masks[i - 1])
                else:
                    delta *= np.subtract(1.0, np.multiply(a, a, out=a), out=a)
        return loss

    return step, lambda loss: flat(loss, gradients)


def torch_loss(problem: Problem) -> Any:
    """The loss of a batch as a function of the layers and of the batch, in PyTorch."""
    import torch

    functional = torch.nn.functional
    activation = getattr(torch, problem.activation)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        for w, b in weights[:-1]:
            x = activation(functional.linear(x, w, b))
        x = functional.linear(x, *weights[-1])
        return (1 - y * x).relu().mean() if problem.loss == 'max-margin' else functional.mse_loss(x, y)

    return loss


def torch_arguments(problem: Problem, n: int) -> Any:
    import torch

    weights = [tuple(torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in layer)
               for layer in layers(problem)]
    return weights, [torch.tensor(part, dtype=torch.float64) for part in samples(problem, n)]


def torch_backward(problem: Problem, n: int) -> Any:
    """PyTorch as it comes: gradients set to None, the loss, and loss.backward()."""
    (weights, batch), loss_of = torch_arguments(problem, n), torch_loss(problem)
    parameters = [p for layer in weights for p in layer]

    def step() -> Any:
        for parameter in parameters:
            parameter.grad = None
        loss = loss_of(weights, *batch)
        loss.backward()
        return loss

    return step, lambda loss: flat(loss.detach(), [(w.grad, b.grad) for w, b in weights])


def torch_grad(problem: Problem, n: int) -> Any:
    """PyTorch as it comes: the loss, and torch.autograd.grad."""
    import torch

    (weights, batch), loss_of = torch_arguments(problem, n), torch_loss(problem)
    parameters = [p for layer in weights for p in layer]

    def step() -> Any:
        loss = loss_of(weights, *batch)
        return loss, torch.autograd.grad(loss, parameters)

    return step, lambda answer: flat(answer[0].detach(), list(zip(answer[1][::2], answer[1][1::2])))


def torch_compile(problem: Problem, n: int) -> Any:
    """torch.compile of the loss and its gradients as one function, which is faster than backward() after the compiled
    loss by a factor of two or three at small batches."""
    import torch

    weights, batch = torch_arguments(problem, n)
    weights = [tuple(p.detach() for p in layer) for layer in weights]
    both = torch.compile(torch.func.grad_and_value(torch_loss(problem)), dynamic=False)
    return lambda: both(weights, *batch), lambda answer: flat(answer[1], answer[0])


def jax_jit(problem: Problem, n: int) -> Any:
    """JAX's jit of value_and_grad, waited for."""
    import jax

    jax.config.update('jax_platforms', 'cpu')
    jax.config.update('jax_enable_x64', True)
    np = jax.numpy
    x, y = map(np.array, samples(problem, n))
    weights = [(np.array(w), np.array(b)) for w, b in layers(problem)]

    def loss(weights: Any, x: Any, y: Any) -> Any:
        for w, b in weights[:-1]:
            x = x @ w.T + b
            x = np.tanh(x) if problem.activation == 'tanh' else np.maximum(x, 0.0)
        w, b = weights[-1]
        x = x @ w.T + b
        return np.maximum(1 - y * x, 0.0).mean() if problem.loss == 'max-margin' else ((x - y) ** 2).mean()

    both = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(both(weights, x, y)), lambda answer: flat(*answer)
