"""The moons learned by two processes: their gradients, what they print, and that none waits for one that has died."""

import atexit
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from needs import require

from micrograd.nn import hinge_loss

TOP = Path(__file__).parent.parent


def written_by_the_notebook(name: str) -> Path:
    """A file that cells of an appendix write, piece by piece."""
    notebook = json.loads((TOP / 'notebooks' / 'a3_many_machines.ipynb').read_text(encoding='utf-8'))
    sources = (''.join(cell['source']) for cell in notebook['cells'])
    pieces = [source.partition('\n')[2] for source in sources if re.match(rf'%%writefile (-a )?{name}\n', source)]
    path = Path(tempfile.mkdtemp()) / name
    path.write_text('\n'.join(pieces), encoding='utf-8')
    atexit.register(shutil.rmtree, path.parent)
    return path


SCRIPT = written_by_the_notebook('ddp_moons.py')
require('torch')
EXAMPLE = runpy.run_path(f'{SCRIPT}')
PATIENCE = 90  # seconds, of which a run takes 4 to 15

GRADIENTS = '''
import datetime, json, sys
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from ddp_moons import hinge_loss, problem, share
from micrograd.bridge import to_torch

dist.init_process_group('gloo', timeout=datetime.timedelta(seconds=30))
points, labels, network = problem()
model = DistributedDataParallel(to_torch(network))
x, y = share(points, labels)
loss = hinge_loss(model(x).squeeze(-1), y)
loss.backward()
found = {'loss': loss.item(), 'gradients': [p.grad.tolist() for p in model.parameters()]}
with open(f'{sys.argv[1]}/{dist.get_rank()}.json', 'w') as file:
    json.dump(found, file)
dist.destroy_process_group()
'''

# The example, whose second process is killed in its fifth epoch, before it has a gradient to share.
KILLED = '''
import itertools, os, signal, ddp_moons

def hinge_loss(scores, labels, loss=ddp_moons.hinge_loss, epochs=itertools.count(1)):
    if next(epochs) == 5 and os.environ['RANK'] == '1':
        os.kill(os.getpid(), signal.SIGKILL)
    return loss(scores, labels)

ddp_moons.hinge_loss = hinge_loss
ddp_moons.main()
'''


def start(*command, **variables):
    """A process of Python that talks on the loopback device only."""
    return subprocess.Popen([sys.executable, *map(str, command)], start_new_session=True, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={
        **os.environ, 'PYTHONPATH': f'{TOP}{os.pathsep}{SCRIPT.parent}', 'OMP_NUM_THREADS': '1',
        **({'GLOO_SOCKET_IFNAME': 'lo'} if sys.platform == 'linux' else {}), **variables})


def finish(process):
    """How a process ended, and what it printed; it fails the test where it does not end by itself."""
    try:
        printed, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f'still running after {PATIENCE} seconds: {process.communicate()[0]}')
    return process.returncode, printed


def torchrun(*command):
    """How two processes ended, and what they printed.

    Once in a while gloo's threads abort a process that has done all its work, while Python exits (pytorch/pytorch
    #190489). It then says so, and is started once more.
    """
    for _ in range(2):
        status, printed = finish(start('-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', 2, *command))
        if 'terminate called without an active exception' not in printed:
            break
    return status, printed


def test_the_example_learns_the_moons():
    status, printed = torchrun(SCRIPT)
    assert status == 0, printed
    epochs = re.findall(r'^epoch +(\d+) +loss (\S+) +accuracy (\d+)%$', printed, re.MULTILINE)
    assert [int(epoch) for epoch, _, _ in epochs] == list(range(10, 101, 10))  # and each is printed once
    losses = [float(loss) for _, loss, _ in epochs]
    assert losses[-1] < 0.1 * losses[0]
    assert int(epochs[-1][2]) >= 97
    assert int(re.search(r'back in micrograd, (\d+) of 100 points', printed)[1]) >= 97


def test_averaged_gradients_are_the_full_batch_gradients_of_the_engine(tmp_path):
    (tmp_path / 'worker.py').write_text(GRADIENTS)
    status, printed = torchrun(tmp_path / 'worker.py', tmp_path)
    assert status == 0, printed
    found = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in (0, 1)]

    points, labels, network = EXAMPLE['problem']()
    loss = hinge_loss([network(point) for point in points], labels)
    loss.backward()
    expected = []
    for layer in network.layers:
        expected += [w.grad for neuron in layer.neurons for w in neuron.w]
        expected += [neuron.b.grad for neuron in layer.neurons]
    assert any(abs(grad) > 0.1 for grad in expected)
    for process in found:
        assert flat(process['gradients']) == pytest.approx(expected, abs=1e-10, rel=1e-10)
        assert abs(process['loss'] - loss.data) > 0.01  # its share alone is another problem
    assert (found[0]['loss'] + found[1]['loss']) / 2 == pytest.approx(loss.data, rel=1e-10)


def flat(numbers):
    return [n for part in numbers for n in flat(part)] if isinstance(numbers, list) else [numbers]


def test_a_killed_worker_ends_the_run_with_an_error(tmp_path):
    (tmp_path / 'worker.py').write_text(KILLED)
    status, printed = torchrun(tmp_path / 'worker.py')
    assert status not in (0, -signal.SIGKILL)
    assert 'Signal 9 (SIGKILL)' in printed
    assert 'epoch ' not in printed


def test_without_torchrun_the_one_that_is_left_ends_with_an_error_too(tmp_path):
    """As on another machine, where nobody ends it."""
    (tmp_path / 'worker.py').write_text(KILLED)
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = f'{server.getsockname()[1]}'
    left, killed = (start(tmp_path / 'worker.py', RANK=rank, WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
                    for rank in '01')
    assert finish(killed)[0] == -signal.SIGKILL
    before = time.monotonic()
    status, printed = finish(left)
    assert status not in (0, -signal.SIGKILL)
    assert 'Error: ' in printed
    assert time.monotonic() - before < 30  # it noticed, and did not wait for its time to be up


def test_started_without_torchrun_it_says_how():
    status, printed = finish(start(SCRIPT))
    assert (status, printed) == (1, 'run it as: torchrun --nproc-per-node 2 ddp_moons.py\n')


def test_shares_are_equal_or_refused(monkeypatch):
    share = EXAMPLE['share']
    points, labels, _ = EXAMPLE['problem']()
    shares = []
    for rank in range(4):
        monkeypatch.setitem(share.__globals__, 'dist', SimpleNamespace(get_rank=lambda r=rank: r,
                                                                       get_world_size=lambda: 4))
        x, y = share(points, labels)
        shares += zip(x.tolist(), y.tolist(), strict=True)
        assert len(x) == 25
    assert shares == list(zip(points, labels, strict=True))
    monkeypatch.setitem(share.__globals__, 'dist', SimpleNamespace(get_rank=lambda: 0, get_world_size=lambda: 3))
    with pytest.raises(SystemExit, match='100 points have no 3 equal shares'):
        share(points, labels)
