"""VOC-style folders with image-level labels."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmseg.datasets import BaseSegDataset

from mmlevelset.datasets.image_labels import labels_from_masks, read_image_labels
from mmlevelset.fileio.conventions import mask_conventions
from mmlevelset.fileio.ids import IMAGE_SUFFIXES, image_id, read_split
from mmlevelset.fileio.images import find_images
from mmlevelset.fileio.labels import VOID, read_label, voc_palette
from mmlevelset.fileio.output import check_finished, finished_ids
from mmlevelset.registry import DATASETS

from .input_transforms import check_moved, type_of

FOLDERS = ('img_path', 'seg_map_path')  # of data_prefix
MASKS_READ = 100  # at the start, and only as long as none shows an object


@DATASETS.register_module()
class VOCImageLabelDataset(BaseSegDataset):
    """Images, image-level labels and, only where a config asks for them, masks in VOC's layout.

    Every item carries ``img_path``, ``img_id`` (str) and ``img_label`` ((C,) float32 of 0 and 1,
    foreground classes; put it into the ``meta_keys`` of ``PackSegInputs``). ``seg_map_path`` is
    there only if ``data_prefix`` names a mask folder, so that masks cannot reach a weakly
    supervised training by accident. Masks hold 0 (background), 1..C and 255 (void) and are never
    remapped: another list of classes means another data set, not a choice among VOC's labels.

    With ``test_mode``, the ``metainfo`` has, beside classes and palette, what a result must state:
    ``split`` and, with masks, ``gt_dir`` and the conventions in the ``meta.json`` of that folder. The
    data sets of a training do not, so that mmengine's ``ConcatDataset`` takes several.

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
        img_suffix (str | None): End of the image files where it is more than a suffix, such as
            ``'_leftImg8bit.png'``; default: any of :data:`mmlevelset.fileio.ids.IMAGE_SUFFIXES`.
        guide_dir (str | None): Exported seeds of the images, which level sets are trained on in the
            place of the host's CAM, see :class:`LoadGuide`.
        edge_dir (str | None): Edges of the images, which the energy looks at beside those of the colours,
            see :class:`LoadEdges`.
        **kwargs: Of :class:`mmseg.datasets.BaseSegDataset`. ``metainfo=dict(classes=...)`` (with
            'background' first) replaces the 20 classes; without a palette it gets VOC's colours.

    Raises:
        FileNotFoundError: A folder, list, label file, image or mask is missing.
        ValueError: Repeated ids, unknown classes, images without label, masks that no converter finished.
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
        img_suffix: str | None = None,
        guide_dir: str | None = None,
        edge_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        loads: list[dict] = []
        if guide_dir:
            loads.append(dict(type='mmlevelset.LoadGuide', seed_dir=guide_dir))
        if edge_dir:
            loads.append(dict(type='mmlevelset.LoadEdges', edge_dir=edge_dir))
        if loads:
            load, *rest = kwargs.get('pipeline') or [None]
            if type_of(rest[-1] if rest else None) != 'PackImageLabels':
                raise ValueError(
                    f'{type(self).__name__}: guide_dir and edge_dir need a pipeline that ends with '
                    "'mmlevelset.PackImageLabels', which hands on what they load"
                )
            kwargs['pipeline'] = [load, *loads, *rest]
        check_moved(kwargs.get('pipeline') or [])
        if kwargs.get('reduce_zero_label'):
            raise ValueError(
                f'{type(self).__name__}: reduce_zero_label would shift the labels of masks and not the '
                'image-level labels. Leave it out; masks hold 0 (background), 1..C and 255 (void).'
            )
        given = dict(ann_file=ann_file, image_labels=image_labels, data_prefix=data_prefix)
        self._check_types(**given, metainfo=metainfo, data_root=kwargs.get('data_root'))
        # mmengine joins only strings; a prefix of None in a config means "not given".
        data_prefix = {key: value for key, value in (data_prefix or {}).items() if value}
        data_prefix.setdefault('img_path', 'JPEGImages')
        if metainfo and 'classes' in metainfo:
            metainfo = {'palette': voc_palette(len(metainfo['classes'])).tolist(), **metainfo}
        self.image_labels = image_labels
        self.loaded = {'.npz': guide_dir, '.png': edge_dir}
        super().__init__(
            ann_file=ann_file,
            data_prefix=data_prefix,
            metainfo=metainfo,
            img_suffix=img_suffix,
            **kwargs,
        )
        if self.test_mode:  # the paths are joined by now
            self._metainfo.setdefault('split', Path(ann_file).stem)
            self._metainfo['image_dir'] = self.data_prefix['img_path']
            if 'seg_map_path' in self.data_prefix:
                folder = self.data_prefix['seg_map_path']
                self._metainfo.update(gt_dir=folder, **mask_conventions(folder))

    def _check_types(self, **given: Any) -> None:
        """Refuse arguments that are no paths, or no dicts, where these are expected."""
        expected = dict(
            ann_file=(str | Path, 'the path of a list of images'),
            image_labels=(
                str | Path,
                "the path of a file or folder with the classes of each image, 'masks', or None",
            ),
            data_root=(str | Path, 'the path of a folder'),
            data_prefix=(Mapping, "a dict, as dict(img_path='JPEGImages')"),
            metainfo=(Mapping, "a dict, as dict(classes=('background', 'cat'))"),
        )
        for name, (kind, words) in expected.items():
            if given[name] is not None and not isinstance(given[name], kind):
                raise ValueError(f'{type(self).__name__}: {name}={given[name]!r}, expected {words}')
        if unknown := sorted(set(given['data_prefix'] or ()) - set(FOLDERS)):
            raise ValueError(
                f'{type(self).__name__}: data_prefix has {unknown}, which nothing reads; expected '
                f'{" and ".join(FOLDERS)}'
            )
        classes = (given['metainfo'] or {}).get('classes', ())
        if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
            raise ValueError(
                f'{type(self).__name__}: metainfo.classes={classes!r}, expected a list of names, '
                'background first'
            )

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
        suffixes = IMAGE_SUFFIXES if self.img_suffix is None else (self.img_suffix,)
        images = self._find(ids, 'img_path', suffixes)
        masks = None
        if 'seg_map_path' in self.data_prefix:
            check_finished(self.data_prefix['seg_map_path'])
            masks = self._find(ids, 'seg_map_path', (self.seg_map_suffix,))
            self._check_masks(list(masks.values()))
        labels = self._load_labels(ids, masks)
        if labels and not self.test_mode and not np.any(list(labels.values())):
            warnings.warn(  # beside another data set these may be what shows nothing
                f'{self.image_labels}: none of {len(labels)} images of {self.ann_file} shows any class, so a '
                'training on them alone learns nothing',
                stacklevel=2,
            )
        for suffix, folder in self.loaded.items():
            if folder:
                finished_ids(folder, suffix, [Path(images[id_]).stem for id_ in ids])

        data_list = []
        for id_ in ids:
            info = dict(
                img_path=images[id_],
                # With an `img_suffix` as the list says it; what is made of an image is named after its file.
                img_id=Path(images[id_]).stem if self.img_suffix is None else id_,
                num_labels=len(classes),
                label_map=None,
                reduce_zero_label=False,
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
        """What ids of lists, labels, images and masks must have in common."""
        return image_id(id_)

    def _find(self, ids: list[str], key: str, suffixes: Sequence[str]) -> dict[str, str]:
        """Paths of the listed files."""
        try:
            found = find_images(self.data_prefix[key], ids, suffixes, self.same)
        except FileNotFoundError as error:
            made = ' Label maps that a command makes have to be made first (mmlevelset labels).'
            what = str(error).rstrip('.')
            raise FileNotFoundError(
                f'{what}. The list is {self.ann_file}; check `data_root` (now {self.data_root!r}) and '
                f'data_prefix[{key!r}].{made if key == "seg_map_path" else ""}'
            ) from error
        return {id_: str(path) for id_, path in found.items()}

    def _check_masks(self, paths: list[str]) -> None:
        """Refuse masks that show objects as 255, which is void; one object ends the search."""
        void = False
        for path in paths[:MASKS_READ]:
            label = read_label(path, len(self.metainfo['classes']))
            if ((label > 0) & (label < VOID)).any():
                return
            void = void or bool((label == VOID).any())
        if void:
            raise ValueError(
                f'{self.data_prefix["seg_map_path"]}: the masks of {len(paths[:MASKS_READ])} images hold '
                f'nothing but 0 and {VOID}, and {VOID} is void. If it marks objects, write 1..C instead; if a '
                'command made these labels, look at its threshold and at the seeds: they hold no object.'
            )
