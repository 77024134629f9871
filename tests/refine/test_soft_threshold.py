"""Thresholds that are found on refined maps, without ground truth."""

from pathlib import Path

import numpy as np
import pytest

from mmlevelset.evaluation.thresholds import choose_threshold, parse_threshold, score_histogram
from mmlevelset.fileio.labels import read_label
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.fileio.soft import read_soft
from mmlevelset.refine.folder import refine_folder, relabel_folder

from .test_folder import REFINER, files


def pixels(folder: Path, threshold: float) -> int:
    """Foreground of the seeds, or soft maps, of a folder."""
    found = (read_seed(path) for path in sorted(folder.glob('*.npz')))
    return sum(int((s.scores.max(0) > threshold).sum()) for s in found if len(s.keys))


def test_area_of_the_seeds(folders, tmp_path):
    """As many pixels are foreground as in the seeds, but for those of one of 256 levels."""
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out, threshold='area')
    meta = read_meta(out / 'labels')
    threshold = meta['threshold']
    assert meta['threshold_rule'] == 'area' and 0 < threshold < 1
    wanted = pixels(folders['seed_dir'], 0.4)
    low, high = (pixels(out / 'soft', threshold + s * 1.5 / 255) for s in (-1, 1))
    assert high <= wanted <= low
    best = abs(pixels(out / 'soft', threshold) - wanted)
    assert (
        best <= low - high and abs(pixels(out / 'soft', 0.4) - wanted) > 4 * best
    )  # the seeds' own
    assert parse_threshold(str(out / 'labels/meta.json')) == round(threshold, 6)
    found = sum(int((read_label(path) > 0).sum()) for path in (out / 'labels').glob('*.png'))
    assert high <= found <= low


def test_otsu_of_the_refined_maps(folders, tmp_path):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out, threshold='otsu')
    maps = (read_soft(path) for path in sorted((out / 'soft').glob('*.npz')))
    histogram = sum(score_histogram(soft[1:].max(0)) for keys, soft in maps if len(keys))
    assert read_meta(out / 'labels')['threshold'] == choose_threshold('otsu', histogram)


def test_a_stopped_run_goes_on_and_a_number_takes_its_place(folders, tmp_path):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out, ids=['1', '2'], threshold='area')
    refine_folder(REFINER, **folders, out_dir=out, threshold='area')
    whole = tmp_path / 'whole'
    refine_folder(REFINER, **folders, out_dir=whole, threshold='area')
    assert files(out) == files(whole)
    relabel_folder(out, threshold=0.5)
    relabel_folder(out, threshold='area')
    assert files(out) == files(whole)


def test_refusals(folders, tmp_path):
    out = tmp_path / 'out'
    with pytest.raises(ValueError, match=r"\('otsu', 'area'\), got 'mean'"):
        refine_folder(REFINER, **folders, out_dir=out, threshold='mean')
    power = dict(type='mmlevelset.PAR', background=dict(alpha=4))
    with pytest.raises(ValueError, match="'area' needs seeds with a constant background"):
        refine_folder(power, **folders, out_dir=out, threshold='area')
    assert not out.exists()  # before anything is refined
    refine_folder(power, **folders, out_dir=out)
    with pytest.raises(ValueError, match="'area' needs seeds with a constant background"):
        relabel_folder(out, threshold='area')
    np.testing.assert_equal(relabel_folder(out, threshold='otsu'), 7)


def test_the_seeds_have_gone(folders, tmp_path):
    out = tmp_path / 'out'
    refine_folder(REFINER, **folders, out_dir=out, threshold='area')
    folders['seed_dir'].rename(tmp_path / 'elsewhere')
    with pytest.raises(FileNotFoundError, match='does not hold them any more; bring them back, or'):
        relabel_folder(out, threshold='area')
    assert relabel_folder(out, threshold='otsu') == 7
