"""Documents packed into one sequence see only themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

from regard.attention.native.terms import Code, Program, Step, strided
from regard.attention.space import Space, Tile
from regard.attention.tracing import concrete
from regard.attention.wheres.band import Band
from regard.attention.wheres.places import Places
from regard.attention.wheres.where import Documents, Seen, Where


@dataclass(frozen=True, eq=False)
class Segments(Where):
    """Show a query the keys of its own document, where several are packed into one sequence.

    visible(i, j)  =  query_ids_i == key_ids_j  and  query_ids_i >= 0

    A negative id is padding: it sees nothing and is not seen. Ids may come in any order; where they are
    sorted, the work is that of the documents one by one.

    Joined by & (or +), Causal and Window count positions in each document, not in the packed sequence, so that
    every document is causal on its own also where its queries and keys differ in number:

    (Segments & Causal())(i, j)  =  same document  and  place_j <= place_i + keys - queries,

    with place the rank of a query among its document's queries, or of a key among its keys, and `keys` and
    `queries` how many the document has. With Causal("start") the last two are left out. Where two Segments are
    joined, the left one's documents count. Other wheres keep the positions of the packed sequence.

    Args:
        query_ids: the document of each query, whole numbers, (Tq,) for all sequences or (batch, Tq).
        key_ids: the document of each key, (Tk,) or (batch, Tk).

    Raises:
        ValueError: ids are not whole numbers, or do not have the lengths and the batch of the call.

    Example:
        >>> import regard as rg, torch
        >>> where = rg.Segments.of_lengths(torch.tensor([1, 2]), torch.tensor([2, 3]))
        >>> rg.weights(torch.zeros(3, 1), torch.zeros(5, 1), where=where & rg.Causal())
        tensor([[0.5000, 0.5000, 0.0000, 0.0000, 0.0000],
                [0.0000, 0.0000, 0.5000, 0.5000, 0.0000],
                [0.0000, 0.0000, 0.3333, 0.3333, 0.3333]])

    Source: Krell et al. 2021 (packing without cross-contamination).
    """

    query_ids: Int[Tensor, "*batch queries"]
    key_ids: Int[Tensor, "*batch keys"]

    def __post_init__(self) -> None:
        for name, ids in (("query_ids", self.query_ids), ("key_ids", self.key_ids)):
            _need_whole_numbers(name, ids)
            if ids.dim() == 0:
                raise ValueError(f"{name} is a single number, expected one id for each position; give it an axis.")

    @classmethod
    def of_lengths(
        cls, query_lengths: Int[Tensor, " documents"], key_lengths: Int[Tensor, " documents"] | None = None
    ) -> Segments:
        """Documents of these lengths, one after the other; None means as many keys as queries.

        Raises:
            ValueError: lengths are not whole numbers of one axis, negative, or of different documents.
        """
        key_lengths = query_lengths if key_lengths is None else key_lengths
        for name, lengths in (("query_lengths", query_lengths), ("key_lengths", key_lengths)):
            _need_whole_numbers(name, lengths)
            if lengths.shape != query_lengths.shape or lengths.dim() != 1 or bool((lengths < 0).any()):
                raise ValueError(
                    f"{name} is {lengths.tolist()}, expected the length of each of the documents, none negative, "
                    f"with shape (documents,) as query_lengths, which has shape {tuple(query_lengths.shape)}."
                )
        documents = torch.arange(len(query_lengths), device=query_lengths.device)
        return cls(documents.repeat_interleave(query_lengths), documents.repeat_interleave(key_lengths))

    @classmethod
    def of_offsets(
        cls, query_offsets: Int[Tensor, " documents+1"], key_offsets: Int[Tensor, " documents+1"] | None = None
    ) -> Segments:
        """Documents that begin at offsets[d] and end before offsets[d + 1]: the cu_seqlens of other libraries.

        Raises:
            ValueError: offsets do not begin with 0, or fall.
        """
        key_offsets = query_offsets if key_offsets is None else key_offsets
        for name, offsets in (("query_offsets", query_offsets), ("key_offsets", key_offsets)):
            _need_whole_numbers(name, offsets)
            if offsets.dim() != 1 or len(offsets) == 0 or int(offsets[0]) != 0 or bool((offsets.diff() < 0).any()):
                raise ValueError(
                    f"{name} is {offsets.tolist()}, expected cumulative lengths that begin with 0 and rise; for "
                    "lengths use Segments.of_lengths."
                )
        return cls.of_lengths(query_offsets.diff(), key_offsets.diff())

    @property
    def places(self) -> Places:
        """Where every query and key stands in its document."""
        # What belongs to a graph or to a batch of vmap is counted there, and not kept for other calls.
        return self._kept if concrete() else self._counted()

    @cached_property
    def _kept(self) -> Places:
        return self._counted()

    def _counted(self) -> Places:
        query_ids, key_ids = (torch.atleast_2d(ids).flatten(0, -2) for ids in (self.query_ids, self.key_ids))
        return Places.of(query_ids, key_ids)

    @cached_property
    def _edges(self) -> tuple[Tensor, Tensor]:
        return self.places.edges(Band())

    def seen(self, tile: Tile) -> Seen:
        space = tile.space
        query_ids = tile.cut(_as_rows(space.lift_sequence(self.query_ids, space.queries, "query_ids")))
        key_ids = tile.cut(_as_columns(space.lift_sequence(self.key_ids, space.keys, "key_ids")))
        return Seen((query_ids == key_ids) & (query_ids >= 0))

    def check(self, space: Space) -> None:
        space.lift_sequence(self.query_ids, space.queries, "query_ids")
        space.lift_sequence(self.key_ids, space.keys, "key_ids")

    def span(self, rows: range, space: Space) -> range:
        return _span(self._edges, rows) if concrete() else range(space.keys)

    def program(self, space: Space) -> Program | None:
        if not concrete():
            return None
        queries = strided(space.lift_sequence(self.query_ids, space.queries, "query_ids").long(), 2)
        keys = strided(space.lift_sequence(self.key_ids, space.keys, "key_ids").long(), 2)
        same = Program((Step(Code.SAME, (*queries, *keys)),))
        return Program((Step(Code.SPANS, self._edges),)).both(same)

    def select(self, index: Tensor) -> Segments:
        return Segments(_select(self.query_ids, index), _select(self.key_ids, index))

    def documents(self) -> Documents:
        return self

    def banded(self, band: Band) -> Where:
        return _Banded(self, band)


@dataclass(frozen=True, eq=False)
class _Banded(Where):
    """A band of keys counted in each document: what Causal and Window are beside Segments."""

    segments: Segments
    band: Band

    @cached_property
    def _edges(self) -> tuple[Tensor, Tensor]:
        return self.segments.places.edges(self.band)

    def seen(self, tile: Tile) -> Seen:
        places = self.segments.places
        distance = tile.cut(_as_columns(places.key)) - tile.cut(_as_rows(places.own(self.band)))
        return Seen(self.band.shows(distance))

    def check(self, space: Space) -> None:
        self.segments.check(space)

    def span(self, rows: range, space: Space) -> range:
        return _span(self._edges, rows) if concrete() else range(space.keys)

    def program(self, space: Space) -> Program | None:
        if not concrete():
            return None
        places = self.segments.places
        queries, keys = strided(places.own(self.band), 2), strided(places.key, 2)
        shown = Program((Step(Code.PLACES, (*self.band.limits(0), *queries, *keys)),))
        return Program((Step(Code.SPANS, self._edges),)).both(shown)

    def select(self, index: Tensor) -> Where:
        return _Banded(self.segments.select(index), self.band)


def _as_rows(numbers: Tensor) -> Tensor:
    """(batch, queries) as (batch, 1, queries, 1)."""
    return numbers[:, None, :, None]


def _as_columns(numbers: Tensor) -> Tensor:
    """(batch, keys) as (batch, 1, 1, keys)."""
    return numbers[:, None, None, :]


def _span(edges: tuple[Tensor, Tensor], rows: range) -> range:
    """Keys that some of the rows see."""
    start, stop = (edge[rows.start : rows.stop] for edge in edges)
    last = int(stop.max())
    return range(min(int(start.min()), last), last)


def _select(ids: Tensor, index: Tensor) -> Tensor:
    """Rows `index` of the batch, where the ids vary over it."""
    return ids.index_select(0, index) if ids.dim() > 1 and ids.shape[0] > 1 else ids


def _need_whole_numbers(name: str, numbers: Tensor) -> None:
    if numbers.is_floating_point() or numbers.is_complex() or numbers.dtype == torch.bool:
        raise ValueError(f"{name} has dtype {numbers.dtype}, expected whole numbers; use .long().")
