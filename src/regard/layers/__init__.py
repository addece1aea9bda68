"""Modules made of `attend`."""

from regard.layers.allowed import Allowed as Allowed
from regard.layers.allowed import allowed_bio as allowed_bio
from regard.layers.crf import CRF as CRF
from regard.layers.dropout import Dropout as Dropout
from regard.layers.feed_forward import FeedForward as FeedForward
from regard.layers.multi_head import MultiHead as MultiHead
from regard.layers.positions import Sinusoidal as Sinusoidal
