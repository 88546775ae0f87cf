"""Names of the objects made for a release."""

SERVICE_SUFFIX = "-canary"
LONGEST_SERVICE = 63


def candidate_service(service: str) -> str:
    """The Service that leads to the candidate's pods; the route that gives it traffic bears the same name."""
    return f"{service}{SERVICE_SUFFIX}"
