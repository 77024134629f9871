"""From the archives of PASCAL VOC, SBD and COCO to the folders that the configs read.

``tools/dataset_converters`` holds the command lines, ``docs/en/datasets.md`` the layouts.
"""
