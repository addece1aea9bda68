"""Estimators: how is one key chosen, and what carries the gradient? One idea a file."""

from regard.attention.estimators.baselines import Baseline as Baseline
from regard.attention.estimators.baselines import LearnedBaseline as LearnedBaseline
from regard.attention.estimators.baselines import LeaveOneOut as LeaveOneOut
from regard.attention.estimators.baselines import MovingAverage as MovingAverage
from regard.attention.estimators.baselines import NoBaseline as NoBaseline
from regard.attention.estimators.baselines import Rollout as Rollout
from regard.attention.estimators.estimator import Choice as Choice
from regard.attention.estimators.estimator import Estimator as Estimator
from regard.attention.estimators.marginal import Marginal as Marginal
from regard.attention.estimators.reinforce import Reinforce as Reinforce
from regard.attention.estimators.relaxed import Greedy as Greedy
from regard.attention.estimators.relaxed import GumbelSoftmax as GumbelSoftmax
from regard.attention.estimators.relaxed import StraightThrough as StraightThrough
from regard.attention.estimators.variational import Variational as Variational
