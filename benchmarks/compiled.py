"""Compiled graphs against micrograd 0.1.0, PyTorch, JAX and NumPy by hand: `python benchmarks/compiled.py [rounds]`.

Each has a process of its own, compiled_worker.py, and before anything is timed all must agree. micrograd 0.1.0, and JAX
where it is not installed, are fetched by pip into a temporary folder. What cannot be had is left out, and its rows say
so.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from harness import Worker, duration, fetch, interleave, machine, ratio, table, verdict

HERE = Path(__file__).resolve().parent
SMALL = (('relu', 1), ('relu', 100), ('relu', 10_000), ('tanh', 100))
ALL = (*SMALL, ('large', 1), ('large', 100))
HEADINGS = ('batch 1', 'batch 100', 'batch 10,000', 'tanh, batch 100', '64-64-64-10, batch 1', 'batch 100')
MICROGRAD, ENGINE = 'micrograd 0.1.0', "this package's engine"
STEP, ZERO, ARRAYS = '`native`, on Values', 'the same, their gradients set to 0 first', '`native`, on arrays'
NUMPY, EAGER, COMPILE, JAX = 'NumPy by hand', 'PyTorch eager', '`torch.compile`', 'JAX `jit`'
TRANSFORMER = ('transformer', 12)

# Each row: its variants, of which the fastest counts, as a worker and what that calls it; and what it is measured in.
ROWS: dict[str, tuple[list[tuple[str, str]], tuple[tuple[str, int], ...]]] = {
    MICROGRAD: ([('theirs', 'engine')], SMALL[1:2]),
    ENGINE: ([('engine', 'engine')], (SMALL[1], SMALL[3], TRANSFORMER)),
    '`python`': ([('ours', 'python')], (SMALL[0], SMALL[1], SMALL[3])),
    '`numpy`': ([('ours', 'numpy')], SMALL),
    STEP: ([('ours', 'native')], (*ALL, TRANSFORMER)),
    ZERO: ([('ours', 'native from zero')], ALL),
    ARRAYS: ([('ours', 'native on arrays')], (*ALL, TRANSFORMER)),
    NUMPY: ([(f'NumPy, {n}', 'NumPy by hand') for n in (1, 2)], ALL),
    EAGER: ([(f'PyTorch, {n}', f'PyTorch, {how}') for n in (1, 2) for how in ('backward()', 'autograd.grad')], ALL),
    COMPILE: ([(f'PyTorch, {n}', 'torch.compile') for n in (1, 2)], ALL),
    JAX: ([('JAX', 'JAX jit')], ALL),
}
BARS = (  # what is measured, ours, the other, where, and how many times as fast ours must be
    ('`python` backend', '`python`', MICROGRAD, SMALL[1], 300),
    ('`numpy` backend', '`numpy`', MICROGRAD, SMALL[1], 1000),
    ('`native`, `step(…)` on Values', STEP, MICROGRAD, SMALL[1], 20_000),
    ('the same', STEP, EAGER, SMALL[1], 6),
    ('`native`, `value_and_grad` on arrays', ARRAYS, MICROGRAD, SMALL[1], 80_000),
    ('the same', ARRAYS, EAGER, SMALL[1], 20),
    ('the same, batch 1', ARRAYS, EAGER, SMALL[0], 40),
    ('the same, batch 10,000', ARRAYS, EAGER, SMALL[2], 3),
    ('the same, batch 10,000', ARRAYS, JAX, SMALL[2], 1),
    ('the same, batch 10,000', ARRAYS, NUMPY, SMALL[2], 1),
    ('the same, tanh network', ARRAYS, EAGER, SMALL[3], 4),
    ('MLP 64-64-64-10, batch 1', ARRAYS, EAGER, ALL[4], 1),
    ('MLP 64-64-64-10, batch 100', ARRAYS, EAGER, ALL[5], 1),
    ('a one-layer transformer', STEP, ENGINE, TRANSFORMER, 100),
    ('the same, on arrays', ARRAYS, ENGINE, TRANSFORMER, 100),
)
COMPILED = {  # backend and network, and within how many seconds it must be compiled
    ('python', 'relu'): ('2-16-16-1, `python`', 0.05), ('numpy', 'relu'): ('2-16-16-1, `numpy`', None),
    ('native', 'relu'): ('2-16-16-1, `native`', 0.5), ('native', 'tanh'): ('2-16-16-1 with tanh, `native`', None),
    ('native', 'large'): ('64-64-64-10, `native`', 3), ('native', 'transformer'): ('the transformer, `native`', None),
}
TRAINED = {  # what moons.py is called with
    'compiled native': 'this package, `native`', 'compiled python': 'this package, `python`',
    'engine': 'this package, not compiled', 'torch': 'PyTorch',
}


class MissingError(Exception):
    """What a row needs cannot be had; the message is what the row says."""


def workers(stack: ExitStack, folder: Path) -> dict[str, Worker | str]:
    """The processes by name, or what is missing."""
    found: dict[str, Worker | str] = {}

    def start(name: str, path: Path, module: str, threads: int | None = None) -> None:
        worker = stack.enter_context(Worker(HERE / 'compiled_worker.py', path))
        if threads:
            worker.call('limit_threads', threads)
        found[name] = f'{module} is not installed' if worker.call('missing', module) else worker

    start('engine', HERE.parent, 'micrograd')
    start('ours', HERE.parent, 'llvmlite')
    for n in (1, 2):
        start(f'NumPy, {n}', HERE.parent, 'numpy', n)
        start(f'PyTorch, {n}', HERE.parent, 'torch', n)
    start('JAX', HERE.parent, 'jax')
    if isinstance(found['JAX'], str):
        found['JAX'] = 'could not be installed'
        if fetch(folder / 'jax', 'jax'):
            start('JAX', folder / 'jax', 'jax')
    found['theirs'] = 'could not be installed'
    if fetch(folder / 'micrograd', '--no-deps', 'micrograd==0.1.0'):
        start('theirs', folder / 'micrograd', 'micrograd')
    return found


def check(found: dict[str, Worker | str]) -> None:
    """All must come to the loss and the gradients of the first in the table, to 1e-10 of the largest."""
    for case in (*ALL, TRANSFORMER):
        reference: list[float] = []
        for title, (variants, cases) in ROWS.items():
            for worker, name in variants:
                if case in cases and isinstance(found[worker], Worker):
                    answers = found[worker].call('answers', name, *case)
                    reference = reference or answers
                    assert len(answers) == len(reference), f'{title}, {case}: {len(answers)} numbers'
                    error = max(abs(a - b) for a, b in zip(answers, reference)) / max(map(abs, reference))
                    assert error <= 1e-10, f'{title}, {case}: off by {error:.2g} of the largest'


class Results:
    """All that was measured, round by round."""

    def __init__(self, found: dict[str, Worker | str], rounds: int) -> None:
        self.found = found
        measures: dict = {(worker, name, case): partial(found[worker].call, 'seconds', name, *case)
                          for variants, cases in ROWS.values() for worker, name in variants
                          if isinstance(found[worker], Worker) for case in cases}
        measures |= {key: partial(found['ours'].call, 'compile_seconds', *key) for key in COMPILED}
        measures['peak'] = partial(found['ours'].call, 'peak')
        measures |= {name: partial(moons, name) for name in TRAINED
                     if name != 'torch' or isinstance(found['PyTorch, 1'], Worker)}
        self.figures = interleave(measures, rounds)

    def best(self, title: str, case: tuple[str, int]) -> list[float]:
        """The rounds of the variant that is the fastest in the median. Missing where there is none."""
        variants, _ = ROWS[title]
        there = [self.figures[key] for worker, name in variants if (key := (worker, name, case)) in self.figures]
        if not there:
            raise MissingError(next(f for worker, _ in variants if isinstance(f := self.found[worker], str)))
        return min(there, key=median)


def moons(how: str) -> float:
    """The seconds that moons.py says it took, on one thread."""
    said = subprocess.run([sys.executable, str(HERE / 'moons.py'), *how.split()], check=True, capture_output=True,
                          text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'}).stdout
    return float(said.split()[0])


def steps(results: Results) -> str:
    """The table of all times of a step."""
    def cell(title: str, case: tuple[str, int]) -> str:
        try:
            return duration(median(results.best(title, case))) if case in ROWS[title][1] else ''
        except MissingError as missing:
            return str(missing)

    return table(('a step', *HEADINGS, 'transformer'),
                 *((title, *(cell(title, case) for case in (*ALL, TRANSFORMER))) for title in ROWS))


def bars(results: Results) -> str:
    """The table of ratios."""
    rows = [('', 'against', 'times as fast (min–max)', 'bar', '')]
    for what, ours, other, case, bar in BARS:
        try:
            times, text = ratio(results.best(other, case), results.best(ours, case))
            rows.append((what, other, text, f'≥ {bar:,}', verdict(times >= bar)))
        except MissingError as missing:
            rows.append((what, other, str(missing), f'≥ {bar:,}', ''))
    return table(*rows)


def others(results: Results) -> str:
    """The table of the compile times, of the share of the peak, and of the training to 99 %."""
    figures, rows, flops = results.figures, [('', '', 'bar', '')], results.found['ours'].call('flops', 'relu')
    for key, (what, bar) in COMPILED.items():
        took = median(figures[key])
        rows.append((f'compile time of {what}', duration(took),
                     *(('', '') if bar is None else (f'≤ {duration(bar)}', verdict(took <= bar)))))
    for heading, case in zip(HEADINGS[1:3], SMALL[1:3]):
        rates = [flops * case[1] / t for t in results.best(ARRAYS, case)]
        share, text = ratio(rates, figures['peak'])
        rows.append((f'share of the peak of {median(figures["peak"]) / 1e9:.1f} GFLOPS, on arrays, {heading}',
                     f'{text}: {flops:,} a sample', *(('≥ 0.5', verdict(share >= 0.5)) if case[1] > 100 else ('', ''))))
    for name, title in TRAINED.items():
        took = duration(median(figures[name])) if name in figures else 'not installed'
        rows.append((f'the moons to 99 %, from before the first import: {title}', took, '', ''))
    return table(*rows)


def learns(losses: list[float], took: float) -> str:
    """The table of a training run of the transformer; a guess among its eight characters costs ln 8."""
    return table(('the transformer', 'loss at first', f'after {len(losses)} steps', 'trained in', 'bar', ''),
                 ('one layer, 8 positions', f'{losses[0]:.3f}', f'{losses[-1]:.3f}', duration(took),
                  f'≤ {math.log(8) / 5:.3f}, a fifth of a guess', verdict(losses[-1] <= math.log(8) / 5)))


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = workers(stack, Path(folder))
        check(found)
        results = Results(found, rounds)
        print(f'{machine()}; medians of {rounds} rounds\n')
        print(steps(results), bars(results), others(results), learns(*found['ours'].call('learns')), sep='\n\n')


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
