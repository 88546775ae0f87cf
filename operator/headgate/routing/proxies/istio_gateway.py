"""Series of Istio's gateways, which report the requests they send as `source`, by the Service they chose.

istio.io/latest/docs/reference/config/metrics. A write is pushed 0.1 s after the last one, but while there are more of
them up to 10 s after the first (istio/istio, PILOT_DEBOUNCE_MAX). Of gRPC the HTTP status is always 200.
"""

from headgate.routing.meter import Matcher, Meter
from headgate.routing.route import Backend, Route


def meter(route: Route, version: Backend) -> Meter:
    """The series of a version."""
    return Meter(
        requests="istio_requests_total",
        code_label="response_code",
        grpc_label="grpc_response_status",
        durations="istio_request_duration_milliseconds",
        seconds_per_unit=0.001,
        matchers=(
            Matcher("destination_service_name", "=", version.service),
            Matcher("destination_service_namespace", "=", route.namespace),
            Matcher("reporter", "=", "source"),
        ),
    )
