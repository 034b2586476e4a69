"""Reads metrics with Prometheus' own parser, and checks that dashboards made for NVIDIA's DCGM exporter find what they query.

usage: check_metrics.py FILE

FILE holds a page of metrics in the text format 0.0.4. Prints the name of every family, a line each.
"""
import sys

from prometheus_client.parser import text_string_to_metric_families

# What Grafana dashboard 12239 (NVIDIA DCGM Exporter Dashboard) queries, by `instance` and `gpu`.
DASHBOARD = {
    "DCGM_FI_DEV_GPU_TEMP",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_SM_CLOCK",
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
}

# Their types, and those of what only rises, as the exporter's etc/default-counters.csv has them.
TYPES = {name: "gauge" for name in DASHBOARD} | {
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "counter",
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": "counter",
    "DCGM_FI_DEV_XID_ERRORS": "gauge",
}
LABELS = {"instance", "gpu", "UUID", "device", "modelName", "Hostname", "pci_bus_id", "DCGM_FI_DRIVER_VERSION"}


def main(page):
    families = list(text_string_to_metric_families(page))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "a family stands in two places"
    series = set()
    for family in families:
        assert family.type != "unknown", f"{family.name} has no type"
        assert family.type == TYPES.get(family.name, family.type), f"{family.name} is a {family.type}"
        assert family.documentation, f"{family.name} has no help"
        for sample in family.samples:
            identity = (sample.name, tuple(sorted(sample.labels.items())))
            assert identity not in series, f"{identity} is there twice"
            series.add(identity)
            if sample.name.startswith("DCGM_"):
                assert LABELS <= sample.labels.keys(), f"{sample.name} lacks {LABELS - sample.labels.keys()}"
                assert sample.labels["instance"] == sample.labels["Hostname"] + ":9400"
    # The parser leaves `_total` out of a counter's family.
    missing = DASHBOARD - {sample for sample, _ in series}
    assert not missing, f"the dashboard finds no {missing}"
    for name in sorted({sample for sample, _ in series}):
        print(name, flush=True)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        main(file.read())
