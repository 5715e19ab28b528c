"""
Some hundred networks as people write them in Keras, to see what the service makes of each: those of keras.io's examples
and of TensorFlow's guides in small, classic networks, and one for each thing that Keras can do and others do not.
Each takes `K`, keras (3) or tf_keras (2), and gives a model.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

Make = Callable[[Any], Any]
NETWORKS: dict[str, Make] = {}
"""By name, those of both generations."""
KERAS3: dict[str, Make] = {}
"""Those that take Keras 3."""


def network(make: Make) -> Make:
    is_keras3 = ".ops" in inspect.getsource(make)
    (KERAS3 if is_keras3 else NETWORKS)[make.__name__] = make
    return make


def keras3(make: Make) -> Make:
    KERAS3[make.__name__] = make
    return make


def image(K, *shape, **options):
    return K.layers.Input(shape or (32, 32, 3), **options)


def conv_bn(K, x, filters, size=3, activation="relu", **options):
    L = K.layers
    x = L.Conv2D(filters, size, padding="same", use_bias=False, **options)(x)
    x = L.BatchNormalization()(x)
    return L.Activation(activation)(x) if activation else x


def classified(K, inputs, x, classes=10):
    return K.Model(inputs, K.layers.Dense(classes, activation="softmax")(x))


def pooled(K, inputs, x, classes=10):
    return classified(K, inputs, K.layers.GlobalAveragePooling2D()(x), classes)


# Classic networks


@network
def mnist_convnet(K):
    L = K.layers
    return K.Sequential([
        L.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, activation="relu"),
        L.MaxPooling2D(2), L.Flatten(), L.Dropout(0.5), L.Dense(10, activation="softmax"),
    ])


@network
def mlp(K):
    L = K.layers
    return K.Sequential([L.Input((28, 28)), L.Flatten(), L.Dense(128, "relu"), L.Dropout(0.2), L.Dense(10)])


@network
def built_without_an_input(K):
    L = K.layers
    model = K.Sequential([L.Conv2D(8, 3), L.Flatten(), L.Dense(10)])
    model.build((None, 16, 16, 3))
    return model


@network
def lenet(K):
    L = K.layers
    return K.Sequential([
        L.Input((32, 32, 1)), L.Conv2D(6, 5, activation="tanh"), L.AveragePooling2D(2), L.Conv2D(16, 5, activation="tanh"),
        L.AveragePooling2D(2), L.Flatten(), L.Dense(120, "tanh"), L.Dense(84, "tanh"), L.Dense(10),
    ])


@network
def alexnet(K):
    L = K.layers
    return K.Sequential([
        L.Input((227, 227, 3)), L.Conv2D(96, 11, 4, activation="relu"), L.BatchNormalization(), L.MaxPool2D(3, 2),
        L.Conv2D(256, 5, padding="same", activation="relu"), L.BatchNormalization(), L.MaxPool2D(3, 2),
        L.Conv2D(384, 3, padding="same"), L.Conv2D(384, 3, padding="same"), L.Conv2D(256, 3, padding="same"),
        L.MaxPool2D(3, 2), L.Flatten(), L.Dense(512, "relu"), L.Dropout(0.5), L.Dense(10, "softmax"),
    ])


@network
def vgg_of_blocks(K):
    L, inputs = K.layers, image(K)
    x = inputs
    for filters in (16, 32, 64):
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = L.Dropout(0.3)(L.MaxPooling2D()(x))
    return classified(K, inputs, L.Dense(64, "relu")(L.Flatten()(x)))


@network
def all_convolutional(K):
    L = K.layers
    return K.Sequential([
        image(K), L.Conv2D(96, 3, padding="same", activation="relu"), L.Conv2D(96, 3, 2, padding="same"),
        L.Conv2D(192, 3), L.Conv2D(192, 1), L.Conv2D(10, 1), L.GlobalAveragePooling2D(), L.Activation("softmax"),
    ])


@network
def network_in_network(K):
    L, inputs = K.layers, image(K)
    x = L.Conv2D(48, 5, padding="same", activation="relu")(inputs)
    x = L.MaxPooling2D(3, 2, padding="same")(L.Conv2D(24, 1, activation="relu")(x))
    return K.Model(inputs, L.Softmax()(L.GlobalAveragePooling2D()(L.Conv2D(10, 1)(x))))


@network
def resnet20(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 16)
    for filters in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and filters > 16 else 1
            y = conv_bn(K, conv_bn(K, x, filters, strides=stride), filters, activation=None)
            if stride > 1:
                x = L.Conv2D(filters, 1, stride, padding="same")(x)
            x = L.ReLU()(L.add([x, y]))
    return pooled(K, inputs, x)


@network
def resnet_v2(K):
    L, inputs = K.layers, image(K)
    x = L.Conv2D(16, 3, padding="same")(inputs)
    for filters in (16, 32):
        y = L.Activation("relu")(L.BatchNormalization()(x))
        short = L.Conv2D(filters, 1, 2)(y)
        y = L.Conv2D(filters, 3, 2, padding="same")(y)
        y = L.Conv2D(filters, 3, padding="same")(L.Activation("relu")(L.BatchNormalization()(y)))
        x = L.Add()([short, y])
    return pooled(K, inputs, x)


@network
def densenet(K):
    L, inputs = K.layers, image(K)
    x = L.Conv2D(16, 3, padding="same")(inputs)
    for _ in range(2):
        for _ in range(3):
            y = L.Conv2D(12, 3, padding="same")(L.ReLU()(L.BatchNormalization()(x)))
            x = L.Concatenate()([x, y])
        x = L.AveragePooling2D(2)(L.Conv2D(x.shape[-1] // 2, 1)(x))
    return pooled(K, inputs, x)


@network
def squeezenet(K):
    L, inputs = K.layers, image(K)
    x = L.MaxPooling2D(3, 2)(L.Conv2D(32, 3, 2, activation="relu")(inputs))
    for squeezed in (8, 16):
        s = L.Conv2D(squeezed, 1, activation="relu")(x)
        x = L.concatenate([L.Conv2D(32, 1, activation="relu")(s), L.Conv2D(32, 3, padding="same")(s)], axis=3)
    return K.Model(inputs, L.GlobalAveragePooling2D()(L.Conv2D(10, 1)(x)))


@network
def inception(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 16)
    for _ in range(2):
        branches = [
            conv_bn(K, x, 8, 1), conv_bn(K, conv_bn(K, x, 6, 1), 12), conv_bn(K, conv_bn(K, x, 4, 1), 8, (1, 7)),
            conv_bn(K, L.MaxPooling2D(3, 1, padding="same")(x), 8, 1),
        ]
        x = L.Concatenate(axis=-1)(branches)
    return pooled(K, inputs, x)


@network
def xception_of_the_guide(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    x = L.Rescaling(1 / 255)(inputs)
    x = previous = conv_bn(K, x, 32, strides=2)
    for size in (64, 128):
        for _ in range(2):
            x = L.BatchNormalization()(L.SeparableConv2D(size, 3, padding="same")(L.Activation("relu")(x)))
        x = L.MaxPooling2D(3, strides=2, padding="same")(x)
        x = previous = L.add([x, L.Conv2D(size, 1, strides=2, padding="same")(previous)])
    x = L.Dropout(0.25)(L.GlobalAveragePooling2D()(L.SeparableConv2D(256, 3, padding="same")(x)))
    return K.Model(inputs, L.Dense(1, activation=None)(x))


@network
def mobilenet_v1(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 8, strides=2)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        if stride == 2:
            x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = L.DepthwiseConv2D(3, stride, padding="same" if stride == 1 else "valid", use_bias=False)(x)
        x = conv_bn(K, L.ReLU(6.0)(L.BatchNormalization()(x)), filters, 1)
    x = L.Reshape((1, 1, 64))(L.GlobalAveragePooling2D()(x))
    return K.Model(inputs, L.Reshape((10,))(L.Conv2D(10, 1)(L.Dropout(0.1)(x))))


@network
def inverted_residuals_with_gates(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 16, activation="swish", strides=2)
    for _ in range(2):
        y = conv_bn(K, x, 64, 1, activation="swish")
        y = L.BatchNormalization()(L.DepthwiseConv2D(5, padding="same", use_bias=False)(y))
        gate = L.Reshape((1, 1, 64))(L.GlobalAveragePooling2D()(y))
        gate = L.Conv2D(64, 1, activation="sigmoid")(L.Conv2D(4, 1, activation="swish")(gate))
        x = L.Add()([x, L.Dropout(0.2, noise_shape=(None, 1, 1, 1))(conv_bn(K, L.multiply([y, gate]), 16, 1, None))])
    return pooled(K, inputs, x)


@network
def squeeze_and_excitation_of_dense(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 32)
    gate = L.Dense(32, "sigmoid")(L.Dense(4, "relu")(L.GlobalAveragePooling2D(keepdims=True)(x)))
    return pooled(K, inputs, L.Multiply()([x, gate]))


@network
def shufflenet(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 24)
    y = L.Conv2D(24, 1, groups=3)(x)
    y = L.Reshape((32, 32, 3, 8))(y)
    y = L.Reshape((32, 32, 24))(L.Permute((1, 2, 4, 3))(y))
    y = L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(y))
    return pooled(K, inputs, L.Add()([x, y]))


@keras3
def ghost_module(K):
    L, inputs = K.layers, image(K)
    x = conv_bn(K, inputs, 16, 1)
    return pooled(K, inputs, K.ops.concatenate([x, L.DepthwiseConv2D(3, padding="same")(x)], axis=-1))


@network
def dilated(K):
    L, inputs = K.layers, image(K)
    x = inputs
    for rate in (1, 2, 4, (2, 1)):
        x = L.Conv2D(8, 3, dilation_rate=rate, padding="same")(x)
    return pooled(K, inputs, L.DepthwiseConv2D(3, dilation_rate=2, depth_multiplier=2)(x))


@network
def channels_first(K):
    L, inputs = K.layers, image(K, 3, 32, 32)
    x = L.Conv2D(8, 3, data_format="channels_first")(inputs)
    x = L.BatchNormalization(axis=1)(L.MaxPooling2D(data_format="channels_first")(x))
    x = L.SeparableConv2D(12, 3, data_format="channels_first")(x)
    x = L.UpSampling2D(data_format="channels_first")(x)
    return classified(K, inputs, L.GlobalAveragePooling2D(data_format="channels_first")(x))


# Vision transformers and other mixers


@keras3
def convmixer(K):
    L, inputs = K.layers, image(K)
    x = L.Rescaling(scale=1.0 / 255)(inputs)
    x = L.BatchNormalization()(L.Activation("gelu")(L.Conv2D(32, 2, strides=2)(x)))
    for _ in range(2):
        x0 = x
        x = L.BatchNormalization()(L.Activation("gelu")(L.DepthwiseConv2D(5, padding="same")(x)))
        x = L.Add()([x, x0])
        x = L.BatchNormalization()(L.Activation("gelu")(L.Conv2D(32, 1)(x)))
    return pooled(K, inputs, x)


@network
def mlp_mixer(K):
    L, inputs = K.layers, image(K)
    x = L.Reshape((64, 32))(L.Conv2D(32, 4, 4)(inputs))
    for _ in range(2):
        y = L.Permute((2, 1))(L.LayerNormalization(epsilon=1e-6)(x))
        y = L.Permute((2, 1))(L.Dense(64)(L.Dense(128, "gelu")(y)))
        x = L.Add()([x, y])
        x = L.Add()([x, L.Dense(32)(L.Dense(64, "gelu")(L.LayerNormalization()(x)))])
    return classified(K, inputs, L.GlobalAveragePooling1D()(x))


@network
def vision_transformer(K):
    L, inputs = K.layers, image(K)
    x = L.Reshape((-1, 48))(L.Conv2D(48, 4, strides=4, padding="valid")(inputs))
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = L.Add()([L.MultiHeadAttention(num_heads=4, key_dim=12, dropout=0.1)(y, y), x])
        y = L.Dense(96, activation="gelu")(L.LayerNormalization(epsilon=1e-6)(x))
        x = L.Add()([L.Dense(48)(L.Dropout(0.1)(y)), x])
    x = L.Dropout(0.5)(L.Flatten()(L.LayerNormalization(epsilon=1e-6)(x)))
    return K.Model(inputs, L.Dense(10)(L.Dense(64, "gelu")(x)))


@keras3
def vision_transformer_of_operations(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = ops.reshape(L.Conv2D(32, 8, 8)(inputs), (-1, 16, 32))
    x = ops.concatenate([ops.mean(x, axis=1, keepdims=True), x], axis=1)
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, 16)(y, y, return_attention_scores=False)
        x = x + L.Dense(32)(ops.gelu(L.Dense(64)(L.LayerNormalization()(x))))
    return K.Model(inputs, L.Dense(10)(L.LayerNormalization()(x)[:, 0]))


@keras3
def compact_transformer_with_sequence_pooling(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = L.MaxPooling2D(3, 2, "same")(L.Conv2D(32, 3, padding="same", activation="relu")(L.ZeroPadding2D(1)(inputs)))
    x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    y = L.LayerNormalization(epsilon=1e-5)(x)
    x = L.Add()([L.MultiHeadAttention(num_heads=2, key_dim=32, dropout=0.1)(y, y), x])
    weights = ops.transpose(ops.softmax(L.Dense(1)(x), axis=1), (0, 2, 1))
    return K.Model(inputs, L.Dense(10)(ops.squeeze(ops.matmul(weights, x), -2)))


@keras3
def attention_written_out_with_einsum(K):
    L, ops, inputs = K.layers, K.ops, image(K, 16, 24)
    qkv = ops.reshape(L.Dense(72)(inputs), (-1, 16, 3, 4, 6))
    q, k, v = ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), axis=0)
    scores = ops.softmax(ops.einsum("bhqd,bhkd->bhqk", q, k) / 6**0.5, axis=-1)
    x = ops.reshape(ops.transpose(ops.einsum("bhqk,bhkd->bhqd", scores, v), (0, 2, 1, 3)), (-1, 16, 24))
    return K.Model(inputs, L.Dense(5)(L.GlobalAveragePooling1D()(L.Dense(24)(x))))


@network
def convnext_block(K):
    L, inputs = K.layers, image(K)
    x = L.LayerNormalization(epsilon=1e-6)(L.Conv2D(16, 4, 4)(inputs))
    y = L.LayerNormalization()(L.DepthwiseConv2D(7, padding="same")(x))
    x = L.Add()([x, L.Dense(16)(L.Activation("gelu")(L.Dense(64)(y)))])
    return pooled(K, inputs, x)


@keras3
def fourier_mixing(K):
    L, ops, inputs = K.layers, K.ops, image(K, 16, 24)
    real, _ = ops.fft2((inputs, ops.zeros_like(inputs)))
    x = L.LayerNormalization()(L.Add()([inputs, real]))
    return K.Model(inputs, L.Dense(5)(L.GlobalAveragePooling1D()(L.Dense(24, "gelu")(x))))


@keras3
def spatial_gating(K):
    L, ops, inputs = K.layers, K.ops, image(K, 16, 24)
    u, v = ops.split(L.Dense(48, "gelu")(inputs), 2, axis=-1)
    v = ops.transpose(L.Dense(16)(ops.transpose(L.LayerNormalization()(v), (0, 2, 1))), (0, 2, 1))
    return K.Model(inputs, L.Dense(5)(L.GlobalAveragePooling1D()(L.Dense(24)(u * v))))


@network
def attention_over_an_image(K):
    L, inputs = K.layers, image(K)
    x = L.MaxPooling2D(4)(L.Conv2D(16, 3, padding="same")(inputs))
    y = L.MultiHeadAttention(2, 8, attention_axes=(1, 2))(x, x)
    return pooled(K, inputs, L.Add()([x, y]))


@network
def cross_attention(K):
    L = K.layers
    query, context = L.Input((5, 12)), L.Input((9, 20))
    x = L.MultiHeadAttention(num_heads=3, key_dim=4, value_dim=6, output_shape=10)(query=query, value=context)
    return K.Model([query, context], L.Dense(2)(L.GlobalAveragePooling1D()(x)))


@network
def masked_attention(K):
    L = K.layers
    tokens, mask = L.Input((9, 20)), L.Input((9, 9), dtype="bool")
    x = L.MultiHeadAttention(2, 8)(tokens, tokens, attention_mask=mask)
    return K.Model([tokens, mask], L.Dense(2)(L.Flatten()(x)))


@network
def causal_decoder(K):
    L, tokens = K.layers, K.layers.Input((9, 20))
    x = L.MultiHeadAttention(2, 10)(tokens, tokens, use_causal_mask=True)
    x = L.LayerNormalization()(L.Add()([tokens, x]))
    return K.Model(tokens, L.Dense(50)(L.LayerNormalization()(L.Add()([x, L.Dense(20)(L.Dense(40, "relu")(x))]))))


@keras3
def grouped_query_attention(K):
    tokens = K.layers.Input((9, 20))
    x = K.layers.GroupQueryAttention(head_dim=5, num_query_heads=4, num_key_value_heads=2)(tokens, tokens)
    return K.Model(tokens, K.layers.Dense(2)(x))


# Dense prediction


@network
def unet_with_upsampling(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    a = conv_bn(K, inputs, 8)
    b = conv_bn(K, L.MaxPooling2D()(a), 16)
    c = conv_bn(K, L.MaxPooling2D()(b), 32)
    x = conv_bn(K, L.Concatenate()([L.UpSampling2D()(c), b]), 16)
    x = conv_bn(K, L.Concatenate()([L.UpSampling2D(interpolation="bilinear")(x), a]), 8)
    return K.Model(inputs, L.Conv2D(3, 1, activation="softmax", padding="same")(x))


@network
def unet_with_transposed_convolutions(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    a = L.Conv2D(8, 3, activation="relu", padding="same")(inputs)
    b = L.Conv2D(16, 3, activation="relu", padding="same")(L.MaxPooling2D()(a))
    x = L.concatenate([L.Conv2DTranspose(8, 2, strides=2, padding="same")(b), a])
    return K.Model(inputs, L.Conv2D(1, 1, activation="sigmoid")(L.Conv2D(8, 3, padding="same")(x)))


@network
def attention_unet(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    a = conv_bn(K, inputs, 8)
    b = conv_bn(K, L.MaxPooling2D()(a), 16)
    g = L.UpSampling2D()(b)
    gate = L.Activation("relu")(L.add([L.Conv2D(8, 1)(a), L.Conv2D(8, 1)(g)]))
    gate = L.Conv2D(1, 1, activation="sigmoid")(gate)
    x = conv_bn(K, L.concatenate([g, L.multiply([a, gate])]), 8)
    return K.Model(inputs, L.Conv2D(1, 1)(x))


@network
def fully_convolutional_of_any_size(K):
    L, inputs = K.layers, image(K, None, None, 3)
    x = conv_bn(K, conv_bn(K, inputs, 8), 16, strides=2)
    return K.Model(inputs, L.Conv2D(4, 1)(L.UpSampling2D()(x)))


@keras3
def deeplab(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    x = conv_bn(K, conv_bn(K, inputs, 16, strides=2), 32, strides=2)
    y = L.AveragePooling2D(pool_size=(x.shape[-3], x.shape[-2]))(x)
    y = L.UpSampling2D((16, 16), interpolation="bilinear")(conv_bn(K, y, 16, 1))
    branches = [y] + [conv_bn(K, x, 16, 3, dilation_rate=rate) for rate in (1, 6, 12)]
    x = conv_bn(K, L.Concatenate(axis=-1)(branches), 16, 1)
    return K.Model(inputs, L.Conv2D(5, 1)(K.ops.image.resize(x, (64, 64))))


@network
def pyramid_pooling(K):
    L, inputs = K.layers, image(K, 24, 24, 3)
    x = conv_bn(K, inputs, 16)
    levels = [x]
    for size in (24, 12, 8):
        y = conv_bn(K, L.AveragePooling2D(size)(x), 4, 1)
        levels.append(L.UpSampling2D(size, interpolation="bilinear")(y))
    return K.Model(inputs, L.Conv2D(3, 1)(L.Concatenate()(levels)))


@network
def feature_pyramid_with_shared_heads(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    c3 = conv_bn(K, inputs, 16, strides=4)
    c4 = conv_bn(K, c3, 32, strides=2)
    p4 = L.Conv2D(16, 1)(c4)
    p3 = L.Add()([L.Conv2D(16, 1)(c3), L.UpSampling2D()(p4)])
    head = K.Sequential([L.Input((None, None, 16)), L.Conv2D(16, 3, padding="same"), L.ReLU(), L.Conv2D(8, 3)])
    outputs = [L.Reshape((-1, 4))(head(p)) for p in (p3, p4)]
    return K.Model(inputs, L.Concatenate(axis=1)(outputs))


@network
def grid_detector(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    x = inputs
    for filters in (8, 16, 32):
        x = L.LeakyReLU(0.1)(conv_bn(K, x, filters, activation=None, strides=2))
    return K.Model(inputs, L.Reshape((8, 8, 3, 7))(L.Conv2D(21, 1)(x)))


@network
def keypoint_detector(K):
    L, inputs = K.layers, image(K, 64, 64, 3)
    x = L.Dropout(0.3)(conv_bn(K, inputs, 16, strides=8))
    x = L.SeparableConv2D(24, kernel_size=5, strides=1, activation="relu")(x)
    return K.Model(inputs, L.SeparableConv2D(24, kernel_size=4, strides=1, activation="sigmoid")(x))


@network
def autoencoder(K):
    L, inputs = K.layers, image(K, 28, 28, 1)
    x = L.MaxPooling2D(2, padding="same")(L.Conv2D(16, 3, activation="relu", padding="same")(inputs))
    x = L.UpSampling2D(2)(L.Conv2D(8, 3, activation="relu", padding="same")(x))
    return K.Model(inputs, L.Conv2D(1, 3, activation="sigmoid", padding="same")(x))


@network
def autoencoder_with_transposed_convolutions(K):
    L, inputs = K.layers, image(K, 28, 28, 1)
    x = L.Conv2D(16, 3, strides=2, padding="same")(inputs)
    x = L.Conv2DTranspose(16, 3, strides=2, activation="relu", padding="same")(x)
    return K.Model(inputs, L.Conv2D(1, 3, activation="sigmoid", padding="same")(x))


@network
def variational_encoder(K):
    L, inputs = K.layers, image(K, 28, 28, 1)
    x = L.Flatten()(L.Conv2D(32, 3, activation="relu", strides=2, padding="same")(inputs))
    x = L.Dense(16, activation="relu")(x)
    return K.Model(inputs, [L.Dense(2, name="z_mean")(x), L.Dense(2, name="z_log_var")(x)], name="encoder")


@network
def generator(K):
    L = K.layers
    return K.Sequential([
        L.Input((100,)), L.Dense(7 * 7 * 32, use_bias=False), L.BatchNormalization(), L.LeakyReLU(),
        L.Reshape((7, 7, 32)), L.Conv2DTranspose(16, 5, strides=1, padding="same", use_bias=False),
        L.BatchNormalization(), L.LeakyReLU(), L.Conv2DTranspose(1, 5, 2, padding="same", activation="tanh"),
    ])


@network
def discriminator(K):
    L = K.layers
    return K.Sequential([
        L.Input((28, 28, 1)), L.Conv2D(64, 5, 2, padding="same"), L.LeakyReLU(), L.Dropout(0.3),
        L.Conv2D(128, 5, 2, padding="same"), L.LeakyReLU(negative_slope=0.2) if hasattr(K, "ops") else L.LeakyReLU(0.2),
        L.GlobalMaxPooling2D(), L.Dense(1),
    ])


@network
def conditional_discriminator(K):
    L = K.layers
    picture, label = image(K), L.Input((10,))
    planes = L.Reshape((32, 32, 1))(L.Dense(32 * 32)(label))
    x = L.Concatenate()([picture, planes])
    return K.Model([picture, label], L.Dense(1)(L.Flatten()(L.Conv2D(16, 4, 4)(x))))


@keras3
def sub_pixel_upscaling(K):
    L, inputs = K.layers, image(K, None, None, 1)
    x = L.Conv2D(16, 5, padding="same")(inputs)
    x = L.Conv2D(9, 3, padding="same")(x)
    return K.Model(inputs, K.ops.nn.depth_to_space(x, 3) if hasattr(K.ops.nn, "depth_to_space") else x)


@keras3
def curves_of_light(K):
    L, ops, inputs = K.layers, K.ops, image(K, None, None, 3)
    a = L.Conv2D(16, 3, activation="relu", padding="same")(inputs)
    b = L.Conv2D(16, 3, activation="relu", padding="same")(a)
    r = L.Conv2D(6, 3, activation="tanh", padding="same")(L.Concatenate(axis=-1)([a, b]))
    x = inputs
    for k in range(2):
        x = x + r[:, :, :, 3 * k : 3 * k + 3] * (ops.square(x) - x)
    return K.Model(inputs, x)


@network
def residual_of_super_resolution(K):
    L, inputs = K.layers, image(K, 24, 24, 3)
    x = first = L.Conv2D(16, 3, padding="same")(L.Rescaling(1 / 255)(inputs))
    for _ in range(2):
        y = L.Conv2D(16, 3, padding="same")(L.Conv2D(16, 3, padding="same", activation="relu")(x))
        x = L.Add()([x, y])
    return K.Model(inputs, L.Rescaling(255)(L.Conv2D(3, 3, padding="same")(L.Add()([first, x]))))


# Transfer learning


@network
def transfer_learning_of_tensorflows_guide(K):
    L, inputs = K.layers, image(K, 96, 96, 3)
    augmented = K.Sequential([L.RandomFlip("horizontal"), L.RandomRotation(0.2)])
    base = K.applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None)
    x = K.applications.mobilenet_v2.preprocess_input(augmented(inputs))
    x = L.Dropout(0.2)(L.GlobalAveragePooling2D()(base(x, training=False)))
    return K.Model(inputs, L.Dense(1, "sigmoid")(x))


@network
def transfer_learning_of_keras_guide(K):
    L, inputs = K.layers, image(K, 71, 71, 3)
    base = K.applications.Xception(weights=None, input_shape=(71, 71, 3), include_top=False)
    base.trainable = False
    x = base(L.Rescaling(scale=1 / 127.5, offset=-1)(inputs), training=False)
    return K.Model(inputs, L.Dense(1)(L.Dropout(0.2)(L.GlobalAveragePooling2D()(x))))


@network
def backbone_in_a_sequential(K):
    L = K.layers
    base = K.applications.MobileNet((64, 64, 3), alpha=0.25, include_top=False, weights=None, pooling="avg")
    return K.Sequential([base, L.Dropout(0.2), L.Dense(5, "softmax")])


@network
def preprocessed_as_in_caffe(K):
    inputs = image(K)
    x = K.applications.vgg16.preprocess_input(inputs)
    return pooled(K, inputs, conv_bn(K, x, 8))


@network
def features_within_a_backbone(K):
    base = K.applications.MobileNetV2((96, 96, 3), alpha=0.35, include_top=False, weights=None)
    names = ["block_1_expand_relu", "block_3_expand_relu", "out_relu"]
    down = K.Model(base.input, [base.get_layer(name).output for name in names])
    inputs = image(K, 96, 96, 3)
    a, b, c = down(inputs)
    x = K.layers.Concatenate()([K.layers.UpSampling2D(8)(c), b])
    x = K.layers.Concatenate()([K.layers.UpSampling2D(2)(x), a])
    return K.Model(inputs, K.layers.Conv2D(3, 1)(x))


@network
def models_three_deep(K):
    L, inputs = K.layers, image(K)
    inner = K.Sequential([image(K), L.Conv2D(8, 3, name="conv"), L.ReLU()], name="inner")
    middle = K.Sequential([image(K), inner, L.Conv2D(8, 3, name="conv_2")], name="middle")
    return pooled(K, inputs, middle(inputs))


@network
def two_blocks_with_the_same_names(K):
    def block(name, size):
        x = image(K, *size)
        y = K.layers.BatchNormalization(name="bn")(K.layers.Conv2D(size[-1] * 2, 3, name="conv")(x))
        return K.Model(x, y, name=name)

    inputs = image(K)
    return pooled(K, inputs, block("two", (30, 30, 6))(block("one", (32, 32, 3))(inputs)))


# Several inputs and outputs


@network
def image_and_table(K):
    L = K.layers
    picture, table = image(K, name="picture"), L.Input((7,), name="table")
    a = L.GlobalAveragePooling2D()(conv_bn(K, picture, 16))
    return classified(K, [picture, table], L.Concatenate()([a, L.Dense(8, "relu")(table)]))


@network
def inputs_in_a_dictionary(K):
    L = K.layers
    inputs = {name: L.Input((size,), name=name) for name, size in (("b", 3), ("a", 5))}
    x = L.Concatenate()([L.Dense(4)(inputs["a"]), L.Dense(6)(inputs["b"])])
    return K.Model(inputs, {"y": L.Dense(1, name="y")(x), "z": L.Dense(2, name="z")(x)})


@network
def siamese(K):
    L = K.layers
    tower = K.Sequential([image(K), L.Conv2D(8, 3, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(4)])
    a, b = image(K), image(K)
    return K.Model([a, b], L.Dense(1, "sigmoid")(L.Subtract()([tower(a), tower(b)])))


@keras3
def siamese_with_a_euclidean_distance(K):
    L, ops = K.layers, K.ops
    inner = image(K)
    tower = K.Model(inner, L.Dense(10, "tanh")(L.Flatten()(L.AveragePooling2D(4)(L.BatchNormalization()(inner)))))
    a, b = image(K), image(K)
    total = ops.sum(ops.square(tower(a) - tower(b)), axis=1, keepdims=True)
    merged = ops.sqrt(ops.maximum(total, K.backend.epsilon()))
    return K.Model([a, b], L.Dense(1, "sigmoid")(L.BatchNormalization()(merged)))


@network
def triplets(K):
    L = K.layers
    tower = K.Sequential([image(K), conv := L.Conv2D(8, 3, 2), L.Flatten(), L.Dense(16), L.UnitNormalization()])
    del conv
    inputs = [image(K, name=name) for name in ("anchor", "positive", "negative")]
    a, p, n = (tower(x) for x in inputs)
    return K.Model(inputs, [L.Dot(axes=1)([a, p]), L.Dot(axes=1)([a, n])])


@network
def several_tasks(K):
    L, inputs = K.layers, image(K)
    x = L.Flatten()(L.MaxPooling2D()(L.Conv2D(16, 3, activation="relu")(inputs)))
    age = L.Dense(1, name="age")(L.Dense(16, "relu")(x))
    return K.Model(inputs, [age, L.Dense(2, "softmax", name="sex")(L.Dense(16, "relu")(x))])


@network
def actor_and_critic(K):
    L, inputs = K.layers, K.layers.Input((4,))
    common = L.Dense(128, activation="relu")(inputs)
    return K.Model(inputs, [L.Dense(2, activation="softmax")(common), L.Dense(1)(common)])


@network
def critic_of_states_and_actions(K):
    L = K.layers
    state, action = L.Input((3,)), L.Input((1,))
    s = L.Dense(32, "relu")(L.Dense(16, "relu")(state))
    x = L.Concatenate()([s, L.Dense(32, "relu")(action)])
    return K.Model([state, action], L.Dense(1)(L.Dense(256, "relu")(x)))


@keras3
def atari_player(K):
    L, inputs = K.layers, image(K, 4, 84, 84)
    x = K.ops.transpose(inputs, [0, 2, 3, 1])
    x = L.Conv2D(32, 8, strides=4, activation="relu")(x)
    x = L.Conv2D(64, 4, strides=2, activation="relu")(x)
    return K.Model(inputs, L.Dense(4)(L.Dense(512, "relu")(L.Flatten()(x))))


@keras3
def dueling_player(K):
    L, ops, inputs = K.layers, K.ops, K.layers.Input((8,))
    x = L.Dense(64, "relu")(inputs)
    value, advantage = L.Dense(1)(x), L.Dense(4)(x)
    return K.Model(inputs, value + advantage - ops.mean(advantage, axis=1, keepdims=True))


@network
def an_unused_input(K):
    L = K.layers
    a, b = L.Input((4,)), L.Input((6,))
    return K.Model([a, b], L.Dense(2)(a))


@network
def a_shared_convolution(K):
    L, inputs = K.layers, image(K)
    conv = L.Conv2D(3, 3, padding="same")
    return pooled(K, inputs, conv(L.ReLU()(conv(L.ReLU()(conv(inputs))))))


# Tables


@network
def table_with_normalization(K):
    L, inputs = K.layers, K.layers.Input((9,))
    norm = L.Normalization()
    norm.adapt(np.random.rand(16, 9).astype("float32"))
    return K.Model(inputs, L.Dense(1)(L.Dense(64, "relu")(L.Dense(64, "relu")(norm(inputs)))))


@network
def normalization_over_all_axes(K):
    inputs = image(K)
    return pooled(K, inputs, conv_bn(K, K.layers.Normalization(axis=None)(inputs), 8))


@network
def normalization_with_moments(K):
    inputs = image(K)
    return pooled(K, inputs, conv_bn(K, K.layers.Normalization(mean=[0.5] * 3, variance=[0.25] * 3)(inputs), 8))


@network
def wide_and_deep(K):
    L, inputs = K.layers, K.layers.Input((12,))
    deep = L.Dense(8, "relu")(L.Dense(16, "relu")(inputs))
    return K.Model(inputs, L.Dense(1, "sigmoid")(L.concatenate([inputs, deep])))


@network
def deep_and_cross(K):
    L, inputs = K.layers, K.layers.Input((12,))
    x = inputs
    for _ in range(2):
        x = L.Add()([L.Multiply()([inputs, L.Dense(12)(x)]), x])
    return K.Model(inputs, L.Dense(1)(L.Concatenate()([x, L.BatchNormalization()(L.Dense(16)(inputs))])))


@network
def categories_and_bins(K):
    L = K.layers
    category, number = L.Input((1,), dtype="int32"), L.Input((1,))
    a = L.CategoryEncoding(num_tokens=5, output_mode="one_hot")(category)
    b = L.CategoryEncoding(num_tokens=4, output_mode="one_hot")(L.Discretization([0.0, 1.0, 2.0])(number))
    return K.Model([category, number], L.Dense(1)(L.Concatenate()([a, b])))


@network
def gated_residual_network(K):
    L, inputs = K.layers, K.layers.Input((12,))
    x = L.Dropout(0.1)(L.Dense(16)(L.Dense(16, "elu")(inputs)))
    x = L.Multiply()([L.Dense(16)(x), L.Dense(16, "sigmoid")(x)])
    return K.Model(inputs, L.Dense(1)(L.LayerNormalization()(L.Add()([L.Dense(16)(inputs), x]))))


@network
def hashed_strings(K):
    L, inputs = K.layers, K.layers.Input((1,), dtype="string")
    x = L.Hashing(num_bins=8, output_mode="one_hot")(inputs)
    return K.Model(inputs, L.Dense(1)(x))


@network
def looked_up_integers(K):
    L, inputs = K.layers, K.layers.Input((1,), dtype="int64")
    x = L.IntegerLookup(vocabulary=[3, 5, 8], output_mode="one_hot")(inputs)
    return K.Model(inputs, L.Dense(1)(x))


# Text and series


@network
def bag_of_embeddings(K):
    L, inputs = K.layers, K.layers.Input((None,), dtype="int64")
    x = L.GlobalAveragePooling1D()(L.Dropout(0.2)(L.Embedding(1000, 16)(inputs)))
    return K.Model(inputs, L.Dense(1)(x))


@network
def text_convolution(K):
    L, inputs = K.layers, K.layers.Input((50,), dtype="int64")
    x = L.Conv1D(32, 7, padding="valid", activation="relu", strides=3)(L.Embedding(1000, 16)(inputs))
    return K.Model(inputs, L.Dense(1)(L.Dense(32, "relu")(L.GlobalMaxPooling1D()(x))))


@network
def bidirectional_text(K):
    L, inputs = K.layers, K.layers.Input((50,), dtype="int32")
    x = L.Bidirectional(L.LSTM(16, return_sequences=True))(L.Embedding(1000, 16)(inputs))
    return K.Model(inputs, L.Dense(1, "sigmoid")(L.Bidirectional(L.LSTM(16))(x)))


@network
def weather(K):
    L, inputs = K.layers, K.layers.Input((120, 7))
    return K.Model(inputs, L.Dense(1)(L.LSTM(32)(inputs)))


@network
def stacked_recurrence(K):
    L = K.layers
    return K.Sequential([L.Input((20, 4)), L.GRU(8, return_sequences=True), L.SimpleRNN(6), L.Dense(1)])


@network
def series_convolution(K):
    L, inputs = K.layers, K.layers.Input((128, 1))
    x = inputs
    for _ in range(2):
        x = L.ReLU()(L.BatchNormalization()(L.Conv1D(16, 3, padding="same")(x)))
    return classified(K, inputs, L.GlobalAveragePooling1D()(x), 2)


@network
def series_transformer(K):
    L, inputs = K.layers, K.layers.Input((60, 1))
    x = L.MultiHeadAttention(key_dim=8, num_heads=2, dropout=0.1)(inputs, inputs)
    x = L.LayerNormalization(epsilon=1e-6)(L.Dropout(0.1)(x) + inputs)
    x = L.Conv1D(1, 1)(L.Conv1D(4, 1, activation="relu")(x)) + x
    x = L.GlobalAveragePooling1D(data_format="channels_last")(x)
    return classified(K, inputs, L.Dense(16, "relu")(x), 2)


@network
def series_autoencoder(K):
    L = K.layers
    return K.Sequential([
        L.Input((288, 1)), L.Conv1D(32, 7, padding="same", strides=2, activation="relu"), L.Dropout(0.2),
        L.Conv1D(16, 7, padding="same", strides=2), L.Conv1DTranspose(16, 7, padding="same", strides=2),
        L.Conv1DTranspose(1, 7, padding="same", strides=2),
    ])


@network
def dense_over_time(K):
    L = K.layers
    return K.Sequential([L.Input((24, 5)), L.TimeDistributed(L.Dense(8)), L.Flatten(), L.Dense(1)])


@network
def encoder_and_decoder(K):
    L = K.layers
    encoder_inputs, decoder_inputs = L.Input((None, 12)), L.Input((None, 14))
    _, h, c = L.LSTM(8, return_state=True)(encoder_inputs)
    x, _, _ = L.LSTM(8, return_sequences=True, return_state=True)(decoder_inputs, initial_state=[h, c])
    return K.Model([encoder_inputs, decoder_inputs], L.Dense(14, "softmax")(x))


@network
def captcha_reader(K):
    L, inputs = K.layers, image(K, 40, 16, 1)
    x = L.MaxPooling2D((2, 2))(L.Conv2D(8, 3, activation="relu", padding="same")(inputs))
    x = L.Dense(16, "relu")(L.Reshape(target_shape=(20, 64))(x))
    return K.Model(inputs, L.Dense(11, "softmax")(L.Bidirectional(L.LSTM(8, return_sequences=True))(x)))


@network
def spoken_commands(K):
    L, inputs = K.layers, image(K, 124, 129, 1)
    norm = L.Normalization()
    norm.adapt(np.random.rand(2, 124, 129, 1).astype("float32"))
    x = L.Conv2D(64, 3, activation="relu")(L.Conv2D(32, 3, activation="relu")(norm(L.Resizing(32, 32)(inputs))))
    return K.Model(inputs, L.Dense(8)(L.Dense(128, "relu")(L.Flatten()(L.Dropout(0.25)(L.MaxPooling2D()(x))))))


# Volumes and clouds


@network
def scans(K):
    L, inputs = K.layers, K.layers.Input((16, 16, 8, 1))
    x = L.BatchNormalization()(L.MaxPooling3D(2)(L.Conv3D(8, 3, activation="relu")(inputs)))
    return K.Model(inputs, L.Dense(1, "sigmoid")(L.Dense(16)(L.GlobalAveragePooling3D()(x))))


@network
def frames_over_time(K):
    L = K.layers
    frame = K.Sequential([L.Input((32, 32, 3)), L.Conv2D(8, 3), L.GlobalAveragePooling2D()])
    return K.Sequential([L.Input((5, 32, 32, 3)), L.TimeDistributed(frame), L.GRU(8), L.Dense(2)])


@network
def next_frame(K):
    L, inputs = K.layers, K.layers.Input((None, 16, 16, 1))
    x = L.BatchNormalization()(L.ConvLSTM2D(8, 3, padding="same", return_sequences=True)(inputs))
    return K.Model(inputs, L.Conv3D(1, 3, activation="sigmoid", padding="same")(x))


@network
def points(K):
    L, inputs = K.layers, K.layers.Input((64, 3))
    x = L.Activation("relu")(L.BatchNormalization()(L.Conv1D(16, 1)(inputs)))
    t = L.Reshape((3, 3))(L.Dense(9)(L.GlobalMaxPooling1D()(x)))
    x = L.Conv1D(16, 1)(L.Dot(axes=(2, 1))([inputs, t]))
    return K.Model(inputs, L.Dense(5, "softmax")(L.Dropout(0.3)(L.Dense(16)(L.GlobalMaxPooling1D()(x)))))


# What else Keras has


@network
def augmented_at_the_front(K):
    L, inputs = K.layers, image(K, 40, 40, 3)
    x = inputs
    for layer in (
        L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.1),
        L.RandomTranslation(0.1, 0.1), L.RandomBrightness(0.1), L.RandomCrop(36, 36), L.CenterCrop(32, 32),
    ):
        x = layer(x)
    return pooled(K, inputs, conv_bn(K, x, 8))


@keras3
def newer_augmentations(K):
    L, inputs = K.layers, image(K)
    x = inputs
    for layer in (
        L.RandAugment(value_range=(0, 255)), L.AugMix((0, 255)), L.CutMix(), L.RandomColorJitter((0, 255)),
        L.RandomGaussianBlur(value_range=(0, 255)), L.RandomPerspective(), L.RandomPosterization(4), L.Solarization(),
        L.RandomGrayscale(), L.RandomInvert(), L.RandomElasticTransform(),
    ):
        x = layer(x)
    return pooled(K, inputs, conv_bn(K, x, 8))


@keras3
def augmentations_in_a_pipeline(K):
    L, inputs = K.layers, image(K)
    x = L.Pipeline([L.RandomFlip(), L.RandomRotation(0.1)])(inputs)
    return pooled(K, inputs, conv_bn(K, x, 8))


@network
def noise_and_regularization(K):
    L, inputs = K.layers, image(K)
    x = L.GaussianDropout(0.1)(L.GaussianNoise(0.1)(inputs))
    x = L.ActivityRegularization(l2=1e-3)(L.SpatialDropout2D(0.1)(conv_bn(K, x, 8, kernel_regularizer="l2")))
    return pooled(K, inputs, L.AlphaDropout(0.1)(L.PReLU(shared_axes=[1, 2])(L.ELU()(x))))


@network
def constrained(K):
    L, inputs = K.layers, image(K)
    x = L.Conv2D(8, 3, kernel_constraint=K.constraints.MaxNorm(2), bias_initializer="ones")(inputs)
    return pooled(K, inputs, x)


@network
def group_norm(K):
    L, inputs = K.layers, image(K)
    x = L.GroupNormalization(4)(L.Conv2D(8, 3)(inputs))
    return pooled(K, inputs, L.Conv2D(8, 3)(L.ReLU()(x)))


@network
def spectral_norm(K):
    L, inputs = K.layers, image(K)
    return pooled(K, inputs, L.Conv2D(8, 3)(L.SpectralNormalization(L.Conv2D(8, 3))(inputs)))


@network
def norm_without_weights(K):
    L, inputs = K.layers, image(K)
    x = L.BatchNormalization(center=False, scale=False)(L.Conv2D(8, 3)(inputs))
    return pooled(K, inputs, L.LayerNormalization(center=False)(x))


@keras3
def root_mean_square_norm(K):
    L, inputs = K.layers, K.layers.Input((12,))
    return K.Model(inputs, L.Dense(2)(L.RMSNormalization()(L.Dense(16)(inputs))))


@network
def einsum_dense(K):
    L, inputs = K.layers, K.layers.Input((9, 20))
    x = L.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d")(inputs)
    return K.Model(inputs, L.Dense(2)(x))


@network
def lambda_layer(K):
    L, inputs = K.layers, image(K)
    return pooled(K, inputs, conv_bn(K, L.Lambda(lambda x: x / 255.0, output_shape=(32, 32, 3))(inputs), 8))


@network
def maxima_and_averages(K):
    L, inputs = K.layers, image(K)
    a, b = L.Conv2D(8, 3)(inputs), L.Conv2D(8, 3)(inputs)
    x = L.Concatenate()([L.Maximum()([a, b]), L.Minimum()([a, b]), L.Average()([a, b])])
    return pooled(K, inputs, L.Conv2D(4, 1)(x))


@network
def repeated_and_masked(K):
    L, inputs = K.layers, K.layers.Input((7,))
    x = L.Masking()(L.RepeatVector(5)(inputs))
    return K.Model(inputs, L.Dense(1)(L.Dense(8, "relu")(x)))


@network
def cropped_and_padded(K):
    L, inputs = K.layers, image(K)
    x = L.Cropping2D(((1, 2), (3, 4)))(L.ZeroPadding2D((2, 3))(inputs))
    return classified(K, inputs, L.Flatten()(L.Conv2D(4, 3)(x)))


@keras3
def low_rank_adaptation(K):
    L, inputs = K.layers, K.layers.Input((12,))
    dense = L.Dense(16)
    model = K.Model(inputs, L.Dense(2)(dense(inputs)))
    dense.enable_lora(2)
    return model


@keras3
def mixed_precision(K):
    L, inputs = K.layers, image(K)
    x = L.Conv2D(8, 3, dtype="mixed_float16")(inputs)
    return K.Model(inputs, L.Dense(2, dtype="float32")(L.GlobalAveragePooling2D(dtype="mixed_float16")(x)))


@network
def names_with_slashes(K):
    L, inputs = K.layers, image(K, name="in")
    x = L.Conv2D(8, 3, name="stage1.block0.conv")(inputs)
    return K.Model(inputs, L.Dense(2, name="head-classes")(L.Flatten(name="Flat 1")(x)))


@network
def a_subclass_of_model(K):
    class Trained(K.Model):
        def train_step(self, data):
            return super().train_step(data)

    inputs = image(K)
    return Trained(inputs, K.layers.Dense(2)(K.layers.GlobalMaxPooling2D()(conv_bn(K, inputs, 8))))


@keras3
def pooled_to_one(K):
    L, inputs = K.layers, image(K)
    x = L.AdaptiveAveragePooling2D((1, 1))(conv_bn(K, inputs, 8))
    return K.Model(inputs, L.Dense(2)(L.Flatten()(L.Conv2D(4, 1)(x))))


@keras3
def standardized_by_operations(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    mean = ops.mean(inputs, axis=(1, 2), keepdims=True)
    x = (inputs - mean) / (ops.std(inputs, axis=(1, 2), keepdims=True) + 1e-6)
    x = ops.where(ops.isnan(x), ops.zeros_like(x), ops.clip(x, -3, 3))
    return pooled(K, inputs, conv_bn(K, ops.cast(x, "float32"), 8))


@keras3
def means_of_operations(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = conv_bn(K, inputs, 8)
    x = ops.concatenate([ops.mean(x, axis=[1, 2]), ops.max(x, axis=[1, 2]), ops.var(x, axis=(-3, -2))], axis=-1)
    return K.Model(inputs, L.Dense(2)(x))


@keras3
def patches_by_reshaping(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = ops.reshape(inputs, (-1, 4, 8, 4, 8, 3))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 16, 192))
    return K.Model(inputs, L.Dense(2)(L.GlobalAveragePooling1D()(L.Dense(32)(x))))


@keras3
def stacked_and_tiled(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = ops.stack([L.Conv2D(4, 3)(inputs), L.Conv2D(4, 3)(inputs)], axis=1)
    x = ops.max(x, axis=1)
    x = ops.tile(ops.expand_dims(ops.mean(x, axis=-1), -1), (1, 1, 1, 3))
    return pooled(K, inputs, L.Conv2D(4, 3)(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))))


@keras3
def convolution_as_an_operation(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = ops.depthwise_conv(inputs, np.ones((3, 3, 3, 1), "float32") / 9, 1, "same")
    return pooled(K, inputs, conv_bn(K, x, 8))


@keras3
def cosine_head(K):
    L, ops, inputs = K.layers, K.ops, image(K)
    x = L.Dense(8)(L.GlobalAveragePooling2D()(conv_bn(K, inputs, 8)))
    return K.Model(inputs, ops.normalize(x, axis=-1))
