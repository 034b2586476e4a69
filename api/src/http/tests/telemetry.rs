//! What is measured: the past of a device, sums, idle devices, and the metrics that Prometheus reads.
use crate::http::testing::{Call, Fixture};
use domain::{
    AgentRun, Command, Incarnation,
    device::Slot,
    job,
    telemetry::{Column, DeviceFrame, Field, Frame, XidCount},
    token::Scope,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A frame of `node-01` with one sample a second of device number 0.
fn measure(fixture: &Fixture, sequence: u64, utilization: &[i64]) {
    let column = |field, values: Vec<i64>| Column { field, missing: 0, values };
    let count = utilization.len();
    let frame = Frame {
        node: "node-01".parse().unwrap(),
        boot_id: "b".into(),
        run: AgentRun(Uuid::nil()),
        life: Incarnation(Uuid::nil()),
        within_millis: 10_000,
        sequence,
        sampled_at: fixture.engine.now(),
        step_millis: 1000,
        samples: u8::try_from(count).unwrap(),
        devices: vec![DeviceFrame {
            device: Fixture::device(0),
            slot: Slot { domain: 0, bus: 0, device: 0, function: 0 },
            index: Some(3),
            minor: Some(7),
            read: u64::MAX >> (64 - count),
            columns: vec![
                column(Field::GpuUtilization, utilization.to_vec()),
                column(Field::Power, vec![250_500; count]),
                column(Field::MemoryUsed, vec![8 << 30; count]),
                column(Field::TensorActive, vec![125; count]),
            ],
            xids: vec![XidCount { code: 31, count: 2 }, XidCount { code: 13, count: 7 }],
        }],
        processes: None,
    };
    fixture.app.parts.telemetry.take(&frame, fixture.engine.now());
}

async fn get(fixture: &Fixture, token: &str, path: &str) -> Value {
    Call::get(path).token(token).send(&fixture.router).await.ok()
}

fn path(nth: u128) -> String {
    format!("/v1/devices/{}/telemetry", Fixture::device(nth))
}

#[tokio::test]
async fn a_device_shows_its_last_sample_and_its_past() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let never = get(&fixture, &token, &path(0)).await;
    assert_eq!((&never["latest"], &never["clock_skew_millis"]), (&Value::Null, &Value::Null));
    measure(&fixture, 0, &[10, 30]);
    measure(&fixture, 3, &[50]);
    let shown = get(&fixture, &token, &path(0)).await;
    assert_eq!((&shown["latest"]["utilization"], &shown["latest"]["power_milliwatts"]), (&json!(50), &json!(250_500)));
    assert_eq!(shown["latest"]["temperature"], Value::Null, "what is not supported is null");
    assert_eq!((&shown["frames_lost"], &shown["node"]), (&json!(2), &json!("node-01")));
    let means: Vec<f64> = shown["utilization"]["mean"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(!means.is_empty() && means.len() < 5, "the rest is gaps: {means:?}");
    let power = shown["power"]["max"].as_array().unwrap().iter().find_map(Value::as_f64);
    assert_eq!(power, Some(250.5));
    assert_eq!(shown["time"].as_array().unwrap().len(), shown["utilization"]["min"].as_array().unwrap().len());
}

#[tokio::test]
async fn only_the_present_is_measured_and_a_stretch_has_a_bound() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let ask = async |query: &str| Call::get(path(0) + query).token(&token).send(&fixture.router).await;
    ask("?as_of=1").await.problem("as_of.unsupported");
    ask("?from=2020-01-01T00:00:00Z&step=1").await.problem("request.query");
    ask("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").await.problem("request.query");
    let unknown = Call::get(path(99)).token(&token).send(&fixture.router).await;
    unknown.problem("device.not_found");
}

#[tokio::test]
async fn sums_tell_of_those_that_were_measured() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    measure(&fixture, 0, &[40]);
    for what in ["nodes/node-01", "pools/default"] {
        let sums = get(&fixture, &token, &format!("/v1/{what}/telemetry")).await;
        assert_eq!((&sums["devices"], &sums["measured"]), (&json!(4), &json!(1)), "{what}");
        assert_eq!((&sums["utilization"], &sums["power_watts"]), (&json!(40.0), &json!(250.5)));
        assert_eq!((&sums["memory_used_bytes"], &sums["memory_bytes"]), (&json!(8_u64 << 30), &json!(80_u64 << 30)));
        assert_eq!(sums["hottest"], Value::Null);
    }
    let group = get(&fixture, &token, "/v1/groups/default/telemetry").await;
    assert_eq!(group["devices"], 0, "no job runs");
    let ada = fixture.token("ada", Scope::Full, 1).await;
    assert_eq!(get(&fixture, &ada, "/v1/pools/default/telemetry").await["measured"], 1);
    Call::get("/v1/nodes/node-01/telemetry").token(&ada).send(&fixture.router).await.problem("auth.forbidden");
}

