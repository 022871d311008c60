import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from peft_models import sample_loss

from fedswitch import Scenario
from fedswitch.control import Observation, decide, start
from fedswitch.learning import SCHEMES, Plan, Scheme, simulate
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.schemes import find_scheme
from fedswitch.learning.schemes.fedlora import FedLora, common_rank
from fedswitch.learning.schemes.full import Full
from fedswitch.learning.schemes.hetlora import HetLora
from fedswitch.learning.schemes.subscribing import SwitchingRisk
from fedswitch.learning.stacked import LocalModel, train_locally
from fedswitch.streams import stream
from fedswitch.studies.fig4_switching import GreedyPrinted, OneShotPrinted


@pytest.fixture
def lossy(small: Scenario) -> Scenario:
    """A cell in which, at seed 0, about half of the uploads are lost, and some module is received by nobody."""
    return dataclasses.replace(small, sinr_threshold=1.0)


def run(scenario, task, *, rounds=2, **options):
    return simulate(scenario, task=task, backbone="tiny", rounds=rounds, **options)


def started(scenario, task, scheme, seed=0):
    kind = find_scheme(scheme)[1]
    return kind(scenario, seed).federation(task, load_backbone("tiny"))


def equal_throughout(first, second):
    """Whether two nested structures hold the same, tensors to the last bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(torch.nan_to_num(first), torch.nan_to_num(second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal_throughout(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal_throughout, first, second))
    return first == second


def moved(before, after):
    """Which modules changed, (N,)."""
    return [not equal_throughout(a, b) for a, b in zip(before, after, strict=True)]


# every scheme


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_trains_and_keeps_7c(name, small, toy_task):
    scenario = dataclasses.replace(small, subscription_limit=2)
    history = run(scenario, toy_task, scheme=name)
    adapted = SCHEMES[name].adapt(scenario)
    assert history.subscribed.shape == history.received.shape == (2, adapted.num_modules, 6)
    # as printed, Algorithm 2 starts with every UE in every module
    kept = history.subscribed[1:] if name == "switching_printed" else history.subscribed
    assert (kept.sum(axis=1) <= adapted.subscription_limit).all()
    assert kept.any()
    assert not (history.received & ~history.subscribed).any()
    assert history.table["loss"].between(0.1, 1.0).all()
    assert history.table["scheme"].eq(name).all()


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_is_decided_by_its_seed_and_goes_on_to_the_last_bit(name, lossy, toy_task, tmp_path, saved):
    """Cut after round 2 of 4, before the risks of `switching_risk` are measured anew, and after ranks were pruned."""
    whole = run(lossy, toy_task, scheme=name, rounds=4, resume=tmp_path / "whole")
    run(lossy, toy_task, scheme=name, rounds=2, resume=tmp_path / "cut")
    resumed = run(lossy, toy_task, scheme=name, rounds=4, resume=tmp_path / "cut")
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    assert np.array_equal(resumed.subscribed, whole.subscribed)
    assert np.array_equal(resumed.received, whole.received)
    assert equal_throughout(saved(tmp_path / "cut"), saved(tmp_path / "whole"))


@pytest.mark.parametrize("name", SCHEMES)
def test_exactly_the_modules_that_are_received_move(name, lossy, toy_task, tmp_path, saved):
    before = started(lossy, toy_task, name).modules.state()
    history = run(lossy, toy_task, scheme=name, resume=tmp_path / "run")
    received = history.received.any(axis=(0, 2)).tolist()
    assert any(received)
    assert not all(received) or len(received) == 1
    assert moved(before, saved(tmp_path / "run")["modules"]) == received


@pytest.mark.parametrize("name", SCHEMES)
def test_ten_rounds_of_lost_uploads_change_nothing(name, small, toy_task, tmp_path, saved):
    deaf = dataclasses.replace(small, sinr_threshold=1e12, energy_weight_per_j=0.0)  # free energy: they try
    before = started(deaf, toy_task, name).modules.state()
    history = run(deaf, toy_task, scheme=name, rounds=10, evaluate_every=9, resume=tmp_path / "run")
    assert history.table["subscribed"].iloc[0] > 0
    assert history.table["received"].eq(0).all()
    assert history.table["loss"].dropna().nunique() == 1
    assert not any(moved(before, saved(tmp_path / "run")["modules"]))


@pytest.mark.parametrize("name", SCHEMES)
def test_at_one_seed_all_schemes_share_cell_fading_and_data(name, small, toy_task):
    ours, common = (started(small, toy_task, scheme, seed=5) for scheme in (name, "random"))
    assert np.array_equal(ours.cell.distance_m, common.cell.distance_m)
    for t in (0, 7):
        for field in ("gain", "interference_w"):
            assert np.array_equal(getattr(ours.cell.channel(t), field), getattr(common.cell.channel(t), field))
        assert all(np.array_equal(ours.ues.mini_batch(t, k), common.ues.mini_batch(t, k)) for k in range(6))
    assert equal_throughout(
        [*map(torch.from_numpy, ours.ues.indices.values())], [*map(torch.from_numpy, common.ues.indices.values())]
    )
    assert np.array_equal(ours.ue_test_indices, common.ue_test_indices)
    other = started(small, toy_task, name, seed=6)
    assert not np.array_equal(ours.cell.distance_m, other.cell.distance_m)
    assert not np.array_equal(ours.ues.mini_batch(0, 0), other.ues.mini_batch(0, 0))


DECIDES = {
    "random": ("random", "corrected"), "greedy": ("greedy", "corrected"), "one_shot": ("one_shot", "corrected"),
    "switching": ("switching", "corrected"), "switching_printed": ("switching", "printed"),
    GreedyPrinted: ("greedy", "printed"), OneShotPrinted: ("one_shot", "printed"),
}  # fmt: skip


@pytest.mark.parametrize("scheme", DECIDES, ids=lambda scheme: getattr(scheme, "__name__", scheme))
def test_a_scheme_decides_by_the_rule_and_the_form_of_its_name(scheme, small, toy_task):
    rule, form = DECIDES[scheme]
    history, world = run(small, toy_task, scheme=scheme, rounds=6), started(small, toy_task, scheme)
    state = start(small, rng=stream(0, "first subscription"), form=form)
    for t in range(6):
        seen = Observation(world.cell.channel(t), world.modules.payload_bits, world.compute_energy_j)
        decision, state = decide(small, seen, state, rng=stream(0, "decision", t), rule=rule, form=form)
        np.testing.assert_array_equal(history.subscribed[t], decision.subscription)


# a scheme of one's own


class FirstModuleOnly(Scheme):
    def plan(self, t, seen):
        subscription = np.zeros((self.scenario.num_modules, self.scenario.num_ues), dtype=bool)
        subscription[0] = True
        return Plan(subscription, np.full(self.scenario.num_ues, 0.05))


def test_a_plan_makes_a_scheme_and_modules_without_subscribers_stay(small, toy_task, tmp_path, saved):
    before = started(small, toy_task, FirstModuleOnly).modules.state()
    history = run(small, toy_task, scheme=FirstModuleOnly, rounds=4, resume=tmp_path / "run")
    assert history.subscribed[:, 0].all()
    assert not history.subscribed[:, 1:].any()
    assert history.received.any()
    assert moved(before, saved(tmp_path / "run")["modules"]) == [True, False, False, False]
    table = history.table
    assert table["scheme"].eq("FirstModuleOnly").all()
    assert table["power_mean_w"].to_numpy() == pytest.approx(0.05)
    assert table["participation_min"].eq(0.0).all()
    assert np.isfinite(table.select_dtypes("number")).all().all()


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("randon", "unknown scheme 'randon'; there are: switching, .*Did you mean 'random'"),
        (int, "unknown scheme <class 'int'>.*or a class of your own"),
    ],
)
def test_what_is_no_scheme_is_refused(scheme, message):
    with pytest.raises(ValueError, match=message):
        find_scheme(scheme)


# FedLoRA and full fine-tuning


@pytest.mark.parametrize(("ranks", "middle"), [((2, 4, 8, 16), 8), ((16, 2, 4, 4), 4), ((9, 1, 1), 1), ((5,), 5)])
def test_the_common_rank_is_the_middle_one(ranks, middle):
    scenario = Scenario.corrected(num_modules=len(ranks), lora_ranks=ranks)
    assert common_rank(scenario) == middle
    adapted = FedLora.adapt(scenario)
    assert (adapted.num_modules, adapted.lora_ranks, adapted.subscription_limit) == (1, (middle,), 1)


@pytest.mark.parametrize(
    ("name", "rate"), [("fedlora", {"learning_rate": 0.5}), ("full", {"full_learning_rate": 0.05})]
)
def test_one_common_model_follows_1_by_definition(name, rate, lossy, toy_task, tmp_path, saved):
    """Replayed with SGD from the recorded receptions: the mean of the UEs' gradients, each of its own mini-batch."""
    scenario = dataclasses.replace(lossy, optimizer="sgd", **rate)
    history = run(scenario, toy_task, scheme=name, rounds=3, resume=tmp_path / "run")
    assert 0 < history.received.sum() < history.subscribed.sum()
    world = started(scenario, toy_task, name)
    parameters, (step,) = world.modules.parameters(0), rate.values()
    for t in range(3):
        mean = [torch.zeros_like(p) for p in parameters]
        ues = np.flatnonzero(history.received[t, 0])
        for k in ues:
            batch = world.ues.mini_batch(t, int(k))
            for i in batch:
                loss, own = sample_loss(world.modules, 0, world.ues.learner.samples, i)
                gradient = torch.autograd.grad(loss / len(batch) / len(ues), own)
                mean = [total + part for total, part in zip(mean, gradient, strict=True)]
        with torch.no_grad():
            for parameter, direction in zip(parameters, mean, strict=True):
                parameter -= step * direction
    for ours, expected in zip(saved(tmp_path / "run")["modules"][0], parameters, strict=True):
        torch.testing.assert_close(ours, expected.detach(), rtol=1e-4, atol=1e-6)


