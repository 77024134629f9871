"""Every example runs; those of other libraries where these are installed."""

import math
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / 'examples'
LIBRARIES = dict(
    smp_unet='segmentation_models_pytorch', hf_segformer='transformers', monai_unet='monai'
)


def load(name: str) -> dict:
    return runpy.run_path(str(EXAMPLES / f'{name}.py'))


def test_all_are_tested():
    assert {path.stem for path in EXAMPLES.glob('*.py')} == {
        'plain_torch', 'refine_scores', *LIBRARIES
    }  # fmt: skip


def test_plain_torch():
    """From label maps 5 pixels too large, the loss brings the contours to the edges."""
    train = load('plain_torch')['train']
    assert train(5.0) > train(0.0) + 0.1


def test_refine_scores():
    before, after = load('refine_scores')['main']()
    assert before > 0.015 and after < before / 4


@pytest.mark.parametrize('name', LIBRARIES)
def test_other_libraries(name):
    pytest.importorskip(LIBRARIES[name])
    losses = load(name)['main']()
    assert len(losses) == 2 and all(map(math.isfinite, losses))
    assert losses[1] != losses[0]  # a step was taken
