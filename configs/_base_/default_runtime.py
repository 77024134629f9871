default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl', timeout=600),  # seconds that processes wait for another,
)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, by_epoch=True, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    load_guard=dict(type='mmlevelset.LoadGuardHook'),  # checkpoints fit, and run no code
    finite=dict(type='mmlevelset.FiniteHook'),  # stops at NaN and infinity
    epoch_seed=dict(type='mmlevelset.EpochSeedHook'),  # for equal resumed runs
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
