"""LevelSetLoss among the losses of mmsegmentation's heads: the value of plain torch, and the image."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmlevelset.levelset import LevelSetLoss
from mmlevelset.models.seeds import unit_inputs

LOSSES = [
    dict(type='CrossEntropyLoss', avg_non_ignore=True),
    dict(type='mmlevelset.LevelSetLoss', loss_weight=0.1),
]
HEAD = dict(
    type='FCNHead', in_channels=24, in_index=0, channels=8, num_classes=4, norm_cfg=dict(type='BN')
)


def model_config(kind: str) -> dict:
    head = dict(HEAD, loss_decode=LOSSES)
    cascade = 'Cascade' in kind
    return dict(
        type=kind,
        data_preprocessor=dict(
            type='SegDataPreProcessor',
            mean=[120.0] * 3,
            std=[60.0] * 3,
            bgr_to_rgb=True,
            size=(32, 32),
        ),
        backbone=dict(type='mmlevelset.EfficientNet', arch='lite0', out_indices=(1,)),
        decode_head=[dict(HEAD), dict(head, type='OCRHead', ocr_channels=4)] if cascade else head,
        auxiliary_head=None if cascade else dict(HEAD, concat_input=False),
        **dict(num_stages=2) if cascade else {},
    )


def batch() -> dict:
    rng = np.random.RandomState(0)
    samples = []
    for _ in range(2):
        label = torch.from_numpy(rng.choice([0, 1, 3, 255], (1, 32, 32)))
        sample = SegDataSample(metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32)))
        samples.append(sample.set_data(dict(gt_sem_seg=PixelData(data=label))) or sample)
    inputs = [torch.from_numpy(rng.randint(0, 256, (3, 32, 32), dtype=np.uint8)) for _ in samples]
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize(
    'kind', ['mmlevelset.LevelSetEncoderDecoder', 'mmlevelset.LevelSetCascadeEncoderDecoder']
)
def test_value_and_gradient(kind):
    init_default_scope('mmseg')
    model = MODELS.build(model_config(kind))
    data = model.data_preprocessor(batch(), True)
    losses = model(**data, mode='loss')
    name = next(key for key in losses if key.endswith('loss_level_set'))
    losses[name].backward(retain_graph=True)
    heads = model.decode_head
    last = heads[-1] if 'Cascade' in kind else heads
    assert last.conv_seg.weight.grad.abs().sum() > 0
    entry = last.loss_decode[1]
    assert entry.image is None  # of no batch any more
    if 'Cascade' not in kind:
        torch.manual_seed(0)
        model.eval()
        torch.testing.assert_close(model(**data, mode='loss')[name], expected(model, data))


def expected(model: torch.nn.Module, data: dict) -> torch.Tensor:
    """The loss of plain torch, of the classes 1 and 3 that both label maps show."""
    logits = model.decode_head(model.extract_feat(data['inputs']))
    logits = torch.nn.functional.interpolate(logits, (32, 32), mode='bilinear')
    logits = torch.nn.functional.avg_pool2d(logits, 4)
    image = unit_inputs(model.data_preprocessor, data['inputs'])
    assert 0 <= image.min() and image.max() <= 1
    return 0.1 * LevelSetLoss()(logits, image, labels=torch.tensor([[1, 0, 1]] * 2))


def test_without_the_image():
    init_default_scope('mmseg')
    model = MODELS.build(model_config('EncoderDecoder'))
    with pytest.raises(ValueError, match=r"set model.type to 'mmlevelset.LevelSetEncoderDecoder'"):
        model(**model.data_preprocessor(batch(), True), mode='loss')


@pytest.mark.parametrize(('background', 'same'), [(0, -4), (3, -1)])
def test_labels_are_counted_as_in_the_loss(background, same):
    """From the end, too; and a label to ignore may be one of the labels."""
    logits, label = torch.randn(2, 4, 8, 8), torch.randint(0, 4, (2, 8, 8))
    values = []
    for number in (background, same):
        loss = MODELS.build(dict(type='mmlevelset.LevelSetLoss', background=number))
        loss.image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        values.append(loss(logits, label))
        assert loss(logits, label, ignore_index=1).isfinite()
    assert torch.equal(*values)
