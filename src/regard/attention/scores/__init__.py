"""Scores: how well do a query and a key match? One file each."""

from regard.attention.scores.additive import Additive as Additive
from regard.attention.scores.bilinear import Bilinear as Bilinear
from regard.attention.scores.dot import Dot as Dot
from regard.attention.scores.location import Location as Location
from regard.attention.scores.score import Score as Score

SCORES: tuple[type[Score], ...] = (Dot, Bilinear, Additive, Location)
