//! Events as other systems see them: `CloudEvents` 1.0, as JSON (structured) or as a message with headers (binary).
//!
//! Users are named by id; what is personal or secret is left out, because [`domain::Event`] serialises without it.
//! Positions are text: the integers of `CloudEvents` end at 2³¹ − 1.
pub mod header;

use crate::bus::Headers;
use bytes::Bytes;
use domain::{ClusterId, Recorded};
use serde::Serialize;

/// The subject that all events are published below, as a pattern.
pub const SUBJECTS: &str = "dkube.events.>";

/// The content type of an event on its own.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The content type of an event's data.
pub const DATA_CONTENT_TYPE: &str = "application/json";

/// A recorded event, ready to be published. Field names are the attributes' names.
#[derive(Debug, Clone, Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    datacontenttype: &'static str,
    dkubeposition: String,
    dkubecorrelation: String,
    dkubeactor: String,
    data: &'a domain::Event,
}

impl<'a> CloudEvent<'a> {
    /// The event as the cluster with this id publishes it.
    pub fn new(cluster: ClusterId, recorded: &'a Recorded) -> Self {
        Self {
            specversion: "1.0",
            id: recorded.id.to_string(),
            source: source(cluster),
            kind: kind(recorded.event.name()),
            subject: recorded.subjects.first().map(ToString::to_string),
            time: recorded.recorded_at.to_string(),
            datacontenttype: DATA_CONTENT_TYPE,
            dkubeposition: recorded.position.to_string(),
            dkubecorrelation: recorded.correlation.to_string(),
            dkubeactor: recorded.actor.to_string(),
            data: &recorded.event,
        }
    }

    /// The whole event as one JSON object: structured mode.
    ///
    /// # Errors
    /// None for the events that there are: all their maps have text for keys.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Its attributes as the headers of a NATS message: binary mode.
    pub fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        headers.push(header::SPECVERSION.name, self.specversion);
        headers.push(header::ID.name, &*self.id);
        headers.push(header::SOURCE.name, &*self.source);
        headers.push(header::TYPE.name, &*self.kind);
        if let Some(subject) = &self.subject {
            headers.push(header::SUBJECT.name, &**subject);
        }
        headers.push(header::TIME.name, &*self.time);
        headers.push(header::DATA_CONTENT_TYPE.name, self.datacontenttype);
        headers.push(header::POSITION.name, &*self.dkubeposition);
        headers.push(header::CORRELATION.name, &*self.dkubecorrelation);
        headers.push(header::ACTOR.name, &*self.dkubeactor);
        headers
    }

    /// Its data as JSON: the body of a message in binary mode.
    ///
    /// # Errors
    /// As for [`to_json`](Self::to_json).
    pub fn data(&self) -> serde_json::Result<Bytes> {
        serde_json::to_vec(self.data).map(Bytes::from)
    }
}

/// What a cluster's events name as their source.
pub fn source(cluster: ClusterId) -> String {
    format!("/dkube/{cluster}")
}

/// The type of the events of this name.
pub fn kind(name: &str) -> String {
    format!("io.dkube.{name}")
}

/// Where an event is published: `dkube.events.<entity>.<EventName>`, the entity being that of its main subject,
/// or `access` for what somebody tried.
pub fn subject(recorded: &Recorded) -> String {
    subject_of(recorded.event.entity(), recorded.event.name())
}

