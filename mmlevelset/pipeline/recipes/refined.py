"""What the recipe of refiners does with one variant and random seed: refine, score, train models."""

from pathlib import Path
from typing import Any, NamedTuple

from .launch import Launch
from .parts import (
    FEEDS,
    Stages,
    backbone_of,
    config_of,
    final_checkpoint,
    moved_data,
    options_of,
    word,
)
from .runs import Data, Stage

PART = '{work_dir}/part.txt'
SCALES = {'single': '', 'multi': ' --tta'}
STARTS = ('host', 'backbone')  # folders of the recipe random_seeds, before the random seed


class Models(NamedTuple):
    """Segmentation models on the labels of a refiner.

    Args:
        refiner (str): Which one; it goes on from the part to all images.
        configs (dict): Name -> config of the model.
        images (str, optional): List in ``ImageSets/Segmentation`` to which the refiner goes on and which the
            models train on. Default: all images that have seeds, and the configs' own list.
        backbone (str, optional): Config of a host in the pipeline of the seeds, whose backbone the models start
            from, in the place of the configs' own weights.
        start (str): Which one that is: ``'host'``, from which the variants went on, or ``'backbone'``, the
            ``host_backbone`` that this one itself started from.
    """

    refiner: str
    configs: dict[str, str]
    images: str | None = None
    backbone: str | None = None
    start: str = STARTS[0]

    @classmethod
    def read(cls, declared: dict[str, Any]) -> 'Models':
        """What a config declares.

        Raises:
            ValueError: It is no dict, lacks a key, has another one, or says something else there.
        """
        given = set(declared) if isinstance(declared, dict) else set()
        if not {'refiner', 'configs'} <= given <= set(cls._fields):
            raise ValueError(
                'models must say refiner, configs and perhaps images, backbone and start, got '
                f'{declared!r}'
            )
        models = cls(**declared)
        if not isinstance(models.configs, dict) or not models.configs:
            raise ValueError(f'models.configs must be name -> config, got {models.configs!r}')
        for key in ('refiner', 'images', 'backbone'):
            value = getattr(models, key)
            if not isinstance(value, str | None):
                raise ValueError(f'models.{key} must be a text, got {value!r}')
        if models.start not in STARTS:
            raise ValueError(
                f'models.start must be one of {", ".join(STARTS)}, got {models.start!r}'
            )
        if models.start != STARTS[0] and models.backbone is None:
            raise ValueError(
                f'models.start={models.start!r} says where models.backbone lies, got none: name its config, or '
                'leave start out'
            )
        if models.images and not models.images.endswith('.txt'):
            raise ValueError(
                f'models.images must be a file such as train.txt, got {models.images!r}'
            )
        return models

    def listed(self, data: Data) -> str:
        """Path of the list."""
        return f'{data.root}/ImageSets/Segmentation/{self.images}'

    def check_list(self, data: Data) -> None:
        """Look for the list before hours of work that end at it; not where the data set itself is elsewhere.

        Raises:
            FileNotFoundError: The data set is there, and the list is not.
        """
        if self.images and Path(data.root).is_dir() and not Path(self.listed(data)).is_file():
            raise FileNotFoundError(
                f'models.images names {self.listed(data)}, which is not there; write that list, one id per line, '
                'or name another one of that folder'
            )


