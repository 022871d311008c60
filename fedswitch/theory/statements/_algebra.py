"""What the statements are made of: symbols, averages over UEs and over receptions, A and B, and their recursion."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import sympy
from sympy import Matrix

from ..outcomes import Statement

Sides = tuple[sympy.Expr, sympy.Expr]

UES, MODULES, PARAMETERS = 3, 2, 2
STATED: dict[str, Callable[[], Statement]] = {}  # all statements by name


def states(element: str) -> Callable[[Callable[[], Sides]], Callable[[], Statement]]:
    """Make a statement about `element` from a function that returns both sides, and put it into `STATED`."""

    def register(sides: Callable[[], Sides]) -> Callable[[], Statement]:
        claim = str(sides.__doc__).partition("\n")[0]

        @functools.wraps(sides)
        def statement() -> Statement:
            printed, derived = sides()
            return Statement(element, claim, sympy.factor(printed - derived))

        STATED[sides.__name__] = statement
        return statement

    return register


def symbols(name: str, count: int) -> tuple[sympy.Symbol, ...]:
    return tuple(sympy.symbols(f"{name}_1:{count + 1}", real=True))


def rounds(name: str) -> tuple[sympy.Symbol, ...]:
    """One symbol for each of the rounds 0, 1 and 2."""
    return tuple(sympy.symbols(f"{name}_0:3", real=True))


def shares(name: str, count: int = UES) -> list[sympy.Expr]:
    """Weights that sum to 1."""
    first = symbols(name, count - 1)
    return [*first, 1 - sum(first)]


def vector(name: str) -> Matrix:
    return Matrix(symbols(name, PARAMETERS))


def vectors(name: str, count: int = UES) -> list[Matrix]:
    return [vector(f"{name}_{k + 1}") for k in range(count)]


def lower(name: str) -> Matrix:
    """L of L L', which is any positive semidefinite matrix."""
    entry = sympy.MatrixSymbol(name, PARAMETERS, PARAMETERS)
    return Matrix(PARAMETERS, PARAMETERS, lambda i, j: entry[i, j] if i >= j else 0)


def square(v: Matrix) -> sympy.Expr:
    return v.dot(v)


def dot(left: Iterable[sympy.Expr], right: Iterable[sympy.Expr]) -> sympy.Expr:
    return sum(x * y for x, y in zip(left, right, strict=True))


def average(weights: Iterable[sympy.Expr], vectors: Iterable[Matrix]) -> Matrix:
    return sum((w * v for w, v in zip(weights, vectors, strict=True)), sympy.zeros(PARAMETERS, 1))


# what most statements are about

RHO, GRADIENTS, ERROR = shares("rho"), vectors("g"), vector("e")  # of all UEs, and of a round
MEAN = average(RHO, GRADIENTS)  # grad F
MISS = symbols("m", UES)


# receptions


def receptions(rates: Sequence[sympy.Expr]) -> Iterator[tuple[tuple[int, ...], sympy.Expr]]:
    """Every outcome of independent receptions, and its probability."""
    for received in itertools.product((0, 1), repeat=len(rates)):
        yield received, sympy.prod(p if a else 1 - p for a, p in zip(received, rates, strict=True))


def average_missed(rho: Sequence[sympy.Expr], beta: Sequence[sympy.Expr], rates: Sequence[sympy.Expr]) -> sympy.Expr:
    """Return the mean of the share of the data that is missed, over all receptions."""
    return sum(
        probability * sum(r * (1 - b * a) for r, b, a in zip(rho, beta, received, strict=True))
        for received, probability in receptions(rates)
    )


