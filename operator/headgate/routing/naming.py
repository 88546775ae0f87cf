"""Names of the objects made for a release."""

SERVICE_SUFFIX = "-canary"
LONGEST_SERVICE = 63


def name_problem(service: str) -> str:
    """Why the name of a Service leaves no room for its candidate's, in one sentence; empty where it does."""
    if len(candidate_service(service)) <= LONGEST_SERVICE:
        return ""
    limit = LONGEST_SERVICE - len(SERVICE_SUFFIX)
    return f"service name {service} is too long: {limit} characters leave room for its canary"


def candidate_service(service: str) -> str:
    """The Service that leads to the candidate's pods; the route that gives it traffic bears the same name."""
    return f"{service}{SERVICE_SUFFIX}"
