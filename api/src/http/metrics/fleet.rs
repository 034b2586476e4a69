//! The fleet in numbers: conditions by kind, devices by what they can be used for, and what the server's other parts count.
use crate::http::{app::App, port::Counted};
use domain::{Cluster, node::Contact};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::MetricType,
};
use std::{collections::BTreeMap, fmt};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct Condition {
    kind: String,
    severity: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct Availability {
    availability: &'static str,
}

/// What is told of the fleet when it is scraped.
#[derive(Debug)]
pub(super) struct Fleet {
    conditions: BTreeMap<Condition, u64>,
    availability: Vec<(Availability, u64)>,
    counted: Vec<Counted>,
}

impl Fleet {
    pub(super) fn of(app: &App) -> Self {
        let mut counted = app.parts.vitals.counted();
        let known = app.parts.mirrors.known().into_iter();
        counted.push(Counted {
            name: "kubernetes_mirror_up",
            help: "Whether a Kubernetes cluster is seen as it is",
            rises: false,
            series: known
                .map(|mirror| (Some(("cluster", mirror.cluster.to_string())), mirror.connected.into()))
                .collect(),
        });
        app.present(|state| {
            let tripped = state.cluster().pools().values().filter(|pool| pool.breaker.tripped.is_some()).count();
            let nodes = state.cluster().nodes().values().filter(|node| !node.retired);
            let (lost, reporting): (Vec<_>, Vec<_>) = nodes.partition(|node| node.contact == Contact::Lost);
            let by = |contact: &str, nodes: Vec<_>| (Some(("contact", contact.to_owned())), nodes.len() as u64);
            counted.push(Counted {
                name: "nodes",
                help: "Nodes in service, by whether they are heard",
                rises: false,
                series: vec![by("reporting", reporting), by("lost", lost)],
            });
            counted.push(Counted {
                name: "breakers_tripped",
                help: "Pools whose breaker holds quarantines back",
                rises: false,
                series: vec![(None, tripped as u64)],
            });
            Self { counted, ..Self::of_cluster(state.cluster()) }
        })
    }

    fn of_cluster(cluster: &Cluster) -> Self {
        let policy = cluster.health_policy();
        let mut conditions: BTreeMap<Condition, u64> = BTreeMap::new();
        let ill = cluster.devices().values().filter(|device| !device.retired);
        for condition in ill.flat_map(|device| &device.conditions) {
            let severity = projections::view::Severity::from(policy.judge(condition).severity).as_str();
            *conditions.entry(Condition { kind: condition.kind.to_string(), severity }).or_default() += 1;
        }
        let tally = cluster.tally();
        let availability = [
            ("free", tally.free),
            ("busy", tally.busy),
            ("quarantined", tally.quarantined),
            ("cordoned", tally.cordoned),
            ("unknown", tally.unknown),
            ("missing", tally.missing),
        ];
        let availability = availability.map(|(availability, count)| (Availability { availability }, count.into()));
        Self { conditions, availability: availability.into(), counted: vec![] }
    }
}

impl Collector for Fleet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "Conditions of devices in service, by kind and severity";
        let mut family = encoder.encode_descriptor("device_conditions", help, None, MetricType::Gauge)?;
        for (label, count) in &self.conditions {
            family.encode_family(label)?.encode_gauge(count)?;
        }
        let help = "Devices in service, by whether they can be given to a job";
        let mut family = encoder.encode_descriptor("devices", help, None, MetricType::Gauge)?;
        for (label, count) in &self.availability {
            family.encode_family(label)?.encode_gauge(count)?;
        }
        for Counted { name, help, rises, series } in &self.counted {
            let kind = if *rises { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (label, value) in series {
                let label: Vec<(&str, &str)> = label.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let mut one = family.encode_family(&label)?;
                if *rises {
                    one.encode_counter::<[(&str, &str); 0], u64, u64>(value, None)?;
                } else {
                    one.encode_gauge(value)?;
                }
            }
        }
        Ok(())
    }
}
