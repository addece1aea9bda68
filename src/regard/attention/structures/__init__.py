"""Distributions over structures: exact sums and searches that plain weights cannot express."""

from regard.attention.structures import linear_chain as linear_chain
from regard.attention.structures.paths import Paths as Paths
