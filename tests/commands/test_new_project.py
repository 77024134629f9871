"""``mmlevelset new-project``: the configs of the pages, of a folder and its classes."""

import json
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmlevelset.apis.new_project import new_project
from mmlevelset.commands.check_data import main as check_data
from mmlevelset.commands.new_project import main
from mmlevelset.config import read_config
from mmlevelset.datasets.prepare.check_own import check_own
from mmlevelset.pipeline import Pipeline, expand

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ['background', 'cat', 'dog']
LISTS = 'ImageSets/Segmentation'


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a data set, with a blank in its name; the tests are beside it."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'my data'
    for name in ('JPEGImages', LISTS):
        (root / name).mkdir(parents=True)
    for split in ('train', 'val'):
        ids = [f'{split}_{i}' for i in range(4)]
        (root / LISTS / f'{split}.txt').write_text('\n'.join(ids))
    write_labels(root, 'image_labels.json', CLASSES)
    return root


def write_labels(root: Path, source: str, classes: list[str]) -> None:
    """Label every image with the last of the classes, in one of the formats."""
    ids = [f'{split}_{i}' for split in ('train', 'val') for i in range(4)]
    vector = np.eye(len(classes), dtype=np.float32)[-1, 1:]
    if source == 'Annotations':
        (root / source).mkdir()
        for id_ in ids:
            tag = f'<annotation><object><name>{classes[-1]}</name></object></annotation>'
            (root / source / f'{id_}.xml').write_text(tag)
    elif source.endswith('.json'):
        labels = {id_: [len(classes) - 1] for id_ in ids}
        (root / source).write_text(json.dumps(dict(classes=classes, labels=labels)))
    elif source.endswith('.npz'):
        np.savez(root / source, **dict.fromkeys(ids, vector))
    else:
        np.save(root / source, dict.fromkeys(ids, vector), allow_pickle=True)


def draw_masks(data: Path, *splits: str) -> None:
    (data / 'SegmentationClass').mkdir()
    for split in splits:
        for i in range(4):
            (data / f'SegmentationClass/{split}_{i}.png').touch()


def shown(page: str, name: str, tmp_path: Path) -> dict[str, Any]:
    """A config that a page shows under its name, with its base found in the package."""
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / page).read_text(), re.DOTALL)
    (text,) = (block for block in blocks if block.startswith(f'# {name}\n'))
    folder = Path(name).parent.relative_to('configs')
    text = re.sub(r"_base_ = '(.+?)'", rf"_base_ = 'mmlevelset::{folder}/\1'", text)
    (tmp_path / 'shown.py').write_text(text)
    return read_config('shown.py').to_dict()


def without(cfg: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in cfg.items() if key not in keys}


@pytest.mark.parametrize(
    ('page', 'name', 'written'),
    [
        ('README.md', 'configs/seed/cam/efficientnet-lite0_mine_host.py', 'host'),
        ('README.md', 'configs/seed/cam/efficientnet-lite0_levelset_mine.py', 'levelset'),
        ('docs/en/get_started.md', 'configs/retrain/segformer-head_efficientnet-lite0_mine.py', 'retrain'),
    ],
)  # fmt: skip
def test_the_configs_are_those_of_the_pages(page, name, written, data, tmp_path) -> None:
    new_project('pets', data)
    ours = read_config(f'pets/configs/{written}.py').to_dict()
    text = repr(without(ours, 'mine', 'meta')).replace(data.as_posix(), 'data/mine')
    expected = repr(without(shown(page, name, tmp_path), 'mine', '_meta', 'meta'))
    assert text.replace('work_dirs/levelset/labels', 'work_dirs/mine/labels') == expected


def test_foreground_classes_are_enough(data: Path) -> None:
    for folder, classes in (('a', ['cat', 'dog']), ('b', CLASSES), ('c', None)):
        new_project(folder, data, classes)
        assert read_config(f'{folder}/configs/pipeline.py').classes == CLASSES


@pytest.mark.parametrize('source', ['Annotations', 'cls_labels.npz', 'cls_labels.npy'])
def test_labels_in_another_format(source: str, data: Path) -> None:
    (data / 'image_labels.json').unlink()
    write_labels(data, source, CLASSES)
    new_project('pets', data, CLASSES)
    for name in ('host', 'levelset'):
        cfg = read_config(f'pets/configs/{name}.py')
        assert cfg.train_dataloader.dataset.image_labels == source


