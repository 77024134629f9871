"""Pictures -> label maps, contours and level sets; the same as ``mmlevelset infer``.

``python demo/image_demo.py CONFIG CHECKPOINT PICTURE --out-dir out [--labels cat,dog]``
"""

from mmlevelset.apis.command import run
from mmlevelset.apis.infer_command import main

if __name__ == '__main__':
    run(main)
