"""Federated fine-tuning: tasks, partition, backbones, LoRA modules, schemes and the engine (torch and its company)."""

from __future__ import annotations

from .backbones import BACKBONES, Backbone, backbone_status, load_backbone
from .history import History
from .modules import LoraModules
from .partition import dirichlet_partition
from .schemes import SCHEMES
from .simulation import simulate
from .tasks import TASKS, Task, load_task, task_status

__all__ = [
    "BACKBONES",
    "SCHEMES",
    "TASKS",
    "Backbone",
    "History",
    "LoraModules",
    "Task",
    "backbone_status",
    "dirichlet_partition",
    "load_backbone",
    "load_task",
    "simulate",
    "task_status",
]
