"""The data preprocessor that also hands the input image to the level-set energy."""

from typing import Any

from mmseg.models.data_preprocessor import SegDataPreProcessor

from mmlevelset.registry import MODELS


@MODELS.register_module()
class LevelSetPreProcessor(SegDataPreProcessor):
    """:class:`SegDataPreProcessor` that writes ``input_image`` on every sample; same arguments.

    ``E(phi, x)`` of eq. 24 needs the image, and an auxiliary head sees features and samples only.
    """

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack ``inputs`` to (N, 3, H, W); write ``input_image`` (3, H, W) on each sample.

        Raises:
            ValueError: Images of several sizes in a batch at test time, or in training, one larger than ``size``.
        """
        sizes = sorted({tuple(image.shape[-2:]) for image in data['inputs']})
        if len(sizes) > 1 and not training:
            raise ValueError(
                f'got images of the sizes (H, W) {", ".join(map(str, sizes))} in a batch, expected one: '
                'test with batch_size=1, or resize them in the test pipeline'
            )
        large = [s for s in sizes if self.size and (s[0] > self.size[0] or s[1] > self.size[1])]
        if training and large and len(sizes) > 1:
            raise ValueError(
                f'data_preprocessor.size={tuple(self.size)}, which images are padded to, and a batch of several '
                f'sizes has one of {large[-1]} (H, W): set it to the size of the last crop or resize of the '
                'training pipeline'
            )
        data = super().forward(data, training)
        samples = data['data_samples']
        if samples is None:
            return data
        mean, std = (
            (self.mean.flatten().tolist(), self.std.flatten().tolist())
            if self._enable_normalize
            else ([0.0] * 3, [1.0] * 3)
        )
        for sample, image in zip(samples, data['inputs'], strict=True):
            sample.set_metainfo(dict(img_mean=mean, img_std=std))
            sample.set_data({'input_image': image})
        return data
