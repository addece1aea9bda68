"""Recording: what is captured equals what the model computed, and nothing is left out silently."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as modules

import regard as rg
from regard.attention.native.library import missing
from regard.look.record_options import Keep

BATCH, HEADS, LENGTH, SIZE = 2, 3, 13, 15


class Written(nn.Module):
    """Attention written out, as in many a model of one's own, with what such models do to scores."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.heads = kind, HEADS
        self.qkv = nn.Linear(SIZE, 3 * SIZE)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(inputs).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
        if self.kind == "sdpa":
            context = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        elif self.kind == "dropout":
            context = functional.scaled_dot_product_attention(query, key, value, causal, dropout_p=0.5)
        else:
            self.weights = self.scores(query, key, causal).softmax(-1)[..., :LENGTH]
            context = self.weights @ value
        return context.transpose(1, 2).flatten(2)

    def scores(self, query: torch.Tensor, key: torch.Tensor, causal: torch.Tensor) -> torch.Tensor:
        if self.kind == "timm":
            return (query * 0.4) @ key.transpose(-2, -1)
        if self.kind == "einsum":
            return torch.einsum("bhid,bhjd->bhij", query, key) / 3**0.5
        scores = query @ key.transpose(-2, -1) * 1.7
        if self.kind == "filled":
            return scores.masked_fill(~causal, -torch.inf)
        if self.kind == "where":
            return torch.where(causal, scores, torch.finfo(scores.dtype).min)
        if self.kind == "capped":
            return torch.tanh(scores / 0.9) * 0.9 + torch.zeros(LENGTH, LENGTH).masked_fill(~causal, -1e9)
        if self.kind == "sink":
            sink = torch.arange(3.0).reshape(1, -1, 1, 1).expand(BATCH, HEADS, LENGTH, 1)
            together = torch.cat((scores, sink), -1)
            return together - together.amax(-1, keepdim=True)
        place = torch.arange(LENGTH)
        scores += (place - place[:, None]).abs() * -0.3
        return scores + torch.zeros(LENGTH, LENGTH).masked_fill(~causal, -torch.inf)


def inputs(seed: int = 1) -> torch.Tensor:
    return torch.randn(BATCH, LENGTH, SIZE, generator=torch.Generator().manual_seed(seed))


def made(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3, generator=generator)
    return module.eval()


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("kind", ["timm", "einsum", "filled", "where", "capped", "sink", "distance"])
def test_attention_that_is_written_out_is_recorded(kind, gradient):
    model = made(Written(kind))
    with torch.set_grad_enabled(gradient):
        plain = model(inputs())
        expected = model.weights.detach()
        with rg.record(model) as seen:
            output = model(inputs())
    assert torch.equal(output, plain)
    assert output.requires_grad == gradient
    assert not seen.record.unseen
    one = seen["model"]
    assert torch.allclose(one.weights(), expected, atol=2e-6, rtol=0)
    assert one.sight.mask is None
    assert one.sight.bias is None
    assert (one.softcap is None) == (kind != "capped")
    assert (one.sink is None) == (kind != "sink")
    assert (one.sight.right == 0) == (kind in ("filled", "where", "capped", "distance"))


