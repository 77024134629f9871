"""Open a local web page: upload a picture, choose classes, follow its contour by sliders.

Only this machine reaches it, unless --host names another address. Interrupt the command to end it. It needs
Gradio: pip install "gradio>=6"
"""

from mmlevelset.apis.command import make_parser
from mmlevelset.apis.demo import Demo, make_page, serve
from mmlevelset.apis.inferencer import LevelSetInferencer

EXAMPLE = 'cam/efficientnet-lite0_levelset_shapes model.pth'


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('config', help='level-set config, a file or its name')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--presence', type=float, help='probability from which on a class is found')
    parser.add_argument('--device', help='cpu, cuda, … (default: the GPU if there is one)')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen at')
    parser.add_argument('--port', type=int, default=7860)
    args = parser.parse_args()
    inferencer = LevelSetInferencer(
        args.config, args.checkpoint, args.device, presence=args.presence
    )
    page = make_page(Demo(inferencer))
    address = serve(page, args.host, args.port)
    print(f'page: {address}; interrupt this command to end it', flush=True)
    page.block_thread()