def test_a_model_of_another_kind_does_not_start_from_the_host(data: Path, monkeypatch) -> None:
    """No weight would fit, and those of its own would be lost."""
    new_project('pets', data)
    monkeypatch.chdir('pets')
    cfg = read_config('configs/pipeline.py').to_dict()
    other = dict(cfg, model='mmlevelset::retrain/segformer_mit-b1_voc12.py')
    with pytest.raises(ValueError, match=r'MixVisionTransformer.*EfficientNet.*model_from_host'):
        expand(other)
    assert expand(dict(other, model_from_host=False))
    with pytest.raises(ValueError, match="model_from_host must be True or False, got 'no'"):
        expand(dict(cfg, model_from_host='no'))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(threshold=1.5), 'threshold'),
        (dict(threshold='otzu'), 'otzu'),
        (
            dict(picture=['train_0', 'nope']),
            r"picture names \['nope'\], which .*train.txt does not list",
        ),
        (dict(picture='train_0'), 'picture must be a list'),
    ],
)
def test_what_the_last_stages_would_refuse(options, message, data: Path, monkeypatch) -> None:
    """A threshold or a picture is read after hours of training."""
    new_project('pets', data)
    monkeypatch.chdir('pets')
    cfg = read_config('configs/pipeline.py').to_dict()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        expand(cfg | options)


def test_masks_of_names_that_look_like_voc_s(data: Path) -> None:
    """Images, lists, labels and masks called 2021010203 belong together, as the data set finds them."""
    draw_masks(data, 'train', 'val')
    for path in [*data.rglob('*.txt'), data / 'image_labels.json']:
        path.write_text(
            path.read_text().replace('train_', '202101020').replace('val_', '202101021')
        )
    for path in (data / 'SegmentationClass').iterdir():
        name = path.name.replace('train_', '202101020').replace('val_', '202101021')
        path.rename(path.with_name(name))
    new_project('pets', data)
    assert read_config('pets/configs/pipeline.py').scored == ['train', 'val']


@pytest.mark.parametrize('splits', [(), ('train',), ('val',), ('train', 'val')])
def test_masks_are_read_by_evaluations_alone(splits, data, monkeypatch) -> None:
    """And only of lists that have them all: then the seeds, or the model, are scored."""
    draw_masks(data, *splits)
    new_project('pets', data)
    monkeypatch.chdir('pets')
    cfg = expand(read_config('configs/pipeline.py').to_dict())
    commands = {stage['name']: stage['command'] for stage in cfg['stages']}
    assert ('score_seeds' in commands) == ('train' in splits)
    assert ('--labels-only' in commands['test_levelset']) == ('val' not in splits)
    reading = {name for name, command in commands.items() if 'SegmentationClass' in command}
    assert reading <= {'score_seeds'}
    assert '--seeds-only' in commands['seeds_levelset']
    assert len(cfg.get('table', [])) == len(splits)
    written = {stage.get('done') for stage in cfg['stages']}
    assert {row['metrics'] for row in cfg.get('table', [])} <= written


def test_the_cam_that_a_level_set_is_compared_with(data: Path, monkeypatch) -> None:
    """The same training but for the head, scored as the pipeline scores the level set."""
    new_project('bare', data)
    assert 'configs/cam.py' not in Path('bare/README.md').read_text()
    draw_masks(data, 'train')
    new_project('pets', data)
    monkeypatch.chdir('pets')
    ours, cam = (read_config(f'configs/{name}.py') for name in ('levelset', 'cam'))
    for key in (
        'train_dataloader',
        'train_cfg',
        'param_scheduler',
        'test_dataloader',
        'tta_pipeline',
    ):
        assert cam[key] == ours[key]
    del ours.model.auxiliary_head
    assert (
        cam.model.decode_head == ours.model.decode_head
        and cam.model.backbone == ours.model.backbone
    )
    lines = re.sub(r'\\\n *', '', Path('README.md').read_text()).splitlines()
    *_, train, test, score, other = (line for line in lines if line.startswith('mmlevelset '))
    assert 'train configs/cam.py' in train and '--tta' in test and '--threshold otsu' in score
    (scored,) = (
        stage['command']
        for stage in expand(read_config('configs/pipeline.py').to_dict())['stages']
        if stage['name'] == 'score_seeds'
    )
    words = set(shlex.split(other)) - {'mmlevelset', 'evaluate', 'work_dirs/levelset/seeds'}
    assert words <= set(shlex.split(scored))


def test_the_pipeline_makes_what_the_steps_of_its_readme_make(data: Path, monkeypatch) -> None:
    """The same configs, in the same order, into the same folders."""
    new_project('pets', data)
    monkeypatch.chdir('pets')
    pipeline = Pipeline(expand(read_config('configs/pipeline.py').to_dict()), Path.cwd())
    done = [shlex.split(pipeline.values.command(stage.command)) for stage in pipeline.stages]
    lines = re.sub(r'\\\n *', '', Path('README.md').read_text()).splitlines()
    steps = [shlex.split(line) for line in lines if line.startswith('mmlevelset ')]
    # The try is the same steps in another folder, and short.
    tries = [words for words in steps if 'work_dirs/try/' in ' '.join(words)]
    steps = [words for words in steps if words not in tries]
    short = {'--cfg-options', 'train_cfg.max_iters=20'}
    same = [{w.replace('work_dirs/try/', 'work_dirs/') for w in words} - short for words in tries]
    whole = [set(words) - short for words in steps if words[1] in ('train', 'test')]
    assert same == whole[:3]
    kinds = ['check-data', 'train', 'train', 'test', 'labels', 'train', 'test']
    assert [words[1] for words in steps if words[1] != 'pipeline'] == kinds
    for words, made in zip((w for w in steps if w[1] != 'pipeline'), done, strict=False):
        configs = [word for word in words if word.startswith('configs/')]
        assert set(configs) <= set(made)
        folders = [word for word in words if re.fullmatch(r'work_dirs/[\w/]+', word)]
        assert all(str(Path(folder).absolute()) in made for folder in folders), (words, made)
    # both models start from the host's backbone
    start = 'model.backbone.init_cfg'
    model = next(words for words in steps if 'configs/retrain.py' in words)
    assert (
        f'{start}.checkpoint=$(cat work_dirs/host/last_checkpoint)' in model
        and f'{start}.prefix=backbone.' in model
    )
    host = Path('work_dirs/host/iter_600.pth').absolute()
    assert any(
        {f'{start}.checkpoint={host}', f'{start}.prefix=backbone.'} <= set(words) for words in done
    )


