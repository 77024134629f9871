"""Split lists and image-level labels in the formats found in the wild."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from mmlevelset.datasets.image_labels import labels_from_masks, read_image_labels
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.ids import image_id, list_ids, read_split
from mmlevelset.structures.fields import image_labels as stacked_labels

CLASSES = ('background', 'cat', 'dog', 'sheep')
IDS = ['2007_000032', '2008_000001']
LABELS = {'2007_000032': [1, 3], '2008_000001': [2]}
VECTORS = {'2007_000032': [1, 0, 1], '2008_000001': [0, 1, 0]}


def check(labels: dict) -> None:
    assert list(labels) == IDS
    for id_, vector in labels.items():
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, VECTORS[id_])


@pytest.mark.parametrize(
    'token',
    ['2007_000032', 2007000032, '2007000032', '/JPEGImages/2007_000032.jpg', 'a/2007_000032.PNG'],
)
def test_ids_have_one_form(token):
    assert image_id(token) == '2007_000032'


@pytest.mark.parametrize('name', ['000000279803', 'train_00001', 'COCO_train2014_000000279803'])
def test_other_ids_stay(name):
    assert image_id(name) == name


@pytest.mark.parametrize(
    'content',
    [
        '2007_000032\n2008_000001\n',
        '2007_000032\n2008_000001',
        '\ufeff2007_000032\r\n\r\n2008_000001\r\n  \n',
        '2007000032\n2008000001',
        '/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png\n'
        '/JPEGImages/2008_000001.jpg /SegmentationClassAug/2008_000001.png\n',
    ],
)
def test_split_formats(tmp_path, content):
    (tmp_path / 'train.txt').write_bytes(content.encode('utf-8'))
    assert read_split(tmp_path / 'train.txt') == IDS


@pytest.mark.parametrize(
    'content, message',
    [
        ('', 'empty'),
        ('2007_000032\n2007000032\n', r'1 id\(s\) \(2007_000032\) listed more than once'),
        ('JPEGImages/a.jpg Masks/b.png\n', 'line 1: .* different images'),
    ],
)
def test_wrong_splits(tmp_path, content, message):
    (tmp_path / 'train.txt').write_text(content)
    with pytest.raises(ValueError, match=message):
        read_split(tmp_path / 'train.txt')


@pytest.mark.parametrize(
    'line', ['IMG 0001', 'IMG 0001.JPG', 'My photos/IMG 0001.jpg', 'i/IMG 0001.jpg m/IMG 0001.png']
)
def test_names_with_blanks(tmp_path, line):
    (tmp_path / 'train.txt').write_text(line + '\nb c\n')
    assert read_split(tmp_path / 'train.txt') == ['IMG 0001', 'b c']


@pytest.mark.parametrize('line', ['a.jpg b.png', 'i/a m/b', '/data/My photos/IMG 1.jpg'])
def test_pairs_that_do_not_match(tmp_path, line):
    (tmp_path / 'train.txt').write_text(line)
    with pytest.raises(ValueError, match='line 1: .* different images'):
        read_split(tmp_path / 'train.txt')


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_encodings_of_windows(tmp_path, encoding):
    names = ['caf\u00e9', '\u732b 1']
    (tmp_path / 'train.txt').write_text('\r\n'.join(names), encoding=encoding)
    (tmp_path / 'labels.json').write_text(
        json.dumps({name: [1] for name in names}), encoding=encoding
    )
    assert read_split(tmp_path / 'train.txt') == names
    assert list(read_image_labels(tmp_path / 'labels.json', names, CLASSES)) == names


@pytest.mark.parametrize('encoding', ['latin-1', 'utf-16-le'])
def test_other_encodings_name_the_file(tmp_path, encoding):
    text = '{"caf\u00e9": [1]}'
    for name in ('train.txt', 'labels.json'):
        (tmp_path / name).write_text(text, encoding=encoding)
    with pytest.raises(ValueError, match='train.txt: .*UTF-8'):
        read_split(tmp_path / 'train.txt')
    with pytest.raises(ValueError, match='labels.json: .*UTF-8'):
        read_image_labels(tmp_path / 'labels.json', ['a'], CLASSES)


def test_missing_split(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.txt'):
        read_split(tmp_path / 'nothing.txt')


def write_xml(folder, id_: str, names: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    objects = ''.join(
        f'<object><name>{name}</name><difficult>1</difficult>'
        '<part><name>head</name></part></object>'
        for name in names
    )
    (folder / f'{id_}.xml').write_text(
        f'<annotation><source><name>flickr</name></source>{objects}</annotation>'
    )


def test_xml(tmp_path):
    write_xml(tmp_path / 'Annotations', IDS[0], ['cat', 'sheep', 'cat'])
    write_xml(tmp_path / 'Annotations', IDS[1], ['dog'])
    write_xml(tmp_path / 'Annotations', '2009_000001', ['unicorn'])  # not asked for
    check(read_image_labels(tmp_path / 'Annotations', IDS, CLASSES))


def test_xml_with_unknown_class(tmp_path):
    write_xml(tmp_path, IDS[0], ['cat', 'unicorn'])
    with pytest.raises(ValueError, match=r"2007_000032.xml: unknown class \['unicorn'\]"):
        read_image_labels(tmp_path, IDS[:1], CLASSES)


def test_damaged_xml(tmp_path):
    (tmp_path / f'{IDS[0]}.xml').write_text('<annotation>')
    with pytest.raises(ValueError, match='2007_000032.xml: not readable as XML'):
        read_image_labels(tmp_path, IDS[:1], CLASSES)


@pytest.mark.parametrize(
    'text, message',
    [
        ('<!DOCTYPE html><html><body>Not found</body></html>', 'web page'),
        ('<annotation>\xff</annotation>', 'not readable as XML'),
        ('<?xml version="1.0" encoding="nothing"?><annotation/>', 'not readable as XML'),
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
            '<annotation><object><name>&x;</name></object></annotation>',
            'not readable as XML',
        ),
        (
            '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + ''.join(
                f'<!ENTITY {c} "{9 * f"&{b};"}">'
                for b, c in zip('abcdefgh', 'bcdefghi', strict=True)
            )
            + ']><annotation><object><name>&i;</name></object></annotation>',
            'not readable as XML',
        ),
    ],
    ids=['web page', 'bytes', 'encoding', 'entity', 'bomb'],
)
def test_xml_that_is_none_of_voc(tmp_path, text, message):
    (tmp_path / f'{IDS[0]}.xml').write_bytes(text.encode('latin-1'))
    with pytest.raises(ValueError, match=f'2007_000032.xml: .*{message}'):
        read_image_labels(tmp_path, IDS[:1], CLASSES)


def test_two_labels_of_one_image(tmp_path):
    """In every format; the same label twice does no harm."""
    write_xml(tmp_path / 'xml', '2007_000032', ['cat'])
    write_xml(tmp_path / 'xml', '2007000032', ['cat', 'cat'])
    (tmp_path / 'same.json').write_text('{"2007_000032": [1], "2007000032": [1]}')
    np.savez(tmp_path / 'same.npz', **{'2007_000032': [1, 0, 0], '2007000032': [1, 0, 0]})
    for name in ('xml', 'same.json', 'same.npz'):
        assert read_image_labels(tmp_path / name, IDS[:1], CLASSES)[IDS[0]].tolist() == [1, 0, 0]
    write_xml(tmp_path / 'xml', '2007000032', ['dog'])
    (tmp_path / 'two.json').write_text('{"2007_000032": [1], "a/2007000032.jpg": [2]}')
    np.savez(tmp_path / 'two.npz', **{'2007_000032': [1, 0, 0], '2007000032': [0, 1, 0]})
    for name in ('xml', 'two.json', 'two.npz'):
        with pytest.raises(
            ValueError, match=f'{name}: the image 2007_000032 has two different labels'
        ):
            read_image_labels(tmp_path / name, IDS[:1], CLASSES)
    (tmp_path / 'key.json').write_text('{"labels": {"2007_000032": [1], "2007_000032": [2]}}')
    with pytest.raises(ValueError, match="key.json: .*'2007_000032' comes twice"):
        read_image_labels(tmp_path / 'key.json', IDS[:1], CLASSES)


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a":' * 100_000, '{"a": [1}', ''])
def test_broken_json(tmp_path, text):
    (tmp_path / 'labels.json').write_text(text)
    with pytest.raises(ValueError, match='labels.json: not readable as JSON'):
        read_image_labels(tmp_path / 'labels.json', IDS, CLASSES)


def claim(shape, content=b''):
    """An .npy file that claims float64 of a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, dict(descr='<f8', fortran_order=False, shape=shape))
    return file.getvalue() + content


