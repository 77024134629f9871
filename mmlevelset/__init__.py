"""CAM-guided level sets for weakly supervised semantic segmentation.

``mmlevelset.levelset`` holds the method in pure torch and needs none of the mm* packages. The rest
is built on mmengine, mmcv and mmsegmentation, whose absence ``mmlevelset.compat`` reports.
"""

__version__ = '0.1.0'
