"""Test a model, or export its seeds; writes WORK_DIR/metrics.json."""

from pathlib import Path

from mmlevelset.apis import (
    add_arguments,
    build_runner,
    check_config,
    check_weights,
    drop_masks,
    load_config,
    require_masks,
    set_label_folder,
    set_seed_folder,
    set_show_folder,
    set_tta,
    state_levels,
    write_metrics,
)
from mmlevelset.apis.command import make_parser

EXAMPLE = (
    'seed/cam/efficientnet-lite0_levelset_shapes work_dirs/mine/epoch_14.pth --tta '
    '--out work_dirs/mine/seeds'
)


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    add_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    outputs = parser.add_mutually_exclusive_group()
    outputs.add_argument('--out', help='folder for the seeds (SeedMetric)')
    outputs.add_argument('--seeds-only', help='the same; nothing is scored and no mask is read')
    outputs.add_argument(
        '--labels-only', help='folder for the label maps; nothing is scored and no mask is read'
    )
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    args = parser.parse_args()

    cfg = load_config(args.config, args.work_dir, args.launcher, args.cfg_options)
    cfg.load_from = args.checkpoint
    check_config(cfg, 'test')
    if args.tta:
        set_tta(cfg)
    if args.out:
        set_seed_folder(cfg, args.out)
        require_masks(cfg)
    if args.seeds_only:
        set_seed_folder(cfg, args.seeds_only)
        drop_masks(cfg)
    if args.labels_only:
        set_label_folder(cfg, args.labels_only)
    if args.show_dir:
        set_show_folder(cfg, args.show_dir)
    runner = build_runner(cfg)
    check_weights(runner, args.checkpoint)
    state_levels(runner, args.checkpoint)
    metrics = runner.test()
    path = Path(cfg.work_dir) / 'metrics.json'
    metainfo = runner.test_evaluator.dataset_meta
    write_metrics(path, metrics, args.config, args.checkpoint, metainfo)
