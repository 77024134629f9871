# AffinityNet of MCTformer on COCO 2014; the recipe is that of VOC, since none is published.
_base_ = ['affinitynet_resnet38_mctformer_voc12.py', '../_base_/datasets/coco14_images.py']
train_dataloader = dict(dataset=_base_.coco14_train)
