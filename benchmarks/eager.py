"""This package against micrograd 0.1.0 and an engine of tuples, as users run them.

`python benchmarks/eager.py [rounds]`. pip fetches micrograd 0.1.0 into a temporary folder; the engine of tuples is in
tuples/. All have one import name, so each gets a process of its own; all run the same code, eager_worker.py. Before
anything is timed, they must agree.
"""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from harness import Worker, duration, fetch, interleave, machine, ratio, table, verdict

HERE = Path(__file__).resolve().parent
THEIRS, OURS = 'micrograd 0.1.0', 'this package'
TUPLES = 'an engine of tuples'
TIMED = {  # what eager_worker.py calls it: what it is, and how many times as fast as micrograd ours must be
    'nn.MLP': ('a training step with `nn.MLP`', 20),
    'by hand': ('the same network written by hand', 2.8),
    'expression': ('an expression of ten operations', 1.1),
}
MEMORY = 0.65  # of micrograd's, at the most


def check(workers: dict[str, Worker]) -> None:
    """All must come to the same results and gradients, to 1e-12 of each; to 1e-15 where the terms cancel."""
    for name in TIMED:
        answers = {who: worker.call('answers', name) for who, worker in workers.items()}
        for who, numbers in answers.items():
            for ours, other in zip(answers[OURS], numbers, strict=True):
                assert math.isclose(ours, other, rel_tol=1e-12, abs_tol=1e-15), f'{name}: {ours!r}, {who} {other!r}'


def measured(workers: dict[str, Worker], rounds: int, *call: object) -> dict[str, list[float]]:
    return interleave({who: partial(worker.call, *call) for who, worker in workers.items()}, rounds)


def compare(workers: dict[str, Worker], rounds: int) -> str:
    """The table of all sides' times and memory."""
    rows = [('', *workers, f'to {THEIRS} (min–max)', 'bar', '', f'to {TUPLES}')]
    for name, (title, bar) in TIMED.items():
        figures = measured(workers, rounds, 'seconds', name)
        times, text = ratio(figures[THEIRS], figures[OURS])
        rows.append((title, *(duration(median(figures[who])) for who in workers), f'{text} times as fast', f'≥ {bar}',
                     verdict(times >= bar), f'{ratio(figures[TUPLES], figures[OURS])[1]} times as fast'))
    figures = measured(workers, rounds, 'bytes_per_operation')
    part, text = ratio(figures[OURS], figures[THEIRS])
    rows.append(('memory per operation', *(f'{median(figures[who]):.0f} bytes' for who in workers), f'{text} of theirs',
                 f'≤ {MEMORY}', verdict(part <= MEMORY), f'{ratio(figures[OURS], figures[TUPLES])[1]} of theirs'))
    return table(*rows)


def operations(workers: dict[str, Worker], rounds: int) -> str:
    """The table of single operations, forward; none may be slower than micrograd's."""
    rows = [('one operation', *workers, f'to {THEIRS} (min–max)', 'bar', '')]
    for name in workers[OURS].call('operations'):
        figures = measured(workers, rounds, 'seconds_of_operation', name)
        times, text = ratio(figures[THEIRS], figures[OURS])
        rows.append((f'`{name}`', *(duration(median(figures[who])) for who in workers), f'{text} times as fast', '≥ 1',
                     verdict(times >= 1)))
    return table(*rows)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if not fetch(Path(folder), '--no-deps', 'micrograd==0.1.0'):
            sys.exit(f'{THEIRS} could not be installed')
        workers = {who: stack.enter_context(Worker(HERE / 'eager_worker.py', path))
                   for who, path in ((THEIRS, Path(folder)), (TUPLES, HERE / 'tuples'), (OURS, HERE.parent))}
        check(workers)
        print(f'{machine()}; medians of {rounds} rounds\n')
        print(compare(workers, rounds), operations(workers, rounds), sep='\n\n')


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
