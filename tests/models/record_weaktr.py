"""Record tests/data/weaktr.npz from the official code of WeakTr (github.com/hustvl/WeakTr, MIT licence).

git clone https://github.com/hustvl/WeakTr && git -C WeakTr checkout 3457ad3
python -m tests.models.record_weaktr WeakTr

What it imports of timm and scikit-learn is either not called here or stated below, so neither is needed.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.models.official import filled, image, multi_hot

SHAPES = dict(square=(2, 224, 224), rect=(1, 160, 208), odd=(1, 171, 250))
KINDS = dict(fused='fused', patch='patchcam', attention='attention')
VIEWS = ((160, 208), (192, 250))  # scales 1 and 1.2
PRESENT = (3, 8, 14)  # classes of the image whose seeds are recorded


def imported(checkout: str) -> tuple[object, object]:
    """The modules ``models`` and ``engine`` of the checkout."""
    layers = MagicMock(to_2tuple=lambda x: (x, x), trunc_normal_=nn.init.trunc_normal_)
    registry = MagicMock(register_model=lambda function: function)
    stubs = {'timm.models.layers': layers, 'timm.models.registry': registry}
    names = 'timm timm.data timm.models timm.models.helpers sklearn sklearn.metrics'
    sys.modules.update(dict.fromkeys(names.split(), MagicMock()) | stubs)
    sys.path.insert(0, checkout)
    import engine
    import models

    return models, engine


def seeds(engine: object, net: nn.Module) -> np.ndarray:
    """Seeds of one image at the scales 1 and 1.2 with flips, of the present classes."""
    target = torch.zeros(1, 20)
    target[0, list(PRESENT)] = 1
    views = [image(f'weaktr/view{i}', 1, *size) for i, size in enumerate(VIEWS)]
    views = [flipped for view in views for flipped in (view, view.flip(3))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'ids.txt').write_text('a\n')
        args = argparse.Namespace(
            attention_dir=None, cam_npy_dir=folder, img_ms_list=f'{folder}/ids.txt', rank=0,
            world_size=1, patch_size=16, attention_type='fused', patch_attn_refine=True,
            nb_classes=20, visualize_cls_attn=True,
        )  # fmt: skip
        engine.generate_attention_maps_ms([(views, target)], net, torch.device('cpu'), args)
        found = np.load(f'{folder}/a.npy', allow_pickle=True).item()  # written a moment ago
    return np.stack([found[k] for k in PRESENT])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkout')
    models, engine = imported(parser.parse_args().checkout)
    # Of docs/Training.md; stochastic depth off.
    net = models.deit_small_WeakTr_patch16_224(
        num_classes=20, reduction=8.0, pool='max', feat_reduction=8, drop_path_rate=0.0
    )
    net.load_state_dict({k: filled(k, tuple(v.shape)) for k, v in net.state_dict().items()})
    shapes = {k: 'x'.join(map(str, v.shape)) for k, v in net.state_dict().items()}
    golden = dict(keys=np.array([f'{k} {shape}'.encode() for k, shape in shapes.items()]))

    net.eval()
    heads, fusion = [], net.adaptive_attention_fusion.attn_head_ffn
    fusion.register_forward_hook(lambda *passed: heads.append(passed[2]))
    with torch.no_grad():
        for name, shape in SHAPES.items():
            x = image(f'weaktr/{name}', *shape)
            for key, logits in zip(('cls', 'patch', 'fine'), net(x), strict=True):
                golden[f'{name}/logits_{key}'] = logits
            golden[f'{name}/heads'] = heads.pop().flatten(1)
            for kind, official in KINDS.items():
                _, cam, affinity = net(x, return_att=True, attention_type=official)
                refined = (affinity[0][:, None] @ cam.flatten(2)[..., None]).view_as(cam)
                golden[f'{name}/cam_{kind}'] = cam[..., ::3, ::3]
                golden[f'{name}/cam_{kind}_refined'] = refined[..., ::3, ::3]
            golden[f'{name}/affinity'] = affinity[0][:, ::17, ::3]
        golden['seeds'] = seeds(engine, net)[:, ::5, ::5]

    golden['train/labels'] = labels = multi_hot('weaktr/labels', 2, 20)
    outputs = net.train()(image('weaktr/square', *SHAPES['square']))
    losses = [F.multilabel_soft_margin_loss(output, labels) for output in outputs]
    sum(losses).backward()
    golden['train/losses'] = torch.stack(losses).detach()
    norms = [torch.nan if p.grad is None else p.grad.double().norm() for p in net.parameters()]
    golden['train/grad_norms'] = np.array(norms)
    golden['train/grad_heads'] = fusion[2].weight.grad
    np.savez_compressed('tests/data/weaktr.npz', **{k: np.asarray(v) for k, v in golden.items()})


if __name__ == '__main__':
    main()
