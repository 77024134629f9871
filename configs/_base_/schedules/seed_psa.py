# PSA's train_cls.py: SEAM's recipe, momentum of 5e-4 included, with lr 0.1 (classifier 1.0), 15 epochs.
_base_ = 'seed_seam.py'
optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(max_epochs=15)
