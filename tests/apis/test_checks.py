"""What is refused before a training or a test begins."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmlevelset.apis import check_config
from mmlevelset.apis.checks import check_classes, check_weights_of_parts
from mmlevelset.apis.names import check_names
from mmlevelset.apis.train_labels import check_labels
from mmlevelset.config import parse_value, read_config
from mmlevelset.datasets import CheckedLoadAnnotations, CheckedLoadImage
from mmlevelset.fileio.meta import write_meta
from mmlevelset.models import CAMHead, DeepLabV2Head, LevelSetHead


@pytest.mark.parametrize(
    ('task', 'options', 'message'),
    [
        ('train', 'load_from=', "load_from: no checkpoint at ''"),
        ('train', 'load_from=near/epoch_9.pth', 'there are epoch_7.pth'),
        ('train', 'model.init_cfg.type=Pretrained model.init_cfg.checkpoint=a.pth',
         "model.init_cfg.checkpoint: no checkpoint at 'a.pth'"),
        ('train', 'train_dataloader.batch_size=0', 'whole number of at least 1, got 0'),
        ('test', 'test_dataloader.batch_size=2.5', 'whole number of at least 1, got 2.5'),
        ('train', 'train_dataloader=None', 'has no train_dataloader'),
        ('test', 'test_dataloader=None', 'has no test_dataloader'),
        ('train', 'train_dataloader.batch_size=9 train_dataloader.drop_last=True '
         'train_dataloader.sampler.type=DefaultSampler', '8 images, fewer than one batch: batch_size=9'),
        ('train', 'train_cfg.max_iters=abc', "train_cfg.max_iters must be a whole number of at least 1, got 'abc'"),
        ('train', 'train_cfg.val_interval=0', 'train_cfg.val_interval must be a whole number of at least 1, got 0'),
        ('train', 'train_dataloader.num_workers=-1', 'num_workers must be a whole number of at least 0, got -1'),
        ('train', 'optim_wrapper.optimizer.lr=-1', 'optim_wrapper.optimizer.lr is -1, expected a number >= 0'),
        ('train', 'optim_wrapper.optimizer.lr=fast', "optim_wrapper.optimizer.lr is 'fast', expected a number >= 0"),
        ('train', 'optim_wrapper.optimizer.weight_decay=-1e-4', 'optimizer.weight_decay is -0.0001, expected'),
        ('train', 'optim_wrapper.clip_grad.max_norm=-5', 'optim_wrapper.clip_grad.max_norm is -5, expected'),
        ('train', 'randomness.seed=abc', "randomness.seed must be a whole number from 0 to 4294967295, got 'abc'"),
        ('test', 'randomness.seed=-1', 'randomness.seed must be a whole number from 0 to 4294967295, got -1'),
        ('train', 'randomness.sed=1', "randomness.sed=1, but Runner.set_randomness has no 'sed'; did you mean 'seed'"),
        ('train', 'default_hooks.checkpoint.intervall=1',
         "default_hooks.checkpoint.intervall=1, but CheckpointHook has no 'intervall'; did you mean 'interval'?"),
        ('train', 'default_hooks.checkpoint.often=1', "CheckpointHook has no 'often'; it takes backend_args, by_epoch"),
        ('test', 'default_hooks.logger.intervl=1', "LoggerHook has no 'intervl'; did you mean 'interval'"),
        ('train', 'default_hooks.chekpoint.interval=1', "default_hooks has no 'chekpoint'; did you mean 'checkpoint'"),
        ('train', 'model.depth=3', "model.depth=3, but Line has no 'depth'; it takes root"),
        ('train', 'optim_wrapper.clip_gradd.max_norm=1', "OptimWrapper has no 'clip_gradd'; did you mean 'clip_grad'"),
        ('train', 'optim_wrapper.optimizer.lrr=1', "optim_wrapper.optimizer.lrr=1, but SGD has no 'lrr'"),
        ('train', 'optim_wrapper.paramwise_cfg.custom_kys.a.lr_mult=1', "did you mean 'custom_keys'"),
        ('train', 'env_cfg.cudnn_benchmrk=1', "env_cfg has no 'cudnn_benchmrk'; did you mean 'cudnn_benchmark'"),
        ('train', 'val_dataloader.batchsize=2', "DataLoader has no 'batchsize'; did you mean 'batch_size'"),
        ('train', 'train_dataloader.sampler.shufle=True', "InfiniteSampler has no 'shufle'; did you mean 'shuffle'"),
        ('train', 'train_cfg.max_iter=3', "IterBasedTrainLoop has no 'max_iter'; did you mean 'max_iters'"),
        ('test', 'test_evaluator.prefx=a', "Error has no 'prefx'; did you mean 'prefix'"),
        ('train', 'model.test_cfg.mode=slied', "expected mode='whole', or mode='slide' with crop_size"),
        ('test', 'model.test_cfg.mode=slide model.test_cfg.stride=(2,2)', "mode='slide' with crop_size=(H, W)"),
        ('train', 'val_cfg=None', 'cannot be built: val_dataloader, val_cfg, and val_evaluator should be either'),
        ('train', 'optim_wrapper.optimizer=SGD', "optim_wrapper.optimizer is 'SGD', expected a dict of its settings"),
        ('train', 'optim_wrapper.clip_grad=5', 'optim_wrapper.clip_grad is 5, expected a dict of its settings'),
        ('train', 'model.type=line', "model.type='line' is not known; did you mean 'Line'?"),
        ('train', 'model.type=CAMHead', "did you mean 'mmlevelset.CAMHead'?"),
        ('train', 'model.type=mmlevelset.CamHead', "did you mean 'mmlevelset.CAMHead'?"),
        ('train', 'model.type=Lyne', "model.type='Lyne' is not known; did you mean 'Line'?"),
        ('train', 'model.type=Unlike', 'Unlike is not in the'),
        ('train', 'train_dataloader.sampler.type=DefaultSmpler', "did you mean 'DefaultSampler'?"),
        ('train', 'train_dataloader.dataset.size=3', "dataset.size=3, but Numbers has no 'size'; it takes"),
        ('train', 'optim_wrapper.optimizer.momentum=abc', "momentum='abc'): "),
    ],
)  # fmt: skip
def test_early_refusals(toy, refuse, task, options, message) -> None:
    (toy / 'near').mkdir()
    (toy / 'near/epoch_7.pth').write_bytes(b'')
    (toy / 'any.pth').write_bytes(b'')
    checkpoint = ['any.pth'] if task == 'test' else []
    text = refuse(f'{task}.py', 'toy.py', *checkpoint, '--cfg-options', *options.split())
    assert message in text


@pytest.mark.parametrize(
    'option',
    [
        'optim_wrapper.optimizer.type=torch.optim.SGD',
        'model.type=mmlevelset.models.CAMHead',
        'model.type=mypkg.heads.MyCAMHead',
        'optim_wrapper.clip_grad.max_norm=inf',
    ],
)
def test_what_is_none_of_our_names_is_left_to_mmengine(toy, option) -> None:
    """Paths of classes, which mmengine imports, and torch's way to look at norms without clipping them."""
    key, _, value = option.partition('=')
    cfg = read_config('toy.py', {key: parse_value(value)})
    check_config(cfg, 'train')


