# MCTformer-V1: no patch classifier, the CAM is the attention of the class tokens; 55.2 mIoU reported.
_base_ = 'deit-s_v2_voc12.py'
model = dict(decode_head=dict(variant='v1'))