@pytest.mark.parametrize('shape', [(10**12,), (10**6, 10**6), (5,), (2**62, 4), (-1, -3)])
def test_arrays_that_their_file_cannot_fill(tmp_path, shape):
    (tmp_path / 'a.npy').write_bytes(claim(shape, bytes(24)))
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('a.npy', claim(shape, bytes(24)))
    for name in ('a.npy', 'a.npz'):
        with pytest.raises(ValueError, match=rf'{name}.*\({shape[0]},'):
            read_image_labels(tmp_path / name, ['a'], CLASSES)


def test_vectors_of_no_numbers(tmp_path):
    for value in ([[1], [0, 1]], 'dog', {1: 2}, None):
        np.save(tmp_path / 'a.npy', {'a': value})
        with pytest.raises(ValueError, match='a.npy, id a: '):
            read_image_labels(tmp_path / 'a.npy', ['a'], CLASSES)


@pytest.mark.parametrize('content', [dict(classes=CLASSES, labels=LABELS), LABELS])
def test_json(tmp_path, content):
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    check(read_image_labels(tmp_path / 'labels.json', IDS, CLASSES))


@pytest.mark.parametrize(
    'content, message',
    [
        ({IDS[0]: [4]}, r'id 2007_000032: class 4 is unknown; expected indices 1\.\.3'),
        ({IDS[0]: [0]}, 'class 0 is unknown'),
        ({IDS[0]: [1.0]}, 'class 1.0 is unknown'),
        (dict(classes=['background', 'dog'], labels=LABELS), 'Pass metainfo'),
        ([1, 2], 'expected an object'),
        ({IDS[0]: 1}, f'id {IDS[0]}: got 1, expected a list of class indices'),
        ({IDS[0]: [1], IDS[1]: 'dog'}, f"id {IDS[1]}: got 'dog', expected a list"),
        ({IDS[0]: [1], IDS[1]: ['dog']}, f'id {IDS[1]}: class .dog. is unknown'),
        ({IDS[0]: [1], IDS[1]: None}, f'id {IDS[1]}: got None'),
    ],
)
def test_wrong_json(tmp_path, content, message):
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_image_labels(tmp_path / 'labels.json', IDS[:1], CLASSES)


