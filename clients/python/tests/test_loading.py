"""Weights are put in their places, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from ghn_serve import LoadError, NotPredictedWarning, load

torch = pytest.importorskip("torch")
nn = torch.nn


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_what_is_predicted_is_put_in_place_and_the_rest_is_named_and_left() -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.warns(NotPredictedWarning, match=r"0\.bias, 1\.weight, 1\.bias"):
        loaded = load(module, {"0.weight": np.full((4, 3), 2.0)})
    assert loaded.predicted == ["0.weight"]
    assert loaded.not_predicted == ["0.bias", "1.weight", "1.bias"]
    assert torch.equal(module[0].weight, torch.full((4, 3), 2.0))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items() if name != "0.weight")


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({"0.bias": np.ones(4), "0.weight": np.ones((3, 4))}, r"0\.weight: \[3, 4\], but the module's is \[4, 3\]"),
        ({"0.bias": np.ones(4), "2.weight": np.ones(4)}, r"2\.weight: the module has no such tensor"),
        ({"0.bias": np.ones(4), "0.weight": np.ones(12)}, r"0\.weight: \[12\]"),
    ],
)
def test_another_networks_weights_are_refused_whole(weights: dict[str, np.ndarray], fault: str) -> None:
    module = network()
    before = module[0].bias.clone()
    with pytest.raises(ValueError, match=fault):
        load(module, weights)
    assert torch.equal(module[0].bias, before)


def test_values_take_the_types_of_their_places() -> None:
    module = network().half()
    complete = {name: np.ones(parameter.shape, np.float32) for name, parameter in module.named_parameters()}
    assert load(module, complete).not_predicted == []
    assert module[0].weight.dtype == torch.float16


def test_a_shared_parameter_is_not_missing_under_its_other_name(recwarn: pytest.WarningsRecorder) -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    assert load(module, {"0.weight": torch.ones(3, 3)}).not_predicted == []
    assert not recwarn


def test_a_wrapped_network_is_the_network() -> None:
    module = nn.DataParallel(nn.Linear(3, 4, bias=False))
    load(module, {"weight": torch.ones(4, 3)})
    assert torch.equal(module.module.weight, torch.ones(4, 3))


class Tied(nn.Module):
    """A decoder that is the encoder, transposed: two parameters in one memory."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(6, 4)
        self.decoder = nn.Linear(4, 6)
        self.decoder.weight = nn.Parameter(self.encoder.weight.t())


def test_of_two_parameters_in_one_memory_the_first_stands_and_the_other_is_named() -> None:
    module = Tied()
    predicted = {name: torch.randn(parameter.shape) for name, parameter in module.named_parameters()}
    with pytest.warns(
        NotPredictedWarning, match=r"it shares memory with encoder\.weight, whose values are kept: decoder\.weight"
    ):
        loaded = load(module, predicted)
    assert torch.equal(module.encoder.weight, predicted["encoder.weight"])
    assert torch.equal(module.decoder.weight, predicted["encoder.weight"].t())
    assert torch.equal(module.decoder.bias, predicted["decoder.bias"])
    assert "decoder.weight" not in loaded.predicted


def test_what_changes_with_another_parameter_is_said_to(recwarn: pytest.WarningsRecorder) -> None:
    module = Tied()
    del recwarn.list[:]
    load(
        module, {name: torch.ones(value.shape) for name, value in module.named_parameters() if name != "decoder.weight"}
    )
    assert [str(warning.message) for warning in recwarn] == [
        "not predicted, and changed together with encoder.weight, with which it shares memory: decoder.weight"
    ]


def test_equal_values_for_one_memory_need_no_word(recwarn: pytest.WarningsRecorder) -> None:
    module, same = Tied(), torch.randn(4, 6)
    others = {"encoder.bias": torch.ones(4), "decoder.bias": torch.ones(6)}
    assert len(load(module, {"encoder.weight": same, "decoder.weight": same.t(), **others}).predicted) == 4
    assert not recwarn


def test_a_tied_parameter_with_two_different_values_keeps_the_first() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    with pytest.warns(NotPredictedWarning, match=r"0\.weight, whose values are kept: 1\.weight"):
        load(module, {"0.weight": torch.ones(3, 3), "1.weight": torch.zeros(3, 3)})
    assert torch.equal(module[0].weight, torch.ones(3, 3))


