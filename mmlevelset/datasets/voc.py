"""VOC-style folders with image-level labels."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset

from mmlevelset.datasets.image_labels import labels_from_masks, read_image_labels
from mmlevelset.fileio.conventions import mask_conventions
from mmlevelset.fileio.ids import preview, read_split
from mmlevelset.fileio.labels import voc_palette
from mmlevelset.registry import DATASETS


@DATASETS.register_module()
class VOCImageLabelDataset(BaseSegDataset):
    """Images, image-level labels and, only where a config asks for them, masks in VOC's layout.

    Every item carries ``img_path``, ``img_id`` (str) and ``img_label`` ((C,) float32 of 0 and 1,
    foreground classes; put it into the ``meta_keys`` of ``PackSegInputs``). ``seg_map_path`` is
    there only if ``data_prefix`` names a mask folder, so that masks cannot reach a weakly
    supervised training by accident. Masks hold 0 (background), 1..C and 255 (void) and are never
    remapped: another list of classes means another data set, not a choice among VOC's labels.

    The ``metainfo`` has, beside classes and palette, what a result must state: ``split`` and, with
    masks, ``gt_dir`` and the conventions in the ``meta.json`` of that folder.

    Args:
        data_root (str): Root of the relative paths below.
        ann_file (str): Split list, one image per line: ``2007_000032``, the integer
            ``2007000032``, or ``/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png``
            (the id counts; folders come from ``data_prefix``).
        image_labels (str | None): ``Annotations`` (folder of XML files), ``.json``, ``.npz`` or
            legacy ``.npy``, see :func:`mmlevelset.datasets.image_labels.read_image_labels`;
            ``'masks'`` derives them from the masks of ``data_prefix`` (presence only; this is not
            image-level supervision, and all masks are read once at the start); None for fully
            supervised training and its evaluation: no ``img_label`` then.
        data_prefix (dict): ``img_path`` and, optionally, ``seg_map_path``: folders.
        **kwargs: Of :class:`mmseg.datasets.BaseSegDataset`. ``metainfo=dict(classes=...)`` (with
            'background' first) replaces the 20 classes; without a palette it gets VOC's colours.

    Raises:
        FileNotFoundError: A folder, list, label file, image or mask is missing.
        ValueError: Repeated ids, unknown classes or images without label.
    """

    METAINFO = dict(
        classes=(
            'background',
            'aeroplane',
            'bicycle',
            'bird',
            'boat',
            'bottle',
            'bus',
            'car',
            'cat',
            'chair',
            'cow',
            'diningtable',
            'dog',
            'horse',
            'motorbike',
            'person',
            'pottedplant',
            'sheep',
            'sofa',
            'train',
            'tvmonitor',
        ),
        palette=voc_palette(21).tolist(),
    )

    def __init__(
        self,
        ann_file: str,
        image_labels: str | None = None,
        data_prefix: dict | None = None,
        metainfo: dict | None = None,
        **kwargs: Any,
    ) -> None:
        # mmengine joins only strings; a prefix of None in a config means "not given".
        data_prefix = {key: value for key, value in (data_prefix or {}).items() if value}
        data_prefix.setdefault('img_path', 'JPEGImages')
        if metainfo and 'classes' in metainfo:
            metainfo = {'palette': voc_palette(len(metainfo['classes'])).tolist(), **metainfo}
        self.image_labels = image_labels
        super().__init__(ann_file=ann_file, data_prefix=data_prefix, metainfo=metainfo, **kwargs)
        # What a result must state. The paths are joined by now.
        self._metainfo.setdefault('split', Path(ann_file).stem)
        if 'seg_map_path' in self.data_prefix:
            folder = self.data_prefix['seg_map_path']
            self._metainfo.update(gt_dir=folder, **mask_conventions(folder))

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> None:
        """No remapping: masks already hold the indices of the class list in use."""

    def load_data_list(self) -> list[dict]:
        """Check the folders and labels, then list the images of the split.

        Returns:
            list[dict]: One per image, see the class docstring.
        """
        classes = self.metainfo['classes']
        if classes[0] != 'background':
            raise ValueError(
                f"The first class must be 'background' (label 0 of the masks), got {list(classes)}."
            )
        ids = read_split(self.ann_file, self.same)
        images = self._find(ids, 'img_path', self.img_suffix)
        masks = None
        if 'seg_map_path' in self.data_prefix:
            masks = self._find(ids, 'seg_map_path', self.seg_map_suffix)
        labels = self._load_labels(ids, masks)

        data_list = []
        for id_ in ids:
            info = dict(
                img_path=images[id_],
                img_id=id_,
                label_map=None,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
            )
            if masks:
                info['seg_map_path'] = masks[id_]
            if labels:
                info['img_label'] = labels[id_]
            data_list.append(info)
        return data_list

    def _load_labels(self, ids: list[str], masks: dict[str, str] | None) -> dict | None:
        if self.image_labels is None:
            return None
        classes = self.metainfo['classes']
        if self.image_labels == 'masks':
            if masks is None:
                raise ValueError("image_labels='masks' needs data_prefix=dict(seg_map_path=...).")
            return labels_from_masks(masks, classes)
        path = os.path.join(self.data_root or '', self.image_labels)
        return read_image_labels(path, ids, classes, self.same)

    @staticmethod
    def same(id_: str) -> str:
        """What ids of lists, labels, images and masks must have in common: here, all of the id."""
        return id_

    def _find(self, ids: list[str], key: str, suffix: str) -> dict[str, str]:
        """Paths of the listed files; the folder is listed once, not asked file by file."""
        folder = self.data_prefix[key]
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'{folder}: folder not found. Check `data_root` (now '
                f'{self.data_root!r}) and data_prefix[{key!r}].'
            )
        names = {
            self.same(name.removesuffix(suffix)): name
            for name in os.listdir(folder)
            if name.endswith(suffix)
        }
        missing = [id_ for id_ in ids if self.same(id_) not in names]
        if missing:
            raise FileNotFoundError(
                f'{folder}: no {suffix} file for {preview(missing)} of {len(ids)} listed in '
                f'{self.ann_file}. Complete the folder or shorten the list.'
            )
        return {id_: os.path.join(folder, names[self.same(id_)]) for id_ in ids}
