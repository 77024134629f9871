r"""Re-trained DeepLab-LargeFOV models of MCTformer and SEAM for ours.

python tools/model_converters/largefov_resnet38.py mctformer_seg.pth weights/mctformer_seg.pth
python tools/model_converters/largefov_resnet38.py seam_seg.pth weights/seam_seg.pth \
    --config configs/retrain/largefov_resnet38_seam_voc12.py

Their initialisations need no conversion here: PSA's res38_cls.pth has ResNet38's names, ImageNet's
weights are converted by mxnet_resnet38.py.
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.convert import run_converter

CONFIG = 'retrain/largefov_resnet38_mctformer_voc12.py'
HEAD = dict(
    fc8_seg_conv1='convs.0', fc8_seg_conv2='conv_seg',  # MCTformer
    conv_fov='convs.0', bn_fov='convs.1', conv_fov2='convs.3', bn_fov2='convs.4', cls_conv='conv_seg',
)  # fmt: skip


def rename(key: str) -> str:
    """Our name of the tensor ``key`` of MCTformer or of semantic-segmentation-codebase."""
    layer, _, rest = key.partition('.')
    if layer in HEAD:
        return f'decode_head.{HEAD[layer]}.{rest}'
    return 'backbone.' + key.removeprefix('backbone.')


def main() -> None:
    run_converter(__doc__, CONFIG, rename)


if __name__ == '__main__':
    run(main)
