"""Label maps of tools/test.py --labels-only: their numbers, their folder, names that clash."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmlevelset.evaluation import LabelMetric
from mmlevelset.fileio.labels import read_label, write_label
from mmlevelset.fileio.meta import read_meta, write_meta
from mmlevelset.fileio.output import finished_ids

META = dict(classes=['background', 'a', 'b'])
LABEL = torch.tensor([[[0, 1, 2], [2, 1, 0]]])


def export(folder: Path, *paths: str, **meta: object) -> dict:
    metric = LabelMetric(str(folder), source=dict(config='c.py'))
    metric.dataset_meta = dict(META, **meta)
    for path in paths:
        metric.process({}, [dict(img_path=path, pred_sem_seg=dict(data=LABEL))])
    return metric.evaluate(len(paths))


def test_labels_and_folder(tmp_path: Path) -> None:
    assert export(tmp_path, 'x/old.jpg') == {}
    export(tmp_path, 'x/1.jpg', 'x/2.b.png')  # anew: nothing of the first one stays
    assert finished_ids(tmp_path, '.png') == ['1', '2.b']
    np.testing.assert_array_equal(read_label(tmp_path / '1.png', 3), LABEL[0])
    meta = read_meta(tmp_path)
    assert meta['classes'] == META['classes'] and meta['config'] == 'c.py' and meta['complete']


def test_a_data_set_without_a_label_0(tmp_path: Path) -> None:
    export(tmp_path, 'x/1.jpg', reduce_zero_label=True)
    np.testing.assert_array_equal(read_label(tmp_path / '1.png'), LABEL[0] + 1)


def test_a_run_that_was_stopped_is_unfinished(tmp_path: Path) -> None:
    metric = LabelMetric(str(tmp_path))
    metric.process({}, [dict(img_path='1.jpg', pred_sem_seg=dict(data=LABEL))])
    with pytest.raises(ValueError, match='is unfinished'):
        finished_ids(tmp_path, '.png')
    metric._folder.close()


def test_two_images_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='1 label maps of 2 images'):
        export(tmp_path, 'x/1.jpg', 'y/1.jpg')


def test_pseudo_labels_of_seeds_are_not_replaced(tmp_path: Path) -> None:
    write_label(tmp_path / '9.png', LABEL[0].numpy())
    write_meta(tmp_path, kind='labels', threshold=0.3)
    with pytest.raises(ValueError, match='did not make'):
        export(tmp_path, 'x/1.jpg')
    assert (tmp_path / '9.png').is_file()
