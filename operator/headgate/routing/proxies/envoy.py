"""Envoy's own series of a cluster, as its /stats/prometheus shows them.

www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats: `upstream_rq_<code>` counts
each request once, by the answer that went to the client; times are in milliseconds.
"""

from headgate.routing.meter import Matcher, Meter


def envoy_meter(cluster: Matcher, code_label: str = "envoy_response_code") -> Meter:
    """The series of the clusters that a matcher names. A proxy may have a label of its own for the status."""
    return Meter(
        requests="envoy_cluster_upstream_rq",
        code_label=code_label,
        durations="envoy_cluster_upstream_rq_time",
        seconds_per_unit=0.001,
        matchers=(cluster,),
    )
