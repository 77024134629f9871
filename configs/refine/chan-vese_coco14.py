# Level sets from the seeds to the regions of the image, local means, without training.
_base_ = '../_base_/refine/coco14.py'
refiner = dict(
    type='mmlevelset.EvolutionRefiner', method='chan_vese', background=dict(score=0.4),
    steps=15, local_radius=16,
)  # fmt: skip
