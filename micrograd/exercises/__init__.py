"""Exercises: checks for an engine of one's own, and questions about any graph."""

from micrograd.exercises.expressions import random_expression
from micrograd.exercises.questions import exercise
from micrograd.exercises.steps import check

__all__ = ['check', 'exercise', 'random_expression']