def test_npz(tmp_path):
    np.savez(tmp_path / 'cls_labels.npz', **{k: np.array(v) for k, v in VECTORS.items()})
    check(read_image_labels(tmp_path / 'cls_labels.npz', IDS, CLASSES))


@pytest.mark.parametrize('as_int', [False, True])
def test_npy_of_a_pickled_dict(tmp_path, as_int):
    content = {
        (int(k.replace('_', '')) if as_int else k): np.array(v, np.float32)
        for k, v in VECTORS.items()
    }
    np.save(tmp_path / 'cls_labels.npy', content)
    check(read_image_labels(tmp_path / 'cls_labels.npy', IDS, CLASSES))


def test_vector_for_other_classes(tmp_path):
    np.savez(tmp_path / 'cls_labels.npz', **{IDS[0]: np.zeros(20)})
    with pytest.raises(ValueError, match=r'got a vector of shape \(20,\), expected \(3,\)'):
        read_image_labels(tmp_path / 'cls_labels.npz', IDS[:1], CLASSES)


def test_images_without_label_are_named(tmp_path):
    (tmp_path / 'labels.json').write_text(json.dumps({'2007_000032': []}))
    labels = read_image_labels(tmp_path / 'labels.json', IDS[:1], CLASSES)
    assert labels[IDS[0]].sum() == 0  # listed without a class is a label
    with pytest.raises(ValueError, match=r'no label for 1 id\(s\) \(2008_000001\) of 2'):
        read_image_labels(tmp_path / 'labels.json', IDS, CLASSES)


