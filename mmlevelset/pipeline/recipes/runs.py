"""Stages of one variant on small data: training, seeds, scores, pseudo-labels, segmentation model."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Optional

from .launch import Launch
from .parts import Stages, config_of, final_checkpoint, moved_data, options_of, word, words

Stage = dict[str, Any]


class Data(NamedTuple):
    """A data set in VOC's layout.

    Args:
        root (str): Its folder.
        classes (list[str]): Names from the background on; none: VOC's or those of the seeds.
        images (str, optional): List that is trained on and scored on, in the place of the configs'.
    """

    root: str
    classes: tuple[str, ...] = ()
    images: str | None = None

    def file(self, *parts: str) -> str:
        """A path in the folder, quoted."""
        return word('/'.join((self.root, *parts)))

    @property
    def masks(self) -> str:
        """Words for tools/eval_seeds.py that name the masks."""
        return f'--gt {self.file("SegmentationClass")}'

    @property
    def named(self) -> str:
        """Words for tools/eval_seeds.py that name the classes; they begin with a blank."""
        return f' --classes {words(self.classes)}' if self.classes else ''

    @property
    def train_list(self) -> str:
        """The list of training images, quoted."""
        return self.file('ImageSets', 'Segmentation', self.images or 'train.txt')

    @property
    def val_list(self) -> str:
        """The list of validation images, quoted."""
        return self.file('ImageSets', 'Segmentation', 'val.txt')

    def listed(self, loader: str) -> list[str]:
        """Options that let a data loader read the list."""
        if self.images is None:
            return []
        return [f'{loader}.dataset.ann_file=ImageSets/Segmentation/{self.images}']


class Run(NamedTuple):
    """One variant with one random seed, in a folder of its own.

    Args:
        name (str): End of its stages' names.
        config (str): What is trained.
        threshold (str | float): Label-free background score of its seeds, ``'otsu'`` or a number.
        data (Data): The images.
        launch (Launch): How trainings and tests are started.
        seeded (tuple[str, ...]): Options of every training.
        changed (tuple[str, ...]): Options of the config, for its training and its exports.
        network (Run, optional): Whose trained network is exported, in the place of an own.
        guide (Run, optional): Whose seeds the level set is trained on, in the place of its host's CAM.
    """

    name: str
    config: str
    threshold: str | float
    data: Data
    launch: Launch
    seeded: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    network: Optional['Run'] = None
    guide: Optional['Run'] = None

    @property
    def folder(self) -> str:
        """Where everything lies."""
        return f'{{work_dir}}/{self.name}'

    @property
    def trained(self) -> str:
        """The last checkpoint of the training."""
        if self.network:
            return self.network.trained
        return f'{self.folder}/{final_checkpoint(self.config)}'

    @property
    def prototypes(self) -> str | None:
        """The prototypes that its CAM method compares features with; None for other methods."""
        method = config_of(self.config).get('tta_model', {}).get('cam_method', {})
        return f'{self.folder}/prototypes/of.npz' if 'prototypes' in method else None

    def start(self, first: 'Run', listed: list[str], random_seed: int) -> Stages:
        """What its exports wait for: a training, prototypes of another run's network, or nothing more.

        Args:
            first (Run): The host, whose checkpoint a training goes on from.
            listed (list[str]): Options of the list that the seeds of the other run are of.
            random_seed (int): Of the prototypes.
        """
        if self.network is None:
            needs = [first.name, *([f'seeds_{self.guide.name}'] if self.guide else [])]
            return [self.train(self.ready, first.trained, needs)]
        if self.prototypes is None:
            return []
        moved = moved_data(self.config, self.data.root, 'test_dataloader')
        moved = [*moved, *self.data.listed('test_dataloader'), *self.changed]
        command = (
            f'{{python}} tools/misc/lpcam_prototypes.py {word(self.config)} {self.trained} '
            f'{self.network.folder}/seeds {self.prototypes} --random-seed {random_seed}'
            f'{options_of(*moved, *listed)}'
        )
        return [
            dict(
                name=self.ready,
                command=command,
                done=self.prototypes,
                makes=f'{self.folder}/prototypes',
                needs=[f'seeds_{self.network.name}'],
            )
        ]

    @property
    def ready(self) -> str:
        """The stage after which seeds can be exported."""
        if self.network is None:
            return f'train_{self.name}'
        return f'prototypes_{self.name}' if self.prototypes else self.network.ready

    def train(self, name: str, start: str | None, needs: list[str]) -> Stage:
        """Train the config, from a checkpoint ``start`` where one is given."""
        loaded = [f'load_from={start}'] if start else []
        if self.guide:
            loaded.append(f'train_dataloader.dataset.guide_dir={self.guide.folder}/seeds')
        moved = moved_data(self.config, self.data.root, 'train_dataloader')
        moved = [*moved, *self.data.listed('train_dataloader'), *self.changed]
        command = self.launch.train(name, self.config, self.folder, [*moved, *self.seeded, *loaded])
        return dict(name=name, command=command, done=self.trained, makes=self.folder, needs=needs)

    def export(self, name: str, folder: str, words: str, options: list[str], needs: str) -> Stage:
        """Test the trained network with augmentation, into a folder."""
        moved = moved_data(self.config, self.data.root, 'test_dataloader')
        moved = [*moved, *self.data.listed('test_dataloader'), *self.changed]
        if self.prototypes:
            moved.append(f'tta_model.cam_method.prototypes={self.prototypes}')
        rest = f'--work-dir {folder}{words} --tta{options_of(*moved, *options)}'
        return dict(
            name=name,
            command=self.launch.test(name, self.config, self.trained, rest),
            done=f'{folder}/metrics.json',
            needs=[needs],
        )

    def score(
        self, name: str, what: str, needs: str, threshold: bool = False, split: str = 'train'
    ) -> Stage:
        """Score the folder ``what``, seeds or labels, on the masks of the training images or of ``'val'``."""
        listed = self.data.val_list if split == 'val' else self.data.train_list
        rest = f'{self.data.masks} --split {listed}{self.data.named}'
        cut = f' --threshold {self.threshold}' if threshold else ''
        done = f'{self.folder}/{what}.json'
        command = f'{{python}} tools/eval_seeds.py {self.folder}/{what} {rest}{cut} --json {done}'
        return dict(name=name, command=command, done=done, needs=[needs])

    def labels(self) -> Stage:
        """Pseudo-labels by the threshold."""
        made = f'{self.folder}/labels'
        command = (
            f'{{python}} tools/make_pseudo_labels.py {self.folder}/seeds {made} '
            f'--threshold {self.threshold}'
        )
        needs = [f'seeds_{self.name}']
        return dict(name=f'labels_{self.name}', command=command, makes=made, needs=needs)

    def model(self, config: str, scored: bool = True, changed: Iterable[str] = ()) -> Stages:
        """Train a segmentation model on the pseudo-labels, and test it, or write its label maps."""
        retrain, folder = f'retrain_{self.name}', f'{self.folder}/retrain'
        trained = f'{folder}/{final_checkpoint(config)}'
        feed = f'train_dataloader.dataset.data_prefix.seg_map_path={self.folder}/labels'
        moved = moved_data(config, self.data.root, 'train_dataloader')
        options = [*moved, *self.seeded, feed, *changed]
        test = f'test_{self.name}'
        only = '' if scored else f' --labels-only {folder}/predictions'
        tested = options_of(*moved_data(config, self.data.root, 'test_dataloader'))
        return [
            dict(
                name=retrain,
                command=self.launch.train(retrain, config, folder, options),
                done=trained,
                makes=folder,
                needs=[f'labels_{self.name}'],
            ),
            dict(
                name=test,
                command=self.launch.test(
                    test, config, trained, f'--work-dir {folder}/test{only}{tested}'
                ),
                done=f'{folder}/test/metrics.json',
                needs=[retrain],
            ),
        ]


def picture_of(run: Run, ids: Iterable[str]) -> Stage:
    """Draw the maps of a few images."""
    drawn = '{work_dir}/stages.png'
    moved = options_of(*moved_data(run.config, run.data.root, 'test_dataloader'))
    return dict(
        name='picture',
        command=f'{{python}} tools/analysis_tools/draw_stages.py {word(run.config)} {run.trained} '
        f'--seeds {run.folder}/seeds --labels {run.folder}/labels --ids {words(ids)} --out {drawn}{moved}',
        done=drawn,
        needs=[f'labels_{run.name}'],
    )
