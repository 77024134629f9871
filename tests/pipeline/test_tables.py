"""The result table of a pipeline, and what its progress shows."""

import json
from pathlib import Path

import pytest

from mmlevelset.pipeline import markdown, summarise
from mmlevelset.pipeline.progress import clock, last_line

from .small_pipeline import Tool


def test_table(tool: Tool, capsys: pytest.CaptureFixture) -> None:
    text = """
work_dir = 'out'
stages = [dict(name='s', command='''for i in 1 2 4; do
    echo '{"mIoU": '$i', "nested": {"F": 5}}' > {work_dir}/$i.json; done''')]
table = [
    dict(arm='CAM', stage='seeds', metrics=['{work_dir}/1.json', '{work_dir}/2.json',
         '{work_dir}/4.json'], keys=['mIoU']),
    dict(arm='level set', stage='seeds', metrics='{work_dir}/4.json', keys=['mIoU', 'nested.F']),
]
picture = '{work_dir}/1.json'
"""
    assert tool(text=text) == 0
    # mean 7/3; sample variance ((4/3)^2 + (1/3)^2 + (5/3)^2) / 2 = 7/3
    table = Path('out/results.md').read_text()
    assert table == (
        '| variant   | what  | runs | mIoU        | nested.F |\n'
        '| --------- | ----- | ---- | ----------- | -------- |\n'
        '| CAM       | seeds | 3    | 2.33 ± 1.53 |          |\n'
        '| level set | seeds | 1    | 4.00        | 5.00     |\n'
    )
    output = capsys.readouterr().out
    assert table in output and f'picture: {Path("out/1.json").absolute()}' in output
    result = json.loads(Path('out/results.json').read_text())['rows'][0]['results']['mIoU']
    assert result['values'] == [1, 2, 4]
    assert result['mean'] == pytest.approx(7 / 3) and result['std'] == pytest.approx((7 / 3) ** 0.5)


def made(folder: Path, arm: str, numbers: dict[int, dict], stage: str = 'seeds') -> dict:
    """A row of the table, with a file of numbers for each random seed."""
    metrics = []
    for seed, content in numbers.items():
        metrics.append(str(folder / f'{arm}_{stage}_s{seed}.json'))
        Path(metrics[-1]).write_text(json.dumps(content))
    keys = [key for key in ('mIoU', 'BIoU', 'threshold') if key in content]
    return dict(arm=arm, stage=stage, metrics=metrics, keys=keys, random_seeds=list(numbers))


def test_paired_differences(tmp_path: Path) -> None:
    """Of the same random seeds, to the first arm; one that either lacks is left out, whatever their order."""
    rows = summarise(
        [
            made(
                tmp_path,
                'cam',
                {0: dict(mIoU=40, BIoU=9), 1: dict(mIoU=43, BIoU=8), 2: dict(mIoU=41, BIoU=7)},
            ),  # fmt: skip
            made(tmp_path, 'full', {0: dict(mIoU=50), 1: dict(mIoU=51), 2: dict(mIoU=53)}),
            made(tmp_path, 'part', {2: dict(mIoU=45, BIoU=6), 0: dict(mIoU=42, BIoU=6)}),
            made(tmp_path, 'one', {1: dict(mIoU=42.5), 7: dict(mIoU=99)}),
            made(tmp_path, 'none', {7: dict(mIoU=99)}),
            made(tmp_path, 'full', {0: dict(mIoU=1)}, 'of no baseline'),
        ]
    )
    full, part, one = (row['differences'] for row in rows[1:4])
    # 10, 8 and 12: mean 10, sample variance (0 + 4 + 4) / 2
    assert full == dict(mIoU=dict(random_seeds=[0, 1, 2], values=[10, 8, 12], mean=10, std=2))
    # mIoU 4 and 2: mean 3, sample variance 1 + 1; Boundary IoU -1 and -3
    assert part['mIoU']['random_seeds'] == [2, 0] and part['mIoU']['values'] == [4, 2]
    assert part['mIoU']['mean'] == 3 and part['mIoU']['std'] == pytest.approx(2**0.5)
    assert part['BIoU']['mean'] == -2 and part['BIoU']['std'] == pytest.approx(2**0.5)
    assert one == dict(mIoU=dict(random_seeds=[1], values=[-0.5], mean=-0.5, std=None))
    assert [row['against'] for row in rows] == [None, 'cam', 'cam', 'cam', None, None]
    assert markdown(rows) == (
        '| variant    | what           | runs | mIoU          | BIoU         |\n'
        '| ---------- | -------------- | ---- | ------------- | ------------ |\n'
        '| cam        | seeds          | 3    | 41.33 ± 1.53  | 8.00 ± 1.00  |\n'
        '| full       | seeds          | 3    | 51.33 ± 1.53  |              |\n'
        '| full - cam | seeds          | 3    | +10.00 ± 2.00 |              |\n'
        '| part       | seeds          | 2    | 43.50 ± 2.12  | 6.00 ± 0.00  |\n'
        '| part - cam | seeds          | 2    | +3.00 ± 1.41  | -2.00 ± 1.41 |\n'
        '| one        | seeds          | 2    | 70.75 ± 39.95 |              |\n'
        '| one - cam  | seeds          | 1    | -0.50         |              |\n'
        '| none       | seeds          | 1    | 99.00         |              |\n'
        '| full       | of no baseline | 1    | 1.00          |              |'
    )
    # as files of an earlier version
    assert len(markdown([{k: row[k] for k in ('arm', 'stage', 'results', 'masks')} for row in rows])
               .splitlines()) == 8  # fmt: skip


