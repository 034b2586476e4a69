//! Counters of the HTTP server, and what it reads from the rest when it is scraped.
mod fleet;
mod gpu;
mod text;

pub(crate) use text::CONTENT_TYPE;

use super::{
    app::App,
    port::{EngineVitals, LogSize},
};
use domain::NodeName;
use fleet::Fleet;
use projections::Phase;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{fmt, sync::atomic::AtomicU64, time::Duration};

type Uint = Gauge<u64, AtomicU64>;

/// What the HTTP server counts. Labels are routes, methods, statuses and outcomes: never what a client made up.
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    commands: Family<Outcome, Counter>,
    sign_ins: Family<Outcome, Counter>,
    unrecorded: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            commands: Family::default(),
            sign_ins: Family::default(),
            unrecorded: Counter::default(),
        }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub(crate) fn answered(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let label = Answered { route: route.to_owned(), method, status };
        self.requests.get_or_create(&label).inc();
        self.seconds.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a command that came over HTTP.
    pub(crate) fn command(&self, outcome: &'static str) {
        self.commands.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts a sign-in with a password.
    pub(crate) fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&Outcome { outcome }).inc();
    }

    /// Counts an attempt that could not be recorded.
    pub(crate) fn unrecorded(&self) {
        self.unrecorded.inc();
    }

    /// All metrics as text: the server's own, and those of as many GPUs as one page holds.
    pub(crate) fn encode(&self, app: &App, log: LogSize) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("dkube");
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register("http_request_seconds", "Time until an answer began", self.seconds.clone());
        registry.register("http_commands", "Commands that came over HTTP, by outcome", self.commands.clone());
        registry.register("sign_ins", "Sign-ins with a password", self.sign_ins.clone());
        let unrecorded = "Sign-ins, refusals and reads of the audit trail that could not be recorded";
        registry.register("unrecorded_attempts", unrecorded, self.unrecorded.clone());
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = Uint::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        };
        let (durable, shown) = (app.durable().0, app.parts.live.position().0);
        let settings = app.settings();
        let status = app.parts.live.status();
        let stalled = matches!(status.phase, Phase::Stalled { .. } | Phase::Failed);
        let busy = |max: usize, free: usize| (max.saturating_sub(free)) as u64;
        gauge("log_events", "Events in the log", log.events);
        gauge("log_bytes", "Bytes of the log on the disk", log.bytes);
        gauge("log_free_bytes", "Bytes free on the log's disk", log.free_bytes);
        gauge("watermark", "The last durable position", durable);
        gauge("projection_position", "The position that the read models have reached", shown);
        gauge("projection_lag_events", "Events that the read models are behind", durable.saturating_sub(shown));
        gauge("projection_stalled", "Whether the read models stand still", stalled.into());
        gauge("projection_stalls", "How often the read models have stalled since the start", status.stalls);
        gauge("sessions", "Sessions that last", app.sessions.count(app.now()) as u64);
        let streams = busy(settings.streams_max, app.streams.available_permits());
        gauge("event_streams", "Event streams and exports that are open", streams);
        let requests = busy(settings.requests_max, app.requests.available_permits());
        gauge("http_requests_in_flight", "Requests that are being answered", requests);
        registry.register_collector(Box::new(Engine(app.parts.vitals.engine())));
        registry.register_collector(Box::new(Fleet::of(app)));
        let mut gpus = gpu::Page::new(settings.metrics_gpus_max);
        let (telemetry, now) = (&app.parts.telemetry, app.now());
        app.present(|state| {
            let cluster = state.cluster();
            cluster.nodes().values().for_each(|node| gpus.node(cluster, node, telemetry, now));
        });
        let left_out = Uint::default();
        left_out.set(gpus.left_out);
        registry.register("metrics_gpus_left_out", "GPUs that this page has no room for", left_out);
        let mut own = String::new();
        prometheus_client::encoding::text::encode(&mut own, &registry)?;
        let mut page = text::from_openmetrics(&own);
        gpus.write(&mut page);
        Ok(page)
    }
}

/// The metrics of one node's GPUs as text, as the exporter on that node would have them. None if there is no such node.
pub(crate) fn of_node(app: &App, name: &NodeName) -> Option<String> {
    let (telemetry, now) = (&app.parts.telemetry, app.now());
    app.present(|state| {
        let cluster = state.cluster();
        let node = cluster.node(name)?;
        let mut gpus = gpu::Page::new(usize::MAX);
        gpus.node(cluster, node, telemetry, now);
        let mut page = String::new();
        gpus.write(&mut page);
        Some(page)
    })
}

/// Histograms of requests begin at half a millisecond and end at eight seconds.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}

#[derive(Debug)]
struct Engine(EngineVitals);

impl Collector for Engine {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let EngineVitals { commands, queue_depth, commits, events, commit_sizes } = &self.0;
        let name = "engine_commands";
        let mut family = encoder.encode_descriptor(name, "Commands, by outcome", None, MetricType::Counter)?;
        for (outcome, count) in commands {
            let label = Outcome { outcome };
            family.encode_family(&label)?.encode_counter::<[(&str, &str); 0], u64, u64>(count, None)?;
        }
        for (name, help, count) in
            [("engine_commits", "Commits", commits), ("engine_events", "Events committed", events)]
        {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            counter.encode_counter::<[(&str, &str); 0], u64, u64>(count, None)?;
        }
        let help = "Commands that wait";
        encoder.encode_descriptor("engine_queue_depth", help, None, MetricType::Gauge)?.encode_gauge(queue_depth)?;
        if !commit_sizes.is_empty() {
            let help = "Events in a commit";
            let mut sizes = encoder.encode_descriptor("engine_commit_events", help, None, MetricType::Histogram)?;
            #[expect(clippy::cast_precision_loss, reason = "a sum of events is far below 2^52")]
            sizes.encode_histogram::<[(&str, &str); 0]>(*events as f64, *commits, commit_sizes, None)?;
        }
        Ok(())
    }
}
