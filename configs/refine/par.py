# AFA's pixel-adaptive refinement.
refiner = dict(type='mmlevelset.PAR', background=dict(score=0.4))
