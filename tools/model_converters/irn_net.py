"""IRNet (github.com/jiwoon-ahn/irn, written by its train_irn step) for ours.

python tools/model_converters/irn_net.py res50_irn.pth weights/irn_net.pth
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

CONFIG = 'refine/irnet_resnet50_voc12.py'


def rename(key: str) -> str | None:
    """Our name of IRN's tensor ``key``; ``None`` for a second name of the same tensor.

    The lists ``edge_layers`` and ``dp_layers`` hold the modules ``fc_edge*`` and ``fc_dp*``, and the
    mean shift; the stages hold those of ``resnet50``.
    """
    if key.startswith(('edge_layers.', 'dp_layers.')):
        return f'decode_head.{key}'
    if key.startswith('resnet50.'):
        return 'backbone.' + key.removeprefix('resnet50.')
    if key.startswith(('stage', 'backbone.', 'fc_edge', 'fc_dp', 'mean_shift.')):
        return None
    return key


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)
