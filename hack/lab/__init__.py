"""A real Kubernetes cluster for tests and the demo, started and stopped by `python3 hack/lab`.

Standard library only, so that it runs before any virtual environment exists. Tests use `lab.handle`.
"""
