"""The tools that print and draw logged results."""

import json
import re
import runpy
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest

from mmlevelset.evaluation import evaluate_labels
from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.labels import write_label

TOOLS = Path(__file__).resolve().parents[1] / 'tools/analysis_tools'
PAPER = json.loads((TOOLS / 'paper_tables.json').read_text())


@pytest.fixture
def run(monkeypatch, capsys):
    def call(name: str, *arguments) -> str:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        try:
            runpy.run_path(str(TOOLS / f'{name}.py'), run_name='__main__')
        except SystemExit as error:
            assert error.code == 2
            return capsys.readouterr().err
        return capsys.readouterr().out

    return call


def lines(text: str, start: str) -> list[list[str]]:
    rows = [line for line in text.splitlines() if line.startswith(f'| {start}')]
    return [[cell.strip() for cell in row.strip('|').split('|')] for row in rows]


def folders(table: dict) -> list[str]:
    """Of every line of a table, the folder of our results."""
    ours = [row['ours'] for row in table['rows']]
    return [folder for o in ours for folder in (o.values() if isinstance(o, dict) else [o])]


def test_every_row_is_printed(run, tmp_path) -> None:
    text = run('compare_table', '--root', tmp_path)
    assert [number for number in PAPER if f'Table {number}: ' in text] == list('124567')
    for table in PAPER.values():
        for row in table['rows']:
            assert len(row['paper']) == len(table['columns'])
            assert any(
                all(f'{value:.1f}' in line for value in row['paper'])
                for line in lines(text, row['method'])
            ), row
    numbers = sum(len(folders(t)) * len(t['columns']) for t in PAPER.values())
    assert text.count('not run') == numbers
    assert [len(t['rows']) for t in PAPER.values()] == [6, 4, 11, 8, 18, 12]


def test_ours_come_from_the_files(run, tmp_path) -> None:
    """One run as it is, random seeds as mean and deviation, with what they were measured on."""
    seeds = (56.04, 57.31, 59.0)
    for number, value in enumerate(seeds):
        facts = dict(split='train', gt_dir='masks')
        content = dict(scores=dict(oracle_mIoU=value), facts=facts)
        write_json(tmp_path / f'voc12_seam/levelset_s{number}/seeds.json', content)
    write_json(tmp_path / 'voc12_seam/levelset/labels.json', dict(scores=dict(mIoU=66.66)))
    text = run('compare_table', '--root', tmp_path, '--tables', '1')
    printed, row = lines(text, 'SEAM + level set')
    assert printed[1:] == ['as printed', '58.5', 'not run', '66.8', 'not run']
    mean, std = statistics.fmean(seeds), statistics.stdev(seeds)
    assert row[1:] == ['default', '58.5', f'{mean:.1f} ± {std:.1f} (3 runs)', '66.8', '66.7']
    assert text.count('split train, gt_dir masks') == 3
    assert 'Table 2' not in text and text.count('not run') == 16


@pytest.mark.parametrize('number', list('124567'))
def test_every_line_can_show_ours(run, tmp_path, number) -> None:
    """Whatever made the result: each line has a folder of its own, and shows what lies there."""
    table, expected = PAPER[number], []
    ours = folders(table)
    assert len(set(ours)) == len(ours)
    for i, folder in enumerate(ours):
        expected.append([])
        for j, (file, key) in enumerate(table['columns'].values()):
            value = 10 + i + j / 10
            outer, _, inner = key.rpartition('.')
            write_json(tmp_path / folder / file, {outer: {inner: value}} if outer else {key: value})
            expected[-1].append(f'{value:.1f}')
    text = run('compare_table', '--root', tmp_path, '--tables', number)
    (header,) = lines(text, 'method')
    columns = [header.index(f'{name}, ours') for name in table['columns']]
    rows = [row for start in dict.fromkeys(r['method'] for r in table['rows'])
            for row in lines(text, f'{start} ') if row[0] == start]  # fmt: skip
    assert [[row[i] for i in columns] for row in rows] == expected and 'not run' not in text


def test_results_from_elsewhere_stand_in_for_a_pipeline(run, tmp_path) -> None:
    """MuSCLe's own model is no part of its pipeline; what a pipeline has made itself comes first."""
    file = 'voc12_muscle/baseline/retrain/test/metrics.json'
    for folder, value in (('imported', 65.43), ('.', 61.23)):
        write_json(tmp_path / folder / file, dict(mIoU=value))
        printed = lines(run('compare_table', '--root', tmp_path, '--tables', '6'), 'MuSCLe ')
        assert f'{value:.1f}' in printed[0]


def test_methods_without_a_pipeline_are_imported() -> None:
    """One folder per method and data set, the same in every table."""
    for table in PAPER.values():
        data = 'coco14' if table.get('conventions') else 'voc12'
        for row in table['rows']:
            words = [word for word in re.split('[^a-z0-9]+', row['method'].lower()) if word]
            if isinstance(row['ours'], str) and row['ours'].startswith('imported/'):
                assert row['ours'] == f'imported/{data}_{"_".join(words)}'


