"""Federated fine-tuning: tasks, partition, backbones, LoRA modules, schemes and the engine (torch and its company)."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # in a notebook without widgets tqdm says, when it is first imported, that its bars will be text: they shall be
    warnings.filterwarnings("ignore", message="IProgress not found")
    import tqdm.auto  # noqa: F401

from .backbones import BACKBONES, backbone_status, load_backbone
from .data import Task
from .encoding import Backbone
from .history import History
from .modules import FullModel, LoraModules
from .partition import dirichlet_partition, partition_task
from .schemes import SCHEMES, Plan, Scheme
from .schemes.flexlora import flexlora
from .schemes.hetlora import hetlora
from .simulation import simulate
from .tasks import TASKS, load_task, task_status
from .turns import Turn

__all__ = [
    "BACKBONES",
    "SCHEMES",
    "TASKS",
    "Backbone",
    "FullModel",
    "History",
    "LoraModules",
    "Plan",
    "Scheme",
    "Task",
    "Turn",
    "backbone_status",
    "dirichlet_partition",
    "flexlora",
    "hetlora",
    "load_backbone",
    "load_task",
    "partition_task",
    "simulate",
    "task_status",
]
