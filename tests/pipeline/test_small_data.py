"""What the pipelines of small data declare: which images, which variants, what is scored."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mmlevelset.apis.runner import set_tta
from mmlevelset.config import read_config
from mmlevelset.pipeline import Pipeline, expand
from tests.pipeline.test_configs import ROOT, SMALL, WORK_DIR, commands, plan


@pytest.mark.parametrize('suffix, scored', [('', True), ('_100', False)])
def test_a_part_of_the_classes_is_not_scored_on_val(suffix: str, scored: bool) -> None:
    """Images of val may show nothing that a training on a part of the images has seen."""
    cfg = read_config(str(ROOT / f'configs/pipeline/voc20_efficientnet-lite0_strides{suffix}.py'))
    cfg = expand(cfg.to_dict())
    assert any(stage['name'].startswith('val_') for stage in cfg['stages']) == scored
    assert any('val' in row['stage'] for row in cfg['table']) == scored


def test_seeds_of_val_are_scored_as_those_of_train() -> None:
    """By the same rule, found on the images that are scored, and with every column."""
    path = ROOT / 'configs/pipeline/voc20_efficientnet-lite0_levelset.py'
    words, (pipeline, cfg) = commands(path), plan(path)
    folder = f'{WORK_DIR}/cam_s0'
    assert words['val_cam_s0'][words['val_cam_s0'].index('--out') + 1] == f'{folder}/val_seeds'
    changed = dict(seeds='val_seeds', train='val')
    wanted = [
        re.sub(r'/(seeds|train)\b', lambda found: f'/{changed[found[1]]}', word)
        for word in words['score_cam_s0']
    ]
    assert words['score_val_cam_s0'] == wanted and wanted.count('otsu') == 1
    assert f'{folder}/val_seeds.json' in wanted
    needs = {stage.name: stage.needs for stage in pipeline.stages}
    assert needs['score_val_cam_s0'] == ('val_cam_s0',) and needs['val_cam_s0'] == ('train_cam_s0',)
    rows = [row for row in cfg['table'] if row['stage'].startswith('seeds')]
    assert len(rows) == 4 * len(read_config(str(path)).variants)
    assert all(list(row['keys']) == read_config(str(path)).columns for row in rows)


def test_variants_without_an_ingredient() -> None:
    """One differs from the one it is like by its options, in training and in every export."""
    words = commands(ROOT / 'configs/pipeline/voc20_ablation.py')
    option = 'model.auxiliary_head.loss_anchor=None'
    stages = [name for name in words if '_no_anchor_s0' in name]
    assert stages and all((option in words[n]) != n.startswith('score') for n in stages)
    like = [word for word in words['train_no_anchor_s0'] if word != option]
    assert [w.replace('no_anchor', 'levelset') for w in like] == words['train_levelset_s0']


LPCAM = dict(
    config='configs/seed/lpcam/efficientnet-lite0_voc20.py', source='cam', threshold='otsu'
)
METHODS = ROOT / 'configs/pipeline/voc20_cam_methods.py'


def test_cam_methods_read_the_network_of_the_cam() -> None:
    """All maps come from one checkpoint; LPCAM's prototypes from its CAMs of all images trained on."""
    words = commands(METHODS)
    cam = '/w x,y/z/cam_s1'
    prototypes = '/w x,y/z/lpcam_s1/prototypes/of.npz'
    assert not {'train_advcam_s1', 'train_lpcam_s1'} & set(words)
    for method in ('cam', 'advcam', 'lpcam'):
        for stage in ('seeds', 'val'):
            assert words[f'{stage}_{method}_s1'][3] == f'{cam}/iter_400.pth'
            option = f'tta_model.cam_method.prototypes={prototypes}'
            assert (option in words[f'{stage}_{method}_s1']) == (method == 'lpcam')
    made = words['prototypes_lpcam_s1']
    assert made[3:8] == [f'{cam}/iter_400.pth', f'{cam}/seeds', prototypes, '--random-seed', '1']
    listed = read_config(str(ROOT / made[2])).train_dataloader.dataset.ann_file
    assert made[-1] == f'test_dataloader.dataset.ann_file={listed}' in words['seeds_advcam_s1']


