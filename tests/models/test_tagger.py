"""Words, letters and neighbours: padding changes nothing, and what is padded cannot leak."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from regard.attention import Lengths
from regard.layers import Allowed
from regard.models import (
    AttendedNeighbours,
    Cell,
    ConvolvedLetters,
    Norm,
    ReadLetters,
    ReadNeighbours,
    SelfAttendedNeighbours,
    SparsemaxWeights,
    Words,
    WordTagger,
    looking,
)
from regard.models.spelling import LetterConvolution, LetterReader

READ = ReadNeighbours(7, 2, Cell.GRU)
TAGGERS = (
    WordTagger(5, ReadLetters(3, 5), ReadNeighbours(7), 0.0, 0.0),
    WordTagger(5, ReadLetters(3, 5), AttendedNeighbours(READ, 2), 0.0, 0.0),
    WordTagger(5, ConvolvedLetters(3, 11, 2), AttendedNeighbours(READ, 7, SparsemaxWeights()), 0.0, 0.0),
    WordTagger(5, ConvolvedLetters(3, 11, 1), SelfAttendedNeighbours(14, 2, 2, 13), 0.0, 0.0),
    WordTagger(5, ReadLetters(3, 5), SelfAttendedNeighbours(14, 7, 3, 13, Norm.POST), 0.0, 0.0),
)
LENGTHS = torch.tensor([7, 1, 4])
TAGS = 5


def batch() -> tuple[Words, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    inside = torch.arange(7) < LENGTHS[:, None]
    counts = torch.tensor([3, 1, 6, 2, 5])
    letters = torch.randint(2, 13, (5, 6), generator=generator).masked_fill(torch.arange(6) >= counts[:, None], 0)
    numbers = torch.randint(1, 17, (3, 7), generator=generator).masked_fill(~inside, 0)
    spelling = torch.randint(0, 5, (3, 7), generator=generator).masked_fill(~inside, 0)
    return Words(numbers, letters, counts, spelling), torch.randint(0, TAGS, (3, 7), generator=generator)


def build(settings):
    torch.manual_seed(1)
    model = settings.build(17, 13, Allowed.everything(TAGS)).double().eval()
    for parameter in model.crf.parameters():
        nn.init.normal_(parameter)
    return model


@pytest.mark.parametrize("settings", TAGGERS, ids=str)
def test_a_sentence_is_tagged_alike_alone_and_in_any_batch(settings):
    model, (words, tags) = build(settings), batch()
    scores, likelihood = model.scores(words, LENGTHS), model(words, LENGTHS, tags)
    found = model.n_best(words, LENGTHS, 3)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = Words(words.numbers[row : row + 1, :length], *_respelled(words, row, length))
        one = torch.tensor([length])
        torch.testing.assert_close(model.scores(alone, one)[0], scores[row, :length], rtol=0, atol=1e-12)
        torch.testing.assert_close(model(alone, one, tags[row : row + 1, :length])[0], likelihood[row])
        best = model.n_best(alone, one, 3)
        assert torch.equal(best.states[0], found.states[row, :, :length])
        torch.testing.assert_close(best.score[0], found.score[row])
        assert torch.equal(model.best(alone, one).states[0], found.states[row, 0, :length])


def _respelled(words: Words, row: int, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Letters of the words of one sentence alone, in another order and without the padding that others need."""
    used, places = words.spelling[row, :length].unique(return_inverse=True)
    used, places = used.flip(0), len(used) - 1 - places
    counts = words.counts[used]
    return words.letters[used, : int(counts.max())], counts, places[None]


