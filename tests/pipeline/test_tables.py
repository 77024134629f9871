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


def test_table_errors(tmp_path: Path) -> None:
    (tmp_path / 'm.json').write_text('{"mIoU": null}')
    row = dict(arm='CAM', stage='seeds', metrics=str(tmp_path / 'm.json'), keys=['mIoU'])
    with pytest.raises(ValueError, match="no number 'mIoU'; its keys are mIoU"):
        summarise([row])
    with pytest.raises(FileNotFoundError, match='the row CAM, seeds of the table needs'):
        summarise([{**row, 'metrics': str(tmp_path / 'n.json')}])
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
