from __future__ import annotations

import pytest
import torch
from torch import nn

from regard.layers import MatrixPooling, Pool
from regard.models import (
    AsTheyAre,
    BothWays,
    Cell,
    Convolutions,
    Flat,
    Hierarchical,
    OneContext,
    Rows,
    SelfAttention,
    SparsemaxWeights,
    WordTable,
)
from regard.models.classifier import Classifier, Level
from regard.models.readers import NeighbourReader, Reader
from regard.models.two_ways import TwoWays

READERS: list[Reader] = [
    AsTheyAre(),
    BothWays(hidden_size=3, layers=2),
    BothWays(hidden_size=3, cell=Cell.LSTM),
    Convolutions(hidden_size=5, widths=(1, 3)),
    SelfAttention(size=6, heads=2, layers=2, feed_forward_size=11),
]
DOCUMENTS = torch.tensor(
    [[[4, 5, 6, 7, 2], [8, 0, 0, 0, 0], [9, 10, 1, 0, 0]], [[3, 4, 0, 0, 0], [0] * 5, [0] * 5], [[0] * 5] * 3]
)


def table(**settings) -> WordTable:
    torch.manual_seed(1)
    return WordTable(11, 4, unknown=3, **{"word_dropout": 0.0, **settings}).double()


def pooled_by_loop(pool: Pool, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Equations 5 to 7 of Yang et al. 2016 for one sequence."""
    score = torch.stack([torch.tanh(pool.hidden.weight @ h + pool.hidden.bias) @ pool.query for h in states])
    share = score.exp() / score.exp().sum()
    return sum(a * h for a, h in zip(share, states, strict=True)), share


def test_two_levels_agree_with_the_paper_s_equations_in_loops():
    words, sentences = Level(AsTheyAre().build(4, 0.0), Pool(4, 7)), Level(AsTheyAre().build(4, 0.0), Pool(4, 5))
    model = Classifier(table(), [sentences, words], classes=3, dropout=0.0).double().eval()
    found = model(DOCUMENTS)
    for place, document in enumerate(DOCUMENTS):
        vectors = []
        for row, sentence in enumerate(document):
            real = sentence[sentence != 0]
            if len(real):
                vector, share = pooled_by_loop(words.pool, model.table.learned.weight[real])
                torch.testing.assert_close(found.weights[1][place, row, 0, : len(real)], share)
                vectors.append(vector)
            assert not found.weights[1][place, row, 0, len(real) :].any()
        whole = torch.zeros(4, dtype=torch.float64)
        if vectors:
            whole, share = pooled_by_loop(sentences.pool, torch.stack(vectors))
            torch.testing.assert_close(found.weights[0][place, 0, : len(vectors)], share)
        assert not found.weights[0][place, 0, len(vectors) :].any()
        torch.testing.assert_close(found.scores[place], model.output.weight @ whole + model.output.bias)


def test_rows_of_a_pool_are_joined():
    pool = MatrixPooling(4, 5, rows=2)
    level = Level(AsTheyAre().build(4, 0.0), pool).double()
    states, lengths = torch.randn(2, 7, 4, dtype=torch.float64), torch.tensor([7, 3])
    found = level(states, lengths)
    assert level.size == 8
    for place, length in enumerate(lengths):
        real = states[place, :length]
        share = (pool.interests.weight @ (pool.score.hidden.weight @ real.T).tanh()).softmax(1)
        torch.testing.assert_close(found.weights[place, :, :length], share)
        torch.testing.assert_close(found.context[place], (share @ real).flatten())


@pytest.mark.parametrize("reader", READERS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("pool", [OneContext(5), Rows(2, 5, SparsemaxWeights())], ids=["one", "rows"])
def test_padding_does_not_matter_and_what_it_holds_does_not_leak(reader, pool):
    for kind in (Flat(reader, pool, 0.0), Hierarchical(reader, pool, BothWays(2), OneContext(3), 0.0)):
        model = kind.build(table(), 3).double().eval()
        tokens = DOCUMENTS if kind.levels == 2 else DOCUMENTS.flatten(1)[:, [0, 1, 2, 3, 4]]
        plain = model(tokens)
        with torch.no_grad():
            model.table.learned.weight[0] = torch.nan
        wider = nn.functional.pad(tokens, (0, 2, 0, 2) if kind.levels == 2 else (0, 2))
        padded = model(wider)
        torch.testing.assert_close(padded.scores, plain.scores)
        torch.testing.assert_close(
            padded.weights[-1][..., : tokens.shape[-1]][:, : plain.weights[-1].shape[1]], plain.weights[-1]
        )
        alone = model(tokens[1:2])
        torch.testing.assert_close(alone.scores, plain.scores[1:2])
        padded.scores.sum().backward()
        grads = [p.grad for name, p in model.named_parameters() if p.grad is not None and "table" not in name]
        assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("reader", READERS, ids=lambda one: type(one).__name__)
def test_a_batch_of_nothing_but_empty_documents_gets_the_bias(reader):
    model = Hierarchical(reader, OneContext(5), reader, OneContext(5), 0.0).build(table(), 3).double().eval()
    found = model(torch.zeros(2, 1, 1, dtype=torch.int64))
    torch.testing.assert_close(found.scores, model.output.bias.expand(2, 3))
    assert not found.weights[0].any()


def test_both_ways_agrees_with_pytorch_s_bidirectional_gru_on_packed_sequences():
    torch.manual_seed(2)
    reader = TwoWays(Cell.GRU, 3, 5).double()
    oracle = nn.GRU(3, 5, bidirectional=True, batch_first=True).double()
    for name, value in reader.onward.layers.named_parameters():
        getattr(oracle, name).data.copy_(value)
    for name, value in reader.back.layers.named_parameters():
        getattr(oracle, f"{name}_reverse").data.copy_(value)
    inputs, lengths = torch.randn(3, 7, 3, dtype=torch.float64), torch.tensor([7, 1, 4])
    packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(oracle(packed)[0], batch_first=True)
    real = torch.arange(7) < lengths[:, None]
    torch.testing.assert_close(reader(inputs, lengths)[real], expected[real])


def test_neighbours_agree_with_a_loop_over_windows():
    torch.manual_seed(2)
    reader = NeighbourReader(3, 5, [3]).double()
    inputs, lengths = torch.randn(2, 7, 3, dtype=torch.float64), torch.tensor([7, 4])
    inputs[1, 4:] = 0
    found = reader(inputs, lengths)
    window = reader.windows[0]
    for row, length in enumerate(lengths):
        around = nn.functional.pad(inputs[row, :length], (0, 0, 1, 1))
        for place in range(length):
            expected = (window.weight * around[place : place + 3].T).sum((1, 2)) + window.bias
            torch.testing.assert_close(found[row, place], expected.relu())


def test_a_table_reads_pairs_vectors_and_unknown_words():
    vectors = torch.arange(26.0).view(13, 2)
    made = table(pairs=torch.tensor([[5, 4], [4, 5]]), vectors=vectors)
    found = made(torch.tensor([[4, 5, 12, 5, 0]]))
    learned, paired = made.learned.weight, made.paired.weight
    # Pairs are in the order of their numbers, so (4, 5) comes first.
    expected = [learned[4], learned[5] + paired[1], learned[3], learned[5], learned[0]]
    torch.testing.assert_close(found[0, :, :4], torch.stack(expected))
    torch.testing.assert_close(found[0, :, 4:], vectors.double()[[4, 5, 12, 5, 0]])


def test_spelling_adds_the_mean_of_a_word_s_runs_of_letters():
    spellings = torch.zeros(13, 3, dtype=torch.int64)
    spellings[5], spellings[12, :2] = torch.tensor([2, 7, 1]), torch.tensor([4, 2])
    made = table(spellings=spellings)
    found = made(torch.tensor([[5, 6], [12, 0]]))
    learned, spelled = made.learned.weight, made.spelled.weight
    torch.testing.assert_close(found[0, 0], learned[5] + spelled[[2, 7, 1]].mean(0))
    torch.testing.assert_close(found[0, 1], learned[6])
    torch.testing.assert_close(found[1, 0], learned[3] + spelled[[4, 2]].mean(0))
    assert not found[1, 1].any()


def test_word_dropout_reads_words_as_unknown_at_its_rate_and_keeps_their_vectors():
    made = table(word_dropout=0.25, vectors=torch.ones(11, 1)).train()
    tokens = torch.full((40, 250), 7)
    tokens[:, 200:] = 0
    found = made(tokens)
    unknown = (found[..., :4] == made.learned.weight[3]).all(-1)
    assert abs(float(unknown[:, :200].double().mean()) - 0.25) < 0.02
    assert not unknown[:, 200:].any()
    assert bool((found[..., 4] == 1).all())
    assert not (made.eval()(tokens)[..., :4] == made.learned.weight[3]).all(-1).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"word_dropout": 1.0}, "word_dropout is 1.0"),
        ({"pairs": torch.tensor([[4, 11]])}, r"pairs has shape \(1, 2\), expected \(pairs, 2\) of tokens below 11"),
        ({"vectors": torch.zeros(7, 2)}, r"vectors has shape \(7, 2\), expected .* at least 11 words"),
    ],
)
def test_bad_tables_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        table(**settings)


def test_tokens_of_other_levels_and_even_widths_are_refused():
    model = Flat(AsTheyAre(), OneContext(3)).build(table(), 2)
    with pytest.raises(ValueError, match=r"tokens has shape \(3, 3, 5\), expected .* 1 more axes"):
        model(DOCUMENTS)
    with pytest.raises(ValueError, match=r"widths are \(2,\), expected odd"):
        Convolutions(5, (2,)).build(3, 0.0)
