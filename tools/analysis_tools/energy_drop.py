"""How much of the energy one pass of the evolution removes, beside iterative minimisation.

``python tools/analysis_tools/energy_drop.py CONFIG CHECKPOINT [--images N --steps 300 --json FILE]``
"""

import json
from functools import reduce

import torch
from mmseg.registry import DATASETS

from mmlevelset.apis import add_arguments
from mmlevelset.apis.command import make_parser, run
from mmlevelset.apis.pictures import guide_dirs, load_level_set_model, loaded_guide, trace_image
from mmlevelset.config import read_config
from mmlevelset.fileio.atomic import write_json
from mmlevelset.fileio.images import read_image
from mmlevelset.levelset import LevelSetTrace, chan_vese, edge_map
from mmlevelset.levelset.limits import check_count
from mmlevelset.models import LevelSetEnergyLoss
from mmlevelset.parallel import progress


def total(loss: LevelSetEnergyLoss, trace: LevelSetTrace, phi: torch.Tensor) -> torch.Tensor:
    """Energy (M, 1) of ``phi`` (M, 1, h, w), in pixels of the map, positive inside: the sum of all terms."""
    terms = loss.energies(phi, *trace.seen(loss))
    return reduce(torch.add, terms.values())


def minimise(
    loss: LevelSetEnergyLoss, trace: LevelSetTrace, start: torch.Tensor, steps: int, lr: float
) -> torch.Tensor:
    """Lowest energy (M, 1) that Adam reaches from ``start`` (M, 1, h, w), in pixels of the map.

    ``lr`` is in pixels of the input image per step.
    """
    phi = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([phi], lr=lr / trace.stride)
    best = total(loss, trace, start)
    for _ in range(steps):
        energy = total(loss, trace, phi)
        best = torch.minimum(best, energy.detach())
        optimiser.zero_grad()
        energy.sum().backward()
        optimiser.step()
    return torch.minimum(best, total(loss, trace, phi.detach()))


def main() -> None:
    parser = make_parser(__doc__)
    add_arguments(parser, launcher=False)
    parser.add_argument('checkpoint', help='weights of a level-set config')
    parser.add_argument('--images', type=int, default=64, help='evenly spaced over the data set')
    parser.add_argument('--steps', type=int, default=300, help='Adam steps')
    parser.add_argument('--lr', type=float, default=2.0, help='of Adam, in pixels of the image')
    parser.add_argument('--json', help='file for the figures')
    args = parser.parse_args()
    check_count('--images', args.images)

    cfg = read_config(args.config, args.cfg_options)
    model, head = load_level_set_model(cfg, args.checkpoint)
    loss = head.loss_energy
    if not isinstance(loss, LevelSetEnergyLoss):
        raise ValueError(
            f'{args.config}: its loss_energy is {loss}, expected a LevelSetEnergyLoss; give a config that '
            'trains the evolution'
        )
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    count = min(args.images, len(dataset))
    picks = torch.linspace(0, len(dataset) - 1, count).long().tolist()
    if 'edge_dir' in str(cfg.get('train_dataloader')):
        print('edges of edge_dir are left out: the energy here is that of the edges of the images')
    rows, folders = [], list(guide_dirs(cfg.get('train_dataloader') or {}))
    for i in progress(picks, len(picks), 'images'):
        guide = None
        if folders:
            info = dataset.get_data_info(i)
            guide, _ = loaded_guide(folders, info, read_image(info['img_path']))
        trace, _ = trace_image(model, head, dataset[i], guide)
        if not len(trace.phi):
            continue
        # Two starts: phi^0, which f_LSI has already moved, and the SDF of the CAM.
        for start, name in ((trace.phi0, 'phi0'), (trace.sdf, 'sdf')):
            fifteen = chan_vese(
                start, trace.data, steps=15, edge=edge_map(trace.image, start.shape[2:])
            )
            with torch.no_grad():
                energies = [total(loss, trace, v) for v in (start, trace.phi, fifteen)]
            adam = minimise(loss, trace, start, args.steps, args.lr)
            for values in zip(*(e.flatten().tolist() for e in (*energies, adam)), strict=True):
                rows.append((name, *values))
    if not rows:
        raise ValueError(
            f'no CAM of the {len(picks)} images has a contour; give more --images or a checkpoint '
            'that was trained for longer'
        )
    facts = dict(
        config=args.config, checkpoint=args.checkpoint, images=len(picks), adam_steps=args.steps
    )
    for name in ('phi0', 'sdf'):
        e0, one_pass, classical, adam = torch.tensor([r[1:] for r in rows if r[0] == name]).mean(0)
        drop = e0 - adam
        facts[name] = dict(
            start=float(e0),
            one_pass=float(one_pass),
            classical_15=float(classical),
            adam=float(adam),
            fraction_one_pass=float((e0 - one_pass) / drop),
            fraction_classical_15=float((e0 - classical) / drop),
        )
    print(json.dumps(facts, indent=2))
    if args.json:
        write_json(args.json, facts)


if __name__ == '__main__':
    run(main)
