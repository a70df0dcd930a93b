"""Both stages' losses, gradients and memories against loops in float64.

Tables and memories are padded; the loops know nothing of the padding.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ceil_jax.training import objective
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import Memory, RowLabels
from tests.ceil_jax import naive_losses, problems
from tests.ceil_jax.problems import B

TEMPERATURE, NEGATIVES = 0.4, 2
FAST: Any = {"xla_backend_optimization_level": 0}  # to compile, not to run


@pytest.fixture(scope="module")
def problem():
    return problems.draw(3)


def constants(**changes):
    return Objective(temperature=TEMPERATURE, num_negatives=NEGATIVES, **changes)


@functools.cache
def run(stage, kind):
    """Losses by name, memories and gradients of the raw embeddings."""

    def loss(raw, memories, tables, labels) -> Any:
        key = jax.random.key(0)
        same = lambda tree: tree
        return stage(kind, *raw, memories, tables, labels, key, same)

    return jax.jit(jax.value_and_grad(loss, has_aux=True), compiler_options=FAST)


def outcome(stage, problem, **changes):
    (total, (named, memories)), gradients = run(stage, constants(**changes))(*problem)
    np.testing.assert_allclose(total, sum(named.values()), rtol=1e-5)
    return named, memories, gradients


def cdl(scores, tables, clusters):
    positives = tables.cluster_proxies[clusters]
    return naive_losses.cdl(scores, positives, tables.proxy_cameras, NEGATIVES)


def products(x, bank):
    return x @ np.asarray(bank, np.float64).T / TEMPERATURE


def across_labels(problem, i):
    _, _, tables, labels = problem
    return RowLabels(
        tables[i].across_proxies[labels[i].proxies],
        tables[i].across_clusters[labels[i].clusters],
    )


def both_losses(scores, tables, labels):
    """CDL with the cluster that owns the row's proxy, ID with the row's cluster."""
    proxy_scores, cluster_scores = scores
    owners = tables.proxy_clusters[labels.proxies]
    identity = naive_losses.info_nce(
        cluster_scores, labels.clusters, int(tables.num_clusters)
    )
    return cdl(proxy_scores, tables, owners), identity


def naive_stage1(problem, raw):
    _, memories, tables, labels = problem
    named: dict[str, Any] = {"mmd": naive_losses.mmd(*raw)}
    for i, name in enumerate(("visible", "infrared")):
        scores = products(naive_losses.unit(raw[i]), memories[i].proxies)
        named[f"cdl_{name}"] = cdl(scores, tables[i], labels[i].clusters)
    return named


def naive_stage2(problem, raw, seen=None):
    """Losses by name.

    `seen`: the memories that the gradient of the within terms sees. Scores there are
    those of the memories at the raw embeddings of the problem, and move with `seen`.
    """
    at, memories, tables, labels = problem
    x = [naive_losses.unit(rows) for rows in raw]
    named = {}
    for i, name in enumerate(("visible", "infrared")):
        within = [products(x[i], bank) for bank in memories[i]]
        if seen is not None:
            start = naive_losses.unit(at[i])
            within = [
                products(start, bank) + products(x[i] - start, other)
                for bank, other in zip(memories[i], seen[i], strict=True)
            ]
        own = both_losses(within, tables[i], labels[i])
        named |= {f"cdl_{name}": own[0], f"id_{name}": own[1]}
        mapped, other = across_labels(problem, i), 1 - i
        scores = [products(x[i], bank) for bank in memories[other]]
        crossed = both_losses(scores, tables[other], mapped)
        named |= {f"cross_cdl_{name}": crossed[0], f"cross_id_{name}": crossed[1]}
    return named


def left_by_the_other(problem):
    """The memories after the update from the other modality's rows."""
    raw, memories, _, _ = problem
    return [
        [
            naive_losses.dcmu(bank, naive_losses.unit(raw[1 - i]), labels)
            for bank, labels in zip(
                memories[i], across_labels(problem, 1 - i), strict=True
            )
        ]
        for i in (0, 1)
    ]


def check_gradients(got, naive, raw, atol=2e-5):
    for i in (0, 1):

        def total(rows, i=i):
            moved = [rows if j == i else raw[j].astype(np.float64) for j in (0, 1)]
            return sum(naive(moved).values())

        want = naive_losses.numerical_gradient(total, raw[i])
        np.testing.assert_allclose(got[i], want, rtol=1e-3, atol=atol)


def check_losses(named, want):
    assert named.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_allclose(named[name], value, rtol=1e-4, err_msg=name)


