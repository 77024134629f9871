"""Every host of the configs at a few channels, and pictures for them."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmlevelset.config import read_config
from tests.models.small_mctformer import SEED

LEAVES = {
    'cam': ('cam/resnet50{}_voc12.py', (16,)),
    'seam': ('seam/resnet38{}_voc12.py', (32, 64, 256)),
    'muscle': ('muscle/efficientnet-lite0{}_voc8.py', None),
    'mctformer': ('mctformer/deit-s_v2{}_voc12.py', (24,)),
    'mctformer_plus': ('mctformer_plus/deit-s{}_voc12.py', (24,)),
    'weaktr': ('weaktr/deit-s{}_voc12.py', (24,)),
}
TRANSFORMERS = ('mctformer', 'mctformer_plus', 'weaktr')
SMALL = {
    'cam': dict(
        backbone=dict(depth=18, stem_channels=8, base_channels=8, num_stages=2, frozen_stages=-1,
                      strides=(1, 2), dilations=(1, 1), out_indices=(0, 1)),
        decode_head=dict(in_channels=16),
        test_cfg=dict(seeds=dict(size_divisor=1)),  # the leaf's stride is 16, this one's 8
    ),
    'seam': dict(backbone=dict(base_channels=4), decode_head=dict(in_channels=(32, 64, 256))),
    'muscle': dict(backbone=dict(frozen_cache=None)),
    'mctformer': dict(
        backbone=dict(img_size=64, embed_dims=24, depth=2, num_heads=3),
        decode_head=dict(in_channels=24),
    ),
}  # fmt: skip
SMALL['mctformer_plus'] = SMALL['mctformer']
SMALL['weaktr'] = dict(
    SMALL['mctformer'], decode_head=dict(in_channels=24, num_layers=2, num_heads=3)
)


def host_config(host: str, level_set: bool = False, classes: int = 3, **test_cfg) -> Config:
    """The ``model`` of a leaf, shrunk; the level set as the leaf has it."""
    path, channels = LEAVES[host]
    model = read_config(str(SEED / path.format('_levelset' if level_set else ''))).model
    cfg = Config(dict(model=model))
    cfg.merge_from_dict(dict(model=SMALL[host]))
    model = cfg.model
    model.backbone.init_cfg = None
    if host in TRANSFORMERS:
        model.backbone.num_classes = classes
    model.decode_head.num_classes = classes
    model.data_preprocessor.size = (64, 64)
    model.test_cfg.update(test_cfg)
    if level_set:
        options = dict(num_classes=classes)
        if channels and host == 'cam':
            options.update(in_channels=(8, 16), in_index=(0, 1), data_index=1)
        elif channels:
            options.update(in_channels=channels)
        model.auxiliary_head.update(options)
    return model


def build_host(host: str, level_set: bool = False, classes: int = 3, **test_cfg) -> nn.Module:
    """A small host in eval mode, with random weights that are the same every time."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(host_config(host, level_set, classes, **test_cfg))
    model.init_weights()
    with torch.no_grad():  # an untrained classifier answers 0 almost everywhere
        for name, p in model.decode_head.named_parameters():
            if name.startswith('conv_seg') and p.ndim > 1:
                p.normal_(0, 0.5)
    # Random layers answer to their input only once batch norm has the statistics of some images.
    norms = [m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        model.backbone(torch.randn(4, 3, 64, 64))
    return model.eval()


def pictures(
    sizes: Sequence[tuple[int, int]], labels: Sequence[Sequence[float]] | None = None
) -> dict:
    """A batch as a data loader gives it: BGR images of ``sizes`` and their samples."""
    rng = np.random.RandomState(0)
    inputs, samples = [], []
    for i, size in enumerate(sizes):
        inputs.append(torch.from_numpy(rng.randint(0, 256, (3, *size), dtype=np.uint8)))
        meta = dict(ori_shape=size, img_shape=size, img_path=f'{i}.jpg')
        if labels is not None:
            meta['img_label'] = np.asarray(labels[i], np.float32)
        samples.append(SegDataSample(metainfo=meta))
    return dict(inputs=inputs, data_samples=samples)
