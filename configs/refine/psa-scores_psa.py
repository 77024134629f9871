# Posteriors at low and high alpha, what AffinityNet is trained on, in out/low/soft and out/high/soft.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/psa.py']
dtype = 'uint8'  # a byte where the original stores a float
refiners = {
    name: dict(_base_.crf_psa, background=dict(alpha=alpha))
    for name, alpha in _base_.psa_alphas_psa.items()
}
