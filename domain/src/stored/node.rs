//! The stored form of what happens to nodes.
use super::{
    DecodeError, EncodeError,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact,
    node::{Event, Facts},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct FactsV1<'a> {
    boot_id: &'a str,
    booted_at: i64,
    #[serde(borrow)]
    addresses: Vec<&'a str>,
    os: &'a str,
    kernel: &'a str,
    cpus: u32,
    memory_bytes: u64,
    driver: &'a str,
    agent: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeRegisteredV1<'a> {
    node: &'a str,
    #[serde(borrow)]
    facts: FactsV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeFactsChangedV1<'a> {
    node: &'a str,
    #[serde(borrow)]
    facts: FactsV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeLostV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeReturnedV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeCordonedV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeUncordonedV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeExpectationSetV1<'a> {
    node: &'a str,
    devices: Option<u16>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeRetiredV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeReinstatedV1<'a> {
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NodeReportRefusedV1<'a> {
    node: &'a str,
    code: &'a str,
    detail: &'a str,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Registered { node, facts } => {
            writer.put(&NodeRegisteredV1 { node: node.as_str(), facts: FactsV1::of(facts) })
        }
        Event::FactsChanged { node, facts } => {
            writer.put(&NodeFactsChangedV1 { node: node.as_str(), facts: FactsV1::of(facts) })
        }
        Event::Lost { node } => writer.put(&NodeLostV1 { node: node.as_str() }),
        Event::Returned { node } => writer.put(&NodeReturnedV1 { node: node.as_str() }),
        Event::Cordoned { node } => writer.put(&NodeCordonedV1 { node: node.as_str() }),
        Event::Uncordoned { node } => writer.put(&NodeUncordonedV1 { node: node.as_str() }),
        Event::ExpectationSet { node, devices } => {
            writer.put(&NodeExpectationSetV1 { node: node.as_str(), devices: *devices })
        }
        Event::Retired { node } => writer.put(&NodeRetiredV1 { node: node.as_str() }),
        Event::Reinstated { node } => writer.put(&NodeReinstatedV1 { node: node.as_str() }),
        Event::ReportRefused { node, code, detail } => {
            writer.put(&NodeReportRefusedV1 { node: node.as_str(), code, detail })
        }
    }
}

impl<'a> FactsV1<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        Self {
            boot_id: &facts.boot_id,
            booted_at: facts.booted_at.micros(),
            addresses: facts.addresses.iter().map(|address| &**address).collect(),
            os: &facts.os,
            kernel: &facts.kernel,
            cpus: facts.cpus,
            memory_bytes: facts.memory_bytes,
            driver: &facts.driver,
            agent: &facts.agent,
        }
    }

    pub(super) fn facts(self) -> Result<Facts, DecodeError> {
        let facts = Facts {
            boot_id: self.boot_id.into(),
            booted_at: timestamp(self.booted_at, "the time of a start")?,
            addresses: self.addresses.into_iter().map(Into::into).collect(),
            os: self.os.into(),
            kernel: self.kernel.into(),
            cpus: self.cpus,
            memory_bytes: self.memory_bytes,
            driver: self.driver.into(),
            agent: self.agent.into(),
        };
        Ok(facts)
    }
}

impl Thaw for NodeRegisteredV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Registered { node: word(self.node, "the node")?, facts: self.facts.facts()? }))
    }
}

impl Thaw for NodeFactsChangedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::FactsChanged { node: word(self.node, "the node")?, facts: self.facts.facts()? }))
    }
}

impl Thaw for NodeLostV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Lost { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeReturnedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Returned { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeCordonedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Cordoned { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeUncordonedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Uncordoned { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeExpectationSetV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::ExpectationSet { node: word(self.node, "the node")?, devices: self.devices }))
    }
}

impl Thaw for NodeRetiredV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Retired { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeReinstatedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Node(Event::Reinstated { node: word(self.node, "the node")? }))
    }
}

impl Thaw for NodeReportRefusedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (code, detail) = (self.code.into(), self.detail.into());
        Ok(Fact::Node(Event::ReportRefused { node: word(self.node, "the node")?, code, detail }))
    }
}
