"""From the maps of one or more views of an image to its seeds and its label map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.structures.fields import image_labels
from mmlevelset.structures.host import CAMSource, Host

from .level_set_head import LevelSetHead

SOURCES = ('cam', 'phi', 'fused')
NORMALISATIONS = ('max', 'minmax')
ZERO_LEVEL = 0.5  # sigmoid(0), the seed on the contour of a level set


class View(NamedTuple):
    """Maps of one view of an image, at the size (H, W) of the image, upright."""

    sample: SegDataSample
    present: Tensor  # (C,) bool, the K classes that the maps belong to
    cam: Tensor  # (K, H, W), >= 0, unnormalised; (K, 0, 0) where the recipe needs none
    phi: Tensor  # seeds of the level sets, (K, H, W), in [0, 1]; likewise


@dataclass(frozen=True)
class SeedRecipe:
    """How seeds are made of maps, and label maps of seeds.

    The CAMs x of all views, of the present classes, are un-flipped, resized to the image and
    summed. Then, per class, ``max(0, x - low - margin) / (max x - low + eps)``, where ``low`` is 0
    (``'max'``) or the smallest value of the map (``'minmax'``). Seeds of level sets,
    :func:`mmlevelset.levelset.seed_scores`, are averaged.

    The classes are those of the image label. An image without one, a picture from anywhere, has
    those that the host's own classifier finds.

    Args:
        seed_source: ``'cam'``, ``'phi'`` (the level sets phi^T) or ``'fused'``, their mean.
        background: Score of the background in the label map; the zero level set is 0.5.
        normalise: ``'max'`` or ``'minmax'``.
        eps: Added to the range, in the unit of the summed CAM.
        margin: Subtracted along with the minimum; default: ``eps`` for ``'minmax'``, 0 for
            ``'max'``.
        size_divisor: Resize the CAMs to the image's size rounded up to a multiple of this, and
            crop: IRN's ``high_res``.
        presence: Probability from which on the classifier finds a class in an image without label.

    Raises:
        ValueError: For an unknown option.
    """

    seed_source: str = 'cam'
    background: float = 0.35
    normalise: str = 'max'
    eps: float = 1e-5
    margin: float | None = None
    size_divisor: int = 1
    presence: float = 0.5

    def __post_init__(self) -> None:
        for key, known in (('seed_source', SOURCES), ('normalise', NORMALISATIONS)):
            if (value := getattr(self, key)) not in known:
                raise ValueError(f'{key}={value!r} is unknown; choose one of {known}')

    def maps(
        self, model: Host, inputs: Tensor, metas: Sequence[dict]
    ) -> tuple[Tensor, list[Tensor]]:
        """Run a host on a batch of views.

        Args:
            model: The segmentor; its decode head has ``activation(feats)``, a CAM >= 0
                (N, C, h, w) of any size, and ``classify(feats)``, logits (N, C).
            inputs (Tensor): normalised images, (N, 3, H, W).
            metas: Metainfo of the images; ``img_label`` (C,) 0/1 where the image has one.

        Returns:
            tuple: classes (N, C), 0/1; and what :attr:`seed_source` needs of the CAM, unnormalised,
            and the seeds of the level sets, (N, C, h, w) each, >= 0 and 0 for absent classes.

        Raises:
            ValueError: Some images of the batch have a label and others none, or none has and the
                head cannot classify.
        """
        features, head = model.extract_feat(inputs), model.decode_head
        if any(meta.get('img_label') is not None for meta in metas):
            labels = image_labels(metas, head.num_classes, inputs)
        elif not hasattr(head, 'classify'):
            raise ValueError(
                f'got images without img_label, and {type(head).__name__} has no classify(feats) to '
                "find their classes: give it one, or the images labels (add 'img_label' to meta_keys)"
            )
        else:
            labels = (head.classify(features).sigmoid() >= self.presence).to(inputs)
        maps = []
        if self.seed_source != 'phi':
            maps.append(head.activation(features) * labels[..., None, None])
        if self.seed_source != 'cam':
            image = unit_inputs(model.data_preprocessor, inputs)
            maps.append(self.level_set(model).seeds(features, image, labels))
        return labels, maps

    def level_set(self, model: Host) -> LevelSetHead:
        """The head that :attr:`seed_source` reads.

        Raises:
            ValueError: The model has none.
        """
        if (head := level_set_of(model)) is None:
            raise ValueError(
                f'seed_source={self.seed_source!r} needs level sets, but the model has no LevelSetHead; '
                "use seed_source='cam' or add the auxiliary head."
            )
        return head

    def views(
        self,
        samples: Sequence[SegDataSample],
        labels: Tensor,
        maps: Sequence[Tensor],
        size_divisor: int | None = None,
    ) -> list[View]:
        """Bring the maps of a batch to the images they show.

        Args:
            samples: The N views.
            labels (Tensor): classes, (N, C), 0/1.
            maps (Sequence[Tensor]): as of :meth:`maps`, (N, C, h, w) each.
            size_divisor: Of the side that the CAM covers; default: :attr:`size_divisor`.
        """
        size_divisor = size_divisor or self.size_divisor
        views = []
        for n, (sample, label) in enumerate(zip(samples, labels > 0, strict=True)):
            cam = phi = maps[0].new_zeros(int(label.sum()), 0, 0)
            if self.seed_source != 'phi':
                cam = upright(maps[0][n][label], sample, size_divisor)
            if self.seed_source != 'cam':
                phi = upright(maps[-1][n][label], sample)
            views.append(View(sample, label, cam, phi))
        return views

    def merge(self, views: Sequence[View]) -> SegDataSample:
        """Merge the views of an image.

        Args:
            views: Of one image.

        Returns:
            SegDataSample: the first view's, with ``seg_logits``, (1 + C, H, W): :attr:`background`
            and the seeds in [0, 1]; ``pred_sem_seg``, (1, H, W), their argmax, 0 background, 1..C;
            and metainfo ``seed_source``, ``augmentation`` and, without ``img_label``,
            ``pred_img_label`` (C,) 0/1, the classes that the classifier found.
        """
        sample = views[0].sample
        present = torch.stack([view.present for view in views]).any(0)
        seeds = []
        if self.seed_source != 'phi':
            seeds.append(self.normalised(_total(present, [(v.present, v.cam) for v in views])))
        if self.seed_source != 'cam':
            total = _total(present, [(v.present, v.phi) for v in views])
            seeds.append(total / len(views))
        found = torch.stack(seeds).mean(0)
        scores = found.new_zeros(1 + len(present), *found.shape[1:])
        scores[0] = self.background
        scores[1:][present] = found
        best, label = scores[1:].max(0)
        label = torch.where(best > self.background, label + 1, 0)
        sample.set_data(
            dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label[None]))
        )
        flips = sum(bool(view.sample.metainfo.get('flip')) for view in views)
        augmentation = f'{len(views)} views, {flips} flipped' if len(views) > 1 else 'none'
        sample.set_metainfo(dict(seed_source=self.seed_source, augmentation=augmentation))
        if sample.metainfo.get('img_label') is None:
            sample.set_metainfo(dict(pred_img_label=present.cpu().numpy().astype('f4')))
        return sample

    def normalised(self, cam: Tensor) -> Tensor:
        """Scores in [0, 1] of summed CAMs, both (K, H, W).

        SEAM, MuSCLe and IRN mean the same by other words: what they leave slightly negative is
        below every background score.
        """
        margin = self.margin if self.margin is not None else self.eps * (self.normalise == 'minmax')
        cam = cam.clamp_min(0)
        high = cam.amax((1, 2), keepdim=True)
        low = cam.amin((1, 2), keepdim=True) if self.normalise == 'minmax' else 0
        return ((cam - low - margin) / (high - low + self.eps)).clamp_min(0)


def level_set_of(model: Host | nn.Module) -> LevelSetHead | None:
    """Return the first LevelSetHead of a segmentor, if it has one."""
    return next((m for m in model.modules() if isinstance(m, LevelSetHead)), None)


def cam_source(model: Host) -> CAMSource | None:
    """Return the head that makes the CAMs: the decode head, or the level sets' own ``cam_head``."""
    levels = [m for m in model.modules() if isinstance(m, LevelSetHead)]
    heads = [getattr(model, 'decode_head', None), *(level.cam_head for level in levels)]
    return next((head for head in heads if head is not None and hasattr(head, 'activation')), None)


