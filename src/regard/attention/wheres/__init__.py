"""Wheres: which keys may a query see, and with what prior? One file each."""

from regard.attention.wheres.alibi import Alibi as Alibi
from regard.attention.wheres.around import Around as Around
from regard.attention.wheres.bias import Bias as Bias
from regard.attention.wheres.causal import Causal as Causal
from regard.attention.wheres.lengths import Lengths as Lengths
from regard.attention.wheres.mask import Mask as Mask
from regard.attention.wheres.relative_bias import RelativeBias as RelativeBias
from regard.attention.wheres.segments import Segments as Segments
from regard.attention.wheres.where import Where as Where
from regard.attention.wheres.window import Window as Window

WHERES: tuple[type[Where], ...] = (Causal, Window, Lengths, Segments, Mask, Bias, Around, Alibi, RelativeBias)
