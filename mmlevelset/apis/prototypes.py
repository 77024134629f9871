"""Prototypes of LPCAM from the images and seeds of a training set."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from torch import Tensor

from mmlevelset.fileio.hashes import file_hash, text_hash
from mmlevelset.fileio.meta import read_meta
from mmlevelset.fileio.npz import open_npz, write_npz
from mmlevelset.fileio.output import finished_ids, resumed_folder
from mmlevelset.fileio.seeds import read_seed
from mmlevelset.models.cam_methods.base import linear_head
from mmlevelset.models.cam_methods.prototypes import (
    PrototypeRule,
    choose,
    cosine_kmeans,
    network_hash,
    split_by_seed,
    write_prototypes,
)
from mmlevelset.parallel import progress
from mmlevelset.refine.model import load_model
from mmlevelset.structures.host import Host

from .label_folder import drop_masks


def make_prototypes(
    cfg: Config,
    checkpoint: str,
    seed_dir: str | Path,
    out: str | Path,
    rule: PrototypeRule,
    random_seed: int = 0,
    device: str = 'cpu',
) -> dict[str, list[int]]:
    """Make the prototypes of a trained classifier; a run that was stopped goes on.

    The features of every image are kept beside the result, in ``<out>_features``. No mask is read.

    Args:
        cfg: Config; the images and their size are those of its test data set.
        checkpoint: Weights of the classifier.
        seed_dir: Its plain CAMs, exported with ``tools/test.py``; they say where a class is.
        out: File to write, ``.npz``.
        rule: How prototypes are chosen.
        random_seed: Of the first centres.
        device: Where the network runs.

    Returns:
        dict: per class name, how many prototypes the class and its context have.

    Raises:
        FileNotFoundError: A file, an image or a seed is missing.
        ValueError: ``out`` has another suffix, the seeds are no plain CAM of the checkpoint as far as their
            ``meta.json`` says, files do not fit together, or no pixel of a class has a seed.
    """
    out = Path(out)
    if out.suffix != '.npz':
        raise ValueError(f'{out}: prototypes are an .npz file; give it this suffix')
    seeds, weights = read_meta(seed_dir), file_hash(checkpoint)
    source, made_of = seeds.get('seed_source', 'cam'), seeds.get('weights_hash', weights)
    if (source, made_of) != ('cam', weights) or seeds.get('cam_method'):
        raise ValueError(
            f'{seed_dir}: seeds of {seeds.get("cam_method") or source!r} and of {seeds.get("weights")}, expected '
            f'the plain CAM of {checkpoint}: export it with tools/test.py --out'
        )
    model = load_model(cfg, checkpoint, device)
    head = linear_head(model, 'LPCAM')
    drop_masks(cfg)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, test_mode=True))
    ids = [Path(dataset.get_data_info(i)['img_path']).stem for i in range(len(dataset))]
    finished_ids(seed_dir, '.npz', ids)
    folder = out.with_name(f'{out.stem}_features')
    network = network_hash(model)
    _features(folder, dataset, ids, model, network)

    names = list(dataset.metainfo['classes'])[1:]
    weight = head.conv_seg.weight.detach().cpu()[:, :, 0, 0]
    keys = {id_: read_seed(Path(seed_dir, f'{id_}.npz'), len(names)).keys for id_ in ids}
    inside, context, counts = {}, {}, {}
    present = sorted({int(key) for found in keys.values() for key in found})
    for target in progress(present, len(present), 'classes'):
        shown = [id_ for id_ in ids if target in keys[id_]]
        pixels = [_pixels(folder, Path(seed_dir), id_, target, rule.select) for id_ in shown]
        both = [torch.cat(part) for part in zip(*pixels, strict=True)]
        if not len(both[0]):
            raise ValueError(
                f'{seed_dir}: no seed of {names[target]} exceeds {rule.select}; export the plain '
                'CAM of this checkpoint, or lower --select'
            )
        rng = np.random.RandomState(random_seed)
        centres = [
            cosine_kmeans(x, rule.clusters, rule.tolerance, rng) if len(x) else x for x in both
        ]
        chosen = choose(centres[0], centres[1], weight, target, rule)
        inside[target], context[target] = (part.numpy() for part in chosen)
        counts[names[target]] = [len(part) for part in chosen]
    meta = dict(
        network=network,
        weights=str(checkpoint),
        weights_hash=weights,
        seed_dir=str(seed_dir),
        seeds=seeds,
        rule=vars(rule),
        random_seed=random_seed,
        classes=names,
        images=len(ids),
        prototypes=counts,
    )
    write_prototypes(out, inside, context, meta)
    return counts


def _features(
    folder: Path, dataset: BaseDataset, ids: list[str], model: Host, network: str
) -> None:
    """Write the last feature map (K, h, w) of every image, float16, that is not there yet."""
    index = {id_: i for i, id_ in enumerate(ids)}
    views = text_hash(repr(dataset.pipeline))
    meta = dict(kind='features', network=network, views=views)
    with resumed_folder(folder, '.npz', ids, meta, ('network', 'views')) as left, torch.no_grad():
        for id_ in progress(left, len(left), 'features'):
            batch = pseudo_collate([dataset[index[id_]]])
            image = model.data_preprocessor(batch, False)['inputs']
            feature = model.extract_feat(image)[model.decode_head.in_index][0]
            write_npz(folder / f'{id_}.npz', feature=feature.cpu().numpy().astype(np.float16))


def _pixels(
    folder: Path, seed_dir: Path, id_: str, target: int, select: float
) -> tuple[Tensor, Tensor]:
    """Features of a class and of its context in one image, (N, K) and (M, K) float32."""
    with open_npz(folder / f'{id_}.npz', 'delete it and give the command again') as file:
        feature = torch.from_numpy(file.array('feature', (None,) * 3, 'f').astype(np.float32))
    seed = read_seed(seed_dir / f'{id_}.npz')
    score = seed.scores[list(seed.keys).index(target)]
    return split_by_seed(feature, torch.from_numpy(np.array(score)), select)
