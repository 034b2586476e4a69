use super::document;
use crate::{
    bus::{Pattern, header_map},
    cloudevent::{self, CloudEvent, header},
    relay::{guards, headers},
    wire::{self, AGENTS_HEALTH, AGENTS_INVENTORY, Kind, agent_subject},
};
use async_nats::HeaderMap;
use domain::{
    ClusterId, Event, JobId, Model, PoolName, Recorded,
    device::{ConditionKind, DeviceId, Slot},
    job, node, pool,
    stored::{TYPES, decode, testing::TestVault},
};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeSet, str::FromStr, sync::LazyLock};
use uuid::Uuid;

const CLUSTER: ClusterId = ClusterId(Uuid::from_u128(0xc1));

/// `DKUBE_BLESS=1 cargo test -p bus the_asyncapi_document` writes it anew.
#[test]
fn the_asyncapi_document_in_docs_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.json");
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("DKUBE_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/asyncapi.json is not what the code says: run with DKUBE_BLESS=1");
}

#[test]
fn every_event_of_the_domain_is_in_the_document_and_no_other() {
    let document = document();
    let known: BTreeSet<&str> = TYPES.iter().map(|stored| stored.name).collect();
    let channel = &document["channels"]["events"];
    assert_eq!(keys(&channel["messages"]), known);
    let listed: BTreeSet<_> = texts(&channel["parameters"]["event"]["enum"]).collect();
    assert_eq!(listed, known);
    let agents = ["AgentHealth", "AgentInventory", "AgentReply", "ClusterMirror", "ClusterMirrorAnswer", "Telemetry"];
    assert_eq!(keys(&document["components"]["messages"]), &known | &BTreeSet::from(agents));
}

#[test]
fn every_reference_leads_somewhere_and_no_text_is_for_rustdoc() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    for about in text.split("\"description\":\"").chain(text.split("\"summary\":\"")).skip(1) {
        let about = about.split("\",\"").next().unwrap();
        assert!(!about.contains("`](") && !about.contains("Self::"), "a link of rustdoc leads nowhere here: {about}");
    }
}

#[test]
fn every_channel_of_an_agent_is_listened_to() {
    let document = document();
    for (channel, kind, pattern) in
        [("agentInventory", Kind::Inventory, AGENTS_INVENTORY), ("agentHealth", Kind::Health, AGENTS_HEALTH)]
    {
        let address = document["channels"][channel]["address"].as_str().unwrap();
        assert_eq!(address, agent_subject("{node}", kind));
        assert!(pattern.parse::<Pattern>().unwrap().matches(&address.replace("{node}", "gpu-01")));
    }
    let (report, reply) = (include_str!("../wire/report.rs"), include_str!("../wire/reply.rs"));
    for (message, file) in [("AgentInventory", report), ("AgentHealth", report), ("AgentReply", reply)] {
        let about = document["components"]["messages"][message]["payload"]["description"].as_str().unwrap();
        let form = about.split('`').nth(1).unwrap();
        assert!(["struct", "enum"].iter().any(|word| file.contains(&format!("\n{word} {form} {{"))), "{form}");
    }
}

#[test]
fn the_channel_of_cluster_agents_is_listened_to() {
    let document = document();
    let address = document["channels"]["clusterMirror"]["address"].as_str().unwrap();
    assert!(wire::MIRRORS.parse::<Pattern>().unwrap().matches(&address.replace("{cluster}", "east")));
    let file = include_str!("../wire/mirror/frozen.rs");
    for message in ["ClusterMirror", "ClusterMirrorAnswer"] {
        let about = document["components"]["messages"][message]["payload"]["description"].as_str().unwrap();
        let form = about.split('`').nth(1).unwrap();
        assert!(["struct", "enum"].iter().any(|word| file.contains(&format!("{word} {form} {{"))), "{form}");
    }
}

#[test]
fn the_channel_of_telemetry_is_listened_to() {
    let document = document();
    let address = document["channels"]["telemetry"]["address"].as_str().unwrap().replace("{node}", "gpu-01");
    assert!(wire::AGENTS_TELEMETRY.parse::<Pattern>().unwrap().matches(&address));
    assert_eq!(wire::telemetry_of(&address), Some("gpu-01".parse().unwrap()));
}

