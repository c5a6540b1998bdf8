"""The loops of layers, in LLVM IR: matrices times vectors, and outer products, of one sample or of a block of them.

All go by tiles whose sums stay in registers, and add the terms of a sum one after another, in their order. A vector
over samples is a row of memory for each of its variables, `pitch` numbers apart.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

from micrograd.compiler.builder import Function, Number, added_up, constant, transposed, vector

TILE = 4  # rows, and vectors: 16 sums, of the 32 registers that AVX-512 has
Factors = Callable[[str], tuple[list[str], list[str]]]


def functions(lanes: int, width: int) -> str:
    """The functions that `Kernel` calls for layers, for so many samples at a time; width: how many lanes vectors have.

    For each, `more` says whether to add to what stands there already, and strides are in numbers.

    product(w, row, column, x, pitch, out, out_pitch, rows, terms, samples, more): out[r] = Σ_c w[r, c] · x[c], where
    row and column are the strides of w.
    across(w, row, x, pitch, out, rows, terms, more): the same for one sample, where the columns of w lie side by side.
    outer(pairs, count, g, stride, rows, columns, samples, more): g[r, c] = Σ_k d_k[r] · x_k[c], where pairs are the
    addresses and the pitches of the d_k and x_k; for one sample, these are 1.
    """
    texts = [_product(width, fused=lanes > 1), _outer_of_samples(width) if lanes > 1 else _outer_of_one(width)]
    return '\n\n'.join(texts if lanes > 1 else [*texts, _across(width)] if width > 1 else texts)


def _tiles(f: Function, end: str, sizes: tuple[int, ...], body: Callable[[str, int], None]) -> None:
    """The numbers from 0 to the end, in steps of the first size as far as they go, then of the next."""
    start: Number = 0
    for size in sizes:
        until = f.whole('and', end, -size)
        f.each(start, size, until, functools.partial(lambda size, at: body(at, size), size))
        start = until


def _summed(f: Function, lanes: int, outs: Sequence[Sequence[str]], more: str, terms: str, factors: Factors,
            fused: bool = False, zero: float = -0.0) -> None:
    """A tile of sums at these addresses, row by row: Σ of the factor for the row times the one for the column.

    factors: those of a term, for each row and for each column. zero: what a sum begins with; -0.0 changes nothing that
    is added to it, not even a sign.
    """
    addresses = [address for row in outs for address in row]
    first = [f.select(more, f.load(address, lanes), constant(zero, lanes), lanes) for address in addresses]

    def term(i: str, sums: list[str]) -> list[str]:
        pairs = itertools.product(*factors(i))
        return [_added(f, total, a, b, lanes, fused) for total, (a, b) in zip(sums, pairs, strict=True)]

    for total, address in zip(f.loop(0, 1, terms, [(vector(lanes), x) for x in first], term), addresses, strict=True):
        f.store(total, address, lanes)


def _added(f: Function, total: str, a: str, b: str, lanes: int, fused: bool) -> str:
    """total + a · b; fused: rounded once, where the processor can."""
    return f.fused(a, b, total, lanes) if fused else f.binary('fadd', total, f.binary('fmul', a, b, lanes), lanes)


def _product(width: int, fused: bool) -> str:
    f = Function('internal void @product(ptr %w, i64 %row, i64 %column, ptr %x, i64 %pitch, ptr %out, i64 %out_pitch, '
                 'i64 %rows, i64 %terms, i64 %samples, i1 %more)', width)
    sizes = (TILE * width, width, 1)[:2 if fused else 3] if width > 1 else (TILE, 1)

    def samples(at: str, size: int) -> None:
        lanes = 1 if size < width else width
        vectors = size // lanes
        heights = (TILE if vectors > 1 else 2 * TILE, 1)
        _tiles(f, '%rows', heights, lambda row, height: tile(at, lanes, vectors, row, height))

    def tile(at: str, lanes: int, vectors: int, top: str, height: int) -> None:
        rows = [f.whole('add', top, r) for r in range(height)]
        outs = [f.address(f.address('%out', f.whole('mul', row, '%out_pitch')), at) for row in rows]
        ws = [f.address('%w', f.whole('mul', row, '%row')) for row in rows]

        def factors(i: str) -> tuple[list[str], list[str]]:
            column, x = f.whole('mul', i, '%column'), f.address(f.address('%x', f.whole('mul', i, '%pitch')), at)
            return ([f.splat(f.load(f.address(w, column), 1), lanes) for w in ws],
                    [f.load(f.address(x, v * lanes), lanes) for v in range(vectors)])

        _summed(f, lanes, [[f.address(out, v * lanes) for v in range(vectors)] for out in outs], '%more', '%terms',
                factors, fused)

    _tiles(f, '%samples', sizes, samples)
    return f.text()


def _across(width: int) -> str:
    """Rows side by side in the lanes: squares of the matrix are transposed in registers."""
    f = Function('internal void @across(ptr %w, i64 %row, ptr %x, i64 %pitch, ptr %out, i64 %rows, i64 %terms, '
                 'i1 %more)', width)
    whole = f.whole('and', '%terms', -width)

    def rows(top: str, height: int) -> None:
        ws = [f.address('%w', f.whole('mul', f.whole('add', top, r), '%row')) for r in range(height)]
        out = f.address('%out', top)

        def square(left: str, sums: list[str]) -> list[str]:
            columns = [f.load(f.address(w, left), width) for w in ws]
            total = sums[0]
            for c, column in enumerate(transposed(f, columns)):
                x = f.address('%x', f.whole('mul', f.whole('add', left, c), '%pitch'))
                total = _added(f, total, column, f.splat(f.load(x, 1)), width, False)
            return [total]

        def single(left: str, sums: list[str]) -> list[str]:
            column = 'poison'
            for lane, w in enumerate(ws):
                one = f.load(f.address(w, left), 1)
                column = f.emit(f'insertelement {f.kind} {column}, double {one}, i64 {lane}') if height > 1 else one
            x = f.splat(f.load(f.address('%x', f.whole('mul', left, '%pitch')), 1), height)
            return [_added(f, sums[0], column, x, height, False)]

        total = f.select('%more', f.load(out, height), constant(-0.0, height), height)
        start: Number = 0
        if height > 1:
            [total] = f.loop(0, width, whole, [(f.kind, total)], square)
            start = whole
        [total] = f.loop(start, 1, '%terms', [(vector(height), total)], single)
        f.store(total, out, height)

    _tiles(f, '%rows', (width, 1), rows)
    return f.text()


OUTER = ('internal void @outer(ptr %pairs, i64 %count, ptr %g, i64 %stride, i64 %rows, i64 %columns, i64 %samples, '
         'i1 %more)')


def _pair(f: Function, number: str) -> list[tuple[str, str]]:
    """The addresses and pitches of d and x in a pair."""
    at = f.address('%pairs', f.whole('mul', number, 4))
    return [(f.emit(f'load ptr, ptr {f.address(at, k)}'), f.emit(f'load i64, ptr {f.address(at, k + 1)}'))
            for k in (0, 2)]


def _outer_of_one(width: int) -> str:
    f = Function(OUTER, width)

    def columns(left: str, size: int) -> None:
        lanes = 1 if size < width else width
        _tiles(f, '%rows', (TILE, 1), lambda top, height: tile(left, lanes, size // lanes, top, height))

    def tile(left: str, lanes: int, vectors: int, top: str, height: int) -> None:
        rows = [f.whole('add', top, r) for r in range(height)]
        outs = [f.address(f.address('%g', f.whole('mul', row, '%stride')), left) for row in rows]

        def factors(pair: str) -> tuple[list[str], list[str]]:
            (d, _), (x, _) = _pair(f, pair)
            x = f.address(x, left)
            return ([f.splat(f.load(f.address(d, row), 1), lanes) for row in rows],
                    [f.load(f.address(x, v * lanes), lanes) for v in range(vectors)])

        _summed(f, lanes, [[f.address(out, v * lanes) for v in range(vectors)] for out in outs], '%more', '%count',
                factors, zero=0.0)

    _tiles(f, '%columns', (TILE * width, width, 1) if width > 1 else (TILE, 1), columns)
    return f.text()


def _outer_of_samples(width: int) -> str:
    """The lanes are samples, over which the sums are taken at last."""
    f = Function(OUTER, width)

    def rows(top: str, height: int) -> None:
        _tiles(f, '%columns', (width, 1), lambda left, columns: tile(top, height, left, columns))

    def tile(top: str, height: int, left: str, columns: int) -> None:
        shape = [(r, c) for r in range(height) for c in range(columns)]

        def pair(k: str, sums: list[str]) -> list[str]:
            starts = [[f.address(base, f.whole('mul', f.whole('add', first, r), pitch)) for r in range(count)]
                      for (base, pitch), first, count in zip(_pair(f, k), (top, left), (height, columns))]

            def samples(i: str, sums: list[str]) -> list[str]:
                ds, xs = ([f.load(f.address(start, i), align=8 * width) for start in one] for one in starts)
                return [f.fused(ds[r], xs[c], total) for total, (r, c) in zip(sums, shape, strict=True)]

            return f.loop(0, width, '%samples', [(f.kind, total) for total in sums], samples)

        sums = f.loop(0, 1, '%count', [(f.kind, constant(0.0, width)) for _ in shape], pair)
        for r in range(height):
            out = f.address(f.address('%g', f.whole('mul', f.whole('add', top, r), '%stride')), left)
            total = added_up(f, sums[r * columns:(r + 1) * columns]) if columns == width else _one_sum(f, sums[r])
            before = f.select('%more', f.load(out, columns), constant(0.0, columns), columns)
            f.store(f.binary('fadd', before, total, columns), out, columns)

    _tiles(f, '%rows', (16 // width, 1), rows)
    return f.text()


def _one_sum(f: Function, total: str) -> str:
    """The sum over the lanes of one vector, neighbours first."""
    parts = [f.emit(f'extractelement {f.kind} {total}, i64 {lane}') for lane in range(f.lanes)]
    while len(parts) > 1:
        parts = [f.binary('fadd', a, b, 1) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
