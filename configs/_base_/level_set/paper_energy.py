# The energy as printed (eq 19-24): two constant regions on x and on F, CAM-weighted data, plain
# length. The paper gives neither gamma nor lambda; terms are means, so 1 balances them, and the
# length counts a hundredth (boxlevelset uses 1e-5 of a sum).
paper_energy = dict(
    type='mmlevelset.LevelSetEnergyLoss',
    image_weight=1.0,
    feature_weight=1.0,
    edge_weight=0.0,
    length_weight=0.01,
    alpha=0.5,
    cam_logit='literal',
)
