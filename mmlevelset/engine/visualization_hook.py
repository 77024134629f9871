"""Look at the level sets while they train."""

import copy
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import LocalVisBackend, MLflowVisBackend

from mmlevelset.levelset.limits import check_count
from mmlevelset.models.level_set_head import LevelSetHead
from mmlevelset.models.seeds import cam_source, level_set_of
from mmlevelset.models.trained import bare_model
from mmlevelset.registry import HOOKS
from mmlevelset.structures.fields import get_cams, image_labels, unit_images
from mmlevelset.structures.host import CAMSource, Host, guide_of, text_similarities
from mmlevelset.visualization import GUIDE, Panel, draw_rows, join_rows, trace_panels


@HOOKS.register_module()
class LevelSetVisualizationHook(Hook):
    """Draw CAM, SDF, phi^0, phi^T and its contour of a training batch now and then.

    Pictures go to ``<work_dir>/level_sets/iter_<N>.png``, and as ``level_sets`` to every backend of the
    visualizer that keeps pictures elsewhere (``configs/_base_/vis``).

    Args:
        interval: Iterations between two pictures.
        images: Images of the batch to draw.

    Raises:
        ValueError: A number is none, or the model has no LevelSetHead, or no head that makes a CAM.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, images: int = 4) -> None:
        for name, value in dict(interval=interval, images=images).items():
            check_count(f'LevelSetVisualizationHook: {name}', value)
        self.interval = interval
        self.images = images

    @master_only
    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Draw the batch of every ``interval``-th iteration."""
        if data_batch is None or not self.every_n_train_iters(runner, self.interval):
            return
        model: Any = bare_model(runner.model)
        head, source = level_set_of(model), cam_source(model)
        if head is None or source is None:
            raise ValueError(
                'LevelSetVisualizationHook needs a LevelSetHead and a head that makes CAMs '
                '(CAMHead, as decode_head or as cam_head of the LevelSetHead); remove the hook '
                'from custom_hooks or add them'
            )
        path = Path(runner.work_dir) / 'level_sets' / f'iter_{runner.iter + 1}.png'
        training = model.training
        model.eval()
        try:
            rows = self._rows(model, head, source, copy.deepcopy(data_batch))
        finally:
            model.train(training)
        draw_rows(rows, path)
        for backend in runner.visualizer._vis_backends.values():
            # MLflow keeps files, the others a series under one name.
            name = (
                f'level_sets/{path.name}' if isinstance(backend, MLflowVisBackend) else 'level_sets'
            )
            if not isinstance(backend, LocalVisBackend):  # it would write the same file again
                backend.add_image(name, join_rows(rows), step=runner.iter + 1)

    @torch.no_grad()
    def _rows(
        self, model: Host, head: LevelSetHead, source: CAMSource, batch: dict
    ) -> list[list[Panel]]:
        batch = {name: values[: self.images] for name, values in batch.items()}
        data = model.data_preprocessor(batch, True)
        samples, features = data['data_samples'], model.extract_feat(data['inputs'])
        images, metas = unit_images(samples), [s.metainfo for s in samples]
        labels = image_labels(metas, source.num_classes, images)
        guide = get_cams(samples)  # of the data set; the host has written no CAM here
        cam = guide_of(source, features, labels) if guide is None else guide
        name = 'CAM' if guide is None else GUIDE
        text = text_similarities(model, features, samples)
        trace = head.trace(features, images, cam, labels, text)
        pictures = (images * 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        return [
            trace_panels(picture, trace, cam[i], head.truncate / trace.stride, i, name)
            for i, picture in enumerate(pictures)
        ]
