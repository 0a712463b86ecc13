"""Closed-form matting (Levin, Lischinski and Weiss, PAMI 2008), inside a band alone.

It assumes that in every window of 3 x 3 px alpha is a linear function of the colour. What
contradicts this least, given what is known around the band, is the solution of a sparse symmetric
system with 25 entries a row. Only rows of unknown pixels exist, so that the cost follows the edge
and not the picture. It is solved by conjugate gradients with an incomplete Cholesky factor.
"""

from dataclasses import dataclass

import numpy as np

from processing.loops import compiled

# Keeps the covariance of nearly flat windows invertible; colours are 0..1.
EPSILON = 1e-5
# Added to the diagonal in turn until the factor exists.
SHIFTS = (0.0, 0.001, 0.01, 0.05, 0.2, 1.0)
ENTRIES, LOWER = 25, 12


@dataclass(frozen=True, slots=True)
class Problem:
    """What is asked of the solver; all arrays are of one size (height x width).

    pixels: float64, 0..1, and three colours. unknown: where alpha is asked for. guess: alpha,
    float64; true where it is known. weight: float64, how strongly the guess pulls an unknown pixel
    (the picture itself pulls with about 1).
    """

    pixels: np.ndarray
    unknown: np.ndarray
    guess: np.ndarray
    weight: np.ndarray


def solve(problem: Problem, *, tolerance: float, rounds: int) -> np.ndarray | None:
    """Alpha (float64, 0..1) of the whole picture, or None where the numbers went wrong.

    tolerance: of what is left over, in parts of the right side. rounds: at most, of the gradients.
    """
    unknown = problem.unknown
    places = np.argwhere(unknown)
    count = len(places)
    alpha = problem.guess.copy()
    if count == 0:
        return alpha
    slots = np.full((unknown.shape[0] + 4, unknown.shape[1] + 4), count, np.int64)
    slots[2:-2, 2:-2][unknown] = np.arange(count)
    rows, right = np.zeros((count, ENTRIES)), np.zeros(count)
    compiled(_assemble)(problem.pixels, slots, problem.guess, EPSILON, rows, right)
    weight, start = problem.weight[unknown], problem.guess[unknown]
    rows[:, LOWER] += weight
    right += weight * start
    beside = compiled(_neighbours)(slots, places)
    lower = np.zeros((count, LOWER + 1))
    if not any(compiled(_factor)(rows, beside, _SHARED, shift, lower) for shift in SHIFTS):
        return None
    found = compiled(_descend)(rows, right, beside, lower, start, tolerance, rounds)
    if not np.isfinite(found).all():
        return None
    alpha[unknown] = found.clip(0, 1)
    return alpha


