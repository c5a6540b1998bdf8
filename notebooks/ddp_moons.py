"""The moons of lesson 6, learned by several processes at once, each with its own share of the points. Two of them:

    torchrun --nproc-per-node 2 notebooks/ddp_moons.py

With --nnodes they may be on many machines. The network is micrograd's; it crosses the bridge to PyTorch, whose
`DistributedDataParallel` does the rest, and comes back when it is trained.
"""

import math
import os
import random
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from micrograd import nn
from micrograd.bridge import from_torch, to_torch

EPOCHS = 100


def moons(n, noise=0.1):
    """n points, each [x1, x2], by turns from the upper (+1) and the lower (-1) half-circle."""
    points, labels = [], []
    for i in range(n):
        angle = math.pi * (i // 2) / (n // 2 - 1)
        if i % 2 == 0:
            x1, x2, label = math.cos(angle), math.sin(angle), 1
        else:
            x1, x2, label = 1 - math.cos(angle), 0.5 - math.sin(angle), -1
        points.append([x1 + random.gauss(0, noise), x2 + random.gauss(0, noise)])
        labels.append(label)
    return points, labels


def problem():
    """The points, their labels, and the untrained network: from one seed, so the same in every process."""
    random.seed(7)
    points, labels = moons(100)
    return points, labels, nn.MLP(2, [16, 16, 1])


def share(points, labels):
    """This process's share of the points, as tensors.

    All shares are equally large: only then is the mean of the processes' means the mean over all points.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    size, rest = divmod(len(points), processes)
    if rest:
        sys.exit(f'{len(points)} points have no {processes} equal shares: choose another --nproc-per-node')
    mine = slice(rank * size, (rank + 1) * size)
    return torch.tensor(points[mine], dtype=torch.float64), torch.tensor(labels[mine], dtype=torch.float64)


def hinge_loss(scores, labels):
    """The mean of relu(1 - label·score), as nn.hinge_loss."""
    return (1 - labels * scores).relu().mean()


def mean_over_processes(number):
    total = torch.tensor(number, dtype=torch.float64)
    dist.all_reduce(total)  # the sum of what each process brings, handed to them all
    return total.item() / dist.get_world_size()


def train(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3)
    for epoch in range(EPOCHS):
        scores = model(x).squeeze(-1)  # one output each, without the axis of length 1
        loss = hinge_loss(scores, y)
        optimizer.zero_grad()
        # While the chain rule runs, DistributedDataParallel averages every gradient over the processes: afterwards all
        # have the gradient of the mean over all points, take the same step, and so keep the same weights.
        loss.backward()
        for group in optimizer.param_groups:
            group['lr'] = 0.5 * (1 - 0.9 * epoch / EPOCHS)
        optimizer.step()
        if epoch % 10 == 9:
            mean_loss = mean_over_processes(loss.item())
            accuracy = mean_over_processes(((scores > 0) == (y > 0)).double().mean().item())
            if dist.get_rank() == 0:  # one of them does the talking
                print(f'epoch {epoch + 1:3}   loss {mean_loss:.4f}   accuracy {accuracy:.0%}', flush=True)


def main():
    if 'RANK' not in os.environ:  # which torchrun sets: the number of this process
        sys.exit('run it as: torchrun --nproc-per-node 2 notebooks/ddp_moons.py')
    # gloo carries numbers between processors (nccl is for GPUs). Whoever waits longer than this gives up with an error.
    dist.init_process_group('gloo', timeout=timedelta(seconds=60))
    points, labels, network = problem()
    model = DistributedDataParallel(to_torch(network))
    train(model, *share(points, labels))
    if dist.get_rank() == 0:
        trained = from_torch(model.module)
        right = sum((trained(point).data > 0) == (label > 0) for point, label in zip(points, labels))
        print(f'back in micrograd, {right} of {len(points)} points are on their side')
    dist.barrier()  # nobody leaves while another one is still busy
    dist.destroy_process_group()


if __name__ == '__main__':
    main()
