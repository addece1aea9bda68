"""Scores: how well do a query and a key match? One file each."""

from regard.attention.scores.additive import Additive as Additive
from regard.attention.scores.bilinear import Bilinear as Bilinear
from regard.attention.scores.cosine import Cosine as Cosine
from regard.attention.scores.distance import Distance as Distance
from regard.attention.scores.dot import Dot as Dot
from regard.attention.scores.location import Location as Location
from regard.attention.scores.location_aware import LocationAware as LocationAware
from regard.attention.scores.salience import Salience as Salience
from regard.attention.scores.score import Score as Score
from regard.attention.scores.trilinear import Trilinear as Trilinear

SCORES: tuple[type[Score], ...] = (
    Dot,
    Bilinear,
    Additive,
    Location,
    LocationAware,
    Cosine,
    Distance,
    Trilinear,
    Salience,
)
