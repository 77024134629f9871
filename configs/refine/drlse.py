# Level sets from the seeds to the edges of the image, without training.
refiner = dict(
    type='mmlevelset.EvolutionRefiner', method='drlse', background=dict(score=0.4), steps=40
)
