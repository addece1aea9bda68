"""Weighings: how do scores become weights? One file each."""

from regard.attention.weighings.argmax import Argmax as Argmax
from regard.attention.weighings.bernoulli import Bernoulli as Bernoulli
from regard.attention.weighings.chain import Chain as Chain
from regard.attention.weighings.entmax import Entmax as Entmax
from regard.attention.weighings.gumbel import Gumbel as Gumbel
from regard.attention.weighings.monotonic import Monotonic as Monotonic
from regard.attention.weighings.sigmoid import Sigmoid as Sigmoid
from regard.attention.weighings.softmax import Softmax as Softmax
from regard.attention.weighings.sparsemax import Sparsemax as Sparsemax
from regard.attention.weighings.top_k import TopK as TopK
from regard.attention.weighings.weighing import Carried as Carried
from regard.attention.weighings.weighing import Elementwise as Elementwise
from regard.attention.weighings.weighing import RowNormalised as RowNormalised
from regard.attention.weighings.weighing import Weighing as Weighing

WEIGHINGS: tuple[type[Weighing], ...] = (
    Softmax,
    Sparsemax,
    Entmax,
    TopK,
    Sigmoid,
    Argmax,
    Gumbel,
    Bernoulli,
    Chain,
    Monotonic,
)
