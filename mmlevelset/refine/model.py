"""A trained network inside a refiner."""

from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor

from mmlevelset.config import read_config
from mmlevelset.models.trained import load_trained


def load_model(config: str | Config, checkpoint: str, device: str = 'cpu') -> BaseSegmentor:
    """Build the model of a config and load its weights, ready for inference.

    Args:
        config: Config the model was trained with, its path or its name.
        checkpoint: Its weights.
        device: Where to put it.

    Raises:
        FileNotFoundError: If either file is missing.
        ValueError: If they do not fit together.
    """
    cfg = config if isinstance(config, Config) else read_config(config)
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'no file {checkpoint}; train it with tools/train.py {cfg.filename}, or convert an official one'
        )
    return load_trained(cfg, checkpoint, device)[0]


def normalised(model: BaseSegmentor, image: np.ndarray) -> Tensor:
    """An image as the network sees it.

    Args:
        model: Gives mean, standard deviation and order of the channels.
        image (np.ndarray): RGB image, (H, W, 3) uint8.

    Returns:
        Tensor: (1, 3, H, W), on the device of the model.
    """
    bgr = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)))
    return model.data_preprocessor(dict(inputs=[bgr]), False)['inputs']


class SeenSize:
    """Size at which a network sees an image: what the test pipeline of its config makes of it.

    Args:
        cfg: Config of the network. Without a test pipeline, or one that resizes, an image is seen as it is.
    """

    def __init__(self, cfg: Config) -> None:
        dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
        steps = dataset.get('pipeline') or []
        self.resize = Compose([step for step in steps if 'Resize' in str(step['type'])])

    def __call__(self, image: np.ndarray) -> tuple[int, int]:
        """Give (H, W) of what the network sees of an image (H, W, 3)."""
        height, width = image.shape[:2]
        seen = self.resize(dict(img=image, img_shape=(height, width), seg_fields=[]))['img']
        return seen.shape[0], seen.shape[1]
