"""`check(step, thing)`: whether a step of building one's own engine is right, and if not, the likely cause."""

from __future__ import annotations

from collections.abc import Callable

from micrograd.exercises import engines, lessons, training
from micrograd.exercises.verdict import NotYetError, Verdict, attempt, described, within_the_stack

STEPS: dict[int, Callable[[object], str]] = {
    1: engines.slope, 2: engines.sum_and_product, 3: engines.arrows, 4: engines.by_hand, 5: engines.recursion,
    6: engines.order, 7: engines.functions, 8: training.loop, 9: training.network, 10: training.swapped,
}


def check(step: int | str, thing: object) -> Verdict:
    """Whether `thing`, what somebody wrote for a step of *build it yourself*, does what it should.

    step: 1 a slope by nudging: a function slope(f, x), or the number; 2 a class whose objects have `data`, `+` and `*`;
    3 the class with `-` too, whose results keep their `operands` and `local_gradients`; 4 the gradients of p = a*b;
    q = p + a; L = q*q by hand, by name; 5 and 6 the class with `backward()`, by recursion, and in topological order;
    7 the class with `**` and `tanh()`; 8 the pairs (w, loss) of twenty epochs of training on a line, or a function that
    gives them; 9 a network's loss and its four gradients, or a function of its four parameters that gives them; 10 any
    engine's class, or the name of the file with it, as 'my_engine.py'. A text such as '2a' is a question of lesson 2,
    and `thing` its answer, a number.

    Returns a Verdict, which is true or false and reads: OK; or what was expected, what came, and the likely cause.
    Whatever is handed in gets such an answer: nothing is raised, but for a KeyboardInterrupt.

    >>> from micrograd import Value
    >>> check(1, 2.0)
    Not yet, step 1: the slope of (w*1 - 2)**2 at w = 1
      expected  -2
      came      2
      likely    the sign: the function falls as w grows; is it f(x + h) - f(x - h), in this order?
    >>> check(6, Value)
    OK, step 6: dc/da = 4 in b = a + a; c = b + b, and 64 after six doublings
    >>> assert check(2, Value)
    """
    try:
        is_question = step in lessons.QUESTIONS
        if not is_question and step not in STEPS:
            raise TypeError
    except TypeError:  # of what has no hash, too
        return Verdict(False, f'There is no step {described(step)}: the steps are 1 to {len(STEPS)}, and what is to be '
                              'checked comes second, as in check(1, slope)')
    name = f'{step}' if is_question else f'step {step}'
    try:
        with within_the_stack():
            said = attempt('what was handed in', lessons.asked, step, thing) if is_question else attempt(
                'what was handed in', STEPS[step], thing)  # type: ignore[index]
        return Verdict(True, f'OK, {name}: {said}')
    except NotYetError as answer:
        text = answer.without_answer() if is_question else answer.text
        return Verdict(False, f'Not yet, {name}: {text}')