def test_a_test_names_its_argument(toy, refuse) -> None:
    (toy / 'epoch_7.pth').write_bytes(b'')
    text = refuse('test.py', 'toy.py', 'epoch_9.pth')
    assert text.startswith("checkpoint: no checkpoint at 'epoch_9.pth'; there are epoch_7.pth")


def test_names_that_classes_hand_on() -> None:
    """Options of parents are known, and what is a variable of the file is none of anybody's options."""
    head = dict(type='FCNHead', in_channels=4, channels=8, num_classes=2, num_convs=1)
    norm = dict(type='BN', requires_grad=True)
    cfg = Config(
        dict(
            default_scope='mmseg', norm_cfg=norm, model=dict(decode_head=dict(head, norm_cfg=norm))
        )
    )
    check_names(cfg)
    cfg.model.decode_head.num_clases = 3
    with pytest.raises(
        ValueError, match="model.decode_head.num_clases=3, .* did you mean 'num_classes'"
    ):
        check_names(cfg)


def test_a_schedule_that_ends_before_it_begins(toy, refuse) -> None:
    scheduler = "param_scheduler = dict(type='LinearLR', begin=4, end=2)\n"
    (toy / 'toy.py').write_text((toy / 'toy.py').read_text() + scheduler)
    assert 'begin=4, end=2' in refuse('train.py', 'toy.py')


