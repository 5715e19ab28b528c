"""The networks of the table: by library, a name and what makes the network and an input for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

Subject = tuple[nn.Module, Any]
Named = tuple[str, Callable[[], Subject]]

# So many of each of timm's modules, spread over its names.
PER_MODULE = 3
TIMM = 204


def of_timm() -> Iterator[Named]:
    import timm

    names: list[str] = []
    for module in timm.list_modules():
        own = timm.list_models(module=module)
        step = max(1, len(own) // PER_MODULE)
        names += own[::step][:PER_MODULE]
    names.sort()
    count = min(TIMM, len(names))
    for k in range(count):
        name = names[k * len(names) // count]
        yield name, partial(timm_network, name)


def timm_network(name: str) -> Subject:
    import timm

    return timm.create_model(name), None


SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 500,
}
VIT = {**SIZES, "image_size": 64, "patch_size": 16}
GPT = {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 500, "n_positions": 64}
DECODER = {**SIZES, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 64, "pad_token_id": 0}
SEQ2SEQ = {
    "vocab_size": 500, "d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128, "max_position_embeddings": 64,
}  # fmt: skip
T5 = {"vocab_size": 500, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
AUDIO = {
    **SIZES, "conv_dim": (32, 32), "conv_stride": (5, 2), "conv_kernel": (10, 3), "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}  # fmt: skip

# The configuration's class, what is set in it, the network's class, and the kind of its input.
TRANSFORMERS: list[tuple[str, dict[str, Any], str, str]] = [
    ("BertConfig", SIZES, "BertForSequenceClassification", "text"),
    ("BertConfig", SIZES, "BertForMaskedLM", "text"),
    ("RobertaConfig", SIZES, "RobertaForSequenceClassification", "text"),
    ("DistilBertConfig", {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128, "vocab_size": 500},
     "DistilBertForSequenceClassification", "text"),
    ("ElectraConfig", {**SIZES, "embedding_size": 32}, "ElectraForSequenceClassification", "text"),
    ("AlbertConfig", {**SIZES, "embedding_size": 32}, "AlbertForSequenceClassification", "text"),
    ("DebertaV2Config", {**SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
     "DebertaV2ForSequenceClassification", "text"),
    ("MPNetConfig", SIZES, "MPNetForSequenceClassification", "text"),
    ("ModernBertConfig", {**SIZES, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "cls_token_id": 3,
                          "sep_token_id": 4}, "ModernBertForSequenceClassification", "text"),
    ("EsmConfig", {**SIZES, "pad_token_id": 0, "mask_token_id": 1, "position_embedding_type": "rotary"},
     "EsmForSequenceClassification", "text"),
    ("CamembertConfig", SIZES, "CamembertForTokenClassification", "text"),
    ("XLNetConfig", {"vocab_size": 500, "d_model": 64, "n_layer": 2, "n_head": 4, "d_inner": 128},
     "XLNetForSequenceClassification", "text"),
    ("GPT2Config", GPT, "GPT2LMHeadModel", "text"),
    ("GPT2Config", {**GPT, "tie_word_embeddings": False}, "GPT2LMHeadModel", "text"),
    ("GPT2Config", {**GPT, "pad_token_id": 0}, "GPT2ForSequenceClassification", "text"),
    ("OpenAIGPTConfig", GPT, "OpenAIGPTLMHeadModel", "text"),
    ("GPTNeoConfig", {"hidden_size": 64, "num_layers": 2, "num_heads": 4, "vocab_size": 500,
                      "attention_types": [[["global", "local"], 1]]}, "GPTNeoForCausalLM", "text"),
    ("GPTNeoXConfig", SIZES, "GPTNeoXForCausalLM", "text"),
    ("OPTConfig", {**SIZES, "ffn_dim": 128, "word_embed_proj_dim": 64}, "OPTForCausalLM", "text"),
    ("BloomConfig", {"hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 500}, "BloomForCausalLM", "text"),
    ("LlamaConfig", DECODER, "LlamaForCausalLM", "text"),
    ("MistralConfig", DECODER, "MistralForCausalLM", "text"),
    ("MixtralConfig", {**DECODER, "num_local_experts": 2}, "MixtralForCausalLM", "text"),
    ("Qwen2Config", DECODER, "Qwen2ForCausalLM", "text"),
    ("Gemma2Config", DECODER, "Gemma2ForCausalLM", "text"),
    ("PhiConfig", DECODER, "PhiForCausalLM", "text"),
    ("FalconConfig", {**SIZES, "num_kv_heads": 2}, "FalconForCausalLM", "text"),
    ("MambaConfig", {"hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 500, "state_size": 8},
     "MambaForCausalLM", "text"),
    ("BartConfig", SEQ2SEQ, "BartForSequenceClassification", "ends"),
    ("MarianConfig", {**SEQ2SEQ, "pad_token_id": 0, "decoder_start_token_id": 0}, "MarianMTModel", "pair"),
    ("T5Config", {**T5, "decoder_start_token_id": 0}, "T5ForConditionalGeneration", "pair"),
    ("T5Config", T5, "T5EncoderModel", "text"),
    ("ViTConfig", VIT, "ViTForImageClassification", "image"),
    ("DeiTConfig", VIT, "DeiTForImageClassification", "image"),
    ("BeitConfig", {**VIT, "use_relative_position_bias": True}, "BeitForImageClassification", "image"),
    ("Dinov2Config", {**VIT, "patch_size": 8}, "Dinov2ForImageClassification", "image"),
    ("SwinConfig", {"image_size": 64, "embed_dim": 32, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4},
     "SwinForImageClassification", "image"),
    ("ConvNextConfig", {"hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 1, 1]}, "ConvNextForImageClassification",
     "image"),
    ("ResNetConfig", {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}, "ResNetForImageClassification",
     "image"),
    ("SegformerConfig", {"hidden_sizes": [16, 32, 64, 64], "num_attention_heads": [1, 2, 4, 4]},
     "SegformerForSemanticSegmentation", "image"),
    ("ViTMAEConfig", VIT, "ViTMAEForPreTraining", "image"),
    ("CLIPVisionConfig", VIT, "CLIPVisionModel", "image"),
    ("Wav2Vec2Config", AUDIO, "Wav2Vec2ForCTC", "sound"),
    ("HubertConfig", AUDIO, "HubertForCTC", "sound"),
    ("WhisperConfig", {**SEQ2SEQ, "max_source_positions": 50, "num_mel_bins": 16, "pad_token_id": 0,
                       "decoder_start_token_id": 0, "bos_token_id": 0, "eos_token_id": 1},
     "WhisperForConditionalGeneration", "spectrogram"),
    ("ASTConfig", {**SIZES, "max_length": 64, "num_mel_bins": 32}, "ASTForAudioClassification", "patches"),
]  # fmt: skip


def text_ids() -> torch.Tensor:
    return torch.arange(5, 21, device="cpu").reshape(1, 16)


INPUTS: dict[str, Callable[[], dict[str, torch.Tensor]]] = {
    "text": lambda: {"input_ids": text_ids(), "attention_mask": torch.ones(1, 16, dtype=torch.long, device="cpu")},
    "ends": lambda: {"input_ids": torch.cat([text_ids(), torch.tensor([[2]], device="cpu")], 1)},
    "pair": lambda: {"input_ids": text_ids(), "decoder_input_ids": text_ids()[:, :7]},
    "image": lambda: {"pixel_values": torch.rand(1, 3, 64, 64, device="cpu")},
    "sound": lambda: {"input_values": torch.rand(1, 4000, device="cpu")},
    "spectrogram": lambda: {
        "input_features": torch.rand(1, 16, 100, device="cpu"),
        "decoder_input_ids": text_ids()[:, :7],
    },
    "patches": lambda: {"input_values": torch.rand(1, 64, 32, device="cpu")},
}


def of_transformers() -> Iterator[Named]:
    for config, settings, network, kind in TRANSFORMERS:
        varied = "" if settings.get("tie_word_embeddings", True) else ", untied"
        yield f"{network}{varied}", partial(transformers_network, config, settings, network, kind)


def transformers_network(config: str, settings: dict[str, Any], network: str, kind: str) -> Subject:
    import transformers

    return getattr(transformers, network)(getattr(transformers, config)(**settings)), INPUTS[kind]()


def of_torchvision() -> Iterator[Named]:
    from torchvision import models

    for name in models.list_models(module=models.segmentation):
        yield name, partial(torchvision_network, name, (1, 3, 224, 224))
    for name in models.list_models(module=models.detection):
        yield name, partial(torchvision_network, name, "images")
    for name in models.list_models(module=models.video):
        shape = (1, 3, 16, 224, 224) if name.startswith(("mvit", "swin", "s3d")) else (1, 3, 16, 112, 112)
        yield name, partial(torchvision_network, name, shape)
    for name in models.list_models(module=models.optical_flow):
        yield name, partial(torchvision_network, name, "two images")


def torchvision_network(name: str, example: Any) -> Subject:
    from torchvision import models

    bare = {"weights": None}
    if example == "images":
        return models.get_model(name, **bare, weights_backbone=None), ([torch.rand(3, 320, 320, device="cpu")],)
    if example == "two images":
        return models.get_model(name, **bare), ((1, 3, 128, 128), (1, 3, 128, 128))
    backbone = {"weights_backbone": None} if len(example) == 4 else {}
    return models.get_model(name, **bare, **backbone), example


LIBRARIES: dict[str, Callable[[], Iterator[Named]]] = {
    "timm": of_timm,
    "transformers": of_transformers,
    "torchvision": of_torchvision,
}