@pytest.mark.parametrize('method', ['cam', 'advcam', 'lpcam'])
def test_level_sets_differ_by_their_guide_alone(method: str) -> None:
    words = commands(METHODS)
    name = f'levelset_{method}'
    guide = f'train_dataloader.dataset.guide_dir=/w x,y/z/{method}_s0/seeds'
    stages = [stage.replace(name, 'levelset') for stage in words if f'_{name}_s0' in stage]
    assert len(stages) == 5
    for stage in stages:
        found = words[stage.replace('levelset', name)]
        assert (guide in found) == stage.startswith('train')
        assert [w.replace(name, 'levelset') for w in found if w != guide] == words[stage]


def test_stages_wait_for_the_maps_that_they_read() -> None:
    needs = {stage.name: stage.needs for stage in plan(METHODS)[0].stages}
    assert needs['prototypes_lpcam_s0'] == ('seeds_cam_s0',)
    assert needs['seeds_lpcam_s0'] == needs['val_lpcam_s0'] == ('prototypes_lpcam_s0',)
    assert needs['seeds_advcam_s0'] == ('train_cam_s0',)
    assert needs['train_levelset_lpcam_s0'] == ('host_s0', 'seeds_lpcam_s0')


def test_seeds_that_nothing_learns_from_are_of_the_scored_images() -> None:
    """Others are of all images that are trained on, which takes twice as long."""
    listed = 'test_dataloader.dataset.ann_file=ImageSets/Segmentation/train_mid.txt'
    made = {name: words for name, words in commands(METHODS).items() if name.startswith('seeds_')}
    for name, words in made.items():
        assert (listed in words) == ('levelset' not in name), name


def test_fewer_images_reach_prototypes_and_guides() -> None:
    words = commands(METHODS.with_name('voc20_cam_methods_100.py'))
    listed = 'dataset.ann_file=ImageSets/Segmentation/train_100.txt'
    for stage in ('prototypes_lpcam_s0', 'seeds_advcam_s0', 'train_levelset_advcam_s0'):
        assert any(word.endswith(listed) for word in words[stage]), stage


