# Seeds of voc20_muscle_levelset.py -> IRNet, trained on every second photograph of train -> IRN's labels of all 847 ->
# SegFormer's head, tested on val: as voc20_irn.py, of MuSCLe with and without the level set. Masks are read by the
# evaluations alone.
_base_ = 'voc20_irn.py'
work_dir = 'work_dirs/voc20_muscle_irn'
seeds = 'work_dirs/voc20_muscle'
variants = ['baseline', 'levelset']
refiners = dict(
    irn=dict(
        targets=dict(baseline='configs/refine/irn-labels_recam.py'),
        walk=dict(baseline='configs/refine/irn-walk_voc20.py'),
    )
)
# From the plain CAM's host, of which MuSCLe's took its backbone: it saw image-level labels alone, both arms share
# it, and its last stages have the model's stride, 32; MuSCLe's went on at 16.
models = dict(start='backbone')