@pytest.mark.parametrize("settings", TAGGERS, ids=str)
def test_letters_and_words_behind_an_end_are_not_read(settings):
    model, (words, tags) = build(settings), batch()
    with torch.no_grad():
        model.encoder.words.weight[16] = torch.nan
        model.encoder.spelling.letters.weight[12] = torch.nan
    inside = torch.arange(7) < LENGTHS[:, None]
    clean = torch.where(words.numbers == 16, 15, words.numbers)
    letters = torch.where(words.letters == 12, 11, words.letters)
    wanted = model(replace(words, numbers=clean, letters=letters), LENGTHS, tags)
    # Letter 12 and word 16 stand only where nothing is read.
    spoiled = replace(
        words,
        numbers=clean.masked_fill(~inside, 16),
        letters=letters.masked_fill(torch.arange(6) >= words.counts[:, None], 12),
    )
    found = model(spoiled, LENGTHS, tags.masked_fill(~inside, 99))
    torch.testing.assert_close(found, wanted)
    found.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_filters_are_those_of_pytorch_over_each_word_alone():
    torch.manual_seed(3)
    ours = LetterConvolution(13, 5, 7, 2).double()
    theirs = nn.Conv1d(5, 7, 5, padding=2).double()
    # Windows unfold as (size, places), which is how PyTorch lays its filters out.
    theirs.weight.data = ours.filters.weight.data.unflatten(1, (5, 5))
    theirs.bias.data = ours.filters.bias.data
    words, _tags = batch()
    found = ours(words.letters, words.counts)
    for row, count in enumerate(words.counts.tolist()):
        vectors = ours.letters(words.letters[row, :count]).T[None]
        torch.testing.assert_close(found[row], theirs(vectors).amax(-1)[0])


def test_a_word_is_read_from_both_ends():
    torch.manual_seed(4)
    ours, (words, _tags) = LetterReader(13, 5, 7).double(), batch()
    found = ours(words.letters, words.counts)
    for row, count in enumerate(words.counts.tolist()):
        vectors = ours.letters(words.letters[row : row + 1, :count])
        onward, _ = ours.reader.onward.layers(vectors)
        back, _ = ours.reader.back.layers(vectors.flip(1))
        torch.testing.assert_close(found[row], torch.cat((onward[0, -1], back[0, -1])))


def test_words_are_taken_for_unknown_at_their_rate_while_training_and_only_then():
    settings = replace(TAGGERS[0], word_dropout=0.3)
    encoder = build(settings).encoder
    numbers = torch.full((50, 101), 7)
    numbers[:, 100] = 0
    words = replace(batch()[0], numbers=numbers, spelling=torch.zeros_like(numbers))
    lengths = torch.full((50,), 100)
    own, unknown = encoder.words.weight[7], encoder.words.weight[1]
    torch.manual_seed(5)
    vectors = encoder.train().vectors(words, lengths)[..., :5]
    dropped = (vectors == unknown).all(-1)
    assert ((vectors == own).all(-1) | dropped | (numbers == 0)).all()
    assert (vectors[:, 100] == 0).all()
    assert dropped[:, :100].double().mean() == pytest.approx(0.3, abs=0.03)
    assert (encoder.eval().vectors(words, lengths)[:, :100, :5] == own).all()
    with pytest.raises(ValueError, match="word_dropout is 1, expected a rate of at least 0 and below 1"):
        replace(settings, word_dropout=1).build(17, 13, Allowed.everything(TAGS))


@pytest.mark.parametrize("settings", TAGGERS, ids=str)
def test_what_words_look_at_is_collected_without_changing_anything(settings):
    model, (words, _tags) = build(settings), batch()
    before = model.scores(words, LENGTHS)
    with looking(model) as seen:
        assert torch.equal(model.scores(words, LENGTHS), before)
    assert not any(module._forward_pre_hooks for module in model.modules())
    expected = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3}[TAGGERS.index(settings)]
    assert len(seen) == expected
    for weights in seen.values():
        assert weights.shape[0::2] == (3, 7)
        for row, length in enumerate(LENGTHS.tolist()):
            torch.testing.assert_close(weights[row, :, :length].sum(-1), torch.ones_like(weights[row, :, :length, 0]))
            assert (weights[row, :, :, length:] == 0).all()


def test_gradients_of_the_likelihood_are_right():
    model, (words, tags) = build(TAGGERS[1]), batch()
    parameters = dict(model.named_parameters())
    chosen = ("crf.transition", "unary.weight", "encoder.spelling.letters.weight", "encoder.words.weight")

    def likelihood(*given):
        replaced = parameters | dict(zip(chosen, given, strict=True))
        return torch.func.functional_call(model, replaced, (words, LENGTHS, tags))

    inputs = [parameters[name].detach().clone().requires_grad_() for name in chosen]
    torch.autograd.gradcheck(likelihood, inputs, fast_mode=True)


def test_the_likelihood_is_that_of_the_chain():
    model, (words, tags) = build(TAGGERS[0]), batch()
    scores = model.scores(words, LENGTHS)
    torch.testing.assert_close(model(words, LENGTHS, tags), model.crf(scores, tags, Lengths(LENGTHS)))
