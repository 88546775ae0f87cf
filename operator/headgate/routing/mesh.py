"""The counters of service meshes whose proxies stand beside each pod: scraping adds the pod's name to them.

Istio: istio.io/latest/docs/reference/config/metrics; istio/proxy, source/extensions/filters/http/istio_stats. The
server's proxy reports as `destination`. Of gRPC the HTTP status is always 200, its own is in `grpc_response_status`.
Probes go past the proxy, since the kubelet's are rewritten to ask its agent.

Linkerd: linkerd.io/2/reference/proxy-metrics; linkerd2-proxy, linkerd/app/core/src/classify.rs. Its `classification`
covers 5xx, failed gRPC and broken streams, which have no status. The proxy's own port is counted like any other: before
it is ready it answers probes with 503, which would speak against every new pod. Probes of the application have a route
of their own (linkerd2, policy-controller, RouteRef::Default("probe")).
"""

from headgate.api.spec import ApplicationMetrics, Mesh

MESHES: dict[Mesh, ApplicationMetrics] = {
    "Istio": ApplicationMetrics(
        requests="istio_requests_total",
        code_label="response_code",
        grpc_label="grpc_response_status",
        durations="istio_request_duration_milliseconds",
        unit="ms",
        labels={"reporter": "destination"},
    ),
    "Linkerd": ApplicationMetrics(
        requests="response_total",
        code_label="classification",
        failures=("failure",),
        durations="response_latency_ms",
        unit="ms",
        labels={"direction": "inbound"},
        without={"target_port": ("4191",), "route_name": ("probe",)},
    ),
}
