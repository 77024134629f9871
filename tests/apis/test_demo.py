"""The demo page: what its functions draw, without Gradio; and the page itself in a browser, where both are there."""

import re
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmlevelset.apis import LevelSetInferencer, LevelSetResult
from mmlevelset.apis.demo import Demo, make_page, serve
from tests.apis.own_pictures import checkpoint, config, write_pictures

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
SIDE = 40


def disc(radius: float, x: int) -> np.ndarray:
    """Distance to the rim of a disc around (20, x), (SIDE, SIDE) float32, positive inside."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return (radius - np.hypot(rows - 20, columns - x)).astype(np.float32)


@pytest.fixture
def discs() -> LevelSetResult:
    """Class a: from a radius of 4 to one of 10. Class c: of 5, beside it, and at rest."""
    phi_0, phi_t = (np.stack([disc(radius, 12), disc(5, 32)]) for radius in (4, 10))
    return LevelSetResult(
        name='x',
        image=np.full((SIDE, SIDE, 3), 90, np.uint8),
        classes=('background', 'a', 'b', 'c'),
        present=(1, 3),
        scores=np.zeros((4, SIDE, SIDE), np.float32),
        label=np.zeros((SIDE, SIDE), np.uint8),
        phi_0=phi_0,
        phi_T=phi_t,
        contours={},
    )


@pytest.mark.parametrize(
    ('share', 'level', 'radius'), [(1, 0, 10), (0, 0, 4), (0.5, 0, 7), (1, 3, 7), (0, -2, 6)]
)
def test_sliders_move_the_contour(discs, share, level, radius) -> None:
    """Of a distance function, by as many pixels; the areas are those of the discs, pixel by pixel."""
    view = Demo.view(discs, share, level)
    inside = {'a': disc(radius, 12), 'c': disc(5 - level, 32)}
    deepest = np.maximum(*inside.values())
    said = dict(re.findall(r'\*\*(\w)\*\* ([\d.]+)%', view.regions))
    assert list(said) == ['a', 'c']
    for name, text in said.items():
        expected = ((inside[name] > 0) & (inside[name] == deepest)).mean()
        assert float(text) == pytest.approx(100 * expected, abs=0.1)
    # Drawn where the disc ends, and nothing far from both but the ground of label maps.
    scale = len(view.contours) // SIDE
    drawn = view.contours[::scale, ::scale]
    ground = drawn[0, 0]
    assert (drawn[20, 12 - radius : 14 - radius] != ground).any()
    assert (drawn[deepest < -14] == ground).all()


def test_a_level_set_is_red_inside_and_blue_outside(discs) -> None:
    shown = Demo.view(discs).level_set.astype(int)
    scale = len(shown) // SIDE
    assert scale > 1  # a small picture is enlarged
    inside, outside = shown[20 * scale, 12 * scale], shown[2 * scale, 38 * scale]
    assert inside[0] > inside[2] and outside[2] > outside[0]


def test_pictures_without_a_class(discs) -> None:
    nothing = np.zeros((0, SIDE, SIDE), np.float32)
    view = Demo.view(replace(discs, present=(), phi_0=nothing, phi_T=nothing))
    assert (view.contours == 90).all() and view.regions.startswith('The classifier finds none')


@pytest.fixture(scope='module')
def ours(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp('demo')
    data = write_pictures(folder)
    weights = checkpoint(folder / 'x.pth', 'cam', True)
    return Demo(LevelSetInferencer(config(data, 'cam', True), weights, 'cpu'))


def test_infers_as_the_inferencer_does(ours: Demo) -> None:
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 256, (48, 70, 3), np.uint8))
    result = ours.infer(picture, ['a', 'c'])
    expected = ours.inferencer(picture, ['a', 'c'])[0]
    assert result.present == (1, 3) and np.array_equal(result.phi_T, expected.phi_T)
    assert np.array_equal(result.image, np.asarray(picture))
    assert '**a** ' in ours.view(result).regions and '**c** ' in ours.view(result).regions
    assert ours.infer(picture, []).present == ours.inferencer(picture)[0].present
    with pytest.raises(ValueError, match='no picture yet'):
        ours.infer(None, ['a'])


def test_models_without_level_sets(tmp_path: Path) -> None:
    data = write_pictures(tmp_path)
    weights = checkpoint(tmp_path / 'x.pth', 'cam', False)
    with pytest.raises(ValueError, match='the model has no level sets to follow; give a level-set'):
        Demo(LevelSetInferencer(config(data, 'cam', False), weights, 'cpu'))


def test_without_gradio_it_says_what_to_install(ours: Demo, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ImportError, match='the page needs Gradio: pip install'):
        make_page(ours)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium on this machine')
def test_the_page_in_a_browser(ours: Demo, tmp_path: Path) -> None:
    """Upload, choose, find, slide: the pictures change; nothing is asked of another machine."""
    pytest.importorskip('gradio', reason='Gradio is not installed (extra demo)')
    playwright = pytest.importorskip('playwright.sync_api')
    picture = tmp_path / 'picture.png'
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (48, 70, 3), np.uint8)).save(picture)
    page = make_page(ours)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        free.listen()
        port = free.getsockname()[1]
        with pytest.raises(ValueError, match=f'127.0.0.1:{port}, which another program has'):
            serve(page, port=port)
    address = serve(page, port=port)
    assert address == f'http://127.0.0.1:{port}/'
    try:
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
            opened = browser.new_page()
            opened.set_default_timeout(120_000)
            asked = []
            opened.on('request', lambda request: asked.append(request.url))
            opened.goto(address)
            opened.click('text=Find the contours')
            opened.wait_for_selector('text=no picture yet')
            opened.set_input_files('input[type=file]', str(picture))
            opened.get_by_label('b', exact=True).check()
            opened.wait_for_selector('img[src*="/file="]')
            opened.click('text=Find the contours')
            opened.wait_for_selector('#regions:has-text("%")')
            drawn = 'img[src*="/file="]'
            opened.wait_for_function(f"document.querySelectorAll('{drawn}').length >= 3")
            level, shown = opened.locator('input[type=number]').nth(1), []
            # An untrained network says less than 40 px about any pixel.
            for value, share in (('-40', '100.0%'), ('40', '0.0%')):
                level.fill(value)
                level.press('Enter')
                opened.wait_for_selector(f'#regions:has-text("b {share}")')
                found = opened.query_selector_all(drawn)[-2:]
                shown.append([image.get_attribute('src') for image in found])
            browser.close()
    finally:
        page.close()
    own = (address, 'data:', 'blob:', 'ws://127.0.0.1')
    assert all(url.startswith(own) for url in asked), [u for u in asked if not u.startswith(own)]
    assert not set(shown[0]) & set(shown[1])  # both pictures have changed