def test_kernels_of_pytorch_are_recorded_and_a_hidden_path_too():
    model = made(Written("sdpa"))
    plain = model(inputs())
    with rg.record(model) as seen:
        assert torch.equal(model(inputs()), plain)
    query, key, _value = model.qkv(inputs()).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
    expected = rg.weights(query, key, where=rg.Causal())
    assert torch.allclose(seen["model"].weights(), expected, atol=2e-6, rtol=0)
    with rg.record(made(Written("dropout"))) as dropped:
        dropped._model(inputs())
    # What is recorded are the weights that dropout was given.
    assert torch.allclose(dropped["model"].weights(), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("weights", ["none", "mean", "each"])
def test_multi_head_attention_of_pytorch_is_recorded_on_its_fast_path_too(weights, gradient):
    module = made(nn.MultiheadAttention(SIZE, HEADS, batch_first=True))
    asked = {"need_weights": weights != "none", "average_attn_weights": weights != "each"}
    hidden = torch.zeros(BATCH, LENGTH, dtype=torch.bool)
    hidden[1, -4:] = True
    with torch.set_grad_enabled(gradient):
        _context, expected = module(
            *[inputs()] * 3, key_padding_mask=hidden, need_weights=True, average_attn_weights=False
        )
        plain = module(*[inputs()] * 3, key_padding_mask=hidden, **asked)[0]
        with rg.record(module) as seen:
            output = module(*[inputs()] * 3, key_padding_mask=hidden, **asked)[0]
    assert torch.equal(output, plain)
    assert torch.allclose(seen["model"].weights(), expected.detach(), atol=2e-6, rtol=0)
    assert seen["model"].proof.rows == LENGTH * BATCH * HEADS


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("gradient", [False, True])
def test_a_transformer_of_pytorch_is_recorded_fused_or_not(gradient, first):
    settings = {"dim_feedforward": 11, "dropout": 0.0, "batch_first": True, "norm_first": first}
    # An even number of heads, for which PyTorch leaves padding out of the batch.
    model = made(nn.Transformer(14, 2, 2, 2, **settings))
    hidden = torch.zeros(BATCH, LENGTH, dtype=torch.bool)
    hidden[1, -4:] = True
    causal = nn.Transformer.generate_square_subsequent_mask(7)
    source, target = inputs()[..., :14], inputs(2)[:, :7, :14]
    with torch.set_grad_enabled(gradient):
        plain = model(source, target, tgt_mask=causal, src_key_padding_mask=hidden)
        with rg.record(model) as seen:
            output = model(source, target, tgt_mask=causal, src_key_padding_mask=hidden)
    assert torch.equal(output, plain)
    assert not seen.record.unseen
    assert list(seen) == [
        *(f"encoder.layers.{layer}.self_attn" for layer in range(2)),
        *(f"decoder.layers.{layer}.{part}" for layer in range(2) for part in ("self_attn", "multihead_attn")),
    ]
    _check_first_encoder_layer(model, seen, source, hidden)
    assert seen["decoder.layers.0.self_attn"].sight.right == 0
    assert seen["decoder.layers.1.multihead_attn"].weights().shape == (BATCH, 2, 7, LENGTH)
    assert max(one.proof.weights for one in seen.values()) < 1e-5


def _check_first_encoder_layer(model, seen, source, hidden):
    layer = model.encoder.layers[0]
    normed = layer.norm1(source) if layer.norm_first else source
    expected = layer.self_attn(*[normed] * 3, key_padding_mask=hidden, average_attn_weights=False)[1].detach()
    found = seen["encoder.layers.0.self_attn"]
    rows = found.lse > -torch.inf
    assert torch.allclose(found.weights()[rows], expected[rows], atol=2e-6, rtol=0)


WHERES = {
    "causal": rg.Causal(),
    "window": rg.Window(3, 1),
    "lengths": rg.Lengths(torch.tensor([13, 5]), torch.tensor([11, 13])),
    "documents": rg.Segments.of_lengths(torch.tensor([5, 8])) & rg.Causal(),
    "any": rg.Mask(torch.rand(LENGTH, LENGTH, generator=torch.Generator().manual_seed(2)) > 0.4),
    "slopes": rg.Causal() + rg.Alibi(torch.tensor([0.3, 0.2, 0.1])),
    "biased": rg.Window(None, 2)
    + rg.Bias(torch.randn(HEADS, LENGTH, LENGTH, generator=torch.Generator().manual_seed(2))),
}


@pytest.mark.parametrize("weigh", [rg.Softmax(), rg.Softmax(1.7, sink=torch.randn(HEADS, 1, 1))])
@pytest.mark.parametrize("score", [rg.Dot(), rg.Dot(scale=0.4, softcap=1.3), rg.Bilinear(5, 4), rg.Cosine(3.0)])
@pytest.mark.parametrize("name", WHERES)
def test_our_own_attention_is_recorded(name, score, weigh):
    module = rg.Attention(score, WHERES[name], weigh).eval()
    generator = torch.Generator().manual_seed(3)
    query = torch.randn(BATCH, HEADS, LENGTH, 5, generator=generator)
    key = torch.randn(BATCH, HEADS, LENGTH, 4 if isinstance(score, rg.Bilinear) else 5, generator=generator)
    with torch.no_grad():
        plain = module(query, key, key)
        with rg.record(module) as seen:
            assert torch.equal(module(query, key, key), plain)
        expected = rg.weights(query, key, score=score, where=WHERES[name], weigh=weigh)
    assert not seen.record.unseen
    assert torch.allclose(seen["model"].weights(), expected, atol=2e-6, rtol=0)
    assert (seen["model"].sight.mask is None) == (name != "any")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (rg.Attention(rg.Additive(5, 5, 4)), "its score Additive is no product"),
        (rg.Attention(weigh=rg.Sparsemax()), "its weighing Sparsemax is no softmax"),
        (
            rg.Attention(where=rg.Around(torch.full((BATCH, HEADS, LENGTH), 3.0), 2, gaussian=True)),
            "multiplied after",
        ),
    ],
)
def test_what_cannot_be_recorded_is_listed_with_the_reason(module, reason):
    with rg.record(module) as seen:
        module(*[torch.randn(BATCH, HEADS, LENGTH, 5)] * 3)
    assert not len(seen)
    assert reason in seen.record.unseen["model"]


