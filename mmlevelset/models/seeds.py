"""From the maps of one or more views of an image to its seeds and its label map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.levelset import seed_scores
from mmlevelset.levelset.limits import check_count, check_number
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import image_labels
from mmlevelset.structures.host import CAMSource, Host, cams_of, guide_of, text_similarities

from .cam_methods.base import CAMMethod
from .level_set_head import LevelSetHead
from .views import View, enlargement, total, upright

SOURCES = ('cam', 'phi', 'fused')
NORMALISATIONS = ('max', 'minmax', 'none')
ROUNDING = 1e-2  # of scores, in half precision
ZERO_LEVEL = 0.5  # sigmoid(0), the seed on the contour of a level set


@dataclass(frozen=True)
class SeedRecipe:
    """How seeds are made of maps, and label maps of seeds.

    The CAMs x of all views, of the present classes, are un-flipped, resized to the image and
    summed. Then, per class, ``max(0, x - low - margin) / (max x - low + eps)``, where ``low`` is 0
    (``'max'``) or the smallest value of the map (``'minmax'``). CAMs that are scores in [0, 1]
    (``'none'``) and seeds of level sets, :func:`mmlevelset.levelset.seed_scores`, are averaged.

    The classes are those of the image label. An image without one, a picture from anywhere, has
    those that the host's own classifier finds.

    Args:
        seed_source: ``'cam'``, ``'phi'`` (the level sets phi^T) or ``'fused'``, their mean.
        background: Score of the background in the label map. Default: 0.5, the zero level set, for
            ``'phi'``, ``cam_background`` for the others.
        cam_background: That of the host's CAM; a config says ``background`` to choose one whatever is predicted.
        normalise: ``'max'``, ``'minmax'`` or ``'none'``.
        eps: Added to the range, in the unit of the summed CAM.
        margin: Subtracted along with the minimum; default: ``eps`` for ``'minmax'``, 0 for
            ``'max'``.
        size_divisor: Resize the CAMs to the image's size rounded up to a multiple of this, and
            crop: IRN's ``high_res``.
        presence: Probability from which on the classifier finds a class in an image without label.
        level_sets: Leave phi^0 and phi^T on the prediction as well, at the size of the image.
        cam_method: Config of another way to read the CAM from the host, e.g.
            ``dict(type='mmlevelset.AdvCAM')``; default: the CAM of its head.

    Raises:
        ValueError: A choice that there is not, or a number out of its range.
    """

    seed_source: str = 'cam'
    background: float | None = None
    cam_background: float = 0.35
    normalise: str = 'max'
    eps: float = 1e-5
    margin: float | None = None
    size_divisor: int = 1
    presence: float = 0.5
    level_sets: bool = False
    cam_method: dict[str, Any] | None = None
    _method: CAMMethod | None = field(init=False, default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.cam_method is not None:
            object.__setattr__(self, '_method', MODELS.build(self.cam_method))
        for key, known in (('seed_source', SOURCES), ('normalise', NORMALISATIONS)):
            if (value := getattr(self, key)) not in known:
                raise ValueError(f'{key}={value!r} is unknown; choose one of {known}')
        for key in ('background', 'cam_background', 'presence'):
            if (value := getattr(self, key)) is not None:
                check_number(key, value, 0, 1, '[]')
        check_number('eps', self.eps, 0, ends='()')
        if self.margin is not None:
            check_number('margin', self.margin, 0)
        check_count('size_divisor', self.size_divisor)

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> 'SeedRecipe':
        """The recipe that a config declares.

        Raises:
            ValueError: It has another key, or see the class.
        """
        known = [one.name for one in fields(cls) if one.init]
        if unknown := sorted(set(options) - set(known)):
            raise ValueError(f'how seeds are made: {unknown} is unknown; expected some of {known}')
        return cls(**options)

    def maps(
        self,
        model: Host,
        inputs: Tensor,
        metas: Sequence[dict],
        samples: Sequence[SegDataSample] = (),
    ) -> tuple[Tensor, list[Tensor]]:
        """Run a host on a batch of views.

        Args:
            model: The segmentor; its decode head has ``activation(feats)``, a CAM >= 0
                (N, C, h, w) of any size, and ``classify(feats)``, logits (N, C).
            inputs (Tensor): normalised images, (N, 3, H, W).
            metas: Metainfo of the images; ``img_label`` (C,) 0/1 where the image has one.
            samples: The images', with ``text_similarity`` (C, h, w) where it was loaded; of windows none.

        Returns:
            tuple: classes (N, C), 0/1; and the maps that the recipe asks for, (N, C, h, w) each: the
            CAM, unnormalised, and the seeds of the level sets, both >= 0 and 0 for absent classes;
            phi^0 and phi^T, in pixels of the view, positive inside.

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
            if self._method is None:
                maps.append(cams_of(head, features, labels) * labels[..., None, None])
            else:
                maps.append(self._method.maps(model, inputs, labels, metas))
        if self.seed_source != 'cam' or self.level_sets:
            head, image = self.level_set(model), unit_inputs(model.data_preprocessor, inputs)
            reads_text = head.evolution is not None and head.evolution.text
            text = text_similarities(model, features, samples) if reads_text else None
            source = cam_source(model) if head.shares().any() else None
            cam = guide_of(source, features, labels) if source else None
            phis = head.level_sets(features, image, labels, text, cam)
            stride = head.stride(image, phis[1])
            if self.seed_source != 'cam':
                scores = seed_scores(phis[1], head.truncate / stride)
                maps.append(labels[..., None, None] * scores)
            if self.level_sets:
                maps += [stride * phi for phi in phis]
        return labels, maps

    @property
    def limit(self) -> float:
        """Score of the background."""
        if self.background is not None:
            return self.background
        return ZERO_LEVEL if self.seed_source == 'phi' else self.cam_background

    @property
    def kinds(self) -> int:
        """How many of the maps are seeds; they come first."""
        return 2 if self.seed_source == 'fused' else 1

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
            own = [m[n][label] for m in maps]
            cam = phi = own[0].new_zeros(len(own[0]), 0, 0)
            if self.seed_source != 'phi':
                cam = upright(own[0], sample, size_divisor)
            if self.seed_source != 'cam':
                phi = upright(own[self.kinds - 1], sample)
            level_sets = torch.stack([cam, cam])[..., :0, :0]
            if self.level_sets:
                level_sets = torch.stack([upright(m, sample) for m in own[self.kinds :]])
                level_sets *= enlargement(sample)
            views.append(View(sample, label, cam, phi, level_sets))
        return views

    def merge(self, views: Sequence[View]) -> SegDataSample:
        """Merge the views of an image.

        Args:
            views: Of one image.

        Returns:
            SegDataSample: the first view's, with ``seg_logits``, (1 + C, H, W): :attr:`limit`
            and the seeds in [0, 1]; ``pred_sem_seg``, (1, H, W), their argmax, 0 background, 1..C;
            with :attr:`level_sets`, ``phi_0`` and ``phi_T``, (K, H, W), of the present classes, in
            pixels, positive inside, their mean over the views that have the class; and metainfo
            ``seed_source``, ``augmentation``, ``cam_method`` where there is one and, without
            ``img_label``, ``pred_img_label`` (C,) 0/1, the classes that the classifier found.
        """
        sample = views[0].sample
        present = torch.stack([view.present for view in views]).any(0)
        seeds = []
        if self.seed_source != 'phi':
            cam = total(present, [(v.present, v.cam) for v in views])
            seeds.append(self.normalised(cam, len(views)))
        if self.seed_source != 'cam':
            seeds.append(total(present, [(v.present, v.phi) for v in views]) / len(views))
        found = torch.stack(seeds).mean(0)
        scores = found.new_zeros(1 + len(present), *found.shape[1:])
        scores[0] = self.limit
        scores[1:][present] = found
        best, label = scores[1:].max(0)
        label = torch.where(best > self.limit, label + 1, 0)
        sample.set_data(
            dict(seg_logits=PixelData(data=scores), pred_sem_seg=PixelData(data=label[None]))
        )
        if self.level_sets:
            phis = total(present, [(v.present, v.level_sets) for v in views])
            phis /= torch.stack([v.present for v in views]).sum(0)[present, None, None]
            sample.set_data(dict(phi_0=PixelData(data=phis[0]), phi_T=PixelData(data=phis[1])))
        flips = sum(bool(view.sample.metainfo.get('flip')) for view in views)
        augmentation = f'{len(views)} views, {flips} flipped' if len(views) > 1 else 'none'
        sample.set_metainfo(dict(seed_source=self.seed_source, augmentation=augmentation))
        if self._method is not None and self.seed_source != 'phi':
            sample.set_metainfo(dict(cam_method=self._method.describe()))
        if sample.metainfo.get('img_label') is None:
            sample.set_metainfo(dict(pred_img_label=present.cpu().numpy().astype('f4')))
        return sample

    def normalised(self, cam: Tensor, views: int = 1) -> Tensor:
        """Scores in [0, 1] of CAMs that are summed over so many views, both (K, H, W).

        SEAM, MuSCLe and IRN mean the same by other words: what they leave slightly negative is
        below every background score.

        Raises:
            ValueError: They are to be taken as they are, and are no scores.
        """
        if self.normalise == 'none':
            cam = cam / views
            if cam.numel() and not ((cam >= -ROUNDING) & (cam <= 1 + ROUNDING)).all():
                raise ValueError(
                    f"normalise='none' takes CAMs as scores in [0, 1], and this one lies in [{cam.min():.3g}, "
                    f"{cam.max():.3g}]: choose 'max' or 'minmax'"
                )
            return cam
        margin = self.margin if self.margin is not None else self.eps * (self.normalise == 'minmax')
        cam = cam.clamp_min(0)
        high = cam.amax((1, 2), keepdim=True)
        low = cam.amin((1, 2), keepdim=True) if self.normalise == 'minmax' else 0
        return ((cam - low - margin) / (high - low + self.eps)).clamp_min(0)


def level_set_of(model: Host | nn.Module) -> LevelSetHead | None:
    """Return the first LevelSetHead of a segmentor, if it has one."""
    return next((m for m in model.modules() if isinstance(m, LevelSetHead)), None)


def cam_source(model: Host) -> CAMSource | None:
    """Return the head that level sets learn from: their own ``cam_head``, or else the decode head."""
    levels = [m for m in model.modules() if isinstance(m, LevelSetHead)]
    heads = [*(level.cam_head for level in levels), getattr(model, 'decode_head', None)]
    return next((head for head in heads if head is not None and hasattr(head, 'activation')), None)


def unit_inputs(preprocessor: nn.Module, inputs: Tensor) -> Tensor:
    """De-normalise ``inputs`` (N, 3, H, W) to [0, 1], with the mean and std of the preprocessor."""
    mean, std = getattr(preprocessor, 'mean', 0), getattr(preprocessor, 'std', 1)
    return ((inputs * std + mean) / 255).clamp(0, 1)
