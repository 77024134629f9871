"""A ResNet that also returns what its stem makes of the image."""

from mmseg.models.backbones import ResNet
from torch import Tensor

from mmlevelset.registry import MODELS


@MODELS.register_module()
class StemResNet(ResNet):
    """mmseg's ``ResNet`` with the output of the stem (64 channels, stride 4) before the stages.

    IRN reads five maps. Same arguments and parameter names as ``ResNet``; ``deep_stem`` is not
    supported.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract the feature maps of an image.

        Args:
            x (Tensor): normalised images, (N, 3, H, W).

        Returns:
            tuple[Tensor]: the stem's map after the max pooling, then the stages of ``out_indices``,
            (N, K_i, h_i, w_i) each, >= 0.
        """
        x = self.maxpool(self.relu(self.norm1(self.conv1(x))))
        maps = [x]
        for index, name in enumerate(self.res_layers):
            x = getattr(self, name)(x)
            if index in self.out_indices:
                maps.append(x)
        return tuple(maps)
