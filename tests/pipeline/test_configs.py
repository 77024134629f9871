"""The pipelines on VOC 2012 and COCO 2014: every command is one that its tool understands."""

import argparse
import json
import runpy
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from mmlevelset.config import parse_value, read_config
from mmlevelset.pipeline import Pipeline, three_stages

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = sorted((ROOT / 'configs/pipeline').glob('*_levelset.py'))
FULL_SIZE = [path for path in PIPELINES if path.name.startswith(('voc12_', 'coco14_'))]
PAPER = json.loads((ROOT / 'tools/analysis_tools/paper_tables.json').read_text())


class Parsed(BaseException):
    """Ends a tool as soon as it has read its command line."""


def commands(path: Path, **options: Any) -> list[tuple[str, list[str]]]:
    """Name and words of every stage, with all values filled in."""
    cfg = read_config(str(path), options).to_dict()
    pipeline = Pipeline(cfg, ROOT)
    values = dict(pipeline.values, work_dir='work_dirs/x', python='python')
    found = []
    for stage in pipeline.stages:
        command = stage.command
        for key, value in values.items():
            command = command.replace(f'{{{key}}}', value)
        # words of the shell that would be split at their blanks
        command = command.replace('$(cat ', '$(cat_').replace('$(dirname ', '$(dirname_')
        found.append((stage.name, shlex.split(command.split(' > ')[0])))
    return found


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
        with pytest.raises(Parsed):
            runpy.run_path(str(ROOT / words[1]), run_name='__main__')
    return read[0]


@pytest.mark.parametrize('path', PIPELINES, ids=lambda path: path.stem)
def test_commands_parse(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, words in commands(path):
        assert not any('{' in word for word in words), (name, words)
        arguments = parse(words, monkeypatch)
        configs = [word for word in words if 'configs/' in word]
        assert all((ROOT / word.split('=')[-1]).is_file() for word in configs), (name, configs)
        assert not hasattr(arguments, 'config') or not configs or arguments.config in configs


def test_a_wrong_option_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ['python', 'tools/eval_seeds.py', 'seeds', '--gt', 'masks']
    assert parse(words, monkeypatch).gt == 'masks'
    with pytest.raises(SystemExit):
        parse([*words, '--treshold', '0.5'], monkeypatch)


@pytest.mark.parametrize('path', FULL_SIZE, ids=lambda path: path.stem)
def test_batch_is_that_of_the_recipe(path: Path) -> None:
    for name, words in commands(path):
        share = [word for word in words if word.startswith('train_dataloader.batch_size=')]
        if not share:
            continue
        config = next(word for word in words if word.startswith('configs/'))
        batch = read_config(str(ROOT / config)).train_dataloader.batch_size
        assert share == [f'train_dataloader.batch_size=$(({batch}/(1*1)))'], (name, config)


def test_options_reach_the_commands() -> None:
    found = dict(commands(FULL_SIZE[0], gpus=4, model_options=['a=1', 'b=2'], device='cpu'))
    assert found['retrain_levelset'][-2:] == ['a=1', 'b=2']
    assert any(word.endswith('/(4*1)))') for word in found['train_levelset'])
    assert 'refiner.device=cpu' in found['refine_levelset']
    assert found['test_levelset'][-1] == '--cfg-options'  # followed by nothing
    nested = parse_value('[a.0.size=[2,3], b=(4,5),c=None]')
    assert nested == ['a.0.size=[2,3]', 'b=(4,5)', 'c=None']
    found = dict(commands(FULL_SIZE[0], seed_options=nested))
    assert found['train_levelset'][-3:] == nested
    found = dict(commands(FULL_SIZE[0], export_options=['a=1', 'b=2'], test_options='c=3'))
    assert found['seeds_baseline'][-2:] == ['a=1', 'b=2']
    assert found['test_baseline'][-2:] == ['--cfg-options', 'c=3']


def test_results_lie_where_the_paper_tables_look_for_them() -> None:
    wanted = {
        f'{{root}}/{row["ours"]}/{file}'
        for table in PAPER.values()
        for row in table['rows']
        if 'ours' in row
        for file, _ in table['columns'].values()
    }
    wanted = {
        file for file in wanted if not file.endswith('voc_server.json')
    }  # the server's answer
    written = set()
    for path in FULL_SIZE:
        cfg = read_config(str(path))
        assert cfg.work_dir == f'work_dirs/{path.stem.removesuffix("_levelset")}'
        done = [stage.get('done') or '' for stage in cfg.stages]
        written |= {
            file.replace('{work_dir}', f'{{root}}/{Path(cfg.work_dir).name}') for file in done
        }
    # MuSCLe's own segmentation network is not part of the toolbox.
    missing = {file for file in wanted - written if 'voc12_muscle/' not in file}
    assert not missing


def test_wrong_names_are_refused() -> None:
    launch = dict(train='train {config}', test='test {config} {checkpoint}')
    with pytest.raises(ValueError, match='voc12, coco14'):
        three_stages('voc', {}, launch, '1')
    refine = dict(method='crf', targets='t', train=('c', 1), walk='w')
    with pytest.raises(ValueError, match='psa, irn'):
        three_stages(
            'voc12', dict(a=dict(seed=('s', 1), threshold=0.5, refine=refine)), launch, '1'
        )
