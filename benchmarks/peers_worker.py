"""What peers.py measures. `peers_worker.py PATH` imports from the folder PATH before all others, and then answers calls
of the functions below. All times are the processor's, on one thread; the collector is on."""

from __future__ import annotations

import os
import sys
import time

from harness import serve

os.environ |= dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'), '1')
for setting in ('OPENBLAS_CORETYPE', 'OPENBLAS_L2_SIZE'):  # where these are set for an older OpenBLAS, they slow ours
    os.environ.pop(setting, None)
sys.path.insert(0, sys.argv[1])
import compiled_worker  # noqa: E402
import models  # noqa: E402
import sequences  # noqa: E402

MAKERS = {
    'ours': (lambda problem, n: models.compiled_arrays('native', problem, n), sequences.compiled),
    'on Values': (lambda problem, n: models.compiled('native', problem, n, zero=True), None),
    'NumPy': (models.numpy_by_hand, sequences.numpy_by_hand),
    'PyTorch': (models.torch_grad, sequences.pytorch),
    'engine': (models.engine, sequences.engine),
}
LONG = 4_900  # the factors of one dot product
steps: dict = {}


def mlp(width: int) -> models.Problem:
    return models.Problem((16, width, width, 1), 'tanh', 'squared error')


def made(name: str, kind: str, width: int, n: int) -> tuple:
    key = name, kind, width, n
    if key not in steps:
        of_layers, of_sequences = MAKERS[name]
        steps[key] = of_layers(mlp(width), n) if kind == 'mlp' else of_sequences((kind, width), n)
    return steps[key]


def answers(name: str, kind: str, width: int, n: int) -> list[float]:
    """The loss and the gradients that a step comes to."""
    step, read = made(name, kind, width, n)
    return read(step())


def seconds(name: str, kind: str, width: int, n: int) -> float:
    """The mean time of a step, over as many repetitions as take a tenth of a second."""
    step, _ = made(name, kind, width, n)
    repetitions = 1
    while True:
        start = time.process_time()
        for _ in range(repetitions):
            step()
        elapsed = time.process_time() - start
        if elapsed >= 0.1:
            return elapsed / repetitions
        repetitions = max(repetitions * 2, int(repetitions * 0.12 / elapsed))


def compile_seconds(kind: str, width: int, n: int) -> float:
    """The time from the traced graph of a sample to the end of the first call, with n samples; for 'dot', of one dot
    product."""
    import numpy as np

    import micrograd
    from micrograd.compiler import native

    native.CODES = native.Codes()  # where it would be found again
    if kind == 'dot':
        inputs, parameters = ([micrograd.Value(0.01 * i) for i in range(LONG)] for _ in range(2))
        loss = micrograd.dot(parameters, inputs)
    else:
        loss, inputs, parameters = models.traced(mlp(width)) if kind == 'mlp' else sequences.traced((kind, width))
    columns = [np.full(n, x.data) for x in inputs]
    start = time.process_time()
    step = micrograd.compile(loss, inputs=inputs, params=parameters, backend='native')
    step.value_and_grad(step.params, *columns)
    return time.process_time() - start


def flops(kind: str, width: int) -> int:
    """The multiplications and additions of a sample."""
    loss, _, parameters = models.traced(mlp(width)) if kind == 'mlp' else sequences.traced((kind, width))
    return models.flops_of(loss, parameters)


peak = compiled_worker.peak

if __name__ == '__main__':
    serve(globals())