#[test]
fn every_event_that_was_ever_written_is_published_as_the_document_says() {
    let document = document();
    for recorded in recorded() {
        let published = Published::of(&recorded);
        let name = recorded.event.name();
        let message = &document["components"]["messages"][name];
        assert_eq!(published.subject, message["x-nats-subject"], "{name}");
        let address = document["channels"]["events"]["address"].as_str().unwrap();
        let address = address.replace("{entity}", recorded.event.entity()).replace("{event}", name);
        assert_eq!(published.subject, address);
        let entities = &document["channels"]["events"]["parameters"]["entity"]["enum"];
        assert!(texts(entities).any(|entity| entity == recorded.event.entity()));
        assert_eq!(message["contentType"], published.headers[header::DATA_CONTENT_TYPE.name], "{name}");
        check(&strict(&document, name, "payload"), &published.data, name);
        check(&strict(&document, name, "headers"), &published.headers, name);
    }
}

#[test]
fn a_field_or_a_header_more_or_less_is_noticed() {
    let document = document();
    for recorded in recorded() {
        let (name, published) = (recorded.event.name(), Published::of(&recorded));
        let guards = guards().map(|(guard, _)| guard.to_string());
        for (part, value) in [("payload", &published.data), ("headers", &published.headers)] {
            let validator = strict(&document, name, part);
            let fields = value.as_object().unwrap();
            for field in fields.keys().filter(|field| !guards.contains(field)) {
                let mut less = fields.clone();
                less.remove(field);
                assert!(!validator.is_valid(&Value::Object(less)), "{name}: {part} without {field}");
                let mut other = fields.clone();
                other.insert(field.clone(), json!([["neither"]]));
                assert!(!validator.is_valid(&Value::Object(other)), "{name}: {part} with another {field}");
            }
            let mut more = fields.clone();
            more.insert("colour".to_owned(), "red".into());
            assert!(!validator.is_valid(&Value::Object(more)), "{name}: {part} with a field of nobody's");
        }
        assert!(guards.iter().all(|guard| published.headers.get(guard).is_some()), "they are there to be checked");
    }
}

#[test]
fn another_events_type_is_noticed() {
    let document = document();
    let all = recorded();
    for (recorded, other) in
        all.iter().zip(all.iter().skip(1)).filter(|(one, two)| one.event.name() != two.event.name())
    {
        let validator = strict(&document, other.event.name(), "headers");
        assert!(!validator.is_valid(&Published::of(recorded).headers), "{}", recorded.event.name());
    }
}

#[test]
fn words_are_written_as_their_rules_say() {
    let devices = [DeviceId::from_uuid(Uuid::nil()), DeviceId::from_uuid(Uuid::max())];
    let device = schema("DeviceId");
    assert!(devices.iter().all(|id| device.is_valid(&json!(id))));
    assert!(!device.is_valid(&json!(Uuid::nil())));
    let slot = schema("Slot");
    let last = Slot { domain: u32::MAX, bus: u8::MAX, device: 31, function: 7 };
    assert!(slot.is_valid(&json!(last)) && !slot.is_valid(&json!("0000:b3:00")));
    assert!(!slot.is_valid(&json!("00000000:B3:20.0")) && !slot.is_valid(&json!("00000000:B3:00.8")));
    for micros in [i64::MIN, 0, i64::MAX] {
        assert!(schema("Timestamp").is_valid(&json!(domain::Timestamp::from_micros(micros))));
    }
}

static POOL: LazyLock<Validator> = LazyLock::new(|| schema("PoolName"));
static NODE: LazyLock<Validator> = LazyLock::new(|| schema("NodeName"));
static CONDITION: LazyLock<Validator> = LazyLock::new(|| schema("ConditionKind"));
static MODEL: LazyLock<Validator> = LazyLock::new(|| schema("Model"));
static JOB: LazyLock<Validator> = LazyLock::new(|| schema("JobName"));

