"""The rule of each ATen operation. An operation without a rule connects its inputs to its outputs."""

from __future__ import annotations

from .additions import add, addcmul
from .elementwise import concatenate, divide, times
from .norms import batch_norm, layer_norm
from .pools import adaptive_average, adaptive_maximum, average_pool, maximum_pool, mean
from .recorder import Rule
from .weights import addmm, attend, convolution, linear, lookup, pick, product, softmax

RULES: dict[str, Rule] = {
    "convolution": convolution,
    "_convolution": convolution,
    "cudnn_convolution": convolution,
    "mkldnn_convolution": convolution,
    "convolution_overrideable": convolution,
    "linear": linear,
    "mm": product,
    "bmm": product,
    "mv": product,
    "matmul": product,
    "addmm": addmm,
    "addmv": addmm,
    "baddbmm": addmm,
    "addbmm": addmm,
    "embedding": lookup,
    "index": pick,
    "index_select": pick,
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "_batch_norm_with_update": batch_norm,
    "_batch_norm_no_update": batch_norm,
    "cudnn_batch_norm": batch_norm,
    "miopen_batch_norm": batch_norm,
    "native_layer_norm": layer_norm,
    "add": add,
    "addcmul": addcmul,
    "mul": times,
    "div": divide,
    "cat": concatenate,
    "stack": concatenate,
    "max_pool2d_with_indices": maximum_pool,
    "max_pool2d": maximum_pool,
    "mkldnn_max_pool2d": maximum_pool,
    "adaptive_max_pool2d": adaptive_maximum,
    "avg_pool2d": average_pool,
    "_adaptive_avg_pool2d": adaptive_average,
    "_adaptive_avg_pool3d": adaptive_average,
    "mkldnn_adaptive_avg_pool2d": adaptive_average,
    "mean": mean,
    "_softmax": softmax,
    "_safe_softmax": softmax,
    "flex_attention": attend,
    "_scaled_dot_product_flash_attention": attend,
    "_scaled_dot_product_flash_attention_for_cpu": attend,
    "_scaled_dot_product_efficient_attention": attend,
    "_scaled_dot_product_cudnn_attention": attend,
    "_scaled_dot_product_fused_attention_overrideable": attend,
}