class AttentionOfOthers(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scores = (inputs[:, :, None] - inputs[:, None]).abs().sum(-1)
        return scores.softmax(-1) @ inputs


class KernelAttention(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.cumsum(1)


class Calling(nn.Module):
    """A function of ours, and no module of ours, in a module whose name says nothing."""

    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.call(inputs, inputs, inputs)


def by_kernels(call, reason):
    return pytest.param(Calling(call), reason, marks=pytest.mark.skipif(missing() is not None, reason=str(missing())))


def exponentials(query, key, value):
    weights = (query @ key.mT).exp()
    return weights / weights.sum(-1, keepdim=True) @ value


def gated(query, key, value):
    return (query @ key.mT).sigmoid() @ value


def linear(query, key, value):
    return query.exp() @ key.exp().mT @ value


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (AttentionOfOthers(), "no product of queries"),
        (KernelAttention(), "no attention was seen"),
        by_kernels(lambda *given: rg.attend(*given, weigh=rg.Entmax(1.5)), "it calls regard::attend by itself"),
        by_kernels(lambda *given: rg.choose(*given).context, "it calls regard::choose by itself"),
        by_kernels(lambda q, k, _v: rg.statistics(q, k, rg.Wanted(mass=True)).mass, "it calls regard::statistics"),
        (Calling(exponentials), "not of a softmax, but of aten::exp"),
        (Calling(gated), "not of a softmax, but of aten::sigmoid"),
        (Calling(linear), "not of a softmax"),
    ],
)
def test_attention_of_another_kind_is_listed(module, reason):
    with rg.record(nn.Sequential(module)) as seen:
        module(inputs())
    assert reason in seen.record.unseen["0"]


def test_a_kernel_that_computes_something_else_is_caught_by_the_comparison(monkeypatch):
    from regard.look import record_tap

    monkeypatch.setattr(record_tap, "causal", lambda queries, keys, shift: record_tap.whole(queries, keys))
    model = made(Written("sdpa"))
    with rg.record(model) as seen:
        model(inputs())
    assert "differ from the model's" in seen.record.unseen["model"]


