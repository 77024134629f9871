"""Reads COCO's ``instances_*.json`` without holding its objects.

Parsed as a whole, the 450 MB of train2014 become several GB of Python lists. Here the file stays
text: one pass finds the annotations, and each process parses those of its own images.
"""

import json
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmlevelset.fileio.text import read_text

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r'[ \t\n\r]+')


class Instances:
    """Images and annotations of one file.

    Args:
        path: ``instances_train2014.json`` or alike.

    Attributes:
        images (list[dict]): ``id``, ``file_name``, ``height`` and ``width``, by ascending id.
        categories (list[int]): Category ids.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is damaged or incomplete, repeats an image, or annotates one it lacks.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f'{self.path}: not found. Unpack annotations_trainval2014.zip of cocodataset.org.'
            )
        self._text = read_text(self.path)
        columns = {name: array('q') for name in ('start', 'end', 'image', 'category')}
        try:
            found = self._parse(columns)
        except (
            ValueError,
            IndexError,
            KeyError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise ValueError(
                f'{self.path}: not readable as COCO annotations ({error!r}); the file has '
                f'{self.path.stat().st_size:,} bytes. Download or unpack it again.'
            ) from error
        missing = sorted({'images', 'annotations', 'categories'} - set(found))
        if missing:
            raise ValueError(f'{self.path}: no {missing}; expected the "instances" annotations.')
        keep = ('id', 'file_name', 'height', 'width')
        self.images = sorted(
            ({key: image[key] for key in keep} for image in found['images']),
            key=lambda image: image['id'],
        )
        self.categories = sorted(category['id'] for category in found['categories'])
        self._group({name: np.array(column) for name, column in columns.items()})

    def __len__(self) -> int:
        """Number of annotations."""
        return len(self._start)

    def texts(self) -> Iterator[str]:
        """JSON list of the annotations of each of ``images``, in the order of the file."""
        for first, last in zip(self._first, self._last, strict=True):
            spans = zip(self._start[first:last], self._end[first:last], strict=True)
            yield '[' + ','.join(self._text[start:end] for start, end in spans) + ']'

    def category_sets(self) -> Iterator[np.ndarray]:
        """Category ids present in each of ``images``, crowds included, ascending."""
        for first, last in zip(self._first, self._last, strict=True):
            yield np.unique(self._category[first:last])

    def _parse(self, columns: dict[str, array]) -> dict[str, Any]:
        """Members of the outer object; of the annotations only where they are."""
        found: dict[str, Any] = {}
        position = self._skip('{', 0)
        while True:
            key, position = _DECODER.raw_decode(self._text, self._skip('', position))
            position = self._skip('', self._skip(':', position))
            if key == 'annotations':
                found[key], position = columns, self._index(position, columns)
            else:
                found[key], position = _DECODER.raw_decode(self._text, position)
            position = self._skip('', position)
            if self._text[position] == '}':
                return found
            position = self._skip(',', position)

    def _index(self, position: int, columns: dict[str, array]) -> int:
        """Note where the annotations are and whose they are; position after the list."""
        position = self._skip('', self._skip('[', position))
        if self._text[position] == ']':
            return position + 1
        while True:
            item, end = _DECODER.raw_decode(self._text, position)
            row = (position, end, item['image_id'], item['category_id'])
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
            position = self._skip('', end)
            if self._text[position] == ']':
                return position + 1
            position = self._skip('', self._skip(',', position))

    def _skip(self, expected: str, position: int) -> int:
        """Position after white space and, if given, one character."""
        if space := _SPACE.match(self._text, position):
            position = space.end()
        if expected and self._text[position] != expected:
            raise json.JSONDecodeError(f'expected {expected!r}', self._text, position)
        return position + len(expected)

    def _group(self, columns: dict[str, np.ndarray]) -> None:
        order = np.argsort(columns['image'], kind='stable')
        owner = columns['image'][order]
        self._start, self._end = columns['start'][order], columns['end'][order]
        self._category = columns['category'][order]
        ids = np.array([image['id'] for image in self.images], np.int64)
        repeated = ids[1:][ids[1:] == ids[:-1]].tolist()
        unknown = np.setdiff1d(owner, ids).tolist()
        if repeated or unknown:
            raise ValueError(
                f'{self.path}: images {repeated[:5]} are listed twice, annotations name the '
                f'missing images {unknown[:5]}. Each image must be listed once.'
            )
        self._first, self._last = np.searchsorted(owner, ids), np.searchsorted(owner, ids, 'right')


def parse(text: str) -> list[dict[str, Any]]:
    """Annotations of one image, from :meth:`Instances.texts`."""
    return json.loads(text)
