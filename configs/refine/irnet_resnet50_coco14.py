# IRNet on COCO 2014; the recipe is that of VOC, as in RIB.
_base_ = ['irnet_resnet50_voc12.py', '../_base_/datasets/coco14_images.py']
train_dataloader = dict(dataset=_base_.coco14_pseudo)
