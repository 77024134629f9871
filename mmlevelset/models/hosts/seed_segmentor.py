"""The segmentor of the hosts: its predictions are seeds and label maps with a background."""

import logging
from typing import Any

import torch
from mmengine.logging import print_log
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor

from mmlevelset.models.seeds import SeedRecipe, level_set_of
from mmlevelset.models.tta import check_source
from mmlevelset.registry import MODELS


@MODELS.register_module()
class SeedSegmentor(EncoderDecoder):
    """An encoder-decoder with a CAM head, and perhaps level sets, that predicts seeds.

    ::

        predict(inputs, samples)
          ├─ whole: recipe.maps(self, inputs)       CAM (N, C, h, w), level sets, or both
          │  slide: slide_inference(inputs)         their mean over the windows
          └─ recipe.merge                           normalised once, with the background

    Training is mmsegmentation's. Where there is a level set, ``guide_level_set(backbone)`` of the decode
    head, if it has one, asks the backbone for what the host itself does not need. A model with level
    sets predicts those; any other its CAM.

    Args:
        **kwargs: Of mmsegmentation's ``EncoderDecoder``. ``test_cfg`` may have ``seeds``, options of
            :class:`SeedRecipe`.

    Raises:
        ValueError: For an unknown option, or level sets asked of a model without LevelSetHead.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        options = dict((self.test_cfg or {}).get('seeds') or {})
        if level_set_of(self) is not None:
            if 'seed_source' not in options and {*options} & {'background', 'cam_background'} == {
                'background'
            }:
                print_log(
                    f'model.test_cfg.seeds.background={options["background"]} cuts the level sets; where it was '
                    "meant for the host's CAM, call it cam_background",
                    'current',
                    level=logging.WARNING,
                )
            options.setdefault('seed_source', 'phi')
            if hasattr(self.decode_head, 'guide_level_set'):
                self.decode_head.guide_level_set(self.backbone)
        self.set_recipe(SeedRecipe.read(options))

    def set_recipe(self, recipe: SeedRecipe) -> None:
        """Predict by another recipe.

        Args:
            recipe: How seeds are made.

        Raises:
            ValueError: It needs level sets, and the model has none.
        """
        check_source(recipe, self)
        self.recipe = recipe
        # mmseg's sliding window asks for the number of channels.
        self.out_channels = self.num_classes * (recipe.kinds + 2 * recipe.level_sets)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict seeds and label maps of images.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W).
            data_samples: Samples; of an image with metainfo ``img_label`` (C,) the classes are
                known, otherwise the classifier finds them.

        Returns:
            list[SegDataSample]: as of :meth:`SeedRecipe.merge`, at the original size.
        """
        if data_samples is None:
            meta = dict(ori_shape=tuple(inputs.shape[2:]), img_shape=tuple(inputs.shape[2:]))
            data_samples = [SegDataSample(metainfo=meta) for _ in inputs]
        metas = [sample.metainfo for sample in data_samples]
        if (self.test_cfg or {}).get('mode') == 'slide':
            if self.recipe.cam_method is not None:
                raise ValueError(
                    f'cam_method={self.recipe.cam_method} looks at whole views, and model.test_cfg has '
                    "mode='slide': set it to 'whole'"
                )
            maps = self.slide_inference(inputs, metas).split(self.num_classes, 1)
            labels = torch.stack([m.amax((2, 3)) > 0 for m in maps[: self.recipe.kinds]]).any(0)
            # The maps of windows end where the image does, not at the end of its last cell.
            views = self.recipe.views(data_samples, labels, maps, size_divisor=1)
        else:
            maps = self.recipe.maps(self, inputs, metas, data_samples)
            views = self.recipe.views(data_samples, *maps)
        return [self.recipe.merge([view]) for view in views]

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Maps of a window (N, 3, H, W) at its size, side by side, see :meth:`SeedRecipe.maps`."""
        maps = self.recipe.maps(self, inputs, batch_img_metas)[1]
        size = inputs.shape[2:]
        return torch.cat([resize(m, size=size, mode='bilinear') for m in maps], dim=1)
