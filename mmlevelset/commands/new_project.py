"""Write the configs of your own project: data set, host, level set, segmentation model, pipeline.

DATA is a folder in VOC's layout: JPEGImages, ImageSets/Segmentation/{train,val}.txt and the
image-level labels. The README.md of the project says what to type next.
"""

import shlex

from mmlevelset.apis.command import make_parser
from mmlevelset.apis.new_project import new_project
from mmlevelset.datasets.prepare.own_classes import CLASSES_HELP

EXAMPLE = 'pets --data data/mine --classes cat,dog'


def main() -> None:
    """Run the command that ``sys.argv`` gives."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('folder', help='folder of the project, new or empty')
    parser.add_argument('--data', required=True, help='folder of the images')
    parser.add_argument('--classes', nargs='+', metavar='NAME', help=CLASSES_HELP)
    args = parser.parse_args()
    for path in new_project(args.folder, args.data, args.classes):
        print(path)
    print(f'next: cd {shlex.quote(args.folder)}, and what README.md says')