def test_full_fine_tuning_moves_and_sends_every_parameter(small, toy_task, tmp_path, saved):
    world = started(small, toy_task, "full")
    numbers = sum(p.numel() for p in load_backbone("tiny").encoder.parameters()) + 2 * 64 + 2
    assert world.modules.payload_bits.tolist() == [32 * numbers]
    before = world.modules.state()[0]
    run(small, toy_task, scheme="full", resume=tmp_path / "run")
    after = saved(tmp_path / "run")["modules"][0]
    assert sum(p.numel() for p in after) == numbers
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_full_fine_tuning_sends_gradients_only(small):
    with pytest.raises(ValueError, match=r'full sends gradients only: choose local_training = "gradient"'):
        Full(dataclasses.replace(small, local_training="steps"), 0)


# ranks that differ: four rounds replayed by plain formulas on whole matrices, UE by UE


def last_rank(pairs):
    """Norm of the last column of B times that of the last row of A, over layers; a rank of 1 has none to give."""
    product = 0.0 * pairs[0][0].sum()
    for a, b in pairs:
        if len(a) > 1 and b[:, -1].any():  # where B begins, at zero, the root would have no gradient
            product = product + (b[:, -1].square().sum() * a[-1].square().sum()).sqrt()
    return product


def cut_to(model, rank):
    return dataclasses.replace(model, pairs=tuple((a[:rank], b[:, :rank]) for a, b in model.pairs))