def unit_inputs(preprocessor: nn.Module, inputs: Tensor) -> Tensor:
    """De-normalise ``inputs`` (N, 3, H, W) to [0, 1], with the mean and std of the preprocessor."""
    mean, std = getattr(preprocessor, 'mean', 0), getattr(preprocessor, 'std', 1)
    return ((inputs * std + mean) / 255).clamp(0, 1)


def upright(score: Tensor, sample: SegDataSample, size_divisor: int = 1) -> Tensor:
    """Cut off the padding of a view, undo its flip and resize ``score`` (K, h, w) to (K, H, W)."""
    meta = sample.metainfo
    padding = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    if any(padding):
        left, right, top, bottom = padding
        height, width = meta['pad_shape'][-2:]
        score = _resize(score, (height, width))
        score = score[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        axes = dict(horizontal=[2], vertical=[1], diagonal=[1, 2])[meta['flip_direction']]
        score = score.flip(axes)
    height, width = meta['ori_shape'][:2]
    size = [-(-side // size_divisor) * size_divisor for side in (height, width)]
    return _resize(score, size)[:, :height, :width]


def _total(present: Tensor, maps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum maps (K_i, H, W) of classes (C,) bool over views; (K, H, W) of the classes ``present``."""
    total = maps[0][1].new_zeros(len(present), *maps[0][1].shape[1:])
    for classes, values in maps:
        total[classes] += values
    return total[present]


def _resize(score: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear resizing of (K, h, w); K, as a batch, may be 0."""
    return F.interpolate(score[:, None].float(), tuple(size), mode='bilinear')[:, 0]