def test_a_slow_method_is_left_out() -> None:
    """The rest is what it is with it, so that it can be added later."""
    every, left = commands(METHODS), ['advcam', 'levelset_advcam']
    rest = commands(METHODS, left_out=left)
    assert rest == {name: words for name, words in every.items() if 'advcam' not in name}
    assert not any('advcam' in row['arm'] for row in plan(METHODS, left_out=left)[1]['table'])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(left_out=['advcam']), r"got \['advcam'\], the variants"),
        (dict(left_out=['adv']), r"got \['adv'\]"),
        (dict(variants=dict(levelset_cam=dict(guide='seam'))), r"got \['seam'\]"),
        (dict(variants=dict(cam=dict(network='levelset'))), r"got \['levelset'\]"),
        (dict(variants=dict(cam=dict(guide='cam'))), r"got \['cam'\]"),
        (
            dict(left_out='advcam'),
            r"left_out must be a list, .*'advcam': write left_out=\[advcam\]",
        ),
        (dict(variants=dict(backbone=dict(like='cam'))), 'must not be named backbone'),
        (dict(images='train_100.txt', model='a', retrained=['cam']), 'leave one of them out'),
        (dict(variants=dict(second=LPCAM)), 'the variant second reads prototypes'),
        (
            dict(variants=dict(lpcam=dict(exported=None))),
            r"a guide needs the seeds of all images .* exported of \['lpcam'\]",
        ),
        (dict(images='train_100.txt'), r"exported of \['cam', 'lpcam', 'advcam'\]"),
        (dict(variants=dict(levelset_cam=dict(option=['a=1']))), r'levelset_cam says .*option'),
        (dict(variants=dict(second=dict(like='levelset_cam'))), r"second says \['guide', 'like'\]"),
        (dict(variants=dict(levelset_cam=dict(network='cam'))), 'a network or a guide, not both'),
    ],
)
def test_wrong_variants(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(METHODS, **options)


def test_seeds_of_images_without_a_mask() -> None:
    words = commands(ROOT / 'configs/pipeline/voc20_efficientnet-lite0_levelset.py')
    listed = 'test_dataloader.dataset.ann_file=ImageSets/Segmentation/train_mid.txt'
    assert '--seeds-only' in words['seeds_cam_s0'] and listed in words['seeds_cam_s0']
    assert words['score_cam_s0'][words['score_cam_s0'].index('--split') + 1].endswith('/train.txt')


@pytest.mark.parametrize('every, ids', [(1, 'abcde'), (2, 'ace'), (4, 'ae')])
def test_part_of_the_images(tmp_path: Path, every: int, ids: str) -> None:
    path = ROOT / 'configs/pipeline/voc20_refine.py'
    _, cfg = plan(path, every=every, data_root=str(tmp_path))
    pipeline = Pipeline(cfg, ROOT, str(tmp_path))
    folder = tmp_path / 'ImageSets/Segmentation'
    folder.mkdir(parents=True)
    (folder / 'train.txt').write_text('\n'.join('abcde') + '\n')
    command = pipeline.values.command(pipeline.stages[0].command)
    subprocess.run(command, shell=True, cwd=ROOT, check=True)
    assert (tmp_path / 'part.txt').read_text().split() == list(ids)


def test_refiners_of_another_list() -> None:
    """Nothing of such a pipeline reads train.txt, and a network learns for as long as from more images."""
    path = ROOT / 'configs/pipeline/voc20_cam_methods_100_irn.py'
    words, all_words = commands(path), commands(path.with_name('voc20_cam_methods_irn.py'))
    assert 'data/voc20/ImageSets/Segmentation/train_100.txt' in words['part']
    assert not any(word.endswith('/train.txt') for line in words.values() for word in line)
    checkpoint = f'{WORK_DIR}/lpcam_s0/irnet/iter_162.pth'
    for line in (words['irn_lpcam_s0'], all_words['irn_lpcam_s0']):
        assert f'refiner.checkpoint={checkpoint}' in line


@pytest.mark.parametrize(
    'name', ['voc8_refine', 'voc20_refine', 'voc20_irn', 'voc20_seam_irn', 'voc20_muscle_irn']
)
def test_refiners_take_the_threshold_that_was_measured(name: str) -> None:
    """Every background score is that of the same variant and random seed; no number stands in the config."""
    cfg = read_config(str(ROOT / f'configs/pipeline/{name}.py')).to_dict()
    for stage, words in commands(ROOT / f'configs/pipeline/{name}.py').items():
        run = stage.rpartition('_s')[0].rpartition('_')[2] + '_s' + stage.rpartition('_s')[2]
        told = [w for w in words if 'background.score=' in w or w.endswith('/seeds.json')]
        here = [w for w in told if w.startswith(WORK_DIR)]  # what the stage itself writes
        measured = f'{cfg["seeds"]}/{run}/seeds.json'
        if stage.startswith(('irn-crf', 'irn-par')):  # whose maps are cut by a rule of their own
            measured = f'{WORK_DIR}/{run}/irn/labels/meta.json'
        assert all(w.rpartition('=')[2] == measured for w in told if w not in here)
        walks = stage.startswith(('crf', 'psa_', 'irn_', 'irn-all', 'irn-crf', 'irn-par', 'seeds'))
        assert told or not walks


def test_a_refiner_on_the_maps_of_another() -> None:
    """It reads them when no other stage writes them, and scores the same images."""
    path = ROOT / 'configs/pipeline/voc20_refine.py'
    needs, words = {stage.name: stage.needs for stage in plan(path)[0].stages}, commands(path)
    for name in ('irn-crf_cam_s0', 'irn-par_cam_s0'):
        assert needs[name] == ('irn-all_cam_s0',)
        option = words[name].index('--seeds')
        assert words[name][option + 1] == f'{WORK_DIR}/cam_s0/irn/soft'
        splits = [w[w.index('--split') + 1] for w in (words[name], words['irn_cam_s0'])]
        assert splits[0] == splits[1]
    # without models nothing walks over all images
    labels, _ = plan(ROOT / 'configs/pipeline/voc20_irn.py', models=None)
    assert labels.stages[5].name == 'irn-crf_cam_s0' and labels.stages[5].needs == ('irn_cam_s0',)
    with pytest.raises(ValueError, match=r"`after` must name one of .*, got \['walk'\]"):
        plan(path, **{'refiners.irn-crf.after': 'walk'})
    for left_out, message in (('psa', 'left_out must be a list'), (['pas'], r"got \['pas'\]")):
        with pytest.raises(ValueError, match=message):
            plan(path, left_out=left_out)
    for every in (0, 2.0, '2'):
        with pytest.raises(ValueError, match='every must be an integer from 1 on, got'):
            plan(path, every=every)
    with pytest.raises(ValueError, match=r'variants must be a list, .*: write variants=\[cam\]'):
        plan(path, variants='cam')
    for variants in (['cam', 'levelset', 'third'], ['baseline', 'levelset'], ['baseline']):
        with pytest.raises(ValueError, match='the refiner irn needs a config of each of'):
            plan(path, variants=variants)
    for key in ('irn.after', 'irn-crf.variant', 'irn.targetz'):
        with pytest.raises(ValueError, match=f'the refiner {key.partition(".")[0]} says'):
            plan(path, **{f'refiners.{key}': 'crf'})


def test_models_on_a_list_of_their_own(tmp_path: Path) -> None:
    """The refiner goes on to the images that the models then read, in the place of the seeds and of the config."""
    path = ROOT / 'configs/pipeline/voc20_irn.py'
    with pytest.raises(
        FileNotFoundError, match=r'models.images names .*/train.txt, which is not there'
    ):
        plan(path, data_root=str(tmp_path))
    folder = tmp_path / 'ImageSets/Segmentation'
    folder.mkdir(parents=True)
    (folder / 'train.txt').touch()
    words = commands(path, data_root=str(tmp_path))
    listed = f'{folder}/train.txt'
    walk, train = words['irn-all_cam_s0'], words['segformer_cam_s0']
    assert [walk[i + 1] for i, word in enumerate(walk) if word == '--split'] == [listed, listed]
    # the last one counts where an option is given twice
    assert [w for w in train if 'dataset.ann_file=' in w][-1].endswith(f'={listed}')
    for key, value, message in (
        ('image', 'train.txt', 'models must say refiner, configs'),
        ('images', 'train', 'models.images must be a file'),
        ('images', 3, 'models.images must be a text'),
        ('start', 'seam', "models.start must be one of host, backbone, got 'seam'"),
        ('configs', 'model.py', 'models.configs must be name -> config'),
        ('backbone', 'configs/seed/cam/resnet50_voc12.py', 'a model cannot start from it'),
    ):
        with pytest.raises(ValueError, match=message):
            plan(path, **{f'models.{key}': value})
    with pytest.raises(ValueError, match='models must say refiner'):
        plan(path, models='irn')
    with pytest.raises(ValueError, match=r"models.start='backbone' .* got none"):
        plan(ROOT / 'configs/pipeline/voc20_seam_irn.py', **{'models.backbone': None})


@pytest.mark.parametrize('host', ['seam', 'muscle'])
def test_refiners_find_what_the_pipeline_of_the_seeds_makes(host: str) -> None:
    """Its variants and scores, and the network that its host started from, whose strides are those of the model."""
    path = ROOT / f'configs/pipeline/voc20_{host}_levelset.py'
    made, cfg = plan(path)[0], read_config(str(path))
    done = {str(stage.done).replace('{work_dir}', cfg['work_dir']) for stage in made.stages}
    words = commands(ROOT / f'configs/pipeline/voc20_{host}_irn.py')
    for seed in cfg['random_seeds']:
        for variant in cfg['variants'].keys() - cfg['left_out']:
            scored = words[f'seeds_{variant}_s{seed}']
            assert scored[scored.index('--threshold') + 1] in done
            start = 'model.backbone.init_cfg.checkpoint='
            train = words[f'segformer_{variant}_s{seed}']
            (network,) = (word for word in train if word.startswith(start))
            assert network.removeprefix(start) in done and f'/backbone_s{seed}/' in network


@pytest.mark.parametrize('path', SMALL, ids=lambda path: path.stem)
def test_what_is_tested_with_augmentation_has_it(path: Path) -> None:
    """A pipeline of a day must not end at a config without ``tta_model``."""
    for words in commands(path).values():
        if '--tta' in words:
            set_tta(read_config(str(ROOT / words[2])))
