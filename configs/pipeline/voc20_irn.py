# Seeds of voc20_efficientnet-lite0_levelset.py -> IRNet, trained on every second photograph of train -> IRN's labels
# of these 424, with and without the level set, 3 random seeds: what voc20_refine.py answers about labels, in a
# quarter of the time. Masks are read by the evaluations alone.
_base_ = 'voc20_refine.py'
work_dir = 'work_dirs/voc20_irn'
every = 2
left_out = ['crf', 'crf-labels', 'psa']
models = None  # labels alone