#[tokio::test]
async fn a_device_that_a_job_holds_and_does_nothing_is_idle() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let start = Call::post("/v1/jobs", &json!({"name": "train", "user": "ada", "devices": 4}));
    fixture.done(&token, start).await;
    fixture.settled().await;
    measure(&fixture, 0, &[0]);
    assert_eq!(get(&fixture, &token, "/v1/idle-devices").await["total"], 0, "not for long enough");
    let idle = get(&fixture, &token, "/v1/idle-devices?minutes=0").await;
    assert_eq!(idle["items"][0]["device"], Fixture::device(0).to_string());
    assert_eq!((&idle["items"][0]["name"], &idle["items"][0]["user"]["login"]), (&json!("train"), &json!("ada")));
    measure(&fixture, 1, &[90]);
    assert_eq!(get(&fixture, &token, "/v1/idle-devices?minutes=0").await["total"], 0);
}

#[tokio::test]
async fn series_say_who_uses_the_gpu() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    measure(&fixture, 0, &[40]);
    let labels = async || {
        fixture.settled().await;
        let page = Call::get("/metrics").token(&token).send(&fixture.router).await.text;
        let line = page.lines().find(|line| line.starts_with("DCGM_FI_DEV_GPU_UTIL{")).unwrap().to_owned();
        line.split_once(",DCGM_FI_DRIVER_VERSION=\"\"").unwrap().1.to_owned()
    };
    assert_eq!(labels().await, "} 40");
    fixture.system(Command::Job(job::Command::Observe {
        name: "train-0".parse().unwrap(),
        source: "kubernetes/east/research/train-0/4f1c0a9e".into(),
        user: None,
        devices: vec![Fixture::device(0)],
    }));
    assert_eq!(labels().await, ",namespace=\"research\",pod=\"train-0\",pod_uid=\"4f1c0a9e\"} 40");
    fixture
        .system(Command::Job(job::Command::ObserveEnd { source: "kubernetes/east/research/train-0/4f1c0a9e".into() }));
    fixture.done(&token, Call::post("/v1/jobs", &json!({"name": "tune", "user": "ada", "devices": 4}))).await;
    assert_eq!(labels().await, ",hpc_job=\"tune\"} 40");
}

#[tokio::test]
async fn gpus_have_the_series_of_the_dcgm_exporter() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    measure(&fixture, 0, &[40]);
    for page in ["/metrics", "/metrics/nodes/node-01"] {
        let page = Call::get(page).token(&token).send(&fixture.router).await;
        assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
        let labels = format!(
            "gpu=\"3\",UUID=\"{}\",pci_bus_id=\"00000000:00:00.0\",device=\"nvidia7\",modelName=\"{}\",\
             Hostname=\"node-01\",instance=\"node-01:9400\",DCGM_FI_DRIVER_VERSION=\"\"",
            Fixture::device(0),
            Fixture::MODEL
        );
        for (name, value) in [
            ("DCGM_FI_DEV_GPU_UTIL", "40"),
            ("DCGM_FI_DEV_POWER_USAGE", "250.5"),
            ("DCGM_FI_DEV_FB_USED", "8192"),
            ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "0.125"),
            ("DCGM_FI_DEV_XID_ERRORS", "31"),
        ] {
            let line = format!("{name}{{{labels}}} {value}\n");
            assert!(page.text.contains(&line), "{line} is missing in\n{}", page.text);
        }
        for (code, count) in [(31, 2), (13, 7)] {
            let line = format!("dkube_gpu_xid_errors_total{{{labels},xid=\"{code}\"}} {count}\n");
            assert!(page.text.contains(&line), "{line} is missing in\n{}", page.text);
        }
        assert!(!page.text.contains("DCGM_FI_DEV_GPU_TEMP"), "what is not supported has no series");
        assert_eq!(page.text.matches("# TYPE DCGM_FI_DEV_GPU_UTIL gauge").count(), 1);
    }
    Call::get("/metrics/nodes/nowhere").token(&token).send(&fixture.router).await.problem("node.not_found");
    let targets =
        Call::get("/metrics/targets").token(&token).with("host", "dkube:8080").send(&fixture.router).await.ok();
    let labels = json!({"__metrics_path__": "/metrics/nodes/node-01", "node": "node-01"});
    assert_eq!(targets, json!([{"targets": ["dkube:8080"], "labels": labels}]));
}

#[tokio::test]
async fn a_device_says_its_index_and_which_xids_were_logged() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let path = format!("/v1/devices/{}", Fixture::device(0));
    let never = get(&fixture, &token, &path).await;
    assert_eq!((&never["index"], &never["xids"]), (&Value::Null, &json!([])));
    measure(&fixture, 0, &[10]);
    let shown = get(&fixture, &token, &path).await;
    assert_eq!(shown["index"], 3);
    assert_eq!(shown["xids"], json!([{"code": 31, "count": 2}, {"code": 13, "count": 7}]));
    let past = get(&fixture, &token, &format!("{path}?as_of={}", fixture.live.position())).await;
    assert_eq!((&past["index"], &past["xids"]), (&Value::Null, &json!([])));
    let list = get(&fixture, &token, "/v1/devices").await;
    assert_eq!((&list["items"][0]["index"], &list["items"][1]["index"]), (&json!(3), &Value::Null));
}
