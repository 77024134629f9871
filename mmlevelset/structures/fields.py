"""What travels on a SegDataSample between the host and the level-set head.

=====================  =====================  ====================================================================
field                  shape, dtype           meaning
=====================  =====================  ====================================================================
metainfo `img_label`   (C,) float 0/1         image-level label of the foreground classes, the only supervision
data `input_image`     (3, H, W) float        the image as the backbone sees it, with metainfo `img_mean`/`img_std`;
                                              beyond its rim, if it was padded, the colours of the rim go on
… `img_box`            4 int                  where on its ground the image lies: top, left, bottom, right
data `cam`             (C, h, w) float >= 0   the host's class activation maps, unnormalised, with their graph
data `guide`           (C, H, W) float        a seed in [0, 1] that level sets learn from in the place of `cam`
… `edge`               (1, H, W) float        probability of a learnt edge, which the energy looks at
… `text_similarity`    (C, h, w) float        how well every pixel fits the text of a class, in any unit
data `seg_logits`      (1 + C, H, W) float    of a prediction: the background's score, then the seeds in [0, 1]
data `phi_0`, `phi_T`  (K, H, W) float        … if asked for: of the present classes, in pixels, positive inside
metainfo `seed_source` str                    of a prediction: ``'cam'``, ``'phi'`` (level sets) or ``'fused'``
… `augmentation`       str                    of a prediction: ``'none'`` or how many views, and flips, were merged
… `cam_method`         str                    of a prediction whose CAM was read in another way, e.g. ``'AdvCAM'``
… `pred_img_label`     (C,) float 0/1         of a prediction without `img_label`: what the classifier found
=====================  =====================  ====================================================================
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor


def image_labels(metas: Sequence[dict], num_classes: int, like: Tensor) -> Tensor:
    """Stack the image-level labels of a batch.

    Args:
        metas: The samples' metainfo.
        num_classes: Foreground classes C.
        like (Tensor): gives device and dtype.

    Returns:
        Tensor: 0/1, (N, C).

    Raises:
        ValueError: When a sample has no ``img_label``, one of another length, or one that is not 0 or 1.
    """
    rows = []
    for meta in metas:
        label = meta.get('img_label')
        if label is None:
            raise ValueError(
                'a sample carries no image-level label: give the dataset `image_labels=…` and end its pipeline '
                "with 'mmlevelset.PackImageLabels', or add 'img_label' to `meta_keys` of PackSegInputs"
            )
        label = np.asarray(label, np.float32)
        if label.shape != (num_classes,):
            raise ValueError(
                f'img_label has shape {label.shape}, expected ({num_classes},): the head has '
                f"{num_classes} foreground classes; set num_classes to the dataset's (without background)"
            )
        if not np.isin(label, (0, 1)).all():
            raise ValueError(
                f'{meta.get("img_path")}: img_label is {label.tolist()}, expected 0 or 1 of every class: whether '
                'the image shows it'
            )
        rows.append(torch.from_numpy(label))
    return torch.stack(rows).to(like)


def set_cams(samples: Sequence[SegDataSample], cams: Tensor) -> None:
    """Write ``cams`` (Tensor): (N, C, h, w), >= 0, unnormalised, with graph, to the samples."""
    for sample, cam in zip(samples, cams, strict=True):
        sample.set_data({'cam': cam})


def get_cams(samples: Sequence[SegDataSample]) -> Tensor | None:
    """Return what level sets learn from, (N, C, h, w), >= 0, unnormalised.

    This is ``guide``, or the host's CAM where the data set has none; ``None`` when no host wrote one.

    Raises:
        ValueError: A guide does not cover its image, or some images have one and others none.
    """
    if (guides := _loaded(samples, 'guide')) is not None:
        return guides
    if not all('cam' in sample for sample in samples):
        return None
    return torch.stack([sample.cam for sample in samples])


def get_text_similarities(samples: Sequence[SegDataSample]) -> Tensor | None:
    """Return ``text_similarity`` of the samples, (N, C, h, w), or ``None`` where not all have one.

    Raises:
        ValueError: One was loaded for an image that was padded afterwards.
    """
    if not samples or not all('text_similarity' in sample for sample in samples):
        return None
    for sample in samples:
        size = tuple(sample.input_image.shape[-2:])
        own = tuple(sample.text_similarity.shape[-2:])
        if own != size and own == tuple(sample.metainfo['img_shape'][:2]):
            raise _not_covered(sample, 'text_similarity', size)
    return torch.stack([sample.text_similarity for sample in samples])


def get_edges(samples: Sequence[SegDataSample]) -> Tensor | None:
    """Return ``edge`` of the samples, (N, 1, H, W), or ``None`` where none has one.

    Raises:
        ValueError: Edges do not cover their image, or some images have some and others none.
    """
    return _loaded(samples, 'edge')


def _loaded(samples: Sequence[SegDataSample], field: str) -> Tensor | None:
    """The maps that ``<field>_dir`` of a data set has loaded, (N, K, H, W); ``None`` where no sample has one.

    Raises:
        ValueError: One does not cover its image, or some samples have one and others none.
    """
    bare = [sample for sample in samples if field not in sample]
    if len(bare) == len(samples):
        return None
    if bare:
        raise ValueError(
            f'{bare[0].metainfo.get("img_path")} has no {field}, and other images of its batch have one: give '
            f'{field}_dir to all data sets of the training, or to none'
        )
    for sample in samples:
        size = tuple(sample.input_image.shape[-2:])
        if tuple(sample.get(field).shape[-2:]) != size:
            raise _not_covered(sample, field, size)
    return torch.stack([sample.get(field) for sample in samples])


def _not_covered(sample: SegDataSample, field: str, size: tuple[int, ...]) -> ValueError:
    """A loaded map of another size than the image, (H, W), that the network sees."""
    return ValueError(
        f'{sample.metainfo.get("img_path")}: the {field} has {tuple(sample.get(field).shape[-2:])} '
        f'pixels, the image that the network sees {size}: a loaded map cannot be padded, so resize or '
        'crop all images of the training to one size'
    )


def unit_images(samples: Sequence[SegDataSample]) -> Tensor:
    """Return the input images de-normalised to [0, 1], (N, 3, H, W), RGB or BGR as the backbone sees them.

    Raises:
        ValueError: When the samples carry no ``input_image``.
    """
    if not all('input_image' in sample for sample in samples):
        raise ValueError(
            'the level-set energy needs the input image: set data_preprocessor.type to '
            "'mmlevelset.LevelSetPreProcessor' (it replaces SegDataPreProcessor, same arguments)"
        )
    images = torch.stack([sample.input_image for sample in samples])
    mean = images.new_tensor(samples[0].metainfo['img_mean']).view(1, -1, 1, 1)
    std = images.new_tensor(samples[0].metainfo['img_std']).view(1, -1, 1, 1)
    return ((images * std + mean) / 255).clamp_(0, 1)
