"""The declarations of configs/pipeline: their stages, and that every command is one its tool understands."""

import argparse
import ast
import hashlib
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmlevelset.config import parse_value, read_config
from mmlevelset.pipeline import Pipeline, expand

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = sorted((ROOT / 'configs/pipeline').glob('*.py'))
FULL_SIZE = [path for path in PIPELINES if path.name.startswith(('voc12_', 'coco14_'))]
SMALL = [path for path in PIPELINES if path not in FULL_SIZE]
PAPER = json.loads((ROOT / 'tools/analysis_tools/paper_tables.json').read_text())
STAGES = ROOT / 'tests/data/pipeline_stages.json'
WORK_DIR = '/w x,y/z'


class Parsed(Exception):
    """Ends a tool as soon as it has read its command line."""


def plan(path: Path, **options: Any) -> tuple[Pipeline, dict[str, Any]]:
    """The pipeline of a config, and what it declares."""
    cfg = expand(read_config(str(path), options).to_dict())
    return Pipeline(cfg, ROOT, WORK_DIR), cfg


def commands(path: Path, **options: Any) -> dict[str, list[str]]:
    """Words of every stage's command as the shell splits it; several commands follow each other."""
    pipeline, _ = plan(path, **options)
    found = {}
    for stage in pipeline.stages:
        command = pipeline.values.command(stage.command)
        # what the shell puts in is one word here
        command = re.sub(r'\$\(basename "\$\(cat (\S+ \S+)\)"\)', 'LAST', command)
        command = re.sub(r'"\$\(dirname (.+?)\)"', 'ABOVE', command)
        found[stage.name] = shlex.split(command.replace(sys.executable, 'python'))
    return found


def split(line: list[str]) -> list[list[str]]:
    """The commands of a line, without where their output goes."""
    found: list[list[str]] = [[]]
    for word in line:
        if word == '&&':
            found.append([])
        else:
            found[-1].append(word)
    return [words[: words.index('>')] if '>' in words else words for words in found]


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """The arguments that a tool reads from a command line; an unknown one exits."""
    assert words[0] == 'python'
    read: list[argparse.Namespace] = []
    original = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *args: object) -> None:
        read.append(original(self, *args))
        raise Parsed

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'parse_args', stop)
        patch.setattr(sys, 'argv', words[1:])
        patch.setattr('mmlevelset.apis.command.run', lambda main: main())
        with pytest.raises(Parsed):
            runpy.run_path(str(ROOT / words[1]), run_name='__main__')
    return read[0]


def stage_lists() -> dict[str, dict[str, Any]]:
    """Of every pipeline: its stages with a hash of what each says, and a hash of its table."""
    found = {}
    for path in PIPELINES:
        pipeline, cfg = plan(path)
        stages = {
            stage.name: digest(
                [pipeline.values.portable(stage.command), stage.done, stage.needs, stage.makes]
            )
            for stage in pipeline.stages
        }
        rest = {key: digest(cfg[key]) for key in ('table', 'picture') if key in cfg}
        found[path.stem] = dict(stages=stages, **rest)
    return found


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:8]


def test_stages_and_tables_are_those_of_the_published_results() -> None:
    """A stage that changes runs again in every work folder: to do so on purpose, run this file."""
    expected, found = json.loads(STAGES.read_text()), stage_lists()
    assert list(found) == list(expected)
    for name in expected:
        assert list(found[name]['stages']) == list(expected[name]['stages']), name
        assert found[name] == expected[name], name


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_configs_declare(path: Path) -> None:
    """A config is assignments of plain values, in a page."""
    text = path.read_text()
    assert len(text.splitlines()) <= 45
    plain = (
        ast.Module,
        ast.Assign,
        ast.Constant,
        ast.List,
        ast.Dict,
        ast.Name,
        ast.Call,
        ast.keyword,
    )
    for node in ast.walk(ast.parse(text)):
        assert isinstance(node, (*plain, ast.Load, ast.Store)), ast.dump(node)
        assert (
            not isinstance(node, ast.Call) or ast.dump(node.func) == "Name(id='dict', ctx=Load())"
        )


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_commands_parse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    for name, line in commands(path).items():
        for words in split(line):
            shape = tuple(
                re.sub(r'_s\d|\d\.\d+', '', word) for word in words if '/w x,y' not in word
            )
            if shape in seen:
                continue
            seen.add(shape)
            assert not any('{' in word for word in words), (name, words)
            arguments = parse(words, monkeypatch)
            configs = [word for word in words if 'configs/' in word]
            assert all((ROOT / word.split('=')[-1]).is_file() for word in configs), (name, configs)
            assert not hasattr(arguments, 'config') or not configs or arguments.config in configs
            for value in (getattr(arguments, 'cfg_options', None) or {}).values():
                assert '/w x,y' not in str(value) or value.startswith(WORK_DIR)


