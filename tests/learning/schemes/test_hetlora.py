import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning.schemes.hetlora import (
    hetlora,
    kept_rank,
    pruned_rank,
    sparsity_weights,
    tail_product,
    truncate,
)

IN, OUT = 7, 5
DTYPES = [torch.float32, torch.float64]


def pair(rank, seed, dtype=torch.float64, num_in=IN, num_out=OUT):
    generator = torch.Generator().manual_seed(seed)
    shapes = ((rank, num_in), (num_out, rank))
    return tuple(torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)


def with_tail_times(factors, kept, factor):
    """The same with the tail of B, and so the tail product, multiplied by `factor`."""
    a, b = factors[0], factors[1].clone()
    b[:, kept:] *= factor
    return a, b


# distribution


def test_a_ue_gets_the_first_rows_and_columns():
    a, b = pair(4, 0)
    cut_a, cut_b = truncate((a, b), 2)
    expected = sum(torch.outer(b[:, i], a[i]) for i in range(2))
    torch.testing.assert_close(cut_b @ cut_a, expected)
    assert torch.equal(torch.cat(truncate((a, b), 4)[0].split(1)), a)


# the penalty


@pytest.mark.parametrize(
    ("rank", "gamma", "kept"),
    [(16, 0.99, 15), (2, 0.99, 1), (1, 0.99, 1), (16, 0.5, 8), (5, 0.5, 2), (4, 1.0, 4), (100, 0.29, 29), (3, 0.1, 1)],
)
def test_the_rank_that_is_kept(rank, gamma, kept):
    assert kept_rank(rank, gamma) == kept


def dense_penalty(layers, kept, strength):
    """The formula, element by element."""
    total = 0.0
    for a, b in layers:
        squares_a = sum(a[i, j] ** 2 for i in range(kept, a.shape[0]) for j in range(a.shape[1]))
        squares_b = sum(b[i, j] ** 2 for i in range(b.shape[0]) for j in range(kept, b.shape[1]))
        total = total + (squares_a * squares_b) ** 0.5
    return strength * total


def test_the_penalty_and_its_gradient_are_the_formula():
    layers = [pair(4, seed) for seed in (1, 2)]
    flat = [p.requires_grad_() for layer in layers for p in layer]
    ours = 0.3 * tail_product(layers, 0.5)
    expected = dense_penalty(layers, 2, 0.3)
    torch.testing.assert_close(ours, expected)
    gradients = torch.autograd.grad(ours, flat)
    for mine, theirs in zip(gradients, torch.autograd.grad(expected, flat), strict=True):
        torch.testing.assert_close(mine, theirs)
    for grad_a, grad_b in zip(gradients[::2], gradients[1::2], strict=True):
        assert (grad_a[:2] == 0).all()
        assert (grad_b[:, :2] == 0).all()
        assert (grad_a[2:] != 0).all()
        assert (grad_b[:, 2:] != 0).all()


def test_the_gradient_is_the_finite_difference():
    a, b = (p.requires_grad_() for p in pair(3, 3))
    assert torch.autograd.gradcheck(lambda a, b: 0.2 * tail_product([(a, b)], 0.7), (a, b))


@pytest.mark.parametrize("zero", ["a", "b", "both", "no tail"])
def test_the_gradient_exists_where_a_norm_is_zero(zero):
    a, b = pair(4, 4)
    a = torch.zeros_like(a) if zero in ("a", "both") else a
    b = torch.zeros_like(b) if zero in ("b", "both") else b
    a.requires_grad_()
    b.requires_grad_()
    penalty = tail_product([(a, b)], 1.0 if zero == "no tail" else 0.5)
    penalty.backward()
    assert penalty == 0
    assert (a.grad == 0).all()
    assert (b.grad == 0).all()


def test_descent_on_the_penalty_shrinks_the_tail_and_prunes():
    received = [pair(4, 5)]
    trained = [tuple(p.clone().requires_grad_() for p in received[0])]
    optimizer = torch.optim.SGD(trained[0], lr=0.1)
    tail_product(trained, 0.5).backward()
    optimizer.step()
    assert pruned_rank(received, trained, gamma=0.5) == 2
    assert torch.equal(trained[0][0][:2], received[0][0][:2])


# pruning


@pytest.mark.parametrize(("factor", "rank"), [(1 - 1e-9, 3), (1.0, 6), (1 + 1e-9, 6), (0.0, 3), (5.0, 6)])
def test_a_rank_is_pruned_exactly_when_the_tail_product_shrinks(factor, rank):
    received = [pair(6, 6)]
    trained = [with_tail_times(received[0], 3, factor)]
    assert pruned_rank(received, trained, gamma=0.5) == rank


def test_what_happens_before_the_tail_does_not_prune():
    received = [pair(6, 6)]
    a, b = (p.clone() for p in received[0])
    a[:3] *= 0.1
    b[:, :3] *= 0.1
    assert pruned_rank(received, [(a, b)], gamma=0.5) == 6


def test_the_product_counts_not_one_of_its_norms():
    received = [pair(4, 7)]
    a, b = (p.clone() for p in received[0])
    a[2:] *= 0.5
    b[:, 2:] *= 3.0
    assert pruned_rank(received, [(a, b)], gamma=0.5) == 4
    b[:, 2:] /= 2.0
    assert pruned_rank(received, [(a, b)], gamma=0.5) == 2