class Refined(NamedTuple):
    """One variant with one random seed, in a folder of its own.

    Args:
        variant (str): Its name.
        random_seed (int): Of its seeds, and of the trainings here.
        source (str): Work folder of the pipeline that made its seeds.
        data (Data): The images.
        launch (Launch): How trainings and tests are started.
    """

    variant: str
    random_seed: int
    source: str
    data: Data
    launch: Launch

    @property
    def id(self) -> str:
        """``<variant>_s<random seed>``, the end of its stages' names."""
        return f'{self.variant}_s{self.random_seed}'

    @property
    def folder(self) -> str:
        """Where everything of it lies."""
        return f'{{work_dir}}/{self.id}'

    @property
    def seed_dir(self) -> str:
        """Folder of its seeds, quoted."""
        return word(f'{self.source}/{self.id}/seeds')

    @property
    def measured(self) -> str:
        """What the pipeline of the seeds wrote about them."""
        return f'{self.source}/{self.id}/seeds.json'

    def own(self, config: str | dict[str, str]) -> str:
        """The config of this variant, of one for all or of one each."""
        return config if isinstance(config, str) else config[self.variant]

    def by_rule(self, refiner: str | dict[str, Any]) -> bool:
        """Whether the labels of a refiner are made by a rule on its maps, not by the seeds' threshold."""
        if isinstance(refiner, dict):
            refiner = self.own(refiner.get('walk') or refiner['config'])
        return isinstance(config_of(refiner).get('threshold'), str)

    def background(self, config: str, measured: str) -> list[str]:
        """The option that sets the background score of a refiner, where it has one for seeds."""
        settings = config_of(config).get('refiner', {}).get('background')
        return [f'refiner.background.score={measured}'] if isinstance(settings, dict) else []

    def eval(self, what: str, split: str, rest: str) -> str:
        """The command that scores seeds or labels on a list of images."""
        where = f'{self.data.masks}{self.data.named} --split {split}'
        return f'{{python}} tools/eval_seeds.py {what} {where}{rest}'

    def refine(
        self,
        config: str,
        out: str,
        options: list[str],
        split: str = f' --split {PART}',
        seeds: str | None = None,
        measured: str | None = None,
    ) -> str:
        """The command that refines the seeds, or other maps, of a list of images."""
        images = word(f'{self.data.root}/JPEGImages')
        return (
            f'{{python}} tools/refine.py {word(config)} --seeds {seeds or self.seed_dir}{split} --out {out}'
            f' --images {images}{options_of(*self.background(config, measured or self.measured), *options)}'
        )

    def seeds(self) -> Stage:
        """Score the seeds themselves, at their label-free threshold."""
        done = f'{self.folder}/seeds.json'
        rest = f' --threshold {word(self.measured)} --json {done}'
        command = self.eval(self.seed_dir, PART, rest)
        return dict(name=f'seeds_{self.id}', command=command, done=done, needs=['part'])

    def scored(
        self,
        name: str,
        config: str,
        options: list[str],
        needs: str,
        seeds: str | None = None,
        measured: str | None = None,
    ) -> Stage:
        """Refine a part of the images, and score the labels."""
        out = f'{self.folder}/{name}'
        done = f'{out}/labels.json'
        score = self.eval(f'{out}/labels', PART, f' --json {done}')
        command = self.refine(config, out, options, seeds=seeds, measured=measured)
        command = f'{command} && {score}'
        return dict(name=f'{name}_{self.id}', command=command, done=done, makes=out, needs=[needs])

    def direct(self, name: str, refiner: str | dict[str, Any]) -> Stage:
        """A refiner that trains nothing, perhaps with the network of a variant."""
        if isinstance(refiner, str):
            return self.scored(name, refiner, [], 'part')
        network = final_checkpoint(config_of(refiner['config']).refiner.config)
        checkpoint = f'{self.source}/{refiner["variant"]}_s{self.random_seed}/{network}'
        return self.scored(name, refiner['config'], [f'refiner.checkpoint={checkpoint}'], 'part')

    def after(self, name: str, refiner: dict[str, Any], walked: str, by_rule: bool) -> Stage:
        """A refiner on the maps of another; where that goes on to all images, it waits for them.

        Its background is that of the seeds, or of the labels of these maps where a rule found it on them.
        """
        first = refiner['after']
        needs = f'{first}-all_{self.id}' if first == walked else f'{first}_{self.id}'
        maps = f'{self.folder}/{first}'
        measured = f'{maps}/labels/meta.json' if by_rule else None
        return self.scored(name, refiner['config'], [], needs, f'{maps}/soft', measured)

    def trained(self, name: str, refiner: dict[str, Any]) -> Stages:
        """A refiner with a network: its targets, its training, and the walk."""
        config = self.own(refiner['targets'])
        targets, network = (Path(path).stem.split('_')[0] for path in (config, refiner['network']))
        made, folder = f'{self.folder}/{targets}', f'{self.folder}/{network}'
        options = [
            *moved_data(refiner['network'], self.data.root, 'train_dataloader'),
            f'randomness.seed={self.random_seed}',
            f'train_dataloader.dataset.ann_file={PART}',
            FEEDS[name].format(made),
        ]
        train = f'{network}_{self.id}'
        return [
            dict(
                name=f'{targets}_{self.id}',
                command=self.refine(config, made, []),
                makes=made,
                needs=['part'],
            ),
            dict(
                name=train,
                command=self.launch.train(train, refiner['network'], folder, options),
                done=self.checkpoint(refiner),
                makes=folder,
                needs=[f'{targets}_{self.id}'],
            ),
            self.scored(
                name,
                self.own(refiner['walk']),
                [f'refiner.checkpoint={self.checkpoint(refiner)}'],
                train,
            ),
        ]

    def checkpoint(self, refiner: dict[str, Any]) -> str:
        """The trained network of a refiner."""
        network = Path(refiner['network']).stem.split('_')[0]
        return f'{self.folder}/{network}/{final_checkpoint(refiner["network"])}'

    def all_images(self, refiner: dict[str, Any], models: Models) -> Stages:
        """The refiner goes on from the part to all images, and models are trained on its labels."""
        out = f'{self.folder}/{models.refiner}'
        done = f'{out}/all.json'
        options = [f'refiner.checkpoint={self.checkpoint(refiner)}']
        split = f' --split {word(models.listed(self.data))}' if models.images else ''
        walk = self.refine(self.own(refiner['walk']), out, options, split=split)
        score = self.eval(f'{out}/labels', self.data.train_list, f' --json {done}')
        walked = f'{models.refiner}-all_{self.id}'
        needs = [f'{models.refiner}_{self.id}']
        stages: Stages = [dict(name=walked, command=f'{walk} && {score}', done=done, needs=needs)]
        listed = []
        if models.images:
            listed = [f'train_dataloader.dataset.ann_file={models.listed(self.data)}']
        for model, config in models.configs.items():
            start = []
            if models.backbone:
                host = (
                    f'{self.source}/{models.start}_s{self.random_seed}/'
                    f'{final_checkpoint(models.backbone)}'
                )
                start = backbone_of(models.backbone, host, config)
            stages += self.model(model, config, f'{out}/labels', walked, [*start, *listed])
        return stages

    def model(self, name: str, config: str, labels: str, needs: str, changed: list[str]) -> Stages:
        """Train a segmentation model on a folder of labels, and test it at one and at several scales."""
        folder, train = f'{self.folder}/{name}', f'{name}_{self.id}'
        trained = f'{folder}/{final_checkpoint(config)}'
        feed = [
            *moved_data(config, self.data.root, 'train_dataloader'),
            f'randomness.seed={self.random_seed}',
            f'train_dataloader.dataset.data_prefix.seg_map_path={labels}',
            *changed,
        ]
        moved = options_of(*moved_data(config, self.data.root, 'test_dataloader'))
        train_command = self.launch.train(train, config, folder, feed)
        # the first of several models is the one without a name of its own
        tests = {scales: scales if name == 'model' else f'{name}-{scales}' for scales in SCALES}
        return [
            dict(name=train, command=train_command, done=trained, makes=folder, needs=[needs]),
            *(
                dict(
                    name=f'{tests[scales]}_{self.id}',
                    command=self.launch.test(
                        f'{tests[scales]}_{self.id}',
                        config,
                        trained,
                        f'--work-dir {folder}/{scales}{tta}{moved}',
                    ),
                    done=f'{folder}/{scales}/metrics.json',
                    needs=[train],
                )
                for scales, tta in SCALES.items()
            ),
        ]