class Looping(nn.Module):
    """One module that runs twice, as where layers share it."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = Written("sdpa")

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.shared(self.shared(inputs))


def test_a_second_call_has_a_name_of_its_own():
    model = made(Looping())
    with rg.record(model) as seen:
        model(inputs())
    assert list(seen) == ["shared", "shared#2"]


def test_rows_heads_layers_and_dtype_are_chosen():
    model = made(Looping())
    with rg.record(model) as whole:
        model(inputs())
    options = rg.Options(layers=["shared"], heads=[2, 0], rows=[11, 2, 99], dtype=torch.bfloat16)
    with rg.record(model, options=options, tokens={"text": "abcdefghijklm"}) as seen:
        model(inputs())
    one = seen["shared"]
    assert one.query.dtype == torch.bfloat16
    assert one.head_numbers == (2, 0)
    assert one.query_tokens == ("c", "l")
    assert one.rows.tolist() == [2, 11]
    expected = whole["shared"].weights([2, 11])[:, [2, 0]]
    assert torch.allclose(one.weights(), expected, atol=0.1)
    assert not len(_recorded(model, rg.Options(layers=["other"])))


def _recorded(model, options):
    with rg.record(model, options=options) as seen:
        model(inputs())
    return seen


def test_bytes_are_told_beforehand_and_a_budget_is_not_exceeded():
    model = made(Looping())
    sizes = _recorded(model, rg.Options(keep=Keep.SIZES))
    assert not len(sizes)
    real = _recorded(model, rg.Options())
    assert real.bytes == sizes.bytes
    # Beside queries, keys and their numbers there are a few numbers for each row.
    assert abs(real.record.bytes - real.bytes) < 0.05 * real.bytes
    _recorded(model, rg.Options(memory=real.bytes))
    with pytest.raises(MemoryError, match="memory is .* bytes, and shared would make the record"):
        _recorded(model, rg.Options(memory=real.bytes - 1))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"heads": []}, "heads is"),
        ({"rows": [-1]}, "rows is"),
        ({"layers": "encoder"}, "layers is"),
        ({"dtype": torch.int8}, "dtype is"),
        ({"memory": -1}, "memory is"),
    ],
)
def test_options_that_mean_nothing_are_refused(fault, told):
    with pytest.raises(ValueError, match=told):
        rg.Options(**fault)


def test_memory_grows_with_the_length_and_not_its_square():
    module = rg.Attention(where=rg.Causal())
    sizes = []
    for length in (97, 2 * 97):
        with rg.record(module) as seen:
            module(*[torch.zeros(1, 1, length, 4)] * 3)
        sizes.append(seen.record.bytes)
    assert sizes[1] == 2 * sizes[0]


def test_an_error_in_the_block_leaves_the_model_as_it_was():
    model = made(Looping())
    seen = rg.record(model)
    with pytest.raises(ZeroDivisionError), seen:
        1 / 0  # noqa: B018
    with pytest.raises(ValueError, match="has not ended"):
        seen.record  # noqa: B018
    before = model(inputs())
    assert torch.equal(_recorded(model, rg.Options())._model(inputs()), before)
    with pytest.raises(ValueError, match="model is int"):
        rg.record(3)


def test_a_record_is_loaded_without_the_model(tmp_path):
    model = made(Looping())
    with rg.record(model, tokens={"text": [f"</script>{number}" for number in range(LENGTH)]}) as seen:
        model(inputs())
    seen.save(tmp_path / "record")
    with pytest.raises(ValueError, match="most is 9 bytes"):
        seen.record.save(tmp_path / "record", most=9)
    seen.record.save(tmp_path / "record", most=seen.record.bytes)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["record", "record.json", "record.safetensors"]
    (tmp_path / "plain").touch()
    modes = {path.stat().st_mode for path in tmp_path.rglob("*") if path.is_file()}
    assert len(modes) == 1
    loaded = rg.load_record(tmp_path / "record")
    assert list(loaded) == list(seen)
    for name in seen:
        assert torch.equal(loaded[name].weights(), seen[name].weights())
        assert loaded[name].proof == seen[name].proof
        assert loaded[name].key_tokens == seen[name].key_tokens
    header = json.loads((tmp_path / "record/record.json").read_text())
    assert (header["format"], header["unseen"], header["model"]["class"]) == (1, [], "Looping")
    assert {"name", "heads", "key_heads", "queries", "keys", "batch", "scale", "where"} < set(header["layers"][0])


def test_what_is_no_record_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no record"):
        rg.Record.load(tmp_path)
    (tmp_path / "mine.txt").write_text("precious")
    recorded = _recorded(made(Looping()), rg.Options())
    with pytest.raises(ValueError, match=r"which holds 'mine.txt'"):
        recorded.save(tmp_path)
    recorded.save(tmp_path / "record")
    path = tmp_path / "record/record.json"
    whole = path.read_text()
    for damage in (
        whole[:-5],
        whole.replace('"format": 1', '"format": 9'),
        whole.replace('"heads": 3', '"heads": 4'),
    ):
        path.write_text(damage)
        with pytest.raises(ValueError, match="cannot be read as a record"):
            rg.load_record(tmp_path / "record")


def test_a_mapping_of_attentions_answers_as_the_design_says():
    module = rg.Attention(where=rg.Causal())
    query = torch.randn(BATCH, HEADS, LENGTH, 5)
    with rg.record(module) as seen:
        module(query, query, query)
    one, expected = seen["model"], rg.weights(query, query, where=rg.Causal())
    assert isinstance(one, rg.Attended)
    assert torch.allclose(one.weights([3, 1]), expected[:, :, [3, 1]], atol=1e-6)
    assert torch.allclose(one.tile(1, range(2, 9), range(1, 4), batch=1), expected[1, 1, 2:9, 1:4], atol=1e-6)
    assert torch.allclose(one.entropy(), torch.special.entr(expected).sum(-1), atol=1e-5)
    assert torch.allclose(one.mass(), expected.sum(-2), atol=1e-5)
    assert torch.allclose(one.top(2).weight, expected.topk(2).values, atol=1e-6)
    assert torch.allclose(one.overview(1, 1), torch.ones(1, 1), atol=1e-6)
    for wrong in (lambda: one.weights([LENGTH]), lambda: one.tile(HEADS, range(2), range(2))):
        with pytest.raises(ValueError, match="expected a number from 0 to"):
            wrong()
    with pytest.raises(ValueError, match="rows is range"):
        one.tile(0, range(0, LENGTH + 1), range(2))
    with pytest.raises(KeyError, match="there is no attention 'x'; there are: model"):
        seen["x"]


def test_nothing_of_a_recording_is_left_in_pytorch():
    def hooks() -> dict[str, int]:
        names = [name for name in vars(modules) if name.startswith("_global_")]
        return {name: len(found) for name in names if isinstance(found := getattr(modules, name), dict)}

    before = hooks()
    with rg.record(made(Looping())) as seen:
        assert hooks() != before
    assert hooks() == before
    with pytest.raises(KeyError), rg.record(made(Looping())):
        raise KeyError
    assert hooks() == before
    assert not seen
