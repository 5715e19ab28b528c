"""Networks in the wrappers of training: looked through, or refused by the wrapper's name with the way around."""

from __future__ import annotations

from typing import Any

import pytest

from ghn_serve import WrapperError, load, trace

torch = pytest.importorskip("torch")
nn = torch.nn

SHAPE = (1, 3, 8, 8)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def values() -> dict[str, Any]:
    return {name: torch.ones(value.shape) for name, value in network().named_parameters()}


def fsdp1() -> nn.Module:
    class FullyShardedDataParallel(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self._fsdp_wrapped_module = module

    return nn.Sequential(FullyShardedDataParallel(network()))


def zero3() -> nn.Module:
    module = network()
    for number, parameter in enumerate(module.parameters()):
        parameter.ds_id, parameter.ds_shape = number, parameter.shape
        parameter.data = torch.empty(0)
    return module


def offloaded() -> nn.Module:
    class AlignDevicesHook:
        offload = True

    module = network()
    module[0]._hf_hook = AlignDevicesHook()
    return module


@pytest.mark.parametrize(
    ("wrap", "name", "remedy"),
    [
        (fsdp1, "FullyShardedDataParallel", "before it is wrapped"),
        (zero3, "DeepSpeed ZeRO-3", "GatheredParameters"),
        (offloaded, "offloaded by accelerate", "remove_hook_from_module"),
    ],
)
def test_parameters_that_a_library_hides_are_refused_by_its_name(wrap: Any, name: str, remedy: str) -> None:
    for act in (lambda module: load(module, values()), lambda module: trace(module, SHAPE)):
        with pytest.raises(WrapperError, match=f"{name}.*{remedy}"):
            act(wrap())


def test_gathered_parameters_of_zero3_are_written() -> None:
    module = network()
    for number, parameter in enumerate(module.parameters()):
        parameter.ds_id, parameter.ds_shape = number, parameter.shape
    load(module, values())
    assert all((parameter == 1).all() for parameter in module.parameters())


def test_what_accelerate_offloads_is_refused_and_can_be_taken_back() -> None:
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed: pip install accelerate")
    module = accelerate.cpu_offload(network(), execution_device="cpu")
    with pytest.raises(WrapperError, match="offloaded by accelerate"):
        load(module, values())
    with pytest.raises(WrapperError, match="offloaded by accelerate"):
        trace(module, SHAPE)
    accelerate.hooks.remove_hook_from_module(module, recurse=True)
    load(module, values())
    assert all((parameter == 1).all() for parameter in module.parameters())


def empty_weights(module: nn.Module) -> nn.Module:
    """As accelerate.init_empty_weights leaves a module: parameters on 'meta', buffers with values."""
    for child in module.modules():
        for name, parameter in child._parameters.items():
            if parameter is not None:
                child._parameters[name] = nn.Parameter(parameter.to("meta"))
    return module


@pytest.mark.parametrize("example", [SHAPE, torch.rand(SHAPE), {"input": torch.rand(SHAPE)}])
def test_empty_weights_are_traced_and_loaded(example: Any) -> None:
    module = empty_weights(network())
    module[1].running_mean.fill_(2)
    assert trace(module, example) == trace(network(), example)
    assert module[0].weight.is_meta and module[1].running_mean.tolist() == [2.0] * 4
    load(module, values())
    assert module[1].running_mean.tolist() == [2.0] * 4
    assert torch.isfinite(module(torch.rand(2, 3, 8, 8))).all()


def test_a_network_that_needs_values_cannot_be_traced_without_them() -> None:
    class Choosing(nn.Linear):
        def forward(self, x: Any) -> Any:
            return super().forward(x) if self.weight.sum() > 0 else x

    with pytest.raises(WrapperError, match="trace it before"):
        trace(empty_weights(Choosing(3, 3)), (1, 3))


def test_a_network_made_of_fake_tensors_gets_values() -> None:
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    if not hasattr(torch, "compile"):
        pytest.skip("PyTorch 1.13's FakeTensorMode makes no modules")
    with fake.FakeTensorMode():
        module = network()
    load(module, values())
    assert all(type(parameter) is nn.Parameter and (parameter == 1).all() for parameter in module.parameters())
    assert torch.isfinite(module.eval()(torch.rand(SHAPE))).all()