def replay_hetlora(common, ues, ranks, train):
    trained = []
    for k in ues:
        start = cut_to(common, ranks[k])
        end = train(int(k), start, lambda ue: 0.01 * last_rank(ue.pairs))
        ranks[k] -= int(last_rank(end.pairs) < last_rank(start.pairs))
        trained.append(cut_to(end, ranks[k]))
    norms = [torch.cat([(b @ a).flatten() for a, b in model.pairs]).norm().item() for model in trained]
    weights = [norm / sum(norms) for norm in norms]
    pairs = []
    for a, b in common.pairs:
        mean_a, mean_b, layer = torch.zeros_like(a), torch.zeros_like(b), len(pairs)
        for weight, model in zip(weights, trained, strict=True):
            own_a, own_b = model.pairs[layer]
            mean_a += weight * torch.nn.functional.pad(own_a, (0, 0, 0, len(a) - len(own_a)))
            mean_b += weight * torch.nn.functional.pad(own_b, (0, len(a) - len(own_a)))
        pairs.append((mean_a, mean_b))
    return tuple(pairs), trained, weights


def best_of_rank(product, rank, scale, begin):
    """By a decomposition of the whole matrix; of zeros, the first orthonormal directions of the rows of `begin`."""
    u, singular, vh = torch.linalg.svd(product.double())
    if not singular[0]:
        begin = begin.double()
        vh = torch.linalg.solve_triangular(torch.linalg.cholesky(begin @ begin.T), begin, upper=False)
    return vh[:rank].to(product.dtype), (u[:, :rank] * singular[:rank] / scale).to(product.dtype)


def replay_flexlora(common, ues, ranks, train):
    trained = []
    for k in ues:
        rank, scale = int(ranks[k]), 16 / int(ranks[k])
        pairs = tuple(best_of_rank(common.scale * b @ a, rank, scale, a) for a, b in common.pairs)
        trained.append(train(int(k), dataclasses.replace(common, pairs=pairs, scale=scale), None))
    pairs = []
    for layer, (first, _) in enumerate(common.pairs):
        products = [model.scale * model.pairs[layer][1] @ model.pairs[layer][0] for model in trained]
        pairs.append(best_of_rank(torch.stack(products).mean(dim=0), common.rank, common.scale, first))
    return tuple(pairs), trained, [1 / len(ues)] * len(ues)