@pytest.mark.parametrize(
    ('classes', 'text'),
    [(['cat', 'cat'], 'different names'), (['background'], 'one or more'), (['cat,background'], 'nowhere')],
)  # fmt: skip
def test_classes_that_cannot_be(classes: list[str], text: str, data: Path) -> None:
    """Refused by both commands in the same words."""
    for command in (check_own, partial(new_project, 'pets')):
        with pytest.raises(ValueError, match=text):
            command(data, classes)
    assert not Path('pets').exists()


@pytest.mark.parametrize('stated', [['cat', 'dog'], ['background', ''], 'cat', [1], []])
def test_classes_that_a_file_cannot_state(stated: object, data: Path) -> None:
    """Its numbers count from the background: without it, every label would be one off."""
    (data / 'image_labels.json').write_text(json.dumps(dict(classes=stated, labels={})))
    for command in (check_own, partial(new_project, 'pets')):
        with pytest.raises(
            ValueError, match='image_labels.json: "classes" is .* begins with "back'
        ):
            command(data)


def test_classes_without_the_background_say_so(data: Path) -> None:
    """Typing them does not help, nor does a list of classes: the file's numbers are what is unclear."""
    content = json.loads((data / 'image_labels.json').read_text())
    content['classes'] = CLASSES[1:]
    (data / 'image_labels.json').write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match='"classes" is .* begins with \'background\', which label 0 is'
    ):
        new_project('pets', data, CLASSES[1:])


@pytest.mark.parametrize(
    'typed', [['cat', 'dog'], CLASSES, ['cat,dog'], ['background,', 'cat,dog,']]
)
def test_both_commands_read_classes_by_one_rule(typed, data, monkeypatch, capsys) -> None:
    """As people type them: with and without the background, with commas and with blanks."""
    monkeypatch.setattr('sys.argv', ['x', 'own', str(data), '--jobs', '1', '--classes', *typed])
    with pytest.raises(SystemExit):  # the files of the images are missing
        check_data()
    assert 'labels of 8 images' in capsys.readouterr().out
    monkeypatch.setattr('sys.argv', ['x', 'typed', '--data', str(data), '--classes', *typed])
    main()
    assert read_config('typed/configs/pipeline.py').classes == CLASSES


@pytest.mark.parametrize(
    'source', ['image_labels.json', 'Annotations', 'cls_labels.npz', 'cls_labels.npy']
)
@pytest.mark.parametrize('classes', [['cat', 'dogs'], ['cat']])
def test_classes_that_the_labels_contradict(source, classes, data) -> None:
    """Found before anything is written; a vector without names has a length alone."""
    (data / 'image_labels.json').unlink()
    write_labels(data, source, CLASSES)
    if classes == ['cat', 'dogs'] and source.startswith('cls_labels'):
        return
    with pytest.raises(ValueError, match=source):
        new_project('pets', data, classes)
    assert not Path('pets').exists()


def test_what_is_missing_or_in_the_way(data: Path) -> None:
    (data / 'image_labels.json').write_text('{"a": [1]}')
    with pytest.raises(ValueError, match='--classes'):
        new_project('pets', data)
    with pytest.raises(ValueError, match='no label for 4 id'):
        new_project('pets', data, CLASSES)
    (data / 'image_labels.json').unlink()
    with pytest.raises(
        FileNotFoundError, match='no image-level labels, expected one of image_labels'
    ):
        new_project('pets', data, CLASSES)
    with pytest.raises(FileNotFoundError, match='no .*nowhere/JPEGImages; a data set needs'):
        new_project('pets', 'nowhere', CLASSES)
    (data / LISTS / 'val.txt').unlink()
    with pytest.raises(FileNotFoundError, match='val.txt; .* no masks'):
        new_project('pets', data, CLASSES)
    Path('pets').mkdir()
    Path('pets/mine.txt').touch()
    with pytest.raises(ValueError, match='pets is there and not empty'):
        new_project('pets', data, CLASSES)
