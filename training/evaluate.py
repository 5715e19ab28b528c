"""Accuracy of predicted networks by split, kind and norm."""

import torch

from graphs import batch_graphs, encode_graph
from networks import execute

BATCH_SIZE = 200


@torch.no_grad()
def accuracies(ghn, networks, digits):
    """For each architecture, the share of digits that the predicted network classifies right, without training."""
    scores = []
    for network in networks:
        graph = encode_graph(network.graph, ghn.config.num_classes, ghn.config.max_kernel)
        (parameters,) = ghn(batch_graphs([graph]))
        scores.append(accuracy(network, parameters, digits))
    return scores


@torch.no_grad()
def accuracy(network, parameters, digits):
    right = 0
    for images, labels in zip(digits.images.split(BATCH_SIZE), digits.labels.split(BATCH_SIZE)):
        right += (execute(network.layers, parameters, images).argmax(1) == labels).sum().item()
    return right / len(digits.labels)
