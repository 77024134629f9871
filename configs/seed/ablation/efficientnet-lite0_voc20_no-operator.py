# Our default without f_LSE: the energy shapes phi^0 alone, and phi^T is phi^0.
_base_ = '../cam/efficientnet-lite0_levelset_voc20.py'
model = dict(
    auxiliary_head=dict(
        evolution=dict(_delete_=True, type='mmlevelset.ClassicalEvolution', steps=0)
    )
)