def _assemble(  # noqa: C901 - compiled as one loop
    pixels: np.ndarray,
    slots: np.ndarray,
    alpha: np.ndarray,
    epsilon: float,
    rows: np.ndarray,
    right: np.ndarray,
) -> None:
    """Adds up the windows: ``rows`` by offset (dy + 2) * 5 + dx + 2, known neighbours ``right``."""
    height, width = alpha.shape
    count = len(right)
    away, turned = np.empty((9, 3)), np.empty((9, 3))
    slot = np.empty(9, np.int64)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            asked = False
            for i in range(9):
                slot[i] = slots[y + i // 3 + 1, x + i % 3 + 1]
                asked |= slot[i] < count
            if not asked:
                continue
            r, g, b = 0.0, 0.0, 0.0
            for i in range(9):
                v, u = y + i // 3 - 1, x + i % 3 - 1
                r += pixels[v, u, 0]
                g += pixels[v, u, 1]
                b += pixels[v, u, 2]
            rr, rg, rb, gg, gb, bb = epsilon, 0.0, 0.0, epsilon, 0.0, epsilon
            for i in range(9):
                v, u = y + i // 3 - 1, x + i % 3 - 1
                dr = pixels[v, u, 0] - r / 9
                dg = pixels[v, u, 1] - g / 9
                db = pixels[v, u, 2] - b / 9
                away[i, 0], away[i, 1], away[i, 2] = dr, dg, db
                rr, rg, rb = rr + dr * dr, rg + dr * dg, rb + dr * db
                gg, gb, bb = gg + dg * dg, gb + dg * db, bb + db * db
            # The inverse of the covariance (the sums are nine times as large, and so is epsilon).
            irr, irg, irb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
            igg, igb, ibb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
            scale = 9 / (rr * irr + rg * irg + rb * irb)
            for i in range(9):
                dr, dg, db = away[i, 0] * scale, away[i, 1] * scale, away[i, 2] * scale
                turned[i, 0] = irr * dr + irg * dg + irb * db
                turned[i, 1] = irg * dr + igg * dg + igb * db
                turned[i, 2] = irb * dr + igb * dg + ibb * db
            for i in range(9):
                if slot[i] == count:
                    continue
                for j in range(9):
                    value = 1 + turned[i, 0] * away[j, 0] + turned[i, 1] * away[j, 1]
                    value = (1.0 if i == j else 0.0) - (value + turned[i, 2] * away[j, 2]) / 9
                    down, across = j // 3 - i // 3, j % 3 - i % 3
                    if slot[j] < count:
                        rows[slot[i], (down + 2) * 5 + across + 2] += value
                    else:
                        right[slot[i]] -= value * alpha[y + j // 3 - 1, x + j % 3 - 1]


def _neighbours(slots: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The slot of each of the 25 px around every place; one beyond the last where it is known."""
    beside = np.empty((len(places), 25), np.int64)
    for slot in range(len(places)):
        y, x = places[slot]
        for entry in range(25):
            beside[slot, entry] = slots[y + entry // 5, x + entry % 5]
    return beside


def _shared_entries() -> np.ndarray:
    """Where the pixel at entry k of a row is found in the row of the pixel at entry o, else -1."""
    shared = np.full((LOWER, LOWER), -1, np.int64)
    for o in range(LOWER):
        for k in range(o):
            down, across = k // 5 - o // 5, k % 5 - o % 5
            if abs(across) <= 2:
                shared[o, k] = (down + 2) * 5 + across + 2
    return shared


_SHARED = _shared_entries()


def _factor(
    rows: np.ndarray, beside: np.ndarray, shared: np.ndarray, shift: float, lower: np.ndarray
) -> bool:
    """Incomplete Cholesky without fill-in; the last column is one over the diagonal.

    False where a pivot is not clearly positive.
    """
    for slot in range(len(rows)):
        pivot = rows[slot, 12] * (1 + shift)
        least = rows[slot, 12] * 1e-3
        for o in range(12):
            value = rows[slot, o]
            if value == 0:
                lower[slot, o] = 0
                continue
            other = beside[slot, o]
            for k in range(o):
                if shared[o, k] >= 0:
                    value -= lower[slot, k] * lower[other, shared[o, k]]
            value *= lower[other, 12]
            lower[slot, o] = value
            pivot -= value * value
        if not pivot > least:
            return False
        lower[slot, 12] = 1 / np.sqrt(pivot)
    return True


def _descend(  # noqa: C901 - compiled as one loop
    rows: np.ndarray,
    right: np.ndarray,
    beside: np.ndarray,
    lower: np.ndarray,
    start: np.ndarray,
    tolerance: float,
    rounds: int,
) -> np.ndarray:
    """Preconditioned conjugate gradients. Vectors have a zero at the end, for known neighbours."""
    count = len(right)
    x, left = start.copy(), right.copy()
    step, product, turned = np.zeros(count + 1), np.zeros(count), np.zeros(count + 1)
    for slot in range(count):
        for entry in range(25):
            if beside[slot, entry] < count:
                left[slot] -= rows[slot, entry] * start[beside[slot, entry]]
    enough = tolerance * tolerance * np.sum(right * right)
    before = 1.0
    for number in range(rounds):
        if np.sum(left * left) <= enough:
            break
        for slot in range(count):
            value = left[slot]
            for o in range(12):
                value -= lower[slot, o] * turned[beside[slot, o]]
            turned[slot] = value * lower[slot, 12]
        for back in range(count):
            slot = count - 1 - back
            value = turned[slot] * lower[slot, 12]
            turned[slot] = value
            for o in range(12):
                if beside[slot, o] < count:
                    turned[beside[slot, o]] -= lower[slot, o] * value
        now = np.sum(left * turned[:count])
        ratio = 0.0 if number == 0 else now / before
        before = now
        curve = 0.0
        for slot in range(count):
            step[slot] = turned[slot] + ratio * step[slot]
        for slot in range(count):
            value = 0.0
            for entry in range(25):
                value += rows[slot, entry] * step[beside[slot, entry]]
            product[slot] = value
            curve += value * step[slot]
        if not curve > 0:
            break
        length = now / curve
        for slot in range(count):
            x[slot] += length * step[slot]
            left[slot] -= length * product[slot]
    return x
