"""Regard: every attention mechanism in one call, every weight open to view."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regard.attention import Additive as Additive
    from regard.attention import Alibi as Alibi
    from regard.attention import Answer as Answer
    from regard.attention import Argmax as Argmax
    from regard.attention import Around as Around
    from regard.attention import Attention as Attention
    from regard.attention import Baseline as Baseline
    from regard.attention import Bernoulli as Bernoulli
    from regard.attention import Bias as Bias
    from regard.attention import Bilinear as Bilinear
    from regard.attention import Causal as Causal
    from regard.attention import Chain as Chain
    from regard.attention import Choice as Choice
    from regard.attention import Cosine as Cosine
    from regard.attention import Distance as Distance
    from regard.attention import Dot as Dot
    from regard.attention import Elementwise as Elementwise
    from regard.attention import Entmax as Entmax
    from regard.attention import Estimator as Estimator
    from regard.attention import Greedy as Greedy
    from regard.attention import Gumbel as Gumbel
    from regard.attention import GumbelSoftmax as GumbelSoftmax
    from regard.attention import LearnedBaseline as LearnedBaseline
    from regard.attention import LeaveOneOut as LeaveOneOut
    from regard.attention import Lengths as Lengths
    from regard.attention import Location as Location
    from regard.attention import LocationAware as LocationAware
    from regard.attention import Marginal as Marginal
    from regard.attention import Mask as Mask
    from regard.attention import Memory as Memory
    from regard.attention import Monotonic as Monotonic
    from regard.attention import MovingAverage as MovingAverage
    from regard.attention import NoBaseline as NoBaseline
    from regard.attention import Plan as Plan
    from regard.attention import Reinforce as Reinforce
    from regard.attention import RelativeBias as RelativeBias
    from regard.attention import Rollout as Rollout
    from regard.attention import RowNormalised as RowNormalised
    from regard.attention import Salience as Salience
    from regard.attention import Score as Score
    from regard.attention import Segments as Segments
    from regard.attention import Sigmoid as Sigmoid
    from regard.attention import Softmax as Softmax
    from regard.attention import Sparsemax as Sparsemax
    from regard.attention import Statistics as Statistics
    from regard.attention import StraightThrough as StraightThrough
    from regard.attention import Top as Top
    from regard.attention import TopK as TopK
    from regard.attention import Trilinear as Trilinear
    from regard.attention import Variational as Variational
    from regard.attention import Wanted as Wanted
    from regard.attention import Weighing as Weighing
    from regard.attention import Where as Where
    from regard.attention import Window as Window
    from regard.attention import attend as attend
    from regard.attention import choose as choose
    from regard.attention import conventions as conventions
    from regard.attention import explain as explain
    from regard.attention import pack as pack
    from regard.attention import statistics as statistics
    from regard.attention import unpack as unpack
    from regard.attention import weights as weights
    from regard.look.attended import Attended as Attended
    from regard.look.grid import Grid as Grid
    from regard.look.record import Record as Record
    from regard.look.record import Recording as Recording
    from regard.look.record import load_record as load_record
    from regard.look.record import record as record
    from regard.look.record_options import Options as Options

__version__ = "0.1.0"


# What is public and no part of the algebra, with the module that has it.
_LOOKING = {
    "Attended": "regard.look.attended",
    "Grid": "regard.look.grid",
    "Options": "regard.look.record_options",
    "Record": "regard.look.record",
    "Recording": "regard.look.record",
    "load_record": "regard.look.record",
    "record": "regard.look.record",
}


def __getattr__(name: str) -> object:
    """Import what is public when it is first used, so that `regard --help` need not wait for torch."""
    if name.startswith("__"):
        raise AttributeError(name)
    owner = import_module(_LOOKING.get(name, "regard.attention"))
    try:
        found = getattr(owner, name)
    except AttributeError:
        raise AttributeError(f"module 'regard' has no attribute {name!r}") from None
    # Python asks here only for names that are not in the module, so the next look-up is an ordinary one.
    globals()[name] = found
    return found