def test_stage_1(problem):
    raw, memories, _, labels = problem
    named, after, gradients = outcome(objective.stage1, problem)
    check_losses(named, naive_stage1(problem, raw))
    widths = naive_losses.bandwidths_of(np.concatenate(raw).astype(np.float64))

    def naive(moved):
        constant = naive_losses.mmd(*moved, bandwidths=widths)
        return naive_stage1(problem, moved) | {"mmd": constant}

    check_gradients(gradients, naive, raw)
    for i in (0, 1):
        x = naive_losses.unit(raw[i])
        want = naive_losses.dcmu(memories[i].proxies, x, labels[i].proxies)
        np.testing.assert_allclose(after[i].proxies, want, atol=1e-6)
        np.testing.assert_array_equal(after[i].clusters, memories[i].clusters)


def test_stage_2_at_the_memory_of_the_start(problem):
    raw = problem[0]
    named, _, gradients = outcome(objective.stage2, problem, memory_gradient="frozen")
    check_losses(named, naive_stage2(problem, raw))
    check_gradients(gradients, functools.partial(naive_stage2, problem), raw)


def test_stage_2_as_released(problem):
    raw = problem[0]
    named, _, gradients = outcome(objective.stage2, problem)
    check_losses(named, naive_stage2(problem, raw))
    seen = left_by_the_other(problem)
    check_gradients(gradients, functools.partial(naive_stage2, problem, seen=seen), raw)
    frozen = outcome(objective.stage2, problem, memory_gradient="frozen")[2]
    assert (
        max(np.abs(a - b).max() for a, b in zip(gradients, frozen, strict=True)) > 0.1
    )


@pytest.mark.parametrize("update", ["dcmu", "momentum"])
def test_stage_1_over_clusters_alone(problem, update):
    raw, memories, tables, labels = problem
    kind = {"contrast": "info_nce", "update": update, "beta": 0.7}
    named, after, gradients = outcome(objective.stage1, problem, **kind)
    widths = naive_losses.bandwidths_of(np.concatenate(raw).astype(np.float64))

    def naive(moved):
        want: dict[str, Any] = {"mmd": naive_losses.mmd(*moved, bandwidths=widths)}
        for i, name in enumerate(("visible", "infrared")):
            scores = products(naive_losses.unit(moved[i]), memories[i].clusters)
            want[f"id_{name}"] = naive_losses.info_nce(
                scores, labels[i].clusters, int(tables[i].num_clusters)
            )
        return want

    check_losses(named, naive(raw))
    check_gradients(gradients, naive, raw)
    for i in (0, 1):
        x = naive_losses.unit(raw[i])
        rows, of_rows = memories[i].clusters, labels[i].clusters
        want = (
            naive_losses.dcmu(rows, x, of_rows)
            if update == "dcmu"
            else naive_losses.momentum(rows, x, of_rows, 0.7)
        )
        np.testing.assert_allclose(after[i].clusters, want, atol=1e-6)
        assert np.abs(after[i].clusters - rows).max() > 0.1
        np.testing.assert_array_equal(after[i].proxies, memories[i].proxies)


def test_stage_2_over_clusters_alone(problem):
    raw = problem[0]
    kind = {"contrast": "info_nce", "memory_gradient": "frozen"}
    named, _, gradients = outcome(objective.stage2, problem, **kind)

    def naive(moved):
        both = naive_stage2(problem, moved)
        return {name: loss for name, loss in both.items() if "id" in name}

    want = naive(raw)
    assert len(want) == 4
    check_losses(named, want)
    check_gradients(gradients, naive, raw)


@pytest.mark.parametrize("memory_gradient", ["released", "frozen"])
def test_own_rows_win_over_those_of_the_other_modality(problem, memory_gradient):
    raw, memories, _, labels = problem
    between = left_by_the_other(problem)
    _, after, _ = outcome(objective.stage2, problem, memory_gradient=memory_gradient)
    kinds = set()
    for i in (0, 1):
        x = naive_losses.unit(raw[i])
        for level in (0, 1):
            start, own = memories[i][level], labels[i][level]
            want = naive_losses.dcmu(start, x, own, into=between[i][level])
            np.testing.assert_allclose(after[i][level], want, atol=1e-6)
            reached = set(across_labels(problem, 1 - i)[level])
            kinds |= {(r in set(own), r in reached) for r in range(len(start))}
    assert len(kinds) == 4  # rows of every kind are among them


def test_the_first_stage_has_one_gradient(problem):
    def text(memory_gradient):
        kind = constants(memory_gradient=memory_gradient)
        return str(run(objective.stage1, kind).trace(*problem).jaxpr)

    assert text("released") == text("frozen")


