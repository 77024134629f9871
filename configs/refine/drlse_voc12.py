# Level sets from the seeds to the edges of the image, without training.
_base_ = '../_base_/refine/voc12.py'
refiner = dict(
    type='mmlevelset.EvolutionRefiner', method='drlse', background=dict(score=0.4), steps=40
)
