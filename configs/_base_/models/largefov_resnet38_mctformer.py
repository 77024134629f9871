# DeepLab-LargeFOV on ResNet38 as MCTformer re-trains it: seg/network/resnet38_seg.py, 124.04 M parameters.
_base_ = 'largefov_resnet38_seam.py'
model = dict(
    # What lies outside of a small image is trained as background, not left out (seg/voc12/data.py).
    data_preprocessor=dict(seg_pad_val=0, size=(321, 321)),
    # PSA's classifier of VOC's 20 image-level classes, not ImageNet: its names are ours already
    backbone=dict(init_cfg=dict(checkpoint='weights/res38_cls.pth')),
    decode_head=dict(variant='mctformer'),
)
