"""Level sets as ONNX: equal to the model on another number of images, and who cannot be exported."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmlevelset.apis.onnx import LevelSetGraph, RealSpectralConv2d, export_level_sets
from mmlevelset.levelset import SpectralConv2d
from mmlevelset.models.trained import load_trained
from tests.apis.own_pictures import checkpoint, config, write_pictures
from tests.models.small_hosts import build_host

SIZE = (64, 96)


@pytest.mark.parametrize('mixing', ['diag', 'full'])
@pytest.mark.parametrize('size', [(16, 24), (5, 8), (40, 33)])
def test_real_numbers(mixing, size):
    """Products in real numbers are the spectral convolution, on odd and small maps, too."""
    spectral, x = SpectralConv2d(4, 6, mixing), torch.randn(2, 4, *size)

    def gate(mean):
        return (mean + 1).sigmoid()

    expected = spectral(x, gate)
    torch.testing.assert_close(
        RealSpectralConv2d(spectral)(x, gate), expected, rtol=1e-4, atol=1e-5
    )


def test_graph_is_what_the_model_predicts():
    """Of all classes, from RGB in [0, 1]; in the pixels of the image."""
    model = build_host('cam', True)
    torch.nn.init.normal_(model.auxiliary_head.evolution.project.weight)
    # Outside the masks below -0.75, inside from there on: the contour of all classes is not at 0.
    model.auxiliary_head.auto_zero.histogram[:, [19, 160 + 20]] = 1.0
    assert (model.auxiliary_head.zeros() < -0.3).all()
    assert not any(
        module.training for module in LevelSetGraph(model).modules()
    )  # torch warns of it
    rgb = torch.randint(0, 256, (2, 3, *SIZE)).float()
    with torch.no_grad():
        phi, logits = LevelSetGraph(model)(rgb / 255)
        inputs = model.data_preprocessor(dict(inputs=list(rgb.flip(1))), False)['inputs']
        features = model.extract_feat(inputs)
        labels = torch.ones(2, 3)
        phis = model.auxiliary_head.level_sets(features, rgb / 255, labels)
    stride = SIZE[1] / phi.shape[3]
    # phi^T in shares of the cut at 80 pixels, after a network in float32.
    torch.testing.assert_close(phi / 80, stride * phis[1] / 80, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits, model.decode_head.classify(features), rtol=1e-4, atol=1e-4)
    assert (phis[0] - phis[1]).abs().max() > 1


@pytest.mark.slow
def test_export(tmp_path: Path) -> None:
    ort = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    model = build_host('cam', True)
    torch.nn.init.normal_(model.auxiliary_head.evolution.project.weight)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'x.pth')
    cfg = config(tmp_path, 'cam', True)
    difference = export_level_sets(cfg, tmp_path / 'x.pth', tmp_path / 'x.onnx', SIZE)
    assert 0 <= difference <= 1e-4 * 80
    session = ort.InferenceSession(str(tmp_path / 'x.onnx'), providers=['CPUExecutionProvider'])
    for count in (1, 5):
        images = torch.rand(count, 3, *SIZE)
        phi, logits = session.run(None, dict(image=images.numpy()))
        with torch.no_grad():
            expected = LevelSetGraph(model)(images)
        np.testing.assert_allclose(phi / 80, expected[0] / 80, rtol=0, atol=1e-4)
        np.testing.assert_allclose(logits, expected[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize('wrong', [None, 'phi_T', 'logits'])
def test_every_output_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str | None
) -> None:
    """A runtime that computes what the model does, but for one output: then no file is left."""
    weights = checkpoint(tmp_path / 'x.pth', 'cam', True)
    cfg = config(tmp_path, 'cam', True)
    graph = LevelSetGraph(load_trained(cfg, str(weights))[0])

    class Session:
        def __init__(self, path: str, providers: list[str]) -> None:
            assert Path(path).is_file()

        def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            with torch.no_grad():
                found = graph(torch.from_numpy(feeds['image']))
            return [
                (x + 0.1 * (name == wrong)).numpy() for name, x in zip(names, found, strict=True)
            ]

    monkeypatch.setitem(sys.modules, 'onnxruntime', SimpleNamespace(InferenceSession=Session))
    monkeypatch.setitem(sys.modules, 'onnxscript', SimpleNamespace())
    program = SimpleNamespace(save=lambda path: Path(path).touch())
    monkeypatch.setattr(torch.onnx, 'export', lambda *args, **options: program)
    out = tmp_path / 'x.onnx'
    if wrong:
        with pytest.raises(ValueError, match=f'x.onnx: the {wrong} of the file differs by 0.1 '):
            export_level_sets(cfg, weights, out, SIZE)
    else:
        assert export_level_sets(cfg, weights, out, SIZE) == 0
    assert out.exists() == (wrong is None)


def test_models_without_level_sets(tmp_path):
    pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    data = write_pictures(tmp_path)
    weights = checkpoint(tmp_path / 'x.pth', 'cam', False)
    with pytest.raises(ValueError, match='the model has no LevelSetHead'):
        export_level_sets(config(data, 'cam', False), weights, tmp_path / 'x.onnx', SIZE)
    assert not (tmp_path / 'x.onnx').exists()
