import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning.schemes.flexlora import flexlora

DTYPES = [torch.float32, torch.float64]


def pair(rank, seed, dtype=torch.float64, num_in=7, num_out=5):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rank, num_in), (num_out, rank))
    return tuple(torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)


def weighted_product(factors, weights, scales):
    """sum_k w_k s_k B_k A_k, dense."""
    return sum(w * s * (b.double() @ a.double()) for (a, b), w, s in zip(factors, weights, scales, strict=True))


def best(matrix, rank):
    """The nearest matrix of that rank, by the SVD of the whole."""
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return u[:, :rank] @ torch.diag(s[:rank]) @ vh[:rank]


@st.composite
def cells(draw):
    num_in, num_out = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    ranks = draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    factors = [pair(r, draw(st.integers(0, 2**20)), num_in=num_in, num_out=num_out) for r in ranks]
    numbers = st.lists(st.floats(0.05, 8.0), min_size=len(ranks), max_size=len(ranks))
    rank = draw(st.integers(1, min(num_in, num_out)))
    return factors, draw(numbers), draw(numbers), rank, draw(st.floats(0.1, 16.0))


@pytest.mark.parametrize("dtype", DTYPES)
@given(cell=cells())
def test_the_result_is_the_best_product_of_its_rank(dtype, cell):
    factors, weights, scales, rank, scale = cell
    factors = [(a.to(dtype), b.to(dtype)) for a, b in factors]
    a, b = flexlora(factors, weights, scales, rank, scale)
    assert (a.dtype, b.dtype) == (dtype, dtype)
    target = weighted_product(factors, weights, scales)
    assert (a.shape, b.shape) == ((rank, target.shape[1]), (target.shape[0], rank))
    # the error, not the matrix: that one is not unique where two singular values are alike
    ours = torch.linalg.matrix_norm(target - scale * (b.double() @ a.double()))
    least = torch.linalg.matrix_norm(target - best(target, rank))
    size = torch.linalg.matrix_norm(target)
    assert abs(ours - least) <= 1e-6 * size
    if rank >= torch.linalg.matrix_rank(target):
        torch.testing.assert_close(scale * (b.double() @ a.double()), target, rtol=0, atol=float(1e-6 * size))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 4, 5])
def test_the_product_is_that_of_the_dense_svd(dtype, rank):
    factors = [pair(r, seed, dtype) for seed, r in enumerate((1, 4, 2))]
    weights, scales, scale = (0.2, 0.5, 0.3), (16.0, 4.0, 8.0), 2.0
    a, b = flexlora(factors, weights, scales, rank, scale)
    expected = best(weighted_product(factors, weights, scales), rank)
    error = torch.linalg.matrix_norm(scale * (b.double() @ a.double()) - expected)
    assert error < 1e-6 * torch.linalg.matrix_norm(expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [3, 5])
def test_one_ue_alone_gets_its_own_product_back(dtype, rank):
    sent = pair(3, 1, dtype)
    a, b = flexlora([sent], [1.0], [4.0], rank, 4.0)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(b @ a, sent[1] @ sent[0], rtol=tolerance, atol=tolerance)


def test_cutting_twice_is_cutting_once():
    factors = [pair(r, seed) for seed, r in enumerate((4, 3))]
    common = flexlora(factors, [0.6, 0.4], [4.0, 16 / 3], 5, 16 / 5)
    a, b = flexlora([common], [1.0], [16 / 5], 2, 8.0)
    direct_a, direct_b = flexlora(factors, [0.6, 0.4], [4.0, 16 / 3], 2, 8.0)
    torch.testing.assert_close(b @ a, direct_b @ direct_a)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 4])
def test_a_has_orthonormal_rows_and_b_the_singular_values(zero, rank):
    a, b = pair(2, 1)
    a, b = flexlora([(a, torch.zeros_like(b) if zero else b)], [1.0], [1.0], rank, 0.5)
    torch.testing.assert_close(a @ a.T, torch.eye(rank, dtype=a.dtype))
    gram = b.T @ b
    torch.testing.assert_close(gram, torch.diag(gram.diagonal()))
    assert (gram.diagonal().diff() <= 1e-12).all()
    assert (b[:, 2:].abs() < 1e-12).all()
    assert not zero or (b == 0).all()


def test_every_rank_can_train_on_after_a_product_of_lower_rank():
    """A step of gradient descent on a target of full rank must reach a rank that the UEs have not used."""
    a, b = (p.requires_grad_() for p in flexlora([pair(1, 1)], [1.0], [1.0], 3, 1.0))
    target = torch.randn(5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (b @ a - target).square().sum().backward()
    assert torch.linalg.matrix_rank((b - 0.1 * b.grad) @ (a - 0.1 * a.grad)) == 3
    assert (b.grad.norm(dim=0) > 1e-3).all()


def test_more_ues_than_the_layer_has_directions():
    factors = [pair(3, seed) for seed in range(40)]
    weights, scales = [1 / 40] * 40, [2.0] * 40
    a, b = flexlora(factors, weights, scales, 5, 1.0)
    torch.testing.assert_close(b @ a, weighted_product(factors, weights, scales))


def test_the_result_has_no_gradient():
    a, b = flexlora([tuple(p.requires_grad_() for p in pair(2, 0))], [1.0], [1.0], 2, 1.0)
    assert not a.requires_grad
    assert not b.requires_grad


def test_what_does_not_fit_is_refused():
    two = [pair(2, 0), pair(3, 1)]
    with pytest.raises(ValueError, match="factors must hold"):
        flexlora([], [], [], 1, 1.0)
    with pytest.raises(ValueError, match=r"one entry for each of the 2 factors, got 1 and 2"):
        flexlora(two, [1.0], [1.0, 1.0], 2, 1.0)
    with pytest.raises(ValueError, match=r"one entry for each of the 2 factors, got 2 and 3"):
        flexlora(two, [1.0, 1.0], [1.0] * 3, 2, 1.0)
    with pytest.raises(ValueError, match="weights must be finite, got nan"):
        flexlora(two, [0.5, math.nan], [1.0] * 2, 2, 1.0)
    with pytest.raises(ValueError, match="scales must be finite, got inf"):
        flexlora(two, [0.5] * 2, [math.inf, 1.0], 2, 1.0)
    with pytest.raises(ValueError, match=r"factors\[1\] must be A of shape \(r, in\) .* got \(3, 7\) and \(5, 2\)"):
        flexlora([two[0], (two[1][0], two[0][1])], [0.5] * 2, [1.0] * 2, 2, 1.0)
    with pytest.raises(ValueError, match=r"factors\[1\] has a product of shape \(4, 7\)"):
        flexlora([two[0], pair(2, 0, num_out=4)], [0.5] * 2, [1.0] * 2, 2, 1.0)


@pytest.mark.parametrize("rank", [0, 6])
def test_a_rank_that_the_layer_cannot_have_is_refused(rank):
    with pytest.raises(ValueError, match=f"rank = {rank} must be a whole number from 1 to 5"):
        flexlora([pair(2, 0)], [1.0], [1.0], rank, 1.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale must be positive and finite, got {scale:g}"):
        flexlora([pair(2, 0)], [1.0], [1.0], 2, scale)
