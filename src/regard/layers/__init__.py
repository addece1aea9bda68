"""Modules made of `attend`."""

from regard.layers.alibi import alibi_slopes as alibi_slopes
from regard.layers.allowed import Allowed as Allowed
from regard.layers.allowed import allowed_bio as allowed_bio
from regard.layers.crf import CRF as CRF
from regard.layers.dropout import Dropout as Dropout
from regard.layers.feed_forward import FeedForward as FeedForward
from regard.layers.gate import ChannelGate as ChannelGate
from regard.layers.gate import ContextGate as ContextGate
from regard.layers.glimpse import Glimpse as Glimpse
from regard.layers.glimpse import crops as crops
from regard.layers.matrix_pooling import MatrixPooling as MatrixPooling
from regard.layers.matrix_pooling import redundancy as redundancy
from regard.layers.multi_dimensional import MultiDimensional as MultiDimensional
from regard.layers.multi_dimensional import MultiDimensionalPooling as MultiDimensionalPooling
from regard.layers.multi_head import MultiHead as MultiHead
from regard.layers.multi_head import from_multihead_attention as from_multihead_attention
from regard.layers.multi_representation import Contextual as Contextual
from regard.layers.multi_representation import MultiRepresentation as MultiRepresentation
from regard.layers.multi_representation import Plain as Plain
from regard.layers.positions import Learned as Learned
from regard.layers.positions import Sinusoidal as Sinusoidal
from regard.layers.rotary import Layout as Layout
from regard.layers.rotary import Rotary as Rotary