def test_a_wrong_option_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ['python', 'tools/eval_seeds.py', 'seeds', '--gt', 'masks']
    assert parse(words, monkeypatch).gt == 'masks'
    with pytest.raises(SystemExit):
        parse([*words, '--treshold', '0.5'], monkeypatch)


def test_options_reach_the_commands() -> None:
    found = commands(FULL_SIZE[0], model_options=['a=1', 'b=/x y'], device='cpu')
    assert found['retrain_levelset'][-2:] == ['a=1', 'b=/x y']
    assert 'refiner.device=cpu' in found['refine_levelset']
    assert found['test_levelset'][-1] == '--tta'
    nested = parse_value('[a.0.size=[2,3], b=(4,5),c=None]')
    assert commands(FULL_SIZE[0], seed_options=nested)['train_levelset'][-3:] == nested
    found = commands(FULL_SIZE[0], export_options=['a=1', 'b=2'], test_options='c=3')
    assert found['seeds_baseline'][-2:] == ['a=1', 'b=2']
    assert found['test_baseline'][-2:] == ['--cfg-options', 'c=3']


@pytest.mark.parametrize('path', SMALL, ids=lambda path: path.stem)
def test_another_data_folder_reaches_every_stage(path: Path) -> None:
    old, new = read_config(str(path)).data_root, '/data/a b,c'
    for name, words in commands(path, data_root=new).items():
        assert not [word for word in words if old in word], name
        if any('tools/t' in word for word in words):  # train.py and test.py
            assert any(f'={new}' in word for word in words), name
    irnet = commands(path, data_root=new).get('irnet_cam_s0', [])
    lists = [word for word in irnet if word.startswith('train_dataloader.dataset.ann_file=')]
    assert not irnet or lists[-1].endswith('/part.txt')  # the last one counts


def test_a_host_starts_from_the_backbone_of_another() -> None:
    path = next(path for path in SMALL if path.stem == 'voc20_seam_levelset')
    stages = {stage.name: stage for stage in plan(path)[0].stages}
    start, host = stages['backbone_s1'], stages['host_s1']
    assert host.needs == (start.name,) and not start.needs
    options = commands(path)['host_s1']
    given = WORK_DIR + start.done.removeprefix('{work_dir}')
    assert f'model.backbone.init_cfg.checkpoint={given}' in options
    assert 'model.backbone.init_cfg.prefix=backbone.' in options
    # The variants take the whole host.
    assert stages['train_levelset_s1'].needs == ('host_s1',)
    assert not [o for o in commands(path)['train_levelset_s1'] if 'init_cfg' in o]


