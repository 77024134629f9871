"""What must hold before a checkpoint is loaded or resumed."""

from collections.abc import Mapping

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmlevelset.engine.resume_schedule import fit_position, fit_schedule, training_sizes
from mmlevelset.models.trained import bare_model, other_classes, plain_tensors, unfit_tensors
from mmlevelset.registry import HOOKS


@HOOKS.register_module()
class LoadGuardHook(Hook):
    """Check a loaded checkpoint against the model and, for a resumed training, the schedule.

    The sizes of a batch and of the data set go into the checkpoints, so that a resumed training sees
    that they have changed. The config that mmengine stores in a checkpoint as Python text and runs
    when the training is resumed is dropped: nothing in a checkpoint is ever executed.

    Raises:
        ValueError: The checkpoint is of another model, of no training, or past the schedule's end.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Note the sizes of this training, which its checkpoints carry."""
        runner.message_hub.update_info_dict(training_sizes(runner))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check and mend ``checkpoint`` before the Runner uses it."""
        name = runner._load_from or 'the checkpoint'
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)
        state = checkpoint.get('state_dict', checkpoint)
        own = bare_model(runner.model).state_dict()
        if runner._resume:
            missing = [
                key
                for key in ('meta', 'message_hub', 'state_dict', 'optimizer')
                if not isinstance(checkpoint.get(key), Mapping)
            ]
            if missing:
                raise ValueError(
                    f'{name} is no checkpoint of a training, it lacks {", ".join(missing)}; to start '
                    'from its weights, set load_from to it and leave out --resume'
                )
            unfit = unfit_tensors(own, state)
            if unfit:
                raise ValueError(
                    f'{name} is of another model: {len(unfit)} tensors do not fit, e.g. '
                    f'{"; ".join(unfit[:3])}. Resume with the config that the training began with.'
                )
            change = fit_position(runner, checkpoint, name)
            fit_schedule(runner, checkpoint, name, change)
        elif not any(
            key in own and own[key].shape == value.shape for key, value in plain_tensors(state)
        ):
            raise ValueError(
                f'{name} has no tensor of the model, which has e.g. {next(iter(own), "none")}; convert '
                'it with tools/model_converters, or give it to the part of the model that it is for '
                "(init_cfg=dict(type='Pretrained', checkpoint=…))"
            )
        elif isinstance(loop := getattr(runner, '_train_loop', None), BaseLoop):
            metainfo = getattr(loop.dataloader.dataset, 'metainfo', {})
            if differ := other_classes(checkpoint, metainfo):
                runner.logger.warning(
                    f'{name} {differ}: the layers of its classes are taken for those of other ones; if that is not '
                    'meant, correct load_from, or the classes of the data set (metainfo)'
                )
