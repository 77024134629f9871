# AFA's pixel-adaptive refinement.
_base_ = '../_base_/refine/coco14.py'
refiner = dict(type='mmlevelset.PAR', background=dict(score=0.4))
