"""CLIP-ES against recorded outputs of its official code, and what the code around it promises.

tests/data/clip_es.npz was recorded from linyq2117/CLIP-ES (commit 3893f81) by
tests/models/record_clip_es.py, with the weights of tests/models/small_clip.py.
"""

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import tokenize
from torch import nn

from mmlevelset.apis import convert_checkpoint
from mmlevelset.apis.onnx import LevelSetGraph
from mmlevelset.config import read_config
from mmlevelset.datasets import ResizeToPatches
from mmlevelset.fileio.checkpoints import load_checkpoint_file
from mmlevelset.models.clip_text import CLIPText
from mmlevelset.models.heads.clip_affinity import boxes, refined, transitions, unit_range
from tests.models.official import image
from tests.models.small_clip import FEATURES, VISION, state

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(ROOT / 'tests/data/clip_es.npz')
TOOL = runpy.run_path(str(ROOT / 'tools/model_converters/clip_es.py'))
SHOWN = [2, 7, 14]
CLOSE = dict(rtol=1e-4, atol=2e-5)


def small_config(leaf: str = 'vit-b16_voc12') -> Config:
    """A leaf at the widths of the recorded network."""
    cfg = read_config(str(ROOT / f'configs/seed/clip_es/{leaf}.py'))
    width, heads = VISION['width'], VISION['heads']
    cfg.model.backbone.update(
        grid=VISION['grid'], embed_dims=width, depth=VISION['layers'] - 1, num_heads=heads,
        out_indices=(2, 8),
    )  # fmt: skip
    cfg.model.decode_head.update(in_channels=width, num_heads=heads, features=FEATURES)
    if 'auxiliary_head' in cfg.model:
        cfg.model.auxiliary_head.update(in_channels=(width, width), in_index=(0, 1), data_index=1)
    return cfg


