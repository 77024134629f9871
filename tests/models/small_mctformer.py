"""MCTformer hosts of a few channels, and batches for them."""

from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmlevelset.config import read_config

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / 'configs/seed'
CONFIGS = dict(
    plus=SEED / 'mctformer_plus/deit-s_voc12.py',
    v2=SEED / 'mctformer/deit-s_v2_voc12.py',
    v1=SEED / 'mctformer/deit-s_v1_voc12.py',
)
LEVEL_SET = SEED / 'mctformer_plus/deit-s_levelset_voc12.py'
init_default_scope('mmseg')


def small(path: Path, classes: int = 4, **backbone) -> nn.Module:
    """A host of 2 blocks, 24 channels, for images of 64 x 64."""
    cfg = read_config(str(path)).model
    cfg.data_preprocessor.size = (64, 64)
    sizes = dict(num_classes=classes, img_size=64, embed_dims=24, depth=2, num_heads=3)
    cfg.backbone.update(init_cfg=None, **{**sizes, **backbone})
    cfg.decode_head.update(num_classes=classes, in_channels=24)
    if cfg.decode_head.type == 'mmlevelset.WeakTrHead':
        cfg.decode_head.update(num_layers=cfg.backbone.depth, num_heads=3)
    if 'auxiliary_head' in cfg:
        cfg.auxiliary_head.update(num_classes=classes, in_channels=(24,))
    return MODELS.build(cfg)


def batch(labels: list[list[int]] = ((1, 0, 1, 0), (0, 1, 0, 0)), side: int = 64) -> dict:
    inputs = torch.randint(0, 256, (len(labels), 3, side, side), dtype=torch.uint8)
    metas = [dict(img_label=np.array(y, np.float32), ori_shape=(side, side)) for y in labels]
    metas = [dict(meta, img_shape=(side, side)) for meta in metas]
    return dict(inputs=list(inputs), data_samples=[SegDataSample(metainfo=m) for m in metas])
