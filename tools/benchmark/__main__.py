"""Times energy, spectral layer and evolution against what others use, and the CRF and scores of a test.

``python -m tools.benchmark [--only energy spectral table3 crf evaluation]``

Prints Markdown tables and writes ``benchmark.json``, ``benchmark.md``, the operator and a plot.
How times and memory are measured: :mod:`tools.benchmark.timing`.
"""

import argparse
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.atomic import atomic_path, write_json
from mmlevelset.fileio.versions import versions

from . import report, trained
from .crf import crf
from .evaluation import evaluation
from .sections import Setup, energy, spectral
from .table3 import table3
from .timing import Row

SECTIONS = dict(energy=energy, spectral=spectral, crf=crf, evaluation=evaluation)
PEERS = ('opencv-python', 'scikit-image', 'neuraloperator')


def parse() -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.prog = 'python -m tools.benchmark'
    sections = ['energy', 'spectral', 'table3', 'crf', 'evaluation']
    parser.add_argument('--only', nargs='+', choices=sections, default=sections)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, default=1, help='of torch, on the CPU')
    parser.add_argument('--out', default='work_dirs/benchmark', help='folder of the results')
    parser.add_argument('--repeats', type=int, default=9, help='rounds of a comparison')
    parser.add_argument('--seconds', type=float, default=120, help='limit on its rounds, from 3 on')
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--maps', type=int, nargs='+', default=[28, 56, 112], help='map sizes')
    parser.add_argument('--large', type=int, default=448, help='size of the large map')
    parser.add_argument('--channels', type=int, default=384, help='of the features of the energy')
    parser.add_argument(
        '--operator', help='file with kwargs and state_dict; otherwise one is trained'
    )
    parser.add_argument('--operator-steps', type=int, default=400, help='training steps')
    parser.add_argument('--images', help='folder of photographs; the first is measured on')
    parser.add_argument(
        '--crf-size', type=int, nargs=2, default=[480, 640], metavar=('H', 'W'), help='of its image'
    )
    parser.add_argument('--crf-labels', type=int, default=81, help='of the model before the CRF')
    parser.add_argument('--adam-steps', type=int, default=300, help='of the yardstick of Table 3')
    parser.add_argument('--compile', action='store_true', help='row of torch.compile in Table 3')
    return parser.parse_args()


def run_table3(args: argparse.Namespace, device: torch.device, out: Path) -> tuple[list[Row], Row]:
    image, images = trained.grey_images(args.images, args.large)
    image = image.to(device)
    if args.operator:
        operator = trained.load(args.operator, args.classes, device)
    else:
        operator = trained.train(args.classes, images, args.operator_steps, device)
        kwargs = dict(num_classes=args.classes, condition_channels=1)
        trained.save(out / 'operator.pth', operator, kwargs)
    comparison, facts = table3(image, args.classes, operator, args.adam_steps, args.compile)
    return comparison.measure(args.repeats, args.seconds), facts


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    device, out = torch.device(args.device), Path(args.out)
    setup = Setup(
        device,
        args.classes,
        args.batch,
        tuple(args.maps),
        args.large,
        args.channels,
        args.images,
        tuple(args.crf_size),
        args.crf_labels,
    )
    installed = dict(versions())
    for name in PEERS:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = 'not installed'
    facts: Row = dict(
        machine=report.machine(device), command=shlex.join(sys.argv), versions=installed
    )
    texts = [f'{facts["machine"]}.\n\n' + ', '.join(f'{k} {v}' for k, v in installed.items()) + '.']
    print(texts[0], flush=True)
    rows: list[Row] = []
    for name in args.only:
        if name in SECTIONS:
            found = [
                row for c in SECTIONS[name](setup) for row in c.measure(args.repeats, args.seconds)
            ]
            text = report.comparison_table(found)
        else:
            found, facts['table3'] = run_table3(args, device, out)
            text = report.table3_table(found, facts['table3'])
            report.plot_table3(found, out / 'evolution.png')
        rows += found
        texts.append(f'### {name}\n\n{text}')
        print(f'\n{texts[-1]}', flush=True)
        write_json(out / 'benchmark.json', dict(facts, rows=rows))
        with atomic_path(out / 'benchmark.md') as temporary:
            temporary.write_text('\n\n'.join(texts) + '\n')


if __name__ == '__main__':
    run(main)
