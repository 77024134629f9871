"""The level set as an auxiliary head: wiring only, the maths is in :mod:`mmlevelset.levelset`."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.levelset import (
    TRUNCATE,
    LevelSetInitialiser,
    LevelSetTrace,
    normalise_cam,
    seed_scores,
)
from mmlevelset.models import level_set_data as parts
from mmlevelset.models.cam_guided import CAMGuided
from mmlevelset.models.heads.maps_only import MapsOnly
from mmlevelset.models.losses import batch_mean, energy_losses
from mmlevelset.models.watch import LevelSetWatch
from mmlevelset.models.zero_level import SHARE
from mmlevelset.registry import MODELS
from mmlevelset.structures.fields import get_text_similarities, image_labels, unit_images


@MODELS.register_module()
class LevelSetHead(CAMGuided, MapsOnly, BaseDecodeHead):
    """CAM-guided level sets on the features of any mmseg model.

    ::

        loss(feats, samples)
          ├─ get_cams(samples) or cam_head.loss(feats, samples)      C, eq 6
          ├─ trace(feats, image, C, labels)
          │    ├─ cam_masks, signed_distance                          D = T(C), eq 9-12, 26
          │    ├─ forward(feats) = conv_seg(f_LSI(F)), times truncate  phi^0, eq 7
          │    └─ evolve(phi^0; x, F)                                 phi^T, eq 8, 14-17
          ├─ loss_sdf(phi^0, D), loss_anchor(phi^T, D)                eq 25
          ├─ loss_energy(phi^T; x, F, C, text)                        eq 20-24
          └─ loss_cam(C, phi^T)                                       ours

    The level sets live on the grid of the finest feature map and are in its pixels. All settings are
    in pixels of the input image: the head divides them by the stride of its map, so that they hold
    for every backbone. ``conv_seg`` is the last layer of f_LSI.

    Args:
        in_channels: Channels of the feature maps ``in_index``.
        in_index: Indices of the feature maps.
        channels: Width of f_LSI.
        num_classes: Foreground classes C.
        data_index: Which of the backbone's feature maps is F of the energy (eq 24); default: the last one
            of ``in_index``. Counted from 0, as some hosts put the image or attentions behind their maps.
        evolution: Config of f_LSE: ``mmlevelset.FNOEvolution``, ``mmlevelset.ClassicalEvolution`` or
            a class of your own that keeps the contract of :class:`mmlevelset.levelset.Evolution`;
            ``num_classes`` and ``truncate`` are filled in. Without ``loss_energy`` none is built.
        loss_sdf: Config of the loss of phi^0.
        loss_anchor: Config of a loss that keeps phi^T near D as well; not in the paper, whose phi^T
            answers to the energy alone.
        loss_energy: Config of the loss of phi^T, or ``None``: train f_LSI only (Table 2).
        loss_cam: Config of a loss that teaches the host's CAM what the level sets have found, from where the
            energy begins, e.g. ``dict(loss_weight=1.0)``; ``None``: no gradient reaches the CAM.
        cam_head: Config of a CAM head of our own where no host writes ``cam``, e.g.
            ``dict(type='mmlevelset.CAMHead', in_channels=2048)``.
        decoupled: Let every module answer for its own level sets: f_LSI is trained by both losses of
            phi^0, f_LSE by both losses of phi^T, and no gradient flows from phi^T to phi^0. ``False``
            is the paper's chain, where the energy reaches f_LSI through the evolution alone.
        background: Constant background channel of eq 9, or ``'auto'``: one per class, found in its
            own maps without labels, see :class:`AutoBackground`.
        zero: Where predicted level sets have their contour: a number in shares of ``truncate``, 0 in
            the paper, or ``'auto'``: one per class, found in training, see :class:`ZeroLevel`.
        zero_share: Of ``'auto'``, share of the way from 0 to the level of the CAM's masks; read where level sets are
            predicted, so a trained head may be given another.
        truncate: Unit of the level sets inside the networks, in pixels of the input image; the
            slope of the seeds follows it, see :func:`seed_scores`, and losses that name no other.
        smooth: Standard deviation of a Gaussian that blurs the CAM before anything reads it, in pixels
            of the input image, for maps with specks; 0 is the paper.
        guidance: Share of D, of the image's own CAM, that is added to predicted level sets: a number, 0 in
            the paper, or ``'auto'``: one per class, by what it has not learnt, see :class:`Guidance`.
        align_corners: mmseg's attribute, unused by the level sets.

    Raises:
        ValueError: A number is out of its range, or the samples lack what the head reads.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        in_index: Sequence[int],
        channels: int,
        num_classes: int,
        data_index: int | None = None,
        evolution: dict | None = None,
        loss_sdf: dict | None = None,
        loss_anchor: dict | None = None,
        loss_energy: dict | None = None,
        loss_cam: dict | None = None,
        cam_head: dict | None = None,
        decoupled: bool = False,
        background: float | str = 'auto',
        zero: float | str = 'auto',
        zero_share: float = SHARE,
        truncate: float = TRUNCATE,
        smooth: float = 0.0,
        guidance: float | str = 0.0,
        align_corners: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        parts.check_inputs(in_channels, in_index, channels)
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(in_index),
            input_transform='multiple_select',
            channels=channels,
            num_classes=num_classes,
            out_channels=num_classes,
            dropout_ratio=0,
            align_corners=align_corners,
            init_cfg=init_cfg or dict(type='Normal', std=0.01, override=dict(name='conv_seg')),
        )
        del self.loss_decode  # mmseg's pixel-wise loss
        self.truncate = truncate
        self.initialiser = LevelSetInitialiser(in_channels, channels)
        self.loss_energy: nn.Module | None = MODELS.build(loss_energy) if loss_energy else None
        # Without an energy there is no evolution, whatever is given, and phi^T is phi^0.
        self.evolution = (
            parts.evolution_of(evolution, num_classes, truncate) if loss_energy else None
        )
        default = dict(type='mmlevelset.SDFLoss', truncate=truncate)
        self.loss_sdf = MODELS.build(default | dict(loss_sdf or {}))
        self.loss_anchor: nn.Module | None = parts.built(loss_anchor, **default)
        self.loss_cam: nn.Module | None = parts.built(loss_cam, type='mmlevelset.CAMLoss')
        self.cam_head: BaseDecodeHead | None = parts.built(cam_head, num_classes=num_classes)
        self.data_index = in_index[-1] if data_index is None else data_index
        self.decoupled = decoupled
        self.make_levels(num_classes, background, zero, zero_share, guidance, smooth)
        self.watch = LevelSetWatch(num_classes)
        self.warmup = dict(sdf=1.0, energy=1.0)  # factors of the losses, of LossWarmupHook

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Initial level sets phi^0 = f_LSI(F) (eq 7).

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).

        Returns:
            Tensor: phi^0, (N, C, h, w), in shares of ``truncate``, positive inside.
        """
        features = self._transform_inputs(inputs)
        return self.conv_seg(self.initialiser(features)).float()

    def evolve(
        self, phi: Tensor, image: Tensor, data: Tensor, text: Tensor | None = None
    ) -> Tensor:
        """Evolved level sets phi^T = f_LSE(phi^0) (eq 8).

        Args:
            phi (Tensor): phi^0, (M, C, h, w), in pixels of the map, positive inside.
            image (Tensor): x, (M, 3, H, W), in [0, 1], on the grid of ``phi`` or a finer one.
            data (Tensor): F standardised per channel, (M, K, h, w).
            text (Tensor, optional): standardised likewise, like ``phi``.

        Returns:
            Tensor: phi^T, like ``phi``.

        Raises:
            ValueError: The evolution wants a text, and there is none.
        """
        if self.evolution is None:
            return phi
        if not phi.numel() or (self.training and not self.warmup['energy']):
            # No level set, or no loss of phi^T yet, see energy_losses. DistributedDataParallel
            # wants the parameters in the graph.
            return phi + 0 * sum(p.sum() for p in self.evolution.parameters())
        ratio = image.shape[3] / phi.shape[3]
        seen = (data, *parts.text_of(self.evolution, text))
        return self.evolution(ratio * phi, image, *seen) / ratio

    def evolve_pairs(
        self,
        inputs: Sequence[Tensor],
        image: Tensor,
        phi: Tensor,
        pairs: tuple[Tensor, Tensor],
        text: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Evolve some classes of some images; no gradient reaches F, nor phi if ``decoupled``.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).
            image (Tensor): x, (N, 3, H, W), in [0, 1].
            phi (Tensor): phi^0, (N, C, h, w), in pixels of the map, positive inside. A grouped
                evolution reads all classes, another the pairs alone.
            pairs (tuple[Tensor, Tensor]): image n in 0 .. N-1 and class c in 0 .. C-1 of every
                pair, (M,) integers each.
            text (Tensor, optional): similarities to the text of every class, (N, C, h', w').

        Returns:
            tuple: what the energy sees: x, (M, 3, H', W'), in [0, 1], see :class:`LevelSetTrace`; F
            standardised per channel, (M, K, h, w); phi^T, (M, 1, h, w), like ``phi``; and the text of
            every pair, standardised, (M, 1, h, w), where there is one.

        Raises:
            ValueError: The backbone has no feature map ``data_index``.
        """
        n, c = pairs
        phi = phi.detach() if self.decoupled else phi
        image = parts.seen_image(image, phi.shape[2:])
        data = parts.energy_data(inputs, self.data_index, phi.shape[2:])
        text = parts.class_data(text, phi.shape[2:])
        own = parts.of_pairs(text, pairs)
        if self.evolution is not None and self.evolution.grouped:
            phi = self.evolve(phi, image, data, text)[n, c][:, None]
            return image[n], data[n], phi, own
        image, data = parts.of_images(image, n), parts.of_images(data, n)
        return image, data, self.evolve(phi[n, c][:, None], image, data, own), own

    @staticmethod
    def stride(image: Tensor, phi: Tensor) -> float:
        """Pixels of the input ``image`` (N, 3, H, W) per pixel of ``phi`` (N, C, h, w)."""
        return image.shape[3] / phi.shape[3]

    def trace(
        self,
        inputs: Sequence[Tensor],
        image: Tensor,
        cam: Tensor,
        labels: Tensor,
        text: Tensor | None = None,
    ) -> LevelSetTrace:
        """Run the level sets and keep every intermediate map; also what a picture is drawn from.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).
            image (Tensor): x, (N, 3, H, W), in [0, 1].
            cam (Tensor): C, (N, C, h', w'), >= 0, unnormalised.
            labels (Tensor): image labels, (N, C), 0/1.
            text (Tensor, optional): similarities to the text of every class, (N, C, h'', w'').

        Returns:
            LevelSetTrace: maps of the M present classes whose mask has a contour.
        """
        phi0 = self.forward(inputs)
        stride = self.stride(image, phi0)
        phi0 = self.truncate / stride * phi0
        cam, (n, c), sdf = self.targets(cam, labels, phi0.shape[2:], stride)
        image, data, phi, text = self.evolve_pairs(inputs, image, phi0, (n, c), text)
        phi0, cam = phi0[n, c][:, None], cam[n, c][:, None]
        unit = self.truncate / stride
        if self.auto_zero is not None and self.training:
            own = normalise_cam(cam) > self.backgrounds()[c, None, None, None]
            self.auto_zero.update(c, phi / unit, own)
        if self.training:
            pairs = labels.nonzero(as_tuple=True)[1]
            self.watch.count(pairs, c, sdf / unit, phi0 / unit, phi / unit, self.zeros()[c])
        settled = self.settle(phi, c, sdf, unit)
        return LevelSetTrace(n, c, image, data, cam, sdf, phi0, phi, settled, stride, text)

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: list[SegDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the level sets (eq 27).

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).
            batch_data_samples: Samples with ``img_label``, ``input_image`` and, written by the
                host, ``cam`` (C, h, w).
            train_cfg: Unused, mmseg's signature.

        Returns:
            dict: ``loss_sdf``, ``loss_anchor``, ``loss_energy_*`` and ``loss_cam`` where there are such, those of a
            ``cam_head``, and the mean inside fractions of phi^T, ``area``, and of the masks of the CAM,
            ``area_cam``.

        Raises:
            ValueError: No sample has a CAM, ``loss_cam`` meets one without a graph, or loaded edges have no energy.
        """
        losses = {}
        if self.cam_head is not None:
            losses.update(self.cam_head.loss(inputs, batch_data_samples, train_cfg))
        cam = parts.required_cams(batch_data_samples)
        labels = image_labels([s.metainfo for s in batch_data_samples], self.num_classes, cam)
        text = get_text_similarities(batch_data_samples)
        trace = self.trace(inputs, unit_images(batch_data_samples), cam, labels, text)
        trace = parts.with_edges(trace, batch_data_samples, self.loss_energy)
        if self.auto_guidance is not None and self.training:
            unit, guided = self.truncate / trace.stride, 'guide' in batch_data_samples[0]
            self.auto_guidance.update(trace.classes, trace.sdf / unit, trace.phi0 / unit, guided)
        factor, target = self.warmup['sdf'], (trace.sdf, trace.stride)
        losses['loss_sdf'] = factor * self.loss_sdf(trace.phi0, *target)
        if self.loss_anchor is not None:
            losses['loss_anchor'] = factor * self.loss_anchor(trace.phi, *target)
        if self.loss_energy is not None:
            factor = self.warmup['energy']
            losses.update(energy_losses(self.loss_energy, trace, factor, self.decoupled))
        if self.loss_cam is not None:
            pairs, unit = (trace.images, trace.classes), self.truncate / trace.stride
            taught = self.loss_cam(cam, pairs, trace.settled, unit)
            losses['loss_cam'] = self.warmup['energy'] * taught
        losses['area'] = batch_mean((trace.settled > 0).float())
        losses['area_cam'] = batch_mean((trace.sdf > 0).float())
        return losses

    def level_sets(
        self,
        inputs: Sequence[Tensor],
        image: Tensor,
        labels: Tensor,
        text: Tensor | None = None,
        cam: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Level sets of the present classes, as they are predicted.

        Args:
            inputs (Sequence[Tensor]): the backbone's feature maps, (N, K_i, h_i, w_i).
            image (Tensor): x, (N, 3, H, W), in [0, 1].
            labels (Tensor): image labels, (N, C), 0/1.
            text (Tensor, optional): similarities to the text of every class, (N, C, h', w').
            cam (Tensor, optional): C, (N, C, h'', w''), >= 0, which :meth:`shares` are of. Default: none
                is added.

        Returns:
            tuple[Tensor, Tensor]: phi^0 and phi^T, (N, C, h, w), in pixels of the map, positive
            inside, phi^T as of :meth:`settle`; those of absent classes are -``truncate`` everywhere.
        """
        phi0 = self.forward(inputs)
        stride = self.stride(image, phi0)
        unit = self.truncate / stride
        n, c = labels.nonzero(as_tuple=True)
        phi0, sdf = unit * phi0, torch.zeros_like(phi0)
        if cam is not None:
            _, pairs, found = self.targets(cam, labels, phi0.shape[2:], stride)
            sdf[pairs] = found[:, 0]
        evolved = self.evolve_pairs(inputs, image, phi0, (n, c), text)[2]
        phi = torch.full_like(phi0, -unit)
        phi[n, c] = self.settle(evolved, c, sdf[n, c][:, None], unit)[:, 0].to(phi)
        return phi0.where(labels[..., None, None] > 0, -unit), phi

    def seeds(
        self, inputs: Sequence[Tensor], image: Tensor, labels: Tensor, text: Tensor | None = None
    ) -> Tensor:
        """Seeds, (N, C, h, w), :func:`seed_scores` of :meth:`level_sets` alone; 0 for absent classes."""
        phi = self.level_sets(inputs, image, labels, text)[1]
        return labels[..., None, None] * seed_scores(phi, self.truncate / self.stride(image, phi))
