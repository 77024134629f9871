"""Record tests/data/clip_es.npz: the official CLIP-ES, run on small deterministic weights on a CPU.

git clone https://github.com/linyq2117/CLIP-ES     # commit 3893f81
PYTHONPATH=. python tests/models/record_clip_es.py CLIP-ES tests/data/clip_es.npz

``perform`` of generate_cams_voc12.py runs as it is, on one image. What it imports and never uses here
(torchvision, ttach) is replaced by empty modules, lxml by Python's own reader, tqdm by nothing, and
tensors stay where they are when it sends them to a GPU.
"""

import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock
from xml.etree import ElementTree

import numpy as np
import packaging.version
import torch

from tests.models.official import image
from tests.models.small_clip import state

SHOWN = ('bird', 'cat', 'person')
SIZE = (123, 250)  # of the image; seen at 128 x 256


def on_cpu(kind: type) -> None:
    """Make ``to('cuda:0')`` of tensors or modules do nothing."""
    original = kind.to

    def to(self, *args, **kwargs):
        return self if str(args[:1])[2:6] == 'cuda' else original(self, *args, **kwargs)

    kind.to = to


def main() -> None:
    clone, target = sys.argv[1:]
    sys.path.insert(0, clone)
    for name in ('torchvision', 'torchvision.transforms', 'ttach'):
        sys.modules[name] = MagicMock()
    replaced = dict(
        lxml=('etree', ElementTree), tqdm=('tqdm', iter), pkg_resources=('packaging', packaging)
    )
    for name, (member, value) in replaced.items():
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], member, value)
    import clip
    import clip_text
    import generate_cams_voc12 as official
    from clip.model import build_model

    torch.cuda.device_count = lambda: 1
    on_cpu(torch.Tensor)
    on_cpu(torch.nn.Module)
    model = build_model(state()).float()
    official.device = 'cpu'
    found: dict[str, np.ndarray] = {}
    prompt = ['a clean origami {}.']
    names = (
        clip_text.new_class_names + clip_text.BACKGROUND_CATEGORY + clip_text.new_class_names_coco
    )
    found['tokens'] = clip.tokenize([prompt[0].format(name) for name in names]).numpy()[:, :20]
    foreground = official.zeroshot_classifier(clip_text.new_class_names, prompt, model)
    background = official.zeroshot_classifier(clip_text.BACKGROUND_CATEGORY, prompt, model)
    found |= dict(text=foreground.numpy(), background_text=background.numpy())

    picture = image('clip_es', 1, 128, 256)[0]
    official.img_ms_and_flip = lambda *args, **kwargs: [picture]
    layer = model.visual.transformer.resblocks[-1].ln_1
    cam = official.GradCAM(
        model=model, target_layers=[layer], reshape_transform=official.reshape_transform
    )
    grad, refined, boxes, scale = [], [], official.scoremap2bbox, official.scale_cam_image

    def scoremap2bbox(scoremap, **kwargs):
        grad.append(scoremap.copy())
        return boxes(scoremap=scoremap, **kwargs)

    def scale_cam_image(maps, *args):
        refined.append(scale(maps)[0])
        return scale(maps, *args)

    official.scoremap2bbox, official.scale_cam_image = scoremap2bbox, scale_cam_image
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(f'{root}/Annotations')
        objects = ''.join(f'<object><name>{name}</name></object>' for name in SHOWN)
        size = f'<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></size>'
        Path(f'{root}/Annotations/a.xml').write_text(f'<annotation>{size}{objects}</annotation>')
        args = SimpleNamespace(img_root=f'{root}/JPEGImages', cam_out_dir=root)
        official.perform(0, [['a.jpg']], args, model, background, foreground, cam)
        seed = np.load(f'{root}/a.npy', allow_pickle=True).item()
    found |= dict(keys=seed['keys'], seed=seed['attn_highres'][:, ::8, ::8])
    found |= dict(grad_cam=np.stack(grad), refined=np.stack(refined))

    features, attentions = model.encode_image(picture[None], 128, 256)
    rows = torch.cat([foreground[seed['keys']], background])
    probability, last = model.forward_last_layer(features, rows)
    attention = torch.stack([*attentions, last])[-8:].mean(0)[0, 1:, 1:].detach()
    found |= dict(
        features=features[::8, 0].numpy(),
        probability=probability[0].detach().numpy(),
        attention=attention[::8].numpy(),
    )
    np.savez_compressed(target, **found)


if __name__ == '__main__':
    main()
