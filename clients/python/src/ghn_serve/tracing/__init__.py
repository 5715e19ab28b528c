"""Turns a PyTorch module into the graph that a GHN takes."""

from .trace import trace

__all__ = ["trace"]
