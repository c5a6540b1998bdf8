"""Compiled networks, small and large, with shared weights and without, against NumPy by hand and PyTorch, each on one
thread in a process of its own: `python benchmarks/peers.py [rounds [kinds]]`, kinds being some of mlp, recurrent, gpt,
and compile.

Before anything is timed, all must agree. Times are the processor's, of one thread.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from harness import Worker, duration, interleave, machine, ratio, table, verdict

HERE = Path(__file__).resolve().parent
# Each row: what it is, who we are, the kind of network, its width, the samples, and how many times as fast as the
# faster of the two we want to be.
ROWS = (
    *(('MLP 16-16-16-1', 'ours', 'mlp', 16, n, 1.5) for n in (1, 100, 1000)),
    *(('MLP 16-64-64-1', 'ours', 'mlp', 64, n, 1.5) for n in (1, 100, 1000)),
    *(('MLP 16-256-256-1', 'ours', 'mlp', 256, n, 1) for n in (1, 32, 100, 1000)),
    *(('recurrent, 16 wide, 8 steps', 'ours', 'recurrent', 16, n, 2) for n in (1, 32)),
    *(('recurrent, 64 wide', 'ours', 'recurrent', 64, n, 1) for n in (32, 256)),
    *(('GPT, 16 wide, words of five letters', 'ours', 'gpt', 16, n, 2) for n in (1, 16)),
    *(('`step(…)` on Values, MLP 16-16-16-1', 'on Values', 'mlp', 16, n, None) for n in (1, 100)),
    *(('`step(…)` on Values, MLP 16-64-64-1', 'on Values', 'mlp', 64, n, None) for n in (1, 100)),
)
TUPLES = {1: 400, 16: 1_500}  # how many times as fast as an engine of tuples the GPT is to be, by the words in a batch
COMPILED = (
    ('MLP 16-16-16-1', 'mlp', 16, 100, 0.15), ('MLP 16-64-64-1', 'mlp', 64, 100, 0.3),
    ('MLP 16-256-256-1', 'mlp', 256, 100, 1.5), ('recurrent, 32 wide', 'recurrent', 32, 32, 1),
    ('recurrent, 64 wide', 'recurrent', 64, 32, 2.5), ('GPT, words of five letters', 'gpt', 16, 16, None),
    ('one `dot` of 4,900', 'dot', 0, 100, 0.3),
)


def check(workers: dict[str, Worker], rows: list[tuple]) -> None:
    """All must come to the loss and the gradients of NumPy, to 1e-9 of the largest."""
    for what, ours, *case, _ in rows:
        reference = workers['NumPy'].call('answers', 'NumPy', *case)
        for name, worker in ((ours, 'ours'), ('PyTorch', 'PyTorch')):
            found = workers[worker].call('answers', name, *case)
            error = max(abs(a - b) for a, b in zip(found, reference, strict=True)) / max(map(abs, reference))
            assert error <= 1e-9, f'{what}, {case}, {name}: off by {error:.2g} of the largest'


def speeds(figures: dict, rows: list[tuple], flops: dict[tuple, int]) -> str:
    """The table of the steps."""
    lines = [('a step', 'batch', 'ours', '× NumPy by hand (min–max)', '× PyTorch eager', 'goal, × the faster', '',
              'of the peak')]
    for what, ours, *case, goal in rows:
        mine, numpy, torch = (figures[name, *case] for name in (ours, 'NumPy', 'PyTorch'))
        faster = min(ratio(numpy, mine)[0], ratio(torch, mine)[0])
        share, _ = ratio([flops[*case[:2]] * case[2] / t for t in mine], figures['peak'])
        lines.append((what, case[2], duration(median(mine)), ratio(numpy, mine)[1], ratio(torch, mine)[1],
                      *(('', '') if goal is None else (f'≥ {goal}', verdict(faster >= goal))), f'{share:.2f}'))
    return table(*lines)


def tuples(figures: dict) -> str:
    """The table of the GPT beside an engine of tuples, word for word."""
    lines = [('the GPT', 'against', 'times as fast (min–max)', 'goal', '')]
    for n, goal in TUPLES.items():
        times, text = ratio([t * n for t in figures['tuples']], figures['ours', 'gpt', 16, n])
        lines.append((f'batch {n}, a word', f'an engine of tuples, {duration(median(figures["tuples"]))}', text,
                      f'≥ {goal:,}', verdict(times >= goal)))
    return table(*lines)


def compiling(figures: dict) -> str:
    """The table of the times until the first batch is computed."""
    lines = [('compiled, with the first batch', '', 'goal', '')]
    for what, *case, goal in COMPILED:
        took = median(figures['compile', *case])
        lines.append((what, duration(took), *(('', '') if goal is None else (f'≤ {duration(goal)}',
                                                                             verdict(took <= goal)))))
    return table(*lines)


def main(rounds: int, kinds: list[str]) -> None:
    rows = [row for row in ROWS if row[2] in kinds]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(HERE / 'peers_worker.py', path)) for name, path in (
            ('ours', HERE.parent), ('NumPy', HERE.parent), ('PyTorch', HERE.parent), ('tuples', HERE / 'tuples'))}
        check(workers, rows)
        measures: dict = {(name, *case): partial(workers['ours' if name == ours else name].call, 'seconds', name, *case)
                          for _, ours, *case, _ in rows for name in (ours, 'NumPy', 'PyTorch')}
        if rows:
            measures['peak'] = partial(workers['ours'].call, 'peak')
        if 'gpt' in kinds:
            measures['tuples'] = partial(workers['tuples'].call, 'seconds', 'engine', 'gpt', 16, 1)
        if 'compile' in kinds:
            measures |= {('compile', *case): partial(workers['ours'].call, 'compile_seconds', *case)
                         for _, *case, _ in COMPILED}
        figures = interleave(measures, rounds)
        flops = {case: workers['ours'].call('flops', *case) for case in {row[2:4] for row in rows}}
    print(f'{machine()}; medians of {rounds} rounds')
    tables = [*([speeds(figures, rows, flops)] if rows else []), *([tuples(figures)] if 'gpt' in kinds else []),
              *([compiling(figures)] if 'compile' in kinds else [])]
    for text in tables:
        print('', text, sep='\n')


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9, sys.argv[2:] or ['mlp', 'recurrent', 'gpt', 'compile'])
