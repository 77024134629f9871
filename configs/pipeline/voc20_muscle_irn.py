# The same of MuSCLe, whose host took its backbone from the plain CAM's as well: seeds of voc20_muscle_levelset.py.
_base_ = 'voc20_seam_irn.py'
work_dir = 'work_dirs/voc20_muscle_irn'
seeds = 'work_dirs/voc20_muscle'