def test_flat_keys_with_dots_and_slashes(run, tmp_path) -> None:
    """tools/test.py writes flat names."""
    path = tmp_path / 'voc12_mctformer_plus/levelset_s0/retrain/test/metrics.json'
    write_json(path, dict(mIoU=74.25, config='configs/retrain/x.py'))
    text = run('compare_table', '--root', tmp_path, '--tables', '6')
    _, row = lines(text, 'MCTformer+ + level set')
    assert (
        row[2:] == ['default', '74.6', '74.2', '74.8', 'not run']
        and 'config configs/retrain/x.py' in text
    )


@pytest.mark.parametrize('number', ['5', '7'])
def test_coco_rows_state_the_conventions_of_the_masks(run, tmp_path, number) -> None:
    stated = dict(overlap='small_on_top', crowd='include')
    for arm, facts in (('baseline', stated), ('levelset', {})):
        folder = tmp_path / f'coco14_mctformer_plus/{arm}'
        write_json(folder / 'seeds.json', dict(scores=dict(oracle_mIoU=42.0), facts=facts))
        write_json(folder / 'retrain/test/metrics.json', dict(mIoU=42.0, **facts))
    text = run('compare_table', '--root', tmp_path, '--tables', number)
    assert lines(text, 'method')[0][-1] == 'masks, ours'
    rows = {row[0]: row[-1] for row in lines(text, 'MCTformer')}
    assert rows == {
        'MCTformer': '',
        'MCTformer+': 'overlap small_on_top, crowd include',
        'MCTformer+ + level set': 'overlap not stated, crowd not stated',
    }


def test_a_result_without_the_number_is_an_error(run, tmp_path) -> None:
    write_json(tmp_path / 'voc12_seam/baseline/seeds.json', dict(scores=dict(mIoU=1.0)))
    output = run('compare_table', '--root', tmp_path)
    assert "no number 'scores.oracle_mIoU'; its keys are scores" in output
    assert 'no table 3' in run('compare_table', '--tables', '3')


@pytest.fixture
def results(tmp_path) -> list[Path]:
    """Two evaluations, the second of which is better."""
    rng = np.random.RandomState(0)
    paths = []
    target = np.kron(rng.randint(0, 3, (4, 4)), np.ones((12, 12), int))
    for name, shift in (('a', 4), ('b', 1)):
        write_label(tmp_path / f'gt/{name}.png', target)
        write_label(tmp_path / f'{name}/{name}.png', np.roll(target, shift, 1))
        report = evaluate_labels(
            tmp_path / name, tmp_path / 'gt', ['x', 'y', 'z'], radii=(1, 3, 10)
        )
        paths.append(tmp_path / f'{name}.json')
        write_json(paths[-1], report)
    return paths


@pytest.mark.parametrize(('score', 'section'), [('IoU', 'scores'), ('F', 'boundary_f')])
def test_class_table(run, results, score, section) -> None:
    text = run('class_table', *results, '--score', score)
    contents = [json.loads(path.read_text())[section] for path in results]
    for name in ('x', 'y'):
        expected = [f'{content[f"{score}.{name}"]:.2f}' for content in contents]
        assert lines(text, f'{name} ') == [[name, *expected]]
    means = [float(value) for value in lines(text, 'mean')[0][1:]]
    expected = [content['mIoU' if score == 'IoU' else 'mF'] for content in contents]
    assert means == pytest.approx(expected, abs=0.01) and means[0] < means[1]


def test_class_table_states_the_conventions_of_the_masks(run, tmp_path) -> None:
    facts = dict(overlap='annotation_order', crowd='drop')
    write_json(tmp_path / 'a.json', dict(scores={'IoU.x': 3.0}, facts=facts))
    text = run('class_table', tmp_path / 'a.json')
    assert text.endswith('a.json: masks with overlap annotation_order, crowd drop\n')


def test_class_table_needs_classes(run, tmp_path) -> None:
    write_json(tmp_path / 'a.json', dict(mIoU=3.0))
    assert 'has no IoU of classes' in run('class_table', tmp_path / 'a.json')


def test_trimap_curve(run, results, tmp_path) -> None:
    text = run('plot_trimap', *results, '--names', 'first', 'second', '--out', tmp_path / 'c.png')
    curve = json.loads(results[1].read_text())['boundary']
    expected = '  '.join(f'{r} px {curve[f"trimap_mIoU@{r}"]:.2f}' for r in (1, 3, 10))
    assert f'second: {expected}' in text
    assert (tmp_path / 'c.png').read_bytes().startswith(b'\x89PNG')
    write_json(tmp_path / 'd.json', {'boundary/trimap_mIoU@3': 1.0})
    output = run('plot_trimap', tmp_path / 'd.json', '--out', tmp_path / 'd.png')
    assert '1 trimap radii, a curve needs at least two' in output
