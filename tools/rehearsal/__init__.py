"""Synthetic data of the shape of VOC or COCO, to rehearse commands on: ``python -m tools.rehearsal``."""