def test_addresses_and_weights_that_a_test_does_not_load() -> None:
    init = dict(type='Pretrained', checkpoint='none.pth')
    cfg = Config(dict(test_dataloader=dict(batch_size=1), model=dict(a=[dict(init_cfg=init)])))
    check_config(cfg, 'test')
    cfg = Config(dict(train_dataloader=dict(batch_size=1), load_from='https://a.b/c.pth'))
    check_config(cfg, 'train')


class Labels:
    """A data set of label maps, as mmsegmentation's."""

    def __init__(self, folder: Path, masks: list) -> None:
        self.paths = [folder / f'{i}.png' for i in range(len(masks))]
        for path, mask in zip(self.paths, masks, strict=True):
            Image.fromarray(np.array(mask, np.uint8)).save(path)
            Image.new('RGB', (2, 2)).save(path.with_suffix('.jpg'))
        self.pipeline = Config(dict(a=1))
        self.pipeline.transforms = [CheckedLoadImage(), CheckedLoadAnnotations()]
        self.opened = 0

    def __len__(self) -> int:
        return len(self.paths)

    def get_data_info(self, index: int) -> dict:
        self.opened += 1
        paths = dict(img_path=str(self.paths[index].with_suffix('.jpg')))
        paths['seg_map_path'] = str(self.paths[index])
        return dict(paths, seg_fields=[], reduce_zero_label=False, label_map=None)


VOID, BACK, BOTH = ([pair] * 2 for pair in ([255, 255], [0, 255], [0, 3]))


@pytest.mark.parametrize(
    ('masks', 'message'),
    [([VOID] * 5, r'all 5 label maps of the training show void \(255\)'),
     ([BACK, VOID], 'all 2 label maps of the training show class 0 alone')],
)  # fmt: skip
def test_labels_that_teach_nothing(tmp_path, masks, message) -> None:
    with pytest.raises(ValueError, match=f'{tmp_path}: {message}'):
        check_labels(Labels(tmp_path, masks))


class Wrapped:
    """A data set around others, as ConcatDataset, RepeatDataset and MultiImageMixDataset are."""

    def __init__(self, **inside) -> None:
        self.__dict__ |= inside

    def __len__(self) -> int:
        return 9


@pytest.mark.parametrize(
    ('masks', 'message'),
    [(([VOID], [VOID]), r'0: all 1 label maps of the training show void'),
     (([BOTH], [VOID, VOID]), r'1: all 2 label maps of the training show void'),
     (([BACK], [BACK]), r'0, .*1: all 9 label maps of the training show class 0 alone'),
     (([BACK], [BOTH]), None)],
)  # fmt: skip
def test_labels_inside_wrappers(tmp_path, masks, message) -> None:
    for i in range(2):
        (tmp_path / str(i)).mkdir()
    parts = [Labels(tmp_path / str(i), each) for i, each in enumerate(masks)]
    dataset = Wrapped(dataset=Wrapped(datasets=[Wrapped(dataset=parts[0]), parts[1]]))
    with pytest.raises(ValueError, match=message) if message else nullcontext():
        check_labels(dataset)


def test_labels_that_do(tmp_path) -> None:
    check_labels(Labels(tmp_path, [BACK] * 9 + [BOTH]))
    many = Labels(tmp_path, [BOTH] * 50)
    check_labels(many)
    assert many.opened == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(iteratons=5),
            "refiner.iteratons=5, but DenseCRF has no 'iteratons'; did you mean 'iterations'",
        ),
        (
            dict(type='mmlevelset.DensCRF'),
            "refiner.type='mmlevelset.DensCRF' is not known; did you mean 'mmlevelset.DenseCRF'",
        ),
        (dict(bakground=1), "refiner.bakground=1, .* did you mean 'background'"),
    ],
)
def test_names_of_refiners(options, message) -> None:
    """As those of trainings; of several refiners and of what one holds, too."""
    crf = dict(type='mmlevelset.DenseCRF', background=dict(score=0.4))
    check_names(Config(dict(refiner=crf, refiners=dict(low=crf))))
    with pytest.raises(ValueError, match=message):
        check_names(Config(dict(refiner=crf | options)))
    with pytest.raises(ValueError, match=message.replace('refiner.', 'refiners.low.')):
        check_names(Config(dict(refiners=dict(low=crf | options))))