def received_weights(rho: Sequence[sympy.Expr], received: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """The weights p = rho a / R of the mean over what is received."""
    share = dot(rho, received)
    return [r * a / share for r, a in zip(rho, received, strict=True)]


def average_where_received(of_share: Callable[[sympy.Expr], sympy.Expr]) -> sympy.Expr:
    """Return the mean of a function of the share R that is received, 0 where nobody is; UEs are missed by `MISS`."""
    outcomes = receptions([1 - m for m in MISS])
    return sum(probability * of_share(dot(RHO, received)) for received, probability in outcomes if any(received))


@dataclasses.dataclass(frozen=True)
class Law:
    """The error of a round in distribution, given that some UE is received."""

    gradient: Matrix
    errors: list[Matrix]
    probabilities: list[sympy.Expr]
    weights: list[Matrix]
    deviations: list[Matrix]
    bias: Matrix
    covariance: Matrix

    def mean(self, of_error: Callable[[Matrix], sympy.Expr]) -> sympy.Expr:
        return dot(self.probabilities, map(of_error, self.errors))

    def form(self, matrix: Matrix) -> sympy.Expr:
        """Return the sum of Gamma_jk u_j'(matrix)u_k."""
        pairs = itertools.product(range(len(self.deviations)), repeat=2)
        return sum(self.covariance[j, k] * self.deviations[j].dot(matrix * self.deviations[k]) for j, k in pairs)


def reception_law() -> Law:
    """Two UEs, received with any probabilities and any dependence."""
    rho, gradients = shares("rho", 2), vectors("g", 2)
    outcomes = [received for received in itertools.product((0, 1), repeat=2) if any(received)]
    probabilities = shares("pi", len(outcomes))
    weights = [Matrix(received_weights(rho, received)) for received in outcomes]
    expected = sum((q * p for q, p in zip(probabilities, weights, strict=True)), sympy.zeros(2, 1))
    spread = [q * (p - expected) * (p - expected).T for q, p in zip(probabilities, weights, strict=True)]
    gradient = average(rho, gradients)
    deviations = [g - gradient for g in gradients]
    return Law(
        gradient=gradient,
        errors=[gradient - average(p, gradients) for p in weights],
        probabilities=probabilities,
        weights=weights,
        deviations=deviations,
        bias=average(Matrix(rho) - expected, deviations),
        covariance=sum(spread, sympy.zeros(2, 2)),
    )


# A and B of Theorem 1, what one round does to the gap, and what the recursion makes of it

epsilon, xi, zeta1, zeta2 = sympy.symbols("epsilon xi zeta_1 zeta_2", positive=True)
num_ues, missed, missed_twice = sympy.symbols("K M M'", nonnegative=True)
gap, gradient_sq = sympy.symbols("X g_sq", nonnegative=True)  # F - F* and |grad F|^2
LIMIT = zeta1 + zeta2 * gradient_sq  # of Assumption 3, on the squared gradient of every sample


def as_printed(missed_twice: sympy.Expr) -> Sides:
    """A and B of Theorem 1."""
    rate = 2 * xi / epsilon * (1 - 8 * zeta2 * missed_twice - 4 * zeta2 * num_ues - epsilon / 2)
    return rate, 2 * zeta1 / epsilon * (num_ues + 2 * missed_twice)


def as_corrected(missed: sympy.Expr) -> Sides:
    """A and B of Theorem 1'."""
    return xi / epsilon * (1 - 4 * zeta2 * missed), 2 * zeta1 / epsilon * missed


def added(error_sq: sympy.Expr, cross_term: sympy.Expr = sympy.S.Zero) -> sympy.Expr:
    """What (26) adds to the gap, where these bound the square of the error and the sum in its third term."""
    return (-gradient_sq + error_sq) / (2 * epsilon) + cross_term / epsilon


def rate_and_offset(change: sympy.Expr, curvature: sympy.Expr = xi) -> Sides:
    """A and B of gap + change = (1 - A) gap + B, with 2 `curvature` gap for the squared gradient."""
    after = sympy.expand((gap + change).subs(gradient_sq, 2 * curvature * gap))
    return 1 - after.coeff(gap, 1), after.coeff(gap, 0)


def recursion(start: sympy.Expr, rates: Sequence[sympy.Expr], offsets: Sequence[sympy.Expr]) -> sympy.Expr:
    """The recursion itself, round by round."""
    for rate, offset in zip(rates, offsets, strict=True):
        start = (1 - rate) * start + offset
    return start


def unrolled(rates: Sequence[sympy.Expr], offsets: Sequence[sympy.Expr]) -> sympy.Expr:
    """The sum over the rounds q of B^q times the product of 1 - A^p over the rounds p after q."""
    return sum(sympy.prod(1 - a for a in rates[q + 1 :]) * b for q, b in enumerate(offsets))
