"""Seeds from several scales and flips: the usual inference of an image-level supervised host."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseTTAModel
from mmseg.structures import SegDataSample
from torch import nn

from mmlevelset.registry import MODELS
from mmlevelset.structures.host import Host

from .seeds import SeedRecipe
from .views import View


@MODELS.register_module()
class CAMTTAModel(BaseTTAModel):
    """Merge the views of an image into seeds, see :class:`SeedRecipe`.

    The official recipes:

    ==================  =============  =====  ======  =================
    host                normalise      eps    margin  size_divisor
    ==================  =============  =====  ======  =================
    IRN, PSA            ``'max'``      1e-5   0       16 in IRN, else 1
    SEAM                ``'minmax'``   1e-5   1e-5    1
    MuSCLe              ``'minmax'``   1e-6   1e-6    1
    MCTformer, -V2, +   ``'minmax'``   1e-8   0       1
    CLIP-ES             ``'none'``     -      -       1
    ==================  =============  =====  ======  =================

    Args:
        module: The segmentor or its config; its decode head has ``activation(feats)``, a CAM >= 0
            (N, C, h, w) of any size.
        data_preprocessor: See ``BaseTTAModel``.
        **recipe: Options of :class:`SeedRecipe`.

    Raises:
        ValueError: For an unknown option, level sets asked of a model without LevelSetHead, or a
            model that is to be tested in sliding windows.
    """

    def __init__(
        self, module: dict | nn.Module, data_preprocessor: dict | None = None, **recipe: Any
    ) -> None:
        super().__init__(module, data_preprocessor)
        self.set_recipe(SeedRecipe.read(recipe))
        if (self.module.test_cfg or {}).get('mode') == 'slide':
            raise ValueError(
                "--tta looks at whole views, but model.test_cfg has mode='slide': set it to "
                "'whole', or test without --tta"
            )

    def set_recipe(self, recipe: SeedRecipe) -> None:
        """Merge by another recipe.

        Args:
            recipe: How seeds are made.

        Raises:
            ValueError: It needs level sets, and the model has none.
        """
        check_source(recipe, self.module)
        self.recipe = recipe

    def test_step(self, data: dict) -> list[SegDataSample]:
        """Predict the seeds of a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list over views of lists over images.

        Returns:
            list[SegDataSample]: per image, as of :meth:`SeedRecipe.merge`.
        """
        views = [
            self._views({k: v[i] for k, v in data.items()}) for i in range(len(data['inputs']))
        ]
        return self.merge_preds(list(zip(*views, strict=True)))

    def _views(self, data: dict) -> list[View]:
        """One view of every image of a batch."""
        data = self.module.data_preprocessor(data, False)
        samples = data['data_samples']
        metas = [sample.metainfo for sample in samples]
        labels, maps = self.recipe.maps(self.module, data['inputs'], metas, samples)
        return self.recipe.views(samples, labels, maps)

    def merge_preds(self, data_samples_list: Sequence[Sequence[View]]) -> list[SegDataSample]:
        """Merge the views of every image, as :meth:`test_step` returns them."""
        return [self.recipe.merge(views) for views in data_samples_list]


def check_source(recipe: SeedRecipe, model: Host) -> None:
    """Refuse a recipe that needs level sets of a model without.

    Raises:
        ValueError: Naming the cure.
    """
    if recipe.seed_source != 'cam' or recipe.level_sets:
        recipe.level_set(model)