@pytest.mark.parametrize(("share", "rank"), [(0.501, 2), (0.499, 4)])
def test_layers_decide_together(share, rank):
    """The first layer's tail grows by half; the second one's shrinks by a little more, or less, than that."""
    received = [pair(4, 8), pair(4, 9)]
    first, second = (float(tail_product([layer], 0.5)) for layer in received)
    assert share * first < second
    trained = [with_tail_times(received[0], 2, 1.5), with_tail_times(received[1], 2, 1 - share * first / second)]
    assert pruned_rank(received, trained, gamma=0.5) == rank


def test_a_first_round_from_zero_prunes_nothing():
    a, b = pair(4, 10)
    assert pruned_rank([(a, torch.zeros_like(b))], [(a, b)], gamma=0.5) == 4
    assert pruned_rank([(a, torch.zeros_like(b))], [(0.1 * a, torch.zeros_like(b))], gamma=0.5) == 4


# weights


@pytest.mark.parametrize("dtype", DTYPES)
@given(ranks=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 2**20))
def test_weights_are_shares_of_the_dense_norms(dtype, ranks, seed):
    factors = [pair(rank, seed + k, dtype) for k, rank in enumerate(ranks)]
    dense = torch.stack([(b.double() @ a.double()).square().sum().sqrt() for a, b in factors])
    torch.testing.assert_close(sparsity_weights([[f] for f in factors]), dense / dense.sum(), rtol=1e-9, atol=0)


def test_a_ues_layers_count_as_one_vector():
    ues = [[pair(2, 1), pair(2, 2, num_in=3)], [pair(4, 3), pair(4, 4, num_in=3)]]
    dense = torch.stack([torch.cat([(b @ a).flatten() for a, b in ue]).norm() for ue in ues])
    torch.testing.assert_close(sparsity_weights(ues), dense / dense.sum())


def test_norms_that_single_precision_cannot_square_still_weigh():
    a, b = pair(2, 1, torch.float32)
    factors = [(a, 1e-25 * b), (a, 3e-25 * b)]
    torch.testing.assert_close(
        sparsity_weights([[f] for f in factors]), torch.tensor([0.25, 0.75], dtype=torch.float64), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_product_that_cancels_weighs_nothing(seed):
    """Rounding leaves a sum that is a little above or below zero."""
    a, b = pair(3, seed)
    a[2], b[:, 1], b[:, 2] = a[0] + a[1], b[:, 0], -b[:, 0]
    weights = sparsity_weights([[(a, b)], [pair(2, 99)]])
    assert weights[0] < 1e-6
    assert weights[1] == pytest.approx(1.0)


def test_without_any_product_all_weigh_alike():
    factors = [(a, torch.zeros_like(b)) for a, b in (pair(2, 1), pair(4, 2))]
    assert sparsity_weights([[f] for f in factors]).tolist() == [0.5, 0.5]
    a, b = hetlora(factors, 4)
    expected = 0.5 * factors[1][0]
    expected[:2] += 0.5 * factors[0][0]
    torch.testing.assert_close(a, expected)
    assert (b == 0).all()


def test_who_has_no_product_does_not_count_beside_one_who_has():
    moved, still = pair(2, 1), pair(4, 2)
    still = (still[0], torch.zeros_like(still[1]))
    a, b = hetlora([moved, still], 4)
    torch.testing.assert_close(b @ a, moved[1] @ moved[0])
    assert (a[2:] == 0).all()


# aggregation


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_aggregate_is_the_weighted_sum_of_padded_factors(dtype):
    factors = [pair(rank, seed, dtype) for seed, rank in enumerate((1, 3, 2))]
    norms = [torch.linalg.matrix_norm(b @ a).item() for a, b in factors]
    expected_a, expected_b = torch.zeros(4, IN, dtype=dtype), torch.zeros(OUT, 4, dtype=dtype)
    for (a, b), norm in zip(factors, norms, strict=True):
        expected_a += norm / sum(norms) * torch.nn.functional.pad(a, (0, 0, 0, 4 - len(a)))
        expected_b += norm / sum(norms) * torch.nn.functional.pad(b, (0, 4 - len(a)))
    ours_a, ours_b = hetlora(factors, 4)
    torch.testing.assert_close(ours_a, expected_a)
    torch.testing.assert_close(ours_b, expected_b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_ue_alone_gets_its_own_factors_back(dtype):
    sent = pair(3, 1, dtype)
    a, b = hetlora([sent], 5)
    assert torch.equal(truncate((a, b), 3)[0], sent[0])
    assert torch.equal(truncate((a, b), 3)[1], sent[1])
    assert (a[3:] == 0).all()
    assert (b[:, 3:] == 0).all()


def test_the_aggregate_has_no_gradient_and_leaves_the_factors_alone():
    factors = [tuple(p.requires_grad_() for p in pair(2, seed)) for seed in range(2)]
    before = [p.detach().clone() for f in factors for p in f]
    a, b = hetlora(factors, 2)
    assert not a.requires_grad
    assert not b.requires_grad
    assert all(torch.equal(p, q) for p, q in zip(before, [p for f in factors for p in f], strict=True))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="factors must hold"):
        hetlora([], 2)
    with pytest.raises(ValueError, match=r"factors\[1\] must be A .* got \(2, 7\) and \(5, 3\)"):
        hetlora([pair(2, 0), (pair(2, 0)[0], pair(3, 0)[1])], 4)
    with pytest.raises(ValueError, match=r"factors\[1\] has a product of shape \(5, 6\) but factors\[0\] one of"):
        hetlora([pair(2, 0), pair(2, 0, num_in=6)], 4)
    with pytest.raises(ValueError, match="rank_max = 3 must be a whole number of at least 4"):
        hetlora([pair(2, 0), pair(4, 0)], 3)