@pytest.mark.parametrize(
    ('key', 'meant'),
    [
        ('level_set_maxnorm', 'level_set_max_norm'),
        ('custom_keys.decode_head.lr_mul', 'lr_mult'),
        ('custom_keys.backbone.decay_mul', 'decay_mult'),
    ],
)
def test_names_of_parameter_groups(key, meant) -> None:
    path = 'seed/cam/efficientnet-lite0_levelset_voc20'
    check_names(read_config(path))
    with pytest.raises(ValueError, match=f"{key}=0.5, .* did you mean '{meant}'"):
        check_names(read_config(path, {f'optim_wrapper.paramwise_cfg.{key}': 0.5}))


def test_the_command_of_refiners_checks_them(tmp_path, refuse, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_meta(
        'seeds', kind='seeds', complete=True, classes=['background', 'a'], image_dir='images'
    )
    words = [
        'refine/crf',
        '--seeds',
        'seeds',
        '--out',
        'out',
        '--cfg-options',
        'refiner.iteratons=5',
    ]
    assert "did you mean 'iterations'" in refuse('refine.py', *words)


def heads(host: int, levels: int, stock: int | None = None) -> torch.nn.Module:
    """A model whose heads have so many classes: a host with level sets, or a stock head with them."""
    level_set = LevelSetHead([4], [0], 8, num_classes=levels, loss_energy=None)
    first = CAMHead(4, host) if stock is None else DeepLabV2Head(in_channels=4, num_classes=stock)
    parts = torch.nn.ModuleList([level_set]) if stock else level_set
    return torch.nn.ModuleDict(dict(decode_head=first, auxiliary_head=parts))


@pytest.mark.parametrize(
    ('numbers', 'message'),
    [
        ((2, 2), None),
        ((0, 2, 3), None),
        ((0, 2, 21), r'decode_head.num_classes=21'),
        ((3, 2), r'decode_head.num_classes=3, .* 3 classes, .* of which this head counts 2'),
        ((2, 3), r'auxiliary_head.num_classes=3, .* counts 2; set it to 2'),
        ((0, 2, 2), r'decode_head.num_classes=2, .* counts 3; set it to 3'),
        ((0, 3, 3), r'auxiliary_head\[0\].num_classes=3'),
    ],
)
def test_heads_have_the_classes_of_the_data(numbers: tuple[int, ...], message: str | None) -> None:
    """Hosts and level sets count without the background, all others with it."""
    init_default_scope('mmseg')
    model = heads(*numbers)
    check_classes(model, ())
    check_classes(model, ('road', 'tree'))  # no data of ours: who knows what it counts
    with pytest.raises(ValueError, match=message) if message else nullcontext():
        check_classes(model, ('background', 'cat', 'dog'))
    stock = DeepLabV2Head(in_channels=4, num_classes=2, out_channels=1)
    stock.num_classes = 1  # one channel for two classes
    check_classes(torch.nn.ModuleDict(dict(decode_head=stock)), ('background', 'cat'))


def test_weights_of_a_part_that_fit_nothing(tmp_path: Path) -> None:
    init_default_scope('mmseg')
    head = CAMHead(4, 2)
    path = tmp_path / 'host.pth'
    state = {f'decode_head.{key}': value for key, value in head.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    model = torch.nn.ModuleDict(dict(decode_head=head))
    head.init_cfg = dict(type='Pretrained', checkpoint=str(path), prefix='decode_head.')
    check_weights_of_parts(model)
    head.init_cfg = [dict(type='Normal'), dict(type='Pretrained', checkpoint=str(path))]
    with pytest.raises(
        ValueError, match=r"host.pth has no tensor of it; .* begin with 'decode_head.'"
    ):
        check_weights_of_parts(model)
    torch.save(dict(other=torch.zeros(2)), path)
    with pytest.raises(
        ValueError, match=r'model.decode_head.init_cfg: .* give a file of this part'
    ):
        check_weights_of_parts(model)
    head.init_cfg = dict(
        type='Pretrained', checkpoint='open-mmlab://resnet50'
    )  # looked at when it is loaded
    check_weights_of_parts(model)

    class Own(CAMHead):
        def init_weights(self) -> None:
            """In a way of its own."""

    own = Own(4, 2)
    own.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    check_weights_of_parts(torch.nn.ModuleDict(dict(decode_head=own)))