@pytest.mark.parametrize("stage", [objective.stage1, objective.stage2])
def test_devices_that_gather_leave_the_memories_of_one(problem, stage):
    raw, memories, tables, labels = problem
    gather = functools.partial(
        jax.tree.map, lambda x: lax.all_gather(x, "devices", tiled=True)
    )

    @functools.partial(jax.jit, compiler_options=FAST)
    @functools.partial(jax.vmap, axis_name="devices")
    def two(rows, labels) -> Any:
        bank, epoch = jax.tree.map(jnp.asarray, (memories, tables))
        key = jax.random.key(0)
        return stage(constants(), *rows, bank, epoch, labels, key, gather)

    halves = jax.tree.map(lambda x: x.reshape(2, B // 2, *x.shape[1:]), (raw, labels))
    _, (named, after) = two(*halves)
    want, want_after, _ = outcome(stage, problem)
    for name, value in want.items():
        np.testing.assert_allclose(named[name].mean(), value, rtol=1e-5, err_msg=name)
    if "mmd" in want:  # a loss of all rows: each device has the whole of it
        np.testing.assert_allclose(named["mmd"], [want["mmd"]] * 2, rtol=1e-5)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(want_after), strict=True):
        np.testing.assert_allclose(a, np.stack([b, b]), atol=1e-6)


def test_proxies_and_clusters_may_disagree(problem):
    raw, memories, tables, labels = problem
    x = naive_losses.unit(raw[0]).astype(np.float32)
    contrastive: Any = jax.jit(objective.contrastive, static_argnums=0)
    shifted = RowLabels(labels[0].proxies, (labels[0].clusters + 1) % 3)
    kinds = [
        contrastive(constants(), x, memories[0], None, tables[0], rows)
        for rows in (labels[0], shifted)
    ]
    for got, rows in zip(kinds, (labels[0], shifted), strict=True):
        scores = [products(x, bank) for bank in memories[0]]
        want = both_losses(scores, tables[0], rows)
        np.testing.assert_allclose(got, want, rtol=1e-4)
    assert float(kinds[0][0]) == float(kinds[1][0])
    assert float(kinds[0][1]) != float(kinds[1][1])


@pytest.mark.parametrize("levels", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("update", ["dcmu", "momentum", "random"])
def test_updates(problem, update, levels):
    raw, memories, _, labels = problem
    start, x = memories[0], naive_losses.unit(raw[0]).astype(np.float32)
    into = Memory(*(-rows[::-1] for rows in start))

    @functools.partial(jax.jit, static_argnums=0)
    def updated(*arguments: Any) -> Any:
        proxies, clusters = levels
        return objective.updated(*arguments, proxies=proxies, clusters=clusters)

    kind = Objective(update=update, smoothing=0.3, beta=0.6)
    key = jax.random.key(1)
    got = updated(kind, start, into, x, labels[0], key)
    for level in (0, 1):
        rows, target = labels[0][level], into[level]
        if not levels[level]:
            np.testing.assert_array_equal(got[level], target)
        elif update == "random":
            for row in range(len(target)):
                choices = x[rows == row] if row in rows else target[row][None]
                assert np.asarray(got[level][row]).tolist() in choices.tolist()
        else:
            want = (
                naive_losses.dcmu(start[level], x, rows, 0.3, into=target)
                if update == "dcmu"
                else naive_losses.momentum(target, x, rows, 0.6)
            )
            np.testing.assert_allclose(got[level], want, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0 must be more than 0"),
        ({"update": "mean"}, "update='mean' must be dcmu, random or momentum"),
        ({"memory_gradient": "none"}, "memory_gradient='none' must be released or"),
        ({"contrast": "pcl"}, "contrast='pcl' must be cdl or info_nce"),
    ],
)
def test_refuses(change, message):
    # The tests' own check of types would speak first were these set by the constructor.
    kind = Objective()
    for name, value in change.items():
        object.__setattr__(kind, name, value)
    with pytest.raises(ValueError, match=message):
        kind.__post_init__()


def test_the_papers_constants():
    paper = Objective()
    assert (paper.temperature, paper.smoothing, paper.beta) == (0.05, 0.5, 0.8)
    assert (paper.num_negatives, paper.update) == (100, "dcmu")
    assert (paper.memory_gradient, paper.contrast) == ("released", "cdl")


@pytest.mark.parametrize("there", [0, 1])
def test_stage_1_of_one_modality(problem, there):
    """It has the loss and the memory that it has beside the other one."""
    raw, memories, tables, labels = problem
    name = ("visible", "infrared")[there]
    parts = []
    for pair in problem:
        one = [side if i == there else None for i, side in enumerate(pair)]
        parts.append(type(pair)(*one) if hasattr(pair, "_fields") else tuple(one))
    named, after, gradients = outcome(objective.stage1, tuple(parts))

    def naive(rows):
        x = naive_losses.unit(rows)
        scores = products(x, memories[there].proxies)
        return cdl(scores, tables[there], labels[there].clusters)

    check_losses(named, {f"cdl_{name}": naive(raw[there])})
    want = naive_losses.numerical_gradient(naive, raw[there])
    np.testing.assert_allclose(gradients[there], want, rtol=1e-3, atol=2e-5)
    x = naive_losses.unit(raw[there])
    want = naive_losses.dcmu(memories[there].proxies, x, labels[there].proxies)
    np.testing.assert_allclose(after[there].proxies, want, atol=1e-6)
    assert after[1 - there] is None
