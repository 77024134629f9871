"""What a level-set head is built of, and what its energy and its evolution look at."""

from collections.abc import Sequence
from typing import Any

from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from mmlevelset.levelset import IMAGE_STRIDE, Evolution, LevelSetTrace, reduced, standardise
from mmlevelset.levelset.limits import check_count, check_number, check_same_view
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import get_cams, get_edges


def built(config: dict | None, **default: Any) -> Any:
    """Build a part that a config may leave out, with what it does not say itself; None without one."""
    return None if config is None else MODELS.build(default | dict(config))


def evolution_of(evolution: dict | None, num_classes: int, truncate: float) -> Evolution:
    """Build f_LSE of a config, the default without one; ``truncate`` in pixels of the input image."""
    check_number('truncate', truncate, 0, ends='()')
    # An evolution measures in pixels of x.
    given = dict(num_classes=num_classes, truncate=truncate / IMAGE_STRIDE)
    return MODELS.build(dict(type='mmlevelset.FNOEvolution') | given | (evolution or {}))


def check_inputs(in_channels: Sequence[int], in_index: Sequence[int], channels: int) -> None:
    """Refuse lists of different lengths, or what is no list.

    Raises:
        ValueError: Names what a head was given.
    """
    check_count('channels', channels)
    lists = all(isinstance(given, Sequence) for given in (in_channels, in_index))
    if not lists or len(in_channels) != len(in_index) or not in_index:
        raise ValueError(
            f'in_channels={in_channels} and in_index={in_index}, expected as many channels as indices of feature '
            'maps, one at least'
        )


def seen_image(image: Tensor, size: Sequence[int]) -> Tensor:
    """What level sets of size (h, w) see of an image (N, 3, H, W), see :func:`reduced`.

    Raises:
        ValueError: The feature maps are of another view than the image.
    """
    check_same_view('feature maps', size, image.shape[2:])
    return reduced(image, size)


def required_cams(samples: Sequence[SegDataSample]) -> Tensor:
    """What level sets learn from, (N, C, h, w), >= 0, see :func:`get_cams`.

    Raises:
        ValueError: There is none.
    """
    if (cam := get_cams(samples)) is None:
        raise ValueError(
            'LevelSetHead found no CAM on the samples: use a decode head that writes one '
            "(e.g. 'mmlevelset.CAMHead'), or give this head its own by "
            "cam_head=dict(type='mmlevelset.CAMHead', in_channels=…)."
        )
    return cam


def energy_data(inputs: Sequence[Tensor], index: int, size: Sequence[int]) -> Tensor:
    """F of eq 24 without gradient.

    It is standardised on its own grid and then resized, which smooths: on the preset's, of stride 16, the mean square
    is 1, on the level sets' of stride 8 about 0.66. So 0.6 of the preset's ``feature_weight`` act like 0.4 of
    :class:`mmlevelset.levelset.LevelSetLoss`, which standardises last.

    Args:
        inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).
        index: Which of them.
        size: (h, w) of the level sets.

    Returns:
        Tensor: standardised per image and channel, see above, (N, K, h, w).

    Raises:
        ValueError: The backbone has no such feature map.
    """
    if not 0 <= index < len(inputs):
        got = f'data_index={index}, and the backbone gives {len(inputs)} feature maps'
        raise ValueError(f'{got}: expected 0 to {len(inputs) - 1}, counted from the first')
    return F.interpolate(standardise(inputs[index].detach()), tuple(size), mode='bilinear')


def with_edges(
    trace: LevelSetTrace, samples: Sequence[SegDataSample], energy: nn.Module | None
) -> LevelSetTrace:
    """The trace with the learnt edges of its images, where the samples have some.

    Raises:
        ValueError: There are some, and the energy looks at none.
    """
    if (edges := get_edges(samples)) is None:
        return trace
    if not getattr(energy, 'learnt_edges', False):
        raise ValueError(
            'the data set loads edges (edge_dir), and loss_energy looks at none: give it an edge_weight and an '
            'edge_share above 0, or leave edge_dir out'
        )
    return trace._replace(edge=edges[trace.images])


def class_data(text: Tensor | None, size: Sequence[int]) -> Tensor | None:
    """Text similarities (N, C, h', w') standardised per image and class, (N, C, h, w)."""
    if text is None:
        return None
    return standardise(F.interpolate(text.detach().float(), tuple(size), mode='bilinear'))


def of_images(maps: Tensor, images: Tensor) -> Tensor:
    """Maps (N, K, h, w) of the images of M pairs, (M,) integers: (M, K, h, w)."""
    if maps.shape[0] == 1:  # every pair is of this image: no copy of it for each of them
        return maps.expand(len(images), -1, -1, -1)
    return maps.index_select(0, images)  # faster than maps[images]


def of_pairs(text: Tensor | None, pairs: tuple[Tensor, Tensor]) -> Tensor | None:
    """Maps (N, C, h, w) of M pairs of an image and a class, (M, 1, h, w)."""
    return None if text is None else text[pairs][:, None]


def text_of(evolution: Evolution, text: Tensor | None) -> tuple[Tensor, ...]:
    """What an evolution gets beside phi, image and features: ``text``, where it wants one.

    Raises:
        ValueError: It wants one, and there is none.
    """
    if not evolution.text:
        return ()
    if text is None:
        raise ValueError(
            f'{type(evolution).__name__} has text=True, and there are no text similarities. It needs '
            'them in training and at prediction, of whole images: use a host whose decode head has '
            "text_similarity(feats), such as CLIP-ES, or put dict(type='mmlevelset.LoadGuide', seed_dir=…, "
            "field='text_similarity') behind the loading of the image in the train, test and tta pipelines"
        )
    return (text,)