/// Where the events of this name are published, which are about this kind of thing.
pub fn subject_of(entity: &str, name: &str) -> String {
    format!("dkube.events.{entity}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Actor, CommandId, Event, Position, Role, Subject, Timestamp, UserId, device, node, pool, token, user,
    };
    use uuid::Uuid;

    const CLUSTER: ClusterId = ClusterId(Uuid::from_u128(0xc1));
    const ADA: UserId = UserId(Uuid::from_u128(0xada));

    fn recorded(event: Event) -> Recorded {
        Recorded {
            position: Position(41),
            id: CommandId::from_uuid(Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0000)).event(2),
            recorded_at: Timestamp::from_micros(1_772_366_400_000_001),
            actor: Actor::User(ADA),
            token: None,
            origin: None,
            index: 2,
            count: 3,
            correlation: Uuid::from_u128(7),
            particulars: Some(domain::stored::Sealed([1, 2, 3].into())),
            subjects: event.subjects(),
            event,
        }
    }

    fn pool_created() -> Recorded {
        let model = Some("NVIDIA H100 80GB HBM3".parse().unwrap());
        recorded(Event::Pool(pool::Event::Created { name: "vision".parse().unwrap(), model }))
    }

    #[test]
    fn structured_json_is_a_contract() {
        let recorded = pool_created();
        let json = CloudEvent::new(CLUSTER, &recorded).to_json().unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"specversion":"1.0","id":"01950000-0000-7000-8000-000000000002","#,
                r#""source":"/dkube/00000000-0000-0000-0000-0000000000c1","type":"io.dkube.PoolCreated","#,
                r#""subject":"pool/vision","time":"2026-03-01T12:00:00.000001Z","datacontenttype":"application/json","#,
                r#""dkubeposition":"41","dkubecorrelation":"00000000-0000-0000-0000-000000000007","#,
                r#""dkubeactor":"user/00000000-0000-0000-0000-000000000ada","#,
                r#""data":{"name":"vision","model":"NVIDIA H100 80GB HBM3"}}"#,
            )
        );
    }

    #[test]
    fn binary_mode_says_the_same() {
        let recorded = pool_created();
        let event = CloudEvent::new(CLUSTER, &recorded);
        let headers = event.headers();
        let mut json: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&event.to_json().unwrap()).unwrap();
        assert_eq!(
            json.remove("data").unwrap(),
            serde_json::from_slice::<serde_json::Value>(&event.data().unwrap()).unwrap()
        );
        assert_eq!(headers.get("content-type"), json.remove("datacontenttype").unwrap().as_str());
        assert_eq!(headers.iter().count(), json.len() + 1);
        assert!(headers.iter().map(|(name, _)| name).eq(header::ALL.map(|header| header.name)));
        for (name, value) in json {
            assert_eq!(headers.get(&format!("ce-{name}")), value.as_str(), "{name}");
        }
        assert_eq!(subject(&recorded), "dkube.events.pool.PoolCreated");
        assert!(SUBJECTS.parse::<crate::bus::Pattern>().unwrap().matches(&subject(&recorded)));
    }

    #[test]
    fn nothing_personal_or_secret_is_published() {
        let hash = token::TokenHash([0x5a; 32]);
        let issued = token::Event::Issued {
            token: domain::TokenId(Uuid::from_u128(1)),
            user: ADA,
            name: "ci".parse().unwrap(),
            scope: token::Scope::Read,
            role: Role::Operator,
            expires_at: Timestamp::from_micros(0),
            hash,
        };
        let onboarded = user::Event::Onboarded {
            user: ADA,
            login: "ada@example.org".parse().unwrap(),
            role: Role::Operator,
            break_glass: false,
        };
        for event in [Event::Token(issued), Event::User(onboarded)] {
            let recorded = recorded(event);
            let json = CloudEvent::new(CLUSTER, &recorded).to_json().unwrap();
            assert!(!json.contains("example.org") && !json.contains("hash") && !json.contains("90"), "{json}");
        }
    }

    #[test]
    fn what_identifies_an_event_fits_a_header() {
        let longest: domain::NodeName = ["a"; 126].join(".").parse().unwrap();
        let lost = recorded(Event::Node(node::Event::Lost { node: longest }));
        let lost = Recorded { actor: Actor::System, ..lost };
        let device = device::DeviceId::from_uuid(Uuid::from_u128(1));
        let cordoned = recorded(Event::Device(device::Event::Cordoned { device }));
        for recorded in [lost, cordoned, Recorded { subjects: vec![Subject::Cluster], ..pool_created() }] {
            for (name, value) in CloudEvent::new(CLUSTER, &recorded).headers().iter() {
                // What the NATS binding would have to escape.
                let plain = value.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'%'));
                assert!(plain && value.len() < 512, "{name}: {value}");
            }
        }
    }
}