def test_processes_share_the_batch() -> None:
    path = next(path for path in FULL_SIZE if 'v2' in path.name)
    words = commands(path, gpus=4)
    config = words['train_levelset'][1]
    batch = read_config(str(ROOT / config)).train_dataloader.batch_size
    assert words['train_levelset'][:3] == ['tools/dist_train.sh', config, '4']
    assert f'train_dataloader.batch_size={batch // 4}' in words['train_levelset']
    assert words['test_levelset'][0] == 'tools/dist_test.sh' and words['test_levelset'][3] == '4'
    assert words['refine_levelset'][0] == 'python'
    words = commands(path, gpus=2, nodes=2, partition='big one')
    start = ['GPUS=4', 'GPUS_PER_NODE=2', 'tools/slurm_train.sh', 'big one', 'train_levelset']
    assert words['train_levelset'][:6] == [*start, config]
    assert f'train_dataloader.batch_size={batch // 4}' in words['train_levelset']
    assert words['test_levelset'][:3] == ['GPUS=2', 'GPUS_PER_NODE=2', 'tools/slurm_test.sh']
    words = commands(path, gpus=3, **{f'{kind}_options': 'train_dataloader.batch_size=6' for kind in
                                      ('seed', 'affinity', 'model')})  # fmt: skip
    for kind in ('train', 'affinity', 'retrain'):
        assert 'train_dataloader.batch_size=2' in words[f'{kind}_levelset']


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(gpus=3), 'batches of .*, which gpus=3 times nodes=1 processes cannot share'),
        (dict(gpus=0), 'gpus must be a whole number from 1, got 0'),
        (dict(nodes=1.5), 'nodes must be a whole number from 1, got 1.5'),
        (dict(nodes=2), 'nodes=2 needs Slurm'),
        (dict(data='voc'), 'voc12, coco14'),
        (dict(refiner=dict(method='crf', network='n')), 'psa, irn'),
        (dict(recipe='all'), 'recipe must be one of one_run, own_data, random_seeds'),
        (dict(seed_option=['a=1']), r"does not know \['seed_option'\]"),
    ],
)
def test_wrong_declarations(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    cfg = read_config(str(FULL_SIZE[0])).to_dict()
    with pytest.raises(ValueError, match=message):
        expand({**cfg, **options})


def test_an_argument_is_missing() -> None:
    cfg = read_config(str(FULL_SIZE[0])).to_dict()
    del cfg['model']
    with pytest.raises(ValueError, match=r"lacks \['model'\]"):
        expand(cfg)


def test_several_nodes_without_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MASTER_ADDR', 'one')
    words = commands(SMALL[0], gpus=2, nodes=2)
    assert words['host'][:3] == ['NNODES=2', 'PORT=29500', 'tools/dist_train.sh']
    assert words['seeds_cam'][:2] == ['NNODES=1', 'tools/dist_test.sh']


def test_slurm_tests(tmp_path: Path) -> None:
    (tmp_path / 'srun').write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    script = str(ROOT / 'tools/slurm_test.sh')
    env = {
        **os.environ,
        'PATH': f'{tmp_path}:{os.environ["PATH"]}',
        'GPUS': '2',
        'GPUS_PER_NODE': '2',
    }
    command = [script, 'part', 'job', 'c.py', 'a b.pth', '--tta']
    words = subprocess.run(
        command, env=env, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert words[:5] == [
        '--partition=part',
        '--job-name=job',
        '--gres=gpu:2',
        '--ntasks=2',
        '--ntasks-per-node=2',
    ]
    tail = [f'{ROOT}/tools/test.py', 'c.py', 'a b.pth', '--launcher', 'slurm', '--tta']
    assert words[-len(tail) :] == tail
    assert subprocess.run([script], capture_output=True).returncode == 2


def test_no_arm_walks_with_a_threshold_found_on_masks() -> None:
    for path in FULL_SIZE:
        words = commands(path)
        if path.stem.endswith('_paper'):  # has no arm but the level set
            assert 'refine_baseline' not in words
            continue
        baseline, published = words['refine_baseline'], words['refine_published']
        assert 'refiner.background.score=otsu' in baseline and 'otsu' not in ' '.join(published)
        if 'irn-walk' in ' '.join(baseline):  # where the walked maps are cut as well
            assert baseline[-2:] == ['refiner.from_labels=True', 'threshold=otsu']
            ours = words['refine_levelset']
            assert 'threshold=area' in ours or read_config(str(ROOT / ours[2])).threshold == 'area'
        assert any('/baseline/affinity/' in word for word in published)
        rows = plan(path)[1]['table']
        stages = [row['stage'] for row in rows if row['arm'] == 'published']
        assert stages == ['pseudo-labels, train']


def our_folders() -> list[tuple[str, str, list[str]]]:
    """Of every line of the paper's tables: its energy, the folder of our results, and their files."""
    return [
        (energy, folder, [file for file, _ in table['columns'].values()])
        for table in PAPER.values()
        for row in table['rows']
        for energy, folder in (
            row['ours'] if isinstance(row['ours'], dict) else {'': row['ours']}
        ).items()
    ]


def test_lines_of_the_paper_tables_name_their_energy() -> None:
    printed = read_config(str(ROOT / 'configs/_base_/level_set/paper_energy.py')).paper_energy
    default = read_config(str(ROOT / 'configs/_base_/level_set/default.py')).level_set.loss_energy
    energies = {'as printed': printed, 'default': default}
    hosts = {}
    for path in FULL_SIZE:
        cfg = read_config(str(path))
        hosts |= {f'{Path(cfg.work_dir).name}/{arm}': v.seeds for arm, v in cfg.variants.items()
                  if 'seeds' in v}  # fmt: skip
    named = {(energy, folder) for energy, folder, _ in our_folders()}
    assert {energy for energy, _ in named} == {'', *energies}
    for energy, folder in named:
        if not folder.startswith('imported/'):
            head = read_config(str(ROOT / hosts[folder])).model.get('auxiliary_head', {})
            assert head.get('loss_energy') == energies.get(energy), folder


def test_results_lie_where_the_paper_tables_look_for_them() -> None:
    wanted = {
        f'{{root}}/{folder}/{file}'
        for _, folder, files in our_folders()
        for file in files
        # of other toolboxes, and the server's answer
        if not folder.startswith('imported/') and not file.endswith('voc_server.json')
    }
    written = set()
    for path in FULL_SIZE:
        pipeline, cfg = plan(path)
        assert cfg['work_dir'] == f'work_dirs/{path.stem.removesuffix("_levelset")}'
        done = [stage.done or '' for stage in pipeline.stages]
        written |= {
            file.replace('{work_dir}', f'{{root}}/{Path(cfg["work_dir"]).name}') for file in done
        }
    # MuSCLe's own segmentation network is not part of the toolbox.
    missing = {file for file in wanted - written if 'voc12_muscle/' not in file}
    assert not missing


if __name__ == '__main__':
    STAGES.write_text(json.dumps(stage_lists(), indent=1) + '\n')