proptest! {
    #[test]
    fn words_are_well_formed_where_the_domain_takes_them(
        text in prop_oneof![
            "[a-z0-9-]{0,3}", "[a-z0-9-]{60,66}", "[a-zA-Z0-9._-]{0,20}", "[a-z0-9_]{0,4}\\.[a-z0-9_.]{0,4}",
            "([a-z0-9]{30,62}\\.){3,7}[a-z0-9]{1,63}",
        ],
    ) {
        same::<PoolName>(&POOL, &text)?;
        same::<domain::NodeName>(&NODE, &text)?;
        same::<ConditionKind>(&CONDITION, &text)?;
    }

    #[test]
    fn lines_that_the_domain_takes_are_well_formed(text in "\\PC{0,130}") {
        // The other way round the rule says more than the expression: no control characters, no spaces of Unicode.
        prop_assert!(text.parse::<Model>().is_err() || MODEL.is_valid(&json!(text)), "{:?}", text);
        prop_assert!(text.parse::<domain::JobName>().is_err() || JOB.is_valid(&json!(text)), "{:?}", text);
    }
}

fn same<T: FromStr>(schema: &Validator, text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(schema.is_valid(&json!(text)), text.parse::<T>().is_ok(), "{:?}", text);
    Ok(())
}

/// An event as it goes to NATS.
struct Published {
    subject: String,
    headers: Value,
    data: Value,
}

impl Published {
    fn of(recorded: &Recorded) -> Self {
        let event = CloudEvent::new(CLUSTER, recorded);
        let data = serde_json::from_slice(&event.data().unwrap()).unwrap();
        let own = header_map(event.headers());
        let sent = headers(&event, recorded, Some(recorded.id));
        assert!(own.iter().all(|(name, values)| sent.get_all(name.clone()).eq(values)), "a header was replaced");
        Self { subject: cloudevent::subject(recorded), headers: flat(&sent), data }
    }
}

fn flat(headers: &HeaderMap) -> Value {
    let one = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
        assert_eq!(values.len(), 1, "{name} is there twice");
        (name.to_string(), Value::from(values[0].as_str()))
    };
    Value::Object(headers.iter().map(one).collect())
}

/// One event of every type that was ever written, and others for what may be there or not.
fn recorded() -> Vec<Recorded> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/events.txt");
    let golden = std::fs::read_to_string(path).unwrap();
    let written =
        golden.lines().map(|line| decode(&unhex(line.split(' ').nth(2).unwrap()), &TestVault::new()).unwrap());
    let written: Vec<_> = written.collect();
    assert_eq!(written.len(), TYPES.len());
    let (job, name) = (JobId(Uuid::nil()), "notebook");
    let user = Some(domain::UserId(Uuid::nil()));
    let others = [
        Event::Pool(pool::Event::Created { name: PoolName::default_pool(), model: None }),
        Event::Node(node::Event::ExpectationSet { node: "gpu-01".parse().unwrap(), devices: None }),
        Event::Job(job::Event::Observed {
            job,
            name: name.parse().unwrap(),
            source: "process/gpu-01/7".into(),
            user,
            devices: vec![],
            breaches: vec![],
        }),
        Event::Job(job::Event::Finished { job, user: None, pool: None, devices: vec![], forced: false }),
    ];
    let first = written[0].clone();
    let others = others.map(|event| Recorded { subjects: event.subjects(), event, ..first.clone() });
    written.into_iter().chain(others).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

/// What a part of a message must be, where nothing may be there that the document does not tell.
fn strict(document: &Value, message: &str, part: &str) -> Validator {
    let mut document = document.clone();
    close(&mut document["components"]);
    compile(&document, &format!("#/components/messages/{message}/{part}"))
}

/// Closes every object to other fields. Of the two parts of a message's headers it is the first that lists them.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("required") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn schema(name: &str) -> Validator {
    compile(&document(), &format!("#/components/schemas/{name}"))
}

fn compile(document: &Value, reference: &str) -> Validator {
    let schema = json!({ "components": document["components"], "allOf": [{ "$ref": reference }] });
    jsonschema::draft7::new(&schema).unwrap()
}

fn check(validator: &Validator, value: &Value, name: &str) {
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {value} is not as the document says: {errors:?}");
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