def in_double(kind):
    """The scheme in float64: in float32 an SVD makes differences by rounding a hundred times larger."""

    class InDouble(kind):
        @staticmethod
        def make_modules(backbone, scenario, **options):
            modules = kind.make_modules(backbone, scenario, **options)
            modules.backbone.encoder.double()
            for parameter in modules.parameters(0):
                parameter.data = parameter.data.double()
            return modules

    return InDouble


@pytest.mark.parametrize(("name", "replay"), [("hetlora", replay_hetlora), ("flexlora", replay_flexlora)])
def test_rounds_with_ranks_per_ue_replayed_by_hand(name, replay, lossy, toy_task, tmp_path, saved):
    scenario = dataclasses.replace(lossy, lora_ranks=(1, 2, 3, 4), optimizer="sgd", learning_rate=0.5)
    kind = in_double(SCHEMES[name])
    history = run(scenario, toy_task, scheme=kind, rounds=4, resume=tmp_path / "run")
    world = started(scenario, toy_task, kind)
    ranks = SCHEMES[name](scenario, 0).ranks
    assert sorted(ranks) == [1, 1, 2, 2, 3, 4]
    common = LocalModel.of(world.modules.parameters(0), 16 / 4)
    for t in range(4):
        ues = np.flatnonzero(history.received[t, 0])
        assert len(ues) > 1

        def train(k, model, penalty, t=t):
            steps = [[world.ues.mini_batch(t, k)] * scenario.local_iterations]
            (trained,), _ = train_locally(world.ues.learner, steps, [model], learning_rate=0.5, penalty=penalty)
            return trained

        pairs, trained, weights = replay(common, ues, ranks, train)
        head_weight = sum(w * model.head_weight for w, model in zip(weights, trained, strict=True))
        head_bias = sum(w * model.head_bias for w, model in zip(weights, trained, strict=True))
        common = LocalModel(pairs, head_weight, head_bias, common.scale)
    after = saved(tmp_path / "run")
    *factors, weight, bias = after["modules"][0]
    for (a, b), ours_a, ours_b in zip(common.pairs, factors[::2], factors[1::2], strict=True):
        expected = b @ a  # not the factors: an SVD may turn their signs
        assert torch.linalg.norm(ours_b @ ours_a - expected) < 1e-10 * torch.linalg.norm(expected)
    torch.testing.assert_close(weight, common.head_weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(bias, common.head_bias, rtol=0, atol=1e-12)
    assert after["scheme"]["ranks"].tolist() == ranks.tolist()
    assert (sum(ranks) < 13) == (name == "hetlora")  # somebody has pruned


def test_pruned_ranks_are_kept_in_a_checkpoint_and_sent(small, toy_task, tmp_path, saved):
    run(small, toy_task, scheme="hetlora", rounds=4, resume=tmp_path / "run")
    kept = saved(tmp_path / "run")["scheme"]["ranks"].numpy()
    scheme = HetLora(small, 0)
    assert (kept <= scheme.ranks).all()
    assert (kept < scheme.ranks).any()
    world = started(small, toy_task, "hetlora")
    at_first = scheme.payload_bits(world)
    per_rank = 32 * 2 * (64 + 64)  # query and value of one layer, A and B
    assert at_first.tolist() == [[32 * (2 * 64 + 2) + per_rank * int(rank) for rank in scheme.ranks]]
    before = scheme.ranks.copy()
    scheme.restore({**scheme.state(), "ranks": kept})
    assert (at_first - scheme.payload_bits(world)).tolist() == [(per_rank * (before - kept)).tolist()]


# risks that count


def test_the_risks_of_switching_risk_are_those_of_the_mini_batches(small, toy_task):
    world = started(small, toy_task, "switching_risk")
    torch.manual_seed(0)
    for n in range(4):
        for parameter in world.modules.parameters(n):
            torch.nn.init.normal_(parameter, std=0.1)
    risks = world.ues.risks(3)
    samples = world.ues.learner.samples
    for n, k in [(0, 0), (1, 5), (3, 2)]:
        with torch.no_grad():
            each = [sample_loss(world.modules, n, samples, i)[0] for i in world.ues.mini_batch(3, k)]
        assert risks[n, k] == pytest.approx(float(torch.stack(each).mean()), rel=1e-4)
    assert np.unique(risks).size == 24


def test_risks_are_measured_every_fifth_round_and_kept_in_between(small, toy_task):
    world = started(small, toy_task, "switching_risk")
    scheme = SwitchingRisk(small, 0)
    for t in range(7):
        measured_in = t // 5 * 5
        assert np.array_equal(scheme.observe(world, t).remaining_risk, world.ues.risks(measured_in))
    assert not np.array_equal(world.ues.risks(0), world.ues.risks(5))


class Odd(Scheme):
    """A scheme whose plan is set by the test."""

    made = None

    def plan(self, t, seen):
        """See `Scheme`."""
        return self.made


def odd_plan(shape=(4, 6), dtype=bool, power_w=0.2, num_ues=6):
    return Plan(np.zeros(shape, dtype=dtype), np.full(num_ues, power_w))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (None, "plan of the scheme Odd must return a Plan, got NoneType"),
        (odd_plan(shape=(2, 2)), r"boolean subscription of shape \(N, K\) = \(4, 6\), got bool of shape \(2, 2\)"),
        (odd_plan(dtype=float), "got float64 of shape"),
        (odd_plan(power_w=50.0), r"a power of shape \(6,\) between 0 and max_power_w = 0\.2 W, got 0 to 50 W"),
        (odd_plan(num_ues=1), r"of shape \(1,\)"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_the_name_of_its_scheme(small, toy_task, made, message):
    kind = type("Odd", (Odd,), {"made": made})
    with pytest.raises(ValueError, match=message):
        simulate(small, task=toy_task, backbone="tiny", scheme=kind, rounds=1)


@pytest.mark.parametrize("engine", ["cell", "per_ue"])
def test_uploads_of_switching_unbiased_count_by_inverse_probability(engine, lossy, toy_task):
    """The parameters after a round of plain steps, from the gradient of every UE and the probability of its upload."""
    scenario = dataclasses.replace(lossy, optimizer="sgd", learning_rate=0.1)
    scheme = find_scheme("switching_unbiased")[1](scenario, 0)
    world = scheme.federation(toy_task, load_backbone("tiny"), engine=engine)
    drawn_with = scheme.probability.copy()
    plan = scheme.plan(0, scheme.observe(world, 0))
    uplink = world.transmit(0, plan.subscription, plan.power_w, world.modules.payload_bits)
    n = int(uplink.received.sum(axis=1).argmax())
    before = [p.detach().clone() for p in world.modules.parameters(n)]
    expected = [p.clone() for p in before]
    for k in np.flatnonzero(uplink.received[n]):
        weight = 1 / 6 / max(drawn_with[n, k] * uplink.success[n, k], 0.02)
        for value, part in zip(expected, world.ues.learner.gradient(n, world.ues.mini_batch(0, k))[1], strict=True):
            value -= 0.1 * weight * part
    scheme.learn(world, 0, uplink.received)
    for after, value in zip(world.modules.parameters(n), expected, strict=True):
        torch.testing.assert_close(after.detach(), value, atol=1e-6, rtol=1e-4)
    assert not all(torch.equal(a, b) for a, b in zip(world.modules.parameters(n), before, strict=True))


def test_local_steps_move_by_the_weighted_changes(lossy, toy_task):
    scenario = dataclasses.replace(lossy, local_training="steps", local_iterations=2, optimizer="sgd")
    received = np.zeros((4, 6), dtype=bool)
    received[0, [0, 3]] = True
    world = started(scenario, toy_task, "random")
    before = [p.detach().clone() for p in world.modules.parameters(0)]
    model = LocalModel.of(before, scenario.lora_alpha / scenario.lora_ranks[0])
    batches = [[world.ues.mini_batch(0, k)] * 2 for k in (0, 3)]
    trained, _ = train_locally(world.ues.learner, batches, [model, model], learning_rate=scenario.learning_rate)
    changes = [[after - b for after, b in zip(one.parameters, before, strict=True)] for one in trained]
    assert all(any(change.any() for change in of_ue) for of_ue in changes)
    for weights in ((0.2, 0.7), None):
        world = started(scenario, toy_task, "random")
        given = None
        if weights is not None:
            given = np.zeros((4, 6))
            given[0, [0, 3]] = weights
        world.update(0, received, *([] if given is None else [given]))
        one, other = weights or (0.5, 0.5)
        for after, b, first, second in zip(world.modules.parameters(0), before, *changes, strict=True):
            torch.testing.assert_close(after.detach(), b + one * first + other * second, atol=1e-7, rtol=1e-4)
