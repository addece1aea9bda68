"""Modules made of `attend`."""

from regard.layers.alternating_co_attention import AlternatingCoAttention as AlternatingCoAttention
from regard.layers.bidirectional import Bidirectional as Bidirectional
from regard.layers.bidirectional import Diagonal as Diagonal
from regard.layers.bidirectional import Directions as Directions
from regard.layers.bidirectional import directions as directions
from regard.layers.co_attention import CoAttendedLevels as CoAttendedLevels
from regard.layers.co_attention import CoAttention as CoAttention
from regard.layers.cross_fusion import CrossFusion as CrossFusion
from regard.layers.cross_fusion import Fusion as Fusion
from regard.layers.dropout import Dropout as Dropout
from regard.layers.feed_forward import FeedForward as FeedForward
from regard.layers.hierarchy import Hierarchy as Hierarchy
from regard.layers.hierarchy import Nested as Nested
from regard.layers.key_value import KeyValue as KeyValue
from regard.layers.key_value import KeyValueSplit as KeyValueSplit
from regard.layers.key_value import Parts as Parts
from regard.layers.multi_head import MultiHead as MultiHead
from regard.layers.parallel_co_attention import CoAttended as CoAttended
from regard.layers.parallel_co_attention import ParallelCoAttention as ParallelCoAttention
from regard.layers.pool import Pool as Pool
from regard.layers.pool import pool as pool
from regard.layers.positions import Sinusoidal as Sinusoidal
from regard.layers.top_down import TopDown as TopDown
