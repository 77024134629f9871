# As psa-scores_mctformer: at low alpha 1 the foreground is where phi > 0 (score > 0.5), at high alpha 12 the
# background where the score is below 0.15. Not published; no masks were read to choose it.
_base_ = ['../_base_/refine/dense_crf.py', '../_base_/refine/psa.py']
dtype = 'uint8'
refiners = {
    name: dict(_base_.crf_psa, background=dict(alpha=alpha))
    for name, alpha in _base_.psa_alphas_mctformer.items()
}
