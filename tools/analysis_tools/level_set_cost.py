"""What the level set adds to one training iteration: operations, memory and time on a CPU.

``python tools/analysis_tools/level_set_cost.py BASELINE LEVEL_SET [--size 448 --images 2 --repeats 3]``, two
configs. Images and weights are random, so it needs no data.
"""

import dataclasses
import logging
import time

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from mmlevelset.apis.command import make_parser, run
from mmlevelset.config import read_config
from mmlevelset.pipeline.tables import aligned

# Attention on a CPU, which PyTorch does not count by itself.
ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: (
        lambda *shapes, **_: sdpa_flop_count(*shapes[:3])
    ),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
        lambda *shapes, **_: sdpa_backward_flop_count(*shapes[:4])
    ),
}


@dataclasses.dataclass
class Cost:
    """Of one iteration with all images.

    Attributes:
        operations: FLOP of the convolutions and matrix products, forward and backward.
        kept: Bytes of the tensors that are kept for the backward pass, without the parameters.
        fixed: Bytes of parameters, gradients and the state of the optimiser.
        seconds: Of the processor, smallest over the repetitions.
        level_sets: How many there were; 0 in a baseline.
    """

    operations: int = 0
    kept: int = 0
    fixed: int = 0
    seconds: float = float('inf')
    level_sets: int = 0


class Training:
    """One model, its optimiser and a random batch; one class in every image, two in every other.

    Args:
        config: Config of a host; its initial weights are not read.
        size: Side of the square images, in pixels.
        images: How many they are.
    """

    def __init__(self, config: str, size: int, images: int) -> None:
        cfg = read_config(config)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        backbone = cfg.model.backbone
        backbone.update(
            init_cfg=None, **({'frozen_cache': None} if 'frozen_cache' in backbone else {})
        )
        torch.manual_seed(0)
        self.model: BaseModel = MODELS.build(cfg.model).train()
        self.optimiser: OptimWrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        for group in self.optimiser.param_groups:
            group['lr'] = 0.0  # or the CAM, and with it the number of level sets, would change
        self.batch_size: int = cfg.train_dataloader.batch_size
        self.classes: int = self.model.decode_head.num_classes
        self.inputs = [
            torch.randint(256, (3, size, size), dtype=torch.uint8) for _ in range(images)
        ]
        self.cost = Cost()

    def batch(self) -> dict[str, list]:
        """The batch as the data loader would give it."""
        samples = []
        for i, image in enumerate(self.inputs):
            label = torch.zeros(self.classes)
            label[[i % self.classes, (i + i % 2) % self.classes]] = 1
            shape = tuple(image.shape[1:])
            samples.append(
                SegDataSample(
                    metainfo=dict(
                        img_label=label.numpy(), img_shape=shape, ori_shape=shape, pad_shape=shape
                    )
                )
            )
        return dict(inputs=list(self.inputs), data_samples=samples)

    def count(self) -> None:
        """One iteration with everything counted but the time."""
        parameters = {p.untyped_storage().data_ptr() for p in self.model.parameters()}
        kept: dict[int, Tensor] = {}  # holding them, or an address could return

        def pack(tensor: Tensor) -> Tensor:
            if tensor.untyped_storage().data_ptr() not in parameters:
                kept.setdefault(tensor.untyped_storage().data_ptr(), tensor.detach())
            return tensor

        head = getattr(self.model, 'auxiliary_head', None)
        if head is not None:
            head.loss_sdf.register_forward_pre_hook(self._count_level_sets)
        hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter, hooks:
            self.model.train_step(self.batch(), self.optimiser)
        states = [v for state in self.optimiser.optimizer.state.values() for v in state.values()]
        trained = [p for p in self.model.parameters() if p.requires_grad]
        tensors = [*self.model.parameters(), *trained, *filter(torch.is_tensor, states)]
        self.cost.operations = counter.get_total_flops()
        self.cost.kept = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        self.cost.fixed = sum(tensor.nbytes for tensor in tensors)

    def _count_level_sets(self, loss: torch.nn.Module, maps: tuple[Tensor, ...]) -> None:
        self.cost.level_sets = len(maps[0])

    def measure(self) -> None:
        """One iteration on the clock of the process."""
        batch = self.batch()
        start = time.process_time()
        self.model.train_step(batch, self.optimiser)
        self.cost.seconds = min(self.cost.seconds, time.process_time() - start)


def compare(
    baseline: str, level_set: str, size: int = 448, images: int = 2, repeats: int = 3
) -> tuple[Training, Training]:
    """Count and measure two configs, in turn.

    Raises:
        ValueError: If the second one has no level sets, or no CAM of the random network a contour.
    """
    pair = Training(baseline, size, images), Training(level_set, size, images)
    for training in pair:
        training.count()
    if pair[0].cost.level_sets or not pair[1].cost.level_sets:
        raise ValueError(
            f'{baseline} has {pair[0].cost.level_sets} level sets, {level_set} has '
            f'{pair[1].cost.level_sets}; give a baseline and, second, a level-set config'
        )
    for _ in range(repeats):
        for training in pair:
            training.measure()
    return pair


def table(pair: tuple[Training, Training]) -> str:
    """Markdown: per image, fixed memory, and all memory at the batch size of the recipe."""
    images, batch_size = len(pair[0].inputs), pair[0].batch_size
    one, other = (training.cost for training in pair)
    total = [cost.fixed + cost.kept / images * batch_size for cost in (one, other)]
    rows: list[tuple[str, float, float, float]] = [
        ('operations, TFLOP an image', one.operations, other.operations, 1e-12 / images),
        ('kept for the backward pass, GiB an image', one.kept, other.kept, 2**-30 / images),
        ('parameters, gradients, optimiser, GiB', one.fixed, other.fixed, 2**-30),
        (f'memory with {batch_size} images, GiB', total[0], total[1], 2**-30),
        ('CPU time, s an image', one.seconds, other.seconds, 1 / images),
    ]
    cells = [['per iteration', 'baseline', 'level set', 'added']]
    for name, a, b, unit in rows:
        cells.append([name, f'{a * unit:.3g}', f'{b * unit:.3g}', f'{100 * (b / a - 1):+.1f} %'])
    return f'{aligned(cells)}\n\n{other.level_sets} level sets in {images} images'


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('baseline', help='config of a host')
    parser.add_argument('level_set', help='the same host with the level set')
    parser.add_argument('--size', type=int, default=448, help='of the images, in pixels')
    parser.add_argument('--images', type=int, default=2, help='in one iteration')
    parser.add_argument('--repeats', type=int, default=3, help='iterations on the clock')
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # the optimiser lists every parameter
    torch.set_num_threads(1)
    print(table(compare(args.baseline, args.level_set, args.size, args.images, args.repeats)))


if __name__ == '__main__':
    run(main)