def build(cfg: Config, weights: Path) -> nn.Module:
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    found = load_checkpoint_file(weights)['state_dict']
    unknown = model.load_state_dict(found, strict=False).unexpected_keys
    assert not unknown
    return model


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded weights as the converter writes them."""
    root = tmp_path_factory.mktemp('clip')
    cfg = small_config()
    Config(cfg.to_dict(), format_python_code=False).dump(root / 'small.py')
    tensors = TOOL['with_texts'](state(), cfg.model.decode_head)
    rename = TOOL['renaming'](cfg.model.backbone.depth)
    convert_checkpoint(tensors, root / 'clip.pth', root / 'small.py', rename)
    return root / 'clip.pth'


@pytest.fixture(scope='module')
def host(weights: Path) -> nn.Module:
    return build(small_config(), weights)


def labels_of(classes: list[int], number: int = 20) -> np.ndarray:
    label = np.zeros(number, np.float32)
    label[classes] = 1
    return label


def test_official_tokens() -> None:
    prompts = []
    for leaf in ('vit-b16_voc12', 'vit-b16_coco14'):
        head = read_config(str(ROOT / f'configs/seed/clip_es/{leaf}.py')).model.decode_head
        names = [*head.classes, *(head.backgrounds if 'voc12' in leaf else [])]
        prompts += [head.prompt.format(name) for name in names]
    tokens = tokenize(prompts)
    np.testing.assert_array_equal(tokens[:, : GOLDEN['tokens'].shape[1]], GOLDEN['tokens'])
    assert not tokens[:, GOLDEN['tokens'].shape[1] :].any()


def test_official_texts(host: nn.Module) -> None:
    for name in ('text', 'background_text'):
        got = getattr(host.decode_head, name)
        np.testing.assert_allclose(got, GOLDEN[name], **CLOSE)


@torch.no_grad()
def test_official_maps(host: nn.Module) -> None:
    head, labels = host.decode_head, torch.from_numpy(labels_of(SHOWN))[None]
    *maps, tokens, attention = host.extract_feat(image('clip_es', 1, 128, 256))
    np.testing.assert_allclose(tokens[0, ::8], GOLDEN['features'], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(maps[-1].flatten(2).mT, tokens[:, 1:])
    last, _ = head.block(tokens)
    probability = head.probabilities(last, labels)[0, SHOWN]
    np.testing.assert_allclose(probability, GOLDEN['probability'][:3], **CLOSE)
    cam, own, tokens_out = head.grad_cam(tokens, labels, (8, 16))
    torch.testing.assert_close(tokens_out, last)
    np.testing.assert_allclose(cam[0, SHOWN], GOLDEN['grad_cam'], rtol=1e-3, atol=5e-5)
    mean = (attention + own)[0] / 8
    np.testing.assert_allclose(mean[::8], GOLDEN['attention'], **CLOSE)
    got = head.activation([*maps, tokens, attention], labels)
    # Random attention is nearly even, so the walk leaves small differences, which are scaled up to 1.
    np.testing.assert_allclose(got[0, SHOWN], GOLDEN['refined'], rtol=1e-3, atol=1e-3)
    assert not np.delete(got[0].numpy(), SHOWN, axis=0).any()


@torch.no_grad()
def test_similarities_are_of_the_features_that_are_pooled(host: nn.Module) -> None:
    head, features = host.decode_head, host.extract_feat(image('clip_es', 1, 64, 96))
    got = head(features)
    last = head.block(features[-2])[0]
    patch = head.ln_post(last[0, 1 + 6 + 2]) @ head.proj  # row 1, column 2
    expected = torch.cosine_similarity(patch[None], head.text)
    torch.testing.assert_close(got[0, :, 1, 2], expected)
    assert got.shape == (1, 20, 4, 6) and got.abs().max() <= 1


def item(classes: list[int] = SHOWN, shape: tuple[int, int] = (123, 250)) -> dict:
    """A batch of the recorded image as a pipeline gives it, BGR and not normalised."""
    size = tuple(-(-side // 16) * 16 for side in shape)
    meta = dict(img_label=labels_of(classes), ori_shape=shape, img_shape=size)
    return dict(inputs=[image('clip_es', 1, *size)[0]], data_samples=[SegDataSample(metainfo=meta)])


def unnormalised(host: nn.Module, data: dict) -> dict:
    pre = host.data_preprocessor
    data['inputs'] = [(x * pre.std + pre.mean).flip(0) for x in data['inputs']]
    return data


def views_of(host: nn.Module) -> tuple:
    """What the recipe makes views of."""
    data = host.data_preprocessor(unnormalised(host, item()))
    metas = [sample.metainfo for sample in data['data_samples']]
    return data['data_samples'], *host.recipe.maps(host, data['inputs'], metas)


def test_official_seeds(host: nn.Module) -> None:
    (result,) = host.test_step(unnormalised(host, item()))
    seeds = result.seg_logits.data[1:][SHOWN, ::8, ::8]
    # The official file is in half precision.
    np.testing.assert_allclose(seeds, GOLDEN['seed'].astype('f4'), atol=1e-3)
    # Scores in [0, 1] are averaged over views, not scaled again.
    again = host.recipe.merge([host.recipe.views(*view)[0] for view in [views_of(host)] * 2])
    torch.testing.assert_close(again.seg_logits.data, result.seg_logits.data)
    assert host.recipe.limit == pytest.approx((1 - host.recipe.limit) ** 2)


def test_images_of_a_batch_do_not_meet(host: nn.Module) -> None:
    x = image('two', 2, 64, 96)
    labels = torch.from_numpy(np.stack([labels_of([0, 3, 19]), labels_of([3])]))
    head = host.decode_head
    both = head.activation(host.extract_feat(x), labels)
    for i in range(2):
        alone = head.activation(host.extract_feat(x[i : i + 1]), labels[i : i + 1])
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-3, atol=2e-4)
    assert (both.flatten(2).amax(2) > 0.9).equal(labels > 0)


def test_gradient_is_that_of_differences(host: nn.Module) -> None:
    """GradCAM's channel weights are the slope of the probability along every channel."""
    head, labels = host.decode_head, torch.from_numpy(labels_of([4, 9]))[None]
    tokens = host.extract_feat(image('slope', 1, 48, 48))[-2]
    head = head.double()
    tokens, labels = tokens.double(), labels.double()
    with torch.no_grad():
        normed = head.block.ln_1(tokens)

        def probability(x: torch.Tensor) -> torch.Tensor:
            return head.probabilities(head.block.after_norm(tokens, x)[0], labels)[0, 9]

        slope = torch.zeros(normed.shape[2], dtype=torch.float64)
        for channel in range(len(slope)):
            step = torch.zeros_like(normed)
            step[:, 1:, channel] = 1e-5
            slope[channel] = (probability(normed + step) - probability(normed - step)) / 2e-5
        expected = unit_range(unit_range((normed[0, 1:] @ slope).view(3, 3).relu() / 9))
        got = head.grad_cam(tokens, labels, (3, 3))[0][0, 9]
    head.float()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_boxes_are_those_of_opencv() -> None:
    rng, tested = np.random.RandomState(0), 0
    for threshold in (0.4, 0.7):
        for _ in range(20):
            size = rng.randint(3, 20, 2)
            grey = cv2.GaussianBlur(rng.random_sample(size).astype('f4'), (0, 0), 0.8)
            grey = unit_range(torch.from_numpy(grey)).numpy()
            eight = (grey * 255).astype(np.uint8)
            bright = (eight > int(threshold * eight.max())).astype(np.uint8)
            contours, _ = cv2.findContours(bright, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
            expected = np.zeros_like(grey)
            for x, y, w, h in map(cv2.boundingRect, contours):
                expected[y : min(y + h, size[0] - 1), x : min(x + w, size[1] - 1)] = 1
            got = boxes(torch.from_numpy(grey)[None], threshold)[0]
            np.testing.assert_array_equal(got, expected)
            tested += len(contours) > 1
    assert tested > 10
    assert not boxes(torch.zeros(2, 3, 4, 5), 0.4).any()


def test_a_walk_keeps_its_weight() -> None:
    walk = transitions(torch.rand(2, 12, 12, dtype=torch.float64) + 0.05)
    torch.testing.assert_close(walk, walk.mT)
    torch.testing.assert_close(walk.sum(2), torch.ones(2, 12).double(), rtol=0.01, atol=0)
    still = torch.eye(12).expand(2, 12, 12) + 1e-9
    maps = torch.rand(2, 3, 3, 4)
    torch.testing.assert_close(
        refined(maps, still, 0.0), unit_range(maps * boxes(maps, 0.0)), rtol=0, atol=1e-5
    )


def test_level_set_learns_on_frozen_features(weights: Path) -> None:
    model = build(small_config('vit-b16_levelset_voc12'), weights).train()
    learns = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learns == {'auxiliary_head'}
    data = model.data_preprocessor(unnormalised(model, item(shape=(96, 128))), True)
    # CAM and text similarities come from one pass through the last block.
    passes: list[nn.Module] = []
    model.decode_head.block.attn.register_forward_hook(lambda attn, *_: passes.append(attn))
    losses = model(**data, mode='loss')
    assert len(passes) == 1
    cam = data['data_samples'][0].cam
    assert cam.shape == (20, 6, 8) and (cam.amax((1, 2)) > 0).nonzero().flatten().tolist() == SHOWN
    model.parse_losses(losses)[0].backward()
    grads = [p.grad for p in model.auxiliary_head.parameters() if p.requires_grad]
    assert all(g is not None and g.isfinite().all() for g in grads)


def test_level_set_reads_the_text(weights: Path) -> None:
    """In training, in prediction and in the exported graph, from the host."""
    cfg = small_config('vit-b16_levelset_voc12')
    head = cfg.model.auxiliary_head
    head.evolution.text, head.loss_energy.text_weight = True, 0.3
    model = build(cfg, weights)
    nn.init.normal_(model.auxiliary_head.evolution.project.weight)
    data = model.data_preprocessor(unnormalised(model, item(shape=(96, 128))), True)
    losses = model.train()(**data, mode='loss')
    assert losses['aux.loss_energy_text'] > 0
    with pytest.raises(ValueError, match='of a folder, and CLIP-ES makes its own'):
        model(**data, mode='loss')  # the samples have a text already
    features = model.extract_feat(data['inputs'])
    expected = model.decode_head(features)
    torch.testing.assert_close(data['data_samples'][0].text_similarity, expected[0])
    (result,) = model.eval().test_step(unnormalised(model, item(shape=(96, 128))))
    assert result.seed_source == 'phi' and result.seg_logits.data.isfinite().all()
    model.decode_head.text.copy_(model.decode_head.text.flip(0))
    (other,) = model.test_step(unnormalised(model, item(shape=(96, 128))))
    assert not torch.allclose(result.seg_logits.data, other.seg_logits.data)
    with torch.no_grad():
        (phi,) = LevelSetGraph(model)(torch.rand(1, 3, 96, 128))
    assert phi.shape[:2] == (1, 20) and phi.isfinite().all()


def test_errors_name_the_cure(host: nn.Module) -> None:
    with pytest.raises(ValueError, match='ResizeToPatches'):
        host.backbone(torch.zeros(1, 3, 64, 60))
    with pytest.raises(ValueError, match='trains nothing'):
        host(**host.data_preprocessor(unnormalised(host, item()), True), mode='loss')
    bare = MODELS.build(small_config().model)
    with pytest.raises(ValueError, match='clip_es.py'):
        bare.test_step(unnormalised(bare, item()))
    cfg = small_config().model
    cfg.decode_head.num_classes = 19
    with pytest.raises(ValueError, match='20 names'):
        MODELS.build(cfg)
    cfg.backbone.attentions = 10
    with pytest.raises(ValueError, match='depth=9'):
        MODELS.build(cfg.backbone)
    with pytest.raises(ValueError, match='no text tower'):
        CLIPText.from_state({'visual.proj': torch.zeros(2, 2)})


@pytest.mark.parametrize('shape', [(123, 250), (128, 256), (1, 17)])
def test_resize_to_patches(shape: tuple[int, int]) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (*shape, 3), dtype=np.uint8)
    got = ResizeToPatches()(dict(img=pixels.copy(), img_shape=shape, ori_shape=shape))
    height, width = (-(-side // 16) * 16 for side in shape)
    assert got['img_shape'] == got['img'].shape[:2] == (height, width)
    if shape == (height, width):
        np.testing.assert_array_equal(got['img'], pixels)


@pytest.mark.filterwarnings('ignore:.torch.jit:DeprecationWarning')
def test_converter_on_a_torchscript_archive(tmp_path: Path, monkeypatch) -> None:
    """The command, on an archive like OpenAI's, writes what the tensors themselves would give."""

    class Node(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    tensors = state() | {'input_resolution': torch.tensor(64)}
    root = Node()
    for key, value in tensors.items():
        *parents, last = key.split('.')
        node = root
        for name in parents:
            if not hasattr(node, name):
                node.add_module(name, Node())
            node = getattr(node, name)
        node.register_buffer(last, value)
    torch.jit.script(root).save(str(tmp_path / 'ViT.pt'))
    read = load_checkpoint_file(tmp_path / 'ViT.pt')
    assert read.keys() == tensors.keys()
    assert all(read[key].equal(value) for key, value in tensors.items())

    cfg = small_config()
    Config(cfg.to_dict(), format_python_code=False).dump(tmp_path / 'small.py')
    argv = [
        'clip_es.py',
        tmp_path / 'ViT.pt',
        tmp_path / 'out.pth',
        '--config',
        tmp_path / 'small.py',
    ]
    monkeypatch.setattr('sys.argv', list(map(str, argv)))
    runpy.run_path(str(ROOT / 'tools/model_converters/clip_es.py'), run_name='__main__')
    written = load_checkpoint_file(tmp_path / 'out.pth')
    assert written['meta']['dataset_meta']['classes'][1] == 'aeroplane'
    np.testing.assert_allclose(written['state_dict']['decode_head.text'], GOLDEN['text'], **CLOSE)
