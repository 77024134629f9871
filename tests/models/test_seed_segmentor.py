"""What every host predicts without test-time augmentation, at odd inputs too, and who refuses to."""

from functools import cache

import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmlevelset.models import AffinityNet, IRNet
from mmlevelset.models.hosts import seed_segmentor
from mmlevelset.models.level_set_head import LevelSetHead
from tests.models.small_hosts import LEAVES, TRANSFORMERS, build_host, host_config, pictures

HOSTS = [(host, level_set) for host in LEAVES for level_set in (False, True)]
IDS = [f'{host}{"-levelset" * level_set}' for host, level_set in HOSTS]
SIZE = (48, 70)  # no multiple of any stride
each_host = pytest.mark.parametrize(('host', 'level_set'), HOSTS, ids=IDS)


@cache
def built(host: str, level_set: bool = False) -> nn.Module:
    return build_host(host, level_set)


@torch.no_grad()
def predict(model: nn.Module, *args, **kwargs) -> list[SegDataSample]:
    return model.test_step(pictures(*args, **kwargs))


def check(result: SegDataSample, size: tuple[int, int], present: list[int], source: str) -> Tensor:
    """The contract of a prediction; returns the seeds (C, H, W)."""
    scores, label = result.seg_logits.data, result.pred_sem_seg.data
    assert scores.shape == (1 + len(present), *size) and label.shape == (1, *size)
    assert torch.isfinite(scores).all() and 0 <= scores.min() and scores.max() <= 1
    assert torch.equal(label[0], scores.argmax(0))
    assert not scores[1:][torch.tensor(present) == 0].any()
    assert set(label.unique().tolist()) <= {0} | {k + 1 for k, y in enumerate(present) if y}
    assert result.seed_source == source
    return scores[1:]


@each_host
@pytest.mark.parametrize('size', [SIZE, (17, 40), (5, 3), (1, 40), (40, 1), (1, 1)])
def test_sizes(host, level_set, size):
    """Sizes below the stride, single rows and columns; patches of 16 pixels need 16 pixels."""
    model = built(host, level_set)
    if host in TRANSFORMERS and min(size) < 16:
        with pytest.raises(ValueError, match=rf'got an image of {size[0]} x {size[1]} .* 16'):
            predict(model, [size], [[1, 0, 1]])
        return
    (result,) = predict(model, [size], [[1, 0, 1]])
    check(result, size, [1, 0, 1], 'phi' if level_set else 'cam')
    assert result.augmentation == 'none' and 'pred_img_label' not in result


@each_host
@pytest.mark.parametrize('label', [[0, 0, 0], [1, 1, 1], [0, 1, 0]])
def test_labels_of_the_image(host, level_set, label):
    (result,) = predict(built(host, level_set), [SIZE], [label])
    seeds = check(result, SIZE, label, 'phi' if level_set else 'cam')
    assert bool(seeds.any()) == any(label)


@each_host
def test_one_foreground_class(host, level_set):
    """Nothing goes through a sigmoid: the seeds are those of the same weights among other classes."""
    one, three = build_host(host, level_set, classes=1), built(host, level_set)
    (result,) = predict(one, [SIZE], [[1]])
    seeds = check(result, SIZE, [1], 'phi' if level_set else 'cam')
    if not level_set:
        assert seeds.max() > 0.99 and seeds.min() < 0.5
    assert one.recipe == three.recipe


@each_host
def test_equals_one_view_of_the_augmentation(host, level_set):
    model = built(host, level_set)
    source = 'phi' if level_set else 'cam'
    options = dict(model.test_cfg.get('seeds') or {}, seed_source=source)
    if level_set:
        options['background'] = 0.5
    tta = MODELS.build(dict(type='mmlevelset.CAMTTAModel', module=model, **options))
    (ours,) = predict(model, [SIZE], [[1, 0, 1]])
    data = pictures([SIZE], [[1, 0, 1]])
    with torch.no_grad():
        (view,) = tta.test_step({key: [value] for key, value in data.items()})
    assert torch.equal(ours.seg_logits.data, view.seg_logits.data)
    assert view.augmentation == 'none' and view.seed_source == source


@pytest.mark.parametrize('host', LEAVES)
def test_a_flipped_image_is_turned_back(host):
    model, data = built(host), pictures([SIZE], [[1, 0, 1]])
    data['data_samples'][0].set_metainfo(dict(flip=True, flip_direction='horizontal'))
    with torch.no_grad():
        flipped = model.test_step(data)[0].seg_logits.data
    plain = predict(model, [SIZE], [[1, 0, 1]])[0].seg_logits.data
    # An untrained map hardly varies; stretched to 0..1, its rounding errors grow.
    torch.testing.assert_close(flipped.flip(2), plain, rtol=0, atol=5e-4)