def test_parameters_side_by_side_in_one_memory_are_apart(recwarn: pytest.WarningsRecorder) -> None:
    module, flat = nn.Module(), torch.zeros(4, 6)
    module.left, module.right = nn.Parameter(flat[:, :3]), nn.Parameter(flat[:, 3:])
    assert load(module, {"left": torch.ones(4, 3), "right": 2 * torch.ones(4, 3)}).predicted == ["left", "right"]
    assert flat[0].tolist() == [1, 1, 1, 2, 2, 2]
    assert not recwarn


class Lazy(dict):  # type: ignore[type-arg]
    """A mapping that fails at its last value, as one that reads a broken file does."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.asked = 0

    def __getitem__(self, name: str) -> object:
        self.asked += 1
        if self.asked == 2 * len(self):
            raise OSError("the file ends too early")
        return super().__getitem__(name)


def unwritable(module: nn.Sequential) -> None:
    module[1].bias = nn.Parameter(torch.zeros(1).expand(4))


def folded(module: nn.Sequential) -> None:
    module[1].bias = nn.Parameter(torch.zeros(5).as_strided((2, 2), (1, 1)))


def quantized(module: nn.Sequential) -> None:
    module[1].bias = nn.Parameter(torch.zeros(4, dtype=torch.int8), requires_grad=False)


def sparse(module: nn.Sequential) -> None:
    module[1].bias = nn.Parameter(torch.zeros(4).to_sparse())


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (unwritable, "expanded view"),
        (folded, "expanded view"),
        (quantized, "torch.int8"),
        (sparse, "sparse"),
        (None, "the file ends too early"),
    ],
)
def test_a_module_that_cannot_take_the_last_value_is_as_it_was(spoil: object, fault: str) -> None:
    module = network()
    if callable(spoil):
        spoil(module)
    before = {name: value.detach().clone() for name, value in module.named_parameters() if not value.is_sparse}
    weights = {name: np.ones(tuple(value.shape), np.float32) for name, value in module.named_parameters()}
    with pytest.raises((LoadError, OSError), match=fault):
        load(module, weights if spoil else Lazy(weights))
    assert all(torch.equal(dict(module.named_parameters())[name], value) for name, value in before.items())


def test_values_beyond_the_range_of_half_precision_are_refused() -> None:
    module = nn.Linear(2, 1, bias=False).half()
    before = module.weight.detach().clone()
    with pytest.raises(LoadError, match=r"weight: 1 of its values .* torch.float16 .* 1e\+05"):
        load(module, {"weight": np.array([[1e5, 1.0]], np.float32)})
    assert torch.equal(module.weight, before)
    load(module.bfloat16(), {"weight": np.array([[1e5, 1.0]], np.float32)})
    assert torch.isfinite(module.weight).all()


def on_meta(module: nn.Module) -> nn.Module:
    return module.to("meta")


def test_a_module_on_meta_gets_parameters_with_the_predicted_values() -> None:
    module = on_meta(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double())
    module[0].bias.requires_grad_(False)
    weights = {name: torch.full(value.shape, 2.0) for name, value in module.named_parameters()}
    assert load(module, weights).not_predicted == []
    for name, parameter in module.named_parameters():
        assert torch.equal(parameter, weights[name].double())
    assert not module[0].bias.requires_grad and module[0].weight.requires_grad
    assert module[1].running_var.tolist() == [1.0] * 4
    assert torch.isfinite(module(torch.rand(2, 3).double())).all()


def test_what_is_not_predicted_of_a_module_on_meta_begins_as_its_layer_has_it() -> None:
    module = on_meta(network())
    with pytest.warns(NotPredictedWarning, match=r"initialised by their layers: 0\.bias"):
        loaded = load(module, {"0.weight": torch.ones(4, 3), "1.weight": torch.ones(4), "1.bias": torch.ones(4)})
    assert loaded.not_predicted == ["0.bias"]
    assert torch.equal(module[0].weight, torch.ones(4, 3)) and not module[0].bias.is_meta


def test_what_stays_on_meta_is_named() -> None:
    module = network()
    module.scale = nn.Parameter(torch.ones(1))
    on_meta(module)
    weights = {name: torch.ones(value.shape) for name, value in module.named_parameters() if name != "scale"}
    with pytest.warns(NotPredictedWarning, match="still have no values.*: scale"):
        load(module, weights)
    assert not module[0].weight.is_meta and module.scale.is_meta


def test_tied_parameters_on_meta_stay_tied() -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    on_meta(module)
    module[1].weight = module[0].weight
    load(module, {"0.weight": torch.ones(3, 3)})
    assert module[1].weight is module[0].weight and not module[0].weight.is_meta


def test_a_refused_load_leaves_a_module_on_meta_there() -> None:
    module = on_meta(network())
    with pytest.raises(OSError):
        load(module, Lazy({name: torch.ones(value.shape) for name, value in module.named_parameters()}))
    assert all(parameter.is_meta for parameter in module.parameters())


def test_in_inference_mode_what_is_made_can_be_trained() -> None:
    module = on_meta(nn.Linear(3, 4))
    with torch.inference_mode():
        load(module, {"weight": torch.ones(4, 3), "bias": torch.ones(4)})
    module(torch.ones(1, 3)).sum().backward()
    assert module.weight.grad is not None


def test_a_module_made_in_inference_mode_takes_weights() -> None:
    with torch.inference_mode():
        module = nn.Linear(3, 4)
    load(module, {"weight": torch.ones(4, 3), "bias": torch.ones(4)})
    assert module.weight.tolist() == torch.ones(4, 3).tolist()


def test_layers_without_shapes_are_refused() -> None:
    with pytest.raises(LoadError, match="has no shape yet"):
        load(nn.LazyLinear(4), {"weight": torch.ones(4, 3)})


@pytest.mark.parametrize(
    ("module", "weights", "message"),
    [
        (nn.Linear, {}, "Linear is a class"),
        ({"weight": 1}, {}, "but this is dict"),
        (nn.Linear(1, 1), "weights.safetensors", "but this is str"),
        (nn.Linear(1, 1), {"weight": torch.ones(1, 1).to("meta")}, "weight: the given value is on the device"),
        (nn.Linear(1, 1), {"weight": np.array([["a"]])}, "weight: an array of"),
        (
            nn.Sequential(nn.ModuleDict({"module": nn.Linear(1, 1)})),
            {"weight": torch.ones(1, 1)},
            "it has 0.module.weight",
        ),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_sentence(module: object, weights: object, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        load(module, weights)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [np.ones((2, 2), ">f4"), np.ones((2, 2))[::-1], [[1, 1], [1, 1]], np.ones((2, 2), "i4")]
)
def test_arrays_of_any_make_are_taken(value: object) -> None:
    module = nn.Linear(2, 2, bias=False)
    load(module, {"weight": value})
    assert module.weight.tolist() == [[1, 1], [1, 1]]


def test_a_state_dict_that_is_made_for_the_occasion_is_no_place() -> None:
    class Exported(nn.Linear):
        def state_dict(self, *args: object, **options: object) -> dict[str, torch.Tensor]:
            return {"weight": self.weight.detach().clone(), "bias": self.bias.detach().clone()}

    module = Exported(2, 2)
    load(module, {"weight": torch.ones(2, 2), "bias": torch.ones(2)})
    assert module.weight.tolist() == [[1, 1], [1, 1]]


def test_compiled_layers_are_found_by_their_own_names() -> None:
    if not hasattr(torch, "compile"):
        pytest.skip("needs torch.compile")
    module = nn.Sequential(torch.compile(nn.Linear(2, 2)), nn.ReLU())
    load(module, {"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2)})
    assert module.state_dict()["0._orig_mod.weight"].tolist() == [[1, 1], [1, 1]]


def test_a_scripted_module_takes_weights() -> None:
    module = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    assert load(module, {"0.weight": torch.ones(2, 2), "0.bias": torch.ones(2)}).not_predicted == []
    assert module(torch.ones(1, 2)).tolist() == [[3, 3]]


def test_steps_that_interleave_without_meeting_are_written() -> None:
    module, memory = nn.Module(), torch.zeros(8)
    module.weight = nn.Parameter(memory.as_strided((3, 2), (2, 3)))
    load(module, {"weight": torch.arange(6.0).reshape(3, 2)})
    assert module.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
