# AFA's pixel-adaptive refinement.
_base_ = '../_base_/refine/voc8.py'
refiner = dict(type='mmlevelset.PAR', background=dict(score=0.4))