def test_all_faults_are_told_at_once(tmp_path):
    wrong = {IDS[0]: [9], 'a': 'dog', 'b': [1]}
    (tmp_path / 'labels.json').write_text(json.dumps(wrong))
    with pytest.raises(ValueError) as raised:
        read_image_labels(tmp_path / 'labels.json', [*IDS, 'a', 'b'], CLASSES)
    assert [line.split(': ', 1)[1] for line in str(raised.value).splitlines()] == [
        f'class 9 is unknown; expected indices 1..3 (0 is the background) of {list(CLASSES)}.',
        "got 'dog', expected a list of class indices, such as [1, 3].",
        f'no label for 1 id(s) ({IDS[1]}) of 4. Add them, or use the split list that belongs to this file.',
    ]
    (tmp_path / 'labels.json').write_text(json.dumps({f'{i}': 'dog' for i in range(14)}))
    with pytest.raises(ValueError, match=r"id 9: got 'dog'.*\n.*: and 5 more faults like these\.$"):
        read_image_labels(tmp_path / 'labels.json', IDS[:1], CLASSES)


def test_unknown_source(tmp_path):
    with pytest.raises(FileNotFoundError, match='Check `image_labels`'):
        read_image_labels(tmp_path / 'labels.json', IDS, CLASSES)
    (tmp_path / 'labels.txt').touch()
    with pytest.raises(ValueError, match='unknown format'):
        read_image_labels(tmp_path / 'labels.txt', IDS, CLASSES)


def test_labels_from_masks(tmp_path):
    mask = np.zeros((4, 5), np.uint8)
    mask[1, 2], mask[3, 3] = 3, 255
    Image.fromarray(mask).save(tmp_path / 'a.png')
    labels = labels_from_masks({'a': str(tmp_path / 'a.png')}, CLASSES)
    np.testing.assert_array_equal(labels['a'], [0, 0, 1])
    with pytest.raises(ValueError, match=r'a.png: holds the labels \[3\], expected 0\.\.2'):
        labels_from_masks({'a': str(tmp_path / 'a.png')}, CLASSES[:3])


def test_what_is_no_split_list(tmp_path):
    with pytest.raises(FileNotFoundError, match='is a folder, expected a split list'):
        read_split(tmp_path)
    (tmp_path / 'image_labels.json').write_text('{}')
    with pytest.raises(ValueError, match='image_labels.json: expected a split list'):
        read_split(tmp_path / 'image_labels.json')
    (tmp_path / 'a.png').write_bytes(b'')
    with pytest.raises(FileNotFoundError, match='holds no .npz files, but .json, .png; .* seeds'):
        list_ids(tmp_path, '.npz')


def test_errors_name_the_file_and_not_a_temporary_one(tmp_path):
    (tmp_path / 'a').mkdir()
    with pytest.raises(OSError, match="a/b.json'"), atomic_path(tmp_path / 'a/b.json') as temporary:
        raise OSError(13, 'Permission denied', str(temporary))


@pytest.mark.parametrize('label', [[1, -1, 0], [2, 0, 0], [float('nan'), 1, 0], [0.5, 0, 0]])
def test_labels_of_a_batch_are_zeros_and_ones(label):
    """Of -1 (difficult) one part would think that the class is there, and another that it is not."""
    metas = [dict(img_label=[0, 1, 1], img_path='a.jpg'), dict(img_label=label, img_path='b.jpg')]
    assert stacked_labels(metas[:1], 3, torch.zeros(1)).tolist() == [[0, 1, 1]]
    with pytest.raises(ValueError, match='b.jpg: img_label is .*expected 0 or 1 of every class'):
        stacked_labels(metas, 3, torch.zeros(1))
