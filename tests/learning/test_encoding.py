import numpy as np
import torch

from fedswitch.learning.backbones import load_backbone


def test_the_two_halves_are_the_whole_encoder():
    backbone = load_backbone("tiny")
    tokens = backbone.tokenize(["a short one", "and one that is quite a bit longer"], ["second", "x y z"], 64)
    batch = tokens.batch(np.arange(2))
    with torch.no_grad():
        whole = backbone.encoder(
            input_ids=batch.ids, token_type_ids=batch.segments, attention_mask=batch.mask.long()
        ).last_hidden_state
    expected = torch.stack([row[keep].mean(dim=0) for row, keep in zip(whole, batch.mask, strict=True)])
    for frozen in range(backbone.num_layers + 1):
        with torch.no_grad():
            pooled = backbone.encode(backbone.embed(batch, frozen), batch.mask, frozen)
        torch.testing.assert_close(pooled, expected, rtol=1e-5, atol=1e-6)
