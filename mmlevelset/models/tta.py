"""Seeds from several scales and flips: the usual inference of an image-level supervised host."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels, unit_images

SOURCES = ('cam', 'phi', 'fused')
NORMALISATIONS = ('max', 'minmax')


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Merge the views of an image into seeds.

    The CAMs x of all views, of the present classes, are un-flipped, resized to the image and
    summed. Then, per class, ``max(0, x - low - margin) / (max x - low + eps)``, where ``low`` is 0
    (``'max'``) or the smallest value of the map (``'minmax'``). The official recipes:

    ==================  =============  =====  ======  =================
    host                normalise      eps    margin  size_divisor
    ==================  =============  =====  ======  =================
    IRN, PSA            ``'max'``      1e-5   0       16 in IRN, else 1
    SEAM                ``'minmax'``   1e-5   1e-5    1
    MuSCLe              ``'minmax'``   1e-6   1e-6    1
    MCTformer, -V2, +   ``'minmax'``   1e-8   0       1
    ==================  =============  =====  ======  =================

    Level set seeds, sigmoid(phi / 4 px), are averaged.

    Args:
        module: The segmentor or its config; its decode head has ``activation(feats)``, a CAM >= 0
            (N, C, h, w) of any size.
        seed_source: ``'cam'``, ``'phi'`` (the level sets phi^T) or ``'fused'``, their mean.
        background: Score of the background in ``pred_sem_seg``; the zero level set is 0.5.
        normalise: ``'max'`` or ``'minmax'``.
        eps: Added to the range, in the unit of the summed CAM.
        margin: Subtracted along with the minimum; default: ``eps`` for ``'minmax'``, 0 for
            ``'max'``.
        size_divisor: Resize the CAMs to the image's size rounded up to a multiple of this, and
            crop: IRN's ``high_res``.
        data_preprocessor: See ``BaseTTAModel``.

    Raises:
        ValueError: For an unknown option, or level sets asked of a model without LevelSetHead.
    """

    def __init__(
        self,
        module: dict | nn.Module,
        seed_source: str = 'cam',
        background: float = 0.35,
        normalise: str = 'max',
        eps: float = 1e-5,
        margin: float | None = None,
        size_divisor: int = 1,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(module, data_preprocessor)
        for key, value, known in (
            ('seed_source', seed_source, SOURCES),
            ('normalise', normalise, NORMALISATIONS),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r} is unknown; choose one of {known}')
        self.seed_source = seed_source
        self.background = background
        self.normalise = normalise
        self.eps = eps
        self.margin = margin if margin is not None else eps * (normalise == 'minmax')
        self.size_divisor = size_divisor
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
        """CAM and level set seed of the K present classes, (K, H, W) each at the original size, of
        every image of one view."""
        data = self.module.data_preprocessor(data, False)
        samples = data['data_samples']
        features = self.module.extract_feat(data['inputs'])
        cam = self.module.decode_head.activation(features)
        labels = image_labels([s.metainfo for s in samples], cam.shape[1], cam)
        phi = cam
        if self.seed_source != 'cam':
            phi = self.level_set.seeds(features, unit_images(samples), labels)
        return [
            (sample, _upright(c[y > 0], sample, self.size_divisor), _upright(p[y > 0], sample))
            for sample, c, p, y in zip(samples, cam, phi, labels, strict=True)
        ]

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[tuple[SegDataSample, Tensor, Tensor]]]
    ) -> list[SegDataSample]:
        """Merge the views of every image.

        Args:
            data_samples_list: Per image and view: sample, CAM and level set seed of the K present
                classes, (K, H, W) each.

        Returns:
            list[SegDataSample]: as :meth:`test_step`.
        """
        merged = []
        for views in data_samples_list:
            samples, cams, phis = zip(*views, strict=True)
            sample = samples[0]
            cam = self._normalise(torch.stack(cams).sum(0))
            phi = torch.stack(phis).mean(0)
            present = torch.as_tensor(sample.metainfo['img_label'], device=cam.device) > 0
            scores = cam.new_zeros(len(present), *cam.shape[1:])
            scores[present] = dict(cam=cam, phi=phi, fused=(cam + phi) / 2)[self.seed_source]
            best, label = scores.max(0)
            label = torch.where(best > self.background, label + 1, 0)
            sample.set_data(
                dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label[None]))
            )
            merged.append(sample)
        return merged

    def _normalise(self, cam: Tensor) -> Tensor:
        """Scores in [0, 1] of summed CAMs, both (K, H, W).

        SEAM, MuSCLe and IRN mean the same by other words: what they leave slightly negative is
        below every background score.
        """
        cam = cam.clamp_min(0)
        high = cam.amax((1, 2), keepdim=True)
        low = cam.amin((1, 2), keepdim=True) if self.normalise == 'minmax' else 0
        return ((cam - low - self.margin) / (high - low + self.eps)).clamp_min(0)


def _upright(score: Tensor, sample: SegDataSample, size_divisor: int = 1) -> Tensor:
    """Cut off the padding of a view, undo its flip and resize ``score`` (K, h, w) to (K, H, W)."""
    meta = sample.metainfo
    if 'img_padding_size' in meta:
        left, right, top, bottom = meta['img_padding_size']
        height, width = meta['pad_shape'][-2:]
        score = _resize(score, (height, width))
        score = score[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        axes = dict(horizontal=[2], vertical=[1], diagonal=[1, 2])[meta['flip_direction']]
        score = score.flip(axes)
    height, width = meta['ori_shape'][:2]
    size = [-(-side // size_divisor) * size_divisor for side in (height, width)]
    return _resize(score, size)[:, :height, :width]


def _resize(score: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear resizing of (K, h, w); K, as a batch, may be 0."""
    return F.interpolate(score[:, None].float(), tuple(size), mode='bilinear')[:, 0]
