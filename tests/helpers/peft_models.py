"""What a module makes of the whole encoder, by peft: an independent second way."""

import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model

from fedswitch.encoders import LORA_TARGETS
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.modules import FullModel


def with_factors(source, factors, *, alpha, frozen_layers=0, dtype=torch.float32):
    """The encoder of the backbone `source` with LoRA `factors` A, B, ..., and peft's own parameters for them."""
    encoder = load_backbone(source).encoder.to(dtype)
    config = LoraConfig(
        r=len(factors[0]), lora_alpha=alpha, target_modules=list(LORA_TARGETS),
        layers_to_transform=list(range(frozen_layers, encoder.config.num_hidden_layers)), layers_pattern="layer",
    )  # fmt: skip
    inject_adapter_in_model(config, encoder)
    own = [p for name, p in encoder.named_parameters() if "lora_" in name]
    with torch.no_grad():
        for parameter, value in zip(own, factors, strict=True):
            parameter.copy_(value)
    return encoder, own


def sample_loss(modules, n, samples, index, *, alpha=16):
    """Loss of one sample by module `n`, and the parameters that it depends on: no padding, and no cut in two halves."""
    *factors, head_weight, head_bias = modules.parameters(n)
    if isinstance(modules, FullModel):
        encoder, own = modules.backbone.encoder, factors
    else:
        encoder, own = with_factors(modules.backbone.name, factors, alpha=alpha, frozen_layers=modules.frozen_layers)
    batch = samples.tokens.batch(np.array([index]))
    hidden = encoder(input_ids=batch.ids, token_type_ids=batch.segments).last_hidden_state
    scores = torch.nn.functional.linear(hidden.mean(dim=1), head_weight, head_bias)
    return torch.nn.functional.cross_entropy(scores, samples.labels[[index]]), [*own, head_weight, head_bias]
