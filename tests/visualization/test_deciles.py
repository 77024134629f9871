"""The picture of images from the greatest loss to the greatest gain, on generated shapes."""

import json
import re
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmlevelset.datasets.shapes import CLASSES, write_shapes
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.meta import write_meta
from mmlevelset.fileio.seeds import write_seed
from mmlevelset.visualization.panels import CAPTION, GAP

TOOL = Path(__file__).resolve().parents[2] / 'tools/analysis_tools/draw_deciles.py'
deciles = runpy.run_path(str(TOOL))
SIDE = 64


def write_seeds(folder: Path, root: Path, shifts: dict[str, int]) -> None:
    """Seeds that are the masks, moved to the right by some pixels."""
    labels = json.loads((root / 'image_labels.json').read_text())['labels']
    for name, shift in shifts.items():
        mask = np.roll(read_label(root / f'SegmentationClass/{name}.png'), shift, 1)
        keys = [label - 1 for label in labels[name]]
        scores = np.stack([0.25 + 0.5 * (mask == key + 1) for key in keys])
        write_seed(folder / f'{name}.npz', keys, scores, mask.shape)
    write_meta(
        folder,
        kind='seeds',
        classes=list(CLASSES),
        threshold=0.5,
        image_dir=str(root / 'JPEGImages'),
        images=len(shifts),
        complete=True,
    )


@pytest.fixture(scope='module')
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``shapes``, ``before`` with the masks moved by 8 px, ``after`` by 0, 4 ... 20 px, so from gain to loss."""
    root = tmp_path_factory.mktemp('deciles')
    write_shapes(root / 'shapes', train=6, val=1, size=SIDE, seed=0)
    names = (root / 'shapes/ImageSets/Segmentation/train.txt').read_text().split()
    write_seeds(root / 'before', root / 'shapes', dict.fromkeys(names, 8))
    write_seeds(root / 'after', root / 'shapes', {name: 4 * i for i, name in enumerate(names)})
    return root


def draw(folders: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    shapes = folders / 'shapes'
    words = [TOOL, folders / 'before', folders / 'after', '--gt', shapes / 'SegmentationClass']
    split = ['--split', shapes / 'ImageSets/Segmentation/train.txt']
    monkeypatch.setattr(sys, 'argv', [*map(str, [*words, *split]), *more])
    deciles['main']()


def test_picture(
    folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Rows of equal height, from loss to gain; what is printed is the IoU of the label maps."""
    out = tmp_path / 'picture.png'
    draw(folders, monkeypatch, '--count', '3', '--out', str(out))
    rows = re.findall(
        r'(\w+): IoU (\S+) of the CAM, (\S+) of phi \((\S+)\)', capsys.readouterr().out
    )
    changes = [float(change) for *_, change in rows]
    assert len(rows) == 3 and changes == sorted(changes) and changes[0] < 0 < changes[-1]
    for name, before, after, _ in rows:
        truth = read_label(folders / f'shapes/SegmentationClass/{name}.png')
        shifts = 8, 4 * int(name[-1])
        for shift, told in zip(shifts, (before, after), strict=True):
            moved = np.roll(truth, shift, 1)
            ious = [
                ((moved == c) & (truth == c)).sum() / ((moved == c) | (truth == c)).sum()
                for c in np.unique(truth)
            ]
            assert float(told) == pytest.approx(100 * np.mean(ious), abs=0.06)
    height = deciles['HEIGHT']
    picture = cv2.imread(str(out))
    assert picture.shape == (CAPTION + 3 * (CAPTION + height + GAP), 6 * (height + GAP), 3)
    assert [path.name for path in tmp_path.iterdir()] == ['picture.png']


@pytest.mark.parametrize('count', [1, 3, 10])
def test_choice_is_the_middle_of_equal_parts(count: int) -> None:
    changes = [deciles['Change'](f'{i:02}', 50.0, 50.0 + (7 * i) % 30 - 15) for i in range(30)]
    chosen = deciles['choose'](changes, count)
    places = [round(one.after - one.before + 15) for _, one in chosen]
    assert places == [int((i + 0.5) * 30 / count) for i in range(count)]
    assert [percentile for percentile, _ in chosen] == pytest.approx(
        [100 * (i + 0.5) / count for i in range(count)]
    )


def test_void_and_absent_labels_do_not_count() -> None:
    label, truth = np.array([[0, 2, 2, 3]]), np.array([[0, 2, 0, 255]])
    assert deciles['image_iou'](label, truth, 5) == pytest.approx(
        50
    )  # two labels, 1 of 2 pixels each


@pytest.mark.parametrize(
    'more, message',
    [
        (['--count', '7'], r'--count must lie in 1 to 6, .*got 7'),
        (['--thresholds', 'best', '0.5'], 'threshold must be'),
        (['--images', 'nowhere', '--count', '1'], 'nowhere'),
    ],
)
def test_mistakes(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        draw(folders, monkeypatch, '--out', str(tmp_path / 'no.png'), *more)
    assert not list(tmp_path.iterdir())


def test_seeds_of_other_classes(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_meta(tmp_path, kind='seeds', classes=['background', 'cat'], complete=True)
    monkeypatch.setattr(
        sys, 'argv', ['tool', str(folders / 'before'), str(tmp_path), '--gt', '.', '--split', 'x']
    )
    with pytest.raises(ValueError, match='expected the same classes in both meta.json'):
        deciles['main']()
