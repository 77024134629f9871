"""A trained network inside a refiner."""

from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor

from mmlevelset.config import read_config
from mmlevelset.fileio.checkpoints import load_checkpoint_file


def load_model(config: str, checkpoint: str, device: str = 'cpu') -> BaseSegmentor:
    """Build the model of a config and load its weights, ready for inference.

    Args:
        config: Config the model was trained with, or its name.
        checkpoint: Its weights.
        device: Where to put it.

    Raises:
        FileNotFoundError: If either file is missing.
        ValueError: If they do not fit together.
    """
    cfg = read_config(config)
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'no file {checkpoint}; train it with tools/train.py {config}, or convert an official one'
        )
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if cfg.model.backbone.get('frozen_cache'):
        cfg.model.backbone.frozen_cache = None  # every image is seen once
    model = MODELS.build(cfg.model)
    state = load_checkpoint_file(checkpoint)
    try:
        model.load_state_dict(state['state_dict'])
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f'{checkpoint} does not fit {config}: {error}') from error
    return model.to(device).eval()


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
