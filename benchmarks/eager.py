"""This package against micrograd 0.1.0, as users run them: `python benchmarks/eager.py [rounds]`.

pip fetches micrograd 0.1.0 into a temporary folder. It has this package's import name, so each of the two gets a
process of its own; both run the same code, eager_worker.py. Before anything is timed, they must agree.
"""

from __future__ import annotations

import math
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

from harness import Worker, duration, fetch, interleave, machine, ratio, table, verdict

HERE = Path(__file__).resolve().parent
THEIRS, OURS = 'micrograd 0.1.0', 'this package'
SIZES = (1_000, 10_000, 100_000, 1_000_000)
GROWTH = {
    'chain': 'build, backward, free', 'kept chain': 'the same, a million operations kept alive at any size',
    'linked list': 'for comparison: a linked list',
}
TIMED = {  # what eager_worker.py calls it: what it is, and how many times as fast as theirs ours must be
    'nn.MLP': ('a training step with `nn.MLP`', 25),
    'by hand': ('the same network written by hand', 5),
    'expression': ('an expression of ten operations', 1.3),
}


def check(theirs: Worker, ours: Worker) -> None:
    """Both must come to the same results and gradients, to 1e-12 of each; to 1e-15 where the terms cancel."""
    for name in TIMED:
        for a, b in zip(theirs.call('answers', name), ours.call('answers', name), strict=True):
            assert math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15), f'{name}: {THEIRS} says {a!r}, {OURS} {b!r}'


def compare(theirs: Worker, ours: Worker, rounds: int) -> str:
    """The table of both sides' times and memory."""
    rows = [('', THEIRS, OURS, 'ratio (min–max)', 'bar', '')]
    for name, (title, bar) in TIMED.items():
        figures = interleave({THEIRS: partial(theirs.call, 'seconds', name),
                              OURS: partial(ours.call, 'seconds', name)}, rounds)
        times, text = ratio(figures[THEIRS], figures[OURS])
        rows.append((title, duration(median(figures[THEIRS])), duration(median(figures[OURS])), f'{text} times as fast',
                     f'≥ {bar}', verdict(times >= bar)))
    figures = interleave({THEIRS: partial(theirs.call, 'bytes_per_operation'),
                          OURS: partial(ours.call, 'bytes_per_operation')}, rounds)
    part, text = ratio(figures[OURS], figures[THEIRS])
    rows.append(('memory per operation', f'{median(figures[THEIRS]):.0f} bytes', f'{median(figures[OURS]):.0f} bytes',
                 f'{text} of theirs', '≤ 2/3', verdict(part <= 2 / 3)))
    return table(*rows)


def growth(ours: Worker, rounds: int) -> str:
    """The table of our time per operation by the size of the graph. A linked list of Python's own lists shows how much
    of the growth is the garbage collector, which passes over all live objects again and again as they become more."""
    figures = interleave({(what, n, collector): partial(ours.call, 'seconds_per_operation', what, n, collector)
                          for what in GROWTH for n in SIZES for collector in (True, False)}, rounds)
    rows = [('time per operation', *(f'{n:,} operations' for n in SIZES), 'largest : smallest', 'bar', '')]
    for what, title in GROWTH.items():
        for collector in (True, False):
            times = [median(figures[what, n, collector]) for n in SIZES]
            spread, judged = max(times) / min(times), what == 'chain' and collector
            rows.append((f'{title}; collector {"on" if collector else "off"}', *map(duration, times), f'{spread:.3g}',
                         *(('≤ 1.5', verdict(spread <= 1.5)) if judged else ('', ''))))
    return table(*rows)


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if not fetch(Path(folder), '--no-deps', 'micrograd==0.1.0'):
            sys.exit(f'{THEIRS} could not be installed')
        with Worker(HERE / 'eager_worker.py', Path(folder)) as theirs, \
                Worker(HERE / 'eager_worker.py', HERE.parent) as ours:
            check(theirs, ours)
            print(f'{machine()}; medians of {rounds} rounds\n')
            print(compare(theirs, ours, rounds), growth(ours, rounds), sep='\n\n')


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
