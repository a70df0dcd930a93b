"""Loop versions of the re-rankers in float64, written from the formulas alone."""

import math

import numpy as np


def unit_rows(rng, num_rows, width=8, num_groups=4, noise=0.6):
    """Unit rows in a few groups, so that neighbourhoods overlap."""
    groups = rng.normal(size=(num_groups, width))
    rows = groups[rng.integers(num_groups, size=num_rows)]
    rows = rows + noise * rng.normal(size=(num_rows, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ranks(rows, k):
    """The row itself, then the others by falling product."""
    products = rows.astype(np.float64) @ rows.astype(np.float64).T
    lists = []
    for i in range(len(rows)):
        others = sorted(
            (j for j in range(len(rows)) if j != i), key=lambda j: -products[i, j]
        )
        lists.append([i, *others][:k])
    return lists, products


def gcr(query, gallery, cameras, k1, k2, weight, num_rounds):
    rows = np.concatenate([query, gallery])
    if cameras is not None:
        cameras = np.concatenate(cameras)
    rank, products = ranks(rows, k1)
    n = len(rows)
    adjacency = np.zeros((n, n))
    for i in range(n):
        for j in rank[i]:
            if cameras is None:
                adjacency[i, j] = 1
            else:
                adjacency[i, j] = weight if cameras[i] == cameras[j] else 1 / weight
    for _ in range(num_rounds):
        adjacency = adjacency + adjacency.T
        adjacency = np.array([row / np.abs(row).sum() for row in adjacency])
        adjacency = np.array(
            [
                sum(products[i, j] ** 2 * adjacency[j] for j in rank[i][:k2])
                for i in range(n)
            ]
        )
    return adjacency[: len(query)] @ adjacency[len(query) :].T


def gnn(query, gallery, k1, k2, num_rounds):
    rows = np.concatenate([query, gallery])
    rank, products = ranks(rows, k1)
    n = len(rows)
    adjacency = np.zeros((n, n))
    for i in range(n):
        for j in rank[i]:
            adjacency[i, j] = products[i, j]
    for _ in range(num_rounds if k2 > 1 else 0):
        adjacency = adjacency + adjacency.T
        adjacency = np.array(
            [
                sum(products[i, j] ** 2 * adjacency[j] for j in rank[i][:k2])
                for i in range(n)
            ]
        )
        adjacency = np.array([row / np.linalg.norm(row) for row in adjacency])
    q = len(query)
    return 0.7 * adjacency[:q] @ adjacency[q:].T + 0.3 * products[:q, q:]


def reciprocal(rank, i, length):
    return {j for j in rank[i][:length] if i in rank[j][:length]}


def expanded(rank, i, length, half_length):
    """R*(i)."""
    start = reciprocal(rank, i, length)
    result = set(start)
    for j in start:
        other = reciprocal(rank, j, half_length)
        if 3 * len(other & start) > 2 * len(other):
            result |= other
    return result


def jaccard_of(encoding, rank, k2):
    """Query expansion, then one minus the overlap of every two encodings."""
    n = len(encoding)
    if k2 > 1:
        encoding = np.array([encoding[rank[i][:k2]].mean(0) for i in range(n)])
    distance = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            shared = np.minimum(encoding[i], encoding[j]).sum()
            distance[i, j] = max(0.0, 1 - shared / (2 - shared))
    return distance


def k_reciprocal(query, gallery, k1, k2, share):
    rows = np.concatenate([query, gallery])
    rank, products = ranks(rows, k1 + 1)
    distance = 2 - 2 * products
    distance = (distance / distance.max(0)).T
    encoding = np.zeros_like(distance)
    for i in range(len(rows)):
        members = sorted(expanded(rank, i, k1 + 1, int(np.around(k1 / 2)) + 1))
        weights = np.exp(-distance[i, members])
        encoding[i, members] = weights / weights.sum()
    final = (1 - share) * jaccard_of(encoding, rank, k2) + share * distance
    return -final[: len(query), len(query) :]


def ecn(query, gallery, k, t, q):
    rows = np.concatenate([query, gallery])
    n = len(rows)
    rank, products = ranks(rows, n)
    similarity = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            similarity[i, j] = sum(
                (k - rank[i].index(x)) * (k - rank[j].index(x))
                for x in set(rank[i][:k]) & set(rank[j][:k])
            )
    near = [
        [
            *rank[i][1 : t + 1],
            *(x for j in rank[i][1 : t + 1] for x in rank[j][1 : q + 1]),
        ]
        for i in range(n)
    ]
    result = np.zeros((len(query), len(gallery)))
    for a in range(len(query)):
        for b in range(len(gallery)):
            g = len(query) + b
            first = math.fsum(similarity[e, g] for e in near[a]) / len(near[a])
            second = math.fsum(similarity[e, a] for e in near[g]) / len(near[g])
            mean = (first + second) / 2
            result[a, b] = mean if mean else products[a, g] - 1
    return result


def jaccard(rows, k1, k2):
    """k-reciprocal Jaccard distance as clustering uses it."""
    rank, products = ranks(rows, k1)
    encoding = np.zeros_like(products)
    for i in range(len(rows)):
        members = sorted(expanded(rank, i, k1 + 1, round(k1 / 2) + 1))
        weights = np.exp(-(2 - 2 * products[i, members]))
        encoding[i, members] = weights / weights.sum()
    return jaccard_of(encoding, rank, k2)


def camera_ranks(rows, cameras, same, other):
    """The row itself and the nearest of its camera; the nearest of other cameras."""
    rank, products = ranks(rows, len(rows))
    inside = [
        [j for j in rank[i] if cameras[j] == cameras[i]][:same]
        for i in range(len(rows))
    ]
    outside = [
        [j for j in rank[i] if cameras[j] != cameras[i]][:other]
        for i in range(len(rows))
    ]
    return inside, outside, products


def ca_jaccard(query, gallery, cameras, intra, inter, share):
    """`intra` and `inter` are (k1, k2)."""
    rows, cameras = np.concatenate([query, gallery]), np.concatenate(cameras)
    n = len(rows)
    inside, outside, products = camera_ranks(rows, cameras, n, n)
    distance = 2 - 2 * products
    distance = (distance / distance.max(0)).T
    encoding = np.zeros((n, n))
    for i in range(n):
        members = [
            j for j in inside[i][: intra[0] + 1] if i in inside[j][: intra[0] + 1]
        ]
        members += [
            j for j in outside[i][: inter[0] + 1] if i in outside[j][: inter[0] + 1]
        ]
        weights = np.exp(-distance[i, members])
        encoding[i, members] = weights / weights.sum()
    near = [inside[i][: intra[1]] + outside[i][: inter[1]] for i in range(n)]
    encoding = np.array([encoding[near[i]].mean(0) for i in range(n)])
    final = (1 - share) * jaccard_of(encoding, None, 1) + share * distance
    return -final[: len(query), len(query) :]


def nfc(rows, k1, k2):
    rank, _ = ranks(rows, len(rows))
    result = []
    for i in range(len(rows)):
        total = rows[i].astype(np.float64)
        for j in rank[i][1 : k1 + 1]:
            if i in rank[j][1 : k2 + 1]:
                total = total + rows[j]
        result.append(total / np.linalg.norm(total))
    return np.array(result)


def propagate(rows, cameras, k1, k2, beta, scale, num_rounds):
    rows = rows.astype(np.float64)
    n = len(rows)
    for _ in range(num_rounds):
        rank, products = ranks(rows, k1)
        graphs = [(1, rank)]
        if cameras is not None:
            outside = camera_ranks(rows, cameras, 1, k2 - 1)[1]
            graphs = [(1 - scale, rank)]
            graphs.append((scale, [[i, *outside[i]] for i in range(n)]))
        total = np.zeros_like(rows)
        for weight, lists in graphs:
            kernel = np.zeros((n, n))
            for i in range(n):
                for j in lists[i]:
                    kernel[i, j] = math.exp((products[i, j] - 1) / beta)
            for i in range(n):
                for j in range(n):
                    degrees = kernel[i].sum() * kernel[:, j].sum()
                    total[i] += weight * kernel[i, j] / math.sqrt(degrees) * rows[j]
        rows = total / np.linalg.norm(total, axis=1, keepdims=True)
    return rows
