"""MuSCLe's two optimiser steps per iteration (Yuan et al., Pattern Recognition 137, 2023)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.dist import is_distributed
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmlevelset.registry import MODEL_WRAPPERS, MODELS

from .seed_segmentor import SeedSegmentor


@MODELS.register_module()
class MuSCLe(SeedSegmentor):
    """An encoder-decoder that is updated twice with every batch.

    ::

        train_step(data)
          ├─ train mode:  forward(mode='images') = loss          decode head, auxiliary head; update
          └─ from pixpro_begin on
             eval mode:   forward(mode='views') = loss_views     decode head on two views; update

    Batch norms use their running statistics in the second step. Parameters that it does not reach
    (the classifier, the level set) have no gradient then and stay as they are. It has its own
    forward and backward pass, so :class:`MuSCLeDistributedDataParallel` has to wrap the model where
    there are several processes; the configs name it.
    """

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the backbone's maps (N, K_i, h_i, w_i) and, last, ``inputs``, normalised, (N, 3, H, W)."""
        return (*super().extract_feat(inputs), inputs)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Update with whole images, then with their views; see :meth:`two_steps`."""
        return self.two_steps(data, optim_wrapper, self)

    def two_steps(
        self, data: dict, optim_wrapper: OptimWrapper, model: nn.Module
    ) -> dict[str, Tensor]:
        """Update the parameters by both steps, one after the other.

        Args:
            data: A batch as the data loader gives it.
            optim_wrapper: Of the parameters.
            model: This module, or the wrapper around it that synchronises gradients.

        Returns:
            dict: every loss; ``loss`` and ``loss_views`` are the sums that the two steps descend.

        Raises:
            ValueError: The gradients of several iterations are to be accumulated.
        """
        if getattr(optim_wrapper, '_accumulative_counts', 1) != 1:
            raise ValueError(
                'optim_wrapper.accumulative_counts must be 1: MuSCLe makes two steps per iteration, '
                'whose gradients would be mixed. Use a smaller batch, or more processes.'
            )
        self.train()
        with optim_wrapper.optim_context(model):
            data = self.data_preprocessor(data, True)
            losses = model(**data, mode='images')
        loss, logs = self.parse_losses(losses)
        optim_wrapper.update_params(loss)
        if not self.decode_head.begun('pixpro'):
            return logs
        self.eval()
        with optim_wrapper.optim_context(model):
            losses = model(**data, mode='views')
        loss, view_logs = self.parse_losses(losses)
        optim_wrapper.update_params(loss)
        self.train()
        return {**logs, **view_logs, 'loss': logs['loss'], 'loss_views': loss}

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[SegDataSample] | Tensor:
        """Dispatch: ``'images'`` and ``'views'`` are the losses of the two steps, others mmseg's.

        Args:
            inputs (Tensor): normalised images, (N, 3, H, W); ``'views'`` does not read them.
            data_samples: Samples with metainfo ``img_label`` (C,) 0/1; for ``'views'`` with what
                :meth:`loss_views` reads, too.
            mode: ``'images'``, ``'views'``, ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            dict | list | Tensor: scalar losses by name for ``'images'``, ``'views'`` and ``'loss'``;
            samples as :meth:`SeedSegmentor.predict` returns them for ``'predict'``; SGCs
            (N, C, H, W) >= 0 for ``'tensor'``.

        Raises:
            ValueError: A wrapper that knows nothing of the second step asks for the loss.
        """
        if mode == 'images':
            return self.loss(inputs, data_samples)
        if mode == 'views':
            return self.loss_views(data_samples)
        if mode == 'loss' and is_distributed():
            raise ValueError(
                'MuSCLe needs a wrapper that makes both of its steps: set model_wrapper_cfg=dict('
                "type='mmlevelset.MuSCLeDistributedDataParallel', broadcast_buffers=False, "
                'find_unused_parameters=True)'
            )
        return super().forward(inputs, data_samples, mode)

    def loss_views(self, data_samples: list[SegDataSample] | None) -> dict[str, Tensor]:
        """Losses of the second step.

        Args:
            data_samples: Samples with metainfo ``img_label`` (C,) and the fields ``views``
                (2, 3, h, w), uint8 as loaded, and ``view_boxes`` (2, 4).

        Returns:
            dict: ``decode.*`` of :meth:`MuSCLeHead.loss_views`.

        Raises:
            ValueError: The samples have no views.
        """
        if not data_samples or not all('views' in sample for sample in data_samples):
            raise ValueError(
                "the samples have no views: put 'mmlevelset.OverlappingViews' into the training "
                "pipeline and end it with 'mmlevelset.PackViews'"
            )
        views = torch.stack([sample.views for sample in data_samples]).unbind(1)
        first, second = (self.data_preprocessor(dict(inputs=list(v)))['inputs'] for v in views)
        with self._without_cache():
            first = self.extract_feat(first)
            with torch.no_grad():
                second = self.extract_feat(second)
        return add_prefix(self.decode_head.loss_views(first, second, data_samples), 'decode')

    @contextmanager
    def _without_cache(self) -> Iterator[None]:
        """Random views never come back: memoising their frozen features would only fill the disk."""
        cache = getattr(self.backbone, 'cache', None)
        self.backbone.cache = None
        try:
            yield
        finally:
            self.backbone.cache = cache


@MODEL_WRAPPERS.register_module()
class MuSCLeDistributedDataParallel(MMDistributedDataParallel):
    """Synchronise the gradients of both steps of :class:`MuSCLe`.

    The second step leaves parameters out, so it needs ``find_unused_parameters=True``.
    """

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Update with whole images, then with their views; see :meth:`MuSCLe.two_steps`."""
        return self.module.two_steps(data, optim_wrapper, self)
