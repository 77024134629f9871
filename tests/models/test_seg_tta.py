"""Merging the views of a segmentation model, and the CRF behind it."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

from mmlevelset.models import SegTTAModel
from mmlevelset.models.seg_tta import likely_labels
from mmlevelset.refine import DenseCRF

CRF = dict(
    type='mmlevelset.DenseCRF',
    iterations=2,
    gaussian=dict(sxy=1, compat=3),
    bilateral=dict(sxy=10, srgb=5, compat=4),
)


def model(**options) -> SegTTAModel:
    init_default_scope('mmseg')
    segmentor = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[0, 0, 0], std=[255, 255, 255], size=(32, 32)
        ),
        backbone=dict(
            type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=1,
            strides=(1,), dilations=(1,), out_indices=(0,),
        ),
        decode_head=dict(
            type='FCNHead', in_channels=8, channels=8, num_convs=1, num_classes=4, in_index=0,
            norm_cfg=dict(type='BN'), align_corners=False,
        ),
        test_cfg=ConfigDict(options.pop('test_cfg', dict(mode='whole'))),
    )  # fmt: skip
    torch.manual_seed(0)
    return MODELS.build(dict(type='mmlevelset.SegTTAModel', module=segmentor, **options)).eval()


def views(logits: Tensor, **meta) -> list[SegDataSample]:
    return [
        SegDataSample(seg_logits=PixelData(data=x), metainfo=dict(meta)) for x in logits.unbind()
    ]


def merged(merge: str, logits: Tensor) -> Tensor:
    (sample,) = model(merge=merge).merge_preds([views(logits)])
    torch.testing.assert_close(sample.pred_sem_seg.data[0], sample.seg_logits.data.argmax(0))
    return sample.seg_logits.data


def test_merges() -> None:
    logits = 3 * torch.randn(3, 4, 5, 6)
    torch.testing.assert_close(merged('mean_prob', logits), logits.softmax(1).mean(0))
    torch.testing.assert_close(merged('mean_logits', logits), logits.mean(0).softmax(0))
    torch.testing.assert_close(merged('max', logits), logits.softmax(1).amax(0))


def test_the_three_can_disagree() -> None:
    """One sure view outvotes two that are not, but only by the maximum."""
    p = torch.tensor([[0.05, 0.95], [0.6, 0.4], [0.9, 0.1]]).log()[:, :, None, None]
    assert merged('max', p).argmax(0) == 1
    assert merged('mean_prob', p).argmax(0) == 0
    # Logits 6 and 0, -1.5 and 0: their mean is above 0, that of the probabilities above a half.
    q = torch.tensor([[4.0, 0.0], [-2.5, 0.0], [-1.4, 0.0]])[:, :, None, None]
    assert merged('mean_logits', q).argmax(0) == 0 and merged('mean_prob', q).argmax(0) == 1


@pytest.mark.parametrize(
    'test_cfg', [None, dict(mode='slide', crop_size=(32, 32), stride=(16, 16))]
)
def test_flips_and_scales_come_back_upright(test_cfg) -> None:
    """The views of an image and its mirror image give mirrored scores; the window slides."""
    tta = model(**(dict(test_cfg=test_cfg) if test_cfg else {}))
    assert tta.module.test_cfg['mode'] == (test_cfg or {}).get('mode', 'whole')
    x = torch.randint(0, 255, (3, 48, 40), dtype=torch.uint8)

    def view(image: Tensor, flip: bool) -> tuple[Tensor, SegDataSample]:
        meta = dict(ori_shape=(48, 40), img_shape=(48, 40), flip=flip, flip_direction='horizontal')
        return image.flip(2) if flip else image, SegDataSample(metainfo=meta)

    def predict(image: Tensor) -> Tensor:
        inputs, samples = zip(*(view(image, flip) for flip in (False, True)), strict=True)
        data = dict(inputs=[[i] for i in inputs], data_samples=[[s] for s in samples])
        with torch.no_grad():
            (sample,) = tta.test_step(data)
        assert sample.pred_sem_seg.data.shape == (1, 48, 40)
        return sample.seg_logits.data

    one = predict(x)
    torch.testing.assert_close(one.sum(0), torch.ones(48, 40))
    torch.testing.assert_close(predict(x.flip(2)).flip(2), one, rtol=0, atol=1e-5)


def test_crf_sees_the_image_on_disk(tmp_path) -> None:
    rgb = np.random.RandomState(0).randint(0, 255, (7, 9, 3)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / 'a.png')
    logits = torch.randn(2, 3, 7, 9)
    tta = model(merge='max', crf=CRF)
    (sample,) = tta.merge_preds([views(logits, img_path=str(tmp_path / 'a.png'))])
    options = {key: value for key, value in CRF.items() if key != 'type'}
    expected = DenseCRF(**options).refine(rgb, logits.softmax(1).amax(0).numpy())
    np.testing.assert_allclose(sample.seg_logits.data, expected, atol=1e-6)
    assert np.abs(expected - logits.softmax(1).amax(0).numpy()).max() > 0.05


def test_labels_that_hardly_occur_stay_out_of_the_crf(tmp_path) -> None:
    """The largest sum of what is left out obeys the tolerance, and one label more would not."""
    scores = np.random.RandomState(0).dirichlet([5, 3, 0.3, 0.1, 0.05, 0.05], (40, 50))
    scores = scores.transpose(2, 0, 1).astype(np.float32) ** 3
    scores /= scores.sum(0)
    assert len(likely_labels(scores, 0.0)) == 6
    for tolerance in (0.001, 0.03, 0.3, 0.9):
        kept = likely_labels(scores, tolerance)
        out = np.setdiff1d(np.arange(6), kept)
        assert scores[out].sum(0).max(initial=0) <= tolerance
        following = kept[scores[kept].max((1, 2)).argmin()]
        assert len(kept) == 1 or scores[[*out, following]].sum(0).max() > tolerance
    assert len(likely_labels(np.zeros((4, 3, 3), np.float32), 0.5)) == 1


def test_the_tolerance_bounds_what_changes(tmp_path) -> None:
    """81 labels on a picture of smooth regions: a handful takes part, and next to nothing moves."""
    y, x = np.mgrid[:60, :80]
    region = (x > 40).astype(int) + 2 * (y > 30)
    rgb = (50 * region[..., None] + np.random.RandomState(0).randint(0, 40, (60, 80, 3))).astype(
        np.uint8
    )
    Image.fromarray(rgb).save(tmp_path / 'a.png')
    logits = torch.randn(1, 81, 60, 80)
    logits[0] += 9 * torch.nn.functional.one_hot(torch.from_numpy(region), 81).permute(2, 0, 1)
    found = []
    for tolerance in (0.0, 0.03):
        crf = dict(CRF, bilateral=dict(sxy=83, srgb=5, compat=3), iterations=10)
        tta = model(crf=crf, crf_tolerance=tolerance)
        (sample,) = tta.merge_preds([views(logits, img_path=str(tmp_path / 'a.png'))])
        found.append(sample)
    full, fast = (sample.seg_logits.data for sample in found)
    assert (fast.amax((1, 2)) > 0).sum() < 81 and (full.amax((1, 2)) > 0).all()
    assert (full - fast).abs().max() < 0.03
    labels = [sample.pred_sem_seg.data for sample in found]
    # only where two labels are as good as equal
    close = full.topk(2, 0).values.diff(dim=0).abs() < 0.06
    assert (labels[0] == labels[1])[~close].all()


def test_mistakes_are_named(tmp_path) -> None:
    with pytest.raises(ValueError, match="merge='mean' is unknown"):
        model(merge='mean')
    with pytest.raises(ValueError, match=r'crf_tolerance must lie in \[0, 1\), got 1'):
        model(crf_tolerance=1)
    with pytest.raises(ValueError, match='out_channels=2'):
        model().merge_preds([views(torch.randn(2, 1, 4, 4))])
    for meta in ({}, dict(img_path=str(tmp_path / 'none.jpg'))):
        with pytest.raises(FileNotFoundError, match='put img_path into the meta_keys'):
            model(crf=CRF).merge_preds([views(torch.randn(1, 3, 4, 4), **meta)])
