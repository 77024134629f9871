"""Synthetic data of the shape of VOC or COCO, see :mod:`tools.rehearsal`.

python tools/dataset_converters/rehearsal.py voc data/rehearsal
"""

import runpy
import sys
from pathlib import Path

if __name__ == '__main__':
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    runpy.run_module('tools.rehearsal', run_name='__main__')
