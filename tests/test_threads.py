"""Eight threads at once build, differentiate and compile graphs, and get the numbers of one alone."""

import sys
import threading

import pytest
from programs import program

from micrograd import Value, compile
from micrograd.nn import MLP, mse_loss
from micrograd.optim import Adam

THREADS = 8


@pytest.fixture(autouse=True)
def hurried():
    """Threads take turns a thousand times as often, in the midst of an operation too."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work):
    """What `work` gives for each thread's number, all at once."""
    results, start = [None] * THREADS, threading.Barrier(THREADS)

    def run(number):
        start.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def differentiated(made, make=Value):
    """Every node's number and gradient, in a program's order."""
    nodes = made.run(make)
    nodes[-1].backward()
    return [(node.data, node.grad) for node in nodes]


def test_random_graphs_in_eight_threads():
    programs = [program(number) for number in range(200)]
    alone = [differentiated(made) for made in programs]
    together = at_once(lambda number: [differentiated(made) for made in programs[number:] + programs[:number]])
    for number, results in enumerate(together):
        assert results == alone[number:] + alone[:number]


def test_training_in_eight_threads():
    def work(model):
        optimizer = Adam(model.parameters(), lr=0.05)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = mse_loss([model([x, 1.0]) for x in (-1.0, 0.3, 2.0)], [0.5, -1.0, 2.0])
            loss.backward()
            optimizer.step()
            losses.append(loss.data)
        return losses, model.state_dict()

    def models():
        made = [MLP(2, [4, 4, 1], 'tanh') for _ in range(THREADS)]
        for number, model in enumerate(made):
            model.load_state_dict({name: ((number + 3) * (i + 1) * 0.37) % 2 - 1
                                   for i, name in enumerate(model.state_dict())})
        return made

    alone, fresh = [work(model) for model in models()], models()
    assert at_once(lambda number: work(fresh[number])) == alone
    assert len({losses[-1] for losses, _ in alone}) == THREADS


@pytest.mark.parametrize('backend', ['python', 'numpy', 'native'])
@pytest.mark.parametrize('samples', [1, 100_000])  # during a long computation of machine code other threads may run
def test_compiled_steps_in_eight_threads_lose_no_gradient(backend, samples):
    """Every thread has a step of its own for the same parameters."""
    x, w = Value(1.0), [Value(float(i)) for i in range(5)]
    turns = 1000 if samples == 1 else 20 if backend == 'native' else 2
    steps = [compile(sum(v * x for v in w), [x], w, backend=backend) for _ in range(THREADS)]
    batch = [2.0] * samples if samples > 1 else 2.0
    at_once(lambda number: [steps[number](batch) for _ in range(turns)])
    assert [v.grad for v in w] == [2.0 * turns * THREADS] * 5


def test_the_source_asked_for_in_eight_threads_is_one():
    for number in range(50):
        leaves, x = [Value(0.5), Value(1.5)], Value(0.25)
        graph = program(number, 4).run(Value)[-1] * leaves[0] * x + leaves[1]
        step = compile(graph, [x], leaves)
        alone = compile(graph, [x], leaves).source
        assert at_once(lambda number, step=step: step.source) == [alone] * THREADS
