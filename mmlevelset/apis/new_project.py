"""A user's own project: five short configs for a folder of images, a pipeline, and what to type next."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlevelset.datasets.image_labels import read_image_labels
from mmlevelset.datasets.prepare.check_own import HINT, LISTS
from mmlevelset.datasets.prepare.own_classes import LABELS, label_source, own_classes
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.fileio.ids import image_id, read_split

PICTURED = 3  # images of the picture
FILES = {
    'configs/data.py': """\
# The data set, which the other configs inherit.
mine = dict(
    data_root={root!r},
    ann_file='{lists}/train.txt',
    metainfo=dict(classes={classes!r}),{labels}
)
""",
    'configs/host.py': """\
# The host, a classifier that makes the CAMs: 600 iterations, however many images there are.
_base_ = ['mmlevelset::seed/cam/efficientnet-lite0_voc20_host.py', 'data.py']
train_dataloader = test_dataloader = dict(dataset=_base_.mine)
model = dict(decode_head=dict(num_classes={foreground}))  # foreground classes
""",
    'configs/levelset.py': """\
# The level set goes on from the host: 400 more.
_base_ = ['mmlevelset::seed/cam/efficientnet-lite0_levelset_voc20.py', 'data.py']
train_dataloader = test_dataloader = dict(dataset=_base_.mine)
model = dict(
    decode_head=dict(num_classes={foreground}), auxiliary_head=dict(num_classes={foreground})
)
""",
    'configs/cam.py': """\
# To compare with: the host goes on as long without the level set.
_base_ = ['mmlevelset::seed/cam/efficientnet-lite0_voc20.py', 'data.py']
train_dataloader = test_dataloader = dict(dataset=_base_.mine)
model = dict(decode_head=dict(num_classes={foreground}))
""",
    'configs/retrain.py': """\
# A segmentation model on the pseudo-labels: 300 iterations from the backbone of the host.
_base_ = 'mmlevelset::retrain/segformer-head_efficientnet-lite0_voc20_host.py'
meta = dict(classes={classes!r})
model = dict(decode_head=dict(num_classes={all}))  # with background
train_dataloader = dict(
    dataset=dict(
        ann_file={train!r},
        metainfo=meta,
        data_prefix=dict(
            img_path={images!r}, seg_map_path='work_dirs/levelset/labels'
        ),
    )
)
test_dataloader = dict(dataset=dict(data_root={root!r}, metainfo=meta))
""",
    'configs/pipeline.py': """\
# All of it in one command: mmlevelset pipeline configs/pipeline.py
recipe = 'own_data'
work_dir = 'work_dirs'
data_root = {root!r}
classes = {names!r}
host = 'configs/host.py'
levelset = 'configs/levelset.py'
model = 'configs/retrain.py'
model_from_host = True  # it starts from the backbone of the host, which knows the classes
threshold = 0.5  # background score of the seeds: the zero level set
scored = {scored!r}  # lists whose images all have masks, which the evaluation alone reads
picture = {picture!r}  # images that are drawn
""",
    'README.md': """\
# {title}

Images: `{root}`. Classes: {shown}. Type the commands in this folder.

Is the data set complete, and does it fit together?

```bash
mmlevelset check-data own {quoted} --classes {typed}
```

Do the steps work? A try of 20 iterations; the maps mean nothing yet, and warnings say so:

```bash
mmlevelset train configs/host.py --work-dir work_dirs/try/host --cfg-options train_cfg.max_iters=20
mmlevelset train configs/levelset.py --work-dir work_dirs/try/levelset \\
    --cfg-options load_from="$(cat work_dirs/try/host/last_checkpoint)" train_cfg.max_iters=20
mmlevelset test configs/levelset.py "$(cat work_dirs/try/levelset/last_checkpoint)" --tta \\
    --work-dir work_dirs/try/levelset/test --seeds-only work_dirs/try/levelset/seeds
```

Everything in one command, which goes on where it was when it is given again:

```bash
mmlevelset pipeline configs/pipeline.py --jobs 2
```

Or step by step, into the same folders:

```bash
mmlevelset train configs/host.py --work-dir work_dirs/host
mmlevelset train configs/levelset.py --work-dir work_dirs/levelset \\
    --cfg-options load_from="$(cat work_dirs/host/last_checkpoint)"
mmlevelset test configs/levelset.py "$(cat work_dirs/levelset/last_checkpoint)" --tta \\
    --work-dir work_dirs/levelset/test --seeds-only work_dirs/levelset/seeds
mmlevelset labels work_dirs/levelset/seeds work_dirs/levelset/labels --threshold 0.5
mmlevelset train configs/retrain.py --work-dir work_dirs/levelset/retrain \\
    --cfg-options model.backbone.init_cfg.checkpoint="$(cat work_dirs/host/last_checkpoint)" \\
    model.backbone.init_cfg.prefix=backbone.
mmlevelset test configs/retrain.py "$(cat work_dirs/levelset/retrain/last_checkpoint)" \\
    --work-dir work_dirs/levelset/retrain/test{predictions}
```

