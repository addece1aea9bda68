"""Modules made of `attend`."""

from regard.layers.dropout import Dropout as Dropout
from regard.layers.feed_forward import FeedForward as FeedForward
from regard.layers.multi_head import MultiHead as MultiHead
from regard.layers.pool import Pool as Pool
from regard.layers.pool import pool as pool
from regard.layers.positions import Sinusoidal as Sinusoidal
