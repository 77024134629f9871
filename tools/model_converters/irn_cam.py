"""IRN's ResNet-50 CAM (github.com/jiwoon-ahn/irn, written by its train_cam step) for our host.

python tools/model_converters/irn_cam.py res50_cam.pth.pth weights/irn_cam.pth
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

CONFIG = 'seed/cam/resnet50_voc12.py'
# IRN's Net registers its ResNet three times, and the classifier twice.
ALIASES = ('stage1.', 'stage2.', 'stage3.', 'stage4.', 'backbone.', 'newly_added.')


def rename(key: str) -> str | None:
    """Our name of IRN's tensor ``key``; ``None`` for a second name of the same tensor."""
    if key.startswith(ALIASES):
        return None
    if key == 'classifier.weight':
        return 'decode_head.conv_seg.weight'
    return 'backbone.' + key.removeprefix('resnet50.') if key.startswith('resnet50.') else key


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)