def test_differences_of_single_runs_and_of_what_is_no_score(tmp_path: Path) -> None:
    table = [
        made(tmp_path, 'cam', {0: dict(mIoU=40, threshold=0.4)}),
        made(tmp_path, 'levelset', {0: dict(mIoU=42, threshold=0.5)}),
    ]
    for row in table:  # as a recipe without random seeds declares it
        row['metrics'] = row['metrics'][0]
        del row['random_seeds']
    (found,) = [row['differences'] for row in summarise(table) if row['differences']]
    assert list(found) == ['mIoU']
    assert (found['mIoU']['mean'], found['mIoU']['std']) == (2, None)


def test_table_errors(tmp_path: Path) -> None:
    (tmp_path / 'm.json').write_text('{"mIoU": null}')
    row = dict(arm='CAM', stage='seeds', metrics=str(tmp_path / 'm.json'), keys=['mIoU'])
    with pytest.raises(ValueError, match="no number 'mIoU'; its keys are mIoU"):
        summarise([row])
    with pytest.raises(FileNotFoundError, match='the row CAM, seeds of the table needs'):
        summarise([{**row, 'metrics': str(tmp_path / 'n.json')}])
    with pytest.raises(ValueError, match=r'has the random seeds \[0, 1\] and 1 files'):
        summarise([{**row, 'random_seeds': [0, 1]}])
    assert markdown([]).startswith('| variant | what | runs |')


def test_table_states_the_conventions_of_the_masks(tmp_path: Path) -> None:
    stated = {'overlap': 'small_on_top', 'crowd': 'include'}
    (tmp_path / 'a.json').write_text(json.dumps({'mIoU': 1, 'facts': stated}))
    (tmp_path / 'b.json').write_text(json.dumps({'mIoU': 2, **stated}))
    (tmp_path / 'c.json').write_text(json.dumps({'mIoU': 3, **stated, 'crowd': 'drop'}))
    rows = [('seeds', 'ab'), ('model', 'bc')]
    table = [
        dict(
            arm='x',
            stage=stage,
            metrics=[str(tmp_path / f'{f}.json') for f in files],
            keys=['mIoU'],
        )
        for stage, files in rows
    ]
    assert markdown(summarise(table)).splitlines()[4:] == [
        '',
        '* seeds: masks with overlap small_on_top, crowd include',
        '* model: masks with overlap small_on_top, crowd include',
        '* model: masks with overlap small_on_top, crowd drop',
    ]


def test_progress_texts(tmp_path: Path) -> None:
    assert [clock(s) for s in (0, 59.6, 3599, 3661)] == ['0:00', '1:00', '59:59', '1:01:01']
    (tmp_path / 'log').write_bytes(b'one\n 10%\r 20%\r\n\n')
    assert last_line(tmp_path / 'log') == '20%'
    # What follows the line of an epoch says less than it does.
    epoch = 'Epoch(train) [3/6][15/15]  eta: 0:07:49  loss: 0.09'
    (tmp_path / 'log').write_text(f'{epoch}\nINFO - Saving checkpoint at 3 epochs\nExp name: x\n')
    assert last_line(tmp_path / 'log') == epoch
    (tmp_path / 'log').write_text('Exp name: x\n')
    assert last_line(tmp_path / 'log') == ''