@each_host
def test_windows(host, level_set):
    """One window over everything changes nothing; of several, the mean is normalised once."""
    whole = predict(built(host, level_set), [SIZE], [[1, 0, 1]])[0].seg_logits.data
    window = dict(mode='slide', stride=(32, 32))
    (one,) = predict(build_host(host, level_set, crop_size=(64, 96), **window), [SIZE], [[1, 0, 1]])
    # The map takes a detour over the size of the window, which is the size of the image.
    torch.testing.assert_close(one.seg_logits.data, whole, rtol=0, atol=1e-4)
    (four,) = predict(
        build_host(host, level_set, crop_size=(32, 48), **window), [SIZE], [[1, 0, 1]]
    )
    seeds = check(four, SIZE, [1, 0, 1], 'phi' if level_set else 'cam')
    if not level_set:
        assert seeds[[0, 2]].amax((1, 2)).min() > 0.99


def test_windows_and_methods_that_look_at_whole_views():
    window = dict(mode='slide', stride=(32, 32), crop_size=(32, 48))
    seeds = dict(seed_source='cam', cam_method=dict(type='mmlevelset.AdvCAM'))
    with pytest.raises(ValueError, match="AdvCAM.* looks at whole views.*set it to 'whole'"):
        predict(build_host('cam', False, **window, seeds=seeds), [SIZE], [[1, 0, 1]])


def test_windows_of_both_sources():
    model = build_host('cam', True, mode='slide', crop_size=(64, 96), stride=(32, 32))
    options = dict(seed_source='fused', background=0.4)
    fused = build_host(
        'cam', True, mode='slide', crop_size=(64, 96), stride=(32, 32), seeds=options
    )
    cam = build_host('cam', False, mode='slide', crop_size=(64, 96), stride=(32, 32))
    maps = [predict(m, [SIZE], [[1, 0, 1]])[0].seg_logits.data[1:] for m in (model, cam, fused)]
    cam.auxiliary_head = model.auxiliary_head
    assert fused.recipe.seed_source == 'fused' and fused.out_channels == 6
    check(predict(fused, [SIZE], [[1, 0, 1]])[0], SIZE, [1, 0, 1], 'fused')
    assert maps[2].max() <= 1


@each_host
def test_pictures_without_a_label(host, level_set, monkeypatch):
    """The classes are those that the classifier finds with a probability of 0.5."""
    model = built(host, level_set)
    logits = torch.tensor([[0.1, -0.1, 5.0]])
    monkeypatch.setattr(model.decode_head, 'classify', lambda feats: logits)
    (result,) = predict(model, [SIZE])
    check(result, SIZE, [1, 0, 1], 'phi' if level_set else 'cam')
    assert result.pred_img_label.tolist() == [1, 0, 1]
    (known,) = predict(model, [SIZE], [[1, 0, 1]])
    assert torch.equal(result.seg_logits.data, known.seg_logits.data)


@pytest.mark.parametrize('host', LEAVES)
def test_classifier(host):
    """It gives the logits that the training counts as right or wrong."""
    model, data = built(host), pictures([(64, 64)] * 2, [[1, 0, 1], [0, 1, 0]])
    data = model.data_preprocessor(data, False)
    with torch.no_grad():
        features = model.extract_feat(data['inputs'])
        found = model.decode_head.classify(features) > 0
        right = (found == torch.tensor([[1, 0, 1], [0, 1, 0]]).bool()).float().mean() * 100
        views = (features, features) if host == 'seam' else features
        losses = model.decode_head.loss(views, data['data_samples'])
    assert found.shape == (2, 3) and losses['acc_cls'] == pytest.approx(right.item())


@each_host
def test_batches(host, level_set):
    """Images of a batch do not mix; of several sizes, a sentence."""
    model, labels = built(host, level_set), [[1, 0, 1], [0, 1, 1]]
    both = predict(model, [SIZE, SIZE], labels)
    data = pictures([SIZE, SIZE], labels)
    with torch.no_grad():
        (second,) = model.test_step({key: value[1:] for key, value in data.items()})
    torch.testing.assert_close(both[1].seg_logits.data, second.seg_logits.data, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match=r'\(32, 64\), \(48, 70\).*batch_size=1'):
        predict(model, [(32, 64), SIZE], labels)


@pytest.mark.parametrize('host', LEAVES)
def test_padding_is_cut_off(host):
    """Padding to a multiple of 64: no seed is stretched over it."""
    model = build_host(host)
    model.data_preprocessor.test_cfg = dict(size_divisor=64)
    check(predict(model, [SIZE], [[1, 0, 1]])[0], SIZE, [1, 0, 1], 'cam')


