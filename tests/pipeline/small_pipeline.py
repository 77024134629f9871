"""A pipeline of three stages of a few milliseconds."""

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
work_dir = 'out'
word = 'hello'
stages = [
    dict(name='first', command='echo {word} >> {work_dir}/first.txt', done='{work_dir}/first.txt'),
    dict(name='second', command='cat {work_dir}/first.txt >> {work_dir}/second.txt'),
    dict(name='third', command='echo x >> {work_dir}/third.txt'),
]
"""
Tool = Callable[..., int]
