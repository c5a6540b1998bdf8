"""What the benchmarks compare must be the same computation."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from needs import require, torch

from micrograd import Value

BENCHMARKS = Path(__file__).parent.parent / 'benchmarks'
require('torch', 'numpy', 'llvmlite')
sys.path.insert(0, str(BENCHMARKS))
import models  # noqa: E402
import sequences  # noqa: E402
import transformer  # noqa: E402
from harness import Worker  # noqa: E402


def close(numbers: list[float], reference: list[float]) -> bool:
    """As many numbers, and equal to 1e-10 of the largest of them."""
    largest = max(map(abs, reference))
    return len(numbers) == len(reference) and all(abs(a - b) <= 1e-10 * largest for a, b in zip(numbers, reference))


def answers(maker: models.Maker, problem: models.Problem, n: int) -> list[float]:
    """The loss and the gradients of the second step, which must not have those of the first in them."""
    step, read = maker(problem, n)
    step()
    return read(step())


@pytest.mark.parametrize('name', models.PROBLEMS)
@pytest.mark.parametrize('n', [1, 4])
def test_all_implementations_come_to_the_same_loss_and_gradients(name, n):
    problem = models.PROBLEMS[name]
    reference = answers(models.engine, problem, n)
    assert reference[0] > 0.1 and any(reference[1:])
    for maker in (models.numpy_by_hand, models.torch_backward, models.torch_grad):
        assert close(answers(maker, problem, n), reference), maker.__name__


def test_what_is_traced_is_one_sample_of_what_the_engine_computes():
    for problem in models.PROBLEMS.values():
        loss, inputs, parameters = models.traced(problem)
        loss.backward()
        assert close([loss.data, *(p.grad for p in parameters)], answers(models.engine, problem, 1))
        assert [v.data for v in inputs] == [column[0] for column in models.columns(problem, 1)]


def test_flops_are_those_counted_by_hand():
    # (1 - t·(w·x + b)).relu(): a product, three sums less one of a dot of one pair; back: t·g, and x·g and g added.
    assert models.flops(models.Problem((1, 1), 'relu', 'max-margin')) == (2 + 2) + (1 + 2 + 1)
    # A product and a sum for each weight forward, for its gradient, and, but in the first layer, for that of its input,
    # of which the first is no sum; a sum for the gradient of each bias; in the loss t·score, 1 - that, and t·g.
    first, second, last = 2 * 16, 16 * 16, 16
    assert models.flops(models.PROBLEMS['relu']) == 4 * first + 6 * second - 16 + 6 * last - 16 + 33 + 3


def torch_sequence_loss(parameters: dict[str, torch.Tensor], tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """transformer.sequence_loss for a batch of sequences, with what PyTorch has for each of its parts."""
    functional = torch.nn.functional
    p = parameters
    samples, length, width = len(tokens), tokens.shape[1] - 1, p['query'].shape[0]

    def normalized(x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (width,), eps=1e-5)

    x = normalized(tokens[:, :-1] @ p['embedding'].T + p['positions'][:length])
    query, key, value = ((normalized(x) @ p[name].T).view(samples, length, heads, -1).transpose(1, 2)
                         for name in ('query', 'key', 'value'))
    gathered = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + gathered.transpose(1, 2).reshape(samples, length, width) @ p['output'].T
    x = x + (normalized(x) @ p['wider'].T).relu() @ p['narrower'].T
    logits = normalized(x) @ p['unembedding'].T
    return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(0, 1))


def tensors(model: transformer.Transformer) -> dict[str, torch.Tensor]:
    """The model's matrices by name."""
    return {name: torch.tensor([[v.data for v in row] for row in rows], dtype=torch.float64, requires_grad=True)
            for name, rows in vars(model).items() if name != 'heads'}


@pytest.mark.parametrize('positions, width, heads', [(8, 16, 4), (3, 6, 2), (2, 4, 1)])
def test_the_transformer_is_pytorchs(positions, width, heads):
    random.seed(positions)
    model = transformer.Transformer(len(transformer.VOCABULARY), positions, width, heads)
    parameters = tensors(model)
    windows = transformer.windows(positions + 1)[3:5]
    theirs = torch_sequence_loss(parameters, torch.tensor(windows, dtype=torch.float64), heads)
    theirs.backward()
    ours = sum(transformer.sequence_loss(model, window) for window in windows) / len(windows)
    ours.backward()
    gradients = [g for p in parameters.values() for g in p.grad.flatten().tolist()]
    assert close([ours.data, *(p.grad for p in model.parameters())], [theirs.item(), *gradients])


def test_the_transformers_logits_depend_on_no_later_token():
    random.seed(1)
    model = transformer.Transformer(len(transformer.VOCABULARY), positions=4, width=4, heads=2)
    tokens = [[Value(number) for number in token] for token in transformer.windows(4)[0]]
    sum(model(tokens)[1]).backward()
    assert [any(number.grad for number in token) for token in tokens] == [True, True, False, False]


def test_the_compiled_transformer_learns_the_text():
    random.seed(1)
    model = transformer.Transformer(len(transformer.VOCABULARY), positions=3, width=8, heads=2)
    losses = list(transformer.train(model, steps=100, lr=0.03))
    # 0.51 is the best that a model can do which looks at the last character alone.
    assert losses[0] > 2 and losses[-1] < 0.3
    assert transformer.continued(model, 'hello', 24) == 'hello world hello world '


@pytest.mark.parametrize('how', ['engine', 'compiled', 'torch'])
def test_the_moons_are_learned_in_the_same_number_of_epochs(how):
    said = subprocess.run([sys.executable, BENCHMARKS / 'moons.py', how], check=True, capture_output=True, text=True)
    seconds, epochs = said.stdout.split()
    assert float(seconds) > 0 and epochs == '29'


@pytest.mark.parametrize('problem', [('recurrent', 10), ('gpt', 8)])
@pytest.mark.parametrize('n', [1, 3])
def test_all_networks_over_sequences_come_to_the_same_loss_and_gradients(problem, n):
    step, read = sequences.numpy_by_hand(problem, n)
    reference = read(step())
    assert reference[0] > 2 and any(reference[1:])
    for maker in (sequences.compiled, sequences.pytorch, *([sequences.engine] if problem[0] == 'gpt' else [])):
        step, read = maker(problem, n)
        step()
        assert close(read(step()), reference), maker.__name__


def test_the_engine_of_tuples_comes_to_the_same_loss_and_gradients_of_the_gpt():
    with Worker(BENCHMARKS / 'peers_worker.py', BENCHMARKS / 'tuples') as tuples:
        assert close(tuples.call('answers', 'engine', 'gpt', 16, 1), answers(sequences.engine, ('gpt', 16), 1))
