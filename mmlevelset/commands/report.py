"""Write a page to look at of a pipeline's run.

The page shows results, curves, images, times and settings. It is one HTML file that needs no network.
"""

from mmlevelset.apis.command import make_parser
from mmlevelset.report import write_report

EXAMPLE = 'work_dirs/shapes'


def main() -> None:
    """Run the command that ``sys.argv`` gives: write the page, print its path and what it lacks."""
    parser = make_parser(__doc__, EXAMPLE)
    parser.add_argument('work_dir', help='of a pipeline, finished or not')
    parser.add_argument('--out', help='page to write; default: report.html in work_dir')
    args = parser.parse_args()
    path, missing = write_report(args.work_dir, args.out)
    for sentence in missing:
        print(f'not on the page: {sentence}')
    print(f'report: {path}')
