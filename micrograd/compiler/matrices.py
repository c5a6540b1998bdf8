"""The loops of a layer, in LLVM IR: a weight matrix times a block of samples, and the sums that are its gradients.

Both go by tiles whose sums stay in registers. The terms of a sum are added one after another, in their order.
"""

from __future__ import annotations

TILE = 4  # rows, and vectors or columns: 16 sums, of the 32 registers that AVX-512 has


def functions(lanes: int) -> str:
    """The functions that `Kernel` calls for layers; HEIGHT and WIDTH are 1 or TILE.

    product_HEIGHT(w, row, column, x, x_stride, out, out_stride, terms, samples): out[r] = Σ_c w[r, c]·x[c] for so many
    rows, where row and column are the strides of w.
    gradient_HEIGHT_WIDTH(d, d_stride, x, x_stride, sums, row, samples): sums[r, c] += Σ d[r]·x[c] over the vectors of
    the samples, where row is the stride of sums, in numbers.
    """
    sizes = (1, TILE)
    return '\n\n'.join([*(_product(lanes, height) for height in sizes),
                        *(_gradient(lanes, height, width) for height in sizes for width in sizes)])


def _type(lanes: int) -> str:
    return f'<{lanes} x double>' if lanes > 1 else 'double'


def _zero(lanes: int) -> str:
    """-0.0, which changes nothing that is added to it, not even a sign."""
    return f'<{", ".join(["double -0.0"] * lanes)}>' if lanes > 1 else '-0.0'


def _product(lanes: int, height: int) -> str:
    lines = [f'define internal void @product_{height}(ptr %w, i64 %row, i64 %column, ptr %x, i64 %x_stride, ptr %out, '
             'i64 %out_stride, i64 %terms, i64 %samples) {', 'entry:', '  br label %head4']
    for width, after in ((TILE, 'head1'), (1, 'done')):
        origin = '[0, %entry]' if width == TILE else '[%at4, %head4]'
        n = f'{width}'
        lines += [
            f'head{n}:', f'  %at{n} = phi i64 {origin}, [%next_at{n}, %store{n}]',
            f'  %end{n} = add i64 %at{n}, {width * lanes}', f'  %fits{n} = icmp sle i64 %end{n}, %samples',
            f'  br i1 %fits{n}, label %sum{n}, label %{after}', f'sum{n}:']
        sums = [(r, v) for r in range(height) for v in range(width)]
        lines.append(f'  %c{n} = phi i64 [0, %head{n}], [%next_c{n}, %sum{n}]')
        lines += [f'  %s{n}_{r}_{v} = phi {_type(lanes)} [{_zero(lanes)}, %head{n}], [%t{n}_{r}_{v}, %sum{n}]'
                  for r, v in sums]
        lines += [f'  %xrow{n} = mul i64 %c{n}, %x_stride', f'  %xat{n} = add i64 %xrow{n}, %at{n}',
                  f'  %wcol{n} = mul i64 %c{n}, %column']
        for v in range(width):
            lines += [f'  %xplace{n}_{v} = add i64 %xat{n}, {v * lanes}',
                      f'  %xp{n}_{v} = getelementptr double, ptr %x, i64 %xplace{n}_{v}',
                      f'  %x{n}_{v} = load {_type(lanes)}, ptr %xp{n}_{v}, align {8 * lanes}']
        for r in range(height):
            lines += [f'  %wrow{n}_{r} = mul i64 %row, {r}', f'  %wat{n}_{r} = add i64 %wrow{n}_{r}, %wcol{n}',
                      f'  %wp{n}_{r} = getelementptr double, ptr %w, i64 %wat{n}_{r}',
                      f'  %w{n}_{r} = load double, ptr %wp{n}_{r}', *_spread(f'%w{n}_{r}', lanes)]
        for r, v in sums:
            lines += [f'  %m{n}_{r}_{v} = fmul {_type(lanes)} %w{n}_{r}{"_all" if lanes > 1 else ""}, %x{n}_{v}',
                      f'  %t{n}_{r}_{v} = fadd {_type(lanes)} %s{n}_{r}_{v}, %m{n}_{r}_{v}']
        lines += [f'  %next_c{n} = add i64 %c{n}, 1', f'  %more_c{n} = icmp slt i64 %next_c{n}, %terms',
                  f'  br i1 %more_c{n}, label %sum{n}, label %store{n}', f'store{n}:']
        for r, v in sums:
            lines += [f'  %orow{n}_{r}_{v} = mul i64 %out_stride, {r}',
                      f'  %oat{n}_{r}_{v} = add i64 %orow{n}_{r}_{v}, %at{n}',
                      f'  %oplace{n}_{r}_{v} = add i64 %oat{n}_{r}_{v}, {v * lanes}',
                      f'  %op{n}_{r}_{v} = getelementptr double, ptr %out, i64 %oplace{n}_{r}_{v}',
                      f'  store {_type(lanes)} %t{n}_{r}_{v}, ptr %op{n}_{r}_{v}, align {8 * lanes}']
        lines += [f'  %next_at{n} = add i64 %at{n}, {width * lanes}', f'  br label %head{n}']
    return '\n'.join([*lines, 'done:', '  ret void', '}'])


