"""Weighings: how do scores become weights? One file each."""

from regard.attention.weighings.entmax import Entmax as Entmax
from regard.attention.weighings.softmax import Softmax as Softmax
from regard.attention.weighings.sparsemax import Sparsemax as Sparsemax
from regard.attention.weighings.weighing import Weighing as Weighing

WEIGHINGS: tuple[type[Weighing], ...] = (Softmax, Sparsemax, Entmax)
