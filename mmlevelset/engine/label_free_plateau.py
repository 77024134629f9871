"""A learning rate that falls when a quantity of the training stops improving."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.logging import MessageHub
from mmengine.optim import ReduceOnPlateauLR

from mmlevelset.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class LabelFreePlateauLR(ReduceOnPlateauLR):
    """``ReduceOnPlateauLR`` on the mean of a logged training value over each epoch.

    Takes the place of a schedule that looks at the ground truth of pixels: no validation is run
    and nothing but image-level labels is read. All processes see the mean over the processes, so
    that their rates stay equal.

    Args:
        optimizer: The optimizer or its wrapper.
        monitor: Name of the value in the log, e.g. ``'decode.loss_softmargin'``.
        **kwargs: Of mmengine's ``ReduceOnPlateauLR``: ``rule``, ``factor``, ``patience``, ….
    """

    need_val_args = False

    def __init__(self, optimizer: Any, *args: Any, monitor: str = 'loss', **kwargs: Any) -> None:
        self.counted = 0  # iterations of the epochs that have ended
        super().__init__(optimizer, *args, monitor=monitor, **kwargs)

    def step(self, metrics: dict | None = None) -> None:
        """Compare the epoch that ended with the best before; called by ParamSchedulerHook.

        Args:
            metrics: Unused, mmengine's signature.

        Raises:
            ValueError: The log has no such value.
        """
        hub = MessageHub.get_current_instance()
        name = f'train/{self.monitor}'
        if name not in hub.log_scalars:
            known = sorted(k[6:] for k in hub.log_scalars if k.startswith('train/'))
            raise ValueError(
                f'LabelFreePlateauLR: the log has no {self.monitor!r}; set monitor to one of {known}'
            )
        done = hub.get_info('iter') + 1
        mean = torch.tensor(float(hub.get_scalar(name).mean(done - self.counted)))
        self.counted = done
        all_reduce(mean, op='mean')
        super().step()  # counts the epoch
        super().step({self.monitor: mean.item()})
