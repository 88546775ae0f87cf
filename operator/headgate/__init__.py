"""Headgate: canary and blue-green releases for Kubernetes."""

__version__ = "0.1.0"
