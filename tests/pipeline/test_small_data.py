"""What the pipelines of small data declare: which images, which variants, what is scored."""

import subprocess
from pathlib import Path

import pytest

from mmlevelset.config import read_config
from mmlevelset.pipeline import expand
from tests.pipeline.test_configs import ROOT, commands, plan


@pytest.mark.parametrize('suffix, scored', [('', True), ('_100', False)])
def test_a_part_of_the_classes_is_not_scored_on_val(suffix: str, scored: bool) -> None:
    """Images of val may show nothing that a training on a part of the images has seen."""
    cfg = read_config(str(ROOT / f'configs/pipeline/voc20_efficientnet-lite0_strides{suffix}.py'))
    cfg = expand(cfg.to_dict())
    assert any(stage['name'].startswith('val_') for stage in cfg['stages']) == scored
    assert any('val' in row['stage'] for row in cfg['table']) == scored


def test_variants_without_an_ingredient() -> None:
    """One differs from the one it is like by its options, in training and in every export."""
    words = commands(ROOT / 'configs/pipeline/voc20_ablation.py')
    option = 'model.auxiliary_head.loss_anchor=None'
    stages = [name for name in words if '_no_anchor_s0' in name]
    assert stages and all((option in words[n]) != n.startswith('score') for n in stages)
    like = [word for word in words['train_no_anchor_s0'] if word != option]
    assert [w.replace('no_anchor', 'levelset') for w in like] == words['train_levelset_s0']


def test_seeds_of_images_without_a_mask() -> None:
    words = commands(ROOT / 'configs/pipeline/voc20_efficientnet-lite0_levelset.py')
    listed = 'test_dataloader.dataset.ann_file=ImageSets/Segmentation/train_mid.txt'
    assert '--seeds-only' in words['seeds_cam_s0'] and listed in words['seeds_cam_s0']
    assert words['score_cam_s0'][words['score_cam_s0'].index('--split') + 1].endswith('/train.txt')


@pytest.mark.parametrize('every, ids', [(1, 'abcde'), (2, 'ace'), (4, 'ae')])
def test_part_of_the_images(tmp_path: Path, every: int, ids: str) -> None:
    path = ROOT / 'configs/pipeline/voc20_refine.py'
    pipeline, _ = plan(path, every=every, data_root=str(tmp_path))
    folder = tmp_path / 'ImageSets/Segmentation'
    folder.mkdir(parents=True)
    (folder / 'train.txt').write_text('\n'.join('abcde') + '\n')
    command = pipeline.values.command(pipeline.stages[0].command).partition(' > ')[0]
    listed = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == list(ids)
