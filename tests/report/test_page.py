"""The page of a report: complete, self-contained, and drawn by a browser without complaints."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from mmengine.config import Config

from mmlevelset.fileio.seeds import write_seed
from mmlevelset.report import write_report
from mmlevelset.report.charts import LEFT, RIGHT, Line, bar_chart, line_chart

from .conftest import SIZE

SECTIONS = ('results', 'thresholds', 'classes', 'images', 'training', 'time', 'settings')
CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


@pytest.fixture(scope='module')
def page(work_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, missing = write_report(work_dir, tmp_path_factory.mktemp('page') / 'report.html')
    assert not missing
    return path


def test_everything_is_on_the_page(page):
    text = page.read_text(encoding='utf-8')
    for section in SECTIONS:
        assert f'id="{section}"' in text
    for words in (
        '40.00',  # result table
        'label-free threshold 0.50',
        'cat, cam/seeds: 60.0',
        'contour of phi T of e',
        'part of the image of e',
        'ground truth of e',
        'train_levelset',
        '2:00',
        '2.13.0',
        'levelset/iter_20.pth',
        'work &lt;dir&gt;',  # names are shown, not read as tags
    ):
        assert words in text, words
    assert 'cow, cam/seeds' not in text  # a class that does not occur has no bar
    assert 'id="missing"' not in text


def test_the_page_needs_nothing_else(page):
    """Nothing is loaded from the network or from another file."""
    text = page.read_text(encoding='utf-8')
    links = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')\s>]*)', text)
    assert len(links) > 30
    assert all(link.startswith(('data:', '#')) for link in links)
    assert '<script' not in text and '@import' not in text


def test_what_is_missing_is_named(work_dir, tmp_path):
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    (copy / 'levelset/iter_20.pth').unlink()
    (copy / 'results.json').unlink()
    for path in copy.rglob('seeds.json'):
        path.unlink()
    meta = (copy / 'levelset/labels/meta.json').read_text()
    gone = meta.replace(str(work_dir / 'levelset/iter_20.pth'), '/gone/iter_20.pth')
    (copy / 'levelset/labels/meta.json').write_text(gone)
    path, missing = write_report(copy)
    assert path == copy / 'report.html'
    text = path.read_text(encoding='utf-8')
    wanted = ('No evolution', 'No result table', 'No threshold curve', 'No IoU of the classes')
    for words in wanted:
        assert any(sentence.startswith(words) for sentence in missing), words
        assert words in text
    assert 'part of the image of e' in text  # labels and images are still there


def test_a_run_that_has_just_begun(tmp_path):
    (tmp_path / '.done').mkdir()
    _, missing = write_report(tmp_path)
    assert any(sentence.startswith('No pictures') for sentence in missing)


def test_moved_work_folder(work_dir, tmp_path):
    """The weights are found beside the maps where the path in the meta.json leads nowhere."""
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    for path in copy.rglob('meta.json'):
        path.write_text(path.read_text().replace(str(work_dir), '/gone'))
    _, missing = write_report(copy)
    assert not missing


def test_level_sets_that_were_trained_on_seeds(work_dir, tmp_path):
    """The config of the training says so, that of the export does not."""
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    for path in copy.rglob('meta.json'):
        path.write_text(path.read_text().replace(str(work_dir), str(copy)))
    for name in 'ab':
        write_seed(tmp_path / f'seeds/{name}.npz', [0], np.full((1, *SIZE), 0.5), SIZE)
    guided = dict(dataset=dict(guide_dir=str(tmp_path / 'seeds')))
    Config(dict(train_dataloader=guided)).dump(copy / 'levelset/tiny_levelset.py')
    path, missing = write_report(copy)
    text = path.read_text(encoding='utf-8')
    assert not missing and 'SDF of the map of guide_dir' in text
    assert 'SDF of the CAM (none in guide_dir)' in text  # of the other images


def test_command(work_dir, tmp_path, tool: Callable[..., None], capsys, refuse):
    tool('report.py', str(work_dir), '--out', str(tmp_path / 'x.html'))
    assert f'report: {tmp_path / "x.html"}' in capsys.readouterr().out
    assert (tmp_path / 'x.html').is_file()
    assert 'expected the work folder of a pipeline' in refuse('report.py', str(tmp_path))


def numbers(figure: str, tag: str) -> list[dict[str, str]]:
    return [dict(node.attrib) for node in ElementTree.fromstring(figure).iter(tag)]


def test_a_curve_fills_its_frame():
    nan = float('nan')
    chart = line_chart([Line('a <b>', [(0, 0.0), (5, nan), (10, 1.0)])], 'up', 'across', 300, 200)
    (curve,) = numbers(chart, 'polyline')
    (x0, y0), (x1, y1) = (map(float, point.split(',')) for point in curve['points'].split())
    assert (x0, x1) == (LEFT, 300 - RIGHT)
    assert y0 > y1 > 0
    assert 'a &lt;b&gt;' in chart


@pytest.mark.parametrize('points', [[], [(3, 2.0)], [(0, 5.0), (9, 5.0)], [(0, -3.0), (1, -2.0)]])
def test_curves_without_extent(points):
    (curve,) = numbers(line_chart([Line('x', points)], 'up', 'across'), 'polyline')
    assert len(curve['points'].split()) == len(points)
    assert 'nan' not in curve['points'] and 'inf' not in curve['points']


def test_bars_are_as_high_as_their_values():
    chart = bar_chart({'a': {'cat': 50.0, 'dog': 25.0}, 'b': {'cat': 0.0, 'dog': None}}, 'IoU')
    heights = [float(bar['height']) for bar in numbers(chart, 'rect')]
    assert len(heights) == 3
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)  # rounded to tenths
    assert heights[2] == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on this machine')
def test_a_browser_shows_the_page(page):
    """No complaint on the console, no request, every picture loaded, nothing wider than the window."""
    playwright = pytest.importorskip('playwright.sync_api')
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        for scheme, width in (('light', 1280), ('dark', 400)):
            opened = browser.new_page(
                viewport=dict(width=width, height=900), color_scheme=scheme, offline=True
            )
            said, asked = [], []
            opened.on('console', lambda message, said=said: said.append(message.text))
            opened.on('pageerror', lambda error, said=said: said.append(str(error)))
            opened.on('request', lambda request, asked=asked: asked.append(request.url))
            opened.goto(page.as_uri())
            sizes = opened.evaluate('[...document.images].map(i => i.complete && i.naturalWidth)')
            assert len(sizes) > 30 and all(sizes)
            assert not said
            assert all(url.startswith(('file:', 'data:')) for url in asked)
            assert opened.evaluate('document.documentElement.scrollWidth') <= width
            ground = opened.evaluate('getComputedStyle(document.body).backgroundColor')
            assert (ground == 'rgb(255, 255, 255)') == (scheme == 'light')
        browser.close()