@each_host
def test_tensors_alone(host, level_set):
    """``model.predict(x)``, as mmsegmentation's tools call it."""
    with torch.no_grad():
        results = built(host, level_set).predict(torch.randn(2, 3, *SIZE))
    assert len(results) == 2
    for result in results:
        check(result, SIZE, result.pred_img_label.tolist(), 'phi' if level_set else 'cam')


@pytest.mark.parametrize('host', LEAVES)
def test_constant_pictures(host):
    """A grey, black or white picture has flat maps, and no division by zero."""
    for value in (0, 128, 255):
        data = pictures([SIZE], [[1, 0, 1]])
        data['inputs'] = [torch.full((3, *SIZE), value, dtype=torch.uint8)]
        with torch.no_grad():
            check(built(host).test_step(data)[0], SIZE, [1, 0, 1], 'cam')


@pytest.mark.parametrize('host', LEAVES)
def test_test_time_augmentation_of_mmsegmentation(host):
    """Its SegTTAModel merges ``seg_logits``, so the background must be among them."""
    tta = MODELS.build(dict(type='SegTTAModel', module=built(host)))
    data = pictures([SIZE], [[1, 0, 1]])
    with torch.no_grad():
        (merged,) = tta.test_step({key: [value] for key, value in data.items()})
    (plain,) = predict(built(host), [SIZE], [[1, 0, 1]])
    assert torch.equal(merged.pred_sem_seg.data.long(), plain.pred_sem_seg.data)


@pytest.mark.parametrize('host', ['cam', 'mctformer_plus'])
@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_the_plain_encoder_decoder_refuses(host, mode):
    """It would call class k label k - 1."""
    config = dict(host_config(host), type='EncoderDecoder')
    config['test_cfg'] = ConfigDict(mode=mode, crop_size=(32, 32), stride=(32, 32))
    with pytest.raises(ValueError, match='SeedSegmentor.*--tta'):
        predict(MODELS.build(config).eval(), [SIZE], [[1, 0, 1]])


def test_a_level_set_as_decode_head_refuses():
    head = LevelSetHead(in_channels=(8,), in_index=(0,), channels=8, num_classes=3)
    with torch.no_grad(), pytest.raises(ValueError, match='LevelSetHead gives maps.*SeedSegmentor'):
        head.predict([torch.randn(1, 8, 16, 16)], [dict(img_shape=(16, 16))], {})


def test_affinity_heads_refuse():
    head = AffinityNet(in_channels=(8,), in_index=(0,), widths=(8,))
    with torch.no_grad(), pytest.raises(ValueError, match='AffinityNet gives maps.*refine.py'):
        head.predict([torch.randn(1, 8, 16, 16)], [dict(img_shape=(16, 16))], {})
    assert IRNet.predict_by_feat is AffinityNet.predict_by_feat


def test_a_head_that_cannot_classify(monkeypatch):
    """A user's own host needs labels then, and says so."""
    model = build_host('cam')
    monkeypatch.delattr(type(model.decode_head), 'classify')
    predict(model, [SIZE], [[1, 0, 1]])
    with pytest.raises(ValueError, match=r'CAMHead has no classify.*meta_keys'):
        predict(model, [SIZE])


@pytest.mark.parametrize(
    ('level_set', 'seeds', 'limit'),
    [
        (False, {}, 0.15),
        (False, dict(background=0.3), 0.3),
        (True, {}, 0.5),
        (True, dict(background=0.6), 0.6),
        (True, dict(seed_source='phi'), 0.5),
        (True, dict(seed_source='phi', background=0.4), 0.4),
        (True, dict(seed_source='cam'), 0.15),
        (True, dict(seed_source='fused', background=0.2), 0.2),
    ],
)
def test_the_background_of_what_is_predicted(level_set, seeds, limit):
    """What a config says prevails; otherwise the zero level set, or the host's own number for its CAM."""
    assert build_host('cam', level_set, seeds=seeds).recipe.limit == limit


@pytest.mark.parametrize('seeds', [dict(background=0.15), dict(background=0.5, cam_background=0.3)])
def test_a_background_of_before_is_told(monkeypatch, seeds):
    """Hosts called theirs so; that of a config that names both is meant."""
    said = []
    monkeypatch.setattr(seed_segmentor, 'print_log', lambda text, *_, **__: said.append(text))
    cfg = host_config('cam', True)
    cfg.test_cfg.seeds = ConfigDict(seeds)
    MODELS.build(cfg)
    assert len(said) == ('cam_background' not in seeds)
    assert all('call it cam_background' in text for text in said)


def test_options():
    with pytest.raises(ValueError, match='no LevelSetHead'):
        build_host('cam', seeds=dict(seed_source='phi'))
    with pytest.raises(ValueError, match="'max1' is unknown"):
        build_host('cam', seeds=dict(normalise='max1'))
    keys = built('cam', True).state_dict()
    assert {key.split('.')[0] for key in keys} == {'backbone', 'decode_head', 'auxiliary_head'}
