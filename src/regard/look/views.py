"""Views of a record: exact tiles at any zoom, rows, columns, tracks and overviews, in memory that grows with T."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from regard.attention import Wanted
from regard.look.attended import Attended, check_number, scores_of
from regard.look.facts import facts
from regard.look.record import Record
from regard.look.views_map import Map, Pooling, Sinks
from regard.look.views_overview import Overview, overview_of

# Cells along a side of a tile.
TILE = 256
# Memory of the bases that are remembered.
_REMEMBERED = 256 << 20


@dataclass(frozen=True)
class Address:
    """Which tile of which map: rows down * 256 * 2**zoom and on, keys across * 256 * 2**zoom and on.

    A cell is 2**zoom queries by 2**zoom keys; zoom 0 shows weights themselves.
    """

    layer: int
    head: int
    batch: int
    zoom: int
    down: int
    across: int
    pooling: Pooling = Pooling.SUM


@dataclass(frozen=True, eq=False)
class TopK:
    """The largest weights of a row or column, largest first, with the keys or rows they belong to.

    entropy is that of a row, in nats, and 0 for a column; sum is that of all weights, not only of these.
    """

    index: ndarray
    weight: ndarray
    entropy: float
    sum: float


@dataclass(frozen=True, eq=False)
class Tracks:
    """Along the edges of a map: the entropy of each row and the sum of each key's weights, float32."""

    entropy: ndarray
    mass: ndarray


