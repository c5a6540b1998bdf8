"""What compiled.py measures. `compiled_worker.py PATH` imports from the folder PATH before all others, and then answers
calls of the functions below. All times are of the wall clock, since threads count; the collector is on."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from functools import cache, partial

from harness import serve

sys.path.insert(0, sys.argv[1])
import models

MAKERS: dict[str, models.Maker] = {
    'engine': models.engine,
    **{backend: partial(models.compiled, backend) for backend in ('python', 'numpy', 'native')},
    'native from zero': partial(models.compiled, 'native', zero=True),
    'native on arrays': partial(models.compiled_arrays, 'native'),
    'NumPy by hand': models.numpy_by_hand,
    'PyTorch, backward()': models.torch_backward,
    'PyTorch, autograd.grad': models.torch_grad,
    'torch.compile': models.torch_compile,
    'JAX jit': models.jax_jit,
}


def limit_threads(threads: int) -> None:
    """For NumPy's BLAS and for PyTorch, which are not imported yet."""
    os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = str(threads)


def missing(module: str) -> bool:
    return importlib.util.find_spec(module) is None


@cache
def made(name: str, problem: str, n: int) -> tuple[Callable[[], object], Callable[[object], list[float]]]:
    if problem == 'transformer':
        return transformer_step(name)
    return MAKERS[name](models.PROBLEMS[problem], n)


def answers(name: str, problem: str, n: int) -> list[float]:
    """The loss and the gradients that a step comes to."""
    step, read = made(name, problem, n)
    return read(step())


def seconds(name: str, problem: str, n: int) -> float:
    """The mean time of a step, over as many repetitions as take a fifth of a second: the mean, because it has the
    garbage collector's pauses in it."""
    step, _ = made(name, problem, n)
    repetitions = 1
    while True:
        start = time.perf_counter()
        for _ in range(repetitions):
            step()
        elapsed = time.perf_counter() - start
        if elapsed >= 0.2:
            return elapsed / repetitions
        repetitions = max(repetitions * 2, int(repetitions * 0.25 / elapsed))


def transformer_step(name: str) -> tuple[Callable[[], object], Callable[[object], list[float]]]:
    """A step of the transformer on all its windows."""
    import transformer  # not above: micrograd 0.1.0 has no use for it

    random.seed(1337)
    network = transformer.Transformer(len(transformer.VOCABULARY))
    parameters = network.parameters()
    if name == 'engine':
        windows = transformer.windows(9)

        def step() -> float:
            loss = sum(transformer.sequence_loss(network, window) for window in windows) / len(windows)
            network.zero_grad()
            loss.backward()
            return loss.data
    else:
        compiled, batch = transformer.compiled(network, name.removesuffix(' on arrays'))
        if name.endswith(' on arrays'):
            import numpy as np

            theta, arrays = compiled.params, [np.array(numbers) for numbers in batch]
            return lambda: compiled.value_and_grad(theta, *arrays), lambda answer: [answer[0], *map(float, answer[1])]

        def step() -> float:
            for parameter in parameters:
                parameter.grad = 0.0
            return compiled(*batch)

    return step, lambda loss: [loss, *(p.grad for p in parameters)]


def compile_seconds(backend: str, problem: str) -> float:
    """The time from the traced graph of a sample to the end of the compiled step's first call."""
    import micrograd

    if problem == 'transformer':
        import transformer

        random.seed(1337)
        network = transformer.Transformer(len(transformer.VOCABULARY))
        loss, inputs = transformer.traced(network)
        parameters = network.parameters()
    else:
        loss, inputs, parameters = models.traced(models.PROBLEMS[problem])
    if backend == 'native':
        from micrograd.compiler import native

        native.CODES = native.Codes()  # where it would be found again
    start = time.perf_counter()
    step = micrograd.compile(loss, inputs=inputs, params=parameters, backend=backend)
    step(*([v.data] for v in inputs))
    return time.perf_counter() - start


def learns() -> tuple[list[float], float]:
    """The losses of the transformer's training, and the seconds that it took, the compiling included."""
    import transformer

    random.seed(1337)
    start = time.perf_counter()
    losses = list(transformer.train(transformer.Transformer(len(transformer.VOCABULARY)), backend='native'))
    return losses, time.perf_counter() - start


def flops(problem: str) -> int:
    return models.flops(models.PROBLEMS[problem])


@cache
def peak_loop(chains: int) -> Callable[[int], None]:
    """A loop in machine code of so many chains of multiplications, and as many of additions, of eight doubles each."""
    import ctypes

    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    names = [(f'{kind}{i}', kind) for kind in ('fmul', 'fadd') for i in range(chains)]
    phis = '\n'.join(f'  %{name} = phi <8 x double> [ %one, %entry ], [ %{name}n, %loop ]' for name, _ in names)
    steps = '\n'.join(f'  %{name}n = {kind} <8 x double> %{name}, %one' for name, kind in names)
    sums = '\n'.join(f'  %s{i + 1} = fadd <8 x double> %s{i}, %{name}n' for i, (name, _) in enumerate(names))
    source = f'''
define void @loop(i64 %n, ptr %data) "min-legal-vector-width"="512" {{
entry:
  %one = load <8 x double>, ptr %data, align 8
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %in, %loop ]
{phis}
{steps}
  %in = add i64 %i, 1
  %more = icmp slt i64 %in, %n
  br i1 %more, label %loop, label %exit
exit:
  %s0 = fadd <8 x double> %one, %one
{sums}
  store <8 x double> %s{len(names)}, ptr %data, align 8
  ret void
}}'''
    features = llvm.get_host_cpu_features().flatten()
    if platform.machine() in ('x86_64', 'AMD64'):
        features += ',-prefer-256-bit'
    target = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features,
                                                                    opt=2)
    compiler = llvm.create_mcjit_compiler(llvm.parse_assembly(source), target)
    compiler.finalize_object()
    loop = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(compiler.get_function_address('loop'))
    data = (ctypes.c_double * 8)(*[1.0] * 8)

    def run(n: int, compiler: object = compiler) -> None:  # which must stay alive as long as its code
        data[:] = [1.0] * 8
        loop(n, data)

    return run


def peak() -> float:
    """The most multiplications and additions a second of one core, when each is an instruction of its own."""
    fastest = 0.0
    for chains in (3, 4, 8) * 20:  # a processor with fewer registers than AVX-512 has would spill the longest
        run, n = peak_loop(chains), 100_000
        start = time.perf_counter()
        run(n)
        fastest = max(fastest, n * 2 * chains * 8 / (time.perf_counter() - start))
    return fastest


if __name__ == '__main__':
    serve(globals())