def _gradient(lanes: int, height: int, width: int) -> str:
    sums = [(r, c) for r in range(height) for c in range(width)]
    lines = [f'define internal void @gradient_{height}_{width}(ptr %d, i64 %d_stride, ptr %x, i64 %x_stride, '
             'ptr %sums, i64 %row, i64 %samples) {', 'entry:', '  br label %sum', 'sum:',
             '  %i = phi i64 [0, %entry], [%next, %sum]']
    lines += [f'  %s{r}_{c} = phi {_type(lanes)} [{_zero(lanes)}, %entry], [%t{r}_{c}, %sum]' for r, c in sums]
    for name, count in (('d', height), ('x', width)):
        for k in range(count):
            lines += [f'  %{name}row{k} = mul i64 %{name}_stride, {k}', f'  %{name}at{k} = add i64 %{name}row{k}, %i',
                      f'  %{name}p{k} = getelementptr double, ptr %{name}, i64 %{name}at{k}',
                      f'  %{name}{k} = load {_type(lanes)}, ptr %{name}p{k}, align {8 * lanes}']
    for r, c in sums:
        lines += [f'  %m{r}_{c} = fmul {_type(lanes)} %d{r}, %x{c}',
                  f'  %t{r}_{c} = fadd {_type(lanes)} %s{r}_{c}, %m{r}_{c}']
    lines += [f'  %next = add i64 %i, {lanes}', '  %more = icmp slt i64 %next, %samples',
              '  br i1 %more, label %sum, label %add', 'add:']
    for r, c in sums:
        lines += [f'  %srow{r}_{c} = mul i64 %row, {r}', f'  %sat{r}_{c} = add i64 %srow{r}_{c}, {c * lanes}',
                  f'  %sp{r}_{c} = getelementptr double, ptr %sums, i64 %sat{r}_{c}',
                  f'  %old{r}_{c} = load {_type(lanes)}, ptr %sp{r}_{c}, align {8 * lanes}',
                  f'  %new{r}_{c} = fadd {_type(lanes)} %old{r}_{c}, %t{r}_{c}',
                  f'  store {_type(lanes)} %new{r}_{c}, ptr %sp{r}_{c}, align {8 * lanes}']
    return '\n'.join([*lines, '  ret void', '}'])


def _spread(scalar: str, lanes: int) -> list[str]:
    """The same number in all lanes, as `scalar`_all."""
    if lanes == 1:
        return []
    vector = _type(lanes)
    return [f'  {scalar}_one = insertelement {vector} poison, double {scalar}, i64 0',
            f'  {scalar}_all = shufflevector {vector} {scalar}_one, {vector} poison, <{lanes} x i32> zeroinitializer']
