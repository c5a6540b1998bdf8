"""The questions of the lessons, by lesson and letter: the number that answers each, and the usual mistakes.

A question's text stands in its notebook. Here its answer is out of sight, and what it is made of can be read.
"""

from __future__ import annotations

import math

from micrograd.exercises.engines import SIGN
from micrograd.exercises.verdict import expect

FACTOR_2 = 'a forgotten factor 2'
ONE_USE = 'only one of its uses: each use adds its share'
QUESTIONS: dict[str, tuple[float, list[tuple[float, str]]]] = {
    # f(x) = 3x² - 4x + 5 has the slope 6x - 4
    '0a': (-10.0, [(10.0, SIGN), (12.0, 'that is f(-1), not its slope'), (2.0, 'at x = -1, not at x = 1')]),
    '0b': (2 / 3, [(0.0, 'that is where the slope is -4'), (-2 / 3, SIGN), (1.5, '6x = 4, so x = 4/6')]),
    # d = (a*b + c)*e at 2, -3, 10, -2
    '0c': (6.0, [(-6.0, SIGN + ': b and e are both negative'), (-3.0, 'it is multiplied by e, too'),
                 (-8.0, 'that is d'), (3.0, 'the slope of a product is the other factors: b times e')]),
    # L = (w*x - y)², x = 1, y = 2; then x = 3 at w = 1
    '1a': (2.0, [(1.0, 'there it is -2'), (0.0, 'there it is -4')]),
    '1b': (6.0, [(2.0, 'that is dL/ds: the arrow from w carries x'), (3.0, FACTOR_2),
                 (-6.0, SIGN + ': 3 is more than 2'),
                 (1.0, 'that is the loss')]),
    '1c': (6.0, [(3.0, ONE_USE), (9.0, 'that is b'), (2.0, 'each arrow carries the other factor, 3')]),
    # y_hat = w·x, x = (2, 3, 1), w = (1, 1, 2); lr 0.01; y = 3, then 10
    '2a': (0.5184, [(0.72, 'that is what is left of the mistake; the loss is its square'), (8.2944, 'that is the loss'),
                    (1 / 0.5184, 'the other way round')]),
    '2b': (1 / 28, [(1 / 14, FACTOR_2 + ' in the gradient'), (0.72, 'that is what 0.01 leaves'),
                    (28.0, 'the other way round')]),
    '2c': (-18.0, [(18.0, SIGN + ': 7 is less than 10'), (-9.0, FACTOR_2),
                   (-6.0, "the arrow carries the weight's input, 3")]),
    # the exhibits of the museum
    '4a': (6.0, [(8.0, 'that is what two loops give; here each share goes on at once'), (4.0, 'that would be right')]),
    '4b': (9.0, [(27.0, 'that would be right; each = wipes out what was there'), (3.0, 'one of three factors'),
                 (18.0, 'the direct use and one through b; but = keeps only the last')]),
    '4c': (40.0, [(16.0, 'that would be right'), (24.0, 'that is after three passes'), (32.0, 'b holds 2, 4, 6, 8')]),
    # lines, neurons, a hidden layer, training loops
    '5a': (3.0266577, [(3.0, 'nearly; but without a bias the best line is another one'), (2.0, 'that is the bias')]),
    '5b': (0.0, [(2.0, 'times the mistake, which is 0')]),
    '5c': (-1.024, [(1.024, SIGN + ': 0.6 is too small'), (-0.512, 'a forgotten input; or ' + FACTOR_2),
                    (-1.6, 'the slope of tanh, 1 - 0.6**2, is left out'),
                    (-0.64, "the slope of tanh is 1 minus the *square* of y_hat")]),
    '6a': (3.0, [(2.0, 'the hidden two; and the sum of all mistakes is 0 now, too'),
                 (4.0, 'the output weight hears something'),
                 (1.0, 'an output weight of 0 lets nothing through to the hidden unit')]),
    '6b': (0.25, [(1.0, 'that is tanh; z*(1 - z) is largest at z = 1/2'), (0.5, 'that is z: z*(1 - z)')]),
    '6c': (-0.125, [(0.125, SIGN + ': where y_hat grows, the loss falls'), (-1.0, 'over n'),
                    (-0.25, 'no factor 2 here')]),
    '7a': (0.02, [(0.001, 'then all steps are 20 times as small'), (0.01, 'that gives the column of rung 2'),
                  (0.00005, 'the other way round')]),
    '7b': (-163.02, [(-3260.4, 'that is the sum'), (163.02, SIGN), (-81.51, FACTOR_2)]),
    '7c': (0.01, [(1.6302, 'that is SGD'), (-0.01, SIGN), (0.2, 'that is after 20 epochs, about')]),
    '8a': (0.5, [(1.0, 'that lands at -1, as far away on the other side'), (0.25, 'that goes half of the way')]),
    '8b': (56.0, [(55.0, 'that is one step earlier'), (57.0, 'the first loss is that before any step')]),
    '8c': (0.0, [(1.0, 'the last bias: but as many targets pull it up as down'),
                 (3.0, 'the last weights: what comes in is 0, so they get nothing')]),
    '9a': (37.0, [(28.0, 'without the biases'), (9.0, 'those are the neurons'),
                  (36.0, 'the last one has a bias, too')]),
    '9b': (1.3, [(0.7, SIGN + ': the label is -1'), (0.3, 'that is the score'), (0.0, 'it is on the wrong side')]),
    '9c': (1.0, [(-1.0, SIGN + ': a lower score would cost less'), (0.0, 'it is not right by a margin'),
                 (1.3, 'that is the loss')]),
    # softmax of 2, 1, -1; shapes; a GPT
    '10a': (math.log(26), [(1 / 26, 'that is the probability: the loss is its negative logarithm'),
                           (-math.log(26), SIGN + ': the logarithm of less than 1 is negative'),
                           (math.log2(26), 'that is in bits: the natural logarithm is meant')]),
    '10b': (0.035119 - 1, [(0.035119, 'that is p: for the true class, less 1'), (1 - 0.035119, SIGN)]),
    '10c': (1 / (1 + math.exp(-0.5)), [(0.5, 'that is the logit'), (1 / (1 + math.exp(0.5)), 'that is the other one'),
                                       (math.exp(0.5), 'divide by the sum: e**0.5 + e**0')]),
    '11a': (50176.0, [(2048.0, 'that is dZ'), (25088.0, 'that is X'), (50240.0, 'without the biases, which are db')]),
    '11b': (-6.0, [(-5.0, 'that is the first weight'), (6.0, SIGN), (10.0, SIGN + ': the second point brings -2 * 4'),
                   (2.0, 'only the first point'), (-8.0, 'only the second point')]),
    '11c': (-1.0, [(3.0, SIGN), (-2.0, 'only the last point: add them up'), (-0.5, 'the sum, not the mean')]),
    '12a': (12.0, [(8.0, 'that is x**3'), (6.0, 'times x: 6*x')]),
    '12b': (4.0, [(3.0, 'that is with params=[w]'), (2.0, 'the way there counts, too')]),
    '13a': (208.0, [(34.0, 'a column of 8 for each of 26'), (200.0, 'the dot is a token, too')]),
    '13b': (1.0, [(6.0, 'only up to its own place'), (0.0, 'its own place counts'), (5.0, 'only up to its own place')]),
    '13c': (0.5, [(1.0, 'the weights add up to 1'), (0.3, 'that is a score')]),
    'Aa': (600.0, [(200.0, 'each of the three fades has 200 times'), (203.0, 'they broadcast: 3 times 200')]),
    'Ba': (21.0, [(20.0, 'nearly: the compiled steps take time, too'), (8000.0, 'that is 0.4 s in compiled steps')]),
    'Ca': (1.9, [(7 / 3, 'the mean of the three: but they have different numbers of points'),
                 (7.0, 'that is the sum')]),
}


def asked(question: str, answer: object) -> str:
    """Whether an answer to a lesson's question is right: to half a percent, and a number of things exactly."""
    right, mistakes = QUESTIONS[question]
    size = abs(right) or 1.0
    expect('the answer', answer, right, mistakes, within=min(5e-3 * min(1.0, size), 0.4 / size))
    return f'{right:.6g}'
