"""How trainings and tests of a pipeline are started: one process, torchrun or Slurm."""

import os
from typing import NamedTuple

from .parts import Options, config_of, options_of, word

BATCH = 'train_dataloader.batch_size'
PORT = 29500  # of several nodes, where all must know it; as in tools/dist_train.sh


class Launch(NamedTuple):
    """Processes of a training: ``gpus`` on each of ``nodes``, which share the batch of the recipe.

    Args:
        gpus (int): Processes on a node, on a machine without GPUs as well. A test takes as many, on one
            node.
        nodes (int): Machines.
        partition (str): Of Slurm, which then starts the processes; default: torchrun does. Several nodes
            without Slurm need ``MASTER_ADDR`` in the environment.
    """

    gpus: int = 1
    nodes: int = 1
    partition: str = ''

    def checked(self) -> 'Launch':
        """Return this launch once its numbers are known to fit.

        Raises:
            ValueError: Numbers below 1, or several nodes that nothing starts.
        """
        for name, number in (('gpus', self.gpus), ('nodes', self.nodes)):
            if type(number) is not int or number < 1:
                raise ValueError(f'{name} must be a whole number from 1, got {number!r}')
        if self.nodes > 1 and not self.partition and 'MASTER_ADDR' not in os.environ:
            raise ValueError(
                f'nodes={self.nodes} needs Slurm (partition=NAME), or MASTER_ADDR in the environment and '
                'the training commands of the logs, with NODE_RANK, given on the other nodes'
            )
        return self

    @property
    def processes(self) -> int:
        """All processes of a training."""
        return self.gpus * self.nodes

    def train(self, name: str, config: str, folder: str, options: Options = ()) -> str:
        """Command of a training that goes on in its folder.

        Args:
            name (str): Of the stage, for Slurm.
            config (str): Path of the config.
            folder (str): Work folder.
            options (Options): Its ``key=value`` pairs, of which the last of a key prevails; a batch size is
                the whole one, as in the config.

        Raises:
            ValueError: The processes cannot share the batch.
        """
        if self.partition:
            slurm = f'GPUS={self.processes} GPUS_PER_NODE={self.gpus} tools/slurm_train.sh'
            start = f'{slurm} {word(self.partition)} {name} {word(config)}'
        elif self.processes > 1:
            nodes = f'NNODES={self.nodes} PORT={PORT} ' if self.nodes > 1 else ''
            start = f'{nodes}tools/dist_train.sh {word(config)} {self.gpus}'
        else:
            start = f'{{python}} tools/train.py {word(config)}'
        options = self._shared(config, list(options))
        return f'{start} --work-dir {folder} --resume{options_of(*options)}'

    def test(self, name: str, config: str, checkpoint: str, rest: str) -> str:
        """Command of a test, whose words ``rest`` follow the checkpoint."""
        if self.partition:
            slurm = f'GPUS={self.gpus} GPUS_PER_NODE={self.gpus} tools/slurm_test.sh'
            return f'{slurm} {word(self.partition)} {name} {word(config)} {checkpoint} {rest}'
        if self.gpus > 1:
            nodes = 'NNODES=1 ' if self.nodes > 1 else ''
            return f'{nodes}tools/dist_test.sh {word(config)} {checkpoint} {self.gpus} {rest}'
        return f'{{python}} tools/test.py {word(config)} {checkpoint} {rest}'

    def _shared(self, config: str, options: list[str]) -> list[str]:
        """The options with the batch of one process in the place of the whole, of the config or of an option."""
        if self.processes == 1:
            return options
        batches = [option for option in options if option.startswith(f'{BATCH}=')]
        if batches:  # of several, mmengine takes the last
            whole, named = batches[-1].partition('=')[2], f'the option {batches[-1]}'
        else:
            whole, named = config_of(config).train_dataloader.batch_size, config
        if not str(whole).isdecimal() or not int(whole):
            raise ValueError(f'{named}: a batch of {whole!r}, expected a whole number from 1')
        if int(whole) % self.processes:
            raise ValueError(
                f'{named} trains with batches of {whole}, which gpus={self.gpus} times '
                f'nodes={self.nodes} processes cannot share; take a divisor of {whole}, or, which '
                f'changes the recipe, give that training a batch that they can share by {BATCH}=... '
                '(seed_options, affinity_options or model_options of the pipelines of three stages)'
            )
        others = [option for option in options if option not in batches]
        return [f'{BATCH}={int(whole) // self.processes}', *others]
