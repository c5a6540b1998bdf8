"""The GPT of the benchmarks is PyTorch's, and learns."""

import random
import sys
from pathlib import Path

import pytest
from needs import torch

sys.path.insert(0, str(Path(__file__).parent.parent / 'benchmarks'))
import gpt


def torch_loss(p: dict[str, torch.Tensor], tokens: list[int], heads: int, layers: int) -> torch.Tensor:
    """GPT.loss, with what PyTorch has for each of its parts."""
    functional = torch.nn.functional
    n, width = len(tokens) - 1, p['tokens'].shape[1]

    def norm(x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (width,), eps=1e-5)

    x = norm(p['tokens'][tokens[:-1]] + p['positions'][:n])
    for i in range(layers):
        query, key, value = ((norm(x) @ p[f'blocks.{i}.attention.{name}'].T).view(n, heads, -1).transpose(0, 1)
                             for name in ('query', 'key', 'value'))
        gathered = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + gathered.transpose(0, 1).reshape(n, width) @ p[f'blocks.{i}.attention.output'].T
        x = x + (norm(x) @ p[f'blocks.{i}.mlp.wider'].T).relu() @ p[f'blocks.{i}.mlp.narrower'].T
    return functional.cross_entropy(x @ p.get('head', p['tokens']).T, torch.tensor(tokens[1:]))


def matrices(model: gpt.GPT) -> dict[str, list[list[gpt.Value]]]:
    """The model's parameters by the name of the matrix, row by row."""
    found: dict[str, list[list[gpt.Value]]] = {}
    for name, parameter in model.named_parameters():
        matrix, column = name.split('.rows.')[0], int(name.split('.')[-1])
        rows = found.setdefault(matrix, [])
        if column == 0:
            rows.append([])
        rows[-1].append(parameter)
    return found


@pytest.mark.parametrize('dot', [gpt.dot, gpt.products])
@pytest.mark.parametrize(('layers', 'heads', 'tied'), [(1, 4, False), (2, 2, True)])
def test_the_loss_and_its_gradients_are_pytorchs(layers, heads, tied, dot):
    random.seed(layers)
    model = gpt.GPT(positions=8, width=8, heads=heads, layers=layers, tied=tied, dot=dot)
    ours = matrices(model)
    theirs = {name: torch.tensor([[v.data for v in row] for row in rows], dtype=torch.float64, requires_grad=True)
              for name, rows in ours.items()}
    assert ('head' in theirs) == (not tied)
    loss, expected = model.loss(gpt.encoded('anna')), torch_loss(theirs, gpt.encoded('anna'), heads, layers)
    loss.backward()
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    for name, rows in ours.items():
        torch.testing.assert_close(torch.tensor([[v.grad for v in row] for row in rows], dtype=torch.float64),
                                   theirs[name].grad, rtol=1e-9, atol=1e-14)


def test_it_has_the_size_of_the_well_known_one():
    model = gpt.GPT()
    assert len(model.parameters()) == 4192
    assert {len(word) for word in gpt.WORDS} <= set(range(2, 17))
    assert [gpt.LETTERS[token - 1] for token in gpt.encoded('emma')[1:-1]] == list('emma')


def test_it_learns_a_word_by_heart():
    random.seed(1)
    model = gpt.GPT(positions=8, width=8, heads=2)
    losses = list(gpt.train(model, ['mia'], 40, lr=0.05))
    assert losses[0] > 3 and losses[-1] < 0.1
    assert gpt.made_up(model) == 'mia'
