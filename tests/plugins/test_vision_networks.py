"""The networks that recognise: as large as their papers say, at any size of frame, and what is special about each."""

import pytest
import torch

from arena_vision.alexnet import AlexNet
from arena_vision.googlenet import GoogLeNet
from arena_vision.lenet import TABLE, LeNet5, RadialBasis, Sparse
from arena_vision.resnet import Basic, Bottleneck, ResNet

FRAME = (3, 224, 224)
PAPERS = {
    "alexnet": (lambda: AlexNet(FRAME), 61_100_840),
    "googlenet": (lambda: GoogLeNet(FRAME), 13_004_888),
    "resnet18": (lambda: ResNet(FRAME, 18), 11_689_512),
    "resnet50": (lambda: ResNet(FRAME, 50), 25_557_032),
}
SMALL = {
    "lenet": LeNet5,
    "alexnet": lambda image: AlexNet(image, 1 / 32),
    "googlenet": lambda image: GoogLeNet(image, 1 / 16),
    "resnet18": lambda image: ResNet(image, 18, 1 / 16),
    "resnet50": lambda image: ResNet(image, 50, 1 / 16),
}


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", PAPERS)
def test_parameters_at_a_thousand_classes(name):
    make, expected = PAPERS[name]
    with torch.device("meta"):
        network = make()
        heads = torch.nn.ModuleList(torch.nn.Linear(network.width, 1000) for _ in network.weights)
        views = network.views(torch.empty(2, *FRAME))
    assert parameters(network) + parameters(heads) == expected
    assert [view.shape for view in views] == [(2, network.width)] * len(heads)


def test_lenet_has_sixty_thousand_trainable_parameters_and_a_sparse_third_layer():
    network = LeNet5()
    assert parameters(network) == 60_000
    assert parameters(RadialBasis(84, 10)) == 0, "codes of classes are not learned"
    layers = [network.c1, network.s2, network.c3, network.s4, network.c5, network.f6]
    assert [parameters(layer) for layer in layers] == [156, 12, 1516, 32, 48_120, 10_164]
    assert [len(inputs) for inputs in TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE)) == 16


def test_a_sparse_layer_sees_what_its_table_says():
    layer = Sparse(TABLE, 5)
    x = torch.rand(1, 6, 5, 5, requires_grad=True)
    for to, inputs in enumerate(TABLE):
        (gradient,) = torch.autograd.grad(layer(x)[0, to, 0, 0], x)
        assert gradient.abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist() == list(inputs)


def test_radial_basis_logits_are_squared_distances_to_codes():
    layer, x = RadialBasis(84, 7), torch.randn(4, 84)
    torch.testing.assert_close(layer(x), -torch.cdist(x, layer.codes).square(), rtol=1e-4, atol=1e-3)
    assert layer(layer.codes).argmax(dim=1).tolist() == list(range(7))
    assert torch.equal(layer.codes, RadialBasis(84, 7).codes)


@pytest.mark.parametrize("kind", [Basic, Bottleneck])
def test_a_block_whose_last_batch_norm_is_zero_is_the_identity(kind):
    block = kind(8 * kind.expansion, 8, 1)
    x = torch.rand(4, 8 * kind.expansion, 6, 6)  # behind a ReLU nothing is negative
    assert not torch.equal(block(x), x)
    block.zero_residual()
    assert torch.equal(block(x), x)


def test_a_resnet_of_identities_is_its_stem_and_its_shortcuts():
    torch.manual_seed(0)
    network = ResNet((3, 16, 16), 18, 1 / 8, identity=True).eval()
    x = torch.rand(2, 3, 16, 16)
    y = network.stem(x)
    for block in network.stages:
        y = torch.relu(block.shortcut(y))
    torch.testing.assert_close(network(x), y.mean(dim=(2, 3)))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("sides", [(1, 1), (5, 7), (8, 8), (64, 64), (130, 140)])
def test_networks_take_frames_of_any_size(name, sides):
    network = SMALL[name]((2, *sides)).eval()
    views = network.views(torch.rand(2, 2, *sides))
    assert len(views) == len(network.weights)
    for view in views:
        assert view.shape == (2, network.width)
        assert torch.isfinite(view).all()


def test_googlenets_auxiliary_heads_reach_the_lower_layers_alone():
    network = GoogLeNet((3, 16, 16), 1 / 16).eval()
    _, lower, upper = network.views(torch.rand(2, 3, 16, 16))
    names, parameters = zip(*network.named_parameters(), strict=True)

    def reached(loss):
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return {name.partition(".")[0] for name, one in zip(names, gradients, strict=True) if one is not None}

    assert reached(lower.sum()) == {"stem", "three", "four_a", "auxiliary"}
    assert reached(upper.sum()) == {"stem", "three", "four_a", "four_b_to_d", "auxiliary"}
