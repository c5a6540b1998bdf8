"""This package with another engine, that of engine.py beside this file; nn, losses and optim are the package's own."""

from pathlib import Path

__path__.append(str(Path(__file__).resolve().parents[3] / 'micrograd'))

from micrograd.engine import Value, dot  # noqa: E402

__all__ = ['Value', 'dot']
