"""A record small enough to know every weight of, and its views worked out the plain way, T x T."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from regard.look.views import Address, TopK, Tracks
from regard.look.views_map import Pooling, Sinks
from regard.look.views_overview import Overview

WORDS = ["the", "cat", "sat", "on", "the", "mat", "because", "it", "was", "tired", "and", "the", "dog", "did", "not"]


@dataclass(frozen=True)
class Plain:
    """Views of finished weights: one array (batch, heads, queries, keys) a layer."""

    weights: tuple[np.ndarray, ...]

    def of(self, layer, head, batch):
        return self.weights[layer][batch, head]

    def tile(self, at: Address):
        size, cell = 256 << at.zoom, 1 << at.zoom
        found = self.of(at.layer, at.head, at.batch)
        part = found[at.down * size : (at.down + 1) * size, at.across * size : (at.across + 1) * size]
        rows, columns = (np.arange(0, length, cell) for length in part.shape)
        if at.pooling is Pooling.MAX:
            return np.maximum.reduceat(np.maximum.reduceat(part, rows, 0), columns, 1).astype(np.float32)
        members = np.diff(np.append(rows, part.shape[0]))[:, None]
        return (np.add.reduceat(np.add.reduceat(part, rows, 0), columns, 1) / members).astype(np.float32)

    def zooms(self, layer):
        return next(zoom for zoom in range(40) if max(self.weights[layer].shape[2:]) <= 256 << zoom) + 1

    def glance(self, at: Address):
        return self.tile(at)

    def row(self, layer, head, query, top, batch=0):
        return _top(self.of(layer, head, batch)[query], top)

    def column(self, layer, head, key, top, batch=0):
        return _top(self.of(layer, head, batch)[:, key], top)

    def tracks(self, layer, head, batch=0):
        found = self.of(layer, head, batch)
        return Tracks(_entropy(found).astype(np.float32), found.sum(0).astype(np.float32))

    def overview(self, layer, batch=0):
        found = self.weights[layer][batch]
        heads, queries, keys = found.shape
        away = np.abs(np.arange(queries)[:, None] - np.arange(keys)[None])
        small = np.stack([_small(one) for one in found])
        previous = np.stack([np.diagonal(one, -1).mean() if queries > 1 else 0.0 for one in found])
        sink, distance = found[:, :, 0].mean(1), (found * away).sum(2).mean(1)
        return Overview(_entropy(found).mean(1), sink, distance, previous, previous * 0.5, small, queries, True)


def synthetic(sizes=((2, 3, 37, 37), (1, 2, 41, 23)), tokens=WORDS, seed=5):
    """A record with layers of (batch, heads, queries, keys), and its views with sinks kept and left out."""
    random = np.random.default_rng(seed)
    kept, left, layers = [], [], []
    for place, (batch, heads, queries, keys) in enumerate(sizes):
        scores = 2 * random.standard_normal((batch, heads, queries, keys))
        scores[..., 0] += 1
        hidden = np.arange(keys)[None] > np.arange(queries)[:, None] + max(0, keys - queries)
        scores[..., hidden] = -np.inf
        kept.append(_softmax(scores))
        scores[..., 1:, 0] = -np.inf
        left.append(_softmax(scores))
        layers.append(
            SimpleNamespace(
                name=f"model.layers.{place}.attention",
                heads=heads,
                numbers=tuple(range(heads)),
                queries=queries,
                keys=keys,
                batch=batch,
                query_tokens=tuple(tokens[at % len(tokens)] for at in range(queries)),
                key_tokens=tuple(tokens[at % len(tokens)] for at in range(keys)),
                rows=np.arange(queries),
                proof=SimpleNamespace(weights=1.2e-7, sums=3e-7),
            )
        )
    unseen = {"model.layers.7.attention": "never called"}
    record = SimpleNamespace(layers=tuple(layers), unseen=unseen, model={"class": "Synthetic"}, image=None)
    return record, {Sinks.KEPT: Plain(tuple(kept)), Sinks.LEFT_OUT: Plain(tuple(left))}


def _softmax(scores):
    found = np.exp(scores - scores.max(-1, keepdims=True))
    return found / found.sum(-1, keepdims=True)


def _entropy(weights):
    return -(weights * np.log(np.where(weights > 0, weights, 1))).sum(-1)


def _top(values, top):
    index = np.argsort(-values, kind="stable")[:top]
    entropy = float(_entropy(values / values.sum()))
    return TopK(index, values[index].astype(np.float32), entropy, float(values.sum()))


def _small(weights, size=32):
    rows = np.array_split(weights, min(size, weights.shape[0]), axis=0)
    return np.array(
        [[part.sum(1).mean() for part in np.array_split(row, min(size, row.shape[1]), axis=1)] for row in rows],
        dtype=np.float32,
    )
