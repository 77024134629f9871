# Level sets from the seeds to the regions of the image, without training. Local means, by
# refiner.local_radius=16, take forty times as long.
refiner = dict(
    type='mmlevelset.EvolutionRefiner', method='chan_vese', background=dict(score=0.4), steps=15
)
