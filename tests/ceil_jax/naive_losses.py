"""Loop versions of the losses and the memory updates in float64, from the formulas."""

import math

import numpy as np


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def cross_entropy(score, others):
    """-log softmax of `score` among itself and the others."""
    top = max([score, *others])
    total = math.fsum(math.exp(x - top) for x in [score, *others])
    return math.log(total) + top - score


def mean(values):
    return math.fsum(values) / len(values) if values else 0.0


def cdl(scores, positives, proxy_cameras, num_negatives):
    per_row = []
    scores = np.asarray(scores, np.float64)
    for score, of_cameras in zip(scores, positives, strict=True):
        terms = []
        for camera, positive in enumerate(of_cameras):
            if positive < 0:
                continue
            others = [
                score[j]
                for j in range(len(score))
                if proxy_cameras[j] == camera and j != positive
            ]
            hardest = sorted(others, reverse=True)[:num_negatives]
            terms.append(cross_entropy(score[positive], hardest))
        if terms:
            per_row.append(mean(terms))
    return mean(per_row)


def info_nce(scores, labels, num_valid):
    scores = np.asarray(scores, np.float64)
    return mean(
        [
            cross_entropy(row[label], np.delete(row[:num_valid], label))
            for row, label in zip(scores, labels, strict=True)
            if label >= 0
        ]
    )


def bandwidths_of(rows, kernel_mul=2.0, num_kernels=5):
    total = sum(((a - b) ** 2).sum() for a in rows for b in rows)
    base = total / (len(rows) ** 2 - len(rows)) / kernel_mul ** (num_kernels // 2)
    return [base * kernel_mul**i for i in range(num_kernels)]


def mmd(visible, infrared, kernel_mul=2.0, num_kernels=5, bandwidths=None):
    visible, infrared = (np.asarray(x, np.float64) for x in (visible, infrared))
    if bandwidths is None:
        rows = np.concatenate([visible, infrared])
        bandwidths = bandwidths_of(rows, kernel_mul, num_kernels)

    def mean_kernel(first, second):
        return np.mean(
            [
                sum(math.exp(-((a - b) ** 2).sum() / w) for w in bandwidths)
                for a in first
                for b in second
            ]
        )

    within = mean_kernel(visible, visible) + mean_kernel(infrared, infrared)
    return within - mean_kernel(visible, infrared) - mean_kernel(infrared, visible)


def dcmu(memory, embeddings, labels, smoothing=0.5, into=None):
    memory, embeddings = (np.asarray(x, np.float64) for x in (memory, embeddings))
    result = np.array(memory if into is None else into, np.float64)
    for row in set(labels) - {-1}:
        members = embeddings[np.asarray(labels) == row]
        difficulty = np.array([1 - x @ memory[row] for x in members])
        # One member, or equal ones, are at their mean but for rounding.
        keep = difficulty >= difficulty.mean() - 1e-14
        members, difficulty = members[keep], difficulty[keep]
        weights = smoothing * np.exp(difficulty) / np.exp(difficulty).sum()
        weights[difficulty.argmax()] += 1 - smoothing
        result[row] = unit(sum(w * x for w, x in zip(weights, members, strict=True)))
    return result


def momentum(memory, embeddings, labels, beta):
    result = np.array(memory, np.float64)
    for x, row in zip(np.asarray(embeddings, np.float64), labels, strict=True):
        if row >= 0:
            result[row] = unit(beta * result[row] + (1 - beta) * x)
    return result


def centers(features, labels, num_rows):
    result = np.zeros((num_rows, features.shape[1]))
    for row in set(labels) - {-1}:
        result[row] = unit(features[np.asarray(labels) == row].mean(0, np.float64))
    return result


def numerical_gradient(function, x, step=1e-5):
    """Central differences in float64."""
    x = np.array(x, np.float64)
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        shifted = [x.copy(), x.copy()]
        shifted[0][index] += step
        shifted[1][index] -= step
        gradient[index] = (function(shifted[0]) - function(shifted[1])) / (2 * step)
    return gradient
