"""Seeds from several scales and flips: the usual inference of an image-level supervised host."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset import normalise_cam
from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, unit_images

SOURCES = ('cam', 'phi', 'fused')


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Merge the views of an image into seeds.

    CAMs of all views are clipped at zero, resized to the image, un-flipped and summed, then
    normalised per present class (the convention of IRN, PSA and SEAM). Level set seeds,
    sigmoid(phi / 4 px), are averaged.

    Args:
        module: The segmentor or its config; its decode head has ``activation(feats)``.
        seed_source: ``'cam'``, ``'phi'`` (the level sets phi^T) or ``'fused'``, their mean.
        background: Score of the background in ``pred_sem_seg``; the zero level set is 0.5.
        data_preprocessor: See ``BaseTTAModel``.

    Raises:
        ValueError: For an unknown source, or level sets asked of a model without LevelSetHead.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        seed_source: str = 'cam',
        background: float = 0.35,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(module, data_preprocessor)
        if seed_source not in SOURCES:
            raise ValueError(f'seed_source={seed_source!r} is unknown; choose one of {SOURCES}')
        self.seed_source = seed_source
        self.background = background
        heads = [m for m in self.module.modules() if isinstance(m, LevelSetHead)]
        if seed_source != 'cam' and not heads:
            raise ValueError(
                f'seed_source={seed_source!r} needs level sets, but the model has no LevelSetHead; '
                "use seed_source='cam' or add the auxiliary head."
            )
        self.level_set = heads[0] if heads else None

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predict the seeds of a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list over views of lists over images.

        Returns:
            list[SegDataSample]: per image ``seg_logits``, seeds (C, H, W) in [0, 1] at the original
            size, and ``pred_sem_seg``, (1, H, W), 0 background, 1..C.
        """
        views = [self._view({k: v[i] for k, v in data.items()}) for i in range(len(data['inputs']))]
        return self.merge_preds(list(zip(*views, strict=True)))

    def _view(self, data: dict) -> list[tuple[SegDataSample, Tensor, Tensor]]:
        """CAM and level set seed, (C, H, W) each at the original size, of every image of one view."""
        data = self.module.data_preprocessor(data, False)
        samples = data['data_samples']
        features = self.module.extract_feat(data['inputs'])
        cam = self.module.decode_head.activation(features)
        labels = image_labels([s.metainfo for s in samples], cam.shape[1], cam)
        cam = cam * labels[:, :, None, None]
        phi = cam
        if self.seed_source != 'cam':
            phi = self.level_set.seeds(features, unit_images(samples), labels)
        return [
            (sample, _upright(c, sample), _upright(p, sample))
            for sample, c, p in zip(samples, cam, phi, strict=True)
        ]

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[tuple[SegDataSample, Tensor, Tensor]]]
    ) -> list[SegDataSample]:
        """Merge the views of every image.

        Args:
            data_samples_list: Per image and view: sample, CAM and level set seed, (C, H, W) each.

        Returns:
            list[SegDataSample]: as :meth:`test_step`.
        """
        merged = []
        for views in data_samples_list:
            samples, cams, phis = zip(*views, strict=True)
            cam = normalise_cam(torch.stack(cams).sum(0)[None])[0]
            phi = torch.stack(phis).mean(0)
            scores = dict(cam=cam, phi=phi, fused=(cam + phi) / 2)[self.seed_source]
            best, label = scores.max(0)
            label = torch.where(best > self.background, label + 1, 0)
            sample = samples[0]
            sample.set_data(
                dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label[None]))
            )
            merged.append(sample)
        return merged


def _upright(score: Tensor, sample: SegDataSample) -> Tensor:
    """Cut off the padding of a view, undo its flip and resize ``score`` (C, h, w) to (C, H, W)."""
    meta = sample.metainfo
    if 'img_padding_size' in meta:
        left, right, top, bottom = meta['img_padding_size']
        height, width = meta['pad_shape'][-2:]
        score = F.interpolate(score[None].float(), (height, width), mode='bilinear')[0]
        score = score[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        axes = dict(horizontal=[2], vertical=[1], diagonal=[1, 2])[meta['flip_direction']]
        score = score.flip(axes)
    return F.interpolate(score[None].float(), meta['ori_shape'][:2], mode='bilinear')[0]
