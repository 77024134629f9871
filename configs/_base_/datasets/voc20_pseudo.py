# Retraining on pseudo-labels of voc20: what a leaf changes of voc8's, its data and the length of its training.
voc20_pseudo = dict(
    train_dataloader=dict(
        dataset=dict(
            ann_file='data/voc20/ImageSets/Segmentation/train_mid.txt',
            data_prefix=dict(img_path='data/voc20/JPEGImages'),
            metainfo=dict(_delete_=True),
        )
    ),
    test_dataloader=dict(dataset=dict(data_root='data/voc20', metainfo=dict(_delete_=True))),
    train_cfg=dict(_delete_=True, type='IterBasedTrainLoop', max_iters=500),
    default_hooks=dict(checkpoint=dict(by_epoch=False, interval=500)),
    log_processor=dict(by_epoch=False),
)