class Views:
    """Views of one record.

    Args:
        record: what is looked at.
        sinks: whether the first key and learned sinks are shown, or left out and the rest normalised anew.
    """

    def __init__(self, record: Record, sinks: Sinks) -> None:
        self.record, self.sinks = record, sinks
        self._maps: OrderedDict[tuple[int, int, int], Map] = OrderedDict()
        self._lock = Lock()

    def zooms(self, layer: int) -> int:
        """How many zooms a layer has: at the last one, a single tile shows the whole map."""
        one = self._layer(layer)
        return max(0, (-(-max(one.queries, one.keys) // TILE) - 1).bit_length()) + 1

    def tile(self, at: Address) -> Float[ndarray, "down across"]:
        """The cells of a tile, float32; smaller than 256 x 256 at the edges.

        Raises:
            ValueError: a number of the address is not there.
        """
        here, rows, columns = self._area(at)
        cells = here.pooled(rows, columns, at.zoom, at.pooling)
        return numpy.ascontiguousarray(cells.numpy(), dtype=numpy.float32)

    def glance(self, at: Address, rows_of_cell: int = 2) -> Float[ndarray, "down across"]:
        """An estimate of a tile of sums, at once: the mean over only some rows of each cell, evenly spread.

        It is exact where cells have no more rows than that.

        Raises:
            ValueError: a number of the address is not there; rows_of_cell is not positive; pooling is not SUM.
        """
        if rows_of_cell < 1 or at.pooling is not Pooling.SUM:
            raise ValueError(
                f"rows_of_cell is {rows_of_cell} and pooling {at.pooling}, expected a positive number and SUM: the "
                "largest of some weights says little about the others."
            )
        here, rows, columns = self._area(at)
        cells = here.glanced(rows, columns, at.zoom, rows_of_cell)
        return numpy.ascontiguousarray(cells.numpy(), dtype=numpy.float32)

    def row(self, layer: int, head: int, query: int, top: int, batch: int = 0) -> TopK:
        """What one query reads.

        Raises:
            ValueError: a number is not there; top is not positive.
        """
        weights = self._reads(layer, head, query, batch)
        return _top(weights, top, float(torch.special.entr(weights).sum()))

    def reads(self, layer: int, head: int, query: int, batch: int = 0) -> Float[ndarray, " keys"]:
        """How much one query reads each key.

        Raises:
            ValueError: a number is not there.
        """
        return self._reads(layer, head, query, batch).numpy()

    def _reads(self, layer: int, head: int, query: int, batch: int) -> Float[Tensor, " keys"]:
        here = self._map(layer, head, batch)
        check_number("query", query, here.one.queries)
        return here.weights(torch.tensor([query]), range(here.one.keys))[0]

    def column(self, layer: int, head: int, key: int, top: int, batch: int = 0) -> TopK:
        """Which queries read one key.

        Raises:
            ValueError: a number is not there; top is not positive.
        """
        return _top(self._readers(layer, head, key, batch), top, 0.0)

    def readers(self, layer: int, head: int, key: int, batch: int = 0) -> Float[ndarray, " queries"]:
        """How much each query reads one key.

        Raises:
            ValueError: a number is not there.
        """
        return self._readers(layer, head, key, batch).numpy()

    def _readers(self, layer: int, head: int, key: int, batch: int) -> Float[Tensor, " queries"]:
        here = self._map(layer, head, batch)
        check_number("key", key, here.one.keys)
        if self.sinks is Sinks.LEFT_OUT:
            parts = torch.arange(here.one.queries).split(1024)
            return torch.cat([here.weights(part, range(key, key + 1))[:, 0] for part in parts])
        return here.weights(torch.arange(here.one.queries), range(key, key + 1))[:, 0]

    def tracks(self, layer: int, head: int, batch: int = 0) -> Tracks:
        """Entropy of every row and mass of every key.

        Raises:
            ValueError: a number is not there.
        """
        here = self._map(layer, head, batch)
        found = facts(here.one, here.batch, here.head, Wanted(entropy=True, mass=True))
        assert found.entropy is not None
        assert found.mass is not None
        return Tracks(found.entropy[0, 0].float().numpy(), found.mass[0, 0].float().numpy())

    def overview(self, layer: int, batch: int = 0) -> Overview:
        """Every head of a layer in a few numbers and a small picture, from some of its rows.

        Raises:
            ValueError: a number is not there.
        """
        one = self._layer(layer)
        check_number("batch", batch, one.batch)
        return overview_of(one, [self._map(layer, head, batch) for head in range(one.heads)])

    def row_numbers(self, layer: int, head: int, batch: int = 0) -> Float[ndarray, " queries"]:
        """The logarithm of what the exponentials of each row's scores are divided by, float32.

        Raises:
            ValueError: a number is not there.
        """
        return self._map(layer, head, batch).row_numbers().float().numpy()

    def scores(self, layer: int, head: int, query: int, batch: int = 0) -> Float[ndarray, " keys"]:
        """Scores of one query with all keys, with their priors and before they are normalised; -inf is hidden.

        Raises:
            ValueError: a number is not there.
        """
        here = self._map(layer, head, batch)
        check_number("query", query, here.one.queries)
        found = scores_of(here.one, here.batch, here.head, torch.tensor([query]))[0]
        return found.float().numpy()

    def _layer(self, layer: int) -> Attended:
        check_number("layer", layer, len(self.record.layers))
        return self.record.layers[layer]

    def _map(self, layer: int, head: int, batch: int) -> Map:
        one = self._layer(layer)
        check_number("head", head, one.heads)
        check_number("batch", batch, one.batch)
        with self._lock:
            here = self._maps.pop((layer, head, batch), None) or Map(one, batch, head, self.sinks)
            self._maps[layer, head, batch] = here
            while len(self._maps) > 1 and sum(each.bytes for each in self._maps.values()) > _REMEMBERED:
                self._maps.popitem(last=False)
        return here

    def _area(self, at: Address) -> tuple[Map, range, range]:
        here = self._map(at.layer, at.head, at.batch)
        check_number("zoom", at.zoom, self.zooms(at.layer))
        side = TILE << at.zoom
        queries, keys = here.one.queries, here.one.keys
        check_number("down", at.down, -(-queries // side))
        check_number("across", at.across, -(-keys // side))
        rows = range(at.down * side, min((at.down + 1) * side, queries))
        return here, rows, range(at.across * side, min((at.across + 1) * side, keys))


def views_of(record: Record, sinks: Sinks = Sinks.KEPT) -> Views:
    """Views of a record, with sinks or without.

    A cell of several weights is the sum over its keys of the mean over its queries, so that coarse rows still sum to
    one, or the largest. Everything is computed from queries, keys and the numbers of rows when it is asked for;
    nothing of the size T x T is made, and what takes a pass over a whole map is remembered.

    Example:
        >>> import regard as rg, torch
        >>> from regard.look.views import Address, views_of
        >>> model = rg.Attention(where=rg.Causal())
        >>> with rg.record(model) as seen:
        ...     _ = model(*[torch.zeros(1, 1, 3, 2)] * 3)
        >>> views_of(seen.record).tile(Address(layer=0, head=0, batch=0, zoom=0, down=0, across=0)).round(3)
        array([[1.   , 0.   , 0.   ],
               [0.5  , 0.5  , 0.   ],
               [0.333, 0.333, 0.333]], dtype=float32)
    """
    return Views(record, sinks)


def _top(weights: torch.Tensor, top: int, entropy: float) -> TopK:
    if top < 1:
        raise ValueError(f"top is {top}, expected a positive number.")
    found = weights.topk(min(top, len(weights)))
    return TopK(found.indices.numpy(), found.values.numpy(), entropy, float(weights.sum()))
