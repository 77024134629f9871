"""ImageNet weights of ResNet38 from MXNet (ilsvrc-cls_rna-a1_cls1000_ep-0001.params of ademxapp).

python tools/model_converters/mxnet_resnet38.py ilsvrc-cls_rna-a1_cls1000_ep-0001.params weights/resnet38_ilsvrc.pth
"""

import os
import re

import torch
from mxnet_params import read_mxnet_params

from mmlevelset.apis import convert_state_dict
from mmlevelset.apis.command import make_parser, run
from mmlevelset.fileio.atomic import atomic_path
from mmlevelset.models import ResNet38

# res4a_branch2a_weight, bn4b3_branch2b1_moving_mean, bn7_gamma, conv1a_weight
NAME = re.compile(
    r'(?P<kind>res|bn|conv)(?P<stage>\d)(?P<block>a|b\d+)?(?:_(?P<branch>branch\w+?))?'
    r'_(?:moving_)?(?P<value>weight|gamma|beta|mean|var)'
)
VALUES = dict(weight='weight', gamma='weight', beta='bias', mean='running_mean', var='running_var')


def rename(key: str) -> str | None:
    """Our name of MXNet's array ``key``; ``None`` for ImageNet's classifier."""
    if key.startswith('linear1000_'):
        return None
    match = NAME.fullmatch(key)
    if match is None:
        return key
    part = match.groupdict()
    value = VALUES[part['value']]
    if part['branch'] is None:  # conv1a and bn7
        return f'{part["kind"]}{part["stage"]}{part["block"] or ""}.{value}'
    block = f'b{part["stage"]}' + part['block'].replace('a', '').replace('b', '_')
    return f'{block}.{"bn" if part["kind"] == "bn" else "conv"}_{part["branch"]}.{value}'


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument('source', help="MXNet's file")
    parser.add_argument('target', help='file to write')
    args = parser.parse_args()
    source = {name: torch.tensor(array) for name, array in read_mxnet_params(args.source).items()}
    converted = convert_state_dict(source, rename, ResNet38().state_dict())
    with atomic_path(args.target) as path:
        torch.save(
            dict(state_dict=converted, meta=dict(source=os.path.basename(args.source))), path
        )


if __name__ == '__main__':
    run(main)