`work_dirs/levelset/labels` holds the pseudo-labels{results}.
{comparison}""",
}
COMPARISON = """
Is the level set better than the CAM of the same training without it? Masks are read by evaluations alone:

```bash
mmlevelset train configs/cam.py --work-dir work_dirs/cam \\
    --cfg-options load_from="$(cat work_dirs/host/last_checkpoint)"
mmlevelset test configs/cam.py "$(cat work_dirs/cam/last_checkpoint)" --tta \\
    --work-dir work_dirs/cam/test --seeds-only work_dirs/cam/seeds
mmlevelset evaluate work_dirs/cam/seeds --gt {masks} \\
    --split {listed} --classes {every} --threshold otsu --json work_dirs/cam/seeds.json
mmlevelset evaluate work_dirs/levelset/seeds --gt {masks} \\
    --split {listed} --classes {every} --threshold 0.5
```
"""


def new_project(
    folder: str | Path, data: str | Path, classes: Sequence[str] | None = None
) -> list[Path]:
    """Write a project for images in VOC's layout (docs/en/get_started.md, Your own data).

    Args:
        folder: Folder of the project, new or empty.
        data: Folder of the images, ``data_root`` of the configs.
        classes: Names, see :func:`own_classes`; default: those that ``image_labels.json`` states.

    Returns:
        list[Path]: the files.

    Raises:
        FileNotFoundError: A folder, a list or the labels of the data set do not exist.
        ValueError: The project's folder holds something, the classes are not known or not unique, or
            the labels of ``train`` do not fit them, or name none.
    """
    folder, root = Path(folder), Path(data).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f'{folder} is there and not empty; expected a new or an empty folder')
    lists = {name: root / LISTS / f'{name}.txt' for name in ('train', 'val')}
    for path in (root / 'JPEGImages', *lists.values()):
        if not path.exists():
            raise FileNotFoundError(
                f'no {path}; a data set needs JPEGImages and {LISTS}/train.txt and val.txt, one id per '
                'line. The model is tried on the images of val, which need no masks.'
            )
    names = own_classes(root, classes)
    ids = {name: read_split(path) for name, path in lists.items()}
    source = label_source(root)
    if source is None:
        raise FileNotFoundError(
            f'{root}: no image-level labels, expected one of {", ".join(LABELS)}. {HINT}'
        )
    labels = read_image_labels(source, ids['train'], names)  # what the training will read
    if not any(shown.any() for shown in labels.values()):
        raise ValueError(
            f'{source}: none of the {len(labels)} images of train shows any class, so there is nothing to learn; '
            'expected the classes of each image'
        )
    values = _values(folder, root, names, ids, source.name)
    for name, text in FILES.items():
        with atomic_path(folder / name) as path:
            path.write_text(text.format(**values), encoding='utf-8')
    return [folder / name for name in FILES]


def _values(
    folder: Path, root: Path, names: list[str], ids: dict[str, list[str]], source: str
) -> dict[str, Any]:
    """What the texts of the files hold in braces."""
    masks = {image_id(path.stem) for path in (root / 'SegmentationClass').glob('*.png')}
    scored = [name for name, members in ids.items() if masks.issuperset(members)]
    path = root.as_posix()
    comparison = COMPARISON.format(
        masks=shlex.quote(f'{path}/SegmentationClass'),
        listed=shlex.quote(f'{path}/{LISTS}/train.txt'),
        every=shlex.join(names),
    )
    return dict(
        comparison=comparison if 'train' in scored else '',
        root=path,
        lists=LISTS,
        train=f'{path}/{LISTS}/train.txt',
        images=f'{path}/JPEGImages',
        classes=tuple(names),
        names=names,
        foreground=len(names) - 1,
        all=len(names),
        labels='' if source == LABELS[0] else f'\n    image_labels={source!r},',
        scored=scored,
        picture=ids['train'][:PICTURED],
        title=folder.resolve().name,
        shown=', '.join(names[1:]),
        quoted=shlex.quote(path),
        typed=shlex.join(names[1:]),
        predictions=(
            ''
            if 'val' in scored
            else ' \\\n    --labels-only work_dirs/levelset/retrain/predictions'
        ),
        results=(
            ', `work_dirs/results.md` the scores, which the pipeline writes'
            if scored
            else ', `work_dirs/levelset/retrain/predictions` what the model makes of the images of `val`'
        ),
    )
